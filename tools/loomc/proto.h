/* SPDX-License-Identifier: MIT */
/* Reading protobuf's own structs: tensors and attributes, every size checked. */
#ifndef LOOMC_PROTO_H
#define LOOMC_PROTO_H

#include "graph.h"
#include "onnx/onnx.pb-c.h"

/* Optional strings are NULL or empty alike. */
static inline const char *text(const char *s)
{
	return s ? s : "";
}

Onnx__ModelProto *proto_model(struct compile *c, const void *data, size_t size);
/* `what` names the tensor in errors. To be read once: large data goes with the reading. */
struct value *proto_tensor(struct compile *c, Onnx__TensorProto *t, const char *what);
void proto_attributes(struct compile *c, const Onnx__NodeProto *from, struct node *node);

#endif
