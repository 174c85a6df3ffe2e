/* SPDX-License-Identifier: MIT */
/*
 * Strips of rows by blocks of columns, those that the weights come in. Columns are zero-padded.
 */
#include "gemm.h"
#include "tiles.h"

/* Rows of a strip: many, as each strip has all of b pass by, but its own should stay in a cache. */
#define STRIP_ROWS 48

/* Fewer strips than this, and it is the column blocks that are dealt to the threads. */
#define MANY_STRIPS 3

struct run {
	const struct sram *sram;
	const struct product *p;
	uint32_t strips, blocks;
	float *a;	/* of all strips, or NULL: each thread loads its own */
	float *b;	/* of all blocks, or NULL */
};

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t div_up(uint64_t a, uint64_t b)
{
	return (a + b - 1) / b;
}

/* ---- shapes ---- */

static uint64_t first_row(uint32_t strip)
{
	return (uint64_t)strip * STRIP_ROWS;
}

static uint32_t rows_of(const struct run *run, uint32_t strip)
{
	return min(STRIP_ROWS, run->p->m - first_row(strip));
}

static uint32_t width_of(const struct run *run, uint32_t block)
{
	uint32_t cols = run->sram->caps->array_cols;

	return min(cols, run->p->n - (uint64_t)block * cols);
}

/* ---- operands ---- */

static void load_strip(const struct run *run, float *a, uint32_t strip)
{
	run->p->load_rows(run->p->operands, a, first_row(strip), rows_of(run, strip));
}

static void load_block(const struct run *run, float *b, uint32_t block)
{
	uint32_t width = width_of(run, block);

	run->p->load_cols(run->p->operands, b, (uint64_t)block * run->sram->caps->array_cols,
			  width, gemm_pitch(width));
}

static float *strip_at(const struct run *run, uint32_t strip)
{
	return run->a + (uint64_t)strip * STRIP_ROWS * run->p->k;
}

static float *block_at(const struct run *run, uint32_t block)
{
	return run->b + (uint64_t)block * gemm_pitch(run->sram->caps->array_cols) * run->p->k;
}

/* ---- one strip, one block ---- */

static void compute(const struct run *run, const float *a, const float *b, uint32_t worker,
		    uint32_t strip, uint32_t block)
{
	uint32_t width = width_of(run, block);
	struct gemm_args g = {
		.a = a, .b = b,
		.a_pitch = run->p->k, .b_pitch = gemm_pitch(width), .c_pitch = gemm_pitch(width),
		.k = run->p->k, .rows = rows_of(run, strip), .cols = gemm_pitch(width),
	};

	g.c = scratch_floats(workers_scratch(run->sram->workers, worker), SCRATCH_C,
			     STRIP_ROWS * g.c_pitch);
	gemm(&g);
	run->p->store(run->p->operands, g.c, g.c_pitch, first_row(strip), g.rows,
		      (uint64_t)block * run->sram->caps->array_cols, width);
}

/* ---- shared among threads ---- */

static void load_shared_block(void *arg, uint32_t block, uint32_t worker)
{
	const struct run *run = arg;

	load_block(run, block_at(run, block), block);
}

static void do_strip(void *arg, uint32_t strip, uint32_t worker)
{
	const struct run *run = arg;
	float *a = scratch_floats(workers_scratch(run->sram->workers, worker), SCRATCH_A,
				  STRIP_ROWS * run->p->k);

	load_strip(run, a, strip);
	for (uint32_t block = 0; block < run->blocks; block++)
		compute(run, a, block_at(run, block), worker, strip, block);
}

static void load_shared_strip(void *arg, uint32_t strip, uint32_t worker)
{
	const struct run *run = arg;

	load_strip(run, strip_at(run, strip), strip);
}

static void do_block(void *arg, uint32_t block, uint32_t worker)
{
	const struct run *run = arg;
	float *b = scratch_floats(workers_scratch(run->sram->workers, worker), SCRATCH_B,
				  gemm_pitch(run->sram->caps->array_cols) * run->p->k);

	load_block(run, b, block);
	for (uint32_t strip = 0; strip < run->strips; strip++)
		compute(run, strip_at(run, strip), b, worker, strip, block);
}

static float *shared(const struct sram *sram, uint64_t rows, uint64_t k)
{
	return scratch_floats(workers_scratch(sram->workers, 0), SCRATCH_SHARED, rows * k);
}

void multiply(const struct sram *sram, const struct product *p)
{
	struct run run = {
		.sram = sram,
		.p = p,
		.strips = div_up(p->m, STRIP_ROWS),
		.blocks = div_up(p->n, sram->caps->array_cols),
	};

	if (run.strips >= MANY_STRIPS) {
		run.b = shared(sram, (uint64_t)run.blocks * gemm_pitch(sram->caps->array_cols),
			       p->k);
		workers_run(sram->workers, run.blocks, load_shared_block, &run);
		workers_run(sram->workers, run.strips, do_strip, &run);
	} else {
		run.a = shared(sram, (uint64_t)run.strips * STRIP_ROWS, p->k);
		workers_run(sram->workers, run.strips, load_shared_strip, &run);
		workers_run(sram->workers, run.blocks, do_block, &run);
	}
}
