// SPDX-License-Identifier: MIT
/*
 * Open-loop load: requests come when the trace says, whatever the device does. Everything is replied
 * to before the run ends, so a late request is counted whether or not it was served.
 */
#include <errno.h>
#include <stdlib.h>

#include "bench.h"
#include "open_loop.h"

#define REGIONS 8u			/* I/O regions of a model: more than are ever at the device */
#define INFLIGHT 2u

struct run {
	const struct open_loop *o;
	struct sched *s;
	struct engine *e;
	uint64_t now, timer;
	unsigned int next;		/* arrival */
	double latencies;
	struct open_figures *f;
};

static int arrive(struct run *r)
{
	const struct arrival *a = &r->o->arrivals[r->next++];

	return sched_arrive(r->s, r->now, a->model, r->next, a->deadline);
}

/* A request's number is that of its arrival, from 1. */
static void reply(struct run *r, const struct sched_action *action)
{
	const struct arrival *a = &r->o->arrivals[action->request - 1];
	double late = 1e-9 * ((double)r->now - (double)a->deadline);

	r->f->replies++;
	if (action->status)
		r->f->dropped++;
	else
		r->latencies += 1e-9 * (double)(r->now - a->at);
	if (!action->status && late <= 0)
		return;
	r->f->violations++;
	r->f->late[a->model]++;
	if (!action->status && r->f->worst_late < late)
		r->f->worst_late = late;
}

static int drain(struct run *r)
{
	struct sched_action a;
	int err = 0;

	while (!err && sched_next(r->s, r->now, &a)) {
		if (a.type == SCHED_SUBMIT)
			err = r->o->engine->submit(r->e, r->now, a.model, a.request % REGIONS, a.slice,
						   a.tag);
		else if (a.type == SCHED_REPLY)
			reply(r, &a);
		else
			r->timer = a.at;
	}
	return err;
}

static uint64_t next_arrival(const struct run *r)
{
	return r->next < r->o->num_arrivals ? r->o->arrivals[r->next].at : UINT64_MAX;
}

/* The next thing that happens: an arrival, the scheduler's timer, or a completion before both. */
static int turn(struct run *r)
{
	uint64_t at = next_arrival(r), until = at < r->timer ? at : r->timer;
	struct engine_done done;
	int got = r->o->engine->wait(r->e, until, &done);

	if (got < 0)
		return got;
	if (got) {
		r->now = done.end;
		sched_complete(r->s, r->now, done.tag, 0);
		return drain(r);
	}
	r->now = until;
	if (at == until) {
		got = arrive(r);
	} else {
		r->timer = UINT64_MAX;
		sched_tick(r->s, r->now);
	}
	return got ? got : drain(r);
}

static int set_up(struct run *r)
{
	const struct open_loop *o = r->o;
	const struct sched_config config = {
		.buffer_bytes = o->machine->buffer_bytes,
		.dram_bytes_per_s = o->machine->dram_bytes_per_s,
		.window_ps = o->window_us * 1000000, .max_jobs = 64, .policy = o->policy,
		.drop_late = o->drop_late, .tile_release = !o->release_layer,
	};
	unsigned int i;
	int err = o->engine->open(o->machine, o->release_layer, &r->e);

	if (!err)
		err = sched_new(&config, &r->s);
	for (i = 0; !err && i < o->num_models; i++) {
		err = o->engine->add(r->e, o->models[i], REGIONS);
		if (!err && sched_add_model(r->s, o->models[i]->name, o->models[i]->slices,
					    o->models[i]->num_slices, INFLIGHT) != (int)i)
			err = bench_fail(-EINVAL, "%s: the scheduler refuses it", o->models[i]->name);
	}
	return err;
}

static void sum_up(struct run *r)
{
	struct open_figures *f = r->f;
	struct engine_busy busy = { 0 };
	struct sched_stats st;

	sched_get_stats(r->s, &st);
	r->o->engine->busy(r->e, &busy);
	f->picks = st.picks;
	f->faults = st.policy_faults;
	f->seconds = 1e-9 * (double)(r->now - r->o->arrivals[0].at);
	f->compute = busy.compute / f->seconds;
	f->dram = busy.dram / f->seconds;
	if (f->replies > f->dropped)
		f->mean_latency = r->latencies / (f->replies - f->dropped);
}

int open_loop_run(const struct open_loop *o, struct open_figures *f)
{
	struct run r = { .o = o, .f = f, .timer = UINT64_MAX };
	int err;

	*f = (struct open_figures) { 0 };
	err = set_up(&r);
	while (!err && f->replies < o->num_arrivals && !f->gave_up) {
		err = turn(&r);
		f->gave_up = o->give_up && f->violations >= o->give_up;
	}
	if (!err)
		sum_up(&r);
	if (r.e)
		o->engine->close(r.e);
	sched_free(r.s);
	return err;
}
