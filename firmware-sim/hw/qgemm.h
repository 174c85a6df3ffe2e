/* SPDX-License-Identifier: MIT */
/*
 * qgemm.h - exact products of 8-bit numbers, a block of output columns at a time.
 */
#ifndef LOOM_HW_QGEMM_H
#define LOOM_HW_QGEMM_H

#include "execute.h"

#define QGEMM_ROWS	128u
#define QGEMM_CHUNKS	257	/* K is at most 65536, a chunk at least 257 unless it is the last */

struct qgemm {
	uint64_t k;
	uint32_t width;		/* of the column block */
	uint32_t pitch;		/* of rows of b, part and sum */
	uint32_t num_chunks;
	uint32_t chunk[QGEMM_CHUNKS + 1];	/* where the chunks of K begin; then k */
	float *b;		/* k x pitch: numbers minus their zero points; else zero */
};

/* A strip of rows, with the memory of the worker that has it. */
struct qstrip {
	float *a;		/* QGEMM_ROWS x k */
	float *part;		/* QGEMM_ROWS x pitch */
	int32_t *sum;		/* the same: the result */
};

struct qgemm qgemm_new(const struct sram *sram, uint64_t k);
/* A column block begins; then b is to be filled, and then looked at. */
void qgemm_columns(struct qgemm *q, uint32_t width);
void qgemm_cut(struct qgemm *q);
struct qstrip qgemm_strip(const struct sram *sram, const struct qgemm *q, uint32_t worker);
/* a was filled: so many rows of sums. */
void qgemm_multiply(const struct qgemm *q, struct qstrip *strip, uint32_t rows);

#endif /* LOOM_HW_QGEMM_H */
