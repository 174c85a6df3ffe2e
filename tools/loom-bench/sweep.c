// SPDX-License-Identifier: MIT
/*
 * loom-bench sweep: how the gain of weaving depends on the device and on the batch size. Slices depend on
 * both, so a point is a directory of networks that were compiled for its device, and a batch size.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "paper.h"
#include "sweep.h"

static const char help[] =
"usage: loom-bench sweep [OPTION...] DIR...\n"
"The 16 pairs on the devices that the networks in each DIR are compiled for: means over the pairs against\n"
"size of the weight SRAM, DRAM bandwidth and batch size, whichever differ.\n"
"tools/loom-bench/sweep-networks.sh makes DIRs that differ in one of them each.\n\n"
"  --batch N          may be repeated (default 1)\n"
"  --policy NAME  --arrivals queued|strict  --release tile|layer  --engine device|model\n"
"  --only A+B  --queries N\n"
"                     as of loom-bench pairs\n"
"  --json FILE        a list of objects, one a point and policy\n"
"  --svg FILE         a plot for each quantity that differs, from the first point\n"
"  --help\n\n"
"Exit status: 0 done; 1 it cannot be run; 2 wrong usage.\n";

#define NUM_PAIRS (PAPER_NUM_COMPUTE * (PAPER_NUM_NETWORKS - PAPER_NUM_COMPUTE))

double sweep_value(const struct sweep_point *p, enum sweep_axis axis)
{
	if (axis == SWEEP_SRAM)
		return (double)p->machine.buffer_bytes / 1048576;
	return axis == SWEEP_BANDWIDTH ? 1e-9 * (double)p->machine.dram_bytes_per_s : p->batch;
}

/* ---- a point ---- */

static void print_head(void)
{
	printf("%9s %9s %6s %-18s %6s %8s %8s %8s %8s %7s\n", "SRAM MiB", "DRAM GB/s", "batch", "policy", "pairs",
	       "gain %", "bound %", "of it %", "least %", "ANTT");
}

static void print_point(const struct sweep *s, const struct sweep_point *p)
{
	printf("%9.1f %9.1f %6u %-18s %6u %8.1f %8.1f %8.2f %8.2f %7.3f\n", sweep_value(p, SWEEP_SRAM),
	       sweep_value(p, SWEEP_BANDWIDTH), p->batch, s->grid.policies[p->policy], p->pairs, 100 * p->gain,
	       100 * p->bound_gain, 100 * p->of_bound, 100 * p->least, p->antt);
	fflush(stdout);
}

static int silent(const struct grid *g, const unsigned int *which, const char *policy, bool strict,
		  struct grid_row *row)
{
	return grid_cell(g, which, 2, policy, strict, row);
}

static int run_pairs(const struct grid *g, struct grid_row *rows, unsigned int *num)
{
	unsigned int which[2];
	int err = 0;

	for (which[0] = 0; which[0] < PAPER_NUM_COMPUTE; which[0]++)
		for (which[1] = PAPER_NUM_COMPUTE; !err && which[1] < PAPER_NUM_NETWORKS; which[1]++)
			if (grid_wanted(g, which, 2))
				err = grid_cells(g, which, silent, rows, num);
	return err;
}

/* Rows are pair by pair, and of a pair policy by policy. */
static void take_means(const struct grid *g, const struct grid_row *rows, unsigned int num,
		       struct sweep_point *p)
{
	double of_bound = 0, antt = 0;
	unsigned int i;

	p->least = INFINITY;
	for (i = p->policy; i < num; i += g->num_policies, p->pairs++) {
		p->gain += rows[i].stp - 1;
		p->bound_gain += rows[i].bound - 1;
		of_bound += log(rows[i].stp / rows[i].bound);
		antt += log(rows[i].antt);
		p->least = fmin(p->least, rows[i].stp / rows[i].bound);
	}
	p->gain /= p->pairs;
	p->bound_gain /= p->pairs;
	p->of_bound = exp(of_bound / p->pairs);
	p->antt = exp(antt / p->pairs);
}

static int run_point(struct sweep *s, const char *dir, unsigned int batch)
{
	static struct grid_row rows[NUM_PAIRS * GRID_MAX_POLICIES];
	struct grid g = s->grid;
	unsigned int num = 0, i;
	int err;

	g.networks = dir;
	g.batch = batch;
	err = grid_open(&g, paper_networks, PAPER_NUM_NETWORKS);
	if (!err)
		err = run_pairs(&g, rows, &num);
	if (!err && !num)
		err = bench_fail(-EINVAL, "--only %s: there is no such pair", g.only);
	for (i = 0; !err && i < g.num_policies; i++) {
		struct sweep_point *p = &s->points[s->num_points++];

		*p = (struct sweep_point) { .machine = g.machine, .batch = batch, .policy = i };
		take_means(&g, rows, num, p);
		print_point(s, p);
	}
	grid_close(&g);
	return err;
}

static int sweep(struct sweep *s)
{
	unsigned int i, k;
	int err = 0;

	s->points = calloc(SWEEP_MAX_POINTS, sizeof(*s->points));
	if (!s->points)
		return bench_fail(-ENOMEM, "out of memory");
	printf("Loom, release=%s, %s, engine %s\n\n", s->grid.release_layer ? "layer" : "tile",
	       s->grid.strict ? "strict" : "queued", s->grid.engine->name);
	print_head();
	for (i = 0; i < s->num_dirs; i++)
		for (k = 0; !err && k < s->num_batches; k++)
			err = run_point(s, s->dirs[i], s->batches[k]);
	if (!err && s->grid.json)
		err = sweep_json(s);
	return err || !s->grid.svg ? err : sweep_svg(s);
}

/* ---- options ---- */

static int add_batch(struct sweep *s, const char *text)
{
	char *end;
	unsigned long n = strtoul(text ? text : "", &end, 10);

	if (!text || end == text || *end || *text == '-' || n < 1 || n > 4096)
		return bench_fail(-EINVAL, "--batch %s: must be a number from 1 to 4096", text ? text : "");
	if (s->num_batches == SWEEP_MAX_BATCHES)
		return bench_fail(-E2BIG, "--batch %s: that is one too many", text);
	s->batches[s->num_batches++] = (unsigned int)n;
	return 0;
}

static int add_dir(struct sweep *s, const char *dir)
{
	if (s->num_dirs == SWEEP_MAX_DIRS)
		return bench_fail(-E2BIG, "%s: %u directories are the most", dir, SWEEP_MAX_DIRS);
	s->dirs[s->num_dirs++] = dir;
	return 0;
}

/* Takes directories and batch sizes out of argv; what is left is the grid's: options, all with a value. */
static int take_own(struct sweep *s, int *argc, char **argv)
{
	int i, n = 1, err = 0;

	for (i = 1; !err && i < *argc; i++) {
		if (!strcmp(argv[i], "--batch")) {
			err = add_batch(s, i + 1 < *argc ? argv[i + 1] : NULL);
			i++;
		} else if (strncmp(argv[i], "--", 2)) {
			err = add_dir(s, argv[i]);
		} else {
			argv[n++] = argv[i];
			if (!strchr(argv[i], '=') && strcmp(argv[i], "--help") && i + 1 < *argc)
				argv[n++] = argv[++i];
		}
	}
	argv[n] = NULL;
	*argc = n;
	return err;
}

static int parse(struct sweep *s, int argc, char **argv)
{
	int err;

	*s = (struct sweep) { 0 };
	err = take_own(s, &argc, argv);
	if (!err)
		err = grid_parse(&s->grid, argc, argv, help);
	if (err)
		return err;
	if (!s->num_dirs)
		return bench_fail(-EINVAL, "sweep: of which networks? (see --help)");
	if (s->grid.queued && s->grid.strict)
		return bench_fail(-EINVAL, "--arrivals both: a sweep is of one");
	if (!s->num_batches)
		s->batches[s->num_batches++] = 1;
	return 0;
}

int bench_sweep(int argc, char **argv)
{
	struct sweep s;
	int err = parse(&s, argc, argv);

	if (err)
		return err > 0 ? 0 : EXIT_USAGE;
	err = sweep(&s);
	free(s.points);
	return err ? 1 : 0;
}
