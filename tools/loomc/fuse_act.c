// SPDX-License-Identifier: MIT
/* Epilogues: a residual and an activation are done by the command that makes their input. */
#include <string.h>

#include "passes.h"

static bool takes_act(const struct node *n)
{
	static const char *const ops[] = { "Conv", "ConvTranspose", "Linear", "MatMul", "Add", "Sub",
					   "Mul", "Div", "Max", "Min", "Pow" };

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (is_op(n, ops[i]))
			return !n->act.fn && !is_volume(n);
	return false;
}

static bool activation(struct graph *g, struct node *node)
{
	struct value *x = node->in[0];

	if (!is_op(node, "Act") || !x->producer || !takes_act(x->producer) || !used_once(x))
		return false;
	x->producer->act = node->act;
	replace_uses(g, node->out[0], x);
	return true;
}

static bool takes_residual(const struct value *v)
{
	const struct node *n = v->producer;

	if (!n || !used_once(v) || n->act.fn || n->residual || is_volume(n))
		return false;
	return is_op(n, "Linear") || (is_op(n, "Conv") && node_int(n, "group", 1) == 1);
}

static unsigned int position(const struct graph *g, const struct node *node)
{
	unsigned int i = 0;

	while (i < g->num_nodes && g->nodes[i] != node)
		i++;
	return i;
}

/* Of two candidates the later one: by then the other operand is there. */
static int choose(const struct graph *g, const struct node *node)
{
	bool first = takes_residual(node->in[0]), second = takes_residual(node->in[1]);

	if (first && second)
		return position(g, node->in[0]->producer) < position(g, node->in[1]->producer);
	return first ? 0 : second ? 1 : -1;
}

/* conv(x) + r -> conv(x; r), at the place of the addition */
static bool residual(struct graph *g, struct node *node)
{
	struct value *out = node->out[0];
	struct node *conv;
	int i;

	if (!is_op(node, "Add") || !same_dims(&node->in[0]->t, &out->t) ||
	    !same_dims(&node->in[1]->t, &out->t) || is_const(node->in[0]) || is_const(node->in[1]) ||
	    node->in[0] == node->in[1])
		return false;
	i = choose(g, node);
	if (i < 0)
		return false;
	conv = node->in[i]->producer;
	conv->residual = node->in[!i];
	conv->act = node->act;
	conv->out[0] = out;
	out->producer = conv;
	graph_move_to(g, conv, node);
	return true;
}

const rule_fn fuse_act_rules[] = { residual, activation, NULL };
