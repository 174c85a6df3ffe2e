/* SPDX-License-Identifier: MIT */
/*
 * A product in one command, and cut anywhere along its rows and then again: the same bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

#define ROWS	300u
#define K	40u
#define COLS	20u
#define IN	0u
#define IN_B	(64u << 10)
#define WHOLE	(96u << 10)
#define PARTS	(160u << 10)
#define BYTES	(4 * ROWS * COLS)

static struct rig *rig;

static int setup(void **state)
{
	rig = rig_new("tiny", NULL);
	rig_fill(rig, 1, 1.0f);
	return 0;
}

static int teardown(void **state)
{
	rig_free(rig);
	return 0;
}

/* Rows [first, first + num) of the product. */
static void add_conv(uint32_t out, uint32_t first, uint32_t num)
{
	struct loom_cmd_conv *cmd = rig_add(rig, LOOM_OP_CONV, sizeof(*cmd));

	*cmd = (struct loom_cmd_conv){
		.hdr = cmd->hdr,
		.in = IN + 2 * K * first, .out = out + 4 * COLS * first,
		.in_pitch = K, .out_pitch = COLS,
		.batch = 1, .h = 1, .w = num, .c = K, .oh = 1, .ow = num, .oc = COLS,
		.kh = 1, .kw = 1, .sh = 1, .sw = 1, .dh = 1, .dw = 1,
		.out_dtype = LOOM_F32,
	};
}

static void add_matmul(uint32_t out, uint32_t first, uint32_t num)
{
	struct loom_cmd_matmul *cmd = rig_add(rig, LOOM_OP_MATMUL, sizeof(*cmd));

	*cmd = (struct loom_cmd_matmul){
		.hdr = cmd->hdr,
		.a = IN + 2 * K * first, .b = IN_B, .out = out + 4 * COLS * first,
		.m = num, .n = COLS, .k = K, .batch = { 1, 1 },
		.a_row = K, .a_col = 1, .b_row = COLS, .b_col = 1, .out_row = COLS,
		.out_dtype = LOOM_F32, .alpha = 1.0f,
	};
}

typedef void (*add_fn)(uint32_t out, uint32_t first, uint32_t num);

/* The whole, and the same in parts of so many rows. */
static void check_part(add_fn add, uint32_t part)
{
	struct loom_hw_cqe cqe;

	rig_begin(rig, 2 * K * COLS);
	add(WHOLE, 0, ROWS);
	for (uint32_t first = 0; first < ROWS; first += part)
		add(PARTS, first, first + part < ROWS ? part : ROWS - first);
	cqe = rig_run(rig);
	if (cqe.fault)
		fail_msg("fault %u at command %u, address 0x%llx", cqe.fault, cqe.fault_cmd,
			 cqe.fault_addr);
	assert_memory_equal(rig->out + WHOLE, rig->out + PARTS, BYTES);
}

static void check(add_fn add)
{
	for (uint32_t part = 7; part < ROWS; part += part < 20 ? 1 : 23)
		check_part(add, part);
}

static void test_conv(void **state)
{
	check(add_conv);
}

static void test_matmul(void **state)
{
	check(add_matmul);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_conv),
		TEST(test_matmul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
