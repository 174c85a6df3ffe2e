// SPDX-License-Identifier: MIT
/* The end of finite work: two requests of a few slices, against every order there is. */
#include <stdio.h>
#include <string.h>

#include "rig.h"
#include "tests.h"

#define MOST 5u
#define CASES 2000

struct work {
	struct sched_slice slices[2][MOST];
	unsigned int num[2];
};

static void make(struct work *w, uint64_t *seed)
{
	unsigned int k, i;

	for (k = 0; k < 2; k++) {
		w->num[k] = 1 + (unsigned int)(rig_random(seed) % MOST);
		for (i = 0; i < w->num[k]; i++) {
			uint64_t bytes = (rig_random(seed) % (12 * MB)) >> (k ? 0 : rig_random(seed) % 5);

			w->slices[k][i] = (struct sched_slice) {
				.bytes = bytes, .mem_ps = (uint64_t)((double)bytes / 0.225),
				.comp_ps = rig_random(seed) % ((k ? 20 : 80) * US),
			};
		}
	}
}

/* Of every order from here on, the soonest end. */
static int64_t best_of(const struct device_state *ds, const struct work *w, unsigned int a, unsigned int b)
{
	struct device_hold holds[64];
	unsigned int done[2] = { a, b }, k;
	struct device_state next = { .holds = holds, .mask = 63 };
	int64_t best = INT64_MAX, end;

	if (a == w->num[0] && b == w->num[1])
		return ds->tc;
	for (k = 0; k < 2; k++) {
		if (done[k] == w->num[k])
			continue;
		device_state_copy(&next, ds);
		device_state_commit(&next, &w->slices[k][done[k]], 0);
		end = best_of(&next, w, a + !k, b + k);
		best = end < best ? end : best;
	}
	return best;
}

static int64_t end_under(const struct sched_config *config, const struct work *w)
{
	struct sched_action a;
	struct device_state ds;
	struct sched *s;
	unsigned int k;
	int64_t end;

	assert_int_equal(sched_new(config, &s), 0);
	assert_int_equal(device_state_init(&ds, config), 0);
	for (k = 0; k < 2; k++)
		assert_int_equal(sched_add_model(s, "m", w->slices[k], w->num[k], 1), k);
	for (k = 0; k < 2; k++)
		assert_int_equal(sched_arrive(s, 0, k, k, SCHED_NO_DEADLINE), 0);
	for (k = 0; k < w->num[0] + w->num[1]; k++) {
		assert_true(sched_next(s, 0, &a));
		assert_int_equal(a.type, SCHED_SUBMIT);
		device_state_commit(&ds, &w->slices[a.model][a.slice], 0);
	}
	end = ds.tc;
	device_state_fini(&ds);
	sched_free(s);
	return end;
}

static void as_soon_as_any_order(void **unused)
{
	struct sched_config config = MEMORY_CENTRIC;
	uint64_t seed = 5;
	double sum = 0, most = 0, above;
	unsigned int n, best = 0;

	config.max_jobs = 32;
	config.window_ps = 1000000 * US;
	for (n = 0; n < CASES; n++) {
		struct device_state ds;
		struct work w;
		int64_t soonest, end;

		config.buffer_bytes = (12 + rig_random(&seed) % 30) * MB;
		config.tile_release = n % 2;
		make(&w, &seed);
		assert_int_equal(device_state_init(&ds, &config), 0);
		soonest = best_of(&ds, &w, 0, 0);
		device_state_fini(&ds);
		config.policy = "loom";
		end = end_under(&config, &w);
		above = (double)end / (double)soonest - 1;
		sum += above;
		most = above > most ? above : most;
		best += end == soonest;
		assert_true(end >= soonest);
		config.policy = "fifo";
		if (end > end_under(&config, &w))	/* it looks ahead with that order, too */
			assert_true(above < 0.01);
	}
	printf("loom above the best order: %.3f%% on average, %.2f%% at most; best in %u of %u\n",
	       100 * sum / CASES, 100 * most, best, CASES);
	assert_true(sum / CASES < 0.01);
}

int run_end_tests(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(as_soon_as_any_order) };

	return cmocka_run_group_tests_name("sched: ends", tests, NULL, NULL);
}
