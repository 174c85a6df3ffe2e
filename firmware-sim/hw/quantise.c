/* SPDX-License-Identifier: MIT */
/*
 * Rows of 8-bit numbers as fp32, and back.
 */
#include <string.h>

#include "quantise.h"

#define LOAD(type) do {									\
	const type *from = (const void *)src;						\
											\
	if (stride == 1)								\
		for (size_t i = 0; i < n; i++)						\
			dst[i] = (float)((int32_t)from[i] - zero);			\
	else										\
		for (size_t i = 0; i < n; i++)						\
			dst[i] = (float)((int32_t)from[(int64_t)i * stride] - zero);	\
} while (0)

static void load_wide_steps(float *dst, const uint8_t *src, int64_t stride, int32_t zero, size_t n)
{
	const uint32_t *from = (const void *)src;

	for (size_t i = 0; i < n; i++)
		dst[i] = (float)(int32_t)(from[(int64_t)i * stride] - (uint32_t)zero);
}

void load_steps(float *dst, uint32_t dtype, const uint8_t *src, int64_t stride, int32_t zero,
		size_t n)
{
	if (dtype == LOOM_U8)
		LOAD(uint8_t);
	else if (dtype == LOOM_I8)
		LOAD(int8_t);
	else
		load_wide_steps(dst, src, stride, zero, n);
}

void load_reals(float *dst, uint32_t dtype, const uint8_t *src, int64_t stride,
		const struct loom_quant *quant, size_t n)
{
	if (dtype == LOOM_F16 || dtype == LOOM_F32) {
		load_floats(dst, dtype, src, stride, n);
		return;
	}
	load_steps(dst, dtype, src, stride, quant->zero, n);
	for (size_t i = 0; i < n; i++)
		dst[i] *= quant->scale;
}

/*
 * To the nearest number of the type, minus zero. Clipping first is the same, as the limits are
 * whole; then 1.5 * 2^23 makes the addition round, to even, and instructions of every CPU do it.
 * A NaN fails the comparison with itself.
 */
static void to_steps(float *x, float scale, float low, float high, size_t n)
{
	const float round = 0x1.8p23f;

	for (size_t i = 0; i < n; i++) {
		float v = x[i] / scale;

		v = v == v ? v : 0.0f;
		v = v < low ? low : v;
		v = v > high ? high : v;
		x[i] = (v + round) - round;
	}
}

#define STORE(type)						\
do {								\
	type *to = (void *)dst;								\
											\
	if (stride == 1)								\
		for (size_t i = 0; i < n; i++)						\
			to[i] = (type)((int32_t)x[i] + zero);				\
	else										\
		for (size_t i = 0; i < n; i++)						\
			to[(int64_t)i * stride] = (type)((int32_t)x[i] + zero);		\
} while (0)

void store_reals(uint8_t *dst, uint32_t dtype, int64_t stride, float *x,
		 const struct loom_quant *quant, size_t n)
{
	int32_t zero = quant->zero;

	if (!is_8bit(dtype)) {
		store_floats(dst, dtype, stride, x, n);
	} else if (dtype == LOOM_U8) {
		to_steps(x, quant->scale, 0 - zero, UINT8_MAX - zero, n);
		STORE(uint8_t);
	} else {
		to_steps(x, quant->scale, INT8_MIN - zero, INT8_MAX - zero, n);
		STORE(int8_t);
	}
}

struct loom_quant load_dynamic(const struct sram *sram, uint32_t dyn)
{
	struct loom_quant quant;

	memcpy(&quant, sram->lease + dyn, sizeof(quant));
	return quant;
}

void store_sums(uint8_t *dst, uint32_t dtype, const struct loom_act *act,
		const struct loom_quant *quant, float *x, size_t n)
{
	activate(act, x, n);
	store_reals(dst, dtype, 1, x, quant, n);
}
