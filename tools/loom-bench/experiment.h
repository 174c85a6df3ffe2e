/* SPDX-License-Identifier: MIT */
/*
 * experiment.h - the harness of the scheduling experiments (pairs, mixes, sweep, overhead).
 *
 *   workload.c       a network, compiled for timing only: its slices and what they cost
 *   engine_device.c  an engine: firmware-sim with functional=off, through libloom
 *   engine_model.c   an engine: the two streams of userspace/sched/device_state, much faster
 *   cell.c           one cell: closed-loop streams under one policy on one engine, and its figures
 *   grid.c           options, the networks, and periods alone, which the experiments share
 *   pairs.c ...      one experiment each
 *
 * Times are device time, nanoseconds, unless a name says otherwise.
 */
#ifndef LOOM_BENCH_EXPERIMENT_H
#define LOOM_BENCH_EXPERIMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sched/sched.h"

#define CELL_MAX_MODELS 8

struct loom_model;

/* Sizes of the device that a schedule depends on. */
struct machine {
	char spec[256];			/* as loom_dev_open() takes it, without "sim:" */
	char preset[32];
	/* What crosses DRAM beside weights: "resident": nothing; "lease": inputs and outputs */
	const char *activations;
	uint64_t buffer_bytes, dram_bytes_per_s;
};

struct workload {
	char name[32];
	unsigned int batch;
	struct loom_model *file;	/* NULL: a made-up one, for engine_model only */
	struct sched_slice *slices;
	unsigned int num_slices;
	double comp, mac, mem;		/* seconds a query, by the profile */
	uint64_t longest_ps;		/* compute of a slice */
	unsigned int waiting;		/* requests a stream keeps outstanding under queued arrivals */
};

/* As machine.activations has it. */
const char *workload_activations(const struct workload *w);
int workload_open(struct workload *w, const struct machine *m, const char *path);
void workload_sum(struct workload *w, const struct machine *m);
void workload_close(struct workload *w);

/* ---- an engine: where slices run ---- */

struct engine_done {
	uint64_t tag;
	uint64_t end;			/* known to have completed */
	uint64_t compute_end;
};

/* Busy seconds since the engine was opened. */
struct engine_busy {
	double compute, mac, dram;
};

struct engine;

struct engine_ops {
	const char *name;
	int (*open)(const struct machine *m, bool release_layer, struct engine **e);
	int (*add)(struct engine *e, const struct workload *w, unsigned int requests);
	int (*submit)(struct engine *e, uint64_t now, unsigned int model, unsigned int region,
		      unsigned int slice, uint64_t tag);
	/* The next completion (1), or `until` is reached (0), or -errno. */
	int (*wait)(struct engine *e, uint64_t until, struct engine_done *done);
	int (*busy)(struct engine *e, struct engine_busy *busy);
	void (*close)(struct engine *e);
};

extern const struct engine_ops engine_device;
extern const struct engine_ops engine_model;

/* ---- a cell ---- */

struct cell {
	const struct machine *machine;
	const struct engine_ops *engine;
	const struct workload *models[CELL_MAX_MODELS];
	unsigned int num_models;
	const char *policy;
	const struct policy_ops *ops;	/* instead of policy: not in the table */
	bool strict;			/* a stream's next query exists once the last one is done */
	bool release_layer;
	unsigned int warm, queries;	/* replies of every model */
	uint64_t window_us;
};

struct cell_figures {
	double seconds;
	double qps[CELL_MAX_MODELS];
	double worst[CELL_MAX_MODELS];	/* longest latency seen, seconds */
	double compute, mac, dram;	/* busy, 0 .. 1 */
	uint64_t picks, faults;
};

int cell_run(const struct cell *c, struct cell_figures *f);

/* A model alone under the baseline: what bound_stp() takes. */
struct report_model;
int cell_alone(const struct cell *like, const struct workload *w, struct report_model *out);

/* ---- what the experiments share ---- */

#define GRID_MAX_NETWORKS 16
#define GRID_MAX_POLICIES 16

struct grid {
	const char *networks;		/* directory that networks.sh made */
	const char *policies[GRID_MAX_POLICIES];
	unsigned int num_policies;
	const char *only;		/* this combination, "A+B" */
	unsigned int batch, queries;
	bool release_layer, queued, strict, quiet;
	const struct engine_ops *engine;
	const char *json, *svg;
	struct machine machine;
	struct workload workloads[GRID_MAX_NETWORKS];
	struct report_model *alone;	/* by workload */
	unsigned int num_workloads;
};

/* What came of one cell, against the models alone. */
struct grid_row {
	const struct workload *models[CELL_MAX_MODELS];
	unsigned int num_models;
	char policy[48];
	bool strict;
	double stp, bound, antt, max_slowdown;
	double closed;			/* STP of two, from the busy figures alone; 0: of more */
	struct cell_figures f;
};

/* Returns 0, an exit status below 0, or 1 after --help. */
int grid_parse(struct grid *g, int argc, char **argv, const char *help);

/* What an experiment takes where nothing is said, if not firmware-sim, layerweaver and loom. */
struct grid_defaults {
	const struct engine_ops *engine;
	const char *policies[GRID_MAX_POLICIES];	/* up to NULL */
};

int grid_parse_as(struct grid *g, int argc, char **argv, const char *help,
		  const struct grid_defaults *defaults);
/* Compiled networks by name, each measured alone. */
int grid_open(struct grid *g, const char *const *names, unsigned int num);
void grid_close(struct grid *g);
/* What all figures that follow depend on, in a line. */
void grid_head(const struct grid *g);
int grid_cell(const struct grid *g, const unsigned int *which, unsigned int num, const char *policy,
	      bool strict, struct grid_row *row);
/* One combination under every policy and kind of arrivals asked for; run measures and prints a cell. */
typedef int grid_run(const struct grid *g, const unsigned int *which, const char *policy, bool strict,
		     struct grid_row *row);
int grid_cells(const struct grid *g, const unsigned int *which, grid_run *run, struct grid_row *rows,
	       unsigned int *num);
bool grid_wanted(const struct grid *g, const unsigned int *which, unsigned int num);
void grid_name(const struct grid_row *row, char *text, size_t size);

int grid_json(const struct grid *g, const char *kind, const struct grid_row *rows, unsigned int num);
int grid_svg(const struct grid *g, const char *title, const struct grid_row *rows, unsigned int num);

int bench_pairs(int argc, char **argv);
int bench_mixes(int argc, char **argv);
int bench_optimum(int argc, char **argv);
int bench_overhead(int argc, char **argv);



#endif /* LOOM_BENCH_EXPERIMENT_H */
