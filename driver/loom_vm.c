// SPDX-License-Identifier: GPL-2.0-only

#include <linux/overflow.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/loom_accel.h>

#include "loom_admin.h"
#include "loom_device.h"
#include "loom_gem.h"
#include "loom_isa.h"
#include "loom_lease.h"
#include "loom_limit.h"
#include "loom_mmu.h"
#include "loom_pm.h"
#include "loom_queue.h"
#include "loom_trace.h"
#include "loom_vm.h"

#define LOOM_KILL_MS	500

struct loom_mapping {
	struct drm_mm_node node;
	struct loom_bo *bo;
};

/* ---- the firmware's side ---- */

static int loom_vm_tell(struct loom_vm *vm)
{
	struct loom_admin_cmd cmd = {
		.opcode = LOOM_ADMIN_CTX_CREATE,
		.ctx = {
			.ctx = vm->ctx,
			.pt_root = loom_mmu_root(vm->root),
			.lease_base = vm->lease.start,
			.lease_size = vm->lease.size,
		},
	};
	int ret = loom_admin_exec(vm->ldev, &cmd);

	vm->known = !ret;
	return ret;
}

static int loom_vm_create_context(struct loom_vm *vm)
{
	struct loom_device *ldev = vm->ldev;
	int ret;

	mutex_lock(&ldev->fw_lock);
	ret = loom_vm_tell(vm);
	if (!ret)
		list_add_tail(&vm->node, &ldev->vms);
	mutex_unlock(&ldev->fw_lock);
	return ret;
}

/* After this the device is done with the page tables and with every page behind them. */
static void loom_vm_destroy_context(struct loom_vm *vm)
{
	struct loom_device *ldev = vm->ldev;
	struct loom_admin_cmd cmd = {
		.opcode = LOOM_ADMIN_CTX_DESTROY,
		.ctx.ctx = vm->ctx,
	};

	mutex_lock(&ldev->fw_lock);
	if (vm->known)
		loom_admin_revoke(ldev, &cmd);
	vm->known = false;
	mutex_unlock(&ldev->fw_lock);
}

/* Last: the device's removal, which frees tables too, must find the VM as long as it has any. */
static void loom_vm_unlist(struct loom_vm *vm)
{
	mutex_lock(&vm->ldev->fw_lock);
	list_del_init(&vm->node);
	mutex_unlock(&vm->ldev->fw_lock);
}

static void loom_vm_invalidate(struct loom_vm *vm, u64 va, u64 size)
{
	struct loom_device *ldev = vm->ldev;
	struct loom_admin_cmd cmd = {
		.opcode = LOOM_ADMIN_CTX_INVALIDATE,
		.ctx = {
			.ctx = vm->ctx,
			.va = va,
			.size = size,
		},
	};

	mutex_lock(&ldev->fw_lock);
	if (vm->known)
		loom_admin_revoke(ldev, &cmd);
	mutex_unlock(&ldev->fw_lock);
}

/*
 * Have the device cancel the VM's jobs; the caller holds fw_lock and has declared it dead.
 * Return: 0 when they are, an error when an engine does not let go of them.
 */
int loom_vm_kill(struct loom_vm *vm)
{
	struct loom_admin_cmd cmd = {
		.opcode = LOOM_ADMIN_CTX_KILL,
		.ctx.ctx = vm->ctx,
	};

	lockdep_assert_held(&vm->ldev->fw_lock);

	return vm->known ? loom_admin_try(vm->ldev, &cmd, LOOM_KILL_MS) : 0;
}

/* The queues are about to give it the jobs again that a core reset took. */
void loom_vm_release_held(struct loom_vm *vm)
{
	struct loom_admin_cmd cmd = {
		.opcode = LOOM_ADMIN_CTX_RESUME,
		.ctx.ctx = vm->ctx,
	};

	lockdep_assert_held(&vm->ldev->fw_lock);

	if (vm->held && vm->known && !READ_ONCE(vm->dead))
		loom_admin_revoke(vm->ldev, &cmd);
	vm->held = false;
}

/* The device is in reset. What a job had left in the lease for others is lost. */
void loom_vm_forget(struct loom_vm *vm)
{
	static const struct loom_vm_fault fault = {
		.fault = LOOM_FAULT_RESET,
		.cmd = LOOM_NO_CMD,
	};

	lockdep_assert_held(&vm->ldev->fw_lock);

	vm->known = false;
	vm->held = false;
	if (vm->lease.size && READ_ONCE(vm->carries) && !vm->saved)
		loom_vm_die(vm, &fault);
}

/* Make the context known again, unless it is being destroyed: its tables may go at any time. */
int loom_vm_restore(struct loom_vm *vm)
{
	lockdep_assert_held(&vm->ldev->fw_lock);

	if (vm->known || READ_ONCE(vm->dead) || READ_ONCE(vm->destroyed))
		return 0;
	return loom_vm_tell(vm) ?: loom_lease_restore(vm);
}

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

static void loom_mapping_free(struct loom_mapping *mapping)
{
	if (drm_mm_node_allocated(&mapping->node))
		drm_mm_remove_node(&mapping->node);
	loom_gem_put(mapping->bo);
	kfree(mapping);
}

static void loom_vm_free_mappings(struct loom_vm *vm)
{
	struct drm_mm_node *node, *next;

	mutex_lock(&vm->lock);
	drm_mm_for_each_node_safe(node, next, &vm->mappings)
		loom_mapping_free(container_of(node, struct loom_mapping, node));
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

/* ---- mappings ---- */

static struct loom_mapping *loom_vm_reserve(struct loom_vm *vm, struct loom_bo *bo,
					    const struct drm_loom_vm_bind *args)
{
	struct loom_mapping *mapping;
	int ret;

	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL_ACCOUNT);
	if (!mapping)
		return ERR_PTR(-ENOMEM);

	mapping->node.start = args->va;
	mapping->node.size = args->range;
	ret = drm_mm_reserve_node(&vm->mappings, &mapping->node);
	if (ret) {
		drm_dbg(&vm->ldev->drm, "va %#llx, range %#llx: mapped already\n", args->va,
			args->range);
		kfree(mapping);
		return ERR_PTR(-EEXIST); /* the range is inside the address space */
	}

	drm_gem_object_get(&bo->base.base);
	mapping->bo = bo;
	return mapping;
}

/* The pages may go when this returns: the device has forgotten them. */
static void loom_vm_remove(struct loom_vm *vm, struct loom_mapping *mapping)
{
	u64 va = mapping->node.start, range = mapping->node.size;
	LIST_HEAD(empty);

	loom_mmu_unmap(vm->root, va, range, &empty);
	if (list_empty(&empty))
		loom_vm_invalidate(vm, va, range);
	else
		loom_vm_invalidate(vm, 0, 0); /* tables cover more than the range */
	loom_mmu_free_tables(vm->ldev, &empty);
	loom_mapping_free(mapping);
}

static int loom_vm_map(struct loom_vm *vm, struct loom_bo *bo, const struct drm_loom_vm_bind *args)
{
	struct loom_mapping *mapping;
	struct sg_table *sgt;
	int ret;

	lockdep_assert_held(&vm->lock);

	if (READ_ONCE(vm->dead))
		return -EIO;

	sgt = loom_gem_map(bo);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);

	mapping = loom_vm_reserve(vm, bo, args);
	if (IS_ERR(mapping))
		return PTR_ERR(mapping);

	ret = loom_mmu_map(vm->ldev, vm->root, args->va, args->range, sgt, args->offset,
			   args->flags & DRM_LOOM_MAP_WRITE);
	if (ret)
		loom_vm_remove(vm, mapping);
	return ret;
}

static int loom_vm_unmap(struct loom_vm *vm, u64 va, u64 range)
{
	struct drm_mm_node *node;

	lockdep_assert_held(&vm->lock);

	drm_mm_for_each_node_in_range(node, &vm->mappings, va, va + range) {
		if (node->start != va || node->size != range)
			break;
		loom_vm_remove(vm, container_of(node, struct loom_mapping, node));
		return 0;
	}
	drm_dbg(&vm->ldev->drm, "va %#llx, range %#llx: no such mapping\n", va, range);
	return -ENOENT;
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

static int loom_vm_bind_check(struct drm_device *drm, const struct drm_loom_vm_bind *args)
{
	u64 end;

	if (!PAGE_ALIGNED(args->va) || !PAGE_ALIGNED(args->offset) ||
	    !PAGE_ALIGNED(args->range) || !args->range) {
		drm_dbg(drm, "va %#llx, offset %#llx, range %#llx: not pages\n", args->va,
			args->offset, args->range);
		return -EINVAL;
	}
	if (check_add_overflow(args->va, args->range, &end) || end > BIT_ULL(LOOM_VA_BITS)) {
		drm_dbg(drm, "va %#llx, range %#llx: beyond the address space\n", args->va,
			args->range);
		return -EINVAL;
	}
	return 0;
}

static int loom_vm_bind_map(struct loom_vm *vm, const struct drm_loom_vm_bind *args,
			    struct drm_file *file)
{
	struct drm_device *drm = &vm->ldev->drm;
	struct loom_bo *bo;
	u64 end;
	int ret;

	if (args->flags & ~DRM_LOOM_MAP_WRITE) {
		drm_dbg(drm, "flags %#x\n", args->flags);
		return -EINVAL;
	}

	bo = loom_gem_lookup(file, args->handle);
	if (!bo) {
		drm_dbg(drm, "handle %u: no such buffer\n", args->handle);
		return -ENOENT;
	}

	if (check_add_overflow(args->offset, args->range, &end) || end > loom_bo_size(bo)) {
		drm_dbg(drm, "offset %#llx, range %#llx: beyond the buffer\n", args->offset,
			args->range);
		ret = -EINVAL;
	} else {
		ret = loom_vm_map(vm, bo, args);
	}
	loom_gem_put(bo);
	return ret;
}

static int loom_vm_bind_unmap(struct loom_vm *vm, const struct drm_loom_vm_bind *args)
{
	if (args->handle || args->flags || args->offset) {
		drm_dbg(&vm->ldev->drm, "unmap: handle %u, flags %#x, offset %#llx\n",
			args->handle, args->flags, args->offset);
		return -EINVAL;
	}
	return loom_vm_unmap(vm, args->va, args->range);
}

static int loom_vm_bind(struct loom_vm *vm, const struct drm_loom_vm_bind *args,
			struct drm_file *file)
{
	int ret;

	mutex_lock(&vm->lock);
	if (!vm->root)
		ret = -ENOENT; /* destroyed meanwhile */
	else if (args->op == DRM_LOOM_VM_MAP)
		ret = loom_vm_bind_map(vm, args, file);
	else
		ret = loom_vm_bind_unmap(vm, args);
	mutex_unlock(&vm->lock);
	return ret;
}

int loom_ioctl_vm_bind(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_loom_vm_bind *args = data;
	struct loom_vm *vm;
	int ret, idx;

	if (args->op != DRM_LOOM_VM_MAP && args->op != DRM_LOOM_VM_UNMAP) {
		drm_dbg(drm, "op %u\n", args->op);
		return -EINVAL;
	}
	ret = loom_vm_bind_check(drm, args);
	if (ret)
		return ret;

	vm = loom_vm_lookup(file->driver_priv, args->vm_id);
	if (!vm) {
		drm_dbg(drm, "vm_id %u: no such VM\n", args->vm_id);
		return -ENOENT;
	}

	if (drm_dev_enter(drm, &idx)) {
		ret = loom_vm_bind(vm, args, file);
		drm_dev_exit(idx);
	} else {
		ret = -ENODEV;
	}
	loom_vm_put(vm);
	return ret;
}

#if IS_ENABLED(CONFIG_DRM_ACCEL_LOOM_KUNIT_TEST)
#include "tests/loom_vm_test.c"
#endif
