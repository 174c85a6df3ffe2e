/* SPDX-License-Identifier: MIT */
/*
 * tile.h - a command whose operands do not stay in the lease: a range of them at a time is loaded,
 * worked on and stored.
 */
#ifndef LOOMC_TILE_H
#define LOOMC_TILE_H

#include "nest.h"

/* Where a buffer is when it is not in the lease. */
struct home {
	enum symbol symbol;		/* SYM_NONE: it has none yet */
	uint64_t addend;
	struct buffer *scratch;		/* of SYM_SCRATCH: placed by memory() */
};

/* An operand of a nest that is in DRAM; the others are where the command finds them. */
struct stage {
	bool staged, read, write;
	struct home home;
	uint64_t add;			/* where in the buffer the operand starts */
	struct buffer *slot[2];
};

struct cutting {
	struct nest nest;
	struct stage stage[MAX_REFS];
	uint64_t size[MAX_AXES];	/* of a tile */
	uint64_t tiles;
	unsigned int slots;		/* 2: the next tile is loaded while one is worked on */
	uint64_t bytes;			/* of the slots */
	uint64_t traffic;		/* bytes to and from DRAM */
	uint64_t transfers;		/* commands that do it */
};

/* The cheapest way that takes at most so many bytes of the lease; false: there is none. */
bool choose_tiles(const struct program *p, struct cutting *cut, uint64_t room);
/* Bytes that it takes uncut. */
uint64_t uncut_bytes(struct cutting *cut);
/* Does every tile read something? One whose windows lie in padding alone cannot be made. */
bool tiles_meet_inputs(const struct cutting *cut);
/* The commands: appended to the program's. `cmd` is the whole, and is not changed. */
void emit_tiles(struct program *p, const struct command *cmd, struct cutting *cut);
/* A whole buffer between the lease and its home. */
void emit_transfer(struct program *p, enum loom_opcode opcode, struct buffer *buf,
		   const struct home *home);

#endif
