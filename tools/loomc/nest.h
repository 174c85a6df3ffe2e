/* SPDX-License-Identifier: MIT */
/*
 * nest.h - a command as a nest of loops, so that it can be cut: which loops it has, which parts of
 * its operands a range of them touches, and which of its fields say so.
 */
#ifndef LOOMC_NEST_H
#define LOOMC_NEST_H

#include "lower.h"

#define MAX_AXES 8
#define MAX_NEST_DIMS 6
#define ALL_OF_IT -1

/* A loop that may be cut in ranges. */
struct axis {
	uint64_t extent;
	uint64_t step;		/* ranges start at multiples of it, so that no byte changes */
	bool rows;		/* of M, of a product */
	bool repacks;		/* cut only if no operand stays as it lies */
	int single;		/* this other axis goes one by one when this one is cut; or none (-1) */
	uint16_t count[2];	/* u32 fields that hold the extent; 0: none */
	uint64_t va_step;	/* a DMA command's address moves so many bytes */
};

/* Windows of a convolution: which rows of the input a range of rows of the output reads. */
struct nest_window {
	uint32_t stride, before, reach;
	uint64_t out;		/* rows of the output */
	uint16_t extent_field, before_field;	/* u32 and u16; 0: no window */
};

struct nest_dim {
	int axis;		/* or ALL_OF_IT */
	uint64_t extent;
	int64_t stride;		/* elements */
	uint16_t field;		/* u32 that holds it; 0: it follows from the others */
	struct nest_window window;
};

struct nest_ref {
	unsigned int ref;	/* of the command's */
	uint32_t size;		/* bytes of an element */
	unsigned int num;
	struct nest_dim dim[MAX_NEST_DIMS];
};

/* Constants move along with an axis. */
struct nest_weight {
	unsigned int weight;	/* of the command's */
	int axis;
	uint64_t bytes;
};

struct nest {
	struct axis axis[MAX_AXES];
	unsigned int num_axes;	/* outermost first */
	struct nest_ref ref[MAX_REFS];
	unsigned int num_refs;
	struct nest_weight weight[3 * LOOM_MAX_DIMS];
	unsigned int num_weights;
};

/* false: a command that is not understood, or with strides that cannot be. */
bool nest_of(const struct program *p, const struct command *cmd, struct nest *nest);

/* A range of every axis. */
struct tile {
	uint64_t first[MAX_AXES], num[MAX_AXES];
};

/* What of an operand a tile touches: from its first element, dims nested by stride. */
struct region {
	uint64_t off;				/* bytes from the operand's start */
	unsigned int num;
	unsigned int dim[MAX_NEST_DIMS];	/* of the nest_ref, outermost first */
	uint64_t extent[MAX_NEST_DIMS];
	int64_t stride[MAX_NEST_DIMS];
	int64_t packed[MAX_NEST_DIMS];		/* strides with no gaps left */
	uint64_t bytes;				/* packed */
};

/* false: its window does not meet the input. */
bool nest_region(const struct nest_ref *ref, const struct tile *tile, struct region *region);
/* The command, for the tile; operands that are `packed` (by number of the nest_ref) with packed strides. */
void nest_apply(struct command *cmd, const struct nest *nest, const struct tile *tile,
		const struct region *regions, const bool *packed);

#endif
