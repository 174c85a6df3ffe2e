// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "bench.h"

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void bench_sort(uint64_t *values, uint64_t num)
{
	qsort(values, num, sizeof(*values), by_value);
}
