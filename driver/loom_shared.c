// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: implicit fencing
 *
 * A VM maps more buffers than could be walked for each submission, so fences are explicit, and a
 * submission names the few buffers that others use who only know of implicit ones: it waits for
 * what they left in the buffer's dma_resv, and leaves its own fence there.
 *
 * Looking at their fences, queueing, and leaving ours is one step under the locks of all these
 * buffers. So whatever a submission waits for, be it by a fence or by its place in the FIFO, was
 * queued before it, and submissions cannot wait for each other in a circle. Nothing fails once it
 * is queued: room for the fence was made before.
 */

#include <linux/bitmap.h>
#include <linux/dma-resv.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_print.h>
#include <drm/loom_accel.h>

#include "loom_device.h"
#include "loom_fence.h"
#include "loom_job.h"
#include "loom_queue.h"
#include "loom_shared.h"

struct loom_shared {
	DECLARE_BITMAP(writes, DRM_LOOM_SUBMIT_MAX_SHARED);
	unsigned int num;
	struct drm_gem_object *objs[] __counted_by(num);
};

void loom_shared_free(struct loom_shared *shared)
{
	unsigned int i;

	for (i = 0; shared && i < shared->num; i++)
		if (shared->objs[i])
			drm_gem_object_put(shared->objs[i]);
	kfree(shared);
}

static int loom_shared_find(struct loom_shared *shared, struct drm_file *file, unsigned int i,
			    const struct drm_loom_shared __user *user)
{
	struct drm_device *drm = file->minor->dev;
	struct drm_loom_shared desc;

	if (copy_from_user(&desc, user + i, sizeof(desc)))
		return -EFAULT;
	if (desc.flags & ~DRM_LOOM_SHARED_WRITE) {
		drm_dbg(drm, "shared %u: flags %#x\n", i, desc.flags);
		return -EINVAL;
	}
	shared->objs[i] = drm_gem_object_lookup(file, desc.handle);
	if (!shared->objs[i]) {
		drm_dbg(drm, "shared %u: handle %u: no such buffer\n", i, desc.handle);
		return -ENOENT;
	}
	if (desc.flags & DRM_LOOM_SHARED_WRITE)
		__set_bit(i, shared->writes);
	return 0;
}

/* Find the buffers, and make the fence. Room for fences to wait for was allocated. */
int loom_shared_add(struct loom_submission *sub, struct drm_file *file, u32 num, u64 array)
{
	struct loom_shared *shared;
	unsigned int i;
	int ret;

	shared = kzalloc(struct_size(shared, objs, num), GFP_KERNEL_ACCOUNT);
	if (!shared)
		return -ENOMEM;
	shared->num = num;
	sub->shared = shared;

	for (i = 0; i < num; i++) {
		ret = loom_shared_find(shared, file, i, u64_to_user_ptr(array));
		if (ret)
			return ret;
	}
	return loom_fence_add(sub);
}

/* Wait for what is in the buffer, and make room for our fence. Its lock is held. */
static int loom_shared_wait_for(struct loom_submission *sub, struct dma_resv *resv, bool write)
{
	struct dma_fence *fence;
	int ret;

	ret = dma_resv_reserve_fences(resv, 1);
	if (ret)
		return ret;
	ret = dma_resv_get_singleton(resv, dma_resv_usage_rw(write), &fence);
	if (ret)
		return ret;
	if (fence)
		loom_dep_add(sub, fence);
	return 0;
}

static int loom_shared_wait_for_all(struct loom_submission *sub, struct loom_shared *shared)
{
	unsigned int i;
	int ret;

	for (i = 0; i < shared->num; i++) {
		ret = loom_shared_wait_for(sub, shared->objs[i]->resv,
					   test_bit(i, shared->writes));
		if (ret)
			return ret;
	}
	return 0;
}

static void loom_shared_leave(struct loom_shared *shared, struct dma_fence *fence)
{
	unsigned int i;

	for (i = 0; i < shared->num; i++)
		dma_resv_add_fence(shared->objs[i]->resv, fence,
				   test_bit(i, shared->writes) ? DMA_RESV_USAGE_WRITE :
								 DMA_RESV_USAGE_READ);
}

/**
 * loom_shared_queue() - Let a submission go that has shared buffers
 * @sub: the submission; they are let go of in any case
 *
 * Return: as loom_submission_enqueue(); -EINVAL if a buffer is named twice; -EINTR if a signal came
 * while another held the lock of one; -ENOMEM.
 */
int loom_shared_queue(struct loom_submission *sub)
{
	struct dma_fence *fence = dma_fence_get(sub->fence);
	struct loom_shared *shared = sub->shared;
	struct ww_acquire_ctx acquire;
	int ret;

	sub->shared = NULL;
	ret = drm_gem_lock_reservations(shared->objs, shared->num, &acquire);
	if (ret == -EALREADY) {
		drm_dbg(&sub->queue->ldev->drm, "shared: a buffer is named twice\n");
		ret = -EINVAL;
	}
	if (ret)
		goto out_free;

	ret = loom_shared_wait_for_all(sub, shared);
	if (!ret)
		ret = loom_submission_enqueue(sub);
	if (!ret)
		loom_shared_leave(shared, fence);
	drm_gem_unlock_reservations(shared->objs, shared->num, &acquire);

out_free:
	loom_shared_free(shared);
	dma_fence_put(fence);
	return ret;
}

#if IS_ENABLED(CONFIG_DRM_ACCEL_LOOM_KUNIT_TEST)
#include "tests/loom_shared_test.c"
#endif
