// SPDX-License-Identifier: GPL-2.0-only
/* Jobs leave the queue: the device has completed them, or will not. */

#include <drm/drm_drv.h>

#include "loom_device.h"
#include "loom_fence.h"
#include "loom_job.h"
#include "loom_queue.h"
#include "loom_reset.h"

#define LOOM_LAZY_INTERRUPTS	64

/*
 * Completing many commands at once is cheap, but wakes their waiter, however many it waits for. If
 * nothing was submitted since the last time, it was most likely woken for nothing and waits for
 * more than one interrupt brings: then let io_uring count, and try again after a while.
 */
static bool loom_queue_may_wake(struct loom_queue *queue)
{
	lockdep_assert_held(&queue->lock);

	if (queue->lazy)
		queue->lazy--;
	else if (!queue->fed)
		queue->lazy = LOOM_LAZY_INTERRUPTS;
	queue->fed = false;
	return !queue->lazy;
}

/*
 * Take off what the device has completed, and refill. Called by the interrupt; bounded, because the
 * device cannot complete more than it was given.
 */
void loom_queue_drain(struct loom_queue *queue)
{
	struct loom_finished finished = LOOM_FINISHED(finished);
	unsigned long flags;
	u32 tail;

	if (loom_queue_is_user(queue)) {
		wake_up_all(&queue->wait);
		return;
	}

	spin_lock_irqsave(&queue->lock, flags);
	tail = READ_ONCE(queue->state->cq_tail);
	dma_rmb(); /* the entries were written before the tail */

	while (queue->cq_head != tail) {
		const struct loom_hw_cqe *cqe = &queue->cq[queue->cq_head % queue->entries];

		if (!loom_job_complete(queue, cqe, &finished) && !queue->holding) {
			/* Also ends the loop when the tail is nonsense. */
			loom_reset_request_queue(queue);
			break;
		}
		queue->cq_head++;
		if (unlikely(queue->holding) && queue->num_free_tags == queue->entries)
			break; /* what is left can only be nonsense */
	}
	finished.together = loom_queue_may_wake(queue);
	loom_queue_push(queue);
	spin_unlock_irqrestore(&queue->lock, flags);

	loom_submission_finish_all(&finished);
}

void loom_queue_push_work(struct work_struct *work)
{
	struct loom_queue *queue = container_of(work, struct loom_queue, push_work);
	unsigned long flags;
	bool cookie = dma_fence_begin_signalling();
	int idx;

	if (drm_dev_enter(&queue->ldev->drm, &idx)) {
		spin_lock_irqsave(&queue->lock, flags);
		loom_queue_push(queue);
		spin_unlock_irqrestore(&queue->lock, flags);
		drm_dev_exit(idx);
	}
	dma_fence_end_signalling(cookie);
}

/* There may be any number, so not all with interrupts off. */
static void loom_queue_cancel_unpushed(struct loom_queue *queue, struct list_head *waiting,
				       int error, struct loom_finished *finished)
{
	struct loom_submission *sub, *next;
	unsigned long flags;

	list_for_each_entry_safe(sub, next, waiting, node) {
		spin_lock_irqsave(&queue->lock, flags);
		list_del_init(&sub->node);
		while (sub->num_pushed < sub->num_jobs)
			loom_job_cancel(queue, &sub->jobs[sub->num_pushed++], error, finished);
		spin_unlock_irqrestore(&queue->lock, flags);
	}
}

/**
 * loom_queue_fail() - End all jobs of a queue that the device does not have, or has forgotten
 * @queue: the queue; what comes later stays off the ring until loom_queue_restart()
 * @error: how they end
 */
void loom_queue_fail(struct loom_queue *queue, int error)
{
	struct loom_submission *sub;
	struct loom_job *job, *next;
	struct loom_finished finished = LOOM_FINISHED(finished);
	LIST_HEAD(waiting);
	unsigned long flags;
	u32 tag;

	spin_lock_irqsave(&queue->lock, flags);
	queue->stopped = true;
	list_splice_init(&queue->pending, &waiting);
	queue->asked = &queue->pending;
	spin_unlock_irqrestore(&queue->lock, flags);

	/* Fences' locks are taken here, so not under the queue's. */
	list_for_each_entry(sub, &waiting, node)
		loom_deps_remove(sub);

	spin_lock_irqsave(&queue->lock, flags);
	for (tag = 0; tag < queue->entries; tag++)
		loom_job_cancel_tag(queue, tag, error, &finished);
	list_for_each_entry_safe(job, next, &queue->parked, node) {
		list_del(&job->node);
		loom_job_cancel(queue, job, error, &finished);
	}
	spin_unlock_irqrestore(&queue->lock, flags);
	loom_queue_cancel_unpushed(queue, &waiting, error, &finished);

	loom_submission_finish_all(&finished);
}

/* Refuse what comes from now on, and put nothing more on the ring. */
void loom_queue_close(struct loom_queue *queue, int error)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	queue->error = error;
	queue->stopped = true;
	spin_unlock_irqrestore(&queue->lock, flags);
}
