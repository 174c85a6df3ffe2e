// SPDX-License-Identifier: GPL-2.0-only
/* From the end of the queue's FIFO to the ring. */

#include <drm/drm_print.h>

#include "loom_device.h"
#include "loom_hang.h"
#include "loom_job.h"
#include "loom_pm.h"
#include "loom_queue.h"
#include "loom_trace.h"
#include "loom_vm.h"

static_assert(sizeof(struct loom_hw_job) == 32);

/* ---- queue ---- */

static int loom_submission_check_vms(struct loom_queue *queue, struct loom_submission *sub)
{
	unsigned int i;

	for (i = 0; i < sub->num_jobs; i++) {
		struct loom_vm *vm = queue->slots[sub->jobs[i].slot].vm;

		if (!vm) {
			drm_dbg(&queue->ldev->drm, "vm_slot %u is empty\n", sub->jobs[i].slot);
			return -ENOENT;
		}
		if (READ_ONCE(vm->dead)) {
			drm_dbg(&queue->ldev->drm, "vm_slot %u: the VM is dead\n",
				sub->jobs[i].slot);
			return -EIO;
		}
	}
	return 0;
}

static void loom_submission_take_vms(struct loom_queue *queue, struct loom_submission *sub)
{
	unsigned int i;

	for (i = 0; i < sub->num_jobs; i++) {
		struct loom_slot *slot = &queue->slots[sub->jobs[i].slot];

		slot->jobs++;
		kref_get(&slot->vm->ref);
		sub->jobs[i].vm = slot->vm;
		if (!sub->jobs[i].idempotent)
			loom_vm_carry(slot->vm);
	}
}

/**
 * loom_submission_queue() - Let a submission go
 * @sub: the submission
 *
 * On success the caller's reference is the queue's, and @sub may be over before this returns.
 *
 * Return: 0; -ENOENT if a slot is empty; -EIO if a VM is dead; or what ended the queue.
 */
int loom_submission_queue(struct loom_submission *sub)
{
	struct loom_queue *queue = sub->queue;
	unsigned long flags;
	int ret;

	spin_lock_irqsave(&queue->lock, flags);
	ret = queue->error ?: loom_submission_check_vms(queue, sub);
	if (!ret) {
		loom_submission_take_vms(queue, sub);
		trace_loom_submission_queue(sub);
		loom_pm_busy(queue->ldev);
		list_add_tail(&sub->node, &queue->pending);
		atomic_dec(&sub->num_waits);
		loom_queue_push(queue);
	}
	spin_unlock_irqrestore(&queue->lock, flags);
	return ret;
}

/* ---- push ---- */

static void loom_job_push(struct loom_queue *queue, struct loom_job *job)
{
	struct loom_hw_job *desc = &queue->sq[queue->sq_tail % queue->entries];
	u16 tag = queue->free_tags[--queue->num_free_tags];

	job->seq = queue->sq_tail++;
	job->pushed = jiffies;
	job->begun = false;
	queue->jobs[tag] = job;

	desc->cookie = tag;
	desc->cmd_va = job->cmd_va;
	desc->cmd_size = job->cmd_size;
	desc->vm_slot = job->slot;
	desc->flags = job->flags;
	desc->seq = job->seq;
	desc->reserved = 0;
	trace_loom_job_push(queue, job);
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
		list_del_init(&sub->node);
	return job;
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

	if (queue->sq_tail == tail)
		return;
	writel(queue->sq_tail, queue->doorbell); /* orders the entries before it */
	loom_hang_watch(queue->ldev);
}
