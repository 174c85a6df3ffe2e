// SPDX-License-Identifier: MIT
/* Places: where values are and in which layout. */
#include <stdlib.h>
#include <string.h>

#include "lower.h"

const unsigned int nhwc_order[4] = { 0, 2, 3, 1 }, nlc_order[3] = { 0, 2, 1 };

const unsigned int *image_order(unsigned int rank)
{
	return rank == 4 ? nhwc_order : rank == 3 ? nlc_order : NULL;
}

size_t element_bytes(enum loom_dtype dtype)
{
	static const size_t bytes[] = { [LOOM_F16] = 2, [LOOM_F32] = 4, [LOOM_I32] = 4, [LOOM_I64] = 8,
					[LOOM_I8] = 1, [LOOM_U8] = 1 };

	return bytes[dtype];
}

/* The type in which a value of the graph is kept in the lease. */
enum loom_dtype device_dtype(const struct program *p, const struct value *v)
{
	if (hostop_is_float(v->t.dtype))
		return LOOM_F16;
	if (v->t.dtype == HOSTOP_I64)
		return LOOM_I64;
	if (v->t.dtype == HOSTOP_I32)
		return LOOM_I32;
	if (v->t.dtype == HOSTOP_U8)
		return LOOM_U8;
	if (v->t.dtype == HOSTOP_I8)
		return LOOM_I8;
	fail_node(p->c, p->node, "'%s' is of %s, which the device does not compute with", v->name,
		  hostop_dtype_name(v->t.dtype));
}

enum loom_dtype result_dtype(const struct program *p, const struct value *v)
{
	return v->lowered && v->lowered->wide ? LOOM_F32 : device_dtype(p, v);
}

struct buffer *new_buffer(struct program *p, uint64_t bytes)
{
	struct buffer *buf = arena(p->c, sizeof(*buf));

	buf->bytes = bytes;
	buf->number = p->num_bufs;
	APPEND(p->c, p->bufs, p->num_bufs, buf);
	return buf;
}

struct place new_place(struct program *p, enum loom_dtype dtype, unsigned int rank,
		       const int64_t *dims, const unsigned int *order)
{
	struct place place = { .dtype = dtype, .rank = rank };
	int64_t step = 1;

	for (unsigned int i = rank; i-- > 0;) {
		unsigned int d = order ? order[i] : i;

		place.dims[d] = dims[d];
		place.stride[d] = step;
		step *= dims[d];
	}
	place.buf = new_buffer(p, (uint64_t)step * element_bytes(dtype));
	return place;
}

/* Outermost first; dims of size 1 before all others. */
void order_of(const struct place *place, unsigned int *order)
{
	unsigned int num = 0, at;

	for (unsigned int d = 0; d < place->rank; d++)
		if (place->dims[d] == 1)
			order[num++] = d;
	for (unsigned int d = 0; d < place->rank; d++) {
		if (place->dims[d] == 1)
			continue;
		for (at = num++; at && place->dims[order[at - 1]] != 1 &&
		     llabs(place->stride[order[at - 1]]) < llabs(place->stride[d]); at--)
			order[at] = order[at - 1];
		order[at] = d;
	}
}

static bool dense_in(const struct place *place, const unsigned int *order)
{
	int64_t step = 1;

	for (unsigned int i = place->rank; i-- > 0;) {
		unsigned int d = order ? order[i] : i;

		if (place->dims[d] != 1 && place->stride[d] != step)
			return false;
		step *= place->dims[d];
	}
	return true;
}

bool is_row_major(const struct place *place)
{
	return dense_in(place, NULL);
}

bool is_dense(const struct place *place)
{
	unsigned int order[HOSTOP_MAX_DIMS];

	order_of(place, order);
	return dense_in(place, order);
}

/* Elements from pixel to pixel: the stride of the innermost spatial dim that has one. */
int64_t image_pitch(const struct place *place)
{
	int64_t inner = 1;

	for (unsigned int d = place->rank - 1; d >= 2; d--) {
		if (place->dims[d] != 1)
			return place->stride[d] / inner;
		inner *= place->dims[d];
	}
	return place->dims[0] != 1 ? place->stride[0] : place->dims[1];
}

bool is_image(const struct place *place)
{
	int64_t pitch, step;

	if (place->rank < 3 || (place->dims[1] != 1 && place->stride[1] != 1))
		return false;
	pitch = image_pitch(place);
	if (pitch < place->dims[1])
		return false;
	step = pitch;
	for (unsigned int d = place->rank - 1; d >= 2; d--) {
		if (place->dims[d] != 1 && place->stride[d] != step)
			return false;
		step *= place->dims[d];
	}
	return place->dims[0] == 1 || place->stride[0] == step;
}

/* The rows of a matrix: the last dim contiguous, the others evenly apart. */
bool is_rows(const struct place *place)
{
	int64_t step = 0, last = place->rank - 1;

	if (!place->rank)
		return true;
	if (place->dims[last] != 1 && place->stride[last] != 1)
		return false;
	for (int64_t d = last - 1; d >= 0; d--) {
		if (place->dims[d] == 1)
			continue;
		if (step && place->stride[d] != step)
			return false;
		if (place->stride[d] < place->dims[last])
			return false;
		step = place->stride[d] * place->dims[d];
	}
	return true;
}

/* One run of dims [from, to) of the new shape takes one run of the old: split it by the new dims. */
static void split_run(struct place *r, unsigned int from, unsigned int to, int64_t step)
{
	for (unsigned int d = to; d-- > from;) {
		r->stride[d] = step;
		step *= r->dims[d];
	}
}

/* As numpy does: a reshape that needs no copy, if there is one. */
bool reshape_place(const struct place *place, unsigned int rank, const int64_t *dims,
		   struct place *r)
{
	int64_t old_dims[HOSTOP_MAX_DIMS], old_stride[HOSTOP_MAX_DIMS], n_old, n_new;
	unsigned int num = 0, i = 0, k = 0, ie, ke;

	for (unsigned int d = 0; d < place->rank; d++) {
		if (place->dims[d] == 1)
			continue;
		old_dims[num] = place->dims[d];
		old_stride[num++] = place->stride[d];
	}
	*r = *place;
	r->rank = rank;
	for (unsigned int d = 0; d < rank; d++) {
		r->dims[d] = dims[d];
		r->stride[d] = 1;
	}
	while (i < num && k < rank) {
		n_old = old_dims[i];
		n_new = dims[k];
		for (ie = i + 1, ke = k + 1; n_old != n_new;) {
			if (n_new < n_old)
				n_new *= dims[ke++];
			else
				n_old *= old_dims[ie++];
		}
		for (unsigned int d = i; d + 1 < ie; d++)
			if (old_stride[d] != old_dims[d + 1] * old_stride[d + 1])
				return false;
		split_run(r, k, ke, old_stride[ie - 1]);
		i = ie;
		k = ke;
	}
	return true;
}

/* ---- values ---- */

struct lowered *lowered_of(struct program *p, struct value *v)
{
	if (!v->lowered)
		v->lowered = arena(p->c, sizeof(*v->lowered));
	return v->lowered;
}

void set_place(struct program *p, struct value *v, const struct place *place)
{
	lowered_of(p, v);
	APPEND(p->c, v->lowered->places, v->lowered->num_places, *place);
}

static const struct place *last_place(const struct value *v)
{
	return &v->lowered->places[v->lowered->num_places - 1];
}

/* A constant that some command can only read from the lease. */
static void bring_constant(struct program *p, struct value *v)
{
	enum loom_dtype dtype = device_dtype(p, v);
	struct place place = new_place(p, dtype, v->t.rank, v->t.dims, NULL);
	struct loops l = { .rank = v->t.rank, .num = 2 };

	if (!hostop_is_float(v->t.dtype)) {
		emit_load(p, &place, SYM_WEIGHTS, add_table(p, v));
		set_place(p, v, &place);
		return;
	}
	memcpy(l.dims, v->t.dims, sizeof(v->t.dims));
	l.op[0].constant = v;
	memcpy(l.op[0].stride, place.stride, sizeof(place.stride));
	loops_operand(&l, 1, &place);
	emit_copy_loops(p, &l);
	set_place(p, v, &place);
}

static const struct loom_elf_tensor *input_tensor(const struct program *p, const struct value *v)
{
	for (unsigned int i = 0; i < p->g->num_inputs; i++)
		if (p->g->inputs[i].value == v)
			return &p->tensors[i];
	return NULL;
}

/* From the I/O region: an input, or what the host has made. */
static void bring_input(struct program *p, struct value *v)
{
	const struct loom_elf_tensor *t = input_tensor(p, v);
	bool by_host = !t && v->lowered && v->lowered->in_io;
	bool wide = t ? t->dtype == LOOM_TENSOR_F32 : v->t.dtype == HOSTOP_F32;
	enum loom_dtype dtype = wide ? LOOM_F32 : device_dtype(p, v);
	struct place place = new_place(p, dtype, v->t.rank, v->t.dims, NULL);

	if (!t && !by_host)
		fail(p->c, "internal error: '%s' was not made", v->name);
	emit_load(p, &place, SYM_IO, by_host ? v->lowered->io_at : t->offset);
	p->cmds[p->num_cmds - 1]->fixed = by_host;
	set_place(p, v, &place);
}

const struct place *place_of(struct program *p, struct value *v)
{
	if (!v->lowered || !v->lowered->num_places) {
		if (is_const(v))
			bring_constant(p, v);
		else
			bring_input(p, v);
	}
	return &v->lowered->places[0];
}

const struct place *place_as(struct program *p, struct value *v, enum loom_dtype dtype,
			     bool (*fits)(const struct place *), const unsigned int *order)
{
	struct place copy;

	place_of(p, v);
	for (unsigned int i = 0; i < v->lowered->num_places; i++) {
		const struct place *place = &v->lowered->places[i];

		if (place->dtype == dtype && fits(place))
			return place;
	}
	copy = new_place(p, dtype, v->t.rank, v->t.dims, order);
	emit_copy(p, &copy, &v->lowered->places[0]);
	set_place(p, v, &copy);
	return last_place(v);
}

const struct place *image_of(struct program *p, struct value *v)
{
	return place_as(p, v, device_dtype(p, v), is_image, image_order(v->t.rank));
}

const struct place *rows_of(struct program *p, struct value *v, enum loom_dtype dtype)
{
	return place_as(p, v, dtype, is_rows, NULL);
}

/* A place inside that of the Concat that v is a part of. */
static struct place inside(struct program *p, struct value *v, const unsigned int *order)
{
	struct lowered *low = v->lowered;
	struct place place;

	if (!low->into->lowered || !low->into->lowered->num_places) {
		place = output_place(p, low->into, order);
		set_place(p, low->into, &place);
	}
	place = *place_of(p, low->into);
	place.off += (uint64_t)(low->into_at * place.stride[low->into_axis]) *
		     element_bytes(place.dtype);
	memcpy(place.dims, v->t.dims, sizeof(place.dims));
	return place;
}

struct place output_place(struct program *p, struct value *v, const unsigned int *order)
{
	if (v->lowered && v->lowered->into)
		return inside(p, v, order);
	if (v->lowered && v->lowered->order)
		order = v->lowered->order;
	return new_place(p, result_dtype(p, v), v->t.rank, v->t.dims, order);
}
