// SPDX-License-Identifier: MIT
/* Making commands: references to buffers and weights, and the strided ones. */
#include <stdlib.h>
#include <string.h>

#include "lower.h"

struct command *new_command(struct program *p, enum loom_opcode opcode, size_t size)
{
	struct command *cmd = arena(p->c, sizeof(*cmd));
	struct loom_cmd *hdr = (struct loom_cmd *)cmd->raw;

	cmd->size = (uint16_t)size;
	cmd->node = p->node;
	hdr->opcode = (uint16_t)opcode;
	hdr->size = (uint16_t)size;
	APPEND(p->c, p->cmds, p->num_cmds, cmd);
	return cmd;
}

void cmd_ref(struct program *p, struct command *cmd, size_t field, const struct place *place,
	     bool write)
{
	unsigned int i = cmd->num_refs++;

	cmd->ref[i].field = (uint16_t)field;
	cmd->ref[i].buf = place->buf;
	cmd->ref[i].add = place->off;
	cmd->ref[i].write = write;
}

void cmd_weight(struct command *cmd, size_t field, struct blob *blob)
{
	unsigned int i = cmd->num_weights++;

	cmd->weight[i].field = (uint16_t)field;
	cmd->weight[i].blob = blob;
}

struct blob *new_blob(struct program *p, size_t bytes, unsigned int align)
{
	struct blob *blob = arena(p->c, sizeof(*blob));

	blob->bytes = bytes;
	blob->align = align;
	return blob;
}

static void fill_value(const struct blob *blob, void *to)
{
	for (size_t i = 0; i < blob->num; i++) {
		float f = (float)number_at(blob->value, blob->first + i);

		if (blob->dtype == LOOM_F16)
			((uint16_t *)to)[i] = hostop_f32_to_f16(f);
		else
			((float *)to)[i] = f;
	}
}

static void fill_raw(const struct blob *blob, void *to)
{
	memcpy(to, (char *)blob->value->t.data + blob->first * element_bytes(blob->dtype), blob->bytes);
}

static struct blob *part_of_value(struct program *p, const struct value *v, enum loom_dtype dtype,
				  size_t first, size_t num)
{
	size_t size = element_bytes(dtype);
	struct blob *blob = new_blob(p, num * size, (unsigned int)size);

	blob->fill = dtype == LOOM_F16 || dtype == LOOM_F32 ? fill_value : fill_raw;
	blob->value = v;
	blob->dtype = dtype;
	blob->first = first;
	blob->num = num;
	return blob;
}

struct blob *blob_floats(struct program *p, const struct value *v, size_t first, size_t num)
{
	return part_of_value(p, v, LOOM_F32, first, num);
}

struct blob *blob_value(struct program *p, const struct value *v, enum loom_dtype dtype)
{
	return part_of_value(p, v, dtype, 0, v->t.count);
}

/* ---- strided loops ---- */

void loops_operand(struct loops *l, unsigned int i, const struct place *place)
{
	l->op[i].place = place;
	for (unsigned int d = 0; d < place->rank; d++)
		l->op[i].stride[d] = place->dims[d] == 1 && l->dims[d] != 1 ? 0 : place->stride[d];
}

static void swap_dims(struct loops *l, unsigned int a, unsigned int b)
{
	int64_t t = l->dims[a];

	l->dims[a] = l->dims[b];
	l->dims[b] = t;
	for (unsigned int k = 0; k < l->num; k++) {
		t = l->op[k].stride[a];
		l->op[k].stride[a] = l->op[k].stride[b];
		l->op[k].stride[b] = t;
	}
}

static void drop_dim(struct loops *l, unsigned int d)
{
	for (; d + 1 < l->rank; d++)
		swap_dims(l, d, d + 1);
	l->rank--;
}

static bool mergeable(const struct loops *l, unsigned int outer)
{
	for (unsigned int k = 0; k < l->num; k++)
		if (l->op[k].stride[outer] != l->op[k].stride[outer + 1] * l->dims[outer + 1])
			return false;
	return true;
}

/* Drops dims of 1, nests by the destination's strides, merges what is contiguous in all. */
void loops_collapse(struct program *p, struct loops *l)
{
	struct operand *to = &l->op[l->num - 1];

	for (unsigned int d = l->rank; d-- > 0;)
		if (l->dims[d] == 1)
			drop_dim(l, d);
	for (unsigned int i = 1; i < l->rank; i++)
		for (unsigned int d = i; d && llabs(to->stride[d - 1]) < llabs(to->stride[d]); d--)
			swap_dims(l, d - 1, d);
	for (unsigned int d = l->rank; d-- > 1;) {
		if (!mergeable(l, d - 1))
			continue;
		l->dims[d] *= l->dims[d - 1];
		drop_dim(l, d - 1);
	}
	if (l->rank > LOOM_MAX_DIMS)
		fail_node(p->c, p->node, "moves data in %u nested strides, which is not supported: the device has %d", l->rank,
			  LOOM_MAX_DIMS);
}

static bool fits_half(const struct hostop_tensor *t)
{
	for (size_t i = 0; i < t->count; i++) {
		float f = (float)hostop_get(t, i);

		if (hostop_f16_to_f32(hostop_f32_to_f16(f)) != f)
			return false;
	}
	return true;
}

/* Constants stay fp32 where that is cheap or exact matters; large ones are fp16 like activations. */
#define MAX_FLOAT_CONSTANT 16384

static enum loom_dtype constant_dtype(const struct hostop_tensor *t)
{
	return t->count > MAX_FLOAT_CONSTANT || fits_half(t) ? LOOM_F16 : LOOM_F32;
}

void loops_fill_operand(struct program *p, struct command *cmd, size_t field, struct operand *op,
			const struct loops *l, bool write)
{
	struct loom_operand *o = (struct loom_operand *)(cmd->raw + field);
	unsigned int lead = LOOM_MAX_DIMS - l->rank;

	for (unsigned int d = 0; d < l->rank; d++)
		o->stride[lead + d] = (int32_t)op->stride[d];
	if (op->place) {
		struct place at = *op->place;

		at.off += op->off * element_bytes(at.dtype);
		o->dtype = (uint16_t)at.dtype;
		cmd_ref(p, cmd, field + FIELD(struct loom_operand, off), &at, write);
		return;
	}
	o->dtype = (uint16_t)constant_dtype(&op->constant->t);
	o->space = LOOM_SPACE_WEIGHTS;
	cmd_weight(cmd, field + FIELD(struct loom_operand, off),
		   blob_value(p, op->constant, o->dtype));
}

void loops_fill_dims(uint32_t *dims, const struct loops *l)
{
	unsigned int lead = LOOM_MAX_DIMS - l->rank;

	for (unsigned int d = 0; d < LOOM_MAX_DIMS; d++)
		dims[d] = d < lead ? 1 : (uint32_t)l->dims[d - lead];
}

void emit_copy_loops(struct program *p, struct loops *l)
{
	struct loom_cmd_copy *copy;
	struct command *cmd;

	loops_collapse(p, l);
	cmd = new_command(p, LOOM_OP_COPY, sizeof(*copy));
	copy = (struct loom_cmd_copy *)cmd->raw;
	loops_fill_dims(copy->dims, l);
	loops_fill_operand(p, cmd, FIELD(struct loom_cmd_copy, src), &l->op[0], l, false);
	loops_fill_operand(p, cmd, FIELD(struct loom_cmd_copy, dst), &l->op[1], l, true);
}

void emit_copy(struct program *p, const struct place *to, const struct place *from)
{
	struct loops l = { .rank = to->rank, .num = 2 };

	memcpy(l.dims, to->dims, sizeof(to->dims));
	loops_operand(&l, 0, from);
	loops_operand(&l, 1, to);
	emit_copy_loops(p, &l);
}

void emit_fill(struct program *p, const struct place *to, float value)
{
	struct loops l = { .rank = to->rank, .num = 2 };

	memcpy(l.dims, to->dims, sizeof(to->dims));
	l.op[0].constant = value_scalar(p->c, value);
	loops_operand(&l, 1, to);
	emit_copy_loops(p, &l);
}

/* BINARY with the loops' first two operands. */
static void emit_binary_loops(struct program *p, struct loops *l, enum loom_binary fn,
			      const struct loom_act *act)
{
	struct loom_cmd_binary *binary;
	struct command *cmd;

	cmd = new_command(p, LOOM_OP_BINARY, sizeof(*binary));
	binary = (struct loom_cmd_binary *)cmd->raw;
	binary->fn = fn;
	binary->act = *act;
	loops_fill_dims(binary->dims, l);
	loops_fill_operand(p, cmd, FIELD(struct loom_cmd_binary, a), &l->op[0], l, false);
	loops_fill_operand(p, cmd, FIELD(struct loom_cmd_binary, b), &l->op[1], l, false);
	loops_fill_operand(p, cmd, FIELD(struct loom_cmd_binary, dst), &l->op[2], l, true);
}

void emit_binary(struct program *p, struct loops *l, enum loom_binary fn, const struct loom_act *act)
{
	loops_collapse(p, l);
	emit_binary_loops(p, l, fn, act);
}

/* Rows of contiguous elements on both sides: UNARY; else BINARY, times one. */
void emit_act(struct program *p, const struct place *to, const struct place *from,
	      const struct loom_act *act)
{
	struct loops l = { .rank = to->rank, .num = 2 };
	struct loom_cmd_unary *unary;
	struct command *cmd;

	memcpy(l.dims, to->dims, sizeof(to->dims));
	loops_operand(&l, 0, from);
	loops_operand(&l, 1, to);
	loops_collapse(p, &l);
	if (l.rank > 2 || (l.rank && (l.op[0].stride[l.rank - 1] != 1 ||
				      l.op[1].stride[l.rank - 1] != 1)) ||
	    (l.rank == 2 && l.op[0].stride[0] < 0)) {
		l.num = 3;
		l.op[2] = l.op[1];
		l.op[1] = (struct operand){ .constant = value_scalar(p->c, 1) };
		emit_binary_loops(p, &l, LOOM_BIN_MUL, act);
		return;
	}
	cmd = new_command(p, LOOM_OP_UNARY, sizeof(*unary));
	unary = (struct loom_cmd_unary *)cmd->raw;
	unary->rows = l.rank == 2 ? (uint32_t)l.dims[0] : 1;
	unary->cols = l.rank ? (uint32_t)l.dims[l.rank - 1] : 1;
	unary->src_pitch = l.rank == 2 ? (uint32_t)l.op[0].stride[0] : unary->cols;
	unary->dst_pitch = l.rank == 2 ? (uint32_t)l.op[1].stride[0] : unary->cols;
	unary->src_dtype = (uint16_t)from->dtype;
	unary->dst_dtype = (uint16_t)to->dtype;
	unary->act = *act;
	cmd_ref(p, cmd, FIELD(struct loom_cmd_unary, src), from, false);
	cmd_ref(p, cmd, FIELD(struct loom_cmd_unary, dst), to, true);
}

/* ---- dma ---- */

static uint64_t place_bytes(const struct place *place)
{
	uint64_t n = element_bytes(place->dtype);

	for (unsigned int d = 0; d < place->rank; d++)
		n *= (uint64_t)place->dims[d];
	return n;
}

static void emit_move(struct program *p, enum loom_opcode opcode, const struct place *place,
		      enum symbol symbol, uint64_t addend)
{
	struct command *cmd = new_command(p, opcode, sizeof(struct loom_cmd_move));
	struct loom_cmd_move *move = (struct loom_cmd_move *)cmd->raw;

	move->rows = 1;
	move->row_bytes = (uint32_t)place_bytes(place);
	cmd->symbol = symbol;
	cmd->addend = addend;
	cmd_ref(p, cmd, FIELD(struct loom_cmd_move, off), place, opcode == LOOM_OP_LOAD);
}

void emit_load(struct program *p, const struct place *to, enum symbol symbol, uint64_t addend)
{
	emit_move(p, LOOM_OP_LOAD, to, symbol, addend);
}

void emit_store(struct program *p, const struct place *from, uint64_t addend)
{
	emit_move(p, LOOM_OP_STORE, from, SYM_IO, addend);
}

/* The table in the device's types: halves for floats. */
uint64_t add_table(struct program *p, const struct value *v)
{
	struct table *t = arena(p->c, sizeof(*t));

	t->blob = blob_value(p, v, device_dtype(p, v));
	t->bytes = t->blob->bytes;
	APPEND(p->c, p->tables, p->num_tables, t);
	return p->num_tables - 1;
}
