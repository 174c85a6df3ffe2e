// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "toy.h"

static void *own(struct toy *t, size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p || t->num_owned == sizeof(t->owned) / sizeof(t->owned[0]))
		abort();
	t->owned[t->num_owned++] = p;
	return p;
}

static char *own_string(struct toy *t, const char *s)
{
	return strcpy(own(t, strlen(s) + 1), s);
}

/* One more pointer at the end of a list of them. */
static void add(struct toy *t, void *list, size_t *num, void *item)
{
	void **old, **grown = own(t, (*num + 1) * sizeof(*grown));

	memcpy(&old, list, sizeof(old));
	if (*num)
		memcpy(grown, old, *num * sizeof(*grown));
	grown[(*num)++] = item;
	memcpy(list, &grown, sizeof(grown));
}

void toy_init(struct toy *t, int opset)
{
	memset(t, 0, sizeof(*t));
	onnx__model_proto__init(&t->model);
	onnx__graph_proto__init(&t->graph);
	onnx__operator_set_id_proto__init(&t->opset);
	t->model.has_ir_version = 1;
	t->model.ir_version = 8;
	t->model.graph = &t->graph;
	t->opset.has_version = 1;
	t->opset.version = opset;
	t->opsets[0] = &t->opset;
	t->model.opset_import = t->opsets;
	t->model.n_opset_import = 1;
	t->seed = 1;
}

void toy_free(struct toy *t)
{
	for (unsigned int i = 0; i < t->num_owned; i++)
		free(t->owned[i]);
	t->num_owned = 0;
}

float toy_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (float)(*seed >> 8) / (float)(1 << 23) - 1;
}

static Onnx__ValueInfoProto *port(struct toy *t, const char *name, enum hostop_dtype dtype)
{
	Onnx__ValueInfoProto *v = own(t, sizeof(*v));

	onnx__value_info_proto__init(v);
	v->name = own_string(t, name);
	v->type = own(t, sizeof(*v->type));
	onnx__type_proto__init(v->type);
	v->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
	v->type->tensor_type = own(t, sizeof(*v->type->tensor_type));
	onnx__type_proto__tensor__init(v->type->tensor_type);
	v->type->tensor_type->has_elem_type = 1;
	v->type->tensor_type->elem_type = (int32_t)dtype;
	return v;
}

void toy_input(struct toy *t, const char *name, enum hostop_dtype dtype, size_t rank,
	       const int64_t *dims)
{
	Onnx__ValueInfoProto *v = port(t, name, dtype);
	Onnx__TensorShapeProto *shape = own(t, sizeof(*shape));

	onnx__tensor_shape_proto__init(shape);
	v->type->tensor_type->shape = shape;
	for (size_t d = 0; d < rank; d++) {
		Onnx__TensorShapeProto__Dimension *dim = own(t, sizeof(*dim));

		onnx__tensor_shape_proto__dimension__init(dim);
		dim->value_case = dims[d] < 0 ? ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM :
				  ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
		if (dims[d] < 0)
			dim->dim_param = own_string(t, "d");
		else
			dim->dim_value = dims[d];
		add(t, &shape->dim, &shape->n_dim, dim);
	}
	add(t, &t->graph.input, &t->graph.n_input, v);
}

void toy_output(struct toy *t, const char *name)
{
	add(t, &t->graph.output, &t->graph.n_output, port(t, name, HOSTOP_F32));
}

static Onnx__TensorProto *initializer(struct toy *t, const char *name, enum hostop_dtype dtype,
				      size_t rank, const int64_t *dims, const void *data, size_t size)
{
	Onnx__TensorProto *w = own(t, sizeof(*w));

	onnx__tensor_proto__init(w);
	w->name = own_string(t, name);
	w->has_data_type = 1;
	w->data_type = (int32_t)dtype;
	w->n_dims = rank;
	w->dims = own(t, rank * sizeof(*dims));
	if (rank)
		memcpy(w->dims, dims, rank * sizeof(*dims));
	w->has_raw_data = 1;
	w->raw_data.len = size;
	w->raw_data.data = own(t, size);
	if (size)
		memcpy(w->raw_data.data, data, size);
	add(t, &t->graph.initializer, &t->graph.n_initializer, w);
	return w;
}

void toy_weights(struct toy *t, const char *name, float scale, size_t rank, const int64_t *dims)
{
	size_t n = 1;
	float *values;

	for (size_t d = 0; d < rank; d++)
		n *= (size_t)dims[d];
	values = own(t, n * sizeof(*values));
	for (size_t i = 0; i < n; i++)
		values[i] = scale * toy_random(&t->seed);
	initializer(t, name, HOSTOP_F32, rank, dims, values, n * sizeof(*values));
}

void toy_floats(struct toy *t, const char *name, size_t num, const float *values)
{
	int64_t n = (int64_t)num;

	initializer(t, name, HOSTOP_F32, 1, &n, values, num * sizeof(*values));
}

void toy_ints(struct toy *t, const char *name, size_t num, const int64_t *values)
{
	int64_t n = (int64_t)num;

	initializer(t, name, HOSTOP_I64, 1, &n, values, num * sizeof(*values));
}

void toy_integers(struct toy *t, const char *name, enum hostop_dtype dtype, size_t rank,
		  const int64_t *dims)
{
	struct hostop_tensor v;

	hostop_shape(&v, dtype, (unsigned int)rank, dims);
	v.data = own(t, hostop_bytes(&v));
	for (size_t i = 0; i < v.count; i++)
		hostop_set_int(&v, i, (int64_t)(toy_random(&t->seed) *
						(dtype == HOSTOP_I32 ? 1000 : 127)) +
			       (dtype == HOSTOP_U8 ? 128 : 0));
	initializer(t, name, dtype, rank, dims, v.data, hostop_bytes(&v));
}

void toy_byte(struct toy *t, const char *name, enum hostop_dtype dtype, int value)
{
	uint8_t byte = (uint8_t)value;

	initializer(t, name, dtype, 0, NULL, &byte, 1);
}

void toy_scalar(struct toy *t, const char *name, float value)
{
	initializer(t, name, HOSTOP_F32, 0, NULL, &value, sizeof(value));
}

static void add_names(struct toy *t, const char *names, void *list, size_t *num)
{
	char *copy = own_string(t, names), *save, *name;

	for (name = strtok_r(copy, " ", &save); name; name = strtok_r(NULL, " ", &save))
		add(t, list, num, strcmp(name, "-") ? name : own_string(t, ""));
}

void toy_node(struct toy *t, const char *op, const char *inputs, const char *outputs)
{
	Onnx__NodeProto *n = own(t, sizeof(*n));

	onnx__node_proto__init(n);
	n->op_type = own_string(t, op);
	add_names(t, inputs, &n->input, &n->n_input);
	add_names(t, outputs, &n->output, &n->n_output);
	n->name = own_string(t, n->output[0]);
	add(t, &t->graph.node, &t->graph.n_node, n);
	t->node = n;
}

static Onnx__AttributeProto *attribute(struct toy *t, const char *name, int type)
{
	Onnx__AttributeProto *a = own(t, sizeof(*a));

	onnx__attribute_proto__init(a);
	a->name = own_string(t, name);
	a->has_type = 1;
	a->type = (Onnx__AttributeProto__AttributeType)type;
	add(t, &t->node->attribute, &t->node->n_attribute, a);
	return a;
}

void toy_attr_ints(struct toy *t, const char *name, size_t num, const int64_t *values)
{
	Onnx__AttributeProto *a = attribute(t, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);

	a->n_ints = num;
	a->ints = own(t, num * sizeof(*values));
	memcpy(a->ints, values, num * sizeof(*values));
}

void toy_attr_int(struct toy *t, const char *name, int64_t value)
{
	Onnx__AttributeProto *a = attribute(t, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);

	a->has_i = 1;
	a->i = value;
}

void toy_attr_float(struct toy *t, const char *name, float value)
{
	Onnx__AttributeProto *a = attribute(t, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);

	a->has_f = 1;
	a->f = value;
}

void toy_attr_graph(struct toy *t, const char *name, struct toy *branch)
{
	Onnx__AttributeProto *a = attribute(t, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH);

	a->g = &branch->graph;
}

const void *toy_pack(struct toy *t, size_t *size)
{
	uint8_t *data;

	*size = onnx__model_proto__get_packed_size(&t->model);
	data = own(t, *size);
	onnx__model_proto__pack(&t->model, data);
	return data;
}
