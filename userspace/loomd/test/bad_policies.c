// SPDX-License-Identifier: MIT
/* The policies of loomd-bad, which is loomd for policy_test.c: the usual ones, and some that misbehave. */
#include <errno.h>

#include "sched/policy.h"

static int pick_nonsense(void *state, const struct policy_view *view)
{
	(void)state;
	return (int)view->num_offers + 7;
}

static int pick_nothing(void *state, const struct policy_view *view)
{
	(void)state;
	(void)view;
	return POLICY_WAIT;
}

static int pick_error(void *state, const struct policy_view *view)
{
	(void)state;
	(void)view;
	return -EIO;
}

/* Who is due is postponed, over and over. */
static int postpone(void *state, const struct policy_view *view)
{
	(void)state;
	(void)view;
	return POLICY_POSTPONE(0);
}

/* The model that was loaded first, while it has anything to offer. */
static int starve(void *state, const struct policy_view *view)
{
	unsigned int i, first = 0;

	(void)state;
	for (i = 1; i < view->num_offers; i++)
		if (view->offers[i].model < view->offers[first].model)
			first = i;
	return (int)first;
}

static const struct policy_ops bad[] = {
	{ .name = "bad-nonsense", .pick = pick_nonsense },
	{ .name = "bad-nothing", .pick = pick_nothing },
	{ .name = "bad-error", .pick = pick_error },
	{ .name = "bad-postpone", .pick = postpone },
	{ .name = "bad-starve", .pick = starve },
};

const struct policy_ops *const sched_policy_table[] = {
	&sched_policy_loom, &sched_policy_fifo, &bad[0], &bad[1], &bad[2], &bad[3], &bad[4], NULL,
};
