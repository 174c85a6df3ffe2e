// SPDX-License-Identifier: MIT
/*
 * DequantizeLinear -> operator -> QuantizeLinear becomes one node on 8-bit numbers (quantised.h), the
 * way ONNX Runtime reads such graphs. What moves numbers only changes places with them.
 */
#include <math.h>
#include <string.h>

#include "quantised.h"

/* ---- views: QuantizeLinear goes before them, DequantizeLinear behind ---- */

static bool moves_only(const struct node *n)
{
	static const char *const ops[] = {
		"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Expand", "Tile",
		"DepthToSpace", "SpaceToDepth", "MaxPool", "Identity",
	};

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (is_op(n, ops[i]))
			return n->num_out == 1;
	return is_op(n, "Resize") && !strcmp(node_string(n, "mode", "nearest"), "nearest");
}

static unsigned int data_inputs(const struct node *n)
{
	return is_op(n, "Concat") ? n->num_in : 1;
}

static struct value *insert_quantise(struct graph *g, struct node *at, const struct node *like,
				     struct value *x)
{
	struct hostop_tensor shape = x->t;
	struct node *n;

	shape.dtype = like->out[0]->t.dtype;
	n = insert_before(g, at, like->op, like->num_in, &shape);
	memcpy(n->in, like->in, like->num_in * sizeof(*n->in));
	n->in[0] = x;
	return n->out[0];
}

/* Q(move(x)) -> move(Q(x)) */
static bool quantise_before(struct graph *g, struct node *node)
{
	struct qparam q = { 0 };
	struct node *move;

	if (!is_op(node, "QuantizeLinear") || !used_once(node->in[0]) ||
	    !read_qparam(node->in[1], node->num_in > 2 ? node->in[2] : NULL, &q))
		return false;
	move = node->in[0]->producer;
	if (!move || (!moves_only(move) && !is_op(move, "Concat")))
		return false;
	for (unsigned int i = 0; i < data_inputs(move); i++)
		move->in[i] = insert_quantise(g, move, node, move->in[i]);
	move->out[0] = node->out[0];
	move->out[0]->producer = move;
	remove_node(g, node);
	return true;
}

/* move(D(x)) -> D(move(x)) */
static bool dequantise_after(struct graph *g, struct node *node)
{
	struct qparam q = { 0 };
	struct node *d, *after;
	struct value *x, *made;

	if (!moves_only(node) || node->out[0]->is_output)
		return false;
	x = dequantised_from(node->in[0], &q);
	if (!x)
		return false;
	d = node->in[0]->producer;
	after = node_new(g->c, d->op, d, d->num_in, 1);
	memcpy(after->in, d->in, d->num_in * sizeof(*after->in));
	after->out[0] = node->out[0];
	after->out[0]->producer = after;
	made = value_new(g->c, node->out[0]->name);
	made->t = node->out[0]->t;
	made->t.dtype = x->t.dtype;
	made->producer = node;
	node->in[0] = x;
	node->out[0] = made;
	after->in[0] = made;
	graph_insert_after(g, node, after);
	return true;
}

/* Q(D(x)): nothing, or another scale. */
static bool requantise(struct graph *g, struct node *node)
{
	struct qparam from = { 0 }, to = { 0 };
	struct value *x;

	if (!is_op(node, "QuantizeLinear") ||
	    !read_qparam(node->in[1], node->num_in > 2 ? node->in[2] : NULL, &to))
		return false;
	x = dequantised_from(node->in[0], &from);
	if (!x)
		return false;
	if (from.scale == to.scale && from.zero == to.zero && x->t.dtype == node->out[0]->t.dtype &&
	    !node->out[0]->is_output) {
		replace_uses(g, node->out[0], x);
		return true;
	}
	node->op = "QAct";
	node->q = arena(g->c, sizeof(*node->q));
	node->q->in[0] = from;
	node->q->out = to;
	node->in[0] = x;
	node->num_in = 1;
	return true;
}

/* Transpose(D(constant)) -> D(constant) */
static bool transposed_constant(struct graph *g, struct node *node)
{
	struct node *d = is_op(node, "Transpose") ? made_by(node->in[0], "DequantizeLinear") : NULL;
	const struct hostop_attr *perm = node_attr(node, "perm");
	struct node *dq;
	struct value *made;
	int64_t axis;

	if (!d || !is_const(d->in[0]) || !perm)
		return false;
	made = value_new(g->c, d->in[0]->name);
	dq = node_new(g->c, d->op, d, d->num_in, 1);
	memcpy(dq->in, d->in, d->num_in * sizeof(*dq->in));
	axis = node_int(d, "axis", 1);
	axis += axis < 0 ? d->in[0]->t.rank : 0;
	for (size_t i = 0; i < perm->num; i++)
		if (perm->ints[i] == axis) {
			node_set_int(g->c, dq, "axis", (int64_t)i);
			break;
		}
	dq->in[0] = made;
	dq->out[0] = node->out[0];
	dq->out[0]->producer = dq;
	node->in[0] = d->in[0];
	node->out[0] = made;
	fold_node(g, node);
	graph_insert_after(g, node, dq);
	remove_node(g, node);
	return true;
}

/* ---- products ---- */

/* Weights: D(constant), one scale or one an output channel. */
static const struct node *weights_of(const struct value *v, unsigned int axis)
{
	const struct node *d = made_by(v, "DequantizeLinear");
	int64_t at;

	if (!d || !is_const(d->in[0]) || !is_8bit(d->in[0]) || !is_const(d->in[1]) ||
	    (d->num_in > 2 && !is_const(d->in[2])))
		return NULL;
	at = node_int(d, "axis", 1);
	at += at < 0 ? d->in[0]->t.rank : 0;
	return d->in[1]->t.count == 1 || at == axis ? d : NULL;
}

/* bias / scale, where that is whole; else what is added later. */
static void take_bias(struct compile *c, struct quantised *q, const struct value *bias,
		      size_t channels)
{
	const struct node *d = made_by(bias, "DequantizeLinear");
	const struct hostop_tensor *t = d ? &d->in[0]->t : &bias->t;
	int32_t *whole = arena_array(c, channels, sizeof(*whole));
	float *add = arena_array(c, channels, sizeof(*add));
	bool exact = d && t->dtype == HOSTOP_I32 && !(d->num_in > 2 && hostop_get_int(&d->in[2]->t, 0));

	for (size_t i = 0; i < channels; i++) {
		float product = q->in[0].scale * q->scale[i];
		float scale = d ? (float)hostop_get(&d->in[1]->t, d->in[1]->t.count > 1 ? i : 0) : 1;

		whole[i] = exact ? (int32_t)hostop_get_int(t, i) : 0;
		add[i] = (float)hostop_get(t, i) * scale;
		exact = exact && fabsf(scale - product) <= 1e-5f * product;
	}
	q->bias = exact ? whole : NULL;
	q->add = exact ? NULL : add;
}

static bool is_bias(const struct value *v, size_t channels)
{
	const struct node *d = made_by(v, "DequantizeLinear");

	if (d && is_const(d->in[0]) && is_const(d->in[1]) && d->in[0]->t.count == channels)
		return d->num_in < 3 || (is_const(d->in[2]) && d->in[2]->t.count == 1);
	return is_const(v) && v->t.count == channels && hostop_is_float(v->t.dtype);
}

static struct quantised *weights_taken(struct graph *g, struct node *node, const struct node *d,
				       const struct qparam *in, size_t channels)
{
	struct quantised *q = arena(g->c, sizeof(*q));
	float *scale = channel_scales(g->c, d->in[1], channels);

	for (size_t i = 0; i < channels; i++)
		scale[i] *= node->alpha;
	q->in[0] = *in;
	q->scale = scale;
	q->zero = channel_zeros(g->c, d->num_in > 2 ? d->in[2] : NULL, channels);
	node->alpha = 1;
	return q;
}

static bool conv(struct graph *g, struct node *node)
{
	struct value *bias = node->num_in > 2 ? node->in[2] : NULL, *x;
	const struct node *d;
	struct qparam in = { 0 };
	size_t channels;

	if (!is_op(node, "Conv") || is_volume(node))
		return false;
	x = dequantised_from(node->in[0], &in);
	d = weights_of(node->in[1], 0);
	if (!x || !d)
		return false;
	channels = (size_t)d->in[0]->t.dims[0];
	if (bias && !is_bias(bias, channels))
		return false;
	node->q = weights_taken(g, node, d, &in, channels);
	if (bias)
		take_bias(g->c, node->q, bias, channels);
	node->op = "QConv";
	node->in[0] = x;
	node->in[1] = d->in[0];
	node->num_in = 2;
	return true;
}

static bool linear(struct graph *g, struct node *node)
{
	struct qparam in = { 0 };
	const struct node *d;
	struct value *x;

	if (!is_op(node, "MatMul") || node->act.fn)
		return false;
	x = dequantised_from(node->in[0], &in);
	d = weights_of(node->in[1], 1);
	if (!x || !d || d->in[0]->t.rank != 2)
		return false;
	node->q = weights_taken(g, node, d, &in, (size_t)d->in[0]->t.dims[1]);
	node->op = "QLinear";
	node->in[0] = x;
	node->in[1] = d->in[0];
	return true;
}

static bool matmul(struct graph *g, struct node *node)
{
	struct qparam a = { 0 }, b = { 0 };
	struct value *x, *y;

	if (!is_op(node, "MatMul") || node->act.fn)
		return false;
	x = dequantised_from(node->in[0], &a);
	y = dequantised_from(node->in[1], &b);
	if (!x || !y)
		return false;
	node->q = arena(g->c, sizeof(*node->q));
	node->q->in[0] = a;
	node->q->in[1] = b;
	node->op = "QMatMul";
	node->in[0] = x;
	node->in[1] = y;
	return true;
}

/* QLinear(x) + bias, one number a column */
static bool bias_after(struct graph *g, struct node *node)
{
	for (unsigned int i = 0; is_op(node, "Add") && !node->act.fn && i < 2; i++) {
		struct node *product = node->in[i]->producer;
		struct value *bias = node->in[!i];
		size_t channels;

		if (!is_op(product, "QLinear") || !gives_floats(product) || !used_once(node->in[i]) ||
		    product->act.fn || product->residual || product->q->bias || product->q->add)
			continue;
		channels = (size_t)product->in[1]->t.dims[1];
		if (!is_bias(bias, channels) || !same_dims(&node->in[i]->t, &node->out[0]->t) ||
		    bias->t.dims[bias->t.rank - 1] != (int64_t)channels)
			continue;
		if (product->q->dynamic && made_by(bias, "DequantizeLinear"))
			continue;
		take_bias(g->c, product->q, bias, channels);
		replace_uses(g, node->out[0], node->in[i]);
		return true;
	}
	return false;
}

static bool takes_residual(const struct value *v)
{
	const struct node *n = v->producer;

	return gives_floats(n) && used_once(v) && !n->act.fn && !n->residual &&
	       (is_op(n, "QLinear") || (is_op(n, "QConv") && node_int(n, "group", 1) == 1));
}

/* conv(x) + r -> conv(x; r), at the place of the addition */
static bool residual(struct graph *g, struct node *node)
{
	struct value *out = node->out[0], *other, *r;
	struct node *product;
	int i;

	if (!is_op(node, "Add") || !same_dims(&node->in[0]->t, &out->t) ||
	    !same_dims(&node->in[1]->t, &out->t) || node->in[0] == node->in[1])
		return false;
	i = takes_residual(node->in[1]) ? 1 : takes_residual(node->in[0]) ? 0 : -1;
	if (i < 0 || is_const(node->in[!i]))
		return false;
	product = node->in[i]->producer;
	other = node->in[!i];
	r = dequantised_from(other, &product->q->res);
	if (!r)
		product->q->res.on = false;
	product->residual = r ? r : other;
	product->act = node->act;
	product->out[0] = out;
	out->producer = product;
	graph_move_to(g, product, node);
	return true;
}

/* ---- element by element ---- */

static const struct {
	const char *op;
	enum loom_binary fn;
} binaries[] = {
	{ "Add", LOOM_BIN_ADD }, { "Sub", LOOM_BIN_SUB }, { "Mul", LOOM_BIN_MUL },
	{ "Div", LOOM_BIN_DIV }, { "Max", LOOM_BIN_MAX }, { "Min", LOOM_BIN_MIN },
};

/* Operands of 8 bits are taken as they are; any: even if there is none. */
static bool become_binary(struct graph *g, struct node *node, bool any)
{
	struct qparam q[2] = { { 0 } };
	struct value *x[2];

	for (size_t k = 0; k < sizeof(binaries) / sizeof(binaries[0]); k++) {
		if (!is_op(node, binaries[k].op) || node->num_in != 2 ||
		    !hostop_is_float(node->out[0]->t.dtype))
			continue;
		for (int i = 0; i < 2; i++) {
			x[i] = dequantised_from(node->in[i], &q[i]);
			q[i].on = x[i];
		}
		if (!any && !x[0] && !x[1])
			return false;
		node->q = arena(g->c, sizeof(*node->q));
		node->q->fn = binaries[k].fn;
		for (int i = 0; i < 2; i++) {
			node->q->in[i] = q[i];
			node->in[i] = x[i] ? x[i] : node->in[i];
		}
		node->op = "QBinary";
		return true;
	}
	return false;
}

static bool binary(struct graph *g, struct node *node)
{
	return become_binary(g, node, false);
}

/* A function of what a quantised node gives, or of 8-bit numbers. */
static bool act(struct graph *g, struct node *node)
{
	struct node *from = is_op(node, "Act") ? node->in[0]->producer : NULL;
	struct qparam q = { 0 };
	struct value *x;

	if (!from)
		return false;
	if (gives_floats(from) && !from->act.fn && used_once(node->in[0]) && !is_op(from, "QPool")) {
		from->act = node->act;
		replace_uses(g, node->out[0], node->in[0]);
		return true;
	}
	x = dequantised_from(node->in[0], &q);
	if (!x)
		return false;
	node->op = "QAct";
	node->q = arena(g->c, sizeof(*node->q));
	node->q->in[0] = q;
	node->in[0] = x;
	return true;
}

static bool pool(struct graph *g, struct node *node)
{
	struct qparam q = { 0 };
	struct value *x;

	if (!is_op(node, "AveragePool") && !is_op(node, "GlobalAveragePool"))
		return false;
	x = dequantised_from(node->in[0], &q);
	if (!x || node->in[0]->t.rank > 4)
		return false;
	node->q = arena(g->c, sizeof(*node->q));
	node->q->in[0] = q;
	node->in[0] = x;
	node->op = "QPool";
	return true;
}

/* ---- results ---- */

/* Q(node(x)): the node stores 8 bits itself. */
static bool quantise_result(struct graph *g, struct node *node)
{
	struct qparam to = { 0 };
	struct node *from;

	if (!is_op(node, "QuantizeLinear") || !used_once(node->in[0]) ||
	    !read_qparam(node->in[1], node->num_in > 2 ? node->in[2] : NULL, &to))
		return false;
	from = node->in[0]->producer;
	if (is_op(from, "Act")) {
		from->op = "QAct";
		from->q = arena(g->c, sizeof(*from->q));
	}
	if (!from || (!is_quantised(from) && !become_binary(g, from, true)))
		return false;
	if (!gives_floats(from))
		return false;
	from->q->out = to;
	from->out[0] = node->out[0];
	from->out[0]->producer = from;
	remove_node(g, node);
	return true;
}

const rule_fn quantised_rules[] = {
	quantised_operator, transposed_constant, quantise_before, dequantise_after, requantise, conv,
	linear, matmul, bias_after, residual, binary, act, pool, quantise_result, NULL
};
