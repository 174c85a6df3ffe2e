// SPDX-License-Identifier: MIT
/* What the experiments share: options, the networks, each of them alone, and a row of figures. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "experiment.h"
#include "report.h"

enum option_code {
	OPT_NETWORKS = 256, OPT_BATCH, OPT_POLICY, OPT_RELEASE, OPT_ARRIVALS, OPT_ENGINE, OPT_ONLY,
	OPT_QUERIES, OPT_JSON, OPT_SVG, OPT_HELP,
};

static const struct option long_options[] = {
	{ "networks", required_argument, NULL, OPT_NETWORKS },
	{ "batch", required_argument, NULL, OPT_BATCH },
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "release", required_argument, NULL, OPT_RELEASE },
	{ "arrivals", required_argument, NULL, OPT_ARRIVALS },
	{ "engine", required_argument, NULL, OPT_ENGINE },
	{ "only", required_argument, NULL, OPT_ONLY },
	{ "queries", required_argument, NULL, OPT_QUERIES },
	{ "json", required_argument, NULL, OPT_JSON },
	{ "svg", required_argument, NULL, OPT_SVG },
	{ "help", no_argument, NULL, OPT_HELP },
	{ 0 },
};

/* ---- options ---- */

/* The value's place in a list of names, or -EINVAL. */
static int one_of(const char *option, const char *value, const char *a, const char *b, const char *c)
{
	const char *names[] = { a, b, c };
	int i;

	for (i = 0; i < 3; i++)
		if (names[i] && !strcmp(value, names[i]))
			return i;
	return bench_fail(-EINVAL, "--%s %s: must be %s, %s%s%s", option, value, a, b, c ? " or " : "",
			  c ? c : "");
}

static int parse_number(const char *option, const char *text, unsigned int max, unsigned int *out)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (end == text || *end || *text == '-' || v < 1 || v > max)
		return bench_fail(-EINVAL, "--%s %s: must be a number from 1 to %u", option, text, max);
	*out = (unsigned int)v;
	return 0;
}

static int parse_arrivals(struct grid *g, const char *text)
{
	int which = one_of("arrivals", text, "queued", "strict", "both");

	g->queued = which == 0 || which == 2;
	g->strict = which == 1 || which == 2;
	return which < 0 ? which : 0;
}

static int add_policy(struct grid *g, const char *name)
{
	const char *const *known = sched_policies();
	size_t len = strcspn(name, ":");

	while (*known && (strncmp(*known, name, len) || (*known)[len]))
		known++;
	if (!*known)
		return bench_fail(-EINVAL, "--policy %s: there is no such policy", name);
	if (g->num_policies == GRID_MAX_POLICIES)
		return bench_fail(-E2BIG, "--policy %s: that is one too many", name);
	g->policies[g->num_policies++] = name;
	return 0;
}

static int parse_option(struct grid *g, int c)
{
	int which;

	switch (c) {
	case OPT_NETWORKS:
		g->networks = optarg;
		return 0;
	case OPT_BATCH:
		return parse_number("batch", optarg, 4096, &g->batch);
	case OPT_POLICY:
		return add_policy(g, optarg);
	case OPT_RELEASE:
		which = one_of("release", optarg, "tile", "layer", NULL);
		g->release_layer = which == 1;
		return which < 0 ? which : 0;
	case OPT_ARRIVALS:
		return parse_arrivals(g, optarg);
	case OPT_ENGINE:
		which = one_of("engine", optarg, "device", "model", NULL);
		g->engine = which == 1 ? &engine_model : &engine_device;
		return which < 0 ? which : 0;
	case OPT_ONLY:
		g->only = optarg;
		return 0;
	case OPT_QUERIES:
		return parse_number("queries", optarg, 100000, &g->queries);
	case OPT_JSON:
		g->json = optarg;
		return 0;
	case OPT_SVG:
		g->svg = optarg;
		return 0;
	default:
		return -EINVAL;
	}
}

static const struct grid_defaults closed_loop = { &engine_device, { "layerweaver", "loom" } };

int grid_parse(struct grid *g, int argc, char **argv, const char *help)
{
	return grid_parse_as(g, argc, argv, help, &closed_loop);
}

int grid_parse_as(struct grid *g, int argc, char **argv, const char *help,
		  const struct grid_defaults *defaults)
{
	int c, err = 0;

	*g = (struct grid) {
		.networks = "build/networks/memory-centric", .batch = 1, .queries = 12, .queued = true,
		.engine = defaults->engine,
	};
	while (!err && (c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == OPT_HELP) {
			fputs(help, stdout);
			return 1;
		}
		err = parse_option(g, c);
	}
	if (!err && optind < argc)
		err = bench_fail(-EINVAL, "'%s' is too much", argv[optind]);
	if (!g->num_policies)
		while (defaults->policies[g->num_policies]) {
			g->policies[g->num_policies] = defaults->policies[g->num_policies];
			g->num_policies++;
		}
	if (err)
		fprintf(stderr, "Try: loom-bench %s --help\n", argv[0]);
	return err;
}

/* ---- networks ---- */

/* DIR/device: the simulated device they were compiled for. */
static int read_machine(struct grid *g)
{
	struct machine *m = &g->machine;
	const struct loom_hw_caps *caps;
	struct loom_dev *dev;
	char path[4096], spec[280];
	FILE *f;
	int err;

	snprintf(path, sizeof(path), "%s/device", g->networks);
	f = fopen(path, "re");
	if (!f)
		return bench_fail(-errno, "%s: %s (tools/loom-bench/networks.sh makes it)", path,
				  strerror(errno));
	err = fscanf(f, "%255s", m->spec) == 1 ? 0 : -EINVAL;
	fclose(f);
	if (err)
		return bench_fail(err, "%s: names no device", path);
	snprintf(spec, sizeof(spec), "sim:%s,functional=off", m->spec);
	err = loom_dev_open(spec, &dev);
	if (err)
		return bench_fail(err, "%s: %s", path, loom_error());
	caps = loom_dev_caps(dev);
	snprintf(m->preset, sizeof(m->preset), "%.31s", caps->preset);
	m->buffer_bytes = caps->weight_sram_bytes;
	m->dram_bytes_per_s = caps->dram_mbps * 1000000ull;
	loom_dev_close(dev);
	return 0;
}

static struct cell new_cell(const struct grid *g)
{
	return (struct cell) {
		.machine = &g->machine, .engine = g->engine, .release_layer = g->release_layer,
		.warm = g->queries / 3 + 2, .queries = g->queries,
	};
}

/* Of "A+B", or all. */
static bool part_of(const char *only, const char *name)
{
	size_t len = strlen(name);
	const char *at = only;

	if (!only)
		return true;
	for (; (at = strstr(at, name)); at += len)
		if ((at == only || at[-1] == '+') && (!at[len] || at[len] == '+'))
			return true;
	return false;
}

/* One table, one assumption. */
static int same_activations(struct grid *g, const struct workload *w)
{
	const char *has = workload_activations(w);

	if (!g->machine.activations)
		g->machine.activations = has;
	if (!strcmp(g->machine.activations, has))
		return 0;
	return bench_fail(-EINVAL, "%s: %s has activations=%s, those before it %s", g->networks, w->name, has,
			  g->machine.activations);
}

static int add_network(struct grid *g, const char *name)
{
	struct workload *w = &g->workloads[g->num_workloads];
	const struct cell like = new_cell(g);
	char path[4096];
	int err;

	snprintf(path, sizeof(path), "%s/%s-b%u%s.loom", g->networks, name, g->batch,
		 g->release_layer ? "-layers" : "");
	w->batch = g->batch;
	snprintf(w->name, sizeof(w->name), "%s", name);
	if (!part_of(g->only, name)) {
		g->num_workloads++;
		return 0;
	}
	err = workload_open(w, &g->machine, path);
	if (!err)
		err = same_activations(g, w);
	if (!err)
		err = cell_alone(&like, w, &g->alone[g->num_workloads]);
	g->num_workloads++;
	return err;
}

int grid_open(struct grid *g, const char *const *names, unsigned int num)
{
	unsigned int i;
	int err = read_machine(g);

	g->alone = calloc(GRID_MAX_NETWORKS, sizeof(*g->alone));	/* zeros: not opened */
	if (!g->alone)
		return bench_fail(-ENOMEM, "out of memory");
	for (i = 0; !err && i < num; i++)
		err = add_network(g, names[i]);
	return err;
}

void grid_head(const struct grid *g)
{
	printf("Loom, %s: batch %u, activations=%s, release=%s, engine %s\n", g->machine.spec, g->batch,
	       g->machine.activations, g->release_layer ? "layer" : "tile", g->engine->name);
}

void grid_close(struct grid *g)
{
	unsigned int i;

	for (i = 0; i < g->num_workloads; i++)
		workload_close(&g->workloads[i]);
	free(g->alone);
}

/* ---- a row ---- */

/*
 * At rates x and y against alone, both resources are busy for x and y times what each network takes of them
 * alone: two equations that give x + y.
 */
static double closed_form(const struct report_model *a, const struct report_model *b,
			  const struct cell_figures *f)
{
	double ca = a->compute / a->period, cb = b->compute / b->period;
	double da = a->dram / a->period, db = b->dram / b->period;
	double det = ca * db - cb * da;

	return ((db - da) * f->compute + (ca - cb) * f->dram) / det;
}

static void figures(const struct grid *g, const unsigned int *which, struct grid_row *row)
{
	struct report_model models[CELL_MAX_MODELS];
	unsigned int i;

	for (i = 0; i < row->num_models; i++) {
		double share;

		models[i] = g->alone[which[i]];
		share = row->f.qps[i] * models[i].period;
		row->stp += share;
		row->antt += 1 / share / row->num_models;
		if (row->max_slowdown < 1 / share)
			row->max_slowdown = 1 / share;
	}
	row->bound = bound_stp(models, row->num_models);
	if (row->num_models == 2)
		row->closed = closed_form(&models[0], &models[1], &row->f);
}

int grid_cell(const struct grid *g, const unsigned int *which, unsigned int num, const char *policy,
	      bool strict, struct grid_row *row)
{
	struct cell c = new_cell(g);
	unsigned int i;
	int err;

	*row = (struct grid_row) { .num_models = num, .strict = strict };
	snprintf(row->policy, sizeof(row->policy), "%s", policy);
	for (i = 0; i < num; i++)
		c.models[i] = row->models[i] = &g->workloads[which[i]];
	c.num_models = num;
	c.policy = policy;
	c.strict = strict;
	err = cell_run(&c, &row->f);
	if (err)
		return err;
	figures(g, which, row);
	if (row->f.faults)
		return bench_fail(-ERANGE, "%s misbehaved and was replaced", policy);
	return 0;
}

void grid_name(const struct grid_row *row, char *text, size_t size)
{
	unsigned int i;
	size_t n = 0;

	for (i = 0; i < row->num_models && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%s", i ? "+" : "", row->models[i]->name);
}

bool grid_wanted(const struct grid *g, const unsigned int *which, unsigned int num)
{
	struct grid_row row = { .num_models = num };
	char name[256];
	unsigned int i;

	for (i = 0; i < num; i++)
		row.models[i] = &g->workloads[which[i]];
	grid_name(&row, name, sizeof(name));
	return !g->only || !strcmp(g->only, name);
}

int grid_cells(const struct grid *g, const unsigned int *which, grid_run *run, struct grid_row *rows,
	       unsigned int *num)
{
	unsigned int p;
	int err = 0, strict;

	for (strict = 0; strict < 2; strict++) {
		if (strict ? !g->strict : !g->queued)
			continue;
		for (p = 0; !err && p < g->num_policies; p++)
			err = run(g, which, g->policies[p], strict, &rows[(*num)++]);
	}
	return err;
}
