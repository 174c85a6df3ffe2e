/* SPDX-License-Identifier: MIT */
/*
 * Bands, quanta and shares: who gets the device, how long a higher band waits, and that nobody's
 * prefetch pays for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

#define STEP_NS		8208u	/* 128 Ki elements by 16 lanes, and 16 cycles to start */
#define FILL_NS		65536u	/* tiny's weight SRAM at a byte a ns */
#define ENTRIES_LOG2	8

static struct host *h;
static struct rig tenant[4];

static int start(void **state)
{
	h = host_new("tiny", NULL);
	host_boot(h);
	for (uint32_t i = 0; i < 4; i++)
		rig_context(&tenant[i], h, i + 1);
	return 0;
}

static int stop(void **state)
{
	host_free(h);
	return 0;
}

static void queue(uint32_t number, enum loom_band band)
{
	assert_int_equal(host_queue_in(h, number, ENTRIES_LOG2, 1, band, 0), LOOM_ADMIN_OK);
}

static void band_set(enum loom_band band, uint32_t quantum_us)
{
	struct loom_admin_cmd cmd = {
		.opcode = LOOM_ADMIN_BAND_SET,
		.band = { .band = band, .quantum_us = quantum_us },
	};

	assert_int_equal(host_admin(h, &cmd), LOOM_ADMIN_OK);
}

/* Waits for the last of the weights: a copy of 16 elements, 17 cycles. */
static void use_weights(struct stream *s)
{
	struct loom_cmd_copy *cmd = stream_add(s, LOOM_OP_COPY, sizeof(*cmd));

	for (int i = 0; i < LOOM_MAX_DIMS; i++) {
		cmd->dims[i] = i < LOOM_MAX_DIMS - 1 ? 1 : 16;
		cmd->src.stride[i] = 1;
		cmd->dst.stride[i] = 1;
	}
	cmd->src.space = LOOM_SPACE_WEIGHTS;
	cmd->src.off = s->weight_bytes - 32;
	cmd->hdr.release_to = s->weight_bytes;
}

/* A job of queue and context `number`: so many steps of the vector unit, after so many weights. */
static void submit(uint32_t number, uint32_t steps, uint32_t weights)
{
	struct rig *r = &tenant[number];
	struct stream s;

	stream_begin(&s, RIG_LEASE);
	if (weights) {
		stream_fetch(&s, r->weights_va, weights);
		use_weights(&s);
	}
	for (uint32_t i = 0; i < steps; i++) {
		struct loom_cmd_unary *cmd = stream_add(&s, LOOM_OP_UNARY, sizeof(*cmd));

		*cmd = (struct loom_cmd_unary){
			.hdr = cmd->hdr, .rows = 512, .cols = 256, .src_pitch = 256,
			.dst_pitch = 256, .act = { .fn = LOOM_UN_RELU },
		};
		cmd->hdr.release_to = s.weight_bytes;
	}
	stream_end(&s);
	host_submit(h, number, r->ctx, &s, 0);
}

static void submit_many(uint32_t number, uint32_t jobs, uint32_t steps)
{
	while (jobs--)
		submit(number, steps, 0);
}

/* Compute and DRAM time that the queue's completed jobs had. */
static uint64_t served(uint32_t number)
{
	uint64_t ns = 0;

	for (uint32_t i = 0; i < host_completions(h, number); i++)
		ns += host_completion(h, number, i)->vector_busy;
	return ns;
}

static void test_closed_form(void **state)
{
	queue(0, LOOM_BAND_NORMAL);
	submit(0, 3, 0);
	host_run(h);
	assert_int_equal(served(0), 3 * STEP_NS);
}

/* Without a quantum a lower band waits until the higher ones have nothing. */
static void test_strict(void **state)
{
	static const enum loom_band bands[] = { LOOM_BAND_IDLE, LOOM_BAND_NORMAL, LOOM_BAND_HIGH,
						LOOM_BAND_REALTIME };

	for (uint32_t i = 0; i < 4; i++) {
		queue(i, bands[i]);
		band_set(bands[i], 0);
	}
	for (int i = 3; i >= 0; i--)
		submit_many(i, 20, 4);
	host_run(h);
	for (uint32_t i = 1; i < 4; i++)
		assert_true(host_completion(h, i, 19)->compute_end <=
			    host_completion(h, i - 1, 0)->compute_start);
}

/* A long queue of a lower band costs a higher one no more than two fillings of the weight SRAM. */
static void test_wait_is_bounded(void **state)
{
	const struct loom_hw_caps *caps = &h->config.caps;
	uint64_t bound = 2 * (FILL_NS + 8 * caps->fw_job_ns) + 8 * STEP_NS;
	uint64_t own = caps->fw_job_ns + caps->fw_cmd_ns;
	uint64_t waited;

	queue(0, LOOM_BAND_NORMAL);
	queue(1, LOOM_BAND_HIGH);
	submit_many(0, 100, 8);
	host_run_until(h, h->now + 20 * 8 * STEP_NS + 1234);
	waited = h->now;
	submit(1, 1, 0);
	host_run(h);
	waited = host_completion(h, 1, 0)->compute_start - waited;
	assert_true(waited > 0);
	assert_in_range(waited, 0, bound + 2 * own);
}

/* The same when what is ahead are weights: those in the SRAM, and as many requested. */
static void test_wait_behind_weights(void **state)
{
	uint64_t submitted;

	queue(0, LOOM_BAND_NORMAL);
	queue(1, LOOM_BAND_HIGH);
	for (int i = 0; i < 100; i++)
		submit(0, 1, 32 << 10);
	host_run_until(h, h->now + 20 * FILL_NS);
	submitted = h->now;
	submit(1, 1, 0);
	host_run(h);
	assert_in_range(host_completion(h, 1, 0)->compute_start - submitted, 0, 4 * FILL_NS);
}

/* A lower band gets one job each time that it waited for the quantum. */
static void test_quantum(void **state)
{
	uint64_t begin, end, jobs = 0;

	queue(0, LOOM_BAND_NORMAL);
	queue(1, LOOM_BAND_HIGH);
	band_set(LOOM_BAND_HIGH, 200);
	begin = h->now;
	submit_many(1, 120, 4);
	submit_many(0, 60, 4);
	host_run(h);
	end = host_completion(h, 1, 119)->compute_end;
	for (uint32_t i = 0; i < 60; i++)
		jobs += host_completion(h, 0, i)->compute_end < end;
	/* one in 200 us and what a job dispatched before it takes */
	assert_in_range(jobs, (end - begin) / (200000 + 5 * STEP_NS) - 1,
			(end - begin) / 200000 + 1);
}

/* Each band above has a say: idle work waits for normal work's quantum too. */
static void test_quantum_of_each(void **state)
{
	uint64_t begin, end, jobs = 0;

	queue(0, LOOM_BAND_IDLE);
	queue(1, LOOM_BAND_NORMAL);
	queue(2, LOOM_BAND_HIGH);
	band_set(LOOM_BAND_NORMAL, 1000);
	band_set(LOOM_BAND_HIGH, 100);
	begin = h->now;
	submit_many(2, 200, 4);
	submit_many(1, 100, 4);
	submit_many(0, 100, 4);
	host_run(h);
	end = host_completion(h, 2, 199)->compute_end;
	for (uint32_t i = 0; i < 100; i++)
		jobs += host_completion(h, 0, i)->compute_end < end;
	assert_in_range(jobs, 1, (end - begin) / 1000000 + 1);
}

/* Queues of a band get the same time, not the same number of jobs. */
static void test_fair_share(void **state)
{
	uint64_t a, b;

	queue(0, LOOM_BAND_NORMAL);
	queue(1, LOOM_BAND_NORMAL);
	submit_many(0, 30, 8);
	submit_many(1, 240, 1);
	host_run_until(h, h->now + 20 * 8 * STEP_NS);
	a = served(0);
	b = served(1);
	assert_true(a > 8 * 8 * STEP_NS);
	assert_in_range(b, a - 9 * STEP_NS, a + 9 * STEP_NS);
}

/* Weights count too: what a queue uses most is what it pays for. */
static void test_fair_share_of_dram(void **state)
{
	uint32_t a, b;

	queue(0, LOOM_BAND_NORMAL);
	queue(1, LOOM_BAND_NORMAL);
	for (int i = 0; i < 60; i++)
		submit(0, 1, 5 * STEP_NS & ~1u);
	submit_many(1, 240, 1);
	host_run_until(h, h->now + 100 * STEP_NS);
	a = host_completions(h, 0);
	b = host_completions(h, 1);
	assert_true(a > 10);
	assert_in_range(b, 5 * a - 10, 5 * a + 10);
}

/* Having slept gives no right to more than half. */
static void test_sleeper(void **state)
{
	uint64_t before, a, b;

	queue(0, LOOM_BAND_NORMAL);
	queue(1, LOOM_BAND_NORMAL);
	submit_many(0, 200, 4);
	host_run_until(h, h->now + 100 * 4 * STEP_NS);
	before = served(0);
	submit_many(1, 100, 4);
	host_run_until(h, h->now + 40 * 4 * STEP_NS);
	a = served(0) - before;
	b = served(1);
	/* but for what was dispatched when it woke */
	assert_in_range(a - b, 0, FILL_NS + 3 * 4 * STEP_NS);
}

/* One queue: weights are there before compute wants them, however heavy compute is before. */
static void test_prefetch(void **state)
{
	struct loom_hw_counters c;

	queue(0, LOOM_BAND_NORMAL);
	for (int i = 0; i < 40; i++) {
		submit(0, 9, 0);
		submit(0, 1, 60 << 10);
	}
	host_run(h);
	c = host_counters(h);
	assert_int_equal(host_completion(h, 0, 79)->fault, LOOM_FAULT_NONE);
	assert_int_equal(c.compute_wait_weights, 0);
	assert_int_equal(c.vector_busy, 40 * (10 * STEP_NS + 17));
}

/* And the channel does not rest while it is what all wait for. */
static void test_prefetch_bound_by_memory(void **state)
{
	struct loom_hw_counters c;
	uint64_t begin, end;

	queue(0, LOOM_BAND_NORMAL);
	begin = h->now;
	for (int i = 0; i < 40; i++) {
		submit(0, 4, 0);
		for (int j = 0; j < 4; j++)
			submit(0, 1, 30 << 10);
	}
	host_run(h);
	c = host_counters(h);
	end = host_completion(h, 0, 199)->fetch_end;
	assert_int_equal(c.fetch_busy, 160 * (30 << 10));
	/* the first jobs, and the last burst's latency */
	assert_in_range(end - begin - c.fetch_busy, 0, 2000);
}

static void test_errors(void **state)
{
	struct loom_admin_cmd cmd = { .opcode = LOOM_ADMIN_BAND_SET, .band.band = LOOM_BAND_COUNT };

	assert_int_equal(host_admin(h, &cmd), LOOM_ADMIN_BAD_ID);
	assert_int_equal(host_queue_in(h, 0, 4, 1, LOOM_BAND_COUNT, 0), LOOM_ADMIN_BAD_FIELD);
	assert_int_equal(host_queue_in(h, 0, 4, 1, 0, 2), LOOM_ADMIN_BAD_FIELD);
	assert_int_equal(host_queue_in(h, 0, 4, 1, 0, LOOM_QUEUE_USER), LOOM_ADMIN_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_ ## name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(closed_form),
		TEST(strict),
		TEST(wait_is_bounded),
		TEST(wait_behind_weights),
		TEST(quantum),
		TEST(quantum_of_each),
		TEST(fair_share),
		TEST(fair_share_of_dram),
		TEST(sleeper),
		TEST(prefetch),
		TEST(prefetch_bound_by_memory),
		TEST(errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
