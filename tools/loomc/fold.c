// SPDX-License-Identifier: MIT
/* Shapes of a node's outputs, and their values when the inputs are constants. */
#include <errno.h>
#include <string.h>

#include "graph.h"

/* A constant larger than its inputs by so much stays an operation (an expanded scalar, say). */
#define MAX_GROWTH (64u << 20)
/* Weights of a model that has ConstantOfShape nodes for them may grow so large together. */
#define MAX_WEIGHTS (2ull << 30)

void node_call(const struct node *node, struct hostop_call *call, const struct hostop_tensor **in)
{
	for (unsigned int i = 0; i < node->num_in; i++)
		in[i] = node->in[i] ? &node->in[i]->t : NULL;
	*call = (struct hostop_call){
		.op = node->op, .opset = node->opset, .attrs = node->attrs,
		.num_attrs = node->num_attrs, .in = in, .num_in = node->num_in,
	};
}

static bool all_known(const struct node *node)
{
	for (unsigned int i = 0; i < node->num_in; i++)
		if (node->in[i] && !node->in[i]->t.data)
			return false;
	return true;
}

/* Nothing in a graph that compiles is larger than what a lease or a file could hold. */
static void check_size(struct graph *g, const struct node *node, const struct hostop_call *call)
{
	for (unsigned int i = 0; i < call->num_out; i++)
		if (hostop_bytes(&call->out[i]) > 1ull << 31)
			fail_node(g->c, node, "output %u would have %zu bytes", i,
				  hostop_bytes(&call->out[i]));
}

/* Constants that a quantised operator may want as they are. */
static bool stays_quantised(const struct graph *g, const struct node *node)
{
	return g->c->keep_quantised && !strcmp(node->op, "DequantizeLinear") &&
	       node->in[0]->t.count > 1;
}

static bool worth_it(const struct graph *g, const struct node *node, const struct hostop_call *call)
{
	size_t in = 0, out = 0;

	/* Timing only: loom-zoo's light weights are scalars expanded, and no file grows by them. */
	if (g->c->evaluate || g->c->options->timing_only)
		return true;
	for (unsigned int i = 0; i < node->num_in; i++)
		in += node->in[i] ? hostop_bytes(&node->in[i]->t) : 0;
	for (unsigned int i = 0; i < call->num_out; i++)
		out += hostop_bytes(&call->out[i]);
	if (is_op(node, "ConstantOfShape") && g->c->grown + out <= MAX_WEIGHTS) {
		g->c->grown += out;
		return true;
	}
	return out <= MAX_GROWTH || out <= 4 * in;
}

static void set_outputs(struct graph *g, struct node *node, struct hostop_call *call)
{
	for (unsigned int i = 0; i < call->num_out; i++) {
		if (call->out[i].data)
			graph_own(g->c, call->out[i].data);
		if (node->out[i])
			node->out[i]->t = call->out[i];
	}
}

/*
 * Numbers that can be made one by one are, when they are written (numbers.c): their pages are not
 * touched, either. For timing only the numbers in weights mean nothing, only how many there are: what would be a large
 * constant is left zero, in pages that are never touched, until a small one is made from it (whose
 * numbers may decide how it is kept).
 */
#define LARGE (1u << 20)

static bool numbers_matter(const struct graph *g, const struct node *node, const struct hostop_call *call)
{
	return !g->c->options->timing_only || g->c->evaluate || !hostop_is_float(call->out[0].dtype) ||
	       call->num_out > 1 || hostop_bytes(&call->out[0]) < LARGE;
}

static int make_inputs(struct graph *g, const struct node *node, struct hostop_call *call);

static int make_value(struct graph *g, struct value *v, struct hostop_call *why)
{
	struct node *node = v->unmade;
	const struct hostop_tensor **in = arena_array(g->c, node->num_in, sizeof(*in));
	struct hostop_tensor out;
	struct hostop_call call;
	int ret = make_inputs(g, node, why);

	v->unmade = NULL;
	if (ret)
		return ret;
	node_call(node, &call, in);
	call.out = &out;
	call.num_out = 1;
	ret = hostop_eval(&call);
	if (ret)
		memcpy(why->error, call.error, sizeof(call.error));
	else
		memcpy(v->t.data, out.data, hostop_bytes(&out));
	hostop_free(&out);
	return ret;
}

static int make_inputs(struct graph *g, const struct node *node, struct hostop_call *call)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < node->num_in; i++)
		if (node->in[i] && node->in[i]->unmade)
			ret = make_value(g, node->in[i], call);
	return ret;
}

void make_numbers(struct graph *g, struct value *v)
{
	struct hostop_call call;

	if (v->unmade && make_value(g, v, &call))
		fail(g->c, "constant '%s': %s", v->name, call.error);
}

static int evaluate(struct graph *g, struct node *node, struct hostop_call *call)
{
	int ret;

	if (numbers_matter(g, node, call) &&
	    (g->c->evaluate || call->num_out > 1 || !can_wait(g, node, &call->out[0]))) {
		ret = hostop_needs_data(node->op) ? make_inputs(g, node, call) : 0;
		return ret ? ret : hostop_eval(call);
	}
	node->out[0]->unmade = node;
	APPEND(g->c, g->c->unmade, g->c->num_unmade, node->out[0]);
	if (!hostop_alloc(&call->out[0]))
		return 0;
	strcpy(call->error, "out of memory");
	return -ENOMEM;
}

bool fold_node(struct graph *g, struct node *node)
{
	const struct hostop_tensor **in = arena_array(g->c, node->num_in, sizeof(*in));
	struct hostop_call call;
	bool known = all_known(node);
	int ret;

	node_call(node, &call, in);
	call.num_out = node->num_out;
	call.out = arena_array(g->c, node->num_out, sizeof(*call.out));
	ret = hostop_infer(&call);
	if (ret == -ENODATA)
		fail_node(g->c, node, "%s: its shape depends on data (bind the input it comes from with --bind)",
			  call.error);
	if (ret)
		fail_node(g->c, node, "%s", call.error);
	check_size(g, node, &call);
	known = (known && !stays_quantised(g, node) && worth_it(g, node, &call)) || !hostop_needs_data(node->op);
	if (known) {
		ret = evaluate(g, node, &call);
		set_outputs(g, node, &call);
		if (ret)
			fail_node(g->c, node, "%s", call.error);
		return true;
	}
	set_outputs(g, node, &call);
	return false;
}
