// SPDX-License-Identifier: GPL-2.0-only
/* Submission by ioctl. */

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/loom_accel.h>

#include "loom_device.h"
#include "loom_fence.h"
#include "loom_job.h"
#include "loom_pm.h"
#include "loom_queue.h"

static int loom_submit_fenced(struct loom_submission *sub, struct drm_file *file,
			      const struct drm_loom_submit *args)
{
	struct loom_out_sync *syncs;
	struct dma_fence *fence;
	int ret;

	syncs = loom_out_syncs_get(file, args);
	if (IS_ERR(syncs))
		return PTR_ERR(syncs);

	ret = loom_fence_add(sub);
	if (ret)
		goto out_put_syncs;
	fence = dma_fence_get(sub->fence); /* the submission may be over after the next line */

	ret = loom_submission_queue(sub);
	if (!ret)
		loom_out_syncs_attach(syncs, args->num_out_syncs, fence);
	dma_fence_put(fence);

out_put_syncs:
	loom_out_syncs_put(syncs, args->num_out_syncs);
	return ret;
}

static int loom_submit(struct loom_queue *queue, struct drm_file *file,
		       const struct drm_loom_submit *args)
{
	struct loom_submission *sub;
	int ret;

	sub = loom_submission_create(queue, file, args);
	if (IS_ERR(sub))
		return PTR_ERR(sub);

	if (args->num_out_syncs)
		ret = loom_submit_fenced(sub, file, args);
	else
		ret = loom_submission_queue(sub);
	if (ret)
		loom_submission_abandon(sub);
	return ret;
}

int loom_ioctl_submit(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_loom_submit *args = data;
	struct loom_queue *queue;
	int ret, idx;

	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;

	/* Before anything has a fence: waking up is no part of what fences wait for. */
	loom_pm_wake(to_loom_device(drm));

	queue = loom_queue_lookup(file->driver_priv, args->queue_id);
	if (queue) {
		ret = loom_submit(queue, file, args);
		loom_queue_put(queue);
	} else {
		drm_dbg(drm, "queue_id %u: no such queue\n", args->queue_id);
		ret = -ENOENT;
	}
	drm_dev_exit(idx);
	return ret;
}
