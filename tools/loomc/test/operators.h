/* SPDX-License-Identifier: MIT */
/* What is known of each operator after ONNX's tests: the table of Documentation/accel/loom/operators.rst. */
#ifndef LOOMC_TEST_OPERATORS_H
#define LOOMC_TEST_OPERATORS_H

#include <stddef.h>

#include "loomc.h"

enum where { ON_DEVICE, ON_HOST, NOWHERE, NUM_WHERES };

/* A test of a model of one node; others say nothing about an operator. error: the device's largest. */
void operators_count(const void *onnx, size_t size, enum where where, const struct loomc_tensor *in,
		     unsigned int num_in, const struct loomc_tensor *out, unsigned int num_out, double error);
/* The document. 0, or -1. */
int operators_write(const char *path);

#endif
