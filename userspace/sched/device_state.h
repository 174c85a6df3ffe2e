/* SPDX-License-Identifier: MIT */
/*
 * device_state.h - what the scheduler believes about the device: the schedule state of Layerweaver
 * (HPCA 2021, section IV): when the fetch and the compute stream run out, and which weights still
 * occupy the weight SRAM at that time. Times are picoseconds of a clock of the core's own.
 */
#ifndef LOOM_SCHED_DEVICE_STATE_H
#define LOOM_SCHED_DEVICE_STATE_H

#include "sched.h"

/* Weights that are in the SRAM until the compute that needs them ends; tile by tile, from start on. */
struct device_hold {
	uint64_t bytes;
	int64_t start, done;
};

struct device_state {
	int64_t tm;		/* the last fetch ends */
	int64_t tc;		/* the last compute ends; never before tm */
	uint64_t buffer_bytes;
	double ps_per_byte, bytes_per_ps;
	bool tiles;		/* weights are used and freed tile by tile, not as a whole */
	/* The list l: holds with done > tm, ascending; a ring, so that a step allocates nothing. */
	struct device_hold *holds;
	unsigned int first, count, mask;
	uint64_t held;		/* sum of their bytes */
};

/* Where a slice would leave the state. */
struct device_step {
	int64_t tm, tc;
	int64_t start;		/* of its compute */
};

int device_state_init(struct device_state *ds, const struct sched_config *config);
void device_state_fini(struct device_state *ds);

/* Nothing can start before now. */
void device_state_advance(struct device_state *ds, int64_t now);
/* Nothing is at the device: both streams are free at time 0. */
void device_state_restart(struct device_state *ds);
/* The clock's origin moves by this much, so that it never overflows. */
void device_state_rebase(struct device_state *ds, int64_t by);

/* ready: compute cannot start before, whatever the weights (inputs arrive, outputs leave). */
struct device_step device_state_try(const struct device_state *ds, const struct sched_slice *slice,
				    int64_t ready);
/* Bytes of later fetches that could be moved in (step.tm, tc], if this slice came next. */
uint64_t device_state_fetch_ahead(const struct device_state *ds, const struct sched_slice *slice,
				  struct device_step step);
struct device_step device_state_commit(struct device_state *ds, const struct sched_slice *slice,
				       int64_t ready);
/* DRAM time of a slice that brings nothing into the weight SRAM: inputs, outputs, gathers. */
int64_t device_state_dma_ps(const struct device_state *ds, const struct sched_slice *slice);

static inline int64_t device_state_ps(const struct device_state *ds, uint64_t bytes)
{
	return (int64_t)((double)bytes * ds->ps_per_byte);
}

#endif /* LOOM_SCHED_DEVICE_STATE_H */
