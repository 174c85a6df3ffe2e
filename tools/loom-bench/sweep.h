/* SPDX-License-Identifier: MIT */
/*
 * sweep.h - `loom-bench sweep`: the pairs on one device after the other.
 *
 *   sweep.c           options, the points, and their means over the pairs
 *   sweep_out.c       the points as JSON and as a picture
 */
#ifndef LOOM_BENCH_SWEEP_H
#define LOOM_BENCH_SWEEP_H

#include "experiment.h"

#define SWEEP_MAX_DIRS 32
#define SWEEP_MAX_BATCHES 8
#define SWEEP_MAX_POINTS (SWEEP_MAX_DIRS * SWEEP_MAX_BATCHES * GRID_MAX_POLICIES)

/* A device, a batch size and a policy; means over the pairs. */
struct sweep_point {
	struct machine machine;
	unsigned int batch, policy, pairs;
	double gain, bound_gain;	/* arithmetic */
	double of_bound, least;		/* geometric; of one pair */
	double antt;			/* geometric */
};

struct sweep {
	struct grid grid;		/* what all points share */
	const char *dirs[SWEEP_MAX_DIRS];
	unsigned int batches[SWEEP_MAX_BATCHES];
	unsigned int num_dirs, num_batches;
	struct sweep_point *points;
	unsigned int num_points;
};

/* What may differ between two points beside the policy. */
enum sweep_axis { SWEEP_SRAM, SWEEP_BANDWIDTH, SWEEP_BATCH, SWEEP_AXES };

double sweep_value(const struct sweep_point *p, enum sweep_axis axis);	/* MB, GB/s, queries */
int sweep_json(const struct sweep *s);
int sweep_svg(const struct sweep *s);
int bench_sweep(int argc, char **argv);

#endif /* LOOM_BENCH_SWEEP_H */
