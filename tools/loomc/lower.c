// SPDX-License-Identifier: MIT
/* Nodes -> commands: what is asked of the families of operators, and inputs and outputs. */
#include <string.h>

#include "passes.h"
#include "lower.h"
#include "timing/loom_timing.h"

unsigned int const_ints(struct program *p, const struct node *node, unsigned int in,
			const char *attr, int64_t *v, unsigned int max)
{
	const struct value *value = in && in < node->num_in ? node->in[in] : NULL;
	const struct hostop_attr *a = attr ? node_attr(node, attr) : NULL;

	if (value) {
		if (!is_const(value) || value->t.count > max)
			fail_node(p->c, node, "input %u must be a constant on the device", in);
		for (size_t i = 0; i < value->t.count; i++)
			v[i] = hostop_get_int(&value->t, i);
		return (unsigned int)value->t.count;
	}
	if (!a || a->type != HOSTOP_ATTR_INTS || a->num > max)
		return 0;
	for (size_t i = 0; i < a->num; i++)
		v[i] = a->ints[i];
	return (unsigned int)a->num;
}

unsigned int node_axis(struct program *p, const struct node *node, int64_t otherwise,
		       unsigned int rank)
{
	int64_t axis = node_int(node, "axis", otherwise);

	return (unsigned int)(axis < 0 ? axis + rank : axis);
}

/* ---- the tensor table ---- */

static uint64_t align64(uint64_t n)
{
	return (n + 63) & ~63ull;
}

/* Host operators take and give all that there is. */
static bool io_dtype(const struct program *p, enum hostop_dtype dtype)
{
	return !p->c->options->device_only || dtype == HOSTOP_F32 || dtype == HOSTOP_F16 ||
	       dtype == HOSTOP_I32 || dtype == HOSTOP_I64 || dtype == HOSTOP_U8 || dtype == HOSTOP_I8;
}

static void add_tensor(struct program *p, unsigned int i, const struct port *port)
{
	struct loom_elf_tensor *t = &p->tensors[i];
	const struct hostop_tensor *v = &port->value->t;
	bool half = p->c->options->io_f16 && v->dtype == HOSTOP_F32;

	if (!io_dtype(p, v->dtype))
		fail(p->c, "'%s' is of %s, which the device cannot take in or give out (fix an input with --bind)",
		     port->name, hostop_dtype_name(v->dtype));
	p->port_names[i] = port->name;
	t->dtype = half ? LOOM_TENSOR_F16 : v->dtype;
	t->rank = v->rank;
	for (unsigned int d = 0; d < v->rank; d++)
		t->dims[d] = (uint64_t)v->dims[d];
	t->offset = p->io_bytes;
	t->bytes = hostop_bytes(v) / (half ? 2 : 1);
	p->io_bytes = align64(p->io_bytes + t->bytes);
}

static void make_tensors(struct program *p)
{
	unsigned int num = p->g->num_inputs + p->g->num_outputs;

	p->tensors = arena_array(p->c, num, sizeof(*p->tensors));
	p->port_names = arena_array(p->c, num, sizeof(*p->port_names));
	for (unsigned int i = 0; i < p->g->num_inputs; i++)
		add_tensor(p, i, &p->g->inputs[i]);
	for (unsigned int i = 0; i < p->g->num_outputs; i++)
		add_tensor(p, p->g->num_inputs + i, &p->g->outputs[i]);
}

/* ---- wishes: made inside a Concat, made in the order that a Transpose wants ---- */

static bool is_one_of(const struct node *n, const char *const *ops, size_t num)
{
	for (size_t i = 0; i < num; i++)
		if (is_op(n, ops[i]))
			return true;
	return false;
}

#define NUM(array) (sizeof(array) / sizeof((array)[0]))

static bool is_view(const struct node *n)
{
	static const char *const views[] = { "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose",
					     "Slice", "Split", "Expand", "Gather", "Identity" };

	return is_one_of(n, views, NUM(views));
}

static void wish_concat(struct program *p, struct node *node)
{
	unsigned int axis = node_axis(p, node, 0, node->out[0]->t.rank);
	int64_t at = 0;

	for (unsigned int i = 0; i < node->num_in; i++) {
		struct value *v = node->in[i];

		if (v->producer && !v->producer->on_host && used_once(v) && !is_view(v->producer) &&
		    !lowered_of(p, v)->into) {
			v->lowered->into = node->out[0];
			v->lowered->into_at = at;
			v->lowered->into_axis = axis;
		}
		at += v->t.dims[axis];
	}
}

static void wish_transpose(struct program *p, struct node *node)
{
	struct value *v = node->in[0];
	int64_t perm[HOSTOP_MAX_DIMS];
	unsigned int n = const_ints(p, node, 0, "perm", perm, HOSTOP_MAX_DIMS), *order;

	if (!v->producer || !used_once(v) || n != v->t.rank)
		return;
	order = arena_array(p->c, n, sizeof(*order));
	for (unsigned int d = 0; d < n; d++)
		order[d] = (unsigned int)perm[d];
	lowered_of(p, v)->order = order;
}

/* ---- wishes: fp32 between a command that makes it and commands that take it ---- */

static bool makes_floats(const struct node *n)
{
	static const char *const ops[] = {
		"Conv", "ConvTranspose", "Linear", "MatMul", "Add", "Sub", "Mul", "Div", "Max", "Min",
		"Pow", "Act", "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "GlobalAveragePool",
		"GlobalMaxPool", "Softmax", "DequantizeLinear", "QConv", "QLinear", "QMatMul",
		"QBinary", "QAct",
	};

	return n && is_one_of(n, ops, NUM(ops));
}

/* The vector unit takes fp32; the MAC array, POOL and LAYERNORM do not. */
static bool takes_floats(const struct node *n)
{
	static const char *const ops[] = {
		"Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "Act", "ReduceSum", "ReduceMean",
		"ReduceMax", "ReduceMin", "GlobalAveragePool", "GlobalMaxPool", "Softmax", "Resize",
		"Upsample", "Pad", "Tile", "DepthToSpace", "SpaceToDepth", "QuantizeLinear",
		"DynamicQuantizeLinear", "QBinary", "QAct",
	};

	return is_one_of(n, ops, NUM(ops));
}

static bool users_take_floats(const struct program *p, const struct value *v)
{
	for (unsigned int i = 0; i < p->g->num_nodes; i++) {
		const struct node *n = p->g->nodes[i];
		bool reads = false;

		for (unsigned int k = 0; n && k < n->num_in; k++)
			reads = reads || n->in[k] == v;
		if (n && n->residual == v)
			return false;
		if (!reads || takes_floats(n))
			continue;
		if (!is_view(n))
			return false;
		for (unsigned int k = 0; k < n->num_out; k++)
			if (!users_take_floats(p, n->out[k]))
				return false;
	}
	return true;
}

static void wish_wide(struct program *p, struct value *v)
{
	if (hostop_is_float(v->t.dtype) && makes_floats(v->producer) && !lowered_of(p, v)->into &&
	    users_take_floats(p, v))
		v->lowered->wide = true;
}

static void make_wishes(struct program *p)
{
	for (unsigned int i = 0; i < p->g->num_nodes; i++) {
		if (!p->g->nodes[i] || p->g->nodes[i]->on_host)
			continue;
		if (is_op(p->g->nodes[i], "Concat"))
			wish_concat(p, p->g->nodes[i]);
		if (is_op(p->g->nodes[i], "Transpose"))
			wish_transpose(p, p->g->nodes[i]);
	}
	for (unsigned int i = 0; p->wide && i < p->g->num_nodes; i++)
		if (p->g->nodes[i])
			wish_wide(p, p->g->nodes[i]->out[0]);
}

/* ---- nodes ---- */

static void emit_output(struct program *p, unsigned int i)
{
	const struct loom_elf_tensor *t = &p->tensors[p->g->num_inputs + i];
	struct value *v = p->g->outputs[i].value;
	enum loom_dtype dtype = t->dtype == LOOM_TENSOR_F32 ? LOOM_F32 : device_dtype(p, v);

	emit_store(p, place_as(p, v, dtype, is_row_major, NULL), t->offset);
}

static void emit_outputs_of(struct program *p, const struct value *v)
{
	for (unsigned int i = 0; v->is_output && i < p->g->num_outputs; i++)
		if (p->g->outputs[i].value == v)
			emit_output(p, i);
}

/* Tensors without elements make no commands; what is computed from one is no work for a device. */
static bool is_empty(struct program *p, const struct node *node)
{
	bool empty = true;

	for (unsigned int i = 0; i < node->num_out; i++)
		empty = empty && !node->out[i]->t.count;
	if (!empty && !is_op(node, "Concat") && node->num_in && node->in[0] && !node->in[0]->t.count)
		fail_node(p->c, node, "its input is empty, which is not supported on the device");
	return empty;
}

static void lower_node(struct program *p, struct node *node)
{
	p->node = p->c->lowering = node;
	if (node->on_host) {
		lower_host(p, node);
		return;
	}
	if (is_empty(p, node))
		return;
	if (!lower_view(p, node) && !lower_conv(p, node) && !lower_matmul(p, node) &&
	    !lower_quantised(p, node) && !lower_elementwise(p, node) && !lower_move(p, node) && !lower_reduce(p, node))
		fail_node(p->c, node, "operator is not supported on the device");
	for (unsigned int i = 0; i < node->num_out; i++)
		emit_outputs_of(p, node->out[i]);
}

/*
 * Most weights of a slice: 4 MiB, or a part of a small weight SRAM. A command that is cut in tiles
 * needs its weights again for each, so they are never more than the SRAM holds.
 */
static uint64_t slice_limit(const struct loomc_options *o, bool tiled)
{
	uint64_t part = o->caps.weight_sram_bytes / 8;

	if (o->no_slice)
		return tiled ? o->caps.weight_sram_bytes / 2 : UINT32_MAX / 2;
	if (o->slice_bytes)
		return o->slice_bytes;
	return part < 4u << 20 ? part : 4u << 20;
}

/* While a slice computes, no more is fetched than the weight SRAM holds: half of that may come meanwhile. */
static uint64_t time_limit(const struct loomc_options *o)
{
	if (o->no_slice)
		return UINT64_MAX;
	if (o->slice_ns)
		return o->slice_ns * 1000;
	return loom_timing_dram_ps(&o->caps, o->caps.weight_sram_bytes) / 2;
}

static const struct node nothing = { .name = "output", .op = "Identity", .origin = "Identity" };

/* Forget where values are: the graph may be lowered again. */
static void forget(struct graph *g)
{
	for (unsigned int i = 0; i < g->num_nodes; i++) {
		struct node *n = g->nodes[i];

		for (unsigned int k = 0; n && k < n->num_in; k++)
			if (n->in[k])
				n->in[k]->lowered = NULL;
		for (unsigned int k = 0; n && k < n->num_out; k++)
			n->out[k]->lowered = NULL;
	}
	for (unsigned int i = 0; i < g->num_outputs; i++)
		g->outputs[i].value->lowered = NULL;
}

static struct program *new_program(struct graph *g, bool wide, bool tiled)
{
	struct program *p = arena(g->c, sizeof(*p));

	p->c = g->c;
	p->g = g;
	p->wide = wide;
	p->tiled = tiled;
	p->max_slice_bytes = slice_limit(g->c->options, tiled);
	p->max_slice_ps = time_limit(g->c->options);
	return p;
}

static void lower_all(struct program *p)
{
	struct graph *g = p->g;

	forget(g);
	make_tensors(p);
	make_wishes(p);
	for (unsigned int i = 0; i < g->num_nodes; i++)
		if (g->nodes[i])
			lower_node(p, g->nodes[i]);
	/* Outputs that no node makes: inputs and constants passed through. */
	p->node = &nothing;
	p->c->lowering = NULL;
	for (unsigned int i = 0; i < g->num_outputs; i++)
		if (!g->outputs[i].value->producer)
			emit_output(p, i);
}

/* What fails to lower, and can, runs on the host: known from then on, and all is lowered again. */
struct program *lower(struct graph *g, bool wide, bool tiled)
{
	struct program *p;

	if (setjmp(g->c->retry))
		g->c->lowering->on_host = true;
	p = new_program(g, wide, tiled);
	lower_all(p);
	return p;
}
