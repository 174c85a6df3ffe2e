// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables. The device walks them in DMA-coherent pages; what the driver needs to walk them
 * itself (the CPU addresses of the tables below) stands beside them in struct loom_pt, because a
 * bus address cannot be turned back into a pointer.
 *
 * Nothing here talks to the device. Entries are written one by one, so it sees either the old or
 * the new one; tables that have become empty are handed to the caller, who frees them when the
 * device has acknowledged that it forgot them.
 */

#include <linux/dmapool.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "loom_device.h"
#include "loom_mmu.h"

#define LOOM_PT_BITS		9
#define LOOM_PT_ENTRIES		BIT(LOOM_PT_BITS)
#define LOOM_PT_LARGE_LEVEL	1

/* A table. Level 0 holds pages; the root is of level LOOM_PT_LEVELS - 1. */
struct loom_pt {
	u64 *entries;
	dma_addr_t dma;
	unsigned int level;
	unsigned int used;		/* valid entries */
	struct loom_pt **children;	/* NULL at level 0 */
	struct list_head node;		/* when empty: in the list of those to be freed */
};

static unsigned int loom_pt_shift(unsigned int level)
{
	return PAGE_SHIFT + level * LOOM_PT_BITS;
}

static unsigned int loom_pt_index(struct loom_pt *pt, u64 va)
{
	return (va >> loom_pt_shift(pt->level)) & (LOOM_PT_ENTRIES - 1);
}

/* Bytes from va to the end of what its entry covers, or to the end of the range. */
static u64 loom_pt_span(struct loom_pt *pt, u64 va, u64 range)
{
	u64 size = BIT_ULL(loom_pt_shift(pt->level));

	return min(range, size - (va & (size - 1)));
}

int loom_mmu_init(struct loom_device *ldev)
{
	static_assert(PAGE_SIZE == SZ_4K);

	ldev->pt_pool = dmam_pool_create("loom page tables", ldev->drm.dev, SZ_4K, SZ_4K, 0);
	return ldev->pt_pool ? 0 : -ENOMEM;
}

static struct loom_pt *loom_pt_alloc(struct loom_device *ldev, unsigned int level)
{
	struct loom_pt *pt;

	pt = kzalloc(sizeof(*pt), GFP_KERNEL_ACCOUNT);
	if (!pt)
		return NULL;

	pt->level = level;
	if (level) {
		pt->children = kcalloc(LOOM_PT_ENTRIES, sizeof(*pt->children), GFP_KERNEL_ACCOUNT);
		if (!pt->children)
			goto err_free_pt;
	}

	pt->entries = dma_pool_zalloc(ldev->pt_pool, GFP_KERNEL, &pt->dma);
	if (!pt->entries)
		goto err_free_children;
	return pt;

err_free_children:
	kfree(pt->children);
err_free_pt:
	kfree(pt);
	return NULL;
}

static void loom_pt_free(struct loom_device *ldev, struct loom_pt *pt)
{
	dma_pool_free(ldev->pt_pool, pt->entries, pt->dma);
	kfree(pt->children);
	kfree(pt);
}

static void loom_pt_set(struct loom_pt *pt, unsigned int index, u64 entry)
{
	if (!pt->entries[index])
		pt->used++;
	WRITE_ONCE(pt->entries[index], entry);
}

static void loom_pt_clear(struct loom_pt *pt, unsigned int index)
{
	if (pt->entries[index])
		pt->used--;
	WRITE_ONCE(pt->entries[index], 0);
}

struct loom_pt *loom_mmu_create(struct loom_device *ldev)
{
	return loom_pt_alloc(ldev, LOOM_PT_LEVELS - 1);
}

/* The device has forgotten the context. Goes four deep. */
void loom_mmu_destroy(struct loom_device *ldev, struct loom_pt *pt)
{
	unsigned int i;

	for (i = 0; pt->children && i < LOOM_PT_ENTRIES; i++)
		if (pt->children[i])
			loom_mmu_destroy(ldev, pt->children[i]);
	loom_pt_free(ldev, pt);
}

dma_addr_t loom_mmu_root(struct loom_pt *root)
{
	return root->dma;
}

/* The table of the wanted level that covers va; those on the way are made. */
static struct loom_pt *loom_pt_walk(struct loom_device *ldev, struct loom_pt *pt, u64 va,
				    unsigned int level)
{
	while (pt->level > level) {
		unsigned int index = loom_pt_index(pt, va);
		struct loom_pt *child = pt->children[index];

		if (!child) {
			child = loom_pt_alloc(ldev, pt->level - 1);
			if (!child)
				return NULL;
			pt->children[index] = child;
			/* The device must not see it before it is zeroed. */
			dma_wmb();
			loom_pt_set(pt, index, child->dma | LOOM_PTE_VALID);
		}
		pt = child;
	}
	return pt;
}

/* A large page needs an empty entry: a table may still hang there from small pages before. */
static bool loom_mmu_fits_large(struct loom_pt *pt, u64 va, dma_addr_t dma, u64 len)
{
	return IS_ALIGNED(va | dma, SZ_2M) && len >= SZ_2M &&
	       !pt->children[loom_pt_index(pt, va)];
}

static int loom_mmu_map_segment(struct loom_device *ldev, struct loom_pt *root, u64 va,
				dma_addr_t dma, u64 len, u64 flags)
{
	while (len) {
		struct loom_pt *pt = loom_pt_walk(ldev, root, va, LOOM_PT_LARGE_LEVEL);
		u64 entry = dma | flags;

		if (pt && loom_mmu_fits_large(pt, va, dma, len))
			entry |= LOOM_PTE_LARGE;
		else if (pt)
			pt = loom_pt_walk(ldev, pt, va, 0);
		if (!pt)
			return -ENOMEM;

		loom_pt_set(pt, loom_pt_index(pt, va), entry);
		va += BIT_ULL(loom_pt_shift(pt->level));
		dma += BIT_ULL(loom_pt_shift(pt->level));
		len -= BIT_ULL(loom_pt_shift(pt->level));
	}
	return 0;
}

/**
 * loom_mmu_map() - Make pages of a buffer visible
 * @ldev: the device
 * @root: the VM's root table
 * @va: where
 * @range: bytes
 * @sgt: the buffer's pages
 * @offset: into the buffer
 * @write: the device may write
 *
 * On error a part may be mapped: unmap the range, as after success.
 *
 * Return: 0; -ENOMEM; -EINVAL if the pages end before the range.
 */
int loom_mmu_map(struct loom_device *ldev, struct loom_pt *root, u64 va, u64 range,
		 struct sg_table *sgt, u64 offset, bool write)
{
	u64 flags = LOOM_PTE_VALID | (write ? LOOM_PTE_WRITE : 0);
	struct scatterlist *sg;
	int ret, i;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		u64 len = sg_dma_len(sg);

		if (offset >= len) {
			offset -= len;
			continue;
		}

		len = min(len - offset, range);
		ret = loom_mmu_map_segment(ldev, root, va, sg_dma_address(sg) + offset, len, flags);
		if (ret)
			return ret;

		va += len;
		range -= len;
		offset = 0;
		if (!range)
			return 0;
	}
	return -EINVAL; /* an imported buffer whose pages do not add up to its size */
}

/**
 * loom_mmu_unmap() - Clear the entries of a range
 * @pt: the VM's root table
 * @va: where
 * @range: bytes
 * @empty: takes the tables that became empty
 */
void loom_mmu_unmap(struct loom_pt *pt, u64 va, u64 range, struct list_head *empty)
{
	while (range) {
		unsigned int index = loom_pt_index(pt, va);
		struct loom_pt *child = pt->children ? pt->children[index] : NULL;
		u64 span = loom_pt_span(pt, va, range);

		if (child)
			loom_mmu_unmap(child, va, span, empty);

		if (!child || !child->used) {
			loom_pt_clear(pt, index);
			if (child)
				list_add(&child->node, empty);
			if (pt->children)
				pt->children[index] = NULL;
		}
		va += span;
		range -= span;
	}
}

void loom_mmu_free_tables(struct loom_device *ldev, struct list_head *tables)
{
	struct loom_pt *pt, *next;

	list_for_each_entry_safe(pt, next, tables, node)
		loom_pt_free(ldev, pt);
}

#if IS_ENABLED(CONFIG_DRM_ACCEL_LOOM_KUNIT_TEST)
#include "tests/loom_mmu_test.c"
#endif
