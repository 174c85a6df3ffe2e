// SPDX-License-Identifier: MIT
/*
 * One cell of an experiment: closed-loop streams, a policy, an engine. A rate counts queries as far as
 * they were computed in the measured span, which begins and ends where a slice's compute ends; compute
 * is in order, so the slices between are all that was computed in it (as report.h has it).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "experiment.h"
#include "report.h"
#include "sched/policy.h"

#define JOB_MASK 8191u
#define PS 1e-12
#define LEAST_FILLS 100

struct stream {
	uint64_t done;
	uint64_t until;
	double computed;		/* seconds, since the engine was opened */
	double worst;
};

struct run {
	const struct cell *cell;
	struct sched *s;
	struct engine *e;
	uint64_t now, timer, serial, compute_end;
	struct stream streams[CELL_MAX_MODELS];
	struct {
		uint16_t model, slice;
	} jobs[JOB_MASK + 1];		/* by tag */
	uint64_t arrived[CELL_MAX_MODELS][BENCH_MAX_QUEUED];
};

/* A request's number says its model and I/O region. */
static uint64_t number(struct run *r, unsigned int model, unsigned int region)
{
	return ++r->serial << 8 | model << 4 | region;
}

static int arrive(struct run *r, unsigned int model, unsigned int region)
{
	r->arrived[model][region] = r->now;
	return sched_arrive(r->s, r->now, model, number(r, model, region), SCHED_NO_DEADLINE);
}

static int reply(struct run *r, const struct sched_action *a)
{
	unsigned int region = a->request & 0xf;
	double latency = 1e-9 * (double)(r->now - r->arrived[a->model][region]);

	if (a->status)
		return bench_fail(a->status, "a query of %s failed", r->cell->models[a->model]->name);
	r->streams[a->model].done++;
	if (r->streams[a->model].worst < latency)
		r->streams[a->model].worst = latency;
	return arrive(r, a->model, region);
}

static int submit(struct run *r, const struct sched_action *a)
{
	r->jobs[a->tag & JOB_MASK].model = (uint16_t)a->model;
	r->jobs[a->tag & JOB_MASK].slice = (uint16_t)a->slice;
	return r->cell->engine->submit(r->e, r->now, a->model, a->request & 0xf, a->slice, a->tag);
}

static int drain(struct run *r)
{
	struct sched_action a;
	int err = 0;

	while (!err && sched_next(r->s, r->now, &a)) {
		if (a.type == SCHED_SUBMIT)
			err = submit(r, &a);
		else if (a.type == SCHED_REPLY)
			err = reply(r, &a);
		else
			r->timer = a.at;
	}
	return err;
}

static void completed(struct run *r, const struct engine_done *done)
{
	unsigned int model = r->jobs[done->tag & JOB_MASK].model;
	unsigned int slice = r->jobs[done->tag & JOB_MASK].slice;

	r->streams[model].computed += PS * (double)r->cell->models[model]->slices[slice].comp_ps;
	r->compute_end = done->compute_end;
	r->now = done->end;
	sched_complete(r->s, r->now, done->tag, 0);
}

static int turn(struct run *r)
{
	struct engine_done done;
	int got = r->cell->engine->wait(r->e, r->timer, &done);

	if (got < 0)
		return got;
	if (got) {
		completed(r, &done);
	} else {
		r->now = r->timer;
		r->timer = UINT64_MAX;
		sched_tick(r->s, r->now);
	}
	return drain(r);
}

/* Until every stream has n replies more. */
static int serve(struct run *r, uint64_t n)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < r->cell->num_models; i++)
		r->streams[i].until = r->streams[i].done + n;
	for (i = 0; i < r->cell->num_models; i++)
		while (!err && r->streams[i].done < r->streams[i].until)
			err = turn(r);
	return err;
}

static unsigned int outstanding(const struct cell *c, unsigned int model)
{
	return c->strict ? 1 : c->models[model]->waiting;
}

static int start(struct run *r)
{
	const struct cell *c = r->cell;
	unsigned int i, k;
	int err = 0;

	for (k = 0; k < BENCH_MAX_QUEUED; k++)
		for (i = 0; !err && i < c->num_models; i++)
			if (k < outstanding(c, i))
				err = arrive(r, i, k);
	return err ? err : drain(r);
}

static int add(struct run *r, unsigned int i)
{
	const struct workload *w = r->cell->models[i];
	unsigned int requests = outstanding(r->cell, i);
	int err = r->cell->engine->add(r->e, w, requests);

	if (err)
		return err;
	err = sched_add_model(r->s, w->name, w->slices, w->num_slices, requests);
	if (err < 0)
		return bench_fail(err, "%s: the scheduler refuses it", w->name);
	return sched_set_overlap(r->s, i, true);
}

static int set_up(struct run *r)
{
	const struct cell *c = r->cell;
	const struct sched_config config = {
		.buffer_bytes = c->machine->buffer_bytes,
		.dram_bytes_per_s = c->machine->dram_bytes_per_s,
		.window_ps = c->window_us * 1000000, .max_jobs = 64, .policy = c->policy,
		.tile_release = !c->release_layer,
	};
	unsigned int i;
	int err = c->engine->open(c->machine, c->release_layer, &r->e);

	if (!err)
		err = sched_new(&config, &r->s);
	if (!err && c->ops)
		err = sched_use_policy(r->s, c->ops);
	for (i = 0; !err && i < c->num_models; i++)
		err = add(r, i);
	return err;
}

/*
 * What is in the weight SRAM when the span begins was fetched before it, so a span is long beside the time
 * to fill it.
 */
static uint64_t least_ns(const struct machine *m)
{
	return (uint64_t)(LEAST_FILLS * 1e9 * (double)m->buffer_bytes / (double)m->dram_bytes_per_s);
}

static int measure(struct run *r, struct cell_figures *f)
{
	const struct cell *c = r->cell;
	struct engine_busy from, to;
	double before[CELL_MAX_MODELS];
	uint64_t start = r->compute_end;
	unsigned int i;
	int err = c->engine->busy(r->e, &from);

	for (i = 0; i < c->num_models; i++) {
		before[i] = r->streams[i].computed;
		r->streams[i].worst = 0;
	}
	do
		err = err ? err : serve(r, c->queries);
	while (!err && r->compute_end - start < least_ns(c->machine));
	if (!err)
		err = c->engine->busy(r->e, &to);
	if (err)
		return err;
	f->seconds = 1e-9 * (double)(r->compute_end - start);
	for (i = 0; i < c->num_models; i++) {
		f->qps[i] = (r->streams[i].computed - before[i]) / c->models[i]->comp / f->seconds;
		f->worst[i] = r->streams[i].worst;
	}
	f->compute = (to.compute - from.compute) / f->seconds;
	f->mac = (to.mac - from.mac) / f->seconds;
	f->dram = (to.dram - from.dram) / f->seconds;
	return 0;
}

int cell_run(const struct cell *c, struct cell_figures *f)
{
	struct run *r = calloc(1, sizeof(*r));
	struct sched_stats st = { 0 };
	int err;

	if (!r)
		return bench_fail(-ENOMEM, "out of memory");
	*f = (struct cell_figures) { 0 };
	r->cell = c;
	r->timer = UINT64_MAX;
	err = set_up(r);
	if (!err)
		err = start(r);
	if (!err)
		err = serve(r, c->warm);
	if (!err)
		err = measure(r, f);
	if (r->s)
		sched_get_stats(r->s, &st);
	f->picks = st.picks;
	f->faults = st.policy_faults;
	if (r->e)
		c->engine->close(r->e);
	sched_free(r->s);
	free(r);
	return err;
}

int cell_alone(const struct cell *like, const struct workload *w, struct report_model *out)
{
	struct cell c = *like;
	struct cell_figures f;
	int err;

	c.models[0] = w;
	c.num_models = 1;
	c.policy = "fifo";
	c.ops = NULL;
	c.strict = false;
	err = cell_run(&c, &f);
	if (err)
		return err;
	*out = (struct report_model) {
		.name = w->name, .period = 1 / f.qps[0], .compute = f.compute / f.qps[0],
		.mac = f.mac / f.qps[0], .dram = f.dram / f.qps[0],
	};
	return 0;
}
