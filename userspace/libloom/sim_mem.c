// SPDX-License-Identifier: MIT
/*
 * The machine's memory as the simulated device sees it.
 *
 * One range of host addresses is reserved without access; what is given out becomes accessible and
 * what is freed stops being so, for the device (bus error) and for the program (a fault at once).
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim.h"

int sim_mem_init(struct sim_mem *mem)
{
	void *base = mmap(NULL, SIM_MEM_BYTES + SIM_LARGE, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (base == MAP_FAILED)
		return loom_fail(-ENOMEM, "cannot reserve %llu GiB of addresses for the simulator",
				 SIM_MEM_BYTES >> 30);
	mem->base = base;
	return 0;
}

void sim_mem_fini(struct sim_mem *mem)
{
	if (mem->base)
		munmap(mem->base, SIM_MEM_BYTES + SIM_LARGE);
	free(mem->extents);
}

/* The number of extents that start at or below off. */
static size_t extents_below(const struct sim_mem *mem, uint64_t off)
{
	size_t low = 0, high = mem->num;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (mem->extents[middle].off <= off)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint64_t round_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) / align * align;
}

static bool insert_extent(struct sim_mem *mem, size_t at, struct sim_extent extent)
{
	if (mem->num == mem->room) {
		size_t room = mem->room ? 2 * mem->room : 64;
		struct sim_extent *more = realloc(mem->extents, room * sizeof(*more));

		if (!more)
			return false;
		mem->extents = more;
		mem->room = room;
	}
	memmove(&mem->extents[at + 1], &mem->extents[at],
		(mem->num - at) * sizeof(mem->extents[0]));
	mem->extents[at] = extent;
	mem->num++;
	return true;
}

/* First fit. */
uint64_t sim_mem_alloc(struct sim_mem *mem, uint64_t size)
{
	uint64_t align = size >= SIM_LARGE ? SIM_LARGE : SIM_PAGE;
	uint64_t off = 0;
	size_t i;

	if (!size || size > SIM_MEM_BYTES)
		return 0;
	size = round_up(size, SIM_PAGE);
	for (i = 0; i < mem->num; i++) {
		if (off + size <= mem->extents[i].off)
			break;
		off = round_up(mem->extents[i].off + mem->extents[i].size, align);
	}
	if (off + size > SIM_MEM_BYTES)
		return 0;
	if (mprotect(mem->base + off, size, PROT_READ | PROT_WRITE))
		return 0;
	if (!insert_extent(mem, i, (struct sim_extent){ off, size }))
		return 0;
	return SIM_BUS_BASE + off;
}

void sim_mem_free(struct sim_mem *mem, uint64_t bus)
{
	size_t i = extents_below(mem, bus - SIM_BUS_BASE);
	struct sim_extent *extent;

	if (!i || mem->extents[i - 1].off != bus - SIM_BUS_BASE)
		return;
	extent = &mem->extents[i - 1];
	/* Dropped, so that the next owner finds zeroes, and not somebody's file. */
	mmap(mem->base + extent->off, extent->size, PROT_NONE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	memmove(extent, extent + 1, (mem->num - i) * sizeof(*extent));
	mem->num--;
}

int sim_mem_share(struct sim_mem *mem, uint64_t bus, uint64_t size, int fd)
{
	void *at = mem->base + (bus - SIM_BUS_BASE);

	if (mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) != at)
		return loom_fail(-errno, "cannot map a memfd: %s", strerror(errno));
	return 0;
}

void *sim_mem_at(const struct sim_mem *mem, uint64_t bus, uint64_t len)
{
	uint64_t off = bus - SIM_BUS_BASE, at = off;

	if (bus < SIM_BUS_BASE || off >= SIM_MEM_BYTES || len > SIM_MEM_BYTES - off)
		return NULL;
	/* An access may run over neighbours: pages know nothing of who owns them. */
	while (at < off + len) {
		size_t i = extents_below(mem, at);

		if (!i || at - mem->extents[i - 1].off >= mem->extents[i - 1].size)
			return NULL;
		at = mem->extents[i - 1].off + mem->extents[i - 1].size;
	}
	return mem->base + off;
}
