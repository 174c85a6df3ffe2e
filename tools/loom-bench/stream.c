// SPDX-License-Identifier: MIT
/*
 * Closed-loop streams: every model of a phase keeps `queued` requests outstanding, so that its next
 * query waits when one ends (with one, it exists only then). A phase has four parts under the same
 * load: warm-up, the measured span, a tail in which every output is compared with the first (outside
 * the span, so that comparing costs no guest time in it), and the end, when nothing more is sent.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

struct streams {
	struct bench_lane *lane;
	struct bench_options *o;
	struct bench_phase *phase;
	uint64_t done[BENCH_MAX_MODELS];
	unsigned int outstanding;
	bool check, stop;
};

static int submit(struct streams *s, unsigned int model, unsigned int slot)
{
	int err = s->lane->ops->submit(s->lane, model, slot, UINT64_MAX);

	if (err)
		return bench_fail(err, "%s: cannot submit: %s", s->o->models[model].name, loom_error());
	s->outstanding++;
	return 0;
}

static int check(struct streams *s, unsigned int model, unsigned int slot)
{
	s->phase->checked[model]++;
	return outputs_check(&s->o->models[model], s->lane->ops->io(s->lane, model, slot),
			     s->phase->name);
}

/* Take one reply and send that stream's next query. */
static int turn(struct streams *s)
{
	struct bench_reply r;
	int err = s->lane->ops->wait_until(s->lane, UINT64_MAX, &r);

	if (err)
		return bench_fail(err, "%s: no reply: %s", s->phase->name, loom_error());
	if (r.status)
		return bench_fail(r.status, "%s: a query of %s failed: %s", s->phase->name,
				  s->o->models[r.model].name, strerror(-r.status));
	s->outstanding--;
	s->done[r.model]++;
	if (s->check)
		err = check(s, r.model, r.slot);
	return err || s->stop ? err : submit(s, r.model, r.slot);
}

/* Until every model has had n replies more. */
static int serve(struct streams *s, uint64_t n)
{
	unsigned int i, last = s->phase->first + s->phase->num;
	uint64_t until[BENCH_MAX_MODELS];
	int err = 0;

	for (i = s->phase->first; i < last; i++)
		until[i] = s->done[i] + n;
	for (i = s->phase->first; i < last; i++)
		while (!err && s->done[i] < until[i])
			err = turn(s);
	return err;
}

/* All at one instant: what is picked first does not depend on which of them came first. */
static int start(struct streams *s)
{
	unsigned int i, k;
	int err = s->lane->ops->hold(s->lane, true);

	for (k = 0; k < s->o->queued; k++)
		for (i = s->phase->first; !err && i < s->phase->first + s->phase->num; i++)
			err = submit(s, i, k);
	return err ? err : s->lane->ops->hold(s->lane, false);
}

/*
 * The daemon's counts take it a while to put together, in which no stream is served. So they are taken before
 * the phase and after the span, and are those of both, warm-up and span.
 */
static int measured_span(struct streams *s)
{
	uint64_t before[BENCH_MAX_MODELS];
	unsigned int i;
	int err;

	memcpy(before, s->done, sizeof(before));
	err = s->lane->ops->stamp(s->lane, &s->phase->start);
	if (!err)
		err = serve(s, s->o->queries);
	if (!err)
		err = s->lane->ops->stamp(s->lane, &s->phase->end);
	if (!err)
		err = s->lane->ops->counts(s->lane, &s->phase->end);
	for (i = 0; i < BENCH_MAX_MODELS; i++)
		s->phase->replies[i] = s->done[i] - before[i];
	return err;
}

static int finish(struct streams *s)
{
	int err = 0;

	s->stop = true;
	while (!err && s->outstanding)
		err = turn(s);
	return err;
}

static int write_outputs(struct streams *s)
{
	char dir[4096];
	unsigned int i;
	int err = 0;

	for (i = s->phase->first; !err && i < s->phase->first + s->phase->num; i++) {
		snprintf(dir, sizeof(dir), "%s/outputs/%s/%s", s->o->out, s->phase->name,
			 s->o->models[i].name);
		err = outputs_write(&s->o->models[i], s->lane->ops->io(s->lane, i, 0), dir);
	}
	return err;
}

static int trace_to_file(struct streams *s)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/trace-%s.json", s->o->out, s->phase->name);
	return s->lane->ops->trace_stop(s->lane, path);
}

int stream_phase(struct bench_lane *lane, struct bench_options *o, struct bench_phase *phase)
{
	struct streams s = { .lane = lane, .o = o, .phase = phase };
	int err = lane->ops->policy(lane, phase->policy);

	if (!err)
		err = lane->ops->trace_start(lane);
	if (!err)
		err = lane->ops->counts(lane, &phase->start);
	if (!err)
		err = start(&s);
	if (!err)
		err = serve(&s, o->warm);
	if (!err)
		err = measured_span(&s);
	s.check = true;
	if (!err)
		err = serve(&s, o->tail);
	if (!err)
		err = finish(&s);
	if (!err)
		err = trace_to_file(&s);
	return err ? err : write_outputs(&s);
}
