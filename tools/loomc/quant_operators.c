// SPDX-License-Identifier: MIT
/* ONNX's integer operators as nodes on 8-bit numbers (quantised.h). */
#include <string.h>

#include "quantised.h"

static const struct value *optional(const struct node *node, unsigned int i)
{
	return i < node->num_in ? node->in[i] : NULL;
}

/* Zero point of an operand whose scale is one. */
static bool bare(const struct value *zero, struct qparam *q)
{
	*q = (struct qparam){ .on = true, .scale = 1 };
	if (zero && (!is_const(zero) || zero->t.count != 1))
		return false;
	q->zero = zero ? (int32_t)hostop_get_int(&zero->t, 0) : 0;
	return true;
}

static bool const_or_none(const struct value *v)
{
	return !v || is_const(v);
}

static const float *ones(struct compile *c, size_t n)
{
	float *v = arena_array(c, n, sizeof(*v));

	for (size_t i = 0; i < n; i++)
		v[i] = 1;
	return v;
}

static size_t channels_of(const struct node *node, const struct value *w)
{
	return (size_t)w->t.dims[is_op(node, "QConv") ? 0 : w->t.rank - 1];
}

/* node becomes op(x, w) on constant weights. */
static bool become_product(struct graph *g, struct node *node, const char *op, struct value *x,
			   struct value *w, const struct quantised *q)
{
	node->op = op;
	node->q = arena(g->c, sizeof(*node->q));
	*node->q = *q;
	node->in[0] = x;
	node->in[1] = w;
	node->num_in = 2;
	return true;
}

/* ConvInteger, MatMulInteger: the bare sums */
static bool integer_product(struct graph *g, struct node *node)
{
	bool conv = is_op(node, "ConvInteger"), matmul = is_op(node, "MatMulInteger");
	const struct value *wz = optional(node, 3);
	struct quantised q = { 0 };
	struct value *w;

	if ((!conv && !matmul) || !bare(optional(node, 2), &q.in[0]) || !const_or_none(wz))
		return false;
	w = node->in[1];
	if (matmul && (!is_const(w) || w->t.rank != 2))
		return bare(wz, &q.in[1]) &&
		       become_product(g, node, "QMatMul", node->in[0], w, &q);
	if (!is_const(w))
		return false;
	become_product(g, node, conv ? "QConv" : "QLinear", node->in[0], w, &q);
	node->q->scale = ones(g->c, channels_of(node, w));
	node->q->zero = channel_zeros(g->c, wz, channels_of(node, w));
	return true;
}

/* QLinearConv, QLinearMatMul */
static bool qlinear(struct graph *g, struct node *node)
{
	bool conv = is_op(node, "QLinearConv"), matmul = is_op(node, "QLinearMatMul");
	const struct value *bias = conv ? optional(node, 8) : NULL, *ws, *wz;
	struct quantised q = { 0 };
	struct value *w;
	int32_t *b;

	if ((!conv && !matmul) || !read_qparam(node->in[1], node->in[2], &q.in[0]) ||
	    !read_qparam(node->in[6], node->in[7], &q.out) || !const_or_none(bias))
		return false;
	w = node->in[3];
	ws = node->in[4];
	wz = node->in[5];
	if (matmul && (!is_const(w) || w->t.rank != 2))
		return read_qparam(ws, wz, &q.in[1]) &&
		       become_product(g, node, "QMatMul", node->in[0], w, &q);
	if (!is_const(w) || !is_const(ws) || !is_const(wz))
		return false;
	become_product(g, node, conv ? "QConv" : "QLinear", node->in[0], w, &q);
	node->q->scale = channel_scales(g->c, ws, channels_of(node, w));
	node->q->zero = channel_zeros(g->c, wz, channels_of(node, w));
	if (bias) {
		b = arena_array(g->c, bias->t.count, sizeof(*b));
		for (size_t i = 0; i < bias->t.count; i++)
			b[i] = (int32_t)hostop_get_int(&bias->t, i);
		node->q->bias = b;
	}
	return true;
}

bool quantised_operator(struct graph *g, struct node *node)
{
	return integer_product(g, node) || qlinear(g, node);
}
