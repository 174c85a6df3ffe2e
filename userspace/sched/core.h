/* SPDX-License-Identifier: MIT */
/*
 * core.h - the event core's own state, and what its files are to each other:
 *
 *   core.c      configuration, and the actions that follow from events
 *   event.c     the way of a request: it arrives, its slices complete, it ends
 *   model.c     models and what their slices add up to
 *   offer.c     a model's next slice
 *   window.h    what is at the device, and the clock of its predicted state
 *   guard.c     what happens to a policy that misbehaves
 *   names.c     the policies by name; table.c has which there are
 *   deadline.c  who is dropped, who is postponed, the timer; waiting.c who has not begun, by deadline
 *
 * The policies see policy.h alone.
 */
#ifndef LOOM_SCHED_CORE_H
#define LOOM_SCHED_CORE_H

#include "policy.h"
#include "request.h"
#include "sched.h"
#include "waiting.h"

#define MIN_JOBS 2
/* The tag of a host step, beside its model and the low bits of its request's order. */
#define HOST_TAG (1ull << 63)
#define HOST_ORDER_BITS 48
#define HOST_ORDER_MASK ((1ull << HOST_ORDER_BITS) - 1)

struct model {
	bool used, removed, overlap, has_host;
	struct sched_slice *slices;
	struct policy_profile profile;
	unsigned int kind;		/* policy_is_compute() */
	int64_t *sums;			/* of the profile: need, deficit, left */
	unsigned int max_inflight, inflight;
	struct request_list requests;
	struct request_list behind;	/* postponed before they started: after all requests */
	struct request *current;	/* the first with slices left, or NULL */
	struct request *next;		/* whose slice is offered: current, or the one behind it */
	int offer;			/* index into sched.offers, or -1 */
	bool exhausted, expected;	/* counted in sched */
	int64_t ready;			/* predicted: the last slice ended and its outputs left */
	uint64_t since, arrivals;
	uint64_t served;		/* what its slices took of their busier resource, ps */
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
	unsigned int num_offers, exhausted, expected;
	uint64_t host_due[SCHED_MAX_MODELS / 64];	/* models whose next step is the host's: bits */
	unsigned int num_host_due;
	struct rank served[2], due;	/* offers, as policy_view has them */
	uint64_t least_served[2];	/* of a kind, the least that anybody had */
	unsigned int looked_at;		/* offers, to find one that starves */
	uint64_t num_slices;		/* of all models */
	struct request_table table;
	struct request_list replies;
	uint64_t arrivals;
	struct device_state device;
	struct policy_view view;	/* with the clock: now is that of the last pick */
	int64_t last_ready;		/* of all models */
	int64_t offered;		/* when there was last something new to pick, or the policy waited */
	struct job *jobs;
	unsigned int job_mask, num_jobs;
	uint64_t head_tag, tail_tag;	/* [head, tail) are at the device, but for the completed */
	bool waiting;			/* the policy waits for an event */
	struct waiting not_begun;	/* with deadlines, where they can be dropped for that */
	uint64_t timer, timer_told;	/* the next deadline */
	uint64_t wake;			/* the policy wants to be asked then */
	struct sched_stats stats;
	struct sched_fault fault;	/* of the policy that was replaced last */
};

/* After anything happened to a model. */
void offer_refresh(struct sched *s, struct model *m);
/* All begin anew with what they got: under another policy somebody may have got far less. */
void offer_forget_service(struct sched *s);
/* A step of it is at the host, or is the next. */
static inline bool offer_at_host(const struct model *m, const struct request *r)
{
	return m->has_host && (r->host || m->slices[r->next].host);
}

static inline void offer_rank_service(struct sched *s, const struct model *m)
{
	rank_put(&s->served[m->kind], (unsigned int)m->offer,
		 (struct rank_key) { m->served, (unsigned int)(m - s->models) });
}

/* Of a step at the host. */
uint64_t event_host_tag(const struct request *r);

int guard_use(struct sched *s, const struct policy_ops *ops, const char *options);
const struct policy_view *guard_view(struct sched *s);
static inline void guard_tell(struct sched *s, void (*op)(void *, const struct policy_view *, unsigned int),
			      unsigned int model)
{
	if (op)
		op(s->policy_state, guard_view(s), model);
}

/* An offer, or POLICY_WAIT. */
int guard_pick(struct sched *s);

/* A removed model's number is free again when its last request is gone. */
void model_bury(struct sched *s, struct model *m);
void event_kill(struct sched *s, struct request *r, int status, uint64_t now);

void deadline_await(struct sched *s, struct request *r);	/* it arrived */
void deadline_postpone(struct sched *s, struct model *m);
bool deadline_next_timer(struct sched *s, struct sched_action *action);

#endif /* LOOM_SCHED_CORE_H */
