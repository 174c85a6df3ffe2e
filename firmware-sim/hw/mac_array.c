/* SPDX-License-Identifier: MIT */
/*
 * The MAC array: CONV and MATMUL as products of tiles.
 *
 * A library's sums differ with the shape it is called with, so the shape of a product may depend
 * only on what does not change when a layer is cut at multiples of array_cols: on K, which goes in
 * tiles of array_rows, one after the other, and on the width of the column block. Rows are
 * zero-padded to whole blocks, and a row's place in its block matters too. So however a layer is
 * cut at multiples of array_cols channels, and of MAX_BLOCK_ROWS rows, the bytes of its output are
 * the same.
 */
#include <cblas.h>
#include <string.h>

#include "execute.h"

struct tiles {
	uint64_t k;
	uint32_t k_tile;	/* array_rows */
	uint32_t width;		/* of the column block */
	uint32_t cols;		/* width, padded */
	uint32_t rows;		/* of a row block */
	float *a;		/* rows x k */
	float *b;		/* k x cols */
	float *c;		/* rows x cols */
};

#define MAX_BLOCK_ROWS 128u

/*
 * Few rows where columns are many, so that a vector times a matrix does not mostly multiply
 * padding; more where they are few, so that a call is worth it.
 */
static uint32_t block_rows(uint32_t cols)
{
	uint32_t rows = 2048 / cols / 16 * 16;

	return rows < 16 ? 16 : rows > MAX_BLOCK_ROWS ? MAX_BLOCK_ROWS : rows;
}

static uint32_t pad(uint32_t n)
{
	return (n + 15) / 16 * 16;
}

static struct tiles tiles_new(const struct sram *sram, uint64_t k)
{
	struct tiles t = { .k = k, .k_tile = sram->caps->array_rows };
	uint64_t cols = pad(sram->caps->array_cols);

	t.a = scratch_floats(sram->scratch, SCRATCH_A, MAX_BLOCK_ROWS * k);
	t.b = scratch_floats(sram->scratch, SCRATCH_B, k * cols);
	t.c = scratch_floats(sram->scratch, SCRATCH_C, MAX_BLOCK_ROWS * cols);
	return t;
}

static void tiles_set_width(struct tiles *t, uint32_t width)
{
	t->width = width;
	t->cols = pad(width);
	t->rows = block_rows(t->cols);
}

static void multiply(struct tiles *t)
{
	for (uint64_t k = 0; k < t->k; k += t->k_tile) {
		uint64_t depth = t->k - k < t->k_tile ? t->k - k : t->k_tile;

		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, t->rows, t->cols, depth,
			    1.0f, t->a + k, t->k, t->b + k * t->cols, t->cols,
			    k ? 1.0f : 0.0f, t->c, t->cols);
	}
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ---- CONV ---- */

struct conv {
	const struct sram *sram;
	const struct loom_cmd_conv *cmd;
	struct tiles t;
	uint64_t pixels;	/* of the output */
};

/* The input pixels under an output pixel's window, as a row of A. */
static void load_window(const struct conv *v, float *row, uint64_t pixel)
{
	const struct loom_cmd_conv *cmd = v->cmd;
	uint64_t oy = pixel / cmd->ow % cmd->oh, n = pixel / cmd->ow / cmd->oh;
	int64_t y = (int64_t)oy * cmd->sh - cmd->pt;
	int64_t x0 = (int64_t)(pixel % cmd->ow) * cmd->sw - cmd->pl;

	for (uint32_t ky = 0; ky < cmd->kh; ky++, y += cmd->dh) {
		int64_t x = x0;

		for (uint32_t kx = 0; kx < cmd->kw; kx++, x += cmd->dw, row += cmd->c) {
			uint64_t at = (n * cmd->h + (uint64_t)y) * cmd->w + (uint64_t)x;

			if (y < 0 || y >= cmd->h || x < 0 || x >= cmd->w)
				memset(row, 0, cmd->c * sizeof(*row));
			else
				load_floats(row, LOOM_F16, v->sram->lease + cmd->in +
					    2 * at * cmd->in_pitch, 1, cmd->c);
		}
	}
}

static void load_conv_rows(struct conv *v, uint64_t pixel)
{
	for (uint64_t r = 0; r < v->t.rows; r++) {
		float *row = v->t.a + r * v->t.k;

		if (pixel + r < v->pixels)
			load_window(v, row, pixel + r);
		else
			memset(row, 0, v->t.k * sizeof(*row));
	}
}

/* Weights of a column block: K x width in the stream, K x cols here. */
static void load_conv_weights(struct conv *v, uint64_t channel)
{
	const uint8_t *src = v->sram->weights + v->cmd->w_off + 2 * channel * v->t.k;

	if (v->t.width == v->t.cols) {
		load_floats(v->t.b, LOOM_F16, src, 1, v->t.k * v->t.width);
		return;
	}
	memset(v->t.b, 0, v->t.k * v->t.cols * sizeof(*v->t.b));
	for (uint64_t k = 0; k < v->t.k; k++)
		load_floats(v->t.b + k * v->t.cols, LOOM_F16, src + 2 * k * v->t.width, 1,
			    v->t.width);
}

static void add_bias(const struct conv *v, float *out, uint64_t channel, uint64_t width)
{
	const float *bias = (const void *)(v->sram->weights + v->cmd->b_off);

	for (uint64_t i = 0; i < width; i++)
		out[i] += bias[channel + i];
}

static void add_residual(const struct conv *v, float *out, uint64_t pixel, uint64_t channel,
			 uint64_t width)
{
	uint64_t at = pixel * v->cmd->res_pitch + channel;
	float res[1024];	/* array_cols at most: loom_sim_check() */

	load_floats(res, LOOM_F16, v->sram->lease + v->cmd->res + 2 * at, 1, width);
	for (uint64_t i = 0; i < width; i++)
		out[i] += res[i];
}

static void store_conv_rows(struct conv *v, uint64_t pixel, uint64_t channel)
{
	const struct loom_cmd_conv *cmd = v->cmd;
	uint64_t rows = min(v->t.rows, v->pixels - pixel), width = v->t.width;

	for (uint64_t r = 0; r < rows; r++) {
		float *out = v->t.c + r * v->t.cols;
		uint64_t at = (pixel + r) * cmd->out_pitch + channel;

		if (cmd->hdr.flags & LOOM_CMD_BIAS)
			add_bias(v, out, channel, width);
		if (cmd->hdr.flags & LOOM_CMD_RESIDUAL)
			add_residual(v, out, pixel + r, channel, width);
		activate(&cmd->act, out, width);
		store_floats(v->sram->lease + cmd->out + at * dtype_bytes(cmd->out_dtype),
			     cmd->out_dtype, 1, out, width);
	}
}

void execute_conv(const struct sram *sram, const struct loom_cmd *hdr)
{
	const struct loom_cmd_conv *cmd = (const void *)hdr;
	struct conv v = {
		.sram = sram,
		.cmd = cmd,
		.t = tiles_new(sram, (uint64_t)cmd->kh * cmd->kw * cmd->c),
		.pixels = (uint64_t)cmd->batch * cmd->oh * cmd->ow,
	};

	for (uint64_t channel = 0; channel < cmd->oc; channel += v.t.width) {
		tiles_set_width(&v.t, min(sram->caps->array_cols, cmd->oc - channel));
		load_conv_weights(&v, channel);
		for (uint64_t pixel = 0; pixel < v.pixels; pixel += v.t.rows) {
			load_conv_rows(&v, pixel);
			multiply(&v.t);
			store_conv_rows(&v, pixel, channel);
		}
	}
}

/* ---- MATMUL ---- */

struct matmul {
	const struct loom_cmd_matmul *cmd;
	struct tiles t;
	/* of the batch under way */
	const uint8_t *a, *b;
	uint8_t *out;
};

static void load_matmul_rows(struct matmul *m, uint64_t row)
{
	const struct loom_cmd_matmul *cmd = m->cmd;

	for (uint64_t r = 0; r < m->t.rows; r++) {
		float *to = m->t.a + r * m->t.k;

		if (row + r < cmd->m)
			load_floats(to, LOOM_F16, m->a + 2 * (row + r) * cmd->a_row, cmd->a_col,
				    cmd->k);
		else
			memset(to, 0, cmd->k * sizeof(*to));
	}
}

static void load_matmul_cols(struct matmul *m, uint64_t col)
{
	const struct loom_cmd_matmul *cmd = m->cmd;

	memset(m->t.b, 0, m->t.k * m->t.cols * sizeof(*m->t.b));
	for (uint64_t k = 0; k < cmd->k; k++)
		load_floats(m->t.b + k * m->t.cols, LOOM_F16,
			    m->b + 2 * (k * cmd->b_row + col * cmd->b_col), cmd->b_col,
			    m->t.width);
}

static void store_matmul_rows(struct matmul *m, uint64_t row, uint64_t col)
{
	const struct loom_cmd_matmul *cmd = m->cmd;
	uint64_t rows = min(m->t.rows, cmd->m - row), width = m->t.width;

	for (uint64_t r = 0; r < rows; r++) {
		float *out = m->t.c + r * m->t.cols;
		uint64_t at = (row + r) * cmd->out_row + col;

		for (uint64_t i = 0; i < width; i++)
			out[i] *= cmd->alpha;
		activate(&cmd->act, out, width);
		store_floats(m->out + at * dtype_bytes(cmd->out_dtype), cmd->out_dtype, 1, out,
			     width);
	}
}

static void multiply_matrices(struct matmul *m, uint32_t array_cols)
{
	const struct loom_cmd_matmul *cmd = m->cmd;

	for (uint64_t col = 0; col < cmd->n; col += m->t.width) {
		tiles_set_width(&m->t, min(array_cols, cmd->n - col));
		load_matmul_cols(m, col);
		for (uint64_t row = 0; row < cmd->m; row += m->t.rows) {
			load_matmul_rows(m, row);
			multiply(&m->t);
			store_matmul_rows(m, row, col);
		}
	}
}

static uint64_t batch_offset(const __u32 *stride, uint64_t b0, uint64_t b1)
{
	return b0 * stride[0] + b1 * stride[1];
}

void execute_matmul(const struct sram *sram, const struct loom_cmd *hdr)
{
	const struct loom_cmd_matmul *cmd = (const void *)hdr;
	struct matmul m = { .cmd = cmd, .t = tiles_new(sram, cmd->k) };
	uint32_t size = dtype_bytes(cmd->out_dtype);

	for (uint64_t b0 = 0; b0 < cmd->batch[0]; b0++) {
		for (uint64_t b1 = 0; b1 < cmd->batch[1]; b1++) {
			m.a = sram->lease + cmd->a + 2 * batch_offset(cmd->a_batch, b0, b1);
			m.b = sram->lease + cmd->b + 2 * batch_offset(cmd->b_batch, b0, b1);
			m.out = sram->lease + cmd->out +
				size * batch_offset(cmd->out_batch, b0, b1);
			multiply_matrices(&m, sram->caps->array_cols);
		}
	}
}
