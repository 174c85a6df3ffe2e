/* SPDX-License-Identifier: MIT */
/* 16 registers: 12 sums, and what is multiplied. */
#if defined(__x86_64__)
#define LANES	8
#define ROWS	6
#define VECTORS	2
#define TARGET	"avx2,fma"
#include "gemm_block.h"

static bool usable(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

const struct gemm_kernel gemm_avx2 = {
	.name = "AVX2",
	.rows = ROWS,
	.cols = VECTORS * LANES,
	.usable = usable,
	.block = block,
};
#endif
