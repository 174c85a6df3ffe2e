// SPDX-License-Identifier: MIT
/*
 * Products that quantise their input as they go: by default the weights become fp16 constants, which
 * hold every 8-bit weight times its scale to half an ulp, so that products on the unquantised input
 * only get closer to the float model. With --dynamic int8 they stay what they are.
 */
#include <string.h>

#include "quantised.h"

static struct value *dequantise(struct graph *g, struct node *like, struct value *q,
				struct value *scale, struct value *zero, int64_t axis)
{
	struct node *n = node_new(g->c, "DequantizeLinear", like, zero ? 3 : 2, 1);

	n->in[0] = q;
	n->in[1] = scale;
	if (zero)
		n->in[2] = zero;
	n->out[0] = value_new(g->c, q->name);
	node_set_int(g->c, n, "axis", axis);
	g->c->keep_quantised = false;
	fold_node(g, n);
	g->c->keep_quantised = true;
	return n->out[0];
}

/* The other factor of a Mul. */
static struct value *factor(const struct node *mul, const struct value *one)
{
	return mul->in[0] == one ? mul->in[1] : mul->in[0];
}

static struct node *only_user(const struct value *v, const char *op)
{
	return used_once(v) && is_op(v->user, op) ? v->user : NULL;
}

/* The product as the device's 8-bit one, which takes the input's scale when it is known. */
static bool stays_integer(struct graph *g, struct node *node, struct node *mul, struct value *dynamic,
			  const struct value *scale)
{
	size_t channels = (size_t)node->in[1]->t.dims[1];
	struct quantised *q = arena(g->c, sizeof(*q));

	if (scale->t.count != 1 && scale->t.count != channels)
		return false;
	q->in[0] = (struct qparam){ .on = true, .scale = 1 };
	q->scale = channel_scales(g->c, scale, channels);
	q->zero = channel_zeros(g->c, node->num_in > 3 ? node->in[3] : NULL, channels);
	q->dynamic = dynamic;
	node->q = q;
	node->op = "QLinear";
	node->num_in = 2;
	node->out[0] = mul->out[0];
	node->out[0]->producer = node;
	remove_node(g, mul);
	return true;
}

/*
 * q, s, z = DynamicQuantizeLinear(x); Mul(Cast(MatMulInteger(q, W, z, wz)), Mul(s, ws))
 * -> MatMul(x, (W - wz) ws)
 */
static bool matmul_integer(struct graph *g, struct node *node)
{
	struct node *quantise, *cast, *mul, *scales, *product;
	struct value *scale;

	if (!is_op(node, "MatMulInteger") || node->num_in < 3 || !is_const(node->in[1]))
		return false;
	quantise = made_by(node->in[0], "DynamicQuantizeLinear");
	cast = only_user(node->out[0], "Cast");
	mul = cast ? only_user(cast->out[0], "Mul") : NULL;
	scales = mul ? made_by(factor(mul, cast->out[0]), "Mul") : NULL;
	if (!quantise || !scales || node->in[2] != quantise->out[2] ||
	    (scales->in[0] != quantise->out[1] && scales->in[1] != quantise->out[1]))
		return false;
	scale = factor(scales, quantise->out[1]);
	if (!is_const(scale) || (scale->t.count != 1 && !g->c->options->dynamic_int8))
		return false;
	if (g->c->options->dynamic_int8 && node->in[1]->t.rank == 2)
		return stays_integer(g, node, mul, quantise->out[1], scale);
	product = insert_before(g, mul, "MatMul", 2, &mul->out[0]->t);
	product->name = node->name;
	product->in[0] = quantise->in[0];
	product->in[1] = dequantise(g, node, node->in[1], scale, node->num_in > 3 ? node->in[3] : NULL,
				    (int64_t)node->in[1]->t.rank - 1);
	replace_uses(g, mul->out[0], product->out[0]);
	return true;
}

/* DequantizeLinear(Gather(W, i)) -> Gather(DequantizeLinear(W), i), for one scale and zero point. */
static bool gathered(struct graph *g, struct node *node)
{
	struct node *gather;

	if (!is_op(node, "DequantizeLinear") || !is_const(node->in[1]) || node->in[1]->t.count != 1 ||
	    g->c->options->dynamic_int8)
		return false;
	gather = made_by(node->in[0], "Gather");
	if (!gather || !used_once(gather->out[0]) || !is_const(gather->in[0]))
		return false;
	gather->in[0] = dequantise(g, node, gather->in[0], node->in[1],
				   node->num_in > 2 ? node->in[2] : NULL, 0);
	gather->out[0]->t.dtype = node->out[0]->t.dtype;
	replace_uses(g, node->out[0], gather->out[0]);
	return true;
}

void quant(struct graph *g)
{
	for (unsigned int i = 0; i < g->num_nodes; i++)
		if (matmul_integer(g, g->nodes[i]) || gathered(g, g->nodes[i])) {
			graph_drop_dead(g);
			i = i > 16 ? i - 16 : 0;
		}
}
