/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_GEM_H__
#define __LOOM_GEM_H__

#include <linux/llist.h>

#include <drm/drm_gem_shmem_helper.h>

struct dma_buf_attachment;
struct loom_device;
struct loom_user;
struct work_struct;

struct loom_bo {
	struct drm_gem_shmem_object base;
	/* Kernel mapping, made when the BO first takes results and kept; under the resv lock */
	void *vaddr;
	struct loom_user *user;		/* who pays for it; NULL if it was imported */
	struct llist_node free_node;	/* in loom_device.free_bos */
	struct list_head node;		/* in loom_device.mapped_bos */
};

static inline struct loom_bo *to_loom_bo(struct drm_gem_object *obj)
{
	return container_of(to_drm_gem_shmem_obj(obj), struct loom_bo, base);
}

static inline size_t loom_bo_size(struct loom_bo *bo)
{
	return bo->base.base.size;
}

struct drm_gem_object *loom_gem_create_object(struct drm_device *drm, size_t size);
struct drm_gem_object *loom_gem_import_sg_table(struct drm_device *drm,
						struct dma_buf_attachment *attach,
						struct sg_table *sgt);
struct sg_table *loom_gem_map(struct loom_bo *bo);
void loom_gem_unmap_all(struct loom_device *ldev);
void *loom_gem_vmap(struct loom_bo *bo);
struct loom_bo *loom_gem_lookup(struct drm_file *file, u32 handle);
void loom_gem_put(struct loom_bo *bo);
void loom_gem_put_atomic(struct loom_bo *bo);
void loom_gem_free_work(struct work_struct *work);

int loom_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file);
int loom_ioctl_bo_mmap(struct drm_device *drm, void *data, struct drm_file *file);

#endif
