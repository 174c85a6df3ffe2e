// SPDX-License-Identifier: MIT
/* edf - the slice of the request with the earliest deadline (Liu and Layland 1973), at slice
 * granularity; requests without a deadline come last, in the order of arrival. */
#include "policy.h"

static bool before(const struct policy_offer *a, const struct policy_offer *b)
{
	if (a->deadline != b->deadline)
		return a->deadline < b->deadline;
	return a->order < b->order;
}

static int edf_pick(void *state, const struct policy_view *view)
{
	unsigned int i, best = 0;

	for (i = 1; i < view->num_offers; i++)
		if (before(&view->offers[i], &view->offers[best]))
			best = i;
	return (int)best;
}

const struct policy_ops sched_policy_edf = {
	.name = "edf",
	.pick = edf_pick,
};
