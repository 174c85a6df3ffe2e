// SPDX-License-Identifier: MIT
/* Layers of image networks. */
#include "zoo.h"

static int64_t or_one(int64_t n)
{
	return n ? n : 1;
}

static int64_t out_size(int64_t in, int64_t k, int64_t stride, int64_t pad)
{
	return (in + 2 * pad - k) / stride + 1;
}

struct val *conv(struct zoo *z, struct val *x, const char *name, struct conv c)
{
	int64_t kh = or_one(c.kh), kw = or_one(c.kw), s = or_one(c.stride), g = or_one(c.group);
	const int64_t *in = x->shape.dims;
	int64_t per_group = in[1] / g;
	struct shape shape = SHAPE(in[0], c.out, out_size(in[2], kh, s, c.ph), out_size(in[3], kw, s, c.pw));
	struct val *w, *b = NULL, *y;

	/* He: half of the inputs are expected to be zero, but for x->square that is known here. */
	w = weight(z, zoo_printf(z, "%s.weight", name), SHAPE(c.out, per_group, kh, kw), 0,
		   2.0 / (double)(per_group * kh * kw));
	if (c.bias)
		b = weight(z, zoo_printf(z, "%s.bias", name), SHAPE(c.out), 0, 0.01);
	y = put(z, "Conv", shape, x, w, b, NULL);
	attr_ints(z, "dilations", 1, 1);
	attr_int(z, "group", g);
	attr_ints(z, "kernel_shape", kh, kw);
	attr_ints(z, "pads", c.ph, c.pw, c.ph, c.pw);
	attr_ints(z, "strides", s, s);
	y->square = 2 * x->square;
	return y;
}

/* Statistics are those that the input is expected to have, a tenth off. */
struct val *batch_norm(struct zoo *z, struct val *x, const char *name, float eps)
{
	struct shape c = SHAPE(x->shape.dims[1]);
	struct val *gamma = weight(z, zoo_printf(z, "%s.weight", name), c, 1, 0.01);
	struct val *beta = weight(z, zoo_printf(z, "%s.bias", name), c, 0, 0.01);
	struct val *mean = weight(z, zoo_printf(z, "%s.running_mean", name), c, 0, 0.01 * x->square);
	struct val *var = weight(z, zoo_printf(z, "%s.running_var", name), c, x->square,
				 0.01 * x->square * x->square);
	struct val *y = put(z, "BatchNormalization", x->shape, x, gamma, beta, mean, var, NULL);

	attr_float(z, "epsilon", eps);
	y->square = 1;
	return y;
}

struct val *relu(struct zoo *z, struct val *x)
{
	struct val *y = put(z, "Relu", x->shape, x, NULL);

	y->square = x->square / 2;
	return y;
}

struct val *add(struct zoo *z, struct val *a, struct val *b)
{
	return binary(z, "Add", a, b);
}

static int64_t pool_size(int64_t in, int64_t k, int64_t stride, int64_t pad, bool ceil)
{
	int64_t size = (in + 2 * pad - k + (ceil ? stride - 1 : 0)) / stride + 1;

	/* The last window has to begin inside. */
	return ceil && (size - 1) * stride >= in + pad ? size - 1 : size;
}

struct val *pool(struct zoo *z, const char *op, struct val *x, int64_t k, int64_t stride,
		 int64_t pad, bool ceil)
{
	const int64_t *in = x->shape.dims;
	struct val *y = put(z, op, SHAPE(in[0], in[1], pool_size(in[2], k, stride, pad, ceil),
					 pool_size(in[3], k, stride, pad, ceil)), x, NULL);

	attr_int(z, "ceil_mode", ceil);
	if (op[0] == 'A')
		attr_int(z, "count_include_pad", 1);
	attr_ints(z, "kernel_shape", k, k);
	attr_ints(z, "pads", pad, pad, pad, pad);
	attr_ints(z, "strides", stride, stride);
	return y;
}

struct val *global_pool(struct zoo *z, struct val *x)
{
	const int64_t *in = x->shape.dims;
	struct val *y = put(z, "GlobalAveragePool", SHAPE(in[0], in[1], 1, 1), x, NULL);

	y = put(z, "Flatten", SHAPE(in[0], in[1]), y, NULL);
	attr_int(z, "axis", 1);
	return y;
}

struct val *concat(struct zoo *z, int64_t axis, unsigned int num, struct val *const *v)
{
	struct shape shape = v[0]->shape;
	double square = v[0]->square;
	struct val *y;

	for (unsigned int i = 1; i < num; i++) {
		shape.dims[axis] += v[i]->shape.dims[axis];
		square += v[i]->square;
	}
	y = put(z, "Concat", shape, v[0], v[1], num > 2 ? v[2] : NULL, num > 3 ? v[3] : NULL, NULL);
	attr_int(z, "axis", axis);
	y->square = square / num;
	return y;
}

struct val *gemm(struct zoo *z, struct val *x, const char *name, int64_t out)
{
	int64_t rows = x->shape.dims[0], in = x->shape.dims[1];
	struct val *w = weight(z, zoo_printf(z, "%s.weight", name), SHAPE(out, in), 0, 1.0 / (double)in);
	struct val *b = weight(z, zoo_printf(z, "%s.bias", name), SHAPE(out), 0, 0.01);
	struct val *y = put(z, "Gemm", SHAPE(rows, out), x, w, b, NULL);

	attr_float(z, "alpha", 1);
	attr_float(z, "beta", 1);
	attr_int(z, "transB", 1);
	return y;
}
