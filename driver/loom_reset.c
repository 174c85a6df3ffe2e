// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: recovery
 *
 * Each step costs those who are not to blame more than the one before, and is taken when that did
 * not help:
 *
 *   context    the VM to blame is killed (loom_hang.c)
 *   queue      a queue whose completions make no sense is made anew
 *   core       the engines of a core are freed from what holds them
 *   device     the firmware is rebooted; contexts and queues are made anew
 *   function   the PCI function is reset, if the firmware does not boot
 *   wedged     the device stays off until the driver is bound again
 *
 * Jobs that a step takes from the device are given to it again if that is possible (loom_replay.c).
 * All of it runs under fw_lock in a worker that fences wait for: nothing is allocated.
 */

#include <linux/dma-fence.h>

#include <drm/drm_print.h>

#include "loom_admin.h"
#include "loom_device.h"
#include "loom_irq.h"
#include "loom_isa.h"
#include "loom_queue.h"
#include "loom_replay.h"
#include "loom_report.h"
#include "loom_reset.h"
#include "loom_user_queue.h"
#include "loom_vm.h"

/* Devices that come back from this many resets without doing anything are given up. */
#define LOOM_MAX_BARREN_RESETS	5

#define LOOM_CORE_RESET_MS	500
#define LOOM_QUEUE_RESET_MS	500

/* From any context. */
void loom_reset_request(struct loom_device *ldev, const char *why)
{
	WRITE_ONCE(ldev->reset_why, why);
	queue_work(ldev->wq, &ldev->reset_work);
}

/* From any context, also under the queue's lock. */
void loom_reset_request_queue(struct loom_queue *queue)
{
	WRITE_ONCE(queue->garbled, true);
	queue_work(queue->ldev->wq, &queue->ldev->reset_work);
}

/* ---- jobs and VMs ---- */

/* Jobs that came back, or were lost: decide about all of them before any queue goes on. */
static void loom_reset_settle(struct loom_device *ldev)
{
	struct loom_queue *queue;
	struct loom_vm *vm;

	list_for_each_entry(queue, &ldev->queues, node)
		loom_queue_judge_parked(queue);
	list_for_each_entry(queue, &ldev->queues, node)
		loom_queue_end_parked(queue);
	list_for_each_entry(vm, &ldev->vms, node)
		loom_vm_release_held(vm);
}

/* ---- a queue ---- */

static int loom_reset_queue(struct loom_queue *queue)
{
	loom_report(queue->ldev, LOOM_REPORT_QUEUE, queue->hw_id, "a completion of no job");
	queue->garbled = false;
	loom_queue_park(queue);
	if (loom_queue_forget(queue, LOOM_QUEUE_RESET_MS))
		return -ETIMEDOUT;

	loom_queue_drain(queue); /* what is readable among what was written until now */
	loom_queue_reclaim(queue);
	loom_reset_settle(queue->ldev);
	return loom_queue_restart(queue);
}

static int loom_reset_garbled_queues(struct loom_device *ldev)
{
	struct loom_queue *queue;
	int ret;

	list_for_each_entry(queue, &ldev->queues, node) {
		if (!READ_ONCE(queue->garbled) || queue->error)
			continue;
		ret = loom_reset_queue(queue);
		if (ret)
			return ret;
	}
	return 0;
}

/* ---- a core ---- */

static int loom_reset_engines(struct loom_device *ldev, u32 core)
{
	struct loom_admin_cmd cmd = {
		.opcode = LOOM_ADMIN_CORE_RESET,
		.core.core = core,
	};
	struct loom_queue *queue;
	int ret;

	ret = loom_admin_try(ldev, &cmd, LOOM_CORE_RESET_MS);
	if (ret)
		return ret;

	list_for_each_entry(queue, &ldev->queues, node)
		if (queue->core == core && !loom_queue_wait_empty(queue, LOOM_CORE_RESET_MS))
			return -ETIMEDOUT;
	return 0;
}

/**
 * loom_reset_core() - Free the engines of a core from what holds them
 * @ldev: the device
 * @core: the core
 * @why: a constant string
 *
 * If that fails a reset of the device is on its way when this returns.
 */
void loom_reset_core(struct loom_device *ldev, u32 core, const char *why)
{
	struct loom_queue *queue;

	lockdep_assert_held(&ldev->fw_lock);

	if (!loom_device_speaks(ldev, 1)) {
		loom_reset_request(ldev, why);
		return;
	}

	loom_report(ldev, LOOM_REPORT_CORE, core, why);
	list_for_each_entry(queue, &ldev->queues, node)
		if (queue->core == core && !loom_queue_is_user(queue))
			loom_queue_park(queue);

	if (loom_reset_engines(ldev, core)) {
		loom_reset_request(ldev, "a core does not come back from reset");
		return;
	}

	loom_reset_settle(ldev);
	list_for_each_entry(queue, &ldev->queues, node)
		if (queue->core == core && !loom_queue_is_user(queue))
			loom_queue_unpark(queue);
}

/* ---- the device ---- */

/* The device is in reset: take back all that it had. */
void loom_reset_forget(struct loom_device *ldev)
{
	struct loom_queue *queue;
	struct loom_vm *vm;

	lockdep_assert_held(&ldev->fw_lock);

	list_for_each_entry(vm, &ldev->vms, node)
		loom_vm_forget(vm);
	list_for_each_entry(queue, &ldev->queues, node) {
		queue->known = false;
		if (loom_queue_is_user(queue)) {
			loom_user_queue_die(queue);
			continue;
		}
		loom_queue_park(queue);
		loom_queue_drain(queue);
		loom_queue_reclaim(queue);
	}
	loom_reset_settle(ldev);
}

/* The firmware runs: tell it all that it knew before. */
int loom_reset_restore(struct loom_device *ldev)
{
	struct loom_queue *queue;
	struct loom_vm *vm;
	int ret;

	lockdep_assert_held(&ldev->fw_lock);

	list_for_each_entry(vm, &ldev->vms, node) {
		ret = loom_vm_restore(vm);
		if (ret)
			return ret;
	}
	list_for_each_entry(queue, &ldev->queues, node) {
		ret = loom_queue_restart(queue);
		if (ret)
			return ret;
	}
	return 0;
}

static int loom_reset_reboot(struct loom_device *ldev)
{
	int ret = loom_device_is_gone(ldev) ? -ENODEV : loom_device_boot(ldev);

	if (!ret)
		return 0;
	loom_report(ldev, LOOM_REPORT_FUNCTION, 0, "the firmware does not boot");
	ret = loom_device_reset_function(ldev);
	return ret ?: loom_device_boot(ldev);
}

/* Nothing helps. Who uses the device is told, and whatever comes is refused. */
static void loom_reset_wedge(struct loom_device *ldev, const char *why)
{
	struct loom_queue *queue;

	loom_report(ldev, LOOM_REPORT_WEDGED, 0, why);
	ldev->wedged = true;
	if (!ldev->halted)
		loom_device_halt(ldev);
	list_for_each_entry(queue, &ldev->queues, node) {
		queue->known = false;
		loom_queue_close(queue, -ENODEV);
		loom_queue_fail(queue, -ENODEV);
	}
}

/* Did the device do any job since it was last reset? */
static bool loom_reset_was_barren(struct loom_device *ldev)
{
	u64 before = ldev->jobs_at_reset;
	struct loom_hw_counters counters;
	u32 core;

	ldev->jobs_at_reset = 0;
	for (core = 0; core < ldev->caps.num_cores; core++) {
		loom_counters_read(ldev, core, &counters);
		ldev->jobs_at_reset += counters.jobs;
	}
	return ldev->jobs_at_reset == before;
}

static void loom_reset_device(struct loom_device *ldev, const char *why)
{
	int ret;

	lockdep_assert_held(&ldev->fw_lock);

	loom_report(ldev, LOOM_REPORT_DEVICE, 0, why);
	loom_device_halt(ldev);
	loom_irq_synchronize(ldev);
	loom_reset_forget(ldev);

	if (!loom_reset_was_barren(ldev))
		ldev->barren_resets = 0;
	if (ldev->barren_resets++ == LOOM_MAX_BARREN_RESETS) {
		loom_reset_wedge(ldev, "resets do not help");
		return;
	}
	ret = loom_reset_reboot(ldev) ?: loom_reset_restore(ldev);
	if (ret)
		loom_reset_wedge(ldev, "the device did not come back from reset");
	else
		drm_notice(&ldev->drm, "the device was reset\n");
}

/* Somebody else has reset the PCI function. */
void loom_reset_function_done(struct loom_device *ldev)
{
	bool cookie;

	mutex_lock(&ldev->fw_lock);
	cookie = dma_fence_begin_signalling();
	if (!ldev->removed && !ldev->wedged && !ldev->asleep)
		loom_reset_device(ldev, "the function was reset");
	dma_fence_end_signalling(cookie);
	mutex_unlock(&ldev->fw_lock);
}

void loom_reset_work(struct work_struct *work)
{
	struct loom_device *ldev = container_of(work, struct loom_device, reset_work);
	const char *why = xchg(&ldev->reset_why, NULL);
	bool cookie;

	/* Inside, because fences are signalled under this lock elsewhere; nobody waits under it. */
	mutex_lock(&ldev->fw_lock);
	cookie = dma_fence_begin_signalling();
	if (!ldev->removed && !ldev->wedged && !ldev->asleep) {
		if (!why && loom_reset_garbled_queues(ldev))
			why = "a queue does not come back from reset";
		if (why)
			loom_reset_device(ldev, why);
	}
	dma_fence_end_signalling(cookie);
	mutex_unlock(&ldev->fw_lock);
}
