// SPDX-License-Identifier: MIT
/* Whole runs on the rig's device: what the weave gains, against the two-resource bound. */
#include "rig.h"
#include "tests.h"

#include <stdio.h>

static const struct sched_config memory_centric = MEMORY_CENTRIC;

/* Two models: maximise x + y with x c0 + y c1 <= 1 and x m0 + y m1 <= 1, rates against alone. */
static double bound(double d, double p)
{
	return (1 - p) / (1 - p * d) + (1 - d) / (1 - p * d);
}

static double period(const struct sched_slice *slices, unsigned int n)
{
	struct sched_config c = memory_centric;
	struct rig r;
	double t;

	c.policy = "fifo";
	rig_init(&r, &c);
	rig_add(&r, slices, n, 2);
	t = 1 / rig_measure(&r, 4, 20).qps[0];
	rig_free(&r);
	return t;
}

struct pair {
	struct sched_slice a[128], b[128];
	unsigned int na, nb;
	double ta, tb;
};

static void make_pair(struct pair *p)
{
	p->na = profile_resnet50(p->a, 2.594, 225e9);
	p->nb = profile_bert_base(p->b, 0.158, 225e9);
	p->ta = period(p->a, p->na);
	p->tb = period(p->b, p->nb);
}

static struct rig_window run_pair(const struct pair *p, const char *policy, unsigned int queued,
				  double comp_scale)
{
	struct sched_config c = memory_centric;
	struct rig_window w;
	struct rig r;

	c.policy = policy;
	rig_init(&r, &c);
	r.comp_scale = comp_scale;
	rig_add(&r, p->a, p->na, queued);
	rig_add(&r, p->b, p->nb, queued);
	w = rig_measure(&r, 20, 200);
	rig_free(&r);
	return w;
}

static double stp(const struct pair *p, const struct rig_window *w)
{
	return w->qps[0] * p->ta + w->qps[1] * p->tb;
}

static void shapes(void **unused)
{
	struct sched_slice s[128];
	double bytes = 0;
	unsigned int i, n = profile_resnet50(s, 1, 225e9);

	assert_int_equal(n, 54);
	for (i = 0; i < n; i++)
		bytes += (double)s[i].bytes;
	assert_in_range((uint64_t)bytes, 50900000, 51100000);	/* 25.5 M weights of 2 bytes */
	assert_int_equal(profile_bert_base(s, 1, 225e9), 72);
}

/* Alone, with the next query waiting, a model runs at the speed of its busier resource. */
static void alone(void **unused)
{
	struct pair p;

	make_pair(&p);
	printf("periods: %.1f us, %.1f us\n", 1e6 * p.ta, 1e6 * p.tb);
	assert_in_range((uint64_t)(1e9 * p.tb), 753000, 760000);
	assert_in_range((uint64_t)(1e9 * p.ta), 586000, 640000);
}

static void resnet_and_bert(void **unused)
{
	double limit = bound(1 / 2.594, 0.158);
	struct rig_window f, l;
	struct pair p;

	make_pair(&p);
	f = run_pair(&p, "fifo", 2, 1);
	l = run_pair(&p, "layerweaver", 2, 1);
	printf("STP: fifo %.3f, layerweaver %.3f (compute %.1f%%, DRAM %.1f%%), bound %.3f\n",
	       stp(&p, &f), stp(&p, &l), 100 * l.mac, 100 * l.dram, limit);
	assert_true(stp(&p, &f) > 0.99 && stp(&p, &f) < 1.15);
	assert_true(stp(&p, &l) > 0.97 * limit);
	assert_true(stp(&p, &l) <= limit * 1.0001);
}

/* One request at a time in each stream: what is to come cannot be seen. */
static void strict(void **unused)
{
	double limit = bound(1 / 2.594, 0.158);
	struct rig_window l;
	struct pair p;

	make_pair(&p);
	l = run_pair(&p, "layerweaver", 1, 1);
	printf("STP strict: layerweaver %.3f, bound %.3f\n", stp(&p, &l), limit);
	assert_true(stp(&p, &l) > 1 && stp(&p, &l) <= limit);
}

/* The device is slower than its profile says: the loss is of the order of the error, not worse. */
static void wrong_profile(void **unused)
{
	struct rig_window l;
	struct pair p;
	double e;

	make_pair(&p);
	for (e = 0.9; e < 1.11; e += 0.05) {
		l = run_pair(&p, "layerweaver", 2, e);
		printf("compute x %.2f: compute %.1f%%, DRAM %.1f%%\n", e, 100 * l.mac, 100 * l.dram);
		assert_true(l.mac > 0.84 && l.dram > 0.84);
	}
}

/*
 * A closed form: a only computes (100 us), b only fetches (22.5 MB: 100 us). Woven, both run at full
 * rate: STP 2. One at a time, each waits for the other but for the prefetch.
 */
static void perfect_partners(void **unused)
{
	const struct sched_slice a = { .comp_ps = 100 * US, .bytes = 0, .layer_end = true };
	const struct sched_slice b = {
		.comp_ps = 0, .mem_ps = 100 * US, .bytes = 22500000, .layer_end = true,
	};
	struct sched_slice as[4] = { a, a, a, a }, bs[4] = { b, b, b, b };
	struct sched_config c = memory_centric;
	struct rig r;
	struct rig_window w;

	c.policy = "layerweaver";
	rig_init(&r, &c);
	rig_add(&r, as, 4, 2);
	rig_add(&r, bs, 4, 2);
	r.models[1].comp = 1e-12;
	w = rig_measure(&r, 10, 100);
	printf("perfect partners: compute %.1f%%, DRAM %.1f%%\n", 100 * w.mac, 100 * w.dram);
	assert_true(w.mac > 0.99 && w.dram > 0.98);
	rig_free(&r);
}

/* Every policy on every kind of pair: never above the bound, and the same run twice. */
static void never_above_the_bound(void **unused)
{
	const char *const *name;
	struct rig_window w, again;
	struct pair p;

	make_pair(&p);
	for (name = sched_policies(); *name; name++) {
		w = run_pair(&p, *name, 2, 1);
		again = run_pair(&p, *name, 2, 1);
		assert_memory_equal(&w, &again, sizeof(w));
		printf("%-12s STP %.3f\n", *name, stp(&p, &w));
		assert_true(stp(&p, &w) <= 1.0001 * bound(1 / 2.594, 0.158));
		assert_true(w.mac <= 1.0001 && w.dram <= 1.01);
	}
}

/*
 * A memory-intensive model, each of whose slices writes something: compute waits a moment for each of them
 * to follow the one before. That is no reason to give the other, with its long slices, every second turn.
 */
static void small_outputs(void **unused)
{
	struct sched_slice large[30], small[24];
	struct sched_config c = memory_centric;
	struct rig_window w;
	unsigned int i;
	struct rig r;

	for (i = 0; i < 30; i++)
		large[i] = (struct sched_slice) { 24 * US, US, 225000, true };
	for (i = 0; i < 24; i++)
		small[i] = (struct sched_slice) { 5 * US / 2, 79 * US / 10, 1687500, true };
	c.policy = "loom";
	rig_init(&r, &c);
	rig_add(&r, large, 30, 8);
	rig_add(&r, small, 24, 8);
	w = rig_measure(&r, 20, 100);
	rig_free(&r);
	assert_true(w.mac > 0.9);
	assert_true(w.dram > 0.9);
}

int run_weave_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shapes),
		cmocka_unit_test(alone),
		cmocka_unit_test(resnet_and_bert),
		cmocka_unit_test(strict),
		cmocka_unit_test(wrong_profile),
		cmocka_unit_test(perfect_partners),
		cmocka_unit_test(never_above_the_bound),
		cmocka_unit_test(small_outputs),
	};

	return cmocka_run_group_tests_name("sched: weave", tests, NULL, NULL);
}
