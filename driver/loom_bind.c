// SPDX-License-Identifier: GPL-2.0-only
/* Buffers in a VM's address space. */

#include <linux/overflow.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/loom_accel.h>

#include "loom_device.h"
#include "loom_gem.h"
#include "loom_mmu.h"
#include "loom_vm.h"

struct loom_mapping {
	struct drm_mm_node node;
	struct loom_bo *bo;
};

static void loom_mapping_free(struct loom_mapping *mapping)
{
	if (drm_mm_node_allocated(&mapping->node))
		drm_mm_remove_node(&mapping->node);
	loom_gem_put(mapping->bo);
	kfree(mapping);
}

void loom_vm_free_mappings(struct loom_vm *vm)
{
	struct drm_mm_node *node, *next;

	mutex_lock(&vm->lock);
	drm_mm_for_each_node_safe(node, next, &vm->mappings)
		loom_mapping_free(container_of(node, struct loom_mapping, node));
	mutex_unlock(&vm->lock);
}

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
#include "tests/loom_bind_test.c"
#endif
