// SPDX-License-Identifier: MIT
/* Cutting a command in tiles: how large, and the commands. */
#include <string.h>

#include "tile.h"
#include "timing/loom_timing.h"

#define MAX_TILES 8192
#define MAX_TRANSFERS 65536
/* A tile costs the firmware and the latency of DRAM: worth so much traffic. */
#define TILE_NS 500

static uint64_t div_up(uint64_t a, uint64_t b)
{
	return (a + b - 1) / b;
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t tiles_of(const struct cutting *cut, unsigned int axis)
{
	return div_up(cut->nest.axis[axis].extent, cut->size[axis]);
}

static void first_tile(const struct cutting *cut, struct tile *tile)
{
	for (unsigned int a = 0; a < cut->nest.num_axes; a++) {
		tile->first[a] = 0;
		tile->num[a] = min(cut->size[a], cut->nest.axis[a].extent);
	}
}

/* The next in order, the innermost axis fastest. */
static bool next_tile(const struct cutting *cut, struct tile *tile)
{
	for (unsigned int a = cut->nest.num_axes; a-- > 0;) {
		uint64_t left = cut->nest.axis[a].extent - tile->first[a] - tile->num[a];

		if (left) {
			tile->first[a] += tile->num[a];
			tile->num[a] = min(cut->size[a], left);
			return true;
		}
		tile->first[a] = 0;
		tile->num[a] = min(cut->size[a], cut->nest.axis[a].extent);
	}
	return false;
}

/* ---- what a choice of sizes costs ---- */

static bool depends(const struct nest_ref *ref, unsigned int axis)
{
	for (unsigned int d = 0; d < ref->num; d++)
		if (ref->dim[d].axis == (int)axis && ref->dim[d].stride)
			return true;
	return false;
}

/* How often an operand's part changes from tile to tile: not if what changed is none of its axes. */
static uint64_t moves_of(const struct cutting *cut, const struct nest_ref *ref)
{
	uint64_t before = 1, moves = 1;

	for (unsigned int a = 0; a < cut->nest.num_axes; a++) {
		before *= tiles_of(cut, a);
		if (tiles_of(cut, a) > 1 && depends(ref, a))
			moves = before;
	}
	return moves;
}

/* The largest part of an operand that any tile has: windows at the borders are smaller. */
static uint64_t part_bytes(const struct cutting *cut, const struct nest_ref *ref)
{
	uint64_t bytes = ref->size;

	for (unsigned int d = 0; d < ref->num; d++) {
		const struct nest_dim *dim = &ref->dim[d];
		uint64_t num = dim->axis < 0 ? dim->extent : min(cut->size[dim->axis],
							 cut->nest.axis[dim->axis].extent);

		if (dim->window.extent_field && num < dim->window.out)
			num = min((num - 1) * dim->window.stride + dim->window.reach, dim->extent);
		else if (dim->window.extent_field)
			num = dim->extent;
		bytes *= dim->stride ? num : 1;
	}
	return bytes;
}

static bool allowed(const struct cutting *cut)
{
	for (unsigned int a = 0; a < cut->nest.num_axes; a++) {
		const struct axis *axis = &cut->nest.axis[a];

		if (tiles_of(cut, a) == 1)
			continue;
		if (axis->single >= 0 && cut->size[axis->single] > 1)
			return false;
		for (unsigned int r = 0; axis->repacks && r < cut->nest.num_refs; r++)
			if (!cut->stage[r].staged)
				return false;
	}
	return cut->tiles <= MAX_TILES && cut->transfers <= MAX_TRANSFERS;
}

static uint64_t transfers_of(const struct cutting *cut, const struct nest_ref *ref);

static void weigh(struct cutting *cut)
{
	cut->tiles = 1;
	cut->bytes = cut->traffic = cut->transfers = 0;
	for (unsigned int a = 0; a < cut->nest.num_axes; a++)
		cut->tiles *= tiles_of(cut, a);
	for (unsigned int r = 0; r < cut->nest.num_refs; r++) {
		const struct stage *s = &cut->stage[r];
		uint64_t bytes, moves;

		if (!s->staged)
			continue;
		bytes = (part_bytes(cut, &cut->nest.ref[r]) + 63) & ~63ull;
		moves = moves_of(cut, &cut->nest.ref[r]);
		cut->bytes += bytes * (moves > 1 ? cut->slots : 1);
		cut->traffic += bytes * moves * (s->read + s->write);
		cut->transfers += transfers_of(cut, &cut->nest.ref[r]) * moves;
	}
}

uint64_t uncut_bytes(struct cutting *cut)
{
	for (unsigned int a = 0; a < cut->nest.num_axes; a++)
		cut->size[a] = cut->nest.axis[a].extent;
	cut->slots = 2;
	weigh(cut);
	return cut->bytes;
}

/* ---- the choice ---- */

static uint64_t cost_of(const struct program *p, const struct cutting *cut)
{
	return loom_timing_dram_ps(&p->c->options->caps, cut->traffic) +
	       (cut->tiles + cut->transfers) * TILE_NS * 1000;
}

static uint64_t step_of(const struct cutting *cut, unsigned int axis)
{
	return cut->nest.axis[axis].step;
}

static void set_size(struct cutting *cut, unsigned int axis, uint64_t steps)
{
	cut->size[axis] = min(steps * step_of(cut, axis), cut->nest.axis[axis].extent);
	if (cut->size[axis] < cut->nest.axis[axis].extent && cut->nest.axis[axis].single >= 0)
		cut->size[cut->nest.axis[axis].single] = 1;
}

/* The largest tiles along an axis that fit, the other sizes given. */
static bool fit_axis(struct cutting *cut, unsigned int axis, uint64_t room)
{
	uint64_t low = 0, high = div_up(cut->nest.axis[axis].extent, step_of(cut, axis));
	struct cutting given = *cut;

	while (low < high) {
		uint64_t middle = (low + high + 1) / 2;

		*cut = given;
		set_size(cut, axis, middle);
		weigh(cut);
		if (cut->bytes <= room)
			low = middle;
		else
			high = middle - 1;
	}
	*cut = given;
	if (!low)
		return false;
	set_size(cut, axis, low);
	weigh(cut);
	return allowed(cut);
}

/* One axis in 1, 2, 4, ... parts, another as it must be. */
static bool try_axes(const struct program *p, struct cutting *best, const struct cutting *start,
		     unsigned int a, unsigned int b, uint64_t room)
{
	uint64_t steps = div_up(start->nest.axis[b].extent, step_of(start, b));
	bool found = false;

	for (uint64_t parts = 1; parts / 2 < steps; parts *= 2) {
		struct cutting cut = *start;

		set_size(&cut, b, div_up(steps, min(parts, steps)));
		if (!fit_axis(&cut, a, room) ||
		    (best->tiles && cost_of(p, &cut) >= cost_of(p, best)))
			continue;
		*best = cut;
		found = true;
		if (a == b)
			break;
	}
	return found;
}

static bool choose(const struct program *p, struct cutting *cut, unsigned int slots,
		   uint64_t room)
{
	struct cutting start = *cut, best = { .tiles = 0 };

	for (unsigned int a = 0; a < cut->nest.num_axes; a++)
		start.size[a] = cut->nest.axis[a].extent;
	start.slots = slots;
	for (unsigned int a = 0; a < cut->nest.num_axes; a++)
		for (unsigned int b = 0; b < cut->nest.num_axes; b++)
			try_axes(p, &best, &start, a, b, room);
	if (!best.tiles)
		return false;
	*cut = best;
	return true;
}

bool choose_tiles(const struct program *p, struct cutting *cut, uint64_t room)
{
	return choose(p, cut, 2, room) || choose(p, cut, 1, room);
}

/* ---- DMA ---- */

static struct command *new_move(struct program *p, enum loom_opcode opcode, struct buffer *buf,
				uint64_t off, const struct home *home, uint64_t at)
{
	struct command *cmd = new_command(p, opcode, sizeof(struct loom_cmd_move));
	struct place place = { .buf = buf, .off = off };

	cmd->symbol = home->symbol;
	cmd->addend = home->addend + at;
	cmd->home = home->scratch;
	cmd->fixed = true;
	cmd_ref(p, cmd, FIELD(struct loom_cmd_move, off), &place, opcode == LOOM_OP_LOAD);
	return cmd;
}

void emit_transfer(struct program *p, enum loom_opcode opcode, struct buffer *buf,
		   const struct home *home)
{
	struct command *cmd = new_move(p, opcode, buf, 0, home, 0);
	struct loom_cmd_move *move = (struct loom_cmd_move *)cmd->raw;

	move->rows = 1;
	move->row_bytes = (uint32_t)buf->bytes;
}

/* A region as runs of bytes: what is contiguous on both sides is one dim. */
struct runs {
	unsigned int num;
	uint64_t extent[MAX_NEST_DIMS + 1], stride[MAX_NEST_DIMS + 1], packed[MAX_NEST_DIMS + 1];
};

static void runs_of(const struct region *region, uint32_t size, struct runs *runs)
{
	*runs = (struct runs){ .num = 0 };
	for (unsigned int i = 0; i < region->num; i++) {
		unsigned int n = runs->num;
		uint64_t stride = (uint64_t)region->stride[i] * size;

		if (region->extent[i] == 1 || !stride)
			continue;
		if (n && runs->stride[n - 1] == stride * region->extent[i]) {
			runs->extent[n - 1] *= region->extent[i];
			runs->stride[n - 1] = stride;
			runs->packed[n - 1] = (uint64_t)region->packed[i] * size;
			continue;
		}
		runs->extent[n] = region->extent[i];
		runs->stride[n] = stride;
		runs->packed[n] = (uint64_t)region->packed[i] * size;
		runs->num++;
	}
	/* innermost: bytes in a row */
	if (runs->num && runs->stride[runs->num - 1] == size) {
		runs->extent[runs->num - 1] *= size;
		runs->stride[runs->num - 1] = runs->packed[runs->num - 1] = 1;
	} else {
		runs->extent[runs->num] = size;
		runs->stride[runs->num] = runs->packed[runs->num] = 1;
		runs->num++;
	}
}

/* How many commands move a tile's part of an operand. */
static uint64_t transfers_of(const struct cutting *cut, const struct nest_ref *ref)
{
	struct region region;
	struct tile tile;
	struct runs runs;
	uint64_t num = 1;

	first_tile(cut, &tile);
	if (!nest_region(ref, &tile, &region))
		return 1;
	runs_of(&region, ref->size, &runs);
	for (unsigned int i = 0; i + 2 < runs.num; i++)
		num *= runs.extent[i];
	return num;
}

struct transfer {
	enum loom_opcode opcode;
	struct buffer *slot;
	const struct stage *stage;
	struct runs runs;
};

static void move_runs(struct program *p, const struct transfer *t, unsigned int level, uint64_t at,
		      uint64_t off)
{
	const struct runs *r = &t->runs;
	struct loom_cmd_move *move;

	if (level + 2 < r->num) {
		for (uint64_t i = 0; i < r->extent[level]; i++)
			move_runs(p, t, level + 1, at + i * r->stride[level], off + i * r->packed[level]);
		return;
	}
	move = (struct loom_cmd_move *)new_move(p, t->opcode, t->slot, off, &t->stage->home, at)->raw;
	move->row_bytes = (uint32_t)r->extent[r->num - 1];
	move->rows = level + 1 < r->num ? (uint32_t)r->extent[level] : 1;
	if (move->rows > 1) {
		move->va_pitch = r->stride[level];
		move->off_pitch = (uint32_t)r->packed[level];
	}
}

static void emit_region(struct program *p, enum loom_opcode opcode, const struct stage *stage,
			struct buffer *slot, const struct nest_ref *ref, const struct region *region)
{
	struct transfer t = { .opcode = opcode, .slot = slot, .stage = stage };

	runs_of(region, ref->size, &t.runs);
	move_runs(p, &t, 0, stage->add + region->off, 0);
}

/* ---- the tiles ---- */

bool tiles_meet_inputs(const struct cutting *cut)
{
	struct region region;
	struct tile tile;

	first_tile(cut, &tile);
	do {
		for (unsigned int r = 0; r < cut->nest.num_refs; r++)
			if (!nest_region(&cut->nest.ref[r], &tile, &region))
				return false;
	} while (next_tile(cut, &tile));
	return true;
}

struct walk {
	struct tile tile;
	struct region region[MAX_REFS];
	unsigned int slot[MAX_REFS];
};

static bool same_region(const struct region *a, const struct region *b)
{
	return a->off == b->off && a->bytes == b->bytes &&
	       !memcmp(a->extent, b->extent, sizeof(a->extent));
}

/* Regions of the walk's tile; an operand that goes on with the same part keeps its slot. */
static void enter_tile(struct program *p, const struct cutting *cut, struct walk *w,
		       const struct walk *before)
{
	for (unsigned int r = 0; r < cut->nest.num_refs; r++) {
		const struct stage *s = &cut->stage[r];

		if (!nest_region(&cut->nest.ref[r], &w->tile, &w->region[r]))
			fail_node(p->c, p->node, "has windows in nothing but padding, which cannot be tiled");
		if (!s->staged)
			continue;
		if (before && same_region(&w->region[r], &before->region[r])) {
			w->slot[r] = before->slot[r];
			continue;
		}
		w->slot[r] = before ? (before->slot[r] + 1) % cut->slots : 0;
		if (s->read)
			emit_region(p, LOOM_OP_LOAD, s, s->slot[w->slot[r]], &cut->nest.ref[r],
				    &w->region[r]);
	}
}

static void emit_tile(struct program *p, const struct command *whole, const struct cutting *cut,
		      const struct walk *w)
{
	struct command *cmd = arena(p->c, sizeof(*cmd));
	bool packed[MAX_REFS];

	*cmd = *whole;
	for (unsigned int r = 0; r < cut->nest.num_refs; r++) {
		unsigned int ref = cut->nest.ref[r].ref;

		packed[r] = cut->stage[r].staged;
		if (!packed[r])
			continue;
		cmd->ref[ref].buf = cut->stage[r].slot[w->slot[r]];
		cmd->ref[ref].add = 0;
	}
	nest_apply(cmd, &cut->nest, &w->tile, w->region, packed);
	APPEND(p->c, p->cmds, p->num_cmds, cmd);
	for (unsigned int r = 0; r < cut->nest.num_refs; r++)
		if (packed[r] && cut->stage[r].write)
			emit_region(p, LOOM_OP_STORE, &cut->stage[r], cut->stage[r].slot[w->slot[r]],
				    &cut->nest.ref[r], &w->region[r]);
}

static void make_slots(struct program *p, struct cutting *cut)
{
	for (unsigned int r = 0; r < cut->nest.num_refs; r++) {
		uint64_t bytes = part_bytes(cut, &cut->nest.ref[r]);

		if (!cut->stage[r].staged)
			continue;
		cut->stage[r].slot[0] = new_buffer(p, bytes);
		if (cut->slots > 1 && moves_of(cut, &cut->nest.ref[r]) > 1)
			cut->stage[r].slot[1] = new_buffer(p, bytes);
		else
			cut->stage[r].slot[1] = cut->stage[r].slot[0];
	}
}

/* The loads of a tile stand before the stores of the one before it, so that they need not wait. */
void emit_tiles(struct program *p, const struct command *cmd, struct cutting *cut)
{
	struct walk now = { 0 }, next;
	bool more;

	p->node = cmd->node;
	make_slots(p, cut);
	first_tile(cut, &now.tile);
	enter_tile(p, cut, &now, NULL);
	do {
		next = now;
		more = next_tile(cut, &next.tile);
		if (more && cut->slots > 1)
			enter_tile(p, cut, &next, &now);
		emit_tile(p, cmd, cut, &now);
		if (more && cut->slots == 1)
			enter_tile(p, cut, &next, &now);
		now = next;
	} while (more);
}
