/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_FENCE_H__
#define __LOOM_FENCE_H__

#include <linux/dma-fence.h>

struct drm_file;
struct drm_loom_submit;
struct loom_out_sync;
struct loom_submission;

/* An in-fence that was not signalled when the submission came. */
struct loom_dep {
	struct dma_fence_cb cb;
	struct dma_fence *fence;
	struct loom_submission *sub;
};

struct dma_fence *loom_fence_create(void);
int loom_fence_add(struct loom_submission *sub);
void loom_fence_signal(struct dma_fence *fence, int error);

int loom_deps_alloc(struct loom_submission *sub, u32 num);
void loom_dep_add(struct loom_submission *sub, struct dma_fence *fence);
int loom_deps_add(struct loom_submission *sub, struct drm_file *file, u32 num, u64 in_syncs);
void loom_deps_remove(struct loom_submission *sub);

struct loom_out_sync *loom_out_syncs_get(struct drm_file *file,
					 const struct drm_loom_submit *args);
void loom_out_syncs_attach(struct loom_out_sync *syncs, unsigned int num, struct dma_fence *fence);
void loom_out_syncs_put(struct loom_out_sync *syncs, unsigned int num);

#endif
