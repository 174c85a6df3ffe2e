// SPDX-License-Identifier: MIT
/*
 * Operators that run on the host between slices. What passes between them and the device lies in
 * the I/O region, in the model's own types and layout: a STORE before, a LOAD after, in the place
 * of the graph's input or output where it is one. In the command stream the step is a mark, which
 * slice() takes out: it ends a slice.
 */
#include <string.h>

#include "lower.h"

/*
 * A model of the host, for reports: hostops are plain loops. Nanoseconds an element that is read or
 * written, and picoseconds a multiplication.
 */
#define ELEMENT_NS 5
#define MAC_PS 1000

bool can_run_on_host(const struct node *node)
{
	return hostop_known(node->op) && !node->act.fn && !node->residual && node->alpha == 1;
}

/* ---- what it costs ---- */

static uint64_t macs_of(const struct node *node)
{
	const struct hostop_tensor *x = node->num_in ? &node->in[0]->t : NULL;
	const struct hostop_tensor *w = node->num_in > 1 && node->in[1] ? &node->in[1]->t : NULL;
	const struct hostop_tensor *r = node->num_in > 2 && node->in[2] ? &node->in[2]->t : NULL;

	if (is_op(node, "LSTM") || is_op(node, "GRU") || is_op(node, "RNN"))
		return x->count / (uint64_t)(x->dims[2] ? x->dims[2] : 1) * (w->count + r->count);
	if (is_op(node, "Conv") && w->dims[0])
		return node->out[0]->t.count * (w->count / (uint64_t)w->dims[0]);
	if (is_op(node, "ConvTranspose") && w->dims[0])
		return x->count * (w->count / (uint64_t)w->dims[0]);
	if ((is_op(node, "MatMul") || is_op(node, "Gemm")) && x->rank)
		return node->out[0]->t.count * (uint64_t)x->dims[x->rank - 1];
	return 0;
}

static void weigh(struct host_step *step, const struct node *node)
{
	uint64_t elements = 0;

	for (unsigned int i = 0; i < node->num_in; i++) {
		elements += node->in[i] ? node->in[i]->t.count : 0;
		step->bytes += node->in[i] ? hostop_bytes(&node->in[i]->t) : 0;
	}
	for (unsigned int i = 0; i < node->num_out; i++) {
		elements += node->out[i] ? node->out[i]->t.count : 0;
		step->bytes += node->out[i] ? hostop_bytes(&node->out[i]->t) : 0;
	}
	step->macs = macs_of(node);
	step->ps = elements * ELEMENT_NS * 1000 + step->macs * MAC_PS;
}

/* ---- values in the I/O region ---- */

static uint64_t io_room(struct program *p, const struct value *v)
{
	uint64_t at = p->io_bytes;

	p->io_bytes = (at + hostop_bytes(&v->t) + 63) & ~63ull;
	return at;
}

static struct lowered *io_of(struct program *p, struct value *v, bool *there)
{
	struct lowered *low = lowered_of(p, v);

	*there = low->in_io;
	if (low->in_io)
		return low;
	for (unsigned int i = 0; i < p->g->num_inputs; i++) {
		if (p->g->inputs[i].value != v)
			continue;
		low->io_at = p->tensors[i].offset;
		low->in_io = *there = true;
		return low;
	}
	low->in_io = true;
	for (unsigned int i = 0; i < p->g->num_outputs; i++) {
		if (p->g->outputs[i].value != v)
			continue;
		low->io_at = p->tensors[p->g->num_inputs + i].offset;
		return low;
	}
	low->io_at = io_room(p, v);
	return low;
}

static enum loom_dtype io_dtype(struct program *p, const struct value *v)
{
	return v->t.dtype == HOSTOP_F32 ? LOOM_F32 : device_dtype(p, v);
}

/* The device made it: it is stored before the step, and not a moment later. */
static void bring_out(struct program *p, struct value *v)
{
	const struct place *place;
	struct lowered *low;
	bool there;

	low = io_of(p, v, &there);
	if (there || !v->t.count)
		return;
	place = place_as(p, v, io_dtype(p, v), is_row_major, NULL);
	emit_store(p, place, low->io_at);
	p->cmds[p->num_cmds - 1]->fixed = true;
}

/* ---- the step ---- */

static void add_value(struct program *p, struct host_step *step, struct value *v)
{
	struct host_value *hv = &step->values[step->num_values++];

	*hv = (struct host_value){ .value = v };
	if (v)
		make_numbers(p->g, v);
	if (v && !v->t.data)
		hv->io_at = v->lowered->io_at;
}

/* An output that two ports name, or that another step copies: the value is where the first one is. */
static void copy_to_ports(struct program *p, struct value *v)
{
	bool first = true;

	for (unsigned int i = 0; i < p->g->num_outputs; i++) {
		struct node *copy;
		struct value *out;

		if (p->g->outputs[i].value != v)
			continue;
		if (first) {
			first = false;
			continue;
		}
		copy = node_new(p->c, "Identity", p->node, 1, 1);
		out = value_new(p->c, p->g->outputs[i].name);
		out->t = v->t;
		copy->in[0] = v;
		copy->out[0] = out;
		lowered_of(p, out)->in_io = true;
		out->lowered->io_at = p->tensors[p->g->num_inputs + i].offset;
		lower_host(p, copy);
	}
}

void lower_host(struct program *p, struct node *node)
{
	struct host_step *step = arena(p->c, sizeof(*step));
	struct command *mark;
	bool there;

	step->node = node;
	step->values = arena_array(p->c, node->num_in + node->num_out, sizeof(*step->values));
	for (unsigned int i = 0; i < node->num_in; i++) {
		if (node->in[i] && !is_const(node->in[i]))
			bring_out(p, node->in[i]);
		add_value(p, step, node->in[i]);
	}
	for (unsigned int i = 0; i < node->num_out; i++) {
		if (node->out[i])
			io_of(p, node->out[i], &there);
		add_value(p, step, node->out[i]);
	}
	weigh(step, node);
	mark = new_command(p, LOOM_OP_NOP, sizeof(struct loom_cmd));
	mark->host_step = step;
	APPEND(p->c, p->host_steps, p->num_host_steps, step);
	for (unsigned int i = 0; i < node->num_out; i++)
		if (node->out[i])
			copy_to_ports(p, node->out[i]);
}
