// SPDX-License-Identifier: GPL-2.0-only

#include <linux/capability.h>
#include <linux/dma-mapping.h>
#include <linux/log2.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/loom_accel.h>

#include "loom_admin.h"
#include "loom_device.h"
#include "loom_fence.h"
#include "loom_irq.h"
#include "loom_job.h"
#include "loom_limit.h"
#include "loom_pm.h"
#include "loom_queue.h"
#include "loom_replay.h"
#include "loom_reset.h"
#include "loom_user_queue.h"
#include "loom_vm.h"
#include "loom_window.h"

#define LOOM_QUEUE_MIN_ENTRIES	8
#define LOOM_QUEUE_MAX_SLOTS	256
#define LOOM_QUEUE_ALIGN	64

/* ---- memory ---- */

static size_t loom_queue_carve(size_t *size, size_t bytes)
{
	size_t at = *size;

	*size = ALIGN(at + bytes, LOOM_QUEUE_ALIGN);
	return at;
}

/*
 * The VM table, and the rings and the state if they are the driver's: in one piece, for they come
 * and go together.
 */
static int loom_queue_alloc_rings(struct loom_queue *queue)
{
	size_t sq = 0, cq = 0, state = 0, vm_table, size = 0;

	if (!loom_queue_is_user(queue)) {
		sq = loom_queue_carve(&size, queue->entries * sizeof(*queue->sq));
		cq = loom_queue_carve(&size, queue->entries * sizeof(*queue->cq));
		state = loom_queue_carve(&size, sizeof(*queue->state));
	}
	vm_table = loom_queue_carve(&size, queue->vm_slots * sizeof(*queue->vm_table));

	queue->mem = dma_alloc_coherent(queue->ldev->drm.dev, size, &queue->mem_dma,
					GFP_KERNEL_ACCOUNT);
	if (!queue->mem)
		return -ENOMEM;

	queue->mem_size = size;
	queue->vm_table = queue->mem + vm_table;
	if (loom_queue_is_user(queue))
		return 0;
	queue->sq = queue->mem + sq;
	queue->cq = queue->mem + cq;
	queue->state = queue->mem + state;
	return 0;
}

/* The device has forgotten the queue, or is gone, and no interrupt looks at it. */
static void loom_queue_release_rings(struct loom_queue *queue)
{
	unsigned long flags;
	void *mem;

	lockdep_assert_held(&queue->ldev->fw_lock);

	spin_lock_irqsave(&queue->lock, flags);
	mem = queue->mem;
	queue->mem = NULL;
	spin_unlock_irqrestore(&queue->lock, flags);

	if (mem)
		dma_free_coherent(queue->ldev->drm.dev, queue->mem_size, mem, queue->mem_dma);
	if (loom_queue_is_user(queue))
		loom_window_free_memory(queue->rings);
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

/* ---- the firmware's side ---- */

static dma_addr_t loom_queue_dma(struct loom_queue *queue, void *part)
{
	return queue->mem_dma + (part - queue->mem);
}

/* Make the queue known to a device that does not know it. Its rings are empty. */
static int loom_queue_start(struct loom_queue *queue)
{
	struct loom_admin_cmd cmd = {
		.opcode = LOOM_ADMIN_QUEUE_CREATE,
		.queue = {
			.queue = queue->hw_id,
			.core = queue->core,
			.vm_table = loom_queue_dma(queue, queue->vm_table),
			.entries_log2 = ilog2(queue->entries),
			.vm_slots = queue->vm_slots,
			.vector = queue->vector - queue->ldev->vectors,
			.irq_batch = queue->irq_batch,
			.band = queue->band,
		},
	};
	int ret;

	lockdep_assert_held(&queue->ldev->fw_lock);

	if (loom_queue_is_user(queue)) {
		loom_user_queue_describe(queue, &cmd.queue);
	} else {
		cmd.queue.sq = loom_queue_dma(queue, queue->sq);
		cmd.queue.cq = loom_queue_dma(queue, queue->cq);
		cmd.queue.state = loom_queue_dma(queue, queue->state);
	}
	ret = loom_admin_exec(queue->ldev, &cmd);
	queue->known = !ret;
	return ret;
}

static void loom_queue_destroy_hw(struct loom_queue *queue)
{
	struct loom_admin_cmd cmd = {
		.opcode = LOOM_ADMIN_QUEUE_DESTROY,
		.queue.queue = queue->hw_id,
	};

	lockdep_assert_held(&queue->ldev->fw_lock);

	if (queue->known)
		loom_admin_revoke(queue->ldev, &cmd);
	queue->known = false;
}

/* The device does not answer for long if an engine holds one of the queue's jobs. */
int loom_queue_forget(struct loom_queue *queue, unsigned int ms)
{
	struct loom_admin_cmd cmd = {
		.opcode = LOOM_ADMIN_QUEUE_DESTROY,
		.queue.queue = queue->hw_id,
	};
	int ret;

	lockdep_assert_held(&queue->ldev->fw_lock);

	ret = queue->known ? loom_admin_try(queue->ldev, &cmd, ms) : 0;
	if (!ret)
		queue->known = false;
	return ret;
}

/* The device does not know the queue, and has none of its jobs. */
int loom_queue_restart(struct loom_queue *queue)
{
	int ret;

	lockdep_assert_held(&queue->ldev->fw_lock);

	if (loom_queue_is_user(queue))
		return 0; /* dead: its jobs are known to nobody but their owner */

	memset(queue->mem, 0, queue->mem_size);
	queue->sq_tail = 0;
	queue->cq_head = 0;
	queue->garbled = false;
	ret = loom_queue_start(queue);
	if (!ret)
		loom_queue_unpark(queue);
	return ret;
}

/* ---- jobs ---- */

/*
 * Take off what the device has completed, and refill. Called by the interrupt; bounded, because the
 * device cannot complete more than it was given.
 */
void loom_queue_drain(struct loom_queue *queue)
{
	LIST_HEAD(finished);
	unsigned long flags;
	u32 tail;

	if (loom_queue_is_user(queue)) {
		wake_up_all(&queue->wait);
		return;
	}

	spin_lock_irqsave(&queue->lock, flags);
	tail = READ_ONCE(queue->state->cq_tail);
	dma_rmb(); /* the entries were written before the tail */

	while (queue->cq_head != tail) {
		struct loom_hw_cqe cqe = queue->cq[queue->cq_head % queue->entries];

		if (!loom_job_complete(queue, &cqe, &finished) && !queue->holding) {
			/* Also ends the loop when the tail is nonsense. */
			loom_reset_request_queue(queue);
			break;
		}
		queue->cq_head++;
		if (unlikely(queue->holding) && queue->num_free_tags == queue->entries)
			break; /* what is left can only be nonsense */
	}
	loom_queue_push(queue);
	spin_unlock_irqrestore(&queue->lock, flags);

	loom_submission_finish_all(&finished);
}

static void loom_queue_push_work(struct work_struct *work)
{
	struct loom_queue *queue = container_of(work, struct loom_queue, push_work);
	unsigned long flags;
	bool cookie = dma_fence_begin_signalling();
	int idx;

	if (drm_dev_enter(&queue->ldev->drm, &idx)) {
		spin_lock_irqsave(&queue->lock, flags);
		loom_queue_push(queue);
		spin_unlock_irqrestore(&queue->lock, flags);
		drm_dev_exit(idx);
	}
	dma_fence_end_signalling(cookie);
}

static void loom_queue_cancel_unpushed(struct loom_queue *queue, struct list_head *waiting,
				       int error, struct list_head *finished)
{
	struct loom_submission *sub, *next;

	list_for_each_entry_safe(sub, next, waiting, node) {
		list_del_init(&sub->node);
		while (sub->num_pushed < sub->num_jobs)
			loom_job_cancel(queue, &sub->jobs[sub->num_pushed++], error, finished);
	}
}

/**
 * loom_queue_fail() - End all jobs of a queue that the device does not have, or has forgotten
 * @queue: the queue; what comes later stays off the ring until loom_queue_restart()
 * @error: how they end
 */
void loom_queue_fail(struct loom_queue *queue, int error)
{
	struct loom_submission *sub;
	struct loom_job *job, *next;
	LIST_HEAD(finished);
	LIST_HEAD(waiting);
	unsigned long flags;
	u32 tag;

	spin_lock_irqsave(&queue->lock, flags);
	queue->stopped = true;
	list_splice_init(&queue->pending, &waiting);
	spin_unlock_irqrestore(&queue->lock, flags);

	/* Fences' locks are taken here, so not under the queue's. */
	list_for_each_entry(sub, &waiting, node)
		loom_deps_remove(sub);

	spin_lock_irqsave(&queue->lock, flags);
	for (tag = 0; tag < queue->entries; tag++)
		loom_job_cancel_tag(queue, tag, error, &finished);
	list_for_each_entry_safe(job, next, &queue->parked, node) {
		list_del(&job->node);
		loom_job_cancel(queue, job, error, &finished);
	}
	loom_queue_cancel_unpushed(queue, &waiting, error, &finished);
	spin_unlock_irqrestore(&queue->lock, flags);

	loom_submission_finish_all(&finished);
}

/* Refuse what comes from now on, and put nothing more on the ring. */
void loom_queue_close(struct loom_queue *queue, int error)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	queue->error = error;
	queue->stopped = true;
	spin_unlock_irqrestore(&queue->lock, flags);
}

/* ---- life ---- */

static void loom_queue_free(struct loom_queue *queue)
{
	ida_free(&queue->ldev->queue_ida, queue->hw_id);
	kvfree(queue->free_tags);
	kvfree(queue->jobs);
	kfree(queue->slots);
	loom_user_queue_fini(queue);
	kfree(queue);
}

static void loom_queue_release(struct kref *ref)
{
	loom_queue_free(container_of(ref, struct loom_queue, ref));
}

void loom_queue_put(struct loom_queue *queue)
{
	kref_put(&queue->ref, loom_queue_release);
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

/* A device that is to hand jobs back sees an empty table. */
void loom_queue_write_slot(struct loom_queue *queue, u32 slot)
{
	struct loom_vm *vm = queue->slots[slot].vm;

	lockdep_assert_held(&queue->lock);

	if (queue->mem && !queue->holding)
		WRITE_ONCE(queue->vm_table[slot], vm && !READ_ONCE(vm->dead) ? vm->ctx : 0);
}

static void loom_queue_empty_slot(struct loom_queue *queue, struct loom_slot *slot)
{
	struct loom_vm *vm = slot->vm;

	lockdep_assert_held(&queue->lock);

	slot->vm = NULL;
	loom_queue_write_slot(queue, slot - queue->slots);
	if (vm)
		loom_vm_put(vm);
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

struct loom_queue *loom_queue_lookup(struct loom_file *lfile, u32 id)
{
	struct loom_queue *queue;

	xa_lock(&lfile->queues);
	queue = xa_load(&lfile->queues, id);
	if (queue)
		kref_get(&queue->ref);
	xa_unlock(&lfile->queues);
	return queue;
}

void loom_queue_close_all(struct loom_file *lfile)
{
	struct loom_queue *queue;
	unsigned long id;

	xa_for_each(&lfile->queues, id, queue) {
		xa_erase(&lfile->queues, id);
		loom_queue_destroy(queue);
	}
	xa_destroy(&lfile->queues);
}

/* ---- slots ---- */

/* No slot of the file names the VM when this returns. */
void loom_queue_empty_slots(struct loom_file *lfile, struct loom_vm *vm)
{
	struct loom_queue *queue;
	unsigned long id, flags;
	u32 i;

	lockdep_assert_held(&lfile->slots_lock);

	xa_lock(&lfile->queues);
	xa_for_each(&lfile->queues, id, queue) {
		spin_lock_irqsave(&queue->lock, flags);
		for (i = 0; i < queue->vm_slots; i++)
			if (queue->slots[i].vm == vm)
				loom_queue_empty_slot(queue, &queue->slots[i]);
		spin_unlock_irqrestore(&queue->lock, flags);
	}
	xa_unlock(&lfile->queues);
}

static int loom_queue_set_slot(struct loom_queue *queue, u32 index, struct loom_vm *vm)
{
	struct loom_slot *slot = &queue->slots[index];
	unsigned long flags;
	int ret = 0;

	lockdep_assert_held(&queue->lfile->slots_lock);

	spin_lock_irqsave(&queue->lock, flags);
	if (queue->error) {
		ret = queue->error;
	} else if (slot->jobs && slot->vm != vm) {
		/* The device looks into the table when it takes a job: that would run elsewhere. */
		ret = -EBUSY;
	} else if (slot->vm != vm) {
		loom_queue_empty_slot(queue, slot);
		slot->vm = vm;
		if (vm)
			kref_get(&vm->ref);
		loom_queue_write_slot(queue, index);
	}
	spin_unlock_irqrestore(&queue->lock, flags);
	return ret;
}

static int loom_queue_set_vm(struct loom_queue *queue, struct loom_file *lfile, u32 slot, u32 vm_id)
{
	struct drm_device *drm = &queue->ldev->drm;
	struct loom_vm *vm = NULL;
	int ret;

	if (slot >= queue->vm_slots) {
		drm_dbg(drm, "slot %u of %u\n", slot, queue->vm_slots);
		return -EINVAL;
	}
	if (vm_id) {
		vm = loom_vm_lookup(lfile, vm_id);
		if (!vm) {
			drm_dbg(drm, "vm_id %u: no such VM\n", vm_id);
			return -ENOENT;
		}
	}

	mutex_lock(&lfile->slots_lock);
	if (vm && vm->destroyed)
		ret = -ENOENT; /* between the look-up and here */
	else
		ret = loom_queue_set_slot(queue, slot, vm);
	mutex_unlock(&lfile->slots_lock);

	if (ret)
		drm_dbg(drm, "slot %u, vm_id %u: %d\n", slot, vm_id, ret);
	if (vm)
		loom_vm_put(vm);
	return ret;
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
		ret = xa_alloc(&lfile->queues, &args->queue_id, queue, xa_limit_31b,
			       GFP_KERNEL_ACCOUNT);
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

	queue = xa_erase(&lfile->queues, args->queue_id);
	if (!queue) {
		drm_dbg(drm, "queue_id %u: no such queue\n", args->queue_id);
		return -ENOENT;
	}
	loom_queue_destroy(queue);
	return 0;
}

int loom_ioctl_queue_set_vm(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct loom_file *lfile = file->driver_priv;
	struct drm_loom_queue_set_vm *args = data;
	struct loom_queue *queue;
	int ret;

	if (args->pad) {
		drm_dbg(drm, "pad %#x\n", args->pad);
		return -EINVAL;
	}

	queue = loom_queue_lookup(lfile, args->queue_id);
	if (!queue) {
		drm_dbg(drm, "queue_id %u: no such queue\n", args->queue_id);
		return -ENOENT;
	}
	ret = loom_queue_set_vm(queue, lfile, args->slot, args->vm_id);
	loom_queue_put(queue);
	return ret;
}
