// SPDX-License-Identifier: MIT
/* The arithmetic: rates, STP, ANTT, and the checks that no figure may fail. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "report.h"

#define ROUNDING 1e-6		/* stamps are whole nanoseconds, spans a millisecond or more */

/* How much of [start, end) lies in the measured span. */
static double overlap(const struct report_phase *p, uint64_t start, uint64_t end)
{
	uint64_t a = start > p->from ? start : p->from, b = end < p->to ? end : p->to;

	if (end <= start)
		return start >= p->from && start < p->to ? 1 : 0;
	return b > a ? (double)(b - a) / (double)(end - start) : 0;
}

/* Compute time of a query of each model, over the queries that are in the trace from start to end. */
static void query_times(const struct report *r, const struct report_phase *p, double *ns)
{
	double sum[BENCH_MAX_MODELS] = { 0 }, firsts[BENCH_MAX_MODELS] = { 0 };
	unsigned int m;
	size_t i;

	for (i = 0; i < p->num_slices; i++) {
		sum[p->slices[i].model] += (double)p->slices[i].compute_busy;
		firsts[p->slices[i].model] += p->slices[i].slice == 0;
	}
	for (m = 0; m < r->num_models; m++)
		ns[m] = firsts[m] ? sum[m] / firsts[m] : 0;
}

static void rates(const struct report *r, struct report_phase *p)
{
	double ns[BENCH_MAX_MODELS];
	size_t i;

	query_times(r, p, ns);
	for (i = 0; i < p->num_slices; i++) {
		const struct report_slice *s = &p->slices[i];
		double part = overlap(p, s->compute_start, s->compute_end);

		p->slices_run += part;
		if (ns[s->model] > 0)
			p->qps[s->model] += part * (double)s->compute_busy / ns[s->model] / p->seconds;
	}
}

static int alone(struct report *r, const struct report_phase *p)
{
	struct report_model *m = &r->models[p->first];
	double q = p->qps[p->first];

	if (q <= 0)
		return bench_fail(-EINVAL, "%s served nothing", p->name);
	m->period = 1 / q;
	m->compute = p->compute / q;
	m->mac = p->mac / q;
	m->dram = p->dram / q;
	return 0;
}

static void together(const struct report *r, struct report_phase *p)
{
	unsigned int i;

	for (i = p->first; i < p->first + p->num; i++) {
		p->stp += p->qps[i] * r->models[i].period;
		p->antt += 1 / (p->qps[i] * r->models[i].period) / p->num;
	}
}

static int check_phase(const struct report *r, const struct report_phase *p)
{
	if (p->stp > r->bound * (1 + ROUNDING))
		return bench_fail(-ERANGE, "%s: STP %.4f is above the bound of %.4f: this cannot be", p->name,
				  p->stp, r->bound);
	if (p->mac > 1 + ROUNDING || p->compute > 1 + ROUNDING || p->dram > 1 + ROUNDING)
		return bench_fail(-ERANGE, "%s: a resource is busy for more than all the time", p->name);
	if (p->faults > 0)
		return bench_fail(-ERANGE, "%s: the policy misbehaved and was replaced", p->name);
	return 0;
}

int figures_rates(struct report *r)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < r->num_phases; i++)
		rates(r, &r->phases[i]);
	for (i = 0; !err && i < r->num_phases; i++)
		if (r->phases[i].alone)
			err = alone(r, &r->phases[i]);
	for (i = 0; !err && i < r->num_models; i++)
		if (r->models[i].period <= 0)
			err = bench_fail(-EINVAL, "%s was not measured alone", r->models[i].name);
	if (err)
		return err;
	r->bound = bound_stp(r->models, r->num_models);
	for (i = 0; i < r->num_phases; i++)
		if (!r->phases[i].alone)
			together(r, &r->phases[i]);
	return 0;
}

int figures_make(struct report *r)
{
	unsigned int i;
	int err = figures_rates(r);

	for (i = 0; i < r->num_phases; i++)
		if (!err && !r->phases[i].alone)
			err = check_phase(r, &r->phases[i]);
	return err;
}
