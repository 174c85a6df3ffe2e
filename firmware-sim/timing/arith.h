/* SPDX-License-Identifier: MIT */
#ifndef LOOM_TIMING_ARITH_H
#define LOOM_TIMING_ARITH_H

#include <stdint.h>

static inline uint64_t div_up(uint64_t a, uint64_t b)
{
	return (a + b - 1) / b;
}

static inline uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

#endif /* LOOM_TIMING_ARITH_H */
