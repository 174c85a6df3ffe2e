// SPDX-License-Identifier: MIT
/*
 * The schedule-state walk of Layerweaver. The equations, and what was decided where the paper is
 * open, are in Documentation/accel/loom/scheduling.rst.
 */
#include "device_state.h"

#include <errno.h>
#include <stdlib.h>

#define MIN_HOLDS 64

/* The i-th of those there are. */
static struct device_hold *hold_at(const struct device_state *ds, unsigned int i)
{
	return &ds->holds[(ds->first + i) & ds->mask];
}

/* ---- holds by how tight they are ---- */

/* What there is room for when it ends, less the time that has passed: only differences mean anything. */
static int64_t slack(const struct device_state *ds, uint64_t number)
{
	const struct device_hold *h = &ds->holds[number & ds->mask];

	return h->before - h->done;
}

static uint64_t *tight_at(const struct device_state *ds, uint64_t i)
{
	return &ds->tight->numbers[i & ds->mask];
}

static void tight_append(const struct device_state *ds, uint64_t number)
{
	struct device_tight *t = ds->tight;
	int64_t mine = slack(ds, number);

	while (t->end != t->first && slack(ds, *tight_at(ds, t->end - 1)) >= mine)
		t->end--;
	*tight_at(ds, t->end++) = number;
}

/* Holds are taken away in front, where parts of one go too, and come in behind. */
static void tight_update(const struct device_state *ds)
{
	struct device_tight *t = ds->tight;
	uint64_t end = ds->first + ds->count;

	while (t->first != t->end && *tight_at(ds, t->first) < ds->first)
		t->first++;
	/* The first hold is less tight since a part of it went. */
	while (t->end - t->first > 1 && slack(ds, *tight_at(ds, t->first)) >= slack(ds, *tight_at(ds, t->first + 1)))
		t->first++;
	if (t->seen < ds->first)
		t->seen = ds->first;
	while (t->seen < end)
		tight_append(ds, t->seen++);
}

/* Other holds have the same numbers now. */
static void tight_forget(struct device_state *ds)
{
	if (ds->tight)
		*ds->tight = (struct device_tight) { .seen = ds->first };
}

/* ---- the state ---- */

int device_state_init(struct device_state *ds, const struct sched_config *config)
{
	unsigned int n = MIN_HOLDS;

	while (n < 2 * config->max_jobs)
		n *= 2;
	*ds = (struct device_state) {
		.ps_per_byte = (uint64_t)(4294967296e12 / (double)config->dram_bytes_per_s + 0.5),
		.tiles = config->tile_release,
		.mask = n - 1,
	};
	ds->fill = ds->room = device_state_ps(ds, config->buffer_bytes);
	ds->holds = calloc(n, sizeof(*ds->holds));
	ds->tight = calloc(1, sizeof(*ds->tight) + n * sizeof(ds->tight->numbers[0]));
	if (ds->holds && ds->tight)
		return 0;
	device_state_fini(ds);
	return -ENOMEM;
}

void device_state_fini(struct device_state *ds)
{
	free(ds->holds);
	free(ds->tight);
}

static void drop_first(struct device_state *ds)
{
	ds->room += hold_at(ds, 0)->size;
	ds->first++;
	ds->count--;
}

void device_state_prune(struct device_state *ds)
{
	while (ds->count && hold_at(ds, 0)->done <= ds->tm)
		drop_first(ds);
}

void device_state_restart(struct device_state *ds, int64_t now)
{
	ds->tm = now;
	ds->tc = now;
	ds->first += ds->count;
	ds->count = 0;
	ds->room = ds->fill;
}

void device_state_copy(struct device_state *to, const struct device_state *from)
{
	struct device_state copy = *from;
	unsigned int i;

	copy.holds = to->holds;
	copy.tight = to->tight;
	copy.mask = to->mask;
	copy.first = 0;
	for (i = 0; i < from->count; i++)
		copy.holds[i] = *hold_at(from, i);
	*to = copy;
	tight_forget(to);
}

void device_state_rebase(struct device_state *ds, int64_t by)
{
	unsigned int i;

	ds->tm -= by;
	ds->tc -= by;
	for (i = 0; i < ds->count; i++) {
		hold_at(ds, i)->start -= by;
		hold_at(ds, i)->done -= by;
	}
}

/* A part of the time in which a hold is freed: the only division, once at most in a walk. */
static int64_t part_of(const struct device_hold *h, int64_t size)
{
	if (size == h->size)
		return h->done - h->start;
	return (int64_t)((double)size / (double)h->size * (double)(h->done - h->start));
}

/* When so much has come into the place of a hold's first part, from t on. */
static int64_t refill(const struct device_state *ds, const struct device_hold *h, int64_t size, int64_t t)
{
	if (!ds->tiles)
		return device_state_later(t, h->done) + size;
	/* Freed at an even rate: the channel is behind it all the way, or keeps up with it. */
	return device_state_later(device_state_later(t, h->start) + size, h->start + part_of(h, size));
}

int64_t device_state_walk(const struct device_state *ds, int64_t start, int64_t size)
{
	int64_t t = start, n = device_state_later(ds->room, 0);
	unsigned int i;

	t += n;
	size -= n;
	for (i = 0; size > 0 && i < ds->count; i++) {
		const struct device_hold *h = hold_at(ds, i);

		n = size < h->size ? size : h->size;
		t = refill(ds, h, n, t);
		size -= n;
	}
	/* A slice larger than the whole SRAM streams through it: its own tiles make the room. */
	return t + size;
}

/*
 * With no end of fetches to come, what is moved by tc is what time allows, or what there was room for just
 * before some hold ended and what time allowed from then on, whichever is the least.
 */
int64_t device_state_fetch_ahead(const struct device_state *ds, int64_t size, struct device_step step)
{
	int64_t room = ds->room - size, moved = ds->tc - step.tm, by_then;
	unsigned int i = 0;
	uint64_t k;

	if (moved <= 0)
		return 0;
	tight_update(ds);
	for (; i < ds->count && hold_at(ds, i)->done <= step.tm; i++)
		room += hold_at(ds, i)->size;
	room = device_state_later(room, 0);
	if (i == ds->count)
		return room < moved ? room : moved;
	for (k = ds->tight->first; *tight_at(ds, k) < ds->first + i; k++)
		;
	room -= hold_at(ds, i)->before;
	by_then = room + slack(ds, *tight_at(ds, k)) + ds->tc;
	room += ds->total;
	moved = moved < by_then ? moved : by_then;
	return moved < room ? moved : room;
}

/* When the ring is full the two oldest holds become one that ends with the later: pessimistic. */
static void merge_oldest(struct device_state *ds)
{
	struct device_hold *a = hold_at(ds, 0), *b = hold_at(ds, 1);

	b->size += a->size;
	b->before = a->before;
	b->start = a->start;
	ds->first++;
	ds->count--;
	tight_forget(ds);
}

static void hold(struct device_state *ds, int64_t size, struct device_step step)
{
	if (!size)
		return;
	if (ds->count > ds->mask)
		merge_oldest(ds);
	*hold_at(ds, ds->count++) = (struct device_hold) { size, ds->total, step.start, step.tc };
	ds->total += size;
	ds->room -= size;
}

/* The places of a hold's first part have gone to another slice; it goes on being freed from there. */
static void take_from(struct device_state *ds, struct device_hold *h, int64_t size)
{
	h->start += part_of(h, size);
	h->size -= size;
	h->before += size;
	ds->room += size;
}

static void take(struct device_state *ds, int64_t size)
{
	if (size <= 0)
		return;
	while (ds->count && size >= hold_at(ds, 0)->size) {
		size -= hold_at(ds, 0)->size;
		drop_first(ds);
	}
	if (size && ds->count)
		take_from(ds, hold_at(ds, 0), size);
}

struct device_step device_state_commit(struct device_state *ds, const struct sched_slice *slice,
				       int64_t ready)
{
	struct device_step step = device_state_try(ds, slice, ready);
	int64_t size = device_state_ps(ds, slice->bytes);

	if (ds->tiles)
		take(ds, size - device_state_later(ds->room, 0));
	ds->tm = step.tm;
	ds->tc = step.tc;
	device_state_prune(ds);
	if (step.tc > step.tm)
		hold(ds, size, step);
	return step;
}
