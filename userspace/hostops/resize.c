// SPDX-License-Identifier: MIT
/*
 * Resize and Upsample: to nearest, linear, cubic. Every dimension has, for each index of the output, up to four
 * indices of the input and their weights; an element is the sum over their products.
 */
#include "internal.h"

#define MAX_TAPS 4

struct taps {
	int64_t at[MAX_TAPS];
	double weight[MAX_TAPS];
	unsigned int num;
	bool outside;		/* of what tf_crop_and_resize crops from: extrapolation_value */
};

/* How one dimension is resized. */
struct axis {
	double scale, in;
	double length;		/* of the output, which need not be whole */
	double start, end;	/* of tf_crop_and_resize, parts of the input */
};

struct resize {
	struct hostop_call *c;
	const char *mode, *where, *nearest;
	double coefficient;
	bool exclude_outside;
	struct axis axis[HOSTOP_MAX_DIMS];
	struct taps *taps[HOSTOP_MAX_DIMS];
	int64_t strides[HOSTOP_MAX_DIMS];
};

/* ---- shapes ---- */

static int floats_of(const struct hostop_tensor *t, unsigned int rank, double *v)
{
	if (!t || t->count != rank || !t->data)
		return -1;
	for (unsigned int d = 0; d < rank; d++)
		v[d] = hostop_get(t, d);
	return 0;
}

static int resize_scales(struct hostop_call *c, double *scales, int64_t *dims)
{
	const struct hostop_tensor *x = c->in[0];
	bool upsample = !strcmp(c->op, "Upsample") || c->opset < 11;
	const struct hostop_tensor *by = input(c, upsample ? 1 : 2), *to = input(c, 3);
	const struct hostop_attr *attr = ho_attr_find(c, "scales");

	if ((by && !by->data) || (to && !to->data))
		return ho_bad(c, "scales or sizes are not known"), -ENODATA;
	if (to && to->count == x->rank) {
		for (unsigned int d = 0; d < x->rank; d++) {
			dims[d] = hostop_get_int(to, d);
			scales[d] = x->dims[d] ? (double)dims[d] / (double)x->dims[d] : 1;
		}
		return 0;
	}
	if (attr && attr->type == HOSTOP_ATTR_FLOATS && attr->num == x->rank)
		for (unsigned int d = 0; d < x->rank; d++)
			scales[d] = attr->floats[d];
	else if (floats_of(by, x->rank, scales))
		return ho_bad(c, "neither scales nor sizes for each of %u dimensions", x->rank);
	for (unsigned int d = 0; d < x->rank; d++) {
		if (!(scales[d] > 0) || scales[d] * (double)x->dims[d] > (double)HOSTOP_MAX_COUNT)
			return ho_bad(c, "scale %g", scales[d]);
		dims[d] = (int64_t)floor(scales[d] * (double)x->dims[d]);
	}
	return 0;
}

static int infer_resize(struct hostop_call *c)
{
	double scales[HOSTOP_MAX_DIMS];
	int64_t dims[HOSTOP_MAX_DIMS];
	int ret = resize_scales(c, scales, dims);

	return ret ? ret : ho_set_shape(c, 0, c->in[0]->dtype, c->in[0]->rank, dims);
}

/* ---- one dimension ---- */

static bool crops(const struct resize *r)
{
	return !strcmp(r->where, "tf_crop_and_resize");
}

static double coordinate(const struct resize *r, const struct axis *a, double i)
{
	bool one = a->length == 1;

	if (!strcmp(r->where, "asymmetric"))
		return i / a->scale;
	if (!strcmp(r->where, "align_corners"))
		return one ? 0 : i * (a->in - 1) / (a->length - 1);
	if (crops(r) && one)
		return (a->start + a->end) * (a->in - 1) / 2;
	if (crops(r))
		return a->start * (a->in - 1) + i * (a->end - a->start) * (a->in - 1) / (a->length - 1);
	if (!strcmp(r->where, "pytorch_half_pixel") && one)
		return 0;
	if (!strcmp(r->where, "tf_half_pixel_for_nn"))
		return (i + 0.5) / a->scale;
	return (i + 0.5) / a->scale - 0.5;		/* half_pixel */
}

static double rounded(const char *mode, double x)
{
	if (!strcmp(mode, "floor"))
		return floor(x);
	if (!strcmp(mode, "ceil"))
		return ceil(x);
	return !strcmp(mode, "round_prefer_ceil") ? floor(x + 0.5) : ceil(x - 0.5);
}

/* Keys' kernel at a distance of up to two. */
static double cubic(double a, double x)
{
	x = fabs(x);
	return x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

/* Weights of what is not there count for nothing, and the others for all. */
static void exclude(struct taps *t, double in)
{
	double sum = 0;

	for (unsigned int k = 0; k < t->num; k++) {
		if ((double)t->at[k] < 0 || (double)t->at[k] >= in)
			t->weight[k] = 0;
		sum += t->weight[k];
	}
	for (unsigned int k = 0; sum && k < t->num; k++)
		t->weight[k] /= sum;
}

static void set_taps(const struct resize *r, const struct axis *a, double x, struct taps *t)
{
	double low = floor(x);

	if (!strcmp(r->mode, "nearest")) {
		*t = (struct taps){ .num = 1, .at = { (int64_t)rounded(r->nearest, x) }, .weight = { 1 } };
	} else if (!strcmp(r->mode, "linear")) {
		*t = (struct taps){ .num = 2, .at = { (int64_t)low, (int64_t)low + 1 },
				    .weight = { 1 - (x - low), x - low } };
	} else {
		t->num = 4;
		for (int k = 0; k < 4; k++) {
			t->at[k] = (int64_t)low + k - 1;
			t->weight[k] = cubic(r->coefficient, x - low - (k - 1));
		}
	}
	if (r->exclude_outside)
		exclude(t, a->in);
	t->outside = crops(r) && (x < 0 || x > a->in - 1);
	for (unsigned int k = 0; k < t->num; k++)
		t->at[k] = t->at[k] < 0 ? 0 : (double)t->at[k] >= a->in ? (int64_t)a->in - 1 : t->at[k];
}

/* ---- all of them ---- */

static int read_crop(struct resize *r)
{
	const struct hostop_tensor *roi = input(r->c, 1);
	unsigned int rank = r->c->in[0]->rank;

	if (!crops(r))
		return 0;
	if (!roi || roi->count != 2ull * rank)
		return ho_bad(r->c, "tf_crop_and_resize without a roi for each dimension");
	for (unsigned int d = 0; d < rank; d++) {
		r->axis[d].start = hostop_get(roi, d);
		r->axis[d].end = hostop_get(roi, rank + d);
		if (!isfinite(r->axis[d].start) || !isfinite(r->axis[d].end) ||
		    fabs(r->axis[d].start) > 1e6 || fabs(r->axis[d].end) > 1e6)
			return ho_bad(r->c, "roi from %g to %g", r->axis[d].start, r->axis[d].end);
	}
	return 0;
}

static int read_attributes(struct resize *r)
{
	struct hostop_call *c = r->c;
	bool old = !strcmp(c->op, "Upsample") || c->opset < 11;

	r->mode = ho_attr_string(c, "mode", "nearest");
	r->where = ho_attr_string(c, "coordinate_transformation_mode", old ? "asymmetric" : "half_pixel");
	r->nearest = ho_attr_string(c, "nearest_mode", old ? "floor" : "round_prefer_floor");
	r->coefficient = (double)ho_attr_float(c, "cubic_coeff_a", -0.75f);
	r->exclude_outside = ho_attr_int(c, "exclude_outside", 0);
	if (strcmp(r->mode, "nearest") && strcmp(r->mode, "linear") && strcmp(r->mode, "cubic"))
		return ho_bad(c, "resize mode '%s' is not supported", r->mode);
	if (ho_attr_int(c, "antialias", 0))
		return ho_bad(c, "antialias is not supported");
	return read_crop(r);
}

static int make_taps(struct resize *r)
{
	const struct hostop_tensor *x = r->c->in[0], *out = &r->c->out[0];
	double scales[HOSTOP_MAX_DIMS];
	int64_t dims[HOSTOP_MAX_DIMS];

	resize_scales(r->c, scales, dims);
	ho_strides_of(x->rank, x->dims, r->strides);
	for (unsigned int d = 0; d < x->rank; d++) {
		struct axis *a = &r->axis[d];

		a->scale = scales[d];
		a->in = (double)x->dims[d];
		a->length = crops(r) ? (double)dims[d] : scales[d] * a->in;
		r->taps[d] = calloc((size_t)out->dims[d], sizeof(struct taps));
		if (!r->taps[d])
			return ho_bad(r->c, "out of memory");
		for (int64_t i = 0; i < out->dims[d]; i++)
			set_taps(r, a, coordinate(r, a, (double)i), &r->taps[d][i]);
	}
	return 0;
}

static double sum_over(const struct resize *r, const int64_t *index, unsigned int d, int64_t off)
{
	const struct taps *t;
	double sum = 0;

	if (d == r->c->in[0]->rank)
		return hostop_get(r->c->in[0], (size_t)off);
	t = &r->taps[d][index[d]];
	for (unsigned int k = 0; k < t->num; k++)
		if (t->weight[k])
			sum += t->weight[k] * sum_over(r, index, d + 1, off + t->at[k] * r->strides[d]);
	return sum;
}

static bool is_outside(const struct resize *r, const int64_t *index)
{
	for (unsigned int d = 0; d < r->c->in[0]->rank; d++)
		if (r->taps[d][index[d]].outside)
			return true;
	return false;
}

/* Types that a double does not hold are moved as they are. */
static void nearest_element(const struct resize *r, const int64_t *index, size_t i)
{
	struct hostop_tensor *out = &r->c->out[0];
	size_t size = hostop_dtype_size(out->dtype);
	int64_t off = 0;

	for (unsigned int d = 0; d < out->rank; d++)
		off += r->taps[d][index[d]].at[0] * r->strides[d];
	memcpy((char *)out->data + i * size, (char *)r->c->in[0]->data + (size_t)off * size, size);
}

static void make_elements(const struct resize *r)
{
	double beyond = (double)ho_attr_float(r->c, "extrapolation_value", 0);
	struct hostop_tensor *out = &r->c->out[0];
	bool nearest = !strcmp(r->mode, "nearest");
	struct walk w;

	ho_walk_start(&w, out->rank, out->dims);
	for (size_t i = 0; w.left; ho_walk_next(&w), i++) {
		if (is_outside(r, w.index))
			hostop_set(out, i, beyond);
		else if (nearest)
			nearest_element(r, w.index, i);
		else
			hostop_set(out, i, sum_over(r, w.index, 0, 0));
	}
}

static int eval_resize(struct hostop_call *c)
{
	struct resize r = { .c = c };
	int ret = read_attributes(&r);

	if (ret || !c->out[0].count)
		return ret;
	if (!c->in[0]->count)
		return ho_bad(c, "nothing to resize");
	ret = make_taps(&r);
	if (!ret)
		make_elements(&r);
	for (unsigned int d = 0; d < HOSTOP_MAX_DIMS; d++)
		free(r.taps[d]);
	return ret;
}

const struct op hostops_resize[] = {
	{ "Resize", infer_resize, eval_resize, 1, 4, 1 },
	{ "Upsample", infer_resize, eval_resize, 1, 2, 1 },
	{ NULL }
};
