// SPDX-License-Identifier: MIT
/* Histograms of times: log-linear, fixed in size, nothing allocated. */
#include "loomd.h"

static unsigned int bucket_of(uint64_t value)
{
	unsigned int power;

	if (value < HISTOGRAM_STEPS)
		return (unsigned int)value;
	power = 63 - (unsigned int)__builtin_clzll(value);
	return (power - 4) * HISTOGRAM_STEPS + (unsigned int)(value >> (power - 4));
}

/* The largest value of a bucket: percentiles never flatter. */
static uint64_t bucket_top(unsigned int bucket)
{
	unsigned int power = bucket / HISTOGRAM_STEPS + 3, step = bucket % HISTOGRAM_STEPS;

	if (bucket < HISTOGRAM_STEPS)
		return bucket;
	return ((uint64_t)(HISTOGRAM_STEPS + step + 1) << (power - 4)) - 1;
}

void histogram_add(struct histogram *h, uint64_t value)
{
	if (!h->count++ || value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->sum += value;
	h->buckets[bucket_of(value)]++;
}

uint64_t histogram_percentile(const struct histogram *h, double p)
{
	uint64_t rank = (uint64_t)(p / 100 * (double)h->count + 0.5), seen = 0, top;

	if (!h->count)
		return 0;
	if (!rank)
		rank = 1;
	for (unsigned int i = 0; i < HISTOGRAM_SIZE; i++) {
		seen += h->buckets[i];
		if (seen < rank)
			continue;
		top = bucket_top(i);
		return top < h->max ? top : h->max;
	}
	return h->max;
}
