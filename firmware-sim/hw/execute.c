/* SPDX-License-Identifier: MIT */
#include "execute.h"

static void execute_nop(const struct sram *sram, const struct loom_cmd *cmd)
{
}

static void (*const units[])(const struct sram *sram, const struct loom_cmd *cmd) = {
	[LOOM_OP_NOP] = execute_nop,
	[LOOM_OP_CONV] = execute_conv,
	[LOOM_OP_DWCONV] = execute_dwconv,
	[LOOM_OP_MATMUL] = execute_matmul,
	[LOOM_OP_COPY] = execute_copy,
	[LOOM_OP_BINARY] = execute_binary,
	[LOOM_OP_UNARY] = execute_unary,
	[LOOM_OP_REDUCE] = execute_reduce,
	[LOOM_OP_SOFTMAX] = execute_softmax,
	[LOOM_OP_LAYERNORM] = execute_layernorm,
	[LOOM_OP_POOL] = execute_pool,
	[LOOM_OP_QCONV] = execute_qconv,
	[LOOM_OP_QDWCONV] = execute_qdwconv,
	[LOOM_OP_QMATMUL] = execute_qmatmul,
	[LOOM_OP_QUANT] = execute_quant,
	[LOOM_OP_QBINARY] = execute_qbinary,
	[LOOM_OP_QPOOL] = execute_qpool,
};

void execute(const struct loom_hw_caps *caps, struct workers *workers,
	     const struct loom_cmd *cmd, uint8_t *lease, const uint8_t *weights)
{
	const struct sram sram = {
		.caps = caps,
		.workers = workers,
		.scratch = workers_scratch(workers, 0),
		.lease = lease,
		.weights = weights,
	};

	units[cmd->opcode](&sram, cmd);
}
