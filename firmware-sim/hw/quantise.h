/* SPDX-License-Identifier: MIT */
/*
 * quantise.h - 8-bit numbers and what they stand for (loom_isa.h, "8-bit networks").
 */
#ifndef LOOM_HW_QUANTISE_H
#define LOOM_HW_QUANTISE_H

#include "execute.h"

static inline bool is_8bit(uint32_t dtype)
{
	return dtype == LOOM_I8 || dtype == LOOM_U8;
}

/* The low 8 bits as a number of the type: what a zero point among data is. */
static inline int32_t low_8bits(uint32_t dtype, int32_t value)
{
	return dtype == LOOM_I8 ? (int32_t)(int8_t)value : (int32_t)(uint8_t)value;
}

/* dst[i] = q[i] - zero, exact; elements `stride` apart. */
void load_steps(float *dst, uint32_t dtype, const uint8_t *src, int64_t stride, int32_t zero,
		size_t n);
/* Real values: floats as they are, LOOM_I8, LOOM_U8 and LOOM_I32 dequantised. */
void load_reals(float *dst, uint32_t dtype, const uint8_t *src, int64_t stride,
		const struct loom_quant *quant, size_t n);
/* And back. x is spoilt. */
void store_reals(uint8_t *dst, uint32_t dtype, int64_t stride, float *x,
		 const struct loom_quant *quant, size_t n);
/* What DYNAMIC left in the lease. */
struct loom_quant load_dynamic(const struct sram *sram, uint32_t dyn);

/* The epilogue of a row of sums: their act, and how they are stored. */
void store_sums(uint8_t *dst, uint32_t dtype, const struct loom_act *act,
		const struct loom_quant *quant, float *x, size_t n);

#endif /* LOOM_HW_QUANTISE_H */
