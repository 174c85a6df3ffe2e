/* SPDX-License-Identifier: MIT */
/*
 * DWCONV: a filter for each channel. The window is summed in order, all channels side by side.
 */

#include "execute.h"

struct depthwise {
	const struct sram *sram;
	const struct loom_cmd_conv *cmd;
	float *in;		/* batch h w c, dense */
	float *filter;		/* kh kw c */
	const float *bias;
};

static void load_image(struct depthwise *d)
{
	const struct loom_cmd_conv *cmd = d->cmd;
	uint64_t pixels = (uint64_t)cmd->batch * cmd->h * cmd->w;
	uint64_t taps = (uint64_t)cmd->kh * cmd->kw;

	d->in = scratch_floats(d->sram->scratch, SCRATCH_A, pixels * cmd->c);
	for (uint64_t i = 0; i < pixels; i++)
		load_floats(d->in + i * cmd->c, LOOM_F16,
			    d->sram->lease + cmd->in + 2 * i * cmd->in_pitch, 1, cmd->c);
	d->filter = scratch_floats(d->sram->scratch, SCRATCH_B, taps * cmd->c);
	load_floats(d->filter, LOOM_F16, d->sram->weights + cmd->w_off, 1, taps * cmd->c);
}

static void add_tap(const struct depthwise *d, float *acc, uint64_t n, int64_t y, int64_t x,
		    uint64_t tap)
{
	const struct loom_cmd_conv *cmd = d->cmd;
	const float *filter = d->filter + tap * cmd->c, *in;

	if (y < 0 || y >= cmd->h || x < 0 || x >= cmd->w)
		return;
	in = d->in + ((n * cmd->h + (uint64_t)y) * cmd->w + (uint64_t)x) * cmd->c;
	for (uint32_t c = 0; c < cmd->c; c++)
		acc[c] += in[c] * filter[c];
}

static void sum_window(const struct depthwise *d, float *acc, uint64_t n, uint32_t oy, uint32_t ox)
{
	const struct loom_cmd_conv *cmd = d->cmd;
	int64_t y = (int64_t)oy * cmd->sh - cmd->pt, x = (int64_t)ox * cmd->sw - cmd->pl;

	for (uint32_t c = 0; c < cmd->c; c++)
		acc[c] = d->bias ? d->bias[c] : 0.0f;
	for (uint32_t ky = 0; ky < cmd->kh; ky++)
		for (uint32_t kx = 0; kx < cmd->kw; kx++)
			add_tap(d, acc, n, y + (int64_t)ky * cmd->dh, x + (int64_t)kx * cmd->dw,
				(uint64_t)ky * cmd->kw + kx);
}

/* A row of output pixels of one image. */
static void do_row(void *arg, uint32_t row, uint32_t worker)
{
	const struct depthwise *d = arg;
	const struct loom_cmd_conv *cmd = d->cmd;
	uint64_t step = (uint64_t)cmd->out_pitch * dtype_bytes(cmd->out_dtype);
	uint8_t *out = d->sram->lease + cmd->out + (uint64_t)row * cmd->ow * step;
	float *acc = scratch_floats(workers_scratch(d->sram->workers, worker), SCRATCH_C, cmd->c);

	for (uint32_t ox = 0; ox < cmd->ow; ox++) {
		sum_window(d, acc, row / cmd->oh, row % cmd->oh, ox);
		activate(&cmd->act, acc, cmd->c);
		store_floats(out + ox * step, cmd->out_dtype, 1, acc, cmd->c);
	}
}

void execute_dwconv(const struct sram *sram, const struct loom_cmd *hdr)
{
	const struct loom_cmd_conv *cmd = (const void *)hdr;
	struct depthwise d = { .sram = sram, .cmd = cmd };

	if (cmd->hdr.flags & LOOM_CMD_BIAS)
		d.bias = (const void *)(sram->weights + cmd->b_off);
	load_image(&d);
	workers_run(sram->workers, cmd->batch * cmd->oh, do_row, &d);
}
