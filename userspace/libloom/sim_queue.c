// SPDX-License-Identifier: MIT
/*
 * The driver's part, played: queues, submissions, completions.
 */
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "sim.h"

static int status_of(uint32_t fault)
{
	switch (fault) {
	case LOOM_FAULT_NONE:
		return 0;
	case LOOM_FAULT_CANCELLED:
		return -ECANCELED;
	}
	return -EIO;
}

/* ---- completion ---- */

static void submission_done(struct sim_dev *sim, struct sim_submission *submission)
{
	if (submission->done)
		*submission->done = true;
	if (submission->ring)
		sim_ring_complete(submission->ring, submission);
	sim_bo_put(sim, submission->results);
	free(submission);
}

static void write_result(struct sim_dev *sim, const struct sim_job *job,
			 const struct drm_loom_result *result)
{
	const struct sim_submission *submission = job->submission;

	if (submission->results)
		memcpy(sim->mem.base + (submission->results->bus - SIM_BUS_BASE) +
		       submission->results_offset + job->index * sizeof(*result),
		       result, sizeof(*result));
}

static void job_done(struct sim_dev *sim, struct sim_job *job, const struct drm_loom_result *result)
{
	struct sim_submission *submission = job->submission;

	write_result(sim, job, result);
	if (result->status && job->index < submission->status_job) {
		submission->status = result->status;
		submission->status_job = job->index;
	}
	if (result->end > submission->end)
		submission->end = result->end;
	free(job);
	if (!--submission->left)
		submission_done(sim, submission);
}

/* A job that the device never finished. */
static void job_cancelled(struct sim_dev *sim, struct sim_job *job)
{
	struct drm_loom_result result = {
		.user_data = job->job.user_data,
		.status = -ECANCELED,
		.fault = LOOM_FAULT_CANCELLED,
		.fault_cmd = LOOM_NO_CMD,
		.end = sim->now,
	};

	job_done(sim, job, &result);
}

static void note_fault(struct sim_dev *sim, const struct loom_hw_cqe *cqe, uint64_t user_data)
{
	struct sim_vm *vm;

	if (!cqe->fault || cqe->fault == LOOM_FAULT_CANCELLED || !cqe->ctx ||
	    cqe->ctx > sim->base.caps.max_contexts)
		return;
	vm = sim->ctxs[cqe->ctx];
	if (!vm || vm->info.dead)
		return;
	vm->info.dead = 1;
	vm->info.fault = cqe->fault;
	vm->info.fault_cmd = cqe->fault_cmd;
	vm->info.fault_addr = cqe->fault_addr;
	vm->info.user_data = user_data;
}

static void take_completion(struct sim_dev *sim, struct sim_queue *queue,
			    const struct loom_hw_cqe *cqe)
{
	struct drm_loom_result result = {
		.status = status_of(cqe->fault),
		.fault = cqe->fault,
		.fault_cmd = cqe->fault ? cqe->fault_cmd : LOOM_NO_CMD,
		.fault_addr = cqe->fault_addr,
		.dispatched = cqe->dispatched,
		.fetch_start = cqe->fetch_start, .fetch_end = cqe->fetch_end,
		.dma_start = cqe->dma_start, .dma_end = cqe->dma_end,
		.compute_start = cqe->compute_start, .compute_end = cqe->compute_end,
		.end = cqe->end,
		.fetch_busy = cqe->fetch_busy, .dma_busy = cqe->dma_busy,
		.mac_busy = cqe->mac_busy, .vector_busy = cqe->vector_busy,
		.wait_weights = cqe->wait_weights, .wait_dma = cqe->wait_dma,
	};
	struct sim_job *job;

	if (cqe->cookie >= queue->entries || !queue->slots[cqe->cookie])
		return;		/* not one of ours: the device is at fault */
	job = queue->slots[cqe->cookie];
	queue->slots[cqe->cookie] = NULL;
	result.user_data = job->job.user_data;
	note_fault(sim, cqe, job->job.user_data);
	job_done(sim, job, &result);
}

/* ---- to the device ---- */

static int free_slot(const struct sim_queue *queue)
{
	uint32_t i;

	for (i = 0; i < queue->entries; i++) {
		/* Jobs mostly end in order: the slot after the last one given is likely free. */
		uint32_t slot = (queue->tail + i) % queue->entries;

		if (!queue->slots[slot])
			return slot;
	}
	return -1;
}

static void push_job(struct sim_queue *queue, struct sim_job *job, uint32_t slot)
{
	uint16_t flags = 0;

	if (job->job.flags & DRM_LOOM_JOB_RELEASE_LAYER)
		flags |= LOOM_JOB_RELEASE_LAYER;
	if (job->irq)
		flags |= LOOM_JOB_IRQ;
	queue->sq[queue->tail % queue->entries] = (struct loom_hw_job){
		.cookie = slot,
		.cmd_va = job->job.cmd_va,
		.cmd_size = job->job.cmd_size,
		.vm_slot = job->job.vm_slot,
		.flags = flags,
		.seq = queue->seq++,
	};
	queue->slots[slot] = job;
	queue->tail++;
}

static struct sim_job *pop_waiting(struct sim_queue *queue)
{
	struct sim_job *job = queue->first;

	queue->first = job->next;
	if (!queue->first)
		queue->last = &queue->first;
	return job;
}

static void push_waiting(struct sim_dev *sim, struct sim_queue *queue)
{
	uint32_t tail = queue->tail;
	int slot;

	while (queue->first && (slot = free_slot(queue)) >= 0)
		push_job(queue, pop_waiting(queue), slot);
	if (queue->tail != tail)
		sim_doorbell(sim, queue);
}

void sim_queue_interrupt(struct sim_dev *sim, struct sim_queue *queue)
{
	while (queue->cq_head != queue->state->cq_tail)
		take_completion(sim, queue, &queue->cq[queue->cq_head++ % queue->entries]);
	push_waiting(sim, queue);
}

/* ---- making and unmaking ---- */

static int free_hw_queue(const struct sim_dev *sim)
{
	uint32_t i;

	for (i = 0; i < sim->base.caps.max_queues; i++)
		if (!sim->hw_queues[i])
			return i;
	return loom_fail(-ENOSPC, "all %u queues are in use", sim->base.caps.max_queues);
}

static int check_queue(const struct sim_dev *sim, const struct drm_loom_queue_create *args)
{
	const struct loom_hw_caps *caps = &sim->base.caps;

	if (args->flags)
		return loom_fail(-EINVAL, "queue: unknown flags 0x%x", args->flags);
	if (args->band >= LOOM_BAND_COUNT)
		return loom_fail(-EINVAL, "queue: no band %u", args->band);
	if (args->core >= caps->num_cores)
		return loom_fail(-EINVAL, "queue: no core %u", args->core);
	if (args->entries < 8 || args->entries > caps->max_ring_entries ||
	    args->entries & (args->entries - 1))
		return loom_fail(-EINVAL, "queue: %u entries, must be a power of two, 8 to %u",
				 args->entries, caps->max_ring_entries);
	if (!args->vm_slots || args->vm_slots > 256)
		return loom_fail(-EINVAL, "queue: %u slots, must be 1 to 256", args->vm_slots);
	if (args->irq_batch > UINT16_MAX)
		return loom_fail(-EINVAL, "queue: irq_batch %u is too large", args->irq_batch);
	return 0;
}

/* One allocation: submission ring, completion ring, state, table of VMs. */
static int queue_memory(struct sim_dev *sim, struct sim_queue *queue)
{
	uint64_t sq = queue->entries * sizeof(*queue->sq);
	uint64_t cq = queue->entries * sizeof(*queue->cq);
	uint64_t size = sq + cq + sizeof(*queue->state) + queue->vm_slots * sizeof(uint32_t);
	char *memory;

	queue->bus = sim_mem_alloc(&sim->mem, size);
	if (!queue->bus)
		return loom_fail(-ENOMEM, "no memory for a queue");
	memory = sim_mem_at(&sim->mem, queue->bus, size);
	queue->sq = (void *)memory;
	queue->cq = (void *)(memory + sq);
	queue->state = (void *)(memory + sq + cq);
	queue->vm_table = (void *)(memory + sq + cq + sizeof(*queue->state));
	return 0;
}

static int queue_tell(struct sim_dev *sim, const struct sim_queue *queue, uint16_t opcode,
		      const struct drm_loom_queue_create *args)
{
	struct loom_admin_cmd cmd = { .opcode = opcode, .queue = { .queue = queue->hw } };
	const char *memory = (const char *)queue->sq;

	if (args) {
		cmd.queue.core = args->core;
		cmd.queue.sq = queue->bus;
		cmd.queue.cq = queue->bus + ((const char *)queue->cq - memory);
		cmd.queue.state = queue->bus + ((const char *)queue->state - memory);
		cmd.queue.vm_table = queue->bus + ((const char *)queue->vm_table - memory);
		cmd.queue.entries_log2 = __builtin_ctz(queue->entries);
		cmd.queue.vm_slots = queue->vm_slots;
		cmd.queue.vector = queue->vector;
		cmd.queue.irq_batch = args->irq_batch ? args->irq_batch : 1;
		cmd.queue.band = args->band;
	}
	return sim_admin(sim, &cmd);
}

static void queue_free(struct sim_dev *sim, struct sim_queue *queue)
{
	if (queue->bus)
		sim_mem_free(&sim->mem, queue->bus);
	free(queue->slots);
	free(queue);
}

int sim_queue_create(struct sim_dev *sim, struct drm_loom_queue_create *args)
{
	uint32_t vectors = sim->base.caps.num_vectors;
	struct sim_queue *queue;
	int err, hw;

	err = check_queue(sim, args);
	if (err)
		return err;
	hw = free_hw_queue(sim);
	if (hw < 0)
		return hw;
	queue = calloc(1, sizeof(*queue));
	if (!queue)
		return loom_fail(-ENOMEM, "out of memory");
	queue->hw = hw;
	queue->vector = vectors > 1 ? 1 + hw % (vectors - 1) : 0;
	queue->entries = args->entries;
	queue->vm_slots = args->vm_slots;
	queue->last = &queue->first;
	queue->slots = calloc(queue->entries, sizeof(*queue->slots));
	err = queue->slots ? queue_memory(sim, queue) : loom_fail(-ENOMEM, "out of memory");
	if (!err)
		err = queue_tell(sim, queue, LOOM_ADMIN_QUEUE_CREATE, args);
	if (err)
		goto free_queue;
	queue->id = sim_table_add(&sim->queues, queue);
	if (!queue->id) {
		err = loom_fail(-ENOMEM, "out of memory");
		goto destroy_queue;
	}
	sim->hw_queues[hw] = queue;
	args->queue_id = queue->id;
	return 0;

destroy_queue:
	queue_tell(sim, queue, LOOM_ADMIN_QUEUE_DESTROY, NULL);
free_queue:
	queue_free(sim, queue);
	return err;
}

int sim_queue_destroy(struct sim_dev *sim, const struct drm_loom_queue_destroy *args)
{
	struct sim_queue *queue = sim_table_get(&sim->queues, args->queue_id);
	uint32_t i;
	int err;

	if (args->pad)
		return loom_fail(-EINVAL, "queue: pad is not zero");
	if (!queue)
		return loom_fail(-ENOENT, "no queue %u", args->queue_id);
	while (queue->first)
		job_cancelled(sim, pop_waiting(queue));
	err = queue_tell(sim, queue, LOOM_ADMIN_QUEUE_DESTROY, NULL);
	if (err)
		return err;
	/* The device is done with it: what it completed counts, the rest never will be. */
	sim_queue_interrupt(sim, queue);
	for (i = 0; i < queue->entries; i++)
		if (queue->slots[i])
			job_cancelled(sim, queue->slots[i]);
	sim->hw_queues[queue->hw] = NULL;
	sim_table_remove(&sim->queues, queue->id);
	queue_free(sim, queue);
	return 0;
}

int sim_queue_set_vm(struct sim_dev *sim, const struct drm_loom_queue_set_vm *args)
{
	struct sim_queue *queue = sim_table_get(&sim->queues, args->queue_id);
	struct sim_vm *vm = sim_table_get(&sim->vms, args->vm_id);

	if (args->pad)
		return loom_fail(-EINVAL, "queue: pad is not zero");
	if (!queue)
		return loom_fail(-ENOENT, "no queue %u", args->queue_id);
	if (args->slot >= queue->vm_slots)
		return loom_fail(-EINVAL, "queue: slot %u of %u", args->slot, queue->vm_slots);
	if (args->vm_id && !vm)
		return loom_fail(-ENOENT, "no VM %u", args->vm_id);
	queue->vm_table[args->slot] = vm ? vm->ctx : 0;
	return 0;
}

void sim_queue_cancel_vm(struct sim_dev *sim, struct sim_queue *queue, const struct sim_vm *vm)
{
	struct sim_job **at = &queue->first;

	while (*at) {
		struct sim_job *job = *at;

		if (job->ctx == vm->ctx) {
			*at = job->next;
			job_cancelled(sim, job);
		} else {
			at = &job->next;
		}
	}
	queue->last = at;
}

bool sim_queue_uses_vm(const struct sim_queue *queue, const struct sim_vm *vm)
{
	uint32_t i;

	for (i = 0; i < queue->entries; i++)
		if (queue->slots[i] && queue->slots[i]->ctx == vm->ctx)
			return true;
	return false;
}

void sim_queue_forget_vm(struct sim_queue *queue, const struct sim_vm *vm)
{
	uint32_t i;

	for (i = 0; i < queue->vm_slots; i++)
		if (queue->vm_table[i] == vm->ctx)
			queue->vm_table[i] = 0;
}

/* ---- submission ---- */

static int check_job(const struct sim_dev *sim, const struct sim_queue *queue,
		     const struct drm_loom_job *job, unsigned int i)
{
	uint32_t ctx;

	if (job->cmd_va % 8 || job->cmd_va >> LOOM_VA_BITS || job->cmd_size % 8)
		return loom_fail(-EINVAL,
				 "job %u: command buffer 0x%llx, %u bytes: out of range", i,
				 (unsigned long long)job->cmd_va, job->cmd_size);
	if (job->flags & ~(DRM_LOOM_JOB_RELEASE_LAYER | DRM_LOOM_JOB_IDEMPOTENT) || job->pad)
		return loom_fail(-EINVAL, "job %u: unknown flags, or pad not zero", i);
	if (job->vm_slot >= queue->vm_slots)
		return loom_fail(-EINVAL, "job %u: slot %u of %u", i, job->vm_slot,
				 queue->vm_slots);
	ctx = queue->vm_table[job->vm_slot];
	if (!ctx)
		return loom_fail(-ENOENT, "job %u: slot %u is empty", i, job->vm_slot);
	if (sim->ctxs[ctx]->info.dead)
		return loom_fail(-EIO, "job %u: its VM is dead: %s", i,
				 loom_fault_name(sim->ctxs[ctx]->info.fault));
	return 0;
}

static int check_submit(struct sim_dev *sim, const struct drm_loom_submit *args,
			struct sim_bo **results)
{
	uint64_t bytes = args->num_jobs * (uint64_t)sizeof(struct drm_loom_result);

	if (args->flags & ~DRM_LOOM_SUBMIT_IRQ || args->pad)
		return loom_fail(-EINVAL, "submit: flags or pad not zero");
	if (!args->num_jobs || args->num_jobs > DRM_LOOM_SUBMIT_MAX_JOBS)
		return loom_fail(-EINVAL, "submit: %u jobs, must be 1 to %u", args->num_jobs,
				 DRM_LOOM_SUBMIT_MAX_JOBS);
	if (args->num_in_syncs || args->num_out_syncs)
		return loom_fail(-EOPNOTSUPP, "submit: sim has no syncobjs");
	if (!args->results_handle)
		return 0;
	*results = sim_table_get(&sim->bos, args->results_handle);
	if (!*results)
		return loom_fail(-ENOENT, "submit: no results buffer %u", args->results_handle);
	if (args->results_offset % 8 || bytes > (*results)->size ||
	    args->results_offset > (*results)->size - bytes)
		return loom_fail(-EINVAL, "submit: results lie outside their buffer");
	return 0;
}

static void free_jobs(struct sim_job *job)
{
	while (job) {
		struct sim_job *next = job->next;

		free(job);
		job = next;
	}
}

/* The list of jobs, made from its end; *last is the end. */
static struct sim_job *new_jobs(const struct sim_queue *queue, struct sim_submission *submission,
				const struct drm_loom_job *jobs, unsigned int num,
				struct sim_job **last)
{
	struct sim_job *first = NULL;

	while (num--) {
		struct sim_job *job = calloc(1, sizeof(*job));

		if (!job) {
			free_jobs(first);
			return NULL;
		}
		job->submission = submission;
		job->index = num;
		job->ctx = queue->vm_table[jobs[num].vm_slot];
		job->job = jobs[num];
		job->next = first;
		if (!first)
			*last = job;
		first = job;
	}
	return first;
}

/* The jobs wait in the queue until sim_queue_interrupt(); from then on the submission is theirs. */
int sim_submit(struct sim_dev *sim, const struct drm_loom_submit *args,
	       const struct drm_loom_job *jobs, struct sim_submission **out)
{
	struct sim_queue *queue = sim_table_get(&sim->queues, args->queue_id);
	struct sim_submission *submission;
	struct sim_job *first, *last;
	struct sim_bo *results = NULL;
	unsigned int i;
	int err;

	if (!queue)
		return loom_fail(-ENOENT, "submit: no queue %u", args->queue_id);
	err = check_submit(sim, args, &results);
	for (i = 0; !err && i < args->num_jobs; i++)
		err = check_job(sim, queue, &jobs[i], i);
	if (err)
		return err;
	submission = calloc(1, sizeof(*submission));
	if (!submission)
		return loom_fail(-ENOMEM, "out of memory");
	first = new_jobs(queue, submission, jobs, args->num_jobs, &last);
	if (!first) {
		free(submission);
		return loom_fail(-ENOMEM, "out of memory");
	}
	last->irq = args->flags & DRM_LOOM_SUBMIT_IRQ;
	submission->left = args->num_jobs;
	submission->status_job = args->num_jobs;
	submission->results = results;
	submission->results_offset = args->results_offset;
	if (results)
		results->refs++;
	*queue->last = first;
	queue->last = &last->next;
	*out = submission;
	return 0;
}

int sim_submit_wait(struct loom_dev *dev, struct drm_loom_submit *args, uint64_t timeout_ns)
{
	struct sim_dev *sim = to_sim(dev);
	uint64_t deadline = sim_after(sim, timeout_ns);
	struct sim_submission *submission;
	bool done = false;
	int err;

	sim->now += sim->call_ns;
	err = sim_submit(sim, args, (const void *)(uintptr_t)args->jobs, &submission);
	if (err)
		return err;
	submission->done = &done;
	sim_queue_interrupt(sim, sim_table_get(&sim->queues, args->queue_id));
	while (!done) {
		err = sim_step(sim, deadline);
		if (err)
			break;
	}
	if (err && !done)
		submission->done = NULL;
	return done ? 0 : err;
}
