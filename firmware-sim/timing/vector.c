/* SPDX-License-Identifier: MIT */
/*
 * The vector unit: vector_lanes elements a cycle for a simple function; others take several
 * cycles, listed here.
 */
#include <stddef.h>

#include "vector.h"

/* From operand read to result written. */
#define PIPELINE_CYCLES	16
/* Longer commands are several passes: bookkeeping, so that somebody who looks sees progress. */
#define PASS_CYCLES	65536

static uint64_t unary_cost(uint32_t fn)
{
	switch (fn) {
	case LOOM_UN_NONE:
		return 0;
	case LOOM_UN_HSIGMOID:
	case LOOM_UN_HSWISH:
		return 2;
	case LOOM_UN_SQRT:
	case LOOM_UN_RECIP:
		return 4;
	case LOOM_UN_SIGMOID:
	case LOOM_UN_TANH:
	case LOOM_UN_ERF:
	case LOOM_UN_GELU:
	case LOOM_UN_SILU:
	case LOOM_UN_EXP:
	case LOOM_UN_LOG:
	case LOOM_UN_POW:
	case LOOM_UN_SIN:
	case LOOM_UN_COS:
		return 8;
	default:
		return 1;
	}
}

static uint64_t binary_cost(uint32_t fn)
{
	return fn == LOOM_BIN_DIV ? 4 : fn == LOOM_BIN_POW ? 8 : 1;
}

static uint64_t elements(const __u32 *dims)
{
	uint64_t n = 1;

	for (int i = 0; i < LOOM_MAX_DIMS; i++)
		n *= dims[i];
	return n;
}

struct work {
	uint64_t elements;
	uint64_t cost;		/* cycles of a lane for each */
};

static struct work binary_work(const struct loom_cmd_binary *cmd)
{
	return (struct work){ elements(cmd->dims),
			      binary_cost(cmd->fn) + unary_cost(cmd->act.fn) };
}

static struct work unary_work(const struct loom_cmd_unary *cmd)
{
	uint64_t cost = unary_cost(cmd->act.fn);

	return (struct work){ (uint64_t)cmd->rows * cmd->cols, cost ? cost : 1 };
}

static struct work reduce_work(const struct loom_cmd_reduce *cmd)
{
	return (struct work){ (uint64_t)cmd->outer * cmd->n * cmd->inner, 1 };
}

/* Three sweeps: maximum 1, exponential and sum 8 + 1, scale 1; the division is one per row. */
static struct work softmax_work(const struct loom_cmd_softmax *cmd)
{
	return (struct work){ (uint64_t)cmd->outer * cmd->n * cmd->inner, 11 };
}

/* Mean 1, variance 2, normalise 1, gamma and beta 1. */
static struct work layernorm_work(const struct loom_cmd_layernorm *cmd)
{
	return (struct work){ (uint64_t)cmd->rows * cmd->n, 5 };
}

static struct work pool_work(const struct loom_cmd_pool *cmd)
{
	return (struct work){ (uint64_t)cmd->batch * cmd->oh * cmd->ow * cmd->c,
			      (uint64_t)cmd->kh * cmd->kw };
}

/* To dequantise is a subtraction and a product, to quantise above all a division. */
static uint64_t dequantise_cost(uint32_t dtype)
{
	return dtype == LOOM_F16 || dtype == LOOM_F32 ? 0 : 1;
}

static uint64_t quantise_cost(uint32_t dtype)
{
	return dtype == LOOM_F16 || dtype == LOOM_F32 ? 0 : 4;
}

/* DYNAMIC looks at every element for the least and the greatest first. */
static struct work quant_work(const struct loom_cmd_quant *cmd)
{
	uint64_t cost = dequantise_cost(cmd->src.dtype) + unary_cost(cmd->act.fn) +
			quantise_cost(cmd->dst.dtype);

	if (cmd->hdr.flags & LOOM_CMD_DYNAMIC)
		cost += 2;
	return (struct work){ elements(cmd->dims), cost };
}

static struct work qbinary_work(const struct loom_cmd_qbinary *cmd)
{
	return (struct work){ elements(cmd->dims),
			      dequantise_cost(cmd->a.dtype) + dequantise_cost(cmd->b.dtype) +
			      binary_cost(cmd->fn) + unary_cost(cmd->act.fn) +
			      quantise_cost(cmd->dst.dtype) };
}

static struct work qpool_work(const struct loom_cmd_qpool *cmd)
{
	struct work work = pool_work(&cmd->pool);

	if (cmd->pool.fn == LOOM_POOL_AVERAGE)
		work.cost += 1 + quantise_cost(cmd->out_dtype);
	return work;
}

static struct work work_of(const struct loom_cmd *cmd)
{
	switch (cmd->opcode) {
	case LOOM_OP_COPY:
		return (struct work){ elements(((const struct loom_cmd_copy *)cmd)->dims), 1 };
	case LOOM_OP_BINARY:	return binary_work((const void *)cmd);
	case LOOM_OP_UNARY:	return unary_work((const void *)cmd);
	case LOOM_OP_REDUCE:	return reduce_work((const void *)cmd);
	case LOOM_OP_SOFTMAX:	return softmax_work((const void *)cmd);
	case LOOM_OP_LAYERNORM:	return layernorm_work((const void *)cmd);
	case LOOM_OP_QUANT:	return quant_work((const void *)cmd);
	case LOOM_OP_QBINARY:	return qbinary_work((const void *)cmd);
	case LOOM_OP_QPOOL:	return qpool_work((const void *)cmd);
	default:		return pool_work((const void *)cmd);
	}
}

uint64_t vector_cycles(const struct loom_hw_caps *caps, const struct loom_cmd *cmd)
{
	struct work work = work_of(cmd);

	return PIPELINE_CYCLES +
	       (work.elements + caps->vector_lanes - 1) / caps->vector_lanes * work.cost;
}

uint64_t vector_passes(uint64_t cycles)
{
	return (cycles + PASS_CYCLES - 1) / PASS_CYCLES;
}

uint64_t vector_pass(uint64_t cycles, uint64_t i)
{
	uint64_t left = cycles - i * PASS_CYCLES;

	return left < PASS_CYCLES ? left : PASS_CYCLES;
}

/* ---- operands in the weight SRAM ---- */

struct range {
	uint32_t first, end;	/* first > end: none */
};

static void range_add(struct range *range, uint32_t first, uint32_t end)
{
	if (first < range->first)
		range->first = first;
	if (end > range->end)
		range->end = end;
}

static uint32_t dtype_size(uint16_t dtype)
{
	switch (dtype) {
	case LOOM_I8:
	case LOOM_U8:	return 1;
	case LOOM_F16:	return 2;
	case LOOM_I64:	return 8;
	default:	return 4;
	}
}

static void range_add_operand(struct range *range, const struct loom_operand *operand,
			      const __u32 *dims)
{
	int64_t first = 0, last = 0, size = dtype_size(operand->dtype);

	if (operand->space != LOOM_SPACE_WEIGHTS)
		return;
	for (int i = 0; i < LOOM_MAX_DIMS; i++) {
		int64_t reach = ((int64_t)dims[i] - 1) * operand->stride[i];

		*(reach < 0 ? &first : &last) += reach;
	}
	range_add(range, operand->off + first * size, operand->off + (last + 1) * size);
}

static void range_add_layernorm(struct range *range, const struct loom_cmd_layernorm *cmd)
{
	if (cmd->hdr.flags & LOOM_CMD_GAMMA)
		range_add(range, cmd->gamma, cmd->gamma + 4 * cmd->n);
	if (cmd->hdr.flags & LOOM_CMD_BETA)
		range_add(range, cmd->beta, cmd->beta + 4 * cmd->n);
}

static void range_add_quant(struct range *range, const struct loom_cmd_quant *cmd)
{
	range_add_operand(range, &cmd->src, cmd->dims);
	if (cmd->hdr.flags & LOOM_CMD_CHANNELS)
		range_add(range, cmd->table,
			  cmd->table + cmd->dims[cmd->axis] * sizeof(struct loom_quant));
}

static struct range weights_of(const struct loom_cmd *cmd)
{
	const struct loom_cmd_qbinary *qbinary = (const void *)cmd;
	const struct loom_cmd_binary *binary = (const void *)cmd;
	const struct loom_cmd_copy *copy = (const void *)cmd;
	struct range range = { UINT32_MAX, 0 };

	if (cmd->opcode == LOOM_OP_COPY) {
		range_add_operand(&range, &copy->src, copy->dims);
	} else if (cmd->opcode == LOOM_OP_BINARY) {
		range_add_operand(&range, &binary->a, binary->dims);
		range_add_operand(&range, &binary->b, binary->dims);
	} else if (cmd->opcode == LOOM_OP_LAYERNORM) {
		range_add_layernorm(&range, (const void *)cmd);
	} else if (cmd->opcode == LOOM_OP_QUANT) {
		range_add_quant(&range, (const void *)cmd);
	} else if (cmd->opcode == LOOM_OP_QBINARY) {
		range_add_operand(&range, &qbinary->a, qbinary->dims);
		range_add_operand(&range, &qbinary->b, qbinary->dims);
	}
	return range;
}

uint32_t vector_weights_end(const struct loom_cmd *cmd)
{
	return weights_of(cmd).end;
}

uint32_t vector_weights_first(const struct loom_cmd *cmd)
{
	return weights_of(cmd).first;
}
