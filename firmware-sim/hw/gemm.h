/* SPDX-License-Identifier: MIT */
/*
 * gemm.h - products of matrices of fp32. Every element is a chain of fused multiply-adds from +0
 * on, in the order of K, as loom_isa.h has it. So its bits depend on its row and its column alone:
 * not on the shape of the product, nor on how it was cut, nor on the CPU.
 */
#ifndef LOOM_HW_GEMM_H
#define LOOM_HW_GEMM_H

#include <stdbool.h>
#include <stdint.h>

/* c = a b; elements of a row are neighbours, rows a pitch of elements apart. */
struct gemm_args {
	const float *a, *b;
	float *c;
	uint64_t a_pitch, b_pitch, c_pitch;
	uint64_t k;
	uint32_t rows;
	uint32_t cols;		/* a multiple of GEMM_COLS */
};

#define GEMM_COLS 32

static inline uint32_t gemm_pitch(uint32_t cols)
{
	return (cols + GEMM_COLS - 1) / GEMM_COLS * GEMM_COLS;
}

void gemm(const struct gemm_args *g);

/* What a CPU may have for it, the fastest first; the last runs everywhere. */
struct gemm_kernel {
	const char *name;
	uint32_t rows, cols;	/* of a block at most, of a block; cols divides GEMM_COLS */
	bool (*usable)(void);
	/* A block of c, from what it is if `add`, else from zero. */
	void (*block)(const struct gemm_args *g, bool add);
};

#if defined(__x86_64__)
extern const struct gemm_kernel gemm_avx512, gemm_avx2;
#endif
extern const struct gemm_kernel *const gemm_kernels[];
extern const uint32_t gemm_num_kernels;

void gemm_by(const struct gemm_kernel *kernel, const struct gemm_args *g);

#endif /* LOOM_HW_GEMM_H */
