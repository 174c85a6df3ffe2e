// SPDX-License-Identifier: MIT
/*
 * ONNX -> graph. Nodes are folded as they are met: when an If's condition is known its branch is
 * spliced in place, in a scope of its own, and the other branch is never looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "passes.h"
#include "proto.h"

#define BUCKETS 256

struct name {
	struct name *next;
	const char *name;
	struct value *value;
};

struct scope {
	const struct scope *parent;
	struct name *bucket[BUCKETS];
};

struct importer {
	struct compile *c;
	struct graph *g;
	int opset;
	int depth;
};

static unsigned int hash(const char *name)
{
	unsigned int h = 2166136261u;

	while (*name)
		h = (h ^ (unsigned char)*name++) * 16777619u;
	return h % BUCKETS;
}

static struct value *lookup(const struct scope *scope, const char *name)
{
	unsigned int h = hash(name);

	for (; scope; scope = scope->parent)
		for (const struct name *n = scope->bucket[h]; n; n = n->next)
			if (!strcmp(n->name, name))
				return n->value;
	return NULL;
}

static void define(struct importer *im, struct scope *scope, const char *name, struct value *value)
{
	struct name *n = arena(im->c, sizeof(*n));
	unsigned int h = hash(name);

	for (const struct name *old = scope->bucket[h]; old; old = old->next)
		if (!strcmp(old->name, name))
			fail(im->c, "two values have the name '%s'", name);
	*n = (struct name){ .next = scope->bucket[h], .name = name, .value = value };
	scope->bucket[h] = n;
}

/* ---- inputs ---- */

static const struct loomc_setting *setting(const struct loomc_setting *s, unsigned int num,
					   const char *name)
{
	for (unsigned int i = 0; i < num; i++)
		if (!strcmp(s[i].name, name))
			return &s[i];
	return NULL;
}

static const Onnx__TypeProto__Tensor *input_type(struct importer *im, const Onnx__ValueInfoProto *in)
{
	if (!in->type || in->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ||
	    !in->type->tensor_type)
		fail(im->c, "input '%s' is not a tensor", text(in->name));
	return in->type->tensor_type;
}

/* "1,?,320": what the user has to fill in. */
static const char *shape_hint(struct importer *im, const Onnx__TensorShapeProto *shape)
{
	char *hint = arena_string(im->c, "", 0);

	for (size_t d = 0; d < shape->n_dim; d++) {
		const Onnx__TensorShapeProto__Dimension *dim = shape->dim[d];
		bool fixed = dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
			     dim->dim_value >= 0;

		hint = arena_printf(im->c, "%s%s%.*lld%s", hint, d ? "," : "", fixed ? 1 : 0,
				    fixed ? (long long)dim->dim_value : 0LL, fixed ? "" : "N");
	}
	return hint;
}

static unsigned int parse_shape(struct compile *c, const struct loomc_setting *s, int64_t *dims)
{
	unsigned int rank = 0;
	const char *at = s->value;
	char *end;

	while (*at) {
		if (rank == HOSTOP_MAX_DIMS)
			fail(c, "--shape %s=%s: more than %d dimensions", s->name, s->value, HOSTOP_MAX_DIMS);
		dims[rank] = strtoll(at, &end, 10);
		if (end == at || dims[rank] < 0 || (*end && *end != ',' && *end != 'x'))
			fail(c, "--shape %s=%s: not numbers with commas between", s->name, s->value);
		rank++;
		at = *end ? end + 1 : end;
	}
	return rank;
}

static bool declared_shape(struct importer *im, const Onnx__TypeProto__Tensor *type, int64_t *dims,
			   unsigned int *rank)
{
	bool fixed = type->shape;

	*rank = 0;
	for (size_t d = 0; type->shape && d < type->shape->n_dim; d++) {
		const Onnx__TensorShapeProto__Dimension *dim = type->shape->dim[d];

		if (d >= HOSTOP_MAX_DIMS)
			fail(im->c, "an input has more than %d dimensions", HOSTOP_MAX_DIMS);
		dims[(*rank)++] = dim->dim_value;
		if (dim->value_case != ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE ||
		    dim->dim_value < 0)
			fixed = false;
	}
	return fixed;
}

/* What --shape says must agree with what the model fixes. */
static void check_against(struct importer *im, const struct loomc_setting *s,
			  const Onnx__TypeProto__Tensor *type, const int64_t *dims, unsigned int rank)
{
	if (!type->shape)
		return;
	if (rank != type->shape->n_dim)
		fail(im->c, "--shape %s=%s: the input has %zu dimensions", s->name, s->value,
		     type->shape->n_dim);
	for (unsigned int d = 0; d < rank; d++) {
		const Onnx__TensorShapeProto__Dimension *dim = type->shape->dim[d];

		if (dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
		    dim->dim_value > 0 && dim->dim_value != dims[d])
			fail(im->c, "--shape %s=%s: dimension %u of the model's input is %lld", s->name,
			     s->value, d, (long long)dim->dim_value);
	}
}

static void input_shape(struct importer *im, const Onnx__ValueInfoProto *in, struct value *v)
{
	const struct loomc_options *o = im->c->options;
	const struct loomc_setting *s = setting(o->shapes, o->num_shapes, v->name);
	const Onnx__TypeProto__Tensor *type = input_type(im, in);
	int64_t dims[HOSTOP_MAX_DIMS];
	unsigned int rank;

	if (s) {
		rank = parse_shape(im->c, s, dims);
		check_against(im, s, type, dims, rank);
	} else if (!declared_shape(im, type, dims, &rank)) {
		fail(im->c, "input '%s' has dynamic dimensions; fix them with --shape %s=%s", v->name,
		     v->name, type->shape ? shape_hint(im, type->shape) : "...");
	}
	if (hostop_shape(&v->t, (enum hostop_dtype)type->elem_type, rank, dims))
		fail(im->c, "input '%s' has a type (%d) or shape that is not supported", v->name,
		     type->elem_type);
}

static const struct loomc_tensor *given(const struct loomc_options *o, const char *name)
{
	for (unsigned int i = 0; i < o->num_values; i++)
		if (!strcmp(o->values[i].name, name))
			return &o->values[i];
	return NULL;
}

static void import_input(struct importer *im, struct scope *scope, const Onnx__ValueInfoProto *in)
{
	const struct loomc_options *o = im->c->options;
	struct value *v = value_new(im->c, text(in->name));
	const struct loomc_setting *bound = setting(o->binds, o->num_binds, v->name);
	struct port port = { .name = v->name, .value = v };

	const struct loomc_tensor *value = given(o, v->name);

	if (value && !hostop_dtype_size((enum hostop_dtype)input_type(im, in)->elem_type))
		fail(im->c, "input '%s' has a type (%d) that is not supported", v->name,
		     input_type(im, in)->elem_type);
	if (value)
		v->t = value->t;	/* its data stays the caller's */
	else
		input_shape(im, in, v);
	define(im, scope, v->name, v);
	if (value && value->t.data)
		return;
	if (bound)
		bind_value(im->c, v->name, bound->value, v->t.dtype, v);
	else
		APPEND(im->c, im->g->inputs, im->g->num_inputs, port);
}

static void check_settings(struct importer *im, const struct loomc_setting *s, unsigned int num,
			   const char *option, const Onnx__GraphProto *graph)
{
	for (unsigned int i = 0; i < num; i++) {
		bool found = false;

		for (size_t k = 0; k < graph->n_input; k++)
			found = found || !strcmp(text(graph->input[k]->name), s[i].name);
		if (!found)
			fail(im->c, "%s %s=%s: the model has no input '%s'", option, s[i].name, s[i].value,
			     s[i].name);
	}
}

/* ---- nodes ---- */

static void import_body(struct importer *im, struct scope *scope, const Onnx__GraphProto *graph);

static struct value *operand(struct importer *im, const struct scope *scope, const struct node *node,
			     const char *name)
{
	struct value *v;

	if (!*text(name))
		return NULL;
	v = lookup(scope, name);
	if (!v)
		fail_node(im->c, node, "reads '%s', which nothing before it makes", name);
	return v;
}

static const Onnx__GraphProto *branch_of(struct importer *im, const Onnx__NodeProto *from,
					 const struct node *node, const char *name)
{
	for (size_t i = 0; i < from->n_attribute; i++)
		if (!strcmp(text(from->attribute[i]->name), name) && from->attribute[i]->g)
			return from->attribute[i]->g;
	fail_node(im->c, node, "has no %s", name);
}

static void import_if(struct importer *im, struct scope *scope, const Onnx__NodeProto *from,
		      struct node *node)
{
	const Onnx__GraphProto *branch;
	struct scope *inner = arena(im->c, sizeof(*inner));
	struct value *condition = node->num_in ? node->in[0] : NULL;

	if (!condition || condition->t.count != 1)
		fail_node(im->c, node, "needs one condition");
	if (!is_const(condition))
		fail_node(im->c, node, "its condition depends on data; if '%s' is an input, fix it with --bind %s=true or false",
			  condition->name, condition->name);
	if (++im->depth > 32)
		fail_node(im->c, node, "more than 32 branches inside each other");
	branch = branch_of(im, from, node, hostop_get_int(&condition->t, 0) ? "then_branch" :
									      "else_branch");
	inner->parent = scope;
	import_body(im, inner, branch);
	if (branch->n_output != from->n_output)
		fail_node(im->c, node, "has %zu outputs, its branch %zu", from->n_output, branch->n_output);
	for (size_t i = 0; i < from->n_output; i++)
		define(im, scope, text(from->output[i]),
		       operand(im, inner, node, text(branch->output[i]->name)));
	im->depth--;
}

static void import_constant(struct importer *im, struct node *node)
{
	const struct hostop_attr *a = node->num_attrs ? &node->attrs[0] : NULL;
	struct value *v = node->out[0], *made;
	const int64_t n = a ? (int64_t)a->num : 0;

	if (!a || node->num_attrs != 1 || a->type == HOSTOP_ATTR_NONE || a->type == HOSTOP_ATTR_STRING)
		fail_node(im->c, node, "has no value of a type that is supported");
	if (a->type == HOSTOP_ATTR_TENSOR) {
		v->t = *a->t;
		return;
	}
	made = value_const(im->c, v->name, a->type == HOSTOP_ATTR_INT || a->type == HOSTOP_ATTR_INTS ?
			   HOSTOP_I64 : HOSTOP_F32,
			   a->type == HOSTOP_ATTR_INTS || a->type == HOSTOP_ATTR_FLOATS, &n);
	for (size_t i = 0; i < made->t.count; i++) {
		if (a->type == HOSTOP_ATTR_INT || a->type == HOSTOP_ATTR_INTS)
			hostop_set_int(&made->t, i, a->type == HOSTOP_ATTR_INT ? a->i : a->ints[i]);
		else
			hostop_set(&made->t, i, a->type == HOSTOP_ATTR_FLOAT ? a->f : a->floats[i]);
	}
	v->t = made->t;
}

static struct node *make_node(struct importer *im, const struct scope *scope,
			      const Onnx__NodeProto *from)
{
	size_t outputs = from->n_output, inputs = from->n_input;
	const char *op = text(from->op_type);
	struct node *node;

	while (outputs > 1 && !*text(from->output[outputs - 1]))
		outputs--;
	while (inputs && !*text(from->input[inputs - 1]))
		inputs--;
	if (!outputs || outputs > 4096 || inputs > 4096)
		fail(im->c, "node '%s' (%s): %zu inputs and %zu outputs", text(from->name), op, inputs,
		     outputs);
	node = node_new(im->c, op, NULL, (unsigned int)inputs, (unsigned int)outputs);
	node->opset = im->opset;
	node->name = *text(from->name) ? from->name : text(from->output[0]);
	for (size_t i = 0; i < inputs; i++)
		node->in[i] = operand(im, scope, node, from->input[i]);
	for (size_t i = 0; i < outputs; i++) {
		node->out[i] = value_new(im->c, text(from->output[i]));
		node->out[i]->producer = node;
	}
	return node;
}

static void import_node(struct importer *im, struct scope *scope, const Onnx__NodeProto *from)
{
	struct node *node = make_node(im, scope, from);
	const char *domain = text(from->domain);

	if (*domain && strcmp(domain, "ai.onnx"))
		fail_node(im->c, node, "operator of domain '%s' is not supported", domain);
	if (is_op(node, "If")) {
		import_if(im, scope, from, node);
		return;
	}
	if (!is_op(node, "Constant") && !hostop_known(node->op))
		fail_node(im->c, node, "operator is not supported");
	proto_attributes(im->c, from, node);
	if (is_op(node, "Constant"))
		import_constant(im, node);
	else if (!fold_node(im->g, node))
		APPEND(im->c, im->g->nodes, im->g->num_nodes, node);
	for (unsigned int i = 0; i < node->num_out; i++) {
		if (node->out[i]->t.data)
			node->out[i]->producer = NULL;
		if (*node->out[i]->name)
			define(im, scope, node->out[i]->name, node->out[i]);
	}
}

static void import_body(struct importer *im, struct scope *scope, const Onnx__GraphProto *graph)
{
	if (graph->n_sparse_initializer)
		fail(im->c, "sparse initialisers are not supported");
	for (size_t i = 0; i < graph->n_initializer; i++) {
		const char *name = text(graph->initializer[i]->name);

		define(im, scope, name, proto_tensor(im->c, graph->initializer[i], name));
	}
	for (size_t i = 0; i < graph->n_node; i++)
		import_node(im, scope, graph->node[i]);
}

/* ---- outputs ---- */

static bool wanted(const struct loomc_options *o, const char *name)
{
	for (unsigned int i = 0; i < o->num_outputs; i++)
		if (!strcmp(o->outputs[i], name))
			return true;
	return !o->num_outputs;
}

/* "input 'x' and 3 more are not used and left out" */
static void note_left_out(struct compile *c, const char *kind, const char *first, unsigned int num,
			  const char *why)
{
	if (num == 1)
		note(c, "%s '%s' is %s and left out", kind, first, why);
	else if (num)
		note(c, "%s '%s' and %u more are %s and left out", kind, first, num - 1, why);
}

static void import_outputs(struct importer *im, const struct scope *scope,
			   const Onnx__GraphProto *graph)
{
	const struct loomc_options *o = im->c->options;
	const char *first = "";
	unsigned int num_empty = 0;

	for (unsigned int i = 0; i < o->num_outputs; i++) {
		bool found = false;

		for (size_t k = 0; k < graph->n_output; k++)
			found = found || !strcmp(text(graph->output[k]->name), o->outputs[i]);
		if (!found)
			fail(im->c, "--output %s: the model has no such output", o->outputs[i]);
	}
	for (size_t i = 0; i < graph->n_output; i++) {
		struct port port = { .name = text(graph->output[i]->name) };
		bool empty;

		if (!wanted(o, port.name))
			continue;
		for (unsigned int k = 0; k < im->g->num_outputs; k++)
			if (!strcmp(im->g->outputs[k].name, port.name))
				fail(im->c, "output '%s' is listed twice", port.name);
		port.value = lookup(scope, port.name);
		if (!port.value)
			fail(im->c, "output '%s' is made by no node", port.name);
		empty = !port.value->t.count && !im->c->evaluate;
		first = empty && !num_empty++ ? port.name : first;
		if (!empty)
			APPEND(im->c, im->g->outputs, im->g->num_outputs, port);
	}
	note_left_out(im->c, "output", first, num_empty, "empty");
	if (!im->g->num_outputs)
		fail(im->c, "the model has no outputs, or none with elements: that is not supported");
}

static int find_opset(struct compile *c, const Onnx__ModelProto *model)
{
	for (size_t i = 0; i < model->n_opset_import; i++) {
		const char *domain = text(model->opset_import[i]->domain);
		int64_t version = model->opset_import[i]->version;

		if (*domain && strcmp(domain, "ai.onnx"))
			continue;
		if (version < 1 || version > 1000)
			fail(c, "opset %lld is not one", (long long)version);
		return (int)version;
	}
	return 1;
}

static bool has_initializer(const Onnx__GraphProto *graph, const char *name)
{
	for (size_t i = 0; i < graph->n_initializer; i++)
		if (!strcmp(text(graph->initializer[i]->name), name))
			return true;
	return false;
}

/* What nobody reads is not asked of the one who runs the model. */
static void drop_unused_inputs(struct graph *g)
{
	unsigned int kept = 0, dropped = 0;
	const char *first = "";

	for (unsigned int i = 0; i < g->num_inputs; i++) {
		if (g->inputs[i].value->uses)
			g->inputs[kept++] = g->inputs[i];
		else
			first = dropped++ ? first : g->inputs[i].name;
	}
	g->num_inputs = kept;
	note_left_out(g->c, "input", first, dropped, "not used");
}

struct graph *import_model(struct compile *c, const void *onnx, size_t size)
{
	Onnx__ModelProto *model = proto_model(c, onnx, size);
	struct importer im = { .c = c, .g = arena(c, sizeof(struct graph)) };
	struct scope *top = arena(c, sizeof(*top));

	im.g->c = c;
	im.opset = find_opset(c, model);
	check_settings(&im, c->options->shapes, c->options->num_shapes, "--shape", model->graph);
	check_settings(&im, c->options->binds, c->options->num_binds, "--bind", model->graph);
	for (size_t i = 0; i < model->graph->n_input; i++)
		if (!has_initializer(model->graph, text(model->graph->input[i]->name)))
			import_input(&im, top, model->graph->input[i]);
	import_body(&im, top, model->graph);
	import_outputs(&im, top, model->graph);
	graph_drop_dead(im.g);
	drop_unused_inputs(im.g);
	return im.g;
}
