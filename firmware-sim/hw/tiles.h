/* SPDX-License-Identifier: MIT */
/*
 * tiles.h - products of M x K and K x N in tiles, which several threads do in any order.
 */
#ifndef LOOM_HW_TILES_H
#define LOOM_HW_TILES_H

#include "execute.h"

struct product {
	uint64_t m, k, n;
	const void *operands;	/* for the three below, which several threads call at once */
	/* Rows [row, row + rows) of the first operand, K floats each. */
	void (*load_rows)(const void *operands, float *a, uint64_t row, uint32_t rows);
	/* Columns [col, col + width) of the second: K rows, `pitch` apart; the rest is zero. */
	void (*load_cols)(const void *operands, float *b, uint64_t col, uint32_t width,
			  uint32_t pitch);
	/* The sums of rows [row, row + rows) and columns [col, col + width). */
	void (*store)(const void *operands, float *c, uint32_t pitch, uint64_t row, uint32_t rows,
		      uint64_t col, uint32_t width);
};

void multiply(const struct sram *sram, const struct product *product);

#endif /* LOOM_HW_TILES_H */
