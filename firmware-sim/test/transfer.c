/* SPDX-License-Identifier: MIT */
/*
 * Bursts in closed form against bursts one by one: a fault that is due in four thousand million
 * bursts makes the device look at each, and must make no other difference to anything that can be
 * seen, at any time, under any work.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "woven.h"

static void one_by_one(struct woven *w)
{
	assert_null(loom_sim_inject(w->h->sim, w->h->now, LOOM_INJECT_DMA_ABORT, UINT32_MAX));
}

static void check_same(struct woven *a, struct woven *b)
{
	struct loom_hw_counters ca = host_counters(a->h), cb = host_counters(b->h);
	uint32_t n = host_completions(a->h, 0);

	assert_memory_equal(&ca, &cb, sizeof(ca));
	assert_int_equal(n, host_completions(b->h, 0));
	for (uint32_t i = n > 200 ? n - 200 : 0; i < n; i++)
		assert_memory_equal(host_completion(a->h, 0, i), host_completion(b->h, 0, i),
				    sizeof(struct loom_hw_cqe));
}

static void step(struct woven *w, uint32_t i)
{
	woven_submit(w);
	if (i % 37 == 36)
		host_context_op(w->h, LOOM_ADMIN_CTX_INVALIDATE, woven_upto(w, WOVEN_TENANTS));
	host_run_until(w->h, w->h->now + woven_upto(w, i % 5 ? 4000 : 200000));
}

static void compare(const char *preset, void (*tweak)(struct loom_sim_config *config),
		    uint64_t seed, uint32_t jobs)
{
	struct woven a, b;

	woven_new(&a, preset, tweak, seed);
	woven_new(&b, preset, tweak, seed);
	one_by_one(&b);
	for (uint32_t i = 0; i < jobs; i++) {
		step(&a, i);
		step(&b, i);
		check_same(&a, &b);
	}
	host_run(a.h);
	host_run(b.h);
	assert_int_equal(host_completions(a.h, 0), jobs);
	check_same(&a, &b);
	for (int i = 0; i < WOVEN_TENANTS; i++)
		assert_memory_equal(a.tenant[i].out, b.tenant[i].out, RIG_LEASE);
	assert_true(a.h->timer_calls < b.h->timer_calls);
	woven_free(&a);
	woven_free(&b);
}

static void test_tiny(void **state)
{
	for (uint64_t seed = 1; seed <= 6; seed++)
		compare("tiny", NULL, seed, 150);
}

/* 2 KiB of room is 8 bursts: the fetch engine is mostly blocked. */
static void small_sram(struct loom_sim_config *config)
{
	config->caps.weight_sram_bytes = 80000;
	config->caps.dram_mbps = 7777;
	config->caps.dram_burst_bytes = 64;
}

static void test_small_sram(void **state)
{
	for (uint64_t seed = 11; seed <= 14; seed++)
		compare("tiny", small_sram, seed, 100);
}

/* Long latency, short bursts: the number on their way is the limit. */
static void many_outstanding(struct loom_sim_config *config)
{
	config->caps.dram_latency_ns = 3000;
	config->caps.dram_burst_bytes = 128;
	config->caps.dram_mbps = 3000;
}

static void test_many_outstanding(void **state)
{
	for (uint64_t seed = 21; seed <= 24; seed++)
		compare("tiny", many_outstanding, seed, 100);
}

/* Bursts arrive at the very time at which others begin. */
static void ties(struct loom_sim_config *config)
{
	config->caps.dram_latency_ns = 256;
}

static void test_ties(void **state)
{
	for (uint64_t seed = 51; seed <= 56; seed++)
		compare("tiny", ties, seed, 100);
}

static void test_memory_centric(void **state)
{
	compare("memory-centric", NULL, 31, 200);
}

static void output_stationary(struct loom_sim_config *config)
{
	config->caps.dataflow = LOOM_OUTPUT_STATIONARY;
}

static void test_compute_centric(void **state)
{
	compare("compute-centric", output_stationary, 41, 200);
}

/* ---- deaths in the midst of a transfer ---- */

/* A fetch of 60000 bytes of which the page at `hole` is not there. */
static struct loom_hw_cqe fetch_hole(struct woven *w, uint64_t hole)
{
	struct loom_hw_cqe cqe;
	struct stream s;

	stream_begin(&s, RIG_LEASE);
	stream_fetch(&s, w->tenant[0].weights_va + RIG_WEIGHTS - hole, 60000);
	stream_end(&s);
	host_submit(w->h, 0, 1, &s, 0);
	host_run(w->h);
	cqe = *host_completion(w->h, 0, 0);
	assert_int_equal(cqe.fault, LOOM_FAULT_MMU_READ);
	assert_int_equal(cqe.fault_addr, w->tenant[0].weights_va + RIG_WEIGHTS);
	return cqe;
}

static void test_hole(void **state)
{
	for (uint64_t hole = 4096; hole < 60000; hole += 4096) {
		struct loom_hw_cqe ca, cb;
		struct woven a, b;

		woven_new(&a, "tiny", NULL, 1);
		woven_new(&b, "tiny", NULL, 1);
		one_by_one(&b);
		ca = fetch_hole(&a, hole);
		cb = fetch_hole(&b, hole);
		assert_memory_equal(&ca, &cb, sizeof(ca));
		woven_free(&a);
		woven_free(&b);
	}
}

/* A context is killed at any time. */
static void kill_at(struct woven *w, uint64_t ns)
{
	for (int i = 0; i < 6; i++)
		woven_submit(w);
	host_run_until(w->h, w->h->now + ns);
	host_context_op(w->h, LOOM_ADMIN_CTX_KILL, 1);
	host_run(w->h);
}

static void test_kill(void **state)
{
	for (uint64_t ns = 500; ns < 200000; ns += 4999) {
		struct woven a, b;

		woven_new(&a, "tiny", NULL, ns);
		woven_new(&b, "tiny", NULL, ns);
		one_by_one(&b);
		kill_at(&a, ns);
		kill_at(&b, ns);
		check_same(&a, &b);
		woven_free(&a);
		woven_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tiny),
		cmocka_unit_test(test_small_sram),
		cmocka_unit_test(test_many_outstanding),
		cmocka_unit_test(test_ties),
		cmocka_unit_test(test_memory_centric),
		cmocka_unit_test(test_compute_centric),
		cmocka_unit_test(test_hole),
		cmocka_unit_test(test_kill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
