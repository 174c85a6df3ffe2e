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

#define EACH(expression) do {			\
	for (size_t i = 0; i < n; i++)		\
		a[i] = (expression);		\
} while (0)

static void combine(uint32_t fn, float *a, const float *b, size_t n)
{
	switch (fn) {
	case LOOM_BIN_ADD:	EACH(a[i] + b[i]); break;
	case LOOM_BIN_SUB:	EACH(a[i] - b[i]); break;
	case LOOM_BIN_MUL:	EACH(a[i] * b[i]); break;
	case LOOM_BIN_DIV:	EACH(a[i] / b[i]); break;
	case LOOM_BIN_MAX:	EACH(a[i] < b[i] ? b[i] : a[i]); break;
	case LOOM_BIN_MIN:	EACH(a[i] > b[i] ? b[i] : a[i]); break;
	case LOOM_BIN_POW:	EACH(powf(a[i], b[i])); break;
	}
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
		combine(cmd->fn, a, b, part);
		activate(&cmd->act, a, part);
		store_floats(sram->lease + cmd->dst.off + to * size, cmd->dst.dtype,
			     walk_stride(w, 0), a, part);
	}
}

void execute_binary(const struct sram *sram, const struct loom_cmd_binary *cmd)
{
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

void execute_unary(const struct sram *sram, const struct loom_cmd_unary *cmd)
{
	uint64_t src_row = (uint64_t)cmd->src_pitch * dtype_bytes(cmd->src_dtype);
	uint64_t dst_row = (uint64_t)cmd->dst_pitch * dtype_bytes(cmd->dst_dtype);

	for (uint32_t r = 0; r < cmd->rows; r++)
		unary_row(cmd, sram->lease + cmd->dst + r * dst_row,
			  sram->lease + cmd->src + r * src_row);
}
