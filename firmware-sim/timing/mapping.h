/* SPDX-License-Identifier: MIT */
/*
 * mapping.h - how a product of M x K and K x N lies on the MAC arrays, in either dataflow.
 *
 * Loops, outermost first: groups of column blocks, row steps, K tiles. A group is `side` column
 * blocks worked on in lock step, each by num_arrays / side arrays that share its weights and split
 * the rows. See Documentation/accel/loom/timing.rst.
 */
#ifndef LOOM_TIMING_MAPPING_H
#define LOOM_TIMING_MAPPING_H

#include <stdbool.h>

#include "loom_timing.h"

/* M x K x N of a command, and where its weights are. */
struct gemm {
	uint64_t rows;		/* M */
	uint64_t k;
	uint64_t cols;		/* N of the weights as they lie in the stream */
	uint64_t blocks;	/* column blocks */
	uint64_t weights;	/* offset of the first */
	uint64_t element;	/* bytes of one */
	uint64_t weight_bytes;	/* 0: the operand is an activation */
	uint64_t bias, bias_bytes;
	uint64_t channel;	/* bytes of bias of an output channel */
	bool whole;		/* all weights are needed from the first pass to the last */
};

/* The same for all groups of one kind: all but the last are full. */
struct group {
	uint64_t blocks;
	uint64_t rows;		/* of each array */
	uint64_t steps;
	uint64_t k_join;	/* K tiles in a pass */
	uint64_t k_passes;	/* passes of a row step */
};

struct mapping {
	const struct loom_hw_caps *caps;
	struct gemm gemm;
	uint64_t k_tiles;
	uint64_t side;
	uint64_t full_groups;
	struct group full, last;	/* last.blocks 0: there is none */
};

struct gemm gemm_of(const struct loom_hw_caps *caps, const struct loom_cmd *cmd);

struct mapping map_command(const struct loom_hw_caps *caps, const struct loom_cmd *cmd);
uint64_t map_cycles(const struct mapping *map);
/* Once a command: the first operands come in, the last results go out. */
uint64_t map_start_cycles(const struct mapping *map);
/* Rows of K in K tiles [0, tiles). */
uint64_t map_k(const struct mapping *map, uint64_t tiles);
/* Of each array in a row step of a group. */
uint64_t map_step_rows(const struct mapping *map, const struct group *group, uint64_t step);
/* K tiles [first, end) of a row step of so many rows. */
uint64_t map_tile_cycles(const struct mapping *map, uint64_t first, uint64_t end, uint64_t rows);

#endif /* LOOM_TIMING_MAPPING_H */
