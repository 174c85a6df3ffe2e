// SPDX-License-Identifier: MIT
/* Operators that are only another way to look at a place: no command, unless a reshape needs one. */
#include <stdlib.h>
#include <string.h>

#include "lower.h"

static bool reshape(struct program *p, struct node *node)
{
	struct value *v = node->in[0], *out = node->out[0];
	struct place r;

	place_of(p, v);
	for (unsigned int i = 0; i < v->lowered->num_places; i++)
		if (reshape_place(&v->lowered->places[i], out->t.rank, out->t.dims, &r))
			goto done;
	reshape_place(place_as(p, v, v->lowered->places[0].dtype, is_row_major, NULL), out->t.rank,
		      out->t.dims, &r);
done:
	set_place(p, out, &r);
	return true;
}

static bool transpose(struct program *p, struct node *node)
{
	const struct place *from = place_of(p, node->in[0]);
	struct place r = *from;
	int64_t perm[HOSTOP_MAX_DIMS];
	unsigned int n = const_ints(p, node, 0, "perm", perm, HOSTOP_MAX_DIMS);

	for (unsigned int d = 0; d < r.rank; d++) {
		unsigned int at = n ? (unsigned int)perm[d] : r.rank - 1 - d;

		r.dims[d] = from->dims[at];
		r.stride[d] = from->stride[at];
	}
	set_place(p, node->out[0], &r);
	return true;
}

static void skip(struct place *r, unsigned int d, int64_t n)
{
	r->off += (uint64_t)(n * r->stride[d]) * element_bytes(r->dtype);
}

static bool slice_op(struct program *p, struct node *node)
{
	int64_t starts[HOSTOP_MAX_DIMS], axes[HOSTOP_MAX_DIMS], steps[HOSTOP_MAX_DIMS];
	unsigned int n = const_ints(p, node, 1, "starts", starts, HOSTOP_MAX_DIMS);
	unsigned int a = const_ints(p, node, 3, "axes", axes, HOSTOP_MAX_DIMS);
	unsigned int s = const_ints(p, node, 4, NULL, steps, HOSTOP_MAX_DIMS);
	struct place r = *place_of(p, node->in[0]);

	for (unsigned int i = 0; i < n; i++) {
		int64_t axis = a ? axes[i] : i, start = starts[i], size, step = s ? steps[i] : 1;
		unsigned int d = (unsigned int)(axis < 0 ? axis + r.rank : axis);

		size = r.dims[d];
		start = start < 0 ? start + size : start;
		start = start < 0 ? 0 : start;
		if (step < 0 && start > size - 1)
			start = size - 1;
		skip(&r, d, start);
		r.dims[d] = node->out[0]->t.dims[d];
		r.stride[d] *= r.dims[d] == 1 ? 1 : step;
	}
	set_place(p, node->out[0], &r);
	return true;
}

static bool split(struct program *p, struct node *node)
{
	unsigned int axis = node_axis(p, node, 0, node->in[0]->t.rank);
	struct place r = *place_of(p, node->in[0]);

	for (unsigned int i = 0; i < node->num_out; i++) {
		r.dims[axis] = node->out[i]->t.dims[axis];
		if (node->out[i]->t.count)
			set_place(p, node->out[i], &r);
		skip(&r, axis, r.dims[axis]);
	}
	return true;
}

static bool expand(struct program *p, struct node *node)
{
	const struct hostop_tensor *out = &node->out[0]->t;
	const struct place *from = place_of(p, node->in[0]);
	unsigned int lead = out->rank - from->rank;
	struct place r = *from;

	r.rank = out->rank;
	for (unsigned int d = 0; d < out->rank; d++) {
		bool repeat = d < lead || from->dims[d - lead] != out->dims[d];

		r.dims[d] = out->dims[d];
		r.stride[d] = repeat ? 0 : from->stride[d - lead];
	}
	set_place(p, node->out[0], &r);
	return true;
}

/* The step from index to index, if it is always the same. */
static bool even_steps(const struct hostop_tensor *index, int64_t *step)
{
	*step = index->count > 1 ? hostop_get_int(index, 1) - hostop_get_int(index, 0) : 1;
	for (size_t i = 1; i < index->count; i++)
		if (hostop_get_int(index, i) - hostop_get_int(index, i - 1) != *step)
			return false;
	return true;
}

/* Gather by constants at even steps, of at most one dimension. */
static bool gather_even(struct program *p, struct node *node)
{
	const struct hostop_tensor *index = &node->in[1]->t;
	unsigned int axis = node_axis(p, node, 0, node->in[0]->t.rank), to = axis;
	struct place r, from;
	int64_t step, first;

	if (!is_const(node->in[1]) || is_const(node->in[0]) || index->rank > 1 ||
	    !even_steps(index, &step))
		return false;
	r = from = *place_of(p, node->in[0]);
	first = hostop_get_int(index, 0);
	skip(&r, axis, first < 0 ? first + from.dims[axis] : first);
	r.rank = axis;
	if (index->rank) {
		r.dims[to] = (int64_t)index->count;
		r.stride[to++] = from.stride[axis] * step;
		r.rank++;
	}
	for (unsigned int d = axis + 1; d < from.rank; d++, r.rank++) {
		r.dims[r.rank] = from.dims[d];
		r.stride[r.rank] = from.stride[d];
	}
	set_place(p, node->out[0], &r);
	return true;
}

static bool same(struct program *p, struct node *node)
{
	set_place(p, node->out[0], place_of(p, node->in[0]));
	return true;
}

static const struct {
	const char *op;
	bool (*lower)(struct program *p, struct node *node);
} views[] = {
	{ "Reshape", reshape }, { "Flatten", reshape }, { "Squeeze", reshape },
	{ "Unsqueeze", reshape }, { "Transpose", transpose }, { "Slice", slice_op },
	{ "Split", split }, { "Expand", expand }, { "Gather", gather_even }, { "Identity", same },
};

bool lower_view(struct program *p, struct node *node)
{
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		if (is_op(node, views[i].op))
			return node->out[0]->t.count || node->num_out > 1 ? views[i].lower(p, node) : true;
	return false;
}
