// SPDX-License-Identifier: MIT
/*
 * prema - Choi and Rhu, "PREMA: A Predictive Multi-Task Scheduling Algorithm for Preemptible Neural
 * Processing Units" (HPCA 2020). A request holds tokens: its priority (all are equal here), and as
 * many again for each standalone time that it has been slowed down by. Candidates are those with at
 * least the tokens of the highest level that anyone reaches; of them, the one with the least left to
 * do runs, preempting the others (at slices, where the paper has tiles).
 */
#include "policy.h"

#define PRIORITY 3.0			/* of 1, 3 and 9: medium */

struct prema_model {
	uint64_t order;			/* of the request it is about, plus 1 */
	int64_t since;			/* when it was first seen */
};

struct prema {
	struct prema_model models[SCHED_MAX_MODELS];
};

static int64_t standalone(const struct policy_profile *p)
{
	return (int64_t)(p->comp_ps > p->mem_ps ? p->comp_ps : p->mem_ps) + 1;
}

static double tokens(struct prema *p, const struct policy_view *v, const struct policy_offer *o)
{
	struct prema_model *m = &p->models[o->model];
	int64_t total = standalone(o->profile), slowed;

	if (m->order != o->order + 1)
		*m = (struct prema_model) { o->order + 1, v->device->tc };
	slowed = v->device->tc - m->since - (total - policy_left(o));
	return PRIORITY * (1 + (slowed > 0 ? (double)slowed / (double)total : 0));
}

/* Levels are powers of three. */
static double level(double most)
{
	double l = 1;

	while (3 * l <= most)
		l *= 3;
	return l;
}

static int prema_pick(void *state, const struct policy_view *v)
{
	struct prema *p = state;
	double most = 0, threshold, t;
	unsigned int i;
	int best = 0;

	for (i = 0; i < v->num_offers; i++) {
		t = tokens(p, v, &v->offers[i]);
		if (most < t) {
			most = t;
			best = (int)i;
		}
	}
	threshold = level(most);
	for (i = 0; i < v->num_offers; i++)
		if (tokens(p, v, &v->offers[i]) >= threshold &&
		    policy_left(&v->offers[i]) < policy_left(&v->offers[best]))
			best = (int)i;
	return best;
}

const struct policy_ops sched_policy_prema = {
	.name = "prema",
	.state_size = sizeof(struct prema),
	.pick = prema_pick,
};
