// SPDX-License-Identifier: GPL-2.0-only

#include <fcntl.h>
#include <linux/kcov.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "fuzz.h"

#define AREA_WORDS	(64u << 10)
#define MAP_BITS	18

static int fds[NUM_THREADS];
static uint64_t *areas[NUM_THREADS];
static uint8_t edges[1u << MAP_BITS], places[1u << MAP_BITS];
static unsigned int num_edges, num_places;

/* One area a thread, shared with the children. */
bool cover_open(void)
{
	unsigned int i;

	for (i = 0; i < NUM_THREADS; i++) {
		fds[i] = open("/sys/kernel/debug/kcov", O_RDWR);
		if (fds[i] < 0 || ioctl(fds[i], KCOV_INIT_TRACE, (unsigned long)AREA_WORDS))
			return false;
		areas[i] = mmap(NULL, AREA_WORDS * sizeof(uint64_t), PROT_READ | PROT_WRITE,
				MAP_SHARED, fds[i], 0);
		if (areas[i] == MAP_FAILED)
			return false;
	}
	return true;
}

void cover_start(unsigned int thread)
{
	areas[thread][0] = 0;
	ioctl(fds[thread], KCOV_ENABLE, KCOV_TRACE_PC);
}

static uint32_t hash(uint64_t a, uint64_t b)
{
	return ((a * 0x9e3779b97f4a7c15ull) ^ (b * 0xc2b2ae3d27d4eb4full)) >> (64 - MAP_BITS);
}

static unsigned int mark(uint8_t *map, uint32_t at)
{
	unsigned int is_new = !map[at];

	map[at] = 1;
	return is_new;
}

unsigned int cover_take(void)
{
	unsigned int before = num_edges, i;
	uint64_t n, k;

	for (i = 0; i < NUM_THREADS; i++) {
		n = areas[i][0] < AREA_WORDS ? areas[i][0] : AREA_WORDS - 1;
		for (k = 1; k <= n; k++) {
			num_edges += mark(edges, hash(areas[i][k], k > 1 ? areas[i][k - 1] : 0));
			num_places += mark(places, hash(areas[i][k], 0));
		}
		areas[i][0] = 0;
	}
	return num_edges - before;
}

unsigned int cover_edges(void)
{
	return num_edges;
}

unsigned int cover_places(void)
{
	return num_places;
}
