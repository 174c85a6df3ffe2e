/* SPDX-License-Identifier: MIT */
/*
 * policy.h - what a policy sees and does. A policy is one small file with one struct policy_ops; it
 * is asked which of the offered slices goes to the device next. It owns nothing: requests, the
 * device's state and the window belong to the core, so policies can be changed between two picks.
 */
#ifndef LOOM_SCHED_POLICY_H
#define LOOM_SCHED_POLICY_H

#include "device_state.h"
#include "rank.h"
#include "sched.h"

#define POLICY_FAR_NS (INT64_MAX / 2000)	/* 53 days */

/* What a model's slices add up to, alone. */
struct policy_profile {
	uint64_t comp_ps, mem_ps;
	uint64_t max_mem_ps;		/* of one slice */
	unsigned int num_slices;
	/*
	 * Of its slices from i on, run one after the other: need[i] is the lead (tc - tm) with which
	 * compute never waits for weights, deficit[i] by how much they shorten the lead, left[i] their
	 * compute time. All have num_slices + 1 elements, the last 0.
	 */
	const int64_t *need, *deficit, *left;
	int64_t inputs;			/* of a request take so long to come, with the channel to themselves */
	/* Between two requests its compute waits so long for outputs to leave and inputs to come. */
	int64_t between;
	bool overlap;			/* not if the next one waits already: sched_set_overlap() */
};

/* The next slice of a model may begin then, if this one ends at end: its outputs have left. */
static inline int64_t policy_after(const struct device_state *ds, const struct sched_slice *slice, unsigned int index,
				   int64_t end)
{
	return index ? end + device_state_dma_ps(ds, slice) : end;
}

/* Fills *p in; sums is room for as many zeros. */
#define POLICY_SUMS(num_slices) (3ul * ((num_slices) + 1))
void policy_sum_up(struct policy_profile *p, int64_t *sums, const struct device_state *ds,
		   const struct sched_slice *slices, unsigned int num);

/* The first slice of a model that is not submitted yet, if it may be submitted now. */
struct policy_offer {
	unsigned int model;
	const struct sched_slice *slice;
	const struct policy_profile *profile;
	unsigned int index;		/* of the slice in its model */
	uint64_t order;			/* of arrival, of its request */
	uint64_t deadline;
	bool postponed;			/* late already: its deadline is a later one */
	bool started;			/* the request has slices at the device, or done */
	bool more;			/* another request of the model waits behind this one */
	bool again;			/* it is not the first that the model ever had */
	bool awaited;			/* nor has the model anything else: its inputs are all it waits for */
	/* Its inputs begin to come after the slice before it has ended and outputs left, and take so long. */
	int64_t after, inputs;
	uint64_t since;			/* number of the pick since which this model is passed over */
};

struct policy_view {
	const struct device_state *device;
	const struct policy_offer *offers;
	unsigned int num_offers;
	/* Offers in the order of what their models got so far, memory-intensive and compute-intensive ones. */
	const struct rank *served[2];
	const struct rank *due;		/* by deadline, then in the order of arrival */
	int64_t now;			/* on the clock of the device's state */
	uint64_t base_ns;		/* that clock's zero, and */
	int64_t slip_ps;		/* how far it is behind by now */
	int64_t turnaround;		/* from a decision to the engines, ps */
	uint64_t picks;			/* so far: the number of this pick */
	unsigned int jobs;		/* at the device */
	/* Models with requests at the device that have nothing to offer: their lists are exhausted. */
	unsigned int exhausted;
	unsigned int expected;		/* those of them that asked before: they may ask again any moment */
	bool must;			/* the device is about to run dry: waiting is no choice */
};

/* An offer's deadline on the clock of the device's state; INT64_MAX: none, or beyond all figuring. */
static inline int64_t policy_due(const struct policy_view *view, const struct policy_offer *offer)
{
	int64_t ns = (int64_t)(offer->deadline - view->base_ns);

	if (offer->deadline == SCHED_NO_DEADLINE || ns > POLICY_FAR_NS)
		return INT64_MAX;
	return (ns < -POLICY_FAR_NS ? -POLICY_FAR_NS : ns) * 1000 - view->slip_ps;
}

static inline bool policy_is_compute(const struct policy_profile *p)
{
	return p->comp_ps >= p->mem_ps;
}

/* Its compute cannot start before. */
static inline int64_t policy_ready(const struct policy_view *view, const struct policy_offer *offer)
{
	return (offer->after > view->now ? offer->after : view->now) + offer->inputs;
}

/* What is left of an offer's request, alone: the busier resource. */
static inline int64_t policy_left(const struct policy_offer *offer)
{
	int64_t deficit = offer->profile->deficit[offer->index];

	return offer->profile->left[offer->index] + (deficit > 0 ? deficit : 0);
}

#define POLICY_WAIT (-1)		/* nothing now, ask again after the next event */
/* This offer's request will be late: it may wait for all others, and then ask again at once. */
#define POLICY_POSTPONE(offer) (-2 - (int)(offer))
#define POLICY_POSTPONED(pick) ((pick) < -1 ? (unsigned int)(-2 - (pick)) : UINT32_MAX)

struct policy_ops {
	const char *name;
	size_t state_size;		/* zeroed, then the policy's own */
	/* What follows the colon in "name:options"; 0 or -EINVAL. NULL: it takes none. */
	int (*options)(void *state, const char *options);
	/* A request of the model arrived. May be NULL. */
	void (*enqueue)(void *state, const struct policy_view *view, unsigned int model);
	/* An index into view->offers (never empty), or POLICY_WAIT unless view->must. */
	int (*pick)(void *state, const struct policy_view *view);
	/*
	 * After POLICY_WAIT: ask again at this time of view->now, or INT64_MAX. A policy that has it may
	 * wait with one slice at the device. May be NULL.
	 */
	int64_t (*wake)(void *state);
	/* It gives way to inputs that are waited for: they are predicted to have the channel to themselves. */
	bool inputs_first;
	/* A slice of the model completed. May be NULL. */
	void (*complete)(void *state, const struct policy_view *view, unsigned int model);
};

extern const struct policy_ops sched_policy_fifo;
extern const struct policy_ops sched_policy_fair;
extern const struct policy_ops sched_policy_edf;
extern const struct policy_ops sched_policy_layerweaver;
extern const struct policy_ops sched_policy_layerweaver_plus;
extern const struct policy_ops sched_policy_ai_mt;
extern const struct policy_ops sched_policy_prema;
extern const struct policy_ops sched_policy_loom;

extern const struct policy_ops *const sched_policy_table[];	/* NULL-terminated */

/* The least idle time, of Layerweaver: an index, or POLICY_WAIT. */
int layerweaver_least_idle(const struct policy_view *view);

/* By its name, "name" or "name:options"; NULL: there is none. */
const struct policy_ops *sched_find_policy(const char *name);
/* A policy that is in no table: tests, experiments. */
int sched_use_policy(struct sched *s, const struct policy_ops *ops);

#endif /* LOOM_SCHED_POLICY_H */
