/* SPDX-License-Identifier: MIT */
/*
 * COPY: strided copy with conversion. fp to integer cuts the fraction off and saturates (NaN is
 * 0); from integer to integer the low bits stay.
 */
#include <math.h>
#include <string.h>

#include "execute.h"

#define CHUNK 256

static bool is_float(uint32_t dtype)
{
	return dtype == LOOM_F16 || dtype == LOOM_F32;
}

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* ---- without conversion ---- */

#define COPY_ROW(type) do {						\
	const type *from = (const void *)src;				\
	type *to = (void *)dst;						\
									\
	for (size_t i = 0; i < n; i++)					\
		to[(int64_t)i * dst_stride] = from[(int64_t)i * src_stride];	\
} while (0)

static void copy_row(uint8_t *dst, int64_t dst_stride, const uint8_t *src, int64_t src_stride,
		     uint32_t size, size_t n)
{
	if (dst_stride == 1 && src_stride == 1)
		memmove(dst, src, n * size);
	else if (size == 1)
		COPY_ROW(uint8_t);
	else if (size == 2)
		COPY_ROW(uint16_t);
	else if (size == 4)
		COPY_ROW(uint32_t);
	else
		COPY_ROW(uint64_t);
}

/* ---- with conversion ---- */

/* A type of integers: its limits, as floats that are not rounded up. */
static const struct {
	float limit;		/* the least float that is too large */
	int64_t min, max;
} ranges[] = {
	[LOOM_I32] = { 0x1p31f, INT32_MIN, INT32_MAX },
	[LOOM_I64] = { 0x1p63f, INT64_MIN, INT64_MAX },
	[LOOM_I8] = { 0x1p7f, INT8_MIN, INT8_MAX },
	[LOOM_U8] = { 0x1p8f, 0, UINT8_MAX },
};

static int64_t to_integer(float value, uint32_t dtype)
{
	if (isnan(value))
		return 0;
	if (value >= ranges[dtype].limit)
		return ranges[dtype].max;
	if (value < (float)ranges[dtype].min)
		return ranges[dtype].min;
	return (int64_t)value;
}

#define LOAD_ROW(type)						\
do {								\
	const type *from = (const void *)src;				\
									\
	for (size_t i = 0; i < n; i++)					\
		dst[i] = from[(int64_t)i * stride];			\
} while (0)

static void load_integers(int64_t *dst, uint32_t dtype, const uint8_t *src, int64_t stride,
			  size_t n)
{
	if (dtype == LOOM_I8)
		LOAD_ROW(int8_t);
	else if (dtype == LOOM_U8)
		LOAD_ROW(uint8_t);
	else if (dtype == LOOM_I32)
		LOAD_ROW(int32_t);
	else
		LOAD_ROW(int64_t);
}

#define STORE_ROW(type)						\
do {								\
	type *to = (void *)dst;						\
									\
	for (size_t i = 0; i < n; i++)					\
		to[(int64_t)i * stride] = (type)(uint64_t)src[i];	\
} while (0)

static void store_integers(uint8_t *dst, uint32_t dtype, int64_t stride, const int64_t *src,
			   size_t n)
{
	uint32_t size = dtype_bytes(dtype);

	if (size == 1)
		STORE_ROW(uint8_t);
	else if (size == 4)
		STORE_ROW(uint32_t);
	else
		STORE_ROW(uint64_t);
}

static void convert_chunk(uint8_t *dst, uint32_t dst_dtype, int64_t dst_stride,
			  const uint8_t *src, uint32_t src_dtype, int64_t src_stride, size_t n)
{
	float floats[CHUNK];
	int64_t integers[CHUNK];

	if (is_float(src_dtype))
		load_floats(floats, src_dtype, src, src_stride, n);
	else
		load_integers(integers, src_dtype, src, src_stride, n);
	for (size_t i = 0; i < n && is_float(src_dtype) != is_float(dst_dtype); i++) {
		if (is_float(dst_dtype))
			floats[i] = (float)integers[i];
		else
			integers[i] = to_integer(floats[i], dst_dtype);
	}
	if (is_float(dst_dtype))
		store_floats(dst, dst_dtype, dst_stride, floats, n);
	else
		store_integers(dst, dst_dtype, dst_stride, integers, n);
}

static void convert_row(uint8_t *dst, uint32_t dst_dtype, int64_t dst_stride, const uint8_t *src,
			uint32_t src_dtype, int64_t src_stride, size_t n)
{
	int64_t dst_step = dst_stride * dtype_bytes(dst_dtype);
	int64_t src_step = src_stride * dtype_bytes(src_dtype);

	for (size_t done = 0; done < n; done += CHUNK)
		convert_chunk(dst + (int64_t)done * dst_step, dst_dtype, dst_stride,
			      src + (int64_t)done * src_step, src_dtype, src_stride,
			      min(CHUNK, n - done));
}

void execute_copy(const struct sram *sram, const struct loom_cmd *hdr)
{
	const struct loom_cmd_copy *cmd = (const void *)hdr;
	const struct loom_operand *const operands[] = { &cmd->dst, &cmd->src };
	uint32_t dst_size = dtype_bytes(cmd->dst.dtype), src_size = dtype_bytes(cmd->src.dtype);
	uint8_t *dst = sram->lease + cmd->dst.off;
	const uint8_t *src = operand_base(sram, &cmd->src);
	struct walk w;

	walk_begin(&w, cmd->dims, operands, 2);
	do {
		uint8_t *to = dst + w.at[0] * dst_size;
		const uint8_t *from = src + w.at[1] * src_size;

		if (cmd->src.dtype == cmd->dst.dtype)
			copy_row(to, walk_stride(&w, 0), from, walk_stride(&w, 1), dst_size,
				 walk_row(&w));
		else
			convert_row(to, cmd->dst.dtype, walk_stride(&w, 0), from,
				    cmd->src.dtype, walk_stride(&w, 1), walk_row(&w));
	} while (walk_next(&w));
}
