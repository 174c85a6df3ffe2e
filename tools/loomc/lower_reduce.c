// SPDX-License-Identifier: MIT
/* Operators over dimensions: reductions, softmax, layer norm, pools. */
#include <string.h>

#include "conv.h"

/* Contiguous [outer][n][inner] in memory, n being the dims of the mask. */
struct triple {
	uint32_t outer, n, inner;
	unsigned int order[HOSTOP_MAX_DIMS];
};

static bool triple_of(const struct place *place, unsigned int mask, struct triple *t)
{
	unsigned int state = 0;

	if (!is_dense(place))
		return false;
	order_of(place, t->order);
	t->outer = t->n = t->inner = 1;
	for (unsigned int i = 0; i < place->rank; i++) {
		unsigned int d = t->order[i];
		bool reduced = mask >> d & 1;

		if (place->dims[d] == 1)
			continue;
		if (state == 0 && reduced)
			state = 1;
		else if (state == 1 && !reduced)
			state = 2;
		else if (state == 2 && reduced)
			return false;
		*(state == 0 ? &t->outer : state == 1 ? &t->n : &t->inner) *= (uint32_t)place->dims[d];
	}
	return true;
}

/* The value laid out so; copied, the reduced dims innermost, if it is not. */
static const struct place *triple_place(struct program *p, struct value *v, unsigned int mask,
					struct triple *t)
{
	const struct place *place = place_of(p, v);
	unsigned int order[HOSTOP_MAX_DIMS], num = 0;
	struct place copy;

	for (unsigned int i = 0; i < v->lowered->num_places; i++)
		if (triple_of(&v->lowered->places[i], mask, t))
			return &v->lowered->places[i];
	for (unsigned int reduced = 0; reduced < 2; reduced++)
		for (unsigned int d = 0; d < v->t.rank; d++)
			if ((mask >> d & 1) == reduced)
				order[num++] = d;
	copy = new_place(p, LOOM_F16, v->t.rank, v->t.dims, order);
	emit_copy(p, &copy, place);
	set_place(p, v, &copy);
	place = &v->lowered->places[v->lowered->num_places - 1];
	triple_of(place, mask, t);
	return place;
}

static const struct {
	const char *op;
	enum loom_reduce fn;
} reductions[] = {
	{ "ReduceSum", LOOM_RED_SUM }, { "ReduceMean", LOOM_RED_MEAN },
	{ "ReduceMax", LOOM_RED_MAX }, { "ReduceMin", LOOM_RED_MIN },
	{ "GlobalAveragePool", LOOM_RED_MEAN }, { "GlobalMaxPool", LOOM_RED_MAX },
};

static unsigned int reduced_dims(struct program *p, const struct node *node)
{
	unsigned int rank = node->in[0]->t.rank, mask = 0, n;
	int64_t axes[HOSTOP_MAX_DIMS];

	if (is_op(node, "GlobalAveragePool") || is_op(node, "GlobalMaxPool"))
		return ((1u << rank) - 1) & ~3u;
	n = const_ints(p, node, 1, "axes", axes, HOSTOP_MAX_DIMS);
	for (unsigned int i = 0; i < n; i++)
		mask |= 1u << (axes[i] < 0 ? axes[i] + rank : axes[i]);
	if (!n && node_int(node, "noop_with_empty_axes", 0))
		return 0;
	return n ? mask : (1u << rank) - 1;
}

/* The place of the result, its dims nested as the source's; from the kept-dims form to v's. */
static struct place reduced_place(struct program *p, const struct place *from, unsigned int mask,
				  const unsigned int *order, struct value *v)
{
	int64_t dims[HOSTOP_MAX_DIMS];
	struct place kept, r;
	unsigned int at = 0;

	for (unsigned int d = 0; d < from->rank; d++)
		dims[d] = mask >> d & 1 ? 1 : from->dims[d];
	kept = r = new_place(p, result_dtype(p, v), from->rank, dims, order);
	if (v->t.rank == from->rank)
		return kept;
	r.rank = v->t.rank;
	for (unsigned int d = 0; d < from->rank; d++) {
		if (mask >> d & 1)
			continue;
		r.dims[at] = kept.dims[d];
		r.stride[at++] = kept.stride[d];
	}
	return r;
}

static bool reduce(struct program *p, struct node *node, enum loom_reduce fn)
{
	unsigned int mask = reduced_dims(p, node);
	struct loom_cmd_reduce *cmd;
	const struct place *from;
	struct command *command;
	struct triple t;
	struct place to;

	from = triple_place(p, node->in[0], mask, &t);
	to = reduced_place(p, from, mask, t.order, node->out[0]);
	command = new_command(p, LOOM_OP_REDUCE, sizeof(*cmd));
	cmd = (struct loom_cmd_reduce *)command->raw;
	cmd->fn = fn;
	cmd->outer = t.outer;
	cmd->n = t.n;
	cmd->inner = t.inner;
	cmd->src_dtype = (uint16_t)from->dtype;
	cmd->dst_dtype = (uint16_t)to.dtype;
	cmd_ref(p, command, FIELD(struct loom_cmd_reduce, src), from, false);
	cmd_ref(p, command, FIELD(struct loom_cmd_reduce, dst), &to, true);
	set_place(p, node->out[0], &to);
	return true;
}

static bool softmax(struct program *p, struct node *node)
{
	struct value *v = node->in[0], *out = node->out[0];
	unsigned int axis = node_axis(p, node, node->opset < 13 ? 1 : -1, v->t.rank), mask;
	struct loom_cmd_softmax *cmd;
	const struct place *from;
	struct command *command;
	struct triple t;
	struct place to;

	/* Before opset 13 everything from the axis on was one line. */
	mask = node->opset < 13 ? ((1u << v->t.rank) - 1) & ~((1u << axis) - 1) : 1u << axis;
	from = triple_place(p, v, mask, &t);
	to = new_place(p, result_dtype(p, out), v->t.rank, v->t.dims, t.order);
	command = new_command(p, LOOM_OP_SOFTMAX, sizeof(*cmd));
	cmd = (struct loom_cmd_softmax *)command->raw;
	cmd->outer = t.outer;
	cmd->n = t.n;
	cmd->inner = t.inner;
	cmd->src_dtype = (uint16_t)from->dtype;
	cmd->dst_dtype = (uint16_t)to.dtype;
	cmd_ref(p, command, FIELD(struct loom_cmd_softmax, src), from, false);
	cmd_ref(p, command, FIELD(struct loom_cmd_softmax, dst), &to, true);
	set_place(p, out, &to);
	if (is_op(node, "LogSoftmax"))
		emit_act(p, &to, &to, &(struct loom_act){ .fn = LOOM_UN_LOG });
	return true;
}

static bool norm(struct program *p, struct node *node)
{
	struct value *v = node->in[0], *out = node->out[0];
	const struct place *from = place_as(p, v, LOOM_F16, is_row_major, NULL);
	struct place to = new_place(p, LOOM_F16, out->t.rank, out->t.dims, NULL);
	struct command *command = new_command(p, LOOM_OP_LAYERNORM, sizeof(struct loom_cmd_layernorm));
	struct loom_cmd_layernorm *cmd = (struct loom_cmd_layernorm *)command->raw;

	cmd->n = (uint32_t)v->t.dims[v->t.rank - 1];
	cmd->rows = (uint32_t)(v->t.count / cmd->n);
	cmd->eps = node->eps;
	if (node->num_in > 1 && node->in[1]) {
		cmd->hdr.flags |= LOOM_CMD_GAMMA;
		cmd_weight(command, FIELD(struct loom_cmd_layernorm, gamma),
			   blob_floats(p, node->in[1], 0, cmd->n));
	}
	if (node->num_in > 2 && node->in[2]) {
		cmd->hdr.flags |= LOOM_CMD_BETA;
		cmd_weight(command, FIELD(struct loom_cmd_layernorm, beta),
			   blob_floats(p, node->in[2], 0, cmd->n));
	}
	cmd_ref(p, command, FIELD(struct loom_cmd_layernorm, src), from, false);
	cmd_ref(p, command, FIELD(struct loom_cmd_layernorm, dst), &to, true);
	set_place(p, out, &to);
	return true;
}

/* ---- pools ---- */

static void set_window(struct loom_cmd_pool *cmd, const struct hostop_window *w)
{
	cmd->h = (uint32_t)w->in[0];
	cmd->w = (uint32_t)w->in[1];
	cmd->oh = (uint32_t)w->out[0];
	cmd->ow = (uint32_t)w->out[1];
	cmd->kh = (uint16_t)w->kernel[0];
	cmd->kw = (uint16_t)w->kernel[1];
	cmd->sh = (uint16_t)w->stride[0];
	cmd->sw = (uint16_t)w->stride[1];
	cmd->pt = (uint16_t)w->begin[0];
	cmd->pl = (uint16_t)w->begin[1];
	cmd->dh = (uint16_t)w->dilation[0];
	cmd->dw = (uint16_t)w->dilation[1];
}

void pool_solve(struct program *p, const struct node *node, struct hostop_window *w)
{
	const struct hostop_tensor *in[1] = { &node->in[0]->t };
	struct hostop_call call;

	if (node->num_out > 1)
		fail_node(p->c, node, "indices of maxima are not supported on the device");
	if (!is_op(node, "MaxPool") && node_int(node, "count_include_pad", 0) &&
	    node_int(node, "ceil_mode", 0))
		fail_node(p->c, node, "ceil_mode with count_include_pad is not supported on the device");
	node_call(node, &call, in);
	hostop_window_solve(&call, NULL, w);
	if (w->spatial > 2)
		fail_node(p->c, node, "three spatial dimensions are not supported on the device");
}

void pool_geometry(struct loom_cmd_pool *cmd, const struct node *node, const struct hostop_window *w,
		   const struct place *in, const struct place *out)
{
	cmd->fn = is_op(node, "MaxPool") ? LOOM_POOL_MAX : LOOM_POOL_AVERAGE;
	if (cmd->fn == LOOM_POOL_AVERAGE && node_int(node, "count_include_pad", 0))
		cmd->hdr.flags |= LOOM_CMD_COUNT_PAD;
	set_window(cmd, w);
	cmd->batch = (uint32_t)in->dims[0];
	cmd->c = (uint32_t)in->dims[1];
	cmd->in_pitch = (uint32_t)image_pitch(in);
	cmd->out_pitch = (uint32_t)image_pitch(out);
}

static bool pool(struct program *p, struct node *node)
{
	struct value *out = node->out[0];
	struct loom_cmd_pool *cmd;
	const struct place *from;
	struct hostop_window w;
	struct command *command;
	struct place to;

	pool_solve(p, node, &w);
	from = image_of(p, node->in[0]);
	to = conv_output(p, out);
	command = new_command(p, LOOM_OP_POOL, sizeof(*cmd));
	cmd = (struct loom_cmd_pool *)command->raw;
	pool_geometry(cmd, node, &w, from, &to);
	cmd_ref(p, command, FIELD(struct loom_cmd_pool, in), from, false);
	cmd_ref(p, command, FIELD(struct loom_cmd_pool, out), &to, true);
	set_place(p, out, &to);
	return true;
}

bool lower_reduce(struct program *p, struct node *node)
{
	for (size_t i = 0; i < sizeof(reductions) / sizeof(reductions[0]); i++)
		if (is_op(node, reductions[i].op))
			return reduce(p, node, reductions[i].fn);
	if (is_op(node, "Softmax") || is_op(node, "LogSoftmax"))
		return softmax(p, node);
	if (is_op(node, "Norm"))
		return norm(p, node);
	return (is_op(node, "MaxPool") || is_op(node, "AveragePool")) && pool(p, node);
}
