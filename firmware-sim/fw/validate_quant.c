/* SPDX-License-Identifier: MIT */
/*
 * Validation of the 8-bit commands. Their zero points and scales are fields, checked here, or data
 * (struct loom_qchannel, tables, what DYNAMIC left in the lease), of which every bit pattern means
 * something: loom_isa.h.
 */
#include <math.h>

#include "validate.h"

static bool is_8bit(uint32_t dtype)
{
	return dtype == LOOM_I8 || dtype == LOOM_U8;
}

static bool zero_ok(uint32_t dtype, int32_t zero)
{
	if (dtype == LOOM_I8)
		return zero >= INT8_MIN && zero <= INT8_MAX;
	if (dtype == LOOM_U8)
		return zero >= 0 && zero <= UINT8_MAX;
	return dtype == LOOM_I32;
}

static bool no_quant(const struct loom_quant *quant)
{
	return quant->scale == 0.0f && !quant->zero;
}

/* What stands for numbers of this type: nothing at all for a float. */
static void check_quant_of(struct checker *c, uint32_t dtype, const struct loom_quant *quant)
{
	if (is_fp(dtype))
		require(c, no_quant(quant), quant->zero);
	else
		require(c, zero_ok(dtype, quant->zero) && quant->scale > 0.0f &&
			isfinite(quant->scale), quant->zero);
}

static void check_cap(struct checker *c, const struct loom_cmd *hdr)
{
	if (!(c->config->caps.flags & LOOM_CAP_INT8))
		reject(c, LOOM_FAULT_BAD_OPCODE, hdr->opcode);
}

/* ---- MAC array ---- */

static void check_dyn(struct checker *c, uint32_t dyn, bool flagged)
{
	if (flagged)
		lease_range(c, dyn, sizeof(struct loom_quant), 4);
	else
		require(c, !dyn, dyn);
}

static void check_qconv_types(struct checker *c, const struct loom_cmd_qconv *cmd)
{
	bool residual = cmd->conv.hdr.flags & LOOM_CMD_RESIDUAL;
	bool dynamic = cmd->conv.hdr.flags & LOOM_CMD_DYNAMIC;
	uint32_t out = cmd->conv.out_dtype, res = cmd->res_dtype;

	require(c, is_8bit(cmd->in_dtype) && is_8bit(cmd->w_dtype) && !cmd->pad, cmd->in_dtype);
	require(c, dynamic ? !cmd->in_zero : zero_ok(cmd->in_dtype, cmd->in_zero), cmd->in_zero);
	require(c, residual ? is_fp(res) || is_8bit(res) : !res, res);
	require(c, is_fp(out) || is_8bit(out) || out == LOOM_I32, out);
	check_act(c, &cmd->conv.act);
	check_dyn(c, cmd->dyn, dynamic);
	check_quant_of(c, res, &cmd->res_quant);
	if (out != LOOM_I32) {
		check_quant_of(c, out, &cmd->out_quant);
		return;
	}
	require(c, no_quant(&cmd->out_quant), cmd->out_quant.zero);
	require(c, !residual && cmd->conv.act.fn == LOOM_UN_NONE, cmd->conv.act.fn);
}

static void check_qconv_memory(struct checker *c, const struct loom_cmd_qconv *cmd,
			       uint64_t weight_bytes)
{
	const struct loom_cmd_conv *conv = &cmd->conv;
	uint64_t in = volume_of(conv->batch, conv->h, conv->w);
	uint64_t out = volume_of(conv->batch, conv->oh, conv->ow);

	check_image(c, conv->in, in, conv->c, conv->in_pitch, 1);
	check_image(c, conv->out, out, conv->oc, conv->out_pitch, dtype_size(conv->out_dtype));
	if (conv->hdr.flags & LOOM_CMD_RESIDUAL)
		check_image(c, conv->res, out, conv->oc, conv->res_pitch,
			    dtype_size(cmd->res_dtype));
	else
		require(c, !conv->res && !conv->res_pitch, conv->res);
	weight_range(c, conv->b_off, sizeof(struct loom_qchannel) * (uint64_t)conv->oc, 4);
	/* They are not streamed: they wait in a buffer of their own. */
	c->stream_first = UINT64_MAX;
	weight_range(c, conv->w_off, weight_bytes, 1);
}

void check_qconv(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_qconv *cmd = (const void *)hdr;
	uint64_t k = volume_of(cmd->conv.kh, cmd->conv.kw, cmd->conv.c);

	check_cap(c, hdr);
	check_windows(c, &cmd->conv);
	require(c, cmd->conv.oc, 0);
	require(c, k <= LOOM_MAX_K, k);
	require(c, loom_timing_macs(hdr) <= LOOM_MAX_MACS, 0);
	check_qconv_types(c, cmd);
	check_qconv_memory(c, cmd, sat_mul(k, cmd->conv.oc));
}

void check_qdwconv(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_qconv *cmd = (const void *)hdr;

	check_cap(c, hdr);
	check_windows(c, &cmd->conv);
	require(c, cmd->conv.oc == cmd->conv.c, cmd->conv.oc);
	require(c, (uint32_t)cmd->conv.kh * cmd->conv.kw <= LOOM_MAX_K, cmd->conv.kh);
	require(c, loom_timing_macs(hdr) <= LOOM_MAX_MACS, 0);
	check_qconv_types(c, cmd);
	check_qconv_memory(c, cmd, volume_of(cmd->conv.kh, cmd->conv.kw, cmd->conv.c));
}

static void check_qmatmul_types(struct checker *c, const struct loom_cmd_qmatmul *cmd)
{
	uint32_t out = cmd->matmul.out_dtype;

	require(c, is_8bit(cmd->a_dtype) && zero_ok(cmd->a_dtype, cmd->a_zero), cmd->a_dtype);
	require(c, is_8bit(cmd->b_dtype) && zero_ok(cmd->b_dtype, cmd->b_zero), cmd->b_dtype);
	require(c, is_fp(out) || is_8bit(out) || out == LOOM_I32, out);
	check_act(c, &cmd->matmul.act);
	if (out != LOOM_I32) {
		check_quant_of(c, out, &cmd->out_quant);
		return;
	}
	require(c, no_quant(&cmd->out_quant), cmd->out_quant.zero);
	require(c, cmd->matmul.act.fn == LOOM_UN_NONE, cmd->matmul.act.fn);
}

void check_qmatmul(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_qmatmul *cmd = (const void *)hdr;
	const struct loom_cmd_matmul *m = &cmd->matmul;
	uint32_t size = dtype_size(m->out_dtype);
	uint64_t span;

	check_cap(c, hdr);
	require(c, m->m && m->n && m->k && m->batch[0] && m->batch[1] && !m->pad && !cmd->pad, 0);
	require(c, m->k <= LOOM_MAX_K, m->k);
	require(c, loom_timing_macs(hdr) <= LOOM_MAX_MACS, 0);
	check_qmatmul_types(c, cmd);
	lease_range(c, m->a, strided_span(m, m->a_batch, m->m, m->a_row, m->k, m->a_col), 1);
	lease_range(c, m->b, strided_span(m, m->b_batch, m->k, m->b_row, m->n, m->b_col), 1);
	span = strided_span(m, m->out_batch, m->m, m->out_row, m->n, 1);
	lease_range(c, m->out, sat_mul(span, size), size);
}

/* ---- vector unit ---- */

static void check_table(struct checker *c, const struct loom_cmd_quant *cmd)
{
	if (!(cmd->hdr.flags & LOOM_CMD_CHANNELS)) {
		require(c, !cmd->table && !cmd->axis, cmd->table);
		return;
	}
	require(c, cmd->axis < LOOM_MAX_DIMS, cmd->axis);
	if (cmd->axis < LOOM_MAX_DIMS)
		weight_range(c, cmd->table,
			     sizeof(struct loom_quant) * (uint64_t)cmd->dims[cmd->axis], 4);
}

/* A side whose numbers come from the table or from the data has none in the command. */
static void check_quant_sides(struct checker *c, const struct loom_cmd_quant *cmd)
{
	bool elsewhere = cmd->hdr.flags & (LOOM_CMD_CHANNELS | LOOM_CMD_DYNAMIC);
	bool of_src = !is_fp(cmd->src.dtype);

	if (elsewhere && of_src)
		require(c, no_quant(&cmd->src_quant), cmd->src_quant.zero);
	else
		check_quant_of(c, cmd->src.dtype, &cmd->src_quant);
	if (elsewhere && !of_src)
		require(c, no_quant(&cmd->dst_quant), cmd->dst_quant.zero);
	else
		check_quant_of(c, cmd->dst.dtype, &cmd->dst_quant);
}

void check_quant(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_quant *cmd = (const void *)hdr;
	uint32_t src = cmd->src.dtype, dst = cmd->dst.dtype;
	bool dynamic = hdr->flags & LOOM_CMD_DYNAMIC;

	check_cap(c, hdr);
	require(c, !cmd->pad, cmd->pad);
	require(c, is_fp(src) || is_8bit(src) || src == LOOM_I32, src);
	require(c, is_fp(dst) || is_8bit(dst), dst);
	require(c, !is_fp(src) || !is_fp(dst), dst);
	require(c, !dynamic || (is_fp(src) && dst == LOOM_U8 && cmd->act.fn == LOOM_UN_NONE &&
				!(hdr->flags & LOOM_CMD_CHANNELS)), dst);
	check_act(c, &cmd->act);
	check_dims(c, cmd->dims);
	check_quant_sides(c, cmd);
	check_table(c, cmd);
	check_dyn(c, cmd->dyn, dynamic);
	check_operand(c, &cmd->src, cmd->dims);
	check_destination(c, &cmd->dst, cmd->dims);
}

static void check_side(struct checker *c, const struct loom_operand *operand,
		       const struct loom_quant *quant)
{
	require(c, is_fp(operand->dtype) || is_8bit(operand->dtype), operand->dtype);
	check_quant_of(c, operand->dtype, quant);
}

void check_qbinary(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_qbinary *cmd = (const void *)hdr;

	check_cap(c, hdr);
	require(c, cmd->fn < LOOM_BIN_COUNT && !cmd->pad, cmd->fn);
	check_side(c, &cmd->a, &cmd->a_quant);
	check_side(c, &cmd->b, &cmd->b_quant);
	check_side(c, &cmd->dst, &cmd->dst_quant);
	check_dims(c, cmd->dims);
	check_act(c, &cmd->act);
	check_operand(c, &cmd->a, cmd->dims);
	check_operand(c, &cmd->b, cmd->dims);
	check_destination(c, &cmd->dst, cmd->dims);
}

static void check_qpool_types(struct checker *c, const struct loom_cmd_qpool *cmd)
{
	require(c, is_8bit(cmd->in_dtype) && !cmd->pad, cmd->in_dtype);
	if (cmd->pool.fn == LOOM_POOL_MAX) {
		require(c, cmd->out_dtype == cmd->in_dtype, cmd->out_dtype);
		require(c, no_quant(&cmd->in_quant) && no_quant(&cmd->out_quant), 0);
		return;
	}
	require(c, is_fp(cmd->out_dtype) || is_8bit(cmd->out_dtype), cmd->out_dtype);
	check_quant_of(c, cmd->in_dtype, &cmd->in_quant);
	check_quant_of(c, cmd->out_dtype, &cmd->out_quant);
}

void check_qpool(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_qpool *cmd = (const void *)hdr;
	const struct loom_cmd_pool *p = &cmd->pool;
	uint64_t in = volume_of(p->batch, p->h, p->w), out = volume_of(p->batch, p->oh, p->ow);

	check_cap(c, hdr);
	require(c, p->fn <= LOOM_POOL_AVERAGE && !p->pad, p->fn);
	require(c, p->batch && p->c, 0);
	require(c, window_ok(p->h, p->oh, p->kh, p->sh, p->dh), p->oh);
	require(c, window_ok(p->w, p->ow, p->kw, p->sw, p->dw), p->ow);
	require(c, sat_mul(volume_of(out, p->c, p->kh), p->kw) <= LOOM_MAX_MACS, 0);
	check_qpool_types(c, cmd);
	check_image(c, p->in, in, p->c, p->in_pitch, 1);
	check_image(c, p->out, out, p->c, p->out_pitch, dtype_size(cmd->out_dtype));
}
