/* SPDX-License-Identifier: MIT */
/*
 * A library's sums differ with the shape it is called with and with a row's place in it, so both
 * may depend only on what does not change when a layer is cut: on K, which goes in tiles of
 * array_rows, one after the other; on the width of the column block, as layers are cut at multiples
 * of array_cols; and on the strips of LOOM_TILE_ROWS rows that the whole layer has. Of a strip that
 * was cut the rows of other commands are zero here. Rows and columns are zero-padded.
 */
#include "tiles.h"

#include <cblas.h>
#include <string.h>

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

/* Rows and columns: little, so that a vector times a matrix does not mostly multiply padding. */
static uint32_t pad(uint32_t n)
{
	return div_up(n, 16) * 16;
}

/* Rows [first, end) of the strip are this command's; so many has the whole layer there. */
struct strip {
	uint32_t first, end, rows;
};

static struct strip strip_of(const struct run *run, uint32_t number)
{
	uint64_t left = run->p->before + run->p->m - (uint64_t)number * LOOM_TILE_ROWS;
	struct strip s = { .end = min(LOOM_TILE_ROWS, left) };

	s.first = number ? 0 : run->p->before;
	s.rows = s.end + (number + 1 == run->strips ? run->p->after : 0);
	return s;
}

/* Of the product, the strip's first row that is this command's. */
static uint64_t first_row(const struct run *run, uint32_t number)
{
	return number ? (uint64_t)number * LOOM_TILE_ROWS - run->p->before : 0;
}

static uint32_t width_of(const struct run *run, uint32_t block)
{
	uint32_t cols = run->sram->caps->array_cols;

	return min(cols, run->p->n - (uint64_t)block * cols);
}

/* ---- operands ---- */

static void load_strip(const struct run *run, float *a, uint32_t strip)
{
	struct strip s = strip_of(run, strip);
	uint64_t k = run->p->k;

	memset(a, 0, s.first * k * sizeof(*a));
	run->p->load_rows(run->p->operands, a + s.first * k, first_row(run, strip),
			  s.end - s.first);
	memset(a + s.end * k, 0, (pad(s.rows) - s.end) * k * sizeof(*a));
}

static void load_block(const struct run *run, float *b, uint32_t block)
{
	uint32_t width = width_of(run, block);

	run->p->load_cols(run->p->operands, b, (uint64_t)block * run->sram->caps->array_cols,
			  width, pad(width));
}

static float *strip_at(const struct run *run, uint32_t strip)
{
	return run->a + (uint64_t)strip * LOOM_TILE_ROWS * run->p->k;
}

static float *block_at(const struct run *run, uint32_t block)
{
	return run->b + (uint64_t)block * pad(run->sram->caps->array_cols) * run->p->k;
}

/* ---- one strip, one block ---- */

static void multiply_tiles(const struct run *run, const float *a, const float *b, float *c,
			   uint32_t rows, uint32_t cols)
{
	uint64_t depth = run->p->k;

	for (uint64_t k = 0; k < depth; k += run->sram->caps->array_rows)
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, cols,
			    min(run->sram->caps->array_rows, depth - k), 1.0f, a + k, depth,
			    b + k * cols, cols, k ? 1.0f : 0.0f, c, cols);
}

static void compute(const struct run *run, const float *a, const float *b, uint32_t worker,
		    uint32_t strip, uint32_t block)
{
	uint32_t width = width_of(run, block), cols = pad(width);
	struct strip s = strip_of(run, strip);
	float *c = scratch_floats(workers_scratch(run->sram->workers, worker), SCRATCH_C,
				  (uint64_t)LOOM_TILE_ROWS * cols);

	multiply_tiles(run, a, b, c, pad(s.rows), cols);
	run->p->store(run->p->operands, c + (uint64_t)s.first * cols, cols,
		      first_row(run, strip), s.end - s.first,
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
				  LOOM_TILE_ROWS * run->p->k);

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
				  pad(run->sram->caps->array_cols) * run->p->k);

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
		.strips = div_up(p->before + p->m, LOOM_TILE_ROWS),
		.blocks = div_up(p->n, sram->caps->array_cols),
	};

	if (run.strips >= MANY_STRIPS) {
		run.b = shared(sram, (uint64_t)run.blocks * pad(sram->caps->array_cols), p->k);
		workers_run(sram->workers, run.blocks, load_shared_block, &run);
		workers_run(sram->workers, run.strips, do_strip, &run);
	} else {
		run.a = shared(sram, (uint64_t)run.strips * LOOM_TILE_ROWS, p->k);
		workers_run(sram->workers, run.strips, load_shared_strip, &run);
		workers_run(sram->workers, run.blocks, do_block, &run);
	}
}
