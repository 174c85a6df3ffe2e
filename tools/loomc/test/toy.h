/* SPDX-License-Identifier: MIT */
/* Small ONNX models, written by a few calls. Everything is freed with toy_free(). */
#ifndef LOOMC_TEST_TOY_H
#define LOOMC_TEST_TOY_H

#include "loomc.h"
#include "onnx/onnx.pb-c.h"

struct toy {
	Onnx__ModelProto model;
	Onnx__GraphProto graph;
	Onnx__OperatorSetIdProto opset, *opsets[1];
	Onnx__NodeProto *node;		/* the last one, for attributes */
	void *owned[4096];
	unsigned int num_owned;
	uint32_t seed;
};

#define DIMS(...) (sizeof((int64_t []){ __VA_ARGS__ }) / sizeof(int64_t)), (int64_t []){ __VA_ARGS__ }

void toy_init(struct toy *t, int opset);
void toy_free(struct toy *t);
/* A graph that becomes a branch of an If: init with toy_init, then hand over. */
void toy_attr_graph(struct toy *t, const char *name, struct toy *branch);

/* A dim of -1 is dynamic, named "d". */
void toy_input(struct toy *t, const char *name, enum hostop_dtype dtype, size_t rank,
	       const int64_t *dims);
void toy_output(struct toy *t, const char *name);
/* Floats between -scale and scale, by the toy's own generator. */
void toy_weights(struct toy *t, const char *name, float scale, size_t rank, const int64_t *dims);
void toy_floats(struct toy *t, const char *name, size_t num, const float *values);
void toy_ints(struct toy *t, const char *name, size_t num, const int64_t *values);
/* Any numbers of this type from the toy's own generator: bytes, or of 32 bits up to 1000. */
void toy_integers(struct toy *t, const char *name, enum hostop_dtype dtype, size_t rank,
		  const int64_t *dims);
void toy_byte(struct toy *t, const char *name, enum hostop_dtype dtype, int value);
void toy_scalar(struct toy *t, const char *name, float value);
/* Inputs and outputs with blanks between. */
void toy_node(struct toy *t, const char *op, const char *inputs, const char *outputs);
void toy_attr_ints(struct toy *t, const char *name, size_t num, const int64_t *values);
void toy_attr_int(struct toy *t, const char *name, int64_t value);
void toy_attr_float(struct toy *t, const char *name, float value);

/* Serialised; owned by the toy. */
const void *toy_pack(struct toy *t, size_t *size);
float toy_random(uint32_t *seed);	/* in [-1, 1) */

#endif
