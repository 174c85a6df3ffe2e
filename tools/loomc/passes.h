/* SPDX-License-Identifier: MIT */
/* The passes, in order (loomc.h says what each is for). */
#ifndef LOOMC_PASSES_H
#define LOOMC_PASSES_H

#include "graph.h"

struct program;

struct graph *import_model(struct compile *c, const void *onnx, size_t size);
void quant(struct graph *g);
void optimise(struct graph *g);
/* What optimise() does before activations are fused. */
void simplify(struct graph *g);
/*
 * wide: intermediate values may be kept in fp32, where that needs no conversion. tiled: spill() may
 * cut commands.
 */
struct program *lower(struct graph *g, bool wide, bool tiled);
/* Buffers are moved to DRAM and commands cut until so many bytes of lease are enough, nearly. */
void spill(struct program *p, uint64_t room);
/* With options->resident: inputs and outputs lose their transfers and keep their place in the lease. */
void keep_resident(struct program *p);
/* Commands that compute for longer than a slice may. */
void cut_rows(struct program *p);
void slice(struct program *p);
/* Bytes of lease that the plan needs; whether that is too much is for the caller to say. */
uint64_t memory(struct program *p);
/* Once buffers have their places: what shares bytes waits for each other. */
void set_waits(struct program *p);
void emit(struct program *p);
void write_elf(struct program *p);
void write_report(struct program *p);
void write_layers(struct program *p);	/* a table, for people */

/*
 * A rewriting rule: looks at one node, and if it knows better changes the graph and returns true.
 * optimise() applies them until none does.
 */
typedef bool (*rule_fn)(struct graph *g, struct node *node);

/* A table of rules, ended by NULL, until none changes anything. */
void apply_rules(struct graph *g, const rule_fn *rules);

extern const rule_fn canon_rules[], canon_select_rules[], fuse_affine_rules[],
	fuse_pattern_rules[], fuse_act_rules[];

/* An Act node making fn(in) before `at`. */
struct value *insert_act(struct graph *g, struct node *at, struct value *in, enum loom_unary fn,
			 float alpha, float beta);
/* The Act node of this function that makes v. */
struct node *act_of(const struct value *v, enum loom_unary fn);

/* A bound input's value, from "true", "3,4" or "@file.npy". */
void bind_value(struct compile *c, const char *input, const char *text, enum hostop_dtype dtype,
		struct value *v);

#endif
