// SPDX-License-Identifier: MIT
/* The equations of one step, against figures worked out by hand: 1 byte is 1 ps, 1000 bytes fit. */
#include "rig.h"
#include "tests.h"

static const struct sched_config tiny = {
	.buffer_bytes = 1000, .dram_bytes_per_s = 1000000000000ull, .max_jobs = 16,
};

static struct sched_slice slice(uint64_t bytes, uint64_t comp)
{
	return (struct sched_slice) { .bytes = bytes, .mem_ps = bytes, .comp_ps = comp };
}

static void expect_commit(struct device_state *ds, struct sched_slice s, int64_t tm, int64_t tc)
{
	struct device_step step = device_state_commit(ds, &s, 0);

	assert_int_equal(step.tm, tm);
	assert_int_equal(step.tc, tc);
}

static void fits(void **unused)
{
	struct device_state ds;

	device_state_init(&ds, &tiny);
	expect_commit(&ds, slice(300, 500), 300, 800);	/* compute waits for its weights */
	expect_commit(&ds, slice(200, 10), 500, 810);	/* prefetched: compute waits for compute */
	expect_commit(&ds, slice(400, 90), 900, 990);	/* both left at 800 and 810: idle 810..900 */
	assert_int_equal(ds.fill - ds.room, 400);
	device_state_fini(&ds);
}

/* 900 of 1000 held until 1500: 100 bytes go at once, the other 200 when the holder ends. */
static void waits_for_room(void **unused)
{
	struct device_state ds;

	device_state_init(&ds, &tiny);
	expect_commit(&ds, slice(900, 600), 900, 1500);
	expect_commit(&ds, slice(300, 50), 1700, 1750);
	device_state_fini(&ds);
}

/*
 * Holds of 400 until 1400 and of 500 until 2400; 100 free at tm = 900. A slice of 600: 100 bytes by
 * 1000, the next 400 from 1400 to 1800, the last 100 from 2400 to 2500.
 */
static void walks_the_list(void **unused)
{
	struct device_state ds;

	device_state_init(&ds, &tiny);
	expect_commit(&ds, slice(400, 1000), 400, 1400);
	expect_commit(&ds, slice(500, 1000), 900, 2400);
	expect_commit(&ds, slice(600, 7), 2500, 2507);
	device_state_fini(&ds);
}

/* A hold that ends while an earlier part is still on its way costs nothing. */
static void does_not_wait_for_the_past(void **unused)
{
	struct device_state ds;

	device_state_init(&ds, &tiny);
	expect_commit(&ds, slice(500, 510), 500, 1010);
	expect_commit(&ds, slice(300, 100), 800, 1110);
	/* room 200 until 1000; 500 more from 1010 on; then 200 of the 300 freed at 1110 */
	expect_commit(&ds, slice(900, 1), 1710, 1711);
	device_state_fini(&ds);
}

static void larger_than_the_buffer(void **unused)
{
	struct device_state ds;

	device_state_init(&ds, &tiny);
	expect_commit(&ds, slice(2500, 100), 2500, 2600);
	expect_commit(&ds, slice(100, 100), 2700, 2800);
	device_state_fini(&ds);
}

static void without_weights(void **unused)
{
	struct sched_slice load = { .mem_ps = 70, .comp_ps = 30 };
	struct device_state ds;

	device_state_init(&ds, &tiny);
	expect_commit(&ds, load, 70, 100);
	assert_int_equal(ds.count, 0);
	device_state_fini(&ds);
}

/* Inputs arrive at 900: compute waits for them, the next fetch does not. */
static void waits_for_inputs(void **unused)
{
	struct sched_slice a = slice(100, 50);
	struct device_state ds;
	struct device_step step;

	device_state_init(&ds, &tiny);
	step = device_state_commit(&ds, &a, 900);
	assert_int_equal(step.start, 900);
	expect_commit(&ds, slice(300, 10), 400, 960);
	device_state_fini(&ds);
}

static int64_t ahead(const struct device_state *ds, struct sched_slice s)
{
	return device_state_fetch_ahead(ds, (int64_t)s.bytes, device_state_try(ds, &s, 0));
}

static void fetch_ahead(void **unused)
{
	struct device_state ds;

	device_state_init(&ds, &tiny);
	expect_commit(&ds, slice(400, 1000), 400, 1400);
	/* from 500 to 1400 there is time for 900 bytes, and room for 500 */
	assert_int_equal(ahead(&ds, slice(100, 1)), 500);
	/* from 800 to 1400: time for 600, room for 200 */
	assert_int_equal(ahead(&ds, slice(400, 1)), 200);
	expect_commit(&ds, slice(100, 100), 500, 1500);
	/* from 600: room for 400 until 1000; 400 leave at 1400, 100 of them fetched by 1500 */
	assert_int_equal(ahead(&ds, slice(100, 1)), 500);
	/* comes after all compute */
	assert_int_equal(ahead(&ds, slice(1000, 1)), 0);
	device_state_fini(&ds);
}

static void clock(void **unused)
{
	struct device_state ds;

	device_state_init(&ds, &tiny);
	expect_commit(&ds, slice(400, 1000), 400, 1400);
	device_state_advance(&ds, 1300);
	expect_commit(&ds, slice(100, 10), 1400, 1410);
	device_state_rebase(&ds, 1000);
	expect_commit(&ds, slice(100, 10), 500, 510);
	device_state_advance(&ds, 2000);
	assert_int_equal(ds.room, 1000);
	expect_commit(&ds, slice(1000, 10), 3000, 3010);
	device_state_fini(&ds);
}

/* More holds than the ring has room for: the oldest merge, nothing is forgotten. */
static void full_ring(void **unused)
{
	struct device_state ds;
	struct sched_slice one = slice(1, 1000000);
	unsigned int i;

	device_state_init(&ds, &tiny);
	for (i = 0; i < 500; i++)
		device_state_commit(&ds, &one, 0);
	assert_int_equal(ds.room, 500);
	assert_true(ds.count <= ds.mask + 1);
	device_state_fini(&ds);
}

int run_step_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fits),
		cmocka_unit_test(waits_for_room),
		cmocka_unit_test(walks_the_list),
		cmocka_unit_test(does_not_wait_for_the_past),
		cmocka_unit_test(larger_than_the_buffer),
		cmocka_unit_test(without_weights),
		cmocka_unit_test(waits_for_inputs),
		cmocka_unit_test(fetch_ahead),
		cmocka_unit_test(clock),
		cmocka_unit_test(full_ring),
	};

	return cmocka_run_group_tests_name("sched: step", tests, NULL, NULL);
}
