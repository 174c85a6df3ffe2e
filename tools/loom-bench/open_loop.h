/* SPDX-License-Identifier: MIT */
/* open_loop.h - a trace of arrivals, a policy, an engine: who was late. */
#ifndef LOOM_BENCH_OPEN_LOOP_H
#define LOOM_BENCH_OPEN_LOOP_H

#include "experiment.h"
#include "traffic.h"

struct open_loop {
	const struct machine *machine;
	const struct engine_ops *engine;
	const struct workload *const *models;
	unsigned int num_models;
	const char *policy;
	const struct arrival *arrivals;
	unsigned int num_arrivals;
	unsigned int give_up;		/* stop at so many violations; 0: never */
	uint64_t window_us;
	bool drop_late, release_layer;
};

struct open_figures {
	unsigned int replies, violations, dropped;
	unsigned int late[CELL_MAX_MODELS];	/* violations, by model */
	bool gave_up;
	double seconds;			/* from the first arrival to the last reply */
	double mean_latency;		/* of those served */
	double worst_late;		/* seconds past the deadline */
	double compute, dram;		/* busy, 0 .. 1 */
	uint64_t picks, faults;
};

int open_loop_run(const struct open_loop *o, struct open_figures *f);

#endif /* LOOM_BENCH_OPEN_LOOP_H */
