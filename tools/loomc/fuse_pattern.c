// SPDX-License-Identifier: MIT
/* Patterns of several nodes that are one function: hard swish, SiLU, GELU, layer norm, x + x s. */
#include <math.h>
#include <string.h>

#include "passes.h"

static bool close_to(float a, double b)
{
	return fabs(a - b) <= 1e-5 * fabs(b);
}

static void set_act(struct node *node, enum loom_unary fn, float alpha, float beta)
{
	node->act = (struct loom_act){ .fn = fn, .alpha = alpha, .beta = beta };
}

/* affine(affine(x)) -> affine(x) */
static bool compose_affine(struct graph *g, struct node *node)
{
	struct node *inner;

	if (!is_op(node, "Act") || node->act.fn != LOOM_UN_AFFINE)
		return false;
	inner = act_of(node->in[0], LOOM_UN_AFFINE);
	if (!inner || !used_once(inner->out[0]))
		return false;
	set_act(node, LOOM_UN_AFFINE, node->act.alpha * inner->act.alpha,
		node->act.alpha * inner->act.beta + node->act.beta);
	node->in[0] = inner->in[0];
	return true;
}

/*
 * clip(a x + b, 0, h) -> h hsigmoid(x; a/h, b/h). Only where it leads on to hard swish or a hard
 * sigmoid: where x has other readers, or the clip is scaled. Else the affine part is better folded
 * into what makes x.
 */
static bool clip_to_hsigmoid(struct graph *g, struct node *node)
{
	struct node *inner, *user = node->out[0]->user;
	float h = node->act.beta;
	struct value *x;

	if (!is_op(node, "Act") || node->act.fn != LOOM_UN_CLIP || node->act.alpha != 0 ||
	    !isfinite(h) || h <= 0)
		return false;
	inner = act_of(node->in[0], LOOM_UN_AFFINE);
	if (!inner || !used_once(inner->out[0]))
		return false;
	x = inner->in[0];
	if (x->uses < 2 && !(used_once(node->out[0]) && is_op(user, "Act") &&
			     user->act.fn == LOOM_UN_AFFINE && !user->act.beta))
		return false;
	node->in[0] = insert_act(g, node, x, LOOM_UN_HSIGMOID, inner->act.alpha / h,
				 inner->act.beta / h);
	set_act(node, LOOM_UN_AFFINE, h, 0);
	return true;
}

/* a * (k b) -> k (a * b), when k b is as large as the product: an affine map is better placed last. */
static bool pull_scale(struct graph *g, struct node *node)
{
	if (!is_op(node, "Mul") || node->act.fn)
		return false;
	for (int i = 0; i < 2; i++) {
		struct node *scale = act_of(node->in[i], LOOM_UN_AFFINE);
		struct node *mul;

		if (!scale || scale->act.beta || !used_once(scale->out[0]) ||
		    !same_dims(&scale->out[0]->t, &node->out[0]->t))
			continue;
		mul = insert_before(g, node, "Mul", 2, &node->out[0]->t);
		mul->in[0] = node->in[!i];
		mul->in[1] = scale->in[0];
		node->op = "Act";
		node->in[0] = mul->out[0];
		node->num_in = 1;
		set_act(node, LOOM_UN_AFFINE, scale->act.alpha, 0);
		return true;
	}
	return false;
}

static bool become(struct node *mul, struct value *x, enum loom_unary fn)
{
	mul->op = "Act";
	mul->in[0] = x;
	mul->num_in = 1;
	set_act(mul, fn, 0, 0);
	return true;
}

/* x gate(x), where gate is a sigmoid or hard sigmoid */
static bool gated(struct graph *g, struct node *node)
{
	if (!is_op(node, "Mul") || node->act.fn)
		return false;
	for (int i = 0; i < 2; i++) {
		struct value *x = node->in[!i];
		struct node *gate = made_by(node->in[i], "Act");

		if (!gate || gate->in[0] != x)
			continue;
		if (gate->act.fn == LOOM_UN_SIGMOID)
			return become(node, x, LOOM_UN_SILU);
		if (gate->act.fn == LOOM_UN_HSIGMOID && close_to(gate->act.alpha, 1 / 6.0) &&
		    close_to(gate->act.beta, 0.5))
			return become(node, x, LOOM_UN_HSWISH);
	}
	return false;
}

/* x (k erf(x / sqrt 2) + k) -> 2 k gelu(x) */
static bool gelu(struct graph *g, struct node *node)
{
	if (!is_op(node, "Mul") || node->act.fn)
		return false;
	for (int i = 0; i < 2; i++) {
		struct value *x = node->in[!i];
		struct node *outer = act_of(node->in[i], LOOM_UN_AFFINE), *erf, *inner;

		erf = outer ? act_of(outer->in[0], LOOM_UN_ERF) : NULL;
		inner = erf ? act_of(erf->in[0], LOOM_UN_AFFINE) : NULL;
		if (!inner || inner->in[0] != x || inner->act.beta ||
		    !close_to(inner->act.alpha, sqrt(0.5)) ||
		    !close_to(outer->act.beta, outer->act.alpha))
			continue;
		node->op = "Act";
		node->num_in = 1;
		node->in[0] = insert_act(g, node, x, LOOM_UN_GELU, 0, 0);
		set_act(node, LOOM_UN_AFFINE, 2 * outer->act.alpha, 0);
		return true;
	}
	return false;
}

/* x + x s -> x (s + 1), when s is small: squeeze and excite with a shortcut */
static bool scaled_shortcut(struct graph *g, struct node *node)
{
	if (!is_op(node, "Add") || node->act.fn)
		return false;
	for (int i = 0; i < 2; i++) {
		struct value *x = node->in[!i], *s;
		struct node *mul = made_by(node->in[i], "Mul");

		if (!mul || mul->act.fn || !used_once(mul->out[0]) ||
		    (mul->in[0] != x && mul->in[1] != x))
			continue;
		s = mul->in[0] == x ? mul->in[1] : mul->in[0];
		if (s == x || is_const(s) || s->t.count >= x->t.count ||
		    !same_dims(&x->t, &node->out[0]->t))
			continue;
		node->op = "Mul";
		node->in[0] = x;
		node->in[1] = insert_act(g, node, s, LOOM_UN_AFFINE, 1, 1);
		return true;
	}
	return false;
}

/* ---- layer norm ---- */

static bool over_last(const struct node *reduce)
{
	int64_t last = (int64_t)reduce->in[0]->t.rank - 1, axis;
	const struct hostop_attr *a = node_attr(reduce, "axes");

	if (reduce->num_in > 1 && is_const(reduce->in[1]) && reduce->in[1]->t.count == 1)
		axis = hostop_get_int(&reduce->in[1]->t, 0);
	else if (a && a->type == HOSTOP_ATTR_INTS && a->num == 1)
		axis = a->ints[0];
	else
		return false;
	return node_int(reduce, "keepdims", 1) && (axis == -1 || axis == last);
}

/* x when v = x - mean(x) over the last dimension */
static struct value *centred(const struct value *v)
{
	struct node *sub = made_by(v, "Sub"), *mean;

	if (!sub || sub->act.fn)
		return NULL;
	mean = made_by(sub->in[1], "ReduceMean");
	return mean && over_last(mean) && mean->in[0] == sub->in[0] ? sub->in[0] : NULL;
}

/* x when v = (x - mean(x))^2 */
static struct value *squared_centred(const struct value *v)
{
	struct node *pow = act_of(v, LOOM_UN_POW), *mul = made_by(v, "Mul");

	if (pow && pow->act.alpha == 2)
		return centred(pow->in[0]);
	return mul && !mul->act.fn && mul->in[0] == mul->in[1] ? centred(mul->in[0]) : NULL;
}

/* x when v = sqrt(mean((x - mean(x))^2) + eps) */
static struct value *deviation(const struct value *v, float *eps)
{
	struct node *root = act_of(v, LOOM_UN_SQRT), *add, *mean;

	add = root ? act_of(root->in[0], LOOM_UN_AFFINE) : NULL;
	mean = add && add->act.alpha == 1 ? made_by(add->in[0], "ReduceMean") : NULL;
	if (!mean || !over_last(mean))
		return NULL;
	*eps = add->act.beta;
	return squared_centred(mean->in[0]);
}

static bool layer_norm(struct graph *g, struct node *node)
{
	struct node *recip = is_op(node, "Mul") ? act_of(node->in[1], LOOM_UN_RECIP) : NULL;
	struct value *x, *root = is_op(node, "Div") ? node->in[1] : recip ? recip->in[0] : NULL;
	float eps;

	if (!root || node->act.fn)
		return false;
	x = centred(node->in[0]);
	if (!x || deviation(root, &eps) != x)
		return false;
	node->op = "Norm";
	node->in[0] = x;
	node->num_in = 1;
	node->eps = eps;
	return true;
}

/* A constant [n] beside a [..., n]. */
static bool is_last_dim(const struct value *k, const struct value *x)
{
	int64_t n = x->t.dims[x->t.rank - 1];

	if (!is_const(k) || k->t.rank > x->t.rank || k->t.count != (size_t)n)
		return false;
	return k->t.rank && k->t.dims[k->t.rank - 1] == n;
}

/* norm(x) gamma + beta -> norm(x, gamma, beta) */
static bool norm_scale(struct graph *g, struct node *node)
{
	bool mul = is_op(node, "Mul");

	if ((!mul && !is_op(node, "Add")) || node->act.fn)
		return false;
	for (int i = 0; i < 2; i++) {
		struct node *norm = made_by(node->in[!i], "Norm");
		struct value **in, *k = node->in[i];

		if (!norm || !used_once(norm->out[0]) || !is_last_dim(k, norm->out[0]) ||
		    norm->num_in > (mul ? 1 : 2))
			continue;
		in = arena_array(g->c, 3, sizeof(*in));
		in[0] = norm->in[0];
		in[1] = mul ? k : norm->num_in > 1 ? norm->in[1] : NULL;
		in[2] = mul ? NULL : k;
		norm->in = in;
		norm->num_in = mul ? 2 : 3;
		replace_uses(g, node->out[0], norm->out[0]);
		return true;
	}
	return false;
}

const rule_fn fuse_pattern_rules[] = {
	compose_affine, clip_to_hsigmoid, pull_scale, gated, gelu, scaled_shortcut, layer_norm,
	norm_scale, NULL
};
