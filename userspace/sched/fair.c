// SPDX-License-Identifier: MIT
/* fair - a slice of each model in turn, whatever it costs. */
#include "policy.h"

struct fair {
	unsigned int next;	/* model whose turn it is */
};

/* How far round the table a model is from the one whose turn it is. */
static unsigned int distance(const struct fair *f, unsigned int model)
{
	return (model + SCHED_MAX_MODELS - f->next) % SCHED_MAX_MODELS;
}

static int fair_pick(void *state, const struct policy_view *view)
{
	struct fair *f = state;
	unsigned int i, best = 0;

	for (i = 1; i < view->num_offers; i++)
		if (distance(f, view->offers[i].model) < distance(f, view->offers[best].model))
			best = i;
	f->next = (view->offers[best].model + 1) % SCHED_MAX_MODELS;
	return (int)best;
}

const struct policy_ops sched_policy_fair = {
	.name = "fair",
	.state_size = sizeof(struct fair),
	.pick = fair_pick,
};
