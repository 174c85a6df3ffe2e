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

/* A step of it is at the host, or is the next. */
bool offer_at_host(const struct model *m, const struct request *r)
{
	return r->host || m->slices[r->next].host;
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
int64_t offer_inputs_ps(const struct sched *s, const struct model *m)
{
	return 2 * device_state_dma_ps(&s->device, &m->slices[0]);
}

int64_t offer_ready(const struct sched *s, const struct model *m)
{
	if (m->next->next)
		return m->ready;
	return (m->overlap ? s->now : m->ready) + offer_inputs_ps(s, m);
}

void offer_slice_ends(struct sched *s, struct model *m, unsigned int slice, int64_t end)
{
	m->ready = slice ? end + device_state_dma_ps(&s->device, &m->slices[slice]) : end;
}

void offer_fill(struct sched *s, struct model *m)
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
		.ready = offer_ready(s, m),
		.since = m->since,
	};
}

/* After anything happened to a model. */
void offer_refresh(struct sched *s, struct model *m)
{
	bool exhausted, host_due;

	choose_current(m);
	m->next = next_request(m);
	host_due = can_run_on_host(m);
	s->host_due += (unsigned int)host_due - (unsigned int)m->host_due;
	m->host_due = host_due;
	if (can_offer(m))
		offer_fill(s, m);
	else if (m->offer >= 0)
		drop_offer(s, m);
	exhausted = m->inflight && m->offer < 0;
	s->exhausted += (unsigned int)exhausted - (unsigned int)m->exhausted;
	m->exhausted = exhausted;
	s->waiting = false;
}
