// SPDX-License-Identifier: MIT
/* What each policy picks in states made by hand. 1 byte is 1 ps, 1000 bytes fit. */
#include <string.h>

#include "rig.h"
#include "tests.h"

struct scene {
	struct device_state ds;
	struct policy_offer offers[4];
	struct sched_slice slices[4];
	struct policy_profile profiles[4];
	struct policy_view view;
};

static void scene_init(struct scene *sc)
{
	const struct sched_config tiny = {
		.buffer_bytes = 1000, .dram_bytes_per_s = 1000000000000ull, .max_jobs = 16,
	};

	memset(sc, 0, sizeof(*sc));
	device_state_init(&sc->ds, &tiny);
	sc->view = (struct policy_view) { .device = &sc->ds, .offers = sc->offers, .jobs = 2 };
}

/* An offer; comp and mem of the whole model say of which kind it is. */
static void offer(struct scene *sc, uint64_t bytes, uint64_t comp, uint64_t model_comp,
		  uint64_t model_mem, uint64_t max_mem)
{
	unsigned int i = sc->view.num_offers++;

	sc->slices[i] = (struct sched_slice) { .bytes = bytes, .mem_ps = bytes, .comp_ps = comp };
	sc->profiles[i] = (struct policy_profile) { model_comp, model_mem, max_mem, 10 };
	sc->offers[i] = (struct policy_offer) {
		.model = i, .slice = &sc->slices[i], .profile = &sc->profiles[i], .order = i,
		.deadline = SCHED_NO_DEADLINE,
	};
}

static void before(struct scene *sc, uint64_t bytes, uint64_t comp)
{
	const struct sched_slice s = { .bytes = bytes, .mem_ps = bytes, .comp_ps = comp };

	device_state_commit(&sc->ds, &s, 0);
}

static int pick(struct scene *sc, const struct policy_ops *ops)
{
	uint64_t state[8] = { 0 };

	assert_true(ops->state_size <= sizeof(state));
	return ops->pick(state, &sc->view);
}

static int weave(struct scene *sc)
{
	int i = pick(sc, &sched_policy_layerweaver);

	device_state_fini(&sc->ds);
	return i;
}

/* D = 100: 300 bytes leave compute idle for 200, 50 bytes for nothing. */
static void least_compute_idle(void **unused)
{
	struct scene sc;

	scene_init(&sc);
	before(&sc, 100, 100);
	offer(&sc, 300, 10, 10, 300, 0);
	offer(&sc, 50, 500, 500, 50, 0);
	assert_int_equal(weave(&sc), 1);
}

/*
 * D = 600 with 200 held. Slice 1 computes 900: during it only 1000 - 100 - 600 bytes could still be
 * fetched, so DRAM idles, and would not have with nothing fetched ahead. Slice 0 is short.
 */
static void least_memory_idle(void **unused)
{
	struct scene sc;

	scene_init(&sc);
	before(&sc, 200, 600);
	offer(&sc, 100, 50, 50, 100, 0);
	offer(&sc, 100, 890, 890, 100, 0);
	assert_int_equal(weave(&sc), 0);
}

/* Neither costs anything now; slice 0 leaves a lead of 50 and the largest fetch to come is 400. */
static void potential_compute_idle(void **unused)
{
	struct scene sc;

	scene_init(&sc);
	before(&sc, 100, 100);
	offer(&sc, 100, 50, 50, 100, 400);
	offer(&sc, 100, 400, 400, 100, 100);
	assert_int_equal(weave(&sc), 1);
}

/* Both cost nothing: the one during which DRAM need not idle whatever the order. */
static void tie_by_inherent_idle(void **unused)
{
	struct scene sc;

	scene_init(&sc);
	before(&sc, 100, 10);
	offer(&sc, 5, 5000, 5000, 5, 0);
	offer(&sc, 5, 500, 20, 30, 0);
	assert_int_equal(weave(&sc), 1);
}

static void tie_by_lead(void **unused)
{
	struct scene sc;

	scene_init(&sc);
	before(&sc, 100, 100);
	offer(&sc, 50, 100, 10, 50, 0);
	offer(&sc, 50, 200, 100, 50, 0);
	assert_int_equal(weave(&sc), 1);
}

/* The inputs of slice 0 arrive late; slice 1 has its own. */
static void idle_for_inputs(void **unused)
{
	struct scene sc;

	scene_init(&sc);
	before(&sc, 100, 100);
	offer(&sc, 50, 100, 10, 50, 0);
	offer(&sc, 50, 100, 100, 50, 0);
	sc.offers[0].after = 300;
	assert_int_equal(weave(&sc), 1);
}

/* Every slice finds compute idle: the compute-intensive model's, although it costs more. */
static void all_compute_idle(void **unused)
{
	struct scene sc;

	scene_init(&sc);
	offer(&sc, 100, 100, 10, 1000, 0);
	offer(&sc, 300, 100, 1000, 10, 0);
	assert_int_equal(weave(&sc), 1);
}

/* Every slice makes DRAM idle: the memory-intensive model's, although it costs more. */
static void all_memory_idle(void **unused)
{
	struct scene sc;

	scene_init(&sc);
	before(&sc, 100, 900);
	offer(&sc, 100, 950, 1000, 10, 0);
	offer(&sc, 100, 2000, 10, 1000, 0);
	assert_int_equal(weave(&sc), 1);
}

static void halts(void **unused)
{
	struct scene sc;

	scene_init(&sc);
	offer(&sc, 100, 100, 100, 100, 0);
	sc.view.exhausted = 1;
	assert_int_equal(pick(&sc, &sched_policy_layerweaver), POLICY_WAIT);
	sc.view.must = true;
	assert_int_equal(weave(&sc), 0);
}

/* The paper's fail-safe: two models of one kind run one at a time, the started one first. */
static void one_kind(void **unused)
{
	struct scene sc;

	scene_init(&sc);
	offer(&sc, 10, 100, 100, 10, 0);
	offer(&sc, 10, 100, 100, 10, 0);
	sc.offers[1].started = true;
	assert_int_equal(weave(&sc), 1);
}

static void passed_over(void **unused)
{
	struct scene sc;

	scene_init(&sc);
	before(&sc, 100, 100);
	offer(&sc, 300, 10, 10, 300, 0);
	offer(&sc, 50, 500, 500, 50, 0);
	sc.view.picks = 21;
	sc.offers[1].since = 20;
	assert_int_equal(weave(&sc), 0);
}

static void others(void **unused)
{
	struct scene sc;

	scene_init(&sc);
	offer(&sc, 10, 100, 100, 10, 0);
	offer(&sc, 10, 100, 100, 10, 0);
	offer(&sc, 10, 100, 100, 10, 0);
	sc.offers[0].order = 5;
	sc.offers[2].deadline = 77;
	assert_int_equal(pick(&sc, &sched_policy_fifo), 1);
	sc.offers[2].started = true;
	assert_int_equal(pick(&sc, &sched_policy_fifo), 2);
	assert_int_equal(pick(&sc, &sched_policy_edf), 2);
	sc.offers[2].deadline = SCHED_NO_DEADLINE;
	assert_int_equal(pick(&sc, &sched_policy_edf), 1);
	device_state_fini(&sc.ds);
}

static void takes_turns(void **unused)
{
	uint64_t state[8] = { 0 };
	struct scene sc;
	int i;

	scene_init(&sc);
	for (i = 0; i < 3; i++)
		offer(&sc, 10, 100, 100, 10, 0);
	for (i = 0; i < 9; i++)
		assert_int_equal(sched_policy_fair.pick(state, &sc.view), i % 3);
	sc.offers[0].model = 7;		/* it is 3's turn, or who comes after */
	assert_int_equal(sched_policy_fair.pick(state, &sc.view), 0);
	assert_int_equal(sched_policy_fair.pick(state, &sc.view), 1);
	device_state_fini(&sc.ds);
}

int run_policy_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(least_compute_idle),
		cmocka_unit_test(least_memory_idle),
		cmocka_unit_test(potential_compute_idle),
		cmocka_unit_test(tie_by_inherent_idle),
		cmocka_unit_test(tie_by_lead),
		cmocka_unit_test(idle_for_inputs),
		cmocka_unit_test(all_compute_idle),
		cmocka_unit_test(all_memory_idle),
		cmocka_unit_test(halts),
		cmocka_unit_test(one_kind),
		cmocka_unit_test(passed_over),
		cmocka_unit_test(others),
		cmocka_unit_test(takes_turns),
	};

	return cmocka_run_group_tests_name("sched: policies", tests, NULL, NULL);
}
