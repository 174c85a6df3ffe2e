// SPDX-License-Identifier: MIT
/* Operators that move elements without changing them. */
#include "internal.h"

/* ---- Transpose, Expand, Tile ---- */

static int transpose_perm(struct hostop_call *c, int64_t *perm)
{
	unsigned int rank = c->in[0]->rank, seen = 0;
	int n = ho_attr_ints(c, "perm", perm, HOSTOP_MAX_DIMS);

	if (n == -1)
		for (n = 0; n < (int)rank; n++)
			perm[n] = rank - 1 - n;
	for (int i = 0; i < n; i++)
		if (perm[i] >= 0 && perm[i] < (int64_t)rank)
			seen |= 1u << perm[i];
	if (n != (int)rank || seen != (1u << rank) - 1)
		return ho_bad(c, "perm is not a permutation of %u dimensions", rank);
	return 0;
}

static int infer_transpose(struct hostop_call *c)
{
	int64_t perm[HOSTOP_MAX_DIMS], dims[HOSTOP_MAX_DIMS];
	int ret = transpose_perm(c, perm);

	for (unsigned int d = 0; !ret && d < c->in[0]->rank; d++)
		dims[d] = c->in[0]->dims[perm[d]];
	return ret ? ret : ho_set_shape(c, 0, c->in[0]->dtype, c->in[0]->rank, dims);
}

static int eval_transpose(struct hostop_call *c)
{
	struct hostop_tensor *out = &c->out[0];
	int64_t perm[HOSTOP_MAX_DIMS], to[HOSTOP_MAX_DIMS], own[HOSTOP_MAX_DIMS],
		from[HOSTOP_MAX_DIMS];

	transpose_perm(c, perm);
	ho_strides_of(out->rank, out->dims, to);
	ho_strides_of(out->rank, c->in[0]->dims, own);
	for (unsigned int d = 0; d < out->rank; d++)
		from[d] = own[perm[d]];
	ho_copy_strided(out->data, 0, to, c->in[0]->data, 0, from, out->rank, out->dims,
		     hostop_dtype_size(out->dtype));
	return 0;
}

static int infer_expand(struct hostop_call *c)
{
	int64_t want[HOSTOP_MAX_DIMS], dims[HOSTOP_MAX_DIMS];
	struct hostop_tensor shape;
	const struct hostop_tensor *in[2] = { c->in[0], &shape };
	struct hostop_call both = { .in = in, .num_in = 2 };
	int n = ho_ints_of(c, 1, NULL, want, HOSTOP_MAX_DIMS);
	unsigned int rank;

	if (n < 0)
		return n;
	if (hostop_shape(&shape, HOSTOP_U8, n, want))
		return ho_bad(c, "the shape has a negative or too large dimension");
	if (ho_broadcast_dims(&both, 2, &rank, dims))
		return ho_bad(c, "%s", both.error);
	return ho_set_shape(c, 0, c->in[0]->dtype, rank, dims);
}

static int eval_expand(struct hostop_call *c)
{
	struct hostop_tensor *out = &c->out[0];
	int64_t to[HOSTOP_MAX_DIMS], from[HOSTOP_MAX_DIMS];

	ho_strides_of(out->rank, out->dims, to);
	ho_broadcast_strides(c->in[0], out->rank, out->dims, from);
	ho_copy_strided(out->data, 0, to, c->in[0]->data, 0, from, out->rank, out->dims,
		     hostop_dtype_size(out->dtype));
	return 0;
}

static int infer_tile(struct hostop_call *c)
{
	int64_t times[HOSTOP_MAX_DIMS], dims[HOSTOP_MAX_DIMS];
	int n = ho_ints_of(c, 1, NULL, times, HOSTOP_MAX_DIMS);

	if (n < 0)
		return n;
	if (n != (int)c->in[0]->rank)
		return ho_bad(c, "%d repeats for %u dimensions", n, c->in[0]->rank);
	for (int d = 0; d < n; d++) {
		if (times[d] < 0 || times[d] > (int64_t)HOSTOP_MAX_COUNT)
			return ho_bad(c, "%lld repeats", (long long)times[d]);
		dims[d] = c->in[0]->dims[d] * times[d];
	}
	return ho_set_shape(c, 0, c->in[0]->dtype, n, dims);
}

static int eval_tile(struct hostop_call *c)
{
	struct hostop_tensor *out = &c->out[0];
	size_t size = hostop_dtype_size(out->dtype);
	int64_t strides[HOSTOP_MAX_DIMS];
	struct walk w;

	ho_strides_of(out->rank, c->in[0]->dims, strides);
	ho_walk_start(&w, out->rank, out->dims);
	for (size_t i = 0; w.left; ho_walk_next(&w), i++) {
		int64_t from = 0;

		for (unsigned int d = 0; d < out->rank; d++)
			from += w.index[d] % c->in[0]->dims[d] * strides[d];
		memcpy((char *)out->data + i * size, (char *)c->in[0]->data + from * size, size);
	}
	return 0;
}

/* ---- Concat, Split, Slice, Pad ---- */

static int infer_concat(struct hostop_call *c)
{
	const struct hostop_tensor *x = c->in[0];
	int64_t dims[HOSTOP_MAX_DIMS];
	unsigned int axis;
	int ret = ho_norm_axis(c, ho_attr_int(c, "axis", 0), x->rank, &axis);

	if (ret)
		return ret;
	memcpy(dims, x->dims, sizeof(dims));
	for (unsigned int i = 1; i < c->num_in; i++) {
		if (!c->in[i] || c->in[i]->rank != x->rank || c->in[i]->dtype != x->dtype)
			return ho_bad(c, "input %u has another type or rank than input 0", i);
		for (unsigned int d = 0; d < x->rank; d++)
			if (d != axis && c->in[i]->dims[d] != x->dims[d])
				return ho_bad(c, "input %u differs from input 0 in dimension %u", i, d);
		dims[axis] += c->in[i]->dims[axis];
	}
	return ho_set_shape(c, 0, x->dtype, x->rank, dims);
}

static int eval_concat(struct hostop_call *c)
{
	struct hostop_tensor *out = &c->out[0];
	int64_t to[HOSTOP_MAX_DIMS], from[HOSTOP_MAX_DIMS], at = 0;
	unsigned int axis;

	ho_norm_axis(c, ho_attr_int(c, "axis", 0), out->rank, &axis);
	ho_strides_of(out->rank, out->dims, to);
	for (unsigned int i = 0; i < c->num_in; i++) {
		ho_strides_of(out->rank, c->in[i]->dims, from);
		ho_copy_strided(out->data, at * to[axis], to, c->in[i]->data, 0, from, out->rank,
			     c->in[i]->dims, hostop_dtype_size(out->dtype));
		at += c->in[i]->dims[axis];
	}
	return 0;
}

/* Sizes of the parts of a Split. */
static int split_sizes(struct hostop_call *c, unsigned int axis, int64_t *sizes)
{
	int64_t n = c->in[0]->dims[axis], sum = 0, part;
	int given = ho_ints_of(c, 1, "split", sizes, MANY);

	if (given < -1)
		return given;
	if (given < 0) {
		part = (n + c->num_out - 1) / c->num_out;
		for (unsigned int i = 0; i < c->num_out; i++, n -= part)
			sizes[i] = n < part ? (n < 0 ? 0 : n) : part;
		return 0;
	}
	for (int i = 0; i < given; i++) {
		if (sizes[i] < 0 || sizes[i] > n)
			return ho_bad(c, "a part has %lld elements", (long long)sizes[i]);
		sum += sizes[i];
	}
	if (given != (int)c->num_out || sum != n)
		return ho_bad(c, "the parts do not add up to the dimension");
	return 0;
}

static int infer_split(struct hostop_call *c)
{
	int64_t sizes[MANY], dims[HOSTOP_MAX_DIMS];
	unsigned int axis;
	int ret = ho_norm_axis(c, ho_attr_int(c, "axis", 0), c->in[0]->rank, &axis);

	ret = ret ? ret : split_sizes(c, axis, sizes);
	memcpy(dims, c->in[0]->dims, sizeof(dims));
	for (unsigned int i = 0; !ret && i < c->num_out; i++) {
		dims[axis] = sizes[i];
		ret = ho_set_shape(c, i, c->in[0]->dtype, c->in[0]->rank, dims);
	}
	return ret;
}

static int eval_split(struct hostop_call *c)
{
	int64_t to[HOSTOP_MAX_DIMS], from[HOSTOP_MAX_DIMS], at = 0;
	unsigned int axis, rank = c->in[0]->rank;

	ho_norm_axis(c, ho_attr_int(c, "axis", 0), rank, &axis);
	ho_strides_of(rank, c->in[0]->dims, from);
	for (unsigned int i = 0; i < c->num_out; i++) {
		ho_strides_of(rank, c->out[i].dims, to);
		ho_copy_strided(c->out[i].data, 0, to, c->in[0]->data, at * from[axis], from, rank,
			     c->out[i].dims, hostop_dtype_size(c->out[i].dtype));
		at += c->out[i].dims[axis];
	}
	return 0;
}

struct slice {
	int64_t start[HOSTOP_MAX_DIMS], step[HOSTOP_MAX_DIMS], dims[HOSTOP_MAX_DIMS];
};

static int64_t limit(int64_t v, int64_t lo, int64_t hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

static void slice_dim(struct slice *s, unsigned int d, int64_t start, int64_t end, int64_t step)
{
	int64_t n = s->dims[d], down = step < 0;
	uint64_t span;

	start = limit(start < 0 ? start + n : start, 0, down ? n - 1 : n);
	end = limit(end < 0 ? end + n : end, down ? -1 : 0, n);
	span = down ? (start > end ? (uint64_t)(start - end) : 0) :
		      (end > start ? (uint64_t)(end - start) : 0);
	s->start[d] = start;
	s->step[d] = step;
	step = limit(step, -(n + 1), n + 1);	/* a longer step takes the first element only */
	s->dims[d] = (int64_t)((span + llabs(step) - 1) / (uint64_t)llabs(step));
}

static int slice_solve(struct hostop_call *c, struct slice *s)
{
	int64_t starts[HOSTOP_MAX_DIMS], ends[HOSTOP_MAX_DIMS], axes[HOSTOP_MAX_DIMS],
		steps[HOSTOP_MAX_DIMS];
	int n = ho_ints_of(c, 1, "starts", starts, HOSTOP_MAX_DIMS);
	int e = ho_ints_of(c, 2, "ends", ends, HOSTOP_MAX_DIMS);
	int a = ho_ints_of(c, 3, "axes", axes, HOSTOP_MAX_DIMS);
	int p = ho_ints_of(c, 4, NULL, steps, HOSTOP_MAX_DIMS);

	if (n < 0 || e < 0 || a < -1 || p < -1)
		return n == -ENODATA || e == -ENODATA || a == -ENODATA || p == -ENODATA ?
			-ENODATA : ho_bad(c, "starts, ends, axes or steps are not lists of integers");
	if (e != n || (a >= 0 && a != n) || (p >= 0 && p != n))
		return ho_bad(c, "starts, ends, axes and steps differ in length");
	memset(s, 0, sizeof(*s));
	memcpy(s->dims, c->in[0]->dims, sizeof(s->dims));
	for (unsigned int d = 0; d < HOSTOP_MAX_DIMS; d++)
		s->step[d] = 1;
	for (int i = 0; i < n; i++) {
		unsigned int axis;
		int ret = ho_norm_axis(c, a < 0 ? i : axes[i], c->in[0]->rank, &axis);

		if (ret)
			return ret;
		if (p >= 0 && !steps[i])
			return ho_bad(c, "step 0");
		slice_dim(s, axis, starts[i], ends[i], p < 0 ? 1 : steps[i]);
	}
	return 0;
}

static int infer_slice(struct hostop_call *c)
{
	struct slice s;
	int ret = slice_solve(c, &s);

	return ret ? ret : ho_set_shape(c, 0, c->in[0]->dtype, c->in[0]->rank, s.dims);
}

static int eval_slice(struct hostop_call *c)
{
	struct hostop_tensor *out = &c->out[0];
	int64_t to[HOSTOP_MAX_DIMS], own[HOSTOP_MAX_DIMS], from[HOSTOP_MAX_DIMS], off = 0;
	struct slice s;

	if (!out->count)
		return 0;
	slice_solve(c, &s);
	ho_strides_of(out->rank, out->dims, to);
	ho_strides_of(out->rank, c->in[0]->dims, own);
	for (unsigned int d = 0; d < out->rank; d++) {
		from[d] = out->dims[d] > 1 ? own[d] * s.step[d] : 0;
		off += s.start[d] * own[d];
	}
	ho_copy_strided(out->data, 0, to, c->in[0]->data, off, from, out->rank, out->dims,
		     hostop_dtype_size(out->dtype));
	return 0;
}

static int pad_amounts(struct hostop_call *c, int64_t *pads)
{
	unsigned int rank = c->in[0]->rank;
	int64_t given[2 * HOSTOP_MAX_DIMS], axes[HOSTOP_MAX_DIMS];
	int n = ho_ints_of(c, 1, "pads", given, 2 * HOSTOP_MAX_DIMS);
	int a = ho_ints_of(c, 3, NULL, axes, HOSTOP_MAX_DIMS);

	if (n < 0 || a < -1)
		return n < -1 ? n : a < -1 ? a : ho_bad(c, "has no pads");
	if (n != 2 * (a < 0 ? (int)rank : a))
		return ho_bad(c, "%d pads for %u dimensions", n, rank);
	memset(pads, 0, 2 * HOSTOP_MAX_DIMS * sizeof(*pads));
	for (int i = 0; i < n / 2; i++) {
		unsigned int axis;
		int ret = ho_norm_axis(c, a < 0 ? i : axes[i], rank, &axis);

		if (ret)
			return ret;
		if (llabs(given[i] / 2) > INT32_MAX || llabs(given[n / 2 + i] / 2) > INT32_MAX)
			return ho_bad(c, "a pad is out of range");
		pads[axis] = given[i];
		pads[rank + axis] = given[n / 2 + i];
	}
	return 0;
}

static int infer_pad(struct hostop_call *c)
{
	unsigned int rank = c->in[0]->rank;
	int64_t pads[2 * HOSTOP_MAX_DIMS], dims[HOSTOP_MAX_DIMS];
	int ret = pad_amounts(c, pads);

	for (unsigned int d = 0; !ret && d < rank; d++)
		dims[d] = c->in[0]->dims[d] + pads[d] + pads[rank + d];
	return ret ? ret : ho_set_shape(c, 0, c->in[0]->dtype, rank, dims);
}

/* Where in the input element i of a padded dimension comes from; -1: the constant. */
static int64_t pad_source(const char *mode, int64_t i, int64_t n)
{
	if (i >= 0 && i < n)
		return i;
	if (!strcmp(mode, "edge"))
		return i < 0 ? 0 : n - 1;
	if (!strcmp(mode, "wrap"))
		return ((i % n) + n) % n;
	if (strcmp(mode, "reflect"))
		return -1;
	if (n == 1)
		return 0;
	i = llabs(i) % (2 * (n - 1));
	return i < n ? i : 2 * (n - 1) - i;
}

static int eval_pad(struct hostop_call *c)
{
	const char *mode = ho_attr_string(c, "mode", "constant");
	struct hostop_tensor *out = &c->out[0];
	size_t size = hostop_dtype_size(out->dtype);
	int64_t pads[2 * HOSTOP_MAX_DIMS], strides[HOSTOP_MAX_DIMS];
	struct walk w;

	pad_amounts(c, pads);
	if (!c->in[0]->count && strcmp(mode, "constant"))
		return ho_bad(c, "nothing to repeat");
	ho_strides_of(out->rank, c->in[0]->dims, strides);
	ho_walk_start(&w, out->rank, out->dims);
	for (size_t i = 0; w.left; ho_walk_next(&w), i++) {
		int64_t from = 0;

		for (unsigned int d = 0; from >= 0 && d < out->rank; d++) {
			int64_t at = pad_source(mode, w.index[d] - pads[d], c->in[0]->dims[d]);

			from = at < 0 ? -1 : from + at * strides[d];
		}
		if (from >= 0)
			memcpy((char *)out->data + i * size, (char *)c->in[0]->data + from * size,
			       size);
		else if (input(c, 2) && c->in[2]->count && c->in[2]->dtype == out->dtype)
			memcpy((char *)out->data + i * size, c->in[2]->data, size);
		else
			hostop_set(out, i, ho_attr_float(c, "value", 0));
	}
	return 0;
}

/* ---- Gather and friends ---- */

static int gather_index(struct hostop_call *c, size_t i, int64_t n, int64_t *index)
{
	*index = hostop_get_int(c->in[1], i);
	if (*index < -n || *index >= n)
		return ho_bad(c, "index %lld into a dimension of %lld", (long long)*index, (long long)n);
	*index += *index < 0 ? n : 0;
	return 0;
}

/* Indices that are constants are looked at before anything is run. */
static int known_indices(struct hostop_call *c, int64_t n)
{
	int64_t index;

	for (size_t i = 0; c->in[1]->data && i < c->in[1]->count; i++)
		if (gather_index(c, i, n, &index))
			return -EINVAL;
	return 0;
}

static int infer_gather(struct hostop_call *c)
{
	const struct hostop_tensor *x = c->in[0], *index = c->in[1];
	int64_t dims[2 * HOSTOP_MAX_DIMS];
	unsigned int axis, rank = 0;
	int ret = ho_norm_axis(c, ho_attr_int(c, "axis", 0), x->rank, &axis);

	if (!ret)
		ret = known_indices(c, x->dims[axis]);
	if (ret)
		return ret;
	for (unsigned int d = 0; d < axis; d++)
		dims[rank++] = x->dims[d];
	for (unsigned int d = 0; d < index->rank; d++)
		dims[rank++] = index->dims[d];
	for (unsigned int d = axis + 1; d < x->rank; d++)
		dims[rank++] = x->dims[d];
	return ho_set_shape(c, 0, x->dtype, rank, dims);
}

static int eval_gather(struct hostop_call *c)
{
	const struct hostop_tensor *x = c->in[0];
	size_t size = hostop_dtype_size(x->dtype), outer, inner, count = c->in[1]->count;
	unsigned int axis;

	ho_norm_axis(c, ho_attr_int(c, "axis", 0), x->rank, &axis);
	outer = product(x->dims, 0, axis);
	inner = product(x->dims, axis + 1, x->rank) * size;
	for (size_t k = 0; k < count; k++) {
		int64_t index;

		if (gather_index(c, k, x->dims[axis], &index))
			return -EINVAL;
		for (size_t o = 0; o < outer; o++)
			memcpy((char *)c->out[0].data + (o * count + k) * inner,
			       (char *)x->data + (o * x->dims[axis] + index) * inner, inner);
	}
	return 0;
}

static int infer_gather_elements(struct hostop_call *c)
{
	unsigned int axis;
	int ret = ho_norm_axis(c, ho_attr_int(c, "axis", 0), c->in[0]->rank, &axis);

	if (!ret && c->in[1]->rank != c->in[0]->rank)
		return ho_bad(c, "indices have another rank than the data");
	for (unsigned int d = 0; !ret && d < c->in[0]->rank; d++)
		if (d != axis && c->in[1]->dims[d] > c->in[0]->dims[d])
			return ho_bad(c, "indices exceed the data in dimension %u", d);
	if (!ret)
		ret = known_indices(c, c->in[0]->dims[axis]);
	return ret ? ret : ho_set_shape(c, 0, c->in[0]->dtype, c->in[1]->rank, c->in[1]->dims);
}

static int eval_gather_elements(struct hostop_call *c)
{
	struct hostop_tensor *out = &c->out[0];
	size_t size = hostop_dtype_size(out->dtype);
	int64_t strides[HOSTOP_MAX_DIMS], index;
	unsigned int axis;
	struct walk w;

	ho_norm_axis(c, ho_attr_int(c, "axis", 0), out->rank, &axis);
	ho_strides_of(out->rank, c->in[0]->dims, strides);
	ho_walk_start(&w, out->rank, out->dims);
	for (unsigned int d = 0; d < out->rank; d++)
		w.strides[0][d] = d == axis ? 0 : strides[d];
	for (size_t i = 0; w.left; ho_walk_next(&w), i++) {
		if (gather_index(c, i, c->in[0]->dims[axis], &index))
			return -EINVAL;
		memcpy((char *)out->data + i * size,
		       (char *)c->in[0]->data + (w.off[0] + index * strides[axis]) * size, size);
	}
	return 0;
}

/* ---- DepthToSpace, SpaceToDepth, Trilu ---- */

static int block_of(struct hostop_call *c, int64_t *b)
{
	*b = ho_attr_int(c, "blocksize", 0);
	if (c->in[0]->rank != 4 || *b < 1 || *b > 1 << 15)
		return ho_bad(c, "blocksize %lld on %u dimensions", (long long)*b, c->in[0]->rank);
	return 0;
}

static int infer_d2s(struct hostop_call *c)
{
	const int64_t *x = c->in[0]->dims;
	int64_t b;
	int ret = block_of(c, &b);

	if (!ret && x[1] % (b * b))
		return ho_bad(c, "%lld channels do not split by %lld squared", (long long)x[1], (long long)b);
	return ret ? ret : ho_set_shape(c, 0, c->in[0]->dtype, 4,
				     (int64_t []){ x[0], x[1] / (b * b), x[2] * b, x[3] * b });
}

static int eval_d2s(struct hostop_call *c)
{
	struct hostop_tensor *out = &c->out[0];
	const int64_t *o = out->dims, *x = c->in[0]->dims;
	bool crd = !strcmp(ho_attr_string(c, "mode", "DCR"), "CRD");
	int64_t b = ho_attr_int(c, "blocksize", 1), hw = x[2] * x[3];
	int64_t dims[6] = { o[0], o[1], x[2], b, x[3], b }, to[6];
	int64_t from[6] = { x[1] * hw, crd ? b * b * hw : hw, x[3], crd ? b * hw : b * o[1] * hw, 1,
			    crd ? hw : o[1] * hw };

	ho_strides_of(6, dims, to);
	ho_copy_strided(out->data, 0, to, c->in[0]->data, 0, from, 6, dims,
		     hostop_dtype_size(out->dtype));
	return 0;
}

static int infer_s2d(struct hostop_call *c)
{
	const int64_t *x = c->in[0]->dims;
	int64_t b;
	int ret = block_of(c, &b);

	if (!ret && (x[2] % b || x[3] % b))
		return ho_bad(c, "height or width does not split by %lld", (long long)b);
	return ret ? ret : ho_set_shape(c, 0, c->in[0]->dtype, 4,
				     (int64_t []){ x[0], x[1] * b * b, x[2] / b, x[3] / b });
}

static int eval_s2d(struct hostop_call *c)
{
	struct hostop_tensor *out = &c->out[0];
	const int64_t *x = c->in[0]->dims;
	int64_t b = ho_attr_int(c, "blocksize", 1), w = x[3], hw = x[2] * w, to[6];
	int64_t dims[6] = { x[0], b, b, x[1], x[2] / b, w / b };
	int64_t from[6] = { x[1] * hw, w, 1, hw, b * w, b };

	ho_strides_of(6, dims, to);
	ho_copy_strided(out->data, 0, to, c->in[0]->data, 0, from, 6, dims,
		     hostop_dtype_size(out->dtype));
	return 0;
}

static int eval_trilu(struct hostop_call *c)
{
	struct hostop_tensor *out = &c->out[0];
	size_t size = hostop_dtype_size(out->dtype), rows, cols;
	int64_t k = input(c, 1) && c->in[1]->count ? hostop_get_int(c->in[1], 0) : 0;
	bool upper = ho_attr_int(c, "upper", 1);

	if (out->rank < 2)
		return ho_bad(c, "needs a matrix");
	k = limit(k, -(int64_t)HOSTOP_MAX_COUNT, HOSTOP_MAX_COUNT);
	rows = out->dims[out->rank - 2];
	cols = out->dims[out->rank - 1];
	for (size_t i = 0; i < out->count; i++) {
		int64_t row = (int64_t)(i / cols % rows), col = (int64_t)(i % cols);

		if (upper ? col - row >= k : col - row <= k)
			memcpy((char *)out->data + i * size, (char *)c->in[0]->data + i * size, size);
	}
	return 0;
}

const struct op hostops_move[] = {
	{ "Transpose", infer_transpose, eval_transpose, 1, 1, 1 },
	{ "Expand", infer_expand, eval_expand, 2, 2, 1 },
	{ "Tile", infer_tile, eval_tile, 2, 2, 1 },
	{ "Concat", infer_concat, eval_concat, 1, MANY, 1 },
	{ "Split", infer_split, eval_split, 1, 2, MANY },
	{ "Slice", infer_slice, eval_slice, 1, 5, 1 },
	{ "Pad", infer_pad, eval_pad, 1, 4, 1 },
	{ "Gather", infer_gather, eval_gather, 2, 2, 1 },
	{ "GatherElements", infer_gather_elements, eval_gather_elements, 2, 2, 1 },
	{ "DepthToSpace", infer_d2s, eval_d2s, 1, 1, 1 },
	{ "SpaceToDepth", infer_s2d, eval_s2d, 1, 1, 1 },
	{ "Trilu", ho_infer_same, eval_trilu, 1, 2, 1 },
	{ NULL }
};
