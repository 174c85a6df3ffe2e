// SPDX-License-Identifier: MIT
/* Convolutions and products of integers: sums in 32 bits, and ONNX's QLinear operators on them. */
#include "internal.h"
#include "window.h"

/* One number, or one for each of n: which is element i's. */
static size_t of_each(const struct hostop_tensor *t, size_t i)
{
	return t->count > 1 ? i : 0;
}

static int check_each(struct hostop_call *c, const struct hostop_tensor *t, size_t n, const char *what)
{
	if (t && t->count != 1 && t->count != n)
		return ho_bad(c, "%zu %s for %zu channels", t->count, what, n);
	return 0;
}

/* ---- ConvInteger ---- */

static int set_conv_shape(struct hostop_call *c, enum hostop_dtype dtype, const struct hostop_tensor *x,
			  const struct hostop_tensor *f)
{
	struct hostop_window w;
	int64_t dims[4];
	int ret;

	if (x->rank < 3 || f->rank != x->rank)
		return ho_bad(c, "weights of %u dimensions for an input of %u", f->rank, x->rank);
	ret = hostop_window_solve(c, f->dims + 2, &w);
	if (!ret && w.spatial > 2)
		return ho_bad(c, "three spatial dimensions are not supported in 8 bits");
	if (ret)
		return ret;
	if (w.group < 1 || w.group > x->dims[1] || f->dims[0] % w.group ||
	    x->dims[1] % w.group || f->dims[1] != x->dims[1] / w.group)
		return ho_bad(c, "%lld groups of weights do not fit %lld channels", (long long)w.group,
			      (long long)x->dims[1]);
	dims[0] = x->dims[0];
	dims[1] = f->dims[0];
	dims[2] = x->rank == 3 ? w.out[1] : w.out[0];
	dims[3] = w.out[1];
	return ho_set_shape(c, 0, dtype, x->rank, dims);
}

static int infer_conv_integer(struct hostop_call *c)
{
	const struct hostop_tensor *xz = input(c, 2), *wz = input(c, 3);
	int ret = set_conv_shape(c, HOSTOP_I32, c->in[0], c->in[1]);

	ret = ret ? ret : check_each(c, xz, 1, "zero points of the input");
	return ret ? ret : check_each(c, wz, (size_t)c->in[1]->dims[0], "zero points");
}

/* The sum at one pixel of one output channel. */
static int64_t conv_sum(struct hostop_call *c, const struct hostop_window *w, int64_t n, int64_t o,
			int64_t pixel)
{
	const struct hostop_tensor *x = c->in[0], *f = c->in[1], *wz = input(c, 3);
	int64_t taps = w->kernel[0] * w->kernel[1], group = o / (f->dims[0] / w->group), sum = 0;
	int64_t x_zero = input(c, 2) ? hostop_get_int(c->in[2], 0) : 0;
	int64_t w_zero = wz ? hostop_get_int(wz, of_each(wz, (size_t)o)) : 0;

	for (int64_t t = 0; t < f->dims[1] * taps; t++) {
		int64_t channel = group * f->dims[1] + t / taps;
		int64_t iy = pixel / w->out[1] * w->stride[0] - w->begin[0] +
			     t / w->kernel[1] % w->kernel[0] * w->dilation[0];
		int64_t ix = pixel % w->out[1] * w->stride[1] - w->begin[1] +
			     t % w->kernel[1] * w->dilation[1];

		if (iy < 0 || iy >= w->in[0] || ix < 0 || ix >= w->in[1])
			continue;
		sum += (hostop_get_int(x, (size_t)(((n * x->dims[1] + channel) * w->in[0] + iy) *
						   w->in[1] + ix)) - x_zero) *
		       (hostop_get_int(f, (size_t)(o * f->dims[1] * taps + t)) - w_zero);
	}
	return sum;
}

static int eval_conv_integer(struct hostop_call *c)
{
	struct hostop_window w;
	int64_t area, oc = c->in[1]->dims[0];

	hostop_window_solve(c, c->in[1]->dims + 2, &w);
	area = w.out[0] * w.out[1];
	for (int64_t i = 0; i < (int64_t)c->out[0].count; i++)
		hostop_set_int(&c->out[0], (size_t)i,
			       (int32_t)conv_sum(c, &w, i / area / oc, i / area % oc, i % area));
	return 0;
}

/* ---- the QLinear operators: the integer one on four of the inputs, then to another scale ---- */

/* Scales and zero points of the two operands (inputs 1, 2 and 4, 5) and of the result (6, 7). */
static int check_scales(struct hostop_call *c, size_t channels)
{
	int ret = check_each(c, c->in[1], 1, "scales of the input");

	ret = ret ? ret : check_each(c, c->in[2], 1, "zero points of the input");
	ret = ret ? ret : check_each(c, c->in[4], channels, "scales");
	ret = ret ? ret : check_each(c, c->in[5], channels, "zero points");
	ret = ret ? ret : check_each(c, c->in[6], 1, "scales of the result");
	return ret ? ret : check_each(c, c->in[7], 1, "zero points of the result");
}

static int integer_call(struct hostop_call *c, const char *op, struct hostop_tensor *sums,
			int (*run)(struct hostop_call *))
{
	const struct hostop_tensor *in[4] = { c->in[0], c->in[3], c->in[2], c->in[5] };
	struct hostop_call inner = {
		.op = op, .opset = c->opset, .attrs = c->attrs, .num_attrs = c->num_attrs,
		.in = in, .num_in = 4, .out = sums, .num_out = 1,
	};
	int ret = run(&inner);

	return ret ? ho_bad(c, "%s", inner.error) : 0;
}

/* sums of channel `i / inner % channels`, to the result's scale and type */
static void requantise(struct hostop_call *c, const struct hostop_tensor *sums, size_t inner,
		       size_t channels, const struct hostop_tensor *bias)
{
	float x = (float)hostop_get(c->in[1], 0), y = (float)hostop_get(c->in[6], 0);
	int64_t zero = hostop_get_int(c->in[7], 0);

	for (size_t i = 0; i < sums->count; i++) {
		size_t k = i / inner % channels;
		float scale = x * (float)hostop_get(c->in[4], of_each(c->in[4], k)) / y;
		int64_t sum = hostop_get_int(sums, i) + (bias ? hostop_get_int(bias, k) : 0);

		hostop_set(&c->out[0], i, ho_saturate(c->out[0].dtype,
			   nearbyintf((float)(int32_t)sum * scale) + (double)zero));
	}
}

static int infer_qlinear_conv(struct hostop_call *c)
{
	const struct hostop_tensor *bias = input(c, 8);
	size_t channels = c->in[3]->rank ? (size_t)c->in[3]->dims[0] : 0;
	int ret = check_scales(c, channels);

	if (!ret && bias && bias->count != channels)
		ret = ho_bad(c, "%zu biases for %zu channels", bias->count, channels);
	return ret ? ret : set_conv_shape(c, c->in[7]->dtype, c->in[0], c->in[3]);
}

static int eval_qlinear_conv(struct hostop_call *c)
{
	struct hostop_tensor sums = { 0 };
	size_t inner = product(c->out[0].dims, 2, c->out[0].rank);
	int ret = integer_call(c, "ConvInteger", &sums, hostop_eval);

	if (!ret)
		requantise(c, &sums, inner ? inner : 1, (size_t)c->out[0].dims[1], input(c, 8));
	hostop_free(&sums);
	return ret;
}

static int infer_qlinear_matmul(struct hostop_call *c)
{
	const struct hostop_tensor *b = c->in[3];
	struct hostop_tensor sums;
	int ret = integer_call(c, "MatMulInteger", &sums, hostop_infer);

	ret = ret ? ret : check_scales(c, b->rank ? (size_t)b->dims[b->rank - 1] : 1);
	return ret ? ret : ho_set_shape(c, 0, c->in[7]->dtype, sums.rank, sums.dims);
}

static int eval_qlinear_matmul(struct hostop_call *c)
{
	const struct hostop_tensor *b = c->in[3];
	struct hostop_tensor sums = { 0 };
	int ret = integer_call(c, "MatMulInteger", &sums, hostop_eval);

	if (!ret)
		requantise(c, &sums, 1, (size_t)b->dims[b->rank - 1], NULL);
	hostop_free(&sums);
	return ret;
}

const struct op hostops_quant_linear[] = {
	{ "ConvInteger", infer_conv_integer, eval_conv_integer, 2, 4, 1 },
	{ "QLinearConv", infer_qlinear_conv, eval_qlinear_conv, 8, 9, 1 },
	{ "QLinearMatMul", infer_qlinear_matmul, eval_qlinear_matmul, 8, 8, 1 },
	{ NULL }
};
