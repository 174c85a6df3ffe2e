// SPDX-License-Identifier: MIT
/*
 * All that the scheduler is told, and all that it says, comes through here, and goes into a record
 * when one is being made.
 *
 * A record begins with a scheduler that knows nothing yet but its models, so that whoever reads it can
 * make the same: at the start of the daemon, or while no request is under way, when the scheduler is
 * made anew and its counts are carried on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loomd.h"
#include "sched/recording.h"

#define NOT_ASKED UINT64_MAX

/* ---- the scheduler ---- */

int feed_open(struct loomd *d, const struct sched_config *config)
{
	d->feed.config = *config;
	d->feed.config.policy = d->policy;
	return sched_new(&d->feed.config, &d->sched);
}

void feed_close(struct loomd *d)
{
	if (d->feed.record)
		feed_record_stop(d);
	if (d->sched)
		sched_free(d->sched);
}

/* What the ones before it counted, too. */
void feed_stats(const struct loomd *d, struct sched_stats *stats)
{
	const struct sched_stats *before = &d->feed.before;

	sched_get_stats(d->sched, stats);
	stats->picks += before->picks;
	stats->submitted += before->submitted;
	stats->completed += before->completed;
	stats->replies += before->replies;
	stats->dry += before->dry;
	stats->policy_faults += before->policy_faults;
	stats->deadline_missed += before->deadline_missed;
}

/* Two leases are what lets two requests of a model overlap. */
static bool overlaps(const struct model *m)
{
	return m->instance.num_leases > 1;
}

static int add_model(const struct loomd *d, struct sched *s, const struct model *m)
{
	int number = sched_add_model(s, m->name, m->profile, m->num_steps, d->options.inflight);

	if (number >= 0)
		sched_set_overlap(s, (unsigned int)number, overlaps(m));
	return number;
}

/* The same models in a new scheduler: they may have other numbers there. */
static int move_models(struct loomd *d, struct sched *s)
{
	int number;

	for (unsigned int i = 0; i < d->options.max_models; i++) {
		struct model *m = &d->models[i];

		if (!m->handle || m->sched < 0)
			continue;
		number = add_model(d, s, m);
		if (number < 0)
			return number;
		m->sched_next = number;
	}
	return 0;
}

static int renew(struct loomd *d)
{
	struct sched_stats stats;
	struct sched *s;
	int err = sched_new(&d->feed.config, &s);

	if (err)
		return err;
	err = move_models(d, s);
	if (err) {
		sched_free(s);
		return err;
	}
	feed_stats(d, &stats);
	d->feed.before = stats;
	sched_free(d->sched);
	d->sched = s;
	d->timer = LOOMD_NEVER;
	for (unsigned int i = 0; i < d->options.max_models; i++)
		if (d->models[i].handle && d->models[i].sched >= 0)
			d->models[i].sched = d->models[i].sched_next;
	return 0;
}

/* ---- the record ---- */

static void record_models(struct loomd *d)
{
	for (unsigned int i = 0; i < d->options.max_models; i++) {
		const struct model *m = &d->models[i];

		if (m->handle && m->sched >= 0)
			record_model(d->feed.record, (unsigned int)m->sched, m->name, overlaps(m), m->profile,
				     m->num_steps, d->options.inflight);
	}
}

int feed_record_start(struct loomd *d, int fd, uint64_t seed)
{
	int err = renew(d);

	if (err)
		return err;
	err = record_open(fd, &d->feed.config, loom_dev_caps(d->device.dev)->preset, seed,
			  &d->feed.record);
	if (err)
		return err;
	d->feed.asked = NOT_ASKED;
	record_models(d);
	return 0;
}

int feed_record_stop(struct loomd *d)
{
	int err = record_close(d->feed.record);

	d->feed.record = NULL;
	return err;
}

static void record(struct loomd *d, uint32_t type, uint32_t what, uint64_t a, uint64_t b, uint64_t c)
{
	if (!d->feed.record)
		return;
	record_event(d->feed.record, type, what, a, b, c);
	if (!record_error(d->feed.record))
		return;
	log_text(LOG_ERROR, "the record cannot be written, and is given up: %s",
		 strerror(-record_error(d->feed.record)));
	feed_record_stop(d);
}

/* ---- what it is told: recorded if it was heard ---- */

int feed_model(struct loomd *d, const struct model *m)
{
	int number = add_model(d, d->sched, m);

	if (number >= 0 && d->feed.record)
		record_model(d->feed.record, (unsigned int)number, m->name, overlaps(m), m->profile, m->num_steps,
			     d->options.inflight);
	return number;
}

void feed_remove_model(struct loomd *d, const struct model *m)
{
	record(d, RECORDING_REMOVE, (uint32_t)m->sched, 0, 0, 0);
	sched_remove_model(d->sched, (unsigned int)m->sched);
}

int feed_policy(struct loomd *d, const char *policy)
{
	int err = sched_set_policy(d->sched, policy);

	if (err)
		return err;
	snprintf(d->policy, sizeof(d->policy), "%s", policy);
	if (d->feed.record)
		record_policy(d->feed.record, policy);
	return 0;
}

int feed_arrive(struct loomd *d, const struct request *r, uint64_t now)
{
	int err = sched_arrive(d->sched, now, (unsigned int)r->model->sched, r->key, r->deadline);

	if (!err)
		record(d, RECORDING_ARRIVE, (uint32_t)r->model->sched, now, r->key, r->deadline);
	return err;
}

void feed_cancel(struct loomd *d, uint64_t now, uint64_t key)
{
	if (!sched_cancel(d->sched, now, key))
		record(d, RECORDING_CANCEL, 0, now, key, 0);
}

void feed_complete(struct loomd *d, uint64_t now, uint64_t tag, int status)
{
	if (!sched_complete(d->sched, now, tag, status))
		record(d, RECORDING_COMPLETE, (uint32_t)status, now, tag, 0);
}

void feed_tick(struct loomd *d, uint64_t now)
{
	sched_tick(d->sched, now);
	record(d, RECORDING_TICK, 0, now, 0, 0);
}

/* ---- what it says ---- */

static void record_action(struct loomd *d, const struct sched_action *a)
{
	switch (a->type) {
	case SCHED_SUBMIT:
	case SCHED_HOST:
		record(d, a->type == SCHED_HOST ? RECORDING_HOST : RECORDING_SUBMIT, a->model,
		       a->slice, a->request, a->tag);
		break;
	case SCHED_REPLY:
		record(d, RECORDING_REPLY, a->model, 0, a->request, (uint64_t)(int64_t)a->status);
		break;
	case SCHED_TIMER:
		record(d, RECORDING_TIMER, 0, a->at, 0, 0);
		break;
	}
}

bool feed_next(struct loomd *d, uint64_t now, struct sched_action *a)
{
	bool more;

	if (!d->feed.record)
		return sched_next(d->sched, now, a);
	if (d->feed.asked != now)
		record(d, RECORDING_ASK, 0, now, 0, 0);
	d->feed.asked = now;
	more = sched_next(d->sched, now, a);
	if (more)
		record_action(d, a);
	else
		record(d, RECORDING_NOTHING, 0, 0, 0, 0);
	return more;
}
