/* SPDX-License-Identifier: MIT */
/*
 * Commands of the MAC array as matrix products.
 */
#include "mapping.h"

static void gemm_bias(struct gemm *gemm, const struct loom_cmd_conv *cmd)
{
	if (!(cmd->hdr.flags & LOOM_CMD_BIAS))
		return;
	gemm->bias = cmd->b_off;
	gemm->bias_bytes = 4ull * cmd->oc;
}

static struct gemm conv_gemm(const struct loom_hw_caps *caps, const struct loom_cmd_conv *cmd)
{
	struct gemm gemm = {
		.rows = (uint64_t)cmd->batch * cmd->oh * cmd->ow,
		.k = (uint64_t)cmd->kh * cmd->kw * cmd->c,
		.cols = cmd->oc,
		.blocks = div_up(cmd->oc, caps->array_cols),
		.weights = cmd->w_off,
	};

	gemm.weight_bytes = gemm.k * cmd->oc * 2;
	gemm_bias(&gemm, cmd);
	return gemm;
}

/*
 * Channels that share a tile; each column sums one channel's window. Stationary weights lie block-
 * diagonally, so as many windows as there are rows go together. With stationary outputs a row
 * carries one channel's window after the other, and only one column has use for each value: there
 * may be as many as there are columns to keep the sums, and each takes its time.
 */
static uint64_t channels_together(const struct loom_hw_caps *caps, uint64_t window, uint64_t c)
{
	if (caps->dataflow == LOOM_OUTPUT_STATIONARY)
		return div_up(c, div_up(c, caps->array_cols));
	return max(1, min(caps->array_rows / window, caps->array_cols));
}

static struct gemm dwconv_gemm(const struct loom_hw_caps *caps, const struct loom_cmd_conv *cmd)
{
	uint64_t window = (uint64_t)cmd->kh * cmd->kw;
	uint64_t together = channels_together(caps, window, cmd->c);
	struct gemm gemm = {
		.rows = (uint64_t)cmd->batch * cmd->oh * cmd->ow,
		.k = window * together,
		.cols = cmd->c,
		.blocks = div_up(cmd->c, together),
		.weights = cmd->w_off,
		.weight_bytes = window * cmd->c * 2,
		/* Row-major over all channels: the last row of a block is near the end. */
		.whole = true,
	};

	gemm_bias(&gemm, cmd);
	return gemm;
}

static struct gemm matmul_gemm(const struct loom_hw_caps *caps, const struct loom_cmd_matmul *cmd)
{
	return (struct gemm){
		.rows = cmd->m,
		.k = cmd->k,
		.cols = cmd->n,
		.blocks = (uint64_t)cmd->batch[0] * cmd->batch[1] *
			  div_up(cmd->n, caps->array_cols),
	};
}

struct gemm gemm_of(const struct loom_hw_caps *caps, const struct loom_cmd *cmd)
{
	switch (cmd->opcode) {
	case LOOM_OP_CONV:	return conv_gemm(caps, (const void *)cmd);
	case LOOM_OP_DWCONV:	return dwconv_gemm(caps, (const void *)cmd);
	default:		return matmul_gemm(caps, (const void *)cmd);
	}
}
