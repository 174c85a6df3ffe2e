// SPDX-License-Identifier: GPL-2.0-only

#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/drm_vma_manager.h>

#include "compat/compat.h"
#include "loom_device.h"
#include "loom_window.h"

static struct loom_window *to_loom_window(struct drm_gem_object *obj)
{
	return container_of(obj, struct loom_window, base);
}

/* ---- mappings ---- */

/* There is always something to see, so nobody dies of a device that was pulled out. */
static vm_fault_t loom_window_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct loom_window *window = to_loom_window(vma->vm_private_data);
	unsigned long page = vmf->pgoff - drm_vma_node_start(&window->base.vma_node);
	vm_fault_t ret;

	mutex_lock(&window->lock);
	ret = vmf_insert_pfn(vma, vmf->address,
			     window->revoked ? page_to_pfn(window->instead) : window->pfn + page);
	mutex_unlock(&window->lock);
	return ret;
}

static const struct vm_operations_struct loom_window_vm_ops = {
	.fault = loom_window_fault,
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
};

static int loom_window_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	struct loom_window *window = to_loom_window(obj);

	if (vma_is_cow_mapping(vma))
		return -EINVAL;

	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP | VM_IO);
	if (window->doorbell)
		vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	return 0;
}

/* ---- life ---- */

static void loom_window_free(struct drm_gem_object *obj)
{
	struct loom_window *window = to_loom_window(obj);
	struct loom_device *ldev = to_loom_device(obj->dev);

	mutex_lock(&ldev->windows_lock);
	list_del(&window->node);
	mutex_unlock(&ldev->windows_lock);

	WARN_ON(window->pages);
	drm_gem_object_release(obj);
	__free_page(window->instead);
	mutex_destroy(&window->lock);
	kfree(window);
}

static const struct drm_gem_object_funcs loom_window_funcs = {
	.free = loom_window_free,
	.mmap = loom_window_mmap,
	.vm_ops = &loom_window_vm_ops,
};

static struct loom_window *loom_window_create(struct loom_device *ldev, size_t size)
{
	struct loom_window *window;
	int ret;

	window = kzalloc(sizeof(*window), GFP_KERNEL_ACCOUNT);
	if (!window)
		return ERR_PTR(-ENOMEM);

	window->instead = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!window->instead) {
		kfree(window);
		return ERR_PTR(-ENOMEM);
	}

	mutex_init(&window->lock);
	INIT_LIST_HEAD(&window->node);
	window->base.funcs = &loom_window_funcs;
	drm_gem_private_object_init(&ldev->drm, &window->base, size);

	ret = drm_gem_create_mmap_offset(&window->base);
	if (ret) {
		loom_window_put(window);
		return ERR_PTR(ret);
	}

	mutex_lock(&ldev->windows_lock);
	list_add(&window->node, &ldev->windows);
	mutex_unlock(&ldev->windows_lock);
	return window;
}

/* Contiguous for the device, and coherent without anybody's help. */
struct loom_window *loom_window_create_memory(struct loom_device *ldev, size_t size)
{
	struct device *dev = ldev->drm.dev;
	struct loom_window *window;

	window = loom_window_create(ldev, size);
	if (IS_ERR(window))
		return window;

	window->pages = dma_alloc_pages(dev, size, &window->dma, DMA_BIDIRECTIONAL, GFP_KERNEL);
	if (!window->pages || dma_need_sync(dev, window->dma)) {
		loom_window_free_memory(window);
		loom_window_put(window);
		return ERR_PTR(-ENOMEM);
	}
	memset(page_address(window->pages), 0, size);
	window->pfn = page_to_pfn(window->pages);
	return window;
}

struct loom_window *loom_window_create_doorbell(struct loom_device *ldev, u32 queue)
{
	struct pci_dev *pdev = to_pci_dev(ldev->drm.dev);
	struct loom_window *window;

	window = loom_window_create(ldev, LOOM_DOORBELL_STRIDE);
	if (IS_ERR(window))
		return window;

	window->doorbell = true;
	window->pfn = PHYS_PFN(pci_resource_start(pdev, LOOM_BAR_DOORBELLS) +
			       (u64)queue * LOOM_DOORBELL_STRIDE);
	return window;
}

/* Let a file map it. From here on it must be revoked before its memory is freed. */
int loom_window_allow(struct loom_window *window, struct drm_file *file)
{
	int ret = drm_vma_node_allow(&window->base.vma_node, file);

	if (!ret)
		window->file = file;
	return ret;
}

u64 loom_window_offset(struct loom_window *window)
{
	return drm_vma_node_offset_addr(&window->base.vma_node);
}

static void loom_window_zap(struct loom_window *window)
{
	drm_vma_node_unmap(&window->base.vma_node, window->base.dev->anon_inode->i_mapping);
}

/* From now on programs see a page that means nothing to the device, and nobody maps it anew. */
void loom_window_revoke(struct loom_window *window)
{
	mutex_lock(&window->lock);
	if (window->file)
		drm_vma_node_revoke(&window->base.vma_node, window->file);
	window->file = NULL;
	window->revoked = true;
	loom_window_zap(window);
	mutex_unlock(&window->lock);
}

void loom_window_revoke_all(struct loom_device *ldev)
{
	struct loom_window *window;

	mutex_lock(&ldev->windows_lock);
	list_for_each_entry(window, &ldev->windows, node)
		loom_window_revoke(window);
	mutex_unlock(&ldev->windows_lock);
}

/* It was revoked, or nobody has seen it yet, and the device has forgotten it. */
void loom_window_free_memory(struct loom_window *window)
{
	if (window->pages)
		dma_free_pages(window->base.dev->dev, window->base.size, window->pages,
			       window->dma, DMA_BIDIRECTIONAL);
	window->pages = NULL;
}

void loom_window_put(struct loom_window *window)
{
	drm_gem_object_put(&window->base);
}
