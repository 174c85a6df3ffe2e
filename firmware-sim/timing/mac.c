/* SPDX-License-Identifier: MIT */
/*
 * The passes of a command on the MAC array: what each needs and frees of the weights. A pass is one
 * K tile of a group's row step, or several when they are short (mapping.h).
 */
#include "arith.h"
#include "mac.h"

/* ---- weights ---- */

/* Where the first k rows of a column block end in the stream. */
static uint64_t weights_end(const struct mapping *map, uint64_t block, uint64_t k)
{
	const struct gemm *gemm = &map->gemm;
	uint64_t before = block * map->caps->array_cols;
	uint64_t width = min(map->caps->array_cols, gemm->cols - before);

	return gemm->weights + (before * gemm->k + k * width) * gemm->element;
}

static uint64_t bias_need(const struct mapping *map, uint64_t block)
{
	const struct gemm *gemm = &map->gemm;

	return gemm->bias +
	       min(gemm->bias_bytes, (block + 1) * map->caps->array_cols * gemm->channel);
}

/* Of a pass over K tiles up to k_end, in the group of blocks [block, block + group->blocks). */
static void pass_weights(const struct mapping *map,
			 const struct group *group, uint64_t block, uint64_t k_end, bool last_step,
			 struct loom_pass *pass)
{
	const struct gemm *gemm = &map->gemm;
	uint64_t last_block = block + group->blocks - 1;
	uint64_t k = map_k(map, k_end);
	bool k_done = k_end == map->k_tiles;

	if (!gemm->weight_bytes || gemm->whole)
		return;
	pass->need = weights_end(map, last_block, k);
	if (k_done && gemm->bias_bytes)
		pass->need = max(pass->need, bias_need(map, last_block));
	/* Freed in order: the first block's tiles while the others' are still in use behind. */
	if (last_step)
		pass->done = weights_end(map, k_done ? last_block : block, k);
}

/* ---- the interface ---- */

static uint64_t group_passes(const struct group *group)
{
	return group->steps * group->k_passes;
}

uint64_t mac_passes(const struct mapping *map)
{
	return map->full_groups * group_passes(&map->full) + group_passes(&map->last);
}

static struct loom_pass pass_of_group(const struct mapping *map,
				      const struct group *group, uint64_t block, uint64_t i)
{
	uint64_t step = i / group->k_passes;
	uint64_t k_first = i % group->k_passes * group->k_join;
	uint64_t k_end = min(k_first + group->k_join, map->k_tiles);
	struct loom_pass pass = {
		.cycles = map_tile_cycles(map, k_first, k_end, map_step_rows(map, group, step)),
	};

	pass_weights(map, group, block, k_end, step == group->steps - 1, &pass);
	return pass;
}

struct loom_pass mac_pass(const struct mapping *map, uint64_t i)
{
	uint64_t each = group_passes(&map->full);
	uint64_t number = min(i / each, map->full_groups);
	const struct group *group = number < map->full_groups ? &map->full : &map->last;
	struct loom_pass pass = pass_of_group(map, group, number * map->side, i - number * each);

	if (map->gemm.whole)
		pass.need = max(map->gemm.weights + map->gemm.weight_bytes,
				map->gemm.bias + map->gemm.bias_bytes);
	if (i == 0)
		pass.cycles += map_start_cycles(map);
	return pass;
}

uint64_t mac_cycles(const struct loom_hw_caps *caps, const struct loom_cmd *cmd)
{
	struct mapping map = map_command(caps, cmd);

	return map_start_cycles(&map) + map_cycles(&map);
}

/* What one group needs from its first tile's arrival to its first tile's release. */
static uint64_t group_window(const struct mapping *map,
			     const struct group *group)
{
	uint64_t block_bytes = map->caps->array_cols * map->gemm.k * map->gemm.element;
	uint64_t tile_bytes = map->gemm.element * map->caps->array_rows * map->caps->array_cols;

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
	uint64_t window = max(group_window(&map, &map.full),
			      group_window(&map, &map.last));

	if (gemm->whole)
		window = gemm->weight_bytes;
	window = min(window, gemm->weight_bytes);
	/* A bias behind the weights has to wait for all of them. */
	if (gemm->bias_bytes && gemm->bias > gemm->weights)
		window = max(window, gemm->bias + gemm->bias_bytes - gemm->weights);
	return window;
}
