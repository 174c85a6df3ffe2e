/* SPDX-License-Identifier: MIT */
/*
 * Bytes that a command moves over the ports of the SRAMs: operands as often as they are read, sums
 * in the accumulators, results. For the energy; the ports have no bandwidth of their own here.
 */
#include "mapping.h"
#include "vector.h"

static uint64_t size_of(uint32_t dtype)
{
	switch (dtype) {
	case LOOM_I8:
	case LOOM_U8:	return 1;
	case LOOM_F16:	return 2;
	case LOOM_I64:	return 8;
	default:	return 4;
	}
}

/* ---- MAC array ---- */

static bool depthwise(const struct loom_cmd *cmd)
{
	return cmd->opcode == LOOM_OP_DWCONV || cmd->opcode == LOOM_OP_QDWCONV;
}

static bool matmul(const struct loom_cmd *cmd)
{
	return cmd->opcode == LOOM_OP_MATMUL || cmd->opcode == LOOM_OP_QMATMUL;
}

static uint64_t operand_size(const struct loom_cmd *cmd)
{
	return cmd->opcode >= LOOM_OP_QCONV ? 1 : 2;
}

/* Each group reads its rows' K once, and the sums of M x N are written and read for each K tile. */
static uint64_t row_bytes(const struct mapping *map, const struct loom_cmd *cmd)
{
	uint64_t groups = map->full_groups + !!map->last.blocks;

	if (depthwise(cmd))
		return loom_timing_macs(cmd) * operand_size(cmd);
	return groups * map->gemm.rows * map->gemm.k * operand_size(cmd);
}

/* Weights, or the second operand: again for each row step. */
static uint64_t weight_bytes(const struct mapping *map, const struct loom_cmd *cmd)
{
	return map->full.steps * (loom_timing_macs(cmd) / map->gemm.rows) * operand_size(cmd);
}

static uint64_t results(const struct mapping *map, const struct loom_cmd *cmd)
{
	const struct loom_cmd_conv *conv = (const void *)cmd;
	uint64_t depth = depthwise(cmd) ? (uint64_t)conv->kh * conv->kw : map->gemm.k;

	return loom_timing_macs(cmd) / depth;
}

/* Written and read once for each K tile; stationary sums stay in the array. */
static uint64_t sum_bytes(const struct mapping *map, const struct loom_cmd *cmd)
{
	if (map->caps->dataflow == LOOM_OUTPUT_STATIONARY)
		return 0;
	return results(map, cmd) * map->k_tiles * 2 * 4;
}

static uint64_t result_bytes(const struct mapping *map, const struct loom_cmd *cmd)
{
	const struct loom_cmd_matmul *product = (const void *)cmd;
	const struct loom_cmd_conv *conv = (const void *)cmd;
	uint64_t each = size_of(matmul(cmd) ? product->out_dtype : conv->out_dtype);

	if (!matmul(cmd) && cmd->flags & LOOM_CMD_RESIDUAL)
		each += operand_size(cmd);
	return results(map, cmd) * each;
}

static uint64_t mac_bytes(const struct loom_hw_caps *caps, const struct loom_cmd *cmd)
{
	struct mapping map = map_command(caps, cmd);

	return row_bytes(&map, cmd) + weight_bytes(&map, cmd) + sum_bytes(&map, cmd) +
	       result_bytes(&map, cmd) + map.gemm.bias_bytes;
}

/* ---- vector unit ---- */

static uint64_t volume(const __u32 *dims)
{
	uint64_t n = 1;

	for (int i = 0; i < LOOM_MAX_DIMS; i++)
		n *= dims[i];
	return n;
}

static uint64_t binary_bytes(const struct loom_cmd_binary *cmd)
{
	return volume(cmd->dims) *
	       (size_of(cmd->a.dtype) + size_of(cmd->b.dtype) + size_of(cmd->dst.dtype));
}

static uint64_t unary_bytes(const struct loom_cmd_unary *cmd)
{
	return (uint64_t)cmd->rows * cmd->cols *
	       (size_of(cmd->src_dtype) + size_of(cmd->dst_dtype));
}

static uint64_t reduce_bytes(const struct loom_cmd_reduce *cmd)
{
	uint64_t out = (uint64_t)cmd->outer * cmd->inner;

	return out * cmd->n * size_of(cmd->src_dtype) + out * size_of(cmd->dst_dtype);
}

static uint64_t softmax_bytes(const struct loom_cmd_softmax *cmd)
{
	return (uint64_t)cmd->outer * cmd->n * cmd->inner *
	       (size_of(cmd->src_dtype) + size_of(cmd->dst_dtype));
}

static uint64_t pool_bytes(const struct loom_cmd_pool *cmd, uint64_t in, uint64_t out)
{
	return (uint64_t)cmd->batch * cmd->oh * cmd->ow * cmd->c *
	       ((uint64_t)cmd->kh * cmd->kw * in + out);
}

static uint64_t vector_bytes(const struct loom_cmd *cmd)
{
	const struct loom_cmd_layernorm *norm = (const void *)cmd;
	const struct loom_cmd_quant *quant = (const void *)cmd;
	const struct loom_cmd_qpool *qpool = (const void *)cmd;
	const struct loom_cmd_copy *copy = (const void *)cmd;

	switch (cmd->opcode) {
	case LOOM_OP_COPY:
		return volume(copy->dims) * (size_of(copy->src.dtype) + size_of(copy->dst.dtype));
	case LOOM_OP_QUANT:
		return volume(quant->dims) *
		       (size_of(quant->src.dtype) + size_of(quant->dst.dtype));
	case LOOM_OP_BINARY:
	case LOOM_OP_QBINARY:
		return binary_bytes((const void *)cmd);
	case LOOM_OP_UNARY:
		return unary_bytes((const void *)cmd);
	case LOOM_OP_REDUCE:
		return reduce_bytes((const void *)cmd);
	case LOOM_OP_SOFTMAX:
		return softmax_bytes((const void *)cmd);
	case LOOM_OP_LAYERNORM:
		return (uint64_t)norm->rows * norm->n * 4;
	case LOOM_OP_QPOOL:
		return pool_bytes(&qpool->pool, 1, size_of(qpool->out_dtype));
	default:
		return pool_bytes((const void *)cmd, 2, 2);
	}
}

uint64_t loom_timing_sram_bytes(const struct loom_hw_caps *caps, const struct loom_cmd *cmd)
{
	switch (loom_timing_unit(cmd)) {
	case LOOM_UNIT_MAC:	return mac_bytes(caps, cmd);
	case LOOM_UNIT_VECTOR:	return vector_bytes(cmd);
	default:		return loom_timing_dram_bytes(cmd);
	}
}
