// SPDX-License-Identifier: MIT
/*
 * The commands of loom_isa.h, as a table.
 */
#include <string.h>

#include "isa_table.h"
#include "loom_isa.h"

#define NUM(array) (sizeof(array) / sizeof((array)[0]))
#define NAMES(id, ...) \
	static const char *const id##_text[] = { __VA_ARGS__ }; \
	static const struct isa_names id = { id##_text, NUM(id##_text) }

NAMES(flag_names, "BIAS", "RESIDUAL", "GAMMA", "BETA", "COUNT_PAD", "CHANNELS", "DYNAMIC");
NAMES(dtype_names, "f16", "f32", "i32", "i64", "i8", "u8");
NAMES(space_names, "lease", "weights");
NAMES(unary_names, "none", "relu", "clip", "leaky", "hsigmoid", "hswish", "sigmoid", "tanh", "erf",
      "gelu", "silu", "exp", "log", "sqrt", "recip", "neg", "abs", "affine", "pow", "floor", "ceil",
      "sin", "cos");
NAMES(binary_names, "add", "sub", "mul", "div", "max", "min", "pow");
NAMES(reduce_names, "sum", "mean", "max", "min");
NAMES(pool_names, "max", "average");

_Static_assert(NUM(unary_names_text) == LOOM_UN_COUNT, "every function of one value has a name");
_Static_assert(NUM(binary_names_text) == LOOM_BIN_COUNT, "every function of two values has a name");
_Static_assert(NUM(reduce_names_text) == LOOM_RED_COUNT, "every reduction has a name");

/* S is the struct of the table at hand. */
#define FIELD(member, kind)		{ #member, offsetof(S, member), 1, kind, NULL }
#define ENUM16(member, names)		{ #member, offsetof(S, member), 1, ISA_ENUM16, &(names) }
#define ENUM32(member, names)		{ #member, offsetof(S, member), 1, ISA_ENUM32, &(names) }
#define ARRAY(member, kind) \
	{ #member, offsetof(S, member), NUM(((S *)0)->member), kind, NULL }
#define U16(member)	FIELD(member, ISA_U16)
#define U32(member)	FIELD(member, ISA_U32)
#define HEX(member)	FIELD(member, ISA_HEX)
#define PAD(member)	FIELD(member, ISA_PAD)

#define HEADER \
	{ "flags", offsetof(struct loom_cmd, flags), 1, ISA_FLAGS, &flag_names }, \
	{ "wait", offsetof(struct loom_cmd, wait), 1, ISA_U32, NULL }, \
	{ "release_to", offsetof(struct loom_cmd, release_to), 1, ISA_HEX, NULL }
#define OPERAND(o) \
	HEX(o.off), ENUM16(o.space, space_names), ENUM16(o.dtype, dtype_names), \
	ARRAY(o.stride, ISA_S32_ARRAY)
#define ACT \
	ENUM32(act.fn, unary_names), PAD(act.pad), FIELD(act.alpha, ISA_FLOAT), \
	FIELD(act.beta, ISA_FLOAT)
#define QUANT(q)	FIELD(q.scale, ISA_FLOAT), FIELD(q.zero, ISA_S32_ARRAY)
#define WINDOW \
	U16(kh), U16(kw), U16(sh), U16(sw), U16(pt), U16(pl), U16(dh), U16(dw)

#define S struct loom_cmd
static const struct isa_field nop_fields[] = { HEADER };
#undef S

#define S struct loom_cmd_fetch
static const struct isa_field fetch_fields[] = {
	HEADER, FIELD(va, ISA_VA), U32(bytes), PAD(pad),
};
#undef S

#define S struct loom_cmd_move
static const struct isa_field move_fields[] = {
	HEADER, FIELD(va, ISA_VA), FIELD(va_pitch, ISA_U64), HEX(off), U32(off_pitch), U32(rows),
	U32(row_bytes),
};
#undef S

#define S struct loom_cmd_gather
static const struct isa_field gather_fields[] = {
	HEADER, FIELD(va, ISA_VA), U32(table_rows), U32(row_bytes), HEX(index),
	ENUM32(index_dtype, dtype_names), U32(count), HEX(dst), U32(dst_pitch), PAD(pad),
};
#undef S

#define CONV_FIELDS \
	HEADER, HEX(in), HEX(out), HEX(res), U32(in_pitch), U32(out_pitch), U32(res_pitch), \
	U32(batch), U32(h), U32(w), U32(c), U32(oh), U32(ow), U32(oc), WINDOW, HEX(w_off), \
	HEX(b_off), ENUM32(out_dtype, dtype_names), ACT
#define S struct loom_cmd_conv
static const struct isa_field conv_fields[] = {
	CONV_FIELDS,
};
#undef S

#define MATMUL_FIELDS \
	HEADER, HEX(a), HEX(b), HEX(out), U32(m), U32(n), U32(k), ARRAY(batch, ISA_U32_ARRAY), \
	ARRAY(a_batch, ISA_U32_ARRAY), ARRAY(b_batch, ISA_U32_ARRAY), \
	ARRAY(out_batch, ISA_U32_ARRAY), U32(a_row), U32(a_col), U32(b_row), U32(b_col), \
	U32(out_row), ENUM32(out_dtype, dtype_names), FIELD(alpha, ISA_FLOAT), PAD(pad), ACT
#define S struct loom_cmd_matmul
static const struct isa_field matmul_fields[] = {
	MATMUL_FIELDS,
};
#undef S

#define S struct loom_cmd_copy
static const struct isa_field copy_fields[] = {
	HEADER, ARRAY(dims, ISA_U32_ARRAY), OPERAND(src), OPERAND(dst),
};
#undef S

#define S struct loom_cmd_binary
static const struct isa_field binary_fields[] = {
	HEADER, ENUM32(fn, binary_names), PAD(pad), ARRAY(dims, ISA_U32_ARRAY), OPERAND(a),
	OPERAND(b), OPERAND(dst), ACT,
};
#undef S

#define S struct loom_cmd_unary
static const struct isa_field unary_fields[] = {
	HEADER, HEX(src), HEX(dst), ENUM16(src_dtype, dtype_names), ENUM16(dst_dtype, dtype_names),
	U32(rows), U32(cols), U32(src_pitch), U32(dst_pitch), PAD(pad), ACT,
};
#undef S

#define S struct loom_cmd_reduce
static const struct isa_field reduce_fields[] = {
	HEADER, ENUM32(fn, reduce_names), HEX(src), HEX(dst), ENUM16(src_dtype, dtype_names),
	ENUM16(dst_dtype, dtype_names), U32(outer), U32(n), U32(inner), PAD(pad),
};
#undef S

#define S struct loom_cmd_softmax
static const struct isa_field softmax_fields[] = {
	HEADER, HEX(src), HEX(dst), ENUM16(src_dtype, dtype_names), ENUM16(dst_dtype, dtype_names),
	U32(outer), U32(n), U32(inner),
};
#undef S

#define S struct loom_cmd_layernorm
static const struct isa_field layernorm_fields[] = {
	HEADER, HEX(src), HEX(dst), U32(rows), U32(n), HEX(gamma), HEX(beta),
	FIELD(eps, ISA_FLOAT), PAD(pad),
};
#undef S

#define POOL_FIELDS \
	HEADER, ENUM32(fn, pool_names), HEX(in), HEX(out), U32(in_pitch), U32(out_pitch), \
	U32(batch), U32(h), U32(w), U32(c), U32(oh), U32(ow), WINDOW, PAD(pad)
#define S struct loom_cmd_pool
static const struct isa_field pool_fields[] = {
	POOL_FIELDS,
};
#undef S

/* A command that begins with another one has its fields. */
static const struct isa_field qconv_fields[] = {
#define S struct loom_cmd_conv
	CONV_FIELDS,
#undef S
#define S struct loom_cmd_qconv
	ENUM16(in_dtype, dtype_names), ENUM16(w_dtype, dtype_names), ENUM16(res_dtype, dtype_names),
	U16(pad), FIELD(in_zero, ISA_S32_ARRAY), HEX(dyn), QUANT(res_quant), QUANT(out_quant),
#undef S
};

static const struct isa_field qmatmul_fields[] = {
#define S struct loom_cmd_matmul
	MATMUL_FIELDS,
#undef S
#define S struct loom_cmd_qmatmul
	ENUM16(a_dtype, dtype_names), ENUM16(b_dtype, dtype_names), FIELD(a_zero, ISA_S32_ARRAY),
	FIELD(b_zero, ISA_S32_ARRAY), { "qpad", offsetof(S, pad), 1, ISA_PAD, NULL },
	QUANT(out_quant),
#undef S
};

#define S struct loom_cmd_quant
static const struct isa_field quant_fields[] = {
	HEADER, ARRAY(dims, ISA_U32_ARRAY), OPERAND(src), OPERAND(dst), QUANT(src_quant),
	QUANT(dst_quant), HEX(table), U32(axis), HEX(dyn), PAD(pad), ACT,
};
#undef S

#define S struct loom_cmd_qbinary
static const struct isa_field qbinary_fields[] = {
	HEADER, ENUM32(fn, binary_names), PAD(pad), ARRAY(dims, ISA_U32_ARRAY), OPERAND(a),
	OPERAND(b), OPERAND(dst), ACT, QUANT(a_quant), QUANT(b_quant), QUANT(dst_quant),
};
#undef S

static const struct isa_field qpool_fields[] = {
#define S struct loom_cmd_pool
	POOL_FIELDS,
#undef S
#define S struct loom_cmd_qpool
	ENUM16(in_dtype, dtype_names), ENUM16(out_dtype, dtype_names),
	{ "qpad", offsetof(S, pad), 1, ISA_PAD, NULL }, QUANT(in_quant), QUANT(out_quant),
#undef S
};

#define COMMAND(opcode, text, type, fields) { opcode, sizeof(type), text, fields, NUM(fields) }

static const struct isa_command commands[] = {
	COMMAND(LOOM_OP_NOP, "nop", struct loom_cmd, nop_fields),
	COMMAND(LOOM_OP_FETCH, "fetch", struct loom_cmd_fetch, fetch_fields),
	COMMAND(LOOM_OP_LOAD, "load", struct loom_cmd_move, move_fields),
	COMMAND(LOOM_OP_STORE, "store", struct loom_cmd_move, move_fields),
	COMMAND(LOOM_OP_GATHER, "gather", struct loom_cmd_gather, gather_fields),
	COMMAND(LOOM_OP_CONV, "conv", struct loom_cmd_conv, conv_fields),
	COMMAND(LOOM_OP_DWCONV, "dwconv", struct loom_cmd_dwconv, conv_fields),
	COMMAND(LOOM_OP_MATMUL, "matmul", struct loom_cmd_matmul, matmul_fields),
	COMMAND(LOOM_OP_COPY, "copy", struct loom_cmd_copy, copy_fields),
	COMMAND(LOOM_OP_BINARY, "binary", struct loom_cmd_binary, binary_fields),
	COMMAND(LOOM_OP_UNARY, "unary", struct loom_cmd_unary, unary_fields),
	COMMAND(LOOM_OP_REDUCE, "reduce", struct loom_cmd_reduce, reduce_fields),
	COMMAND(LOOM_OP_SOFTMAX, "softmax", struct loom_cmd_softmax, softmax_fields),
	COMMAND(LOOM_OP_LAYERNORM, "layernorm", struct loom_cmd_layernorm, layernorm_fields),
	COMMAND(LOOM_OP_POOL, "pool", struct loom_cmd_pool, pool_fields),
	COMMAND(LOOM_OP_QCONV, "qconv", struct loom_cmd_qconv, qconv_fields),
	COMMAND(LOOM_OP_QDWCONV, "qdwconv", struct loom_cmd_qdwconv, qconv_fields),
	COMMAND(LOOM_OP_QMATMUL, "qmatmul", struct loom_cmd_qmatmul, qmatmul_fields),
	COMMAND(LOOM_OP_QUANT, "quant", struct loom_cmd_quant, quant_fields),
	COMMAND(LOOM_OP_QBINARY, "qbinary", struct loom_cmd_qbinary, qbinary_fields),
	COMMAND(LOOM_OP_QPOOL, "qpool", struct loom_cmd_qpool, qpool_fields),
};

const struct isa_command *isa_command(uint16_t opcode)
{
	size_t i;

	for (i = 0; i < NUM(commands); i++)
		if (commands[i].opcode == opcode)
			return &commands[i];
	return NULL;
}

const struct isa_command *isa_command_named(const char *name, size_t length)
{
	size_t i;

	for (i = 0; i < NUM(commands); i++)
		if (strlen(commands[i].name) == length && !memcmp(commands[i].name, name, length))
			return &commands[i];
	return NULL;
}

unsigned int isa_field_bytes(const struct isa_field *field)
{
	switch (field->kind) {
	case ISA_U16:
	case ISA_ENUM16:
		return 2;
	case ISA_VA:
	case ISA_U64:
		return 8;
	default:
		return 4 * field->count;
	}
}

const char *isa_name(const struct isa_names *names, uint32_t value)
{
	return value < names->num ? names->name[value] : NULL;
}
