/* SPDX-License-Identifier: MIT */
/*
 * REDUCE, SOFTMAX and LAYERNORM. Sums run in the order of the elements.
 */
#include <math.h>

#include "execute.h"

static float fold(uint32_t fn, float acc, float x)
{
	if (fn == LOOM_RED_MAX)
		return acc < x ? x : acc;
	if (fn == LOOM_RED_MIN)
		return acc > x ? x : acc;
	return acc + x;
}

/* One [n][inner] block; row and acc are scratch of `inner` elements, `n` when inner is 1. */
static void reduce_block(const struct loom_cmd_reduce *cmd, const uint8_t *src, float *acc,
			 float *row)
{
	uint32_t size = dtype_bytes(cmd->src_dtype);

	load_floats(acc, cmd->src_dtype, src, 1, cmd->inner);
	for (uint64_t n = 1; n < cmd->n; n++) {
		load_floats(row, cmd->src_dtype, src + n * cmd->inner * size, 1, cmd->inner);
		for (uint32_t i = 0; i < cmd->inner; i++)
			acc[i] = fold(cmd->fn, acc[i], row[i]);
	}
}

/* The same for inner = 1, a row at a time instead of an element. */
static void reduce_row(const struct loom_cmd_reduce *cmd, const uint8_t *src, float *acc,
		       float *row)
{
	load_floats(row, cmd->src_dtype, src, 1, cmd->n);
	*acc = row[0];
	for (uint32_t n = 1; n < cmd->n; n++)
		*acc = fold(cmd->fn, *acc, row[n]);
}

void execute_reduce(const struct sram *sram, const struct loom_cmd *hdr)
{
	const struct loom_cmd_reduce *cmd = (const void *)hdr;
	uint64_t block = (uint64_t)cmd->n * cmd->inner * dtype_bytes(cmd->src_dtype);
	uint64_t out = (uint64_t)cmd->inner * dtype_bytes(cmd->dst_dtype);
	float *acc = scratch_floats(sram->scratch, SCRATCH_A, cmd->inner);
	float *row = scratch_floats(sram->scratch, SCRATCH_B,
				    cmd->inner == 1 ? cmd->n : cmd->inner);

	for (uint32_t o = 0; o < cmd->outer; o++) {
		const uint8_t *src = sram->lease + cmd->src + o * block;

		if (cmd->inner == 1)
			reduce_row(cmd, src, acc, row);
		else
			reduce_block(cmd, src, acc, row);
		for (uint32_t i = 0; i < cmd->inner && cmd->fn == LOOM_RED_MEAN; i++)
			acc[i] /= (float)cmd->n;
		store_floats(sram->lease + cmd->dst + o * out, cmd->dst_dtype, 1, acc,
			     cmd->inner);
	}
}

static void softmax(float *x, uint32_t n)
{
	float max = x[0], sum = 0.0f, scale;

	for (uint32_t i = 1; i < n; i++)
		max = max < x[i] ? x[i] : max;
	for (uint32_t i = 0; i < n; i++) {
		x[i] = expf(x[i] - max);
		sum += x[i];
	}
	scale = 1.0f / sum;
	for (uint32_t i = 0; i < n; i++)
		x[i] *= scale;
}

void execute_softmax(const struct sram *sram, const struct loom_cmd *hdr)
{
	const struct loom_cmd_softmax *cmd = (const void *)hdr;
	uint64_t src_size = dtype_bytes(cmd->src_dtype), dst_size = dtype_bytes(cmd->dst_dtype);
	float *x = scratch_floats(sram->scratch, SCRATCH_A, cmd->n);

	for (uint64_t o = 0; o < cmd->outer; o++) {
		for (uint64_t i = 0; i < cmd->inner; i++) {
			uint64_t first = o * cmd->n * cmd->inner + i;

			load_floats(x, cmd->src_dtype, sram->lease + cmd->src + first * src_size,
				    cmd->inner, cmd->n);
			softmax(x, cmd->n);
			store_floats(sram->lease + cmd->dst + first * dst_size, cmd->dst_dtype,
				     cmd->inner, x, cmd->n);
		}
	}
}

static void normalise(float *x, uint32_t n, float eps)
{
	float sum = 0.0f, squares = 0.0f, mean, scale;

	for (uint32_t i = 0; i < n; i++)
		sum += x[i];
	mean = sum / (float)n;
	for (uint32_t i = 0; i < n; i++) {
		x[i] -= mean;
		squares += x[i] * x[i];
	}
	scale = 1.0f / sqrtf(squares / (float)n + eps);
	for (uint32_t i = 0; i < n; i++)
		x[i] *= scale;
}

void execute_layernorm(const struct sram *sram, const struct loom_cmd *hdr)
{
	const struct loom_cmd_layernorm *cmd = (const void *)hdr;
	const float *gamma = (const void *)(sram->weights + cmd->gamma);
	const float *beta = (const void *)(sram->weights + cmd->beta);
	float *x = scratch_floats(sram->scratch, SCRATCH_A, cmd->n);

	for (uint64_t r = 0; r < cmd->rows; r++) {
		uint64_t row = 2 * r * cmd->n;

		load_floats(x, LOOM_F16, sram->lease + cmd->src + row, 1, cmd->n);
		normalise(x, cmd->n, cmd->eps);
		for (uint32_t i = 0; i < cmd->n && cmd->hdr.flags & LOOM_CMD_GAMMA; i++)
			x[i] *= gamma[i];
		for (uint32_t i = 0; i < cmd->n && cmd->hdr.flags & LOOM_CMD_BETA; i++)
			x[i] += beta[i];
		store_floats(sram->lease + cmd->dst + row, LOOM_F16, 1, x, cmd->n);
	}
}
