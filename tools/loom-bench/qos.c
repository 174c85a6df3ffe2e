// SPDX-License-Identifier: MIT
/*
 * loom-bench qos: how much load a policy carries before more than 1 % of the requests are late. The
 * load is in units of one at a time: at 1, the requests that come in a second would keep a device busy
 * for a second that runs them one after the other, each at its throughput alone.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "experiment.h"
#include "open_loop.h"
#include "qos.h"
#include "report.h"

#define ALLOWED_VIOLATIONS 0.01
#define LEAST_LOAD 0.005
#define MOST_LOAD 2.5
#define STEPS 10			/* of bisection over the logarithm: 0.6 % */
#define SPAN 200.0			/* of a run, in longest deadlines: a backlog must not hide in them */

/* ---- the streams of a mix ---- */

static int find_network(const struct qos *q, const char *name)
{
	unsigned int i;

	for (i = 0; i < q->grid.num_workloads; i++)
		if (!strcmp(q->grid.workloads[i].name, name))
			return (int)i;
	return bench_fail(-ENOENT, "%s: there is no such network", name);
}

/* Seconds from arrival to reply with nobody else there. */
static int latency_alone(const struct qos *q, const struct workload *w, double *seconds)
{
	const struct arrival one = { .at = 1000, .deadline = UINT64_MAX };
	const struct open_loop o = {
		.machine = &q->grid.machine, .engine = q->grid.engine, .models = &w, .num_models = 1,
		.policy = "fifo", .arrivals = &one, .num_arrivals = 1,
		.release_layer = q->grid.release_layer,
	};
	struct open_figures f;
	int err = open_loop_run(&o, &f);

	*seconds = f.mean_latency;
	return err;
}

static int add_stream(const struct qos *q, const struct qos_mix *mix, const struct qos_part *part,
		      struct qos_streams *s)
{
	int n = find_network(q, part->network), err = 0;
	struct stream_rate *unit = &s->unit[s->num];

	if (n < 0)
		return n;
	s->models[s->num++] = &q->grid.workloads[n];
	unit->bound = 1e-3 * part->bound_ms;
	if (!part->bound_ms) {
		err = latency_alone(q, &q->grid.workloads[n], &unit->bound);
		unit->bound *= mix->bound_times;
	}
	unit->qps = part->share;
	if (mix->share == QOS_OF_WORK)
		unit->qps /= q->grid.alone[n].period;
	return err;
}

/* Rates such that one at a time would be busy all the time, and what a perfect weave could carry. */
static void normalise(const struct qos *q, struct qos_streams *s)
{
	double work = 0, compute = 0, dram = 0;
	unsigned int i;

	for (i = 0; i < s->num; i++) {
		const struct report_model *alone = &q->grid.alone[s->models[i] - q->grid.workloads];

		work += s->unit[i].qps * alone->period;
		compute += s->unit[i].qps * alone->compute;
		dram += s->unit[i].qps * alone->dram;
	}
	for (i = 0; i < s->num; i++)
		s->unit[i].qps /= work;
	s->bound = work / fmax(compute, dram);
}

static unsigned int arrivals_needed(const struct qos *q, const struct qos_streams *s)
{
	double longest = 0, qps = 0;
	unsigned int i, n;

	for (i = 0; i < s->num; i++) {
		longest = fmax(longest, s->unit[i].bound);
		qps += s->unit[i].qps;
	}
	n = (unsigned int)(SPAN * longest * qps);
	return n > q->count ? n : q->count;
}

int qos_streams(const struct qos *q, const struct qos_mix *mix, struct qos_streams *s)
{
	unsigned int i;
	int err = 0;

	*s = (struct qos_streams) { .mix = mix };
	for (i = 0; !err && i < mix->num; i++)
		err = add_stream(q, mix, &mix->parts[i], s);
	if (err)
		return err;
	normalise(q, s);
	s->num_arrivals = arrivals_needed(q, s);
	s->arrivals = calloc(s->num_arrivals, sizeof(*s->arrivals));
	return s->arrivals ? 0 : bench_fail(-ENOMEM, "out of memory");
}

/* ---- one run, and the search ---- */

int qos_run_at(const struct qos *q, const struct qos_streams *s, const char *policy, uint64_t seed,
	       double load, bool to_the_end, struct open_figures *f)
{
	struct stream_rate streams[QOS_MAX_MODELS];
	struct open_loop o = {
		.machine = &q->grid.machine, .engine = q->grid.engine, .models = s->models,
		.num_models = s->num, .policy = policy, .arrivals = s->arrivals,
		.num_arrivals = s->num_arrivals, .window_us = q->window_us, .drop_late = q->drop_late,
		.release_layer = q->grid.release_layer,
	};
	unsigned int i;

	for (i = 0; i < s->num; i++)
		streams[i] = (struct stream_rate) { s->unit[i].qps * load, s->unit[i].bound };
	traffic_poisson(s->arrivals, s->num_arrivals, streams, s->num, seed);
	if (!to_the_end)
		o.give_up = (unsigned int)(ALLOWED_VIOLATIONS * s->num_arrivals) + 1;
	return open_loop_run(&o, f);
}

/* The largest load with no more violations than allowed; 0: not even the least. */
static int max_load(const struct qos *q, const struct qos_streams *s, const char *policy, uint64_t seed,
		    double *load)
{
	double low = log(LEAST_LOAD), high = log(MOST_LOAD);
	struct open_figures f;
	unsigned int i;
	int err;

	err = qos_run_at(q, s, policy, seed, LEAST_LOAD, false, &f);
	*load = 0;
	if (err || f.gave_up)
		return err;
	for (i = 0; !err && i < STEPS; i++) {
		double middle = (low + high) / 2;

		err = qos_run_at(q, s, policy, seed, exp(middle), false, &f);
		if (f.gave_up)
			high = middle;
		else
			low = middle;
	}
	*load = exp(low);
	return err;
}

static void add_figures(struct qos_row *row, const struct open_figures *f)
{
	unsigned int i;

	row->worst_late = fmax(row->worst_late, f->worst_late);
	row->faults += f->faults;
	for (i = 0; i < QOS_MAX_MODELS; i++)
		row->late[i] += f->late[i];
}

static int measure(const struct qos *q, const struct qos_streams *s, const char *policy,
		   struct qos_row *row)
{
	struct open_figures f;
	unsigned int i;
	int err = 0;

	*row = (struct qos_row) { .streams = *s, .policy = policy };
	row->streams.arrivals = NULL;
	for (i = 0; !err && i < q->num_seeds; i++) {
		err = max_load(q, s, policy, q->seeds[i], &row->loads[i]);
		row->load += row->loads[i] / q->num_seeds;
		if (!err && row->loads[i] > 0)
			err = qos_run_at(q, s, policy, q->seeds[i], row->loads[i], true, &f);
		if (!err && row->loads[i] > 0)
			add_figures(row, &f);
	}
	return err;
}

/* ---- output ---- */

static void print_mix(const struct qos_streams *s)
{
	unsigned int i;

	printf("\n%s: %s; at load 1, queries a second and deadline:", s->mix->name, s->mix->what);
	for (i = 0; i < s->num; i++)
		printf("%s %s %.1f/s %.3f ms", i ? "," : "", s->models[i]->name, s->unit[i].qps,
		       1e3 * s->unit[i].bound);
	printf("\nno order of slices carries more than %.3f; %u arrivals a seed\n", s->bound, s->num_arrivals);
	printf("%-18s %8s %10s %10s  %s\n", "policy", "load", "x baseline", "latest ms", "by seed; late by network");
}

static void print_row(const struct qos *q, const struct qos_row *row, double baseline)
{
	unsigned int i;

	printf("%-18s %8.3f ", row->policy, row->load);
	if (baseline > 0)
		printf("%10.2f", row->load / baseline);
	else
		printf("%10s", "-");
	printf(" %10.3f ", 1e3 * row->worst_late);
	for (i = 0; i < q->num_seeds; i++)
		printf(" %.3f", row->loads[i]);
	printf("  late:");
	for (i = 0; i < row->streams.num; i++)
		printf(" %u", row->late[i]);
	if (row->faults)
		printf("  (replaced after %llu faults)", (unsigned long long)row->faults);
	putchar('\n');
	fflush(stdout);
}

static int run_mix(struct qos *q, const struct qos_mix *mix)
{
	struct qos_streams s;
	double baseline = 0;
	unsigned int i;
	int err = qos_streams(q, mix, &s);

	if (err)
		return err;
	print_mix(&s);
	for (i = 0; !err && i < q->grid.num_policies; i++) {
		struct qos_row *row = &q->rows[q->num_rows++];

		err = measure(q, &s, q->grid.policies[i], row);
		if (!i)
			baseline = row->load;
		if (!err)
			print_row(q, row, baseline);
	}
	free(s.arrivals);
	return err;
}

int qos_run(struct qos *q)
{
	unsigned int i;
	int err = 0;

	grid_head(&q->grid);
	for (i = 0; !err && i < qos_num_mixes; i++)
		if (!q->mix || q->mix == &qos_mixes[i])
			err = run_mix(q, &qos_mixes[i]);
	return err;
}
