/* SPDX-License-Identifier: MIT */
/*
 * BINARY and UNARY.
 */
#include <math.h>

#include "execute.h"

#define CHUNK 512

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* a[i] = a[i] fn b[i], from the expression for one pair. */
#define FUNCTION(name, expression)				\
static void name(float *a, const float *b, size_t n)		\
{								\
	for (size_t i = 0; i < n; i++)				\
		a[i] = (expression);				\
}

FUNCTION(each_add, a[i] + b[i])
FUNCTION(each_sub, a[i] - b[i])
FUNCTION(each_mul, a[i] * b[i])
FUNCTION(each_div, a[i] / b[i])
FUNCTION(each_max, a[i] < b[i] ? b[i] : a[i])
FUNCTION(each_min, a[i] > b[i] ? b[i] : a[i])
FUNCTION(each_pow, powf(a[i], b[i]))

static void (*const functions[LOOM_BIN_COUNT])(float *a, const float *b, size_t n) = {
	[LOOM_BIN_ADD] = each_add,
	[LOOM_BIN_SUB] = each_sub,
	[LOOM_BIN_MUL] = each_mul,
	[LOOM_BIN_DIV] = each_div,
	[LOOM_BIN_MAX] = each_max,
	[LOOM_BIN_MIN] = each_min,
	[LOOM_BIN_POW] = each_pow,
};

void binary_rows(uint32_t fn, float *a, const float *b, size_t n)
{
	functions[fn](a, b, n);
}

/* Elements [first, first + n) of an operand's row that starts at `row`. */
static void load_part(float *dst, const struct loom_operand *operand, const uint8_t *base,
		      int64_t row, int64_t stride, size_t first, size_t n)
{
	int64_t at = row + (int64_t)first * stride;

	load_floats(dst, operand->dtype, base + at * dtype_bytes(operand->dtype), stride, n);
}

static void binary_row(const struct sram *sram, const struct loom_cmd_binary *cmd,
		       const struct walk *w)
{
	const uint8_t *a_base = operand_base(sram, &cmd->a), *b_base = operand_base(sram, &cmd->b);
	uint32_t size = dtype_bytes(cmd->dst.dtype);
	float a[CHUNK], b[CHUNK];

	for (size_t done = 0; done < walk_row(w); done += CHUNK) {
		size_t part = min(CHUNK, walk_row(w) - done);
		int64_t to = w->at[0] + (int64_t)done * walk_stride(w, 0);

		load_part(a, &cmd->a, a_base, w->at[1], walk_stride(w, 1), done, part);
		load_part(b, &cmd->b, b_base, w->at[2], walk_stride(w, 2), done, part);
		binary_rows(cmd->fn, a, b, part);
		activate(&cmd->act, a, part);
		store_floats(sram->lease + cmd->dst.off + to * size, cmd->dst.dtype,
			     walk_stride(w, 0), a, part);
	}
}

void execute_binary(const struct sram *sram, const struct loom_cmd *hdr)
{
	const struct loom_cmd_binary *cmd = (const void *)hdr;
	const struct loom_operand *const operands[] = { &cmd->dst, &cmd->a, &cmd->b };
	struct walk w;

	walk_begin(&w, cmd->dims, operands, 3);
	do {
		binary_row(sram, cmd, &w);
	} while (walk_next(&w));
}

static void unary_row(const struct loom_cmd_unary *cmd, uint8_t *dst, const uint8_t *src)
{
	float x[CHUNK];

	for (size_t done = 0; done < cmd->cols; done += CHUNK) {
		size_t part = min(CHUNK, cmd->cols - done);

		load_floats(x, cmd->src_dtype, src + done * dtype_bytes(cmd->src_dtype), 1, part);
		activate(&cmd->act, x, part);
		store_floats(dst + done * dtype_bytes(cmd->dst_dtype), cmd->dst_dtype, 1, x, part);
	}
}

void execute_unary(const struct sram *sram, const struct loom_cmd *hdr)
{
	const struct loom_cmd_unary *cmd = (const void *)hdr;
	uint64_t src_row = (uint64_t)cmd->src_pitch * dtype_bytes(cmd->src_dtype);
	uint64_t dst_row = (uint64_t)cmd->dst_pitch * dtype_bytes(cmd->dst_dtype);

	for (uint32_t r = 0; r < cmd->rows; r++)
		unary_row(cmd, sram->lease + cmd->dst + r * dst_row,
			  sram->lease + cmd->src + r * src_row);
}
