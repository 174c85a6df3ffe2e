// SPDX-License-Identifier: GPL-2.0-only
/* The device goes away, or its driver; programs that use it do not know yet. */

#include <drm/drm_drv.h>

#include "loom_device.h"
#include "loom_gem.h"
#include "loom_pm.h"
#include "loom_queue.h"
#include "loom_remove.h"
#include "loom_vm.h"
#include "loom_window.h"

static void loom_remove_queues(struct loom_device *ldev)
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

static struct loom_vm *loom_remove_pop_vm(struct loom_device *ldev)
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
 * loom_device_remove() - Take everything back from a device that goes away
 * @ldev: the device
 *
 * The device is stopped first: who finds it unplugged may free at once what it could reach. Files
 * may stay open for long after this; they keep ids and buffers, but no memory that was mapped for
 * the device's own use.
 */
void loom_device_remove(struct loom_device *ldev)
{
	struct loom_vm *vm;

	mutex_lock(&ldev->fw_lock);
	ldev->removed = true;
	loom_device_halt(ldev);
	mutex_unlock(&ldev->fw_lock);

	drm_dev_unplug(&ldev->drm);
	loom_window_revoke_all(ldev);
	loom_remove_queues(ldev);
	/* After the queues: until they are closed a job may still come, and start the watch. */
	cancel_delayed_work_sync(&ldev->hang_work);
	cancel_work_sync(&ldev->reset_work);

	while ((vm = loom_remove_pop_vm(ldev))) {
		loom_vm_release_tables(vm);
		loom_vm_put(vm);
	}
	loom_gem_unmap_all(ldev);
	loom_pm_cancel(ldev);
	cancel_work_sync(&ldev->report_work);
}
