// SPDX-License-Identifier: GPL-2.0-only

#include <linux/capability.h>
#include <linux/log2.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/loom_accel.h>

#include "loom_device.h"
#include "loom_irq.h"
#include "loom_job.h"
#include "loom_limit.h"
#include "loom_pm.h"
#include "loom_queue.h"
#include "loom_user_queue.h"

#define LOOM_QUEUE_MIN_ENTRIES	8
#define LOOM_QUEUE_MAX_SLOTS	256

/* ---- life ---- */

static void loom_queue_free(struct loom_queue *queue)
{
	ida_free(&queue->ldev->queue_ida, queue->hw_id);
	loom_submission_free_spares(queue->spares);
	kvfree(queue->free_tags);
	kvfree(queue->jobs);
	kfree(queue->slots);
	loom_user_queue_fini(queue);
	kfree_rcu(queue, rcu);
}

static void loom_queue_release(struct kref *ref)
{
	loom_queue_free(container_of(ref, struct loom_queue, ref));
}

void loom_queue_put(struct loom_queue *queue)
{
	kref_put(&queue->ref, loom_queue_release);
}

static int loom_queue_alloc_tables(struct loom_queue *queue)
{
	u32 i;

	queue->num_free_tags = queue->entries;
	queue->slots = kcalloc(queue->vm_slots, sizeof(*queue->slots), GFP_KERNEL_ACCOUNT);
	if (!queue->slots)
		return -ENOMEM;

	queue->jobs = kvcalloc(queue->entries, sizeof(*queue->jobs), GFP_KERNEL_ACCOUNT);
	queue->free_tags = kvcalloc(queue->entries, sizeof(*queue->free_tags), GFP_KERNEL_ACCOUNT);
	if (!queue->jobs || !queue->free_tags)
		return -ENOMEM; /* freed with the queue */

	for (i = 0; i < queue->entries; i++)
		queue->free_tags[i] = i;
	return 0;
}

static struct loom_queue *loom_queue_alloc(struct loom_file *lfile,
					   const struct drm_loom_queue_create *args)
{
	struct loom_device *ldev = lfile->ldev;
	struct loom_queue *queue;
	int id;

	queue = kzalloc(sizeof(*queue), GFP_KERNEL_ACCOUNT);
	if (!queue)
		return ERR_PTR(-ENOMEM);

	id = ida_alloc_max(&ldev->queue_ida, ldev->caps.max_queues - 1, GFP_KERNEL);
	if (id < 0) {
		kfree(queue);
		return ERR_PTR(id);
	}

	kref_init(&queue->ref);
	queue->ldev = ldev;
	queue->lfile = lfile;
	queue->hw_id = id;
	queue->core = args->core;
	queue->entries = args->entries;
	queue->vm_slots = args->vm_slots;
	/* A batch larger than half the ring would let it run empty while jobs wait to get in. */
	queue->irq_batch = clamp(args->irq_batch, 1, args->entries / 2);
	queue->band = args->band;
	queue->vector = &ldev->vectors[loom_irq_vector_of(ldev, id)];
	queue->doorbell = ldev->doorbells + id * LOOM_DOORBELL_STRIDE;
	spin_lock_init(&queue->lock);
	init_waitqueue_head(&queue->wait);
	INIT_LIST_HEAD(&queue->pending);
	queue->asked = &queue->pending;
	INIT_LIST_HEAD(&queue->parked);
	INIT_LIST_HEAD(&queue->node);
	INIT_WORK(&queue->push_work, loom_queue_push_work);
	return queue;
}

static struct loom_queue *loom_queue_create(struct loom_file *lfile,
					    const struct drm_loom_queue_create *args)
{
	struct loom_device *ldev = lfile->ldev;
	struct loom_queue *queue;
	int ret;

	queue = loom_queue_alloc(lfile, args);
	if (IS_ERR(queue))
		return queue;

	if (args->flags & DRM_LOOM_QUEUE_USER) {
		ret = loom_user_queue_init(queue);
		if (ret)
			goto err_free_queue;
	}
	ret = loom_queue_alloc_tables(queue);
	if (ret)
		goto err_free_queue;
	ret = loom_queue_alloc_rings(queue);
	if (ret)
		goto err_free_queue;

	mutex_lock(&ldev->fw_lock);
	ret = loom_queue_start(queue);
	if (ret)
		goto err_release_rings;
	list_add_tail(&queue->node, &ldev->queues);
	loom_irq_add_queue(queue);
	mutex_unlock(&ldev->fw_lock);
	return queue;

err_release_rings:
	loom_queue_release_rings(queue);
	mutex_unlock(&ldev->fw_lock);
err_free_queue:
	loom_queue_free(queue);
	return ERR_PTR(ret);
}

/*
 * Part the queue from the device, once: a device that can still be asked hands back the jobs that
 * it has, and what is left ends here.
 */
void loom_queue_detach(struct loom_queue *queue, int error)
{
	lockdep_assert_held(&queue->ldev->fw_lock);

	if (list_empty(&queue->node))
		return;

	list_del_init(&queue->node);
	loom_queue_destroy_hw(queue);
	loom_irq_del_queue(queue);
	loom_queue_drain(queue);
	loom_queue_release_rings(queue);
	loom_queue_fail(queue, error);
}

/* The queue is out of the file's table. */
static void loom_queue_destroy(struct loom_queue *queue)
{
	unsigned long flags;
	u32 i;

	loom_queue_close(queue, -ENOENT);
	loom_user_queue_revoke(queue);
	mutex_lock(&queue->ldev->fw_lock);
	loom_queue_detach(queue, -ECANCELED);
	mutex_unlock(&queue->ldev->fw_lock);

	if (queue->waits)
		synchronize_rcu(); /* a fence's callback may be about to queue the work */
	cancel_work_sync(&queue->push_work);

	spin_lock_irqsave(&queue->lock, flags);
	for (i = 0; i < queue->vm_slots; i++)
		loom_queue_empty_slot(queue, &queue->slots[i]);
	spin_unlock_irqrestore(&queue->lock, flags);

	loom_user_uncharge(queue->lfile->user, LOOM_LIMIT_QUEUES, 1);
	loom_queue_put(queue);
}

/* ---- the file's table ---- */

static int loom_queue_publish(struct loom_file *lfile, struct loom_queue *queue, u32 *id)
{
	int ret;

	xa_lock(&lfile->queues);
	ret = __xa_alloc(&lfile->queues, id, queue, xa_limit_31b, GFP_KERNEL_ACCOUNT);
	if (!ret && *id < LOOM_NEAR_QUEUES)
		rcu_assign_pointer(lfile->near[*id], queue);
	xa_unlock(&lfile->queues);
	return ret;
}

static struct loom_queue *loom_queue_withdraw(struct loom_file *lfile, u32 id)
{
	struct loom_queue *queue;

	xa_lock(&lfile->queues);
	queue = __xa_erase(&lfile->queues, id);
	if (id < LOOM_NEAR_QUEUES)
		RCU_INIT_POINTER(lfile->near[id], NULL);
	xa_unlock(&lfile->queues);
	return queue;
}

struct loom_queue *loom_queue_lookup(struct loom_file *lfile, u32 id)
{
	struct loom_queue *queue;

	rcu_read_lock();
	queue = loom_queue_find(lfile, id);
	if (queue && !kref_get_unless_zero(&queue->ref))
		queue = NULL;
	rcu_read_unlock();
	return queue;
}

void loom_queue_close_all(struct loom_file *lfile)
{
	struct loom_queue *queue;
	unsigned long id;

	xa_for_each(&lfile->queues, id, queue) {
		loom_queue_withdraw(lfile, id);
		loom_queue_destroy(queue);
	}
	xa_destroy(&lfile->queues);
}

/* ---- ioctls ---- */

static int loom_queue_create_check(struct loom_device *ldev,
				   const struct drm_loom_queue_create *args)
{
	struct drm_device *drm = &ldev->drm;

	if (args->flags & ~DRM_LOOM_QUEUE_USER || args->band >= LOOM_BAND_COUNT ||
	    args->rings_bytes || args->rings_offset || args->doorbell_offset) {
		drm_dbg(drm, "flags %#x, band %u, or an output that is not zero\n", args->flags,
			args->band);
		return -EINVAL;
	}
	if ((args->band || args->flags) && !loom_device_speaks(ldev, 1)) {
		drm_dbg(drm, "the device has neither bands nor user-mode queues\n");
		return -EOPNOTSUPP;
	}
	if (args->band >= LOOM_BAND_HIGH && !capable(CAP_SYS_NICE)) {
		drm_dbg(drm, "band %u needs CAP_SYS_NICE\n", args->band);
		return -EPERM;
	}
	if (args->core >= ldev->caps.num_cores) {
		drm_dbg(drm, "core %u of %u\n", args->core, ldev->caps.num_cores);
		return -EINVAL;
	}
	if (!is_power_of_2(args->entries) || args->entries < LOOM_QUEUE_MIN_ENTRIES ||
	    args->entries > ldev->caps.max_ring_entries) {
		drm_dbg(drm, "entries %u of %u\n", args->entries, ldev->caps.max_ring_entries);
		return -EINVAL;
	}
	if (!args->vm_slots || args->vm_slots > LOOM_QUEUE_MAX_SLOTS) {
		drm_dbg(drm, "vm_slots %u\n", args->vm_slots);
		return -EINVAL;
	}
	if (args->irq_batch > args->entries) {
		drm_dbg(drm, "irq_batch %u with %u entries\n", args->irq_batch, args->entries);
		return -EINVAL;
	}
	return 0;
}

int loom_ioctl_queue_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct loom_file *lfile = file->driver_priv;
	struct drm_loom_queue_create *args = data;
	struct loom_queue *queue;
	int ret, idx;

	ret = loom_queue_create_check(lfile->ldev, args);
	if (ret)
		return ret;

	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;

	ret = loom_pm_get(lfile->ldev);
	if (ret)
		goto out_exit;
	ret = loom_user_charge(lfile->user, LOOM_LIMIT_QUEUES, 1);
	if (ret)
		goto out_put_pm;

	queue = loom_queue_create(lfile, args);
	if (IS_ERR(queue)) {
		ret = PTR_ERR(queue);
		loom_user_uncharge(lfile->user, LOOM_LIMIT_QUEUES, 1);
		goto out_put_pm;
	}
	ret = loom_user_queue_open(queue, args, file);
	/* From here on another thread may destroy it. */
	if (!ret)
		ret = loom_queue_publish(lfile, queue, &args->queue_id);
	if (ret)
		loom_queue_destroy(queue);

out_put_pm:
	loom_pm_put(lfile->ldev);
out_exit:
	drm_dev_exit(idx);
	return ret;
}

int loom_ioctl_queue_destroy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct loom_file *lfile = file->driver_priv;
	struct drm_loom_queue_destroy *args = data;
	struct loom_queue *queue;

	if (args->pad) {
		drm_dbg(drm, "pad %#x\n", args->pad);
		return -EINVAL;
	}

	queue = loom_queue_withdraw(lfile, args->queue_id);
	if (!queue) {
		drm_dbg(drm, "queue_id %u: no such queue\n", args->queue_id);
		return -ENOENT;
	}
	loom_queue_destroy(queue);
	return 0;
}
