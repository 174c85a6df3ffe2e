// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: power
 *
 * The device sleeps (D3) when nobody has had a job for it for a while. It forgets everything then,
 * so leases are saved, and contexts and queues are made anew when it wakes up.
 *
 * Submissions count, and as long as there are any, and a little longer, one reference on the
 * runtime PM is held for all of them: a reference for each would cost each. A submission that finds
 * the device asleep does not wait: its queue is stopped, and starts when a worker has woken the
 * device. Only the ioctl wakes it up first, because fences must not wait for that.
 *
 * A system suspend parks the queues (loom_replay.c) and goes on with the same jobs afterwards.
 * User-mode queues keep the device awake, and are dead after a system suspend.
 */

#include <linux/pci.h>
#include <linux/pm_runtime.h>

#include <drm/drm_print.h>

#include "loom_device.h"
#include "loom_irq.h"
#include "loom_job.h"
#include "loom_lease.h"
#include "loom_pm.h"
#include "loom_queue.h"
#include "loom_replay.h"
#include "loom_reset.h"
#include "loom_vm.h"

/* Longer than the pause between two inferences of a service that is in use. */
#define LOOM_AUTOSUSPEND_MS	50

/* How long jobs that the device has begun may take to end before it is suspended. */
#define LOOM_SUSPEND_MS		5000

/* ---- references ---- */

void loom_pm_init(struct loom_device *ldev)
{
	struct device *dev = ldev->drm.dev;

	pm_runtime_set_autosuspend_delay(dev, LOOM_AUTOSUSPEND_MS);
	pm_runtime_use_autosuspend(dev);
	pm_runtime_mark_last_busy(dev);
	pm_runtime_allow(dev);
	pm_runtime_put_autosuspend(dev); /* the PCI core's, which is given back in fini */
}

void loom_pm_fini(struct loom_device *ldev)
{
	struct device *dev = ldev->drm.dev;

	pm_runtime_get_sync(dev);
	pm_runtime_forbid(dev);
	pm_runtime_dont_use_autosuspend(dev);

	mutex_lock(&ldev->pm_lock);
	if (ldev->awake)
		pm_runtime_put_noidle(dev);
	WRITE_ONCE(ldev->awake, true); /* nobody wakes it up any more, or lets it sleep */
	ldev->pm_over = true;
	mutex_unlock(&ldev->pm_lock);
}

/* Nothing is submitted any more. */
void loom_pm_cancel(struct loom_device *ldev)
{
	cancel_work_sync(&ldev->wake_work);
	cancel_delayed_work_sync(&ldev->idle_work);
}

/* For who talks to the device: it is awake until loom_pm_put(). */
int loom_pm_get(struct loom_device *ldev)
{
	return pm_runtime_resume_and_get(ldev->drm.dev);
}

void loom_pm_put(struct loom_device *ldev)
{
	pm_runtime_mark_last_busy(ldev->drm.dev);
	pm_runtime_put_autosuspend(ldev->drm.dev);
}

static void loom_pm_hold(struct loom_device *ldev)
{
	mutex_lock(&ldev->pm_lock);
	if (!ldev->awake && !pm_runtime_resume_and_get(ldev->drm.dev))
		WRITE_ONCE(ldev->awake, true);
	mutex_unlock(&ldev->pm_lock);
}

/* Somebody is about to submit, and can wait. */
void loom_pm_wake(struct loom_device *ldev)
{
	if (READ_ONCE(ldev->awake))
		return;
	loom_pm_hold(ldev);
	/* In case nothing comes of it. */
	queue_delayed_work(ldev->wq, &ldev->idle_work, LOOM_IDLE_DELAY);
}

void loom_pm_wake_work(struct work_struct *work)
{
	struct loom_device *ldev = container_of(work, struct loom_device, wake_work);

	loom_pm_hold(ldev);
	queue_delayed_work(ldev->wq, &ldev->idle_work, LOOM_IDLE_DELAY);
}

static bool loom_pm_is_idle(struct loom_device *ldev)
{
	return !atomic_read(&ldev->busy) &&
	       time_after_eq(jiffies, READ_ONCE(ldev->idle_since) + LOOM_IDLE_DELAY);
}

/* Give the reference back if nothing was submitted for a while; else look again. */
void loom_pm_idle_work(struct work_struct *work)
{
	struct loom_device *ldev = container_of(work, struct loom_device, idle_work.work);

	mutex_lock(&ldev->pm_lock);
	if (!ldev->awake || ldev->pm_over)
		goto out_unlock;

	WRITE_ONCE(ldev->awake, false);
	smp_mb(); /* pairs with the one in loom_pm_busy(): one of the two sees the other */
	if (loom_pm_is_idle(ldev)) {
		loom_pm_put(ldev);
		goto out_unlock;
	}
	WRITE_ONCE(ldev->awake, true);
	if (!atomic_read(&ldev->busy))
		queue_delayed_work(ldev->wq, &ldev->idle_work, LOOM_IDLE_DELAY);
out_unlock:
	mutex_unlock(&ldev->pm_lock);
}

/* ---- sleep ---- */

/* Stop the queue if it has nothing to do. */
static bool loom_queue_sleep(struct loom_queue *queue)
{
	unsigned long flags;
	bool idle;

	spin_lock_irqsave(&queue->lock, flags);
	idle = list_empty(&queue->pending) && list_empty(&queue->parked) &&
	       queue->num_free_tags == queue->entries;
	if (idle)
		queue->stopped = true;
	spin_unlock_irqrestore(&queue->lock, flags);
	return idle;
}

static void loom_pm_unpark_all(struct loom_device *ldev)
{
	struct loom_queue *queue;

	list_for_each_entry(queue, &ldev->queues, node)
		if (!loom_queue_is_user(queue))
			loom_queue_unpark(queue);
}

/*
 * Whether a user-mode queue has anything to do only its owner knows. The reference that it holds
 * may still be on its way (wake_work), so it is asked for here.
 */
static int loom_pm_stop_idle(struct loom_device *ldev)
{
	struct loom_queue *queue;

	list_for_each_entry(queue, &ldev->queues, node)
		if (loom_queue_is_user(queue) ? queue->known : !loom_queue_sleep(queue))
			return -EBUSY;
	return 0;
}

/* What the device has not begun comes back; what it has begun ends. */
static int loom_pm_stop_busy(struct loom_device *ldev)
{
	struct loom_queue *queue;

	list_for_each_entry(queue, &ldev->queues, node)
		if (!loom_queue_is_user(queue))
			loom_queue_park(queue);
	list_for_each_entry(queue, &ldev->queues, node)
		if (!loom_queue_is_user(queue) &&
		    !loom_queue_wait_empty(queue, LOOM_SUSPEND_MS))
			return -EBUSY;
	return 0;
}

static int loom_pm_save(struct loom_device *ldev)
{
	struct loom_vm *vm;
	int ret;

	list_for_each_entry(vm, &ldev->vms, node) {
		ret = loom_lease_save(vm);
		if (ret)
			return ret;
	}
	return 0;
}

/* The device stays awake, and jobs will change what is in the leases. */
static void loom_pm_drop_saved(struct loom_device *ldev)
{
	struct loom_vm *vm;

	if (ldev->halted)
		return; /* the save failed for good: what was saved is what there was */
	list_for_each_entry(vm, &ldev->vms, node)
		vm->saved = false;
}

static int loom_pm_suspend_device(struct loom_device *ldev,
				  int (*stop)(struct loom_device *ldev))
{
	int ret = 0;

	mutex_lock(&ldev->fw_lock);
	/* A device that is being reset, or is wedged, has nothing to save. */
	if (!ldev->halted)
		ret = stop(ldev) ?: loom_pm_save(ldev);
	if (ret) {
		loom_pm_drop_saved(ldev);
		loom_pm_unpark_all(ldev);
	} else {
		if (!ldev->halted)
			loom_device_halt(ldev);
		loom_irq_synchronize(ldev);
		loom_reset_forget(ldev);
		ldev->asleep = true;
	}
	mutex_unlock(&ldev->fw_lock);
	return ret;
}

static int loom_pm_resume_device(struct loom_device *ldev)
{
	mutex_lock(&ldev->fw_lock);
	ldev->asleep = false;
	if (!ldev->removed && !ldev->wedged &&
	    (loom_device_boot(ldev) || loom_reset_restore(ldev)))
		loom_reset_request(ldev, "the device does not wake up");
	mutex_unlock(&ldev->fw_lock);
	return 0;
}

/* Any other error the runtime PM would keep, and nobody could wake the device up any more. */
static int loom_pm_runtime_suspend(struct device *dev)
{
	return loom_pm_suspend_device(dev_get_drvdata(dev), loom_pm_stop_idle) ? -EBUSY : 0;
}

static int loom_pm_suspend(struct device *dev)
{
	return loom_pm_suspend_device(dev_get_drvdata(dev), loom_pm_stop_busy) ? -EBUSY : 0;
}

static int loom_pm_resume(struct device *dev)
{
	return loom_pm_resume_device(dev_get_drvdata(dev));
}

const struct dev_pm_ops loom_pm_ops = {
	SYSTEM_SLEEP_PM_OPS(loom_pm_suspend, loom_pm_resume)
	RUNTIME_PM_OPS(loom_pm_runtime_suspend, loom_pm_resume, NULL)
};
