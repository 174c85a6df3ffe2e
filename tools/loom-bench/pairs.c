// SPDX-License-Identifier: MIT
/*
 * loom-bench pairs: the 16 pairs of the papers, a compute-intensive and a memory-intensive network each,
 * under every policy asked for, beside the bound and beside what was published.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "experiment.h"
#include "paper.h"
#include "report.h"

static const char help[] =
"usage: loom-bench pairs [OPTION...]\n"
"Two closed-loop streams, a compute-intensive and a memory-intensive network: the papers' 16\n"
"pairs, without a VM. Gains are STP over one at a time, in percent.\n\n"
"  --networks DIR     compiled by tools/loom-bench/networks.sh, which names the device too\n"
"                     (default build/networks/memory-centric)\n"
"  --batch N          (default 1)\n"
"  --policy NAME      may be repeated (default layerweaver, loom); ai-mt's thresholds are swept\n"
"                     for its best unless they are given, ai-mt:LEAD:ROOM\n"
"  --arrivals queued|strict|both\n"
"                     the next query waits, or exists once the last one is done (queued)\n"
"  --release tile|layer\n"
"                     layer: as in the papers, and one slice a layer (tile)\n"
"  --engine device|model\n"
"                     firmware-sim, or the two streams of the scheduler's equations (device)\n"
"  --only A+B         this pair\n"
"  --queries N        replies of every stream in the measured span (default 12)\n"
"  --json FILE  --svg FILE\n"
"  --help\n\n"
"Exit status: 0 done; 1 it cannot be run, or a figure is above the bound; 2 wrong usage.\n";

#define MAX_ROWS (16 * GRID_MAX_POLICIES * 2)

static void print_networks(const struct grid *g)
{
	unsigned int i;

	printf("%-14s %7s %10s %10s %7s %7s %12s %9s\n", "network", "slices", "compute us", "DRAM us",
	       "ratio", "paper", "longest us", "alone us");
	for (i = 0; i < g->num_workloads; i++) {
		const struct workload *w = &g->workloads[i];

		if (!w->num_slices)
			continue;
		printf("%-14s %7u %10.1f %10.1f %7.3f %7.3f %12.1f %9.1f\n", w->name, w->num_slices,
		       1e6 * w->comp, 1e6 * w->mem, w->comp / w->mem, paper_ratio(w->name),
		       1e-6 * (double)w->longest_ps, 1e6 * g->alone[i].period);
	}
	putchar('\n');
}

static void print_head(void)
{
	printf("%-26s %-18s %-7s %7s %7s %7s %6s %6s %6s %6s %6s %8s %6s\n", "pair", "policy", "arrive",
	       "gain %", "bound %", "of it %", "ANTT", "slow", "engine", "MAC", "DRAM", "paper %", "ANTT");
}

static void print_row(const struct grid_row *r)
{
	const struct paper_pair *p = paper_pair(r->models[0]->name, r->models[1]->name);
	char name[128];

	grid_name(r, name, sizeof(name));
	printf("%-26s %-18s %-7s %7.1f %7.1f %7.2f %6.3f %6.3f %6.1f %6.1f %6.1f", name, r->policy,
	       r->strict ? "strict" : "queued", 100 * (r->stp - 1), 100 * (r->bound - 1),
	       100 * r->stp / r->bound, r->antt, r->max_slowdown, 100 * r->f.compute, 100 * r->f.mac,
	       100 * r->f.dram);
	if (p && !strcmp(r->policy, "layerweaver"))
		printf(" %8.1f %6.2f", p->layerweaver, p->layerweaver_antt);
	else if (p && !strncmp(r->policy, "ai-mt", 5))
		printf(" %8.1f %6.2f", p->ai_mt, p->ai_mt_antt);
	putchar('\n');
}

/* One line a policy and arrival regime: means over the pairs. */
static void print_means(const struct grid_row *rows, unsigned int num, const char *policy, bool strict)
{
	double of_bound = 0, gain = 0, antt = 0, slow = 0, least = 2, off = 0;
	unsigned int i, n = 0;

	for (i = 0; i < num; i++) {
		const struct grid_row *r = &rows[i];

		if (strncmp(r->policy, policy, strlen(policy)) || r->strict != strict ||
		    (r->policy[strlen(policy)] && r->policy[strlen(policy)] != ':'))
			continue;
		n++;
		of_bound += log(r->stp / r->bound);
		gain += r->stp - 1;
		antt += log(r->antt);
		slow += log(r->max_slowdown);
		least = fmin(least, r->stp / r->bound);
		off = fmax(off, 100 * fabs(r->closed - r->stp));
	}
	if (n)
		printf("%-18s %-7s of the bound: geometric mean %6.2f%%, least %6.2f%%; mean gain %5.1f%%; "
		       "ANTT %.3f, largest slowdown %.3f (geometric means); STP from busy figures within "
		       "%.2f points\n", policy,
		       strict ? "strict" : "queued", 100 * exp(of_bound / n), 100 * least, 100 * gain / n,
		       exp(antt / n), exp(slow / n), off);
}

/* AI-MT's two thresholds at their best, found on the fast engine, as its critics did. */
static int best_ai_mt(const struct grid *g, const unsigned int *which, bool strict, char *best, size_t size)
{
	static const unsigned int leads[] = { 2, 5, 10, 20, 35, 50, 75 }, rooms[] = { 2, 5, 10, 20, 35, 50 };
	struct grid fast = *g;
	struct grid_row row;
	char name[48];
	unsigned int i, k;
	double most = 0;
	int err = 0;

	fast.engine = &engine_model;
	for (i = 0; !err && i < sizeof(leads) / sizeof(leads[0]); i++)
		for (k = 0; !err && k < sizeof(rooms) / sizeof(rooms[0]); k++) {
			snprintf(name, sizeof(name), "ai-mt:%u:%u", leads[i], rooms[k]);
			err = grid_cell(&fast, which, 2, name, strict, &row);
			if (!err && row.stp > most) {
				most = row.stp;
				snprintf(best, size, "%s", name);
			}
		}
	return err;
}

static int run_cell(const struct grid *g, const unsigned int *which, const char *policy, bool strict,
		    struct grid_row *row)
{
	char best[48];
	int err = 0;

	if (!strcmp(policy, "ai-mt")) {
		err = best_ai_mt(g, which, strict, best, sizeof(best));
		policy = best;
	}
	if (!err)
		err = grid_cell(g, which, 2, policy, strict, row);
	if (err)
		return err;
	print_row(row);
	fflush(stdout);
	if (g->engine == &engine_device && row->stp > row->bound * 1.01)
		return bench_fail(-ERANGE, "%s: STP %.4f is above the bound of %.4f", row->policy, row->stp,
				  row->bound);
	return 0;
}

static int run_all(const struct grid *g, struct grid_row *rows, unsigned int *num)
{
	unsigned int which[2];
	int err = 0;

	for (which[0] = 0; which[0] < PAPER_NUM_COMPUTE; which[0]++)
		for (which[1] = PAPER_NUM_COMPUTE; !err && which[1] < PAPER_NUM_NETWORKS; which[1]++)
			if (grid_wanted(g, which, 2))
				err = grid_cells(g, which, run_cell, rows, num);
	return err;
}

static int pairs(struct grid *g, struct grid_row *rows)
{
	unsigned int num = 0, p;
	int err = grid_open(g, paper_networks, PAPER_NUM_NETWORKS);

	if (err)
		return err;
	grid_head(g);
	putchar('\n');
	print_networks(g);
	print_head();
	err = run_all(g, rows, &num);
	if (err)
		return err;
	putchar('\n');
	for (p = 0; p < g->num_policies; p++) {
		print_means(rows, num, g->policies[p], false);
		print_means(rows, num, g->policies[p], true);
	}
	err = g->json ? grid_json(g, "pair", rows, num) : 0;
	return err || !g->svg ? err : grid_svg(g, "STP gain over one at a time, %", rows, num);
}

int bench_pairs(int argc, char **argv)
{
	struct grid_row *rows = calloc(MAX_ROWS, sizeof(*rows));
	struct grid g;
	int err = grid_parse(&g, argc, argv, help);

	if (!err && rows) {
		err = pairs(&g, rows);
		grid_close(&g);
		free(rows);
		return err ? 1 : 0;
	}
	free(rows);
	return err > 0 ? 0 : EXIT_USAGE;
}
