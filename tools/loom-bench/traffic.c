// SPDX-License-Identifier: MIT
/*
 * Poisson arrivals. Gaps are drawn by inversion; the generator is SplitMix64 (Steele et al., OOPSLA
 * 2014), one state a stream, so that a stream's arrivals do not depend on what else is in the mix.
 */
#include <math.h>

#include "traffic.h"

#define MAX_STREAMS 64

static uint64_t splitmix64(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* In (0, 1]. */
static double uniform(uint64_t *state)
{
	return (double)((splitmix64(state) >> 11) + 1) * 0x1p-53;
}

static double gap(uint64_t *state, double qps)
{
	return -log(uniform(state)) / qps;
}

static unsigned int earliest(const double *next, unsigned int n)
{
	unsigned int i, best = 0;

	for (i = 1; i < n; i++)
		if (next[i] < next[best])
			best = i;
	return best;
}

void traffic_poisson(struct arrival *a, unsigned int n, const struct stream_rate *streams,
		     unsigned int num_streams, uint64_t seed)
{
	uint64_t state[MAX_STREAMS];
	double next[MAX_STREAMS];
	unsigned int i, k;

	for (k = 0; k < num_streams; k++) {
		state[k] = seed + 0x632be59bd9b4e019ull * k;
		next[k] = gap(&state[k], streams[k].qps);
	}
	for (i = 0; i < n; i++) {
		k = earliest(next, num_streams);
		a[i] = (struct arrival) {
			.at = (uint64_t)(1e9 * next[k]),
			.deadline = (uint64_t)(1e9 * (next[k] + streams[k].bound)),
			.model = k,
		};
		next[k] += gap(&state[k], streams[k].qps);
	}
}
