/* SPDX-License-Identifier: MIT */
/*
 * traffic.h - open-loop arrivals: who asks for what, when, and until when.
 *
 * Server of MLPerf Inference: every stream of queries is a Poisson process of a fixed rate, seeded, so
 * that a seed names one trace; a query that is answered after its bound is a violation.
 */
#ifndef LOOM_BENCH_TRAFFIC_H
#define LOOM_BENCH_TRAFFIC_H

#include <stdint.h>

struct arrival {
	uint64_t at, deadline;		/* ns */
	unsigned int model;
};

/* A stream of queries of one model. */
struct stream_rate {
	double qps;
	double bound;			/* seconds from arrival to reply */
};

/* n arrivals of all streams together, in order of time. */
void traffic_poisson(struct arrival *a, unsigned int n, const struct stream_rate *streams,
		     unsigned int num_streams, uint64_t seed);

#endif /* LOOM_BENCH_TRAFFIC_H */
