// SPDX-License-Identifier: MIT
/*
 * Page tables for the simulated device, in its memory.
 */
#include "sim.h"

#define ENTRIES 512

static unsigned int level_shift(unsigned int level)
{
	return 12 + 9 * level;
}

static uint64_t *table_at(const struct sim_mem *mem, uint64_t bus)
{
	return sim_mem_at(mem, bus, SIM_PAGE);
}

static uint64_t *entry_of(const struct sim_mem *mem, uint64_t table, unsigned int level,
			  uint64_t va)
{
	return table_at(mem, table) + (va >> level_shift(level)) % ENTRIES;
}

static bool large_fits(uint64_t entry, uint64_t va, uint64_t bus, uint64_t size)
{
	return !entry && !(va % SIM_LARGE) && !(bus % SIM_LARGE) && size >= SIM_LARGE;
}

/* Map the first piece of a range, by a large page where one fits: its bytes, 0 for no memory. */
static uint64_t map_piece(struct sim_mem *mem, uint64_t table, uint64_t va, uint64_t bus,
			  uint64_t size, uint64_t flags)
{
	unsigned int level;
	uint64_t *entry;

	for (level = LOOM_PT_LEVELS - 1; level; level--) {
		entry = entry_of(mem, table, level, va);
		if (level == 1 && large_fits(*entry, va, bus, size)) {
			*entry = bus | flags | LOOM_PTE_LARGE;
			return SIM_LARGE;
		}
		if (!*entry) {
			uint64_t below = sim_mem_alloc(mem, SIM_PAGE);

			if (!below)
				return 0;
			*entry = below | LOOM_PTE_VALID;
		}
		table = *entry & LOOM_PTE_ADDR_MASK;
	}
	*entry_of(mem, table, 0, va) = bus | flags;
	return SIM_PAGE;
}

int sim_pt_map(struct sim_mem *mem, uint64_t root, uint64_t va, uint64_t bus, uint64_t size,
	       bool write)
{
	uint64_t flags = LOOM_PTE_VALID | (write ? LOOM_PTE_WRITE : 0);
	uint64_t done = 0;

	while (done < size) {
		uint64_t step = map_piece(mem, root, va + done, bus + done, size - done, flags);

		if (!step) {
			sim_pt_unmap(mem, root, va, done);
			return loom_fail(-ENOMEM, "no memory for page tables");
		}
		done += step;
	}
	return 0;
}

/* Clear the leaf that maps va; the bytes it covered. Tables stay until the address space goes. */
static uint64_t unmap_piece(struct sim_mem *mem, uint64_t table, uint64_t va)
{
	unsigned int level;
	uint64_t *entry;

	for (level = LOOM_PT_LEVELS - 1; level; level--) {
		entry = entry_of(mem, table, level, va);
		if (*entry & LOOM_PTE_LARGE) {
			*entry = 0;
			return SIM_LARGE;
		}
		if (!*entry)
			return SIM_PAGE;
		table = *entry & LOOM_PTE_ADDR_MASK;
	}
	*entry_of(mem, table, 0, va) = 0;
	return SIM_PAGE;
}

void sim_pt_unmap(struct sim_mem *mem, uint64_t root, uint64_t va, uint64_t size)
{
	uint64_t done = 0;

	while (done < size)
		done += unmap_piece(mem, root, va + done);
}

static void free_level(struct sim_mem *mem, uint64_t table, unsigned int level)
{
	uint64_t *entry = table_at(mem, table);
	unsigned int i;

	for (i = 0; level && i < ENTRIES; i++)
		if (entry[i] && !(entry[i] & LOOM_PTE_LARGE))
			free_level(mem, entry[i] & LOOM_PTE_ADDR_MASK, level - 1);
	sim_mem_free(mem, table);
}

void sim_pt_free(struct sim_mem *mem, uint64_t root)
{
	free_level(mem, root, LOOM_PT_LEVELS - 1);
}
