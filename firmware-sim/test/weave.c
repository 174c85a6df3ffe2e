/* SPDX-License-Identifier: MIT */
/*
 * Jobs of several contexts in one stream: nobody's bytes depend on who else is there, how layers
 * are cut, when weights are released, or who dies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

#define K		96
#define N		80
#define ROWS		40
#define LAYERS		4
#define WEIGHT_BYTES	(2 * K * N)
#define ACT_OFF(layer)	((layer) % 2 ? 64u << 10 : 0)

/* Output channels [first, first + count) of a layer: a product of ROWS x K and K x N, ReLU. */
static void add_slice(struct rig *r, struct stream *s, int layer, uint32_t first, uint32_t count,
		      uint32_t wait)
{
	uint64_t weights = r->weights_va + layer * WEIGHT_BYTES + 2 * K * first;
	struct loom_cmd_conv *cmd;

	stream_fetch(s, weights, 2 * K * count);
	cmd = stream_add(s, LOOM_OP_CONV, sizeof(*cmd));
	*cmd = (struct loom_cmd_conv){
		.hdr = cmd->hdr,
		.in = ACT_OFF(layer), .out = ACT_OFF(layer + 1) + 2 * first,
		.in_pitch = K, .out_pitch = K,
		.batch = 1, .h = 1, .w = ROWS, .c = K, .oh = 1, .ow = ROWS, .oc = count,
		.kh = 1, .kw = 1, .sh = 1, .sw = 1, .dh = 1, .dw = 1,
		.act = { .fn = LOOM_UN_LEAKY, .alpha = 0.5f },
	};
	cmd->hdr.wait = wait;
	cmd->hdr.release_to = s->weight_bytes;
}

/*
 * One job is one slice: `count` channels from `first` of a layer. The first slice loads the input,
 * the last stores the output.
 */
static void submit_slice(struct rig *r, int layer, uint32_t first, uint32_t count, uint16_t flags)
{
	bool load = layer == 0 && first == 0, store = layer == LAYERS - 1 && first + count == N;
	struct stream s;

	stream_begin(&s, RIG_LEASE);
	if (load)
		stream_move(&s, LOOM_OP_LOAD, r->in_va, 0, RIG_LEASE, 0);
	add_slice(r, &s, layer, first, count, load);
	if (store)
		stream_move(&s, LOOM_OP_STORE, r->out_va, ACT_OFF(LAYERS), 2 * ROWS * K, 1);
	stream_end(&s);
	host_submit(r->h, 0, r->ctx, &s, flags);
}

static void submit_layer(struct rig *r, int layer, uint32_t slice, uint16_t flags)
{
	for (uint32_t first = 0; first < N; first += slice)
		submit_slice(r, layer, first, N - first < slice ? N - first : slice, flags);
}

struct pair {
	struct host *h;
	struct rig a, b;
};

static struct pair pair_new(void)
{
	struct pair p = { .h = host_new("tiny", NULL) };

	host_boot(p.h);
	host_queue(p.h, 0, 6, 4);
	rig_context(&p.a, p.h, 1);
	rig_context(&p.b, p.h, 2);
	rig_fill(&p.a, 11, 0.3f);
	rig_fill(&p.b, 12, 0.3f);
	return p;
}

static void take_outputs(const struct pair *p, uint8_t *out)
{
	memcpy(out, p->a.out, RIG_LEASE);
	memcpy(out + RIG_LEASE, p->b.out, RIG_LEASE);
}

static uint32_t faults(struct pair *p)
{
	return host_counters(p->h).faults;
}

enum { SEQUENTIAL, WOVEN };

static void run(uint8_t *out, int order, uint32_t slice, uint16_t flags)
{
	struct pair p = pair_new();

	for (int i = 0; i < 2 * LAYERS; i++) {
		bool first = order == WOVEN ? i % 2 == 0 : i < LAYERS;

		submit_layer(first ? &p.a : &p.b, order == WOVEN ? i / 2 : i % LAYERS, slice,
			     flags);
	}
	host_run(p.h);
	assert_int_equal(faults(&p), 0);
	take_outputs(&p, out);
	host_free(p.h);
}

static uint8_t reference[2 * RIG_LEASE], outputs[2 * RIG_LEASE];

static int make_reference(void **state)
{
	run(reference, SEQUENTIAL, N, 0);
	return 0;
}

static void expect_reference(int order, uint32_t slice, uint16_t flags)
{
	run(outputs, order, slice, flags);
	assert_memory_equal(outputs, reference, sizeof(reference));
}

static void test_reference_is_something(void **state)
{
	static const uint8_t zero[2 * K];

	assert_memory_not_equal(reference, zero, sizeof(zero));
	assert_memory_not_equal(reference + RIG_LEASE, zero, sizeof(zero));
	assert_memory_not_equal(reference + RIG_LEASE, reference, sizeof(zero));
}

static void test_woven(void **state)
{
	expect_reference(WOVEN, N, 0);
}

static void test_sliced(void **state)
{
	expect_reference(SEQUENTIAL, 16, 0);
	expect_reference(SEQUENTIAL, 48, 0);
}

static void test_woven_and_sliced(void **state)
{
	expect_reference(WOVEN, 16, 0);
	expect_reference(WOVEN, 32, 0);
}

static void test_release_by_layer(void **state)
{
	expect_reference(WOVEN, N, LOOM_JOB_RELEASE_LAYER);
	expect_reference(WOVEN, 32, LOOM_JOB_RELEASE_LAYER);
}

/* ---- cuts on the arrays of the paper ---- */

struct cut {
	uint32_t channels, rows;	/* of a slice */
};

/*
 * One product of 200 x 100 and 100 x 300, cut in channels and rows: the channels at multiples of
 * array_cols, as weights stand in blocks of so many.
 */
static void run_cut(const char *preset, struct cut cut, uint8_t *out)
{
	enum { M = 200, DEPTH = 100, WIDTH = 300, OUT = 64 << 10 };
	struct rig *r = rig_new(preset, NULL);

	rig_fill(r, 21, 0.5f);
	rig_begin(r, 2 * DEPTH * WIDTH);
	for (uint32_t first = 0; first < WIDTH; first += cut.channels) {
		for (uint32_t row = 0; row < M; row += cut.rows) {
			uint32_t rows = M - row < cut.rows ? M - row : cut.rows;
			uint32_t left = WIDTH - first;
			struct loom_cmd_conv *cmd = rig_add(r, LOOM_OP_CONV, sizeof(*cmd));

			*cmd = (struct loom_cmd_conv){
				.hdr = cmd->hdr,
				.in = 2 * DEPTH * row, .in_pitch = DEPTH,
				.out = OUT + 2 * (WIDTH * row + first), .out_pitch = WIDTH,
				.batch = 1, .h = 1, .w = rows, .c = DEPTH, .oh = 1, .ow = rows,
				.oc = left < cut.channels ? left : cut.channels,
				.kh = 1, .kw = 1, .sh = 1, .sw = 1, .dh = 1, .dw = 1,
				.w_off = 2 * DEPTH * first,
			};
		}
	}
	assert_int_equal(rig_run(r).fault, LOOM_FAULT_NONE);
	memcpy(out, r->out + OUT, 2 * M * WIDTH);
	rig_free(r);
}

static void test_cuts(void **state)
{
	static const struct cut cuts[] = { { 128, 200 }, { 256, 200 }, { 300, 128 },
					   { 128, 23 } };
	static const char *const presets[] = { "memory-centric", "compute-centric" };
	static uint8_t whole[1 << 17], cut[1 << 17];

	for (int p = 0; p < 2; p++) {
		run_cut(presets[p], (struct cut){ 300, 200 }, whole);
		for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
			run_cut(presets[p], cuts[i], cut);
			assert_memory_equal(cut, whole, sizeof(whole));
		}
	}
}

/* ---- death ---- */

static void submit_garbage(struct rig *r)
{
	struct stream s;

	stream_begin(&s, RIG_LEASE);
	add_slice(r, &s, 0, 0, N, 0);
	stream_add(&s, 99, 16);
	stream_end(&s);
	host_submit(r->h, 0, r->ctx, &s, 0);
}

/* Faults at run time, in the middle of its fetch. */
static void submit_unmapped(struct rig *r)
{
	struct stream s;

	stream_begin(&s, RIG_LEASE);
	stream_fetch(&s, r->weights_va + RIG_WEIGHTS - 8192, 16384);
	stream_end(&s);
	host_submit(r->h, 0, r->ctx, &s, 0);
}

/* b's jobs: all well, then the fault, then nothing runs. */
static void check_after_fault(struct pair *p)
{
	uint32_t fault = LOOM_FAULT_NONE;

	for (uint32_t i = 0; i < p->h->queue[0].tail; i++) {
		struct loom_hw_cqe *cqe = host_completion(p->h, 0, i);

		if (cqe->ctx != 2)
			continue;
		if (fault)
			assert_int_equal(cqe->fault, LOOM_FAULT_CONTEXT_DEAD);
		fault |= cqe->fault;
	}
	assert_int_not_equal(fault, LOOM_FAULT_NONE);
}

/* b fails after its layer `at`; a must not notice. */
static void run_with_fault(int at, void (*submit_bad)(struct rig *r))
{
	struct pair p = pair_new();

	for (int i = 0; i < LAYERS; i++) {
		submit_layer(&p.a, i, 32, 0);
		submit_layer(&p.b, i, 32, 0);
		if (i == at)
			submit_bad(&p.b);
	}
	host_run(p.h);
	assert_int_equal(host_completions(p.h, 0), p.h->queue[0].tail);
	assert_int_equal(faults(&p), 1);
	assert_memory_equal(p.a.out, reference, RIG_LEASE);
	check_after_fault(&p);
	host_free(p.h);
}

static void test_fault_is_private(void **state)
{
	for (int at = 0; at < LAYERS - 1; at++) {
		run_with_fault(at, submit_garbage);
		run_with_fault(at, submit_unmapped);
	}
}

static uint64_t length_of_run(void)
{
	struct pair p = pair_new();
	uint64_t start = p.h->now;

	for (int i = 0; i < LAYERS; i++) {
		submit_layer(&p.a, i, 32, 0);
		submit_layer(&p.b, i, 32, 0);
	}
	host_run(p.h);
	start = p.h->now - start;
	host_free(p.h);
	return start;
}

static void submit_all(struct pair *p)
{
	for (int i = 0; i < LAYERS; i++) {
		submit_layer(&p->a, i, 32, 0);
		submit_layer(&p->b, i, 32, 0);
	}
}

/* Fault codes only go from NONE to `code` within the jobs of b; a's are all NONE. */
static void check_codes(struct pair *p, uint32_t code)
{
	bool dead = false;

	for (uint32_t i = 0; i < p->h->queue[0].tail; i++) {
		struct loom_hw_cqe *cqe = host_completion(p->h, 0, i);

		if (cqe->ctx == 1) {
			assert_int_equal(cqe->fault, LOOM_FAULT_NONE);
			continue;
		}
		dead |= cqe->fault == code;
		assert_int_equal(cqe->fault, dead ? code : LOOM_FAULT_NONE);
	}
}

static void test_kill_at_any_time(void **state)
{
	uint64_t length = length_of_run();

	for (int n = 0; n <= 40; n++) {
		struct pair p = pair_new();

		submit_all(&p);
		host_run_until(p.h, p.h->now + length * n / 40);
		assert_int_equal(host_context_op(p.h, LOOM_ADMIN_CTX_KILL, 2), LOOM_ADMIN_OK);
		host_run(p.h);
		assert_memory_equal(p.a.out, reference, RIG_LEASE);
		check_codes(&p, LOOM_FAULT_CANCELLED);
		host_free(p.h);
	}
}

/* After DESTROY completes the context's memory is not touched, and its number is free. */
static void test_destroy_at_any_time(void **state)
{
	uint64_t length = length_of_run();

	for (int n = 0; n <= 20; n++) {
		struct pair p = pair_new();

		submit_all(&p);
		host_run_until(p.h, p.h->now + length * n / 20);
		assert_int_equal(host_context_op(p.h, LOOM_ADMIN_CTX_DESTROY, 2), LOOM_ADMIN_OK);
		memset(p.b.out, 0x5a, RIG_LEASE);
		host_run(p.h);
		for (int i = 0; i < 1000; i++)
			assert_int_equal(p.b.out[i], 0x5a);
		assert_memory_equal(p.a.out, reference, RIG_LEASE);
		assert_int_equal(host_context(p.h, 2, RIG_LEASE, RIG_LEASE), LOOM_ADMIN_OK);
		host_free(p.h);
	}
}

/* b has a queue of its own, which is destroyed: its jobs are cancelled, its context lives. */
static void test_queue_destroy_at_any_time(void **state)
{
	uint64_t length = length_of_run();

	for (int n = 0; n <= 20; n++) {
		struct pair p = pair_new();
		uint32_t written;

		host_queue(p.h, 1, 6, 1);
		submit_all(&p);
		for (int i = 0; i < 20; i++) {
			struct stream s;

			stream_begin(&s, RIG_LEASE);
			add_slice(&p.b, &s, 0, 0, N, 0);
			stream_end(&s);
			host_submit(p.h, 1, 2, &s, 0);
		}
		host_run_until(p.h, p.h->now + length * n / 20);
		assert_int_equal(host_queue_destroy(p.h, 1), LOOM_ADMIN_OK);
		written = host_completions(p.h, 1);
		assert_int_equal(written, 20);
		memset(host_ptr(p.h, p.h->queue[1].cq), 0xee, 64);
		host_run(p.h);
		assert_int_equal(*(uint8_t *)host_ptr(p.h, p.h->queue[1].cq), 0xee);
		assert_memory_equal(p.a.out, reference, RIG_LEASE);
		host_free(p.h);
	}
}

static void test_reset_at_any_time(void **state)
{
	uint64_t length = length_of_run();

	for (int n = 0; n <= 40; n++) {
		struct pair p = pair_new();
		uint32_t writes;

		submit_all(&p);
		host_run_until(p.h, p.h->now + length * n / 40);
		host_reg_write(p.h, LOOM_REG_CTRL, LOOM_CTRL_RESET);
		writes = p.h->dma_writes;
		assert_int_equal(host_reg(p.h, LOOM_REG_STATE), LOOM_STATE_RESET);
		assert_true(p.h->timer == UINT64_MAX);
		host_run_until(p.h, p.h->now + length);
		assert_int_equal(p.h->dma_writes, writes);
		/* and it comes back */
		assert_int_equal(host_boot(p.h), LOOM_STATE_READY);
		assert_int_equal(host_context(p.h, 1, 0, 4096), LOOM_ADMIN_OK);
		assert_int_equal(host_counters(p.h).jobs, 0);
		host_free(p.h);
	}
}

/* A new tenant of a lease finds zeros. */
static void test_lease_is_cleared(void **state)
{
	struct rig *r = rig_new("tiny", NULL);

	rig_fill(r, 9, 1.0f);
	rig_begin(r, 0);
	assert_int_equal(rig_run(r).fault, 0);
	host_context_op(r->h, LOOM_ADMIN_CTX_DESTROY, RIG_CTX);
	host_context(r->h, RIG_CTX, 0, RIG_LEASE);
	stream_begin(&r->s, RIG_LEASE);
	stream_move(&r->s, LOOM_OP_STORE, r->out_va, 0, RIG_LEASE, 0);
	stream_end(&r->s);
	host_submit(r->h, 0, RIG_CTX, &r->s, 0);
	host_run(r->h);
	for (uint32_t i = 0; i < RIG_LEASE; i++)
		assert_int_equal(r->out[i], 0);
	rig_free(r);
}

/* The same calls at the same times: the same everything. */
static void test_deterministic(void **state)
{
	struct loom_hw_counters counters[2];
	uint8_t *rings[2];

	for (int n = 0; n < 2; n++) {
		struct pair p = pair_new();

		submit_all(&p);
		host_run(p.h);
		rings[n] = malloc(64 * sizeof(struct loom_hw_cqe));
		memcpy(rings[n], host_ptr(p.h, p.h->queue[0].cq),
		       64 * sizeof(struct loom_hw_cqe));
		counters[n] = host_counters(p.h);
		host_free(p.h);
	}
	assert_memory_equal(rings[0], rings[1], 64 * sizeof(struct loom_hw_cqe));
	assert_memory_equal(&counters[0], &counters[1], sizeof(counters[0]));
	free(rings[0]);
	free(rings[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference_is_something),
		cmocka_unit_test(test_woven),
		cmocka_unit_test(test_sliced),
		cmocka_unit_test(test_woven_and_sliced),
		cmocka_unit_test(test_release_by_layer),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_fault_is_private),
		cmocka_unit_test(test_kill_at_any_time),
		cmocka_unit_test(test_destroy_at_any_time),
		cmocka_unit_test(test_queue_destroy_at_any_time),
		cmocka_unit_test(test_reset_at_any_time),
		cmocka_unit_test(test_lease_is_cleared),
		cmocka_unit_test(test_deterministic),
	};

	return cmocka_run_group_tests(tests, make_reference, NULL);
}
