// SPDX-License-Identifier: MIT
/*
 * loom - Loom's own. What it steers is the lead, D = tc - tm: how long compute has work after the last
 * fetch that is planned. A slice of a compute-intensive model lengthens it, one of a memory-intensive
 * model shortens it. Compute idles when the lead is shorter than a fetch, DRAM idles when the lead is
 * so long that the SRAM is full; between the two, nothing is lost. So:
 *
 *   - a memory-intensive slice is taken if the lead it leaves is what the compute-intensive model will
 *     need: its own slices to come may shorten the lead (the tail of a convolutional network does), and
 *     at its end, if no request waits behind, the lead must last until the next one has come;
 *   - else, or when the lead is long enough to fill the SRAM, the other.
 *
 * While a model has requests at the device and none that could be offered (strict arrivals), slices are
 * submitted just in time: when the fetch engine is about to run dry, and no sooner. When its next request has
 * come, nothing is fetched beside the inputs.
 *
 * Documentation/accel/loom/scheduling.rst has the reasons and the figures.
 */
#include "loom.h"
#include "urgency.h"

/* No more of the SRAM than one part in so many is spent on the time between two requests. */
#define END_PART 4

struct loom {
	int64_t wake;
	int64_t alone;		/* inputs that somebody waits for have the channel alone until then */
};

/* No request waits behind this one, but one came before it: the next is expected when it is done. */
static bool comes_back(const struct policy_offer *o)
{
	return !o->more && o->again;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Time in which compute does nothing because of this slice. */
static int64_t idle(const struct device_state *ds, const struct policy_offer *o, struct device_step step)
{
	return step.tc - ds->tc - (int64_t)o->slice->comp_ps;
}

/*
 * Until the next request of c can compute, the engine lives on slices of m that are fetched after c's
 * last: only a part of the lead's length, comp / mem of m. It waits for c's inputs in any case, and if no
 * request stands behind this one also for its arrival and its first weights, behind a fetch of m's. A lead
 * that long costs too, when m ends: no more than a part of the SRAM is spent on it.
 */
static int64_t lead_at_end(const struct policy_view *v, const struct policy_offer *c, const struct policy_offer *m)
{
	const struct policy_profile *cp = c->profile, *mp = m->profile;
	int64_t most, gap = !c->more ? cp->between : cp->overlap ? 0 : cp->between + cp->inputs;

	if (!c->more && !comes_back(c))
		return 0;
	if (!c->more)
		gap += (int64_t)mp->max_mem_ps + v->turnaround + cp->need[0];
	most = v->device->fill / END_PART;
	if ((double)gap * (double)mp->mem_ps >= (double)most * (double)mp->comp_ps)
		return cp->need[0] + most;
	return cp->need[0] + (int64_t)((double)gap * (double)mp->mem_ps / (double)mp->comp_ps);
}

/* The lead with which the compute-intensive model can go on from here: by its own slices, and for its end. */
static int64_t lead_needed(const struct policy_view *v, const struct policy_offer *c, const struct policy_offer *m)
{
	int64_t own = c->profile->need[c->index], most = v->device->fill;
	int64_t end = c->profile->deficit[c->index] + lead_at_end(v, c, m);

	return larger(smaller(own, most), smaller(end, most));
}

/*
 * The last slices of a memory-intensive request behind which none waits: DRAM has nothing of that model to
 * fetch from their fetch to their compute, which is as long as the lead is then. What costs less: to
 * finish it first, and have compute idle for what the lead lacks, or after c's slice?
 */
static bool finish_first(const struct policy_view *v, const struct policy_offer *c, const struct policy_offer *m)
{
	int64_t lead = v->device->tc - v->device->tm - m->profile->deficit[m->index];
	int64_t later = lead + (int64_t)c->slice->comp_ps - (int64_t)c->slice->mem_ps;

	return comes_back(m) && (lead > 0 ? lead : -lead) < later;
}

static bool any_deadline(const struct policy_view *v)
{
	return v->offers[rank_first(v->due)].deadline != SCHED_NO_DEADLINE;
}

static bool nobody_else(const struct policy_view *v)
{
	return v->served[1]->num <= 1 && !any_deadline(v);
}

/*
 * A request that just came, of a model that had none, and there is no other to compute: everything waits for
 * its inputs. They are sent for at once, and nothing is fetched beside them: compute lives on what was
 * fetched before, and shared, they would take twice as long.
 */
static bool waited_for(const struct policy_view *v, const struct policy_offer *o)
{
	return o->awaited && o->inputs && nobody_else(v);
}

int loom_weave(const struct policy_view *v, int ci, int mi)
{
	const struct policy_offer *c = &v->offers[ci], *m = &v->offers[mi];
	const struct device_state *ds = v->device;
	int64_t c_ready = policy_ready(v, c);
	struct device_step with_m = device_state_try(ds, m->slice, policy_ready(v, m));
	struct device_step with_c = device_state_try(ds, c->slice, c_ready);
	int64_t idle_m = idle(ds, m, with_m), idle_c = idle(ds, c, with_c);

	if (waited_for(v, c))
		return ci;
	if (finish_first(v, c, m))
		return mi;
	/* Compute that waits for m's outputs is a lesser loss than DRAM that waits for all of c's slice. */
	if (idle_m > 0 && idle_m >= with_c.tc - with_c.tm - ds->fill)
		return idle_c < idle_m || with_c.start > c_ready ? ci : mi;
	if (idle_c > 0 && with_c.start == c_ready)
		return mi;
	if (with_m.tc - with_m.tm >= lead_needed(v, c, m))
		return mi;
	if (with_c.tc - with_c.tm > ds->fill)
		return mi;
	return ci;
}

/* Of one kind and the first n, the most urgent one. */
static int most_urgent(const struct urgency *u, const struct policy_view *v, unsigned int n, bool compute)
{
	unsigned int k;

	for (k = 0; k < n; k++)
		if (policy_is_compute(v->offers[u->order[k]].profile) == compute)
			return (int)u->order[k];
	return -1;
}

/*
 * Somebody's next request may come any moment: submit no sooner than the fetch engine needs it, and not so
 * much compute that the next one would find a long lead.
 */
static int just_in_time(struct loom *l, const struct policy_view *v, int pick, bool compute)
{
	const struct device_state *ds = v->device;
	int64_t dry = ds->tm < ds->tc ? ds->tm : ds->tc, most = ds->fill / 2;

	if (v->must || !v->expected)
		return pick;
	if (compute && ds->tc - ds->tm > most)
		dry = ds->tc - most;
	l->wake = dry - v->turnaround;
	return l->wake <= v->now ? pick : POLICY_WAIT;
}

static int weave_or_one(struct loom *l, const struct policy_view *v, int c, int m)
{
	if (c >= 0 && m >= 0)
		return loom_weave(v, c, m);
	return just_in_time(l, v, c >= 0 ? c : m, c >= 0);
}

/* What is best for both streams among so many of the most urgent that the others can wait. */
static int pick_in_time(struct loom *l, const struct policy_view *v)
{
	struct urgency u;
	unsigned int n;
	int pick;

	urgency_sort(&u, v);
	pick = urgency_victim(&u, v);
	if (pick >= 0)
		return POLICY_POSTPONE(pick);
	n = u.num;
	do {
		pick = weave_or_one(l, v, most_urgent(&u, v, n, true), most_urgent(&u, v, n, false));
		if (pick < 0)
			return pick;
		n = urgency_first(&u, v, (unsigned int)pick);
	} while (n);
	return pick;
}

static int loom_pick(void *state, const struct policy_view *v)
{
	struct loom *l = state;
	int pick;

	l->wake = l->alone - v->turnaround;
	if (v->now < l->wake && !v->must && nobody_else(v))
		return POLICY_WAIT;
	l->wake = INT64_MAX;
	if (loom_ends(v))
		pick = loom_end_pick(v);
	else if (any_deadline(v))
		pick = pick_in_time(l, v);
	else
		pick = weave_or_one(l, v, rank_first(v->served[1]), rank_first(v->served[0]));
	if (pick >= 0 && waited_for(v, &v->offers[pick]))
		l->alone = larger(v->device->tm, v->now) + v->offers[pick].inputs;
	return pick;
}

static int64_t loom_wake(void *state)
{
	return ((struct loom *)state)->wake;
}

const struct policy_ops sched_policy_loom = {
	.name = "loom",
	.state_size = sizeof(struct loom),
	.pick = loom_pick,
	.wake = loom_wake,
	.inputs_first = true,
};
