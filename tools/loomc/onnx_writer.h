/* SPDX-License-Identifier: MIT */
/* Making an ONNX model, node by node. Everything lives as long as the compilation. */
#ifndef LOOMC_ONNX_WRITER_H
#define LOOMC_ONNX_WRITER_H

#include "graph.h"
#include "onnx/onnx.pb-c.h"

struct onnx_writer {
	struct compile *c;
	Onnx__GraphProto graph;
	Onnx__NodeProto *last;		/* what attributes are added to */
	unsigned int names;
	int opset;
};

void onnx_begin(struct onnx_writer *w, struct compile *c, int opset);
/* A name that nothing has yet. */
const char *onnx_name(struct onnx_writer *w, const char *like);
const char *onnx_tensor(struct onnx_writer *w, const struct hostop_tensor *t, const char *like);
const char *onnx_floats(struct onnx_writer *w, const float *v, size_t n);	/* n 0: a scalar */
const char *onnx_ints(struct onnx_writer *w, const int64_t *v, size_t n);
/* A node of one result, which is returned; name NULL: a new one. Inputs end with NULL. */
const char *onnx_node(struct onnx_writer *w, const char *name, const char *op, ...)
	__attribute__((sentinel));
void onnx_begin_node(struct onnx_writer *w, const char *op);
void onnx_add_input(struct onnx_writer *w, const char *name);
void onnx_add_output(struct onnx_writer *w, const char *name);
void onnx_attr_int(struct onnx_writer *w, const char *name, int64_t i);
void onnx_attr_float(struct onnx_writer *w, const char *name, float f);
void onnx_attr(struct onnx_writer *w, const struct hostop_attr *attr);
void onnx_port(struct onnx_writer *w, bool output, const char *name, const struct hostop_tensor *t);
/* The file, malloc'ed. */
void *onnx_end(struct onnx_writer *w, size_t *size);

#endif
