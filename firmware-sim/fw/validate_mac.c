/* SPDX-License-Identifier: MIT */
/* Validation of the MAC array's commands in fp16. */
#include "validate.h"

void check_windows(struct checker *c, const struct loom_cmd_conv *cmd)
{
	require(c, cmd->batch && cmd->c, 0);
	require(c, window_ok(cmd->h, cmd->oh, cmd->kh, cmd->sh, cmd->dh), cmd->oh);
	require(c, window_ok(cmd->w, cmd->ow, cmd->kw, cmd->sw, cmd->dw), cmd->ow);
}

static void check_conv_memory(struct checker *c, const struct loom_cmd_conv *cmd,
			      uint64_t weight_elements)
{
	uint64_t in = volume_of(cmd->batch, cmd->h, cmd->w);
	uint64_t out = volume_of(cmd->batch, cmd->oh, cmd->ow);

	check_image(c, cmd->in, in, cmd->c, cmd->in_pitch, 2);
	check_image(c, cmd->out, out, cmd->oc, cmd->out_pitch, dtype_size(cmd->out_dtype));
	if (cmd->hdr.flags & LOOM_CMD_RESIDUAL)
		check_image(c, cmd->res, out, cmd->oc, cmd->res_pitch, 2);
	else
		require(c, !cmd->res && !cmd->res_pitch, cmd->res);
	if (cmd->hdr.flags & LOOM_CMD_BIAS)
		weight_range(c, cmd->b_off, 4ull * cmd->oc, 4);
	else
		require(c, !cmd->b_off, cmd->b_off);
	/* The bias is not streamed: it waits in a buffer of its own. */
	c->stream_first = UINT64_MAX;
	weight_range(c, cmd->w_off, sat_mul(weight_elements, 2), 2);
}

void check_conv(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_conv *cmd = (const void *)hdr;
	uint64_t k = volume_of(cmd->kh, cmd->kw, cmd->c);

	check_windows(c, cmd);
	require(c, cmd->oc, 0);
	require(c, k <= LOOM_MAX_K, k);
	require(c, is_fp(cmd->out_dtype), cmd->out_dtype);
	require(c, loom_timing_macs(hdr) <= LOOM_MAX_MACS, 0);
	check_act(c, &cmd->act);
	check_conv_memory(c, cmd, sat_mul(k, cmd->oc));
}

void check_dwconv(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_conv *cmd = (const void *)hdr;

	check_windows(c, cmd);
	require(c, cmd->oc == cmd->c, cmd->oc);
	require(c, (uint32_t)cmd->kh * cmd->kw <= LOOM_MAX_K, cmd->kh);
	require(c, is_fp(cmd->out_dtype), cmd->out_dtype);
	require(c, loom_timing_macs(hdr) <= LOOM_MAX_MACS, 0);
	check_act(c, &cmd->act);
	check_conv_memory(c, cmd, volume_of(cmd->kh, cmd->kw, cmd->c));
}

/* Elements from the first to the last of a batch of strided matrices. */
uint64_t strided_span(const struct loom_cmd_matmul *cmd, const __u32 *batch_stride,
		      uint32_t rows, uint64_t row, uint32_t cols, uint64_t col)
{
	uint64_t span = 1;

	span = sat_add(span, sat_mul(cmd->batch[0] - 1, batch_stride[0]));
	span = sat_add(span, sat_mul(cmd->batch[1] - 1, batch_stride[1]));
	span = sat_add(span, sat_mul(rows - 1, row));
	return sat_add(span, sat_mul(cols - 1, col));
}

void check_matmul(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_matmul *cmd = (const void *)hdr;
	uint32_t size = dtype_size(cmd->out_dtype);
	uint64_t span;

	require(c, cmd->m && cmd->n && cmd->k && cmd->batch[0] && cmd->batch[1] && !cmd->pad, 0);
	require(c, cmd->k <= LOOM_MAX_K, cmd->k);
	require(c, is_fp(cmd->out_dtype), cmd->out_dtype);
	require(c, loom_timing_macs(hdr) <= LOOM_MAX_MACS, 0);
	check_act(c, &cmd->act);
	span = strided_span(cmd, cmd->a_batch, cmd->m, cmd->a_row, cmd->k, cmd->a_col);
	lease_range(c, cmd->a, sat_mul(span, 2), 2);
	span = strided_span(cmd, cmd->b_batch, cmd->k, cmd->b_row, cmd->n, cmd->b_col);
	lease_range(c, cmd->b, sat_mul(span, 2), 2);
	span = strided_span(cmd, cmd->out_batch, cmd->m, cmd->out_row, cmd->n, 1);
	lease_range(c, cmd->out, sat_mul(span, size), size);
}
