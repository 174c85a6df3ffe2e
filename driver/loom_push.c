// SPDX-License-Identifier: GPL-2.0-only
/* From the end of the queue's FIFO to the ring. */

#include <drm/drm_print.h>

#include "loom_device.h"
#include "loom_hang.h"
#include "loom_job.h"
#include "loom_job_init.h"
#include "loom_pm.h"
#include "loom_queue.h"
#include "loom_shared.h"
#include "loom_trace.h"
#include "loom_vm.h"

static_assert(sizeof(struct loom_hw_job) == 32);

/* ---- push ---- */

static __always_inline void loom_job_push(struct loom_queue *queue, struct loom_job *job)
{
	struct loom_hw_job *desc = &queue->sq[queue->sq_tail % queue->entries];
	u16 tag = queue->free_tags[--queue->num_free_tags];

	job->seq = queue->sq_tail++;
	job->pushed = jiffies;
	job->begun = false;
	queue->jobs[tag] = job;
	/* Not before: of what waits while the device falls asleep, nothing is in the lease. */
	if (!job->idempotent)
		loom_vm_carry(job->vm);

	desc->cookie = tag;
	desc->cmd_va = job->cmd_va;
	desc->cmd_size = job->cmd_size;
	desc->vm_slot = job->slot;
	desc->flags = job->flags;
	desc->seq = job->seq;
	desc->reserved = 0;
	trace_loom_job_push(queue, job);
}

/* The first of those that wait has no more jobs to wait with. */
static void loom_queue_unlink(struct loom_queue *queue, struct loom_submission *sub)
{
	if (queue->asked == &sub->node)
		queue->asked = &queue->pending;
	list_del_init(&sub->node);
}

/* What goes to the ring next, or NULL. What came back from the device goes before all else. */
static struct loom_job *loom_queue_next_job(struct loom_queue *queue)
{
	struct loom_submission *sub;
	struct loom_job *job;

	if (unlikely(!list_empty(&queue->parked))) {
		job = list_first_entry(&queue->parked, struct loom_job, node);
		list_del(&job->node);
		return job;
	}

	sub = list_first_entry_or_null(&queue->pending, struct loom_submission, node);
	if (!sub || atomic_read(&sub->num_waits))
		return NULL;
	job = &sub->jobs[sub->num_pushed++];
	if (sub->num_pushed == sub->num_jobs)
		loom_queue_unlink(queue, sub);
	return job;
}

static void loom_queue_watch(struct loom_queue *queue)
{
	smp_mb(); /* a watch that is not pending any more sees the jobs */
	if (unlikely(!delayed_work_pending(&queue->ldev->hang_work)))
		loom_hang_watch(queue->ldev);
}

static void loom_queue_ring(struct loom_queue *queue)
{
	writel(queue->sq_tail, queue->doorbell); /* orders the entries before it */
	loom_queue_watch(queue);
}

/*
 * Put on the ring what may go there. In order: what waits for a fence holds back all behind it. The
 * ring never has more jobs than entries, so neither it nor the completion ring can overflow.
 */
void loom_queue_push(struct loom_queue *queue)
{
	u32 tail = queue->sq_tail;
	struct loom_job *job;

	lockdep_assert_held(&queue->lock);

	while (!queue->stopped && queue->num_free_tags) {
		job = loom_queue_next_job(queue);
		if (!job)
			break;
		loom_job_push(queue, job);
	}

	if (queue->sq_tail != tail)
		loom_queue_ring(queue);
}

/* ---- queue ---- */

/* May a job of this submission name the slot? */
static int loom_slot_check(struct loom_queue *queue, u32 index)
{
	struct loom_vm *vm = queue->slots[index].vm;

	if (unlikely(!vm)) {
		drm_dbg(&queue->ldev->drm, "vm_slot %u is empty\n", index);
		return -ENOENT;
	}
	if (unlikely(READ_ONCE(vm->dead))) {
		drm_dbg(&queue->ldev->drm, "vm_slot %u: the VM is dead\n", index);
		return -EIO;
	}
	return 0;
}

static __always_inline void loom_job_take_vm(struct loom_queue *queue, struct loom_job *job)
{
	struct loom_slot *slot = &queue->slots[job->slot];
	struct loom_vm *vm = slot->vm;

	if (!slot->jobs++)
		kref_get(&vm->ref);
	job->vm = vm;
}

static int loom_submission_queue_jobs(struct loom_queue *queue, struct loom_submission *sub)
{
	unsigned int i;
	int ret;

	for (i = 0; i < sub->num_jobs; i++) {
		ret = loom_slot_check(queue, sub->jobs[i].slot);
		if (ret)
			return ret;
	}
	for (i = 0; i < sub->num_jobs; i++)
		loom_job_take_vm(queue, &sub->jobs[i]);

	trace_loom_submission_queue(sub);
	loom_pm_busy(queue->ldev);
	list_add_tail(&sub->node, &queue->pending);
	atomic_dec(&sub->num_waits);
	loom_queue_push(queue);
	/* What is held back is looked after too: the watch lets it be cancelled. */
	if (!list_empty(&queue->pending))
		loom_queue_watch(queue);
	return 0;
}

/* What it waits for is known. On success it is the queue's, and may be over before this returns. */
int loom_submission_enqueue(struct loom_submission *sub)
{
	struct loom_queue *queue = sub->queue;
	unsigned long flags;
	int ret;

	spin_lock_irqsave(&queue->lock, flags);
	ret = queue->error;
	if (likely(!ret)) {
		queue->fed = true;
		ret = loom_submission_queue_jobs(queue, sub);
	}
	spin_unlock_irqrestore(&queue->lock, flags);
	return ret;
}

/**
 * loom_submission_queue() - Let a submission go
 * @sub: the submission
 *
 * On success it is the queue's, and may be over before this returns.
 *
 * Return: 0; -ENOENT if a slot is empty; -EIO if a VM is dead; what ended the queue; or an error of
 * loom_shared_queue().
 */
int loom_submission_queue(struct loom_submission *sub)
{
	return sub->shared ? loom_shared_queue(sub) : loom_submission_enqueue(sub);
}

/* ---- all at once ---- */

/* Nothing is before it, and the ring has room. */
static bool loom_queue_is_clear(struct loom_queue *queue)
{
	return !queue->error && !queue->stopped && queue->num_free_tags &&
	       list_empty(&queue->pending) && list_empty(&queue->parked);
}

static __always_inline int loom_job_run(struct loom_queue *queue, struct loom_submission *sub,
					const struct drm_loom_job *desc, u32 flags,
					unsigned long cmd)
{
	struct loom_job *job = &sub->jobs[0];
	int ret;

	loom_submission_init(sub, queue, 1, 0, cmd);
	ret = loom_job_init(job, sub, desc) ?: loom_slot_check(queue, job->slot);
	if (unlikely(ret))
		return ret;
	if (flags & DRM_LOOM_SUBMIT_IRQ)
		job->flags |= LOOM_JOB_IRQ;

	loom_job_take_vm(queue, job);
	sub->num_pushed = 1;
	queue->fed = true;
	trace_loom_submission_queue(sub);
	loom_pm_busy(queue->ldev);
	loom_job_push(queue, job);
	loom_queue_ring(queue);
	return 0;
}

/**
 * loom_job_express() - Create, queue and push a job in one step, if it needs nothing but a place
 * @lfile: the file
 * @args: of the job, which has no in-syncs and wants no results; each word is read once
 * @cmd: the command that it completes
 * @pdu_sub: takes the submission
 *
 * It may be over before this returns. Called by io_uring, which issues with interrupts on.
 *
 * Return: 0; an error as of loom_submission_create_job() and loom_submission_queue(); or -EAGAIN,
 * and nothing was done, if it has to go the long way.
 */
int loom_job_express(struct loom_file *lfile, const struct drm_loom_uring_job *args,
		     unsigned long cmd, struct loom_submission **pdu_sub)
{
	struct loom_submission *sub;
	struct loom_queue *queue;
	int ret = -EAGAIN;

	rcu_read_lock();
	queue = loom_queue_find(lfile, READ_ONCE(args->queue_id));
	if (unlikely(!queue || loom_queue_is_user(queue)))
		goto out_unlock_rcu;

	spin_lock_irq(&queue->lock);
	if (unlikely(!loom_queue_is_clear(queue)))
		goto out_unlock;
	sub = loom_queue_take_spare(queue);
	if (unlikely(!sub))
		goto out_unlock;

	*pdu_sub = sub;
	ret = loom_job_run(queue, sub, &args->job, READ_ONCE(args->flags), cmd);
	if (unlikely(ret))
		loom_queue_return_spare(queue, sub);
out_unlock:
	spin_unlock_irq(&queue->lock);
out_unlock_rcu:
	rcu_read_unlock();
	return ret;
}
