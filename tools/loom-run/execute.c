// SPDX-License-Identifier: MIT
/*
 * All slices of all inferences, in one order, through the ring: many jobs a submission, several
 * submissions ahead of the device. A host step waits until the device has nothing left to do.
 */
#include <stdlib.h>
#include <string.h>

#include "libloom/fault.h"
#include "libloom/internal.h"
#include "loom_run.h"

#define JOBS_PER_SQE 64u
#define SQES_AHEAD 4u

/* What a job of the order is: a slice of an inference of a model, and the host steps before it. */
struct step {
	unsigned int task, result;
	unsigned int first_host, num_host;	/* of the model's host steps */
	struct drm_loom_job job;
};

static unsigned int slices_of(const struct run *run, unsigned int task)
{
	return num_slices(&run->task[task]) * run->options.repeat;
}

/* Those at the very end of an inference are run after its last slice: by run_last_steps(). */
static void find_host_steps(const struct task *t, unsigned int slice, struct step *step)
{
	const struct loom_elf_host_step *host;
	unsigned int i;

	for (i = 0; (host = loom_model_host_step(t->model, i)); i++) {
		step->first_host += host->slice < slice;
		step->num_host += host->slice == slice;
	}
}

static void add_step(const struct run *run, unsigned int task, unsigned int n, struct step *step)
{
	const struct task *t = &run->task[task];

	step->task = task;
	step->result = t->first + n;
	loom_instance_job(t->instance, 0, n % num_slices(t), task, &step->job);
	step->job.user_data = step->result;
	find_host_steps(t, n % num_slices(t), step);
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

static int run_host_steps(const struct task *t, unsigned int first, unsigned int num)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < num; i++)
		err = loom_model_run_host_step(t->model, first + i,
					       loom_instance_io(t->instance, 0));
	return err;
}

/* The steps that an inference ends with, when the slice was its last one. */
static int run_last_steps(const struct run *run, const struct step *step)
{
	const struct task *t = &run->task[step->task];
	struct step end = { 0 };

	if ((step->result - t->first + 1) % num_slices(t))
		return 0;
	find_host_steps(t, num_slices(t), &end);
	return run_host_steps(t, end.first_host, end.num_host);
}

/* Does the host have to do something before this slice, the one before it being the model's? */
static bool host_first(const struct run *run, const struct step *steps, unsigned int i)
{
	const struct task *t = &run->task[steps[i].task];

	if (!loom_model_info(t->model)->num_host_steps)
		return false;
	/* the next inference of a model waits for the last steps of the one before */
	return steps[i].num_host || (steps[i].result - t->first) % num_slices(t) == 0;
}

/* Results lie in the order of submission: slot i of the buffer is step i. Returns how many. */
static int put_in(const struct run *run, struct loom_ring *ring, const struct step *steps,
		  unsigned int first)
{
	struct drm_loom_job jobs[JOBS_PER_SQE];
	unsigned int num = 0;
	int err;

	do {
		jobs[num] = steps[first + num].job;
		num++;
	} while (num < JOBS_PER_SQE && first + num < run->num_jobs &&
		 !host_first(run, steps, first + num));
	err = loom_ring_prep(ring, run->queue, jobs, num, run->results,
			     first * sizeof(struct drm_loom_result), first);
	return err ? err : (int)num;
}

/* The last steps of inferences that ended in [from, to). */
static int end_inferences(const struct run *run, const struct step *steps, unsigned int from,
			  unsigned int to)
{
	int err = 0;

	for (; !err && from < to; from++)
		err = run_last_steps(run, &steps[from]);
	return err;
}

/* What the host has to do before slice `next`; *ended: last steps are done up to there. */
static int host_turn(const struct run *run, const struct step *steps, unsigned int next,
		     unsigned int *ended)
{
	int err = end_inferences(run, steps, *ended, next);

	*ended = next;
	if (!err)
		err = run_host_steps(&run->task[steps[next].task], steps[next].first_host,
				     steps[next].num_host);
	return err;
}

/* *said: loom_error() says what is wrong. */
static int feed(const struct run *run, struct loom_ring *ring, const struct step *steps, bool *said)
{
	unsigned int next = 0, ahead = 0, ended = 0;
	struct loom_ring_cqe cqe;
	int err, failed = 0;

	while (next < run->num_jobs || ahead) {
		while (next < run->num_jobs && ahead < SQES_AHEAD) {
			bool host = host_first(run, steps, next);

			if (host && ahead)
				break;
			err = host ? host_turn(run, steps, next, &ended) : 0;
			*said = err;
			if (err)
				return err;
			err = put_in(run, ring, steps, next);
			if (err < 0)
				return err;
			next += err;
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
	if (failed)
		return failed;
	err = end_inferences(run, steps, ended, run->num_jobs);
	*said = err;
	return err;
}

/* Sort results by model, inference and slice, and say which one failed first. */
static int sort_results(struct run *run, const struct step *steps, int failed, bool said)
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
	} else if (failed && !said) {
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
	bool said = false;
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
		err = feed(run, ring, steps, &said);
		err = sort_results(run, steps, err, said);
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
