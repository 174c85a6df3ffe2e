/* SPDX-License-Identifier: MIT */
/* 32 registers: 24 sums, and what is multiplied. */
#if defined(__x86_64__)
#define LANES	16
#define ROWS	12
#define VECTORS	2
#define TARGET	"avx512f"
#include "gemm_block.h"

static bool usable(void)
{
	return __builtin_cpu_supports("avx512f");
}

const struct gemm_kernel gemm_avx512 = {
	.name = "AVX-512",
	.rows = ROWS,
	.cols = VECTORS * LANES,
	.usable = usable,
	.block = block,
};
#endif
