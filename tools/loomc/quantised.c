// SPDX-License-Identifier: MIT
/* Nodes on 8-bit numbers: what they are made of. */
#include <math.h>
#include <string.h>

#include "quantised.h"

bool is_quantised(const struct node *node)
{
	return node && node->q;
}

bool is_8bit(const struct value *v)
{
	return v->t.dtype == HOSTOP_U8 || v->t.dtype == HOSTOP_I8;
}

bool gives_floats(const struct node *node)
{
	return is_quantised(node) && !node->q->out.on && hostop_is_float(node->out[0]->t.dtype);
}

bool read_qparam(const struct value *scale, const struct value *zero, struct qparam *q)
{
	if (!is_const(scale) || scale->t.count != 1 || (zero && (!is_const(zero) || zero->t.count != 1)))
		return false;
	q->on = true;
	q->scale = (float)hostop_get(&scale->t, 0);
	q->zero = zero ? (int32_t)hostop_get_int(&zero->t, 0) : 0;
	return q->scale > 0 && isfinite(q->scale);
}

struct value *dequantised_from(const struct value *v, struct qparam *q)
{
	const struct node *n = made_by(v, "DequantizeLinear");

	if (!n || is_const(n->in[0]) || !is_8bit(n->in[0]) ||
	    !read_qparam(n->in[1], n->num_in > 2 ? n->in[2] : NULL, q))
		return NULL;
	return n->in[0];
}

float *channel_scales(struct compile *c, const struct value *scale, size_t channels)
{
	float *s = arena_array(c, channels, sizeof(*s));

	for (size_t i = 0; i < channels; i++)
		s[i] = (float)hostop_get(&scale->t, scale->t.count > 1 ? i : 0);
	return s;
}

int32_t *channel_zeros(struct compile *c, const struct value *zero, size_t channels)
{
	int32_t *z;
	bool any = false;

	for (size_t i = 0; zero && i < zero->t.count; i++)
		any = any || hostop_get_int(&zero->t, i);
	if (!any)
		return NULL;
	z = arena_array(c, channels, sizeof(*z));
	for (size_t i = 0; i < channels; i++)
		z[i] = (int32_t)hostop_get_int(&zero->t, zero->t.count > 1 ? i : 0);
	return z;
}

static bool fold_left(struct graph *g, struct node *node)
{
	if (!is_op(node, "DequantizeLinear") || !is_const(node->in[0]) || !is_const(node->in[1]) ||
	    (node->num_in > 2 && node->in[2] && !is_const(node->in[2])))
		return false;
	fold_node(g, node);
	node->out[0]->producer = NULL;
	remove_node(g, node);
	return true;
}

void absorb_quantisation(struct graph *g)
{
	apply_rules(g, quantised_rules);
	g->c->keep_quantised = false;
	for (unsigned int i = 0; i < g->num_nodes; i++)
		if (g->nodes[i])
			fold_left(g, g->nodes[i]);
	graph_drop_dead(g);
}
