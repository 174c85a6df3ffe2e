// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: the life of a job
 *
 * A submission is what one ioctl or one io_uring command brings: up to 256 jobs with one
 * completion. These files follow it from the first check to the last reference:
 *
 *   loom_job.c         create: arguments are copied and checked; all it will need is allocated
 *   loom_push.c        queue: it is put at the end of the queue's FIFO; from here on it will end
 *                      push: when its in-fences are signalled and the ring has room, its jobs go
 *                      to the device
 *   loom_complete.c    the device hands them back, in the interrupt; results are written
 *   loom_fault.c       what the user is told of what the device said
 *   loom_submission.c  finish: when all are back the fence is signalled or the io_uring command
 *                      completed; and the submission's memory
 *
 * From `queue' on nothing is allocated and nothing sleeps.
 */

#include <linux/overflow.h>

#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/loom_accel.h>

#include "loom_device.h"
#include "loom_fence.h"
#include "loom_gem.h"
#include "loom_job.h"
#include "loom_queue.h"

#define LOOM_JOB_FLAGS (DRM_LOOM_JOB_RELEASE_LAYER | DRM_LOOM_JOB_IDEMPOTENT)

static int loom_submit_check(struct drm_device *drm, const struct drm_loom_submit *args)
{
	if (args->flags & ~DRM_LOOM_SUBMIT_IRQ || args->pad) {
		drm_dbg(drm, "flags %#x, pad %#llx\n", args->flags, args->pad);
		return -EINVAL;
	}
	if (!args->num_jobs || args->num_jobs > DRM_LOOM_SUBMIT_MAX_JOBS) {
		drm_dbg(drm, "num_jobs %u\n", args->num_jobs);
		return -EINVAL;
	}
	if (args->num_in_syncs > DRM_LOOM_SUBMIT_MAX_SYNCS ||
	    args->num_out_syncs > DRM_LOOM_SUBMIT_MAX_SYNCS) {
		drm_dbg(drm, "num_in_syncs %u, num_out_syncs %u\n", args->num_in_syncs,
			args->num_out_syncs);
		return -EINVAL;
	}
	return 0;
}

static int loom_job_init(struct loom_job *job, struct loom_submission *sub,
			 const struct drm_loom_job *desc)
{
	struct loom_queue *queue = sub->queue;
	struct drm_device *drm = &queue->ldev->drm;

	if (!IS_ALIGNED(desc->cmd_va, 8) || desc->cmd_va >> LOOM_VA_BITS ||
	    !IS_ALIGNED(desc->cmd_size, 8)) {
		drm_dbg(drm, "cmd_va %#llx, cmd_size %#x\n", desc->cmd_va, desc->cmd_size);
		return -EINVAL;
	}
	if (desc->vm_slot >= queue->vm_slots) {
		drm_dbg(drm, "vm_slot %u of %u\n", desc->vm_slot, queue->vm_slots);
		return -EINVAL;
	}
	if (desc->flags & ~LOOM_JOB_FLAGS || desc->pad) {
		drm_dbg(drm, "job flags %#x, pad %#llx\n", desc->flags, desc->pad);
		return -EINVAL;
	}

	job->sub = sub;
	job->cmd_va = desc->cmd_va;
	job->cmd_size = desc->cmd_size;
	job->slot = desc->vm_slot;
	job->user_data = desc->user_data;
	if (desc->flags & DRM_LOOM_JOB_RELEASE_LAYER)
		job->flags |= LOOM_JOB_RELEASE_LAYER;
	job->idempotent = desc->flags & DRM_LOOM_JOB_IDEMPOTENT;
	return 0;
}

static int loom_submission_copy_jobs(struct loom_submission *sub,
				     const struct drm_loom_submit *args)
{
	struct drm_loom_job __user *user = u64_to_user_ptr(args->jobs);
	struct drm_loom_job desc;
	unsigned int i;
	int ret;

	for (i = 0; i < args->num_jobs; i++) {
		if (copy_from_user(&desc, user + i, sizeof(desc)))
			return -EFAULT;
		ret = loom_job_init(&sub->jobs[i], sub, &desc);
		if (ret)
			return ret;
	}
	if (args->flags & DRM_LOOM_SUBMIT_IRQ)
		sub->jobs[args->num_jobs - 1].flags |= LOOM_JOB_IRQ;
	return 0;
}

static int loom_submission_map_results(struct loom_submission *sub, struct drm_file *file,
				       const struct drm_loom_submit *args)
{
	struct drm_device *drm = file->minor->dev;
	u64 size = array_size(args->num_jobs, sizeof(struct drm_loom_result)), end;
	void *vaddr;

	if (!args->results_handle) {
		if (args->results_offset)
			drm_dbg(drm, "results_offset %#llx, no buffer\n", args->results_offset);
		return args->results_offset ? -EINVAL : 0;
	}

	sub->results_bo = loom_gem_lookup(file, args->results_handle);
	if (!sub->results_bo) {
		drm_dbg(drm, "results_handle %u: no such buffer\n", args->results_handle);
		return -ENOENT;
	}
	if (!IS_ALIGNED(args->results_offset, 8) ||
	    check_add_overflow(args->results_offset, size, &end) ||
	    end > loom_bo_size(sub->results_bo)) {
		drm_dbg(drm, "results_offset %#llx: not aligned, or results leave the buffer\n",
			args->results_offset);
		return -EINVAL;
	}

	vaddr = loom_gem_vmap(sub->results_bo);
	if (IS_ERR(vaddr))
		return PTR_ERR(vaddr);
	sub->results = vaddr + args->results_offset;
	return 0;
}

/**
 * loom_submission_create() - Copy and check a submission, and allocate what it will need
 * @queue: where it is to go; the caller keeps it alive until the submission is queued or put
 * @file: whose handles the arguments name; not necessarily current's
 * @args: in kernel memory
 *
 * Return: the submission, with a reference for the caller; or an ERR_PTR, and nothing is kept.
 */
struct loom_submission *loom_submission_create(struct loom_queue *queue, struct drm_file *file,
					       const struct drm_loom_submit *args)
{
	struct loom_submission *sub;
	int ret;

	ret = loom_submit_check(file->minor->dev, args);
	if (ret)
		return ERR_PTR(ret);
	if (loom_queue_is_user(queue)) {
		drm_dbg(file->minor->dev, "queue_id %u: a user-mode queue\n", args->queue_id);
		return ERR_PTR(-EINVAL);
	}

	sub = loom_submission_alloc(queue, args->num_jobs);
	if (!sub)
		return ERR_PTR(-ENOMEM);

	ret = loom_submission_copy_jobs(sub, args);
	if (ret)
		goto err_put_sub;
	ret = loom_submission_map_results(sub, file, args);
	if (ret)
		goto err_put_sub;
	if (args->num_in_syncs) {
		ret = loom_deps_add(sub, file, args);
		if (ret)
			goto err_put_sub;
	}
	return sub;

err_put_sub:
	loom_deps_remove(sub);
	loom_submission_put(sub);
	return ERR_PTR(ret);
}

#if IS_ENABLED(CONFIG_DRM_ACCEL_LOOM_KUNIT_TEST)
#include "tests/loom_job_test.c"
#endif
