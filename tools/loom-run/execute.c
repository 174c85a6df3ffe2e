// SPDX-License-Identifier: MIT
/*
 * All slices of all inferences, in one order, through the ring: many jobs a submission, several
 * submissions ahead of the device.
 */
#include <stdlib.h>
#include <string.h>

#include "libloom/fault.h"
#include "libloom/internal.h"
#include "loom_run.h"

#define JOBS_PER_SQE 64u
#define SQES_AHEAD 4u

/* What a job of the order is: a slice of an inference of a model. */
struct step {
	unsigned int task, result;
	struct drm_loom_job job;
};

static unsigned int slices_of(const struct run *run, unsigned int task)
{
	return num_slices(&run->task[task]) * run->options.repeat;
}

static void add_step(const struct run *run, unsigned int task, unsigned int n, struct step *step)
{
	const struct task *t = &run->task[task];

	step->task = task;
	step->result = t->first + n;
	loom_instance_job(t->instance, 0, n % num_slices(t), task, &step->job);
	step->job.user_data = step->result;
}

/* Turn by turn, or one after the other. A model's own slices are always in order. */
static void make_order(const struct run *run, struct step *steps)
{
	unsigned int next[MAX_MODELS] = { 0 };
	unsigned int i = 0, task = 0;

	while (i < run->num_jobs) {
		if (next[task] < slices_of(run, task)) {
			add_step(run, task, next[task]++, &steps[i++]);
			if (!run->options.weave)
				continue;
		}
		task = (task + 1) % run->num_tasks;
	}
}

/* Results lie in the order of submission: slot i of the buffer is step i. */
static int put_in(const struct run *run, struct loom_ring *ring, const struct step *steps,
		  unsigned int first)
{
	struct drm_loom_job jobs[JOBS_PER_SQE];
	unsigned int i, num = run->num_jobs - first;

	if (num > JOBS_PER_SQE)
		num = JOBS_PER_SQE;
	for (i = 0; i < num; i++)
		jobs[i] = steps[first + i].job;
	return loom_ring_prep(ring, run->queue, jobs, num, run->results,
			      first * sizeof(struct drm_loom_result), first);
}

static int feed(const struct run *run, struct loom_ring *ring, const struct step *steps)
{
	unsigned int next = 0, ahead = 0;
	struct loom_ring_cqe cqe;
	int err, failed = 0;

	while (next < run->num_jobs || ahead) {
		while (next < run->num_jobs && ahead < SQES_AHEAD) {
			err = put_in(run, ring, steps, next);
			if (err)
				return err;
			next += JOBS_PER_SQE;
			ahead++;
		}
		err = loom_ring_enter(ring, 1, UINT64_MAX);
		if (err < 0 && err != -EINTR)
			return err;
		while (loom_ring_reap(ring, &cqe)) {
			ahead--;
			if (cqe.res && !failed)
				failed = cqe.res;
		}
	}
	return failed;
}

/* Sort results by model, inference and slice, and say which one failed first. */
static int sort_results(struct run *run, const struct step *steps, int failed)
{
	struct drm_loom_result *results = loom_bo_map(run->results);
	struct drm_loom_result *sorted = calloc(run->num_jobs, sizeof(*sorted));
	const struct loom_elf_slice *info;
	const struct task *task;
	unsigned int i, slice, bad = run->num_jobs;

	if (!sorted)
		return loom_fail(-ENOMEM, "out of memory");
	for (i = 0; i < run->num_jobs; i++) {
		if (results[i].status && bad == run->num_jobs)
			bad = i;
		sorted[steps[i].result] = results[i];
	}
	if (bad < run->num_jobs) {
		task = &run->task[steps[bad].task];
		slice = (steps[bad].result - task->first) % num_slices(task);
		info = loom_model_slice(task->model, slice);
		failed = loom_fail(results[bad].status,
				   "%s: slice %u (%s): %s, command %d, address 0x%llx",
				   task->path, slice,
				   loom_model_string(task->model, info->name),
				   loom_fault_name(results[bad].fault), (int)results[bad].fault_cmd,
				   (unsigned long long)results[bad].fault_addr);
	} else if (failed) {
		loom_fail(failed, "submission refused: %s", strerror(-failed));
	}
	memcpy(results, sorted, run->num_jobs * sizeof(*sorted));
	free(sorted);
	return failed;
}

static int make_queue(struct run *run)
{
	struct drm_loom_queue_create args = { .entries = 256, .vm_slots = run->num_tasks };
	unsigned int i;
	int err;

	if (args.entries > loom_dev_caps(run->dev)->max_ring_entries)
		args.entries = loom_dev_caps(run->dev)->max_ring_entries;
	err = loom_queue_create(run->dev, &args, &run->queue);
	for (i = 0; !err && i < run->num_tasks; i++)
		err = loom_queue_set_vm(run->queue, i, loom_instance_vm(run->task[i].instance));
	return err;
}

static int make_results(struct run *run)
{
	int err = loom_bo_create(run->dev, run->num_jobs * sizeof(struct drm_loom_result),
				 &run->results);

	if (err)
		return err;
	return loom_bo_map(run->results) ? 0 : loom_fail(-ENOMEM, "cannot map the results");
}

int run_slices(struct run *run)
{
	struct loom_ring *ring = NULL;
	struct step *steps = NULL;
	unsigned int i;
	int err;

	for (i = 0; i < run->num_tasks; i++) {
		run->task[i].first = run->num_jobs;
		if (__builtin_add_overflow(run->num_jobs, slices_of(run, i), &run->num_jobs) ||
		    run->num_jobs > 10000000)
			return loom_fail(-E2BIG, "more than ten million slices to run");
	}
	err = make_queue(run);
	if (!err)
		err = make_results(run);
	if (!err)
		err = loom_ring_create(run->dev, SQES_AHEAD, &ring);
	if (err)
		return err;
	steps = calloc(run->num_jobs, sizeof(*steps));
	err = steps ? 0 : loom_fail(-ENOMEM, "out of memory");
	if (!err) {
		make_order(run, steps);
		err = feed(run, ring, steps);
		err = sort_results(run, steps, err);
	}
	free(steps);
	loom_ring_destroy(ring);
	return err;
}

const struct drm_loom_result *result_of(const struct run *run, const struct task *task,
					unsigned int inference, unsigned int slice)
{
	const struct drm_loom_result *results = loom_bo_map(run->results);

	return &results[task->first + inference * num_slices(task) + slice];
}
