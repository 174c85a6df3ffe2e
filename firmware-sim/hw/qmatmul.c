/* SPDX-License-Identifier: MIT */
/*
 * QMATMUL: both operands are 8-bit activations.
 */
#include <string.h>

#include "qgemm.h"
#include "quantise.h"
#include "workers.h"

struct qmatmul {
	const struct sram *sram;
	const struct loom_cmd_qmatmul *cmd;
	struct qgemm g;
	uint64_t col;		/* first of the column block under way */
	/* of the batch under way */
	const uint8_t *a, *b;
	uint8_t *out;
};

static void load_columns(struct qmatmul *m, uint64_t col, uint32_t width)
{
	const struct loom_cmd_matmul *cmd = &m->cmd->matmul;

	qgemm_columns(&m->g, width);
	for (uint64_t k = 0; k < cmd->k; k++)
		load_steps(m->g.b + k * m->g.pitch, m->cmd->b_dtype,
			   m->b + k * cmd->b_row + col * cmd->b_col, cmd->b_col, m->cmd->b_zero,
			   width);
	qgemm_cut(&m->g);
}

static void store_row(const struct qmatmul *m, const int32_t *sum, uint64_t row, uint64_t col)
{
	const struct loom_cmd_matmul *cmd = &m->cmd->matmul;
	uint64_t at = row * cmd->out_row + col;
	uint8_t *to = m->out + at * dtype_bytes(cmd->out_dtype);
	float x[1024];		/* array_cols at most: loom_sim_check() */

	if (cmd->out_dtype == LOOM_I32) {
		memcpy(to, sum, m->g.width * sizeof(*sum));
		return;
	}
	for (uint32_t i = 0; i < m->g.width; i++)
		x[i] = (float)sum[i] * cmd->alpha;
	store_sums(to, cmd->out_dtype, &cmd->act, &m->cmd->out_quant, x, m->g.width);
}

static void do_strip(void *arg, uint32_t item, uint32_t worker)
{
	const struct qmatmul *m = arg;
	const struct loom_cmd_matmul *cmd = &m->cmd->matmul;
	uint64_t row = (uint64_t)item * QGEMM_ROWS;
	uint64_t rows = cmd->m - row < QGEMM_ROWS ? cmd->m - row : QGEMM_ROWS;
	struct qstrip strip = qgemm_strip(m->sram, &m->g, worker);

	for (uint64_t r = 0; r < rows; r++)
		load_steps(strip.a + r * m->g.k, m->cmd->a_dtype, m->a + (row + r) * cmd->a_row,
			   cmd->a_col, m->cmd->a_zero, cmd->k);
	qgemm_multiply(&m->g, &strip, rows);
	for (uint64_t r = 0; r < rows; r++)
		store_row(m, strip.sum + r * m->g.pitch, row + r, m->col);
}

static void multiply_matrices(struct qmatmul *m, uint32_t array_cols)
{
	const struct loom_cmd_matmul *cmd = &m->cmd->matmul;

	for (m->col = 0; m->col < cmd->n; m->col += m->g.width) {
		uint64_t left = cmd->n - m->col;

		load_columns(m, m->col, left < array_cols ? left : array_cols);
		workers_run(m->sram->workers, ((uint64_t)cmd->m + QGEMM_ROWS - 1) / QGEMM_ROWS,
			    do_strip, m);
	}
}

static uint64_t batch_offset(const __u32 *stride, uint64_t b0, uint64_t b1)
{
	return b0 * stride[0] + b1 * stride[1];
}

void execute_qmatmul(const struct sram *sram, const struct loom_cmd *hdr)
{
	const struct loom_cmd_qmatmul *qcmd = (const void *)hdr;
	const struct loom_cmd_matmul *cmd = &qcmd->matmul;
	struct qmatmul m = { .sram = sram, .cmd = qcmd, .g = qgemm_new(sram, cmd->k) };

	for (uint64_t b0 = 0; b0 < cmd->batch[0]; b0++) {
		for (uint64_t b1 = 0; b1 < cmd->batch[1]; b1++) {
			m.a = sram->lease + cmd->a + batch_offset(cmd->a_batch, b0, b1);
			m.b = sram->lease + cmd->b + batch_offset(cmd->b_batch, b0, b1);
			m.out = sram->lease + cmd->out + dtype_bytes(cmd->out_dtype) *
				batch_offset(cmd->out_batch, b0, b1);
			multiply_matrices(&m, sram->caps->array_cols);
		}
	}
}
