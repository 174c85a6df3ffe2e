// SPDX-License-Identifier: MIT
/*
 * Parameters and multiplications of an ONNX file, from the shapes that it states itself (inputs, outputs,
 * value_info, initializers). No compiler is asked, so that a compiler can be checked against it.
 *
 * Parameters: the numbers that training found. That is all float initializers, and ConstantOfShape
 * nodes that stand for one, but for the statistics of batch norms.
 */
#include <search.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "proto_depth.h"
#include "zoo.h"

/* No tensor has more. */
#define MAX_ELEMENTS (1ll << 40)

/* What is known of a value. */
struct fact {
	bool shaped, constant;
	struct shape shape;
};

struct counter {
	struct hsearch_data facts;	/* name of a value -> struct fact */
	struct obstack mem;
	char *error;
	size_t error_size;
	struct count *count;
};

#define obstack_chunk_alloc malloc
#define obstack_chunk_free free

static int wrong(struct counter *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->error, c->error_size, format, args);
	va_end(args);
	return -1;
}

/* ---- facts by name ---- */

/* The table has room for every name in the graph. */
static struct fact *fact_of(struct counter *c, char *name)
{
	ENTRY *found, entry = { .key = name };

	if (hsearch_r(entry, FIND, &found, &c->facts))
		return found->data;
	entry.data = obstack_alloc(&c->mem, sizeof(struct fact));
	*(struct fact *)entry.data = (struct fact){ 0 };
	hsearch_r(entry, ENTER, &found, &c->facts);
	return entry.data;
}

static bool is_constant(struct counter *c, char *name)
{
	return !*name || fact_of(c, name)->constant;
}

static const struct shape *shape_of(struct counter *c, char *name)
{
	struct fact *fact = fact_of(c, name);

	if (fact->shaped)
		return &fact->shape;
	wrong(c, "the file does not state the shape of '%s'", name);
	return NULL;
}

static int put_shape(struct counter *c, char *name, size_t rank, const int64_t *dims)
{
	struct fact *fact;
	int64_t num = 1;

	if (!name)
		return wrong(c, "a tensor has a shape and no name");
	fact = fact_of(c, name);
	if (rank > ZOO_MAX_DIMS)
		return wrong(c, "value '%s' has %zu dimensions, more than %d", name, rank, ZOO_MAX_DIMS);
	fact->shaped = true;
	fact->shape = (struct shape){ .rank = (unsigned int)rank };
	for (size_t d = 0; d < rank; d++) {
		fact->shape.dims[d] = dims[d];
		if (dims[d] < 0 || __builtin_mul_overflow(num, dims[d], &num) || num > MAX_ELEMENTS)
			return wrong(c, "value '%s' has an impossible shape", name);
	}
	return 0;
}

static int put_info(struct counter *c, const Onnx__ValueInfoProto *info)
{
	const Onnx__TypeProto *type = info->type;
	const Onnx__TensorShapeProto *shape;
	int64_t dims[ZOO_MAX_DIMS];

	if (!type || type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ||
	    !type->tensor_type || !type->tensor_type->shape)
		return 0;
	shape = type->tensor_type->shape;
	for (size_t d = 0; d < shape->n_dim && d < ZOO_MAX_DIMS; d++) {
		if (shape->dim[d]->value_case != ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE)
			return 0;
		dims[d] = shape->dim[d]->dim_value;
	}
	return put_shape(c, info->name, shape->n_dim, dims);
}

static int read_shapes(struct counter *c, const Onnx__GraphProto *g)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < g->n_input; i++)
		ret = put_info(c, g->input[i]);
	for (size_t i = 0; !ret && i < g->n_output; i++)
		ret = put_info(c, g->output[i]);
	for (size_t i = 0; !ret && i < g->n_value_info; i++)
		ret = put_info(c, g->value_info[i]);
	for (size_t i = 0; !ret && i < g->n_initializer; i++) {
		ret = put_shape(c, g->initializer[i]->name, g->initializer[i]->n_dims, g->initializer[i]->dims);
		if (!ret)
			fact_of(c, g->initializer[i]->name)->constant = true;
	}
	return ret;
}

/* ---- parameters ---- */

static bool is(const Onnx__NodeProto *n, const char *op)
{
	return n->op_type && !strcmp(n->op_type, op);
}

static bool is_statistic(const Onnx__GraphProto *g, const char *name)
{
	for (size_t i = 0; i < g->n_node; i++) {
		const Onnx__NodeProto *n = g->node[i];

		if (n->n_input > 4 && is(n, "BatchNormalization") &&
		    (!strcmp(n->input[3], name) || !strcmp(n->input[4], name)))
			return true;
	}
	return false;
}

static int count_params(struct counter *c, const Onnx__GraphProto *g)
{
	const struct shape *shape;

	for (size_t i = 0; i < g->n_initializer; i++) {
		char *name = g->initializer[i]->name;

		shape = shape_of(c, name);
		if (shape && g->initializer[i]->data_type == ELEM_F32 && !is_statistic(g, name))
			c->count->params += (uint64_t)elements(*shape);
	}
	for (size_t i = 0; i < g->n_node; i++) {
		if (!is(g->node[i], "ConstantOfShape") || !g->node[i]->n_output || is_statistic(g, g->node[i]->output[0]))
			continue;
		shape = shape_of(c, g->node[i]->output[0]);
		if (!shape)
			return -1;
		c->count->params += (uint64_t)elements(*shape);
	}
	return 0;
}

/* ---- multiplications ---- */

/* A filter or a matrix; constants with dimensions more are operands of a product for every sample. */
static bool is_weight(const Onnx__NodeProto *n, const struct shape *shape)
{
	return is(n, "Conv") || is(n, "ConvTranspose") || shape->rank <= 2;
}

/* Of a node that depends on an input: it is computed at every inference. */
static void add_macs(struct counter *c, const Onnx__NodeProto *n, int64_t macs)
{
	c->count->macs += (uint64_t)macs;
	if (is_constant(c, n->output[0])) {
		c->count->constant_macs += (uint64_t)macs;
		return;
	}
	for (size_t i = 0; i < 2; i++)
		if (is_constant(c, n->input[i]) && is_weight(n, &fact_of(c, n->input[i])->shape))
			c->count->weights += (uint64_t)elements(fact_of(c, n->input[i])->shape);
}

/* Every number of the result, or for a transposed convolution of the input, takes one filter's. */
static int count_conv(struct counter *c, const Onnx__NodeProto *n)
{
	bool transposed = is(n, "ConvTranspose");
	const struct shape *w = shape_of(c, n->input[1]);
	const struct shape *each = shape_of(c, transposed ? n->input[0] : n->output[0]);

	if (!w || !each)
		return -1;
	if (!w->rank || !w->dims[0])
		return wrong(c, "the weights of '%s' have an impossible shape", n->output[0]);
	add_macs(c, n, elements(*each) * (elements(*w) / w->dims[0]));
	return 0;
}

static int count_product(struct counter *c, const Onnx__NodeProto *n)
{
	const struct shape *a = shape_of(c, n->input[0]), *y = shape_of(c, n->output[0]);
	int64_t inner;

	if (!a || !y || !a->rank || !shape_of(c, n->input[1]))
		return -1;
	inner = a->dims[a->rank - 1];
	for (size_t i = 0; i < n->n_attribute; i++)
		if (!strcmp(n->attribute[i]->name, "transA") && n->attribute[i]->i)
			inner = a->dims[0];
	add_macs(c, n, elements(*y) * inner);
	return 0;
}

/* What no input changes; shapes are stated, so they are such. */
static void spread_constants(struct counter *c, const Onnx__NodeProto *n)
{
	bool constant = true;

	for (size_t i = 0; i < n->n_input; i++)
		constant = constant && is_constant(c, n->input[i]);
	for (size_t i = 0; i < n->n_output; i++)
		fact_of(c, n->output[i])->constant = constant || is(n, "Shape");
}

static int count_nodes(struct counter *c, const Onnx__GraphProto *g)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < g->n_node; i++) {
		const Onnx__NodeProto *n = g->node[i];

		spread_constants(c, n);
		c->count->nodes += !is(n, "Constant") && !is(n, "ConstantOfShape");
		if (n->n_output && n->n_input > 1) {
			if (is(n, "Conv") || is(n, "ConvTranspose"))
				ret = count_conv(c, n);
			if (is(n, "MatMul") || is(n, "Gemm"))
				ret = count_product(c, n);
		}
	}
	return ret;
}

static size_t num_names(const Onnx__GraphProto *g)
{
	size_t num = g->n_input + g->n_output + g->n_value_info + g->n_initializer;

	for (size_t i = 0; i < g->n_node; i++)
		num += g->node[i]->n_input + g->node[i]->n_output;
	return num;
}

int count_model(const void *onnx, size_t size, struct count *count, char *error, size_t error_size)
{
	struct counter c = { .error = error, .error_size = error_size, .count = count };
	Onnx__ModelProto *model = proto_too_deep(onnx, size) ? NULL : onnx__model_proto__unpack(NULL, size, onnx);
	const Onnx__GraphProto *g = model ? model->graph : NULL;
	int ret = -1;

	*count = (struct count){ 0 };
	obstack_init(&c.mem);
	if (!g)
		wrong(&c, "not an ONNX model");
	else if (!hcreate_r(2 * num_names(g) + 1, &c.facts))
		wrong(&c, "out of memory");
	else if (!read_shapes(&c, g) && !count_params(&c, g))
		ret = count_nodes(&c, g);
	hdestroy_r(&c.facts);
	obstack_free(&c.mem, NULL);
	if (model)
		onnx__model_proto__free_unpacked(model, NULL);
	return ret;
}
