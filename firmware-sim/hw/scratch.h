/* SPDX-License-Identifier: MIT */
/*
 * scratch.h - host memory that is used again and again: page faults cost more than the maths of a
 * small layer. Contents are whatever was there before.
 */
#ifndef LOOM_HW_SCRATCH_H
#define LOOM_HW_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

/* What a command works with: a few arrays that grow to the largest size asked for. */
enum scratch_slot { SCRATCH_A, SCRATCH_B, SCRATCH_C, SCRATCH_SHARED, SCRATCH_SLOTS };

struct scratch {
	void *slot[SCRATCH_SLOTS];
	size_t bytes[SCRATCH_SLOTS];
};

float *scratch_floats(struct scratch *scratch, enum scratch_slot slot, uint64_t count);
void scratch_free(struct scratch *scratch);

/* What holds a job's weights: buffers by power-of-two size, kept when given back. */
#define POOL_CLASSES	33
#define POOL_DEPTH	64

struct pool {
	void *free[POOL_CLASSES][POOL_DEPTH];
	uint32_t count[POOL_CLASSES];
};

void *pool_get(struct pool *pool, uint32_t bytes);
void pool_put(struct pool *pool, void *buffer, uint32_t bytes);
void pool_free(struct pool *pool);

#endif /* LOOM_HW_SCRATCH_H */
