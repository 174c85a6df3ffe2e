// SPDX-License-Identifier: MIT
/*
 * Numbers of large constants one by one, as they are written: those that come of 8-bit ones take four
 * times the room as floats, and are never all there at once.
 */
#include "graph.h"

static float dequantised(const struct node *n, size_t i)
{
	const struct hostop_tensor *q = &n->in[0]->t, *scale = &n->in[1]->t;
	const struct hostop_tensor *zero = n->num_in > 2 && n->in[2] ? &n->in[2]->t : NULL;
	size_t k = 0, inner = 1;
	int64_t axis;

	if (scale->count > 1) {
		axis = node_int(n, "axis", 1);
		for (axis += axis < 0 ? q->rank : 1; axis < q->rank; axis++)
			inner *= (size_t)q->dims[axis];
		k = i / inner % scale->count;
	}
	return (float)((double)(hostop_get_int(q, i) - (zero ? hostop_get_int(zero, k) : 0)) *
		       hostop_get(scale, k));
}

/* Where element i of the transpose is in what was transposed. */
static size_t before_transpose(const struct node *n, size_t i)
{
	const struct hostop_attr *perm = node_attr(n, "perm");
	const struct hostop_tensor *in = &n->in[0]->t;
	size_t stride[HOSTOP_MAX_DIMS], step = 1, at = 0;

	for (unsigned int d = in->rank; d-- > 0; step *= (size_t)in->dims[d])
		stride[d] = step;
	for (unsigned int d = in->rank; d-- > 0;) {
		unsigned int from = perm ? (unsigned int)perm->ints[d] : in->rank - 1 - d;

		at += i % (size_t)in->dims[from] * stride[from];
		i /= (size_t)in->dims[from];
	}
	return at;
}

static bool is_dequantised(const struct node *n)
{
	return is_op(n, "DequantizeLinear") && !n->in[0]->unmade && !n->in[1]->unmade;
}

static bool is_8bit(const struct value *v)
{
	return v->t.dtype == HOSTOP_I8 || v->t.dtype == HOSTOP_U8;
}

/* A product or sum of numbers that wait and one number: which input is the former? -1: it is none. */
static int waiting_input(const struct node *n)
{
	if (!is_op(n, "Mul") && !is_op(n, "Add"))
		return -1;
	for (int i = 0; i < 2; i++)
		if (n->in[i]->unmade && n->in[!i]->t.count == 1 && !n->in[!i]->unmade)
			return i;
	return -1;
}

bool can_wait(const struct graph *g, const struct node *node, const struct hostop_tensor *out)
{
	if (g->c->options->quantise || g->c->options->emit_qdq || out->dtype != HOSTOP_F32 ||
	    hostop_bytes(out) <= BIG)
		return false;
	return is_dequantised(node) || (is_op(node, "Cast") && is_8bit(node->in[0])) ||
	       (is_op(node, "Transpose") && node->in[0]->unmade) || waiting_input(node) >= 0;
}

static float scaled(const struct node *n, size_t i)
{
	int waiting = waiting_input(n);
	double a = number_at(n->in[waiting], i), b = hostop_get(&n->in[!waiting]->t, 0);

	return (float)(is_op(n, "Mul") ? a * b : a + b);
}

double number_at(const struct value *v, size_t i)
{
	const struct node *n = v->unmade;

	if (!n)
		return hostop_get(&v->t, i);
	if (is_op(n, "Transpose"))
		return number_at(n->in[0], before_transpose(n, i));
	if (is_dequantised(n))
		return dequantised(n, i);
	if (is_op(n, "Cast"))
		return (float)number_at(n->in[0], i);
	/* Others are not made, and not written either: for timing only. */
	return waiting_input(n) >= 0 ? scaled(n, i) : 0;
}
