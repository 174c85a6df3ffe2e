/* SPDX-License-Identifier: MIT */
/*
 * COPY: strided copy with conversion. fp to integer cuts the fraction off and saturates (NaN is
 * 0); i64 to i32 keeps the low half.
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
	else if (size == 2)
		COPY_ROW(uint16_t);
	else if (size == 4)
		COPY_ROW(uint32_t);
	else
		COPY_ROW(uint64_t);
}

/* ---- with conversion ---- */

static int64_t to_integer(float value, uint32_t dtype)
{
	float limit = dtype == LOOM_I32 ? 0x1p31f : 0x1p63f;

	if (isnan(value))
		return 0;
	if (value >= limit)
		return dtype == LOOM_I32 ? INT32_MAX : INT64_MAX;
	if (value < -limit)
		return dtype == LOOM_I32 ? INT32_MIN : INT64_MIN;
	return (int64_t)value;
}

static void load_integers(int64_t *dst, uint32_t dtype, const uint8_t *src, int64_t stride,
			  size_t n)
{
	const int32_t *narrow = (const void *)src;
	const int64_t *wide = (const void *)src;

	for (size_t i = 0; i < n; i++)
		dst[i] = dtype == LOOM_I32 ? narrow[(int64_t)i * stride] :
					     wide[(int64_t)i * stride];
}

static void store_integers(uint8_t *dst, uint32_t dtype, int64_t stride, const int64_t *src,
			   size_t n)
{
	int32_t *narrow = (void *)dst;
	int64_t *wide = (void *)dst;

	for (size_t i = 0; i < n; i++) {
		if (dtype == LOOM_I32)
			narrow[(int64_t)i * stride] = (int32_t)(uint32_t)(uint64_t)src[i];
		else
			wide[(int64_t)i * stride] = src[i];
	}
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
