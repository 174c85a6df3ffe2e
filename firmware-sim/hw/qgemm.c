/* SPDX-License-Identifier: MIT */
/*
 * Integer products in floats: fp32 holds every integer up to 2^24, so a sum whose
 * terms' magnitudes add up to no more is exact in whatever order. K is cut where
 * that would end, for the largest inputs there are and these weights; the parts are added in int32.
 */
#include <math.h>
#include <string.h>

#include "gemm.h"
#include "qgemm.h"
#include "workers.h"

#define EXACT		(1 << 24)
#define MAX_STEP	255	/* magnitude of a number minus its zero point */

struct qgemm qgemm_new(const struct sram *sram, uint64_t k)
{
	return (struct qgemm){
		.k = k,
		.b = scratch_floats(workers_scratch(sram->workers, 0), SCRATCH_SHARED,
				    k * gemm_pitch(sram->caps->array_cols)),
	};
}

struct qstrip qgemm_strip(const struct sram *sram, const struct qgemm *q, uint32_t worker)
{
	struct scratch *scratch = workers_scratch(sram->workers, worker);
	uint64_t block = QGEMM_ROWS * (uint64_t)gemm_pitch(sram->caps->array_cols);
	struct qstrip strip = {
		.a = scratch_floats(scratch, SCRATCH_A, QGEMM_ROWS * q->k),
		.part = scratch_floats(scratch, SCRATCH_C, 2 * block),
	};

	strip.sum = (void *)(strip.part + block);
	return strip;
}

/* Adds the magnitudes of a row of weights to each column's; the largest so far. */
static float add_row(float *column, const float *row, uint32_t width)
{
	float most = 0.0f;

	for (uint32_t i = 0; i < width; i++) {
		column[i] += fabsf(row[i]);
		most = most < column[i] ? column[i] : most;
	}
	return most;
}

void qgemm_columns(struct qgemm *q, uint32_t width)
{
	q->width = width;
	q->pitch = gemm_pitch(width);
	for (uint64_t k = 0; k < q->k; k++)
		memset(q->b + k * q->pitch + width, 0, (q->pitch - width) * sizeof(*q->b));
}

void qgemm_cut(struct qgemm *q)
{
	float column[1024] = { 0 };	/* array_cols at most: loom_sim_check() */

	q->num_chunks = 0;
	q->chunk[0] = 0;
	for (uint64_t k = 0; k < q->k; k++) {
		const float *row = q->b + k * q->pitch;

		if (add_row(column, row, q->width) <= EXACT / MAX_STEP)
			continue;
		q->chunk[++q->num_chunks] = k;
		memset(column, 0, sizeof(column));
		add_row(column, row, q->width);
	}
	q->chunk[++q->num_chunks] = q->k;
}

static void add_part(struct qstrip *s, size_t n, bool first)
{
	for (size_t i = 0; first && i < n; i++)
		s->sum[i] = (int32_t)s->part[i];
	for (size_t i = 0; !first && i < n; i++)
		s->sum[i] = (int32_t)((uint32_t)s->sum[i] + (uint32_t)(int32_t)s->part[i]);
}

void qgemm_multiply(const struct qgemm *q, struct qstrip *strip, uint32_t rows)
{
	for (uint32_t i = 0; i < q->num_chunks; i++) {
		uint32_t k = q->chunk[i];

		gemm(&(struct gemm_args){
			.a = strip->a + k, .b = q->b + (uint64_t)k * q->pitch, .c = strip->part,
			.a_pitch = q->k, .b_pitch = q->pitch, .c_pitch = q->pitch,
			.k = q->chunk[i + 1] - k, .rows = rows, .cols = q->pitch,
		});
		add_part(strip, (size_t)rows * q->pitch, i == 0);
	}
}
