/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_WINDOW_H__
#define __LOOM_WINDOW_H__

#include <linux/list.h>
#include <linux/mutex.h>

#include <drm/drm_gem.h>

struct drm_file;
struct loom_device;

/*
 * Something of the device that a program sees for as long as the driver lets it: memory that both
 * share, or a doorbell page. It has no handle; mappings and the queue hold it.
 */
struct loom_window {
	struct drm_gem_object base;
	struct list_head node;		/* in loom_device.windows */

	/* Protects @revoked against faults. Page tables are allocated under it. */
	struct mutex lock;
	bool revoked;
	struct drm_file *file;		/* may map it; only its address counts */
	bool doorbell;
	unsigned long pfn;
	struct page *instead;		/* what is seen afterwards */

	struct page *pages;		/* of memory; NULL when it was given back */
	dma_addr_t dma;
};

struct loom_window *loom_window_create_memory(struct loom_device *ldev, size_t size);
struct loom_window *loom_window_create_doorbell(struct loom_device *ldev, u32 queue);
int loom_window_allow(struct loom_window *window, struct drm_file *file);
u64 loom_window_offset(struct loom_window *window);
void loom_window_revoke(struct loom_window *window);
void loom_window_revoke_all(struct loom_device *ldev);
void loom_window_free_memory(struct loom_window *window);
void loom_window_put(struct loom_window *window);

#endif
