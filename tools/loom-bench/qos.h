/* SPDX-License-Identifier: MIT */
/*
 * qos.h - `loom-bench qos`.
 *
 *   qos_mix.c      the mixes
 *   traffic.c      arrivals; open_loop.c runs a policy on them
 *   qos.c          the streams of a mix, and the search for the largest load
 *   qos_curve.c    violations and goodput over load; qos_picture.c draws them
 *   qos_main.c     options; qos_json.c the rows as JSON
 */
#ifndef LOOM_BENCH_QOS_H
#define LOOM_BENCH_QOS_H

#include "experiment.h"
#include "qos_mix.h"
#include "traffic.h"

#define QOS_MAX_SEEDS 8
#define QOS_MAX_POINTS 32

/* A mix on this device, at load 1. */
struct qos_streams {
	const struct qos_mix *mix;
	const struct workload *models[QOS_MAX_MODELS];
	struct stream_rate unit[QOS_MAX_MODELS];
	unsigned int num;
	double bound;				/* load at which the busier stream has no idle time */
	struct arrival *arrivals;		/* of a run */
	unsigned int num_arrivals;
};

struct qos_row {
	struct qos_streams streams;
	const char *policy;
	double load, loads[QOS_MAX_SEEDS];	/* mean, and of each seed */
	double worst_late;			/* seconds, at those loads */
	unsigned int late[QOS_MAX_MODELS];	/* violations at those loads, by model */
	uint64_t faults;			/* policies replaced */
};

/* All seeds together at one load. */
struct qos_point {
	double load;
	double violations;			/* of all requests, 0 .. 1 */
	double goodput;				/* load that was in time */
	double mean_latency;
};

struct qos_curve {
	const char *policy;
	struct qos_point points[QOS_MAX_POINTS];
	unsigned int num;
};

struct qos {
	struct grid grid;
	const struct qos_mix *mix;		/* this one only */
	uint64_t seeds[QOS_MAX_SEEDS];
	unsigned int num_seeds, count;
	uint64_t window_us;
	bool drop_late;
	const char *curve;			/* draw violations and goodput of the mix here */
	struct qos_row *rows;
	unsigned int num_rows;
};

struct open_figures;

int qos_streams(const struct qos *q, const struct qos_mix *mix, struct qos_streams *s);
int qos_run_at(const struct qos *q, const struct qos_streams *s, const char *policy, uint64_t seed,
	       double load, bool to_the_end, struct open_figures *f);
int qos_run(struct qos *q);
int qos_draw_curves(struct qos *q);
int qos_picture(const struct qos *q, const char *title, const struct qos_curve *curves, unsigned int num);
int qos_json(const struct qos *q);
int bench_qos(int argc, char **argv);

#endif /* LOOM_BENCH_QOS_H */
