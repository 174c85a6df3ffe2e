// SPDX-License-Identifier: MIT
/* What the policies are shown, and what happens to one that misbehaves. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

#define STARVED_ROUNDS 64	/* a round: as many picks as all models have slices */

int guard_use(struct sched *s, const struct policy_ops *ops, const char *options)
{
	void *state = calloc(1, ops->state_size ? ops->state_size : 1);
	int ret = 0;

	if (!state)
		return -ENOMEM;
	if (options)
		ret = ops->options ? ops->options(state, options) : -EINVAL;
	if (ret) {
		free(state);
		return ret;
	}
	free(s->policy_state);
	s->policy_state = state;
	s->policy = ops;
	s->waiting = false;
	offer_forget_service(s);
	return 0;
}

int sched_use_policy(struct sched *s, const struct policy_ops *ops)
{
	return guard_use(s, ops, NULL);
}

int sched_set_policy(struct sched *s, const char *policy)
{
	const struct policy_ops *ops = sched_find_policy(policy);
	const char *colon = strchr(policy, ':');

	return ops ? guard_use(s, ops, colon ? colon + 1 : NULL) : -EINVAL;
}

const char *sched_policy(const struct sched *s)
{
	return s->policy->name;
}

/* A policy that says when to wake it can have the device down to its last slice. */
static bool must_pick(const struct sched *s)
{
	return s->num_jobs < (s->policy->wake ? 1 : MIN_JOBS);
}

static inline const struct policy_view *view(struct sched *s)
{
	s->view.num_offers = s->num_offers;
	s->view.picks = s->stats.picks;
	s->view.jobs = s->num_jobs;
	s->view.exhausted = s->exhausted;
	s->view.expected = s->expected;
	s->view.must = must_pick(s);
	return &s->view;
}

const struct policy_view *guard_view(struct sched *s)
{
	return view(s);
}

/* Each pick looks at one offer, in turn. Whoever is late is served by deadline, not by turn. */
static bool starves(struct sched *s)
{
	const struct policy_offer *o;

	if (++s->looked_at >= s->num_offers)
		s->looked_at = 0;
	o = &s->offers[s->looked_at];
	return o->deadline == SCHED_NO_DEADLINE &&
	       s->stats.picks - o->since > (uint64_t)STARVED_ROUNDS * s->num_slices;
}

/* Of the fallback, which replaces a policy that misbehaves. */
static int fall_back(struct sched *s, const char *what)
{
	s->stats.policy_faults++;
	s->fault = (struct sched_fault) { s->policy->name, what };
	if (s->policy != &sched_policy_fifo)
		guard_use(s, &sched_policy_fifo, NULL);
	return sched_policy_fifo.pick(NULL, view(s));
}

const struct sched_fault *sched_policy_fault(const struct sched *s)
{
	return s->fault.policy ? &s->fault : NULL;
}

/* Late is who has a deadline, and each may be late once. */
static bool may_postpone(const struct sched *s, unsigned int offer)
{
	return offer < s->num_offers && !s->offers[offer].postponed &&
	       s->offers[offer].deadline != SCHED_NO_DEADLINE;
}

/*
 * Misbehaviour is a pick that was not offered, none although the device needs work, or somebody who is
 * passed over for ever. The fallback cannot: its picks are in the order of arrival.
 */
int guard_pick(struct sched *s)
{
	int pick = s->policy->pick(s->policy_state, view(s));

	while (may_postpone(s, POLICY_POSTPONED(pick))) {
		deadline_postpone(s, &s->models[s->offers[POLICY_POSTPONED(pick)].model]);
		pick = s->policy->pick(s->policy_state, view(s));
	}
	if (pick == POLICY_WAIT)
		return s->view.must ? fall_back(s, "it picked nothing although the device is about to run dry") : pick;
	if (pick < 0 || (unsigned int)pick >= s->num_offers)
		return fall_back(s, "it picked what was not offered");
	if (s->policy != &sched_policy_fifo && starves(s))
		return fall_back(s, "it passed over a model for ever");
	return pick;
}
