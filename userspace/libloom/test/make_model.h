/* SPDX-License-Identifier: MIT */
/*
 * make_model.h - tiny .loom files for tests, made in memory.
 *
 * y = a + w(0) + w(1) + ... : n fp16 numbers, one constant vector a slice. The first slice loads
 * "a", the last one stores "y"; in between the sum stays in the lease.
 */
#ifndef LOOM_MAKE_MODEL_H
#define LOOM_MAKE_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "loom.h"

enum make_model_fault {
	MAKE_FAULT_NONE,
	MAKE_FAULT_LOAD,	/* slice fault_slice loads from an address that nothing is mapped at */
	MAKE_FAULT_STORE,	/* ... stores to the model's own weights */
	MAKE_FAULT_OPCODE,	/* ... has a command that there is not */
	MAKE_FAULT_WAIT,	/* ... waits for a command that never comes */
	MAKE_FAULT_TILE,	/* ... has a convolution whose weights were never fetched */
	MAKE_FAULT_INDEX,	/* ... faults unless its sum starts with two zeros: a matter of input */
};

struct make_model {
	const char *name;
	uint32_t n;			/* elements */
	uint32_t slices;
	uint32_t seed;			/* w(i)[j] = make_model_weight(seed, i, j) */
	const struct loom_hw_caps *caps;
	uint32_t isa_version;		/* 0: loom_isa.h's */
	uint64_t needs;			/* LOOM_CAP_* */
	enum make_model_fault fault;
	uint32_t fault_slice;
};

/* Small whole numbers, so that fp16 sums are exact. */
int make_model_weight(uint32_t seed, uint32_t slice, uint32_t j);
/* malloc'ed; aborts when it cannot. */
void *make_model(const struct make_model *args, size_t *size);

uint16_t make_half(int value);		/* -1024 .. 1024 */
int read_half(uint16_t half);		/* of whole numbers */

#endif /* LOOM_MAKE_MODEL_H */
