// SPDX-License-Identifier: MIT
/*
 * Random events against a reference that knows only the rules: slices of a request in order and
 * once, requests of a model in order of arrival, max_inflight and max_jobs kept, every request ends
 * exactly once, the device has work whenever there is some.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "tests.h"

#define MODELS 5
#define REQUESTS 4000
#define MAX_JOBS 12

enum fate { UNBORN, LIVE, SILENT, ENDED };

struct ref_request {
	enum fate fate;
	unsigned int model, next, at_device;
	bool broken, bounded;		/* bounded: it has a deadline, so it may be postponed */
};

struct ref_job {
	uint64_t tag;
	unsigned int request;
};

struct chaos {
	struct sched *s;
	uint64_t seed, now;
	struct ref_request requests[REQUESTS];
	unsigned int born;
	unsigned int slices[MODELS], max_inflight[MODELS];
	int model[MODELS];		/* -1: removed */
	struct ref_job jobs[MAX_JOBS];
	unsigned int num_jobs, replies;
	const char *policy;		/* that was set last */
};

static uint64_t dice(struct chaos *c, uint64_t n)
{
	return rig_random(&c->seed) % n;
}

static void add_model(struct chaos *c, unsigned int m)
{
	struct sched_slice sl[32] = { 0 };
	unsigned int i;

	c->slices[m] = 1 + (unsigned int)dice(c, 31);
	c->max_inflight[m] = 1 + (unsigned int)dice(c, 3);
	for (i = 0; i < c->slices[m]; i++) {
		sl[i].bytes = dice(c, 60 * MB) >> dice(c, 30);
		sl[i].mem_ps = (uint64_t)((double)sl[i].bytes / 0.225) + dice(c, 1000);
		sl[i].comp_ps = dice(c, 300 * US) >> dice(c, 30);
		sl[i].layer_end = dice(c, 2);
	}
	c->model[m] = sched_add_model(c->s, "m", sl, c->slices[m], c->max_inflight[m]);
	assert_true(c->model[m] >= 0);
}

static bool waits(const struct chaos *c, unsigned int i)
{
	const struct ref_request *r = &c->requests[i];

	return r->fate == LIVE && !r->broken && r->next < c->slices[r->model];
}

static unsigned int inflight(const struct chaos *c, unsigned int model)
{
	unsigned int i, n = 0;

	for (i = 0; i < c->born; i++)
		n += c->requests[i].model == model && c->requests[i].fate != ENDED &&
		     (c->requests[i].at_device || (waits(c, i) && c->requests[i].next));
	return n;
}

static void check_submit(struct chaos *c, const struct sched_action *a)
{
	struct ref_request *r = &c->requests[a->request];
	unsigned int i;

	assert_true(waits(c, (unsigned int)a->request));
	assert_int_equal(a->slice, r->next);
	assert_int_equal(a->model, c->model[r->model]);
	/* One at a time, in order; only what has not begun and will be late may be overtaken. */
	for (i = 0; i < c->born; i++)
		if (i != a->request && c->requests[i].model == r->model && waits(c, i))
			assert_true(!c->requests[i].next && (i > a->request || c->requests[i].bounded));
	assert_true(c->num_jobs < MAX_JOBS);
	c->jobs[c->num_jobs++] = (struct ref_job) { a->tag, (unsigned int)a->request };
	r->next++;
	r->at_device++;
	assert_true(inflight(c, r->model) <= c->max_inflight[r->model]);
}

static void check_reply(struct chaos *c, const struct sched_action *a)
{
	struct ref_request *r = &c->requests[a->request];

	assert_int_equal(r->fate, LIVE);
	assert_int_equal(r->at_device, 0);
	assert_true(a->status ? r->broken || a->status == -ETIME : r->next == c->slices[r->model]);
	r->fate = ENDED;
	c->replies++;
}

static void drain(struct chaos *c)
{
	struct sched_action a;

	while (sched_next(c->s, c->now, &a)) {
		if (a.type == SCHED_SUBMIT)
			check_submit(c, &a);
		else if (a.type == SCHED_REPLY)
			check_reply(c, &a);
	}
}

/* Two at the device while any may run; one for a policy that submits just in time. */
static void check_work(const struct chaos *c)
{
	unsigned int i;

	if (c->num_jobs >= (strcmp(sched_policy(c->s), "loom") ? 2 : 1))
		return;
	for (i = 0; i < c->born; i++)
		if (waits(c, i) && !c->requests[i].next)
			assert_true(inflight(c, c->requests[i].model) >=
				    c->max_inflight[c->requests[i].model]);
		else
			assert_false(waits(c, i));
}

static void arrive(struct chaos *c)
{
	unsigned int m = (unsigned int)dice(c, MODELS);
	uint64_t deadline = dice(c, 3) ? SCHED_NO_DEADLINE : c->now + dice(c, 10000000);

	if (c->born == REQUESTS)
		return;
	c->requests[c->born] = (struct ref_request) {
		.fate = LIVE, .model = m, .bounded = deadline != SCHED_NO_DEADLINE,
	};
	assert_int_equal(sched_arrive(c->s, c->now, (unsigned int)c->model[m], c->born, deadline), 0);
	c->born++;
}

/* Jobs complete nearly in order. */
static void complete(struct chaos *c)
{
	unsigned int i = c->num_jobs > 1 && !dice(c, 4) ? 1 : 0;
	struct ref_job j = c->jobs[i];
	int status = dice(c, 50) ? 0 : -EIO;

	if (!c->num_jobs)
		return;
	memmove(&c->jobs[i], &c->jobs[i + 1], (--c->num_jobs - i) * sizeof(j));
	c->requests[j.request].at_device--;
	c->requests[j.request].broken |= status != 0;
	assert_int_equal(sched_complete(c->s, c->now, j.tag, status), 0);
}

static void cancel(struct chaos *c)
{
	unsigned int i;

	if (!c->born)
		return;
	i = (unsigned int)dice(c, c->born);
	if (c->requests[i].fate != LIVE)
		return;
	/* a reply may be under way already */
	drain(c);
	if (c->requests[i].fate != LIVE)
		return;
	assert_int_equal(sched_cancel(c->s, c->now, i), 0);
	c->requests[i].fate = SILENT;
}

static void replace_model(struct chaos *c)
{
	unsigned int m = (unsigned int)dice(c, MODELS), i;

	drain(c);
	while (c->num_jobs) {
		complete(c);
		drain(c);
		if (!dice(c, 3))
			break;
	}
	for (i = 0; i < c->born; i++)
		if (c->requests[i].model == m)
			c->requests[i].broken = true;
	assert_int_equal(sched_remove_model(c->s, (unsigned int)c->model[m]), 0);
	/* finish what it has at the device first: the reference has one profile a model */
	drain(c);
	while (inflight(c, m)) {
		complete(c);
		drain(c);
	}
	for (i = 0; i < c->born; i++)
		if (c->requests[i].model == m)
			assert_true(c->requests[i].fate == ENDED || c->requests[i].fate == SILENT);
	add_model(c, m);
}

static unsigned int num_policies(void)
{
	unsigned int n = 0;

	while (sched_policies()[n])
		n++;
	return n;
}

static void choose_policy(struct chaos *c, const char *name)
{
	assert_int_equal(sched_set_policy(c->s, name), 0);
	c->policy = name;
}

/* Only edf may be replaced: deadlines without end starve who has none. */
static void check_policy(struct chaos *c)
{
	if (!strcmp(sched_policy(c->s), c->policy))
		return;
	assert_string_equal(c->policy, "edf");
	c->policy = sched_policy(c->s);
}

static void event(struct chaos *c)
{
	const char *const *names = sched_policies();
	uint64_t what = dice(c, 1000);

	c->now += dice(c, 200000) >> dice(c, 18);
	if (what < 400)
		arrive(c);
	else if (what < 940)
		complete(c);
	else if (what < 965)
		cancel(c);
	else if (what < 990)
		sched_tick(c->s, c->now);
	else if (what < 997)
		choose_policy(c, names[dice(c, num_policies())]);
	else
		replace_model(c);
}

static uint64_t run(uint64_t seed, unsigned int events)
{
	const struct sched_config config = {
		.buffer_bytes = 48 * MB, .dram_bytes_per_s = 225000000000ull,
		.max_jobs = MAX_JOBS, .drop_late = seed % 2,
	};
	struct chaos *c = calloc(1, sizeof(*c));
	struct sched_stats st;
	unsigned int i;
	uint64_t digest;

	c->seed = 88172645463325252ull * (seed + 1);
	assert_int_equal(sched_new(&config, &c->s), 0);
	c->policy = sched_policy(c->s);
	for (i = 0; i < MODELS; i++)
		add_model(c, i);
	for (i = 0; i < events; i++) {
		event(c);
		drain(c);
		check_work(c);
		check_policy(c);
	}
	while (c->num_jobs) {
		complete(c);
		drain(c);
	}
	for (i = 0; i < c->born; i++)
		assert_true(c->requests[i].fate == ENDED || c->requests[i].fate == SILENT);
	sched_get_stats(c->s, &st);
	assert_int_equal(st.submitted, st.completed);
	assert_int_equal(st.replies, c->replies);
	digest = c->seed ^ st.picks << 20 ^ st.replies;
	sched_free(c->s);
	free(c);
	return digest;
}

static void random_events(void **unused)
{
	uint64_t seed;

	for (seed = 0; seed < 40; seed++)
		run(seed, 3000);
}

static void same_events_same_actions(void **unused)
{
	assert_true(run(7, 5000) == run(7, 5000));
}

/* Random mixes under every policy that must not starve: each model's requests keep ending. */
static void nobody_starves(void **unused)
{
	static const char *const policies[] = { "layerweaver", "fifo", "fair", "loom", "prema" };
	struct sched_config config = MEMORY_CENTRIC;
	struct sched_slice sl[16] = { 0 };
	uint64_t seed = 42;
	unsigned int n, m, i, k;
	struct rig r;

	for (n = 0; n < 100; n++) {
		config.policy = policies[n % 5];
		rig_init(&r, &config);
		for (m = 0; m < 2 + n % 4; m++) {
			k = 1 + (unsigned int)(rig_random(&seed) % 15);
			for (i = 0; i < k; i++) {
				sl[i].bytes = (rig_random(&seed) % (8 * MB)) >> (m % 2 ? 4 : 0);
				sl[i].mem_ps = (uint64_t)((double)sl[i].bytes / 0.225);
				sl[i].comp_ps = (rig_random(&seed) % (40 * US)) >> (m % 2 ? 0 : 3);
			}
			rig_add(&r, sl, k, 2);
		}
		rig_run(&r, 50);
		for (i = 0; i < 5000; i++)
			rig_step(&r);
		for (m = 0; m < r.num_models; m++)
			assert_true(r.models[m].done > 3);
		rig_free(&r);
	}
}

int run_random_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_events),
		cmocka_unit_test(same_events_same_actions),
		cmocka_unit_test(nobody_starves),
	};

	return cmocka_run_group_tests_name("sched: random", tests, NULL, NULL);
}
