// SPDX-License-Identifier: MIT
/* Convolutions and pools over one to three spatial dimensions. */
#include "internal.h"
#include "window.h"

static int set_spatial(struct hostop_call *c, unsigned int out, enum hostop_dtype dtype, int64_t n,
		       int64_t channels, const struct hostop_window *w)
{
	int64_t dims[2 + HOSTOP_SPATIAL] = { n, channels };
	unsigned int rank = 2;

	if (w->spatial == 3)
		dims[rank++] = w->out[2];
	if (w->spatial > 1)
		dims[rank++] = w->out[0];
	dims[rank] = w->out[1];
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

static int64_t volume(const int64_t *n)
{
	return n[0] * n[1] * n[2];
}

/* One tap of the window, over a plane of the output; `in` is the plane of the input that it meets. */
static void add_tap(const struct conv *v, float *out, const float *in, float weight, int64_t ky, int64_t kx)
{
	const struct hostop_window *w = &v->w;

	for (int64_t y = 0; y < w->out[0]; y++) {
		int64_t iy = y * w->stride[0] + ky * w->dilation[0] - w->begin[0];

		if (iy < 0 || iy >= w->in[0])
			continue;
		for (int64_t x = 0; x < w->out[1]; x++) {
			int64_t ix = x * w->stride[1] + kx * w->dilation[1] - w->begin[1];

			if (ix >= 0 && ix < w->in[1])
				out[y * w->out[1] + x] += weight * in[iy * w->in[1] + ix];
		}
	}
}

/* One output channel o of group g of picture n: accumulate tap by tap over whole planes. */
static void conv_channel(struct conv *v, int64_t n, int64_t g, int64_t o)
{
	const struct hostop_window *w = &v->w;
	int64_t size = volume(w->out), channel = g * v->oc + o, taps = volume(w->kernel), from;
	float *out = v->out + (n * w->group * v->oc + channel) * size;

	for (int64_t i = 0; i < size; i++)
		out[i] = v->bias ? v->bias[channel] : 0;
	for (int64_t t = 0; t < v->c * taps; t++) {
		int64_t kx = t % w->kernel[1], ky = t / w->kernel[1] % w->kernel[0];
		int64_t kz = t / w->kernel[1] / w->kernel[0] % w->kernel[2];

		from = (n * w->group * v->c + g * v->c + t / taps) * volume(w->in);
		for (int64_t z = 0; z < w->out[2]; z++) {
			int64_t iz = z * w->stride[2] + kz * w->dilation[2] - w->begin[2];

			if (iz >= 0 && iz < w->in[2])
				add_tap(v, out + z * w->out[0] * w->out[1],
					v->x + from + iz * w->in[0] * w->in[1],
					v->f[channel * v->c * taps + t], ky, kx);
		}
	}
}

static void conv_all(struct conv *v, int64_t batch)
{
	for (int64_t n = 0; n < batch; n++)
		for (int64_t g = 0; g < v->w.group; g++)
			for (int64_t o = 0; o < v->oc; o++)
				conv_channel(v, n, g, o);
}

/* Where tap k puts what is at i, in dimension d; -1: outside. */
static int64_t put_at(const struct hostop_window *w, int d, int64_t i, int64_t k)
{
	int64_t at = i * w->stride[d] - w->begin[d] + k * w->dilation[d];

	return at < 0 || at >= w->out[d] ? -1 : at;
}

/* Scatter: every input pixel adds its weighted window to the output. */
static void conv_transpose_all(struct conv *v, int64_t batch)
{
	const struct hostop_window *w = &v->w;
	int64_t size = volume(w->out), taps = volume(w->kernel);
	int64_t inputs = v->c * w->group, outputs = v->oc * w->group, area = volume(w->in);

	for (int64_t i = 0; i < batch * outputs * size; i++)
		v->out[i] = v->bias ? v->bias[i / size % outputs] : 0;
	for (int64_t i = 0; i < batch * inputs * area; i++) {
		int64_t ic = i / area % inputs, n = i / area / inputs, g = ic / v->c;
		int64_t row = i / w->in[1];

		for (int64_t t = 0; t < v->oc * taps; t++) {
			int64_t ky = t / w->kernel[1];
			int64_t x = put_at(w, 1, i % w->in[1], t % w->kernel[1]);
			int64_t y = put_at(w, 0, row % w->in[0], ky % w->kernel[0]);
			int64_t z = put_at(w, 2, row / w->in[0] % w->in[2], ky / w->kernel[0] % w->kernel[2]);

			if (x < 0 || y < 0 || z < 0)
				continue;
			v->out[(n * outputs + g * v->oc + t / taps) * size +
			       (z * w->out[0] + y) * w->out[1] + x] +=
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

/* A pool's window under way. */
struct pool {
	struct hostop_call *c;
	struct hostop_window w;
	bool max, all;
	double acc;
	int64_t count, at;	/* at: of the greatest */
};

static void pool_tap(struct pool *p, int64_t plane, const int64_t *at)
{
	const struct hostop_window *w = &p->w;
	bool inside = true, padded = true;
	int64_t i;
	double v;

	for (int d = 0; d < HOSTOP_SPATIAL; d++) {
		inside = inside && at[d] >= 0 && at[d] < w->in[d];
		padded = padded && at[d] < w->in[d] + w->end[d];
	}
	p->count += inside || (p->all && padded);
	if (!inside)
		return;
	i = ((plane * w->in[2] + at[2]) * w->in[0] + at[0]) * w->in[1] + at[1];
	v = hostop_get(p->c->in[0], (size_t)i);
	if (p->max && v > p->acc)
		p->at = i;
	p->acc = p->max ? (v > p->acc ? v : p->acc) : p->acc + v;
}

/* The window of pixel `out`, depth outermost, of a plane. */
static double pool_one(struct pool *p, int64_t plane, int64_t out)
{
	const struct hostop_window *w = &p->w;
	int64_t o[HOSTOP_SPATIAL] = { out / w->out[1] % w->out[0], out % w->out[1],
				      out / w->out[1] / w->out[0] };

	p->acc = p->max ? -INFINITY : 0;
	p->count = 0;
	for (int64_t t = 0; t < volume(w->kernel); t++) {
		int64_t k[HOSTOP_SPATIAL] = { t / w->kernel[1] % w->kernel[0], t % w->kernel[1],
					      t / w->kernel[1] / w->kernel[0] };
		int64_t at[HOSTOP_SPATIAL];

		for (int d = 0; d < HOSTOP_SPATIAL; d++)
			at[d] = o[d] * w->stride[d] + k[d] * w->dilation[d] - w->begin[d];
		pool_tap(p, plane, at);
	}
	return p->max || !p->count ? p->acc : p->acc / (double)p->count;
}

static int eval_pool(struct hostop_call *c)
{
	struct pool p = {
		.c = c, .max = !strcmp(c->op, "MaxPool"), .all = ho_attr_int(c, "count_include_pad", 0),
	};
	int64_t size;

	hostop_window_solve(c, NULL, &p.w);
	size = volume(p.w.out);
	if (c->num_out > 1 && ho_attr_int(c, "storage_order", 0))
		return ho_bad(c, "storage_order 1 is not supported");
	for (size_t i = 0; i < c->out[0].count; i++) {
		hostop_set(&c->out[0], i, pool_one(&p, (int64_t)i / size, (int64_t)i % size));
		if (c->num_out > 1)
			hostop_set_int(&c->out[1], i, p.at);
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
