// SPDX-License-Identifier: MIT
/* Everything with constant weights on the MAC array: Conv, ConvTranspose, Linear. */
#include <stdlib.h>
#include <string.h>

#include "lower.h"

/* One convolution as the device sees it. */
struct conv {
	struct hostop_window w;
	const struct place *in, *res;
	struct place out;
	int64_t batch, c, oc;		/* of one command */
	int64_t in_channel, out_channel;	/* where they start */
	const float *weights;		/* [oc][c][kh][kw], rows of these channels */
	const struct value *bias;
	bool depthwise;
	struct loom_act act;
};

static const float *floats_of(struct program *p, const struct value *v)
{
	float *f;

	if (v->t.dtype == HOSTOP_F32)
		return v->t.data;
	f = arena_array(p->c, v->t.count, sizeof(*f));
	for (size_t i = 0; i < v->t.count; i++)
		f[i] = (float)hostop_get(&v->t, i);
	return f;
}

/* Output channels [first, first + num), in blocks of array_cols, each K x block, K = kh kw c. */
static struct blob *conv_weights(struct program *p, const struct conv *v, int64_t first, int64_t num)
{
	int64_t cols = p->c->options->caps.array_cols, taps = v->w.kernel[0] * v->w.kernel[1];
	struct blob *blob = new_blob(p, (size_t)(taps * v->c * num) * 2, 64);
	uint16_t *to = blob->data;

	for (int64_t block = 0; block < num; block += cols) {
		int64_t n = num - block < cols ? num - block : cols;

		for (int64_t tap = 0; tap < taps; tap++)
			for (int64_t c = 0; c < v->c; c++)
				for (int64_t o = 0; o < n; o++)
					*to++ = hostop_f32_to_f16(v->weights[((first + block + o) * v->c +
									      c) * taps + tap]);
	}
	return blob;
}

static struct blob *depthwise_weights(struct program *p, const struct conv *v, int64_t first,
				      int64_t num)
{
	int64_t taps = v->w.kernel[0] * v->w.kernel[1];
	struct blob *blob = new_blob(p, (size_t)(taps * num) * 2, 64);
	uint16_t *to = blob->data;

	for (int64_t tap = 0; tap < taps; tap++)
		for (int64_t c = first; c < first + num; c++)
			*to++ = hostop_f32_to_f16(v->weights[c * taps + tap]);
	return blob;
}

static void set_geometry(struct loom_cmd_conv *cmd, const struct conv *v)
{
	cmd->in_pitch = (uint32_t)image_pitch(v->in);
	cmd->out_pitch = (uint32_t)image_pitch(&v->out);
	cmd->res_pitch = v->res ? (uint32_t)image_pitch(v->res) : 0;
	cmd->batch = (uint32_t)v->batch;
	cmd->h = (uint32_t)v->w.in[0];
	cmd->w = (uint32_t)v->w.in[1];
	cmd->oh = (uint32_t)v->w.out[0];
	cmd->ow = (uint32_t)v->w.out[1];
	cmd->kh = (uint16_t)v->w.kernel[0];
	cmd->kw = (uint16_t)v->w.kernel[1];
	cmd->sh = (uint16_t)v->w.stride[0];
	cmd->sw = (uint16_t)v->w.stride[1];
	cmd->dh = (uint16_t)v->w.dilation[0];
	cmd->dw = (uint16_t)v->w.dilation[1];
	cmd->pt = (uint16_t)v->w.begin[0];
	cmd->pl = (uint16_t)v->w.begin[1];
	cmd->out_dtype = v->out.dtype;
	cmd->act = v->act;
}

static struct place channels_at(const struct place *place, int64_t channel)
{
	struct place r = *place;

	r.off += (uint64_t)channel * element_bytes(r.dtype);
	return r;
}

/* The command for output channels [first, first + num) of v. */
static void emit_conv(struct program *p, const struct conv *v, int64_t first, int64_t num)
{
	struct command *cmd = new_command(p, v->depthwise ? LOOM_OP_DWCONV : LOOM_OP_CONV,
					  sizeof(struct loom_cmd_conv));
	struct loom_cmd_conv *conv = (struct loom_cmd_conv *)cmd->raw;
	struct place in = channels_at(v->in, v->in_channel + (v->depthwise ? first : 0)), res;
	struct place out = channels_at(&v->out, v->out_channel + first);

	set_geometry(conv, v);
	conv->c = (uint32_t)(v->depthwise ? num : v->c);
	conv->oc = (uint32_t)num;
	cmd_ref(p, cmd, FIELD(struct loom_cmd_conv, in), &in, false);
	cmd_ref(p, cmd, FIELD(struct loom_cmd_conv, out), &out, true);
	if (v->res) {
		conv->hdr.flags |= LOOM_CMD_RESIDUAL;
		res = channels_at(v->res, v->out_channel + first);
		cmd_ref(p, cmd, FIELD(struct loom_cmd_conv, res), &res, false);
	}
	if (v->bias) {		/* before the weights: the first tile's epilogue wants it */
		conv->hdr.flags |= LOOM_CMD_BIAS;
		cmd_weight(cmd, FIELD(struct loom_cmd_conv, b_off),
			   blob_floats(p, v->bias, (size_t)(v->out_channel + first), (size_t)num));
	}
	cmd_weight(cmd, FIELD(struct loom_cmd_conv, w_off),
		   v->depthwise ? depthwise_weights(p, v, first, num) :
				  conv_weights(p, v, first, num));
	cmd->starts_layer = true;
}

/* All output channels, cut so that no command has more weights than a slice may have. */
static void emit_conv_parts(struct program *p, const struct conv *v)
{
	int64_t cols = p->c->options->caps.array_cols, part = v->oc;
	uint64_t column = (uint64_t)(v->w.kernel[0] * v->w.kernel[1] * (v->depthwise ? 1 : v->c)) * 2 + 4;

	if ((uint64_t)v->oc * column > p->max_slice_bytes) {
		part = (int64_t)(p->max_slice_bytes / column) / cols * cols;
		part = part < cols ? cols : part;
	}
	for (int64_t first = 0; first < v->oc; first += part)
		emit_conv(p, v, first, v->oc - first < part ? v->oc - first : part);
}

/* ---- Conv ---- */

static struct place image_output(struct program *p, struct value *v)
{
	const unsigned int *order = image_order(v->t.rank);
	struct place out = output_place(p, v, order);

	return is_image(&out) ? out : new_place(p, out.dtype, v->t.rank, v->t.dims, order);
}

static void check_window(struct program *p, const struct hostop_window *w)
{
	for (int i = 0; i < 2; i++)
		if (w->begin[i] > (w->kernel[i] - 1) * w->dilation[i])
			fail_node(p->c, p->node, "padding of %lld before a window of %lld",
				  (long long)w->begin[i], (long long)w->kernel[i]);
}

static void start_conv(struct program *p, struct node *node, struct conv *v)
{
	*v = (struct conv){ .batch = node->in[0]->t.dims[0], .act = node->act };
	if (!is_const(node->in[1]))
		fail_node(p->c, node, "weights that are not constant are not supported on the device");
	if (node->num_in > 2 && node->in[2] && !is_const(node->in[2]))
		fail_node(p->c, node, "a bias that is not constant is not supported on the device");
	v->bias = node->num_in > 2 ? node->in[2] : NULL;
	v->weights = floats_of(p, node->in[1]);
}

static bool conv(struct program *p, struct node *node)
{
	const struct hostop_tensor *w = &node->in[1]->t;
	const struct hostop_tensor **in = arena_array(p->c, node->num_in, sizeof(*in));
	struct hostop_call call;
	struct conv v;
	int64_t groups;

	start_conv(p, node, &v);
	node_call(node, &call, in);
	hostop_window_solve(&call, w->dims + 2, &v.w);
	check_window(p, &v.w);
	groups = v.w.group;
	v.in = image_of(p, node->in[0]);
	v.res = node->residual ? image_of(p, node->residual) : NULL;
	v.out = image_output(p, node->out[0]);
	set_place(p, node->out[0], &v.out);
	v.depthwise = groups > 1 && groups == node->in[0]->t.dims[1] && w->dims[0] == groups;
	v.c = w->dims[1];
	v.oc = v.depthwise ? groups : w->dims[0] / groups;
	for (int64_t g = 0; g < (v.depthwise ? 1 : groups); g++) {
		v.in_channel = g * v.c;
		v.out_channel = g * v.oc;
		emit_conv_parts(p, &v);
		v.weights += v.oc * v.c * v.w.kernel[0] * v.w.kernel[1];
	}
	return true;
}

/* ---- Linear ---- */

/* [K, N] -> [N][K], the order of a 1x1 convolution's weights */
static const float *transposed(struct program *p, const struct value *w)
{
	const float *from = floats_of(p, w);
	size_t k = (size_t)w->t.dims[0], n = (size_t)w->t.dims[1];
	float *to = arena_array(p->c, w->t.count, sizeof(*to));

	for (size_t i = 0; i < k; i++)
		for (size_t j = 0; j < n; j++)
			to[j * k + i] = from[i * n + j];
	return to;
}

/* A place of rows as an image of height 1. */
static struct place rows_as_image(const struct place *rows)
{
	int64_t n = rows->rank ? rows->dims[rows->rank - 1] : 1, m = 1, pitch = n;
	struct place r = *rows;

	for (unsigned int d = rows->rank - 1; d-- > 0;) {
		if (rows->dims[d] != 1 && m == 1)
			pitch = rows->stride[d];
		m *= rows->dims[d];
	}
	r.rank = 4;
	r.dims[0] = r.dims[2] = 1;
	r.dims[1] = n;
	r.dims[3] = m;
	r.stride[0] = r.stride[2] = pitch * m;
	r.stride[1] = 1;
	r.stride[3] = pitch;
	return r;
}


static bool linear(struct program *p, struct node *node)
{
	const struct hostop_tensor *w = &node->in[1]->t;
	struct value *out = node->out[0];
	struct place in, res, made;
	struct conv v;

	start_conv(p, node, &v);
	v.weights = transposed(p, node->in[1]);
	v.batch = 1;
	v.c = w->dims[0];
	v.oc = w->dims[1];
	in = rows_as_image(rows_of(p, node->in[0], LOOM_F16));
	v.in = &in;
	if (node->residual) {
		res = rows_as_image(rows_of(p, node->residual, LOOM_F16));
		v.res = &res;
	}
	made = output_place(p, out, NULL);
	if (!is_row_major(&made))
		made = new_place(p, made.dtype, out->t.rank, out->t.dims, NULL);
	set_place(p, out, &made);
	v.out = rows_as_image(&made);
	v.w = (struct hostop_window){
		.in = { 1, in.dims[3] }, .out = { 1, in.dims[3] }, .kernel = { 1, 1 },
		.stride = { 1, 1 }, .dilation = { 1, 1 }, .group = 1,
	};
	emit_conv_parts(p, &v);
	return true;
}

/* ---- ConvTranspose ---- */

/* [c][oc][kh][kw] -> flipped [oc][c][kh][kw]: the convolution that does the same on a spread input. */
static const float *flipped(struct program *p, const struct value *w, int64_t first, int64_t c)
{
	const float *from = floats_of(p, w);
	int64_t oc = w->t.dims[1], taps = (int64_t)w->t.count / w->t.dims[0] / oc;
	float *to = arena_array(p->c, (size_t)(oc * c * taps), sizeof(*to));

	for (int64_t i = 0; i < c; i++)
		for (int64_t o = 0; o < oc; o++)
			for (int64_t t = 0; t < taps; t++)
				to[(o * c + i) * taps + taps - 1 - t] =
					from[((first + i) * oc + o) * taps + t];
	return to;
}

/* Windows that touch without overlapping: 1x1 to kh kw oc channels, then depth to space. */
static void transpose_blocks(struct program *p, struct node *node, struct conv *v)
{
	struct hostop_window w = v->w;
	int64_t kh = w.kernel[0], kw = w.kernel[1], taps = kh * kw, oc = v->oc, c = v->c;
	const float *from = floats_of(p, node->in[1]);
	float *weights = arena_array(p->c, (size_t)(taps * oc * c), sizeof(float));
	int64_t all = taps * oc, dims[4] = { v->batch, all, w.in[0], w.in[1] };
	struct value *bias = value_const(p->c, node->name, HOSTOP_F32, 1, &all);
	struct place wide = new_place(p, LOOM_F16, 4, dims, nhwc_order), to;
	struct loops l = { .rank = 6, .num = 2 };
	int64_t pitch = w.in[1] * all;

	for (int64_t i = 0; i < c; i++)
		for (int64_t o = 0; o < oc; o++)
			for (int64_t t = 0; t < taps; t++)
				weights[(t * oc + o) * c + i] = from[(i * oc + o) * taps + t];
	for (int64_t i = 0; v->bias && i < all; i++)
		hostop_set(&bias->t, (size_t)i, hostop_get(&v->bias->t, (size_t)(i % oc)));
	to = image_output(p, node->out[0]);
	set_place(p, node->out[0], &to);
	v->w = (struct hostop_window){
		.in = { w.in[0], w.in[1] }, .out = { w.in[0], w.in[1] }, .kernel = { 1, 1 },
		.stride = { 1, 1 }, .dilation = { 1, 1 }, .group = 1,
	};
	v->weights = weights;
	v->bias = v->bias ? bias : NULL;
	v->oc = all;
	v->out = wide;
	emit_conv_parts(p, v);
	/* n, h, kh, w, kw, oc */
	memcpy(l.dims, (int64_t []){ v->batch, w.in[0], kh, w.in[1], kw, oc }, 6 * sizeof(int64_t));
	l.op[0].place = &wide;
	memcpy(l.op[0].stride, (int64_t []){ w.in[0] * pitch, pitch, kw * oc, all, oc, 1 },
	       6 * sizeof(int64_t));
	l.op[1].place = &to;
	pitch = image_pitch(&to);
	memcpy(l.op[1].stride, (int64_t []){ w.out[0] * w.out[1] * pitch, kh * w.out[1] * pitch,
	       w.out[1] * pitch, kw * pitch, pitch, 1 }, 6 * sizeof(int64_t));
	emit_copy_loops(p, &l);
}

/* The general way: spread the input over zeros, stride apart, and convolve with flipped weights. */
static void transpose_spread(struct program *p, struct node *node, struct conv *v, int64_t groups)
{
	struct hostop_window w = v->w, *s = &v->w;
	int64_t dims[4] = { v->batch, v->c * groups, 1, 1 }, pitch = dims[1], lead[2];
	struct place spread, inner;

	*s = (struct hostop_window){ .stride = { 1, 1 }, .group = 1 };
	for (int i = 0; i < 2; i++) {
		int64_t reach = (w.kernel[i] - 1) * w.dilation[i];

		/* What the window's padding cannot reach is cut off or filled with zeros here. */
		lead[i] = reach - w.begin[i];
		dims[2 + i] = w.out[i] + reach;
		s->in[i] = dims[2 + i];
		s->out[i] = w.out[i];
		s->kernel[i] = w.kernel[i];
		s->dilation[i] = w.dilation[i];
		if (lead[i] < 0)
			fail_node(p->c, node, "padding of %lld with a window of %lld", (long long)w.begin[i],
				  (long long)w.kernel[i]);
	}
	spread = new_place(p, LOOM_F16, 4, dims, nhwc_order);
	emit_fill(p, &spread, 0);
	inner = spread;
	inner.off += (uint64_t)((lead[0] * dims[3] + lead[1]) * pitch) * 2;
	for (int i = 0; i < 2; i++) {
		int64_t room = (dims[2 + i] - lead[i] + w.stride[i] - 1) / w.stride[i];

		inner.dims[2 + i] = w.in[i] < room ? w.in[i] : room;
		inner.stride[2 + i] *= w.stride[i];
	}
	{
		struct place from = *v->in;

		from.rank = 4;
		if (v->in->rank == 3) {
			from.dims[3] = v->in->dims[2];
			from.stride[3] = v->in->stride[2];
			from.dims[2] = 1;
		}
		memcpy(from.dims + 2, inner.dims + 2, 2 * sizeof(int64_t));
		emit_copy(p, &inner, &from);
	}
	v->in = &spread;
	v->out = image_output(p, node->out[0]);
	set_place(p, node->out[0], &v->out);
	for (int64_t g = 0; g < groups; g++) {
		v->in_channel = g * v->c;
		v->out_channel = g * v->oc;
		v->weights = flipped(p, node->in[1], g * v->c, v->c);
		emit_conv_parts(p, v);
	}
}

static bool conv_transpose(struct program *p, struct node *node)
{
	const struct hostop_tensor *w = &node->in[1]->t;
	const struct hostop_tensor **in = arena_array(p->c, node->num_in, sizeof(*in));
	struct hostop_call call;
	int64_t groups;
	struct conv v;
	bool blocks = true;

	start_conv(p, node, &v);
	node_call(node, &call, in);
	hostop_window_transpose(&call, &v.w);
	groups = v.w.group;
	v.in = image_of(p, node->in[0]);
	v.c = w->dims[0] / groups;
	v.oc = w->dims[1];
	for (int i = 0; i < 2; i++)
		blocks = blocks && v.w.kernel[i] == v.w.stride[i] && v.w.dilation[i] == 1 &&
			 !v.w.begin[i] && v.w.out[i] == v.w.in[i] * v.w.stride[i];
	if (blocks && groups == 1 && node->in[0]->t.rank == 4)
		transpose_blocks(p, node, &v);
	else
		transpose_spread(p, node, &v, groups);
	return true;
}

bool lower_conv(struct program *p, struct node *node)
{
	if (is_op(node, "Conv"))
		return conv(p, node);
	if (is_op(node, "Linear"))
		return linear(p, node);
	return is_op(node, "ConvTranspose") && conv_transpose(p, node);
}
