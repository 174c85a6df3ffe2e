// SPDX-License-Identifier: MIT
/*
 * When the buffers that live together do not fit the lease: which of them wait in DRAM, and when.
 *
 * One pass forward over the commands, with the next use of every buffer known. Where too much is
 * resident, first those go that the command does not touch (a store, and a load before their next
 * use), the largest over the longest time; then operands of the command itself are staged: brought
 * in and taken out in tiles (tile.c). A second pass writes the commands anew. What the model takes
 * in or gives out has its home in the I/O region, everything else in the scratch region.
 */
#include <stdlib.h>
#include <string.h>

#include "passes.h"
#include "tile.h"

struct use {
	uint32_t at;		/* command */
	bool read, write;
	bool staged;		/* not resident: in tiles */
	bool gone_after;	/* in DRAM until the next use */
};

struct life {
	struct use *uses;
	uint32_t num;
	uint32_t next;		/* first use at or after the command looked at */
	struct home home;
	bool filled;		/* the home has the contents from the start */
	bool kept;		/* the home is to have them at the end */
	/* second pass */
	struct buffer *now;	/* where it is resident */
	bool in_home, dirty;
};

struct spiller {
	struct program *p;
	struct buffer **bufs;
	uint32_t num_bufs;
	struct life *lives;
	struct command **cmds;	/* before; NULL: a transfer that homes make needless */
	uint32_t num_cmds;
	uint64_t room, resident;
	struct life **live;	/* that have begun and not ended, at the command looked at */
	uint32_t num_live;
};

static struct life *life_of(const struct spiller *s, const struct buffer *buf)
{
	return &s->lives[buf->number];
}

static uint64_t bytes_of(const struct spiller *s, const struct life *life)
{
	return (s->bufs[life - s->lives]->bytes + 63) & ~63ull;
}

/* ---- uses, and homes in the I/O region ---- */

static bool is_whole_move(const struct command *cmd, enum loom_opcode opcode)
{
	const struct loom_cmd_move *move = (const struct loom_cmd_move *)cmd->raw;

	return opcode_of(cmd) == opcode && move->rows == 1 && !cmd->ref[0].add &&
	       move->row_bytes == cmd->ref[0].buf->bytes && cmd->symbol != SYM_NONE;
}

/* A LOAD into a buffer that nothing wrote; what it would load is there all the time. */
static bool homes_input(struct spiller *s, const struct command *cmd)
{
	struct life *life;

	if (!is_whole_move(cmd, LOOM_OP_LOAD) || cmd->symbol == SYM_WEIGHTS)
		return false;
	life = life_of(s, cmd->ref[0].buf);
	if (life->num || life->home.symbol)
		return false;
	life->home = (struct home){ .symbol = cmd->symbol, .addend = cmd->addend };
	life->filled = true;
	return true;
}

/* The STORE that ends a buffer's life, if it has no home yet. */
static bool homes_output(struct spiller *s, uint32_t at, const struct command *cmd)
{
	struct life *life;

	if (!is_whole_move(cmd, LOOM_OP_STORE) || cmd->fixed)	/* a host step waits for it */
		return false;
	life = life_of(s, cmd->ref[0].buf);
	if (life->home.symbol)
		return false;
	for (uint32_t i = at + 1; i < s->num_cmds; i++)
		for (unsigned int r = 0; r < s->cmds[i]->num_refs; r++)
			if (s->cmds[i]->ref[r].buf == cmd->ref[0].buf && s->cmds[i]->ref[r].write)
				return false;
	life->home = (struct home){ .symbol = cmd->symbol, .addend = cmd->addend };
	life->kept = true;
	return true;
}

static void add_use(struct spiller *s, uint32_t at, const struct command *cmd, unsigned int r)
{
	struct life *life = life_of(s, cmd->ref[r].buf);
	struct use use = { .at = at };

	if (!life->num || life->uses[life->num - 1].at != at)
		APPEND(s->p->c, life->uses, life->num, use);
	if (cmd->ref[r].write)
		life->uses[life->num - 1].write = true;
	else
		life->uses[life->num - 1].read = true;
}

static void find_uses(struct spiller *s)
{
	for (uint32_t i = 0; i < s->num_cmds; i++) {
		struct command *cmd = s->cmds[i];

		if (homes_input(s, cmd) || homes_output(s, i, cmd)) {
			s->cmds[i] = NULL;
			continue;
		}
		for (unsigned int r = 0; r < cmd->num_refs; r++)
			add_use(s, i, cmd, r);
	}
}

/* ---- first pass: who is where ---- */

static struct use *use_at(struct life *life, uint32_t at)
{
	return life->next < life->num && life->uses[life->next].at == at ? &life->uses[life->next] : NULL;
}

/* Resident across the command, which does not touch it. */
static bool waits_in_lease(const struct life *life, uint32_t at)
{
	if (!life->next || life->next == life->num || life->uses[life->next].at == at)
		return false;
	return !life->uses[life->next - 1].gone_after;
}

static uint64_t waiting_bytes(const struct spiller *s, uint32_t at)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < s->num_live; i++)
		if (waits_in_lease(s->live[i], at))
			bytes += bytes_of(s, s->live[i]);
	return bytes;
}

static uint64_t touched_bytes(const struct spiller *s, uint32_t at)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < s->num_live; i++) {
		const struct use *use = use_at(s->live[i], at);

		if (use && !use->staged)
			bytes += bytes_of(s, s->live[i]);
	}
	return bytes;
}

/* The one that frees most bytes for most commands. */
static bool evict_one(const struct spiller *s, uint32_t at)
{
	struct life *best = NULL;
	uint64_t most = 0;

	for (uint32_t i = 0; i < s->num_live; i++) {
		struct life *life = s->live[i];
		uint64_t gain;

		if (!waits_in_lease(life, at))
			continue;
		gain = bytes_of(s, life) * (life->uses[life->next].at - life->uses[life->next - 1].at);
		if (gain > most) {
			most = gain;
			best = life;
		}
	}
	if (best)
		best->uses[best->next - 1].gone_after = true;
	return best;
}

static bool stage_one(const struct spiller *s, uint32_t at)
{
	struct life *best = NULL;

	for (uint32_t i = 0; i < s->num_live; i++) {
		const struct use *use = use_at(s->live[i], at);

		if (use && !use->staged && (!best || bytes_of(s, s->live[i]) > bytes_of(s, best)))
			best = s->live[i];
	}
	if (!best)
		return false;
	best->uses[best->next].staged = best->uses[best->next].gone_after = true;
	if (best->next)
		best->uses[best->next - 1].gone_after = true;
	return true;
}

/* Staged operands of a command, as the nest names them. false: it cannot be cut. */
static bool cutting_of(const struct spiller *s, uint32_t at, struct cutting *cut)
{
	const struct command *cmd = s->cmds[at];

	*cut = (struct cutting){ .slots = 2 };
	if (!nest_of(s->p, cmd, &cut->nest))
		return false;
	for (unsigned int r = 0; r < cut->nest.num_refs; r++) {
		unsigned int ref = cut->nest.ref[r].ref;
		struct life *life = life_of(s, cmd->ref[ref].buf);
		const struct use *use = life->uses;

		while (use->at != at)
			use++;
		cut->stage[r] = (struct stage){
			.staged = use->staged, .read = !cmd->ref[ref].write, .write = cmd->ref[ref].write,
			.home = life->home, .add = cmd->ref[ref].add,
		};
	}
	return true;
}

/* Less room than this makes tiles so small that it is better to make more. */
#define ROOM_PART 3

static bool tiles_fit(const struct spiller *s, uint32_t at, uint64_t resident, bool can_evict)
{
	uint64_t room = s->room - resident, enough = s->room / ROOM_PART;
	struct cutting cut;

	if (!cutting_of(s, at, &cut))
		fail_node(s->p->c, s->cmds[at]->node, "needs more activation SRAM than %llu bytes at once, and cannot be cut",
			  (unsigned long long)s->room);
	if (can_evict && room < enough && room < uncut_bytes(&cut))
		return false;
	return choose_tiles(s->p, &cut, room);
}

static bool any_staged(const struct spiller *s, uint32_t at)
{
	for (uint32_t i = 0; i < s->num_live; i++) {
		const struct use *use = use_at(s->live[i], at);

		if (use && use->staged)
			return true;
	}
	return false;
}

static void make_room(struct spiller *s, uint32_t at)
{
	for (;;) {
		uint64_t touched = touched_bytes(s, at), waiting = waiting_bytes(s, at);
		bool staged = any_staged(s, at);

		if (touched + waiting <= s->room &&
		    (!staged || tiles_fit(s, at, touched + waiting, waiting)))
			return;
		if (touched <= s->room && waiting && evict_one(s, at))
			continue;
		if (!stage_one(s, at))
			fail_node(s->p->c, s->cmds[at]->node, "cannot be cut to fit %llu bytes of activation SRAM",
				  (unsigned long long)s->room);
	}
}

static void update_live(struct spiller *s, uint32_t at)
{
	const struct command *cmd = s->cmds[at];
	uint32_t kept = 0;

	for (unsigned int r = 0; r < cmd->num_refs; r++) {
		struct life *life = life_of(s, cmd->ref[r].buf);
		bool there = false;

		for (uint32_t i = 0; i < s->num_live; i++)
			there = there || s->live[i] == life;
		if (!there)
			s->live[s->num_live++] = life;
	}
	for (uint32_t i = 0; i < s->num_live; i++) {
		struct life *life = s->live[i];

		while (life->next < life->num && life->uses[life->next].at < at)
			life->next++;
		if (life->next < life->num)
			s->live[kept++] = life;
	}
	s->num_live = kept;
}

static void decide(struct spiller *s)
{
	s->live = arena_array(s->p->c, s->num_bufs, sizeof(struct life *));
	for (uint32_t i = 0; i < s->num_cmds; i++) {
		if (!s->cmds[i])
			continue;
		update_live(s, i);
		make_room(s, i);
	}
}

/* ---- second pass: the commands anew ---- */

static const struct home *home_of(struct spiller *s, struct life *life)
{
	if (!life->home.symbol) {
		life->home.symbol = SYM_SCRATCH;
		life->home.scratch = new_buffer(s->p, s->bufs[life - s->lives]->bytes);
	}
	return &life->home;
}

static void enter_lease(struct spiller *s, struct life *life)
{
	if (life->now)
		return;
	life->now = new_buffer(s->p, s->bufs[life - s->lives]->bytes);
	s->resident += bytes_of(s, life);
	if (life->in_home)
		emit_transfer(s->p, LOOM_OP_LOAD, life->now, home_of(s, life));
}

static void leave_lease(struct spiller *s, struct life *life, bool last)
{
	if (!life->now)
		return;
	if (life->dirty && (!last || life->kept)) {
		emit_transfer(s->p, LOOM_OP_STORE, life->now, home_of(s, life));
		life->in_home = true;
	}
	life->dirty = false;
	life->now = NULL;
	s->resident -= bytes_of(s, life);
}

/* Where the command finds what is resident. */
static struct command *rewritten(struct spiller *s, const struct command *cmd)
{
	struct command *copy = arena(s->p->c, sizeof(*copy));

	*copy = *cmd;
	copy->fixed = is_dma(cmd);
	for (unsigned int r = 0; r < cmd->num_refs; r++) {
		struct life *life = life_of(s, cmd->ref[r].buf);

		if (life->now)
			copy->ref[r].buf = life->now;
		else
			home_of(s, life);
	}
	return copy;
}

static void rewrite(struct spiller *s, uint32_t at, bool staged)
{
	struct command *cmd = rewritten(s, s->cmds[at]);
	struct program *p = s->p;
	struct cutting cut;

	if (!staged) {
		APPEND(p->c, p->cmds, p->num_cmds, cmd);
		return;
	}
	if (!cutting_of(s, at, &cut) || !choose_tiles(p, &cut, s->room - s->resident))
		fail_node(p->c, cmd->node, "internal error: its tiles do not fit");
	emit_tiles(p, cmd, &cut);
}

static void after_use(struct spiller *s, struct life *life, uint32_t at)
{
	const struct use *use = &life->uses[life->next];

	if (life->next == life->num || use->at != at)
		return;		/* another operand in the same buffer */
	if (use->write && use->staged)
		life->in_home = true;
	else if (use->write)
		life->dirty = true;
	life->next++;
	if (use->gone_after || life->next == life->num)
		leave_lease(s, life, life->next == life->num);
}

static void write_command(struct spiller *s, uint32_t at)
{
	const struct command *cmd = s->cmds[at];
	bool staged = false;

	s->p->node = cmd->node;
	for (unsigned int r = 0; r < cmd->num_refs; r++) {
		struct life *life = life_of(s, cmd->ref[r].buf);

		if (life->uses[life->next].staged)
			staged = true;
		else
			enter_lease(s, life);
	}
	rewrite(s, at, staged);
	for (unsigned int r = 0; r < cmd->num_refs; r++)
		after_use(s, life_of(s, cmd->ref[r].buf), at);
}

void spill(struct program *p, uint64_t room)
{
	struct spiller s = {
		.p = p, .bufs = p->bufs, .num_bufs = p->num_bufs, .cmds = p->cmds,
		.num_cmds = p->num_cmds, .room = room,
		.lives = arena_array(p->c, p->num_bufs, sizeof(struct life)),
	};

	find_uses(&s);
	decide(&s);
	for (uint32_t i = 0; i < s.num_bufs; i++) {
		s.lives[i].next = 0;
		s.lives[i].in_home = s.lives[i].filled;
	}
	p->cmds = NULL;
	p->num_cmds = 0;
	for (uint32_t i = 0; i < s.num_cmds; i++)
		if (s.cmds[i])
			write_command(&s, i);
}
