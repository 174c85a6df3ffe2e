// SPDX-License-Identifier: MIT
/* Nests of the vector unit's commands, and of those of the DMA engine. */
#include "nest_make.h"

/* ---- strided: COPY, BINARY ---- */

static void operand_nest(struct nest *n, const struct command *cmd, size_t at, const uint32_t *dims)
{
	const struct loom_operand *o = (const struct loom_operand *)(cmd->raw + at);
	uint32_t size = (uint32_t)element_bytes(o->dtype);
	size_t strides = at + offsetof(struct loom_operand, stride);
	struct nest_ref *ref;

	if (o->space == LOOM_SPACE_WEIGHTS) {
		for (int d = 0; d < LOOM_MAX_DIMS; d++)
			if (o->stride[d])
				add_weight(n, cmd, at + offsetof(struct loom_operand, off), d,
					   (uint64_t)o->stride[d] * size);
		return;
	}
	ref = add_ref(n, cmd, at + offsetof(struct loom_operand, off), size);
	for (int d = 0; d < LOOM_MAX_DIMS; d++)
		add_dim(ref, d, dims[d], o->stride[d], strides + (size_t)d * sizeof(o->stride[0]));
}

static void strided_nest(const struct command *cmd, struct nest *n, size_t dims_at, const size_t *operands,
			 unsigned int num)
{
	const uint32_t *dims = (const uint32_t *)(cmd->raw + dims_at);

	for (int d = 0; d < LOOM_MAX_DIMS; d++)
		add_axis(n, dims[d], 1, (uint16_t)(dims_at + (size_t)d * sizeof(dims[0])));
	for (unsigned int i = 0; i < num; i++)
		operand_nest(n, cmd, operands[i], dims);
}

void copy_nest(const struct command *cmd, struct nest *n)
{
	strided_nest(cmd, n, offsetof(struct loom_cmd_copy, dims),
		     (size_t []){ offsetof(struct loom_cmd_copy, src), offsetof(struct loom_cmd_copy, dst) },
		     2);
}

void binary_nest(const struct command *cmd, struct nest *n)
{
	strided_nest(cmd, n, offsetof(struct loom_cmd_binary, dims),
		     (size_t []){ offsetof(struct loom_cmd_binary, a), offsetof(struct loom_cmd_binary, b),
				  offsetof(struct loom_cmd_binary, dst) }, 3);
}

void qbinary_nest(const struct command *cmd, struct nest *n)
{
	strided_nest(cmd, n, offsetof(struct loom_cmd_qbinary, dims),
		     (size_t []){ offsetof(struct loom_cmd_qbinary, a), offsetof(struct loom_cmd_qbinary, b),
				  offsetof(struct loom_cmd_qbinary, dst) }, 3);
}

/* The range that DYNAMIC looks for is that of the whole. */
bool quant_nest(const struct command *cmd, struct nest *n)
{
	const struct loom_cmd_quant *q = (const struct loom_cmd_quant *)cmd->raw;

	if (q->hdr.flags & LOOM_CMD_DYNAMIC)
		return false;
	strided_nest(cmd, n, offsetof(struct loom_cmd_quant, dims),
		     (size_t []){ offsetof(struct loom_cmd_quant, src), offsetof(struct loom_cmd_quant, dst) },
		     2);
	if (q->hdr.flags & LOOM_CMD_CHANNELS)
		add_weight(n, cmd, offsetof(struct loom_cmd_quant, table), (int)q->axis,
			   sizeof(struct loom_quant));
	return true;
}

void qpool_nest(const struct command *cmd, struct nest *n)
{
	const struct loom_cmd_qpool *q = (const struct loom_cmd_qpool *)cmd->raw;

	pool_nest(cmd, n, 1, (uint32_t)element_bytes(q->out_dtype));
}

/* ---- rows and columns ---- */

void unary_nest(const struct command *cmd, struct nest *n)
{
	const struct loom_cmd_unary *u = (const struct loom_cmd_unary *)cmd->raw;
	int rows = add_axis(n, u->rows, 1, offsetof(struct loom_cmd_unary, rows));
	int cols = add_axis(n, u->cols, 1, offsetof(struct loom_cmd_unary, cols));
	struct nest_ref *ref;

	ref = add_ref(n, cmd, offsetof(struct loom_cmd_unary, src), (uint32_t)element_bytes(u->src_dtype));
	add_dim(ref, rows, u->rows, u->src_pitch, offsetof(struct loom_cmd_unary, src_pitch));
	add_dim(ref, cols, u->cols, 1, 0);
	ref = add_ref(n, cmd, offsetof(struct loom_cmd_unary, dst), (uint32_t)element_bytes(u->dst_dtype));
	add_dim(ref, rows, u->rows, u->dst_pitch, offsetof(struct loom_cmd_unary, dst_pitch));
	add_dim(ref, cols, u->cols, 1, 0);
}

static void dense_dims(struct nest_ref *ref, int outer, uint64_t num_outer, uint64_t num, int inner,
		       uint64_t num_inner)
{
	add_dim(ref, outer, num_outer, (int64_t)(num * num_inner), 0);
	add_dim(ref, ALL_OF_IT, num, (int64_t)num_inner, 0);
	add_dim(ref, inner, num_inner, 1, 0);
}

void reduce_nest(const struct command *cmd, struct nest *n)
{
	const struct loom_cmd_reduce *r = (const struct loom_cmd_reduce *)cmd->raw;
	int outer = add_axis(n, r->outer, 1, offsetof(struct loom_cmd_reduce, outer));
	int inner = add_axis(n, r->inner, 1, offsetof(struct loom_cmd_reduce, inner));

	n->axis[inner].repacks = true;
	dense_dims(add_ref(n, cmd, offsetof(struct loom_cmd_reduce, src),
			   (uint32_t)element_bytes(r->src_dtype)), outer, r->outer, r->n, inner, r->inner);
	dense_dims(add_ref(n, cmd, offsetof(struct loom_cmd_reduce, dst),
			   (uint32_t)element_bytes(r->dst_dtype)), outer, r->outer, 1, inner, r->inner);
}

void softmax_nest(const struct command *cmd, struct nest *n)
{
	const struct loom_cmd_softmax *s = (const struct loom_cmd_softmax *)cmd->raw;
	int outer = add_axis(n, s->outer, 1, offsetof(struct loom_cmd_softmax, outer));
	int inner = add_axis(n, s->inner, 1, offsetof(struct loom_cmd_softmax, inner));

	n->axis[inner].repacks = true;
	dense_dims(add_ref(n, cmd, offsetof(struct loom_cmd_softmax, src),
			   (uint32_t)element_bytes(s->src_dtype)), outer, s->outer, s->n, inner, s->inner);
	dense_dims(add_ref(n, cmd, offsetof(struct loom_cmd_softmax, dst),
			   (uint32_t)element_bytes(s->dst_dtype)), outer, s->outer, s->n, inner, s->inner);
}

void layernorm_nest(const struct command *cmd, struct nest *n)
{
	const struct loom_cmd_layernorm *l = (const struct loom_cmd_layernorm *)cmd->raw;
	int rows = add_axis(n, l->rows, 1, offsetof(struct loom_cmd_layernorm, rows));

	dense_dims(add_ref(n, cmd, offsetof(struct loom_cmd_layernorm, src), 2), rows, l->rows, l->n,
		   ALL_OF_IT, 1);
	dense_dims(add_ref(n, cmd, offsetof(struct loom_cmd_layernorm, dst), 2), rows, l->rows, l->n,
		   ALL_OF_IT, 1);
}

/* ---- DMA ---- */

#define MOVE_STEP 64

void move_nest(const struct command *cmd, struct nest *n)
{
	const struct loom_cmd_move *move = (const struct loom_cmd_move *)cmd->raw;
	int bytes = add_axis(n, move->row_bytes, MOVE_STEP, offsetof(struct loom_cmd_move, row_bytes));

	n->axis[bytes].va_step = 1;
	add_dim(add_ref(n, cmd, offsetof(struct loom_cmd_move, off), 1), bytes, move->row_bytes, 1, 0);
}

void gather_nest(const struct command *cmd, struct nest *n)
{
	const struct loom_cmd_gather *g = (const struct loom_cmd_gather *)cmd->raw;
	int count = add_axis(n, g->count, 1, offsetof(struct loom_cmd_gather, count));
	struct nest_ref *ref;

	add_dim(add_ref(n, cmd, offsetof(struct loom_cmd_gather, index),
			(uint32_t)element_bytes(g->index_dtype)), count, g->count, 1, 0);
	ref = add_ref(n, cmd, offsetof(struct loom_cmd_gather, dst), 1);
	add_dim(ref, count, g->count, g->dst_pitch, offsetof(struct loom_cmd_gather, dst_pitch));
	add_dim(ref, ALL_OF_IT, g->row_bytes, 1, 0);
}
