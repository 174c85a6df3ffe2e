// SPDX-License-Identifier: MIT
/* Quantisation. */
#include "internal.h"

/* Elements that share a scale: scale index of element i is i / inner % n (n = 1: per tensor). */
static int scale_of(struct hostop_call *c, size_t *n, size_t *inner)
{
	const struct hostop_tensor *x = c->in[0], *scale = c->in[1], *zero = input(c, 2);
	unsigned int axis;

	*n = scale->count;
	*inner = 1;
	if (zero && zero->count != scale->count)
		return ho_bad(c, "%zu scales and %zu zero points", scale->count, zero->count);
	if (scale->count == 1)
		return 0;
	if (ho_norm_axis(c, ho_attr_int(c, "axis", 1), x->rank, &axis))
		return -EINVAL;
	if (scale->rank != 1 || scale->dims[0] != x->dims[axis])
		return ho_bad(c, "%zu scales for a dimension of %lld", scale->count,
			   (long long)x->dims[axis]);
	*inner = product(x->dims, axis + 1, x->rank);
	return 0;
}

static int infer_dequantize(struct hostop_call *c)
{
	size_t n, inner;
	int ret = scale_of(c, &n, &inner);

	return ret ? ret : ho_set_shape(c, 0, c->in[1]->dtype, c->in[0]->rank, c->in[0]->dims);
}

static int eval_dequantize(struct hostop_call *c)
{
	const struct hostop_tensor *zero = input(c, 2);
	size_t n, inner;

	scale_of(c, &n, &inner);
	for (size_t i = 0; i < c->out[0].count; i++) {
		size_t k = i / inner % n;
		int64_t q = hostop_get_int(c->in[0], i) - (zero ? hostop_get_int(zero, k) : 0);

		hostop_set(&c->out[0], i, (double)q * hostop_get(c->in[1], k));
	}
	return 0;
}

static int infer_quantize(struct hostop_call *c)
{
	const struct hostop_tensor *zero = input(c, 2);
	size_t n, inner;
	int ret = scale_of(c, &n, &inner);

	return ret ? ret : ho_set_shape(c, 0, zero ? zero->dtype : HOSTOP_U8, c->in[0]->rank,
				     c->in[0]->dims);
}

double ho_saturate(enum hostop_dtype dtype, double v)
{
	double lo = dtype == HOSTOP_I8 ? -128 : dtype == HOSTOP_I16 ? -32768 : 0;
	double hi = dtype == HOSTOP_I8 ? 127 : dtype == HOSTOP_U8 ? 255 :
		    dtype == HOSTOP_I16 ? 32767 : 65535;

	return v < lo ? lo : v > hi ? hi : v;
}

static int eval_quantize(struct hostop_call *c)
{
	const struct hostop_tensor *zero = input(c, 2);
	size_t n, inner;

	scale_of(c, &n, &inner);
	for (size_t i = 0; i < c->out[0].count; i++) {
		size_t k = i / inner % n;
		float q = (float)hostop_get(c->in[0], i) / (float)hostop_get(c->in[1], k);

		hostop_set(&c->out[0], i, ho_saturate(c->out[0].dtype, nearbyintf(q) +
			   (zero ? (double)hostop_get_int(zero, k) : 0)));
	}
	return 0;
}

static int infer_dynamic(struct hostop_call *c)
{
	int ret = ho_set_shape(c, 0, HOSTOP_U8, c->in[0]->rank, c->in[0]->dims);

	ret = ret ? ret : ho_set_shape(c, 1, HOSTOP_F32, 0, NULL);
	return ret ? ret : ho_set_shape(c, 2, HOSTOP_U8, 0, NULL);
}

static int eval_dynamic(struct hostop_call *c)
{
	float lo = 0, hi = 0, scale, zero;

	for (size_t i = 0; i < c->in[0]->count; i++) {
		lo = fminf(lo, (float)hostop_get(c->in[0], i));
		hi = fmaxf(hi, (float)hostop_get(c->in[0], i));
	}
	scale = hi > lo ? (hi - lo) / 255 : 1;
	zero = (float)ho_saturate(HOSTOP_U8, nearbyintf(-lo / scale));
	for (size_t i = 0; i < c->in[0]->count; i++)
		hostop_set(&c->out[0], i, ho_saturate(HOSTOP_U8, nearbyintf(
			   (float)hostop_get(c->in[0], i) / scale) + zero));
	if (c->num_out > 1)
		hostop_set(&c->out[1], 0, scale);
	if (c->num_out > 2)
		hostop_set(&c->out[2], 0, zero);
	return 0;
}

const struct op hostops_quant[] = {
	{ "DequantizeLinear", infer_dequantize, eval_dequantize, 2, 3, 1 },
	{ "QuantizeLinear", infer_quantize, eval_quantize, 2, 3, 1 },
	{ "DynamicQuantizeLinear", infer_dynamic, eval_dynamic, 1, 1, 3 },
	{ NULL }
};
