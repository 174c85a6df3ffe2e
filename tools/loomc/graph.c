// SPDX-License-Identifier: MIT
/* The graph: making, finding and rewiring nodes and values. */
#include <stdlib.h>
#include <string.h>

#include "graph.h"

void graph_own(struct compile *c, void *data)
{
	struct tensor_list *item = malloc(sizeof(*item));

	if (!item) {
		free(data);
		fail(c, "out of memory");
	}
	*item = (struct tensor_list){ .next = c->tensors, .data = data };
	c->tensors = item;
}

void graph_free_tensors(struct compile *c)
{
	while (c->tensors) {
		struct tensor_list *item = c->tensors;

		c->tensors = item->next;
		free(item->data);
		free(item);
	}
}

struct pointers {
	const void **p;
	unsigned int num;
};

static void keep(struct compile *c, struct pointers *kept, const void *data)
{
	if (data)
		APPEND(c, kept->p, kept->num, data);
}

static void keep_node(struct compile *c, struct pointers *kept, const struct node *n);

/* And what its numbers may yet be made of. */
static void keep_value(struct compile *c, struct pointers *kept, const struct value *v)
{
	keep(c, kept, v->t.data);
	if (v->unmade)
		keep_node(c, kept, v->unmade);
}

static void keep_node(struct compile *c, struct pointers *kept, const struct node *n)
{
	for (unsigned int k = 0; k < n->num_in; k++)
		if (n->in[k])
			keep_value(c, kept, n->in[k]);
	for (unsigned int k = 0; k < n->num_attrs; k++)
		keep(c, kept, n->attrs[k].t ? n->attrs[k].t->data : NULL);
}

static int by_address(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;

	return (x > y) - (x < y);
}

void graph_free_unused(struct graph *g)
{
	struct pointers kept = { NULL };

	for (unsigned int i = 0; i < g->num_nodes; i++)
		if (g->nodes[i])
			keep_node(g->c, &kept, g->nodes[i]);
	/* Numbers that may be asked for yet are made from others. */
	for (unsigned int i = 0; i < g->c->num_unmade; i++) {
		keep(g->c, &kept, g->c->unmade[i]->t.data);
		if (g->c->unmade[i]->unmade)
			keep_node(g->c, &kept, g->c->unmade[i]->unmade);
	}
	for (unsigned int i = 0; i < g->num_outputs; i++)
		keep(g->c, &kept, g->outputs[i].value->t.data);
	if (kept.num)
		qsort(kept.p, kept.num, sizeof(*kept.p), by_address);
	for (struct tensor_list **at = &g->c->tensors; *at;) {
		struct tensor_list *item = *at;
		const void *data = item->data;

		if (kept.num && bsearch(&data, kept.p, kept.num, sizeof(*kept.p), by_address)) {
			at = &item->next;
			continue;
		}
		*at = item->next;
		free(item->data);
		free(item);
	}
}

struct value *value_new(struct compile *c, const char *name)
{
	struct value *v = arena(c, sizeof(*v));

	v->name = name;
	return v;
}

struct value *value_const(struct compile *c, const char *name, enum hostop_dtype dtype,
			  unsigned int rank, const int64_t *dims)
{
	struct value *v = value_new(c, name);

	if (hostop_shape(&v->t, dtype, rank, dims))
		fail(c, "constant '%s': its shape is not possible", name);
	if (hostop_alloc(&v->t))
		fail(c, "out of memory");
	graph_own(c, v->t.data);
	return v;
}

struct value *value_scalar(struct compile *c, float f)
{
	struct value *v = value_const(c, "scalar", HOSTOP_F32, 0, NULL);

	hostop_set(&v->t, 0, f);
	return v;
}

bool is_const(const struct value *v)
{
	return v && v->t.data;
}

bool is_scalar(const struct value *v, double *f)
{
	if (!is_const(v) || v->t.count != 1 || !hostop_is_float(v->t.dtype))
		return false;
	*f = hostop_get(&v->t, 0);
	return true;
}

bool same_dims(const struct hostop_tensor *a, const struct hostop_tensor *b)
{
	return a->rank == b->rank && !memcmp(a->dims, b->dims, a->rank * sizeof(a->dims[0]));
}

struct node *node_new(struct compile *c, const char *op, const struct node *like,
		      unsigned int num_in, unsigned int num_out)
{
	struct node *n = arena(c, sizeof(*n));

	n->op = n->origin = op;
	n->name = like ? like->name : "";
	if (like)
		n->origin = like->origin;
	n->opset = like ? like->opset : 0;
	n->alpha = 1;
	n->num_in = num_in;
	n->num_out = num_out;
	n->in = arena_array(c, num_in, sizeof(*n->in));
	n->out = arena_array(c, num_out, sizeof(*n->out));
	return n;
}

unsigned int graph_index_of(const struct graph *g, const struct node *node)
{
	unsigned int i = 0;

	while (g->nodes[i] != node)
		i++;
	return i;
}

struct node *insert_before(struct graph *g, struct node *at, const char *op, unsigned int num_in,
			   const struct hostop_tensor *shape)
{
	struct node *n = node_new(g->c, op, at, num_in, 1);
	unsigned int i = graph_index_of(g, at);

	n->out[0] = value_new(g->c, at->out[0]->name);
	n->out[0]->producer = n;
	n->out[0]->t = *shape;
	n->out[0]->t.data = NULL;
	APPEND(g->c, g->nodes, g->num_nodes, NULL);
	memmove(g->nodes + i + 1, g->nodes + i, (g->num_nodes - 1 - i) * sizeof(*g->nodes));
	g->nodes[i] = n;
	return n;
}

static void insert_at(struct graph *g, unsigned int i, struct node *node)
{
	APPEND(g->c, g->nodes, g->num_nodes, NULL);
	memmove(g->nodes + i + 1, g->nodes + i, (g->num_nodes - 1 - i) * sizeof(*g->nodes));
	g->nodes[i] = node;
}

void graph_insert_before(struct graph *g, struct node *at, struct node *node)
{
	insert_at(g, graph_index_of(g, at), node);
}

void graph_insert_after(struct graph *g, struct node *at, struct node *node)
{
	insert_at(g, graph_index_of(g, at) + 1, node);
}

void graph_move_to(struct graph *g, struct node *node, struct node *at)
{
	remove_node(g, node);
	g->nodes[graph_index_of(g, at)] = node;
}

void remove_node(struct graph *g, struct node *node)
{
	g->nodes[graph_index_of(g, node)] = NULL;
}

void replace_uses(struct graph *g, struct value *from, struct value *to)
{
	for (unsigned int i = 0; i < g->num_nodes; i++) {
		struct node *n = g->nodes[i];

		for (unsigned int k = 0; n && k < n->num_in; k++)
			if (n->in[k] == from)
				n->in[k] = to;
		if (n && n->residual == from)
			n->residual = to;
	}
	for (unsigned int i = 0; i < g->num_outputs; i++)
		if (g->outputs[i].value == from)
			g->outputs[i].value = to;
}

static void clear_uses(struct value *v)
{
	if (!v)
		return;
	v->uses = 0;
	v->user = NULL;
	v->is_output = false;
}

static void count_use(struct value *v, struct node *user)
{
	if (!v)
		return;
	v->uses++;
	v->user = user;
}

void graph_count_uses(struct graph *g)
{
	for (unsigned int i = 0; i < g->num_nodes; i++) {
		struct node *n = g->nodes[i];

		for (unsigned int k = 0; n && k < n->num_in; k++)
			clear_uses(n->in[k]);
		for (unsigned int k = 0; n && k < n->num_out; k++)
			clear_uses(n->out[k]);
		clear_uses(n ? n->residual : NULL);
	}
	for (unsigned int i = 0; i < g->num_inputs; i++)
		clear_uses(g->inputs[i].value);
	for (unsigned int i = 0; i < g->num_outputs; i++)
		clear_uses(g->outputs[i].value);
	for (unsigned int i = 0; i < g->num_nodes; i++) {
		struct node *n = g->nodes[i];

		for (unsigned int k = 0; n && k < n->num_in; k++)
			count_use(n->in[k], n);
		count_use(n ? n->residual : NULL, n);
	}
	for (unsigned int i = 0; i < g->num_outputs; i++) {
		count_use(g->outputs[i].value, NULL);
		g->outputs[i].value->is_output = true;
	}
}

static bool is_used(const struct node *n)
{
	for (unsigned int k = 0; k < n->num_out; k++)
		if (n->out[k] && n->out[k]->uses)
			return true;
	return false;
}

void graph_drop_dead(struct graph *g)
{
	unsigned int kept = 0;

	graph_count_uses(g);
	for (unsigned int i = g->num_nodes; i-- > 0;) {
		struct node *n = g->nodes[i];

		if (!n || is_used(n))
			continue;
		for (unsigned int k = 0; k < n->num_in; k++)
			if (n->in[k])
				n->in[k]->uses--;
		if (n->residual)
			n->residual->uses--;
		g->nodes[i] = NULL;
	}
	for (unsigned int i = 0; i < g->num_nodes; i++)
		if (g->nodes[i])
			g->nodes[kept++] = g->nodes[i];
	g->num_nodes = kept;	/* APPEND has room up to the next power of two, which is no further now */
	graph_count_uses(g);
}

bool is_op(const struct node *node, const char *op)
{
	return node && !strcmp(node->op, op);
}

bool is_volume(const struct node *node)
{
	return (is_op(node, "Conv") || is_op(node, "ConvTranspose")) && node->in[0]->t.rank > 4;
}

struct node *made_by(const struct value *v, const char *op)
{
	return v && is_op(v->producer, op) && v->producer->out[0] == v ? v->producer : NULL;
}

bool used_once(const struct value *v)
{
	return v->uses == 1 && !v->is_output;
}

const struct hostop_attr *node_attr(const struct node *node, const char *name)
{
	for (unsigned int i = 0; i < node->num_attrs; i++)
		if (!strcmp(node->attrs[i].name, name))
			return &node->attrs[i];
	return NULL;
}

int64_t node_int(const struct node *node, const char *name, int64_t otherwise)
{
	const struct hostop_attr *a = node_attr(node, name);

	return a && a->type == HOSTOP_ATTR_INT ? a->i : otherwise;
}

const char *node_string(const struct node *node, const char *name, const char *otherwise)
{
	const struct hostop_attr *a = node_attr(node, name);

	return a && a->type == HOSTOP_ATTR_STRING ? a->s : otherwise;
}

static void add_attr(struct compile *c, struct node *node, struct hostop_attr attr)
{
	struct hostop_attr *attrs = arena_array(c, node->num_attrs + 1, sizeof(*attrs));

	if (node->num_attrs)
		memcpy(attrs, node->attrs, node->num_attrs * sizeof(*attrs));
	attrs[node->num_attrs++] = attr;
	node->attrs = attrs;
}

void node_set_ints(struct compile *c, struct node *node, const char *name, const int64_t *v,
		   unsigned int num)
{
	int64_t *ints = arena_array(c, num, sizeof(*ints));

	memcpy(ints, v, num * sizeof(*ints));
	add_attr(c, node, (struct hostop_attr){ .name = name, .type = HOSTOP_ATTR_INTS,
						.ints = ints, .num = num });
}

void node_set_int(struct compile *c, struct node *node, const char *name, int64_t i)
{
	add_attr(c, node, (struct hostop_attr){ .name = name, .type = HOSTOP_ATTR_INT, .i = i });
}

static void print_value(const struct value *v, FILE *to)
{
	if (!v) {
		fprintf(to, " -");
		return;
	}
	fprintf(to, " %s%.40s%s", v->t.data ? "K:" : "", v->name, v->t.rank ? "[" : "[]");
	for (unsigned int d = 0; d < v->t.rank; d++)
		fprintf(to, "%lld%c", (long long)v->t.dims[d], d + 1 < v->t.rank ? ',' : ']');
}

void graph_print(const struct graph *g, FILE *to)
{
	for (unsigned int i = 0; i < g->num_nodes; i++) {
		const struct node *n = g->nodes[i];

		if (!n)
			continue;
		fprintf(to, "%-14s", n->op);
		for (unsigned int k = 0; k < n->num_in; k++)
			print_value(n->in[k], to);
		if (n->residual) {
			fprintf(to, " +");
			print_value(n->residual, to);
		}
		fprintf(to, " ->");
		for (unsigned int k = 0; k < n->num_out; k++)
			print_value(n->out[k], to);
		if (n->act.fn)
			fprintf(to, "  act %u(%g, %g)", n->act.fn, n->act.alpha, n->act.beta);
		if (n->alpha != 1)
			fprintf(to, "  alpha %g", n->alpha);
		fputc('\n', to);
	}
}
