/* SPDX-License-Identifier: MIT */
/* nest_make.h - how commands become nests: for the files that say so of a family of opcodes. */
#ifndef LOOMC_NEST_MAKE_H
#define LOOMC_NEST_MAKE_H

#include <stddef.h>

#include "nest.h"

/* ---- nest_of.c: a nest under way ---- */
/* A loop, whose extent is in this u32 field (0: none). Its number. */
int add_axis(struct nest *n, uint64_t extent, uint64_t step, uint16_t field);
/* The operand whose lease offset is in this field. */
struct nest_ref *add_ref(struct nest *n, const struct command *cmd, size_t field, uint32_t size);
struct nest_dim *add_dim(struct nest_ref *ref, int axis, uint64_t extent, int64_t stride, size_t field);
/* Constants named in this field: so many bytes further for each step of the axis. */
void add_weight(struct nest *n, const struct command *cmd, size_t field, int axis, uint64_t bytes);

/* ---- nest_mac.c ---- */
/* One pixel gives one pixel: rows of a matrix, whatever image they were. */
bool is_product(const struct loom_cmd_conv *c);
void product_nest(const struct program *p, const struct command *cmd, struct nest *n);
void conv_nest(const struct program *p, const struct command *cmd, struct nest *n);
void matmul_nest(const struct program *p, const struct command *cmd, struct nest *n);
void pool_nest(const struct command *cmd, struct nest *n, uint32_t in_bytes, uint32_t out_bytes);

/* ---- nest_vector.c; false: it cannot be cut ---- */
void copy_nest(const struct command *cmd, struct nest *n);
void binary_nest(const struct command *cmd, struct nest *n);
void qbinary_nest(const struct command *cmd, struct nest *n);
bool quant_nest(const struct command *cmd, struct nest *n);
void qpool_nest(const struct command *cmd, struct nest *n);
void unary_nest(const struct command *cmd, struct nest *n);
void reduce_nest(const struct command *cmd, struct nest *n);
void softmax_nest(const struct command *cmd, struct nest *n);
void layernorm_nest(const struct command *cmd, struct nest *n);
void move_nest(const struct command *cmd, struct nest *n);
void gather_nest(const struct command *cmd, struct nest *n);

#endif
