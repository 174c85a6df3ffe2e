/* SPDX-License-Identifier: MIT */
#include "gemm.h"

#include <math.h>

/* So many rows of b, a block's columns wide, stay in the first cache while rows of a pass by. */
#define DEPTH 256

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void portable_block(const struct gemm_args *g, bool add)
{
	for (uint32_t r = 0; r < g->rows; r++) {
		for (uint32_t i = 0; i < g->cols; i++) {
			float *to = g->c + r * g->c_pitch + i;
			float sum = add ? *to : 0.0f;

			for (uint64_t k = 0; k < g->k; k++)
				sum = fmaf(g->a[r * g->a_pitch + k], g->b[k * g->b_pitch + i], sum);
			*to = sum;
		}
	}
}

static bool always(void)
{
	return true;
}

static const struct gemm_kernel portable = {
	.name = "portable",
	.rows = 4,
	.cols = GEMM_COLS,
	.usable = always,
	.block = portable_block,
};

const struct gemm_kernel *const gemm_kernels[] = {
#if defined(__x86_64__)
	&gemm_avx512,
	&gemm_avx2,
#endif
	&portable,
};

const uint32_t gemm_num_kernels = sizeof(gemm_kernels) / sizeof(gemm_kernels[0]);

/* Rows by rows, as even as may be: a block of one row takes nearly as long as one of many. */
static void row_blocks(const struct gemm_kernel *kernel, struct gemm_args block, uint32_t rows,
		       bool add)
{
	uint32_t blocks = (rows + kernel->rows - 1) / kernel->rows;

	for (uint32_t left = rows; left; left -= block.rows, blocks--) {
		block.rows = (left + blocks - 1) / blocks;
		kernel->block(&block, add);
		block.a += block.rows * block.a_pitch;
		block.c += block.rows * block.c_pitch;
	}
}

void gemm_by(const struct gemm_kernel *kernel, const struct gemm_args *g)
{
	struct gemm_args block = *g;

	block.cols = kernel->cols;
	for (uint32_t col = 0; col < g->cols; col += kernel->cols) {
		block.c = g->c + col;
		for (uint64_t k = 0; k < g->k; k += DEPTH) {
			block.a = g->a + k;
			block.b = g->b + k * g->b_pitch + col;
			block.k = min(DEPTH, g->k - k);
			row_blocks(kernel, block, g->rows, k);
		}
	}
}

void gemm(const struct gemm_args *g)
{
	static uint32_t best;	/* the same for every thread that finds it */

	while (!gemm_kernels[best]->usable())
		best++;
	gemm_by(gemm_kernels[best], g);
}
