// SPDX-License-Identifier: MIT
/*
 * The schedule-state walk of Layerweaver. The equations, and what was decided where the paper is
 * open, are in Documentation/accel/loom/scheduling.rst.
 */
#include "device_state.h"

#include <errno.h>
#include <stdlib.h>

#define MIN_HOLDS 64
#define DEVICE_TILES 8	/* of a slice: what has to be there for it to begin, or is left at the end */

static struct device_hold *hold_at(const struct device_state *ds, unsigned int i)
{
	return &ds->holds[(ds->first + i) & ds->mask];
}

int device_state_init(struct device_state *ds, const struct sched_config *config)
{
	unsigned int n = MIN_HOLDS;

	while (n < 2 * config->max_jobs)
		n *= 2;
	*ds = (struct device_state) {
		.buffer_bytes = config->buffer_bytes,
		.ps_per_byte = 1e12 / (double)config->dram_bytes_per_s,
		.bytes_per_ps = (double)config->dram_bytes_per_s / 1e12,
		.tiles = config->tile_release,
		.mask = n - 1,
	};
	ds->holds = calloc(n, sizeof(*ds->holds));
	return ds->holds ? 0 : -ENOMEM;
}

void device_state_fini(struct device_state *ds)
{
	free(ds->holds);
}

static void drop_first(struct device_state *ds)
{
	ds->held -= hold_at(ds, 0)->bytes;
	ds->first++;
	ds->count--;
}

static void prune(struct device_state *ds)
{
	while (ds->count && hold_at(ds, 0)->done <= ds->tm)
		drop_first(ds);
}

void device_state_advance(struct device_state *ds, int64_t now)
{
	if (ds->tm < now)
		ds->tm = now;
	if (ds->tc < now)
		ds->tc = now;
	prune(ds);
}

void device_state_restart(struct device_state *ds)
{
	ds->tm = 0;
	ds->tc = 0;
	ds->count = 0;
	ds->held = 0;
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

int64_t device_state_dma_ps(const struct device_state *ds, const struct sched_slice *slice)
{
	int64_t extra = (int64_t)slice->mem_ps - device_state_ps(ds, slice->bytes);

	return extra > 0 ? extra : 0;
}

static uint64_t room_at_tm(const struct device_state *ds)
{
	return ds->buffer_bytes > ds->held ? ds->buffer_bytes - ds->held : 0;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* When n bytes have come into the place of a hold's first n, from t on. */
static int64_t refill(const struct device_state *ds, const struct device_hold *h, uint64_t n, int64_t t)
{
	double part = (double)n / (double)h->bytes;

	if (!ds->tiles)
		return later(t, h->done) + device_state_ps(ds, n);
	/* Freed at an even rate: the channel is behind it all the way, or keeps up with it. */
	return later(later(t, h->start) + device_state_ps(ds, n),
		     h->start + (int64_t)(part * (double)(h->done - h->start)));
}

/* When the last byte of the slice has arrived: the walk over what must leave the SRAM first. */
static int64_t fetch_end(const struct device_state *ds, const struct sched_slice *slice)
{
	int64_t t = ds->tm + device_state_dma_ps(ds, slice);
	uint64_t left = slice->bytes, room = room_at_tm(ds), n;
	unsigned int i;

	n = left < room ? left : room;
	t += device_state_ps(ds, n);
	left -= n;
	for (i = 0; left && i < ds->count; i++) {
		const struct device_hold *h = hold_at(ds, i);

		n = left < h->bytes ? left : h->bytes;
		t = refill(ds, h, n, t);
		left -= n;
	}
	/* A slice larger than the whole SRAM streams through it: its own tiles make the room. */
	return t + device_state_ps(ds, left);
}

/* The compute of a slice whose fetch ends at tm. Tile by tile it begins with the first one. */
static struct device_step compute(const struct device_state *ds, const struct sched_slice *slice,
				  int64_t tm, int64_t ready)
{
	struct device_step step = { .tm = tm };
	int64_t comp = (int64_t)slice->comp_ps, first = device_state_ps(ds, slice->bytes);

	if (!ds->tiles) {
		step.start = later(later(ds->tc, tm), ready);
		step.tc = step.start + comp;
		return step;
	}
	first = tm - first + first / DEVICE_TILES;
	step.start = later(later(ds->tc, first), ready);
	step.tc = later(step.start + comp, tm + comp / DEVICE_TILES);
	return step;
}

struct device_step device_state_try(const struct device_state *ds, const struct sched_slice *slice,
				    int64_t ready)
{
	return compute(ds, slice, fetch_end(ds, slice), ready);
}

static uint64_t bytes_in(const struct device_state *ds, int64_t ps, uint64_t room)
{
	double bytes = (double)ps * ds->bytes_per_ps;

	return bytes < (double)room ? (uint64_t)bytes : room;
}

uint64_t device_state_fetch_ahead(const struct device_state *ds, const struct sched_slice *slice,
				  struct device_step step)
{
	uint64_t moved = 0, room, held = ds->held + slice->bytes;
	int64_t t = step.tm;
	unsigned int i = 0;

	if (step.tm >= ds->tc)
		return 0;
	for (; i < ds->count && hold_at(ds, i)->done <= step.tm; i++)
		held -= hold_at(ds, i)->bytes;
	room = ds->buffer_bytes > held ? ds->buffer_bytes - held : 0;
	for (; i < ds->count; i++) {
		const struct device_hold *h = hold_at(ds, i);
		uint64_t n = bytes_in(ds, h->done - t, room);

		moved += n;
		room += h->bytes - n;
		t = h->done;
	}
	return moved + bytes_in(ds, ds->tc - t, room);
}

/* When the ring is full the two oldest holds become one that ends with the later: pessimistic. */
static void merge_oldest(struct device_state *ds)
{
	struct device_hold *a = hold_at(ds, 0), *b = hold_at(ds, 1);

	b->bytes += a->bytes;
	b->start = a->start;
	ds->first++;
	ds->count--;
}

static void hold(struct device_state *ds, uint64_t bytes, struct device_step step)
{
	if (!bytes)
		return;
	if (ds->count > ds->mask)
		merge_oldest(ds);
	*hold_at(ds, ds->count++) = (struct device_hold) { bytes, step.start, step.tc };
	ds->held += bytes;
}

/* The places of a hold's first bytes have gone to another slice; it goes on being freed from there. */
static void take_from(struct device_state *ds, struct device_hold *h, uint64_t bytes)
{
	double part = (double)bytes / (double)h->bytes;

	h->start += (int64_t)(part * (double)(h->done - h->start));
	h->bytes -= bytes;
	ds->held -= bytes;
}

static void take(struct device_state *ds, uint64_t bytes)
{
	while (bytes && ds->count) {
		struct device_hold *h = hold_at(ds, 0);

		if (bytes < h->bytes) {
			take_from(ds, h, bytes);
			return;
		}
		bytes -= h->bytes;
		drop_first(ds);
	}
}

struct device_step device_state_commit(struct device_state *ds, const struct sched_slice *slice,
				       int64_t ready)
{
	struct device_step step = device_state_try(ds, slice, ready);
	uint64_t room = room_at_tm(ds);

	if (ds->tiles && slice->bytes > room)
		take(ds, slice->bytes - room);
	ds->tm = step.tm;
	ds->tc = step.tc;
	prune(ds);
	if (step.tc > step.tm)
		hold(ds, slice->bytes, step);
	return step;
}
