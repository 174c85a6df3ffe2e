/* SPDX-License-Identifier: MIT */
/*
 * onnxim.h - ResNet50's layers as ONNXim 1.3 (commit a1e8629) maps and counts them, in closed form.
 *
 * The cycles are of a run on light_resnet50: one 128 x 128 weight-stationary core at 700 MHz, 16
 * bits, six channels of HBM (230 GB/s), the rest taken to be as shipped; the first layer of each
 * shape. From its sources:
 *
 * - A tile of the array has channels of one tap of the window (ConvWS.cc): k k ceil(C/128)
 *   ceil(M/128) tiles, each max(pixels, 128) cycles, as the next tile's weights load a row a cycle
 *   (SystolicWS.cc).
 * - An input is loaded whole before the first tile starts: one MOVIN, which all tiles wait for. Of
 *   a strided layer only the pixels that are read.
 * - A convolution's weights cost nothing: make_weight_address() leaves out the output channel
 *   within a block, so that a tile's 32 KiB are 256 bytes. A fully connected layer's are loaded, a
 *   block of 128 outputs at a time.
 * - A store is done when it was put into the core's queue, which is in order (Core.cc): what is on
 *   its way when a layer ends, the last 128 channels of its result, the next one's loads wait for.
 * - A channel takes and gives 32 bytes a cycle of the interconnect, which is at 1 GHz as shipped,
 *   less than its DRAM. A line's channel is a hash of 16 values modulo 6 (Dram.cc): four channels
 *   have 3 of 16 lines each, and set the pace.
 */
#ifndef LOOM_TEST_ONNXIM_H
#define LOOM_TEST_ONNXIM_H

#include "timing/loom_timing.h"

#define ONNXIM_BLOCK	128u

struct onnxim_layer {
	uint32_t c, m, p, k;	/* channels in and out, side of the result, of the window */
	uint32_t cycles;	/* ONNXim's */
	uint32_t before_m, before_p;	/* of the layer before it: the shortcut comes first */
};

/* The fully connected layer is one pixel. */
static const struct onnxim_layer onnxim_layers[] = {
	{ 64, 64, 56, 1, 9256, 256, 56 },	{ 64, 64, 56, 3, 32409, 64, 56 },
	{ 64, 256, 56, 1, 10406, 64, 56 },	{ 256, 64, 56, 1, 17527, 256, 56 },
	{ 256, 128, 56, 1, 14828, 512, 28 },	{ 128, 128, 28, 3, 12111, 128, 56 },
	{ 128, 512, 28, 1, 5386, 128, 28 },	{ 512, 128, 28, 1, 8263, 512, 28 },
	{ 256, 512, 28, 1, 12345, 256, 56 },	{ 512, 256, 28, 1, 10593, 1024, 14 },
	{ 256, 256, 14, 3, 8855, 256, 28 },	{ 256, 1024, 14, 1, 4340, 256, 14 },
	{ 1024, 256, 14, 1, 5795, 1024, 14 },	{ 512, 1024, 14, 1, 8796, 512, 28 },
	{ 1024, 512, 14, 1, 8593, 2048, 7 },	{ 512, 512, 7, 3, 19346, 512, 14 },
	{ 512, 2048, 7, 1, 8983, 512, 7 },	{ 2048, 512, 7, 1, 9617, 2048, 7 },
	{ 1024, 2048, 7, 1, 17515, 1024, 14 },	{ 2048, 1000, 1, 1, 20293, 2048, 1 },
};

#define ONNXIM_LAYERS	(sizeof(onnxim_layers) / sizeof(onnxim_layers[0]))

/* Loom's equations, for a core of the same size. */
static inline uint64_t onnxim_array(const struct loom_hw_caps *caps, const struct onnxim_layer *l,
				    uint32_t k)
{
	const struct loom_cmd_conv cmd = {
		.hdr.opcode = LOOM_OP_CONV,
		.batch = 1, .oh = l->p, .ow = l->p, .c = l->c, .oc = l->m,
		.kh = (uint16_t)k, .kw = (uint16_t)k,
	};

	return loom_timing_cycles(caps, &cmd.hdr);
}

/* With a tile for each tap: the command's fill and drain once. */
static inline uint64_t onnxim_array_by_taps(const struct loom_hw_caps *caps,
					    const struct onnxim_layer *l)
{
	uint32_t rows = l->c < caps->array_rows ? l->c : caps->array_rows;
	uint64_t once = rows / caps->wload_rows + caps->array_rows + caps->array_cols;

	return (onnxim_array(caps, l, 1) - once) * l->k * l->k + once;
}

/* Bytes that cross DRAM while the array waits. */
static inline uint64_t onnxim_bytes_before(const struct onnxim_layer *l)
{
	uint64_t last = l->before_m < ONNXIM_BLOCK ? l->before_m : ONNXIM_BLOCK;

	return 2 * last * l->before_p * l->before_p + 2ull * l->c * l->p * l->p;
}

/* 16/3 channels of 32 bytes at 1 GHz, in cycles of the core. */
static inline uint64_t onnxim_way(const struct loom_hw_caps *caps, uint64_t bytes)
{
	return bytes * 3 * (caps->clock_khz / 1000) / (16 * 32 * 1000);
}

/* What the above comes to. */
static inline uint64_t onnxim_explained(const struct loom_hw_caps *caps,
					const struct onnxim_layer *l)
{
	uint64_t array = onnxim_array_by_taps(caps, l);
	uint64_t way = onnxim_way(caps, onnxim_bytes_before(l)), weights, last;

	if (l->p > 1)
		return way + array;
	/* Loading is slower than the array: the last block's tiles come when all is there. */
	weights = onnxim_way(caps, 2ull * l->c * l->m);
	last = array / ((l->m + ONNXIM_BLOCK - 1) / ONNXIM_BLOCK);
	return way + (weights + last > array ? weights + last : array);
}

#endif /* LOOM_TEST_ONNXIM_H */
