/* SPDX-License-Identifier: MIT */
/*
 * report.h - from the facts that `run` wrote to figures. A rate counts queries as far as they were
 * computed within the measured span: each slice is worth its share of the compute time of its query.
 */
#ifndef LOOM_BENCH_REPORT_H
#define LOOM_BENCH_REPORT_H

#include <jansson.h>

#include "bench.h"

#define REPORT_MAX_PHASES (BENCH_MAX_MODELS + 8)

struct report_slice {
	unsigned int model, slice;
	uint64_t request;
	const char *layer;
	uint64_t fetch_start, fetch_end, dma_start, dma_end, compute_start, compute_end;
	uint64_t fetch_busy, dma_busy, compute_busy;
};

struct report_phase {
	const char *name, *policy;
	bool alone;
	unsigned int first, num;	/* models [first, first + num) */
	uint64_t from, to;		/* the measured span, device ns */
	struct report_slice *slices;
	size_t num_slices;
	json_t *trace;
	/* figures */
	double seconds;
	double qps[BENCH_MAX_MODELS];
	double stp, antt;
	double mac, compute, dram;	/* busy, 0 .. 1 */
	double slices_run, instructions, enters, sqes, jobs, ioctls, dry, interrupts, faults;
	uint64_t replies, checked;
};

struct report_model {
	const char *name;
	double period;			/* alone, seconds a query */
	double compute, mac, dram;	/* busy seconds a query */
};

struct report {
	const char *dir;
	json_t *raw;
	struct report_model models[BENCH_MAX_MODELS];
	unsigned int num_models;
	struct report_phase phases[REPORT_MAX_PHASES];
	unsigned int num_phases;
	double bound;
	json_t *outputs;		/* what check-output said, by model */
	bool same_bytes;		/* every phase left the same outputs */
};

int report_load(struct report *r, const char *dir);
void report_free(struct report *r);
int figures_rates(struct report *r);
int figures_make(struct report *r);	/* and whether they can be */

/* The largest STP that two resources allow (papers.md 1.10). */
double bound_stp(const struct report_model *models, unsigned int num);

void table_print(const struct report *r, FILE *out);
json_t *results_json(const struct report *r);
int chrome_write(const struct report *r, const char *path);
int timeline_draw(const struct report *r, const char *path);
int same_outputs(struct report *r);

/* "fifo" in the words of the table. */
const char *policy_title(const char *policy);

#define REPORT_COLOURS 8
extern const double report_colours[REPORT_COLOURS][3];	/* red, green, blue; of models or policies */

void report_forget_fonts(void);	/* after a picture */

#endif /* LOOM_BENCH_REPORT_H */
