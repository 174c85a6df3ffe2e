/* SPDX-License-Identifier: MIT */
/*
 * device_state.h - what the scheduler believes about the device: the schedule state of Layerweaver
 * (HPCA 2021, section IV): when the fetch and the compute stream run out, and which weights still
 * occupy the weight SRAM at that time. Times are picoseconds of a clock of the core's own.
 *
 * Bytes are counted as the time that the DRAM channel takes to move them, so that a step is additions
 * and comparisons.
 */
#ifndef LOOM_SCHED_DEVICE_STATE_H
#define LOOM_SCHED_DEVICE_STATE_H

#include "sched.h"

#define DEVICE_TILES 8	/* of a slice: what has to be there for it to begin, or is left at the end */

/* Weights that are in the SRAM until the compute that needs them ends; tile by tile, from start on. */
struct device_hold {
	int64_t size;		/* as time on the channel */
	int64_t before;		/* the sizes of all that were held before it */
	int64_t start, done;
};

/*
 * Of the holds, those where what can be moved by the end of compute is least (room by then, and the time
 * after it), each less than all that come later: a queue of their numbers. It is brought up to date when it
 * is asked for, so who does not ask pays nothing.
 */
struct device_tight {
	uint64_t first, end;	/* of the queue: a ring like that of the holds */
	uint64_t seen;		/* holds below this number were looked at */
	uint64_t numbers[];
};

struct device_state {
	int64_t tm;		/* the last fetch ends */
	int64_t tc;		/* the last compute ends; never before tm */
	int64_t fill;		/* the size of the SRAM, as time on the channel */
	int64_t room;		/* what of it is not held; below 0: a slice is larger than all of it */
	uint64_t ps_per_byte;	/* 32 bits of fraction */
	bool tiles;		/* weights are used and freed tile by tile, not as a whole */
	/* The list l: holds with done > tm, ascending; a ring, so that a step allocates nothing. */
	struct device_hold *holds;
	uint64_t first;		/* number of the first: it counts all there ever were */
	unsigned int count, mask;
	int64_t total;		/* the sizes of all that were ever held */
	struct device_tight *tight;	/* NULL: nobody asks for device_state_fetch_ahead() */
};

/* Where a slice would leave the state. */
struct device_step {
	int64_t tm, tc;
	int64_t start;		/* of its compute */
};

int device_state_init(struct device_state *ds, const struct sched_config *config);
void device_state_fini(struct device_state *ds);

/* What ended by tm is held no longer. */
void device_state_prune(struct device_state *ds);
/* Nothing is at the device: both streams are free from this time on. */
void device_state_restart(struct device_state *ds, int64_t now);
/* Into a state with a ring of its own, which has room for all that is held, and a queue of its own or none. */
void device_state_copy(struct device_state *to, const struct device_state *from);
/* The clock's origin moves by this much, so that it never overflows. */
void device_state_rebase(struct device_state *ds, int64_t by);

/* When the last of a slice that needs more than the room there is has arrived. */
int64_t device_state_walk(const struct device_state *ds, int64_t start, int64_t size);
/* Of later fetches, how much could be moved in (step.tm, tc], if a slice of this size came next. */
int64_t device_state_fetch_ahead(const struct device_state *ds, int64_t size, struct device_step step);
/* ready: compute cannot start before, whatever the weights (inputs arrive, outputs leave). */
struct device_step device_state_commit(struct device_state *ds, const struct sched_slice *slice,
				       int64_t ready);

static inline int64_t device_state_later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Nothing can start before now. */
static inline void device_state_advance(struct device_state *ds, int64_t now)
{
	if (ds->tc < now)
		ds->tc = now;
	if (ds->tm >= now)
		return;
	ds->tm = now;
	device_state_prune(ds);
}

/* What the channel takes for so many bytes. */
static inline int64_t device_state_ps(const struct device_state *ds, uint64_t bytes)
{
	return (int64_t)((unsigned __int128)bytes * ds->ps_per_byte >> 32);
}

/* DRAM time of a slice that brings nothing into the weight SRAM: inputs, outputs, gathers. */
static inline int64_t device_state_dma_ps(const struct device_state *ds, const struct sched_slice *slice)
{
	return device_state_later((int64_t)slice->mem_ps - device_state_ps(ds, slice->bytes), 0);
}

/* The compute of a slice whose fetch ends at tm. Tile by tile it begins with the first one. */
static inline struct device_step device_state_compute(const struct device_state *ds, int64_t size, int64_t comp,
						      int64_t tm, int64_t ready)
{
	int64_t first = ds->tiles ? tm - size + size / DEVICE_TILES : tm;
	int64_t start = device_state_later(device_state_later(ds->tc, first), ready);
	int64_t tc = start + comp;

	if (ds->tiles)
		tc = device_state_later(tc, tm + comp / DEVICE_TILES);
	return (struct device_step) { .tm = tm, .tc = tc, .start = start };
}

static inline struct device_step device_state_try(const struct device_state *ds, const struct sched_slice *slice,
						  int64_t ready)
{
	int64_t size = device_state_ps(ds, slice->bytes);
	int64_t start = ds->tm + device_state_later((int64_t)slice->mem_ps - size, 0);
	int64_t tm = size <= ds->room ? start + size : device_state_walk(ds, start, size);

	return device_state_compute(ds, size, (int64_t)slice->comp_ps, tm, ready);
}

#endif /* LOOM_SCHED_DEVICE_STATE_H */
