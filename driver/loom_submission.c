// SPDX-License-Identifier: GPL-2.0-only
/* What holds a submission together: its memory and its end. */

#include <linux/slab.h>

#include <drm/drm_print.h>
#include <drm/loom_accel.h>

#include "loom_device.h"
#include "loom_fence.h"
#include "loom_gem.h"
#include "loom_job.h"
#include "loom_job_init.h"
#include "loom_pm.h"
#include "loom_queue.h"
#include "loom_shared.h"
#include "loom_uring.h"

/* ---- memory ---- */

/* What is kept cannot be seen to be used after its end. */
#define LOOM_MAX_SPARES (IS_ENABLED(CONFIG_KASAN) ? 0 : 64)

/*
 * Most submissions are of one job, and a busy program makes them by the thousand, so those that are
 * over are kept for the next ones. Nothing else limits how much a program may have waiting than the
 * account it is on.
 */
struct loom_submission *loom_submission_alloc(struct loom_queue *queue, u32 num_jobs)
{
	struct loom_submission *sub = NULL;
	unsigned long flags;

	if (loom_queue_is_user(queue)) {
		drm_dbg(&queue->ldev->drm, "a user-mode queue\n");
		return ERR_PTR(-EINVAL);
	}

	if (num_jobs == 1) {
		spin_lock_irqsave(&queue->lock, flags);
		sub = loom_queue_take_spare(queue);
		spin_unlock_irqrestore(&queue->lock, flags);
	}
	if (!sub)
		sub = kvmalloc(struct_size(sub, jobs, num_jobs), GFP_KERNEL_ACCOUNT);
	if (!sub)
		return ERR_PTR(-ENOMEM);

	loom_submission_init(sub, queue, num_jobs, 1, 0); /* the wait ends when it is queued */
	return sub;
}

static void loom_submission_release(struct loom_submission *sub)
{
	if (unlikely(sub->deps)) {
		while (sub->num_deps)
			dma_fence_put(sub->deps[--sub->num_deps].fence);
		kfree(sub->deps);
	}
	dma_fence_put(sub->fence);
	if (sub->results_bo)
		loom_gem_put_atomic(sub->results_bo);
}

/* All of one file. In a hard interrupt, maybe. Callbacks on in-fences are history, or removed. */
void loom_submission_free_list(struct loom_submission *sub)
{
	struct loom_file *lfile = sub->lfile;
	struct llist_node *first = NULL, *last = NULL;
	unsigned int num = atomic_read(&lfile->num_spares), before = num;
	struct loom_submission *next;

	for (; sub; sub = next) {
		next = sub->next;
		loom_submission_release(sub);
		if (sub->num_jobs > 1 || num >= LOOM_MAX_SPARES) {
			kvfree(sub);
			continue;
		}
		sub->spare.next = first;
		first = &sub->spare;
		last = last ?: first;
		num++;
	}
	if (first) {
		atomic_add(num - before, &lfile->num_spares);
		llist_add_batch(first, last, &lfile->spares);
	}
}

void loom_submission_free(struct loom_submission *sub)
{
	sub->next = NULL;
	loom_submission_free_list(sub);
}

/* It was never queued, and nobody knows of it. */
void loom_submission_abandon(struct loom_submission *sub)
{
	loom_deps_remove(sub);
	loom_shared_free(sub->shared);
	loom_submission_free(sub);
}

void loom_submission_free_spares(struct llist_node *spares)
{
	struct loom_submission *sub, *next;

	llist_for_each_entry_safe(sub, next, spares, spare)
		kvfree(sub);
}

/* ---- finish ---- */

/* Not under the queue's lock: those who are woken may want one. */
void loom_submission_finish_all(struct loom_finished *finished)
{
	struct loom_uring_batch batch = { .together = finished->together };
	struct loom_submission *sub, *next;

	if (!finished->num)
		return;
	*finished->last = NULL;
	sub = finished->first;
	loom_pm_idle(sub->queue->ldev, finished->num); /* they are all of one queue */

	for (; sub; sub = next) {
		next = sub->next;
		if (sub->fence)
			loom_fence_signal(sub->fence, sub->status);
		if (!loom_uring_complete(&batch, sub))
			loom_submission_free(sub);
	}
	loom_uring_flush(&batch);
}
