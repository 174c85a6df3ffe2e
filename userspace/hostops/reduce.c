// SPDX-License-Identifier: MIT
/* Operators over the elements of a dimension: reductions, softmax, normalisations, CumSum, ArgMax. */
#include "internal.h"

struct reduction {
	const char *name;
	double start;
	double (*step)(double acc, double x);
	double (*end)(double acc, double n);
};

static double s_add(double a, double x) { return a + x; }
static double s_mul(double a, double x) { return a * x; }
static double s_max(double a, double x) { return x > a || isnan(x) ? x : a; }
static double s_min(double a, double x) { return x < a || isnan(x) ? x : a; }
static double s_abs(double a, double x) { return a + fabs(x); }
static double s_square(double a, double x) { return a + x * x; }
static double s_exp(double a, double x) { return a + exp(x); }
static double e_mean(double a, double n) { return a / n; }
static double e_sqrt(double a, double n) { (void)n; return sqrt(a); }
static double e_log(double a, double n) { (void)n; return log(a); }

static const struct reduction reductions[] = {
	{ "ReduceSum", 0, s_add, NULL }, { "ReduceMean", 0, s_add, e_mean },
	{ "ReduceProd", 1, s_mul, NULL }, { "ReduceMax", -INFINITY, s_max, NULL },
	{ "ReduceMin", INFINITY, s_min, NULL }, { "ReduceL1", 0, s_abs, NULL },
	{ "ReduceL2", 0, s_square, e_sqrt }, { "ReduceSumSquare", 0, s_square, NULL },
	{ "ReduceLogSum", 0, s_add, e_log }, { "ReduceLogSumExp", 0, s_exp, e_log },
};

/* Bit d of *mask: dimension d is reduced. *none: nothing to do at all. */
static int reduce_axes(struct hostop_call *c, unsigned int *mask, bool *none)
{
	int64_t axes[HOSTOP_MAX_DIMS];
	unsigned int rank = c->in[0]->rank;
	int n = ho_ints_of(c, 1, "axes", axes, HOSTOP_MAX_DIMS);

	if (n < -1)
		return n;
	*none = n <= 0 && ho_attr_int(c, "noop_with_empty_axes", 0);
	*mask = n <= 0 && !*none ? (1u << rank) - 1 : 0;
	for (int i = 0; i < n; i++) {
		unsigned int axis;
		int ret = ho_norm_axis(c, axes[i], rank, &axis);

		if (ret)
			return ret;
		*mask |= 1u << axis;
	}
	return 0;
}

static int infer_reduce(struct hostop_call *c)
{
	int64_t dims[HOSTOP_MAX_DIMS];
	unsigned int mask, rank = 0;
	bool keep = ho_attr_int(c, "keepdims", 1), none;
	int ret = reduce_axes(c, &mask, &none);

	for (unsigned int d = 0; !ret && d < c->in[0]->rank; d++)
		if (!(mask >> d & 1) || keep)
			dims[rank++] = mask >> d & 1 ? 1 : c->in[0]->dims[d];
	return ret ? ret : ho_set_shape(c, 0, c->in[0]->dtype, rank, dims);
}

static int eval_reduce(struct hostop_call *c)
{
	const struct hostop_tensor *x = c->in[0];
	const struct reduction *r = reductions;
	struct hostop_tensor *out = &c->out[0];
	int64_t step = 1;
	unsigned int mask;
	struct walk w;
	double *acc;
	bool none;

	while (strcmp(r->name, c->op))
		r++;
	reduce_axes(c, &mask, &none);
	acc = malloc((out->count ? out->count : 1) * sizeof(*acc));
	if (!acc)
		return ho_bad(c, "out of memory");
	for (size_t i = 0; i < out->count; i++)
		acc[i] = r->start;
	ho_walk_start(&w, x->rank, x->dims);
	for (unsigned int d = x->rank; d-- > 0;) {
		w.strides[0][d] = mask >> d & 1 ? 0 : step;
		step *= mask >> d & 1 ? 1 : x->dims[d];
	}
	for (size_t i = 0; w.left; ho_walk_next(&w), i++)
		acc[w.off[0]] = r->step(acc[w.off[0]], hostop_get(x, i));
	for (size_t i = 0; i < out->count; i++)
		hostop_set(out, i, r->end ? r->end(acc[i], (double)(x->count / out->count)) : acc[i]);
	free(acc);
	return 0;
}

static int infer_gap(struct hostop_call *c)
{
	int64_t dims[HOSTOP_MAX_DIMS];

	if (c->in[0]->rank < 3)
		return ho_bad(c, "needs at least 3 dimensions");
	for (unsigned int d = 0; d < c->in[0]->rank; d++)
		dims[d] = d < 2 ? c->in[0]->dims[d] : 1;
	return ho_set_shape(c, 0, c->in[0]->dtype, c->in[0]->rank, dims);
}

static int eval_gap(struct hostop_call *c)
{
	bool max = !strcmp(c->op, "GlobalMaxPool");
	size_t n = product(c->in[0]->dims, 2, c->in[0]->rank);

	for (size_t o = 0; o < c->out[0].count; o++) {
		double acc = max ? -INFINITY : 0;

		for (size_t i = 0; i < n; i++)
			acc = max ? s_max(acc, hostop_get(c->in[0], o * n + i)) :
				    acc + hostop_get(c->in[0], o * n + i);
		hostop_set(&c->out[0], o, max ? acc : acc / (double)n);
	}
	return 0;
}

/* ---- softmax ---- */

static int infer_softmax(struct hostop_call *c)
{
	unsigned int axis;
	int ret = ho_norm_axis(c, ho_attr_int(c, "axis", c->opset < 13 ? 1 : -1), c->in[0]->rank, &axis);

	return ret ? ret : ho_infer_same(c);
}

static void softmax_line(struct hostop_call *c, size_t at, size_t n, size_t step)
{
	bool log_of = !strcmp(c->op, "LogSoftmax");
	double max = -INFINITY, sum = 0;

	for (size_t i = 0; i < n; i++)
		max = s_max(max, hostop_get(c->in[0], at + i * step));
	for (size_t i = 0; i < n; i++)
		sum += exp(hostop_get(c->in[0], at + i * step) - max);
	for (size_t i = 0; i < n; i++) {
		double x = hostop_get(c->in[0], at + i * step) - max;

		hostop_set(&c->out[0], at + i * step, log_of ? x - log(sum) : exp(x) / sum);
	}
}

static int eval_softmax(struct hostop_call *c)
{
	const struct hostop_tensor *x = c->in[0];
	size_t outer, n, inner;
	unsigned int axis;

	ho_norm_axis(c, ho_attr_int(c, "axis", c->opset < 13 ? 1 : -1), x->rank, &axis);
	outer = product(x->dims, 0, axis);
	/* Before opset 13 everything from the axis on was one line. */
	n = c->opset < 13 ? product(x->dims, axis, x->rank) : (size_t)x->dims[axis];
	inner = c->opset < 13 ? 1 : product(x->dims, axis + 1, x->rank);
	for (size_t o = 0; o < outer; o++)
		for (size_t i = 0; i < inner; i++)
			softmax_line(c, o * n * inner + i, n, inner);
	return 0;
}

/* ---- normalisations ---- */

static int infer_layernorm(struct hostop_call *c)
{
	int64_t dims[HOSTOP_MAX_DIMS];
	unsigned int axis;
	int ret = ho_norm_axis(c, ho_attr_int(c, "axis", -1), c->in[0]->rank, &axis);

	if (!ret && c->in[1]->count != product(c->in[0]->dims, axis, c->in[0]->rank))
		ret = ho_bad(c, "scale has %zu elements", c->in[1]->count);
	if (!ret && input(c, 2) && c->in[2]->count != c->in[1]->count)
		ret = ho_bad(c, "bias has %zu elements", c->in[2]->count);
	/* mean and 1 / deviation, when asked for */
	for (unsigned int d = 0; !ret && d < c->in[0]->rank; d++)
		dims[d] = d < axis ? c->in[0]->dims[d] : 1;
	ret = ret ? ret : ho_set_shape(c, 1, HOSTOP_F32, c->in[0]->rank, dims);
	ret = ret ? ret : ho_set_shape(c, 2, HOSTOP_F32, c->in[0]->rank, dims);
	return ret ? ret : ho_infer_same(c);
}

static void moments(const struct hostop_tensor *x, size_t at, size_t n, double *mean, double *var)
{
	*mean = *var = 0;
	for (size_t i = 0; i < n; i++)
		*mean += hostop_get(x, at + i);
	*mean /= (double)n;
	for (size_t i = 0; i < n; i++)
		*var += (hostop_get(x, at + i) - *mean) * (hostop_get(x, at + i) - *mean);
	*var /= (double)n;
}

static int eval_layernorm(struct hostop_call *c)
{
	double eps = ho_attr_float(c, "epsilon", 1e-5f), mean, var;
	size_t n = c->in[1]->count;

	for (size_t o = 0; n && o < c->in[0]->count; o += n) {
		moments(c->in[0], o, n, &mean, &var);
		if (c->num_out > 1)
			hostop_set(&c->out[1], o / n, mean);
		if (c->num_out > 2)
			hostop_set(&c->out[2], o / n, 1 / sqrt(var + eps));
		for (size_t i = 0; i < n; i++)
			hostop_set(&c->out[0], o + i,
				   (hostop_get(c->in[0], o + i) - mean) / sqrt(var + eps) *
				   hostop_get(c->in[1], i) +
				   (input(c, 2) ? hostop_get(c->in[2], i) : 0));
	}
	return 0;
}

static int infer_channels(struct hostop_call *c)
{
	if (c->in[0]->rank < 2)
		return ho_bad(c, "needs at least 2 dimensions");
	if (c->num_out > 1 || ho_attr_int(c, "training_mode", 0))
		return ho_bad(c, "training mode is not supported");
	for (unsigned int i = 1; i < c->num_in; i++)
		if (c->in[i]->count != (size_t)c->in[0]->dims[1])
			return ho_bad(c, "input %u has %zu elements for %lld channels", i,
				   c->in[i]->count, (long long)c->in[0]->dims[1]);
	return ho_infer_same(c);
}

static int eval_batchnorm(struct hostop_call *c)
{
	const struct hostop_tensor *x = c->in[0];
	double eps = ho_attr_float(c, "epsilon", 1e-5f);
	size_t inner = product(x->dims, 2, x->rank);

	for (size_t i = 0; i < x->count; i++) {
		size_t k = i / inner % (size_t)x->dims[1];

		hostop_set(&c->out[0], i, (hostop_get(x, i) - hostop_get(c->in[3], k)) /
			   sqrt(hostop_get(c->in[4], k) + eps) * hostop_get(c->in[1], k) +
			   hostop_get(c->in[2], k));
	}
	return 0;
}

static int eval_instancenorm(struct hostop_call *c)
{
	const struct hostop_tensor *x = c->in[0];
	double eps = ho_attr_float(c, "epsilon", 1e-5f), mean, var;
	size_t n = product(x->dims, 2, x->rank);

	for (size_t o = 0; n && o < x->count; o += n) {
		size_t k = o / n % (size_t)x->dims[1];

		moments(x, o, n, &mean, &var);
		for (size_t i = 0; i < n; i++)
			hostop_set(&c->out[0], o + i,
				   (hostop_get(x, o + i) - mean) / sqrt(var + eps) *
				   hostop_get(c->in[1], k) + hostop_get(c->in[2], k));
	}
	return 0;
}

/* ---- CumSum, ArgMax ---- */

static int infer_cumsum(struct hostop_call *c)
{
	if (!c->in[1]->data)
		return ho_bad(c, "the axis is not known"), -ENODATA;
	if (c->in[1]->count != 1)
		return ho_bad(c, "axis is not a scalar");
	return ho_infer_same(c);
}

static int eval_cumsum(struct hostop_call *c)
{
	const struct hostop_tensor *x = c->in[0];
	bool exclusive = ho_attr_int(c, "exclusive", 0), reverse = ho_attr_int(c, "reverse", 0);
	size_t outer, n, inner;
	unsigned int axis;

	if (ho_norm_axis(c, hostop_get_int(c->in[1], 0), x->rank, &axis))
		return -EINVAL;
	outer = product(x->dims, 0, axis);
	n = x->dims[axis];
	inner = product(x->dims, axis + 1, x->rank);
	for (size_t l = 0; l < outer * inner; l++) {
		double sum = 0;

		for (size_t k = 0; k < n; k++) {
			size_t i = (l / inner * n + (reverse ? n - 1 - k : k)) * inner + l % inner;
			double before = sum;

			sum += hostop_get(x, i);
			hostop_set(&c->out[0], i, exclusive ? before : sum);
		}
	}
	return 0;
}

static int infer_arg(struct hostop_call *c)
{
	int64_t dims[HOSTOP_MAX_DIMS];
	unsigned int axis, rank = 0;
	int ret = ho_norm_axis(c, ho_attr_int(c, "axis", 0), c->in[0]->rank, &axis);

	for (unsigned int d = 0; !ret && d < c->in[0]->rank; d++)
		if (d != axis || ho_attr_int(c, "keepdims", 1))
			dims[rank++] = d == axis ? 1 : c->in[0]->dims[d];
	return ret ? ret : ho_set_shape(c, 0, HOSTOP_I64, rank, dims);
}

static int eval_arg(struct hostop_call *c)
{
	const struct hostop_tensor *x = c->in[0];
	bool max = !strcmp(c->op, "ArgMax"), last = ho_attr_int(c, "select_last_index", 0);
	size_t n, inner;
	unsigned int axis;

	ho_norm_axis(c, ho_attr_int(c, "axis", 0), x->rank, &axis);
	n = x->dims[axis];
	inner = product(x->dims, axis + 1, x->rank);
	for (size_t l = 0; l < c->out[0].count; l++) {
		size_t at = l / inner * n * inner + l % inner;
		double best = max ? -INFINITY : INFINITY;

		for (size_t k = 0; k < n; k++) {
			double v = hostop_get(x, at + k * inner);

			if (max ? v > best || (last && v == best) : v < best || (last && v == best)) {
				best = v;
				hostop_set_int(&c->out[0], l, (int64_t)k);
			}
		}
	}
	return 0;
}

#define REDUCE(name) { name, infer_reduce, eval_reduce, 1, 2, 1 }

const struct op hostops_reduce[] = {
	REDUCE("ReduceSum"), REDUCE("ReduceMean"), REDUCE("ReduceProd"), REDUCE("ReduceMax"),
	REDUCE("ReduceMin"), REDUCE("ReduceL1"), REDUCE("ReduceL2"), REDUCE("ReduceSumSquare"),
	REDUCE("ReduceLogSum"), REDUCE("ReduceLogSumExp"),
	{ "GlobalAveragePool", infer_gap, eval_gap, 1, 1, 1 },
	{ "GlobalMaxPool", infer_gap, eval_gap, 1, 1, 1 },
	{ "Softmax", infer_softmax, eval_softmax, 1, 1, 1 },
	{ "LogSoftmax", infer_softmax, eval_softmax, 1, 1, 1 },
	{ "LayerNormalization", infer_layernorm, eval_layernorm, 2, 3, 3 },
	{ "BatchNormalization", infer_channels, eval_batchnorm, 5, 5, 5 },
	{ "InstanceNormalization", infer_channels, eval_instancenorm, 3, 3, 1 },
	{ "CumSum", infer_cumsum, eval_cumsum, 2, 2, 1 },
	{ "ArgMax", infer_arg, eval_arg, 1, 1, 1 },
	{ "ArgMin", infer_arg, eval_arg, 1, 1, 1 },
	{ NULL }
};
