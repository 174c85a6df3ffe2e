/* SPDX-License-Identifier: MIT */
/*
 * Unsigned 64-bit arithmetic that stops at the top: a size that does not fit is too large for
 * whatever it is compared with.
 */
#ifndef LOOM_SATURATE_H
#define LOOM_SATURATE_H

#include <stdint.h>

static inline uint64_t sat_add(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static inline uint64_t sat_mul(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

#endif /* LOOM_SATURATE_H */
