/* SPDX-License-Identifier: MIT */
/*
 * urgency.h - can every request meet its deadline if this slice goes next? Requests are taken in the
 * order of their deadlines; the first n of them are done when both streams have worked off what is
 * left of them, so the n-th is in time if max(tm + sum of DRAM time, tc + sum of compute time) is no
 * later than its deadline: the demand bound of EDF (Baruah et al., RTSS 1990), for two resources.
 */
#ifndef LOOM_SCHED_URGENCY_H
#define LOOM_SCHED_URGENCY_H

#include "policy.h"

/* More requests than this are not looked at: the most urgent ones decide. */
#define URGENCY_MAX 16u

struct urgency {
	unsigned int order[URGENCY_MAX];	/* offers, by deadline */
	unsigned int num;
};

void urgency_sort(struct urgency *u, const struct policy_view *v);
/*
 * How many of the most urgent must be served before the pick is allowed: 0 if it is now, else the
 * pick is to be among the first so many.
 */
unsigned int urgency_first(const struct urgency *u, const struct policy_view *v, unsigned int pick);

/*
 * The request to give up when not all can be in time: of those up to the first that will be late, the
 * one with the most left to do, which makes room for the most others (Moore, Management Science
 * 1968). -1: all can.
 */
int urgency_victim(const struct urgency *u, const struct policy_view *v);

#endif /* LOOM_SCHED_URGENCY_H */
