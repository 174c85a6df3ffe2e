// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "onnx_writer.h"

void onnx_begin(struct onnx_writer *w, struct compile *c, int opset)
{
	*w = (struct onnx_writer){ .c = c, .opset = opset };
	onnx__graph_proto__init(&w->graph);
	w->graph.name = (char *)(c->options->name ? c->options->name : "model");
}

const char *onnx_name(struct onnx_writer *w, const char *like)
{
	return arena_printf(w->c, "%.200s/%u", like, w->names++);
}

static Onnx__TensorProto *add_tensor(struct onnx_writer *w, enum hostop_dtype dtype,
				     unsigned int rank, const int64_t *dims, const void *data,
				     size_t bytes)
{
	Onnx__TensorProto *t = arena(w->c, sizeof(*t));

	onnx__tensor_proto__init(t);
	t->has_data_type = 1;
	t->data_type = (int32_t)dtype;
	t->n_dims = rank;
	t->dims = arena_array(w->c, rank, sizeof(*t->dims));
	if (rank)
		memcpy(t->dims, dims, rank * sizeof(*dims));
	t->has_raw_data = 1;
	t->raw_data.len = bytes;
	t->raw_data.data = (uint8_t *)data;
	APPEND(w->c, w->graph.initializer, w->graph.n_initializer, t);
	return t;
}

const char *onnx_tensor(struct onnx_writer *w, const struct hostop_tensor *t, const char *like)
{
	Onnx__TensorProto *own = add_tensor(w, t->dtype, t->rank, t->dims, t->data, hostop_bytes(t));

	own->name = (char *)onnx_name(w, like);
	return own->name;
}

const char *onnx_floats(struct onnx_writer *w, const float *v, size_t n)
{
	size_t count = n ? n : 1;
	float *copy = arena_array(w->c, count, sizeof(*copy));
	Onnx__TensorProto *t;

	memcpy(copy, v, count * sizeof(*copy));
	t = add_tensor(w, HOSTOP_F32, n ? 1 : 0, (int64_t []){ (int64_t)n }, copy,
		       count * sizeof(*copy));
	t->name = (char *)onnx_name(w, "k");
	return t->name;
}

const char *onnx_ints(struct onnx_writer *w, const int64_t *v, size_t n)
{
	int64_t *copy = arena_array(w->c, n, sizeof(*copy));
	Onnx__TensorProto *t;

	memcpy(copy, v, n * sizeof(*copy));
	t = add_tensor(w, HOSTOP_I64, 1, (int64_t []){ (int64_t)n }, copy, n * sizeof(*copy));
	t->name = (char *)onnx_name(w, "k");
	return t->name;
}

void onnx_begin_node(struct onnx_writer *w, const char *op)
{
	Onnx__NodeProto *n = arena(w->c, sizeof(*n));

	onnx__node_proto__init(n);
	n->op_type = (char *)op;
	n->name = (char *)onnx_name(w, op);
	APPEND(w->c, w->graph.node, w->graph.n_node, n);
	w->last = n;
}

void onnx_add_input(struct onnx_writer *w, const char *name)
{
	APPEND(w->c, w->last->input, w->last->n_input, (char *)name);
}

void onnx_add_output(struct onnx_writer *w, const char *name)
{
	APPEND(w->c, w->last->output, w->last->n_output, (char *)name);
}

const char *onnx_node(struct onnx_writer *w, const char *name, const char *op, ...)
{
	const char *in;
	va_list args;

	onnx_begin_node(w, op);
	va_start(args, op);
	while ((in = va_arg(args, const char *)))
		onnx_add_input(w, in);
	va_end(args);
	name = name ? name : onnx_name(w, op);
	onnx_add_output(w, name);
	return name;
}

static Onnx__AttributeProto *new_attr(struct onnx_writer *w, const char *name,
				      Onnx__AttributeProto__AttributeType type)
{
	Onnx__AttributeProto *a = arena(w->c, sizeof(*a));

	onnx__attribute_proto__init(a);
	a->name = (char *)name;
	a->has_type = 1;
	a->type = type;
	APPEND(w->c, w->last->attribute, w->last->n_attribute, a);
	return a;
}

void onnx_attr_int(struct onnx_writer *w, const char *name, int64_t i)
{
	Onnx__AttributeProto *a = new_attr(w, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);

	a->has_i = 1;
	a->i = i;
}

void onnx_attr_float(struct onnx_writer *w, const char *name, float f)
{
	Onnx__AttributeProto *a = new_attr(w, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);

	a->has_f = 1;
	a->f = f;
}

void onnx_attr(struct onnx_writer *w, const struct hostop_attr *attr)
{
	Onnx__AttributeProto *a;

	switch (attr->type) {
	case HOSTOP_ATTR_INT:
		onnx_attr_int(w, attr->name, attr->i);
		break;
	case HOSTOP_ATTR_FLOAT:
		onnx_attr_float(w, attr->name, attr->f);
		break;
	case HOSTOP_ATTR_STRING:
		a = new_attr(w, attr->name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
		a->has_s = 1;
		a->s.len = strlen(attr->s);
		a->s.data = (uint8_t *)attr->s;
		break;
	case HOSTOP_ATTR_INTS:
		a = new_attr(w, attr->name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
		a->n_ints = attr->num;
		a->ints = (int64_t *)attr->ints;
		break;
	case HOSTOP_ATTR_FLOATS:
		a = new_attr(w, attr->name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);
		a->n_floats = attr->num;
		a->floats = (float *)attr->floats;
		break;
	default:
		break;
	}
}

void onnx_port(struct onnx_writer *w, bool output, const char *name, const struct hostop_tensor *t)
{
	Onnx__ValueInfoProto *port = arena(w->c, sizeof(*port));
	Onnx__TypeProto *type = arena(w->c, sizeof(*type));
	Onnx__TypeProto__Tensor *tensor = arena(w->c, sizeof(*tensor));
	Onnx__TensorShapeProto *shape = arena(w->c, sizeof(*shape));

	onnx__value_info_proto__init(port);
	onnx__type_proto__init(type);
	onnx__type_proto__tensor__init(tensor);
	onnx__tensor_shape_proto__init(shape);
	for (unsigned int d = 0; d < t->rank; d++) {
		Onnx__TensorShapeProto__Dimension *dim = arena(w->c, sizeof(*dim));

		onnx__tensor_shape_proto__dimension__init(dim);
		dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
		dim->dim_value = t->dims[d];
		APPEND(w->c, shape->dim, shape->n_dim, dim);
	}
	tensor->has_elem_type = 1;
	tensor->elem_type = (int32_t)t->dtype;
	tensor->shape = shape;
	type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
	type->tensor_type = tensor;
	port->name = (char *)name;
	port->type = type;
	if (output)
		APPEND(w->c, w->graph.output, w->graph.n_output, port);
	else
		APPEND(w->c, w->graph.input, w->graph.n_input, port);
}

void *onnx_end(struct onnx_writer *w, size_t *size)
{
	Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT, *sets[] = { &opset };
	Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
	void *data;

	opset.domain = (char *)"";
	opset.has_version = 1;
	opset.version = w->opset;
	model.has_ir_version = 1;
	model.ir_version = 8;
	model.producer_name = (char *)"loomc";
	model.n_opset_import = 1;
	model.opset_import = sets;
	model.graph = &w->graph;
	*size = onnx__model_proto__get_packed_size(&model);
	data = malloc(*size);
	if (!data)
		fail(w->c, "out of memory");
	onnx__model_proto__pack(&model, data);
	return data;
}
