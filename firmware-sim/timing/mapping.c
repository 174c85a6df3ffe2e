/* SPDX-License-Identifier: MIT */
/*
 * The two dataflows, and how many column blocks go side by side.
 *
 * Weight-stationary: a tile of array_rows (K) x array_cols (N) weights stays while up to acc_rows
 * rows of activations stream through, one a cycle, and the next tile's weights load behind.
 * Output-stationary: array_rows (M) x array_cols (N) sums stay while K streams through, one value
 * for each row and column a cycle, and the previous tile's sums leave behind. Both move wload_rows
 * rows of what stays in a cycle.
 */
#include "mapping.h"

#include "arith.h"

/* Shorter passes are joined: bookkeeping, so that a vector times a matrix is not 10^5 events. */
#define PASS_CYCLES	128

static bool output_stationary(const struct mapping *map)
{
	return map->caps->dataflow == LOOM_OUTPUT_STATIONARY;
}

/* What loads or leaves while something else streams. */
static uint64_t shift_cycles(const struct mapping *map, uint64_t rows)
{
	return div_up(rows, map->caps->wload_rows);
}

/* The most rows in a row step. */
static uint64_t full_step(const struct mapping *map)
{
	return output_stationary(map) ? map->caps->array_rows : map->caps->acc_rows;
}

uint64_t map_k(const struct mapping *map, uint64_t tiles)
{
	return min(tiles * map->caps->array_rows, map->gemm.k);
}

uint64_t map_step_rows(const struct mapping *map, const struct group *group, uint64_t step)
{
	return min(full_step(map), group->rows - step * full_step(map));
}

static uint64_t weight_tile_cycles(const struct mapping *map, uint64_t first, uint64_t end,
				   uint64_t rows)
{
	uint64_t full = map->caps->array_rows, last = map_k(map, end) - (end - 1) * full;

	return (end - 1 - first) * max(rows, shift_cycles(map, full)) +
	       max(rows, shift_cycles(map, last));
}

/* The last K tile also waits until the sums before have left. */
static uint64_t output_tile_cycles(const struct mapping *map, uint64_t first, uint64_t end,
				   uint64_t rows)
{
	uint64_t stream = map_k(map, end) - map_k(map, first), leave = shift_cycles(map, rows);

	if (end == map->k_tiles && leave > map->gemm.k)
		stream += leave - map->gemm.k;
	return stream;
}

uint64_t map_tile_cycles(const struct mapping *map, uint64_t first, uint64_t end, uint64_t rows)
{
	return output_stationary(map) ? output_tile_cycles(map, first, end, rows) :
					weight_tile_cycles(map, first, end, rows);
}

static uint64_t step_cycles(const struct mapping *map, uint64_t rows)
{
	return map_tile_cycles(map, 0, map->k_tiles, rows);
}

static uint64_t group_cycles(const struct mapping *map, const struct group *group)
{
	uint64_t last = map_step_rows(map, group, group->steps - 1);

	return (group->steps - 1) * step_cycles(map, full_step(map)) + step_cycles(map, last);
}

uint64_t map_start_cycles(const struct mapping *map)
{
	uint64_t stays = output_stationary(map) ? map_step_rows(map, &map->full, 0) :
						  map_k(map, 1);

	return shift_cycles(map, stays) + map->caps->array_rows + map->caps->array_cols;
}

static struct group make_group(const struct mapping *map, uint64_t blocks)
{
	struct group group = { .blocks = blocks };
	uint64_t cycles;

	if (!blocks)
		return group;
	group.rows = div_up(map->gemm.rows, map->caps->num_arrays / blocks);
	group.steps = div_up(group.rows, full_step(map));
	cycles = map_tile_cycles(map, 0, 1, map_step_rows(map, &group, 0));
	group.k_join = min(map->k_tiles, max(1, PASS_CYCLES / cycles));
	group.k_passes = div_up(map->k_tiles, group.k_join);
	return group;
}

static struct mapping map_with(const struct loom_hw_caps *caps, const struct gemm *gemm,
			       uint64_t side)
{
	struct mapping map = {
		.caps = caps,
		.gemm = *gemm,
		.k_tiles = div_up(gemm->k, caps->array_rows),
		.side = side,
		.full_groups = gemm->blocks / side,
	};

	map.full = make_group(&map, side);
	map.last = make_group(&map, gemm->blocks % side);
	return map;
}

uint64_t map_cycles(const struct mapping *map)
{
	uint64_t cycles = map->full_groups * group_cycles(map, &map->full);

	return map->last.blocks ? cycles + group_cycles(map, &map->last) : cycles;
}

static uint64_t fewest_cycles(const struct loom_hw_caps *caps, const struct gemm *gemm,
			      uint64_t max_side)
{
	uint64_t fewest = UINT64_MAX;

	for (uint64_t side = 1; side <= max_side; side++) {
		struct mapping map = map_with(caps, gemm, side);

		fewest = min(fewest, map_cycles(&map));
	}
	return fewest;
}

/*
 * The fewest column blocks side by side that take within 1/16 of the fewest cycles: a wide group
 * needs its weights together, which a rounding's worth of cycles does not make good.
 */
struct mapping map_command(const struct loom_hw_caps *caps, const struct loom_cmd *cmd)
{
	struct gemm gemm = gemm_of(caps, cmd);
	uint64_t max_side = min(caps->num_arrays, gemm.blocks);
	uint64_t fewest = fewest_cycles(caps, &gemm, max_side), side = 1;
	struct mapping map = map_with(caps, &gemm, 1);

	while (map_cycles(&map) > fewest + fewest / 16)
		map = map_with(caps, &gemm, ++side);
	return map;
}
