// SPDX-License-Identifier: MIT
/* Products of two activations. */
#include <string.h>

#include "lower.h"

/* A matrix operand with its batch dims, broadcast to those of the product. */
struct matrix {
	struct place place;
	int64_t row, col;		/* strides */
	int64_t batch[HOSTOP_MAX_DIMS];	/* strides */
};

static bool any_layout(const struct place *place)
{
	for (unsigned int d = 0; d < place->rank; d++)
		if (place->stride[d] < 0)
			return false;
	return true;
}

static void matrix_of(struct program *p, struct value *v, bool left, unsigned int batch_rank,
		      const int64_t *batch, struct matrix *m)
{
	const struct place *place = place_as(p, v, device_dtype(p, v), any_layout, NULL);
	unsigned int rank = place->rank, own = rank > 2 ? rank - 2 : 0, lead = batch_rank - own;

	m->place = *place;
	m->col = place->stride[rank - 1];
	m->row = rank > 1 ? place->stride[rank - 2] : 0;
	if (rank == 1 && !left) {	/* a vector on the right is a column */
		m->row = place->stride[0];
		m->col = 0;
	}
	for (unsigned int d = 0; d < batch_rank; d++)
		m->batch[d] = d < lead || place->dims[d - lead] != batch[d] ? 0 : place->stride[d - lead];
}

/* Batch dims of all three, merged to at most two. */
static void set_batch(struct program *p, struct loom_cmd_matmul *cmd, unsigned int rank,
		      const int64_t *batch, const int64_t *a, const int64_t *b, const int64_t *out)
{
	struct loops l = { .rank = rank, .num = 3 };
	const int64_t *strides[3] = { a, b, out };

	memcpy(l.dims, batch, rank * sizeof(*batch));
	for (int k = 0; k < 3; k++)
		memcpy(l.op[k].stride, strides[k], rank * sizeof(*batch));
	loops_collapse(p, &l);
	if (l.rank > 2)
		fail_node(p->c, p->node, "a batch of %u strided dimensions is not supported: the device has 2", l.rank);
	for (unsigned int d = 0; d < 2; d++) {
		unsigned int from = d + l.rank - 2;
		bool one = d < 2 - l.rank;

		cmd->batch[d] = one ? 1 : (uint32_t)l.dims[from];
		cmd->a_batch[d] = one ? 0 : (uint32_t)l.op[0].stride[from];
		cmd->b_batch[d] = one ? 0 : (uint32_t)l.op[1].stride[from];
		cmd->out_batch[d] = one ? 0 : (uint32_t)l.op[2].stride[from];
	}
}

static void set_sizes(struct loom_cmd_matmul *cmd, const struct node *node, const struct matrix *a,
		      const struct matrix *b, const struct place *to)
{
	const struct hostop_tensor *x = &node->in[0]->t, *y = &node->in[1]->t;

	cmd->m = x->rank > 1 ? (uint32_t)x->dims[x->rank - 2] : 1;
	cmd->k = (uint32_t)x->dims[x->rank - 1];
	cmd->n = y->rank > 1 ? (uint32_t)y->dims[y->rank - 1] : 1;
	cmd->a_row = (uint32_t)a->row;
	cmd->a_col = (uint32_t)a->col;
	cmd->b_row = (uint32_t)b->row;
	cmd->b_col = (uint32_t)b->col;
	if (x->rank > 1)
		cmd->out_row = (uint32_t)to->stride[to->rank - (y->rank > 1 ? 2 : 1)];
	cmd->out_dtype = to->dtype;
	cmd->alpha = node->alpha;
	cmd->act = node->act;
}

/* The result's columns have to be contiguous. */
static struct place product_place(struct program *p, struct value *v, bool has_columns)
{
	struct place to = output_place(p, v, NULL);
	unsigned int last = v->t.rank - 1;

	if (has_columns && to.dims[last] != 1 && to.stride[last] != 1)
		to = new_place(p, to.dtype, v->t.rank, v->t.dims, NULL);
	set_place(p, v, &to);
	return to;
}

struct command *matmul_command(struct program *p, struct node *node, enum loom_opcode opcode,
			       size_t size)
{
	struct value *a = node->in[0], *b = node->in[1], *out = node->out[0];
	unsigned int batch_rank = out->t.rank - (a->t.rank > 1) - (b->t.rank > 1);
	struct command *cmd;
	struct matrix ma, mb;
	struct place to;

	matrix_of(p, a, true, batch_rank, out->t.dims, &ma);
	matrix_of(p, b, false, batch_rank, out->t.dims, &mb);
	to = product_place(p, out, b->t.rank > 1);
	cmd = new_command(p, opcode, size);
	set_sizes((struct loom_cmd_matmul *)cmd->raw, node, &ma, &mb, &to);
	set_batch(p, (struct loom_cmd_matmul *)cmd->raw, batch_rank, out->t.dims, ma.batch, mb.batch,
		  to.stride);
	cmd_ref(p, cmd, FIELD(struct loom_cmd_matmul, a), &ma.place, false);
	cmd_ref(p, cmd, FIELD(struct loom_cmd_matmul, b), &mb.place, false);
	cmd_ref(p, cmd, FIELD(struct loom_cmd_matmul, out), &to, true);
	return cmd;
}

bool lower_matmul(struct program *p, struct node *node)
{
	if (!is_op(node, "MatMul"))
		return false;
	matmul_command(p, node, LOOM_OP_MATMUL, sizeof(struct loom_cmd_matmul));
	return true;
}
