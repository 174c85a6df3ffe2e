/* SPDX-License-Identifier: MIT */
/*
 * policy.h - what a policy sees and does. A policy is one small file with one struct policy_ops; it
 * is asked which of the offered slices goes to the device next. It owns nothing: requests, the
 * device's state and the window belong to the core, so policies can be changed between two picks.
 */
#ifndef LOOM_SCHED_POLICY_H
#define LOOM_SCHED_POLICY_H

#include "device_state.h"
#include "sched.h"

/* What a model's slices add up to, alone. */
struct policy_profile {
	uint64_t comp_ps, mem_ps;
	uint64_t max_mem_ps;		/* of one slice */
	unsigned int num_slices;
};

/* The first slice of a model that is not submitted yet, if it may be submitted now. */
struct policy_offer {
	unsigned int model;
	const struct sched_slice *slice;
	const struct policy_profile *profile;
	uint64_t order;			/* of arrival, of its request */
	uint64_t deadline;
	bool started;			/* the request has slices at the device, or done */
	int64_t ready;			/* its compute cannot start before: the slice before it, and DMA */
	uint64_t since;			/* number of the pick since which this model is passed over */
};

struct policy_view {
	const struct device_state *device;
	const struct policy_offer *offers;
	unsigned int num_offers;
	uint64_t picks;			/* so far: the number of this pick */
	unsigned int jobs;		/* at the device */
	/* Models with requests at the device that have nothing to offer: their lists are exhausted. */
	unsigned int exhausted;
	bool must;			/* the device is about to run dry: waiting is no choice */
};

#define POLICY_WAIT (-1)		/* nothing now, ask again after the next event */

struct policy_ops {
	const char *name;
	size_t state_size;		/* zeroed, then the policy's own */
	/* A request of the model arrived. May be NULL. */
	void (*enqueue)(void *state, const struct policy_view *view, unsigned int model);
	/* An index into view->offers (never empty), or POLICY_WAIT unless view->must. */
	int (*pick)(void *state, const struct policy_view *view);
	/* A slice of the model completed. May be NULL. */
	void (*complete)(void *state, const struct policy_view *view, unsigned int model);
};

extern const struct policy_ops sched_policy_fifo;
extern const struct policy_ops sched_policy_fair;
extern const struct policy_ops sched_policy_edf;
extern const struct policy_ops sched_policy_layerweaver;

/* A policy that is in no table: tests, experiments. */
int sched_use_policy(struct sched *s, const struct policy_ops *ops);

#endif /* LOOM_SCHED_POLICY_H */
