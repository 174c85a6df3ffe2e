/* SPDX-License-Identifier: MIT */
/* overhead.h - what its two files share: how decisions are timed. */
#ifndef LOOM_BENCH_OVERHEAD_H
#define LOOM_BENCH_OVERHEAD_H

#include <math.h>
#include <time.h>

#include "experiment.h"

#define OVERHEAD_SPAN 0.02	/* seconds */
#define OVERHEAD_CHUNK 500	/* decisions between looks at the clock */
#define OVERHEAD_TRIALS 3	/* the fastest counts: what disturbs only adds */

/* Processor time: others on the host do not count. */
static inline double overhead_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Nanoseconds a step, of two workloads. */
double overhead_step(const struct machine *m, const struct workload *const *w, const char *policy,
		     bool release_layer);

/* argv[0] is --vm, the rest tools/run/overhead's; does not return if that is there. */
int overhead_in_vm(char **argv);

#endif /* LOOM_BENCH_OVERHEAD_H */
