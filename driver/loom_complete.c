// SPDX-License-Identifier: GPL-2.0-only
/* The device hands jobs back, or will never do so. */

#include <drm/loom_accel.h>

#include "loom_device.h"
#include "loom_isa.h"
#include "loom_job.h"
#include "loom_queue.h"
#include "loom_replay.h"
#include "loom_trace.h"
#include "loom_vm.h"

static_assert(sizeof(struct loom_hw_cqe) == 128);

static void loom_finished_add(struct loom_finished *finished, struct loom_submission *sub)
{
	*finished->last = sub;
	finished->last = &sub->next;
	finished->num++;
}

/* One of a submission's jobs is over. Those that are complete are gathered for finish. */
static __always_inline void loom_job_end(struct loom_queue *queue, struct loom_job *job, int status,
					 u64 time, struct loom_finished *finished)
{
	struct loom_submission *sub = job->sub;
	unsigned int index = job - sub->jobs;

	lockdep_assert_held(&queue->lock);

	if (status && (!sub->status || index < sub->first_failed)) {
		sub->status = status;
		sub->first_failed = index;
	}
	sub->end = max(sub->end, time);

	if (!--queue->slots[job->slot].jobs)
		loom_vm_put(job->vm);
	if (++sub->num_done == sub->num_jobs)
		loom_finished_add(finished, sub);
}

static void loom_job_write_result(struct loom_job *job, const struct loom_hw_cqe *cqe, int status,
				  u32 fault)
{
	struct drm_loom_result *result = &job->sub->results[job - job->sub->jobs];

	result->user_data = job->user_data;
	result->status = status;
	result->fault = fault;
	result->fault_cmd = cqe->fault_cmd;
	result->pad = 0;
	result->fault_addr = cqe->fault_addr;
	result->dispatched = cqe->dispatched;
	result->fetch_start = cqe->fetch_start;
	result->fetch_end = cqe->fetch_end;
	result->dma_start = cqe->dma_start;
	result->dma_end = cqe->dma_end;
	result->compute_start = cqe->compute_start;
	result->compute_end = cqe->compute_end;
	result->end = cqe->end;
	result->fetch_busy = cqe->fetch_busy;
	result->dma_busy = cqe->dma_busy;
	result->mac_busy = cqe->mac_busy;
	result->vector_busy = cqe->vector_busy;
	result->wait_weights = cqe->wait_weights;
	result->wait_dma = cqe->wait_dma;
}

static void loom_queue_account(struct loom_queue *queue, const struct loom_hw_cqe *cqe)
{
	atomic64_t *busy = queue->lfile->busy_ns;

	atomic64_add(cqe->fetch_busy, &busy[LOOM_ENGINE_FETCH]);
	atomic64_add(cqe->dma_busy, &busy[LOOM_ENGINE_DMA]);
	atomic64_add((u64)cqe->mac_busy + cqe->vector_busy, &busy[LOOM_ENGINE_COMPUTE]);
}

struct loom_job *loom_queue_take_job(struct loom_queue *queue, u32 tag)
{
	struct loom_job *job = queue->jobs[tag];

	queue->jobs[tag] = NULL;
	queue->free_tags[queue->num_free_tags++] = tag;
	return job;
}

/**
 * loom_job_complete() - Take a completion that the device has written
 * @queue: the queue
 * @cqe: the entry of the ring; what is decided by is read once
 * @finished: takes the submission, if that was its last job
 *
 * Return: false if the entry makes no sense.
 */
bool loom_job_complete(struct loom_queue *queue, const struct loom_hw_cqe *cqe,
		       struct loom_finished *finished)
{
	u64 cookie = READ_ONCE(cqe->cookie);
	struct loom_job *job;
	int status = 0;
	u32 fault;

	lockdep_assert_held(&queue->lock);

	if (cookie >= queue->entries || !queue->jobs[cookie] ||
	    queue->jobs[cookie]->seq != cqe->seq)
		return false;

	job = loom_queue_take_job(queue, cookie);
	if (unlikely(queue->holding) && loom_job_park(queue, job, cqe))
		return true;
	fault = READ_ONCE(cqe->fault);
	if (unlikely(fault != LOOM_FAULT_NONE)) {
		fault = loom_job_mend_fault(job, fault);
		status = loom_job_judge(queue, job, cqe, fault);
	}
	loom_queue_account(queue, cqe);
	trace_loom_job_complete(queue, job, status, fault, cqe->end);
	if (job->sub->results)
		loom_job_write_result(job, cqe, status, fault);
	loom_job_end(queue, job, status, cqe->end, finished);
	return true;
}

/* End a job that the device does not have: with status, unless its VM's death says more. */
void loom_job_cancel(struct loom_queue *queue, struct loom_job *job, int status,
		     struct loom_finished *finished)
{
	struct loom_hw_cqe cqe = {
		.fault = LOOM_FAULT_CANCELLED,
		.fault_cmd = LOOM_NO_CMD,
	};

	if (job->hung)
		cqe.fault = LOOM_FAULT_TIMEOUT;
	else if (job->begun)
		cqe.fault = LOOM_FAULT_RESET;
	if (status == -ECANCELED && READ_ONCE(job->vm->dead))
		status = loom_job_status_of_dead(job);
	trace_loom_job_complete(queue, job, status, cqe.fault, 0);
	if (job->sub->results)
		loom_job_write_result(job, &cqe, status, cqe.fault);
	loom_job_end(queue, job, status, 0, finished);
}

/* End a job that a device, which is in reset, has forgotten. */
void loom_job_cancel_tag(struct loom_queue *queue, u32 tag, int status,
			 struct loom_finished *finished)
{
	if (queue->jobs[tag])
		loom_job_cancel(queue, loom_queue_take_job(queue, tag), status, finished);
}
