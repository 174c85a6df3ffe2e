// SPDX-License-Identifier: MIT
/* Nodes, attributes, inputs and outputs; everything lives in one obstack until zoo_free(). */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "zoo.h"

#define obstack_chunk_alloc malloc
#define obstack_chunk_free free

void zoo_init(struct zoo *z, const struct zoo_options *options)
{
	*z = (struct zoo){ .options = *options, .opset = 13 };
	obstack_init(&z->mem);
	onnx__graph_proto__init(&z->graph);
	z->scope = zoo_printf(z, "%s", "");
}

void zoo_free(struct zoo *z)
{
	obstack_free(&z->mem, NULL);
}

static void *zalloc(struct zoo *z, size_t size)
{
	return memset(obstack_alloc(&z->mem, size), 0, size);
}

#define NEW(z, type, init) ({							\
	type *new_ = zalloc(z, sizeof(type));					\
	init(new_);								\
	new_;									\
})

/* Grow an array by one when it is full; the old copy stays behind. */
#define APPEND(z, array, num, item) do {						\
	if (!((num) & ((num) - 1))) {							\
		void *grown_ = zalloc(z, ((num) ? 2 * (num) : 1) * sizeof(*(array)));	\
		if (num)								\
			memcpy(grown_, array, (num) * sizeof(*(array)));		\
		(array) = grown_;							\
	}										\
	(array)[(num)++] = (item);							\
} while (0)

char *zoo_printf(struct zoo *z, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	obstack_vprintf(&z->mem, format, args);
	va_end(args);
	obstack_1grow(&z->mem, 0);
	return obstack_finish(&z->mem);
}

void scope(struct zoo *z, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	obstack_vprintf(&z->mem, format, args);
	va_end(args);
	obstack_1grow(&z->mem, 0);
	z->scope = obstack_finish(&z->mem);
}

int64_t elements(struct shape shape)
{
	int64_t num = 1;

	for (unsigned int d = 0; d < shape.rank; d++)
		num *= shape.dims[d];
	return num;
}

static struct val *new_val(struct zoo *z, char *name, enum elem type, struct shape shape, double square)
{
	struct val *v = zalloc(z, sizeof(*v));

	*v = (struct val){ .name = name, .type = type, .shape = shape, .square = square };
	return v;
}

/* ---- types of values ---- */

static Onnx__TensorShapeProto *shape_message(struct zoo *z, struct shape shape)
{
	Onnx__TensorShapeProto *message = NEW(z, Onnx__TensorShapeProto, onnx__tensor_shape_proto__init);

	for (unsigned int d = 0; d < shape.rank; d++) {
		Onnx__TensorShapeProto__Dimension *dim =
			NEW(z, Onnx__TensorShapeProto__Dimension, onnx__tensor_shape_proto__dimension__init);

		dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
		dim->dim_value = shape.dims[d];
		APPEND(z, message->dim, message->n_dim, dim);
	}
	return message;
}

static Onnx__ValueInfoProto *value_info(struct zoo *z, char *name, enum elem type, struct shape shape)
{
	Onnx__ValueInfoProto *info = NEW(z, Onnx__ValueInfoProto, onnx__value_info_proto__init);

	info->name = name;
	info->type = NEW(z, Onnx__TypeProto, onnx__type_proto__init);
	info->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
	info->type->tensor_type = NEW(z, Onnx__TypeProto__Tensor, onnx__type_proto__tensor__init);
	info->type->tensor_type->has_elem_type = 1;
	info->type->tensor_type->elem_type = type;
	info->type->tensor_type->shape = shape_message(z, shape);
	return info;
}

struct val *input(struct zoo *z, const char *name, enum elem type, struct shape shape)
{
	struct val *v = new_val(z, zoo_printf(z, "%s", name), type, shape, 1);

	APPEND(z, z->graph.input, z->graph.n_input, value_info(z, v->name, type, shape));
	z->inputs[z->num_inputs++].v = v;
	return v;
}

struct val *input_ids(struct zoo *z, const char *name, struct shape shape, int64_t low, int64_t high)
{
	struct val *v = input(z, name, ELEM_I64, shape);

	z->inputs[z->num_inputs - 1].low = low;
	z->inputs[z->num_inputs - 1].high = high;
	return v;
}

static void rename_uses(char **names, size_t num, const char *from, char *to)
{
	for (size_t i = 0; i < num; i++)
		if (!strcmp(names[i], from))
			names[i] = to;
}

void output(struct zoo *z, struct val *v, const char *name)
{
	char *final = zoo_printf(z, "%s", name);

	for (size_t i = 0; i < z->graph.n_node; i++) {
		rename_uses(z->graph.node[i]->input, z->graph.node[i]->n_input, v->name, final);
		rename_uses(z->graph.node[i]->output, z->graph.node[i]->n_output, v->name, final);
	}
	for (size_t i = 0; i < z->graph.n_value_info; i++)
		if (!strcmp(z->graph.value_info[i]->name, v->name))
			z->graph.value_info[i] = z->graph.value_info[--z->graph.n_value_info];
	v->name = final;
	APPEND(z, z->graph.output, z->graph.n_output, value_info(z, final, v->type, v->shape));
}

/* ---- nodes ---- */

static struct val *add_output(struct zoo *z, enum elem type, struct shape shape, double square)
{
	Onnx__NodeProto *n = z->last;
	struct val *v = new_val(z, zoo_printf(z, "%s_output_%zu", n->name, n->n_output), type, shape, square);

	APPEND(z, n->output, n->n_output, v->name);
	APPEND(z, z->graph.value_info, z->graph.n_value_info, value_info(z, v->name, type, shape));
	return v;
}

struct val *put(struct zoo *z, const char *op, struct shape shape, ...)
{
	Onnx__NodeProto *n = NEW(z, Onnx__NodeProto, onnx__node_proto__init);
	const struct val *first = NULL;
	struct val *in;
	va_list args;

	n->op_type = zoo_printf(z, "%s", op);
	n->name = zoo_printf(z, "/%s/%s_%u", z->scope, op, z->counter++);
	va_start(args, shape);
	while ((in = va_arg(args, struct val *))) {
		first = first ? first : in;
		APPEND(z, n->input, n->n_input, in->name);
	}
	va_end(args);
	APPEND(z, z->graph.node, z->graph.n_node, n);
	z->last = n;
	return add_output(z, first ? first->type : ELEM_F32, shape, first ? first->square : 1);
}

struct val *also(struct zoo *z, const struct val *like)
{
	return add_output(z, like->type, like->shape, like->square);
}

struct val *typed(struct zoo *z, struct val *v, enum elem type)
{
	v->type = type;
	z->graph.value_info[z->graph.n_value_info - 1]->type->tensor_type->elem_type = type;
	return v;
}

/* ---- attributes ---- */

static Onnx__AttributeProto *attribute(struct zoo *z, const char *name,
				       Onnx__AttributeProto__AttributeType type)
{
	Onnx__AttributeProto *a = NEW(z, Onnx__AttributeProto, onnx__attribute_proto__init);

	a->name = zoo_printf(z, "%s", name);
	a->has_type = 1;
	a->type = type;
	APPEND(z, z->last->attribute, z->last->n_attribute, a);
	return a;
}

void attr_int(struct zoo *z, const char *name, int64_t i)
{
	Onnx__AttributeProto *a = attribute(z, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);

	a->has_i = 1;
	a->i = i;
}

void attr_float(struct zoo *z, const char *name, float f)
{
	Onnx__AttributeProto *a = attribute(z, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);

	a->has_f = 1;
	a->f = f;
}

void attr_string(struct zoo *z, const char *name, const char *s)
{
	Onnx__AttributeProto *a = attribute(z, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);

	a->has_s = 1;
	a->s.len = strlen(s);
	a->s.data = (uint8_t *)zoo_printf(z, "%s", s);
}

void attr_list(struct zoo *z, const char *name, unsigned int num, const int64_t *v)
{
	Onnx__AttributeProto *a = attribute(z, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);

	a->n_ints = num;
	a->ints = obstack_copy(&z->mem, v, num * sizeof(*v));
}

void attr_tensor(struct zoo *z, const char *name, Onnx__TensorProto *t)
{
	attribute(z, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR)->t = t;
}
