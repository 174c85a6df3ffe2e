// SPDX-License-Identifier: MIT
/* ConvTranspose, which the MAC array does not know, as convolutions that it does. */
#include <stdlib.h>
#include <string.h>

#include "conv.h"

/* ---- windows that touch without overlapping: 1x1 to kh kw oc channels, then depth to space ---- */

/* [c][oc][taps] -> [taps oc][c] */
static const float *blocks_weights(struct program *p, const struct value *w, const struct conv *v,
				   int64_t taps)
{
	const float *from = conv_floats(p, w);
	float *to = arena_array(p->c, w->t.count, sizeof(*to));

	for (int64_t i = 0; i < v->c; i++)
		for (int64_t o = 0; o < v->oc; o++)
			for (int64_t t = 0; t < taps; t++)
				to[(t * v->oc + o) * v->c + i] = from[(i * v->oc + o) * taps + t];
	return to;
}

static const struct value *blocks_bias(struct program *p, const struct conv *v, int64_t taps)
{
	int64_t all = taps * v->oc;
	struct value *bias;

	if (!v->bias)
		return NULL;
	bias = value_const(p->c, v->bias->name, HOSTOP_F32, 1, &all);
	for (int64_t i = 0; i < all; i++)
		hostop_set(&bias->t, (size_t)i, hostop_get(&v->bias->t, (size_t)(i % v->oc)));
	return bias;
}

/* Loops n, y, block y, x, block x, channel: from taps of a pixel to pixels of a block. */
static void blocks_to_space(struct program *p, const struct place *wide, const struct place *to,
			    const struct hostop_window *w, int64_t oc)
{
	int64_t kh = w->kernel[0], kw = w->kernel[1], all = kh * kw * oc, pitch = image_pitch(to);
	int64_t row = w->in[1] * all, to_row = w->out[1] * pitch;
	struct loops l = { .rank = 6, .num = 2,
			   .dims = { wide->dims[0], w->in[0], kh, w->in[1], kw, oc } };

	l.op[0] = (struct operand){ .place = wide,
				    .stride = { w->in[0] * row, row, kw * oc, all, oc, 1 } };
	l.op[1] = (struct operand){ .place = to,
				    .stride = { w->out[0] * to_row, kh * to_row, to_row, kw * pitch,
						pitch, 1 } };
	emit_copy_loops(p, &l);
}

static void transpose_blocks(struct program *p, struct node *node, struct conv *v)
{
	struct hostop_window w = v->w;
	int64_t taps = w.kernel[0] * w.kernel[1], oc = v->oc;
	int64_t dims[4] = { v->batch, taps * oc, w.in[0], w.in[1] };
	struct place to = conv_output(p, node->out[0]);

	set_place(p, node->out[0], &to);
	v->weights = blocks_weights(p, node->in[1], v, taps);
	v->bias = blocks_bias(p, v, taps);
	v->oc = taps * oc;
	v->out = new_place(p, to.dtype, 4, dims, nhwc_order);
	v->w = (struct hostop_window){
		.in = { w.in[0], w.in[1] }, .out = { w.in[0], w.in[1] }, .kernel = { 1, 1 },
		.stride = { 1, 1 }, .dilation = { 1, 1 }, .group = 1,
	};
	conv_plain_strides(v);
	conv_emit(p, v);
	blocks_to_space(p, &v->out, &to, &w, oc);
}

/* ---- in general: spread the input over zeros, stride apart, and convolve with flipped weights ---- */

/* [c][oc][taps] of the input channels from first -> flipped [oc][c][taps] */
static const float *flipped(struct program *p, const struct value *w, int64_t first, int64_t c)
{
	const float *from = conv_floats(p, w);
	int64_t oc = w->t.dims[1], taps = (int64_t)w->t.count / w->t.dims[0] / oc;
	float *to = arena_array(p->c, (size_t)(oc * c * taps), sizeof(*to));

	for (int64_t i = 0; i < c; i++)
		for (int64_t o = 0; o < oc; o++)
			for (int64_t t = 0; t < taps; t++)
				to[(o * c + i) * taps + taps - 1 - t] =
					from[((first + i) * oc + o) * taps + t];
	return to;
}

/* A [N, C, W] as a [N, C, 1, W]. */
static struct place as_image(const struct place *place)
{
	struct place r = *place;

	if (place->rank == 4)
		return r;
	r.rank = 4;
	r.dims[3] = place->dims[2];
	r.stride[3] = place->stride[2];
	r.dims[2] = 1;
	r.stride[2] = place->stride[2] * place->dims[2];
	return r;
}

/* Where zeros stand before the first pixel, and how large the spread image is. */
static void spread_size(struct program *p, const struct hostop_window *w, int64_t *lead, int64_t *size)
{
	for (int i = 0; i < 2; i++) {
		int64_t reach = (w->kernel[i] - 1) * w->dilation[i];

		lead[i] = reach - w->begin[i];
		size[i] = w->out[i] + reach;
		if (lead[i] < 0)
			fail_node(p->c, p->node, "padding of %lld with a window of %lld is not supported",
				  (long long)w->begin[i], (long long)w->kernel[i]);
	}
}

static struct place spread(struct program *p, const struct place *in, const struct hostop_window *w)
{
	struct place from = as_image(in), to, inner;
	int64_t lead[2], dims[4] = { from.dims[0], from.dims[1] };

	spread_size(p, w, lead, dims + 2);
	to = new_place(p, LOOM_F16, 4, dims, nhwc_order);
	emit_fill(p, &to, 0);
	inner = to;
	for (int i = 0; i < 2; i++) {
		int64_t room = (dims[2 + i] - lead[i] + w->stride[i] - 1) / w->stride[i];

		inner.off += (uint64_t)(lead[i] * to.stride[2 + i]) * 2;
		inner.stride[2 + i] *= w->stride[i];
		inner.dims[2 + i] = from.dims[2 + i] = w->in[i] < room ? w->in[i] : room;
	}
	emit_copy(p, &inner, &from);
	return to;
}

static void transpose_spread(struct program *p, struct node *node, struct conv *v)
{
	struct hostop_window w = v->w;
	struct place in = spread(p, v->in, &w);

	v->in = &in;
	v->out = conv_output(p, node->out[0]);
	set_place(p, node->out[0], &v->out);
	v->w = (struct hostop_window){
		.in = { in.dims[2], in.dims[3] }, .out = { w.out[0], w.out[1] }, .stride = { 1, 1 },
		.kernel = { w.kernel[0], w.kernel[1] },
		.dilation = { w.dilation[0], w.dilation[1] }, .group = 1,
	};
	conv_plain_strides(v);
	for (int64_t g = 0; g < w.group; g++) {
		v->in_channel = g * v->c;
		v->out_channel = g * v->oc;
		v->weights = flipped(p, node->in[1], g * v->c, v->c);
		conv_emit(p, v);
	}
}

static bool is_blocks(const struct hostop_window *w)
{
	for (int i = 0; i < 2; i++)
		if (w->kernel[i] != w->stride[i] || w->dilation[i] != 1 || w->begin[i] ||
		    w->out[i] != w->in[i] * w->stride[i])
			return false;
	return w->group == 1 && w->spatial == 2;
}

bool lower_conv_transpose(struct program *p, struct node *node)
{
	const struct hostop_tensor *w = &node->in[1]->t;
	const struct hostop_tensor **in = arena_array(p->c, node->num_in, sizeof(*in));
	struct hostop_call call;
	struct conv v;

	conv_start(p, node, &v);
	node_call(node, &call, in);
	hostop_window_transpose(&call, &v.w);
	v.in = image_of(p, node->in[0]);
	v.c = w->dims[0] / v.w.group;
	v.oc = w->dims[1];
	if (is_blocks(&v.w))
		transpose_blocks(p, node, &v);
	else
		transpose_spread(p, node, &v);
	return true;
}
