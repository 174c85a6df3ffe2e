/* SPDX-License-Identifier: MIT */
/*
 * Every way that this CPU has of adding up a product, bit by bit against the chain of fused
 * multiply-adds that loom_isa.h promises, written down with fmaf().
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hw/gemm.h"

#define MAX_ROWS	29
#define MAX_COLS	(3 * GEMM_COLS)
#define MAX_K		700
#define GAP		3	/* between rows: what may not be touched */
#define UNTOUCHED	12345.0f

static float a[MAX_ROWS * (MAX_K + GAP)], b[MAX_K * (MAX_COLS + GAP)];
static float c[MAX_ROWS * (MAX_COLS + GAP)];
static uint32_t state = 1;

/* Of magnitudes so different that every rounding shows. */
static float number(void)
{
	state = state * 1664525u + 1013904223u;
	return ldexpf((int32_t)state / 2147483648.0f, (int)(state >> 8 & 15) - 8);
}

static void fill(float *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = number();
}

static float chain(const struct gemm_args *g, uint32_t row, uint32_t col)
{
	float sum = 0.0f;

	for (uint64_t k = 0; k < g->k; k++)
		sum = fmaf(g->a[row * g->a_pitch + k], g->b[k * g->b_pitch + col], sum);
	return sum;
}

static void check_row(const struct gemm_kernel *kernel, const struct gemm_args *g, uint32_t row)
{
	for (uint32_t col = 0; col < g->cols; col++) {
		float is = g->c[row * g->c_pitch + col], expected = chain(g, row, col);

		if (memcmp(&is, &expected, sizeof(is)))
			fail_msg("%s, %u x %u, K %u: %a at row %u, column %u instead of %a",
				 kernel->name, g->rows, g->cols, (unsigned int)g->k, is, row, col,
				 expected);
	}
	for (uint32_t i = g->cols; i < g->c_pitch; i++)
		assert_true(g->c[row * g->c_pitch + i] == UNTOUCHED);
}

static void check(const struct gemm_kernel *kernel, uint32_t rows, uint32_t cols, uint32_t k)
{
	struct gemm_args g = {
		.a = a, .b = b, .c = c,
		.a_pitch = k + GAP, .b_pitch = cols + GAP, .c_pitch = cols + GAP,
		.rows = rows, .cols = cols, .k = k,
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++)
		c[i] = UNTOUCHED;
	gemm_by(kernel, &g);
	for (uint32_t row = 0; row < rows; row++)
		check_row(kernel, &g, row);
	for (size_t i = rows * g.c_pitch; i < sizeof(c) / sizeof(*c); i++)
		assert_true(c[i] == UNTOUCHED);
}

static void test_kernels(void **unused)
{
	static const uint32_t depths[] = { 1, 2, 31, 255, 256, 257, MAX_K };
	const struct gemm_kernel *kernel;

	fill(a, sizeof(a) / sizeof(*a));
	fill(b, sizeof(b) / sizeof(*b));
	for (uint32_t i = 0; i < gemm_num_kernels; i++) {
		kernel = gemm_kernels[i];
		if (!kernel->usable())
			continue;
		for (uint32_t rows = 1; rows <= MAX_ROWS; rows++)
			for (uint32_t d = 0; d < sizeof(depths) / sizeof(*depths); d++)
				check(kernel, rows, GEMM_COLS + rows % 3 * GEMM_COLS, depths[d]);
	}
}

/* The reference tells a fused chain from an unfused one, and one order from another. */
static void test_reference(void **unused)
{
	struct gemm_args g = { .a = a, .b = b, .a_pitch = 3, .b_pitch = 1, .k = 3 };

	a[0] = 1.0f;
	b[0] = ldexpf(1.0f, 24);
	a[1] = 1.0f;
	b[1] = 1.0f;
	a[2] = 1.0f + ldexpf(1.0f, -12);
	b[2] = 1.0f - ldexpf(1.0f, -12);
	assert_true(chain(&g, 0, 0) == ldexpf(1.0f, 24));
	b[0] = -1.0f;
	a[1] = 0.0f;
	assert_true(chain(&g, 0, 0) == -ldexpf(1.0f, -24));	/* unfused: 0 */
}

/* The last one is for every CPU, so there is always one to compute with. */
static void test_choice(void **unused)
{
	assert_true(gemm_num_kernels >= 1);
	assert_true(gemm_kernels[gemm_num_kernels - 1]->usable());
	for (uint32_t i = 0; i < gemm_num_kernels; i++)
		assert_int_equal(GEMM_COLS % gemm_kernels[i]->cols, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernels),
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_choice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
