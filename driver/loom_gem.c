// SPDX-License-Identifier: GPL-2.0-only

#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/loom_accel.h>

#include "compat/compat.h"
#include "loom_device.h"
#include "loom_gem.h"
#include "loom_limit.h"

static void loom_gem_free(struct drm_gem_object *obj)
{
	struct loom_bo *bo = to_loom_bo(obj);
	struct loom_device *ldev = to_loom_device(obj->dev);
	struct iosys_map map = IOSYS_MAP_INIT_VADDR(bo->vaddr);

	mutex_lock(&ldev->bos_lock);
	list_del(&bo->node);
	mutex_unlock(&ldev->bos_lock);
	if (bo->user) {
		atomic64_sub(obj->size, &ldev->bo_bytes);
		loom_user_uncharge(bo->user, LOOM_LIMIT_BO_BYTES, obj->size);
		loom_user_put(bo->user);
	}

	if (bo->vaddr)
		drm_gem_vunmap(obj, &map);
	drm_gem_shmem_free(&bo->base);
}

static enum drm_gem_object_status loom_gem_status(struct drm_gem_object *obj)
{
	struct loom_bo *bo = to_loom_bo(obj);

	return bo->base.pages || obj->import_attach ? DRM_GEM_OBJECT_RESIDENT : 0;
}

static const struct drm_gem_object_funcs loom_gem_funcs = {
	.free = loom_gem_free,
	.status = loom_gem_status,
	.print_info = drm_gem_shmem_object_print_info,
	.pin = drm_gem_shmem_object_pin,
	.unpin = drm_gem_shmem_object_unpin,
	.get_sg_table = drm_gem_shmem_object_get_sg_table,
	.vmap = drm_gem_shmem_object_vmap,
	.vunmap = drm_gem_shmem_object_vunmap,
	.mmap = drm_gem_shmem_object_mmap,
	.vm_ops = &drm_gem_shmem_vm_ops,
};

struct drm_gem_object *loom_gem_create_object(struct drm_device *drm, size_t size)
{
	struct loom_bo *bo;

	bo = kzalloc(sizeof(*bo), GFP_KERNEL_ACCOUNT);
	if (!bo)
		return ERR_PTR(-ENOMEM);

	INIT_LIST_HEAD(&bo->node);
	bo->base.base.funcs = &loom_gem_funcs;
	return &bo->base.base;
}

static void loom_gem_list(struct loom_bo *bo)
{
	struct loom_device *ldev = to_loom_device(bo->base.base.dev);

	mutex_lock(&ldev->bos_lock);
	if (list_empty(&bo->node))
		list_add_tail(&bo->node, &ldev->mapped_bos);
	mutex_unlock(&ldev->bos_lock);
}

struct drm_gem_object *loom_gem_import_sg_table(struct drm_device *drm,
						struct dma_buf_attachment *attach,
						struct sg_table *sgt)
{
	struct drm_gem_object *obj = drm_gem_shmem_prime_import_sg_table(drm, attach, sgt);

	if (!IS_ERR(obj))
		loom_gem_list(to_loom_bo(obj));
	return obj;
}

/* The BO's pages by their bus addresses; they last until the BO is freed, or the device goes. */
struct sg_table *loom_gem_map(struct loom_bo *bo)
{
	struct sg_table *sgt = drm_gem_shmem_get_pages_sgt(&bo->base);

	if (!IS_ERR(sgt))
		loom_gem_list(bo);
	return sgt;
}

static void loom_gem_unmap(struct loom_bo *bo)
{
	struct drm_gem_object *obj = &bo->base.base;
	struct sg_table *sgt;

	dma_resv_lock(obj->resv, NULL);
	sgt = bo->base.sgt;
	bo->base.sgt = NULL;
	if (sgt && obj->import_attach) {
		dma_buf_unmap_attachment(obj->import_attach, sgt, DMA_BIDIRECTIONAL);
	} else if (sgt) {
		dma_unmap_sgtable(obj->dev->dev, sgt, DMA_BIDIRECTIONAL, 0);
		sg_free_table(sgt);
		kfree(sgt);
	}
	dma_resv_unlock(obj->resv);
}

/* BOs outlive the device, but not what the DMA API did for it. */
void loom_gem_unmap_all(struct loom_device *ldev)
{
	struct loom_bo *bo;

	mutex_lock(&ldev->bos_lock);
	list_for_each_entry(bo, &ldev->mapped_bos, node)
		loom_gem_unmap(bo);
	mutex_unlock(&ldev->bos_lock);
}

/* The kernel's address of the BO; lasts as long as the BO, so that submissions find it made. */
void *loom_gem_vmap(struct loom_bo *bo)
{
	struct drm_gem_object *obj = &bo->base.base;
	void *vaddr = smp_load_acquire(&bo->vaddr); /* pairs with the release below */
	struct iosys_map map;
	int ret = 0;

	if (vaddr)
		return vaddr;

	dma_resv_lock(obj->resv, NULL);
	if (!bo->vaddr) {
		ret = drm_gem_shmem_vmap_locked(&bo->base, &map);
		if (!ret)
			smp_store_release(&bo->vaddr, map.vaddr); /* the pages are there */
	}
	dma_resv_unlock(obj->resv);
	return ret ? ERR_PTR(ret) : bo->vaddr;
}

struct loom_bo *loom_gem_lookup(struct drm_file *file, u32 handle)
{
	struct drm_gem_object *obj = drm_gem_object_lookup(file, handle);

	return obj ? to_loom_bo(obj) : NULL;
}

void loom_gem_put(struct loom_bo *bo)
{
	drm_gem_object_put(&bo->base.base);
}

/* Freeing a BO sleeps, so the last reference is left to a worker; it is seldom the last. */
void loom_gem_put_atomic(struct loom_bo *bo)
{
	struct drm_gem_object *obj = &bo->base.base;
	struct loom_device *ldev = to_loom_device(obj->dev);

	if (refcount_dec_not_one(&obj->refcount.refcount))
		return;
	if (llist_add(&bo->free_node, &ldev->free_bos))
		queue_work(ldev->wq, &ldev->free_work);
}

void loom_gem_free_work(struct work_struct *work)
{
	struct loom_device *ldev = container_of(work, struct loom_device, free_work);
	struct llist_node *list = llist_del_all(&ldev->free_bos);
	struct loom_bo *bo, *next;

	llist_for_each_entry_safe(bo, next, list, free_node)
		loom_gem_put(bo);
}

int loom_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct loom_file *lfile = file->driver_priv;
	struct drm_loom_bo_create *args = data;
	struct drm_gem_shmem_object *shmem;
	int ret;

	if (args->flags) {
		drm_dbg(drm, "flags %#x\n", args->flags);
		return -EINVAL;
	}
	if (!args->size) {
		drm_dbg(drm, "size 0\n");
		return -EINVAL;
	}
	/* Pages are pinned when the BO is bound, so more than there are can never be had. */
	if (args->size > (u64)totalram_pages() << PAGE_SHIFT) {
		drm_dbg(drm, "size %llu exceeds the machine's memory\n", args->size);
		return -ENOMEM;
	}

	args->size = PAGE_ALIGN(args->size);
	ret = loom_user_charge(lfile->user, LOOM_LIMIT_BO_BYTES, args->size);
	if (ret)
		return ret;

	shmem = drm_gem_shmem_create(drm, args->size);
	if (IS_ERR(shmem)) {
		loom_user_uncharge(lfile->user, LOOM_LIMIT_BO_BYTES, args->size);
		return PTR_ERR(shmem);
	}
	to_loom_bo(&shmem->base)->user = loom_user_ref(lfile->user);
	atomic64_add(args->size, &lfile->ldev->bo_bytes);
	ret = drm_gem_handle_create(file, &shmem->base, &args->handle);
	drm_gem_object_put(&shmem->base);
	return ret;
}

int loom_ioctl_bo_mmap(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_loom_bo_mmap *args = data;

	if (args->pad) {
		drm_dbg(drm, "pad %#x\n", args->pad);
		return -EINVAL;
	}
	return drm_gem_dumb_map_offset(file, drm, args->handle, &args->offset);
}
