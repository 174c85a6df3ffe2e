// SPDX-License-Identifier: MIT
/* Convolutions and pools over one or two spatial dimensions. */
#include "internal.h"
#include "window.h"

static int set_spatial(struct hostop_call *c, unsigned int out, enum hostop_dtype dtype, int64_t n,
		       int64_t channels, const struct hostop_window *w)
{
	int64_t dims[4] = { n, channels, w->out[0], w->out[1] };

	if (w->spatial == 1)
		dims[2] = w->out[1];
	return ho_set_shape(c, out, dtype, w->spatial + 2, dims);
}

static int conv_check(struct hostop_call *c, int64_t group, int64_t in_channels, int64_t outputs)
{
	const struct hostop_tensor *x = c->in[0], *f = c->in[1], *bias = input(c, 2);

	if (f->rank != x->rank)
		return ho_bad(c, "weights of %u dimensions for an input of %u", f->rank, x->rank);
	if (group < 1 || group > x->dims[1] || x->dims[1] % group || in_channels != x->dims[1])
		return ho_bad(c, "%lld groups of weights do not fit %lld channels", (long long)group,
			   (long long)x->dims[1]);
	if (f->dims[0] % group)
		return ho_bad(c, "weights for %lld channels do not split into %lld groups",
			   (long long)f->dims[0], (long long)group);
	if (bias && (bias->count != (size_t)outputs))
		return ho_bad(c, "%zu biases for %lld channels", bias->count, (long long)outputs);
	return 0;
}

static int infer_conv(struct hostop_call *c)
{
	const struct hostop_tensor *x = c->in[0], *f = c->in[1];
	struct hostop_window w;
	int ret;

	if (x->rank < 3 || f->rank != x->rank)
		return ho_bad(c, "weights of %u dimensions for an input of %u", f->rank, x->rank);
	ret = hostop_window_solve(c, f->dims + 2, &w);
	if (ret)
		return ret;
	if (w.group > INT32_MAX || f->dims[1] > INT32_MAX)
		return ho_bad(c, "group is %lld", (long long)w.group);
	ret = conv_check(c, w.group, f->dims[1] * w.group, f->dims[0]);
	return ret ? ret : set_spatial(c, 0, x->dtype, x->dims[0], f->dims[0], &w);
}

struct conv {
	struct hostop_window w;
	int64_t c, oc;		/* per group */
	const float *x, *f, *bias;
	float *out;
};

/* One output channel o of group g of picture n: accumulate tap by tap over whole rows. */
static void conv_plane(struct conv *v, int64_t n, int64_t g, int64_t o)
{
	const struct hostop_window *w = &v->w;
	int64_t plane = w->out[0] * w->out[1], from, channel = g * v->oc + o;
	float *out = v->out + (n * w->group * v->oc + channel) * plane;

	for (int64_t i = 0; i < plane; i++)
		out[i] = v->bias ? v->bias[channel] : 0;
	for (int64_t t = 0; t < v->c * w->kernel[0] * w->kernel[1]; t++) {
		int64_t kx = t % w->kernel[1], ky = t / w->kernel[1] % w->kernel[0];
		int64_t ic = t / w->kernel[1] / w->kernel[0];
		float weight = v->f[channel * v->c * w->kernel[0] * w->kernel[1] + t];

		from = (n * w->group * v->c + g * v->c + ic) * w->in[0] * w->in[1];
		for (int64_t y = 0; y < w->out[0]; y++) {
			int64_t iy = y * w->stride[0] + ky * w->dilation[0] - w->begin[0];

			if (iy < 0 || iy >= w->in[0])
				continue;
			for (int64_t x = 0; x < w->out[1]; x++) {
				int64_t ix = x * w->stride[1] + kx * w->dilation[1] - w->begin[1];

				if (ix >= 0 && ix < w->in[1])
					out[y * w->out[1] + x] +=
						weight * v->x[from + iy * w->in[1] + ix];
			}
		}
	}
}

static void conv_all(struct conv *v, int64_t batch)
{
	for (int64_t n = 0; n < batch; n++)
		for (int64_t g = 0; g < v->w.group; g++)
			for (int64_t o = 0; o < v->oc; o++)
				conv_plane(v, n, g, o);
}

/* Scatter: every input pixel adds its weighted window to the output. */
static void conv_transpose_all(struct conv *v, int64_t batch)
{
	const struct hostop_window *w = &v->w;
	int64_t plane = w->out[0] * w->out[1], taps = w->kernel[0] * w->kernel[1];
	int64_t inputs = v->c * w->group, outputs = v->oc * w->group, area = w->in[0] * w->in[1];

	for (int64_t i = 0; i < batch * outputs * plane; i++)
		v->out[i] = v->bias ? v->bias[i / plane % outputs] : 0;
	for (int64_t i = 0; i < batch * inputs * area; i++) {
		int64_t ic = i / area % inputs, n = i / area / inputs, g = ic / v->c;

		for (int64_t t = 0; t < v->oc * taps; t++) {
			int64_t y = i / w->in[1] % w->in[0] * w->stride[0] - w->begin[0] +
				    t / w->kernel[1] % w->kernel[0] * w->dilation[0];
			int64_t x = i % w->in[1] * w->stride[1] - w->begin[1] +
				    t % w->kernel[1] * w->dilation[1];

			if (y < 0 || y >= w->out[0] || x < 0 || x >= w->out[1])
				continue;
			v->out[(n * outputs + g * v->oc + t / taps) * plane + y * w->out[1] + x] +=
				v->x[i] * v->f[ic * v->oc * taps + t];
		}
	}
}

static int run_conv(struct hostop_call *c, struct conv *v, void (*all)(struct conv *, int64_t))
{
	float *own_x, *own_f, *own_bias = NULL;
	struct hostop_tensor *out = &c->out[0];
	int ret = 0;

	v->x = ho_as_floats(c->in[0], &own_x);
	v->f = ho_as_floats(c->in[1], &own_f);
	v->bias = input(c, 2) ? ho_as_floats(c->in[2], &own_bias) : NULL;
	v->out = out->dtype == HOSTOP_F32 ? out->data :
		 malloc((out->count ? out->count : 1) * sizeof(float));
	if (!v->x || !v->f || !v->out || (input(c, 2) && !v->bias)) {
		ret = ho_bad(c, "out of memory");
		goto free_copies;
	}
	all(v, c->in[0]->dims[0]);
	for (size_t i = 0; v->out != out->data && i < out->count; i++)
		hostop_set(out, i, v->out[i]);
free_copies:
	if (v->out != out->data)
		free(v->out);
	free(own_x);
	free(own_f);
	free(own_bias);
	return ret;
}

static int eval_conv(struct hostop_call *c)
{
	struct conv v;

	hostop_window_solve(c, c->in[1]->dims + 2, &v.w);
	v.c = c->in[1]->dims[1];
	v.oc = c->in[1]->dims[0] / v.w.group;
	return run_conv(c, &v, conv_all);
}

static int infer_conv_transpose(struct hostop_call *c)
{
	const struct hostop_tensor *x = c->in[0], *f = c->in[1];
	struct hostop_window w;
	int ret;

	if (x->rank < 3 || f->rank != x->rank)
		return ho_bad(c, "weights of %u dimensions for an input of %u", f->rank, x->rank);
	ret = hostop_window_transpose(c, &w);
	if (ret)
		return ret;
	if (w.group < 1 || w.group > INT32_MAX || f->dims[1] > INT32_MAX)
		return ho_bad(c, "group is %lld", (long long)w.group);
	ret = conv_check(c, w.group, f->dims[0], f->dims[1] * w.group);
	return ret ? ret : set_spatial(c, 0, x->dtype, x->dims[0], f->dims[1] * w.group, &w);
}

static int eval_conv_transpose(struct hostop_call *c)
{
	struct conv v;

	hostop_window_transpose(c, &v.w);
	v.c = c->in[1]->dims[0] / v.w.group;
	v.oc = c->in[1]->dims[1];
	return run_conv(c, &v, conv_transpose_all);
}

/* ---- pools ---- */

static int infer_pool(struct hostop_call *c)
{
	struct hostop_window w;
	int ret;

	if (c->in[0]->rank < 3)
		return ho_bad(c, "needs at least 3 dimensions");
	ret = hostop_window_solve(c, NULL, &w);
	ret = ret ? ret : set_spatial(c, 0, c->in[0]->dtype, c->in[0]->dims[0], c->in[0]->dims[1], &w);
	return ret ? ret : set_spatial(c, 1, HOSTOP_I64, c->in[0]->dims[0], c->in[0]->dims[1], &w);
}

static double pool_one(struct hostop_call *c, const struct hostop_window *w, int64_t plane,
		       int64_t oy, int64_t ox, int64_t *at)
{
	bool max = !strcmp(c->op, "MaxPool"), all = ho_attr_int(c, "count_include_pad", 0);
	double acc = max ? -INFINITY : 0;
	int64_t count = 0;

	for (int64_t ky = 0; ky < w->kernel[0]; ky++)
		for (int64_t kx = 0; kx < w->kernel[1]; kx++) {
			int64_t y = oy * w->stride[0] + ky * w->dilation[0] - w->begin[0];
			int64_t x = ox * w->stride[1] + kx * w->dilation[1] - w->begin[1];
			bool inside = y >= 0 && y < w->in[0] && x >= 0 && x < w->in[1];
			double v;

			count += inside || (all && y < w->in[0] + w->end[0] && x < w->in[1] + w->end[1]);
			if (!inside)
				continue;
			v = hostop_get(c->in[0], (plane * w->in[0] + y) * w->in[1] + x);
			if (max && v > acc)
				*at = (plane * w->in[0] + y) * w->in[1] + x;
			acc = max ? (v > acc ? v : acc) : acc + v;
		}
	return max || !count ? acc : acc / (double)count;
}

static int eval_pool(struct hostop_call *c)
{
	struct hostop_window w;
	int64_t area, at = 0;

	hostop_window_solve(c, NULL, &w);
	area = w.out[0] * w.out[1];
	if (c->num_out > 1 && ho_attr_int(c, "storage_order", 0))
		return ho_bad(c, "storage_order 1 is not supported");
	for (size_t i = 0; i < c->out[0].count; i++) {
		hostop_set(&c->out[0], i, pool_one(c, &w, (int64_t)i / area,
						   (int64_t)i % area / w.out[1],
						   (int64_t)i % w.out[1], &at));
		if (c->num_out > 1)
			hostop_set_int(&c->out[1], i, at);
	}
	return 0;
}

const struct op hostops_conv[] = {
	{ "Conv", infer_conv, eval_conv, 2, 3, 1 },
	{ "ConvTranspose", infer_conv_transpose, eval_conv_transpose, 2, 3, 1 },
	{ "MaxPool", infer_pool, eval_pool, 1, 1, 2 },
	{ "AveragePool", infer_pool, eval_pool, 1, 1, 1 },
	{ NULL }
};
