/* SPDX-License-Identifier: MIT */
/* Is it safe to unpack? Nothing but this is needed to read an ONNX file with protobuf-c alone. */
#ifndef LOOMC_PROTO_DEPTH_H
#define LOOMC_PROTO_DEPTH_H

#include <stdbool.h>
#include <stddef.h>

#define PROTO_MAX_NESTING 64

/* Are messages in this ONNX model nested so deep that unpacking would exhaust the stack? */
bool proto_too_deep(const void *data, size_t size);

#endif
