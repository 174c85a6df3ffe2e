// SPDX-License-Identifier: MIT
/*
 * The end of finite work: two requests are left, nothing waits behind them, and no model has asked
 * before, so that nothing is expected. The weave's steady state is of no use then: what counts is when the
 * last compute ends. Either slice is tried as the next, and the rest played out by four rules: the weave
 * itself; compute first (as long as the SRAM has room and inputs are there, that is Johnson's for two
 * machines), but its tail, which fetches more than it computes, last; and whichever has compute wait the
 * least. A play is at most LEFT_MOST slices long.
 */
#include "loom.h"

#define LEFT_MOST 32u
#define HOLDS 128u		/* of a play: those there are, and those to come */

enum rule { WEAVE, COMPUTE_FIRST, TAIL_LAST, LEAST_WAIT, NUM_RULES };

struct play {
	struct device_state ds;
	struct device_hold holds[HOLDS];
	struct policy_offer offers[2];	/* the compute-intensive one first */
	struct policy_view view;
};

static unsigned int left(const struct policy_offer *o)
{
	return o->profile->num_slices - o->index;
}

static bool last_of_all(const struct policy_offer *o)
{
	return !o->more && !o->again && o->deadline == SCHED_NO_DEADLINE;
}

bool loom_ends(const struct policy_view *v)
{
	const struct policy_offer *a = &v->offers[0], *b = &v->offers[1];

	return v->num_offers == 2 && !v->expected && last_of_all(a) && last_of_all(b) &&
	       left(a) + left(b) <= LEFT_MOST && v->device->count + LEFT_MOST < HOLDS;
}

/* The more compute-intensive one of the two, whatever kinds they are. */
static int compute_of(const struct policy_view *v)
{
	const struct policy_profile *a = v->offers[0].profile, *b = v->offers[1].profile;

	return (double)a->comp_ps * (double)b->mem_ps < (double)b->comp_ps * (double)a->mem_ps;
}

static void begin(struct play *p, const struct policy_view *v, int ci, int mi)
{
	p->ds.holds = p->holds;
	p->ds.tight = NULL;
	p->ds.mask = HOLDS - 1;
	device_state_copy(&p->ds, v->device);
	p->offers[0] = v->offers[ci];
	p->offers[1] = v->offers[mi];
	p->view = *v;
	p->view.device = &p->ds;
	p->view.offers = p->offers;
}

static void take(struct play *p, unsigned int k)
{
	struct policy_offer *o = &p->offers[k];
	int64_t end = device_state_commit(&p->ds, o->slice, policy_ready(&p->view, o)).tc;

	o->after = policy_after(&p->ds, o->slice, o->index, end);
	o->inputs = 0;
	o->index++;
	o->slice++;
}

static int64_t compute_waits(const struct play *p, unsigned int k)
{
	const struct policy_offer *o = &p->offers[k];
	struct device_step step = device_state_try(&p->ds, o->slice, policy_ready(&p->view, o));

	return step.tc - (int64_t)o->slice->comp_ps - p->ds.tc;
}

static unsigned int next(const struct play *p, enum rule rule)
{
	if (!left(&p->offers[0]) || !left(&p->offers[1]))
		return !left(&p->offers[0]);
	if (rule == WEAVE)
		return (unsigned int)loom_weave(&p->view, 0, 1);
	if (rule == TAIL_LAST)
		return p->offers[0].slice->comp_ps < p->offers[0].slice->mem_ps;
	return rule == LEAST_WAIT && compute_waits(p, 1) < compute_waits(p, 0);
}

/* When all is computed, if the k-th offer goes next. */
static int64_t played_out(const struct policy_view *v, int ci, int mi, unsigned int k, enum rule rule)
{
	struct play p;

	begin(&p, v, ci, mi);
	for (take(&p, k); left(&p.offers[0]) || left(&p.offers[1]);)
		take(&p, next(&p, rule));
	return p.ds.tc;
}

int loom_end_pick(const struct policy_view *v)
{
	int ci = compute_of(v), mi = !ci;
	unsigned int own = loom_weave(v, ci, mi) == mi, k, best = own;
	int64_t soonest = INT64_MAX, end;
	int rule;

	for (k = 0; k < 2; k++)
		for (rule = 0; rule < NUM_RULES; rule++) {
			end = played_out(v, ci, mi, own ^ k, rule);
			if (end < soonest) {
				soonest = end;
				best = own ^ k;
			}
		}
	return best ? mi : ci;
}
