/* SPDX-License-Identifier: GPL-2.0-only */
/* What is done for every job, inline where there is only one. */
#ifndef __LOOM_JOB_INIT_H__
#define __LOOM_JOB_INIT_H__

#include <linux/nospec.h>
#include <linux/slab.h>

#include <drm/drm_print.h>
#include <drm/loom_accel.h>

#include "loom_device.h"
#include "loom_job.h"
#include "loom_queue.h"

#define LOOM_JOB_FLAGS (DRM_LOOM_JOB_RELEASE_LAYER | DRM_LOOM_JOB_IDEMPOTENT)

/*
 * Submissions of one job that are over are kept for those to come, in the file's list, and taken
 * from there into a queue's own all at once.
 */
static inline struct loom_submission *loom_queue_take_spare(struct loom_queue *queue)
{
	struct llist_node *node = queue->spares;

	lockdep_assert_held(&queue->lock);

	/* None is kept with KASAN, but who takes one is to be tried there as well. */
	if (IS_ENABLED(CONFIG_KASAN) && !node)
		return kmalloc(sizeof(struct loom_submission) + sizeof(struct loom_job),
			       GFP_NOWAIT | __GFP_ACCOUNT);
	if (!node) {
		node = llist_del_all(&queue->lfile->spares);
		if (!node)
			return NULL;
		atomic_set(&queue->lfile->num_spares, 0);
	}
	queue->spares = node->next;
	return llist_entry(node, struct loom_submission, spare);
}

static inline void loom_queue_return_spare(struct loom_queue *queue, struct loom_submission *sub)
{
	sub->spare.next = queue->spares;
	queue->spares = &sub->spare;
}

/* All but the jobs: most of a submission is written once, for every store counts. */
static __always_inline void loom_submission_init(struct loom_submission *sub,
						 struct loom_queue *queue, u32 num_jobs,
						 int num_waits, unsigned long cmd)
{
	sub->queue = queue;
	sub->lfile = queue->lfile;
	atomic_set(&sub->num_waits, num_waits);
	sub->num_deps = 0;
	sub->deps = NULL;
	sub->shared = NULL;
	sub->fence = NULL;
	sub->cmd = cmd;
	sub->cancelable = false;
	sub->results_bo = NULL;
	sub->results = NULL;
	sub->num_pushed = 0;
	sub->num_done = 0;
	sub->status = 0;
	sub->end = 0;
	sub->num_jobs = num_jobs;
}

/* What describes the job may be in memory that the user writes to: each word is read once. */
static __always_inline int loom_job_init(struct loom_job *job, struct loom_submission *sub,
					 const struct drm_loom_job *desc)
{
	struct loom_queue *queue = sub->queue;
	struct drm_device *drm = &queue->ldev->drm;
	u32 flags = READ_ONCE(desc->flags), slot = READ_ONCE(desc->vm_slot);
	u64 pad = READ_ONCE(desc->pad);

	job->sub = sub;
	job->cmd_va = READ_ONCE(desc->cmd_va);
	job->cmd_size = READ_ONCE(desc->cmd_size);
	job->user_data = READ_ONCE(desc->user_data);
	job->flags = flags & DRM_LOOM_JOB_RELEASE_LAYER ? LOOM_JOB_RELEASE_LAYER : 0;
	job->idempotent = flags & DRM_LOOM_JOB_IDEMPOTENT;
	job->seq = 0;
	job->begun = false;
	job->hung = false;

	if (!IS_ALIGNED(job->cmd_va, 8) || job->cmd_va >> LOOM_VA_BITS ||
	    !IS_ALIGNED(job->cmd_size, 8)) {
		drm_dbg(drm, "cmd_va %#llx, cmd_size %#x\n", job->cmd_va, job->cmd_size);
		return -EINVAL;
	}
	if (slot >= queue->vm_slots) {
		drm_dbg(drm, "vm_slot %u of %u\n", slot, queue->vm_slots);
		return -EINVAL;
	}
	job->slot = array_index_nospec(slot, queue->vm_slots);
	if (flags & ~LOOM_JOB_FLAGS || pad) {
		drm_dbg(drm, "job flags %#x, pad %#llx\n", flags, pad);
		return -EINVAL;
	}
	return 0;
}

#endif
