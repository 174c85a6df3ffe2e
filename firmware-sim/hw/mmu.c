/* SPDX-License-Identifier: MIT */
/*
 * The MMU: page tables per context, a direct-mapped TLB shared by all, 4 KiB granular (a 2 MiB
 * page fills it piecemeal).
 */
#include <string.h>

#include "device.h"

#define PAGE_SHIFT	12
#define PAGE_SIZE	(1ull << PAGE_SHIFT)
#define LEVEL_BITS	9
#define LARGE_MASK	((1ull << (PAGE_SHIFT + LEVEL_BITS)) - 1)

static struct tlb_entry *tlb_slot(struct loom_sim *sim, uint32_t ctx, uint64_t page)
{
	return &sim->tlb[(page ^ ctx * 37u) % TLB_ENTRIES];
}

/* The leaf entry that maps va, and the physical address of va's page. */
static enum loom_fault walk(struct loom_sim *sim, const struct context *ctx, uint64_t va,
			    uint64_t *leaf, uint64_t *page_addr)
{
	uint64_t table = ctx->pt_root;

	for (int level = LOOM_PT_LEVELS - 1; level >= 0; level--) {
		unsigned int shift = PAGE_SHIFT + level * LEVEL_BITS;
		uint64_t index = va >> shift & ((1u << LEVEL_BITS) - 1);
		uint64_t pte;

		if (sim->ops->dma_read(sim->opaque, table + index * 8, &pte, sizeof(pte)))
			return LOOM_FAULT_BUS;
		if (!(pte & LOOM_PTE_VALID))
			return LOOM_FAULT_MMU_READ;
		*leaf = pte;
		table = pte & LOOM_PTE_ADDR_MASK;
		if (level == 1 && pte & LOOM_PTE_LARGE) {
			*page_addr = (table & ~LARGE_MASK) | (va & LARGE_MASK & ~(PAGE_SIZE - 1));
			return LOOM_FAULT_NONE;
		}
	}
	*page_addr = table;
	return LOOM_FAULT_NONE;
}

static enum loom_fault translate(struct loom_sim *sim, const struct context *ctx, uint64_t va,
				 bool write, uint64_t *addr)
{
	uint64_t page = va >> PAGE_SHIFT, leaf = 0;
	struct tlb_entry *entry = tlb_slot(sim, ctx->id, page);
	enum loom_fault fault = LOOM_FAULT_NONE;

	if (va >> LOOM_VA_BITS)
		return write ? LOOM_FAULT_MMU_WRITE : LOOM_FAULT_MMU_READ;
	if (entry->ctx != ctx->id || entry->page != page) {
		uint64_t page_addr = 0;

		fault = walk(sim, ctx, va, &leaf, &page_addr);
		if (!fault)
			*entry = (struct tlb_entry){
				.ctx = ctx->id,
				.writable = leaf & LOOM_PTE_WRITE,
				.page = page,
				.addr = page_addr,
			};
	}
	if (fault == LOOM_FAULT_BUS)
		return fault;
	if (fault || (write && !entry->writable))
		return write ? LOOM_FAULT_MMU_WRITE : LOOM_FAULT_MMU_READ;
	*addr = entry->addr | (va & (PAGE_SIZE - 1));
	return LOOM_FAULT_NONE;
}

static uint64_t left_in_page(uint64_t va, uint64_t len)
{
	uint64_t left = PAGE_SIZE - (va & (PAGE_SIZE - 1));

	return len < left ? len : left;
}

enum loom_fault mmu_read(struct loom_sim *sim, const struct context *ctx, uint64_t va, void *buf,
			 uint64_t len, uint64_t *fault_va)
{
	uint8_t *to = buf;

	while (len) {
		uint64_t part = left_in_page(va, len), addr;
		enum loom_fault fault = translate(sim, ctx, va, false, &addr);

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
		uint64_t part = left_in_page(va, len), addr;
		enum loom_fault fault = translate(sim, ctx, va, true, &addr);

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

/* How many of the bytes from va on can be read, as far as the page tables say. */
uint64_t mmu_readable(struct loom_sim *sim, const struct context *ctx, uint64_t va, uint64_t len)
{
	uint64_t done = 0;

	while (done < len) {
		uint64_t addr;

		if (translate(sim, ctx, va + done, false, &addr))
			break;
		done += left_in_page(va + done, len - done);
	}
	return done;
}

/* Forget [va, va + size) of a context; size 0 is everything of it. */
void mmu_invalidate(struct loom_sim *sim, uint32_t ctx, uint64_t va, uint64_t size)
{
	uint64_t first = va >> PAGE_SHIFT, last = (va + size - 1) >> PAGE_SHIFT;

	/* What was found readable may no longer be. */
	for (uint32_t i = 0; i < sim->config.caps.num_cores; i++)
		dram_watch(sim, &sim->core[i]);
	if (!size || va + size < va)
		last = UINT64_MAX;
	if (!size)
		first = 0;
	for (uint32_t i = 0; i < TLB_ENTRIES; i++) {
		struct tlb_entry *entry = &sim->tlb[i];

		if (entry->ctx == ctx && entry->page >= first && entry->page <= last)
			entry->ctx = 0;
	}
}
