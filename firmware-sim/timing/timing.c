/* SPDX-License-Identifier: MIT */
/*
 * The interface of loom_timing.h: which unit, and the parts that need no unit's equations.
 */
#include <stdbool.h>

#include "mac.h"
#include "saturate.h"
#include "vector.h"

enum loom_unit loom_timing_unit(const struct loom_cmd *cmd)
{
	switch (cmd->opcode) {
	case LOOM_OP_CONV:
	case LOOM_OP_DWCONV:
	case LOOM_OP_MATMUL:
	case LOOM_OP_QCONV:
	case LOOM_OP_QDWCONV:
	case LOOM_OP_QMATMUL:
		return LOOM_UNIT_MAC;
	default:
		return cmd->opcode >= LOOM_OP_COPY ? LOOM_UNIT_VECTOR : LOOM_UNIT_NONE;
	}
}

uint64_t loom_timing_cycles(const struct loom_hw_caps *caps, const struct loom_cmd *cmd)
{
	switch (loom_timing_unit(cmd)) {
	case LOOM_UNIT_MAC:	return mac_cycles(caps, cmd);
	case LOOM_UNIT_VECTOR:	return vector_cycles(caps, cmd);
	default:		return 0;
	}
}

uint64_t loom_timing_weight_window(const struct loom_hw_caps *caps, const struct loom_cmd *cmd)
{
	switch (loom_timing_unit(cmd)) {
	case LOOM_UNIT_MAC:
		return mac_weight_window(caps, cmd);
	case LOOM_UNIT_VECTOR:
		return vector_weights_end(cmd) ?
		       vector_weights_end(cmd) - vector_weights_first(cmd) : 0;
	default:
		return 0;
	}
}

static uint64_t product(const uint64_t *factors, int n)
{
	uint64_t p = 1;

	for (int i = 0; i < n; i++)
		p = sat_mul(p, factors[i]);
	return p;
}

/* Padding counts: the array does not know that it multiplies zeros. */
static uint64_t conv_macs(const struct loom_cmd_conv *cmd)
{
	bool depthwise = cmd->hdr.opcode == LOOM_OP_DWCONV || cmd->hdr.opcode == LOOM_OP_QDWCONV;
	const uint64_t factors[] = {
		cmd->batch, cmd->oh, cmd->ow, cmd->oc, cmd->kh, cmd->kw,
		depthwise ? 1 : cmd->c,
	};

	return product(factors, 7);
}

static uint64_t matmul_macs(const struct loom_cmd_matmul *cmd)
{
	const uint64_t factors[] = { cmd->batch[0], cmd->batch[1], cmd->m, cmd->n, cmd->k };

	return product(factors, 5);
}

uint64_t loom_timing_macs(const struct loom_cmd *cmd)
{
	if (loom_timing_unit(cmd) != LOOM_UNIT_MAC)
		return 0;
	if (cmd->opcode == LOOM_OP_MATMUL || cmd->opcode == LOOM_OP_QMATMUL)
		return matmul_macs((const void *)cmd);
	return conv_macs((const void *)cmd);
}

uint64_t loom_timing_macs_8bit(const struct loom_cmd *cmd)
{
	return cmd->opcode >= LOOM_OP_QCONV ? loom_timing_macs(cmd) : 0;
}

uint64_t loom_timing_dram_bytes(const struct loom_cmd *cmd)
{
	const struct loom_cmd_gather *gather = (const void *)cmd;
	const struct loom_cmd_fetch *fetch = (const void *)cmd;
	const struct loom_cmd_move *move = (const void *)cmd;

	switch (cmd->opcode) {
	case LOOM_OP_FETCH:
		return fetch->bytes;
	case LOOM_OP_LOAD:
	case LOOM_OP_STORE:
		return (uint64_t)move->rows * move->row_bytes;
	case LOOM_OP_GATHER:
		return (uint64_t)gather->count * gather->row_bytes;
	default:
		return 0;
	}
}

/* a b / c, rounded down, for results of less than 64 bits */
static uint64_t scale(uint64_t a, uint64_t b, uint64_t c)
{
	return a / c * b + a % c * b / c;
}

uint64_t loom_timing_cycles_to_ps(const struct loom_hw_caps *caps, uint64_t cycles)
{
	return scale(cycles, 1000000000, caps->clock_khz);
}

uint64_t loom_timing_dram_ps(const struct loom_hw_caps *caps, uint64_t bytes)
{
	return scale(bytes, 1000000, caps->dram_mbps);
}
