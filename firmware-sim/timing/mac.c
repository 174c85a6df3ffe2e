/* SPDX-License-Identifier: MIT */
/*
 * The MAC array: weight-stationary tiles of array_rows (K) x array_cols (N).
 *
 * Loops, outermost first: groups of column blocks, row steps, K tiles. A group is `side` column
 * blocks worked on in lock step, each by num_arrays / side arrays that share its weights and split
 * the rows; a row step is what the accumulators hold. A K tile streams its rows through the array
 * while the next tile's weights load: max(rows, load) cycles. A pass is one K tile, or several when
 * they are short. See Documentation/accel/loom/timing.rst.
 */
#include <stdbool.h>

#include "mac.h"

/* Shorter passes are joined: bookkeeping, so that a vector times a matrix is not 10^5 events. */
#define PASS_CYCLES	128

struct gemm {
	uint64_t rows;		/* M */
	uint64_t k;
	uint64_t cols;		/* N of the weights as they lie in the stream */
	uint64_t blocks;	/* column blocks */
	uint64_t weights;	/* offset of the first */
	uint64_t weight_bytes;	/* 0: the operand is an activation */
	uint64_t bias, bias_bytes;
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
	struct gemm gemm;
	uint64_t k_tiles;
	uint64_t side;
	uint64_t full_groups;
	struct group full, last;	/* last.blocks 0: there is none */
};

static uint64_t div_up(uint64_t a, uint64_t b)
{
	return (a + b - 1) / b;
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* ---- shapes ---- */

static void gemm_bias(struct gemm *gemm, const struct loom_cmd_conv *cmd)
{
	if (!(cmd->hdr.flags & LOOM_CMD_BIAS))
		return;
	gemm->bias = cmd->b_off;
	gemm->bias_bytes = 4ull * cmd->oc;
}

static struct gemm conv_gemm(const struct loom_hw_caps *caps, const struct loom_cmd_conv *cmd)
{
	struct gemm gemm = {
		.rows = (uint64_t)cmd->batch * cmd->oh * cmd->ow,
		.k = (uint64_t)cmd->kh * cmd->kw * cmd->c,
		.cols = cmd->oc,
		.blocks = div_up(cmd->oc, caps->array_cols),
		.weights = cmd->w_off,
	};

	gemm.weight_bytes = gemm.k * cmd->oc * 2;
	gemm_bias(&gemm, cmd);
	return gemm;
}

/* Several channels share a tile, block-diagonally; each column sums one channel's window. */
static struct gemm dwconv_gemm(const struct loom_hw_caps *caps, const struct loom_cmd_conv *cmd)
{
	uint64_t window = (uint64_t)cmd->kh * cmd->kw;
	uint64_t together = max(1, min(caps->array_rows / window, caps->array_cols));
	struct gemm gemm = {
		.rows = (uint64_t)cmd->batch * cmd->oh * cmd->ow,
		.k = window * together,
		.cols = cmd->c,
		.blocks = div_up(cmd->c, together),
		.weights = cmd->w_off,
		.weight_bytes = window * cmd->c * 2,
		/* Row-major over all channels: the last row of a block is near the end. */
		.whole = true,
	};

	gemm_bias(&gemm, cmd);
	return gemm;
}

static struct gemm matmul_gemm(const struct loom_hw_caps *caps, const struct loom_cmd_matmul *cmd)
{
	return (struct gemm){
		.rows = cmd->m,
		.k = cmd->k,
		.cols = cmd->n,
		.blocks = (uint64_t)cmd->batch[0] * cmd->batch[1] *
			  div_up(cmd->n, caps->array_cols),
	};
}

static struct gemm gemm_of(const struct loom_hw_caps *caps, const struct loom_cmd *cmd)
{
	switch (cmd->opcode) {
	case LOOM_OP_CONV:	return conv_gemm(caps, (const void *)cmd);
	case LOOM_OP_DWCONV:	return dwconv_gemm(caps, (const void *)cmd);
	default:		return matmul_gemm(caps, (const void *)cmd);
	}
}

/* ---- cycles ---- */

/* Rows of weights in K tiles [0, tiles). */
static uint64_t k_rows(const struct loom_hw_caps *caps, const struct mapping *map, uint64_t tiles)
{
	return min(tiles * caps->array_rows, map->gemm.k);
}

/* K tiles [first, end) with so many rows streaming through each. */
static uint64_t tile_cycles(const struct loom_hw_caps *caps, const struct mapping *map,
			    uint64_t first, uint64_t end, uint64_t rows)
{
	uint64_t full_load = div_up(caps->array_rows, caps->wload_rows);
	uint64_t last = k_rows(caps, map, end) - (end - 1) * caps->array_rows;

	return (end - 1 - first) * max(rows, full_load) +
	       max(rows, div_up(last, caps->wload_rows));
}

static uint64_t step_rows(const struct loom_hw_caps *caps, const struct group *group,
			  uint64_t step)
{
	return min(caps->acc_rows, group->rows - step * caps->acc_rows);
}

static uint64_t group_cycles(const struct loom_hw_caps *caps, const struct mapping *map,
			     const struct group *group)
{
	uint64_t last = step_rows(caps, group, group->steps - 1);

	return (group->steps - 1) * tile_cycles(caps, map, 0, map->k_tiles, caps->acc_rows) +
	       tile_cycles(caps, map, 0, map->k_tiles, last);
}

/* Before the first pass of a command: its first weights load, the array fills and drains. */
static uint64_t start_cycles(const struct loom_hw_caps *caps, const struct mapping *map)
{
	return div_up(k_rows(caps, map, 1), caps->wload_rows) + caps->array_rows +
	       caps->array_cols;
}

/* ---- mapping ---- */

static struct group make_group(const struct loom_hw_caps *caps, const struct mapping *map,
			       uint64_t blocks)
{
	struct group group = { .blocks = blocks };
	uint64_t cycles;

	if (!blocks)
		return group;
	group.rows = div_up(map->gemm.rows, caps->num_arrays / blocks);
	group.steps = div_up(group.rows, caps->acc_rows);
	cycles = tile_cycles(caps, map, 0, 1, step_rows(caps, &group, 0));
	group.k_join = min(map->k_tiles, max(1, PASS_CYCLES / cycles));
	group.k_passes = div_up(map->k_tiles, group.k_join);
	return group;
}

static struct mapping map_with(const struct loom_hw_caps *caps, const struct gemm *gemm,
			       uint64_t side)
{
	struct mapping map = {
		.gemm = *gemm,
		.k_tiles = div_up(gemm->k, caps->array_rows),
		.side = side,
		.full_groups = gemm->blocks / side,
	};

	map.full = make_group(caps, &map, side);
	map.last = make_group(caps, &map, gemm->blocks % side);
	return map;
}

static uint64_t map_cycles(const struct loom_hw_caps *caps, const struct mapping *map)
{
	uint64_t cycles = map->full_groups * group_cycles(caps, map, &map->full);

	return map->last.blocks ? cycles + group_cycles(caps, map, &map->last) : cycles;
}

static uint64_t fewest_cycles(const struct loom_hw_caps *caps, const struct gemm *gemm,
			      uint64_t max_side)
{
	uint64_t fewest = UINT64_MAX;

	for (uint64_t side = 1; side <= max_side; side++) {
		struct mapping map = map_with(caps, gemm, side);

		fewest = min(fewest, map_cycles(caps, &map));
	}
	return fewest;
}

/*
 * The fewest column blocks side by side that take within 1/16 of the fewest cycles: a wide group
 * needs its weights together, which a rounding's worth of cycles does not make good.
 */
static struct mapping map_command(const struct loom_hw_caps *caps, const struct loom_cmd *cmd)
{
	struct gemm gemm = gemm_of(caps, cmd);
	uint64_t max_side = min(caps->num_arrays, gemm.blocks);
	uint64_t fewest = fewest_cycles(caps, &gemm, max_side), side = 1;
	struct mapping map = map_with(caps, &gemm, 1);

	while (map_cycles(caps, &map) > fewest + fewest / 16)
		map = map_with(caps, &gemm, ++side);
	return map;
}

/* ---- weights ---- */

/* Where the first k rows of a column block end in the stream. */
static uint64_t weights_end(const struct loom_hw_caps *caps, const struct gemm *gemm,
			    uint64_t block, uint64_t k)
{
	uint64_t before = block * caps->array_cols;
	uint64_t width = min(caps->array_cols, gemm->cols - before);

	return gemm->weights + (before * gemm->k + k * width) * 2;
}

static uint64_t bias_need(const struct loom_hw_caps *caps, const struct gemm *gemm, uint64_t block)
{
	return gemm->bias + min(gemm->bias_bytes, (block + 1) * caps->array_cols * 4);
}

/* Of a pass over K tiles up to k_end, in the group of blocks [block, block + group->blocks). */
static void pass_weights(const struct loom_hw_caps *caps, const struct mapping *map,
			 const struct group *group, uint64_t block, uint64_t k_end, bool last_step,
			 struct loom_pass *pass)
{
	const struct gemm *gemm = &map->gemm;
	uint64_t last_block = block + group->blocks - 1;
	uint64_t k = k_rows(caps, map, k_end);
	bool k_done = k_end == map->k_tiles;

	if (!gemm->weight_bytes || gemm->whole)
		return;
	pass->need = weights_end(caps, gemm, last_block, k);
	if (k_done && gemm->bias_bytes)
		pass->need = max(pass->need, bias_need(caps, gemm, last_block));
	/* Freed in order: the first block's tiles while the others' are still in use behind. */
	if (last_step)
		pass->done = weights_end(caps, gemm, k_done ? last_block : block, k);
}

/* ---- the interface ---- */

static uint64_t group_passes(const struct group *group)
{
	return group->steps * group->k_passes;
}

uint64_t mac_passes(const struct loom_hw_caps *caps, const struct loom_cmd *cmd)
{
	struct mapping map = map_command(caps, cmd);

	return map.full_groups * group_passes(&map.full) + group_passes(&map.last);
}

static struct loom_pass pass_of_group(const struct loom_hw_caps *caps, const struct mapping *map,
				      const struct group *group, uint64_t block, uint64_t i)
{
	uint64_t step = i / group->k_passes;
	uint64_t k_first = i % group->k_passes * group->k_join;
	uint64_t k_end = min(k_first + group->k_join, map->k_tiles);
	struct loom_pass pass = {
		.cycles = tile_cycles(caps, map, k_first, k_end, step_rows(caps, group, step)),
	};

	pass_weights(caps, map, group, block, k_end, step == group->steps - 1, &pass);
	return pass;
}

struct loom_pass mac_pass(const struct loom_hw_caps *caps, const struct loom_cmd *cmd, uint64_t i)
{
	struct mapping map = map_command(caps, cmd);
	uint64_t each = group_passes(&map.full);
	uint64_t number = min(i / each, map.full_groups);
	const struct group *group = number < map.full_groups ? &map.full : &map.last;
	struct loom_pass pass = pass_of_group(caps, &map, group, number * map.side,
					      i - number * each);

	if (map.gemm.whole)
		pass.need = max(map.gemm.weights + map.gemm.weight_bytes,
				map.gemm.bias + map.gemm.bias_bytes);
	if (i == 0)
		pass.cycles += start_cycles(caps, &map);
	return pass;
}

uint64_t mac_cycles(const struct loom_hw_caps *caps, const struct loom_cmd *cmd)
{
	struct mapping map = map_command(caps, cmd);

	return start_cycles(caps, &map) + map_cycles(caps, &map);
}

/* What one group needs from its first tile's arrival to its first tile's release. */
static uint64_t group_window(const struct loom_hw_caps *caps, const struct mapping *map,
			     const struct group *group)
{
	uint64_t block_bytes = caps->array_cols * map->gemm.k * 2;
	uint64_t tile_bytes = 2ull * caps->array_rows * caps->array_cols;

	if (!group->blocks)
		return 0;
	if (group->blocks > 1 || group->steps > 1)
		return group->blocks * block_bytes;
	return min(group->k_join * tile_bytes, block_bytes);
}

uint64_t mac_weight_window(const struct loom_hw_caps *caps, const struct loom_cmd *cmd)
{
	struct mapping map = map_command(caps, cmd);
	const struct gemm *gemm = &map.gemm;
	uint64_t window = max(group_window(caps, &map, &map.full),
			      group_window(caps, &map, &map.last));

	if (gemm->whole)
		window = gemm->weight_bytes;
	window = min(window, gemm->weight_bytes);
	/* A bias behind the weights has to wait for all of them. */
	if (gemm->bias_bytes && gemm->bias > gemm->weights)
		window = max(window, gemm->bias + gemm->bias_bytes - gemm->weights);
	return window;
}
