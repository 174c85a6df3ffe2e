/* SPDX-License-Identifier: MIT */
/*
 * POOL. Padding is no pixel: it is skipped, and counts in an average only with COUNT_PAD, which
 * makes the divisor the whole window.
 */
#include <math.h>

#include "execute.h"

struct pooling {
	const struct loom_cmd_pool *cmd;
	const uint8_t *in;
	float *acc, *pixel;	/* a value for each channel */
	uint32_t count;
};

static void max_each(float *acc, const float *x, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		acc[i] = acc[i] < x[i] ? x[i] : acc[i];
}

static void add_each(float *acc, const float *x, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		acc[i] += x[i];
}

static void pool_pixel(struct pooling *p, uint64_t n, int64_t y, int64_t x)
{
	const struct loom_cmd_pool *cmd = p->cmd;
	uint64_t index = (n * cmd->h + (uint64_t)y) * cmd->w + (uint64_t)x;

	if (y < 0 || y >= cmd->h || x < 0 || x >= cmd->w)
		return;
	load_floats(p->pixel, LOOM_F16, p->in + 2 * index * cmd->in_pitch, 1, cmd->c);
	p->count++;
	if (cmd->fn == LOOM_POOL_MAX)
		max_each(p->acc, p->pixel, cmd->c);
	else
		add_each(p->acc, p->pixel, cmd->c);
}

static void pool_window(struct pooling *p, uint64_t n, uint32_t oy, uint32_t ox)
{
	const struct loom_cmd_pool *cmd = p->cmd;
	int64_t y = (int64_t)oy * cmd->sh - cmd->pt, x = (int64_t)ox * cmd->sw - cmd->pl;

	p->count = 0;
	for (uint32_t c = 0; c < cmd->c; c++)
		p->acc[c] = cmd->fn == LOOM_POOL_MAX ? -INFINITY : 0.0f;
	for (uint32_t ky = 0; ky < cmd->kh; ky++)
		for (uint32_t kx = 0; kx < cmd->kw; kx++)
			pool_pixel(p, n, y + (int64_t)ky * cmd->dh, x + (int64_t)kx * cmd->dw);
}

static void divide(struct pooling *p)
{
	const struct loom_cmd_pool *cmd = p->cmd;
	uint32_t whole = (uint32_t)cmd->kh * cmd->kw;
	uint32_t divisor = cmd->hdr.flags & LOOM_CMD_COUNT_PAD ? whole : p->count;

	if (cmd->fn != LOOM_POOL_AVERAGE || !divisor)
		return;
	for (uint32_t c = 0; c < cmd->c; c++)
		p->acc[c] /= (float)divisor;
}

void execute_pool(const struct sram *sram, const struct loom_cmd *hdr)
{
	const struct loom_cmd_pool *cmd = (const void *)hdr;
	struct pooling p = {
		.cmd = cmd,
		.in = sram->lease + cmd->in,
		.acc = scratch_floats(sram->scratch, SCRATCH_A, cmd->c),
		.pixel = scratch_floats(sram->scratch, SCRATCH_B, cmd->c),
	};
	uint64_t pixels = (uint64_t)cmd->batch * cmd->oh * cmd->ow;

	for (uint64_t i = 0; i < pixels; i++) {
		uint64_t row = i / cmd->ow;

		pool_window(&p, row / cmd->oh, row % cmd->oh, i % cmd->ow);
		divide(&p);
		store_floats(sram->lease + cmd->out + 2 * i * cmd->out_pitch, LOOM_F16, 1, p.acc,
			     cmd->c);
	}
}
