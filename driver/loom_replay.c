// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: taking jobs back from the device, and giving them to it again
 *
 * A reset or a sleep must not cost those who have done nothing wrong their jobs. It parks a queue:
 * nothing more goes to its ring, and its VM table is emptied, so that the device hands back at once
 * what it has not begun. Jobs that come back so, or that a reset took from the device, are kept in
 * the queue's list `parked' in the order in which they were on the ring. When the device can work
 * again they go first.
 *
 * A job that had not begun can always be given again. One that had begun can if the submission said
 * that it is idempotent; if it did not, nobody can say what its VM's memory holds, so the VM dies,
 * and all of its jobs end as cancelled.
 */

#include <linux/delay.h>

#include "loom_device.h"
#include "loom_isa.h"
#include "loom_job.h"
#include "loom_queue.h"
#include "loom_replay.h"
#include "loom_vm.h"

#define LOOM_PARK_POLL_US	50

void loom_queue_park(struct loom_queue *queue)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	queue->stopped = true;
	queue->holding = true;
	if (queue->mem)
		memset(queue->vm_table, 0, queue->vm_slots * sizeof(*queue->vm_table));
	spin_unlock_irqrestore(&queue->lock, flags);
}

/* Most often the last one, for the device hands jobs back nearly in order. */
static void loom_queue_keep(struct loom_queue *queue, struct loom_job *job)
{
	struct list_head *at = &queue->parked;
	struct loom_job *last;

	list_for_each_entry_reverse(last, &queue->parked, node) {
		if ((s32)(last->seq - job->seq) < 0) {
			at = &last->node;
			break;
		}
	}
	list_add(&job->node, at);
}

/**
 * loom_job_park() - Keep a job that comes back from the device without having run to its end
 * @queue: its queue, which is parked
 * @job: the job, taken off the table of those that the device has
 * @cqe: what the device says
 *
 * Return: false if the job ended by itself, or with its VM.
 */
bool loom_job_park(struct loom_queue *queue, struct loom_job *job, const struct loom_hw_cqe *cqe)
{
	lockdep_assert_held(&queue->lock);

	if (READ_ONCE(job->vm->dead) || READ_ONCE(job->vm->destroyed))
		return false;

	switch (cqe->fault) {
	case LOOM_FAULT_RESET:
		WRITE_ONCE(job->vm->held, true);
		fallthrough;
	case LOOM_FAULT_CANCELLED:
		/* Fetching constants leaves no trace. */
		job->begun = cqe->dma_start || cqe->compute_start;
		break;
	case LOOM_FAULT_BAD_SLOT:
		job->begun = false;
		break;
	default:
		return false;
	}
	loom_queue_keep(queue, job);
	return true;
}

static bool loom_queue_is_empty(struct loom_queue *queue)
{
	return READ_ONCE(queue->num_free_tags) == queue->entries;
}

/* The device has none of its jobs any more; its interrupts may be among what went wrong. */
bool loom_queue_wait_empty(struct loom_queue *queue, unsigned int ms)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(ms) + 1;

	for (;;) {
		loom_queue_drain(queue);
		if (loom_queue_is_empty(queue))
			return true;
		if (time_after(jiffies, deadline))
			return false;
		usleep_range(LOOM_PARK_POLL_US, 2 * LOOM_PARK_POLL_US);
	}
}

/* The device, which is in reset or has forgotten the queue, took these jobs with it. */
void loom_queue_reclaim(struct loom_queue *queue)
{
	unsigned long flags;
	u32 tag, taken;

	spin_lock_irqsave(&queue->lock, flags);
	taken = queue->state && queue->mem ? READ_ONCE(queue->state->sq_head) : queue->sq_tail;
	for (tag = 0; tag < queue->entries; tag++) {
		struct loom_job *job;

		if (!queue->jobs[tag])
			continue;
		job = loom_queue_take_job(queue, tag);
		job->begun = (s32)(job->seq - taken) < 0;
		loom_queue_keep(queue, job);
	}
	spin_unlock_irqrestore(&queue->lock, flags);
}

/* For all queues before loom_queue_end_parked() for any: a VM may have jobs in several. */
void loom_queue_judge_parked(struct loom_queue *queue)
{
	struct loom_vm_fault fault = { .fault = LOOM_FAULT_RESET, .cmd = LOOM_NO_CMD };
	struct loom_job *job;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	list_for_each_entry(job, &queue->parked, node) {
		if (!job->begun || job->idempotent)
			continue;
		fault.user_data = job->user_data;
		loom_vm_die(job->vm, &fault);
	}
	spin_unlock_irqrestore(&queue->lock, flags);
}

void loom_queue_end_parked(struct loom_queue *queue)
{
	struct loom_job *job, *next;
	struct loom_finished finished = LOOM_FINISHED(finished);
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	list_for_each_entry_safe(job, next, &queue->parked, node) {
		if (!READ_ONCE(job->vm->dead) && !READ_ONCE(job->vm->destroyed))
			continue;
		list_del(&job->node);
		loom_job_cancel(queue, job, -ECANCELED, &finished);
	}
	spin_unlock_irqrestore(&queue->lock, flags);

	loom_submission_finish_all(&finished);
}

/* The device knows the queue and its VMs: go on. */
void loom_queue_unpark(struct loom_queue *queue)
{
	unsigned long flags;
	u32 i;

	spin_lock_irqsave(&queue->lock, flags);
	queue->holding = false;
	queue->stopped = queue->error;
	for (i = 0; i < queue->vm_slots; i++)
		loom_queue_write_slot(queue, i);
	loom_queue_push(queue);
	spin_unlock_irqrestore(&queue->lock, flags);
}
