/* SPDX-License-Identifier: MIT */
/*
 * requests.h - what requests.c, pump.c, completions.c and recovery.c know of each other.
 */
#ifndef LOOMD_REQUESTS_H
#define LOOMD_REQUESTS_H

#include "loomd.h"

/* ---- requests.c ---- */

struct request *request_by_key(struct loomd *d, uint64_t key);	/* NULL: it is gone */
/* Its client is told, once, and has no more to do with it. */
void request_answer(struct loomd *d, struct request *r, int status);
/* Free it, if nothing of it is under way any more. */
void request_settle(struct loomd *d, struct request *r);

/* ---- pump.c ---- */

/* A step that the scheduler handed out begins. */
void request_start(struct loomd *d, struct request *r, unsigned int step, uint64_t tag);
/* Once: after that the I/O region may go. */
void request_take_outputs(struct request *r);

/* ---- recovery.c ---- */

/* Who is to blame for a slice that failed, and what its request hears of it. */
int request_blame(struct loomd *d, const struct batch_job *job,
		  const struct drm_loom_result *result, int status);
/* How a request really ended, of which the scheduler knows the first status that was seen. */
int request_verdict(const struct request *r, int status);
/* A request that was lost through no fault of its own starts over; false: it has to be told. */
bool request_revive(struct loomd *d, struct request *r);
/* The last slice of a dead VM is back: a new one, and on with what waited for it. */
void model_recover(struct loomd *d, struct model *m);

#endif /* LOOMD_REQUESTS_H */
