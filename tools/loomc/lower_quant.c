// SPDX-License-Identifier: MIT
/* 8-bit numbers on the vector unit, and products of two 8-bit activations. */
#include <string.h>

#include "conv.h"
#include "quantised.h"

static struct loom_quant quant_of(const struct qparam *q)
{
	return q->on ? (struct loom_quant){ q->scale, q->zero } : (struct loom_quant){ 0 };
}

static struct place output_like(struct program *p, struct value *out, const struct place *from)
{
	unsigned int order[HOSTOP_MAX_DIMS];

	order_of(from, order);
	return output_place(p, out, order);
}

/* ---- QUANT ---- */

/* Loops from one to the other; the dim `axis` is not merged with others. NO_AXIS: there is none. */
#define NO_AXIS HOSTOP_MAX_DIMS

static struct command *new_quant(struct program *p, const struct place *to,
				 const struct place *from, unsigned int axis, struct loops *l)
{
	struct loom_cmd_quant *quant;
	struct command *cmd;

	*l = (struct loops){ .rank = to->rank, .num = 3 };
	memcpy(l->dims, to->dims, sizeof(to->dims));
	if (axis != NO_AXIS)
		l->op[0].stride[axis] = 1;
	loops_operand(l, 1, from);
	loops_operand(l, 2, to);
	loops_collapse(p, l);
	cmd = new_command(p, LOOM_OP_QUANT, sizeof(*quant));
	quant = (struct loom_cmd_quant *)cmd->raw;
	loops_fill_dims(quant->dims, l);
	loops_fill_operand(p, cmd, FIELD(struct loom_cmd_quant, src), &l->op[1], l, false);
	return cmd;
}

static void finish_quant(struct program *p, struct command *cmd, struct loops *l)
{
	loops_fill_operand(p, cmd, FIELD(struct loom_cmd_quant, dst), &l->op[2], l, true);
}

/* A scale and a zero point for each channel. */
static void fill_table(const struct blob *blob, void *data)
{
	const struct node *node = blob->node;
	const struct value *scale = node->in[1], *zero = node->num_in > 2 ? node->in[2] : NULL;
	struct loom_quant *to = data;

	for (size_t i = 0; i < blob->num; i++) {
		to[i].scale = (float)hostop_get(&scale->t, i);
		to[i].zero = zero ? (int32_t)hostop_get_int(&zero->t, zero->t.count > 1 ? i : 0) : 0;
	}
}

static void add_table_of_channels(struct program *p, struct command *cmd, struct node *node,
				  const struct loops *l)
{
	struct loom_cmd_quant *quant = (struct loom_cmd_quant *)cmd->raw;
	size_t num = node->in[1]->t.count;
	struct blob *blob = new_blob(p, num * sizeof(struct loom_quant), 4);

	blob->fill = fill_table;
	blob->node = node;
	blob->num = num;
	for (unsigned int d = 0; d < l->rank; d++)
		if (l->op[0].stride[d])
			quant->axis = LOOM_MAX_DIMS - l->rank + d;
	quant->hdr.flags |= LOOM_CMD_CHANNELS;
	cmd_weight(cmd, FIELD(struct loom_cmd_quant, table), blob);
}

/* QuantizeLinear, DequantizeLinear */
static void linear_quant(struct program *p, struct node *node)
{
	struct value *scale = node->in[1], *zero = node->num_in > 2 ? node->in[2] : NULL;
	const struct place *from = place_of(p, node->in[0]);
	struct place to = output_like(p, node->out[0], from);
	struct loom_cmd_quant *quant;
	struct qparam q = { 0 };
	struct command *cmd;
	struct loops l;

	if (!is_const(scale) || (zero && !is_const(zero)))
		fail_node(p->c, node, "its scale and zero point must be a constant on the device");
	cmd = new_quant(p, &to, from, scale->t.count == 1 ? NO_AXIS :
			node_axis(p, node, 1, node->in[0]->t.rank), &l);
	quant = (struct loom_cmd_quant *)cmd->raw;
	if (scale->t.count != 1)
		add_table_of_channels(p, cmd, node, &l);
	else if (!read_qparam(scale, zero, &q))
		fail_node(p->c, node, "a scale of %g is not supported on the device",
			  hostop_get(&scale->t, 0));
	*(is_op(node, "QuantizeLinear") ? &quant->dst_quant : &quant->src_quant) = quant_of(&q);
	finish_quant(p, cmd, &l);
	set_place(p, node->out[0], &to);
}

/* The scale and zero point that come out: a struct loom_quant in the lease. */
static struct place found_at(struct program *p, struct node *node)
{
	static const int64_t two[1] = { sizeof(struct loom_quant) / sizeof(float) };
	struct place both = new_place(p, LOOM_F32, 1, two, NULL), one = both;

	one.rank = 0;
	if (node->num_out > 1)
		set_place(p, node->out[1], &one);
	one.off += offsetof(struct loom_quant, zero);
	one.dtype = LOOM_U8;
	if (node->num_out > 2)
		set_place(p, node->out[2], &one);
	return both;
}

static void dynamic_quant(struct program *p, struct node *node)
{
	const struct place *from = place_of(p, node->in[0]);
	struct place to = output_like(p, node->out[0], from), found = found_at(p, node);
	struct loom_cmd_quant *quant;
	struct command *cmd;
	struct loops l;

	cmd = new_quant(p, &to, from, NO_AXIS, &l);
	quant = (struct loom_cmd_quant *)cmd->raw;
	quant->hdr.flags |= LOOM_CMD_DYNAMIC;
	cmd_ref(p, cmd, FIELD(struct loom_cmd_quant, dyn), &found, true);
	finish_quant(p, cmd, &l);
	set_place(p, node->out[0], &to);
}

/* A function of 8-bit numbers, or another scale. */
static void qact(struct program *p, struct node *node)
{
	const struct place *from = place_of(p, node->in[0]);
	struct place to = output_like(p, node->out[0], from);
	struct loom_cmd_quant *quant;
	struct command *cmd;
	struct loops l;

	cmd = new_quant(p, &to, from, NO_AXIS, &l);
	quant = (struct loom_cmd_quant *)cmd->raw;
	quant->act = node->act;
	quant->src_quant = quant_of(&node->q->in[0]);
	quant->dst_quant = quant_of(&node->q->out);
	finish_quant(p, cmd, &l);
	set_place(p, node->out[0], &to);
}

/* ---- QBINARY ---- */

static void qbinary(struct program *p, struct node *node)
{
	struct value *out = node->out[0];
	struct loops l = { .rank = out->t.rank, .num = 3 };
	struct loom_cmd_qbinary *binary;
	struct command *cmd;
	struct place to;

	to = binary_loops(p, node, &l);
	loops_operand(&l, 2, &to);
	loops_collapse(p, &l);
	cmd = new_command(p, LOOM_OP_QBINARY, sizeof(*binary));
	binary = (struct loom_cmd_qbinary *)cmd->raw;
	binary->fn = node->q->fn;
	binary->act = node->act;
	binary->a_quant = quant_of(&node->q->in[0]);
	binary->b_quant = quant_of(&node->q->in[1]);
	binary->dst_quant = quant_of(&node->q->out);
	loops_fill_dims(binary->dims, &l);
	loops_fill_operand(p, cmd, FIELD(struct loom_cmd_qbinary, a), &l.op[0], &l, false);
	loops_fill_operand(p, cmd, FIELD(struct loom_cmd_qbinary, b), &l.op[1], &l, false);
	loops_fill_operand(p, cmd, FIELD(struct loom_cmd_qbinary, dst), &l.op[2], &l, true);
	set_place(p, out, &to);
}

/* ---- QPOOL ---- */

static void whole_image(const struct value *v, struct hostop_window *w)
{
	*w = (struct hostop_window){ .stride = { 1, 1 }, .dilation = { 1, 1 }, .out = { 1, 1 } };
	w->in[0] = w->kernel[0] = v->t.rank == 4 ? v->t.dims[2] : 1;
	w->in[1] = w->kernel[1] = v->t.dims[v->t.rank - 1];
}

/* node->origin is the ONNX operator it was. */
static void qpool(struct program *p, struct node *node)
{
	const struct place *from;
	struct loom_cmd_qpool *pool;
	struct hostop_window w;
	struct command *cmd;
	struct place to;

	if (!strcmp(node->origin, "GlobalAveragePool")) {
		whole_image(node->in[0], &w);
		if (w.kernel[0] > UINT16_MAX || w.kernel[1] > UINT16_MAX)
			fail_node(p->c, node, "an image of more than %d pixels a side is not supported on the device",
				  UINT16_MAX);
	} else {
		pool_solve(p, node, &w);
	}
	from = image_of(p, node->in[0]);
	to = conv_output(p, node->out[0]);
	cmd = new_command(p, LOOM_OP_QPOOL, sizeof(*pool));
	pool = (struct loom_cmd_qpool *)cmd->raw;
	pool_geometry(&pool->pool, node, &w, from, &to);
	pool->in_dtype = (uint16_t)from->dtype;
	pool->out_dtype = (uint16_t)to.dtype;
	if (node->q) {
		pool->in_quant = quant_of(&node->q->in[0]);
		pool->out_quant = quant_of(&node->q->out);
	}
	cmd_ref(p, cmd, FIELD(struct loom_cmd_qpool, pool.in), from, false);
	cmd_ref(p, cmd, FIELD(struct loom_cmd_qpool, pool.out), &to, true);
	set_place(p, node->out[0], &to);
}

/* ---- QMATMUL ---- */

static void qmatmul(struct program *p, struct node *node)
{
	const struct quantised *q = node->q;
	struct command *cmd = matmul_command(p, node, LOOM_OP_QMATMUL, sizeof(struct loom_cmd_qmatmul));
	struct loom_cmd_qmatmul *m = (struct loom_cmd_qmatmul *)cmd->raw;

	m->a_dtype = (uint16_t)device_dtype(p, node->in[0]);
	m->b_dtype = (uint16_t)device_dtype(p, node->in[1]);
	m->a_zero = q->in[0].zero;
	m->b_zero = q->in[1].zero;
	m->out_quant = quant_of(&q->out);
	m->matmul.alpha = q->in[0].scale * q->in[1].scale * node->alpha;
	if (q->out.on && node->act.fn == LOOM_UN_NONE) {	/* at once, as QConv */
		m->matmul.alpha /= q->out.scale;
		m->out_quant.scale = 1;
	}
}

static const struct {
	const char *op;
	void (*lower)(struct program *p, struct node *node);
} operators[] = {
	{ "QuantizeLinear", linear_quant }, { "DequantizeLinear", linear_quant },
	{ "DynamicQuantizeLinear", dynamic_quant }, { "QAct", qact }, { "QBinary", qbinary },
	{ "QPool", qpool }, { "QMatMul", qmatmul },
};

bool lower_quantised(struct program *p, struct node *node)
{
	bool known = lower_qconv(p, node);

	if (!known && is_op(node, "MaxPool") && is_8bit(node->in[0])) {
		qpool(p, node);
		known = true;
	}
	for (size_t i = 0; !known && i < sizeof(operators) / sizeof(operators[0]); i++)
		if (is_op(node, operators[i].op)) {
			operators[i].lower(p, node);
			known = true;
		}
	if (known && !(p->c->options->caps.flags & LOOM_CAP_INT8))
		fail_node(p->c, node, "the device has no 8-bit commands");
	return known;
}
