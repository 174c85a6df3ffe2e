// SPDX-License-Identifier: MIT
/*
 * loom-bench mixes: four closed-loop streams, two compute-intensive and two memory-intensive networks of
 * the papers each: all 36 ways to choose them. The bound may run two of the four only; the one beside it
 * is what can be had when both networks of a kind get the same share of their time alone.
 */
#include <math.h>
#include <stdlib.h>

#include "bench.h"
#include "experiment.h"
#include "report.h"

static const char help[] =
"usage: loom-bench mixes [OPTION...]\n"
"Four closed-loop streams, two compute-intensive and two memory-intensive networks. Gains are STP\n"
"over one at a time, in percent; 'even' is the bound when both of a kind get equal shares.\n\n"
"  --networks DIR  --batch N  --policy NAME  --arrivals queued|strict|both  --release tile|layer\n"
"  --engine device|model  --only A+B+C+D  --queries N  --json FILE  --svg FILE  --help\n"
"                  as of loom-bench pairs\n";

static const char *const names[] = {
	"resnet50", "resnext50", "inception-v3", "mobilenet-v2",
	"bert-base", "bert-large", "xlnet", "ncf-dense",
};

#define NUM_COMPUTE 4
#define NUM_NAMES (sizeof(names) / sizeof(names[0]))
#define MAX_ROWS (36 * GRID_MAX_POLICIES * 2)

/* Two networks as one: the sum of their standalone shares counts, and they have equal shares. */
static struct report_model both(const struct report_model *a, const struct report_model *b)
{
	return (struct report_model) {
		.period = 1, .compute = (a->compute / a->period + b->compute / b->period) / 2,
		.dram = (a->dram / a->period + b->dram / b->period) / 2,
	};
}

static double even_bound(const struct grid *g, const unsigned int *which)
{
	const struct report_model kinds[2] = {
		both(&g->alone[which[0]], &g->alone[which[1]]), both(&g->alone[which[2]], &g->alone[which[3]]),
	};

	return bound_stp(kinds, 2);
}

static int run_cell(const struct grid *g, const unsigned int *which, const char *policy, bool strict,
		    struct grid_row *row)
{
	char name[256];
	int err = grid_cell(g, which, 4, policy, strict, row);

	if (err)
		return err;
	grid_name(row, name, sizeof(name));
	printf("%-56s %-16s %-7s %7.1f %7.1f %7.1f %6.3f %6.3f %6.1f %6.1f\n", name, row->policy,
	       strict ? "strict" : "queued", 100 * (row->stp - 1), 100 * (row->bound - 1),
	       100 * (even_bound(g, which) - 1), row->antt, row->max_slowdown, 100 * row->f.compute,
	       100 * row->f.dram);
	fflush(stdout);
	return 0;
}

static int run_all(const struct grid *g, struct grid_row *rows, unsigned int *num)
{
	unsigned int i[4];
	int err = 0;

	for (i[0] = 0; i[0] < NUM_COMPUTE; i[0]++)
		for (i[1] = i[0] + 1; i[1] < NUM_COMPUTE; i[1]++)
			for (i[2] = NUM_COMPUTE; i[2] < NUM_NAMES; i[2]++)
				for (i[3] = i[2] + 1; !err && i[3] < NUM_NAMES; i[3]++)
					if (grid_wanted(g, i, 4))
						err = grid_cells(g, i, run_cell, rows, num);
	return err;
}

static void print_mean(const struct grid *g, const struct grid_row *rows, unsigned int num, unsigned int p,
		       bool strict)
{
	double gain = 0, antt = 0;
	unsigned int i, n = 0;

	for (i = 0; i < num; i++)
		if (rows[i].strict == strict && i % g->num_policies == p) {
			gain += rows[i].stp - 1;
			antt += log(rows[i].antt);
			n++;
		}
	if (n)
		printf("%-16s %-7s mean gain %5.1f%%, ANTT %.3f (geometric mean) over %u mixes\n", g->policies[p],
		       strict ? "strict" : "queued", 100 * gain / n, exp(antt / n), n);
}

static int mixes(struct grid *g, struct grid_row *rows)
{
	unsigned int num = 0, p;
	int err = grid_open(g, names, NUM_NAMES);

	if (err)
		return err;
	grid_head(g);
	putchar('\n');
	printf("%-56s %-16s %-7s %7s %7s %7s %6s %6s %6s %6s\n", "mix", "policy", "arrive", "gain %",
	       "bound %", "even %", "ANTT", "slow", "engine", "DRAM");
	err = run_all(g, rows, &num);
	if (err)
		return err;
	putchar('\n');
	for (p = 0; p < g->num_policies; p++) {
		print_mean(g, rows, num, p, false);
		print_mean(g, rows, num, p, true);
	}
	err = g->json ? grid_json(g, "mix", rows, num) : 0;
	return err || !g->svg ? err : grid_svg(g, "STP gain over one at a time, %", rows, num);
}

int bench_mixes(int argc, char **argv)
{
	struct grid_row *rows = calloc(MAX_ROWS, sizeof(*rows));
	struct grid g;
	int err = grid_parse(&g, argc, argv, help);

	if (!err && rows) {
		err = mixes(&g, rows);
		grid_close(&g);
		free(rows);
		return err ? 1 : 0;
	}
	free(rows);
	return err > 0 ? 0 : EXIT_USAGE;
}
