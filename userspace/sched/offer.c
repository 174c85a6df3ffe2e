// SPDX-License-Identifier: MIT
/*
 * Offers. A model's requests form a list in the order of arrival: the started ones first, then those that
 * wait. The first one with slices left is the model's current request; its next slice is the model's
 * offer, unless starting it would exceed max_inflight. Offers lie in a dense array, which is what a
 * policy sees.
 */
#include "core.h"

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

/* Inputs of a request in a lease of its own are loaded ahead: before the last slice of the one before. */
static struct request *next_request(const struct model *m)
{
	struct request *r = m->current;

	if (m->overlap && r && r->next && r->next + 1 == m->profile.num_slices && r->succ &&
	    !r->postponed && !r->succ->started && !r->succ->dead && m->inflight < m->max_inflight &&
	    !offer_at_host(m, r) && !m->slices[0].host)
		return r->succ;
	return r;
}

static bool may_begin(const struct model *m, const struct request *r)
{
	return r && (r->started || m->inflight < m->max_inflight);
}

static bool can_offer(const struct model *m)
{
	return may_begin(m, m->next) && !offer_at_host(m, m->next);
}

static bool can_run_on_host(const struct model *m)
{
	const struct request *r = m->current;

	return may_begin(m, r) && m->slices[r->next].host && !r->host && !r->at_device;
}

static void rank_deadline(struct sched *s, const struct policy_offer *o)
{
	rank_put(&s->due, (unsigned int)(o - s->offers), (struct rank_key) { o->deadline, o->order });
}

/*
 * Who was away has got less than the others. It may catch up on one query, not on all that it had not
 * asked for.
 */
static void enter(struct sched *s, struct model *m)
{
	uint64_t query = m->profile.comp_ps > m->profile.mem_ps ? m->profile.comp_ps : m->profile.mem_ps;
	uint64_t least = s->least_served[m->kind];

	m->offer = (int)s->num_offers++;
	m->since = s->stats.picks;
	if (m->served + query < least)
		m->served = least - query;
	offer_rank_service(s, m);
	s->offers[m->offer].order = UINT64_MAX;	/* no rank by deadline yet */
}

static void drop_offer(struct sched *s, struct model *m)
{
	unsigned int last = --s->num_offers, at = (unsigned int)m->offer, i;
	struct rank *ranks[] = { &s->served[0], &s->served[1], &s->due };

	for (i = 0; i < 3; i++) {
		rank_remove(ranks[i], at);
		if (last != at)
			rank_rename(ranks[i], last, at);
	}
	s->offers[at] = s->offers[last];
	s->models[s->offers[at].model].offer = m->offer;
	m->offer = -1;
}

void offer_forget_service(struct sched *s)
{
	unsigned int i;

	s->least_served[0] = s->least_served[1] = 0;
	for (i = 0; i < s->num_models; i++) {
		s->models[i].served = 0;
		s->models[i].since = s->stats.picks;
		if (s->models[i].used && s->models[i].offer >= 0)
			offer_rank_service(s, &s->models[i]);
	}
}

/* Inputs and fetches take turns on the channel, so they take twice as long if it fetches all the time. */
static int64_t inputs_of(const struct sched *s, const struct model *m)
{
	return m->profile.inputs * (s->policy->inputs_first ? 1 : 2);
}

static void fill(struct sched *s, struct model *m)
{
	const struct request *r = m->next;
	struct policy_offer *o;
	bool awaited = !r->next && !m->inflight && !r->succ && m->arrivals > 1, moved;
	uint64_t deadline = due(m);

	if (m->offer < 0)
		enter(s, m);
	o = &s->offers[m->offer];
	moved = o->deadline != deadline || o->order != r->order;
	*o = (struct policy_offer) {
		.model = (unsigned int)(m - s->models),
		.slice = &m->slices[r->next],
		.profile = &m->profile,
		.index = r->next,
		.order = r->order,
		.deadline = deadline,
		.postponed = r->postponed,
		.started = r->started,
		.more = r->succ,
		.again = m->arrivals > 1,
		.awaited = awaited,
		.after = r->next || !m->overlap ? m->ready : s->view.now,
		.inputs = r->next ? 0 : inputs_of(s, m),
		.since = m->since,
	};
	if (moved)
		rank_deadline(s, o);
}

static void set_host_due(struct sched *s, const struct model *m, bool due)
{
	unsigned int number = (unsigned int)(m - s->models);
	uint64_t bit = 1ull << number % 64, *word = &s->host_due[number / 64];

	s->num_host_due += (unsigned int)due - !!(*word & bit);
	*word = due ? *word | bit : *word & ~bit;
}

static void count(unsigned int *num, bool *counted, bool now)
{
	*num += (unsigned int)now - (unsigned int)*counted;
	*counted = now;
}

void offer_refresh(struct sched *s, struct model *m)
{
	choose_current(m);
	m->next = next_request(m);
	if (m->has_host)
		set_host_due(s, m, can_run_on_host(m));
	if (can_offer(m))
		fill(s, m);
	else if (m->offer >= 0)
		drop_offer(s, m);
	count(&s->exhausted, &m->exhausted, m->inflight && m->offer < 0);
	count(&s->expected, &m->expected, m->exhausted && m->arrivals > 1);
	s->waiting = false;
}
