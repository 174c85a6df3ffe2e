/* SPDX-License-Identifier: MIT */
/*
 * QCONV: the MAC array on 8-bit numbers. Sums are exact, so nothing here depends on how a layer was
 * cut.
 */
#include <string.h>

#include "qgemm.h"
#include "quantise.h"
#include "window.h"
#include "workers.h"

struct qconv {
	const struct sram *sram;
	const struct loom_cmd_qconv *cmd;
	const struct loom_qchannel *channels;
	struct qgemm g;
	int32_t in_zero;
	float scale;		/* of the input, where it is dynamic */
	uint64_t pixels;	/* of the output */
	uint64_t channel;	/* first of the column block under way */
};

static void load_elements(const void *operands, float *to, uint64_t at, uint64_t n)
{
	const struct qconv *v = operands;

	load_steps(to, v->cmd->in_dtype, v->sram->lease + v->cmd->conv.in + at, 1, v->in_zero, n);
}

/* The column block [channel, channel + width): K rows of `width`, one after the other. */
static void load_weights(struct qconv *v, uint64_t channel, uint32_t width)
{
	const uint8_t *src = v->sram->weights + v->cmd->conv.w_off + channel * v->g.k;
	float zero[1024];	/* array_cols at most: loom_sim_check() */

	for (uint32_t i = 0; i < width; i++)
		zero[i] = low_8bits(v->cmd->w_dtype, v->channels[channel + i].zero);
	qgemm_columns(&v->g, width);
	for (uint64_t k = 0; k < v->g.k; k++) {
		float *row = v->g.b + k * v->g.pitch;

		load_steps(row, v->cmd->w_dtype, src + k * width, 1, 0, width);
		for (uint32_t i = 0; i < width; i++)
			row[i] -= zero[i];
	}
	qgemm_cut(&v->g);
}

static void add_residual(const struct qconv *v, float *x, uint64_t pixel, uint64_t channel)
{
	const struct loom_cmd_qconv *cmd = v->cmd;
	uint64_t at = pixel * cmd->conv.res_pitch + channel;
	float res[1024];

	load_reals(res, cmd->res_dtype,
		   v->sram->lease + cmd->conv.res + at * dtype_bytes(cmd->res_dtype), 1,
		   &cmd->res_quant, v->g.width);
	for (uint32_t i = 0; i < v->g.width; i++)
		x[i] += res[i];
}

static void store_row(const struct qconv *v, int32_t *sum, uint64_t pixel, uint64_t channel)
{
	const struct loom_cmd_conv *cmd = &v->cmd->conv;
	const struct loom_qchannel *of = v->channels + channel;
	uint64_t at = pixel * cmd->out_pitch + channel;
	uint8_t *to = v->sram->lease + cmd->out + at * dtype_bytes(cmd->out_dtype);
	float x[1024];

	for (uint32_t i = 0; i < v->g.width; i++)
		sum[i] = (int32_t)((uint32_t)sum[i] + (uint32_t)of[i].bias);
	if (cmd->out_dtype == LOOM_I32) {
		memcpy(to, sum, v->g.width * sizeof(*sum));
		return;
	}
	for (uint32_t i = 0; i < v->g.width; i++)
		x[i] = (float)sum[i] * (of[i].scale * v->scale) + of[i].add;
	if (cmd->hdr.flags & LOOM_CMD_RESIDUAL)
		add_residual(v, x, pixel, channel);
	store_sums(to, cmd->out_dtype, &cmd->act, &v->cmd->out_quant, x, v->g.width);
}

static void do_strip(void *arg, uint32_t item, uint32_t worker)
{
	const struct qconv *v = arg;
	uint64_t pixel = (uint64_t)item * QGEMM_ROWS;
	uint64_t rows = v->pixels - pixel < QGEMM_ROWS ? v->pixels - pixel : QGEMM_ROWS;
	struct qstrip strip = qgemm_strip(v->sram, &v->g, worker);

	load_windows(&v->cmd->conv, v, load_elements, strip.a, pixel, (uint32_t)rows);
	qgemm_multiply(&v->g, &strip, rows);
	for (uint64_t r = 0; r < rows; r++)
		store_row(v, strip.sum + r * v->g.pitch, pixel + r, v->channel);
}

void execute_qconv(const struct sram *sram, const struct loom_cmd *hdr)
{
	const struct loom_cmd_qconv *cmd = (const void *)hdr;
	uint32_t cols = sram->caps->array_cols;
	struct qconv v = {
		.sram = sram,
		.cmd = cmd,
		.channels = (const void *)(sram->weights + cmd->conv.b_off),
		.g = qgemm_new(sram, (uint64_t)cmd->conv.kh * cmd->conv.kw * cmd->conv.c),
		.in_zero = cmd->in_zero,
		.scale = 1.0f,
		.pixels = (uint64_t)cmd->conv.batch * cmd->conv.oh * cmd->conv.ow,
	};

	if (hdr->flags & LOOM_CMD_DYNAMIC) {
		struct loom_quant dynamic = load_dynamic(sram, cmd->dyn);

		v.in_zero = low_8bits(cmd->in_dtype, dynamic.zero);
		v.scale = dynamic.scale;
	}
	for (; v.channel < cmd->conv.oc; v.channel += v.g.width) {
		uint64_t left = cmd->conv.oc - v.channel;

		load_weights(&v, v.channel, left < cols ? left : cols);
		workers_run(sram->workers, (v.pixels + QGEMM_ROWS - 1) / QGEMM_ROWS, do_strip, &v);
	}
}
