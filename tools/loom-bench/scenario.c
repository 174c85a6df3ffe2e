// SPDX-License-Identifier: MIT
/*
 * The queries of a scenario. A latency is counted from when its query was to be sent, as MLPerf has it, to
 * its last reply: a query that waits here because all I/O slots are taken pays for that.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "scenario.h"
#include "traffic.h"

#define NEVER UINT64_MAX

/* ---- a stream ---- */

static unsigned int samples(const struct scenario *s)
{
	return scenario_rules[s->kind].samples;
}

/* When its next query is to be sent; NEVER: not before a reply. */
static uint64_t due(const struct scenario *s, const struct scenario_stream *st, uint64_t start, uint64_t now)
{
	if (st->num_sent == st->wanted || st->num_free < samples(s))
		return NEVER;
	if (s->kind == SCENARIO_SERVER)
		return start + st->arrivals[st->num_sent];
	if (s->kind == SCENARIO_OFFLINE)
		return start;
	return st->num_under_way ? NEVER : now;
}

static int send_query(struct scenario *s, struct scenario_stream *st, uint64_t at)
{
	uint64_t deadline = st->bound == UINT64_MAX ? UINT64_MAX : at + st->bound;
	unsigned int i, slot, first = st->free_slots[st->num_free - 1];
	int err = 0;

	st->under_way[first].sent = at;
	st->under_way[first].left = samples(s);
	for (i = 0; !err && i < samples(s); i++) {
		slot = st->free_slots[--st->num_free];
		st->query_of[slot] = first;
		err = s->lane->ops->submit(s->lane, st->model, slot, deadline);
	}
	if (!st->num_sent++)
		st->first = at;
	st->num_under_way++;
	return err ? bench_fail(err, "cannot send a query: %s", loom_error()) : 0;
}

static void query_done(struct scenario_stream *st, unsigned int query, uint64_t now, bool lost)
{
	st->num_under_way--;
	st->last = now;
	if (lost)
		st->num_lost++;
	else
		st->latencies[st->num_done++] = now - st->under_way[query].sent;
}

/* ---- all of them ---- */

static struct scenario_stream *find_stream(struct scenario *s, unsigned int model)
{
	struct scenario_stream *st = s->streams;

	while (st->model != model)
		st++;
	return st;
}

static int take_reply(struct scenario *s, const struct bench_reply *r)
{
	struct scenario_stream *st = find_stream(s, r->model);
	unsigned int query = st->query_of[r->slot];

	if (r->status && r->status != -ETIME)
		return bench_fail(r->status, "a query failed: %s", strerror(-r->status));
	st->free_slots[st->num_free++] = r->slot;
	if (!--st->under_way[query].left)
		query_done(st, query, s->lane->ops->now(s->lane), r->status);
	return 0;
}

/* Whoever is due is sent; *next: when somebody else will be. */
static int send_due(struct scenario *s, uint64_t start, uint64_t *next)
{
	unsigned int i;
	uint64_t now, at;
	int err = 0;

	*next = NEVER;
	for (i = 0; !err && i < s->num_streams; i++) {
		now = s->lane->ops->now(s->lane);
		while (!err && (at = due(s, &s->streams[i], start, now)) <= now)
			err = send_query(s, &s->streams[i], at);
		at = due(s, &s->streams[i], start, now);
		if (at < *next)
			*next = at;
	}
	return err;
}

static bool all_done(const struct scenario *s)
{
	unsigned int i;

	for (i = 0; i < s->num_streams; i++)
		if (s->streams[i].num_done + s->streams[i].num_lost < s->streams[i].wanted)
			return false;
	return true;
}

static int run(struct scenario *s)
{
	uint64_t start = s->lane->ops->now(s->lane), next;
	struct bench_reply reply;
	int err = 0;

	while (!err && !all_done(s)) {
		err = send_due(s, start, &next);
		if (!err)
			err = s->lane->ops->wait_until(s->lane, next, &reply);
		if (!err)
			err = take_reply(s, &reply);
		else if (err == -ETIME)
			err = 0;
		else
			bench_fail(err, "no reply: %s", loom_error());
	}
	return err;
}

/* ---- before ---- */

static int make_arrivals(struct scenario *s, uint64_t seed)
{
	struct stream_rate rates[BENCH_MAX_MODELS];
	unsigned int i, n = s->total, num[BENCH_MAX_MODELS] = { 0 };
	struct arrival *all;

	for (i = 0; i < s->num_streams; i++)
		rates[i] = (struct stream_rate) { .qps = s->streams[i].qps };
	all = calloc(n, sizeof(*all));
	if (!all)
		return bench_fail(-ENOMEM, "out of memory");
	traffic_poisson(all, n, rates, s->num_streams, seed);
	for (i = 0; i < n; i++)
		s->streams[all[i].model].arrivals[num[all[i].model]++] = all[i].at;
	for (i = 0; i < s->num_streams; i++)
		s->streams[i].wanted = num[i];
	free(all);
	return 0;
}

static int prepare(struct scenario *s, struct scenario_stream *st)
{
	unsigned int i;

	st->num_free = 0;
	for (i = s->slots; i-- > 0;)
		st->free_slots[st->num_free++] = i;
	st->num_done = st->num_sent = st->num_lost = st->num_under_way = 0;
	st->latencies = calloc(s->total + 1, sizeof(*st->latencies));
	st->arrivals = calloc(s->total + 1, sizeof(*st->arrivals));
	return st->latencies && st->arrivals ? 0 : bench_fail(-ENOMEM, "out of memory");
}

int scenario_run(struct scenario *s, uint64_t seed)
{
	unsigned int i;
	int err = 0;

	s->total = 0;
	for (i = 0; i < s->num_streams; i++)
		s->total += s->streams[i].wanted;
	for (i = 0; !err && i < s->num_streams; i++)
		err = prepare(s, &s->streams[i]);
	if (!err && s->kind == SCENARIO_SERVER)
		err = make_arrivals(s, seed);
	return err ? err : run(s);
}

void scenario_forget(struct scenario *s)
{
	unsigned int i;

	for (i = 0; i < s->num_streams; i++) {
		free(s->streams[i].latencies);
		free(s->streams[i].arrivals);
		s->streams[i].latencies = s->streams[i].arrivals = NULL;
	}
}
