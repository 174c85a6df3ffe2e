// SPDX-License-Identifier: MIT
/* A command as a nest of loops: the parts of one, and which function knows which opcode. */
#include "nest_make.h"

int add_axis(struct nest *n, uint64_t extent, uint64_t step, uint16_t field)
{
	n->axis[n->num_axes] = (struct axis){ .extent = extent, .step = step,
					      .single = -1, .count = { field } };
	return (int)n->num_axes++;
}

struct nest_ref *add_ref(struct nest *n, const struct command *cmd, size_t field, uint32_t size)
{
	struct nest_ref *ref = &n->ref[n->num_refs];

	for (unsigned int i = 0; i < cmd->num_refs; i++) {
		if (cmd->ref[i].field != field)
			continue;
		*ref = (struct nest_ref){ .ref = i, .size = size };
		n->num_refs++;
		break;
	}
	return ref;
}

struct nest_dim *add_dim(struct nest_ref *ref, int axis, uint64_t extent, int64_t stride,
			 size_t field)
{
	struct nest_dim *dim = &ref->dim[ref->num++];

	*dim = (struct nest_dim){ .axis = axis, .extent = extent, .stride = stride,
				  .field = (uint16_t)field };
	return dim;
}

void add_weight(struct nest *n, const struct command *cmd, size_t field, int axis,
		uint64_t bytes)
{
	for (unsigned int i = 0; i < cmd->num_weights; i++)
		if (cmd->weight[i].field == field)
			n->weight[n->num_weights++] = (struct nest_weight){ i, axis, bytes };
}

static bool describe(const struct program *p, const struct command *cmd, struct nest *n)
{
	switch (opcode_of(cmd)) {
	case LOOM_OP_QCONV:
		if (((const struct loom_cmd *)cmd->raw)->flags & LOOM_CMD_DYNAMIC)
			return false;
		/* fall through */
	case LOOM_OP_CONV:
		if (is_product((const struct loom_cmd_conv *)cmd->raw))
			product_nest(p, cmd, n);
		else
			conv_nest(p, cmd, n);
		break;
	case LOOM_OP_QDWCONV:
	case LOOM_OP_DWCONV: conv_nest(p, cmd, n); break;
	case LOOM_OP_MATMUL: matmul_nest(p, cmd, n); break;
	case LOOM_OP_COPY: copy_nest(cmd, n); break;
	case LOOM_OP_BINARY: binary_nest(cmd, n); break;
	case LOOM_OP_UNARY: unary_nest(cmd, n); break;
	case LOOM_OP_REDUCE: reduce_nest(cmd, n); break;
	case LOOM_OP_SOFTMAX: softmax_nest(cmd, n); break;
	case LOOM_OP_LAYERNORM: layernorm_nest(cmd, n); break;
	case LOOM_OP_POOL: pool_nest(cmd, n, 2, 2); break;
	case LOOM_OP_QPOOL: qpool_nest(cmd, n); break;
	case LOOM_OP_QUANT: return quant_nest(cmd, n);
	case LOOM_OP_QBINARY: qbinary_nest(cmd, n); break;
	case LOOM_OP_STORE: move_nest(cmd, n); break;
	case LOOM_OP_GATHER: gather_nest(cmd, n); break;
	default: return false;
	}
	return true;
}

bool nest_of(const struct program *p, const struct command *cmd, struct nest *n)
{
	*n = (struct nest){ .num_axes = 0 };
	/* An operand that the nest does not know would be left behind. */
	if (!describe(p, cmd, n) || n->num_refs != cmd->num_refs)
		return false;
	for (unsigned int r = 0; r < n->num_refs; r++)
		for (unsigned int d = 0; d < n->ref[r].num; d++)
			if (n->ref[r].dim[d].extent > 1 && n->ref[r].dim[d].stride < 0)
				return false;
	return true;
}
