/* SPDX-License-Identifier: MIT */
/*
 * The counters that say what each engine did or waited for: every nanosecond since boot is in
 * exactly one of an engine's states, whenever one looks and whatever runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "woven.h"

static void check_identities(const struct loom_hw_counters *c, uint64_t elapsed)
{
	assert_int_equal(c->fetch_busy + c->fetch_blocked + c->fetch_wait_dram + c->fetch_idle,
			 elapsed);
	assert_int_equal(c->dma_busy + c->dma_wait_dram + c->dma_wait_compute + c->dma_idle,
			 elapsed);
	assert_int_equal(c->compute_busy + c->compute_wait_weights + c->compute_wait_dma +
			 c->compute_idle, elapsed);
	assert_int_equal(c->compute_busy, c->mac_busy + c->vector_busy);
	assert_int_equal(c->dram_busy, c->fetch_busy + c->dma_busy);
}

/* No counter ever goes back. */
static void check_ascends(const struct loom_hw_counters *before,
			  const struct loom_hw_counters *after)
{
	const __u64 *a = (const void *)before, *b = (const void *)after;

	for (size_t i = 0; i < sizeof(*before) / sizeof(*a); i++)
		assert_true(a[i] <= b[i]);
}

/* The totals against what the completions say, in ps rounded to ns for each job. */
static void check_jobs(struct woven *w, const struct loom_hw_counters *c, uint32_t jobs)
{
	uint64_t fetch = 0, dma = 0, mac = 0, vector = 0, weights = 0;

	for (uint32_t i = 0; i < jobs; i++) {
		const struct loom_hw_cqe *cqe = host_completion(w->h, 0, i);

		assert_int_equal(cqe->fault, LOOM_FAULT_NONE);
		fetch += cqe->fetch_busy;
		dma += cqe->dma_busy;
		mac += cqe->mac_busy;
		vector += cqe->vector_busy;
		weights += cqe->wait_weights;
	}
	/* A job's figures lose less than 1 ns each, a counter less than that at each change. */
	assert_in_range(c->fetch_busy + jobs * 64, fetch, fetch + jobs * 128);
	assert_in_range(c->dma_busy + jobs * 64, dma, dma + jobs * 128);
	assert_in_range(c->mac_busy + jobs * 64, mac, mac + jobs * 128);
	assert_in_range(c->vector_busy + jobs * 64, vector, vector + jobs * 128);
	assert_in_range(c->compute_wait_weights + jobs * 64, weights, weights + jobs * 128);
}

static void weave(const char *preset, uint64_t seed)
{
	struct loom_hw_counters before = { 0 }, now;
	uint32_t jobs = 200;
	struct woven w;

	woven_new(&w, preset, NULL, seed);
	for (uint32_t i = 0; i < jobs; i++) {
		woven_submit(&w);
		host_run_until(w.h, w.h->now + woven_upto(&w, i % 8 ? 3000 : 300000));
		now = host_counters(w.h);
		check_identities(&now, w.h->now - w.ready);
		check_ascends(&before, &now);
		before = now;
	}
	host_run(w.h);
	now = host_counters(w.h);
	check_identities(&now, w.h->now - w.ready);
	assert_int_equal(now.jobs, jobs);
	check_jobs(&w, &now, jobs);
	woven_free(&w);
}

static void test_identities_tiny(void **state)
{
	for (uint64_t seed = 1; seed <= 4; seed++)
		weave("tiny", seed);
}

static void test_identities_memory_centric(void **state)
{
	weave("memory-centric", 5);
}

static void test_identities_compute_centric(void **state)
{
	weave("compute-centric", 6);
}

/* ---- one job, worked out by hand (see timing.c for the sizes of "tiny") ---- */

/* LOAD 1000, 16 x 16 x 16 product that waits for it, STORE 512 that waits for the product. */
static void test_what_for(void **state)
{
	struct rig *r = rig_new("tiny", NULL);
	struct loom_hw_counters c0 = host_counters(r->h), c;
	struct loom_cmd_conv *cmd;
	struct stream s;

	stream_begin(&s, RIG_LEASE);
	stream_move(&s, LOOM_OP_LOAD, r->in_va, 0, 1000, 0);
	stream_fetch(&s, r->weights_va, 512);
	cmd = stream_add(&s, LOOM_OP_CONV, sizeof(*cmd));
	*cmd = (struct loom_cmd_conv){
		.hdr = { .opcode = LOOM_OP_CONV, .size = sizeof(*cmd), .wait = 1,
			 .release_to = 512 },
		.out = 4096, .in_pitch = 16, .out_pitch = 16,
		.batch = 1, .h = 1, .w = 16, .c = 16, .oh = 1, .ow = 16, .oc = 16,
		.kh = 1, .kw = 1, .sh = 1, .sw = 1, .dh = 1, .dw = 1,
	};
	stream_move(&s, LOOM_OP_STORE, r->out_va, 4096, 512, 1);
	stream_end(&s);
	host_submit(r->h, 0, RIG_CTX, &s, 0);
	host_run(r->h);
	c = host_counters(r->h);
	/*
	 * The channel alternates 256-byte bursts, fetch first, so the weights have gone at 768 and
	 * arrived at 868, the input at 1512 and 1612; 52 cycles of compute; then the output.
	 */
	assert_int_equal(c.fetch_busy - c0.fetch_busy, 512);
	assert_int_equal(c.fetch_wait_dram - c0.fetch_wait_dram, 256 + 100);
	assert_int_equal(c.fetch_blocked, c0.fetch_blocked);
	assert_int_equal(c.dma_busy - c0.dma_busy, 1000 + 512);
	/* before its first burst, between its first and second, and the output's latency ... */
	assert_int_equal(c.dma_wait_dram - c0.dma_wait_dram, 256 + 256 + 100);
	/* ... but the input's latency is spent waiting for compute, which the next command needs */
	assert_int_equal(c.dma_wait_compute - c0.dma_wait_compute, 100 + 52);
	assert_int_equal(c.compute_wait_dma - c0.compute_wait_dma, 1612);
	assert_int_equal(c.compute_wait_weights, c0.compute_wait_weights);
	assert_int_equal(c.mac_busy - c0.mac_busy, 52);
	/* 2 bursts fetched, 4 + 2 moved, one pass */
	assert_int_equal(c.progress - c0.progress, 2 + 4 + 2 + 1);
	rig_free(r);
}

/* A vector command that takes long moves it while it runs. */
static void test_progress(void **state)
{
	struct rig *r = rig_new("tiny", NULL);
	uint64_t before = host_counters(r->h).progress;
	struct loom_cmd_softmax *cmd;
	struct stream s;

	stream_begin(&s, RIG_LEASE);
	cmd = stream_add(&s, LOOM_OP_SOFTMAX, sizeof(*cmd));
	cmd->outer = 1;
	cmd->n = 131072;
	cmd->inner = 1;
	stream_end(&s);
	host_submit(r->h, 0, RIG_CTX, &s, 0);
	/* 131072 / 16 x 11 + 16 cycles: two passes */
	host_run_until(r->h, r->h->now + 110 + 65536);
	assert_int_equal(host_completions(r->h, 0), 0);
	assert_int_equal(host_counters(r->h).progress, before + 1);
	host_run(r->h);
	assert_int_equal(host_counters(r->h).progress, before + 2);
	assert_int_equal(host_completion(r->h, 0, 0)->vector_busy, 131072 / 16 * 11 + 16);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identities_tiny),
		cmocka_unit_test(test_identities_memory_centric),
		cmocka_unit_test(test_identities_compute_centric),
		cmocka_unit_test(test_what_for),
		cmocka_unit_test(test_progress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
