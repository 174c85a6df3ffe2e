/* SPDX-License-Identifier: MIT */
/*
 * bench.h - what the files of loom-bench share.
 *
 *   run.c         options of `run`, the phases
 *   stream.c      closed-loop streams over a lane: warm-up, measured span, checked tail
 *   lane_loomd.c  a lane: through loomd, with counters from the accel node
 *   lane_sim.c    a lane: the scheduler and libloom's sim back end in this process
 *   inputs.c      tensors from and to .npy files
 *   report.c      what `run` wrote -> figures.c, bound.c -> table.c, chrome.c, timeline.c
 *
 * `run` writes facts only: stamps, counters, traces, outputs. All arithmetic is in `report`.
 */
#ifndef LOOM_BENCH_H
#define LOOM_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "loom.h"
#include "loom_client.h"

#define BENCH_MAX_MODELS 8
#define BENCH_MAX_QUEUED 16	/* of a closed-loop stream */
#define BENCH_MAX_SLOTS 64	/* I/O regions of a model */
#define BENCH_MAX_NOTES 16

#define EXIT_USAGE 2
#define EXIT_IMPOSSIBLE 3	/* report: a figure that cannot be, or outputs that differ */

/* "loom-bench: ..." on stderr; returns err, so that a refusal is one statement. */
__attribute__((format(printf, 2, 3))) int bench_fail(int err, const char *format, ...);

/* Smallest first. */
void bench_sort(uint64_t *values, uint64_t num);

/* ---- a lane: where the requests go ---- */

struct bench_reply {
	unsigned int model, slot;
	int status;
};

/* Everything that only ever counts up. */
struct bench_stamp {
	struct drm_loom_time time;
	struct loom_hw_counters hw;
	uint64_t enters, sqes, jobs, ioctls;	/* of who feeds the device */
	uint64_t dry, policy_faults;
};

struct bench_model {
	char name[64];
	const char *path;
	const char *inputs;		/* directory of input.TENSOR.npy, or NULL: made up */
	struct loom_client_model io;
	uint64_t slices, layers, macs, weight_bytes, lease_bytes;
	unsigned char *first;		/* outputs as they were at first, packed */
	uint64_t output_bytes;
};

struct bench_lane;

struct bench_lane_ops {
	const char *name;
	/* Make `queued` I/O regions for model number `index`, and fill model->io. */
	int (*load)(struct bench_lane *lane, unsigned int index, struct bench_model *model,
		    unsigned int queued);
	void *(*io)(struct bench_lane *lane, unsigned int model, unsigned int slot);
	int (*policy)(struct bench_lane *lane, const char *name);
	/* Between true and false nothing that is submitted begins. */
	int (*hold)(struct bench_lane *lane, bool hold);
	/* deadline: of the lane's clock; UINT64_MAX: none */
	int (*submit)(struct bench_lane *lane, unsigned int model, unsigned int slot, uint64_t deadline);
	/* The next reply, or -ETIME when it is that time. */
	int (*wait_until)(struct bench_lane *lane, uint64_t time, struct bench_reply *reply);
	uint64_t (*now)(struct bench_lane *lane);	/* ns */
	/* All that the scheduler is told and says, for replay. Not in every lane: NULL. */
	int (*record)(struct bench_lane *lane, const char *path, uint64_t seed);
	int (*record_stop)(struct bench_lane *lane);
	int (*stamp)(struct bench_lane *lane, struct bench_stamp *stamp);	/* time and hw: quick */
	int (*counts)(struct bench_lane *lane, struct bench_stamp *stamp);	/* the rest: may take a while */
	int (*trace_start)(struct bench_lane *lane);
	int (*trace_stop)(struct bench_lane *lane, const char *path);
	void (*close)(struct bench_lane *lane);
};

struct bench_lane {
	const struct bench_lane_ops *ops;
	struct loom_dev *dev;		/* for caps, counters and time */
};

int lane_loomd_open(const char *socket, const char *device, struct bench_lane **lane);

struct lane_sim_options {
	const char *device;
	bool release_layer;
	uint64_t window_us;
	unsigned int inflight;		/* requests of a model at the device at once */
	bool drop_late;
};

/* Absent (NULL) in the program that goes into the VM, which has no simulator. */
extern int (*const lane_sim_open)(const struct lane_sim_options *options, struct bench_lane **lane);

/* ---- a run ---- */

struct bench_options {
	struct bench_model models[BENCH_MAX_MODELS];
	unsigned int num_models;
	const char *policies[8];
	unsigned int num_policies;
	unsigned int queued, warm, queries, tail;
	const char *out, *socket, *device;
	bool no_vm, quiet;
	struct lane_sim_options sim;
	const char *notes[BENCH_MAX_NOTES];	/* NAME=VALUE, into the results' versions */
	unsigned int num_notes;
};

struct bench_phase {
	char name[96];
	const char *policy;
	unsigned int first, num;	/* models [first, first + num) */
	struct bench_stamp start, end;
	uint64_t replies[BENCH_MAX_MODELS];	/* in the measured span */
	uint64_t checked[BENCH_MAX_MODELS];	/* outputs compared with the first */
};

/* [NAME=]FILE.loom[:DIR], one more of options->models. */
int bench_parse_model(struct bench_options *options, char *text);
int bench_open_lane(struct bench_options *options, struct bench_lane **lane);
int bench_run(int argc, char **argv);
int bench_report(int argc, char **argv);

int stream_phase(struct bench_lane *lane, struct bench_options *o, struct bench_phase *phase);

int inputs_fill(const struct bench_model *model, void *io);
/* Compare with, or take, model->first. */
int outputs_check(struct bench_model *model, const void *io, const char *phase);
int outputs_write(const struct bench_model *model, const void *io, const char *dir);
int make_dirs(const char *path);

#endif /* LOOM_BENCH_H */
