// SPDX-License-Identifier: MIT
#include <math.h>

#include "early.h"

#define DOUBT (1 - 0.99)

/* The probability of at most k of n, each with probability q. */
static double at_most(uint64_t n, uint64_t k, double q)
{
	double n1 = lgamma((double)n + 1), sum = 0;
	uint64_t i;

	for (i = 0; i <= k; i++)
		sum += exp(n1 - lgamma((double)i + 1) - lgamma((double)(n - i) + 1) + (double)i * log(q) +
			   (double)(n - i) * log1p(-q));
	return sum;
}

bool early_shown(uint64_t n, uint64_t over, double p)
{
	return over < n && at_most(n, over, 1 - p) <= DOUBT;
}

/* Bisection: the more are over it, the less is shown. */
int64_t early_estimate(uint64_t n, double p)
{
	uint64_t low = 1, high = n;

	if (!early_shown(n, 1, p))
		return -1;
	while (high - low > 1) {
		uint64_t middle = (low + high) / 2;

		if (early_shown(n, middle, p))
			low = middle;
		else
			high = middle;
	}
	return (int64_t)(n - low);
}

uint64_t early_least(double p)
{
	uint64_t n = 2;

	while (!early_shown(n, 1, p))
		n++;
	return n;
}
