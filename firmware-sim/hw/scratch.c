/* SPDX-License-Identifier: MIT */
#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>

/* Sizes were bounded by validation; without memory for them there is no going on. */
static void *allocate(size_t bytes)
{
	void *p = NULL;

	if (posix_memalign(&p, 64, bytes)) {
		fprintf(stderr, "loom: out of memory (%zu bytes)\n", bytes);
		abort();
	}
	return p;
}

float *scratch_floats(struct scratch *scratch, enum scratch_slot slot, uint64_t count)
{
	size_t bytes = count * sizeof(float);

	if (scratch->bytes[slot] < bytes) {
		free(scratch->slot[slot]);
		scratch->slot[slot] = allocate(bytes);
		scratch->bytes[slot] = bytes;
	}
	return scratch->slot[slot];
}

void scratch_free(struct scratch *scratch)
{
	for (int slot = 0; slot < SCRATCH_SLOTS; slot++)
		free(scratch->slot[slot]);
}

#ifdef __SANITIZE_ADDRESS__
/* Exactly as large as asked for and never used again, so that an access outside is seen. */
void *pool_get(struct pool *pool, uint32_t bytes)
{
	return allocate(bytes);
}

void pool_put(struct pool *pool, void *buffer, uint32_t bytes)
{
	free(buffer);
}
#else
static unsigned int class_of(uint32_t bytes)
{
	return bytes <= 1 ? 0 : 32 - __builtin_clz(bytes - 1);
}

void *pool_get(struct pool *pool, uint32_t bytes)
{
	unsigned int class = class_of(bytes);

	if (pool->count[class])
		return pool->free[class][--pool->count[class]];
	return allocate((size_t)1 << class);
}

void pool_put(struct pool *pool, void *buffer, uint32_t bytes)
{
	unsigned int class = class_of(bytes);

	if (buffer && pool->count[class] < POOL_DEPTH)
		pool->free[class][pool->count[class]++] = buffer;
	else
		free(buffer);
}
#endif

void pool_free(struct pool *pool)
{
	for (unsigned int class = 0; class < POOL_CLASSES; class++)
		while (pool->count[class])
			free(pool->free[class][--pool->count[class]]);
}
