// SPDX-License-Identifier: MIT
/* Element by element: Act, the binary operators, Cast. */
#include <string.h>

#include "lower.h"

static const struct {
	const char *op;
	enum loom_binary fn;
} binaries[] = {
	{ "Add", LOOM_BIN_ADD }, { "Sub", LOOM_BIN_SUB }, { "Mul", LOOM_BIN_MUL },
	{ "Div", LOOM_BIN_DIV }, { "Max", LOOM_BIN_MAX }, { "Min", LOOM_BIN_MIN },
	{ "Pow", LOOM_BIN_POW },
};

static void need_float(struct program *p, const struct node *node, const struct value *v)
{
	if (!hostop_is_float(v->t.dtype))
		fail_node(p->c, node, "operator on %s is not supported on the device",
			  hostop_dtype_name(v->t.dtype));
}

/* Integers beside floats are converted first: the vector unit computes in floats. */
static const struct place *float_place(struct program *p, const struct node *node, struct value *v)
{
	const struct place *place = place_of(p, v);

	if (place->dtype == LOOM_F16 || place->dtype == LOOM_F32 || node->q)
		return place;
	return place_as(p, v, LOOM_F16, is_row_major, NULL);
}

static void bind_operand(struct program *p, const struct node *node, struct loops *l, unsigned int i,
			 struct value *v)
{
	int64_t step = 1;

	if (!is_const(v)) {
		const struct place *place = float_place(p, node, v);
		struct place wide = *place;
		unsigned int lead = l->rank - place->rank;

		/* aligned to the right, as broadcasting is */
		wide.rank = l->rank;
		for (unsigned int d = 0; d < l->rank; d++) {
			wide.dims[d] = d < lead ? 1 : place->dims[d - lead];
			wide.stride[d] = d < lead ? 0 : place->stride[d - lead];
		}
		loops_operand(l, i, &wide);
		l->op[i].place = place;
		return;
	}
	l->op[i].constant = v;
	for (unsigned int k = v->t.rank; k-- > 0;) {
		unsigned int d = k + l->rank - v->t.rank;

		l->op[i].stride[d] = v->t.dims[k] == 1 ? 0 : step;
		step *= v->t.dims[k];
	}
}

/* The layout of an operand that has the result's shape. */
static const unsigned int *order_like(struct program *p, const struct node *node,
				      unsigned int *order)
{
	for (unsigned int i = 0; i < node->num_in; i++) {
		struct value *v = node->in[i];

		if (is_const(v) || !same_dims(&v->t, &node->out[0]->t))
			continue;
		order_of(place_of(p, v), order);
		return order;
	}
	return NULL;
}

struct place binary_loops(struct program *p, struct node *node, struct loops *l)
{
	struct value *out = node->out[0];
	unsigned int order[HOSTOP_MAX_DIMS];
	struct place to;

	memcpy(l->dims, out->t.dims, sizeof(out->t.dims));
	/* operands first: fetching them may make commands */
	for (unsigned int i = 0; i < 2; i++)
		if (!is_const(node->in[i]))
			float_place(p, node, node->in[i]);
	to = output_place(p, out, order_like(p, node, order));
	for (unsigned int i = 0; i < 2; i++)
		bind_operand(p, node, l, i, node->in[i]);
	return to;
}

static bool binary(struct program *p, struct node *node, enum loom_binary fn)
{
	struct value *out = node->out[0];
	struct loops l = { .rank = out->t.rank, .num = 3 };
	struct place to;

	need_float(p, node, out);
	to = binary_loops(p, node, &l);
	loops_operand(&l, 2, &to);
	emit_binary(p, &l, fn, &node->act);
	set_place(p, out, &to);
	return true;
}

static bool act(struct program *p, struct node *node)
{
	unsigned int order[HOSTOP_MAX_DIMS];
	const struct place *from;
	struct place to;

	need_float(p, node, node->out[0]);
	from = place_of(p, node->in[0]);
	order_of(from, order);
	to = output_place(p, node->out[0], order);
	emit_act(p, &to, from, &node->act);
	set_place(p, node->out[0], &to);
	return true;
}

static bool cast(struct program *p, struct node *node)
{
	unsigned int order[HOSTOP_MAX_DIMS];
	const struct place *from = place_of(p, node->in[0]);
	struct place to;

	order_of(from, order);
	to = output_place(p, node->out[0], order);
	emit_copy(p, &to, from);
	set_place(p, node->out[0], &to);
	return true;
}

bool lower_elementwise(struct program *p, struct node *node)
{
	for (size_t i = 0; i < sizeof(binaries) / sizeof(binaries[0]); i++)
		if (is_op(node, binaries[i].op))
			return binary(p, node, binaries[i].fn);
	if (is_op(node, "Act"))
		return act(p, node);
	return is_op(node, "Cast") && cast(p, node);
}
