// SPDX-License-Identifier: MIT
/* Finding an operator, checking a call, and what the operators share. */
#include <stdarg.h>
#include <stdio.h>

#include "internal.h"

static const struct op *const tables[] = {
	hostops_elementwise, hostops_shape, hostops_move, hostops_reduce, hostops_linear,
	hostops_conv, hostops_quant, hostops_quant_linear, hostops_recurrent, hostops_resize,
};

static const struct op *find(const char *name)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct op *op = tables[i]; op->name; op++)
			if (!strcmp(op->name, name))
				return op;
	return NULL;
}

bool hostop_known(const char *op)
{
	return find(op);
}

bool hostop_needs_data(const char *name)
{
	const struct op *op = find(name);

	return !op || !op->shape_only;
}

int ho_bad(struct hostop_call *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->error, sizeof(c->error), format, args);
	va_end(args);
	return -EINVAL;
}

static int check_inputs(struct hostop_call *c, const struct op *op)
{
	if (c->num_in < op->min_in || c->num_in > op->max_in)
		return ho_bad(c, "has %u inputs, not %u to %u", c->num_in, op->min_in, op->max_in);
	if (!c->num_out || c->num_out > op->max_out)
		return ho_bad(c, "has %u outputs, not 1 to %u", c->num_out, op->max_out);
	for (unsigned int i = 0; i < op->min_in; i++)
		if (!c->in[i])
			return ho_bad(c, "input %u is left out", i);
	return 0;
}

static int infer(struct hostop_call *c, const struct op **op)
{
	int ret;

	c->error[0] = 0;
	for (unsigned int i = 0; i < c->num_out; i++)
		c->out[i] = (struct hostop_tensor){ 0 };
	*op = find(c->op);
	if (!*op) {
		ho_bad(c, "operator is not supported");
		return -EOPNOTSUPP;
	}
	ret = check_inputs(c, *op);
	return ret ? ret : (*op)->infer(c);
}

int hostop_infer(struct hostop_call *c)
{
	const struct op *op;

	return infer(c, &op);
}

static int check_data(struct hostop_call *c)
{
	for (unsigned int i = 0; i < c->num_in; i++) {
		if (!c->in[i] || c->in[i]->data)
			continue;
		ho_bad(c, "the value of input %u is not known", i);
		return -ENODATA;
	}
	return 0;
}

int hostop_eval(struct hostop_call *c)
{
	const struct op *op;
	int ret = infer(c, &op);

	if (!ret && !op->shape_only)
		ret = check_data(c);
	for (unsigned int i = 0; !ret && i < c->num_out; i++)
		if (hostop_alloc(&c->out[i]))
			ret = ho_bad(c, "out of memory");
	return ret ? ret : op->eval(c);
}

const struct hostop_attr *ho_attr_find(const struct hostop_call *c, const char *name)
{
	for (unsigned int i = 0; i < c->num_attrs; i++)
		if (!strcmp(c->attrs[i].name, name))
			return &c->attrs[i];
	return NULL;
}

int64_t ho_attr_int(const struct hostop_call *c, const char *name, int64_t otherwise)
{
	const struct hostop_attr *a = ho_attr_find(c, name);

	return a && a->type == HOSTOP_ATTR_INT ? a->i : otherwise;
}

float ho_attr_float(const struct hostop_call *c, const char *name, float otherwise)
{
	const struct hostop_attr *a = ho_attr_find(c, name);

	return a && a->type == HOSTOP_ATTR_FLOAT ? a->f : otherwise;
}

const char *ho_attr_string(const struct hostop_call *c, const char *name, const char *otherwise)
{
	const struct hostop_attr *a = ho_attr_find(c, name);

	return a && a->type == HOSTOP_ATTR_STRING ? a->s : otherwise;
}

int ho_attr_ints(struct hostop_call *c, const char *name, int64_t *v, unsigned int max)
{
	const struct hostop_attr *a = ho_attr_find(c, name);

	if (!a)
		return -1;
	if (a->type != HOSTOP_ATTR_INTS || a->num > max)
		return ho_bad(c, "attribute '%s' is not a list of at most %u integers", name, max);
	for (size_t i = 0; i < a->num; i++)
		v[i] = a->ints[i];
	return (int)a->num;
}

int ho_ints_of(struct hostop_call *c, unsigned int in, const char *attr, int64_t *v, unsigned int max)
{
	const struct hostop_tensor *t = in ? input(c, in) : NULL;

	if (!t)
		return attr ? ho_attr_ints(c, attr, v, max) : -1;
	if (!t->data) {
		ho_bad(c, "the value of input %u is not known", in);
		return -ENODATA;
	}
	if (t->rank > 1 || t->count > max || hostop_is_float(t->dtype))
		return ho_bad(c, "input %u is not a list of at most %u integers", in, max);
	for (size_t i = 0; i < t->count; i++)
		v[i] = hostop_get_int(t, i);
	return (int)t->count;
}

int ho_norm_axis(struct hostop_call *c, int64_t axis, unsigned int rank, unsigned int *result)
{
	if (axis < -(int64_t)rank || axis >= (int64_t)rank)
		return ho_bad(c, "axis %lld is not one of %u dimensions", (long long)axis, rank);
	*result = (unsigned int)(axis < 0 ? axis + rank : axis);
	return 0;
}

int ho_set_shape(struct hostop_call *c, unsigned int out, enum hostop_dtype dtype, unsigned int rank,
	      const int64_t *dims)
{
	if (out >= c->num_out)
		return 0;
	if (hostop_shape(&c->out[out], dtype, rank, dims))
		return ho_bad(c, "output %u would have a negative, too large or too deep shape", out);
	return 0;
}

int ho_infer_same(struct hostop_call *c)
{
	return ho_set_shape(c, 0, c->in[0]->dtype, c->in[0]->rank, c->in[0]->dims);
}

int ho_broadcast_dims(struct hostop_call *c, unsigned int num, unsigned int *rank, int64_t *dims)
{
	*rank = 0;
	for (unsigned int i = 0; i < num; i++)
		if (c->in[i]->rank > *rank)
			*rank = c->in[i]->rank;
	for (unsigned int d = 0; d < *rank; d++)
		dims[d] = 1;
	for (unsigned int i = 0; i < num; i++) {
		unsigned int skip = *rank - c->in[i]->rank;

		for (unsigned int d = 0; d < c->in[i]->rank; d++) {
			int64_t n = c->in[i]->dims[d];

			if (n != 1 && dims[d + skip] != 1 && dims[d + skip] != n)
				return ho_bad(c, "shapes do not broadcast: %lld against %lld",
					   (long long)n, (long long)dims[d + skip]);
			if (n != 1)
				dims[d + skip] = n;
		}
	}
	return 0;
}

void ho_strides_of(unsigned int rank, const int64_t *dims, int64_t *strides)
{
	int64_t step = 1;

	for (unsigned int d = rank; d-- > 0;) {
		strides[d] = step;
		step *= dims[d];
	}
}

void ho_broadcast_strides(const struct hostop_tensor *t, unsigned int rank, const int64_t *dims,
		       int64_t *strides)
{
	int64_t own[HOSTOP_MAX_DIMS];
	unsigned int skip = rank - t->rank;

	ho_strides_of(t->rank, t->dims, own);
	for (unsigned int d = 0; d < rank; d++)
		strides[d] = d < skip || t->dims[d - skip] == 1 ? 0 : own[d - skip];
}

void ho_walk_start(struct walk *w, unsigned int rank, const int64_t *dims)
{
	*w = (struct walk){ .rank = rank, .left = product(dims, 0, rank) };
	for (unsigned int d = 0; d < rank; d++)
		w->dims[d] = dims[d];
}

void ho_walk_next(struct walk *w)
{
	w->left--;
	for (unsigned int d = w->rank; d-- > 0;) {
		for (unsigned int k = 0; k < 3; k++)
			w->off[k] += w->strides[k][d];
		if (++w->index[d] < w->dims[d])
			return;
		for (unsigned int k = 0; k < 3; k++)
			w->off[k] -= w->strides[k][d] * w->dims[d];
		w->index[d] = 0;
	}
}

void ho_copy_strided(void *dst, int64_t dst_off, const int64_t *dst_strides, const void *src,
		  int64_t src_off, const int64_t *src_strides, unsigned int rank,
		  const int64_t *dims, size_t size)
{
	struct walk w;

	ho_walk_start(&w, rank, dims);
	for (unsigned int d = 0; d < rank; d++) {
		w.strides[0][d] = dst_strides[d];
		w.strides[1][d] = src_strides[d];
	}
	for (; w.left; ho_walk_next(&w))
		memcpy((char *)dst + (dst_off + w.off[0]) * (int64_t)size,
		       (const char *)src + (src_off + w.off[1]) * (int64_t)size, size);
}

const float *ho_as_floats(const struct hostop_tensor *t, float **owned)
{
	*owned = NULL;
	if (t->dtype == HOSTOP_F32)
		return t->data;
	*owned = malloc((t->count ? t->count : 1) * sizeof(float));
	for (size_t i = 0; *owned && i < t->count; i++)
		(*owned)[i] = (float)hostop_get(t, i);
	return *owned;
}
