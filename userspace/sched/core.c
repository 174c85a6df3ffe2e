// SPDX-License-Identifier: MIT
/*
 * The event core. A model's requests form a list in the order of arrival: the started ones first,
 * then those that wait. The first one with slices left is the model's current request; its next
 * slice is the model's offer, unless starting it would exceed max_inflight. Offers lie in a dense
 * array, which is what a policy sees.
 *
 * The predicted state of the device runs on a clock of its own, in ps. Each completion tells how far
 * that clock is off ("slip"); it never runs past the predicted end of the oldest slice that has not
 * completed. Predictions are not redone: only differences matter to a pick, so what a saturated
 * device is given does not depend on when exactly completions are seen.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "request.h"

#define DEFAULT_WINDOW_PS 500000000ull
#define DEFAULT_MAX_JOBS 64
#define MIN_JOBS 2
#define MAX_JOBS 4096
#define DEFAULT_TURNAROUND_PS 2000000
#define STARVED_ROUNDS 64	/* a round: as many picks as all models have slices */
#define POSTPONE_TIMES 3		/* of the time it had: when it is due after all */
#define HOST_TAG (1ull << 63)		/* and the request's order */
#define REBASE_PS (1000ll << 50)	/* 13 days */

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

static const struct policy_ops *const policies[] = {
	&sched_policy_loom, &sched_policy_layerweaver, &sched_policy_layerweaver_plus, &sched_policy_ai_mt,
	&sched_policy_prema, &sched_policy_edf, &sched_policy_fair, &sched_policy_fifo,
};

#define NUM_POLICIES (sizeof(policies) / sizeof(policies[0]))

static const char *names[NUM_POLICIES + 1];

const char *const *sched_policies(void)
{
	unsigned int i;

	for (i = 0; i < NUM_POLICIES; i++)
		names[i] = policies[i]->name;
	return names;
}

/* "name" or "name:options". */
static const struct policy_ops *find_policy(const char *name)
{
	size_t len = strcspn(name, ":");
	unsigned int i;

	for (i = 0; i < NUM_POLICIES; i++)
		if (strlen(policies[i]->name) == len && !strncmp(policies[i]->name, name, len))
			return policies[i];
	return NULL;
}

static int use_policy(struct sched *s, const struct policy_ops *ops, const char *options)
{
	void *state = calloc(1, ops->state_size ? ops->state_size : 1);
	int ret = 0;

	if (!state)
		return -ENOMEM;
	if (options)
		ret = ops->options ? ops->options(state, options) : -EINVAL;
	if (ret) {
		free(state);
		return ret;
	}
	free(s->policy_state);
	s->policy_state = state;
	s->policy = ops;
	s->waiting = false;
	return 0;
}

int sched_use_policy(struct sched *s, const struct policy_ops *ops)
{
	return use_policy(s, ops, NULL);
}

int sched_set_policy(struct sched *s, const char *policy)
{
	const struct policy_ops *ops = find_policy(policy);
	const char *colon = strchr(policy, ':');

	return ops ? use_policy(s, ops, colon ? colon + 1 : NULL) : -EINVAL;
}

const char *sched_policy(const struct sched *s)
{
	return s->policy->name;
}

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

/* Completions may overtake each other, so the ring has room for more than may be at the device. */
static int make_jobs(struct sched *s)
{
	unsigned int n = 16;

	while (n < 4 * s->config.max_jobs)
		n *= 2;
	s->jobs = calloc(n, sizeof(*s->jobs));
	s->job_mask = n - 1;
	return s->jobs ? 0 : -ENOMEM;
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
	ret = sched_set_policy(s, s->config.policy);
	if (!ret)
		ret = make_jobs(s);
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

/* ---- offers ---- */

static bool has_slices(const struct model *m, const struct request *r)
{
	return !r->dead && r->next < m->profile.num_slices;
}

static struct request *first_with_slices(const struct model *m, const struct request_list *l)
{
	struct request *r = l->head;

	while (r && !has_slices(m, r))
		r = r->succ;
	return r;
}

/* Requests of a model share its activations: one that began is current until its last slice. */
static void choose_current(struct model *m)
{
	struct request *behind;

	if (m->current && m->current->started && has_slices(m, m->current))
		return;
	m->current = first_with_slices(m, &m->requests);
	if (m->current && m->current->started)
		return;
	behind = first_with_slices(m, &m->behind);
	if (!m->current || (behind && behind->due < m->current->due))
		m->current = behind;
}

/* Who holds up a request of its model that is due earlier is due as early as that. */
static uint64_t due(const struct model *m)
{
	const struct request *waits = m->current->postponed ? first_with_slices(m, &m->requests) : NULL;

	return waits && waits->due < m->current->due ? waits->due : m->current->due;
}

/* A step of it is at the host, or is the next. */
static bool at_host(const struct model *m, const struct request *r)
{
	return r->host || m->slices[r->next].host;
}

/* Inputs of a request in a lease of its own are loaded ahead: before the last slice of the one before. */
static struct request *next_request(const struct model *m)
{
	struct request *r = m->current;

	if (m->overlap && r && r->next && r->next + 1 == m->profile.num_slices && r->succ &&
	    !r->postponed && !r->succ->started && !r->succ->dead && m->inflight < m->max_inflight &&
	    !at_host(m, r) && !m->slices[0].host)
		return r->succ;
	return r;
}

static bool may_begin(const struct model *m, const struct request *r)
{
	return r && (r->started || m->inflight < m->max_inflight);
}

static bool can_offer(const struct model *m)
{
	return may_begin(m, m->next) && !at_host(m, m->next);
}

static bool can_run_on_host(const struct model *m)
{
	const struct request *r = m->current;

	return may_begin(m, r) && m->slices[r->next].host && !r->host && !r->at_device;
}

static void drop_offer(struct sched *s, struct model *m)
{
	struct policy_offer *last = &s->offers[--s->num_offers];

	s->offers[m->offer] = *last;
	s->models[last->model].offer = m->offer;
	m->offer = -1;
}

/*
 * Slices of a model follow each other: the DMA of one waits for the compute before it, its compute for
 * the DMA before it. A profile has one figure for DMA: of a first slice it is taken to be inputs, which
 * nothing of their own can hide, and which take turns with the fetches on the channel, so twice as
 * long; of others outputs, which begin to leave while the slice still computes.
 */
static int64_t inputs_ps(const struct sched *s, const struct model *m)
{
	return 2 * device_state_dma_ps(&s->device, &m->slices[0]);
}

static int64_t ready_time(const struct sched *s, const struct model *m)
{
	if (m->next->next)
		return m->ready;
	return (m->overlap ? s->now : m->ready) + inputs_ps(s, m);
}

static void slice_ends(struct sched *s, struct model *m, unsigned int slice, int64_t end)
{
	m->ready = slice ? end + device_state_dma_ps(&s->device, &m->slices[slice]) : end;
}

static void fill_offer(struct sched *s, struct model *m)
{
	const struct request *r = m->next;

	if (m->offer < 0) {
		m->offer = (int)s->num_offers++;
		m->since = s->stats.picks;
	}
	s->offers[m->offer] = (struct policy_offer) {
		.model = (unsigned int)(m - s->models),
		.slice = &m->slices[r->next],
		.profile = &m->profile,
		.index = r->next,
		.order = r->order,
		.deadline = due(m),
		.postponed = r->postponed,
		.started = r->started,
		.more = r->succ,
		.ready = ready_time(s, m),
		.since = m->since,
	};
}

/* After anything happened to a model. */
static void refresh(struct sched *s, struct model *m)
{
	bool exhausted, host_due;

	choose_current(m);
	m->next = next_request(m);
	host_due = can_run_on_host(m);
	s->host_due += (unsigned int)host_due - (unsigned int)m->host_due;
	m->host_due = host_due;
	if (can_offer(m))
		fill_offer(s, m);
	else if (m->offer >= 0)
		drop_offer(s, m);
	exhausted = m->inflight && m->offer < 0;
	s->exhausted += (unsigned int)exhausted - (unsigned int)m->exhausted;
	m->exhausted = exhausted;
	s->waiting = false;
}

/* A policy that says when to wake it can have the device down to its last slice. */
static bool must_pick(const struct sched *s)
{
	return s->num_jobs < (s->policy->wake ? 1 : MIN_JOBS);
}

static struct policy_view view_of(const struct sched *s)
{
	return (struct policy_view) {
		.device = &s->device,
		.now = s->now,
		.due_offset = (int64_t)s->base_ns * 1000 + s->slip_ps,
		.turnaround = (int64_t)s->config.turnaround_ps,
		.offers = s->offers,
		.num_offers = s->num_offers,
		.picks = s->stats.picks,
		.jobs = s->num_jobs,
		.exhausted = s->exhausted,
		.must = must_pick(s),
	};
}

/* ---- models ---- */

/* From the last slice back: need[i] = max(mem, mem - comp + need[i + 1]). */
static void sum_from_the_end(struct model *m, unsigned int num_slices)
{
	int64_t *need = m->sums, *deficit = need + num_slices + 1, *left = deficit + num_slices + 1;
	unsigned int i;

	for (i = num_slices; i-- > 0;) {
		int64_t mem = (int64_t)m->slices[i].mem_ps, comp = (int64_t)m->slices[i].comp_ps;
		int64_t after = mem - comp;

		left[i] = left[i + 1] + comp;
		deficit[i] = deficit[i + 1] + after;
		need[i] = after + need[i + 1] > mem ? after + need[i + 1] : mem;
	}
	m->profile.need = need;
	m->profile.deficit = deficit;
	m->profile.left = left;
}

static void sum_up(const struct sched *s, struct model *m, unsigned int num_slices)
{
	unsigned int i;

	m->profile = (struct policy_profile) { .num_slices = num_slices };
	m->profile.between = inputs_ps(s, m) +
			     device_state_dma_ps(&s->device, &m->slices[num_slices - 1]);
	sum_from_the_end(m, num_slices);
	for (i = 0; i < num_slices; i++) {
		m->profile.comp_ps += m->slices[i].comp_ps;
		m->profile.mem_ps += m->slices[i].mem_ps;
		if (m->profile.max_mem_ps < m->slices[i].mem_ps)
			m->profile.max_mem_ps = m->slices[i].mem_ps;
	}
}

static struct model *free_model(struct sched *s)
{
	unsigned int i;

	for (i = 0; i < s->num_models; i++)
		if (!s->models[i].used)
			return &s->models[i];
	return s->num_models < SCHED_MAX_MODELS ? &s->models[s->num_models++] : NULL;
}

int sched_add_model(struct sched *s, const char *name, const struct sched_slice *slices,
		    unsigned int num_slices, unsigned int max_inflight)
{
	struct sched_slice *copy;
	struct model *m;
	int64_t *sums;

	if (!num_slices || !max_inflight)
		return -EINVAL;
	m = free_model(s);
	if (!m)
		return -ENOSPC;
	copy = malloc(num_slices * sizeof(*copy));
	sums = calloc(3ul * (num_slices + 1), sizeof(*sums));
	if (!copy || !sums) {
		free(copy);
		free(sums);
		return -ENOMEM;
	}
	memcpy(copy, slices, num_slices * sizeof(*copy));
	*m = (struct model) { .used = true, .slices = copy, .sums = sums, .offer = -1 };
	m->max_inflight = max_inflight;
	sum_up(s, m, num_slices);
	s->num_slices += num_slices;
	return (int)(m - s->models);
}

int sched_set_overlap(struct sched *s, unsigned int model, bool overlap)
{
	if (model >= s->num_models || !s->models[model].used)
		return -ENOENT;
	s->models[model].overlap = overlap;
	s->models[model].profile.overlap = overlap;
	return 0;
}

/* A removed model's number is free again when its last request is gone. */
static void bury(struct sched *s, struct model *m)
{
	if (!m->removed || m->requests.head || m->behind.head)
		return;
	s->num_slices -= m->profile.num_slices;
	free(m->slices);
	free(m->sums);
	*m = (struct model) { .offer = -1 };
}

/* ---- the end of a request ---- */

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
	refresh(s, m);
	bury(s, m);
}

static void kill_request(struct sched *s, struct request *r, int status, uint64_t now)
{
	r->dead = true;
	if (!r->status)
		r->status = status;
	if (finished(s, r))
		finish(s, r, now);
	else
		refresh(s, &s->models[r->model]);
}

static void kill_all(struct sched *s, struct request_list *l)
{
	struct request *r, *succ;

	for (r = l->head; r; r = succ) {
		succ = r->succ;
		kill_request(s, r, -ECANCELED, 0);
	}
}

int sched_remove_model(struct sched *s, unsigned int model)
{
	struct model *m;

	if (model >= s->num_models || !s->models[model].used || s->models[model].removed)
		return -ENOENT;
	m = &s->models[model];
	m->removed = true;
	kill_all(s, &m->behind);
	kill_all(s, &m->requests);
	bury(s, m);
	return 0;
}

/* ---- events ---- */

static void set_timer(struct sched *s, uint64_t deadline)
{
	if (s->config.drop_late && deadline < s->timer)
		s->timer = deadline;
}

static void tell_policy(struct sched *s, void (*op)(void *, const struct policy_view *, unsigned int),
			unsigned int model)
{
	struct policy_view view = view_of(s);

	if (op)
		op(s->policy_state, &view, model);
}

int sched_arrive(struct sched *s, uint64_t now, unsigned int model, uint64_t request,
		 uint64_t deadline)
{
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
	request_insert(&s->table, r);
	request_list_append(&m->requests, r);
	refresh(s, m);
	set_timer(s, deadline);
	tell_policy(s, s->policy->enqueue, model);
	return 0;
}

int sched_cancel(struct sched *s, uint64_t now, uint64_t request)
{
	struct request *r = request_find(&s->table, request);

	if (!r)
		return -ENOENT;
	r->silent = true;
	kill_request(s, r, -ECANCELED, now);
	return 0;
}

static int64_t clock_ps(const struct sched *s, uint64_t now)
{
	return (int64_t)(now - s->base_ns) * 1000 - s->slip_ps;
}

/* The clock of the predicted state: a slice that has not completed has not ended. */
static int64_t state_now(const struct sched *s, uint64_t now)
{
	int64_t t = clock_ps(s, now), oldest;

	if (s->head_tag == s->tail_tag)
		return t;
	oldest = s->jobs[s->head_tag & s->job_mask].end;
	return t < oldest ? t : oldest;
}

static struct job *find_job(struct sched *s, uint64_t tag)
{
	struct job *j = &s->jobs[tag & s->job_mask];

	return tag - s->head_tag < s->tail_tag - s->head_tag && j->request ? j : NULL;
}

static struct request *retire(struct sched *s, struct job *j, uint64_t now, int status)
{
	struct request *r = j->request;

	if (!status)
		s->slip_ps += clock_ps(s, now) - j->end;
	j->request = NULL;
	s->num_jobs--;
	while (s->head_tag != s->tail_tag && !s->jobs[s->head_tag & s->job_mask].request)
		s->head_tag++;
	return r;
}

static struct request *find_host(struct request_list *l, uint64_t tag)
{
	struct request *r = l->head;

	while (r && !(r->host && (HOST_TAG | r->order) == tag))
		r = r->succ;
	return r;
}

/* A host step ended. The device's predicted state knows nothing of it. */
static int complete_host(struct sched *s, uint64_t now, uint64_t tag, int status)
{
	struct request *r = NULL;
	unsigned int i;

	for (i = 0; !r && i < s->num_models; i++) {
		r = find_host(&s->models[i].requests, tag);
		r = r ? r : find_host(&s->models[i].behind, tag);
	}
	if (!r)
		return -ENOENT;
	r->host = false;
	r->at_device--;
	if (status)
		kill_request(s, r, status, now);
	else if (finished(s, r))
		finish(s, r, now);
	else
		refresh(s, &s->models[r->model]);
	return 0;
}

int sched_complete(struct sched *s, uint64_t now, uint64_t tag, int status)
{
	struct job *j = find_job(s, tag);
	struct request *r;
	unsigned int model;

	if (tag & HOST_TAG)
		return complete_host(s, now, tag, status);
	if (!j)
		return -ENOENT;
	r = retire(s, j, now, status);
	model = r->model;
	s->stats.completed++;
	r->at_device--;
	if (status)
		kill_request(s, r, status, now);
	else if (finished(s, r))
		finish(s, r, now);
	else if (s->models[model].current == r && at_host(&s->models[model], r))
		refresh(s, &s->models[model]);
	if (!s->num_jobs && s->num_offers)
		s->stats.dry++;
	s->waiting = false;
	tell_policy(s, s->policy->complete, model);
	return 0;
}

/* Drop what is late and not started; the timer is the next deadline of those that are left. */
static void drop_late(struct sched *s, struct request_list *l, uint64_t now)
{
	struct request *r, *succ;

	for (r = l->head; r; r = succ) {
		succ = r->succ;
		if (r->started || r->dead)
			continue;
		if (now > r->deadline)
			kill_request(s, r, -ETIME, now);
		else
			set_timer(s, r->deadline);
	}
}

void sched_tick(struct sched *s, uint64_t now)
{
	unsigned int i;

	s->waiting = false;
	if (now >= s->wake)
		s->wake = SCHED_NO_DEADLINE;
	if (!s->config.drop_late)
		return;
	s->timer = SCHED_NO_DEADLINE;
	for (i = 0; i < s->num_models; i++)
		if (s->models[i].used) {
			drop_late(s, &s->models[i].requests, now);
			drop_late(s, &s->models[i].behind, now);
		}
}

/* ---- actions ---- */

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

static bool window_open(const struct sched *s, uint64_t now)
{
	int64_t end = s->device.tm > s->device.tc ? s->device.tm : s->device.tc;

	if (s->num_jobs < MIN_JOBS)
		return s->tail_tag - s->head_tag <= s->job_mask;
	return s->num_jobs < s->config.max_jobs && s->tail_tag - s->head_tag <= s->job_mask &&
	       end - state_now(s, now) < (int64_t)s->config.window_ps;
}

static void rebase(struct sched *s)
{
	unsigned int i;
	uint64_t tag;

	device_state_rebase(&s->device, REBASE_PS);
	for (tag = s->head_tag; tag != s->tail_tag; tag++)
		s->jobs[tag & s->job_mask].end -= REBASE_PS;
	for (i = 0; i < s->num_models; i++)
		s->models[i].ready -= REBASE_PS;
	for (i = 0; i < s->num_offers; i++)
		s->offers[i].ready -= REBASE_PS;
	s->base_ns += REBASE_PS / 1000;
}

/* Nothing is at the device: time begins anew. */
static void restart(struct sched *s, uint64_t now)
{
	unsigned int i;

	device_state_restart(&s->device);
	s->base_ns = now;
	s->slip_ps = 0;
	for (i = 0; i < s->num_models; i++)
		s->models[i].ready = 0;
	for (i = 0; i < s->num_offers; i++)
		fill_offer(s, &s->models[s->offers[i].model]);
}

static void bring_state_to(struct sched *s, uint64_t now)
{
	if (!s->num_jobs) {
		restart(s, now);
		s->now = 0;
		return;
	}
	if (s->device.tm > 2 * REBASE_PS)
		rebase(s);
	s->now = state_now(s, now);
	device_state_advance(&s->device, s->now);
}

/*
 * It will be late, so that others are not. It stays due some time later, so that it is served in the
 * end; what has not begun lets the other requests of its model pass.
 */
static void postpone(struct sched *s, struct model *m)
{
	struct request *r = m->current;

	r->postponed = true;
	r->due += POSTPONE_TIMES * (r->deadline - r->arrived);
	if (!r->started) {
		request_list_unlink(&m->requests, r);
		request_list_append(&m->behind, r);
		r->behind = true;
	}
	refresh(s, m);
}

/* Each pick looks at one offer, in turn. Whoever is late is served by deadline, not by turn. */
static bool starves(struct sched *s)
{
	const struct policy_offer *o = &s->offers[s->looked_at++ % s->num_offers];

	return o->deadline == SCHED_NO_DEADLINE &&
	       s->stats.picks - o->since > (uint64_t)STARVED_ROUNDS * s->num_slices;
}

/* Of the fallback, which replaces a policy that misbehaves. */
static int fall_back(struct sched *s)
{
	struct policy_view view = view_of(s);

	s->stats.policy_faults++;
	if (s->policy != &sched_policy_fifo)
		use_policy(s, &sched_policy_fifo, NULL);
	return sched_policy_fifo.pick(NULL, &view);
}

/*
 * Misbehaviour is a pick that was not offered, none although the device needs work, or somebody who is
 * passed over for ever. The fallback cannot: its picks are in the order of arrival.
 */
static int ask_policy(struct sched *s)
{
	struct policy_view view = view_of(s);
	int pick = s->policy->pick(s->policy_state, &view);

	while (POLICY_POSTPONED(pick) < s->num_offers && !s->offers[POLICY_POSTPONED(pick)].postponed) {
		postpone(s, &s->models[s->offers[POLICY_POSTPONED(pick)].model]);
		view = view_of(s);
		pick = s->policy->pick(s->policy_state, &view);
	}
	if (pick == POLICY_WAIT && !view.must)
		return pick;
	if (pick < 0 || (unsigned int)pick >= s->num_offers)
		return fall_back(s);
	return s->policy != &sched_policy_fifo && starves(s) ? fall_back(s) : pick;
}

static uint64_t put_job(struct sched *s, struct request *r, int64_t end)
{
	uint64_t tag = s->tail_tag++;

	s->jobs[tag & s->job_mask] = (struct job) { r, end };
	s->num_jobs++;
	return tag;
}

static void submit(struct sched *s, struct model *m, struct sched_action *action)
{
	struct request *r = m->next;
	struct device_step step = device_state_commit(&s->device, &m->slices[r->next],
						      ready_time(s, m));

	*action = (struct sched_action) {
		.type = SCHED_SUBMIT, .model = r->model, .request = r->id, .slice = r->next,
		.tag = put_job(s, r, step.tc),
	};
	slice_ends(s, m, r->next, step.tc);
	m->inflight += !r->started;
	r->started = true;
	r->next++;
	r->at_device++;
	m->since = ++s->stats.picks;
	s->stats.submitted++;
	refresh(s, m);
}

/* Nothing more now: until the next event, or until the policy wants to be asked again. */
static void wait_for_policy(struct sched *s, uint64_t now)
{
	int64_t wake = s->policy->wake ? s->policy->wake(s->policy_state) : INT64_MAX;

	s->waiting = true;
	if (wake == INT64_MAX)
		return;
	s->wake = now + (wake > s->now ? (uint64_t)(wake - s->now) / 1000 : 0) + 1;
}

static bool next_submit(struct sched *s, uint64_t now, struct sched_action *action)
{
	int pick;

	if (!s->num_offers || s->waiting || !window_open(s, now))
		return false;
	bring_state_to(s, now);
	s->wake = SCHED_NO_DEADLINE;
	pick = ask_policy(s);
	if (pick == POLICY_WAIT) {
		wait_for_policy(s, now);
		return false;
	}
	submit(s, &s->models[s->offers[pick].model], action);
	return true;
}

static bool tell_timer(uint64_t at, uint64_t *told, struct sched_action *action)
{
	if (at == *told || at == SCHED_NO_DEADLINE)
		return false;
	*told = at;
	*action = (struct sched_action) { .type = SCHED_TIMER, .at = at };
	return true;
}

/* There is one timer: the feeder is told again when the earlier of the two changes. */
static bool next_timer(struct sched *s, struct sched_action *action)
{
	uint64_t late = s->timer == SCHED_NO_DEADLINE ? s->timer : s->timer + 1;

	return tell_timer(late < s->wake ? late : s->wake, &s->timer_told, action);
}

/* The host is no part of what policies decide: a step begins when it can. */
static bool next_host(struct sched *s, struct sched_action *action)
{
	struct model *m = s->models;
	struct request *r;

	if (!s->host_due)
		return false;
	while (!m->host_due)
		m++;
	r = m->current;
	*action = (struct sched_action) {
		.type = SCHED_HOST, .model = r->model, .request = r->id, .slice = r->next,
		.tag = HOST_TAG | r->order,
	};
	r->host = true;
	m->inflight += !r->started;
	r->started = true;
	r->next++;
	r->at_device++;
	refresh(s, m);
	return true;
}

bool sched_next(struct sched *s, uint64_t now, struct sched_action *action)
{
	return next_reply(s, action) || next_host(s, action) || next_submit(s, now, action) || next_timer(s, action);
}

void sched_get_stats(const struct sched *s, struct sched_stats *stats)
{
	*stats = s->stats;
}
