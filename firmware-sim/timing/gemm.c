/* SPDX-License-Identifier: MIT */
/*
 * Commands of the MAC array as matrix products.
 */
#include "mapping.h"

#include "arith.h"

static bool is_8bit(const struct loom_cmd_conv *cmd)
{
	return cmd->hdr.opcode == LOOM_OP_QCONV || cmd->hdr.opcode == LOOM_OP_QDWCONV;
}

/* What an output channel has besides its weights. */
static void gemm_bias(struct gemm *gemm, const struct loom_cmd_conv *cmd)
{
	gemm->channel = is_8bit(cmd) ? sizeof(struct loom_qchannel) :
			cmd->hdr.flags & LOOM_CMD_BIAS ? 4 : 0;
	gemm->bias = gemm->channel ? cmd->b_off : 0;
	gemm->bias_bytes = gemm->channel * cmd->oc;
}

static struct gemm conv_gemm(const struct loom_hw_caps *caps, const struct loom_cmd_conv *cmd)
{
	struct gemm gemm = {
		.rows = (uint64_t)cmd->batch * cmd->oh * cmd->ow,
		.k = (uint64_t)cmd->kh * cmd->kw * cmd->c,
		.cols = cmd->oc,
		.blocks = div_up(cmd->oc, caps->array_cols),
		.weights = cmd->w_off,
		.element = is_8bit(cmd) ? 1 : 2,
	};

	gemm.weight_bytes = gemm.k * cmd->oc * gemm.element;
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
		.element = is_8bit(cmd) ? 1 : 2,
		/* Row-major over all channels: the last row of a block is near the end. */
		.whole = true,
	};

	gemm.weight_bytes = window * cmd->c * gemm.element;
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
	case LOOM_OP_CONV:
	case LOOM_OP_QCONV:
		return conv_gemm(caps, (const void *)cmd);
	case LOOM_OP_DWCONV:
	case LOOM_OP_QDWCONV:
		return dwconv_gemm(caps, (const void *)cmd);
	default:
		return matmul_gemm(caps, (const void *)cmd);
	}
}
