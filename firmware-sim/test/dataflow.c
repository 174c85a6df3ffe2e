/* SPDX-License-Identifier: MIT */
/*
 * The two dataflows of the MAC array: closed forms worked out by hand, figures of other simulators,
 * and the same bytes whichever it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "timing/loom_timing.h"
#include "woven.h"

static struct loom_hw_caps caps_of(const char *preset, enum loom_dataflow dataflow)
{
	struct loom_sim_config config;

	loom_sim_preset(&config, preset);
	config.caps.dataflow = dataflow;
	return config.caps;
}

static struct loom_cmd_conv product(uint64_t m, uint32_t k, uint32_t n)
{
	return (struct loom_cmd_conv){
		.hdr.opcode = LOOM_OP_CONV,
		.batch = 1, .oh = 1, .ow = m, .c = k, .oc = n, .kh = 1, .kw = 1,
	};
}

static uint64_t cycles(const struct loom_hw_caps *caps, uint64_t m, uint32_t k, uint32_t n)
{
	struct loom_cmd_conv cmd = product(m, k, n);

	return loom_timing_cycles(caps, &cmd.hdr);
}

/* ---- by hand ---- */

static void test_output_stationary(void **state)
{
	struct loom_hw_caps caps = caps_of("memory-centric", LOOM_OUTPUT_STATIONARY);

	/* 128 rows of sums leave in 16 cycles, fill and drain 256; 24.5 row tiles, 1 block */
	assert_int_equal(cycles(&caps, 3136, 576, 64), 16 + 256 + 25 * 576);
	/* one row: leaves in a cycle, K for each of 32 blocks whatever the rows */
	assert_int_equal(cycles(&caps, 1, 1024, 4096), 1 + 256 + 32 * 1024);
	/* K of 9 is less than what the sums before take to leave */
	assert_int_equal(cycles(&caps, 256, 9, 128), 16 + 256 + 2 * 16);
	/* compute-centric: 12 arrays of 64 x 64 share 1200 rows, 100 each: two row tiles */
	caps = caps_of("compute-centric", LOOM_OUTPUT_STATIONARY);
	assert_int_equal(cycles(&caps, 1200, 64, 64), 8 + 128 + 2 * 64);
}

/* A column's share of the array is all that a channel has use for, in either dataflow. */
static void test_depthwise(void **state)
{
	struct loom_hw_caps ws = caps_of("memory-centric", LOOM_WEIGHT_STATIONARY);
	struct loom_hw_caps os = caps_of("memory-centric", LOOM_OUTPUT_STATIONARY);
	struct loom_cmd_conv cmd = {
		.hdr.opcode = LOOM_OP_DWCONV,
		.batch = 1, .oh = 56, .ow = 56, .c = 144, .oc = 144, .kh = 3, .kw = 3,
	};
	uint64_t macs = loom_timing_macs(&cmd.hdr), peak = 128 * 128;

	/* 14 windows of 9 share a tile; 144 channels are two blocks of 72, 25 row tiles */
	assert_int_equal(loom_timing_cycles(&ws, &cmd.hdr), 16 + 256 + 11 * 3136);
	assert_int_equal(loom_timing_cycles(&os, &cmd.hdr), 16 + 256 + 25 * 9 * 144);
	assert_true(macs * 100 < peak * loom_timing_cycles(&ws, &cmd.hdr));
	assert_true(macs * 100 < peak * loom_timing_cycles(&os, &cmd.hdr));
}

/* 32 groups of 4 channels: each is a product of its own, K = 36 and N = 4. */
static void test_grouped(void **state)
{
	struct loom_hw_caps ws = caps_of("memory-centric", LOOM_WEIGHT_STATIONARY);
	struct loom_hw_caps os = caps_of("memory-centric", LOOM_OUTPUT_STATIONARY);

	assert_int_equal(cycles(&ws, 3136, 36, 4), 5 + 256 + 3136);
	assert_int_equal(cycles(&os, 3136, 36, 4), 16 + 256 + 25 * 36);
}

/* ---- passes ---- */

/* The passes add up, name weights in order, and give all of them back. */
static void check_passes(const struct loom_hw_caps *caps, const struct loom_cmd_conv *cmd)
{
	uint64_t sum = 0, freed = 0, need = 0, end = 2ull * cmd->c * cmd->oc;
	uint64_t n = loom_timing_passes(caps, &cmd->hdr);

	for (uint64_t i = 0; i < n; i++) {
		struct loom_pass pass = loom_timing_pass(caps, &cmd->hdr, i);

		assert_true(pass.cycles > 0);
		assert_true(pass.need > freed && pass.done <= end);
		freed = pass.done ? pass.done : freed;
		need = pass.need;
		sum += pass.cycles;
	}
	assert_int_equal(sum, loom_timing_cycles(caps, &cmd->hdr));
	assert_int_equal(need, end);
	assert_int_equal(freed, end);
}

static void test_passes(void **state)
{
	static const char *const presets[] = { "tiny", "memory-centric", "compute-centric" };
	uint64_t seed = 9;

	for (int i = 0; i < 600; i++) {
		struct loom_hw_caps caps = caps_of(presets[i % 3], LOOM_OUTPUT_STATIONARY);
		struct loom_cmd_conv cmd = product(1 + rig_random(&seed) % (i % 7 ? 300 : 3000),
						   1 + rig_random(&seed) % 1000,
						   1 + rig_random(&seed) % 1500);

		check_passes(&caps, &cmd);
	}
}

/* ---- the same bytes ---- */

static void output_stationary(struct loom_sim_config *config)
{
	config->caps.dataflow = LOOM_OUTPUT_STATIONARY;
}

static struct woven run_woven(void (*tweak)(struct loom_sim_config *config))
{
	struct woven w;

	woven_new(&w, "tiny", tweak, 21);
	for (int i = 0; i < 60; i++)
		woven_submit(&w);
	host_run(w.h);
	return w;
}

static void test_same_bytes(void **state)
{
	struct woven ws = run_woven(NULL), os = run_woven(output_stationary);

	for (int i = 0; i < WOVEN_TENANTS; i++)
		assert_memory_equal(ws.tenant[i].out, os.tenant[i].out, RIG_LEASE);
	assert_int_equal(host_counters(ws.h).macs, host_counters(os.h).macs);
	assert_int_not_equal(host_counters(ws.h).mac_busy, host_counters(os.h).mac_busy);
	woven_free(&ws);
	woven_free(&os);
}

/* ---- SCALE-Sim ---- */

/*
 * SCALE-Sim (Samajdar et al., ISPASS 2020) takes R + C - 2 cycles for the skew of each fold (tile)
 * and, weight-stationary, R to load its weights, with nothing behind them; Loom loads behind and
 * fills once a command. Add those bubbles to Loom's cycles on the same array, and SCALE-Sim v3's
 * golden traces (test/general in its repository, 32 x 32) come out to the cycle.
 */
#define SIDE 32

static struct loom_hw_caps scale_sim(enum loom_dataflow dataflow)
{
	struct loom_hw_caps caps = caps_of("memory-centric", dataflow);

	caps.array_rows = SIDE;
	caps.array_cols = SIDE;
	caps.wload_rows = 1;
	caps.acc_rows = 1 << 20;
	return caps;
}

static uint64_t folds(uint64_t a, uint64_t b)
{
	return (a + SIDE - 1) / SIDE * ((b + SIDE - 1) / SIDE);
}

static uint64_t as_weight_stationary(uint64_t m, uint32_t k, uint32_t n)
{
	struct loom_hw_caps caps = scale_sim(LOOM_WEIGHT_STATIONARY);
	uint64_t once = SIDE + 2 * SIDE;

	return cycles(&caps, m, k, n) - once + folds(k, n) * (SIDE + 2 * SIDE - 2) - 1;
}

static uint64_t as_output_stationary(uint64_t m, uint32_t k, uint32_t n)
{
	struct loom_hw_caps caps = scale_sim(LOOM_OUTPUT_STATIONARY);
	uint64_t once = SIDE + 2 * SIDE;

	return cycles(&caps, m, k, n) - once + folds(m, n) * (2 * SIDE - 2) - 1;
}

static void test_scale_sim(void **state)
{
	/* golden_trace_calc: AlexNet's first layer, 55 x 55 outputs of 11 x 11 x 3, 96 filters */
	assert_int_equal(as_weight_stationary(55 * 55, 11 * 11 * 3, 96), 112283);
	/* golden_trace_user_ws and _os: a 256 x 256 by 256 x 128 product, without its stalls */
	assert_int_equal(as_weight_stationary(256, 256, 128), 52447 - 41248);
	assert_int_equal(as_output_stationary(256, 256, 128), 52447 - 42272);
}

/* SCALE-Sim's topologies/conv_nets/Resnet18.csv: no padding, sizes rounded up. */
static const struct {
	uint32_t in, k, c, n, stride;
} resnet18[] = {
	{ 224, 7, 3, 64, 2 }, { 56, 3, 64, 64, 1 }, { 56, 3, 64, 64, 1 }, { 56, 3, 64, 64, 1 },
	{ 56, 3, 64, 64, 1 }, { 56, 3, 64, 128, 2 }, { 28, 3, 128, 128, 1 },
	{ 56, 1, 64, 128, 2 }, { 28, 3, 128, 128, 1 }, { 28, 3, 128, 128, 1 },
	{ 28, 3, 128, 256, 2 }, { 14, 3, 256, 256, 1 }, { 28, 1, 128, 256, 2 },
	{ 14, 3, 256, 256, 1 }, { 14, 3, 256, 256, 1 }, { 14, 3, 256, 512, 2 },
	{ 7, 3, 512, 512, 1 }, { 14, 1, 256, 512, 2 }, { 7, 3, 512, 512, 1 },
	{ 7, 3, 512, 512, 1 }, { 1, 1, 512, 1000, 1 },
};

/*
 * A run of SCALE-Sim v3 printed 2,603,685 for these 21 layers. Of that a part is the time to
 * prefetch a layer's first operands, which Loom counts as DRAM time: 3.5 % in the one golden trace
 * that states both figures (116,210 and 112,283).
 */
static void test_scale_sim_resnet18(void **state)
{
	struct loom_hw_caps caps = scale_sim(LOOM_WEIGHT_STATIONARY);
	uint64_t total = 0, loom = 0;

	for (size_t i = 0; i < sizeof(resnet18) / sizeof(resnet18[0]); i++) {
		uint32_t k = resnet18[i].k, s = resnet18[i].stride;
		uint64_t out = (resnet18[i].in - k + s + s - 1) / s;
		uint32_t depth = k * k * resnet18[i].c, n = resnet18[i].n;
		uint64_t sum = as_weight_stationary(out * out, depth, n);

		/* fewer rows than a tile takes to load: SCALE-Sim's fold is load and rows */
		if (out * out < SIDE)
			sum -= folds(depth, n) * (SIDE - out * out);
		total += sum;
		loom += cycles(&caps, out * out, depth, n);
	}
	printf("ResNet-18, 32 x 32: %lu cycles, with SCALE-Sim's bubbles %lu; SCALE-Sim 2603685\n",
	       (unsigned long)loom, (unsigned long)total);
	assert_in_range(total, 2603685 * 0.96, 2603685);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output_stationary),
		cmocka_unit_test(test_depthwise),
		cmocka_unit_test(test_grouped),
		cmocka_unit_test(test_passes),
		cmocka_unit_test(test_same_bytes),
		cmocka_unit_test(test_scale_sim),
		cmocka_unit_test(test_scale_sim_resnet18),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
