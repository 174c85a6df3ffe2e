// SPDX-License-Identifier: MIT
/*
 * loom-bench run: the phases. Each model alone under the baseline, which gives its standalone period and
 * what a query of it costs each resource; then all models together under every policy.
 */
#include <errno.h>
#include <getopt.h>
#include <gnu/libc-version.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "bench.h"

static const char help[] =
"usage: loom-bench run [OPTION...] MODEL...\n"
"Serve closed-loop streams of queries: each model alone, then all of them woven.\n"
"MODEL is [NAME=]FILE.loom[:DIR], with the inputs DIR/input.TENSOR.npy.\n\n"
"  --out DIR         where raw.json, traces and outputs go (required)\n"
"  --policy NAME     measure this policy; may be repeated (default fifo, layerweaver, loom)\n"
"  --queries N       replies of every model in the measured span (default 20)\n"
"  --warm N          replies of every model before it (default 4)\n"
"  --tail N          replies of every model after it, all compared (default 4)\n"
"  --queued N        requests a stream keeps outstanding (default 2)\n"
"  --strict          as --queued 1: the next query exists once the last one is done\n"
"  --socket PATH     of loomd (default $LOOMD_SOCKET, or " LOOM_CLIENT_SOCKET ")\n"
"  --device SPEC     accel node for counters; with --no-vm: sim:PRESET[,OPTION...]\n"
"  --no-vm           no loomd: scheduler and device model in this process\n"
"  --release tile|layer  --window-us N  --inflight N\n"
"                    with --no-vm: when weights are freed, work submitted ahead, and\n"
"                    requests of a model at the device at once (2)\n"
"  --note NAME=VALUE kept with the results (versions of what it ran on)\n"
"  --help\n";

enum option_code {
	OPT_OUT = 256, OPT_POLICY, OPT_QUERIES, OPT_WARM, OPT_TAIL, OPT_QUEUED, OPT_STRICT, OPT_SOCKET,
	OPT_DEVICE, OPT_NO_VM, OPT_RELEASE, OPT_WINDOW, OPT_INFLIGHT, OPT_NOTE, OPT_HELP,
};

static const struct option long_options[] = {
	{ "out", required_argument, NULL, OPT_OUT },
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "queries", required_argument, NULL, OPT_QUERIES },
	{ "warm", required_argument, NULL, OPT_WARM },
	{ "tail", required_argument, NULL, OPT_TAIL },
	{ "queued", required_argument, NULL, OPT_QUEUED },
	{ "strict", no_argument, NULL, OPT_STRICT },
	{ "socket", required_argument, NULL, OPT_SOCKET },
	{ "device", required_argument, NULL, OPT_DEVICE },
	{ "no-vm", no_argument, NULL, OPT_NO_VM },
	{ "release", required_argument, NULL, OPT_RELEASE },
	{ "window-us", required_argument, NULL, OPT_WINDOW },
	{ "inflight", required_argument, NULL, OPT_INFLIGHT },
	{ "note", required_argument, NULL, OPT_NOTE },
	{ "help", no_argument, NULL, OPT_HELP },
	{ 0 },
};

int bench_fail(int err, const char *format, ...)
{
	va_list args;

	fputs("loom-bench: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return err;
}

/* ---- options ---- */

static int parse_number(const char *text, unsigned int min, unsigned int max, unsigned int *out)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || end == text || value < min || value > max)
		return bench_fail(-EINVAL, "'%s' must be a number from %u to %u", text, min, max);
	*out = (unsigned int)value;
	return 0;
}

static int parse_release(struct bench_options *o, const char *text)
{
	o->sim.release_layer = !strcmp(text, "layer");
	if (!o->sim.release_layer && strcmp(text, "tile"))
		return bench_fail(-EINVAL, "--release %s: must be tile or layer", text);
	return 0;
}

static int add(const char **list, unsigned int *num, unsigned int max, const char *what)
{
	if (*num == max)
		return bench_fail(-E2BIG, "%s: that is one too many", what);
	list[(*num)++] = what;
	return 0;
}

static int parse_window(struct bench_options *o, const char *text)
{
	unsigned int us;
	int err = parse_number(text, 1, 10000000, &us);

	o->sim.window_us = us;
	return err;
}

static int parse_option(struct bench_options *o, int c)
{
	switch (c) {
	case OPT_OUT:
		o->out = optarg;
		return 0;
	case OPT_POLICY:
		return add(o->policies, &o->num_policies, 8, optarg);
	case OPT_QUERIES:
		return parse_number(optarg, 1, 100000, &o->queries);
	case OPT_WARM:
		return parse_number(optarg, 0, 100000, &o->warm);
	case OPT_TAIL:
		return parse_number(optarg, 0, 100000, &o->tail);
	case OPT_QUEUED:
		return parse_number(optarg, 1, BENCH_MAX_QUEUED, &o->queued);
	case OPT_STRICT:
		o->queued = 1;
		return 0;
	case OPT_SOCKET:
		o->socket = optarg;
		return 0;
	case OPT_DEVICE:
		o->device = optarg;
		return 0;
	case OPT_NO_VM:
		o->no_vm = true;
		return 0;
	case OPT_RELEASE:
		return parse_release(o, optarg);
	case OPT_WINDOW:
		return parse_window(o, optarg);
	case OPT_INFLIGHT:
		return parse_number(optarg, 1, BENCH_MAX_QUEUED, &o->sim.inflight);
	case OPT_NOTE:
		return add(o->notes, &o->num_notes, BENCH_MAX_NOTES, optarg);
	default:
		return -EINVAL;
	}
}

/* [NAME=]FILE.loom[:DIR] */
int bench_parse_model(struct bench_options *o, char *text)
{
	struct bench_model *m = &o->models[o->num_models];
	char *equals = strchr(text, '='), *colon;

	if (o->num_models == BENCH_MAX_MODELS)
		return bench_fail(-E2BIG, "%s: %u models are the most", text, BENCH_MAX_MODELS);
	if (equals) {
		snprintf(m->name, sizeof(m->name), "%.*s", (int)(equals - text), text);
		text = equals + 1;
	}
	colon = strrchr(text, ':');
	if (colon) {
		*colon = '\0';
		m->inputs = colon + 1;
	}
	m->path = text;
	o->num_models++;
	return 0;
}

static int parse(struct bench_options *o, int argc, char **argv)
{
	int c, err = 0;

	*o = (struct bench_options) { .queued = 2, .warm = 4, .queries = 20, .tail = 4,
		.sim.inflight = 2 };
	while (!err && (c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == OPT_HELP) {
			fputs(help, stdout);
			exit(0);
		}
		err = parse_option(o, c);
	}
	while (!err && optind < argc)
		err = bench_parse_model(o, argv[optind++]);
	if (!err && (!o->num_models || !o->out))
		err = bench_fail(-EINVAL, "%s", o->out ? "no model is given" : "--out is missing");
	if (!o->num_policies) {
		o->policies[o->num_policies++] = "fifo";
		o->policies[o->num_policies++] = "layerweaver";
		o->policies[o->num_policies++] = "loom";
	}
	if (err)
		fputs("Try: loom-bench run --help\n", stderr);
	return err;
}

/* ---- results ---- */

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *stamp_json(const struct bench_stamp *s)
{
	const struct loom_hw_counters *hw = &s->hw;

	return json_pack("{s:o s:o s:o s:o s:o s:o s:o s:o s:o s:o s:o s:o s:o s:o s:o s:o s:o s:o}",
			 "device_ns", number(s->time.device_ns),
			 "monotonic_ns", number(s->time.monotonic_ns),
			 "instructions", number(s->time.instructions),
			 "interrupts", number(s->time.interrupts),
			 "enters", number(s->enters), "sqes", number(s->sqes), "jobs", number(s->jobs),
			 "ioctls", number(s->ioctls), "dry", number(s->dry),
			 "policy_faults", number(s->policy_faults),
			 "mac_busy", number(hw->mac_busy), "compute_busy", number(hw->compute_busy),
			 "vector_busy", number(hw->vector_busy), "dram_busy", number(hw->dram_busy),
			 "fetch_busy", number(hw->fetch_busy), "device_dry", number(hw->dry),
			 "dram_bytes", number(hw->dram_bytes), "weight_bytes", number(hw->weight_bytes));
}

static json_t *phase_json(const struct bench_options *o, const struct bench_phase *p)
{
	json_t *replies = json_object(), *checked = json_object(), *models = json_array();
	unsigned int i;

	for (i = p->first; i < p->first + p->num; i++) {
		json_array_append_new(models, json_string(o->models[i].name));
		json_object_set_new(replies, o->models[i].name, number(p->replies[i]));
		json_object_set_new(checked, o->models[i].name, number(p->checked[i]));
	}
	return json_pack("{s:s s:s s:o s:o s:o s:o s:o}", "name", p->name, "policy", p->policy,
			 "models", models, "start", stamp_json(&p->start), "end", stamp_json(&p->end),
			 "replies", replies, "checked", checked);
}

static json_t *models_json(const struct bench_options *o)
{
	json_t *list = json_array();
	unsigned int i;

	for (i = 0; i < o->num_models; i++) {
		const struct bench_model *m = &o->models[i];

		json_array_append_new(list, json_pack("{s:s s:o s:o s:o s:o s:o}", "name", m->name,
			"slices", number(m->slices), "layers", number(m->layers),
			"macs", number(m->macs), "weight_bytes", number(m->weight_bytes),
			"lease_bytes", number(m->lease_bytes)));
	}
	return list;
}

static json_t *versions_json(const struct bench_options *o)
{
	json_t *versions = json_object();
	struct utsname u;
	unsigned int i;

	uname(&u);
	json_object_set_new(versions, "kernel", json_string(u.release));
	json_object_set_new(versions, "libc", json_string(gnu_get_libc_version()));
	for (i = 0; i < o->num_notes; i++) {
		const char *equals = strchr(o->notes[i], '=');
		char name[64];

		snprintf(name, sizeof(name), "%.*s", equals ? (int)(equals - o->notes[i]) : 63,
			 o->notes[i]);
		json_object_set_new(versions, name, json_string(equals ? equals + 1 : ""));
	}
	return versions;
}

static int write_raw(const struct bench_options *o, const struct bench_lane *lane, json_t *phases)
{
	const struct loom_hw_caps *caps = loom_dev_caps(lane->dev);
	char path[4096];
	json_t *raw;
	int err;

	raw = json_pack("{s:i s:s s:s s:i s:i s:s s:s s:o s:o s:O}", "version", 1, "lane",
			lane->ops->name, "preset", caps->preset, "queued", (int)o->queued, "weight_sram",
			(int)caps->weight_sram_bytes, "release", o->sim.release_layer ? "layer" : "tile",
			"activations", "lease", "versions", versions_json(o), "models", models_json(o),
			"phases", phases);
	snprintf(path, sizeof(path), "%s/raw.json", o->out);
	err = raw ? json_dump_file(raw, path, JSON_INDENT(1)) : -1;
	json_decref(raw);
	return err ? bench_fail(-EIO, "%s: cannot write", path) : 0;
}

/* ---- phases ---- */

static int run_phase(struct bench_lane *lane, struct bench_options *o, struct bench_phase *phase,
		     json_t *phases)
{
	int err = stream_phase(lane, o, phase);

	if (!err)
		json_array_append_new(phases, phase_json(o, phase));
	return err;
}

static int run_alone(struct bench_lane *lane, struct bench_options *o, unsigned int model, json_t *phases)
{
	struct bench_phase phase = { .policy = "fifo", .first = model, .num = 1 };

	snprintf(phase.name, sizeof(phase.name), "alone-%s", o->models[model].name);
	return run_phase(lane, o, &phase, phases);
}

static int run_together(struct bench_lane *lane, struct bench_options *o, const char *policy,
			json_t *phases)
{
	struct bench_phase phase = { .policy = policy, .first = 0, .num = o->num_models };

	snprintf(phase.name, sizeof(phase.name), "%s", policy);
	return run_phase(lane, o, &phase, phases);
}

static int load_models(struct bench_lane *lane, struct bench_options *o)
{
	unsigned int i, k;
	int err = 0;

	for (i = 0; !err && i < o->num_models; i++) {
		err = lane->ops->load(lane, i, &o->models[i], o->queued);
		for (k = 0; !err && k < o->queued; k++)
			err = inputs_fill(&o->models[i], lane->ops->io(lane, i, k));
	}
	return err;
}

static int run_all(struct bench_lane *lane, struct bench_options *o)
{
	json_t *phases = json_array();
	unsigned int i;
	int err = load_models(lane, o);

	for (i = 0; !err && i < o->num_models; i++)
		err = run_alone(lane, o, i, phases);
	for (i = 0; !err && i < o->num_policies; i++)
		err = run_together(lane, o, o->policies[i], phases);
	if (!err)
		err = write_raw(o, lane, phases);
	json_decref(phases);
	return err;
}

int bench_open_lane(struct bench_options *o, struct bench_lane **lane)
{
	if (!o->no_vm)
		return lane_loomd_open(o->socket, o->device, lane);
	if (!lane_sim_open)
		return bench_fail(-EOPNOTSUPP, "--no-vm: this program has no simulator");
	o->sim.device = o->device ? o->device : "sim:memory-centric";
	return lane_sim_open(&o->sim, lane);
}

int bench_run(int argc, char **argv)
{
	struct bench_options o;
	struct bench_lane *lane;
	unsigned int i;
	int err;

	if (parse(&o, argc, argv))
		return EXIT_USAGE;
	if (make_dirs(o.out) || bench_open_lane(&o, &lane))
		return 1;
	err = run_all(lane, &o);
	lane->ops->close(lane);
	for (i = 0; i < o.num_models; i++)
		free(o.models[i].first);
	return err ? 1 : 0;
}
