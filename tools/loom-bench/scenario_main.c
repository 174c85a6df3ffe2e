// SPDX-License-Identifier: MIT
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "early.h"
#include "scenario.h"

static const char help[] =
"usage: loom-bench scenario --scenario NAME [OPTION...] MODEL...\n"
"The load of MLPerf Inference, by loomd or without a VM; several MODELs are loaded at once, each by itself.\n"
"MODEL is [NAME=]FILE.loom[:DIR], with the inputs DIR/input.TENSOR.npy.\n\n"
"  --scenario NAME   single-stream: the next query when one is done; 90th percentile latency\n"
"                    multi-stream: the same with 8 samples a query; 99th percentile latency\n"
"                    server: Poisson arrivals; the rate at which 99 % are within their bound\n"
"                    offline: all samples at the beginning; samples a second\n"
"  --queries N       of each model (64, 662, 4000; 24576 samples)\n"
"  --bound-ms MS     server: for each MODEL in turn, or for all; required\n"
"  --qps N           server: for each MODEL in turn, or for all. Without it the largest rate is searched for,\n"
"                    by doubling and bisection to one percent, of the first MODEL\n"
"  --load N          server: run at so many times the --qps; may be repeated (1)\n"
"  --seed N          of the arrivals (16159082839903944936)\n"
"  --policy NAME     (loom)\n"
"  --late serve|drop with --no-vm: what becomes of a query past its bound that has not begun (serve)\n"
"  --slots N         queries of a model under way at most (32); others wait at the client\n"
"  --record FILE     what loomd's scheduler is told and says, for loom-bench replay\n"
"  --json FILE       what is printed, as JSON\n"
"  --socket PATH  --device SPEC  --no-vm  --window-us N  --inflight N\n"
"                    as of loom-bench run\n"
"  --help\n\n"
"Exit status: 0 done; 1 it cannot be run; 2 wrong usage; 3 too few queries to say anything.\n";

#define DEFAULT_SEED 16159082839903944936ull	/* mlperf.conf's for schedules */
#define MAX_LOADS 16
#define SEARCH_TO 1.01

struct options {
	struct bench_options bench;	/* models, lane */
	struct scenario s;
	double bounds_ms[BENCH_MAX_MODELS], qps[BENCH_MAX_MODELS], loads[MAX_LOADS];
	unsigned int num_bounds, num_qps, num_loads, queries;
	uint64_t seed;
	const char *json, *record;
	json_t *results;
	bool too_few;
};

/* ---- one run ---- */

static json_t *stream_json(const struct options *o, const struct scenario_stream *st,
			   const struct scenario_figure *f)
{
	const struct scenario_rules *rules = &scenario_rules[o->s.kind];

	return json_pack("{s:s s:s s:s s:s s:s s:o s:b s:i s:i s:i s:f s:f s:f s:o s:o}",
			 "scenario", rules->name, "model", o->bench.models[st->model].name,
			 "policy", o->bench.policies[0], "metric", rules->metric, "unit", rules->unit,
			 "value", isnan(f->value) ? json_null() : json_real(f->value), "valid", f->shown,
			 "queries", (int)(st->num_done + st->num_lost), "late", (int)f->over,
			 "dropped", (int)st->num_lost, "percentile", rules->percentile, "seen_ms", f->seen,
			 "latest_ms", f->worst_late,
			 "bound_ms", st->bound == UINT64_MAX ? json_null() : json_real(1e-6 * (double)st->bound),
			 "seed", o->s.kind == SCENARIO_SERVER ?
			 json_sprintf("%llu", (unsigned long long)o->seed) : json_null());
}

static void print_stream(const struct options *o, const struct scenario_stream *st,
			 const struct scenario_figure *f)
{
	const struct scenario_rules *rules = &scenario_rules[o->s.kind];

	printf("%-12s %-20s %-16s %s: ", rules->name, o->bench.models[st->model].name, o->bench.policies[0],
	       rules->metric);
	if (isnan(f->value))
		printf("not known");
	else
		printf("%.4f %s", f->value, rules->unit);
	printf("; %u queries, seen %.4f ms", st->num_done + st->num_lost, f->seen);
	if (st->bound != UINT64_MAX)
		printf(", %u (%.2f %%) past %.3f ms, by %.3f ms at most", f->over,
		       100.0 * f->over / (st->num_done + st->num_lost), 1e-6 * (double)st->bound, f->worst_late);
	printf(f->shown ? "\n" : "; %s\n", o->s.kind == SCENARIO_OFFLINE ? "fewer samples than the rules ask for" :
	       "not shown at 99 % confidence");
}

/* Returns whether every stream was in time, if it had to be; -errno. */
static int run_once(struct options *o, double factor, bool print)
{
	unsigned int i;
	int err, shown = 1;

	for (i = 0; i < o->s.num_streams; i++) {
		o->s.streams[i].qps = factor * (o->num_qps ? o->qps[i % o->num_qps] : 1);
		o->s.streams[i].wanted = o->queries;
	}
	err = scenario_run(&o->s, o->seed);
	for (i = 0; !err && i < o->s.num_streams; i++) {
		struct scenario_figure f = scenario_figure(&o->s, &o->s.streams[i]);

		shown &= f.shown;
		if (!print)
			continue;
		print_stream(o, &o->s.streams[i], &f);
		json_array_append_new(o->results, stream_json(o, &o->s.streams[i], &f));
	}
	scenario_forget(&o->s);
	fflush(stdout);
	return err ? err : shown;
}

/* ---- the largest rate ---- */

static int search(struct options *o)
{
	double low = 0, high = 1, middle;
	int in_time;

	while ((in_time = run_once(o, high, false)) == 1) {
		low = high;
		high *= 2;
	}
	while (in_time >= 0 && (!low || high / low > SEARCH_TO) && high > 1e-3) {
		middle = low ? sqrt(low * high) : high / 2;
		in_time = run_once(o, middle, false);
		if (in_time == 1)
			low = middle;
		else
			high = middle;
	}
	if (in_time < 0)
		return in_time;
	if (!low)
		return bench_fail(-ERANGE, "no rate is low enough for this bound");
	in_time = run_once(o, low, true);
	return in_time < 0 ? in_time : 0;
}

/* A sample more than could be shown with is no help: say so before an hour is spent. */
static int check_queries(const struct options *o)
{
	uint64_t least = early_least(scenario_rules[o->s.kind].percentile);

	if (o->s.kind == SCENARIO_OFFLINE || (o->s.kind == SCENARIO_SERVER && o->num_qps) || o->queries >= least)
		return 0;
	return bench_fail(-EINVAL, "--queries %u: less than %llu can show nothing", o->queries,
			  (unsigned long long)least);
}

static int run_all(struct options *o)
{
	unsigned int i;
	int got = 1;

	if (o->s.kind == SCENARIO_SERVER && !o->num_qps)
		return search(o);
	for (i = 0; got >= 0 && i < o->num_loads; i++) {
		if (o->num_loads > 1 || o->loads[0] != 1)
			printf("load %g\n", o->loads[i]);
		got = run_once(o, o->loads[i], true);
		o->too_few |= !got && o->s.kind != SCENARIO_SERVER;
	}
	return got < 0 ? got : 0;
}

/* ---- set-up ---- */

static int load(struct options *o, unsigned int i)
{
	struct scenario_stream *st = &o->s.streams[o->s.num_streams++];
	struct bench_model *m = &o->bench.models[i];
	unsigned int k;
	int err = o->s.lane->ops->load(o->s.lane, i, m, o->s.slots);

	st->model = i;
	st->bound = o->num_bounds ? (uint64_t)(1e6 * o->bounds_ms[i % o->num_bounds]) : UINT64_MAX;
	for (k = 0; !err && k < o->s.slots; k++)
		err = inputs_fill(m, o->s.lane->ops->io(o->s.lane, i, k));
	return err;
}

/* Untimed, as MLPerf allows: each I/O slot once, since loomd binds a buffer to a model when it first sees both. */
static int warm_up(struct options *o)
{
	struct bench_lane *lane = o->s.lane;
	struct bench_reply reply;
	unsigned int i, k;
	int err = 0;

	for (i = 0; i < o->s.num_streams; i++)
		for (k = 0; !err && k < o->s.slots; k++) {
			err = lane->ops->submit(lane, i, k, UINT64_MAX);
			if (!err)
				err = lane->ops->wait_until(lane, UINT64_MAX, &reply);
			if (err || reply.status)
				return bench_fail(err ? err : reply.status, "%s: the first query failed: %s",
						  o->bench.models[i].name, loom_error());
		}
	return err;
}

static int with_record(struct options *o)
{
	const struct bench_lane_ops *ops = o->s.lane->ops;
	int err, end;

	if (!o->record)
		return run_all(o);
	if (!ops->record)
		return bench_fail(-EOPNOTSUPP, "--record: loomd does that, not --no-vm");
	err = ops->record(o->s.lane, o->record, o->seed);
	if (err)
		return err;
	err = run_all(o);
	end = ops->record_stop(o->s.lane);
	return err ? err : end;
}

static int run_on_lane(struct options *o)
{
	unsigned int i;
	int err = bench_open_lane(&o->bench, &o->s.lane);

	if (err)
		return err;
	for (i = 0; !err && i < o->bench.num_models; i++)
		err = load(o, i);
	if (!err)
		err = o->s.lane->ops->policy(o->s.lane, o->bench.policies[0]);
	if (!err)
		err = warm_up(o);
	o->results = json_array();
	if (!err)
		err = with_record(o);
	if (!err && o->json && json_dump_file(o->results, o->json, JSON_INDENT(1)))
		err = bench_fail(-EIO, "%s: cannot write", o->json);
	json_decref(o->results);
	o->s.lane->ops->close(o->s.lane);
	return err;
}

/* ---- options ---- */

enum option_code {
	OPT_SCENARIO = 256, OPT_QUERIES, OPT_BOUND, OPT_QPS, OPT_LOAD, OPT_SEED, OPT_POLICY, OPT_LATE, OPT_SLOTS,
	OPT_RECORD, OPT_JSON, OPT_SOCKET, OPT_DEVICE, OPT_NO_VM, OPT_WINDOW, OPT_INFLIGHT, OPT_HELP,
};

static const struct option longs[] = {
	{ "scenario", required_argument, NULL, OPT_SCENARIO }, { "queries", required_argument, NULL, OPT_QUERIES },
	{ "bound-ms", required_argument, NULL, OPT_BOUND }, { "qps", required_argument, NULL, OPT_QPS },
	{ "load", required_argument, NULL, OPT_LOAD }, { "seed", required_argument, NULL, OPT_SEED },
	{ "policy", required_argument, NULL, OPT_POLICY }, { "late", required_argument, NULL, OPT_LATE },
	{ "slots", required_argument, NULL, OPT_SLOTS }, { "record", required_argument, NULL, OPT_RECORD },
	{ "json", required_argument, NULL, OPT_JSON }, { "socket", required_argument, NULL, OPT_SOCKET },
	{ "device", required_argument, NULL, OPT_DEVICE }, { "no-vm", no_argument, NULL, OPT_NO_VM },
	{ "window-us", required_argument, NULL, OPT_WINDOW }, { "inflight", required_argument, NULL, OPT_INFLIGHT },
	{ "help", no_argument, NULL, OPT_HELP }, { },
};

static int parse_kind(struct options *o, const char *text)
{
	static const char *const names[] = { "single-stream", "multi-stream", "server", "offline" };
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (!strcmp(text, names[i])) {
			o->s.kind = i;
			if (!o->queries)
				o->queries = i == SCENARIO_SERVER ? 4000 : scenario_rules[i].least;
			return 0;
		}
	return bench_fail(-EINVAL, "--scenario %s: must be single-stream, multi-stream, server or offline", text);
}

static int parse_real(const char *name, const char *text, double *list, unsigned int *num, unsigned int max)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end || !(v > 0) || v > 1e9)
		return bench_fail(-EINVAL, "--%s %s: must be a number above 0", name, text);
	if (*num == max)
		return bench_fail(-E2BIG, "--%s %s: that is one too many", name, text);
	list[(*num)++] = v;
	return 0;
}

static int parse_count(const char *name, const char *text, uint64_t max, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || !*out || *out > max)
		return bench_fail(-EINVAL, "--%s %s: must be a number from 1 to %llu", name, text,
				  (unsigned long long)max);
	return 0;
}

static int parse_small(const char *name, const char *text, unsigned int max, unsigned int *out)
{
	uint64_t n;
	int err = parse_count(name, text, max, &n);

	if (!err)
		*out = (unsigned int)n;
	return err;
}

static int parse_late(struct options *o, const char *text)
{
	o->bench.sim.drop_late = !strcmp(text, "drop");
	return o->bench.sim.drop_late || !strcmp(text, "serve") ? 0 :
	       bench_fail(-EINVAL, "--late %s: must be serve or drop", text);
}

static int parse_option(struct options *o, int c, const char *text)
{
	switch (c) {
	case OPT_SCENARIO:
		return parse_kind(o, text);
	case OPT_QUERIES:
		return parse_small("queries", text, 100000000, &o->queries);
	case OPT_BOUND:
		return parse_real("bound-ms", text, o->bounds_ms, &o->num_bounds, BENCH_MAX_MODELS);
	case OPT_QPS:
		return parse_real("qps", text, o->qps, &o->num_qps, BENCH_MAX_MODELS);
	case OPT_LOAD:
		return parse_real("load", text, o->loads, &o->num_loads, MAX_LOADS);
	case OPT_SEED:
		return parse_count("seed", text, UINT64_MAX, &o->seed);
	case OPT_LATE:
		return parse_late(o, text);
	case OPT_SLOTS:
		return parse_small("slots", text, BENCH_MAX_SLOTS, &o->s.slots);
	case OPT_WINDOW:
		return parse_count("window-us", text, 10000000, &o->bench.sim.window_us);
	case OPT_INFLIGHT:
		return parse_small("inflight", text, BENCH_MAX_SLOTS, &o->bench.sim.inflight);
	case OPT_POLICY: o->bench.policies[0] = text; return 0;
	case OPT_RECORD: o->record = text; return 0;
	case OPT_JSON: o->json = text; return 0;
	case OPT_SOCKET: o->bench.socket = text; return 0;
	case OPT_DEVICE: o->bench.device = text; return 0;
	case OPT_NO_VM: o->bench.no_vm = true; return 0;
	default: return -EINVAL;
	}
}

static int check(struct options *o, bool named)
{
	if (!named)
		return bench_fail(-EINVAL, "--scenario is missing");
	if (!o->bench.num_models)
		return bench_fail(-EINVAL, "no model is given");
	if (o->s.kind == SCENARIO_SERVER && !o->num_bounds)
		return bench_fail(-EINVAL, "--bound-ms is missing");
	if (o->s.slots < scenario_rules[o->s.kind].samples)
		return bench_fail(-EINVAL, "--slots %u: a query has %u samples", o->s.slots,
				  scenario_rules[o->s.kind].samples);
	if (!o->num_loads)
		o->loads[o->num_loads++] = 1;
	return check_queries(o);
}

static int parse(struct options *o, int argc, char **argv)
{
	bool named = false;
	int c, err = 0;

	*o = (struct options) { .seed = DEFAULT_SEED, .s.slots = 32, .bench.sim.inflight = 2 };
	o->bench.policies[0] = "loom";
	while (!err && (c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == OPT_HELP) {
			fputs(help, stdout);
			exit(0);
		}
		named |= c == OPT_SCENARIO;
		err = parse_option(o, c, optarg);
	}
	while (!err && optind < argc)
		err = bench_parse_model(&o->bench, argv[optind++]);
	if (!err)
		err = check(o, named);
	if (err)
		fputs("Try: loom-bench scenario --help\n", stderr);
	return err;
}

int bench_scenario(int argc, char **argv)
{
	static struct options o;

	if (parse(&o, argc, argv))
		return EXIT_USAGE;
	if (run_on_lane(&o))
		return 1;
	return o.too_few ? EXIT_IMPOSSIBLE : 0;
}
