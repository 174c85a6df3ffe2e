// SPDX-License-Identifier: MIT
/*
 * ai-mt - after Baek, Kwon and Kim, "A Multi-Neural Network Acceleration Architecture" (ISCA 2020), as
 * an order of slices: weights are prefetched as long as there is room (the device does that), compute
 * is balanced against what was prefetched, and a nearly full SRAM is emptied first. Two thresholds,
 * "ai-mt:LEAD:ROOM", percent of the SRAM (as time to fill it, and as bytes); loom-bench sweeps them for
 * their best, as Layerweaver's authors did.
 */
#include <errno.h>
#include <stdlib.h>

#include "policy.h"

#define DEFAULT_LEAD 25
#define DEFAULT_ROOM 10

struct ai_mt {
	unsigned int lead, room;	/* percent; 0: default */
	uint64_t seed;
};

static int parse(const char *text, char end, const char **rest, unsigned int *percent)
{
	char *stop;
	unsigned long v = strtoul(text, &stop, 10);

	if (stop == text || *stop != end || v < 1 || v > 100)
		return -EINVAL;
	*percent = (unsigned int)v;
	*rest = stop + 1;
	return 0;
}

static int ai_mt_options(void *state, const char *options)
{
	struct ai_mt *a = state;
	int err = parse(options, ':', &options, &a->lead);

	return err ? err : parse(options, '\0', &options, &a->room);
}

static int64_t percent(int64_t of, unsigned int value, unsigned int otherwise)
{
	return of / 100 * (value ? value : otherwise);
}

/* The SRAM is nearly full: what frees its weights soonest. */
static int least_compute(const struct policy_view *v)
{
	unsigned int i, best = 0;

	for (i = 1; i < v->num_offers; i++)
		if (v->offers[i].slice->comp_ps < v->offers[best].slice->comp_ps)
			best = i;
	return (int)best;
}

static int64_t surplus(const struct policy_offer *o)
{
	return (int64_t)o->slice->comp_ps - (int64_t)o->slice->mem_ps;
}

/* sign > 0: the most compute for its fetch; < 0: the least. */
static int extreme(const struct policy_view *v, int sign)
{
	unsigned int i, best = 0;

	for (i = 1; i < v->num_offers; i++)
		if (sign * (surplus(&v->offers[i]) - surplus(&v->offers[best])) > 0)
			best = i;
	return (int)best;
}

static bool all_memory(const struct policy_view *v)
{
	unsigned int i;

	for (i = 0; i < v->num_offers; i++)
		if (surplus(&v->offers[i]) >= 0)
			return false;
	return true;
}

static int any(struct ai_mt *a, const struct policy_view *v)
{
	a->seed = a->seed * 6364136223846793005ull + 1442695040888963407ull;
	return (int)((a->seed >> 33) % v->num_offers);
}

static int ai_mt_pick(void *state, const struct policy_view *v)
{
	const struct device_state *ds = v->device;
	struct ai_mt *a = state;
	int64_t lead = percent(ds->fill, a->lead, DEFAULT_LEAD);

	if (ds->room < percent(ds->fill, a->room, DEFAULT_ROOM))
		return least_compute(v);
	if (all_memory(v))
		return any(a, v);
	return extreme(v, ds->tc - ds->tm < lead ? 1 : -1);
}

const struct policy_ops sched_policy_ai_mt = {
	.name = "ai-mt",
	.state_size = sizeof(struct ai_mt),
	.options = ai_mt_options,
	.pick = ai_mt_pick,
};
