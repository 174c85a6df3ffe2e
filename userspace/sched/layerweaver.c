// SPDX-License-Identifier: MIT
/*
 * layerweaver - the greedy of Oh et al., "Layerweaver: Maximizing Resource Utilization of Neural
 * Processing Units via Layer-Wise Scheduling" (HPCA 2021), section IV. Each step takes, among the
 * first unscheduled slices of the models, the one that leaves the least idle time on the compute
 * engine and the DRAM channel. Documentation/accel/loom/scheduling.rst has the equations and what
 * was decided where the paper is open.
 */
#include "policy.h"

struct cost {
	int64_t compute;	/* compute idle before the slice */
	int64_t memory;		/* DRAM idle during it that another order could avoid */
	int64_t total;		/* both, and the compute idle that may come after it */
	int64_t lead;		/* D' = tc' - tm' */
	bool inherent;		/* DRAM idles during it whatever the order */
};

static int64_t above_zero(int64_t x)
{
	return x > 0 ? x : 0;
}

static struct cost cost_of(const struct policy_view *view, const struct policy_offer *offer,
			   int64_t max_mem)
{
	const struct device_state *ds = view->device;
	const struct sched_slice *slice = offer->slice;
	struct device_step step = device_state_try(ds, slice, policy_ready(view, offer));
	int64_t size = device_state_ps(ds, slice->bytes), lead = ds->tc - step.tm;
	/* L.comp - (Buf - L.size) / BW, inherent if above zero; what is fetched ahead adds to it. */
	int64_t idle = (int64_t)slice->comp_ps + size - ds->fill;
	struct cost c = {
		.compute = step.tc - (int64_t)slice->comp_ps - ds->tc,
		.lead = step.tc - step.tm,
		.inherent = idle > 0,
	};

	/* No more can be fetched ahead than time allows; most often that is too little to idle by. */
	if (lead > 0 && idle + lead > 0)
		c.memory = above_zero(idle + device_state_fetch_ahead(ds, size, step)) - above_zero(idle);
	c.total = c.compute + c.memory + above_zero(max_mem - c.lead);
	return c;
}

static bool better(const struct cost *a, const struct cost *b)
{
	if (a->total != b->total)
		return a->total < b->total;
	if (a->memory != b->memory)
		return a->memory < b->memory;
	if (a->inherent != b->inherent)
		return !a->inherent;
	return a->lead > b->lead;
}

/* Compute time per DRAM time of the whole model, compared without dividing: > 0 if a's is larger. */
static double intensity_diff(const struct policy_profile *a, const struct policy_profile *b)
{
	return (double)a->comp_ps * (double)b->mem_ps - (double)b->comp_ps * (double)a->mem_ps;
}

/* sign > 0: the most compute-intensive model on offer, < 0: the most memory-intensive. */
static int extreme(const struct policy_view *view, int sign)
{
	unsigned int i, best = 0;

	for (i = 1; i < view->num_offers; i++)
		if (sign * intensity_diff(view->offers[i].profile, view->offers[best].profile) > 0)
			best = i;
	return (int)best;
}

/* The largest fetch that may come next: what the lead should be able to hide. */
static int64_t max_mem(const struct policy_view *view)
{
	uint64_t max = 0;
	unsigned int i;

	for (i = 0; i < view->num_offers; i++)
		if (max < view->offers[i].profile->max_mem_ps)
			max = view->offers[i].profile->max_mem_ps;
	return (int64_t)max;
}

/* A model passed over while every model on offer could have run once is taken: with more than two
 * models, the greedy alone could leave one out for ever. */
static int starved(const struct policy_view *view)
{
	uint64_t round = 0;
	unsigned int i;

	for (i = 0; i < view->num_offers; i++)
		round += view->offers[i].profile->num_slices;
	for (i = 0; i < view->num_offers; i++)
		if (view->picks - view->offers[i].since > round)
			return (int)i;
	return POLICY_WAIT;
}

int layerweaver_least_idle(const struct policy_view *view)
{
	bool all_compute = true, all_memory = true;
	int64_t max = max_mem(view);
	struct cost best, c;
	unsigned int i, pick = 0;

	for (i = 0; i < view->num_offers; i++) {
		c = cost_of(view, &view->offers[i], max);
		all_compute &= c.compute > 0;
		all_memory &= c.memory > 0;
		if (!i || better(&c, &best)) {
			best = c;
			pick = i;
		}
	}
	if (all_compute)
		return extreme(view, 1);
	if (all_memory)
		return extreme(view, -1);
	return (int)pick;
}

/* Models of one kind only have nothing to weave: one at a time then (the paper's fail-safe). */
static bool one_kind(const struct policy_view *view)
{
	unsigned int i;

	for (i = 1; i < view->num_offers; i++)
		if (policy_is_compute(view->offers[i].profile) != policy_is_compute(view->offers[0].profile))
			return false;
	return true;
}

static int layerweaver_pick(void *state, const struct policy_view *view)
{
	int pick;

	/* Halt: what is there to weave with may arrive before the device has run out of work. */
	if (view->exhausted && !view->must)
		return POLICY_WAIT;
	if (one_kind(view))
		return sched_policy_fifo.pick(NULL, view);
	pick = starved(view);
	return pick != POLICY_WAIT ? pick : layerweaver_least_idle(view);
}

const struct policy_ops sched_policy_layerweaver = {
	.name = "layerweaver",
	.pick = layerweaver_pick,
};
