// SPDX-License-Identifier: MIT
/*
 * The policies that there are. Alone in a file of the library, so that a program with a table of its own
 * does not get this one: the tests of loomd have policies that misbehave.
 */
#include "policy.h"

const struct policy_ops *const sched_policy_table[] = {
	&sched_policy_loom, &sched_policy_layerweaver, &sched_policy_layerweaver_plus, &sched_policy_ai_mt,
	&sched_policy_prema, &sched_policy_edf, &sched_policy_fair, &sched_policy_fifo, NULL,
};
