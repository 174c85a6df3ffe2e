// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "bench.h"
#include "simulator.h"

#define QUEUE_ENTRIES 1024

struct bench_sim {
	struct loom_dev *dev;
	struct loom_model *model;
	struct loom_instance *instance;
	struct loom_queue *queue;
	struct drm_loom_job *jobs;
	uint64_t commands;
};

static int refused(int err, const char *what)
{
	return bench_fail(err, "%s: %s", what, loom_error());
}

static unsigned int num_slices(const struct bench_sim *sim)
{
	return loom_model_info(sim->model)->num_slices;
}

static int load(struct bench_sim *sim)
{
	const struct drm_loom_queue_create args = { .entries = QUEUE_ENTRIES, .vm_slots = 1, .irq_batch = 64 };
	int err = loom_instance_create(sim->dev, sim->model, 1, &sim->instance);

	if (!err)
		err = loom_queue_create(sim->dev, &args, &sim->queue);
	return err ? err : loom_queue_set_vm(sim->queue, 0, loom_instance_vm(sim->instance));
}

static int make_jobs(struct bench_sim *sim)
{
	unsigned int i;

	sim->jobs = calloc(num_slices(sim), sizeof(*sim->jobs));
	if (!sim->jobs)
		return bench_fail(-ENOMEM, "out of memory");
	for (i = 0; i < num_slices(sim); i++) {
		loom_instance_job(sim->instance, 0, i, 0, &sim->jobs[i]);
		sim->commands += loom_model_slice(sim->model, i)->num_cmds;
	}
	return 0;
}

int bench_sim_open(const char *spec, const char *loom_file, struct bench_sim **out)
{
	struct bench_sim *sim = calloc(1, sizeof(*sim));
	int err;

	if (!sim)
		return bench_fail(-ENOMEM, "out of memory");
	err = loom_model_open(loom_file, &sim->model);
	if (!err)
		err = loom_dev_open(spec, &sim->dev);
	if (!err)
		err = load(sim);
	err = err ? refused(err, spec) : make_jobs(sim);
	if (err)
		bench_sim_close(sim);
	else
		*out = sim;
	return err;
}

void bench_sim_close(struct bench_sim *sim)
{
	if (sim->queue)
		loom_queue_destroy(sim->queue);
	loom_instance_destroy(sim->instance);
	if (sim->dev)
		loom_dev_close(sim->dev);
	if (sim->model)
		loom_model_close(sim->model);
	free(sim->jobs);
	free(sim);
}

int bench_sim_infer(struct bench_sim *sim, uint64_t times)
{
	int err = 0;

	while (!err && times--)
		err = loom_submit_wait(sim->queue, sim->jobs, num_slices(sim), NULL, UINT64_MAX);
	return err ? refused(err, "inference") : 0;
}

uint64_t bench_sim_commands(const struct bench_sim *sim)
{
	return sim->commands;
}

static double seconds(const struct timeval *t)
{
	return (double)t->tv_sec + (double)t->tv_usec / 1000000;
}

struct bench_clock bench_clock_now(void)
{
	struct rusage usage;
	struct timespec wall;

	clock_gettime(CLOCK_MONOTONIC, &wall);
	getrusage(RUSAGE_SELF, &usage);
	return (struct bench_clock) {
		.wall = (double)wall.tv_sec + (double)wall.tv_nsec / 1000000000,
		.cpu = seconds(&usage.ru_utime) + seconds(&usage.ru_stime),
	};
}
