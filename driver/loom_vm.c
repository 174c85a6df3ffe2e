// SPDX-License-Identifier: GPL-2.0-only

#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/loom_accel.h>

#include "loom_device.h"
#include "loom_lease.h"
#include "loom_limit.h"
#include "loom_mmu.h"
#include "loom_pm.h"
#include "loom_queue.h"
#include "loom_trace.h"
#include "loom_vm.h"

/* ---- life ---- */

static int loom_vm_lease(struct loom_vm *vm, u32 bytes)
{
	struct loom_device *ldev = vm->ldev;
	u64 size = ALIGN((u64)bytes, LOOM_LEASE_ALIGN);
	int ret;

	if (!bytes)
		return 0;
	if (size > ldev->caps.act_sram_bytes)
		return -ENOSPC;

	mutex_lock(&ldev->lease_lock);
	ret = drm_mm_insert_node(&ldev->leases, &vm->lease, size);
	mutex_unlock(&ldev->lease_lock);
	return ret;
}

static void loom_vm_unlease(struct loom_vm *vm)
{
	mutex_lock(&vm->ldev->lease_lock);
	if (drm_mm_node_allocated(&vm->lease))
		drm_mm_remove_node(&vm->lease);
	mutex_unlock(&vm->ldev->lease_lock);
}

static struct loom_vm *loom_vm_alloc(struct loom_device *ldev)
{
	struct loom_vm *vm;
	int ctx;

	vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return ERR_PTR(-ENOMEM);

	ctx = ida_alloc_range(&ldev->ctx_ida, 1, ldev->caps.max_contexts, GFP_KERNEL);
	if (ctx < 0) {
		kfree(vm);
		return ERR_PTR(ctx);
	}

	kref_init(&vm->ref);
	vm->ldev = ldev;
	vm->ctx = ctx;
	mutex_init(&vm->lock);
	spin_lock_init(&vm->fault_lock);
	INIT_LIST_HEAD(&vm->node);
	drm_mm_init(&vm->mappings, 0, BIT_ULL(LOOM_VA_BITS));
	return vm;
}

static struct loom_vm *loom_vm_create(struct loom_device *ldev, u32 lease_bytes)
{
	struct loom_vm *vm;
	int ret;

	vm = loom_vm_alloc(ldev);
	if (IS_ERR(vm))
		return vm;

	ret = loom_vm_lease(vm, lease_bytes);
	if (ret)
		goto err_put_vm;

	ret = loom_lease_alloc_copy(vm);
	if (ret)
		goto err_free_copy;

	vm->root = loom_mmu_create(ldev);
	if (!vm->root) {
		ret = -ENOMEM;
		goto err_free_copy;
	}

	ret = loom_vm_create_context(vm);
	if (ret)
		goto err_destroy_tables;
	return vm;

err_destroy_tables:
	loom_mmu_destroy(ldev, vm->root);
err_free_copy:
	loom_lease_free_copy(vm);
	loom_vm_unlease(vm);
err_put_vm:
	loom_vm_put(vm);
	return ERR_PTR(ret);
}

/*
 * May run in a hard interrupt, when the last job of a destroyed VM completes. What sleeps was done
 * by loom_vm_destroy().
 */
static void loom_vm_release(struct kref *ref)
{
	struct loom_vm *vm = container_of(ref, struct loom_vm, ref);

	ida_free(&vm->ldev->ctx_ida, vm->ctx);
	drm_mm_takedown(&vm->mappings);
	mutex_destroy(&vm->lock);
	kfree(vm);
}

void loom_vm_put(struct loom_vm *vm)
{
	kref_put(&vm->ref, loom_vm_release);
}

struct loom_vm *loom_vm_lookup(struct loom_file *lfile, u32 id)
{
	struct loom_vm *vm;

	xa_lock(&lfile->vms);
	vm = xa_load(&lfile->vms, id);
	if (vm)
		kref_get(&vm->ref);
	xa_unlock(&lfile->vms);
	return vm;
}

/*
 * The first to find a fault says what it was.
 * Return: whether this one was the first.
 */
bool loom_vm_die(struct loom_vm *vm, const struct loom_vm_fault *fault)
{
	unsigned long flags;
	bool first;

	spin_lock_irqsave(&vm->fault_lock, flags);
	first = !vm->dead;
	if (first)
		vm->fault = *fault;
	WRITE_ONCE(vm->dead, true);
	spin_unlock_irqrestore(&vm->fault_lock, flags);
	if (first)
		trace_loom_vm_fault(vm, fault);
	return first;
}

/* The device has forgotten the context, or is gone. */
void loom_vm_release_tables(struct loom_vm *vm)
{
	mutex_lock(&vm->lock);
	if (vm->root)
		loom_mmu_destroy(vm->ldev, vm->root);
	vm->root = NULL;
	loom_lease_free_copy(vm);
	mutex_unlock(&vm->lock);
}

/*
 * The VM is out of the file's table. Its slots are emptied first, so that nothing new names it;
 * jobs that are queued hold it until the device has handed them back.
 */
static void loom_vm_destroy(struct loom_file *lfile, struct loom_vm *vm)
{
	mutex_lock(&lfile->slots_lock);
	WRITE_ONCE(vm->destroyed, true);
	loom_queue_empty_slots(lfile, vm);
	mutex_unlock(&lfile->slots_lock);

	loom_vm_destroy_context(vm);
	loom_vm_release_tables(vm);
	loom_vm_unlist(vm);
	loom_vm_free_mappings(vm);
	loom_vm_unlease(vm);
	loom_vm_put(vm);
	loom_user_uncharge(lfile->user, LOOM_LIMIT_VMS, 1);
}

void loom_vm_close_all(struct loom_file *lfile)
{
	struct loom_vm *vm;
	unsigned long id;

	xa_for_each(&lfile->vms, id, vm) {
		xa_erase(&lfile->vms, id);
		loom_vm_destroy(lfile, vm);
	}
	xa_destroy(&lfile->vms);
}

/* ---- ioctls ---- */

int loom_ioctl_vm_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct loom_file *lfile = file->driver_priv;
	struct drm_loom_vm_create *args = data;
	struct loom_vm *vm;
	int ret, idx;

	if (args->flags || args->pad) {
		drm_dbg(drm, "flags %#x, pad %#x\n", args->flags, args->pad);
		return -EINVAL;
	}

	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;

	ret = loom_pm_get(lfile->ldev);
	if (ret)
		goto out_exit;
	ret = loom_user_charge(lfile->user, LOOM_LIMIT_VMS, 1);
	if (ret)
		goto out_put_pm;

	vm = loom_vm_create(lfile->ldev, args->lease_bytes);
	if (IS_ERR(vm)) {
		ret = PTR_ERR(vm);
		loom_user_uncharge(lfile->user, LOOM_LIMIT_VMS, 1);
		goto out_put_pm;
	}

	/* From here on another thread may destroy it. */
	ret = xa_alloc(&lfile->vms, &args->vm_id, vm, xa_limit_31b, GFP_KERNEL_ACCOUNT);
	if (ret)
		loom_vm_destroy(lfile, vm);

out_put_pm:
	loom_pm_put(lfile->ldev);
out_exit:
	drm_dev_exit(idx);
	return ret;
}

int loom_ioctl_vm_destroy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct loom_file *lfile = file->driver_priv;
	struct drm_loom_vm_destroy *args = data;
	struct loom_vm *vm;

	if (args->pad) {
		drm_dbg(drm, "pad %#x\n", args->pad);
		return -EINVAL;
	}

	vm = xa_erase(&lfile->vms, args->vm_id);
	if (!vm) {
		drm_dbg(drm, "vm_id %u: no such VM\n", args->vm_id);
		return -ENOENT;
	}
	loom_vm_destroy(lfile, vm);
	return 0;
}

#if IS_ENABLED(CONFIG_DRM_ACCEL_LOOM_KUNIT_TEST)
#include "tests/loom_vm_test.c"
#endif
