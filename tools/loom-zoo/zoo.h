/* SPDX-License-Identifier: MIT */
/*
 * zoo.h - building an ONNX graph layer by layer, and the networks built so.
 *
 * A value knows its type, its shape and how large it is about (the mean of its square): weights and
 * batch norm statistics are drawn so that activations stay near one through any depth.
 * Nodes and weights are named after the scope that was set last, as exporters name them.
 */
#ifndef LOOM_ZOO_H
#define LOOM_ZOO_H

#include <obstack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "onnx/onnx.pb-c.h"

#define ZOO_MAX_DIMS 6

struct shape {
	unsigned int rank;
	int64_t dims[ZOO_MAX_DIMS];
};

#define SHAPE(...) ((struct shape){						\
	.rank = sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t),		\
	.dims = { __VA_ARGS__ } })
#define SCALAR ((struct shape){ .rank = 0 })

enum elem { ELEM_F32 = 1, ELEM_I64 = 7, ELEM_BOOL = 9, ELEM_F16 = 10 };	/* ONNX's TensorProto.DataType */

struct val {
	char *name;
	enum elem type;
	struct shape shape;
	double square;		/* mean of its square, estimated */
};

enum zoo_weights {
	WEIGHTS_SEEDED,		/* pseudo-random, from the seed and the weight's name */
	WEIGHTS_LIGHT,		/* ConstantOfShape nodes: one number a tensor */
};

struct zoo_options {
	enum zoo_weights weights;
	uint64_t seed;
	int64_t batch, tokens;	/* tokens: of networks that read text */
};

/* What an input holds in use, for samples of it. */
struct zoo_input {
	struct val *v;
	int64_t low, high;	/* numbers from low, less than high; both 0: any float */
};

#define ZOO_MAX_INPUTS 4

struct zoo {
	struct zoo_options options;
	int opset;
	struct obstack mem;
	char *scope;
	unsigned int counter;	/* of nodes: makes their names unique */
	Onnx__GraphProto graph;
	Onnx__NodeProto *last;	/* the attributes that follow are this node's */
	struct zoo_input inputs[ZOO_MAX_INPUTS];
	unsigned int num_inputs;
};

void zoo_init(struct zoo *z, const struct zoo_options *options);
void zoo_free(struct zoo *z);

/* ---- graph.c ---- */
void scope(struct zoo *z, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *zoo_printf(struct zoo *z, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct val *input(struct zoo *z, const char *name, enum elem type, struct shape shape);
struct val *input_ids(struct zoo *z, const char *name, struct shape shape, int64_t low, int64_t high);
void output(struct zoo *z, struct val *v, const char *name);
/* A node of one output, of the first input's type. Inputs: struct val *, then NULL. */
struct val *put(struct zoo *z, const char *op, struct shape shape, ...) __attribute__((sentinel));
/* One more output of the node put last. */
struct val *also(struct zoo *z, const struct val *like);
/* The node put last makes another type than it takes. */
struct val *typed(struct zoo *z, struct val *v, enum elem type);
/* Attributes of the node put last. */
void attr_int(struct zoo *z, const char *name, int64_t i);
void attr_float(struct zoo *z, const char *name, float f);
void attr_string(struct zoo *z, const char *name, const char *s);
void attr_list(struct zoo *z, const char *name, unsigned int num, const int64_t *v);
void attr_tensor(struct zoo *z, const char *name, Onnx__TensorProto *t);
#define attr_ints(z, name, ...)							\
	attr_list(z, name, sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t),	\
		  (int64_t[]){ __VA_ARGS__ })
int64_t elements(struct shape shape);

/* ---- weights.c: parameters are initializers, other constants Constant nodes ---- */
struct val *weight(struct zoo *z, const char *name, struct shape shape, double mean, double square);
struct val *constant_ints(struct zoo *z, struct shape shape, const int64_t *v);
struct val *constant_floats(struct zoo *z, struct shape shape, const float *v);
struct val *constant_int(struct zoo *z, int64_t i);	/* of rank 0 */
struct val *constant_float(struct zoo *z, float f);
#define int_list(z, ...)							\
	constant_ints(z, SHAPE(sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)),	\
		      (int64_t[]){ __VA_ARGS__ })

/* Pseudo-random floats of this mean and variance, from the seed and a name. */
void fill_seeded(struct zoo *z, float *v, size_t num, const char *name, double mean, double square);

/* ---- write.c ---- */
int zoo_write(struct zoo *z, const char *network, FILE *to);
/* A sample of every input, DIRECTORY/NAME.npy; -1: loom_error() says why not. */
int zoo_write_inputs(struct zoo *z, const char *directory);

/* ---- layers.c: of images, NCHW ---- */
struct conv {
	int64_t out, kh, kw, stride, ph, pw, group;	/* 0: a kernel of 1, a stride of 1, one group */
	bool bias;
};

struct val *conv(struct zoo *z, struct val *x, const char *name, struct conv c);
struct val *batch_norm(struct zoo *z, struct val *x, const char *name, float eps);
struct val *relu(struct zoo *z, struct val *x);
struct val *add(struct zoo *z, struct val *a, struct val *b);
/* MaxPool or AveragePool; ceil as its attribute ceil_mode. */
struct val *pool(struct zoo *z, const char *op, struct val *x, int64_t k, int64_t stride,
		 int64_t pad, bool ceil);
struct val *global_pool(struct zoo *z, struct val *x);	/* and flattened */
struct val *concat(struct zoo *z, int64_t axis, unsigned int num, struct val *const *v);
/* Gemm, as fully connected layers at the end of image networks are exported. */
struct val *gemm(struct zoo *z, struct val *x, const char *name, int64_t out);

/* ---- text.c: of sequences ---- */
struct val *matmul(struct zoo *z, struct val *a, struct val *b);
struct val *binary(struct zoo *z, const char *op, struct val *a, struct val *b);
struct val *unary(struct zoo *z, const char *op, struct val *x);
struct val *linear(struct zoo *z, struct val *x, const char *name, int64_t out, bool bias);
struct val *layer_norm(struct zoo *z, struct val *x, const char *name, float eps);
struct val *gelu(struct zoo *z, struct val *x);
struct val *softmax(struct zoo *z, struct val *x);
struct val *transpose(struct zoo *z, struct val *x, const int64_t *perm);
#define permute(z, x, ...) transpose(z, x, (int64_t[]){ __VA_ARGS__ })
struct val *reshape(struct zoo *z, struct val *x, struct shape shape);
/* The same, with the first `keep` dimensions taken from x by Shape and Gather, as traced code does. */
struct val *view(struct zoo *z, struct val *x, unsigned int keep, struct shape shape);
struct val *cut(struct zoo *z, struct val *x, int64_t axis, int64_t from, int64_t to);
/* Rows of a table by number. */
struct val *embedding(struct zoo *z, struct val *ids, const char *name, int64_t rows, int64_t width);

/* ---- the networks ---- */

/* A published figure, and the unit of its last digit; 0: none. */
struct figure {
	double value, digit;
};

struct network {
	const char *name, *title;
	const char *paper;	/* of the architecture */
	const char *counted;	/* who published the figures, and how they count */
	const char *shape;	/* of a sample, in words */
	int64_t tokens;		/* by default; 0: it reads no text */
	struct figure params;
	int64_t more_params;	/* that were published and are not in the file, */
	const char *why;	/* and why */
	struct figure mmacs;	/* millions of multiplications of a sample */
	int64_t mmacs_tokens;	/* of so many tokens; 0: the default */
	void (*build)(struct zoo *z);
};

extern const struct network networks[];
extern const unsigned int num_networks;
const struct network *find_network(const char *name);

void build_resnet18(struct zoo *z);
void build_resnet50(struct zoo *z);
void build_resnext50(struct zoo *z);
void build_inception_v3(struct zoo *z);
void build_googlenet(struct zoo *z);
void build_mobilenet_v2(struct zoo *z);
void build_squeezenet(struct zoo *z);
void build_tiny_yolov2(struct zoo *z);
void build_fsrcnn(struct zoo *z);
void build_unet(struct zoo *z);
void build_bert_base(struct zoo *z);
void build_bert_large(struct zoo *z);
void build_xlnet(struct zoo *z);
void build_gpt2(struct zoo *z);
void build_ncf(struct zoo *z);
void build_ncf_dense(struct zoo *z);

/* ---- count.c: what a file holds, by its own shapes ---- */
struct count {
	uint64_t nodes, params, macs;
	uint64_t constant_macs;	/* of which no input changes the result: done once, by a compiler */
	uint64_t weights;	/* numbers that the other multiplications take from constants */
};

/* 0, or -1 with the reason in error. */
int count_model(const void *onnx, size_t size, struct count *count, char *error, size_t error_size);

/* ---- list.c ---- */
void list_text(void);
int list_json(void);

#endif
