// SPDX-License-Identifier: MIT
/*
 * Properties of any schedule: random models under every policy, on a device of random speed. Slices of a
 * request go in order and once each, every request ends once, the device has work whenever there is
 * some, nobody is passed over for more than a stated number of picks, and so every request ends within a
 * stated number of them (scheduling.rst). And the predicted state never has more bytes in the weight SRAM
 * than fit, counted afresh from the times that it gave.
 *
 * Some thousand schedules; with LONG (make check-long) a million.
 */
#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "tests.h"

#define MODELS 5
#define MAX_SLICES 12
#define EVENTS 150
#define QUEUED 3
#define ROUNDS 65		/* STARVED_ROUNDS of guard.c, and the one in which it is seen */

struct world {
	struct sched *s;
	uint64_t seed, now, picks, round;
	unsigned int num_models, queued;
	unsigned int slices[MODELS];
	struct {
		uint64_t next, arrived;		/* a number of picks */
		bool live;
	} requests[MODELS][QUEUED];
	uint64_t waits_since[MODELS];
	uint64_t tags[256];
	unsigned int head, tail, live;
};

static uint64_t dice(struct world *w, uint64_t n)
{
	return rig_random(&w->seed) % n;
}

static uint64_t schedules(void)
{
	return getenv("LONG") ? 1000000 : 3000;
}

static void make_slice(struct world *w, struct sched_slice *s)
{
	*s = (struct sched_slice) { .bytes = dice(w, 20 * MB) >> dice(w, 20) };
	s->mem_ps = (uint64_t)((double)s->bytes / 0.225) + (dice(w, 4) ? 0 : dice(w, 20 * US));
	s->comp_ps = dice(w, 100 * US) >> dice(w, 20);
}

static void arrive(struct world *w, unsigned int model, unsigned int k)
{
	w->requests[model][k].next = 0;
	w->requests[model][k].live = true;
	w->requests[model][k].arrived = w->picks;
	w->live++;
	assert_int_equal(sched_arrive(w->s, w->now, model, model * QUEUED + k, SCHED_NO_DEADLINE), 0);
}

static void add_models(struct world *w)
{
	struct sched_slice s[MAX_SLICES];
	unsigned int m, i;

	for (m = 0; m < w->num_models; m++) {
		w->slices[m] = 1 + (unsigned int)dice(w, MAX_SLICES);
		for (i = 0; i < w->slices[m]; i++)
			make_slice(w, &s[i]);
		assert_int_equal(sched_add_model(w->s, "m", s, w->slices[m], 1 + (unsigned int)dice(w, 2)), m);
		sched_set_overlap(w->s, m, dice(w, 2));
		w->round += w->slices[m];
	}
}

static void submitted(struct world *w, const struct sched_action *a)
{
	unsigned int m = a->model, k = (unsigned int)a->request % QUEUED;

	assert_int_equal(a->request / QUEUED, m);
	assert_true(w->requests[m][k].live);
	assert_int_equal(a->slice, w->requests[m][k].next++);	/* in order, and once */
	assert_true(a->slice < w->slices[m]);
	assert_true(w->tail - w->head < 256);
	w->tags[w->tail++ % 256] = a->tag;
	w->picks++;
	w->waits_since[m] = w->picks;
}

static void replied(struct world *w, const struct sched_action *a, bool again)
{
	unsigned int m = a->model, k = (unsigned int)a->request % QUEUED;

	assert_int_equal(a->status, 0);
	assert_true(w->requests[m][k].live);
	assert_int_equal(w->requests[m][k].next, w->slices[m]);	/* whole */
	/* Its own slices and those of who came before it, each after the rounds allowed; then it is computed. */
	assert_true(w->picks - w->requests[m][k].arrived <=
		    QUEUED * (uint64_t)w->slices[m] * (ROUNDS * w->round + 1) + 256);
	w->requests[m][k].live = false;
	w->live--;
	if (again)
		arrive(w, m, k);
}

static void drain(struct world *w, bool again)
{
	struct sched_action a;

	while (sched_next(w->s, w->now, &a)) {
		if (a.type == SCHED_SUBMIT)
			submitted(w, &a);
		else if (a.type == SCHED_REPLY)
			replied(w, &a, again);
	}
	if (w->live)
		assert_true(w->head != w->tail);	/* the device has work */
}

static void complete(struct world *w)
{
	unsigned int m;

	w->now += dice(w, 100000) >> dice(w, 17);
	if (!dice(w, 8))
		sched_tick(w->s, w->now);
	if (w->head != w->tail)
		assert_int_equal(sched_complete(w->s, w->now, w->tags[w->head++ % 256], 0), 0);
	for (m = 0; m < w->num_models; m++)
		assert_true(w->picks - w->waits_since[m] <= ROUNDS * w->round + 256);
}

static void schedule(uint64_t seed, const char *policy)
{
	struct sched_config config = MEMORY_CENTRIC;
	struct world w = { .seed = 0x9e3779b97f4a7c15ull * (seed + 1) };
	unsigned int i, k;

	config.policy = policy;
	config.tile_release = dice(&w, 2);
	config.buffer_bytes = (1 + dice(&w, 48)) * MB;
	config.max_jobs = 2 + (unsigned int)dice(&w, 62);
	w.num_models = 1 + (unsigned int)dice(&w, MODELS);
	w.queued = 1 + (unsigned int)dice(&w, QUEUED);
	assert_int_equal(sched_new(&config, &w.s), 0);
	add_models(&w);
	for (k = 0; k < w.queued; k++)
		for (i = 0; i < w.num_models; i++)
			arrive(&w, i, k);
	for (i = 0; i < EVENTS; i++) {
		drain(&w, true);
		complete(&w);
	}
	for (drain(&w, false); w.head != w.tail; drain(&w, false))
		complete(&w);
	assert_int_equal(w.live, 0);			/* nobody is lost */
	sched_free(w.s);
}

static void any_schedule(void **unused)
{
	const char *const *names = sched_policies();
	uint64_t i, n = schedules();
	unsigned int num = 0;

	while (names[num])
		num++;
	for (i = 0; i < n; i++)
		schedule(i, names[i % num]);
}

/* ---- the weight SRAM ---- */

struct held {
	uint64_t bytes;
	struct device_step step;
};

/* What of a slice is still there at t, by the definition of the release mode. */
static double left_at(const struct held *h, int64_t t, bool tiles)
{
	double part;

	if (t >= h->step.tc)
		return 0;
	if (!tiles || t <= h->step.start)
		return (double)h->bytes;
	part = (double)(t - h->step.start) / (double)(h->step.tc - h->step.start);
	return (double)h->bytes * (1 - part);
}

/* The walk as the paper has it: in (step.tm, tc], as much as there is room for, hold after hold. */
static int64_t walk_ahead(const struct device_state *ds, const struct held *held, unsigned int num, int64_t size,
			  struct device_step step, const int64_t *left)
{
	int64_t room = ds->fill - size, t = step.tm, moved = 0, n;
	unsigned int i;

	for (i = 0; i < num; i++)
		room -= held[i].step.tc > step.tm ? left[i] : 0;
	room = room > 0 ? room : 0;
	for (i = 0; i < num; i++) {
		if (held[i].step.tc <= step.tm || held[i].step.tc <= held[i].step.tm)
			continue;
		n = held[i].step.tc - t < room ? held[i].step.tc - t : room;
		moved += n;
		room += left[i] - n;
		t = held[i].step.tc;
	}
	n = ds->tc - t < room ? ds->tc - t : room;
	return moved + (n > 0 ? n : 0);
}

/* What the state says in a few steps is what the walk over all holds says, however seldom it is asked. */
static void ahead_of(uint64_t seed)
{
	struct world w = { .seed = 0xd1342543de82ef95ull * (seed + 1) };
	struct sched_config config = MEMORY_CENTRIC;
	struct device_state ds;
	struct held held[64];
	int64_t left[64];
	unsigned int i, seldom = 1 + dice(&w, 8);

	config.buffer_bytes = (1 + dice(&w, 30)) * MB;
	config.max_jobs = 64;
	assert_int_equal(device_state_init(&ds, &config), 0);
	for (i = 0; i < 64; i++) {
		struct sched_slice s = { 0 };
		struct device_step step;
		int64_t size;

		make_slice(&w, &s);
		s.bytes %= config.buffer_bytes;
		size = device_state_ps(&ds, s.bytes);
		step = device_state_try(&ds, &s, 0);
		if (step.tm < ds.tc && !dice(&w, seldom))
			assert_int_equal(device_state_fetch_ahead(&ds, size, step),
					 walk_ahead(&ds, held, i, size, step, left));
		held[i] = (struct held) { s.bytes, device_state_commit(&ds, &s, 0) };
		left[i] = size;
	}
	device_state_fini(&ds);
}

static void fetch_ahead(void **unused)
{
	uint64_t i, n = schedules();

	for (i = 0; i < n; i++)
		ahead_of(i);
}

static void occupancy_of(uint64_t seed, bool tiles)
{
	struct world w = { .seed = 0x2545f4914f6cdd1dull * (seed + 1) };
	struct sched_config config = MEMORY_CENTRIC;
	struct device_state ds;
	struct held held[64];
	unsigned int i, k;

	config.buffer_bytes = (1 + dice(&w, 30)) * MB;
	config.tile_release = tiles;
	config.max_jobs = 64;
	assert_int_equal(device_state_init(&ds, &config), 0);
	for (i = 0; i < 64; i++) {
		struct sched_slice s = { 0 };
		double sum = 0;

		make_slice(&w, &s);
		s.bytes %= config.buffer_bytes;
		held[i] = (struct held) { s.bytes, device_state_commit(&ds, &s, 0) };
		assert_true(held[i].step.tc >= held[i].step.tm || !s.comp_ps);
		for (k = 0; k <= i; k++)
			sum += left_at(&held[k], held[i].step.tm, tiles);
		assert_true(sum <= (double)config.buffer_bytes * 1.000001 + 16);
	}
	device_state_fini(&ds);
}

static void occupancy(void **unused)
{
	uint64_t i, n = schedules();

	for (i = 0; i < n; i++)
		occupancy_of(i, i % 2);
}

int run_property_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_schedule),
		cmocka_unit_test(occupancy),
		cmocka_unit_test(fetch_ahead),
	};

	return cmocka_run_group_tests_name("sched: properties", tests, NULL, NULL);
}
