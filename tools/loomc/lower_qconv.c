// SPDX-License-Identifier: MIT
/* 8-bit weights on the MAC array: QConv and QLinear. */
#include <string.h>

#include "conv.h"
#include "quantised.h"

static uint8_t weight_at(const struct conv *v, int64_t oc, int64_t c, int64_t tap)
{
	return v->bytes[conv_at(v, oc, c, tap)];
}

/* As fill_conv() of lower_conv.c. */
static void fill_weights(const struct blob *blob, void *data)
{
	int64_t taps = blob->conv->w.kernel[0] * blob->conv->w.kernel[1], num = (int64_t)blob->num;
	uint8_t *to = data;

	for (int64_t block = 0; block < num; block += blob->cols) {
		int64_t at = (int64_t)blob->first + block;
		int64_t n = num - block < blob->cols ? num - block : blob->cols;

		for (int64_t tap = 0; tap < taps; tap++)
			for (int64_t c = 0; c < blob->conv->c; c++)
				for (int64_t o = 0; o < n; o++)
					*to++ = weight_at(blob->conv, at + o, c, tap);
	}
}

/* Taps x channels. */
static void fill_depthwise(const struct blob *blob, void *data)
{
	int64_t taps = blob->conv->w.kernel[0] * blob->conv->w.kernel[1];
	uint8_t *to = data;

	for (int64_t tap = 0; tap < taps; tap++)
		for (size_t c = 0; c < blob->num; c++)
			*to++ = weight_at(blob->conv, (int64_t)(blob->first + c), 0, tap);
}

/*
 * One multiplication takes a sum to the result's scale if nothing is to be done to it before, or
 * what is done commutes with the scale: that is ONNX Runtime's arithmetic, to the bit.
 */
static bool scales_at_once(const struct node *node)
{
	return node->q->out.on && !node->residual && !node->q->add &&
	       (node->act.fn == LOOM_UN_NONE || node->act.fn == LOOM_UN_RELU ||
		node->act.fn == LOOM_UN_CLIP);
}

static void fill_channels(const struct blob *blob, void *data)
{
	const struct quantised *q = blob->node->q;
	struct loom_qchannel *to = data;

	for (size_t i = 0; i < blob->num; i++) {
		size_t at = blob->first + i;

		to[i] = (struct loom_qchannel){
			.bias = q->bias ? q->bias[at] : 0,
			.zero = q->zero ? q->zero[at] : 0,
			.scale = q->in[0].scale * q->scale[at],
			.add = q->add ? q->add[at] : 0,
		};
		if (scales_at_once(blob->node))
			to[i].scale /= q->out.scale;
	}
}

static struct blob *channel_blob(struct program *p, const struct node *node, int64_t first,
				 int64_t num)
{
	struct blob *blob = new_blob(p, (size_t)num * sizeof(struct loom_qchannel), 4);

	blob->fill = fill_channels;
	blob->node = node;
	blob->first = (size_t)first;
	blob->num = (size_t)num;
	return blob;
}

static struct blob *weight_blob(struct program *p, const struct conv *v, int64_t first, int64_t num)
{
	int64_t k = v->w.kernel[0] * v->w.kernel[1] * (v->depthwise ? 1 : v->c);
	struct blob *blob = new_blob(p, (size_t)(k * num), 64);
	struct conv *own = arena(p->c, sizeof(*own));

	*own = *v;
	blob->fill = v->depthwise ? fill_depthwise : fill_weights;
	blob->conv = own;
	blob->first = (size_t)first;
	blob->num = (size_t)num;
	blob->cols = p->c->options->caps.array_cols;
	return blob;
}

static struct loom_quant quant_of(const struct qparam *q)
{
	return q->on ? (struct loom_quant){ q->scale, q->zero } : (struct loom_quant){ 0 };
}

static void set_types(struct loom_cmd_qconv *cmd, const struct conv *v, const struct node *node)
{
	const struct quantised *q = node->q;

	cmd->in_dtype = (uint16_t)v->in->dtype;
	cmd->w_dtype = node->in[1]->t.dtype == HOSTOP_I8 ? LOOM_I8 : LOOM_U8;
	cmd->in_zero = q->dynamic ? 0 : q->in[0].zero;
	cmd->out_quant = quant_of(&q->out);
	if (v->res) {
		cmd->res_dtype = (uint16_t)v->res->dtype;
		cmd->res_quant = quant_of(&q->res);
	}
	if (!scales_at_once(node))
		return;
	cmd->out_quant.scale = 1;
	cmd->conv.act.alpha /= q->out.scale;
	cmd->conv.act.beta /= q->out.scale;
}

static void reference(struct program *p, struct command *cmd, size_t field, struct place place,
		      bool write)
{
	cmd_ref(p, cmd, field, &place, write);
}

/* The command for output channels [first, first + num) of v. */
static void emit_part(struct program *p, const struct conv *v, const struct node *node,
		      int64_t first, int64_t num)
{
	struct command *cmd = new_command(p, v->depthwise ? LOOM_OP_QDWCONV : LOOM_OP_QCONV,
					  sizeof(struct loom_cmd_qconv));
	struct loom_cmd_qconv *conv = (struct loom_cmd_qconv *)cmd->raw;
	int64_t in = v->in_channel + (v->depthwise ? first : 0);

	conv_geometry(&conv->conv, v);
	set_types(conv, v, node);
	conv->conv.c = (uint32_t)(v->depthwise ? num : v->c);
	conv->conv.oc = (uint32_t)num;
	reference(p, cmd, FIELD(struct loom_cmd_qconv, conv.in), conv_channels_at(v->in, in), false);
	if (v->res) {
		conv->conv.hdr.flags |= LOOM_CMD_RESIDUAL;
		reference(p, cmd, FIELD(struct loom_cmd_qconv, conv.res),
			  conv_channels_at(v->res, v->out_channel + first), false);
	}
	if (node->q->dynamic) {
		conv->conv.hdr.flags |= LOOM_CMD_DYNAMIC;
		cmd_ref(p, cmd, FIELD(struct loom_cmd_qconv, dyn), place_of(p, node->q->dynamic), false);
	}
	reference(p, cmd, FIELD(struct loom_cmd_qconv, conv.out),
		  conv_channels_at(&v->out, v->out_channel + first), true);
	cmd_weight(cmd, FIELD(struct loom_cmd_qconv, conv.b_off),
		   channel_blob(p, node, v->out_channel + first, num));
	cmd_weight(cmd, FIELD(struct loom_cmd_qconv, conv.w_off), weight_blob(p, v, first, num));
	cmd->starts_layer = true;
}

void qconv_emit(struct program *p, const struct conv *v, const struct node *node)
{
	int64_t k = v->w.kernel[0] * v->w.kernel[1] * (v->depthwise ? 1 : v->c);
	int64_t part = conv_part(p, v, (uint64_t)k + sizeof(struct loom_qchannel));

	for (int64_t first = 0; first < v->oc; first += part)
		emit_part(p, v, node, first, v->oc - first < part ? v->oc - first : part);
}

/* ---- QConv ---- */

/* A residual in any type that the device takes, as an image. */
static const struct place *residual_image(struct program *p, struct value *v)
{
	const struct place *place = place_of(p, v);

	return is_image(place) ? place : image_of(p, v);
}

static void qconv(struct program *p, struct node *node)
{
	const struct hostop_tensor *w = &node->in[1]->t;
	const struct hostop_tensor **in = arena_array(p->c, node->num_in, sizeof(*in));
	struct conv v = { .batch = node->in[0]->t.dims[0], .act = node->act, .bytes = w->data };
	struct hostop_call call;
	int64_t groups;

	node_call(node, &call, in);
	hostop_window_solve(&call, w->dims + 2, &v.w);
	conv_check_window(p, &v.w);
	groups = v.w.group;
	v.in = image_of(p, node->in[0]);
	v.res = node->residual ? residual_image(p, node->residual) : NULL;
	v.out = conv_output(p, node->out[0]);
	set_place(p, node->out[0], &v.out);
	v.depthwise = groups > 1 && groups == node->in[0]->t.dims[1] && w->dims[0] == groups;
	v.c = w->dims[1];
	v.oc = v.depthwise ? groups : w->dims[0] / groups;
	conv_plain_strides(&v);
	for (int64_t g = 0; g < (v.depthwise ? 1 : groups); g++) {
		v.in_channel = g * v.c;
		v.out_channel = g * v.oc;
		qconv_emit(p, &v, node);
		v.first += v.oc * v.c * v.w.kernel[0] * v.w.kernel[1];
	}
}

/* ---- QLinear ---- */

static const struct place *residual_rows(struct program *p, struct value *v)
{
	const struct place *place = place_of(p, v);

	return is_rows(place) ? place : rows_of(p, v, device_dtype(p, v));
}

static void qlinear(struct program *p, struct node *node)
{
	const struct hostop_tensor *w = &node->in[1]->t;
	struct value *out = node->out[0];
	struct conv v = { .batch = 1, .act = node->act, .bytes = w->data,
			  .c = w->dims[0], .oc = w->dims[1], .w_oc = 1, .w_c = w->dims[1] };
	struct place in, res, made;

	in = rows_as_image(rows_of(p, node->in[0], device_dtype(p, node->in[0])));
	v.in = &in;
	if (node->residual) {
		res = rows_as_image(residual_rows(p, node->residual));
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
	qconv_emit(p, &v, node);
}

bool lower_qconv(struct program *p, struct node *node)
{
	if (!is_op(node, "QConv") && !is_op(node, "QLinear"))
		return false;
	if (is_op(node, "QConv"))
		qconv(p, node);
	else
		qlinear(p, node);
	return true;
}
