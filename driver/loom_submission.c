// SPDX-License-Identifier: GPL-2.0-only
/* What holds a submission together: its memory, its references, its end. */

#include <linux/slab.h>

#include <drm/loom_accel.h>

#include "loom_device.h"
#include "loom_fence.h"
#include "loom_gem.h"
#include "loom_job.h"
#include "loom_pm.h"
#include "loom_queue.h"
#include "loom_uring.h"

/* ---- memory ---- */

/* What is kept cannot be seen to be used after its end. */
#define LOOM_MAX_SPARES (IS_ENABLED(CONFIG_KASAN) ? 0 : 64)

static struct loom_submission *loom_submission_take_spare(struct loom_file *lfile)
{
	struct loom_submission *sub;
	struct llist_node *node;

	if (llist_empty(&lfile->spares) || test_and_set_bit_lock(0, &lfile->taking))
		return NULL;
	node = llist_del_first(&lfile->spares);
	clear_bit_unlock(0, &lfile->taking);
	if (!node)
		return NULL;

	atomic_dec(&lfile->num_spares);
	sub = llist_entry(node, struct loom_submission, spare);
	memset(sub, 0, struct_size(sub, jobs, 1));
	return sub;
}

/*
 * Most submissions are of one job, and a busy program makes them by the thousand, so those that are
 * over are kept for the next ones. Nothing else limits how much a program may have waiting than the
 * account it is on.
 */
struct loom_submission *loom_submission_alloc(struct loom_queue *queue, u32 num_jobs)
{
	struct loom_submission *sub = NULL;

	if (num_jobs == 1)
		sub = loom_submission_take_spare(queue->lfile);
	if (!sub)
		sub = kvzalloc(struct_size(sub, jobs, num_jobs), GFP_KERNEL_ACCOUNT);
	if (!sub)
		return NULL;

	kref_init(&sub->ref);
	atomic_set(&sub->num_waits, 1); /* dropped when it is queued */
	sub->queue = queue;
	sub->lfile = queue->lfile;
	sub->num_jobs = num_jobs;
	return sub;
}

/* May be called in a hard interrupt. */
static void loom_submission_free(struct loom_submission *sub)
{
	struct loom_file *lfile = sub->lfile;

	if (sub->num_jobs > 1 || atomic_read(&lfile->num_spares) >= LOOM_MAX_SPARES) {
		kvfree(sub);
		return;
	}
	atomic_inc(&lfile->num_spares);
	llist_add(&sub->spare, &lfile->spares);
}

/* No submission of the file is left. */
void loom_submission_free_spares(struct loom_file *lfile)
{
	struct loom_submission *sub, *next;

	llist_for_each_entry_safe(sub, next, llist_del_all(&lfile->spares), spare)
		kvfree(sub);
}

/* The last reference may go in a hard interrupt. Callbacks on in-fences are history, or removed. */
static void loom_submission_release(struct kref *ref)
{
	struct loom_submission *sub = container_of(ref, struct loom_submission, ref);

	while (sub->num_deps)
		dma_fence_put(sub->deps[--sub->num_deps].fence);
	kfree(sub->deps);
	dma_fence_put(sub->fence);
	if (sub->results_bo)
		loom_gem_put_atomic(sub->results_bo);
	loom_submission_free(sub);
}

void loom_submission_put(struct loom_submission *sub)
{
	kref_put(&sub->ref, loom_submission_release);
}

/* ---- finish ---- */

static void loom_submission_finish(struct loom_submission *sub)
{
	loom_pm_idle(sub->queue->ldev);
	if (sub->fence)
		loom_fence_signal(sub->fence, sub->status);
	loom_uring_complete(sub);
	loom_submission_put(sub);
}

/* Not under the queue's lock: those who are woken may want one. */
void loom_submission_finish_all(struct list_head *finished)
{
	struct loom_submission *sub, *next;

	list_for_each_entry_safe(sub, next, finished, node)
		loom_submission_finish(sub);
}
