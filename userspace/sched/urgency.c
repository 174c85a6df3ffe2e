// SPDX-License-Identifier: MIT
#include "urgency.h"

void urgency_sort(struct urgency *u, const struct policy_view *v)
{
	u->num = rank_least(v->due, u->order, URGENCY_MAX);
}

static int64_t comp_left(const struct policy_offer *o)
{
	return o->profile->left[o->index];
}

static int64_t mem_left(const struct policy_offer *o)
{
	return comp_left(o) + o->profile->deficit[o->index];
}

unsigned int urgency_first(const struct urgency *u, const struct policy_view *v, unsigned int pick)
{
	const struct policy_offer *p = &v->offers[pick];
	struct device_step step = device_state_try(v->device, p->slice, policy_ready(v, p));
	int64_t mem = step.tm, comp = step.tc, end;
	unsigned int k;

	for (k = 0; k < u->num && u->order[k] != pick; k++) {
		const struct policy_offer *o = &v->offers[u->order[k]];

		mem += mem_left(o);
		comp += comp_left(o);
		end = mem > comp ? mem : comp;
		if (end > policy_due(v, o))
			return k + 1;
	}
	return 0;
}

int urgency_victim(const struct urgency *u, const struct policy_view *v)
{
	int64_t mem = v->device->tm, comp = v->device->tc, most = 0;
	unsigned int k;
	int victim = -1;

	for (k = 0; k < u->num; k++) {
		const struct policy_offer *o = &v->offers[u->order[k]];

		mem += mem_left(o);
		comp += comp_left(o);
		if (!o->postponed && policy_left(o) > most) {
			most = policy_left(o);
			victim = (int)u->order[k];
		}
		if ((mem > comp ? mem : comp) > policy_due(v, o))
			return victim;
	}
	return -1;
}
