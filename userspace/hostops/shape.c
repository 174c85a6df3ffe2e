// SPDX-License-Identifier: MIT
/* Operators that read, make or change shapes; the elements themselves stay in order. */
#include "internal.h"

static int copy_all(struct hostop_call *c)
{
	if (c->out[0].count)
		memcpy(c->out[0].data, c->in[0]->data, hostop_bytes(&c->out[0]));
	return 0;
}

static void shape_range(const struct hostop_call *c, int64_t *start, int64_t *end)
{
	int64_t rank = c->in[0]->rank;

	*start = ho_attr_int(c, "start", 0);
	*end = ho_attr_int(c, "end", rank);
	*start = *start < 0 ? *start + rank : *start;
	*end = *end < 0 ? *end + rank : *end;
	*start = *start < 0 ? 0 : *start > rank ? rank : *start;
	*end = *end < *start ? *start : *end > rank ? rank : *end;
}

static int infer_shape(struct hostop_call *c)
{
	int64_t start, end, n;

	shape_range(c, &start, &end);
	n = end - start;
	return ho_set_shape(c, 0, HOSTOP_I64, 1, &n);
}

static int eval_shape(struct hostop_call *c)
{
	int64_t start, end;

	shape_range(c, &start, &end);
	for (int64_t i = start; i < end; i++)
		hostop_set_int(&c->out[0], i - start, c->in[0]->dims[i]);
	return 0;
}

static int infer_size(struct hostop_call *c)
{
	return ho_set_shape(c, 0, HOSTOP_I64, 0, NULL);
}

static int eval_size(struct hostop_call *c)
{
	hostop_set_int(&c->out[0], 0, (int64_t)c->in[0]->count);
	return 0;
}

/* dims with 0 (keep) and -1 (what is left) made plain. */
static int solve_reshape(struct hostop_call *c, int64_t *dims, int n)
{
	bool allowzero = ho_attr_int(c, "allowzero", 0);
	uint64_t known = 1;
	int rest = -1;

	for (int i = 0; i < n; i++) {
		if (!dims[i] && !allowzero && i < (int)c->in[0]->rank)
			dims[i] = c->in[0]->dims[i];
		if (dims[i] == -1 && rest < 0) {
			rest = i;
			continue;
		}
		if (dims[i] < 0 || (dims[i] && known > HOSTOP_MAX_COUNT / (uint64_t)dims[i]))
			return ho_bad(c, "shape has the dimension %lld", (long long)dims[i]);
		known *= (uint64_t)dims[i];
	}
	if (rest >= 0)
		dims[rest] = known ? (int64_t)(c->in[0]->count / known) : 0;
	if (rest >= 0 ? known && c->in[0]->count % known : known != c->in[0]->count)
		return ho_bad(c, "%zu elements do not fit the shape", c->in[0]->count);
	return 0;
}

static int infer_reshape(struct hostop_call *c)
{
	int64_t dims[HOSTOP_MAX_DIMS];
	int n = ho_ints_of(c, 1, "shape", dims, HOSTOP_MAX_DIMS), ret;

	if (n < 0)
		return n == -1 ? ho_bad(c, "has no shape") : n;
	ret = solve_reshape(c, dims, n);
	return ret ? ret : ho_set_shape(c, 0, c->in[0]->dtype, n, dims);
}

static int infer_flatten(struct hostop_call *c)
{
	const struct hostop_tensor *x = c->in[0];
	int64_t axis = ho_attr_int(c, "axis", 1), dims[2];

	if (axis < -(int64_t)x->rank || axis > (int64_t)x->rank)
		return ho_bad(c, "axis %lld is not one of %u dimensions", (long long)axis, x->rank);
	axis = axis < 0 ? axis + x->rank : axis;
	dims[0] = (int64_t)product(x->dims, 0, axis);
	dims[1] = (int64_t)product(x->dims, axis, x->rank);
	return ho_set_shape(c, 0, x->dtype, 2, dims);
}

static int axes_mask(struct hostop_call *c, const int64_t *axes, int n, unsigned int rank,
		     unsigned int *mask)
{
	*mask = 0;
	for (int i = 0; i < n; i++) {
		unsigned int axis;
		int ret = ho_norm_axis(c, axes[i], rank, &axis);

		if (ret)
			return ret;
		if (*mask & 1u << axis)
			return ho_bad(c, "axis %u is given twice", axis);
		*mask |= 1u << axis;
	}
	return 0;
}

static int infer_squeeze(struct hostop_call *c)
{
	const struct hostop_tensor *x = c->in[0];
	int64_t axes[HOSTOP_MAX_DIMS], dims[HOSTOP_MAX_DIMS];
	int n = ho_ints_of(c, 1, "axes", axes, HOSTOP_MAX_DIMS), ret;
	unsigned int mask, rank = 0;

	if (n < -1)
		return n;
	ret = axes_mask(c, axes, n, x->rank, &mask);
	for (unsigned int d = 0; !ret && d < x->rank; d++) {
		if (n < 0 ? x->dims[d] == 1 : mask >> d & 1) {
			if (x->dims[d] != 1)
				ret = ho_bad(c, "dimension %u is %lld, not 1", d, (long long)x->dims[d]);
			continue;
		}
		dims[rank++] = x->dims[d];
	}
	return ret ? ret : ho_set_shape(c, 0, x->dtype, rank, dims);
}

static int infer_unsqueeze(struct hostop_call *c)
{
	const struct hostop_tensor *x = c->in[0];
	int64_t axes[HOSTOP_MAX_DIMS], dims[HOSTOP_MAX_DIMS];
	int n = ho_ints_of(c, 1, "axes", axes, HOSTOP_MAX_DIMS), ret;
	unsigned int mask, from = 0;

	if (n < 0)
		return n == -1 ? ho_bad(c, "has no axes") : n;
	if (x->rank + n > HOSTOP_MAX_DIMS)
		return ho_bad(c, "more than %d dimensions", HOSTOP_MAX_DIMS);
	ret = axes_mask(c, axes, n, x->rank + n, &mask);
	for (unsigned int d = 0; !ret && d < x->rank + n; d++)
		dims[d] = mask >> d & 1 ? 1 : x->dims[from++];
	return ret ? ret : ho_set_shape(c, 0, x->dtype, x->rank + n, dims);
}

static int infer_constant_of_shape(struct hostop_call *c)
{
	const struct hostop_attr *value = ho_attr_find(c, "value");
	int64_t dims[HOSTOP_MAX_DIMS];
	const struct hostop_tensor *shape = c->in[0];

	if (!shape->data)
		return ho_bad(c, "the shape is not known"), -ENODATA;
	if (shape->count > HOSTOP_MAX_DIMS || hostop_is_float(shape->dtype))
		return ho_bad(c, "shape is not a list of at most %d integers", HOSTOP_MAX_DIMS);
	for (size_t i = 0; i < shape->count; i++)
		dims[i] = hostop_get_int(shape, i);
	if (value && (value->type != HOSTOP_ATTR_TENSOR || value->t->count != 1))
		return ho_bad(c, "value is not a tensor of one element");
	return ho_set_shape(c, 0, value ? value->t->dtype : HOSTOP_F32, shape->count, dims);
}

static int eval_constant_of_shape(struct hostop_call *c)
{
	const struct hostop_attr *value = ho_attr_find(c, "value");
	size_t size = hostop_dtype_size(c->out[0].dtype);

	for (size_t i = 0; value && i < c->out[0].count; i++)
		memcpy((char *)c->out[0].data + i * size, value->t->data, size);
	return 0;
}

static int infer_range(struct hostop_call *c)
{
	double start, limit, delta;
	int64_t n;

	for (int i = 0; i < 3; i++) {
		if (c->in[i]->count != 1)
			return ho_bad(c, "input %d is not a scalar", i);
		if (!c->in[i]->data)
			return ho_bad(c, "the value of input %d is not known", i), -ENODATA;
	}
	start = hostop_get(c->in[0], 0);
	limit = hostop_get(c->in[1], 0);
	delta = hostop_get(c->in[2], 0);
	if (!delta || !(fabs((limit - start) / delta) < (double)HOSTOP_MAX_COUNT))
		return ho_bad(c, "from %g to %g by %g is no range", start, limit, delta);
	n = (int64_t)ceil((limit - start) / delta);
	n = n < 0 ? 0 : n;
	return ho_set_shape(c, 0, c->in[0]->dtype, 1, &n);
}

static int eval_range(struct hostop_call *c)
{
	double start = hostop_get(c->in[0], 0), delta = hostop_get(c->in[2], 0);

	for (size_t i = 0; i < c->out[0].count; i++)
		hostop_set(&c->out[0], i, start + (double)i * delta);
	return 0;
}

const struct op hostops_shape[] = {
	{ "Shape", infer_shape, eval_shape, 1, 1, 1, true },
	{ "Size", infer_size, eval_size, 1, 1, 1, true },
	{ "Reshape", infer_reshape, copy_all, 1, 2, 1 },
	{ "Flatten", infer_flatten, copy_all, 1, 1, 1 },
	{ "Squeeze", infer_squeeze, copy_all, 1, 2, 1 },
	{ "Unsqueeze", infer_unsqueeze, copy_all, 1, 2, 1 },
	{ "ConstantOfShape", infer_constant_of_shape, eval_constant_of_shape, 1, 1, 1 },
	{ "Range", infer_range, eval_range, 3, 3, 1 },
	{ NULL }
};
