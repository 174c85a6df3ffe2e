/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_MMU_H__
#define __LOOM_MMU_H__

#include <linux/types.h>

struct list_head;
struct loom_device;
struct loom_pt;
struct sg_table;

int loom_mmu_init(struct loom_device *ldev);

struct loom_pt *loom_mmu_create(struct loom_device *ldev);
void loom_mmu_destroy(struct loom_device *ldev, struct loom_pt *root);
dma_addr_t loom_mmu_root(struct loom_pt *root);

int loom_mmu_map(struct loom_device *ldev, struct loom_pt *root, u64 va, u64 range,
		 struct sg_table *sgt, u64 offset, bool write);
void loom_mmu_unmap(struct loom_pt *root, u64 va, u64 range, struct list_head *empty);
void loom_mmu_free_tables(struct loom_device *ldev, struct list_head *tables);

#endif
