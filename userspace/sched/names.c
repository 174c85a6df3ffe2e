// SPDX-License-Identifier: MIT
/* The policies by name. */
#include "policy.h"

#include <string.h>

#define MOST_POLICIES 32

const char *const *sched_policies(void)
{
	static const char *names[MOST_POLICIES + 1];
	unsigned int i;

	for (i = 0; i < MOST_POLICIES && sched_policy_table[i]; i++)
		names[i] = sched_policy_table[i]->name;
	return names;
}

const struct policy_ops *sched_find_policy(const char *name)
{
	const struct policy_ops *const *p = sched_policy_table;
	size_t len = strcspn(name, ":");

	while (*p && (strlen((*p)->name) != len || strncmp((*p)->name, name, len)))
		p++;
	return *p;
}
