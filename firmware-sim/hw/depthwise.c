/* SPDX-License-Identifier: MIT */
/*
 * DWCONV: a filter for each channel. The window is summed in order, all channels side by side.
 */

#include "execute.h"

struct depthwise {
	const struct loom_cmd_conv *cmd;
	float *in;		/* batch h w c, dense */
	float *filter;		/* kh kw c */
	float *acc;		/* c */
};

static void load_image(const struct sram *sram, struct depthwise *d)
{
	const struct loom_cmd_conv *cmd = d->cmd;
	uint64_t pixels = (uint64_t)cmd->batch * cmd->h * cmd->w;
	uint64_t taps = (uint64_t)cmd->kh * cmd->kw;

	d->in = scratch_floats(sram->scratch, SCRATCH_A, pixels * cmd->c);
	for (uint64_t i = 0; i < pixels; i++)
		load_floats(d->in + i * cmd->c, LOOM_F16,
			    sram->lease + cmd->in + 2 * i * cmd->in_pitch, 1, cmd->c);
	d->filter = scratch_floats(sram->scratch, SCRATCH_B, taps * cmd->c);
	load_floats(d->filter, LOOM_F16, sram->weights + cmd->w_off, 1, taps * cmd->c);
	d->acc = scratch_floats(sram->scratch, SCRATCH_C, cmd->c);
}

static void add_tap(struct depthwise *d, uint64_t n, int64_t y, int64_t x, uint64_t tap)
{
	const struct loom_cmd_conv *cmd = d->cmd;
	const float *filter = d->filter + tap * cmd->c, *in;
	float *acc = d->acc;

	if (y < 0 || y >= cmd->h || x < 0 || x >= cmd->w)
		return;
	in = d->in + ((n * cmd->h + (uint64_t)y) * cmd->w + (uint64_t)x) * cmd->c;
	for (uint32_t c = 0; c < cmd->c; c++)
		acc[c] += in[c] * filter[c];
}

static void sum_window(struct depthwise *d, const float *bias, uint64_t n, uint32_t oy, uint32_t ox)
{
	const struct loom_cmd_conv *cmd = d->cmd;
	int64_t y = (int64_t)oy * cmd->sh - cmd->pt, x = (int64_t)ox * cmd->sw - cmd->pl;

	for (uint32_t c = 0; c < cmd->c; c++)
		d->acc[c] = bias ? bias[c] : 0.0f;
	for (uint32_t ky = 0; ky < cmd->kh; ky++)
		for (uint32_t kx = 0; kx < cmd->kw; kx++)
			add_tap(d, n, y + (int64_t)ky * cmd->dh, x + (int64_t)kx * cmd->dw,
				(uint64_t)ky * cmd->kw + kx);
}

void execute_dwconv(const struct sram *sram, const struct loom_cmd *hdr)
{
	const struct loom_cmd_conv *cmd = (const void *)hdr;
	const float *bias = cmd->hdr.flags & LOOM_CMD_BIAS ?
			    (const void *)(sram->weights + cmd->b_off) : NULL;
	uint64_t pixels = (uint64_t)cmd->batch * cmd->oh * cmd->ow;
	uint64_t step = (uint64_t)cmd->out_pitch * dtype_bytes(cmd->out_dtype);
	struct depthwise d = { .cmd = cmd };

	load_image(sram, &d);
	for (uint64_t i = 0; i < pixels; i++) {
		uint64_t row = i / cmd->ow;

		sum_window(&d, bias, row / cmd->oh, row % cmd->oh, i % cmd->ow);
		activate(&cmd->act, d.acc, cmd->c);
		store_floats(sram->lease + cmd->out + i * step, cmd->out_dtype, 1, d.acc, cmd->c);
	}
}
