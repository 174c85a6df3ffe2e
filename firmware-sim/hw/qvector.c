/* SPDX-License-Identifier: MIT */
/*
 * QUANT and QBINARY: the vector unit between 8-bit numbers and real values.
 */
#include <math.h>
#include <string.h>

#include "quantise.h"

#define CHUNK 512

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* One side of a command: where it is, and what its numbers stand for. */
struct side {
	const struct loom_operand *operand;
	uint8_t *base;
	struct loom_quant quant;
};

static void load_part(float *x, const struct side *side, const struct walk *w, int number,
		      size_t first, size_t n)
{
	int64_t at = w->at[number] + (int64_t)first * walk_stride(w, number);

	load_reals(x, side->operand->dtype,
		   side->base + at * dtype_bytes(side->operand->dtype), walk_stride(w, number),
		   &side->quant, n);
}

static void store_part(float *x, const struct side *side, const struct walk *w, size_t first,
		       size_t n)
{
	int64_t at = w->at[0] + (int64_t)first * walk_stride(w, 0);

	store_reals(side->base + at * dtype_bytes(side->operand->dtype), side->operand->dtype,
		    walk_stride(w, 0), x, &side->quant, n);
}

/* ---- QUANT ---- */

static void quant_walk(const struct loom_cmd_quant *cmd, const __u32 *dims,
		       const struct side *dst, const struct side *src)
{
	const struct loom_operand *const operands[] = { dst->operand, src->operand };
	float x[CHUNK];
	struct walk w;

	walk_begin(&w, dims, operands, 2);
	do {
		for (size_t done = 0; done < walk_row(&w); done += CHUNK) {
			size_t part = min(CHUNK, walk_row(&w) - done);

			load_part(x, src, &w, 1, done, part);
			activate(&cmd->act, x, part);
			store_part(x, dst, &w, done, part);
		}
	} while (walk_next(&w));
}

/* Index by index along the axis, each with its own numbers. */
static void quant_channels(const struct sram *sram, const struct loom_cmd_quant *cmd,
			   struct side dst, struct side src)
{
	bool of_dst = cmd->src.dtype == LOOM_F16 || cmd->src.dtype == LOOM_F32;
	struct side *of = of_dst ? &dst : &src;
	int64_t dst_step = cmd->dst.stride[cmd->axis] * (int64_t)dtype_bytes(cmd->dst.dtype);
	int64_t src_step = cmd->src.stride[cmd->axis] * (int64_t)dtype_bytes(cmd->src.dtype);
	__u32 dims[LOOM_MAX_DIMS];

	memcpy(dims, cmd->dims, sizeof(dims));
	dims[cmd->axis] = 1;
	for (uint32_t i = 0; i < cmd->dims[cmd->axis]; i++) {
		memcpy(&of->quant, sram->weights + cmd->table + i * sizeof(of->quant),
		       sizeof(of->quant));
		if (of->operand->dtype != LOOM_I32)
			of->quant.zero = low_8bits(of->operand->dtype, of->quant.zero);
		quant_walk(cmd, dims, &dst, &src);
		dst.base += dst_step;
		src.base += src_step;
	}
}

/* The range of src, zero included. */
static void find_range(const struct loom_cmd_quant *cmd, const struct side *src, float *lo,
		       float *hi)
{
	const struct loom_operand *const operands[] = { src->operand };
	float x[CHUNK];
	struct walk w;

	walk_begin(&w, cmd->dims, operands, 1);
	do {
		for (size_t done = 0; done < walk_row(&w); done += CHUNK) {
			size_t part = min(CHUNK, walk_row(&w) - done);

			load_part(x, src, &w, 0, done, part);
			for (size_t i = 0; i < part; i++) {
				*lo = x[i] < *lo ? x[i] : *lo;
				*hi = x[i] > *hi ? x[i] : *hi;
			}
		}
	} while (walk_next(&w));
}

static struct loom_quant range_quant(const struct loom_cmd_quant *cmd, const struct side *src)
{
	float lo = 0.0f, hi = 0.0f, zero;
	struct loom_quant quant;

	find_range(cmd, src, &lo, &hi);
	quant.scale = (hi - lo) / 255.0f;
	if (quant.scale == 0.0f)
		quant.scale = 1.0f;
	zero = nearbyintf((0.0f - lo) / quant.scale);
	quant.zero = zero >= 0.0f ? zero > 255.0f ? 255 : (int32_t)zero : 0;
	return quant;
}

void execute_quant(const struct sram *sram, const struct loom_cmd *hdr)
{
	const struct loom_cmd_quant *cmd = (const void *)hdr;
	struct side dst = { &cmd->dst, sram->lease + cmd->dst.off, cmd->dst_quant };
	struct side src = { &cmd->src, (uint8_t *)operand_base(sram, &cmd->src), cmd->src_quant };

	if (hdr->flags & LOOM_CMD_CHANNELS) {
		quant_channels(sram, cmd, dst, src);
		return;
	}
	if (hdr->flags & LOOM_CMD_DYNAMIC)
		dst.quant = range_quant(cmd, &src);
	quant_walk(cmd, cmd->dims, &dst, &src);
	if (hdr->flags & LOOM_CMD_DYNAMIC)
		memcpy(sram->lease + cmd->dyn, &dst.quant, sizeof(dst.quant));
}

/* ---- QBINARY ---- */

void execute_qbinary(const struct sram *sram, const struct loom_cmd *hdr)
{
	const struct loom_cmd_qbinary *cmd = (const void *)hdr;
	const struct loom_operand *const operands[] = { &cmd->dst, &cmd->a, &cmd->b };
	struct side dst = { &cmd->dst, sram->lease + cmd->dst.off, cmd->dst_quant };
	struct side a = { &cmd->a, (uint8_t *)operand_base(sram, &cmd->a), cmd->a_quant };
	struct side b = { &cmd->b, (uint8_t *)operand_base(sram, &cmd->b), cmd->b_quant };
	float x[CHUNK], y[CHUNK];
	struct walk w;

	walk_begin(&w, cmd->dims, operands, 3);
	do {
		for (size_t done = 0; done < walk_row(&w); done += CHUNK) {
			size_t part = min(CHUNK, walk_row(&w) - done);

			load_part(x, &a, &w, 1, done, part);
			load_part(y, &b, &w, 2, done, part);
			binary_rows(cmd->fn, x, y, part);
			activate(&cmd->act, x, part);
			store_part(x, &dst, &w, done, part);
		}
	} while (walk_next(&w));
}
