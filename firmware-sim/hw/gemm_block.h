/* SPDX-License-Identifier: MIT */
/*
 * gemm_block.h - a block of a product whose sums stay in vector registers: the part that
 * gemm_avx2.c and gemm_avx512.c share. Whoever includes it says how many LANES a vector has, how
 * many ROWS of VECTORS vectors fit, and the TARGET. Multiplications and additions are fused by the
 * compiler (-ffp-contract=fast, module.mk); test/gemm.c sees that they are.
 */
#include "gemm.h"

typedef float vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

static inline __attribute__((always_inline))
void load_sums(vector sum[ROWS][VECTORS], const struct gemm_args *g, uint32_t rows, bool add)
{
#pragma GCC unroll 16
	for (uint32_t r = 0; r < rows; r++)
		for (uint32_t v = 0; v < VECTORS; v++)
			sum[r][v] = add ? *(vector *)(g->c + r * g->c_pitch + v * LANES) :
					  (vector){ 0 };
}

static inline __attribute__((always_inline))
void store_sums(vector sum[ROWS][VECTORS], const struct gemm_args *g, uint32_t rows)
{
#pragma GCC unroll 16
	for (uint32_t r = 0; r < rows; r++)
		for (uint32_t v = 0; v < VECTORS; v++)
			*(vector *)(g->c + r * g->c_pitch + v * LANES) = sum[r][v];
}

/* `rows` is a constant wherever this is called, so that every sum has a register. */
static inline __attribute__((always_inline))
void block_of(const struct gemm_args *g, uint32_t rows, bool add)
{
	vector sum[ROWS][VECTORS];
	const float *a = g->a, *b = g->b;

	load_sums(sum, g, rows, add);
	for (uint64_t k = 0; k < g->k; k++, a++, b += g->b_pitch) {
#pragma GCC unroll 16
		for (uint32_t r = 0; r < rows; r++)
			for (uint32_t v = 0; v < VECTORS; v++)
				sum[r][v] += a[r * g->a_pitch] * *(vector *)(b + v * LANES);
	}
	store_sums(sum, g, rows);
}

__attribute__((target(TARGET)))
static void block(const struct gemm_args *g, bool add)
{
	switch (g->rows) {
	case 1:		return block_of(g, 1, add);
	case 2:		return block_of(g, 2, add);
	case 3:		return block_of(g, 3, add);
	case 4:		return block_of(g, 4, add);
	case 5:		return block_of(g, 5, add);
	case 6:		return block_of(g, 6, add);
#if ROWS > 6
	case 7:		return block_of(g, 7, add);
	case 8:		return block_of(g, 8, add);
	case 9:		return block_of(g, 9, add);
	case 10:	return block_of(g, 10, add);
	case 11:	return block_of(g, 11, add);
	case 12:	return block_of(g, 12, add);
#endif
	}
}
