// SPDX-License-Identifier: MIT
/* The policies by name, what they are shown, and what happens to one that misbehaves. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

#define STARVED_ROUNDS 64	/* a round: as many picks as all models have slices */

static const struct policy_ops *const policies[] = {
	&sched_policy_loom, &sched_policy_layerweaver, &sched_policy_layerweaver_plus, &sched_policy_ai_mt,
	&sched_policy_prema, &sched_policy_edf, &sched_policy_fair, &sched_policy_fifo,
};

#define NUM_POLICIES (sizeof(policies) / sizeof(policies[0]))

static const char *names[NUM_POLICIES + 1];

const char *const *sched_policies(void)
{
	unsigned int i;

	for (i = 0; i < NUM_POLICIES; i++)
		names[i] = policies[i]->name;
	return names;
}

const struct policy_ops *sched_find_policy(const char *name)
{
	size_t len = strcspn(name, ":");
	unsigned int i;

	for (i = 0; i < NUM_POLICIES; i++)
		if (strlen(policies[i]->name) == len && !strncmp(policies[i]->name, name, len))
			return policies[i];
	return NULL;
}

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
static int fall_back(struct sched *s)
{
	s->stats.policy_faults++;
	if (s->policy != &sched_policy_fifo)
		guard_use(s, &sched_policy_fifo, NULL);
	return sched_policy_fifo.pick(NULL, view(s));
}

/*
 * Misbehaviour is a pick that was not offered, none although the device needs work, or somebody who is
 * passed over for ever. The fallback cannot: its picks are in the order of arrival.
 */
int guard_pick(struct sched *s)
{
	int pick = s->policy->pick(s->policy_state, view(s));

	while (POLICY_POSTPONED(pick) < s->num_offers && !s->offers[POLICY_POSTPONED(pick)].postponed) {
		deadline_postpone(s, &s->models[s->offers[POLICY_POSTPONED(pick)].model]);
		pick = s->policy->pick(s->policy_state, view(s));
	}
	if (pick == POLICY_WAIT && !s->view.must)
		return pick;
	if (pick < 0 || (unsigned int)pick >= s->num_offers)
		return fall_back(s);
	return s->policy != &sched_policy_fifo && starves(s) ? fall_back(s) : pick;
}
