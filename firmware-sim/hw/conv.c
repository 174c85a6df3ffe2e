/* SPDX-License-Identifier: MIT */
/*
 * CONV on the MAC array: rows are output pixels, columns output channels.
 */
#include <string.h>

#include "tiles.h"
#include "window.h"

struct conv {
	const struct sram *sram;
	const struct loom_cmd_conv *cmd;
	uint64_t k;
};

static void load_elements(const void *operands, float *to, uint64_t at, uint64_t n)
{
	const struct conv *v = operands;

	load_floats(to, LOOM_F16, v->sram->lease + v->cmd->in + 2 * at, 1, n);
}

static void load_rows(const void *operands, float *a, uint64_t row, uint32_t rows)
{
	const struct conv *v = operands;

	load_windows(v->cmd, v, load_elements, a, row, rows);
}

/* Weights of a column block: K x width in the stream, K x pitch here. */
static void load_cols(const void *operands, float *b, uint64_t col, uint32_t width,
		      uint32_t pitch)
{
	const struct conv *v = operands;
	const uint8_t *src = v->sram->weights + v->cmd->w_off + 2 * col * v->k;

	if (width == pitch) {
		load_floats(b, LOOM_F16, src, 1, v->k * width);
		return;
	}
	memset(b, 0, v->k * pitch * sizeof(*b));
	for (uint64_t k = 0; k < v->k; k++)
		load_floats(b + k * pitch, LOOM_F16, src + 2 * k * width, 1, width);
}

static void add_bias(const struct conv *v, float *out, uint64_t channel, uint32_t width)
{
	const float *bias = (const void *)(v->sram->weights + v->cmd->b_off);

	for (uint32_t i = 0; i < width; i++)
		out[i] += bias[channel + i];
}

static void add_residual(const struct conv *v, float *out, uint64_t pixel, uint64_t channel,
			 uint32_t width)
{
	uint64_t at = pixel * v->cmd->res_pitch + channel;
	float res[1024];	/* array_cols at most: loom_sim_check() */

	load_floats(res, LOOM_F16, v->sram->lease + v->cmd->res + 2 * at, 1, width);
	for (uint32_t i = 0; i < width; i++)
		out[i] += res[i];
}

static void store_row(const struct conv *v, float *out, uint64_t pixel, uint64_t channel,
		      uint32_t width)
{
	const struct loom_cmd_conv *cmd = v->cmd;
	uint64_t at = pixel * cmd->out_pitch + channel;

	if (cmd->hdr.flags & LOOM_CMD_BIAS)
		add_bias(v, out, channel, width);
	if (cmd->hdr.flags & LOOM_CMD_RESIDUAL)
		add_residual(v, out, pixel, channel, width);
	activate(&cmd->act, out, width);
	store_floats(v->sram->lease + cmd->out + at * dtype_bytes(cmd->out_dtype),
		     cmd->out_dtype, 1, out, width);
}

static void store(const void *operands, float *c, uint32_t pitch, uint64_t row, uint32_t rows,
		  uint64_t col, uint32_t width)
{
	for (uint32_t r = 0; r < rows; r++)
		store_row(operands, c + (uint64_t)r * pitch, row + r, col, width);
}

void execute_conv(const struct sram *sram, const struct loom_cmd *hdr)
{
	const struct loom_cmd_conv *cmd = (const void *)hdr;
	const struct conv v = {
		.sram = sram,
		.cmd = cmd,
		.k = (uint64_t)cmd->kh * cmd->kw * cmd->c,
	};
	const struct product product = {
		.m = (uint64_t)cmd->batch * cmd->oh * cmd->ow,
		.k = v.k,
		.n = cmd->oc,
		.operands = &v,
		.load_rows = load_rows,
		.load_cols = load_cols,
		.store = store,
	};

	multiply(sram, &product);
}
