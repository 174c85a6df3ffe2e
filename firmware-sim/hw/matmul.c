/* SPDX-License-Identifier: MIT */
/*
 * MATMUL on the MAC array: both operands are activations, strided as they like.
 */
#include <string.h>

#include "tiles.h"

struct matmul {
	const struct loom_cmd_matmul *cmd;
	/* of the batch under way */
	const uint8_t *a, *b;
	uint8_t *out;
};

static void load_rows(const void *operands, float *a, uint64_t row, uint32_t rows)
{
	const struct matmul *m = operands;
	const struct loom_cmd_matmul *cmd = m->cmd;

	for (uint32_t r = 0; r < rows; r++)
		load_floats(a + (uint64_t)r * cmd->k, LOOM_F16,
			    m->a + 2 * (row + r) * cmd->a_row, cmd->a_col, cmd->k);
}

static void load_cols(const void *operands, float *b, uint64_t col, uint32_t width,
		      uint32_t pitch)
{
	const struct matmul *m = operands;
	const struct loom_cmd_matmul *cmd = m->cmd;

	memset(b, 0, (uint64_t)cmd->k * pitch * sizeof(*b));
	for (uint64_t k = 0; k < cmd->k; k++)
		load_floats(b + k * pitch, LOOM_F16,
			    m->b + 2 * (k * cmd->b_row + col * cmd->b_col), cmd->b_col, width);
}

static void store(const void *operands, float *c, uint32_t pitch, uint64_t row, uint32_t rows,
		  uint64_t col, uint32_t width)
{
	const struct matmul *m = operands;
	const struct loom_cmd_matmul *cmd = m->cmd;

	for (uint32_t r = 0; r < rows; r++) {
		float *out = c + (uint64_t)r * pitch;
		uint64_t at = (row + r) * cmd->out_row + col;

		for (uint32_t i = 0; i < width; i++)
			out[i] *= cmd->alpha;
		activate(&cmd->act, out, width);
		store_floats(m->out + at * dtype_bytes(cmd->out_dtype), cmd->out_dtype, 1, out,
			     width);
	}
}

static uint64_t batch_offset(const __u32 *stride, uint64_t b0, uint64_t b1)
{
	return b0 * stride[0] + b1 * stride[1];
}

void execute_matmul(const struct sram *sram, const struct loom_cmd *hdr)
{
	const struct loom_cmd_matmul *cmd = (const void *)hdr;
	uint32_t size = dtype_bytes(cmd->out_dtype);
	struct matmul m = { .cmd = cmd };
	const struct product product = {
		.m = cmd->m,
		.k = cmd->k,
		.n = cmd->n,
		.operands = &m,
		.load_rows = load_rows,
		.load_cols = load_cols,
		.store = store,
	};

	for (uint64_t b0 = 0; b0 < cmd->batch[0]; b0++) {
		for (uint64_t b1 = 0; b1 < cmd->batch[1]; b1++) {
			m.a = sram->lease + cmd->a + 2 * batch_offset(cmd->a_batch, b0, b1);
			m.b = sram->lease + cmd->b + 2 * batch_offset(cmd->b_batch, b0, b1);
			m.out = sram->lease + cmd->out +
				size * batch_offset(cmd->out_batch, b0, b1);
			multiply(sram, &product);
		}
	}
}
