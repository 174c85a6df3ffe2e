// SPDX-License-Identifier: MIT
/* Constant weights on the MAC array: Conv and Linear. (ConvTranspose: lower_conv_transpose.c.) */
#include <stdlib.h>
#include <string.h>

#include "conv.h"
#include "timing/loom_timing.h"

const float *conv_floats(struct program *p, const struct value *v)
{
	float *f;

	if (v->t.dtype == HOSTOP_F32 && !v->unmade)
		return v->t.data;
	f = arena_array(p->c, v->t.count, sizeof(*f));
	for (size_t i = 0; i < v->t.count; i++)
		f[i] = (float)number_at(v, i);
	return f;
}

static void put_half(const struct conv *v, void *to, size_t i, int64_t at)
{
	float f = v->weights ? v->weights[at] : (float)number_at(v->source, (size_t)at);

	((uint16_t *)to)[i] = hostop_f32_to_f16(f);
}

static void fill_halves(const struct blob *blob, void *to)
{
	conv_fill(blob, to, put_half);
}

struct blob *conv_blob(struct program *p, const struct conv *v, int64_t first, int64_t num, size_t size,
		       void (*fill)(const struct blob *blob, void *to))
{
	int64_t k = v->w.kernel[0] * v->w.kernel[1] * (v->depthwise ? 1 : v->c);
	struct blob *blob = new_blob(p, (size_t)(k * num) * size, 64);
	struct conv *own = arena(p->c, sizeof(*own));

	*own = *v;
	blob->fill = fill;
	blob->conv = own;
	blob->first = (size_t)first;
	blob->num = (size_t)num;
	blob->cols = p->c->options->caps.array_cols;
	return blob;
}

void conv_geometry(struct loom_cmd_conv *cmd, const struct conv *v)
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

struct place conv_channels_at(const struct place *place, int64_t channel)
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
	struct place in = conv_channels_at(v->in, v->in_channel + (v->depthwise ? first : 0)), res;
	struct place out = conv_channels_at(&v->out, v->out_channel + first);

	conv_geometry(conv, v);
	conv->c = (uint32_t)(v->depthwise ? num : v->c);
	conv->oc = (uint32_t)num;
	cmd_ref(p, cmd, FIELD(struct loom_cmd_conv, in), &in, false);
	cmd_ref(p, cmd, FIELD(struct loom_cmd_conv, out), &out, true);
	if (v->res) {
		conv->hdr.flags |= LOOM_CMD_RESIDUAL;
		res = conv_channels_at(v->res, v->out_channel + first);
		cmd_ref(p, cmd, FIELD(struct loom_cmd_conv, res), &res, false);
	}
	if (v->bias) {		/* before the weights: the first tile's epilogue wants it */
		conv->hdr.flags |= LOOM_CMD_BIAS;
		cmd_weight(cmd, FIELD(struct loom_cmd_conv, b_off),
			   blob_floats(p, v->bias, (size_t)(v->out_channel + first), (size_t)num));
	}
	cmd_weight(cmd, FIELD(struct loom_cmd_conv, w_off), conv_blob(p, v, first, num, 2, fill_halves));
	cmd->starts_layer = true;
}

/*
 * Tiles have their own sizes: to cut here would only bring in what a command reads again and again. A
 * depthwise one has few weights and tiles that do not end where columns do: along rows it costs less.
 */
static bool computes_for_long(const struct program *p, const struct conv *v, uint64_t *ps)
{
	struct loom_cmd_conv cmd = { .hdr.opcode = LOOM_OP_CONV };

	conv_geometry(&cmd, v);
	cmd.c = (uint32_t)v->c;
	cmd.oc = (uint32_t)v->oc;
	*ps = loom_timing_cycles_to_ps(&p->c->options->caps,
				       loom_timing_cycles(&p->c->options->caps, &cmd.hdr));
	return !p->tiled && !v->depthwise && *ps > p->max_slice_ps;
}

int64_t conv_part(const struct program *p, const struct conv *v, uint64_t channel_bytes)
{
	uint64_t cols = p->c->options->caps.array_cols, part = (uint64_t)v->oc, most, ps;

	if (part * channel_bytes > p->max_slice_bytes)
		part = p->max_slice_bytes / channel_bytes / cols * cols;
	if (computes_for_long(p, v, &ps)) {
		most = (uint64_t)v->oc / (ps / p->max_slice_ps + 1) / cols * cols;
		part = part < most ? part : most;
	}
	part = part < cols ? cols : part;
	return (int64_t)part < v->oc ? (int64_t)part : v->oc;
}

void conv_emit(struct program *p, const struct conv *v, const struct node *node)
{
	int64_t k = v->w.kernel[0] * v->w.kernel[1] * (v->depthwise ? 1 : v->c);
	int64_t part = conv_part(p, v, (uint64_t)k * 2 + 4);

	for (int64_t first = 0; first < v->oc; first += part)
		emit_conv(p, v, first, v->oc - first < part ? v->oc - first : part);
}

/* ---- Conv ---- */

struct place conv_output(struct program *p, struct value *v)
{
	const unsigned int *order = image_order(v->t.rank);
	struct place out = output_place(p, v, order);

	return is_image(&out) ? out : new_place(p, out.dtype, v->t.rank, v->t.dims, order);
}

void conv_check_window(struct program *p, const struct hostop_window *w)
{
	if (w->spatial > 2)
		fail_node(p->c, p->node, "three spatial dimensions are not supported on the device");
	for (int i = 0; i < 2; i++)
		if (w->begin[i] > (w->kernel[i] - 1) * w->dilation[i])
			fail_node(p->c, p->node, "padding of %lld before a window of %lld",
				  (long long)w->begin[i], (long long)w->kernel[i]);
}

void conv_plain_strides(struct conv *v)
{
	v->w_tap = 1;
	v->w_c = v->w.kernel[0] * v->w.kernel[1];
	v->w_oc = v->c * v->w_c;
}

void conv_start(struct program *p, struct node *node, struct conv *v)
{
	*v = (struct conv){ .batch = node->in[0]->t.dims[0], .act = node->act };
	if (!is_const(node->in[1]))
		fail_node(p->c, node, "weights that are not constant are not supported on the device");
	if (node->num_in > 2 && node->in[2] && !is_const(node->in[2]))
		fail_node(p->c, node, "a bias that is not constant is not supported on the device");
	v->bias = node->num_in > 2 ? node->in[2] : NULL;
	v->source = node->in[1];
	v->weights = v->source->t.dtype == HOSTOP_F32 && !v->source->unmade ? v->source->t.data : NULL;
}

void conv_begin(struct program *p, struct node *node, struct conv *v)
{
	const struct hostop_tensor **in = arena_array(p->c, node->num_in, sizeof(*in));
	const struct hostop_tensor *w = &node->in[1]->t;
	struct hostop_call call;

	node_call(node, &call, in);
	hostop_window_solve(&call, w->dims + 2, &v->w);
	conv_check_window(p, &v->w);
	v->in = image_of(p, node->in[0]);
	v->depthwise = v->w.group > 1 && v->w.group == node->in[0]->t.dims[1] && w->dims[0] == v->w.group;
	v->c = w->dims[1];
	v->oc = v->depthwise ? v->w.group : w->dims[0] / v->w.group;
	conv_plain_strides(v);
}

void conv_finish(struct program *p, struct node *node, struct conv *v, conv_emit_fn emit)
{
	v->out = conv_output(p, node->out[0]);
	set_place(p, node->out[0], &v->out);
	for (int64_t g = 0; g < (v->depthwise ? 1 : v->w.group); g++) {
		v->in_channel = g * v->c;
		v->out_channel = g * v->oc;
		emit(p, v, node);
		v->first += v->oc * v->c * v->w.kernel[0] * v->w.kernel[1];
	}
}

static void conv(struct program *p, struct node *node)
{
	struct conv v;

	conv_start(p, node, &v);
	conv_begin(p, node, &v);
	v.res = node->residual ? image_of(p, node->residual) : NULL;
	conv_finish(p, node, &v, conv_emit);
}

/* ---- Linear ---- */

/* A place of rows as an image of height 1. */
const struct place *rows_as_image(struct program *p, const struct place *rows)
{
	int64_t n = rows->rank ? rows->dims[rows->rank - 1] : 1, m = 1, pitch = n;
	struct place *r = arena(p->c, sizeof(*r));

	for (unsigned int d = rows->rank - 1; d-- > 0;) {
		if (rows->dims[d] != 1 && m == 1)
			pitch = rows->stride[d];
		m *= rows->dims[d];
	}
	*r = *rows;
	r->rank = 4;
	r->dims[0] = r->dims[2] = 1;
	r->dims[1] = n;
	r->dims[3] = m;
	r->stride[0] = r->stride[2] = pitch * m;
	r->stride[1] = 1;
	r->stride[3] = pitch;
	return r;
}

void linear_begin(struct program *p, struct node *node, struct conv *v, const struct place *rows)
{
	const struct hostop_tensor *w = &node->in[1]->t;

	v->batch = 1;
	v->c = w->dims[0];
	v->oc = w->dims[1];
	v->w_oc = 1;		/* [K, N] */
	v->w_c = v->oc;
	v->in = rows_as_image(p, rows);
}

void linear_finish(struct program *p, struct node *node, struct conv *v, conv_emit_fn emit)
{
	struct value *out = node->out[0];
	struct place made = output_place(p, out, NULL);

	if (!is_row_major(&made))
		made = new_place(p, made.dtype, out->t.rank, out->t.dims, NULL);
	set_place(p, out, &made);
	v->out = *rows_as_image(p, &made);
	v->w = (struct hostop_window){
		.in = { 1, v->in->dims[3] }, .out = { 1, v->in->dims[3] }, .kernel = { 1, 1 },
		.stride = { 1, 1 }, .dilation = { 1, 1 }, .group = 1,
	};
	emit(p, v, node);
}

static void linear(struct program *p, struct node *node)
{
	struct conv v;

	conv_start(p, node, &v);
	linear_begin(p, node, &v, rows_of(p, node->in[0], LOOM_F16));
	v.res = node->residual ? rows_as_image(p, rows_of(p, node->residual, LOOM_F16)) : NULL;
	linear_finish(p, node, &v, conv_emit);
}

bool lower_conv(struct program *p, struct node *node)
{
	if (is_op(node, "Conv"))
		conv(p, node);
	else if (is_op(node, "Linear"))
		linear(p, node);
	else
		return is_op(node, "ConvTranspose") && lower_conv_transpose(p, node);
	return true;
}
