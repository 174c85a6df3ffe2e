// SPDX-License-Identifier: MIT
/*
 * fifo - one request at a time, in the order of arrival. The next request's slices go to the device
 * behind the last one's, so that their weights are prefetched; nothing is interleaved. This is the
 * baseline, and what the core falls back to.
 */
#include "policy.h"

/* A started request first (there can be several after a change of policy), then the oldest. */
static bool before(const struct policy_offer *a, const struct policy_offer *b)
{
	if (a->started != b->started)
		return a->started;
	return a->order < b->order;
}

static int fifo_pick(void *state, const struct policy_view *view)
{
	unsigned int i, best = 0;

	for (i = 1; i < view->num_offers; i++)
		if (before(&view->offers[i], &view->offers[best]))
			best = i;
	return (int)best;
}

const struct policy_ops sched_policy_fifo = {
	.name = "fifo",
	.pick = fifo_pick,
};
