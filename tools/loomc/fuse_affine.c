// SPDX-License-Identifier: MIT
/* Affine maps, of one number or one a channel, disappear into constant weights and biases. */
#include <string.h>

#include "hostops/window.h"
#include "passes.h"

static bool has_weights(const struct node *n)
{
	return n && (is_op(n, "Conv") || is_op(n, "ConvTranspose") || is_op(n, "Linear")) &&
	       is_const(n->in[1]) && (n->num_in < 3 || !n->in[2] || is_const(n->in[2]));
}

static int64_t group_of(const struct node *n)
{
	return node_int(n, "group", 1);
}

static size_t channels_of(const struct node *n)
{
	const struct hostop_tensor *w = &n->in[1]->t;

	if (is_op(n, "Linear"))
		return (size_t)w->dims[1];
	return (size_t)(is_op(n, "Conv") ? w->dims[0] : w->dims[1] * group_of(n));
}

/* Output channel that weight i belongs to. */
static size_t channel_of(const struct node *n, size_t i)
{
	const struct hostop_tensor *w = &n->in[1]->t;
	size_t taps = 1, per_group;

	if (is_op(n, "Linear"))
		return i % (size_t)w->dims[1];
	for (unsigned int d = 2; d < w->rank; d++)
		taps *= (size_t)w->dims[d];
	if (is_op(n, "Conv"))
		return i / taps / (size_t)w->dims[1];
	per_group = (size_t)(w->dims[0] / group_of(n));
	return i / taps / (size_t)w->dims[1] / per_group * (size_t)w->dims[1] +
	       i / taps % (size_t)w->dims[1];
}

/* A bias of the node's own, to be changed; zeros when it had none. */
static struct value *own_bias(struct compile *c, struct node *n)
{
	int64_t channels = (int64_t)channels_of(n);
	struct value **in = arena_array(c, 3, sizeof(*in));
	struct value *bias = value_const(c, n->name, HOSTOP_F32, 1, &channels);

	if (n->num_in > 2 && n->in[2])
		for (size_t i = 0; i < bias->t.count; i++)
			hostop_set(&bias->t, i, number_at(n->in[2], i));
	in[0] = n->in[0];
	in[1] = n->in[1];
	in[2] = bias;
	n->in = in;
	n->num_in = 3;
	return bias;
}

static struct value *scaled_weights(struct compile *c, const struct node *n, const float *scale)
{
	const struct value *w = n->in[1];
	struct value *own = value_const(c, w->name, HOSTOP_F32, w->t.rank, w->t.dims);

	for (size_t i = 0; i < w->t.count; i++)
		hostop_set(&own->t, i, number_at(w, i) * scale[channel_of(n, i)]);
	return own;
}

/* n's output becomes scale[channel] out + shift[channel]; either may be NULL. */
static void fold_after(struct compile *c, struct node *n, const float *scale, const float *shift)
{
	struct value *bias = own_bias(c, n);

	if (scale)
		n->in[1] = scaled_weights(c, n, scale);
	for (size_t i = 0; i < bias->t.count; i++)
		hostop_set(&bias->t, i, hostop_get(&bias->t, i) * (scale ? scale[i] : 1) +
			   (shift ? shift[i] : 0));
}

static bool may_fold(const struct value *v)
{
	return v->producer && has_weights(v->producer) && used_once(v) && !v->producer->act.fn &&
	       !v->producer->residual;
}

static float *filled(struct compile *c, size_t n, float value)
{
	float *v = arena_array(c, n, sizeof(*v));

	for (size_t i = 0; i < n; i++)
		v[i] = value;
	return v;
}

/* affine(conv(x)) -> conv'(x) */
static bool scalar_after(struct graph *g, struct node *node)
{
	struct node *n;
	size_t channels;

	if (!is_op(node, "Act") || node->act.fn != LOOM_UN_AFFINE || !may_fold(node->in[0]))
		return false;
	n = node->in[0]->producer;
	channels = channels_of(n);
	fold_after(g->c, n, node->act.alpha == 1 ? NULL : filled(g->c, channels, node->act.alpha),
		   filled(g->c, channels, node->act.beta));
	replace_uses(g, node->out[0], n->out[0]);
	return true;
}

/* Does k hold one number a channel of x's dimension `axis`? */
static bool is_per_channel(const struct value *k, const struct value *x, unsigned int axis)
{
	if (!is_const(k) || k->t.rank > x->t.rank || !hostop_is_float(k->t.dtype))
		return false;
	for (unsigned int d = 0; d < k->t.rank; d++) {
		unsigned int at = d + x->t.rank - k->t.rank;

		if (k->t.dims[d] != (at == axis ? x->t.dims[axis] : 1))
			return false;
	}
	return k->t.rank + axis >= x->t.rank;
}

/* conv(x) k or conv(x) + k, one k a channel */
static bool channels_after(struct graph *g, struct node *node)
{
	bool mul = is_op(node, "Mul");

	if ((!mul && !is_op(node, "Add")) || node->act.fn)
		return false;
	for (int i = 0; i < 2; i++) {
		struct value *x = node->in[!i], *k = node->in[i];
		float *v;

		if (!may_fold(x) || !is_per_channel(k, x, is_op(x->producer, "Linear") ?
						     x->t.rank - 1 : 1))
			continue;
		v = arena_array(g->c, k->t.count, sizeof(*v));
		for (size_t e = 0; e < k->t.count; e++)
			v[e] = (float)number_at(k, e);
		fold_after(g->c, x->producer, mul ? v : NULL, mul ? NULL : v);
		replace_uses(g, node->out[0], x);
		return true;
	}
	return false;
}

/* ---- before ---- */

static bool has_padding(struct graph *g, const struct node *n)
{
	const struct hostop_tensor **in = arena_array(g->c, n->num_in, sizeof(*in));
	struct hostop_window w;
	struct hostop_call call;

	if (is_op(n, "Linear"))
		return false;
	if (is_op(n, "ConvTranspose"))
		return true;	/* its borders, too, see fewer taps */
	node_call(n, &call, in);
	if (hostop_window_solve(&call, n->in[1]->t.dims + 2, &w))
		return true;
	return w.begin[0] || w.begin[1] || w.begin[2] || w.end[0] || w.end[1] || w.end[2];
}

/* conv(a x + b) -> conv'(x): b adds the sum of each channel's weights, where nothing is padded. */
static bool scalar_before(struct graph *g, struct node *node)
{
	struct node *act = has_weights(node) ? act_of(node->in[0], LOOM_UN_AFFINE) : NULL;
	struct value *w, *bias;
	float *scale;

	if (!act || !used_once(act->out[0]) || (act->act.beta && has_padding(g, node)))
		return false;
	w = node->in[1];
	if (act->act.beta) {
		bias = own_bias(g->c, node);
		for (size_t i = 0; i < w->t.count; i++) {
			size_t channel = channel_of(node, i);

			hostop_set(&bias->t, channel, hostop_get(&bias->t, channel) +
				   act->act.beta * number_at(w, i));
		}
	}
	scale = filled(g->c, channels_of(node), act->act.alpha);
	node->in[1] = scaled_weights(g->c, node, scale);
	node->in[0] = act->in[0];
	return true;
}

/* Scales around a product of two activations go into its alpha. */
static bool product_scale(struct graph *g, struct node *node)
{
	struct node *product;

	if (is_op(node, "Act") && node->act.fn == LOOM_UN_AFFINE && !node->act.beta) {
		product = made_by(node->in[0], "MatMul");
		if (!product || product->act.fn || !used_once(product->out[0]))
			return false;
		product->alpha *= node->act.alpha;
		replace_uses(g, node->out[0], product->out[0]);
		return true;
	}
	for (unsigned int i = 0; is_op(node, "MatMul") && i < 2; i++) {
		struct node *scale = act_of(node->in[i], LOOM_UN_AFFINE);

		if (!scale || scale->act.beta || !used_once(scale->out[0]))
			continue;
		node->alpha *= scale->act.alpha;
		node->in[i] = scale->in[0];
		return true;
	}
	return false;
}

const rule_fn fuse_affine_rules[] = {
	scalar_after, channels_after, scalar_before, product_scale, NULL
};
