// SPDX-License-Identifier: MIT
/* Operators that move data: Concat, Pad, Resize, DepthToSpace, Tile, Gather by data. */
#include <math.h>
#include <string.h>

#include "lower.h"

static bool concat(struct program *p, struct node *node)
{
	struct value *out = node->out[0], *first = NULL;
	unsigned int axis = node_axis(p, node, 0, out->t.rank), order[HOSTOP_MAX_DIMS];
	struct place to, part;

	for (unsigned int i = 0; i < node->num_in; i++) {
		if (!node->in[i]->t.count)
			continue;
		place_of(p, node->in[i]);
		first = first ? first : node->in[i];
	}
	if (!out->lowered || !out->lowered->num_places) {
		order_of(place_of(p, first), order);
		to = output_place(p, out, order);
		set_place(p, out, &to);
	}
	to = part = *place_of(p, out);
	for (unsigned int i = 0; i < node->num_in; i++) {
		struct value *v = node->in[i];
		const struct place *from;

		if (!v->t.count)
			continue;
		from = place_of(p, v);
		part.dims[axis] = v->t.dims[axis];
		if (from->buf != part.buf || from->off != part.off)
			emit_copy(p, &part, from);
		part.off += (uint64_t)(part.dims[axis] * part.stride[axis]) * element_bytes(part.dtype);
	}
	return true;
}

static bool pad(struct program *p, struct node *node)
{
	struct value *out = node->out[0];
	int64_t pads[2 * HOSTOP_MAX_DIMS] = { 0 };
	unsigned int rank = out->t.rank, order[HOSTOP_MAX_DIMS];
	const struct place *from = place_of(p, node->in[0]);
	const struct hostop_attr *fill = node_attr(node, "value");
	struct place to, inner, src = *from;
	double value = fill && fill->type == HOSTOP_ATTR_FLOAT ? fill->f : 0;

	if (strcmp(node_string(node, "mode", "constant"), "constant"))
		fail_node(p->c, node, "padding mode '%s' is not supported on the device",
			  node_string(node, "mode", ""));
	if (const_ints(p, node, 1, "pads", pads, 2 * HOSTOP_MAX_DIMS) != 2 * rank)
		fail_node(p->c, node, "pads do not name all dimensions");
	if (node->num_in > 2 && node->in[2] && !is_scalar(node->in[2], &value))
		fail_node(p->c, node, "padding with data is not supported on the device");
	order_of(from, order);
	to = output_place(p, out, order);
	emit_fill(p, &to, (float)value);
	inner = to;
	for (unsigned int d = 0; d < rank; d++) {
		int64_t cut = pads[d] < 0 ? -pads[d] : 0, skip = pads[d] > 0 ? pads[d] : 0;

		src.off += (uint64_t)(cut * src.stride[d]) * element_bytes(src.dtype);
		inner.off += (uint64_t)(skip * inner.stride[d]) * element_bytes(inner.dtype);
		inner.dims[d] = src.dims[d] - cut + (pads[rank + d] < 0 ? pads[rank + d] : 0);
		src.dims[d] = inner.dims[d];
	}
	emit_copy(p, &inner, &src);
	set_place(p, out, &to);
	return true;
}

/* ---- loops of more dims than the tensors have: each dim split in an outer and an inner one ---- */

static struct place output_like(struct program *p, struct node *node, const struct place *from)
{
	unsigned int order[HOSTOP_MAX_DIMS];

	order_of(from, order);
	return output_place(p, node->out[0], order);
}

/* Every element of dim d repeated factor[d] times (Resize) or the dim as a whole (Tile). */
static void emit_repeat(struct program *p, struct node *node, const int64_t *factor, bool whole)
{
	const struct place *from = place_of(p, node->in[0]);
	struct place to = output_like(p, node, from);
	struct loops l = { .rank = 2 * to.rank, .num = 2 };

	l.op[0].place = from;
	l.op[1].place = &to;
	for (unsigned int d = 0; d < to.rank; d++) {
		unsigned int element = 2 * d + whole, copy = 2 * d + !whole;

		l.dims[element] = from->dims[d];
		l.dims[copy] = factor[d];
		l.op[0].stride[element] = from->stride[d];
		l.op[1].stride[element] = to.stride[d] * (whole ? 1 : factor[d]);
		l.op[1].stride[copy] = to.stride[d] * (whole ? from->dims[d] : 1);
	}
	emit_copy_loops(p, &l);
	set_place(p, node->out[0], &to);
}

/* Whole factors, each element repeated: what nearest upsampling is under these modes. */
static bool resize(struct program *p, struct node *node)
{
	const struct hostop_tensor *in = &node->in[0]->t, *out = &node->out[0]->t;
	bool old = is_op(node, "Upsample") || node->opset < 11;
	const char *where = node_string(node, "coordinate_transformation_mode",
					old ? "asymmetric" : "half_pixel");
	const char *nearest = node_string(node, "nearest_mode", old ? "floor" : "round_prefer_floor");
	int64_t factor[HOSTOP_MAX_DIMS];

	if (strcmp(node_string(node, "mode", "nearest"), "nearest"))
		fail_node(p->c, node, "resize mode '%s' is not supported on the device",
			  node_string(node, "mode", ""));
	for (unsigned int d = 0; d < in->rank; d++) {
		factor[d] = out->dims[d] / in->dims[d];
		if (out->dims[d] % in->dims[d])
			fail_node(p->c, node, "resize from %lld to %lld: only whole factors are supported on the device",
				  (long long)in->dims[d], (long long)out->dims[d]);
	}
	if (!(!strcmp(where, "half_pixel") && !strncmp(nearest, "round", 5)) && !(!strcmp(where, "asymmetric") && !strcmp(nearest, "floor")))
		fail_node(p->c, node, "resize by '%s' and '%s' is not supported on the device", where,
			  nearest);
	emit_repeat(p, node, factor, false);
	return true;
}

static bool tile(struct program *p, struct node *node)
{
	int64_t times[HOSTOP_MAX_DIMS];

	const_ints(p, node, 1, NULL, times, HOSTOP_MAX_DIMS);
	emit_repeat(p, node, times, true);
	return true;
}

/* Blocks between depth and space: loops n, c, y, block y, x, block x. */
static bool depth_space(struct program *p, struct node *node)
{
	bool to_space = is_op(node, "DepthToSpace");
	bool crd = !strcmp(node_string(node, "mode", "DCR"), "CRD");
	int64_t b = node_int(node, "blocksize", 1);
	const struct place *from = place_of(p, node->in[0]);
	struct place to = output_like(p, node, from);
	const struct place *deep = to_space ? from : &to, *wide = to_space ? &to : from;
	int64_t c = wide->dims[1], channel = deep->stride[1];
	int64_t deep_strides[6] = { deep->stride[0], channel * (crd && to_space ? b * b : 1),
				    deep->stride[2], channel * (crd && to_space ? b : b * c),
				    deep->stride[3], channel * (crd && to_space ? 1 : c) };
	int64_t wide_strides[6] = { wide->stride[0], wide->stride[1], wide->stride[2] * b,
				    wide->stride[2], wide->stride[3] * b, wide->stride[3] };
	struct loops l = { .rank = 6, .num = 2,
			   .dims = { wide->dims[0], c, deep->dims[2], b, deep->dims[3], b } };

	l.op[0].place = from;
	l.op[1].place = &to;
	memcpy(l.op[0].stride, to_space ? deep_strides : wide_strides, sizeof(deep_strides));
	memcpy(l.op[1].stride, to_space ? wide_strides : deep_strides, sizeof(wide_strides));
	emit_copy_loops(p, &l);
	set_place(p, node->out[0], &to);
	return true;
}

/* ---- Gather ---- */

/* Rows of a constant, chosen by data: the DMA engine does that from DRAM. */
static void gather_rows(struct program *p, struct node *node)
{
	struct value *table = node->in[0], *out = node->out[0];
	const struct place *index = place_as(p, node->in[1], device_dtype(p, node->in[1]), is_row_major,
					     NULL);
	size_t row = table->t.count / (size_t)table->t.dims[0];
	struct place to = new_place(p, device_dtype(p, out), out->t.rank, out->t.dims, NULL);
	uint64_t number = add_table(p, table);
	struct command *command = new_command(p, LOOM_OP_GATHER, sizeof(struct loom_cmd_gather));
	struct loom_cmd_gather *cmd = (struct loom_cmd_gather *)command->raw;

	cmd->table_rows = (uint32_t)table->t.dims[0];
	cmd->row_bytes = (uint32_t)(row * element_bytes(to.dtype));
	cmd->index_dtype = index->dtype;
	cmd->count = (uint32_t)node->in[1]->t.count;
	cmd->dst_pitch = cmd->row_bytes;
	command->symbol = SYM_WEIGHTS;
	command->addend = number;
	cmd_ref(p, command, FIELD(struct loom_cmd_gather, index), index, false);
	cmd_ref(p, command, FIELD(struct loom_cmd_gather, dst), &to, true);
	set_place(p, out, &to);
}

/* By constants, in no order that a stride describes: a copy each. */
#define MAX_GATHER_COPIES 256

static void gather_copies(struct program *p, struct node *node)
{
	const struct hostop_tensor *index = &node->in[1]->t;
	const struct place *from = place_of(p, node->in[0]);
	unsigned int axis = node_axis(p, node, 0, from->rank), n = index->rank;
	struct value *out = node->out[0];
	struct place to, src = *from, dst;
	int64_t inner = 1;

	if (index->count > MAX_GATHER_COPIES)
		fail_node(p->c, node, "%zu constant indices are not supported on the device", index->count);
	to = output_place(p, out, NULL);
	if (!is_row_major(&to))
		to = new_place(p, to.dtype, out->t.rank, out->t.dims, NULL);
	for (unsigned int d = axis + n; d < to.rank; d++)
		inner *= to.dims[d];
	src.dims[axis] = 1;
	dst = src;
	dst.buf = to.buf;
	dst.dtype = to.dtype;
	for (unsigned int d = 0; d < src.rank; d++)
		dst.stride[d] = d < axis ? to.stride[d] : d > axis ? to.stride[d + n - 1] : inner;
	for (size_t i = 0; i < index->count; i++) {
		int64_t at = hostop_get_int(index, i);

		at += at < 0 ? from->dims[axis] : 0;
		src.off = from->off + (uint64_t)(at * from->stride[axis]) * element_bytes(src.dtype);
		dst.off = to.off + i * (uint64_t)inner * element_bytes(to.dtype);
		emit_copy(p, &dst, &src);
	}
	set_place(p, out, &to);
}

static bool gather(struct program *p, struct node *node)
{
	if (is_const(node->in[1])) {
		gather_copies(p, node);
		return true;
	}
	if (!is_const(node->in[0]) || node_axis(p, node, 0, node->in[0]->t.rank))
		fail_node(p->c, node, "only rows of a constant can be gathered by data on the device");
	gather_rows(p, node);
	return true;
}

static const struct {
	const char *op;
	bool (*lower)(struct program *p, struct node *node);
} moves[] = {
	{ "Concat", concat }, { "Pad", pad }, { "Resize", resize }, { "Upsample", resize },
	{ "Tile", tile }, { "DepthToSpace", depth_space }, { "SpaceToDepth", depth_space },
	{ "Gather", gather },
};

bool lower_move(struct program *p, struct node *node)
{
	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++)
		if (is_op(node, moves[i].op))
			return moves[i].lower(p, node);
	return false;
}
