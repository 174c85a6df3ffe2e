/* SPDX-License-Identifier: MIT */
/*
 * QDWCONV: an 8-bit filter for each channel. Sums are of floats as long as those are exact
 * (qgemm.c says why they are), then of int32.
 */
#include <string.h>

#include "quantise.h"

#define EXACT_TAPS 256		/* 256 * 255 * 255 < 2^24 */

struct depthwise {
	const struct loom_cmd_qconv *cmd;
	const struct loom_qchannel *channels;
	float *in;		/* batch h w c, dense, minus the zero point */
	float *filter;		/* kh kw c, minus the zero points */
	float *part;		/* c */
	int32_t *sum;		/* c */
	float scale;
};

static void load_image(const struct sram *sram, struct depthwise *d, int32_t zero)
{
	const struct loom_cmd_conv *cmd = &d->cmd->conv;
	uint64_t pixels = (uint64_t)cmd->batch * cmd->h * cmd->w;

	d->in = scratch_floats(sram->scratch, SCRATCH_A, pixels * cmd->c);
	for (uint64_t i = 0; i < pixels; i++)
		load_steps(d->in + i * cmd->c, d->cmd->in_dtype,
			   sram->lease + cmd->in + i * cmd->in_pitch, 1, zero, cmd->c);
}

static void load_filter(const struct sram *sram, struct depthwise *d)
{
	const struct loom_cmd_conv *cmd = &d->cmd->conv;
	uint64_t taps = (uint64_t)cmd->kh * cmd->kw;

	d->filter = scratch_floats(sram->scratch, SCRATCH_B, taps * cmd->c);
	load_steps(d->filter, d->cmd->w_dtype, sram->weights + cmd->w_off, 1, 0, taps * cmd->c);
	for (uint64_t i = 0; i < taps * cmd->c; i++)
		d->filter[i] -= low_8bits(d->cmd->w_dtype, d->channels[i % cmd->c].zero);
	d->part = scratch_floats(sram->scratch, SCRATCH_C, 2ull * cmd->c);
	d->sum = (void *)(d->part + cmd->c);
}

static void flush(struct depthwise *d)
{
	for (uint32_t c = 0; c < d->cmd->conv.c; c++) {
		d->sum[c] = (int32_t)((uint32_t)d->sum[c] + (uint32_t)(int32_t)d->part[c]);
		d->part[c] = 0.0f;
	}
}

static void add_tap(struct depthwise *d, uint64_t n, int64_t y, int64_t x, uint64_t tap)
{
	const struct loom_cmd_conv *cmd = &d->cmd->conv;
	const float *filter = d->filter + tap * cmd->c, *in;
	float *part = d->part;

	if (tap % EXACT_TAPS == 0 && tap)
		flush(d);
	if (y < 0 || y >= cmd->h || x < 0 || x >= cmd->w)
		return;
	in = d->in + ((n * cmd->h + (uint64_t)y) * cmd->w + (uint64_t)x) * cmd->c;
	for (uint32_t c = 0; c < cmd->c; c++)
		part[c] += in[c] * filter[c];
}

static void sum_window(struct depthwise *d, uint64_t n, uint32_t oy, uint32_t ox)
{
	const struct loom_cmd_conv *cmd = &d->cmd->conv;
	int64_t y = (int64_t)oy * cmd->sh - cmd->pt, x = (int64_t)ox * cmd->sw - cmd->pl;

	for (uint32_t c = 0; c < cmd->c; c++) {
		d->sum[c] = d->channels[c].bias;
		d->part[c] = 0.0f;
	}
	for (uint32_t ky = 0; ky < cmd->kh; ky++)
		for (uint32_t kx = 0; kx < cmd->kw; kx++)
			add_tap(d, n, y + (int64_t)ky * cmd->dh, x + (int64_t)kx * cmd->dw,
				(uint64_t)ky * cmd->kw + kx);
	flush(d);
}

static void store_pixel(struct depthwise *d, uint8_t *to)
{
	const struct loom_cmd_conv *cmd = &d->cmd->conv;

	if (cmd->out_dtype == LOOM_I32) {
		memcpy(to, d->sum, cmd->c * sizeof(*d->sum));
		return;
	}
	for (uint32_t c = 0; c < cmd->c; c++)
		d->part[c] = (float)d->sum[c] * (d->channels[c].scale * d->scale) +
			     d->channels[c].add;
	store_sums(to, cmd->out_dtype, &cmd->act, &d->cmd->out_quant, d->part, cmd->c);
}

void execute_qdwconv(const struct sram *sram, const struct loom_cmd *hdr)
{
	const struct loom_cmd_qconv *qcmd = (const void *)hdr;
	const struct loom_cmd_conv *cmd = &qcmd->conv;
	uint64_t pixels = (uint64_t)cmd->batch * cmd->oh * cmd->ow;
	uint64_t step = (uint64_t)cmd->out_pitch * dtype_bytes(cmd->out_dtype);
	struct depthwise d = { .cmd = qcmd, .scale = 1.0f };
	int32_t zero = qcmd->in_zero;

	d.channels = (const void *)(sram->weights + cmd->b_off);
	if (hdr->flags & LOOM_CMD_DYNAMIC) {
		struct loom_quant dynamic = load_dynamic(sram, qcmd->dyn);

		zero = low_8bits(qcmd->in_dtype, dynamic.zero);
		d.scale = dynamic.scale;
	}
	load_image(sram, &d, zero);
	load_filter(sram, &d);
	for (uint64_t i = 0; i < pixels; i++) {
		uint64_t row = i / cmd->ow;

		sum_window(&d, row / cmd->oh, row % cmd->oh, i % cmd->ow);
		store_pixel(&d, sram->lease + cmd->out + i * step);
	}
}
