// SPDX-License-Identifier: MIT
/*
 * What a graph starts with. Parameters are initializers named as the published checkpoints name
 * them; everything else that is constant (shapes, scalars, masks) is a Constant node, as PyTorch's
 * exporter writes them, so that whoever counts parameters can tell them apart.
 */
#include <math.h>
#include <string.h>

#include "zoo.h"

static Onnx__TensorProto *tensor(struct zoo *z, enum elem type, struct shape shape, size_t elem_size)
{
	Onnx__TensorProto *t = obstack_alloc(&z->mem, sizeof(*t));

	onnx__tensor_proto__init(t);
	t->has_data_type = 1;
	t->data_type = type;
	t->n_dims = shape.rank;
	t->dims = obstack_copy(&z->mem, shape.dims, sizeof(shape.dims));
	t->has_raw_data = 1;
	t->raw_data.len = elem_size * (size_t)elements(shape);
	t->raw_data.data = obstack_alloc(&z->mem, t->raw_data.len);
	return t;
}

static void add_initializer(struct zoo *z, Onnx__TensorProto *t, char *name)
{
	Onnx__GraphProto *g = &z->graph;

	t->name = name;
	if (!(g->n_initializer & (g->n_initializer - 1))) {
		size_t room = g->n_initializer ? 2 * g->n_initializer : 1;
		void *grown = obstack_alloc(&z->mem, room * sizeof(*g->initializer));

		if (g->n_initializer)
			memcpy(grown, g->initializer, g->n_initializer * sizeof(*g->initializer));
		g->initializer = grown;
	}
	g->initializer[g->n_initializer++] = t;
}

/* ---- seeded: splitmix64 from a hash of the name, so that no weight depends on another ---- */

static uint64_t hash(const char *name, uint64_t seed)
{
	uint64_t h = 14695981039346656037ull ^ seed;

	while (*name)
		h = (h ^ (unsigned char)*name++) * 1099511628211ull;
	return h;
}

static uint64_t next(uint64_t *state)
{
	uint64_t v = *state += 0x9e3779b97f4a7c15ull;

	v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9ull;
	v = (v ^ (v >> 27)) * 0x94d049bb133111ebull;
	return v ^ (v >> 31);
}

/* Uniform: a deviation of 1 is reached over a width of sqrt(12). Integers, so the same everywhere. */
void fill_seeded(struct zoo *z, float *v, size_t num, const char *name, double mean, double square)
{
	uint64_t state = hash(name, z->options.seed);
	float scale = (float)(sqrt(12 * square) / 4294967296.0), shift = (float)mean;

	for (size_t i = 0; i < num; i += 2) {
		uint64_t bits = next(&state);

		v[i] = shift + scale * (float)(int32_t)bits;
		if (i + 1 < num)
			v[i + 1] = shift + scale * (float)(int32_t)(bits >> 32);
	}
}

static struct val *seeded(struct zoo *z, char *name, struct shape shape, double mean, double square)
{
	struct val *v = obstack_alloc(&z->mem, sizeof(*v));
	Onnx__TensorProto *t = tensor(z, ELEM_F32, shape, sizeof(float));

	fill_seeded(z, (float *)t->raw_data.data, (size_t)elements(shape), name, mean, square);
	add_initializer(z, t, name);
	*v = (struct val){ .name = name, .type = ELEM_F32, .shape = shape };
	return v;
}

/* ---- light ---- */

/* Half the variance: with that of He's initialisation, 2 over the inputs, a layer takes their mean. */
static struct val *light(struct zoo *z, char *name, struct shape shape, double mean, double square)
{
	struct val rank = { .name = zoo_printf(z, "%s.shape", name), .type = ELEM_I64 };
	Onnx__TensorProto *dims = tensor(z, ELEM_I64, SHAPE(shape.rank), sizeof(int64_t));
	Onnx__TensorProto *value = tensor(z, ELEM_F32, SHAPE(1), sizeof(float));
	struct val *v;

	memcpy(dims->raw_data.data, shape.dims, shape.rank * sizeof(int64_t));
	add_initializer(z, dims, rank.name);
	*(float *)value->raw_data.data = (float)(mean + square / 2);
	v = put(z, "ConstantOfShape", shape, &rank, NULL);
	attr_tensor(z, "value", value);
	return typed(z, v, ELEM_F32);
}

struct val *weight(struct zoo *z, const char *name, struct shape shape, double mean, double square)
{
	char *full = zoo_printf(z, "%s.%s", z->scope, name);

	return z->options.weights == WEIGHTS_LIGHT ? light(z, full, shape, mean, square) :
						     seeded(z, full, shape, mean, square);
}

/* ---- constants that are no parameters ---- */

static struct val *constant(struct zoo *z, enum elem type, struct shape shape, const void *data, size_t size)
{
	Onnx__TensorProto *t = tensor(z, type, shape, size);
	struct val *v;

	memcpy(t->raw_data.data, data, t->raw_data.len);
	v = put(z, "Constant", shape, NULL);
	attr_tensor(z, "value", t);
	return typed(z, v, type);
}

struct val *constant_ints(struct zoo *z, struct shape shape, const int64_t *v)
{
	return constant(z, ELEM_I64, shape, v, sizeof(*v));
}

struct val *constant_floats(struct zoo *z, struct shape shape, const float *v)
{
	return constant(z, ELEM_F32, shape, v, sizeof(*v));
}

struct val *constant_int(struct zoo *z, int64_t i)
{
	return constant_ints(z, SCALAR, &i);
}

struct val *constant_float(struct zoo *z, float f)
{
	return constant_floats(z, SCALAR, &f);
}
