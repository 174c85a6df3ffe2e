/* SPDX-License-Identifier: MIT */
/*
 * loomc.h - the compiler as a function, for the program and its tests.
 *
 * ONNX goes in, a .loom file comes out. The way through the files:
 *
 *   import.c      protobuf -> graph.h; folds as it goes (fold.c), so that a branch that is not
 *                 taken is never read
 *   quant.c       dynamic quantisation becomes float products with dequantised constants
 *   canon.c       many spellings -> few: constants as operands, functions of one value as "Act"
 *   fuse_*.c      patterns -> one node
 *   lower*.c      nodes -> commands on buffers (lower.h); layouts are strides
 *   slice.c       commands -> slices
 *   memory.c      buffers -> offsets in the lease; waits
 *   emit.c        slices -> command buffers, weights, relocations
 *   elf.c         -> .loom
 */
#ifndef LOOMC_H
#define LOOMC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loom_hw.h"

struct loomc_setting {
	const char *name;	/* of the input */
	const char *value;	/* "1,3,320,320"; "true", "3.5", "@file.npy" */
};

struct loomc_options {
	const char *name;	/* of the model; NULL: none */
	struct loom_hw_caps caps;
	const struct loomc_setting *shapes, *binds;
	unsigned int num_shapes, num_binds;
	const char *const *outputs;	/* none: all of the model's */
	unsigned int num_outputs;
	bool no_slice;
	uint64_t slice_bytes;	/* most weights of a slice; 0: chosen */
	bool dump;		/* print the graph before lowering to stderr */
};

struct loomc_result {
	void *file;		/* the .loom */
	size_t size;
	char *report;		/* JSON */
	char error[512];	/* in words, when loomc_compile() fails */
	char notes[512];	/* what the user may want to know, a line each */
};

/* 0, or -1 with result->error set. Free the result in both cases. */
int loomc_compile(const void *onnx, size_t size, const struct loomc_options *options,
		  struct loomc_result *result);
void loomc_result_free(struct loomc_result *result);

#endif /* LOOMC_H */
