/* SPDX-License-Identifier: MIT */
/*
 * waiting.h - requests that have not begun, the one whose deadline is first on top: a pairing heap
 * (Fredman et al., Algorithmica 1986). Its links are in the requests, so nothing can fail.
 */
#ifndef LOOM_SCHED_WAITING_H
#define LOOM_SCHED_WAITING_H

#include "request.h"

struct waiting {
	struct request *first;
};

void waiting_add(struct waiting *w, struct request *r);
void waiting_take_out(struct waiting *w, struct request *r);

static inline void waiting_remove(struct waiting *w, struct request *r)
{
	if (r->waits)
		waiting_take_out(w, r);
}

#endif /* LOOM_SCHED_WAITING_H */
