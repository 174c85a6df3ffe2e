// SPDX-License-Identifier: MIT
/*
 * loom-bench agree: two runs of the same streams, one through loomd, the driver and the device in the VM,
 * the other in one process. Under saturation a pick depends on slices and policy only, so the slices come
 * in the same order, from the first of a phase to the end of its measured span. What the two differ by in rate is what driver and daemon cost.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "replay.h"

static const char help[] =
"usage: loom-bench agree [OPTION...] DIR DIR\n"
"Compare what two `loom-bench run`s left, phase by phase: the order of the slices, and STP.\n"
"  --tolerance PERCENT   by which STP may differ (1)\n"
"  --order               the order must be the same; else it is only told\n"
"  --help\n"
"Exit status: 0 they agree; 1 a run is not there or incomplete; 2 usage; 3 they do not.\n";

struct options {
	const char *dirs[2];
	double tolerance;
	bool order;
};

/* ---- order ---- */

static const struct report_phase *find_phase(const struct report *r, const char *name)
{
	unsigned int i;

	for (i = 0; i < r->num_phases; i++)
		if (!strcmp(r->phases[i].name, name))
			return &r->phases[i];
	return NULL;
}

/*
 * How many slices had begun to compute when the measured span ended. Until then every stream sent a query
 * for each reply at once; after it the client compares outputs, and then sends no more.
 */
static size_t saturated(const struct report_phase *p)
{
	size_t i = 0;

	while (i < p->num_slices && p->slices[i].compute_start < p->to)
		i++;
	return i;
}

static bool same_slice(const struct report_slice *a, const struct report_slice *b)
{
	return a->model == b->model && a->slice == b->slice;
}

static void print_slices(const struct report *r, const struct report_phase *p, size_t from, size_t to)
{
	size_t i;

	for (i = from; i < to && i < p->num_slices; i++)
		printf(" %s:%u", r->models[p->slices[i].model].name, p->slices[i].slice);
	putchar('\n');
}

/* Returns how many slices from the start on are the same. */
static size_t common(const struct report_phase *a, const struct report_phase *b, size_t num)
{
	size_t i = 0;

	while (i < num && same_slice(&a->slices[i], &b->slices[i]))
		i++;
	return i;
}

static int compare_order(const struct report *a, const struct report *b, const struct report_phase *pa,
			 const struct report_phase *pb)
{
	size_t na = saturated(pa), nb = saturated(pb), num = na < nb ? na : nb;
	size_t same = common(pa, pb, num), from = same > 3 ? same - 3 : 0;

	if (same == num) {
		printf("%-24s the same %zu slices\n", pa->name, num);
		return 0;
	}
	printf("%-24s differs at slice %zu of %zu\n", pa->name, same, num);
	printf("  %s:", a->dir);
	print_slices(a, pa, from, same + 4);
	printf("  %s:", b->dir);
	print_slices(b, pb, from, same + 4);
	return -ERANGE;
}

/* ---- figures ---- */

static int compare_stp(const struct report_phase *pa, const struct report_phase *pb, double tolerance)
{
	double percent = 100 * (pa->stp / pb->stp - 1);

	printf("%-24s STP %.4f and %.4f: %+.2f %%\n", pa->name, pa->stp, pb->stp, percent);
	return fabs(percent) <= tolerance ? 0 : -ERANGE;
}

static void print_alone(const struct report *a, const struct report *b)
{
	unsigned int i;

	for (i = 0; i < a->num_models && i < b->num_models; i++)
		printf("%-24s alone: %.1f and %.1f us a query, %+.2f us\n", a->models[i].name,
		       1e6 * a->models[i].period, 1e6 * b->models[i].period,
		       1e6 * (a->models[i].period - b->models[i].period));
}

/* ---- the whole ---- */

static int compare(const struct options *o, const struct report *a, const struct report *b)
{
	unsigned int i, differ = 0;

	for (i = 0; i < a->num_phases; i++) {
		const struct report_phase *pa = &a->phases[i], *pb = find_phase(b, pa->name);

		if (!pb)
			return bench_fail(-EINVAL, "%s has no phase %s", b->dir, pa->name);
		if (compare_order(a, b, pa, pb) && o->order)
			differ++;
		if (!pa->alone && compare_stp(pa, pb, o->tolerance))
			differ++;
	}
	print_alone(a, b);
	return differ ? -ERANGE : 0;
}

static int agree(const struct options *o)
{
	struct report r[2] = { 0 };
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < 2; i++) {
		err = report_load(&r[i], o->dirs[i]);
		if (!err)
			err = figures_rates(&r[i]);
	}
	if (!err)
		err = compare(o, &r[0], &r[1]);
	for (i = 0; i < 2; i++)
		report_free(&r[i]);
	return err == -ERANGE ? EXIT_IMPOSSIBLE : err ? 1 : 0;
}

static int parse_tolerance(struct options *o, const char *text)
{
	char *end;

	o->tolerance = strtod(text, &end);
	if (end == text || *end || !(o->tolerance >= 0))
		return bench_fail(-EINVAL, "--tolerance %s: must be a number of percent", text);
	return 0;
}

int bench_agree(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "tolerance", required_argument, NULL, 't' }, { "order", no_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' }, { },
	};
	struct options o = { .tolerance = 1 };
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0)
		switch (c) {
		case 't':
			if (parse_tolerance(&o, optarg))
				return EXIT_USAGE;
			break;
		case 'o': o.order = true; break;
		case 'h': fputs(help, stdout); return 0;
		default: return EXIT_USAGE;
		}
	if (optind + 2 != argc) {
		fputs(help, stderr);
		return EXIT_USAGE;
	}
	o.dirs[0] = argv[optind];
	o.dirs[1] = argv[optind + 1];
	return agree(&o);
}
