// SPDX-License-Identifier: MIT
/* Layers of networks that read sequences, spelt out as PyTorch's exporter spells them at opset 13. */
#include "zoo.h"

static int64_t dim_of(struct shape shape, unsigned int rank, unsigned int d)
{
	unsigned int skip = rank - shape.rank;

	return d < skip ? 1 : shape.dims[d - skip];
}

static struct shape broadcast(struct shape a, struct shape b)
{
	struct shape shape = { .rank = a.rank > b.rank ? a.rank : b.rank };

	for (unsigned int d = 0; d < shape.rank; d++) {
		int64_t m = dim_of(a, shape.rank, d), n = dim_of(b, shape.rank, d);

		shape.dims[d] = m > n ? m : n;
	}
	return shape;
}

struct val *binary(struct zoo *z, const char *op, struct val *a, struct val *b)
{
	struct val *y = put(z, op, broadcast(a->shape, b->shape), a, b, NULL);

	if (op[0] == 'A' || op[0] == 'S')
		y->square = a->square + b->square;
	return y;
}

struct val *unary(struct zoo *z, const char *op, struct val *x)
{
	return put(z, op, x->shape, x, NULL);
}

struct val *matmul(struct zoo *z, struct val *a, struct val *b)
{
	struct shape batch_a = a->shape, batch_b = b->shape, shape;
	int64_t rows = a->shape.dims[a->shape.rank - 2], columns = b->shape.dims[b->shape.rank - 1];

	batch_a.rank -= 2;
	batch_b.rank -= 2;
	shape = broadcast(batch_a, batch_b);
	shape.dims[shape.rank++] = rows;
	shape.dims[shape.rank++] = columns;
	return put(z, "MatMul", shape, a, b, NULL);
}

struct val *linear(struct zoo *z, struct val *x, const char *name, int64_t out, bool bias)
{
	int64_t in = x->shape.dims[x->shape.rank - 1];
	struct val *w = weight(z, zoo_printf(z, "%s.weight", name), SHAPE(in, out), 0, 1.0 / (double)in);
	struct val *y = matmul(z, x, w);

	if (bias)
		y = binary(z, "Add", weight(z, zoo_printf(z, "%s.bias", name), SHAPE(out), 0, 0.01), y);
	y->square = x->square;
	return y;
}

static struct val *mean(struct zoo *z, struct val *x)
{
	struct shape shape = x->shape;
	struct val *y;

	shape.dims[shape.rank - 1] = 1;
	y = put(z, "ReduceMean", shape, x, NULL);
	attr_ints(z, "axes", -1);
	attr_int(z, "keepdims", 1);
	return y;
}

struct val *layer_norm(struct zoo *z, struct val *x, const char *name, float eps)
{
	struct shape width = SHAPE(x->shape.dims[x->shape.rank - 1]);
	struct val *gamma = weight(z, zoo_printf(z, "%s.weight", name), width, 1, 0.01);
	struct val *beta = weight(z, zoo_printf(z, "%s.bias", name), width, 0, 0.01);
	struct val *centred = binary(z, "Sub", x, mean(z, x));
	struct val *variance = mean(z, binary(z, "Pow", centred, constant_float(z, 2)));
	struct val *deviation = unary(z, "Sqrt", binary(z, "Add", variance, constant_float(z, eps)));
	struct val *y = binary(z, "Div", centred, deviation);

	y = binary(z, "Add", binary(z, "Mul", y, gamma), beta);
	y->square = 1;
	return y;
}

struct val *gelu(struct zoo *z, struct val *x)
{
	struct val *y = unary(z, "Erf", binary(z, "Div", x, constant_float(z, 1.41421356f)));

	y = binary(z, "Mul", x, binary(z, "Add", y, constant_float(z, 1)));
	y = binary(z, "Mul", y, constant_float(z, 0.5f));
	y->square = x->square / 2;
	return y;
}

struct val *softmax(struct zoo *z, struct val *x)
{
	struct val *y = put(z, "Softmax", x->shape, x, NULL);

	attr_int(z, "axis", -1);
	return y;
}

struct val *transpose(struct zoo *z, struct val *x, const int64_t *perm)
{
	struct shape shape = { .rank = x->shape.rank };
	struct val *y;

	for (unsigned int d = 0; d < shape.rank; d++)
		shape.dims[d] = x->shape.dims[perm[d]];
	y = put(z, "Transpose", shape, x, NULL);
	attr_list(z, "perm", shape.rank, perm);
	return y;
}

struct val *reshape(struct zoo *z, struct val *x, struct shape shape)
{
	struct val *to = constant_ints(z, SHAPE(shape.rank), shape.dims);

	return put(z, "Reshape", shape, x, to, NULL);
}

static struct val *size_of(struct zoo *z, struct val *x, int64_t d)
{
	struct val *shape = typed(z, put(z, "Shape", SHAPE(x->shape.rank), x, NULL), ELEM_I64);
	struct val *index = constant_int(z, d), *size = put(z, "Gather", SCALAR, shape, index, NULL);

	attr_int(z, "axis", 0);
	return put(z, "Unsqueeze", SHAPE(1), size, int_list(z, 0), NULL);
}

struct val *view(struct zoo *z, struct val *x, unsigned int keep, struct shape shape)
{
	struct val *sizes[3], *to;

	for (unsigned int d = 0; d < keep; d++)
		sizes[d] = size_of(z, x, d);
	sizes[keep] = constant_ints(z, SHAPE(shape.rank - keep), shape.dims + keep);
	to = concat(z, 0, keep + 1, sizes);
	return put(z, "Reshape", shape, x, to, NULL);
}

struct val *cut(struct zoo *z, struct val *x, int64_t axis, int64_t from, int64_t to)
{
	struct shape shape = x->shape;
	struct val *starts = int_list(z, from), *ends = int_list(z, to), *axes = int_list(z, axis);

	shape.dims[axis] = to - from;
	return put(z, "Slice", shape, x, starts, ends, axes, NULL);
}

struct val *embedding(struct zoo *z, struct val *ids, const char *name, int64_t rows, int64_t width)
{
	struct val *table = weight(z, zoo_printf(z, "%s.weight", name), SHAPE(rows, width), 0, 1);
	struct shape shape = ids->shape;
	struct val *y;

	shape.dims[shape.rank++] = width;
	table->square = 1;
	y = put(z, "Gather", shape, table, ids, NULL);
	attr_int(z, "axis", 0);
	return y;
}
