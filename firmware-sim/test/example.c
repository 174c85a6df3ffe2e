/* SPDX-License-Identifier: MIT */
/*
 * The worked example of Documentation/accel/loom/timing.rst, run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "host.h"

#define SIDE	56
#define IN	64
#define OUT	128
#define LEASE	(4u << 20)
#define OUT_OFF	(2u << 20)

/* ns, as stamps: rounded down. */
#define INPUT	1784.036
#define WEIGHTS	655.360
#define OUTPUT	3568.071
#define ARRAY	(15952 / 0.7)
#define LATENCY	200.0

static void no_data(struct loom_sim_config *config)
{
	config->functional = LOOM_SIM_FUNCTIONAL_OFF;
}

static void make_buffer(struct stream *s, uint64_t in, uint64_t weights, uint64_t out)
{
	struct loom_cmd_conv *cmd;

	stream_begin(s, LEASE);
	stream_move(s, LOOM_OP_LOAD, in, 0, 2 * SIDE * SIDE * IN, 0);
	stream_fetch(s, weights, 2 * 9 * IN * OUT);
	cmd = stream_add(s, LOOM_OP_CONV, sizeof(*cmd));
	*cmd = (struct loom_cmd_conv){
		.hdr = { .opcode = LOOM_OP_CONV, .size = sizeof(*cmd), .wait = 1,
			 .release_to = s->weight_bytes },
		.out = OUT_OFF, .in_pitch = IN, .out_pitch = OUT,
		.batch = 1, .h = SIDE, .w = SIDE, .c = IN, .oh = SIDE, .ow = SIDE, .oc = OUT,
		.kh = 3, .kw = 3, .sh = 1, .sw = 1, .pt = 1, .pl = 1, .dh = 1, .dw = 1,
	};
	stream_move(s, LOOM_OP_STORE, out, OUT_OFF, 2 * SIDE * SIDE * OUT, 1);
	stream_end(s);
}

static void test_example(void **state)
{
	struct host *h = host_new("memory-centric", no_data);
	const struct loom_hw_cqe *cqe;
	uint64_t submitted;
	struct stream s;

	host_boot(h);
	host_context(h, 1, 0, LEASE);
	host_queue(h, 0, 4, 1);
	make_buffer(&s, host_buffer(h, 1, 0x10000000, 1 << 20, false),
		    host_buffer(h, 1, 0x20000000, 1 << 20, false),
		    host_buffer(h, 1, 0x30000000, 1 << 20, true));
	submitted = h->now;
	host_submit(h, 0, 1, &s, 0);
	host_run(h);
	cqe = host_completion(h, 0, 0);
	assert_int_equal(cqe->fault, LOOM_FAULT_NONE);
	assert_int_equal(cqe->dispatched, submitted + 500 + 4 * 50);
	assert_int_equal(cqe->compute_start,
			 cqe->dispatched + (uint64_t)(INPUT + WEIGHTS + LATENCY));
	assert_int_equal(cqe->compute_end,
			 cqe->dispatched + (uint64_t)(INPUT + WEIGHTS + LATENCY + ARRAY));
	assert_int_equal(cqe->end, cqe->dispatched + (uint64_t)(INPUT + WEIGHTS + LATENCY + ARRAY +
								OUTPUT + LATENCY));
	assert_int_equal((cqe->end - submitted), 29896);
	assert_int_equal(cqe->mac_busy, (uint64_t)ARRAY);
	host_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
