// SPDX-License-Identifier: MIT
/*
 * layerweaver-plus - Oh et al., "Layerweaver+: A QoS-Aware Layer-Wise DNN Scheduler for Multi-Tenant
 * Neural Processing Units" (IEICE Trans. Inf. & Syst. E105-D(2), 2022), with the decision order of
 * the authors' patent (US 2023/0143270): find the slice of least idle time; take it if every request
 * can afford it; else take the slice of the request with the least slack. Slack is what is left until
 * the deadline once the request has run to its end alone.
 */
#include "policy.h"

static int64_t slack(const struct policy_view *view, const struct policy_offer *offer)
{
	int64_t due = policy_due(view, offer);

	return due == INT64_MAX ? due : due - view->device->tc - policy_left(offer);
}

/* Does every other request stay within its deadline if this one goes first? */
static bool allowed(const struct policy_view *view, int pick)
{
	const struct policy_offer *o = &view->offers[pick];
	int64_t takes = device_state_try(view->device, o->slice, policy_ready(view, o)).tc - view->device->tc;
	unsigned int i;

	for (i = 0; i < view->num_offers; i++)
		if ((int)i != pick && slack(view, &view->offers[i]) < takes)
			return false;
	return true;
}

static int least_slack(const struct policy_view *view)
{
	int64_t least = INT64_MAX, s;
	unsigned int i, best = 0;

	for (i = 0; i < view->num_offers; i++) {
		s = slack(view, &view->offers[i]);
		if (s < least) {
			least = s;
			best = i;
		}
	}
	return (int)best;
}

static int layerweaver_plus_pick(void *state, const struct policy_view *view)
{
	int pick = sched_policy_layerweaver.pick(NULL, view);

	if (pick == POLICY_WAIT || allowed(view, pick))
		return pick;
	return least_slack(view);
}

const struct policy_ops sched_policy_layerweaver_plus = {
	.name = "layerweaver-plus",
	.pick = layerweaver_plus_pick,
};
