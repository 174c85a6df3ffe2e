// SPDX-License-Identifier: MIT
/* 8-bit weights on the MAC array: QConv and QLinear. */
#include <string.h>

#include "conv.h"
#include "quantised.h"

static void put_byte(const struct conv *v, void *to, size_t i, int64_t at)
{
	((uint8_t *)to)[i] = v->bytes[at];
}

static void fill_bytes(const struct blob *blob, void *to)
{
	conv_fill(blob, to, put_byte);
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
	cmd_weight(cmd, FIELD(struct loom_cmd_qconv, conv.w_off), conv_blob(p, v, first, num, 1, fill_bytes));
	cmd->starts_layer = true;
}

static void qconv_emit(struct program *p, const struct conv *v, const struct node *node)
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
	struct conv v = { .batch = node->in[0]->t.dims[0], .act = node->act, .bytes = node->in[1]->t.data };

	conv_begin(p, node, &v);
	v.res = node->residual ? residual_image(p, node->residual) : NULL;
	conv_finish(p, node, &v, qconv_emit);
}

/* ---- QLinear ---- */

static const struct place *residual_rows(struct program *p, struct value *v)
{
	const struct place *place = place_of(p, v);

	return is_rows(place) ? place : rows_of(p, v, device_dtype(p, v));
}

static void qlinear(struct program *p, struct node *node)
{
	struct conv v = { .act = node->act, .bytes = node->in[1]->t.data };

	linear_begin(p, node, &v, rows_of(p, node->in[0], device_dtype(p, node->in[0])));
	v.res = node->residual ? rows_as_image(p, residual_rows(p, node->residual)) : NULL;
	linear_finish(p, node, &v, qconv_emit);
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
