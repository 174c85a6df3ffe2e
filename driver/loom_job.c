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
#include <linux/uaccess.h>

#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/loom_accel.h>

#include "loom_device.h"
#include "loom_fence.h"
#include "loom_gem.h"
#include "loom_job.h"
#include "loom_job_init.h"
#include "loom_queue.h"
#include "loom_shared.h"

static int loom_submit_check(struct drm_device *drm, const struct drm_loom_submit *args)
{
	if (args->flags & ~DRM_LOOM_SUBMIT_IRQ || args->pad) {
		drm_dbg(drm, "flags %#x, pad %#x\n", args->flags, args->pad);
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
	if (args->num_shared > DRM_LOOM_SUBMIT_MAX_SHARED) {
		drm_dbg(drm, "num_shared %u\n", args->num_shared);
		return -EINVAL;
	}
	return 0;
}

/* As copy_from_user(), which for so little costs more than what it copies. */
static int loom_job_read(struct drm_loom_job *desc, const struct drm_loom_job __user *user)
{
	const u64 __user *from = (const u64 __user *)user;
	u64 *to = (u64 *)desc;

	static_assert(sizeof(*desc) == 4 * sizeof(u64));

	if (!user_read_access_begin(user, sizeof(*desc)))
		return -EFAULT;
	unsafe_get_user(to[0], from, err_end);
	unsafe_get_user(to[1], from + 1, err_end);
	unsafe_get_user(to[2], from + 2, err_end);
	unsafe_get_user(to[3], from + 3, err_end);
	user_read_access_end();
	return 0;

err_end:
	user_read_access_end();
	return -EFAULT;
}

static int loom_submission_copy_jobs(struct loom_submission *sub,
				     const struct drm_loom_submit *args)
{
	struct drm_loom_job __user *user = u64_to_user_ptr(args->jobs);
	struct drm_loom_job desc;
	unsigned int i;
	int ret;

	for (i = 0; i < args->num_jobs; i++) {
		ret = loom_job_read(&desc, user + i) ?: loom_job_init(&sub->jobs[i], sub, &desc);
		if (ret)
			return ret;
	}
	if (args->flags & DRM_LOOM_SUBMIT_IRQ)
		sub->jobs[args->num_jobs - 1].flags |= LOOM_JOB_IRQ;
	return 0;
}

static noinline int loom_submission_map_results(struct loom_submission *sub, struct drm_file *file,
						u32 handle, u64 offset)
{
	struct drm_device *drm = file->minor->dev;
	u64 size = array_size(sub->num_jobs, sizeof(struct drm_loom_result)), end;
	void *vaddr;

	if (!handle) {
		drm_dbg(drm, "results_offset %#llx, no buffer\n", offset);
		return -EINVAL;
	}

	sub->results_bo = loom_gem_lookup(file, handle);
	if (!sub->results_bo) {
		drm_dbg(drm, "results_handle %u: no such buffer\n", handle);
		return -ENOENT;
	}
	if (!IS_ALIGNED(offset, 8) || check_add_overflow(offset, size, &end) ||
	    end > loom_bo_size(sub->results_bo)) {
		drm_dbg(drm, "results_offset %#llx: not aligned, or results leave the buffer\n",
			offset);
		return -EINVAL;
	}

	vaddr = loom_gem_vmap(sub->results_bo);
	if (IS_ERR(vaddr))
		return PTR_ERR(vaddr);
	sub->results = vaddr + offset;
	return 0;
}

/* What a job need not have, and most have not. */
static __always_inline int loom_submission_attach(struct loom_submission *sub,
						  struct drm_file *file, u32 results_handle,
						  u64 results_offset, u32 num_in_syncs,
						  u64 in_syncs, u32 num_shared, u64 shared)
{
	int ret = 0;

	if (unlikely(results_handle || results_offset))
		ret = loom_submission_map_results(sub, file, results_handle, results_offset);
	if (likely(ret || !(num_in_syncs | num_shared)))
		return ret;

	ret = loom_deps_alloc(sub, num_in_syncs + num_shared);
	if (!ret && num_in_syncs)
		ret = loom_deps_add(sub, file, num_in_syncs, in_syncs);
	if (!ret && num_shared)
		ret = loom_shared_add(sub, file, num_shared, shared);
	return ret;
}

static struct loom_submission *loom_submission_fail(struct loom_submission *sub, int error)
{
	loom_submission_abandon(sub);
	return ERR_PTR(error);
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
	sub = loom_submission_alloc(queue, args->num_jobs);
	if (IS_ERR(sub))
		return sub;

	ret = loom_submission_copy_jobs(sub, args);
	if (!ret)
		ret = loom_submission_attach(sub, file, args->results_handle, args->results_offset,
					     args->num_in_syncs, args->in_syncs, args->num_shared,
					     args->shared);
	if (ret)
		return loom_submission_fail(sub, ret);
	return sub;
}

/**
 * loom_submission_create_job() - The same for a single job, all of whose arguments are in an SQE
 * @queue: as above
 * @file: as above
 * @args: in memory that the user writes to: each word is read once
 *
 * Return: as above
 */
struct loom_submission *loom_submission_create_job(struct loom_queue *queue, struct drm_file *file,
						   const struct drm_loom_uring_job *args)
{
	u32 flags = READ_ONCE(args->flags), num_in_syncs = READ_ONCE(args->num_in_syncs);
	struct loom_submission *sub;
	int ret;

	if (flags & ~DRM_LOOM_SUBMIT_IRQ || num_in_syncs > DRM_LOOM_SUBMIT_MAX_SYNCS) {
		drm_dbg(file->minor->dev, "flags %#x, num_in_syncs %u\n", flags, num_in_syncs);
		return ERR_PTR(-EINVAL);
	}
	sub = loom_submission_alloc(queue, 1);
	if (IS_ERR(sub))
		return sub;

	ret = loom_job_init(&sub->jobs[0], sub, &args->job);
	if (flags & DRM_LOOM_SUBMIT_IRQ)
		sub->jobs[0].flags |= LOOM_JOB_IRQ;
	if (!ret)
		ret = loom_submission_attach(sub, file, READ_ONCE(args->results_handle),
					     READ_ONCE(args->results_offset), num_in_syncs,
					     READ_ONCE(args->in_syncs), 0, 0);
	if (ret)
		return loom_submission_fail(sub, ret);
	return sub;
}

#if IS_ENABLED(CONFIG_DRM_ACCEL_LOOM_KUNIT_TEST)
#include "tests/loom_job_test.c"
#endif
