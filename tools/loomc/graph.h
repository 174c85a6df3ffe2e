/* SPDX-License-Identifier: MIT */
/*
 * graph.h - the graph between ONNX and commands.
 *
 * Nodes stand in an order in which every value is made before it is read. Besides ONNX's
 * operators, which the earlier passes rewrite, there are a few of our own:
 *
 *   Act      act(x): any function of one value, an affine map included
 *   Linear   x times a constant matrix [K, N], plus bias
 *   Norm     layer normalisation of the last dimension; gamma and beta optional
 *
 * Conv, ConvTranspose, Linear, MatMul and the binary operators carry a fused activation in act;
 * Conv and Linear a residual that is added before it.
 */
#ifndef LOOMC_GRAPH_H
#define LOOMC_GRAPH_H

#include <stdio.h>

#include "compile.h"
#include "loom_isa.h"

struct value {
	const char *name;
	struct hostop_tensor t;	/* data: NULL, or it is constant */
	struct node *producer;	/* NULL for inputs and constants */
	struct node *unmade;	/* a constant whose numbers nobody has asked for: this would make them */
	/* by graph_count_uses() */
	unsigned int uses;	/* being an output counts as one */
	struct node *user;	/* the last one found; the only one if uses is 1 and it is no output */
	bool is_output;
	struct lowered *lowered;
	struct observed *observed;	/* calibrate.h */
};

struct node {
	const char *name;
	const char *op;
	const char *origin;	/* ONNX's name of the operator it came from, for messages */
	int opset;
	struct hostop_attr *attrs;
	unsigned int num_attrs;
	struct value **in, **out;
	unsigned int num_in, num_out;
	struct loom_act act;
	struct value *residual;
	float alpha;		/* MatMul: scale of the product */
	float eps;		/* Norm */
	struct quantised *q;	/* quantised.h; NULL: floats */
	bool on_host;		/* the device cannot do it: found out by lower() */
};

struct port {
	const char *name;	/* as the model calls it */
	struct value *value;
};

struct graph {
	struct compile *c;
	struct node **nodes;	/* NULL where one was removed */
	unsigned int num_nodes;
	struct port *inputs, *outputs;
	unsigned int num_inputs, num_outputs;
};

/* Tensors of a compilation, freed with it. */
struct tensor_list {
	struct tensor_list *next;
	void *data;
};

void graph_own(struct compile *c, void *data);
void graph_free_tensors(struct compile *c);
/* Constants that no node of the graph reads any more. */
void graph_free_unused(struct graph *g);

struct value *value_new(struct compile *c, const char *name);
/* A constant; data zero, for the caller to fill. */
struct value *value_const(struct compile *c, const char *name, enum hostop_dtype dtype,
			  unsigned int rank, const int64_t *dims);
struct value *value_scalar(struct compile *c, float f);
bool is_const(const struct value *v);
/* A float constant of one element? */
bool is_scalar(const struct value *v, double *f);
bool same_dims(const struct hostop_tensor *a, const struct hostop_tensor *b);

struct node *node_new(struct compile *c, const char *op, const struct node *like,
		      unsigned int num_in, unsigned int num_out);
/* Put a new node of one output before another. Its output has the type and shape of `shape`. */
struct node *insert_before(struct graph *g, struct node *at, const char *op, unsigned int num_in,
			   const struct hostop_tensor *shape);
unsigned int graph_index_of(const struct graph *g, const struct node *node);
void graph_insert_before(struct graph *g, struct node *at, struct node *node);
void graph_insert_after(struct graph *g, struct node *at, struct node *node);
/* node stands where `at` stood, which is gone. */
void graph_move_to(struct graph *g, struct node *node, struct node *at);
void remove_node(struct graph *g, struct node *node);
/* Everyone who reads `from` reads `to`. */
void replace_uses(struct graph *g, struct value *from, struct value *to);
void graph_count_uses(struct graph *g);
void graph_drop_dead(struct graph *g);
bool is_op(const struct node *node, const char *op);
/* A convolution over three spatial dimensions: for the host, as it is. */
bool is_volume(const struct node *node);
/* The node that makes v, if it is of this kind and v is its first output. */
struct node *made_by(const struct value *v, const char *op);
bool used_once(const struct value *v);	/* by a node, and no output */

const struct hostop_attr *node_attr(const struct node *node, const char *name);
int64_t node_int(const struct node *node, const char *name, int64_t otherwise);
const char *node_string(const struct node *node, const char *name, const char *otherwise);
void node_set_ints(struct compile *c, struct node *node, const char *name, const int64_t *v,
		   unsigned int num);
void node_set_int(struct compile *c, struct node *node, const char *name, int64_t i);

/* The numbers of a constant are looked at: make them, if they are not made yet. */
void make_numbers(struct graph *g, struct value *v);
/* ---- numbers.c ---- */
/* One number of a constant, made or not. */
double number_at(const struct value *v, size_t i);
/* Can number_at() make what the node, of constants alone, would be? */
bool can_wait(const struct graph *g, const struct node *node, const struct hostop_tensor *out);
/* Fold: shapes of the outputs, and their values if all inputs are known. true: now constant. */
bool fold_node(struct graph *g, struct node *node);
/* The call that hostops see. `in` has room for num_in pointers. */
void node_call(const struct node *node, struct hostop_call *call, const struct hostop_tensor **in);

void graph_print(const struct graph *g, FILE *to);

#endif
