/* SPDX-License-Identifier: MIT */
/*
 * QPOOL. Padding is no pixel: it is skipped, and counts in an average only with COUNT_PAD.
 */
#include "quantise.h"

struct pooling {
	const struct loom_cmd_qpool *cmd;
	const uint8_t *in;
	int32_t *sum;		/* a value for each channel */
	float *x;
	uint32_t count;
};

static void pool_pixel(struct pooling *p, uint64_t n, int64_t y, int64_t x)
{
	const struct loom_cmd_pool *cmd = &p->cmd->pool;
	const uint8_t *at;
	int32_t zero = p->cmd->in_quant.zero, *sum = p->sum;

	if (y < 0 || y >= cmd->h || x < 0 || x >= cmd->w)
		return;
	at = p->in + ((n * cmd->h + (uint64_t)y) * cmd->w + (uint64_t)x) * cmd->in_pitch;
	p->count++;
	for (uint32_t c = 0; c < cmd->c; c++) {
		int32_t q = low_8bits(p->cmd->in_dtype, at[c]);

		if (cmd->fn == LOOM_POOL_AVERAGE)
			sum[c] = (int32_t)((uint32_t)sum[c] + (uint32_t)(q - zero));
		else
			sum[c] = sum[c] < q ? q : sum[c];
	}
}

static void pool_window(struct pooling *p, uint64_t n, uint32_t oy, uint32_t ox)
{
	const struct loom_cmd_pool *cmd = &p->cmd->pool;
	int64_t y = (int64_t)oy * cmd->sh - cmd->pt, x = (int64_t)ox * cmd->sw - cmd->pl;
	int32_t lowest = p->cmd->in_dtype == LOOM_I8 ? INT8_MIN : 0;

	p->count = 0;
	for (uint32_t c = 0; c < cmd->c; c++)
		p->sum[c] = cmd->fn == LOOM_POOL_MAX ? lowest : 0;
	for (uint32_t ky = 0; ky < cmd->kh; ky++)
		for (uint32_t kx = 0; kx < cmd->kw; kx++)
			pool_pixel(p, n, y + (int64_t)ky * cmd->dh, x + (int64_t)kx * cmd->dw);
}

static void store_average(struct pooling *p, uint8_t *to)
{
	const struct loom_cmd_pool *cmd = &p->cmd->pool;
	uint32_t whole = (uint32_t)cmd->kh * cmd->kw;
	uint32_t divisor = cmd->hdr.flags & LOOM_CMD_COUNT_PAD ? whole : p->count;
	float scale = p->cmd->in_quant.scale;

	for (uint32_t c = 0; c < cmd->c; c++)
		p->x[c] = (float)p->sum[c] * scale / (float)(divisor ? divisor : 1);
	store_reals(to, p->cmd->out_dtype, 1, p->x, &p->cmd->out_quant, cmd->c);
}

static void store_maximum(struct pooling *p, uint8_t *to)
{
	for (uint32_t c = 0; c < p->cmd->pool.c; c++)
		to[c] = (uint8_t)p->sum[c];
}

void execute_qpool(const struct sram *sram, const struct loom_cmd *hdr)
{
	const struct loom_cmd_qpool *qcmd = (const void *)hdr;
	const struct loom_cmd_pool *cmd = &qcmd->pool;
	struct pooling p = {
		.cmd = qcmd,
		.in = sram->lease + cmd->in,
		.sum = (void *)scratch_floats(sram->scratch, SCRATCH_A, cmd->c),
		.x = scratch_floats(sram->scratch, SCRATCH_B, cmd->c),
	};
	uint64_t pixels = (uint64_t)cmd->batch * cmd->oh * cmd->ow;
	uint64_t step = (uint64_t)cmd->out_pitch * dtype_bytes(qcmd->out_dtype);

	for (uint64_t i = 0; i < pixels; i++) {
		uint8_t *to = sram->lease + cmd->out + i * step;
		uint64_t row = i / cmd->ow;

		pool_window(&p, row / cmd->oh, row % cmd->oh, i % cmd->ow);
		if (cmd->fn == LOOM_POOL_AVERAGE)
			store_average(&p, to);
		else
			store_maximum(&p, to);
	}
}
