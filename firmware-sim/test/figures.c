/* SPDX-License-Identifier: MIT */
/*
 * The equations against outside figures: compute time over weight fetch time of whole networks at
 * batch 1 on the memory-centric preset. The paper's are exact, from the chart data of the
 * Layerweaver talk (its compute times are MAESTRO's, an estimate of the same kind). Nothing was
 * fitted, so nothing has to agree closely; but a network has to be on the right side, and within
 * a factor of 1.6. The table that is printed is in Documentation/accel/loom/timing.rst.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "loom_sim.h"
#include "timing/loom_timing.h"

struct network {
	struct loom_hw_caps caps;
	uint64_t compute_ps, weight_bytes, macs;
};

static struct network network_new(void)
{
	struct loom_sim_config config;

	loom_sim_preset(&config, "memory-centric");
	return (struct network){ .caps = config.caps };
}

/* A layer by the size of its output; strides and padding take no time. */
static void add_layer(struct network *net, uint16_t opcode, uint32_t height, uint32_t width,
		      uint32_t c, uint32_t oc, uint32_t k)
{
	struct loom_cmd_conv cmd = {
		.hdr.opcode = opcode,
		.batch = 1, .oh = height, .ow = width, .c = c, .oc = oc, .kh = k, .kw = k,
	};
	uint64_t cycles = loom_timing_cycles(&net->caps, &cmd.hdr);

	net->compute_ps += loom_timing_cycles_to_ps(&net->caps, cycles);
	net->weight_bytes += 2ull * k * k * (opcode == LOOM_OP_CONV ? c : 1) * oc;
	net->macs += loom_timing_macs(&cmd.hdr);
}

static void conv(struct network *net, uint32_t size, uint32_t c, uint32_t oc, uint32_t k)
{
	add_layer(net, LOOM_OP_CONV, size, size, c, oc, k);
}

static void product(struct network *net, uint32_t rows, uint32_t c, uint32_t oc)
{
	add_layer(net, LOOM_OP_CONV, 1, rows, c, oc, 1);
}

/* ResNet50, or ResNeXt50 (32x4d) with 32 groups. */
static void resnet_block(struct network *net, uint32_t in_size, uint32_t size, uint32_t in,
			 uint32_t width, uint32_t groups)
{
	uint32_t mid = groups > 1 ? 2 * width : width;

	conv(net, in_size, in, mid, 1);
	for (uint32_t g = 0; g < groups; g++)
		conv(net, size, mid / groups, mid / groups, 3);
	conv(net, size, mid, 4 * width, 1);
}

static void resnet(struct network *net, uint32_t groups)
{
	static const uint32_t blocks[] = { 3, 4, 6, 3 };
	uint32_t in = 64;

	conv(net, 112, 3, 64, 7);
	for (uint32_t stage = 0; stage < 4; stage++) {
		uint32_t size = 56 >> stage, width = 64 << stage;
		uint32_t in_size = stage ? 2 * size : size;

		conv(net, size, in, 4 * width, 1);
		resnet_block(net, in_size, size, in, width, groups);
		in = 4 * width;
		for (uint32_t b = 1; b < blocks[stage]; b++)
			resnet_block(net, size, size, in, width, groups);
	}
	product(net, 1, 2048, 1000);
}

static void mobilenet_block(struct network *net, uint32_t in_size, uint32_t size, uint32_t in,
			    uint32_t expanded, uint32_t out)
{
	if (expanded != in)
		conv(net, in_size, in, expanded, 1);
	add_layer(net, LOOM_OP_DWCONV, size, size, expanded, expanded, 3);
	conv(net, size, expanded, out, 1);
}

static void mobilenet_v2(struct network *net)
{
	static const struct {
		uint32_t expansion, out, blocks, stride;
	} stages[] = {
		{ 1, 16, 1, 1 }, { 6, 24, 2, 2 }, { 6, 32, 3, 2 }, { 6, 64, 4, 2 },
		{ 6, 96, 3, 1 }, { 6, 160, 3, 2 }, { 6, 320, 1, 1 },
	};
	uint32_t size = 112, in = 32;

	conv(net, 112, 3, 32, 3);
	for (int s = 0; s < 7; s++) {
		for (uint32_t b = 0; b < stages[s].blocks; b++) {
			uint32_t in_size = size;

			if (b == 0)
				size /= stages[s].stride;
			mobilenet_block(net, in_size, size, in, in * stages[s].expansion,
					stages[s].out);
			in = stages[s].out;
		}
	}
	conv(net, 7, 320, 1280, 1);
	product(net, 1, 1280, 1000);
}

/*
 * Encoder layers without their attention products. The paper does not say how many tokens; its
 * arithmetic intensity comes out at 14 to 16.
 */
static void bert(struct network *net, uint32_t layers, uint32_t width, uint32_t tokens)
{
	for (uint32_t i = 0; i < layers; i++) {
		for (int projection = 0; projection < 4; projection++)
			product(net, tokens, width, width);
		product(net, tokens, width, 4 * width);
		product(net, tokens, 4 * width, width);
	}
}

static void compare(const struct network *net, const char *name, double paper)
{
	double compute = net->compute_ps / 1000000.0;
	double memory = loom_timing_dram_ps(&net->caps, net->weight_bytes) / 1000000.0;
	double ratio = compute / memory;

	printf("%-12s %5.2f GMAC %6.1f MB  compute %7.1f us  fetch %7.1f us  ratio %5.2f (%.2f)\n",
	       name, net->macs / 1000000000.0, net->weight_bytes / 1000000.0, compute, memory,
	       ratio, paper);
	assert_true((ratio > 1) == (paper > 1));
	assert_true(ratio < 1.6 * paper && paper < 1.6 * ratio);
}

static void test_convolutional(void **state)
{
	struct network net = network_new();

	resnet(&net, 1);
	compare(&net, "ResNet50", 2.59);
	net = network_new();
	resnet(&net, 32);
	compare(&net, "ResNeXt50", 8.56);
	net = network_new();
	mobilenet_v2(&net);
	compare(&net, "MobileNetV2", 8.73);
}

static void test_transformers(void **state)
{
	struct network net = network_new();

	bert(&net, 12, 768, 15);
	compare(&net, "BERT-base", 0.158);
	net = network_new();
	bert(&net, 24, 1024, 15);
	compare(&net, "BERT-large", 0.158);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_convolutional),
		cmocka_unit_test(test_transformers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
