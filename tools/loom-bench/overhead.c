// SPDX-License-Identifier: MIT
/*
 * loom-bench overhead: what the scheduler costs. Whole decisions (arrive, pick, commit, complete, reply)
 * without a device behind: the oldest slice completes as soon as the window is full. Then the step of it
 * that picks and commits, alone. Processor time of this host; with --vm guest instructions.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "overhead.h"

static const char help[] =
"usage: loom-bench overhead [OPTION...]\n"
"Scheduling decisions a second on one core of this host: the papers' 16 pairs, then their networks\n"
"over and over as 2 to 1,024 models, and queues of 1 to 4,096 requests a model.\n\n"
"  --networks DIR  --batch N  --policy NAME  --release tile|layer  --json FILE  --help\n"
"                  as of loom-bench pairs (default policies layerweaver, loom)\n"
"  --vm ...           first: guest instructions in the VM instead; --vm --help says what follows\n";

static const char *const names[] = {
	"resnet50", "resnext50", "inception-v3", "mobilenet-v2",
	"bert-base", "bert-large", "xlnet", "ncf-dense",
};

#define NUM_NAMES (sizeof(names) / sizeof(names[0]))
#define NUM_COMPUTE 4

struct load {
	struct sched *s;
	uint64_t now, serial;
	uint64_t tags[4096];
	int64_t ends[4096];
	unsigned int head, tail;
};

/* Timers are let go: a completion comes before. */
static void drain(struct load *l)
{
	struct sched_action a;

	while (sched_next(l->s, l->now, &a))
		if (a.type == SCHED_SUBMIT)
			l->tags[l->tail++ % 4096] = a.tag;
		else if (a.type == SCHED_REPLY)
			sched_arrive(l->s, l->now, a.model, l->serial++, SCHED_NO_DEADLINE);
}

/* Device time passes so that the window stays about full. */
static void decisions(struct load *l, unsigned int n)
{
	while (n--) {
		l->now += 5000;
		if (l->head != l->tail)
			sched_complete(l->s, l->now, l->tags[l->head++ % 4096], 0);
		drain(l);
	}
}

static int start(struct load *l, const struct grid *g, const unsigned int *which, unsigned int num,
		 const char *policy, unsigned int queue)
{
	const struct sched_config config = {
		.buffer_bytes = g->machine.buffer_bytes, .dram_bytes_per_s = g->machine.dram_bytes_per_s,
		.policy = policy, .tile_release = !g->release_layer,
	};
	unsigned int i, k;
	int err = sched_new(&config, &l->s);

	for (i = 0; !err && i < num; i++) {
		const struct workload *w = &g->workloads[which[i]];

		err = sched_add_model(l->s, w->name, w->slices, w->num_slices, 2);
		err = err < 0 ? err : 0;
	}
	for (k = 0; !err && k < queue; k++)
		for (i = 0; !err && i < num; i++)
			err = sched_arrive(l->s, 0, i, l->serial++, SCHED_NO_DEADLINE);
	drain(l);
	return err;
}

/* Nanoseconds a decision. */
static double measure(const struct grid *g, const unsigned int *which, unsigned int num, const char *policy,
		      unsigned int queue)
{
	struct load *l = calloc(1, sizeof(*l));
	struct sched_stats before, after;
	double best = INFINITY, t;
	unsigned int trial;

	if (!l || start(l, g, which, num, policy, queue)) {
		free(l);
		return NAN;
	}
	decisions(l, OVERHEAD_CHUNK);
	for (trial = 0; trial < OVERHEAD_TRIALS; trial++) {
		sched_get_stats(l->s, &before);
		t = overhead_seconds();
		do
			decisions(l, OVERHEAD_CHUNK);
		while (overhead_seconds() - t < OVERHEAD_SPAN);
		t = overhead_seconds() - t;
		sched_get_stats(l->s, &after);
		best = fmin(best, 1e9 * t / (double)(after.picks - before.picks));
	}
	sched_free(l->s);
	free(l);
	return best;
}

static void add(json_t *list, const char *what, const char *policy, unsigned int models, unsigned int queue,
		double ns)
{
	json_array_append_new(list, json_pack("{s:s s:s s:i s:i s:f s:f}", "what", what, "policy", policy,
					      "models", (int)models, "queue", (int)queue, "ns", ns,
					      "per_second", 1e9 / ns));
}

static void put_pairs(const char *what, const char *words, const char *policy, double sum, double most,
		      unsigned int n, json_t *list)
{
	double ns = exp(sum / n);

	printf("%-18s 16 pairs: %7.1f ns %s (geometric mean; most %.1f), %.2f million a second\n",
	       policy, ns, words, most, 1e3 / ns);
	add(list, what, policy, 2, 2, ns);
}

static void pairs(const struct grid *g, const char *policy, json_t *list)
{
	double sum = 0, most = 0, step_sum = 0, step_most = 0, ns;
	unsigned int which[2], n = 0;

	for (which[0] = 0; which[0] < NUM_COMPUTE; which[0]++)
		for (which[1] = NUM_COMPUTE; which[1] < NUM_NAMES; which[1]++, n++) {
			const struct workload *w[] = { &g->workloads[which[0]], &g->workloads[which[1]] };

			ns = measure(g, which, 2, policy, 2);
			sum += log(ns);
			most = fmax(most, ns);
			ns = overhead_step(&g->machine, w, policy, g->release_layer);
			step_sum += log(ns);
			step_most = fmax(step_most, ns);
		}
	put_pairs("pairs", "a decision", policy, sum, most, n, list);
	put_pairs("step", "a step (pick and commit)", policy, step_sum, step_most, n, list);
}

static void growth(const struct grid *g, const char *policy, json_t *list)
{
	unsigned int which[SCHED_MAX_MODELS], n;
	double ns;

	for (n = 0; n < SCHED_MAX_MODELS; n++)
		which[n] = n % 2 ? NUM_COMPUTE + n / 2 % NUM_COMPUTE : n / 2 % NUM_COMPUTE;
	printf("%-18s by models: ", policy);
	for (n = 2; n <= SCHED_MAX_MODELS; n *= 2) {
		ns = measure(g, which, n, policy, 2);
		printf(" %u: %.0f ns", n, ns);
		add(list, "models", policy, n, 2, ns);
	}
	printf("\n%-18s by queue:  ", policy);
	for (n = 1; n <= 4096; n *= 4) {
		ns = measure(g, which, 2, policy, n);
		printf(" %u: %.0f ns", n, ns);
		add(list, "queue", policy, 2, n, ns);
	}
	putchar('\n');
}

/* What a decision is to be short beside: half of a network's slices take longer on their busier resource. */
static void medians(const struct grid *g)
{
	unsigned int i, k;

	printf("median slice:");
	for (i = 0; i < NUM_NAMES; i++) {
		const struct workload *w = &g->workloads[i];
		uint64_t *times = calloc(w->num_slices, sizeof(*times));

		for (k = 0; times && k < w->num_slices; k++)
			times[k] = w->slices[k].comp_ps > w->slices[k].mem_ps ? w->slices[k].comp_ps : w->slices[k].mem_ps;
		if (times)
			bench_sort(times, w->num_slices);
		printf(" %s %.0f ns", w->name, times ? 1e-3 * (double)times[w->num_slices / 2] : 0.0);
		free(times);
	}
	putchar('\n');
}

static int overhead(struct grid *g)
{
	json_t *list = json_array();
	unsigned int p;
	int err = grid_open(g, names, NUM_NAMES);

	if (!err)
		medians(g);
	for (p = 0; !err && p < g->num_policies; p++) {
		pairs(g, g->policies[p], list);
		growth(g, g->policies[p], list);
	}
	if (!err && g->json && json_dump_file(list, g->json, JSON_INDENT(1)))
		err = bench_fail(-EIO, "%s: cannot write", g->json);
	json_decref(list);
	return err;
}

int bench_overhead(int argc, char **argv)
{
	struct grid g;
	int err;

	if (argc > 1 && !strcmp(argv[1], "--vm"))
		return overhead_in_vm(argv + 1);
	err = grid_parse(&g, argc, argv, help);
	if (err)
		return err > 0 ? 0 : EXIT_USAGE;
	g.engine = &engine_model;
	err = overhead(&g);
	grid_close(&g);
	return err ? 1 : 0;
}
