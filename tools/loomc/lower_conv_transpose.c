// SPDX-License-Identifier: MIT
/* ConvTranspose, which the MAC array does not know, as convolutions that it does. */
#include <stdlib.h>
#include <string.h>

#include "conv.h"

/*
 * ---- in phases: an output pixel o of a stride s is number o + begin = q s + r, and all pixels of one
 * phase r see the same taps r, r + s, ... of the filter on the input around q. So it is one plain
 * convolution to a phase times as many channels, whose results are then put between each other ----
 */

struct phases {
	int64_t taps[2];	/* of a phase */
	int64_t first[2], num[2];	/* q */
};

static struct phases phases_of(const struct hostop_window *w)
{
	struct phases ph;

	for (int i = 0; i < 2; i++) {
		ph.taps[i] = (w->kernel[i] + w->stride[i] - 1) / w->stride[i];
		ph.first[i] = w->begin[i] / w->stride[i];
		ph.num[i] = (w->out[i] - 1 + w->begin[i]) / w->stride[i] - ph.first[i] + 1;
	}
	return ph;
}

/* Tap `tap` of phase r, in the order of a convolution; a filter that ends earlier has a zero there. */
static float phase_tap(const float *filter, const struct hostop_window *w, const struct phases *ph,
		       int64_t phase, int64_t tap)
{
	int64_t y = (ph->taps[0] - 1 - tap / ph->taps[1]) * w->stride[0] + phase / w->stride[1];
	int64_t x = (ph->taps[1] - 1 - tap % ph->taps[1]) * w->stride[1] + phase % w->stride[1];

	return y < w->kernel[0] && x < w->kernel[1] ? filter[y * w->kernel[1] + x] : 0;
}

/* [c][oc][kernel] -> [phases oc][c][taps] */
static const float *phase_weights(struct program *p, const struct value *weights, const struct conv *v,
				  const struct phases *ph, int64_t phases)
{
	const float *from = conv_floats(p, weights);
	int64_t taps = ph->taps[0] * ph->taps[1], kernel = v->w.kernel[0] * v->w.kernel[1];
	float *to = arena_array(p->c, (size_t)(phases * v->oc * v->c * taps), sizeof(*to)), *at = to;

	for (int64_t r = 0; r < phases; r++)
		for (int64_t o = 0; o < v->oc; o++)
			for (int64_t i = 0; i < v->c; i++)
				for (int64_t t = 0; t < taps; t++)
					*at++ = phase_tap(from + (i * v->oc + o) * kernel, &v->w, ph, r, t);
	return to;
}

static const struct value *phase_bias(struct program *p, const struct conv *v, int64_t phases)
{
	int64_t all = phases * v->oc;
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

/* The pixels of one phase in one dimension: from q `from` on, to output pixel `to` and every s-th after. */
static int64_t phase_pixels(const struct hostop_window *w, const struct phases *ph, int i, int64_t phase,
			    int64_t *from, int64_t *to)
{
	int64_t q = ph->first[i];

	q += q * w->stride[i] + phase < w->begin[i];
	*from = q - ph->first[i];
	*to = q * w->stride[i] + phase - w->begin[i];
	return *to < w->out[i] ? (w->out[i] - 1 - *to) / w->stride[i] + 1 : 0;
}

static void put_phase(struct program *p, struct place wide, struct place to, const struct hostop_window *w,
		      const struct phases *ph, int64_t phase)
{
	int64_t r[2] = { phase / w->stride[1], phase % w->stride[1] }, from, at;

	wide.dims[1] = to.dims[1];
	wide.off += (uint64_t)(phase * to.dims[1]) * element_bytes(wide.dtype);
	for (int i = 0; i < 2; i++) {
		int64_t num = phase_pixels(w, ph, i, r[i], &from, &at);

		if (!num)
			return;
		wide.off += (uint64_t)(from * wide.stride[2 + i]) * element_bytes(wide.dtype);
		to.off += (uint64_t)(at * to.stride[2 + i]) * element_bytes(to.dtype);
		to.stride[2 + i] *= w->stride[i];
		wide.dims[2 + i] = to.dims[2 + i] = num;
	}
	emit_copy(p, &to, &wide);
}

/* Windows that touch without overlapping: every phase is as large as the input. */
static bool is_blocks(const struct hostop_window *w)
{
	for (int i = 0; i < 2; i++)
		if (w->kernel[i] != w->stride[i] || w->begin[i] || w->out[i] != w->in[i] * w->stride[i])
			return false;
	return true;
}

static void transpose_phases(struct program *p, struct node *node, struct conv *v)
{
	struct hostop_window w = v->w;
	struct phases ph = phases_of(&w);
	int64_t phases = w.stride[0] * w.stride[1], oc = v->oc;
	int64_t dims[4] = { v->batch, phases * oc, ph.num[0], ph.num[1] };
	struct place to = conv_output(p, node->out[0]);

	set_place(p, node->out[0], &to);
	v->weights = phase_weights(p, node->in[1], v, &ph, phases);
	v->bias = phase_bias(p, v, phases);
	v->oc = phases * oc;
	v->out = new_place(p, to.dtype, 4, dims, nhwc_order);
	v->w = (struct hostop_window){
		.in = { w.in[0], w.in[1] }, .out = { ph.num[0], ph.num[1] },
		.kernel = { ph.taps[0], ph.taps[1] }, .stride = { 1, 1 }, .dilation = { 1, 1 },
		.begin = { ph.taps[0] - 1 - ph.first[0], ph.taps[1] - 1 - ph.first[1] }, .group = 1,
	};
	conv_plain_strides(v);
	conv_emit(p, v, NULL);
	if (is_blocks(&w)) {
		blocks_to_space(p, &v->out, &to, &w, oc);
		return;
	}
	for (int64_t r = 0; r < phases; r++)
		put_phase(p, v->out, to, &w, &ph, r);
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
		conv_emit(p, v, NULL);
	}
}

/* A filter as wide as the stride at least, so that every phase has a tap. */
static bool has_phases(const struct hostop_window *w)
{
	for (int i = 0; i < 2; i++)
		if (w->kernel[i] < w->stride[i] || w->dilation[i] != 1 || w->begin[i] >= w->kernel[i])
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
	if (v.w.spatial > 2)
		fail_node(p->c, node, "three spatial dimensions are not supported on the device");
	v.in = image_of(p, node->in[0]);
	v.c = w->dims[0] / v.w.group;
	v.oc = w->dims[1];
	if (has_phases(&v.w))
		transpose_phases(p, node, &v);
	else
		transpose_spread(p, node, &v);
	return true;
}
