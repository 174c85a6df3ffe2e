// SPDX-License-Identifier: MIT
/* protobuf-c's structs -> tensors and attributes. Nothing in the file is believed. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "proto.h"
#include "proto_depth.h"

/* ---- the message ---- */

static void *message_alloc(void *c, size_t size)
{
	return size >= BIG ? big_alloc(c, size) : arena(c, size);
}

static void message_free(void *c, void *p)
{
	/* the arena goes as a whole */
}

Onnx__ModelProto *proto_model(struct compile *c, const void *data, size_t size)
{
	ProtobufCAllocator allocator = {
		.alloc = message_alloc, .free = message_free, .allocator_data = c,
	};
	Onnx__ModelProto *model;

	if (proto_too_deep(data, size))
		fail(c, "not an ONNX model: messages are nested more than %d deep", PROTO_MAX_NESTING);
	model = onnx__model_proto__unpack(&allocator, size, data);
	if (!model)
		fail(c, "not an ONNX model: the protobuf message is damaged or truncated (%zu bytes)",
		     size);
	if (c->options->mapped)
		madvise((void *)(uintptr_t)data, size, MADV_DONTNEED);
	if (!model->graph)
		fail(c, "the ONNX model has no graph");
	return model;
}

/* ---- tensors ---- */

/* Number of elements in the typed field that this type uses, -1 if there is no such field. */
static int64_t typed_count(const Onnx__TensorProto *t)
{
	switch (t->data_type) {
	case HOSTOP_F32:
		return (int64_t)t->n_float_data;
	case HOSTOP_F64:
		return (int64_t)t->n_double_data;
	case HOSTOP_I64:
		return (int64_t)t->n_int64_data;
	case HOSTOP_U32: case HOSTOP_U64:
		return (int64_t)t->n_uint64_data;
	default:
		return (int64_t)t->n_int32_data;
	}
}

static void copy_typed(const Onnx__TensorProto *t, struct hostop_tensor *to)
{
	for (size_t i = 0; i < to->count; i++) {
		switch (to->dtype) {
		case HOSTOP_F32:
			((float *)to->data)[i] = t->float_data[i];
			break;
		case HOSTOP_F64:
			((double *)to->data)[i] = t->double_data[i];
			break;
		case HOSTOP_I64:
			((int64_t *)to->data)[i] = t->int64_data[i];
			break;
		case HOSTOP_U32: case HOSTOP_U64:
			hostop_set_int(to, i, (int64_t)t->uint64_data[i]);
			break;
		case HOSTOP_F16:	/* its bits are in the int */
			((uint16_t *)to->data)[i] = (uint16_t)t->int32_data[i];
			break;
		default:
			hostop_set_int(to, i, t->int32_data[i]);
		}
	}
}

static bool normal_bools(const struct hostop_tensor *t)
{
	for (size_t i = 0; i < t->count; i++)
		if (((const uint8_t *)t->data)[i] > 1)
			return false;
	return true;
}

/* What has been copied is not kept twice. */
static void drop_raw(struct compile *c, Onnx__TensorProto *t)
{
	if (t->raw_data.len < BIG)
		return;
	big_free(c, t->raw_data.data);
}

struct value *proto_tensor(struct compile *c, Onnx__TensorProto *t, const char *what)
{
	const char *name = arena_string(c, what, strlen(what));
	struct hostop_tensor shape;
	struct value *v;
	size_t bytes;

	if (t->n_external_data || (t->has_data_location && t->data_location))
		fail(c, "tensor '%s' keeps its data in another file, which is not supported", name);
	if (!hostop_dtype_size((enum hostop_dtype)t->data_type))
		fail(c, "tensor '%s' has the element type %d, which is not supported", name, t->data_type);
	if (t->n_dims > HOSTOP_MAX_DIMS)
		fail(c, "tensor '%s' has %zu dimensions, more than %d", name, t->n_dims, HOSTOP_MAX_DIMS);
	if (hostop_shape(&shape, (enum hostop_dtype)t->data_type, (unsigned int)t->n_dims, t->dims))
		fail(c, "tensor '%s' has a negative or too large dimension", name);
	bytes = hostop_bytes(&shape);
	if (t->has_raw_data && t->raw_data.len != bytes)
		fail(c, "tensor '%s' has %zu bytes of data, its shape needs %zu", name,
		     t->raw_data.len, bytes);
	if (!t->has_raw_data && typed_count(t) != (int64_t)shape.count)
		fail(c, "tensor '%s' has %lld elements, its shape needs %zu", name,
		     (long long)typed_count(t), shape.count);
	v = value_const(c, name, shape.dtype, shape.rank, shape.dims);
	if (t->has_raw_data && bytes)
		memcpy(v->t.data, t->raw_data.data, bytes);
	else
		copy_typed(t, &v->t);
	drop_raw(c, t);
	if (shape.dtype == HOSTOP_BOOL && !normal_bools(&v->t))
		fail(c, "tensor '%s' is of bool and holds other bytes than 0 and 1", name);
	return v;
}

/* ---- attributes ---- */

static enum hostop_attr_type attribute_type(const Onnx__AttributeProto *a)
{
	switch (a->type) {
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT: return HOSTOP_ATTR_INT;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT: return HOSTOP_ATTR_FLOAT;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING: return HOSTOP_ATTR_STRING;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR: return HOSTOP_ATTR_TENSOR;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS: return HOSTOP_ATTR_INTS;
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS: return HOSTOP_ATTR_FLOATS;
	default: return HOSTOP_ATTR_NONE;
	}
}

static void convert_attribute(struct compile *c, const Onnx__AttributeProto *from,
			      struct hostop_attr *to, const struct node *node)
{
	to->name = text(from->name);
	to->type = attribute_type(from);
	to->i = from->i;
	to->f = from->f;
	to->s = arena_string(c, from->s.data ? (char *)from->s.data : "", from->s.len);
	to->ints = from->ints;
	to->floats = from->floats;
	to->num = to->type == HOSTOP_ATTR_INTS ? from->n_ints : from->n_floats;
	if (to->type != HOSTOP_ATTR_TENSOR)
		return;
	if (!from->t)
		fail_node(c, node, "attribute '%s' is a tensor without one", to->name);
	to->t = &proto_tensor(c, from->t, *text(from->t->name) ? from->t->name :
			      *text(node->name) ? node->name : to->name)->t;
}

void proto_attributes(struct compile *c, const Onnx__NodeProto *from, struct node *node)
{
	node->attrs = arena_array(c, from->n_attribute, sizeof(*node->attrs));
	node->num_attrs = (unsigned int)from->n_attribute;
	for (size_t i = 0; i < from->n_attribute; i++)
		convert_attribute(c, from->attribute[i], &node->attrs[i], node);
}
