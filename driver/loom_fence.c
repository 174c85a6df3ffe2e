// SPDX-License-Identifier: GPL-2.0-only

#include <linux/dma-fence-chain.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/drm_syncobj.h>
#include <drm/loom_accel.h>

#include "loom_device.h"
#include "loom_fence.h"
#include "loom_job.h"
#include "loom_queue.h"

/* ---- the fence of a submission ---- */

struct loom_fence {
	struct dma_fence base;
	spinlock_t lock;	/* dma_fence's own */
};

static const char *loom_fence_get_driver_name(struct dma_fence *fence)
{
	return "loom";
}

static const char *loom_fence_get_timeline_name(struct dma_fence *fence)
{
	return "submission";
}

/* module_exit() has an rcu_barrier(), so the text below outlives this call. */
static void loom_fence_free(struct rcu_head *rcu)
{
	struct dma_fence *fence = container_of(rcu, struct dma_fence, rcu);

	kfree(container_of(fence, struct loom_fence, base));
	module_put(THIS_MODULE);
}

static void loom_fence_release(struct dma_fence *fence)
{
	call_rcu(&fence->rcu, loom_fence_free);
}

static const struct dma_fence_ops loom_fence_ops = {
	.get_driver_name = loom_fence_get_driver_name,
	.get_timeline_name = loom_fence_get_timeline_name,
	.release = loom_fence_release,
};

/*
 * Each fence is alone in its context: submissions that run in different VMs may end in another
 * order than they were queued in. It holds the module, because a sync_file may outlive every file.
 */
struct dma_fence *loom_fence_create(void)
{
	struct loom_fence *fence;

	fence = kzalloc(sizeof(*fence), GFP_KERNEL_ACCOUNT);
	if (!fence)
		return NULL;

	__module_get(THIS_MODULE);
	spin_lock_init(&fence->lock);
	dma_fence_init(&fence->base, &loom_fence_ops, &fence->lock, dma_fence_context_alloc(1), 1);
	return &fence->base;
}

/* Let the submission end one, if it does not yet. */
int loom_fence_add(struct loom_submission *sub)
{
	if (sub->fence)
		return 0;
	WRITE_ONCE(sub->queue->lfile->has_fences, true);
	sub->fence = loom_fence_create();
	return sub->fence ? 0 : -ENOMEM;
}

void loom_fence_signal(struct dma_fence *fence, int error)
{
	if (error)
		dma_fence_set_error(fence, error);
	dma_fence_signal(fence);
}

/* ---- what a submission waits for ---- */

/*
 * Called with the lock of somebody's fence held. Pushing from here would nest the queue's lock in
 * it, so a worker does that. Once the count is zero the submission may be over at any moment; who
 * destroys the queue waits for RCU readers.
 */
static void loom_dep_signalled(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct loom_submission *sub = container_of(cb, struct loom_dep, cb)->sub;
	struct loom_queue *queue = sub->queue;

	rcu_read_lock();
	if (atomic_dec_and_test(&sub->num_waits))
		queue_work(queue->ldev->wq, &queue->push_work);
	rcu_read_unlock();
}

static int loom_sync_read(struct drm_device *drm, struct drm_loom_sync *sync, u64 array,
			  unsigned int i)
{
	struct drm_loom_sync __user *user = u64_to_user_ptr(array);

	if (copy_from_user(sync, user + i, sizeof(*sync)))
		return -EFAULT;
	if (sync->pad) {
		drm_dbg(drm, "sync %u: pad %#x\n", i, sync->pad);
		return -EINVAL;
	}
	return 0;
}

/* Takes the reference on the fence. Room for it was allocated. */
void loom_dep_add(struct loom_submission *sub, struct dma_fence *fence)
{
	struct loom_dep *dep = &sub->deps[sub->num_deps];

	dep->sub = sub;
	dep->fence = fence;
	atomic_inc(&sub->num_waits);
	if (dma_fence_add_callback(fence, &dep->cb, loom_dep_signalled)) {
		atomic_dec(&sub->num_waits); /* signalled already */
		dma_fence_put(fence);
		return;
	}
	sub->num_deps++;
}

/* Room for all that the submission may wait for. */
int loom_deps_alloc(struct loom_submission *sub, u32 num)
{
	sub->deps = kcalloc(num, sizeof(*sub->deps), GFP_KERNEL_ACCOUNT);
	if (!sub->deps)
		return -ENOMEM;
	WRITE_ONCE(sub->queue->waits, true);
	return 0;
}

/*
 * The submission counts one wait more than it has fences until it is queued, so that no callback
 * can find it ready before.
 */
int loom_deps_add(struct loom_submission *sub, struct drm_file *file, u32 num, u64 in_syncs)
{
	struct drm_device *drm = file->minor->dev;
	unsigned int i;
	int ret;

	for (i = 0; i < num; i++) {
		struct dma_fence *fence;
		struct drm_loom_sync sync;

		ret = loom_sync_read(drm, &sync, in_syncs, i);
		if (ret)
			return ret;

		ret = drm_syncobj_find_fence(file, sync.handle, sync.point, 0, &fence);
		if (ret) {
			drm_dbg(drm, "in_sync %u: handle %u, point %llu: no fence (%d)\n", i,
				sync.handle, sync.point, ret);
			return ret;
		}
		loom_dep_add(sub, fence);
	}
	return 0;
}

/* After this no callback of the submission runs or will run. */
void loom_deps_remove(struct loom_submission *sub)
{
	while (sub->num_deps) {
		struct loom_dep *dep = &sub->deps[--sub->num_deps];

		dma_fence_remove_callback(dep->fence, &dep->cb);
		dma_fence_put(dep->fence);
	}
}

/* ---- what it signals ---- */

struct loom_out_sync {
	struct drm_syncobj *syncobj;
	struct dma_fence_chain *chain;	/* for a point of a timeline */
	u64 point;
};

static int loom_out_sync_get(struct loom_out_sync *out, struct drm_file *file,
			     const struct drm_loom_sync *sync)
{
	out->syncobj = drm_syncobj_find(file, sync->handle);
	if (!out->syncobj) {
		drm_dbg(file->minor->dev, "out_sync handle %u: no such syncobj\n", sync->handle);
		return -ENOENT;
	}

	out->point = sync->point;
	if (out->point) {
		out->chain = dma_fence_chain_alloc();
		if (!out->chain)
			return -ENOMEM;
	}
	return 0;
}

/* All that can fail about out-syncs, before anything is queued. */
struct loom_out_sync *loom_out_syncs_get(struct drm_file *file, const struct drm_loom_submit *args)
{
	struct loom_out_sync *syncs;
	struct drm_loom_sync sync;
	unsigned int i;
	int ret;

	if (!args->num_out_syncs)
		return NULL;

	syncs = kcalloc(args->num_out_syncs, sizeof(*syncs), GFP_KERNEL);
	if (!syncs)
		return ERR_PTR(-ENOMEM);

	for (i = 0; i < args->num_out_syncs; i++) {
		ret = loom_sync_read(file->minor->dev, &sync, args->out_syncs, i);
		if (!ret)
			ret = loom_out_sync_get(&syncs[i], file, &sync);
		if (ret) {
			loom_out_syncs_put(syncs, args->num_out_syncs);
			return ERR_PTR(ret);
		}
	}
	return syncs;
}

void loom_out_syncs_attach(struct loom_out_sync *syncs, unsigned int num, struct dma_fence *fence)
{
	unsigned int i;

	for (i = 0; i < num; i++) {
		if (!syncs[i].chain) {
			drm_syncobj_replace_fence(syncs[i].syncobj, fence);
			continue;
		}
		drm_syncobj_add_point(syncs[i].syncobj, syncs[i].chain, fence, syncs[i].point);
		syncs[i].chain = NULL; /* it belongs to the syncobj now */
	}
}

void loom_out_syncs_put(struct loom_out_sync *syncs, unsigned int num)
{
	unsigned int i;

	for (i = 0; syncs && i < num; i++) {
		dma_fence_chain_free(syncs[i].chain);
		if (syncs[i].syncobj)
			drm_syncobj_put(syncs[i].syncobj);
	}
	kfree(syncs);
}
