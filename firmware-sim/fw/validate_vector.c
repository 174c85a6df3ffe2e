/* SPDX-License-Identifier: MIT */
/* Validation of the vector unit's commands, and of strided operands. */
#include "validate.h"

static uint64_t elements(const __u32 *dims)
{
	uint64_t n = 1;

	for (int i = 0; i < LOOM_MAX_DIMS; i++)
		n = sat_mul(n, dims[i]);
	return n;
}

/*
 * First and last element relative to the operand's offset. No sum overflows: dims are at most
 * LOOM_MAX_ELEMENTS together, so their reaches are at most LOOM_MAX_ELEMENTS - 1 strides.
 */
static void operand_extent(const struct loom_operand *operand, const __u32 *dims, int64_t *first,
			   int64_t *last)
{
	*first = 0;
	*last = 0;
	for (int i = 0; i < LOOM_MAX_DIMS; i++) {
		int64_t reach = ((int64_t)dims[i] - 1) * operand->stride[i];

		*(reach < 0 ? first : last) += reach;
	}
}

void check_operand(struct checker *c, const struct loom_operand *operand, const __u32 *dims)
{
	bool lease = operand->space == LOOM_SPACE_LEASE;
	uint32_t size = dtype_size(operand->dtype);
	int64_t first, last;
	uint64_t bytes;

	require(c, dtype_ok(operand->dtype), operand->dtype);
	require(c, operand->space <= LOOM_SPACE_WEIGHTS, operand->space);
	if (c->fault)
		return;		/* the dims may be such that the extent overflows */
	operand_extent(operand, dims, &first, &last);
	if (first < -(int64_t)(operand->off / size))
		reject(c, lease ? LOOM_FAULT_BAD_LEASE : LOOM_FAULT_BAD_WEIGHT, operand->off);
	bytes = sat_mul((uint64_t)(last - first) + 1, size);
	if (lease)
		lease_range(c, operand->off + first * size, bytes, size);
	else
		weight_range(c, operand->off + first * size, bytes, size);
}

/* A destination is activation SRAM, and each element has a place of its own in every dim. */
void check_destination(struct checker *c, const struct loom_operand *operand,
		       const __u32 *dims)
{
	require(c, operand->space == LOOM_SPACE_LEASE, operand->space);
	for (int i = 0; i < LOOM_MAX_DIMS; i++)
		require(c, dims[i] == 1 || operand->stride[i], i);
	check_operand(c, operand, dims);
}

void check_dims(struct checker *c, const __u32 *dims)
{
	uint64_t n = elements(dims);

	require(c, n && n <= LOOM_MAX_ELEMENTS, n);
}

void check_copy(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_copy *cmd = (const void *)hdr;

	check_dims(c, cmd->dims);
	check_operand(c, &cmd->src, cmd->dims);
	check_destination(c, &cmd->dst, cmd->dims);
}

void check_binary(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_binary *cmd = (const void *)hdr;

	require(c, cmd->fn < LOOM_BIN_COUNT && !cmd->pad, cmd->fn);
	require(c, is_fp(cmd->a.dtype) && is_fp(cmd->b.dtype) && is_fp(cmd->dst.dtype), 0);
	check_dims(c, cmd->dims);
	check_act(c, &cmd->act);
	check_operand(c, &cmd->a, cmd->dims);
	check_operand(c, &cmd->b, cmd->dims);
	check_destination(c, &cmd->dst, cmd->dims);
}

void check_unary(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_unary *cmd = (const void *)hdr;

	require(c, is_fp(cmd->src_dtype) && is_fp(cmd->dst_dtype) && !cmd->pad, 0);
	require(c, cmd->rows && cmd->cols, 0);
	require(c, (uint64_t)cmd->rows * cmd->cols <= LOOM_MAX_ELEMENTS, 0);
	require(c, cmd->dst_pitch >= cmd->cols || cmd->rows == 1, cmd->dst_pitch);
	check_act(c, &cmd->act);
	matrix_in_lease(c, cmd->src, cmd->rows, cmd->cols, cmd->src_pitch,
			dtype_size(cmd->src_dtype));
	matrix_in_lease(c, cmd->dst, cmd->rows, cmd->cols, cmd->dst_pitch,
			dtype_size(cmd->dst_dtype));
}

void check_reduce(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_reduce *cmd = (const void *)hdr;
	uint64_t n = volume_of(cmd->outer, cmd->n, cmd->inner);

	require(c, cmd->fn < LOOM_RED_COUNT && !cmd->pad, cmd->fn);
	require(c, is_fp(cmd->src_dtype) && is_fp(cmd->dst_dtype), 0);
	require(c, n && n <= LOOM_MAX_ELEMENTS, n);
	matrix_in_lease(c, cmd->src, 1, n, 0, dtype_size(cmd->src_dtype));
	matrix_in_lease(c, cmd->dst, 1, cmd->n ? n / cmd->n : 0, 0, dtype_size(cmd->dst_dtype));
}

void check_softmax(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_softmax *cmd = (const void *)hdr;
	uint64_t n = volume_of(cmd->outer, cmd->n, cmd->inner);

	require(c, is_fp(cmd->src_dtype) && is_fp(cmd->dst_dtype), 0);
	require(c, n && n <= LOOM_MAX_ELEMENTS, n);
	matrix_in_lease(c, cmd->src, 1, n, 0, dtype_size(cmd->src_dtype));
	matrix_in_lease(c, cmd->dst, 1, n, 0, dtype_size(cmd->dst_dtype));
}

void check_layernorm(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_layernorm *cmd = (const void *)hdr;
	uint64_t n = (uint64_t)cmd->rows * cmd->n;

	require(c, !cmd->pad, cmd->pad);
	require(c, n && n <= LOOM_MAX_ELEMENTS, n);
	matrix_in_lease(c, cmd->src, 1, n, 0, 2);
	matrix_in_lease(c, cmd->dst, 1, n, 0, 2);
	if (hdr->flags & LOOM_CMD_GAMMA)
		weight_range(c, cmd->gamma, 4ull * cmd->n, 4);
	else
		require(c, !cmd->gamma, cmd->gamma);
	if (hdr->flags & LOOM_CMD_BETA)
		weight_range(c, cmd->beta, 4ull * cmd->n, 4);
	else
		require(c, !cmd->beta, cmd->beta);
}

void check_pool(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_pool *cmd = (const void *)hdr;
	uint64_t in = volume_of(cmd->batch, cmd->h, cmd->w);
	uint64_t out = volume_of(cmd->batch, cmd->oh, cmd->ow);

	require(c, cmd->fn <= LOOM_POOL_AVERAGE && !cmd->pad, cmd->fn);
	require(c, cmd->batch && cmd->c, 0);
	require(c, window_ok(cmd->h, cmd->oh, cmd->kh, cmd->sh, cmd->dh), cmd->oh);
	require(c, window_ok(cmd->w, cmd->ow, cmd->kw, cmd->sw, cmd->dw), cmd->ow);
	require(c, sat_mul(volume_of(out, cmd->c, cmd->kh), cmd->kw) <= LOOM_MAX_MACS, 0);
	check_image(c, cmd->in, in, cmd->c, cmd->in_pitch, 2);
	check_image(c, cmd->out, out, cmd->c, cmd->out_pitch, 2);
}
