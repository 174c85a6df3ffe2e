/* SPDX-License-Identifier: MIT */
/* loom.h - what the files of Loom's own policy are to each other. */
#ifndef LOOM_SCHED_LOOM_H
#define LOOM_SCHED_LOOM_H

#include "policy.h"

/* One of two offers: of a compute-intensive and of a memory-intensive model. */
int loom_weave(const struct policy_view *v, int ci, int mi);

/* Are two requests all that is left to do, with few enough slices to look ahead to the end? */
bool loom_ends(const struct policy_view *v);
/* Then: the one with which the last compute ends first, if it goes on as well as the rules know. */
int loom_end_pick(const struct policy_view *v);

#endif /* LOOM_SCHED_LOOM_H */
