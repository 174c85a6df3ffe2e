// SPDX-License-Identifier: GPL-2.0-only
/* The VMs that jobs of a queue may name. */

#include <linux/nospec.h>

#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/loom_accel.h>

#include "loom_device.h"
#include "loom_queue.h"
#include "loom_vm.h"

/* A device that is to hand jobs back sees an empty table. */
void loom_queue_write_slot(struct loom_queue *queue, u32 slot)
{
	struct loom_vm *vm = queue->slots[slot].vm;

	lockdep_assert_held(&queue->lock);

	if (queue->mem && !queue->holding)
		WRITE_ONCE(queue->vm_table[slot], vm && !READ_ONCE(vm->dead) ? vm->ctx : 0);
}

void loom_queue_empty_slot(struct loom_queue *queue, struct loom_slot *slot)
{
	struct loom_vm *vm = slot->vm;

	lockdep_assert_held(&queue->lock);

	slot->vm = NULL;
	loom_queue_write_slot(queue, slot - queue->slots);
	if (vm)
		loom_vm_put(vm);
}

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
	slot = array_index_nospec(slot, queue->vm_slots);
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
