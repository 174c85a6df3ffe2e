// SPDX-License-Identifier: MIT
/*
 * loom-bench optimum: small cases of the papers' pairs beside the best order there is: a stretch of each
 * network, up to 13 slices, chosen so that both resources have about as much to do, in a device that is
 * empty before and after. The best order is that in which the last compute ends first, by the equations that
 * the scheduler predicts with. All orders are searched, but for those that cannot be better: neither stream
 * can end before what is left of it is done.
 */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "experiment.h"
#include "sched/policy.h"

static const char help[] =
"usage: loom-bench optimum [OPTION...]\n"
"Stretches of the papers' pairs, up to 13 slices of each: how far each policy is from the best of\n"
"all orders, in percent of the time until all is computed.\n\n"
"  --networks DIR  --batch N  --policy NAME  --release tile|layer  --only A+B  --json FILE  --help\n"
"                  as of loom-bench pairs\n";

static const char *const names[] = {
	"resnet50", "resnext50", "inception-v3", "mobilenet-v2",
	"bert-base", "bert-large", "xlnet", "ncf-dense",
};

#define NUM_COMPUTE 4
#define NUM_NAMES (sizeof(names) / sizeof(names[0]))
#define LENGTH 13		/* most slices of a stretch */
#define DEPTH (2 * LENGTH)
#define PLACES 4		/* along the compute-intensive network */
#define PS 1000

/* A stretch of a network: consecutive slices. */
struct small {
	const struct sched_slice *slices;
	unsigned int num;
	int64_t inputs;		/* of its first slice take so long */
	int64_t comp_left[LENGTH + 1], mem_left[LENGTH + 1];
};

/* Where an order has got to. */
struct place {
	struct device_state ds;
	int64_t after[2];	/* the next slice of each may begin then */
};

struct search {
	const struct small *nets[2];
	struct place places[DEPTH + 1];
	int64_t best;
	uint64_t nodes;
};

static void stretch(struct small *s, const struct device_state *ds, const struct workload *w, unsigned int from,
		    unsigned int num)
{
	unsigned int i;

	*s = (struct small) {
		.slices = &w->slices[from], .num = num,
		.inputs = device_state_dma_ps(ds, &w->slices[from]),	/* as loom predicts them */
	};
	for (i = num; i-- > 0;) {
		s->comp_left[i] = s->comp_left[i + 1] + (int64_t)s->slices[i].comp_ps;
		s->mem_left[i] = s->mem_left[i + 1] + (int64_t)s->slices[i].mem_ps;
	}
}

static int64_t surplus(const struct sched_slice *s)
{
	return (int64_t)s->comp_ps - (int64_t)s->mem_ps;
}

/* Slices of both from two places on, one or the other so that both resources have as much to do. */
static void cut(const struct device_state *ds, const struct workload *a, unsigned int from_a,
		const struct workload *b, unsigned int from_b, struct small *nets)
{
	unsigned int na = 1, nb = 1;
	int64_t more = surplus(&a->slices[from_a]) + surplus(&b->slices[from_b]);

	for (;;) {
		if (more < 0 && na < LENGTH && from_a + na < a->num_slices)
			more += surplus(&a->slices[from_a + na++]);
		else if (more >= 0 && nb < LENGTH && from_b + nb < b->num_slices)
			more += surplus(&b->slices[from_b + nb++]);
		else
			break;
	}
	stretch(&nets[0], ds, a, from_a, na);
	stretch(&nets[1], ds, b, from_b, nb);
}

/* Slice i of net k comes next. Returns when its compute ends. */
static int64_t append(struct place *p, const struct small *net, unsigned int k, unsigned int i)
{
	int64_t ready = p->after[k] + (i ? 0 : net->inputs);
	int64_t end = device_state_commit(&p->ds, &net->slices[i], ready).tc;

	p->after[k] = policy_after(&p->ds, &net->slices[i], i, end);
	return end;
}

static bool hopeless(const struct search *s, const struct device_state *ds, unsigned int a, unsigned int b)
{
	return ds->tc + s->nets[0]->comp_left[a] + s->nets[1]->comp_left[b] >= s->best ||
	       ds->tm + s->nets[0]->mem_left[a] + s->nets[1]->mem_left[b] >= s->best;
}

static void search(struct search *s, unsigned int a, unsigned int b)
{
	const struct place *here = &s->places[a + b];
	struct place *next = &s->places[a + b + 1];
	unsigned int done[2] = { a, b }, k;

	s->nodes++;
	if (a == s->nets[0]->num && b == s->nets[1]->num) {
		s->best = here->ds.tc < s->best ? here->ds.tc : s->best;
		return;
	}
	for (k = 0; k < 2; k++) {
		if (done[k] == s->nets[k]->num || hopeless(s, &here->ds, a, b))
			continue;
		device_state_copy(&next->ds, &here->ds);
		memcpy(next->after, here->after, sizeof(next->after));
		append(next, s->nets[k], k, done[k]);
		search(s, a + !k, b + k);
	}
}

/* Starts from what a policy found: only better ones are looked for. */
static int optimum(const struct sched_config *config, const struct small *nets, int64_t known,
		   int64_t *best, uint64_t *nodes)
{
	struct search s = { .nets = { &nets[0], &nets[1] }, .best = known };
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i <= DEPTH; i++)
		err = device_state_init(&s.places[i].ds, config);
	if (!err)
		search(&s, 0, 0);
	for (i = 0; i <= DEPTH; i++)
		device_state_fini(&s.places[i].ds);
	*best = s.best;
	*nodes = s.nodes;
	return err;
}

/* The same work under a policy, on the same equations. */
struct trial {
	struct sched *s;
	struct place place;
	const struct small *nets;
	uint64_t tags[DEPTH], ends[DEPTH], now, timer;
	unsigned int head, tail;
	int64_t end;
};

static void drain(struct trial *t)
{
	struct sched_action a;

	while (sched_next(t->s, t->now, &a)) {
		if (a.type == SCHED_TIMER)
			t->timer = a.at;
		if (a.type != SCHED_SUBMIT)
			continue;
		device_state_advance(&t->place.ds, (int64_t)t->now * PS);
		t->end = append(&t->place, &t->nets[a.model], a.model, a.slice);
		t->tags[t->tail] = a.tag;
		t->ends[t->tail++] = ((uint64_t)t->end + PS - 1) / PS;
	}
}

static void wait_for_next(struct trial *t)
{
	if (t->head < t->tail && t->ends[t->head] <= t->timer) {
		t->now = t->ends[t->head];
		sched_complete(t->s, t->now, t->tags[t->head++], 0);
	} else {
		t->now = t->timer;
		t->timer = UINT64_MAX;
		sched_tick(t->s, t->now);
	}
}

static int run_policy(const struct sched_config *config, const struct small *nets, int64_t *end)
{
	struct trial t = { .nets = nets, .timer = UINT64_MAX };
	unsigned int i, num = nets[0].num + nets[1].num;
	int err = sched_new(config, &t.s);

	if (err)
		return err;
	err = device_state_init(&t.place.ds, config);
	for (i = 0; !err && i < 2; i++)
		err = sched_add_model(t.s, "m", nets[i].slices, nets[i].num, 1) == (int)i ? 0 : -EINVAL;
	for (i = 0; !err && i < 2; i++)
		err = sched_arrive(t.s, 0, i, i, SCHED_NO_DEADLINE);
	for (; !err && t.head < num; wait_for_next(&t))
		drain(&t);
	*end = t.end;
	device_state_fini(&t.place.ds);
	sched_free(t.s);
	return err;
}

struct total {
	double log_sum, most;
	unsigned int n;
};

static int run_case(const struct grid *g, unsigned int a, unsigned int b, unsigned int place,
		    struct total *totals, json_t *list)
{
	const struct workload *wa = &g->workloads[a], *wb = &g->workloads[b];
	struct sched_config config = {
		.buffer_bytes = g->machine.buffer_bytes, .dram_bytes_per_s = g->machine.dram_bytes_per_s,
		.max_jobs = 64, .window_ps = 10000000000000ull, .tile_release = !g->release_layer,
	};
	int64_t ends[GRID_MAX_POLICIES], known = INT64_MAX, best;
	struct device_state ds;
	struct small nets[2];
	unsigned int p;
	uint64_t nodes;
	int err = 0;

	err = device_state_init(&ds, &config);
	if (err)
		return bench_fail(err, "out of memory");
	cut(&ds, wa, place * wa->num_slices / PLACES, wb, place * wb->num_slices / PLACES, nets);
	device_state_fini(&ds);
	for (p = 0; !err && p < g->num_policies; p++) {
		config.policy = g->policies[p];
		err = run_policy(&config, nets, &ends[p]);
		known = ends[p] < known ? ends[p] : known;
	}
	if (!err)
		err = optimum(&config, nets, known, &best, &nodes);
	if (err)
		return bench_fail(err, "%s+%s cannot be searched", names[a], names[b]);
	printf("%-14s %-12s %2u+%-2u %10.1f %10llu", names[a], names[b], nets[0].num, nets[1].num,
	       1e-6 * (double)best, (unsigned long long)nodes);
	for (p = 0; p < g->num_policies; p++) {
		double above = (double)ends[p] / (double)best - 1;

		printf(" %15.2f%%", 100 * above);
		totals[p].log_sum += log(1 + above);
		totals[p].most = fmax(totals[p].most, above);
		totals[p].n++;
		json_array_append_new(list, json_pack("{s:[s,s] s:s s:f s:f}", "pair", names[a], names[b],
			"policy", g->policies[p], "optimum_us", 1e-6 * (double)best, "above", 100 * above));
	}
	putchar('\n');
	return 0;
}

static int run_pair(const struct grid *g, unsigned int a, unsigned int b, struct total *totals, json_t *list)
{
	unsigned int place;
	int err = 0;

	for (place = 0; !err && place < PLACES; place++)
		err = run_case(g, a, b, place, totals, list);
	return err;
}

static int run_all(struct grid *g, json_t *list)
{
	struct total totals[GRID_MAX_POLICIES] = { 0 };
	unsigned int which[2], p;
	int err = 0;

	printf("%-14s %-12s %5s %10s %10s", "pair", "", "size", "best us", "orders");
	for (p = 0; p < g->num_policies; p++)
		printf(" %16s", g->policies[p]);
	putchar('\n');
	for (which[0] = 0; which[0] < NUM_COMPUTE; which[0]++)
		for (which[1] = NUM_COMPUTE; !err && which[1] < NUM_NAMES; which[1]++)
			if (grid_wanted(g, which, 2))
				err = run_pair(g, which[0], which[1], totals, list);
	for (p = 0; !err && p < g->num_policies; p++)
		printf("%-16s above the best order: geometric mean %.2f%%, most %.2f%%\n", g->policies[p],
		       totals[p].n ? 100 * (exp(totals[p].log_sum / totals[p].n) - 1) : 0, 100 * totals[p].most);
	return err;
}

int bench_optimum(int argc, char **argv)
{
	json_t *list = json_array();
	struct grid g;
	int err = grid_parse(&g, argc, argv, help);

	if (err) {
		json_decref(list);
		return err > 0 ? 0 : EXIT_USAGE;
	}
	g.engine = &engine_model;
	err = grid_open(&g, names, NUM_NAMES);
	if (!err)
		err = run_all(&g, list);
	if (!err && g.json && json_dump_file(list, g.json, JSON_INDENT(1)))
		err = bench_fail(-EIO, "%s: cannot write", g.json);
	json_decref(list);
	grid_close(&g);
	return err ? 1 : 0;
}
