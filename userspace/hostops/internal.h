/* SPDX-License-Identifier: MIT */
/* What the operator files share. */
#ifndef HOSTOPS_INTERNAL_H
#define HOSTOPS_INTERNAL_H

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hostops.h"

struct op {
	const char *name;
	int (*infer)(struct hostop_call *c);
	int (*eval)(struct hostop_call *c);	/* outputs are allocated and zero */
	unsigned int min_in, max_in;
	unsigned int max_out;
	bool shape_only;	/* the value needs no data of the inputs */
};

/* Each file's operators; the last has no name. */
extern const struct op hostops_elementwise[], hostops_shape[], hostops_move[], hostops_reduce[],
	hostops_linear[], hostops_conv[], hostops_quant[], hostops_quant_linear[], hostops_recurrent[], hostops_resize[];

#define MANY 4096u

/* Says what is wrong, returns -EINVAL. */
int ho_bad(struct hostop_call *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

const struct hostop_attr *ho_attr_find(const struct hostop_call *c, const char *name);
int64_t ho_attr_int(const struct hostop_call *c, const char *name, int64_t otherwise);
float ho_attr_float(const struct hostop_call *c, const char *name, float otherwise);
const char *ho_attr_string(const struct hostop_call *c, const char *name, const char *otherwise);
/* ints into v, at most max; returns how many, -1 when absent, -EINVAL (said) when too many. */
int ho_attr_ints(struct hostop_call *c, const char *name, int64_t *v, unsigned int max);

static inline const struct hostop_tensor *input(const struct hostop_call *c, unsigned int i)
{
	return i < c->num_in ? c->in[i] : NULL;
}

/* The ints of a 1-D (or scalar) input or, before opset `until`, of an attribute. */
int ho_ints_of(struct hostop_call *c, unsigned int in, const char *attr, int64_t *v, unsigned int max);

/* Axis in [0, rank). */
int ho_norm_axis(struct hostop_call *c, int64_t axis, unsigned int rank, unsigned int *result);

/* Outputs that look like input 0. */
int ho_infer_same(struct hostop_call *c);
/* Output 0 of this type and shape. */
int ho_set_shape(struct hostop_call *c, unsigned int out, enum hostop_dtype dtype, unsigned int rank,
	      const int64_t *dims);
int ho_broadcast_dims(struct hostop_call *c, unsigned int num, unsigned int *rank, int64_t *dims);
/* Element strides of t when it is broadcast to rank dims (0 where it repeats). */
void ho_broadcast_strides(const struct hostop_tensor *t, unsigned int rank, const int64_t *dims,
		       int64_t *strides);
void ho_strides_of(unsigned int rank, const int64_t *dims, int64_t *strides);

/* Walks dims in row-major order, carrying an offset for each of up to 3 operands. */
struct walk {
	unsigned int rank, num;
	int64_t dims[HOSTOP_MAX_DIMS];
	int64_t strides[3][HOSTOP_MAX_DIMS];
	int64_t index[HOSTOP_MAX_DIMS];
	int64_t off[3];
	size_t left;
};

void ho_walk_start(struct walk *w, unsigned int rank, const int64_t *dims);
void ho_walk_next(struct walk *w);

/* dst[walk] = src[walk], any type of `size` bytes; offsets and strides in elements. */
void ho_copy_strided(void *dst, int64_t dst_off, const int64_t *dst_strides, const void *src,
		  int64_t src_off, const int64_t *src_strides, unsigned int rank,
		  const int64_t *dims, size_t size);

static inline size_t product(const int64_t *dims, unsigned int from, unsigned int to)
{
	size_t n = 1;

	for (unsigned int i = from; i < to; i++)
		n *= dims[i];
	return n;
}

/* Into the range of an integer type of at most 16 bits. */
double ho_saturate(enum hostop_dtype dtype, double v);

/* A float copy of a float tensor (F32 itself when it is one: *owned says whether to free). */
const float *ho_as_floats(const struct hostop_tensor *t, float **owned);

#endif
