/* SPDX-License-Identifier: MIT */
/*
 * ResNet50's layers beside ONNXim's cycles for them, each alone: one 128 x 128 weight-stationary
 * core at 700 MHz with 230 GB/s of DRAM, 16 bit, activations in DRAM between layers. With the sizes
 * set to the same (a row of weights loaded in a cycle) a layer takes here: its input's transfer,
 * the array's cycles, the last column block's output (the others leave behind the array's work),
 * and DRAM's latency twice. The table that is printed is in Documentation/accel/loom/timing.rst.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "loom_sim.h"
#include "timing/loom_timing.h"

enum mapping {
	SAME,
	TAPS,		/* ONNXim has a tile for each tap of the window, of 64 rows; so here */
	UNKNOWN,	/* ONNXim takes longer than tiles and DRAM explain: the fewest columns */
};

static const struct layer {
	uint32_t c, m, in, out, k;	/* channels, sides, window */
	uint32_t onnxim;
	enum mapping mapping;
} layers[] = {
	{ 64, 64, 56, 56, 1, 9256, UNKNOWN },
	{ 64, 64, 56, 56, 3, 32409, TAPS },
	{ 64, 256, 56, 56, 1, 10406, SAME },
	{ 256, 64, 56, 56, 1, 17527, UNKNOWN },
	{ 256, 128, 56, 56, 1, 14828, SAME },
	{ 128, 128, 28, 28, 3, 12111, UNKNOWN },
	{ 128, 512, 28, 28, 1, 5386, SAME },
	{ 512, 128, 28, 28, 1, 8263, UNKNOWN },
	{ 256, 512, 56, 28, 1, 12345, SAME },
	{ 512, 256, 28, 28, 1, 10593, SAME },
	{ 256, 256, 14, 14, 3, 8855, SAME },
	{ 256, 1024, 14, 14, 1, 4340, SAME },
	{ 1024, 256, 14, 14, 1, 5795, SAME },
	{ 512, 1024, 28, 14, 1, 8796, SAME },
	{ 1024, 512, 14, 14, 1, 8593, SAME },
	{ 512, 512, 7, 7, 3, 19346, SAME },
	{ 512, 2048, 7, 7, 1, 8983, SAME },
	{ 2048, 512, 7, 7, 1, 9617, SAME },
	{ 1024, 2048, 14, 7, 1, 17515, SAME },
	{ 2048, 1000, 1, 1, 1, 20293, UNKNOWN },
};

#define NUM_LAYERS	(sizeof(layers) / sizeof(layers[0]))
#define BLOCK		128

/* The same core as ONNXim's. */
static struct loom_hw_caps core(void)
{
	struct loom_sim_config config;

	loom_sim_preset(&config, "memory-centric");
	config.caps.wload_rows = 1;
	config.caps.dram_mbps = 230000;
	return config.caps;
}

static uint64_t array_ps(const struct loom_hw_caps *caps, const struct layer *l)
{
	const struct loom_cmd_conv cmd = {
		.hdr.opcode = LOOM_OP_CONV,
		.batch = 1, .oh = l->out, .ow = l->out, .c = l->c, .oc = l->m,
		.kh = l->mapping == TAPS ? 1 : l->k, .kw = l->mapping == TAPS ? 1 : l->k,
	};
	uint64_t cycles = loom_timing_cycles(caps, &cmd.hdr);

	if (l->mapping == TAPS)
		cycles += (l->k * l->k - 1) * l->out * l->out;
	return loom_timing_cycles_to_ps(caps, cycles);
}

static uint64_t layer_cycles(const struct layer *l)
{
	struct loom_hw_caps caps = core();
	uint64_t input = 2ull * l->in * l->in * l->c;
	uint64_t output = 2ull * l->out * l->out * (l->m < BLOCK ? l->m : BLOCK);
	uint64_t ps = loom_timing_dram_ps(&caps, input + output) + array_ps(&caps, l) +
		      2000ull * caps.dram_latency_ns;

	return ps * 7 / 10000;
}

static void test_layers(void **state)
{
	static const char *const how[] = { "", "with taps apart", "not explained" };

	for (size_t i = 0; i < NUM_LAYERS; i++) {
		const struct layer *l = &layers[i];
		uint64_t cycles = layer_cycles(l);

		printf("%5u %5u %3u %3u %2u %8lu %8u %6.2f  %s\n", l->c, l->m, l->in, l->out,
		       l->k, (unsigned long)cycles, l->onnxim, (double)cycles / l->onnxim,
		       how[l->mapping]);
		if (l->mapping == UNKNOWN)
			assert_in_range(cycles, l->onnxim * 0.65, l->onnxim);
		else
			assert_in_range(cycles, l->onnxim * 0.85, l->onnxim * 1.15);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
