// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is done about a device that does not go on. The firmware has a watchdog of its own and ends
 * a hung job as a fault; here is what looks after the firmware. While jobs are in flight it looks
 * every so often whether anything moved: a long job that advances is left alone. If nothing did,
 * completions whose interrupt was lost are taken off; the next time the VM of the oldest job is
 * killed; the time after the device is reset.
 */

#include <linux/dma-fence.h>
#include <linux/jiffies.h>
#include <linux/module.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "loom_device.h"
#include "loom_gem.h"
#include "loom_irq.h"
#include "loom_isa.h"
#include "loom_job.h"
#include "loom_queue.h"
#include "loom_reset.h"
#include "loom_vm.h"

static unsigned int hang_ms = 2000;
module_param(hang_ms, uint, 0644);
MODULE_PARM_DESC(hang_ms, "Milliseconds without progress until something is done about it");

enum loom_hang_strike {
	LOOM_HANG_DRAIN = 1,
	LOOM_HANG_KILL,
	LOOM_HANG_RESET,
};

/* ---- the watch ---- */

/* Jobs went to the device. Cheap when the watch is on, which it is until it finds none. */
void loom_reset_watch(struct loom_device *ldev)
{
	queue_delayed_work(ldev->wq, &ldev->hang_work, msecs_to_jiffies(hang_ms) + 1);
}

static struct loom_job *loom_queue_oldest_job(struct loom_queue *queue)
{
	struct loom_job *oldest = NULL;
	u32 tag;

	lockdep_assert_held(&queue->lock);

	for (tag = 0; tag < queue->entries; tag++) {
		struct loom_job *job = queue->jobs[tag];

		if (job && (!oldest || (s32)(job->seq - oldest->seq) < 0))
			oldest = job;
	}
	return oldest;
}

/* A number that changes as long as the device does anything for anybody. */
static u64 loom_reset_progress(struct loom_device *ldev, bool *busy)
{
	struct loom_queue *queue;
	u64 progress = 0;
	unsigned int i;

	*busy = false;
	list_for_each_entry(queue, &ldev->queues, node) {
		progress += READ_ONCE(queue->cq_head);
		*busy |= READ_ONCE(queue->num_free_tags) != queue->entries;
	}
	for (i = 0; i < ldev->caps.num_cores; i++) {
		progress += loom_read64(ldev, LOOM_REG_CORE(i) +
					offsetof(struct loom_hw_counters, commands));
		progress += loom_read64(ldev, LOOM_REG_CORE(i) +
					offsetof(struct loom_hw_counters, dram_bytes));
	}
	return progress;
}

static void loom_reset_drain_all(struct loom_device *ldev)
{
	struct loom_queue *queue;

	list_for_each_entry(queue, &ldev->queues, node)
		loom_queue_drain(queue);
}

/* Mark the oldest job of all queues as the one to blame; its VM comes back with a reference. */
static struct loom_vm *loom_reset_blame(struct loom_device *ldev)
{
	struct loom_vm_fault fault = { .fault = LOOM_FAULT_TIMEOUT, .cmd = LOOM_NO_CMD };
	struct loom_queue *queue, *oldest_queue = NULL;
	unsigned long flags, oldest = 0;
	struct loom_vm *vm = NULL;
	struct loom_job *job;

	list_for_each_entry(queue, &ldev->queues, node) {
		spin_lock_irqsave(&queue->lock, flags);
		job = loom_queue_oldest_job(queue);
		if (job && (!oldest_queue || time_before(job->pushed, oldest))) {
			oldest_queue = queue;
			oldest = job->pushed;
		}
		spin_unlock_irqrestore(&queue->lock, flags);
	}
	if (!oldest_queue)
		return NULL;

	spin_lock_irqsave(&oldest_queue->lock, flags);
	job = loom_queue_oldest_job(oldest_queue);
	if (job) {
		job->hung = true;
		fault.user_data = job->user_data;
		vm = job->vm;
		kref_get(&vm->ref);
	}
	spin_unlock_irqrestore(&oldest_queue->lock, flags);

	if (vm && loom_vm_die(vm, &fault))
		drm_notice(&ldev->drm, "queue %u, context %u, job %#llx: nothing moves, killing the context\n",
			   oldest_queue->hw_id, vm->ctx, fault.user_data);
	return vm;
}

static void loom_reset_strike(struct loom_device *ldev)
{
	u32 state = loom_read(ldev, LOOM_REG_STATE);
	struct loom_vm *vm;

	if (state != LOOM_STATE_READY) {
		loom_reset_request(ldev, "the firmware is not running");
		return;
	}

	switch (++ldev->hang_strikes) {
	case LOOM_HANG_DRAIN:
		loom_reset_drain_all(ldev);
		break;
	case LOOM_HANG_KILL:
		vm = loom_reset_blame(ldev);
		if (vm) {
			loom_vm_kill(vm);
			loom_vm_put(vm);
		}
		break;
	case LOOM_HANG_RESET:
		loom_reset_request(ldev, "nothing moves");
		ldev->hang_strikes = 0;
		break;
	}
}

void loom_reset_hang_work(struct work_struct *work)
{
	struct loom_device *ldev = container_of(work, struct loom_device, hang_work.work);
	u64 progress;
	bool busy;
	int idx;

	if (!drm_dev_enter(&ldev->drm, &idx))
		return;

	mutex_lock(&ldev->fw_lock);
	progress = loom_reset_progress(ldev, &busy);
	if (!busy || progress != ldev->hang_progress)
		ldev->hang_strikes = 0;
	else
		loom_reset_strike(ldev);
	ldev->hang_progress = progress;
	mutex_unlock(&ldev->fw_lock);

	if (busy)
		loom_reset_watch(ldev);
	drm_dev_exit(idx);
}

/* ---- the reset ---- */

/* From any context. */
void loom_reset_request(struct loom_device *ldev, const char *why)
{
	dev_err_ratelimited(ldev->drm.dev, "%s: resetting the device\n", why);
	queue_work(ldev->wq, &ldev->reset_work);
}

/* The device has forgotten all contexts, and with them what their leases held. */
static void loom_reset_vms(struct loom_device *ldev)
{
	static const struct loom_vm_fault fault = {
		.fault = LOOM_FAULT_CANCELLED,
		.cmd = LOOM_NO_CMD,
	};
	struct loom_vm *vm;

	list_for_each_entry(vm, &ldev->vms, node) {
		vm->known = false;
		loom_vm_die(vm, &fault);
	}
}

static int loom_reset_queues(struct loom_device *ldev)
{
	struct loom_queue *queue;
	int ret;

	list_for_each_entry(queue, &ldev->queues, node) {
		ret = loom_queue_restart(queue);
		if (ret)
			return ret;
	}
	return 0;
}

static void loom_reset_device(struct loom_device *ldev)
{
	struct loom_queue *queue;
	int ret;

	lockdep_assert_held(&ldev->fw_lock);

	loom_device_halt(ldev);
	loom_irq_synchronize(ldev);

	loom_reset_vms(ldev);
	list_for_each_entry(queue, &ldev->queues, node) {
		queue->known = false;
		loom_queue_fail(queue, -ECANCELED);
	}

	ret = loom_device_is_gone(ldev) ? -ENODEV : loom_device_boot(ldev);
	if (!ret)
		ret = loom_reset_queues(ldev);
	if (ret)
		drm_err(&ldev->drm, "the device did not come back from reset (%d); it stays off\n",
			ret);
	else
		drm_notice(&ldev->drm, "the device was reset; all VMs are dead\n");
}

void loom_reset_work(struct work_struct *work)
{
	struct loom_device *ldev = container_of(work, struct loom_device, reset_work);
	bool cookie;

	/* Inside, because fences are signalled under this lock elsewhere; nobody waits under it. */
	mutex_lock(&ldev->fw_lock);
	cookie = dma_fence_begin_signalling();
	if (!ldev->removed)
		loom_reset_device(ldev);
	dma_fence_end_signalling(cookie);
	mutex_unlock(&ldev->fw_lock);
}

/* ---- the end ---- */

static void loom_reset_remove_queues(struct loom_device *ldev)
{
	struct loom_queue *queue, *next;

	mutex_lock(&ldev->fw_lock);
	list_for_each_entry_safe(queue, next, &ldev->queues, node) {
		queue->known = false;
		loom_queue_close(queue, -ENODEV);
		loom_queue_detach(queue, -ENODEV);
	}
	mutex_unlock(&ldev->fw_lock);
}

static struct loom_vm *loom_reset_pop_vm(struct loom_device *ldev)
{
	struct loom_vm *vm;

	mutex_lock(&ldev->fw_lock);
	vm = list_first_entry_or_null(&ldev->vms, struct loom_vm, node);
	if (vm) {
		vm->known = false;
		list_del_init(&vm->node);
		kref_get(&vm->ref);
	}
	mutex_unlock(&ldev->fw_lock);
	return vm;
}

/**
 * loom_reset_remove() - Take everything back from a device that goes away
 * @ldev: the device
 *
 * The device is stopped first: who finds it unplugged may free at once what it could reach. Files
 * may stay open for long after this; they keep ids and buffers, but no memory that was mapped for
 * the device's own use.
 */
void loom_reset_remove(struct loom_device *ldev)
{
	struct loom_vm *vm;

	mutex_lock(&ldev->fw_lock);
	ldev->removed = true;
	loom_device_halt(ldev);
	mutex_unlock(&ldev->fw_lock);

	drm_dev_unplug(&ldev->drm);
	cancel_delayed_work_sync(&ldev->hang_work);
	cancel_work_sync(&ldev->reset_work);

	loom_reset_remove_queues(ldev);
	while ((vm = loom_reset_pop_vm(ldev))) {
		loom_vm_release_tables(vm);
		loom_vm_put(vm);
	}
	loom_gem_unmap_all(ldev);
}
