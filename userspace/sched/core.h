/* SPDX-License-Identifier: MIT */
/*
 * core.h - the event core's own state, and what its files are to each other:
 *
 *   core.c      configuration, and the actions that follow from events
 *   event.c     the way of a request: it arrives, its slices complete, it ends
 *   model.c     models and what their slices add up to
 *   offer.c     a model's next slice
 *   window.c    what is at the device, and the clock of its predicted state
 *   guard.c     the policies by name, and what happens to one that misbehaves
 *   deadline.c  who is dropped, who is postponed, the timer
 *
 * The policies see policy.h alone.
 */
#ifndef LOOM_SCHED_CORE_H
#define LOOM_SCHED_CORE_H

#include "policy.h"
#include "request.h"
#include "sched.h"

#define MIN_JOBS 2
#define HOST_TAG (1ull << 63)		/* and the request's order */

struct model {
	bool used, removed, overlap;
	struct sched_slice *slices;
	struct policy_profile profile;
	int64_t *sums;			/* of the profile: need, deficit, left */
	unsigned int max_inflight, inflight;
	struct request_list requests;
	struct request_list behind;	/* postponed before they started: after all requests */
	struct request *current;	/* the first with slices left, or NULL */
	struct request *next;		/* whose slice is offered: current, or the one behind it */
	int offer;			/* index into sched.offers, or -1 */
	bool exhausted;			/* counted in sched.exhausted */
	bool host_due;			/* the next is a host step, and may begin: in sched.host_due */
	int64_t ready;			/* predicted: the last slice ended and its outputs left */
	uint64_t since;
};

/* Slices at the device, in submission order. A tag is the number of a submission. */
struct job {
	struct request *request;	/* NULL: completed */
	int64_t end;			/* predicted */
};

struct sched {
	struct sched_config config;
	const struct policy_ops *policy;
	void *policy_state;
	struct model models[SCHED_MAX_MODELS];
	unsigned int num_models;
	struct policy_offer offers[SCHED_MAX_MODELS];
	unsigned int num_offers, exhausted, host_due;
	unsigned int looked_at;		/* offers, to find one that starves */
	uint64_t num_slices;		/* of all models */
	struct request_table table;
	struct request_list replies;
	uint64_t arrivals;
	struct device_state device;
	uint64_t base_ns;		/* the state's time 0 */
	int64_t slip_ps;
	int64_t now;			/* the state's clock at the last pick */
	struct job *jobs;
	unsigned int job_mask, num_jobs;
	uint64_t head_tag, tail_tag;	/* [head, tail) are at the device, but for the completed */
	bool waiting;			/* the policy waits for an event */
	uint64_t timer, timer_told;	/* the next deadline */
	uint64_t wake;			/* the policy wants to be asked then */
	struct sched_stats stats;
};

/* After anything happened to a model. */
void offer_refresh(struct sched *s, struct model *m);
void offer_fill(struct sched *s, struct model *m);
bool offer_at_host(const struct model *m, const struct request *r);
/* Time that inputs of a first slice take. */
int64_t offer_inputs_ps(const struct sched *s, const struct model *m);
/* The compute of what a model offers cannot start before. */
int64_t offer_ready(const struct sched *s, const struct model *m);
/* A slice of it was submitted, and will end then. */
void offer_slice_ends(struct sched *s, struct model *m, unsigned int slice, int64_t end);

int window_init(struct sched *s);
bool window_is_open(const struct sched *s, uint64_t now);
/* The predicted state is that of now. */
void window_bring_to(struct sched *s, uint64_t now);
uint64_t window_put(struct sched *s, struct request *r, int64_t end);	/* returns its tag */
struct job *window_find(struct sched *s, uint64_t tag);
/* It completed. Returns whose it was. */
struct request *window_retire(struct sched *s, struct job *j, uint64_t now, int status);

int guard_use(struct sched *s, const struct policy_ops *ops, const char *options);
struct policy_view guard_view(const struct sched *s);
void guard_tell(struct sched *s, void (*op)(void *, const struct policy_view *, unsigned int),
		unsigned int model);
/* An offer, or POLICY_WAIT. */
int guard_pick(struct sched *s);

/* A removed model's number is free again when its last request is gone. */
void model_bury(struct sched *s, struct model *m);
void event_kill(struct sched *s, struct request *r, int status, uint64_t now);

void deadline_set_timer(struct sched *s, uint64_t deadline);
void deadline_postpone(struct sched *s, struct model *m);
bool deadline_next_timer(struct sched *s, struct sched_action *action);

#endif /* LOOM_SCHED_CORE_H */
