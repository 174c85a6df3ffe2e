// SPDX-License-Identifier: MIT
/* The way of a request: it arrives, its slices complete, it ends. */
#include <errno.h>
#include <stdlib.h>

#include "window.h"

static void reply(struct sched *s, struct request *r)
{
	request_remove(&s->table, r);
	if (r->silent) {
		free(r);
		return;
	}
	request_list_append(&s->replies, r);
}

static bool finished(const struct sched *s, const struct request *r)
{
	return !r->at_device &&
	       (r->dead || r->next == s->models[r->model].profile.num_slices);
}

static void finish(struct sched *s, struct request *r, uint64_t now)
{
	struct model *m = &s->models[r->model];

	if (m->current == r)
		m->current = NULL;
	request_list_unlink(r->behind ? &m->behind : &m->requests, r);
	if (r->started)
		m->inflight--;
	if (!r->silent && r->deadline != SCHED_NO_DEADLINE && now > r->deadline)
		s->stats.deadline_missed++;
	reply(s, r);
	offer_refresh(s, m);
	model_bury(s, m);
}

void event_kill(struct sched *s, struct request *r, int status, uint64_t now)
{
	r->dead = true;
	waiting_remove(&s->not_begun, r);
	if (!r->status)
		r->status = status;
	if (finished(s, r))
		finish(s, r, now);
	else
		offer_refresh(s, &s->models[r->model]);
}

int sched_arrive(struct sched *s, uint64_t now, unsigned int model, uint64_t request,
		 uint64_t deadline)
{
	unsigned int offers = s->num_offers;
	struct request *r;
	struct model *m;

	if (model >= s->num_models || !s->models[model].used || s->models[model].removed)
		return -ENOENT;
	if (request_find(&s->table, request))
		return -EEXIST;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	*r = (struct request) {
		.id = request, .model = model, .deadline = deadline, .due = deadline, .arrived = now,
	};
	r->order = s->arrivals++;
	m = &s->models[model];
	m->arrivals++;
	request_insert(&s->table, r);
	request_list_append(&m->requests, r);
	offer_refresh(s, m);
	if (s->num_offers > offers)
		window_offered(s, now);
	deadline_await(s, r);
	guard_tell(s, s->policy->enqueue, model);
	return 0;
}

int sched_cancel(struct sched *s, uint64_t now, uint64_t request)
{
	struct request *r = request_find(&s->table, request);

	if (!r)
		return -ENOENT;
	r->silent = true;
	event_kill(s, r, -ECANCELED, now);
	return 0;
}

uint64_t event_host_tag(const struct request *r)
{
	return HOST_TAG | (uint64_t)r->model << HOST_ORDER_BITS | (r->order & HOST_ORDER_MASK);
}

static struct request *find_host(struct request_list *l, uint64_t tag)
{
	struct request *r = l->head;

	while (r && !(r->host && event_host_tag(r) == tag))
		r = r->succ;
	return r;
}

/* A host step ended. The device's predicted state knows nothing of it. */
static int complete_host(struct sched *s, uint64_t now, uint64_t tag, int status)
{
	uint64_t model = (tag & ~HOST_TAG) >> HOST_ORDER_BITS;
	unsigned int offers = s->num_offers;
	struct request *r = NULL;

	if (model < s->num_models)
		r = find_host(&s->models[model].requests, tag);
	if (!r && model < s->num_models)
		r = find_host(&s->models[model].behind, tag);
	if (!r)
		return -ENOENT;
	r->host = false;
	r->at_device--;
	if (status)
		event_kill(s, r, status, now);
	else if (finished(s, r))
		finish(s, r, now);
	else
		offer_refresh(s, &s->models[r->model]);
	if (s->num_offers > offers)
		window_offered(s, now);
	return 0;
}

int sched_complete(struct sched *s, uint64_t now, uint64_t tag, int status)
{
	struct job *j = window_find(s, tag);
	unsigned int model, offers = s->num_offers;
	struct request *r;

	if (tag & HOST_TAG)
		return complete_host(s, now, tag, status);
	if (!j)
		return -ENOENT;
	r = window_retire(s, j, now, status);
	model = r->model;
	s->stats.completed++;
	r->at_device--;
	if (status)
		event_kill(s, r, status, now);
	else if (finished(s, r))
		finish(s, r, now);
	else if (s->models[model].current == r && offer_at_host(&s->models[model], r))
		offer_refresh(s, &s->models[model]);
	if (s->num_offers > offers)
		window_offered(s, now);
	if (!s->num_jobs && s->num_offers)
		s->stats.dry++;
	s->waiting = false;
	guard_tell(s, s->policy->complete, model);
	return 0;
}
