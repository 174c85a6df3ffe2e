// SPDX-License-Identifier: MIT
/*
 * Layers that compute for long with few weights: cut along output rows, each part with the same
 * weights, so that slice() can let other models' slices between. Channels were cut before
 * (conv_emit()), as that fetches nothing twice.
 */
#include <string.h>

#include "passes.h"
#include "tile.h"
#include "timing/loom_timing.h"

static uint64_t div_up(uint64_t a, uint64_t b)
{
	return (a + b - 1) / b;
}

/* The axes along which rows of the product follow each other, the widest first. */
static unsigned int row_axes(const struct nest *nest, unsigned int *axes)
{
	unsigned int num = 0;

	for (unsigned int a = 0; a < nest->num_axes; a++)
		if (nest->axis[a].rows)
			axes[num++] = a;
	return num;
}

/* Whole images as long as there are some in every part; then rows of each. */
static void choose_rows(struct cutting *cut, uint64_t parts)
{
	unsigned int axes[MAX_AXES], num = row_axes(&cut->nest, axes);

	for (unsigned int i = 0; i < num && parts > 1; i++) {
		uint64_t extent = cut->nest.axis[axes[i]].extent;

		cut->size[axes[i]] = div_up(extent, parts < extent ? parts : extent);
		parts = div_up(parts, div_up(extent, cut->size[axes[i]]));
		if (parts > 1)
			cut->size[axes[i]] = 1;
	}
}

static bool cutting_of(const struct program *p, const struct command *cmd, struct cutting *cut)
{
	uint64_t ps = loom_timing_cycles_to_ps(&p->c->options->caps,
					       loom_timing_cycles(&p->c->options->caps,
								  (const struct loom_cmd *)cmd->raw));

	*cut = (struct cutting){ .slots = 1 };
	if (!cmd->starts_layer || ps <= p->max_slice_ps || !nest_of(p, cmd, &cut->nest))
		return false;
	for (unsigned int a = 0; a < cut->nest.num_axes; a++)
		cut->size[a] = cut->nest.axis[a].extent;
	choose_rows(cut, div_up(ps, p->max_slice_ps));
	return tiles_meet_inputs(cut);
}

void cut_rows(struct program *p)
{
	struct command **cmds = p->cmds;
	uint32_t num = p->num_cmds;
	struct cutting cut;

	p->cmds = NULL;
	p->num_cmds = 0;
	for (uint32_t i = 0; i < num; i++) {
		if (cutting_of(p, cmds[i], &cut))
			emit_tiles(p, cmds[i], &cut);
		else
			APPEND(p->c, p->cmds, p->num_cmds, cmds[i]);
	}
}
