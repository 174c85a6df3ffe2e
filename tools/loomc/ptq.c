// SPDX-License-Identifier: MIT
/*
 * Which values become 8-bit, and by which scale. The MAC array is as fast on 16 bits as on 8: what
 * 8 bits save is weights, on DRAM and in SRAM, and room for activations. So the constant weights of
 * Conv and Linear become 8-bit, therefore their inputs, and with them whatever only moves such an
 * input. Other nodes take and give 8 bits where they meet such values, in the same command.
 */
#include <math.h>
#include <string.h>

#include "calibrate.h"

#define FLT_MIN_SCALE 1e-30f	/* of a channel whose weights are all zero */

static unsigned int data_inputs(const struct node *n)
{
	return is_op(n, "Concat") ? n->num_in : 1;
}

/* What is moved: computed values, not constants, and numbers, not indices. */
static bool all_floats(const struct node *n)
{
	for (unsigned int i = 0; i < data_inputs(n); i++)
		if (is_const(n->in[i]) || n->in[i]->t.dtype == HOSTOP_I64 ||
		    n->in[i]->t.dtype == HOSTOP_I32)
			return false;
	return true;
}

/* Input and output are the same numbers: they share a scale. */
static bool shares_scale(const struct node *n)
{
	static const char *const ops[] = {
		"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Expand", "Tile",
		"DepthToSpace", "SpaceToDepth", "MaxPool", "Identity", "Concat", "Split",
	};

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (is_op(n, ops[i]))
			return all_floats(n) && (!is_op(n, "MaxPool") || n->num_out == 1);
	return is_op(n, "Resize") && !strcmp(node_string(n, "mode", "nearest"), "nearest");
}

/* One filter a channel: it has few weights, and channels of ranges that one scale does not serve. */
static bool is_depthwise(const struct node *n)
{
	return is_op(n, "Conv") && n->in[1]->t.dims[1] == 1 && node_int(n, "group", 1) > 1;
}

static bool is_product(const struct node *n)
{
	return (is_op(n, "Conv") || is_op(n, "Linear")) && is_const(n->in[1]) && !n->q && !is_volume(n) &&
	       (n->num_in < 3 || !n->in[2] || is_const(n->in[2]));
}

static bool is_wanted_product(const struct graph *g, const struct node *n)
{
	return is_product(n) && !(g->c->options->depthwise_fp16 && is_depthwise(n));
}

/* ---- which values ---- */

static struct value *root(struct value *v)
{
	while (v->observed->same)
		v = v->observed->same;
	return v;
}

static void unite(struct value *a, struct value *b)
{
	struct observed *x, *y;

	a = root(a);
	b = root(b);
	if (a == b)
		return;
	x = a->observed;
	y = b->observed;
	y->same = a;
	x->lo = fminf(x->lo, y->lo);
	x->hi = fmaxf(x->hi, y->hi);
}

static void want(struct graph *g, struct value *v)
{
	struct node *n = v->producer;

	if (observed_of(g->c, v)->wanted || is_const(v))
		return;
	v->observed->wanted = true;
	if (!n || !shares_scale(n))
		return;
	for (unsigned int i = 0; i < n->num_out; i++) {
		unite(v, n->out[i]);
		n->out[i]->observed->wanted = true;
	}
	for (unsigned int i = 0; i < data_inputs(n); i++) {
		want(g, n->in[i]);
		unite(v, n->in[i]);
	}
}

/* Unsigned, so that what a ReLU left has all steps. */
static void choose(struct value *v)
{
	const struct observed *o = root(v)->observed;
	float range = o->hi - o->lo;
	struct qparam q = { .on = true, .scale = 1 };

	if (range > 0) {
		q.scale = range / 255;
		q.zero = (int32_t)nearbyintf(-o->lo / q.scale);
	}
	v->observed->q = q;
}

static bool is_wanted(const struct value *v)
{
	return v && v->observed && v->observed->wanted;
}

/* ---- weights ---- */

static size_t channel_of(const struct node *n, size_t i)
{
	const struct hostop_tensor *w = &n->in[1]->t;

	return is_op(n, "Linear") ? i % (size_t)w->dims[1] : i / (w->count / (size_t)w->dims[0]);
}

/*
 * Symmetric, one scale an output channel: its greatest weight is 127 steps; more a step where the
 * bias would otherwise not fit 30 bits.
 */
static float *weight_scales(struct compile *c, const struct node *n, float in_scale, size_t channels)
{
	float *scale = arena_array(c, channels, sizeof(*scale));

	for (size_t i = 0; i < n->in[1]->t.count; i++) {
		size_t k = channel_of(n, i);

		scale[k] = fmaxf(scale[k], fabsf((float)hostop_get(&n->in[1]->t, i)) / 127);
	}
	for (size_t k = 0; k < channels; k++) {
		float bias = n->num_in > 2 && n->in[2] ? fabsf((float)hostop_get(&n->in[2]->t, k)) : 0;

		scale[k] = fmaxf(scale[k], bias / in_scale * 0x1p-30f);
		scale[k] = scale[k] > FLT_MIN_SCALE ? scale[k] : FLT_MIN_SCALE;
	}
	return scale;
}

static struct value *quantised_weights(struct compile *c, const struct node *n, const float *scale)
{
	const struct value *w = n->in[1];
	struct value *q = value_const(c, w->name, HOSTOP_I8, w->t.rank, w->t.dims);

	for (size_t i = 0; i < w->t.count; i++) {
		float v = nearbyintf((float)hostop_get(&w->t, i) / scale[channel_of(n, i)]);

		hostop_set_int(&q->t, i, v < -127 ? -127 : v > 127 ? 127 : (int64_t)v);
	}
	return q;
}

static const int32_t *quantised_bias(struct compile *c, const struct node *n, float in_scale,
				     const float *scale, size_t channels)
{
	int32_t *bias;

	if (n->num_in < 3 || !n->in[2])
		return NULL;
	bias = arena_array(c, channels, sizeof(*bias));
	for (size_t k = 0; k < channels; k++)
		bias[k] = (int32_t)nearbyintf((float)hostop_get(&n->in[2]->t, k) /
					      (in_scale * scale[k]));
	return bias;
}

static void quantise_product(struct graph *g, struct node *n)
{
	size_t channels = (size_t)n->in[1]->t.dims[is_op(n, "Linear") ? 1 : 0];
	struct quantised *q = arena(g->c, sizeof(*q));
	float *scale;

	q->in[0] = n->in[0]->observed->q;
	scale = weight_scales(g->c, n, q->in[0].scale, channels);
	q->scale = scale;
	q->bias = quantised_bias(g->c, n, q->in[0].scale, scale, channels);
	if (is_wanted(n->residual))
		q->res = n->residual->observed->q;
	n->in[1] = quantised_weights(g->c, n, scale);
	n->op = is_op(n, "Conv") ? "QConv" : "QLinear";
	n->num_in = 2;
	n->q = q;
}

/* ---- nodes that meet 8-bit values ---- */

static bool takes_residual_only(const struct node *n)
{
	return is_op(n, "Conv") || is_op(n, "Linear");
}

static bool binary_fn(const struct node *n, enum loom_binary *fn)
{
	static const struct {
		const char *op;
		enum loom_binary fn;
	} names[] = {
		{ "Add", LOOM_BIN_ADD }, { "Sub", LOOM_BIN_SUB }, { "Mul", LOOM_BIN_MUL },
		{ "Div", LOOM_BIN_DIV }, { "Max", LOOM_BIN_MAX }, { "Min", LOOM_BIN_MIN },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is_op(n, names[i].op)) {
			*fn = names[i].fn;
			return hostop_is_float(n->out[0]->t.dtype) && n->num_in == 2;
		}
	return false;
}

/* Nodes with an 8-bit form get it where an input or the result is to be of 8 bits. */
static void meet(struct graph *g, struct node *n)
{
	bool in = false, pool = is_op(n, "AveragePool") || is_op(n, "GlobalAveragePool");
	enum loom_binary fn = 0;

	for (unsigned int i = 0; i < n->num_in && i < 2; i++)
		in = in || is_wanted(n->in[i]);
	if (!in && (pool || !is_wanted(n->out[0])))
		return;
	if (!binary_fn(n, &fn) && !is_op(n, "Act") && !(pool && n->in[0]->t.rank <= 4))
		return;
	n->q = arena(g->c, sizeof(*n->q));
	n->q->fn = fn;
	for (unsigned int i = 0; i < n->num_in && i < 2; i++)
		if (is_wanted(n->in[i]))
			n->q->in[i] = n->in[i]->observed->q;
	n->op = pool ? "QPool" : is_op(n, "Act") ? "QAct" : "QBinary";
}

static struct value *scalar_of(struct compile *c, double v, enum hostop_dtype dtype)
{
	struct value *k = value_const(c, "scale", dtype, 0, NULL);

	hostop_set(&k->t, 0, v);
	return k;
}

static struct node *convert(struct graph *g, const char *op, const struct node *like, struct value *in,
			    struct value *out, const struct qparam *q)
{
	struct node *n = node_new(g->c, op, like, 3, 1);

	n->in[0] = in;
	n->in[1] = scalar_of(g->c, (double)q->scale, HOSTOP_F32);
	n->in[2] = scalar_of(g->c, q->zero, HOSTOP_U8);
	n->out[0] = out;
	out->producer = n;
	return n;
}

/* v as floats, for nodes that have no 8-bit form; made once. */
static struct value *floats_of(struct graph *g, struct node *at, struct value *v)
{
	struct observed *o = v->observed;

	if (o->floats)
		return o->floats;
	o->floats = value_new(g->c, v->name);
	o->floats->t = v->t;
	o->floats->t.dtype = HOSTOP_F32;
	graph_insert_before(g, at, convert(g, "DequantizeLinear", at, v, o->floats, &o->q));
	return o->floats;
}

static bool takes_8bit(const struct node *n)
{
	return n->q || (shares_scale(n) && is_wanted(n->out[0]));
}

static void fix_inputs(struct graph *g, struct node *n)
{
	for (unsigned int i = 0; i < n->num_in; i++)
		if (is_wanted(n->in[i]) && !takes_8bit(n))
			n->in[i] = floats_of(g, n, n->in[i]);
	if (is_wanted(n->residual) && !n->q && takes_residual_only(n))
		n->residual = floats_of(g, n, n->residual);
}

/* The result as it was made, then as it is wanted. */
static void fix_outputs(struct graph *g, struct node *n)
{
	for (unsigned int i = 0; i < n->num_out; i++) {
		struct value *v = n->out[i], *made;

		if (!is_wanted(v))
			continue;
		if (n->q) {
			n->q->out = v->observed->q;
		} else if (!shares_scale(n)) {
			made = value_new(g->c, v->name);
			made->t = v->t;
			made->t.dtype = HOSTOP_F32;
			made->producer = n;
			made->observed = NULL;
			n->out[i] = made;
			graph_insert_after(g, n, convert(g, "QuantizeLinear", n, made, v,
							 &v->observed->q));
		}
		v->t.dtype = HOSTOP_U8;
	}
}

/* Outputs of the model stay floats, and inputs: the device converts. */
static void fix_ports(struct graph *g)
{
	for (unsigned int i = 0; i < g->num_inputs; i++) {
		struct value *v = g->inputs[i].value, *q;

		if (!is_wanted(v))
			continue;
		q = value_new(g->c, v->name);
		q->t = v->t;
		q->t.dtype = HOSTOP_U8;
		q->observed = v->observed;
		v->observed = NULL;
		replace_uses(g, v, q);
		g->inputs[i].value = v;
		graph_insert_before(g, g->nodes[0], convert(g, "QuantizeLinear", g->nodes[0], v, q,
							    &q->observed->q));
	}
}

static void quantise_outputs(struct graph *g)
{
	for (unsigned int i = 0; i < g->num_outputs; i++) {
		struct value *v = g->outputs[i].value, *f;

		if (!is_wanted(v))
			continue;
		f = value_new(g->c, v->name);
		f->t = v->t;
		f->t.dtype = HOSTOP_F32;
		APPEND(g->c, g->nodes, g->num_nodes,
		       convert(g, "DequantizeLinear", v->producer, v, f, &v->observed->q));
		g->outputs[i].value = f;
	}
}

void quantise_graph(struct graph *g)
{
	unsigned int products = 0;

	for (unsigned int i = 0; i < g->num_nodes; i++)
		if (is_wanted_product(g, g->nodes[i])) {
			want(g, g->nodes[i]->in[0]);
			products++;
		}
	for (unsigned int i = 0; i < g->num_nodes; i++) {
		struct node *n = g->nodes[i];

		for (unsigned int k = 0; k < n->num_in; k++)
			if (is_wanted(n->in[k]))
				choose(n->in[k]);
		for (unsigned int k = 0; k < n->num_out; k++)
			if (is_wanted(n->out[k]))
				choose(n->out[k]);
	}
	fix_ports(g);
	for (unsigned int i = 0; i < g->num_nodes; i++) {
		struct node *n = g->nodes[i];

		if (is_wanted_product(g, n))
			quantise_product(g, n);
		else if (!is_op(n, "QuantizeLinear") && !is_op(n, "DequantizeLinear"))
			meet(g, n);
	}
	for (unsigned int i = 0; i < g->num_nodes; i++) {
		struct node *n = g->nodes[i];

		if (is_op(n, "QuantizeLinear") || is_op(n, "DequantizeLinear"))
			continue;
		fix_inputs(g, n);
		i = graph_index_of(g, n);
		fix_outputs(g, n);
	}
	quantise_outputs(g);
	graph_drop_dead(g);
	if (!products)
		note(g->c, "nothing to quantise: the model has no constant weights");
}
