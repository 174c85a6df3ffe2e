// SPDX-License-Identifier: MIT
/* Many spellings of the same thing become few, so that the patterns need to know one each. */
#include <math.h>
#include <string.h>

#include "passes.h"

static bool is_float(const struct value *v)
{
	return hostop_is_float(v->t.dtype);
}

/* node becomes Act(x). */
static bool become_act(struct node *node, struct value *x, enum loom_unary fn, double alpha,
		       double beta)
{
	node->op = "Act";
	node->in[0] = x;
	node->num_in = 1;
	node->act = (struct loom_act){ .fn = fn, .alpha = (float)alpha, .beta = (float)beta };
	return true;
}

/* ---- functions of one value ---- */

static const struct {
	const char *op;
	enum loom_unary fn;
	float alpha, beta;	/* defaults of ONNX's attributes of these names */
} unaries[] = {
	{ "Relu", LOOM_UN_RELU }, { "LeakyRelu", LOOM_UN_LEAKY, 0.01f },
	{ "HardSigmoid", LOOM_UN_HSIGMOID, 0.2f, 0.5f }, { "HardSwish", LOOM_UN_HSWISH },
	{ "Sigmoid", LOOM_UN_SIGMOID }, { "Tanh", LOOM_UN_TANH }, { "Erf", LOOM_UN_ERF },
	{ "Exp", LOOM_UN_EXP }, { "Log", LOOM_UN_LOG }, { "Sqrt", LOOM_UN_SQRT },
	{ "Reciprocal", LOOM_UN_RECIP }, { "Neg", LOOM_UN_AFFINE, -1, 0 },
	{ "Abs", LOOM_UN_ABS }, { "Floor", LOOM_UN_FLOOR }, { "Ceil", LOOM_UN_CEIL },
	{ "Sin", LOOM_UN_SIN }, { "Cos", LOOM_UN_COS },
};

static float attr_or(const struct node *node, const char *name, float otherwise)
{
	const struct hostop_attr *a = node_attr(node, name);

	return a && a->type == HOSTOP_ATTR_FLOAT ? a->f : otherwise;
}

static bool unary(struct graph *g, struct node *node)
{
	for (size_t i = 0; i < sizeof(unaries) / sizeof(unaries[0]); i++)
		if (is_op(node, unaries[i].op) && is_float(node->out[0]))
			return become_act(node, node->in[0], unaries[i].fn,
					  attr_or(node, "alpha", unaries[i].alpha),
					  attr_or(node, "beta", unaries[i].beta));
	if (is_op(node, "Gelu") && !strcmp(node_string(node, "approximate", "none"), "none"))
		return become_act(node, node->in[0], LOOM_UN_GELU, 0, 0);
	return false;
}

static bool clip(struct graph *g, struct node *node)
{
	double lo = attr_or(node, "min", -INFINITY), hi = attr_or(node, "max", INFINITY);

	if (!is_op(node, "Clip") || !is_float(node->out[0]))
		return false;
	if (node->num_in > 1 && node->in[1] && !is_scalar(node->in[1], &lo))
		return false;
	if (node->num_in > 2 && node->in[2] && !is_scalar(node->in[2], &hi))
		return false;
	return become_act(node, node->in[0], LOOM_UN_CLIP, lo, hi);
}

/* ---- two values, one of them a constant ---- */

/* The constant operand's number, its value in *c, the other operand in *x; -1: not so. */
static int scalar_operand(const struct node *node, struct value **x, double *c)
{
	if (node->num_in != 2 || !is_float(node->out[0]))
		return -1;
	for (int i = 0; i < 2; i++) {
		*x = node->in[!i];
		if (is_scalar(node->in[i], c) && same_dims(&(*x)->t, &node->out[0]->t))
			return i;
	}
	return -1;
}

static bool pow_scalar(struct graph *g, struct node *node, struct value *x, double c)
{
	if (c == 1)
		return become_act(node, x, LOOM_UN_AFFINE, 1, 0);
	if (c == 0.5)
		return become_act(node, x, LOOM_UN_SQRT, 0, 0);
	return become_act(node, x, LOOM_UN_POW, c, 0);
}

static bool binary_scalar(struct graph *g, struct node *node)
{
	struct value *x;
	double c;
	int i = scalar_operand(node, &x, &c);

	if (i < 0 || node->act.fn)
		return false;
	if (is_op(node, "Add"))
		return become_act(node, x, LOOM_UN_AFFINE, 1, c);
	if (is_op(node, "Mul"))
		return become_act(node, x, LOOM_UN_AFFINE, c, 0);
	if (is_op(node, "Sub"))
		return become_act(node, x, LOOM_UN_AFFINE, i ? 1 : -1, i ? -c : c);
	if (is_op(node, "Max"))
		return become_act(node, x, LOOM_UN_CLIP, c, INFINITY);
	if (is_op(node, "Min"))
		return become_act(node, x, LOOM_UN_CLIP, -INFINITY, c);
	if (is_op(node, "Div") && i)
		return become_act(node, x, LOOM_UN_AFFINE, 1 / c, 0);
	if (is_op(node, "Pow") && i)
		return pow_scalar(g, node, x, c);
	if (is_op(node, "Div"))
		return become_act(node, insert_act(g, node, x, LOOM_UN_RECIP, 0, 0), LOOM_UN_AFFINE, c, 0);
	return false;
}

/* Sub and Div by a constant tensor become Add and Mul. */
static bool inverse_constant(struct graph *g, struct node *node)
{
	bool div = is_op(node, "Div");
	struct value *k, *made;

	if ((!div && !is_op(node, "Sub")) || !is_const(node->in[1]) || !is_float(node->out[0]))
		return false;
	k = node->in[1];
	made = value_const(g->c, k->name, HOSTOP_F32, k->t.rank, k->t.dims);
	for (size_t i = 0; i < k->t.count; i++)
		hostop_set(&made->t, i, div ? 1 / number_at(k, i) : -number_at(k, i));
	node->op = div ? "Mul" : "Add";
	node->in[1] = made;
	return true;
}

/* Sum and the variadic Max, Min, Mean become pairs. */
static bool variadic(struct graph *g, struct node *node)
{
	bool sum = is_op(node, "Sum"), mean = is_op(node, "Mean");
	const char *op = sum || mean ? "Add" : node->op;
	struct value *acc = node->in[0];

	if (!sum && !mean && !((is_op(node, "Max") || is_op(node, "Min")) && node->num_in != 2))
		return false;
	for (unsigned int i = 1; i < node->num_in; i++) {
		struct node *pair = insert_before(g, node, op, 2, &node->out[0]->t);

		pair->in[0] = acc;
		pair->in[1] = node->in[i];
		fold_node(g, pair);
		acc = pair->out[0];
	}
	return become_act(node, acc, LOOM_UN_AFFINE, mean ? 1.0 / node->num_in : 1, 0);
}

/* PRelu(x, s) = max(x, 0) + s min(x, 0) */
static bool prelu(struct graph *g, struct node *node)
{
	struct value *low, *x = node->in[0];
	struct node *mul;
	double slope;

	if (!is_op(node, "PRelu"))
		return false;
	if (is_scalar(node->in[1], &slope))
		return become_act(node, x, LOOM_UN_LEAKY, slope, 0);
	low = insert_act(g, node, x, LOOM_UN_CLIP, -INFINITY, 0);
	mul = insert_before(g, node, "Mul", 2, &x->t);
	mul->in[0] = low;
	mul->in[1] = node->in[1];
	node->op = "Add";
	node->in[0] = insert_act(g, node, x, LOOM_UN_RELU, 0, 0);
	node->in[1] = mul->out[0];
	return true;
}

/* ---- products ---- */

/* B of a Gemm as the matrix it stands for, times alpha. */
static struct value *gemm_weights(struct graph *g, const struct node *node)
{
	struct value *b = node->in[1], *w;
	int64_t transposed = node_int(node, "transB", 0), k = b->t.dims[transposed],
		n = b->t.dims[!transposed];
	float alpha = attr_or(node, "alpha", 1);

	w = value_const(g->c, b->name, HOSTOP_F32, 2, (int64_t []){ k, n });
	for (int64_t i = 0; i < k * n; i++)
		hostop_set(&w->t, (size_t)i, alpha *
			   number_at(b, (size_t)(transposed ? i % n * k + i / n : i)));
	return w;
}

static struct value *scaled(struct graph *g, struct node *at, struct value *v, float by)
{
	return v && by != 1 ? insert_act(g, at, v, LOOM_UN_AFFINE, by, 0) : v;
}

static struct value *transposed(struct graph *g, struct node *at, struct value *v)
{
	struct hostop_tensor shape = v->t;
	struct node *n;

	shape.dims[0] = v->t.dims[1];
	shape.dims[1] = v->t.dims[0];
	n = insert_before(g, at, "Transpose", 1, &shape);
	n->in[0] = v;
	node_set_ints(g->c, n, "perm", (int64_t []){ 1, 0 }, 2);
	return n->out[0];
}

static bool gemm(struct graph *g, struct node *node)
{
	float alpha = attr_or(node, "alpha", 1), beta = attr_or(node, "beta", 1);
	struct value *c = node->num_in > 2 ? node->in[2] : NULL, *a = node->in[0];
	struct node *product;

	if (!is_op(node, "Gemm"))
		return false;
	product = insert_before(g, node, "MatMul", 2, &node->out[0]->t);
	if (node_int(node, "transA", 0))
		a = transposed(g, product, a);
	if (is_const(node->in[1])) {
		product->in[1] = gemm_weights(g, node);
	} else {
		product->in[1] = node_int(node, "transB", 0) ?
				 transposed(g, product, node->in[1]) : node->in[1];
		product->alpha = alpha;
	}
	product->in[0] = a;
	if (!c || !beta) {
		replace_uses(g, node->out[0], product->out[0]);
		return true;
	}
	node->op = "Add";
	node->in[0] = product->out[0];
	node->in[1] = scaled(g, node, c, beta);
	node->num_in = 2;
	return true;
}

static bool matmul_constant(struct graph *g, struct node *node)
{
	struct value *w = node->num_in > 1 ? node->in[1] : NULL;

	if (!is_op(node, "MatMul") || !is_const(w) || w->t.rank != 2 || is_const(node->in[0]) ||
	    node->in[0]->t.rank < 1)
		return false;
	node->op = "Linear";
	if (node->alpha != 1) {
		struct value *k = value_scalar(g->c, node->alpha);
		struct node *mul = node_new(g->c, "Mul", node, 2, 1);

		mul->in[0] = w;
		mul->in[1] = k;
		mul->out[0] = value_new(g->c, w->name);
		fold_node(g, mul);
		node->in[1] = mul->out[0];
		node->alpha = 1;
	}
	return true;
}

/* One number a channel of x, to multiply or add. */
static struct value *channel_constant(struct graph *g, const struct value *x, const char *name)
{
	int64_t dims[HOSTOP_MAX_DIMS];

	for (unsigned int d = 0; d < x->t.rank; d++)
		dims[d] = d == 1 ? x->t.dims[1] : 1;
	return value_const(g->c, name, HOSTOP_F32, x->t.rank, dims);
}

/* node becomes x scale + shift. */
static bool become_affine(struct graph *g, struct node *node, struct value *x, struct value *scale,
			  struct value *shift)
{
	struct node *mul = insert_before(g, node, "Mul", 2, &node->out[0]->t);

	mul->in[0] = x;
	mul->in[1] = scale;
	node->op = "Add";
	node->in[0] = mul->out[0];
	node->in[1] = shift;
	node->num_in = 2;
	return true;
}

static bool all_const(const struct node *node, unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++)
		if (!is_const(node->in[i]))
			return false;
	return true;
}

/* BatchNormalization is a multiplication and an addition a channel. */
static bool batch_norm(struct graph *g, struct node *node)
{
	struct value *x = node->in[0], *scale, *shift;

	if (!is_op(node, "BatchNormalization") || !all_const(node, 1, 5))
		return false;
	scale = channel_constant(g, x, node->in[1]->name);
	shift = channel_constant(g, x, node->in[2]->name);
	for (size_t i = 0; i < scale->t.count; i++) {
		double s = hostop_get(&node->in[1]->t, i) /
			   sqrt(hostop_get(&node->in[4]->t, i) + attr_or(node, "epsilon", 1e-5f));

		hostop_set(&scale->t, i, s);
		hostop_set(&shift->t, i, hostop_get(&node->in[2]->t, i) -
			   s * hostop_get(&node->in[3]->t, i));
	}
	return become_affine(g, node, x, scale, shift);
}

static bool layer_norm(struct graph *g, struct node *node)
{
	unsigned int rank = node->in[0]->t.rank;
	int64_t axis = node_int(node, "axis", -1);

	if (!is_op(node, "LayerNormalization") || (axis != -1 && axis != (int64_t)rank - 1))
		return false;
	if (!is_const(node->in[1]) || (node->num_in > 2 && !is_const(node->in[2])))
		return false;
	for (unsigned int i = 1; i < node->num_out; i++)
		if (node->out[i]->uses)
			return false;
	node->op = "Norm";
	node->eps = attr_or(node, "epsilon", 1e-5f);
	return true;
}

static struct value *as_channels(struct graph *g, const struct value *x, const struct value *v)
{
	struct value *k = channel_constant(g, x, v->name);

	for (size_t i = 0; i < k->t.count; i++)
		hostop_set(&k->t, i, number_at(v, i));
	return k;
}

/* InstanceNormalization(x) = Norm over everything but batch and channel, then a scale and shift. */
static bool instance_norm(struct graph *g, struct node *node)
{
	struct value *x = node->in[0];
	struct hostop_tensor rows;
	struct node *flat, *norm, *back;
	int64_t n = 1;

	if (!is_op(node, "InstanceNormalization") || !all_const(node, 1, 3))
		return false;
	for (unsigned int d = 2; d < x->t.rank; d++)
		n *= x->t.dims[d];
	hostop_shape(&rows, x->t.dtype, 2, (int64_t []){ x->t.dims[0] * x->t.dims[1], n });
	flat = insert_before(g, node, "Reshape", 1, &rows);
	norm = insert_before(g, node, "Norm", 1, &rows);
	back = insert_before(g, node, "Reshape", 1, &x->t);
	flat->in[0] = x;
	norm->in[0] = flat->out[0];
	norm->eps = attr_or(node, "epsilon", 1e-5f);
	back->in[0] = norm->out[0];
	return become_affine(g, node, back->out[0], as_channels(g, x, node->in[1]),
			     as_channels(g, x, node->in[2]));
}

/* ---- nothing to do ---- */

static bool all_are(struct graph *g, struct value *v, double wanted)
{
	if (!is_const(v) || !hostop_is_float(v->t.dtype))
		return false;
	make_numbers(g, v);
	for (size_t i = 0; i < v->t.count; i++)
		if (hostop_get(&v->t, i) != wanted)
			return false;
	return true;
}

static bool same_as_input(const struct node *node)
{
	static const char *const views[] = { "Reshape", "Expand", "Flatten", "Squeeze", "Unsqueeze",
					     "Tile", "Slice", "Pad", "Resize" };

	if (!strcmp(node_string(node, "coordinate_transformation_mode", ""), "tf_crop_and_resize"))
		return false;
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		if (is_op(node, views[i]))
			return same_dims(&node->in[0]->t, &node->out[0]->t);
	if (is_op(node, "Identity") || is_op(node, "Dropout"))
		return true;
	if (is_op(node, "Concat"))
		return node->num_in == 1;
	if (is_op(node, "Cast"))	/* floats are fp16 on the device whatever they are called */
		return is_float(node->in[0]) && is_float(node->out[0]) &&
		       (!node->out[0]->is_output || node->in[0]->t.dtype == node->out[0]->t.dtype);
	return is_op(node, "Act") && node->act.fn == LOOM_UN_AFFINE &&
	       fabsf(node->act.alpha - 1) < 1e-6f && !node->act.beta;
}

/* A Slice that reverses is no identity although it has the shape of one. */
static bool reverses(const struct node *node)
{
	if (!is_op(node, "Slice") || node->num_in < 5 || !is_const(node->in[4]))
		return false;
	for (size_t i = 0; i < node->in[4]->t.count; i++)
		if (hostop_get_int(&node->in[4]->t, i) < 0)
			return true;
	return false;
}

static bool drop_identity(struct graph *g, struct node *node)
{
	if (!node->out[0]->uses || !same_as_input(node) || reverses(node))
		return false;
	replace_uses(g, node->out[0], node->in[0]);
	return true;
}

/* Add of zeros and Mul by ones. */
static bool drop_neutral(struct graph *g, struct node *node)
{
	bool add = is_op(node, "Add"), mul = is_op(node, "Mul");

	for (int i = 0; (add || mul) && i < 2; i++)
		if (all_are(g, node->in[i], mul) && same_dims(&node->in[!i]->t, &node->out[0]->t)) {
			replace_uses(g, node->out[0], node->in[!i]);
			return true;
		}
	return false;
}

/* A rewritten node may have become constant. */
static bool fold_again(struct graph *g, struct node *node)
{
	if (!node->num_in || !hostop_known(node->op) || node->act.fn || node->num_out != 1)
		return false;
	for (unsigned int i = 0; i < node->num_in; i++)
		if (node->in[i] && !is_const(node->in[i]))
			return false;
	if (is_op(node, "MatMul") && node->alpha != 1)
		return false;
	if (!fold_node(g, node))
		return false;
	node->out[0]->producer = NULL;
	remove_node(g, node);
	return true;
}

const rule_fn canon_rules[] = {
	drop_identity, drop_neutral, variadic, unary, clip, inverse_constant, binary_scalar, prelu,
	gemm, matmul_constant, batch_norm, layer_norm, instance_norm, fold_again, NULL
};
