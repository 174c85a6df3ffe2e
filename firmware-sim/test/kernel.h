/* SPDX-License-Identifier: MIT */
/*
 * kernel.h - tests of what must not change a byte are run with the kernel of OpenBLAS in which a
 * row's place and a call's shape do change the last bits of a sum: Haswell's. Others happen not to
 * care.
 */
#ifndef LOOM_TEST_KERNEL_H
#define LOOM_TEST_KERNEL_H

#include <stdlib.h>
#include <unistd.h>

/* The library reads the variable before main(): so the program starts once more. */
static inline void with_kernel_that_cares(char **argv)
{
	if (getenv("OPENBLAS_CORETYPE") || !__builtin_cpu_supports("avx2") ||
	    !__builtin_cpu_supports("fma"))
		return;
	setenv("OPENBLAS_CORETYPE", "Haswell", 1);
	execv("/proc/self/exe", argv);
}

#endif /* LOOM_TEST_KERNEL_H */
