// SPDX-License-Identifier: MIT
/*
 * --emit-qdq: the graph as ONNX, what is 8-bit as DequantizeLinear -> operators -> QuantizeLinear, for
 * other runtimes and to check this one. Weights are written as uint8 around 128, the same numbers: on
 * a CPU without VNNI ONNX Runtime's products of uint8 and int8 saturate on the way, of uint8 by uint8
 * they are exact.
 */
#include <math.h>
#include <string.h>

#include "onnx_writer.h"
#include "quantised.h"

struct names {
	const struct value **value;
	const char **name;
	unsigned int num_value, num_name;
};

struct emitter {
	struct graph *g;
	struct onnx_writer w;
	struct names names;
};

static void set_name(struct emitter *e, const struct value *v, const char *name)
{
	APPEND(e->g->c, e->names.value, e->names.num_value, v);
	APPEND(e->g->c, e->names.name, e->names.num_name, name);
}

static const char *name_of(struct emitter *e, const struct value *v)
{
	const char *name;

	if (!v)
		return "";
	for (unsigned int i = e->names.num_value; i-- > 0;)
		if (e->names.value[i] == v)
			return e->names.name[i];
	name = is_const(v) ? onnx_tensor(&e->w, &v->t, v->name) : onnx_name(&e->w, v->name);
	set_name(e, v, name);
	return name;
}

static const char *number(struct emitter *e, float f)
{
	return onnx_floats(&e->w, &f, 0);
}

/* ---- scales ---- */

static const char *zero_of(struct emitter *e, enum hostop_dtype dtype, int32_t zero)
{
	struct value *v = value_const(e->g->c, "zero", dtype, 0, NULL);

	hostop_set_int(&v->t, 0, zero);
	return onnx_tensor(&e->w, &v->t, "zero");
}

static const char *convert(struct emitter *e, const char *op, const char *name, const char *x,
			   enum hostop_dtype dtype, const struct qparam *q)
{
	return onnx_node(&e->w, name, op, x, number(e, q->scale), zero_of(e, dtype, q->zero), NULL);
}

/* An operand as a real value. */
static const char *real_of(struct emitter *e, const struct value *v, const struct qparam *q)
{
	return q && q->on ? convert(e, "DequantizeLinear", NULL, name_of(e, v), v->t.dtype, q) :
			    name_of(e, v);
}

static size_t channels_of(const struct node *n)
{
	return (size_t)n->in[1]->t.dims[is_op(n, "QLinear") ? 1 : 0];
}

static struct value *as_unsigned(struct graph *g, const struct value *v, int64_t add)
{
	struct value *u = value_const(g->c, v->name, HOSTOP_U8, v->t.rank, v->t.dims);

	for (size_t i = 0; i < v->t.count; i++)
		hostop_set_int(&u->t, i, hostop_get_int(&v->t, i) + add);
	return u;
}

static const char *weights(struct emitter *e, const struct node *n)
{
	int64_t add = n->in[1]->t.dtype == HOSTOP_I8 ? 128 : 0, channels = (int64_t)channels_of(n);
	struct value *zero = value_const(e->g->c, "zero", HOSTOP_U8, 1, &channels);
	struct value *w = as_unsigned(e->g, n->in[1], add);
	const char *name;

	for (int64_t i = 0; i < channels; i++)
		hostop_set_int(&zero->t, (size_t)i, (n->q->zero ? n->q->zero[i] : 0) + add);
	name = onnx_node(&e->w, NULL, "DequantizeLinear", onnx_tensor(&e->w, &w->t, "weights"),
			 onnx_floats(&e->w, n->q->scale, (size_t)channels),
			 onnx_tensor(&e->w, &zero->t, "zero"), NULL);
	onnx_attr_int(&e->w, "axis", is_op(n, "QLinear") ? 1 : 0);
	return name;
}

static const char *bias(struct emitter *e, const struct node *n)
{
	int64_t channels = (int64_t)channels_of(n);
	struct value *b = value_const(e->g->c, "bias", HOSTOP_I32, 1, &channels);
	float *scale = arena_array(e->g->c, (size_t)channels, sizeof(*scale));
	const char *name;

	for (int64_t i = 0; i < channels; i++) {
		hostop_set_int(&b->t, (size_t)i, n->q->bias[i]);
		scale[i] = n->q->in[0].scale * n->q->scale[i];
	}
	name = onnx_node(&e->w, NULL, "DequantizeLinear", onnx_tensor(&e->w, &b->t, "bias"),
			 onnx_floats(&e->w, scale, (size_t)channels), NULL);
	onnx_attr_int(&e->w, "axis", 0);
	return name;
}

/* ---- functions of one value ---- */

static const char *clipped(struct emitter *e, const char *x, float lo, float hi)
{
	return onnx_node(&e->w, NULL, "Clip", x, number(e, lo), number(e, hi), NULL);
}

static const char *affine(struct emitter *e, const char *x, float alpha, float beta)
{
	if (alpha != 1)
		x = onnx_node(&e->w, NULL, "Mul", x, number(e, alpha), NULL);
	return beta ? onnx_node(&e->w, NULL, "Add", x, number(e, beta), NULL) : x;
}

static const char *gelu(struct emitter *e, const char *x)
{
	const char *y = onnx_node(&e->w, NULL, "Erf", affine(e, x, (float)M_SQRT1_2, 0), NULL);

	return onnx_node(&e->w, NULL, "Mul", affine(e, x, 0.5f, 0), affine(e, y, 1, 1), NULL);
}

static const char *hswish(struct emitter *e, const char *x)
{
	const char *y = clipped(e, affine(e, x, 1.0f / 6, 0.5f), 0, 1);

	return onnx_node(&e->w, NULL, "Mul", x, y, NULL);
}

static const char *simple(struct emitter *e, const char *x, uint32_t fn)
{
	static const char *const ops[LOOM_UN_COUNT] = {
		[LOOM_UN_RELU] = "Relu", [LOOM_UN_SIGMOID] = "Sigmoid", [LOOM_UN_TANH] = "Tanh",
		[LOOM_UN_ERF] = "Erf", [LOOM_UN_EXP] = "Exp", [LOOM_UN_LOG] = "Log",
		[LOOM_UN_SQRT] = "Sqrt", [LOOM_UN_RECIP] = "Reciprocal", [LOOM_UN_NEG] = "Neg",
		[LOOM_UN_ABS] = "Abs", [LOOM_UN_FLOOR] = "Floor", [LOOM_UN_CEIL] = "Ceil",
		[LOOM_UN_SIN] = "Sin", [LOOM_UN_COS] = "Cos",
	};

	return onnx_node(&e->w, NULL, ops[fn], x, NULL);
}

static const char *act(struct emitter *e, const char *x, const struct loom_act *a)
{
	switch (a->fn) {
	case LOOM_UN_NONE: return x;
	case LOOM_UN_CLIP: return clipped(e, x, a->alpha, a->beta);
	case LOOM_UN_LEAKY:
		x = onnx_node(&e->w, NULL, "LeakyRelu", x, NULL);
		onnx_attr_float(&e->w, "alpha", a->alpha);
		return x;
	case LOOM_UN_HSIGMOID: return clipped(e, affine(e, x, a->alpha, a->beta), 0, 1);
	case LOOM_UN_HSWISH: return hswish(e, x);
	case LOOM_UN_GELU: return gelu(e, x);
	case LOOM_UN_SILU: return onnx_node(&e->w, NULL, "Mul", x, simple(e, x, LOOM_UN_SIGMOID), NULL);
	case LOOM_UN_AFFINE: return affine(e, x, a->alpha, a->beta);
	case LOOM_UN_POW: return onnx_node(&e->w, NULL, "Pow", x, number(e, a->alpha), NULL);
	default: return simple(e, x, a->fn);
	}
}

/* ---- nodes ---- */

static void copy_attrs(struct emitter *e, const struct node *n)
{
	for (unsigned int i = 0; i < n->num_attrs; i++)
		onnx_attr(&e->w, &n->attrs[i]);
}

static const char *conv(struct emitter *e, const struct node *n)
{
	const char *x = real_of(e, n->in[0], n->q ? &n->q->in[0] : NULL);
	const char *w = n->q ? weights(e, n) : name_of(e, n->in[1]);
	const char *b = n->q ? n->q->bias ? bias(e, n) : NULL :
			n->num_in > 2 && n->in[2] ? name_of(e, n->in[2]) : NULL;

	x = onnx_node(&e->w, NULL, is_op(n, "ConvTranspose") ? "ConvTranspose" : "Conv", x, w, b, NULL);
	copy_attrs(e, n);
	if (!n->q || !n->q->add)
		return x;
	fail_node(e->g->c, n, "a bias that is no multiple of the scales cannot be written as ONNX");
}

static const char *linear(struct emitter *e, const struct node *n)
{
	const char *x = real_of(e, n->in[0], n->q ? &n->q->in[0] : NULL);
	const char *w = n->q ? weights(e, n) : name_of(e, n->in[1]), *b = NULL;

	if (n->q && n->q->bias)
		b = bias(e, n);
	else if (n->q && n->q->add)
		b = onnx_floats(&e->w, n->q->add, channels_of(n));
	else if (!n->q && n->num_in > 2 && n->in[2])
		b = name_of(e, n->in[2]);
	if (n->in[0]->t.rank == 2)
		return onnx_node(&e->w, NULL, "Gemm", x, w, b, NULL);
	x = onnx_node(&e->w, NULL, "MatMul", x, w, NULL);
	return b ? onnx_node(&e->w, NULL, "Add", x, b, NULL) : x;
}

static const char *norm(struct emitter *e, const struct node *n)
{
	int64_t len = n->in[0]->t.dims[n->in[0]->t.rank - 1];
	struct value *one = value_const(e->g->c, "one", HOSTOP_F32, 1, &len);
	bool gamma = n->num_in > 1 && n->in[1], beta = n->num_in > 2 && n->in[2];
	const char *x;

	for (int64_t i = 0; i < len; i++)
		hostop_set(&one->t, (size_t)i, 1);
	x = onnx_node(&e->w, NULL, "LayerNormalization", name_of(e, n->in[0]),
		      name_of(e, gamma ? n->in[1] : one), beta ? name_of(e, n->in[2]) : NULL, NULL);
	onnx_attr_float(&e->w, "epsilon", n->eps);
	return x;
}

static const char *binary_op(enum loom_binary fn)
{
	static const char *const ops[] = { "Add", "Sub", "Mul", "Div", "Max", "Min", "Pow" };

	return ops[fn];
}

/* Axes and sizes that were attributes before opset 13 are inputs. */
static void moved_attribute(struct emitter *e, const struct node *n)
{
	const char *name = is_op(n, "Split") ? "split" : "axes";
	bool moved = is_op(n, "Split") || is_op(n, "Squeeze") || is_op(n, "Unsqueeze") ||
		     is_op(n, "ReduceSum");

	for (unsigned int i = 0; i < n->num_attrs; i++) {
		if (moved && !strcmp(n->attrs[i].name, name))
			onnx_add_input(&e->w, onnx_ints(&e->w, n->attrs[i].ints, n->attrs[i].num));
		else
			onnx_attr(&e->w, &n->attrs[i]);
	}
}

static void check_opset(struct emitter *e, const struct node *n)
{
	bool old = n->opset && n->opset < 11 && (is_op(n, "Pad") || is_op(n, "Slice") ||
						 is_op(n, "Resize") || is_op(n, "Upsample"));
	bool flat = n->opset && n->opset < 13 && (is_op(n, "Softmax") || is_op(n, "LogSoftmax")) &&
		    node_int(n, "axis", 1) != -1 && node_int(n, "axis", 1) != n->in[0]->t.rank - 1;

	if (old || flat || is_op(n, "Upsample"))
		fail_node(e->g->c, n, "its form of opset %d cannot be written as ONNX", n->opset);
}

static void other(struct emitter *e, const struct node *n)
{
	check_opset(e, n);
	onnx_begin_node(&e->w, n->op);
	for (unsigned int i = 0; i < n->num_in; i++)
		onnx_add_input(&e->w, name_of(e, n->in[i]));
	moved_attribute(e, n);
	for (unsigned int i = 0; i < n->num_out; i++)
		onnx_add_output(&e->w, name_of(e, n->out[i]));
}

static const char *body(struct emitter *e, const struct node *n)
{
	const char *x;

	if (is_op(n, "Conv") || is_op(n, "QConv") || is_op(n, "ConvTranspose"))
		return conv(e, n);
	if (is_op(n, "Linear") || is_op(n, "QLinear"))
		return linear(e, n);
	if (is_op(n, "Norm"))
		return norm(e, n);
	if (is_op(n, "Act") || is_op(n, "QAct"))
		return real_of(e, n->in[0], n->q ? &n->q->in[0] : NULL);
	if (is_op(n, "QPool")) {
		x = real_of(e, n->in[0], &n->q->in[0]);
		x = onnx_node(&e->w, NULL, n->origin, x, NULL);
		copy_attrs(e, n);
		return x;
	}
	x = onnx_node(&e->w, NULL, n->q ? is_op(n, "QBinary") ? binary_op(n->q->fn) : "MatMul" : n->op,
		      real_of(e, n->in[0], n->q ? &n->q->in[0] : NULL),
		      real_of(e, n->in[1], n->q ? &n->q->in[1] : NULL), NULL);
	return affine(e, x, n->alpha, 0);
}

static bool is_ours(const struct node *n)
{
	return n->q || n->act.fn || n->residual || n->alpha != 1 || is_op(n, "Linear") ||
	       is_op(n, "Norm") || is_op(n, "Act") || is_op(n, "Conv");
}

static void emit_node(struct emitter *e, const struct node *n)
{
	const char *x;

	if (n->q && n->q->dynamic)
		fail_node(e->g->c, n, "a dynamically quantised product cannot be written as ONNX");
	if (!is_ours(n)) {
		other(e, n);
		return;
	}
	x = body(e, n);
	if (n->residual)
		x = onnx_node(&e->w, NULL, "Add", x,
			      real_of(e, n->residual, n->q ? &n->q->res : NULL), NULL);
	x = act(e, x, &n->act);
	if (n->q && n->q->out.on)
		convert(e, "QuantizeLinear", name_of(e, n->out[0]), x, n->out[0]->t.dtype, &n->q->out);
	else
		onnx_node(&e->w, name_of(e, n->out[0]), "Identity", x, NULL);
}

static int opset_for(const struct graph *g)
{
	int opset = 13;

	for (unsigned int i = 0; i < g->num_nodes; i++) {
		const struct node *n = g->nodes[i];

		if (n && n->opset > opset)
			opset = n->opset;
		if (is_op(n, "Norm") && opset < 17)
			opset = 17;
	}
	return opset;
}

void emit_qdq(struct graph *g)
{
	struct emitter e = { .g = g };

	onnx_begin(&e.w, g->c, opset_for(g));
	for (unsigned int i = 0; i < g->num_inputs; i++) {
		set_name(&e, g->inputs[i].value, g->inputs[i].name);
		onnx_port(&e.w, false, g->inputs[i].name, &g->inputs[i].value->t);
	}
	for (unsigned int i = 0; i < g->num_nodes; i++)
		if (g->nodes[i])
			emit_node(&e, g->nodes[i]);
	for (unsigned int i = 0; i < g->num_outputs; i++) {
		onnx_node(&e.w, g->outputs[i].name, "Identity", name_of(&e, g->outputs[i].value), NULL);
		onnx_port(&e.w, true, g->outputs[i].name, &g->outputs[i].value->t);
	}
	g->c->result->qdq = onnx_end(&e.w, &g->c->result->qdq_size);
}
