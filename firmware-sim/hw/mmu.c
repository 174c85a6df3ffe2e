/* SPDX-License-Identifier: MIT */
/*
 * The MMU: page tables per context, and a direct-mapped TLB shared by all, of two parts: pages of
 * 4 KiB, and what is known of regions of 2 MiB: a large page, or the table of their pages.
 */
#include <string.h>

#include "device.h"

#define PAGE_SHIFT	12
#define PAGE_SIZE	(1ull << PAGE_SHIFT)
#define LEVEL_BITS	9
#define TABLE_ENTRIES	(1u << LEVEL_BITS)
#define REGION_SHIFT	(PAGE_SHIFT + LEVEL_BITS)
#define REGION_SIZE	(1ull << REGION_SHIFT)

static struct tlb_entry *tlb_slot(struct loom_sim *sim, uint32_t ctx, uint64_t page)
{
	return &sim->tlb[(page ^ ctx * 37u) % TLB_ENTRIES];
}

static struct tlb_entry *region_slot(struct loom_sim *sim, uint32_t ctx, uint64_t region)
{
	return &sim->tlb_regions[(region ^ ctx * 37u) % TLB_REGIONS];
}

/* The entry that covers va in the table of this level. */
static enum loom_fault read_entry(struct loom_sim *sim, uint64_t table, int level, uint64_t va,
				  uint64_t *pte)
{
	uint64_t index = va >> (PAGE_SHIFT + level * LEVEL_BITS) & (TABLE_ENTRIES - 1);

	if (sim->ops->dma_read(sim->opaque, table + index * 8, pte, sizeof(*pte)))
		return LOOM_FAULT_BUS;
	return *pte & LOOM_PTE_VALID ? LOOM_FAULT_NONE : LOOM_FAULT_MMU_READ;
}

/* What level 1 says of va's region. */
static enum loom_fault walk_region(struct loom_sim *sim, const struct context *ctx, uint64_t va,
				   struct tlb_entry *entry)
{
	uint64_t table = ctx->pt_root, pte = 0;

	for (int level = LOOM_PT_LEVELS - 1; level >= 1; level--) {
		enum loom_fault fault = read_entry(sim, table, level, va, &pte);

		if (fault)
			return fault;
		table = pte & LOOM_PTE_ADDR_MASK;
	}
	*entry = (struct tlb_entry){
		.ctx = ctx->id,
		.large = pte & LOOM_PTE_LARGE,
		.writable = pte & LOOM_PTE_WRITE,
		.page = va >> REGION_SHIFT,
		.addr = pte & LOOM_PTE_LARGE ? table & ~(REGION_SIZE - 1) : table,
	};
	return LOOM_FAULT_NONE;
}

static enum loom_fault find_region(struct loom_sim *sim, const struct context *ctx, uint64_t va,
				   struct tlb_entry **region)
{
	*region = region_slot(sim, ctx->id, va >> REGION_SHIFT);
	if ((*region)->ctx == ctx->id && (*region)->page == va >> REGION_SHIFT)
		return LOOM_FAULT_NONE;
	return walk_region(sim, ctx, va, *region);
}

/* A page of 4 KiB whose table is known. */
static enum loom_fault find_page(struct loom_sim *sim, const struct context *ctx, uint64_t va,
				 uint64_t table, struct tlb_entry *entry)
{
	uint64_t pte = 0;
	enum loom_fault fault;

	if (entry->ctx == ctx->id && entry->page == va >> PAGE_SHIFT)
		return LOOM_FAULT_NONE;
	fault = read_entry(sim, table, 0, va, &pte);
	if (!fault)
		*entry = (struct tlb_entry){
			.ctx = ctx->id,
			.writable = pte & LOOM_PTE_WRITE,
			.page = va >> PAGE_SHIFT,
			.addr = pte & LOOM_PTE_ADDR_MASK,
		};
	return fault;
}

/* Where [va, va + len) is: *part of its bytes, which lie together. */
static enum loom_fault translate(struct loom_sim *sim, const struct context *ctx, uint64_t va,
				 uint64_t len, bool write, uint64_t *addr, uint64_t *part)
{
	enum loom_fault fault = LOOM_FAULT_NONE;
	struct tlb_entry *entry;
	uint64_t size = PAGE_SIZE;

	if (va >> LOOM_VA_BITS)
		return write ? LOOM_FAULT_MMU_WRITE : LOOM_FAULT_MMU_READ;
	fault = find_region(sim, ctx, va, &entry);
	if (!fault && entry->large) {
		size = REGION_SIZE;
	} else if (!fault) {
		uint64_t table = entry->addr;

		entry = tlb_slot(sim, ctx->id, va >> PAGE_SHIFT);
		fault = find_page(sim, ctx, va, table, entry);
	}
	if (fault == LOOM_FAULT_BUS)
		return fault;
	if (fault || (write && !entry->writable))
		return write ? LOOM_FAULT_MMU_WRITE : LOOM_FAULT_MMU_READ;
	*addr = entry->addr + (va & (size - 1));
	*part = size - (va & (size - 1));
	if (*part > len)
		*part = len;
	return LOOM_FAULT_NONE;
}

enum loom_fault mmu_read(struct loom_sim *sim, const struct context *ctx, uint64_t va, void *buf,
			 uint64_t len, uint64_t *fault_va)
{
	uint8_t *to = buf;

	while (len) {
		uint64_t part = 0, addr = 0;
		enum loom_fault fault = translate(sim, ctx, va, len, false, &addr, &part);

		if (!fault && to && sim->ops->dma_read(sim->opaque, addr, to, part))
			fault = LOOM_FAULT_BUS;
		if (fault) {
			*fault_va = va;
			return fault;
		}
		to = to ? to + part : NULL;
		va += part;
		len -= part;
	}
	return LOOM_FAULT_NONE;
}

enum loom_fault mmu_write(struct loom_sim *sim, const struct context *ctx, uint64_t va,
			  const void *buf, uint64_t len, uint64_t *fault_va)
{
	const uint8_t *from = buf;

	while (len) {
		uint64_t part = 0, addr = 0;
		enum loom_fault fault = translate(sim, ctx, va, len, true, &addr, &part);

		if (!fault && from && sim->ops->dma_write(sim->opaque, addr, from, part))
			fault = LOOM_FAULT_BUS;
		if (fault) {
			*fault_va = va;
			return fault;
		}
		from = from ? from + part : NULL;
		va += part;
		len -= part;
	}
	return LOOM_FAULT_NONE;
}

/* Pages from va on, in one region, that can be read; of `pages`. */
static uint64_t readable_pages(struct loom_sim *sim, uint64_t table, uint64_t va, uint64_t pages)
{
	uint64_t first = va >> PAGE_SHIFT & (TABLE_ENTRIES - 1), pte[TABLE_ENTRIES];

	if (sim->ops->dma_read(sim->opaque, table + first * 8, pte, pages * 8))
		return 0;
	for (uint64_t i = 0; i < pages; i++)
		if (!(pte[i] & LOOM_PTE_VALID))
			return i;
	return pages;
}

static uint64_t readable_in_region(struct loom_sim *sim, const struct context *ctx, uint64_t va,
				   uint64_t len)
{
	uint64_t pages = ((va & (PAGE_SIZE - 1)) + len + PAGE_SIZE - 1) >> PAGE_SHIFT, ok;
	struct tlb_entry *region;

	if (va >> LOOM_VA_BITS || find_region(sim, ctx, va, &region))
		return 0;
	if (region->large)
		return len;
	ok = readable_pages(sim, region->addr, va, pages);
	return ok == pages ? len : ok ? ok * PAGE_SIZE - (va & (PAGE_SIZE - 1)) : 0;
}

/* How many of the bytes from va on can be read, as far as the page tables say. */
uint64_t mmu_readable(struct loom_sim *sim, const struct context *ctx, uint64_t va, uint64_t len)
{
	uint64_t done = 0;

	while (done < len) {
		uint64_t room = REGION_SIZE - ((va + done) & (REGION_SIZE - 1));
		uint64_t part = len - done < room ? len - done : room;
		uint64_t ok = readable_in_region(sim, ctx, va + done, part);

		done += ok;
		if (ok < part)
			break;
	}
	return done;
}

static void forget(struct tlb_entry *entries, uint32_t n, uint32_t ctx, uint64_t first,
		   uint64_t last)
{
	for (uint32_t i = 0; i < n; i++) {
		struct tlb_entry *entry = &entries[i];

		if (entry->ctx == ctx && entry->page >= first && entry->page <= last)
			entry->ctx = 0;
	}
}

/* Forget [va, va + size) of a context; size 0 is everything of it. */
void mmu_invalidate(struct loom_sim *sim, uint32_t ctx, uint64_t va, uint64_t size)
{
	uint64_t first = size ? va : 0, last = va + size - 1;

	/* What was found readable may no longer be. */
	for (uint32_t i = 0; i < sim->config.caps.num_cores; i++)
		dram_watch(sim, &sim->core[i]);
	if (!size || va + size < va)
		last = UINT64_MAX;
	forget(sim->tlb, TLB_ENTRIES, ctx, first >> PAGE_SHIFT, last >> PAGE_SHIFT);
	forget(sim->tlb_regions, TLB_REGIONS, ctx, first >> REGION_SHIFT, last >> REGION_SHIFT);
}
