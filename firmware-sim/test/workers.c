/* SPDX-License-Identifier: MIT */
/*
 * Threads for the maths: every item once, and the same bytes and times however many there are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hw/workers.h"
#include "woven.h"

#define ITEMS 1000

struct count {
	uint32_t item[ITEMS];		/* one writer each, or the test fails */
	uint32_t worker[WORKERS_MAX];
	struct workers *workers;
};

static void work(void *arg, uint32_t item, uint32_t worker)
{
	struct count *count = arg;
	float *mine = scratch_floats(workers_scratch(count->workers, worker), SCRATCH_A, 64);

	for (int i = 0; i < 64; i++)
		mine[i] = (float)item;
	count->item[item] += mine[item % 64] == (float)item;
	count->worker[worker]++;
}

static void run_items(uint32_t number)
{
	struct workers *workers = workers_new(number);

	for (uint32_t items = 0; items <= ITEMS; items += items < 10 ? 1 : 330) {
		struct count count = { .workers = workers };
		uint32_t sum = 0;

		workers_run(workers, items, work, &count);
		for (uint32_t i = 0; i < ITEMS; i++)
			assert_int_equal(count.item[i], i < items);
		for (uint32_t i = 0; i < WORKERS_MAX; i++)
			sum += count.worker[i];
		assert_int_equal(sum, items);
		for (uint32_t i = number ? number : WORKERS_MAX; i < WORKERS_MAX; i++)
			assert_int_equal(count.worker[i], 0);
	}
	workers_free(workers);
}

static void test_items(void **state)
{
	run_items(1);
	run_items(2);
	run_items(7);
	run_items(0);
}

/* Every job's stamps, and the outputs. */
struct result {
	struct loom_hw_cqe cqe[40];
	uint8_t out[WOVEN_TENANTS][RIG_LEASE];
};

static uint32_t number;

static void with_workers(struct loom_sim_config *config)
{
	config->workers = number;
}

static struct result *run_woven(uint32_t workers)
{
	struct result *r = calloc(1, sizeof(*r));
	struct woven w;

	number = workers;
	woven_new(&w, "memory-centric", with_workers, 77);
	for (int i = 0; i < 40; i++)
		woven_submit(&w);
	host_run(w.h);
	for (int i = 0; i < 40; i++)
		r->cqe[i] = *host_completion(w.h, 0, i);
	for (int i = 0; i < WOVEN_TENANTS; i++)
		memcpy(r->out[i], w.tenant[i].out, RIG_LEASE);
	woven_free(&w);
	return r;
}

static void test_same_bytes(void **state)
{
	struct result *one = run_woven(1), *many = run_woven(5);

	assert_memory_equal(one, many, sizeof(*one));
	free(one);
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_items),
		cmocka_unit_test(test_same_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
