/* SPDX-License-Identifier: MIT */
#include "execute.h"

void execute(const struct loom_hw_caps *caps, struct scratch *scratch,
	     const struct loom_cmd *cmd, uint8_t *lease, const uint8_t *weights)
{
	const struct sram sram = {
		.caps = caps,
		.scratch = scratch,
		.lease = lease,
		.weights = weights,
	};

	switch (cmd->opcode) {
	case LOOM_OP_CONV:	execute_conv(&sram, (const void *)cmd); break;
	case LOOM_OP_DWCONV:	execute_dwconv(&sram, (const void *)cmd); break;
	case LOOM_OP_MATMUL:	execute_matmul(&sram, (const void *)cmd); break;
	case LOOM_OP_COPY:	execute_copy(&sram, (const void *)cmd); break;
	case LOOM_OP_BINARY:	execute_binary(&sram, (const void *)cmd); break;
	case LOOM_OP_UNARY:	execute_unary(&sram, (const void *)cmd); break;
	case LOOM_OP_REDUCE:	execute_reduce(&sram, (const void *)cmd); break;
	case LOOM_OP_SOFTMAX:	execute_softmax(&sram, (const void *)cmd); break;
	case LOOM_OP_LAYERNORM:	execute_layernorm(&sram, (const void *)cmd); break;
	case LOOM_OP_POOL:	execute_pool(&sram, (const void *)cmd); break;
	}
}
