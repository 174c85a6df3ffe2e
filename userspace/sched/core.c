// SPDX-License-Identifier: MIT
/* The event core: its configuration, and the actions that follow from what happened (core.h). */
#include <errno.h>
#include <stdlib.h>

#include "window.h"

#define DEFAULT_WINDOW_PS 500000000ull
#define DEFAULT_MAX_JOBS 64
#define MAX_JOBS 4096
#define DEFAULT_TURNAROUND_PS 2000000

static void set_defaults(struct sched_config *c)
{
	uint64_t fill = (uint64_t)(1.5e12 * (double)c->buffer_bytes / (double)c->dram_bytes_per_s);

	if (!c->window_ps)
		c->window_ps = fill > DEFAULT_WINDOW_PS ? fill : DEFAULT_WINDOW_PS;
	if (!c->turnaround_ps)
		c->turnaround_ps = DEFAULT_TURNAROUND_PS;
	if (!c->max_jobs)
		c->max_jobs = DEFAULT_MAX_JOBS;
	if (c->max_jobs < MIN_JOBS)
		c->max_jobs = MIN_JOBS;
	if (c->max_jobs > MAX_JOBS)
		c->max_jobs = MAX_JOBS;
	if (!c->policy)
		c->policy = "layerweaver";
}

int sched_new(const struct sched_config *config, struct sched **out)
{
	struct sched *s;
	int ret;

	if (!config->buffer_bytes || !config->dram_bytes_per_s)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->config = *config;
	s->timer = s->timer_told = s->wake = SCHED_NO_DEADLINE;
	set_defaults(&s->config);
	s->view = (struct policy_view) {
		.device = &s->device, .offers = s->offers, .served = { &s->served[0], &s->served[1] },
		.due = &s->due, .turnaround = (int64_t)s->config.turnaround_ps,
	};
	ret = sched_set_policy(s, s->config.policy);
	if (!ret)
		ret = window_init(s);
	if (!ret)
		ret = device_state_init(&s->device, &s->config);
	if (ret) {
		sched_free(s);
		return ret;
	}
	s->config.policy = NULL;	/* the caller's memory */
	*out = s;
	return 0;
}

static void free_list(struct request_list *l)
{
	struct request *r, *succ;

	for (r = l->head; r; r = succ) {
		succ = r->succ;
		free(r);
	}
}

void sched_free(struct sched *s)
{
	unsigned int i;

	if (!s)
		return;
	for (i = 0; i < s->num_models; i++) {
		free_list(&s->models[i].requests);
		free_list(&s->models[i].behind);
		free(s->models[i].slices);
		free(s->models[i].sums);
	}
	free_list(&s->replies);
	device_state_fini(&s->device);
	free(s->jobs);
	free(s->policy_state);
	free(s);
}

static bool next_reply(struct sched *s, struct sched_action *action)
{
	struct request *r = s->replies.head;

	if (!r)
		return false;
	request_list_unlink(&s->replies, r);
	*action = (struct sched_action) {
		.type = SCHED_REPLY, .model = r->model, .request = r->id, .status = r->status,
	};
	free(r);
	s->stats.replies++;
	return true;
}

/* The model's offer was submitted, and will end then. */
static void serve(struct sched *s, struct model *m, const struct policy_offer *o, int64_t end)
{
	uint64_t comp = o->slice->comp_ps, mem = o->slice->mem_ps;
	struct rank *rank = &s->served[m->kind];
	uint64_t least = rank->nodes[0].key.first;

	m->ready = policy_after(&s->device, o->slice, o->index, end);
	if (s->last_ready < m->ready)
		s->last_ready = m->ready;
	if (s->least_served[m->kind] < least)
		s->least_served[m->kind] = least;
	m->served += comp > mem ? comp : mem;
	rank_put(rank, (unsigned int)m->offer, (struct rank_key) { m->served, o->model });
}

/* In the midst of a request nothing of its offer changes but the slice. */
static bool in_the_midst(const struct model *m, const struct request *r)
{
	return r->next && r->next + 1 + m->overlap < m->profile.num_slices && m->current == r && !m->has_host;
}

static void offer_next_slice(struct policy_offer *o, const struct model *m)
{
	o->slice++;
	o->index++;
	o->after = m->ready;
	o->since = m->since;
}

static void submit(struct sched *s, struct policy_offer *o, struct sched_action *action)
{
	struct model *m = &s->models[o->model];
	struct request *r = m->next;
	struct device_step step = device_state_commit(&s->device, o->slice, policy_ready(&s->view, o));
	bool midst = in_the_midst(m, r);

	*action = (struct sched_action) {
		.type = SCHED_SUBMIT, .model = o->model, .request = r->id, .slice = o->index,
		.tag = window_put(s, r, step.tc),
	};
	serve(s, m, o, step.tc);
	m->inflight += !r->started;
	r->started = true;
	waiting_remove(&s->not_begun, r);
	r->next++;
	r->at_device++;
	m->since = ++s->stats.picks;
	s->stats.submitted++;
	if (midst)
		offer_next_slice(o, m);
	else
		offer_refresh(s, m);
}

/* Nothing more now: until the next event, or until the policy wants to be asked again. */
static void wait_for_policy(struct sched *s, uint64_t now)
{
	int64_t wake = s->policy->wake ? s->policy->wake(s->policy_state) : INT64_MAX;

	s->waiting = true;
	s->offered = INT64_MAX;
	if (wake == INT64_MAX)
		return;
	s->wake = now + (wake > s->view.now ? (uint64_t)(wake - s->view.now) / 1000 : 0) + 1;
}

static bool next_submit(struct sched *s, uint64_t now, struct sched_action *action)
{
	int64_t state_now = window_now(s, now);
	int pick;

	if (!s->num_offers || s->waiting || !window_is_open(s, state_now))
		return false;
	window_bring_to(s, now, state_now);
	s->wake = SCHED_NO_DEADLINE;
	pick = guard_pick(s);
	if (pick == POLICY_WAIT) {
		wait_for_policy(s, now);
		return false;
	}
	submit(s, &s->offers[pick], action);
	return true;
}

static struct model *next_on_host(struct sched *s)
{
	unsigned int i;

	for (i = 0; s->num_host_due && i < SCHED_MAX_MODELS / 64; i++)
		if (s->host_due[i])
			return &s->models[64 * i + (unsigned int)__builtin_ctzll(s->host_due[i])];
	return NULL;
}

/* The host is no part of what policies decide: a step begins when it can. */
static bool next_host(struct sched *s, struct sched_action *action)
{
	struct model *m = next_on_host(s);
	struct request *r;

	if (!m)
		return false;
	r = m->current;
	*action = (struct sched_action) {
		.type = SCHED_HOST, .model = r->model, .request = r->id, .slice = r->next,
		.tag = event_host_tag(r),
	};
	r->host = true;
	m->inflight += !r->started;
	r->started = true;
	waiting_remove(&s->not_begun, r);
	r->next++;
	r->at_device++;
	offer_refresh(s, m);
	return true;
}

bool sched_next(struct sched *s, uint64_t now, struct sched_action *action)
{
	return next_reply(s, action) || next_host(s, action) || next_submit(s, now, action) || deadline_next_timer(s, action);
}

void sched_get_stats(const struct sched *s, struct sched_stats *stats)
{
	*stats = s->stats;
}
