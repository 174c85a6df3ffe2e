// SPDX-License-Identifier: MIT
/*
 * Where a constant condition chooses between a value and a constant (a causal mask), bounds do: infinite
 * ones where the value is wanted, twice the constant where not. The device has Min and Max, and no Where.
 */
#include <math.h>

#include "passes.h"

/* Where cond == wanted: free; else other, broadcast to the shape of both. */
static struct value *bound(struct graph *g, const struct value *cond, bool wanted, struct value *other,
			   double free_bound)
{
	static const char op[] = "Where";
	struct value *open = value_scalar(g->c, (float)free_bound);
	const struct hostop_tensor *in[] = { &cond->t, wanted ? &open->t : &other->t,
					     wanted ? &other->t : &open->t };
	struct value *v = value_new(g->c, "bound");
	struct hostop_call call = { .op = op, .opset = 16, .in = in, .num_in = 3, .out = &v->t, .num_out = 1 };

	make_numbers(g, other);
	if (hostop_eval(&call)) {
		hostop_free(&v->t);
		return NULL;
	}
	graph_own(g->c, v->t.data);
	return v;
}

static struct value *bounded(struct graph *g, struct node *at, const char *op, struct value *x,
			     struct value *limit)
{
	struct node *n = insert_before(g, at, op, 2, &at->out[0]->t);

	n->in[0] = x;
	n->in[1] = limit;
	return n->out[0];
}

static bool where(struct graph *g, struct node *node)
{
	struct value *high, *low, *x, *other;
	bool wanted;

	if (!is_op(node, "Where") || !is_const(node->in[0]) || node->out[0]->t.dtype != HOSTOP_F32)
		return false;
	wanted = !is_const(node->in[1]);
	x = node->in[wanted ? 1 : 2];
	other = node->in[wanted ? 2 : 1];
	if (is_const(x) || !is_const(other))
		return false;
	high = bound(g, node->in[0], wanted, other, INFINITY);
	low = bound(g, node->in[0], wanted, other, -INFINITY);
	if (!high || !low)
		return false;
	replace_uses(g, node->out[0], bounded(g, node, "Max", bounded(g, node, "Min", x, high), low));
	return true;
}

const rule_fn canon_select_rules[] = { where, NULL };
