/* SPDX-License-Identifier: MIT */
/*
 * loom_run.h - what loom-run is asked to do, and what came of it.
 */
#ifndef LOOM_RUN_H
#define LOOM_RUN_H

#include <stdbool.h>

#include "loom.h"

#define MAX_FILES 64
#define MAX_MODELS 64

/* name=file.npy */
struct binding {
	const char *name;
	const char *file;
};

/* One model of the command line, and its run. */
struct task {
	const char *path;
	struct binding input[MAX_FILES], output[MAX_FILES];
	unsigned int num_inputs, num_outputs;
	struct loom_model *model;
	struct loom_instance *instance;
	unsigned int first;		/* of its results, slice by slice, inference by inference */
};

struct options {
	const char *device;
	unsigned int repeat;
	bool weave, zero, profile, json;
};

struct run {
	struct options options;
	struct task task[MAX_MODELS];
	unsigned int num_tasks;
	struct loom_dev *dev;
	struct loom_queue *queue;
	struct loom_bo *results;
	unsigned int num_jobs;
};

static inline unsigned int num_slices(const struct task *task)
{
	return loom_model_info(task->model)->num_slices;
}

/* args.c: 0, or the status to exit with (after --help, too: *done). */
int parse_args(int argc, char **argv, struct run *run, bool *done);
/* tensors.c */
int read_inputs(const struct run *run, const struct task *task);
int write_outputs(const struct task *task);
/* execute.c: all inferences of all models; results are in run->results. */
int run_slices(struct run *run);
const struct drm_loom_result *result_of(const struct run *run, const struct task *task,
					unsigned int inference, unsigned int slice);
/* report.c */
void print_report(const struct run *run);

#endif /* LOOM_RUN_H */
