// SPDX-License-Identifier: MIT
/* The event core: order, window, limits, failure, cancellation, removal, deadlines, fallback. */
#include <errno.h>
#include <string.h>

#include "rig.h"
#include "tests.h"

static struct sched *make(const char *policy, unsigned int max_jobs, bool drop_late)
{
	const struct sched_config c = {
		.buffer_bytes = 48 * MB, .dram_bytes_per_s = 225000000000ull,
		.max_jobs = max_jobs, .policy = policy, .drop_late = drop_late,
	};
	struct sched *s;

	assert_int_equal(sched_new(&c, &s), 0);
	return s;
}

static unsigned int add_kind(struct sched *s, unsigned int num, uint64_t comp, uint64_t mem,
			     unsigned int max_inflight)
{
	struct sched_slice slices[16];
	unsigned int i;
	int m;

	for (i = 0; i < num; i++)
		slices[i] = (struct sched_slice) {
			.comp_ps = comp, .mem_ps = mem, .bytes = mem * 225 / 1000,
		};
	m = sched_add_model(s, "m", slices, num, max_inflight);
	assert_true(m >= 0);
	return (unsigned int)m;
}

static unsigned int add(struct sched *s, unsigned int num, uint64_t comp, unsigned int max_inflight)
{
	return add_kind(s, num, comp, 1, max_inflight);
}

static struct sched_action expect(struct sched *s, uint64_t now, enum sched_action_type type,
				  uint64_t request)
{
	struct sched_action a;

	assert_true(sched_next(s, now, &a));
	assert_int_equal(a.type, type);
	if (type != SCHED_TIMER)
		assert_int_equal(a.request, request);
	return a;
}

static uint64_t expect_slice(struct sched *s, uint64_t now, uint64_t request, unsigned int slice)
{
	struct sched_action a = expect(s, now, SCHED_SUBMIT, request);

	assert_int_equal(a.slice, slice);
	return a.tag;
}

static void expect_reply(struct sched *s, uint64_t now, uint64_t request, int status)
{
	assert_int_equal(expect(s, now, SCHED_REPLY, request).status, status);
}

static void expect_nothing(struct sched *s, uint64_t now)
{
	struct sched_action a;

	assert_false(sched_next(s, now, &a));
}

static void arrive(struct sched *s, uint64_t now, unsigned int model, uint64_t request)
{
	assert_int_equal(sched_arrive(s, now, model, request, SCHED_NO_DEADLINE), 0);
}

static void complete(struct sched *s, uint64_t now, uint64_t tag, int status)
{
	assert_int_equal(sched_complete(s, now, tag, status), 0);
}

static struct sched_stats stats(const struct sched *s)
{
	struct sched_stats st;

	sched_get_stats(s, &st);
	return st;
}

/* Two requests, one after the other; the second's slices follow before the first is done. */
static void one_after_the_other(void **unused)
{
	struct sched *s = make("fifo", 64, false);
	unsigned int a = add(s, 2, 1000, 1), b = add(s, 2, 1000, 1);
	uint64_t tag[4];

	arrive(s, 0, b, 10);
	arrive(s, 0, a, 11);
	tag[0] = expect_slice(s, 0, 10, 0);
	tag[1] = expect_slice(s, 0, 10, 1);
	tag[2] = expect_slice(s, 0, 11, 0);
	tag[3] = expect_slice(s, 0, 11, 1);
	expect_nothing(s, 0);
	complete(s, 1, tag[0], 0);
	expect_nothing(s, 1);
	complete(s, 2, tag[1], 0);
	expect_reply(s, 2, 10, 0);
	complete(s, 3, tag[2], 0);
	complete(s, 4, tag[3], 0);
	expect_reply(s, 4, 11, 0);
	expect_nothing(s, 4);
	assert_int_equal(stats(s).dry, 0);
	assert_int_equal(stats(s).picks, 4);
	sched_free(s);
}

static void bad_arguments(void **unused)
{
	const struct sched_config nothing = { 0 };
	struct sched_slice slice = { .comp_ps = 1 };
	struct sched_config c = MEMORY_CENTRIC;
	struct sched *s;

	assert_int_equal(sched_new(&nothing, &s), -EINVAL);
	c.policy = "no such policy";
	assert_int_equal(sched_new(&c, &s), -EINVAL);
	s = make(NULL, 0, false);
	assert_string_equal(sched_policy(s), "layerweaver");
	assert_int_equal(sched_set_policy(s, "nor this"), -EINVAL);
	assert_int_equal(sched_add_model(s, "m", &slice, 0, 1), -EINVAL);
	assert_int_equal(sched_add_model(s, "m", &slice, 1, 0), -EINVAL);
	assert_int_equal(sched_arrive(s, 0, 0, 1, SCHED_NO_DEADLINE), -ENOENT);
	assert_int_equal(sched_complete(s, 0, 99, 0), -ENOENT);
	assert_int_equal(sched_cancel(s, 0, 1), -ENOENT);
	assert_int_equal(sched_remove_model(s, 0), -ENOENT);
	arrive(s, 0, add(s, 1, 1, 1), 1);
	assert_int_equal(sched_arrive(s, 0, 0, 1, SCHED_NO_DEADLINE), -EEXIST);
	sched_free(s);
}

/* 200 us slices, a window of 500 us: three at first, then one more for each that completes. */
static void window(void **unused)
{
	struct sched *s = make("fifo", 64, false);
	unsigned int a = add(s, 16, 200 * US, 1);
	uint64_t tag[5];

	arrive(s, 0, a, 1);
	tag[0] = expect_slice(s, 0, 1, 0);
	tag[1] = expect_slice(s, 0, 1, 1);
	tag[2] = expect_slice(s, 0, 1, 2);
	expect_nothing(s, 0);
	expect_nothing(s, 90000);
	complete(s, 200000, tag[0], 0);
	tag[3] = expect_slice(s, 200000, 1, 3);
	expect_nothing(s, 200000);
	/* late by 300 us: everything behind it is late, too */
	complete(s, 700000, tag[1], 0);
	tag[4] = expect_slice(s, 700000, 1, 4);
	expect_nothing(s, 700000);
	sched_free(s);
}

/* A slice that takes longer than predicted has not ended: the window stays closed. */
static void a_stuck_slice_keeps_the_window(void **unused)
{
	struct sched *s = make("fifo", 64, false);

	arrive(s, 0, add(s, 16, 200 * US, 1), 1);
	expect_slice(s, 0, 1, 0);
	expect_slice(s, 0, 1, 1);
	expect_slice(s, 0, 1, 2);
	expect_slice(s, 100000000, 1, 3);	/* its predicted end has come, no more */
	expect_nothing(s, 100000000);
	expect_nothing(s, 9000000000);
	sched_free(s);
}

/* Two are queued even when one alone fills the window; and never more than max_jobs. */
static void at_least_two_at_most_max(void **unused)
{
	struct sched *s = make("fifo", 4, false);

	arrive(s, 0, add(s, 16, 10000 * US, 1), 1);
	expect_slice(s, 0, 1, 0);
	expect_slice(s, 0, 1, 1);
	expect_nothing(s, 0);
	sched_free(s);
	s = make("fifo", 4, false);
	arrive(s, 0, add(s, 16, 1, 1), 1);
	expect_slice(s, 0, 1, 0);
	expect_slice(s, 0, 1, 1);
	expect_slice(s, 0, 1, 2);
	expect_slice(s, 0, 1, 3);
	expect_nothing(s, 0);
	sched_free(s);
}

static void max_inflight(void **unused)
{
	struct sched *s = make("fifo", 64, false);
	unsigned int a = add(s, 1, 1000, 2);
	uint64_t tag;

	arrive(s, 0, a, 1);
	arrive(s, 0, a, 2);
	arrive(s, 0, a, 3);
	tag = expect_slice(s, 0, 1, 0);
	expect_slice(s, 0, 2, 0);
	expect_nothing(s, 0);
	complete(s, 1, tag, 0);
	expect_reply(s, 1, 1, 0);
	expect_slice(s, 1, 3, 0);
	sched_free(s);
}

/* Nothing at the device, and a request waits: the device ran dry. */
static void counts_dry(void **unused)
{
	struct sched *s = make("fifo", 2, false);
	unsigned int a = add(s, 3, 1000, 1);
	uint64_t t0, t1;

	arrive(s, 0, a, 1);
	t0 = expect_slice(s, 0, 1, 0);
	t1 = expect_slice(s, 0, 1, 1);
	complete(s, 5, t0, 0);
	complete(s, 5, t1, 0);
	assert_int_equal(stats(s).dry, 1);
	complete(s, 9, expect_slice(s, 5, 1, 2), 0);
	expect_reply(s, 9, 1, 0);
	assert_int_equal(stats(s).dry, 1);
	sched_free(s);
}

/* A failed slice fails its request, once what is at the device is back; the next one runs. */
static void failure(void **unused)
{
	struct sched *s = make("fifo", 2, false);
	unsigned int a = add(s, 4, 1000, 1);
	uint64_t t0, t1;

	arrive(s, 0, a, 1);
	arrive(s, 0, a, 2);
	t0 = expect_slice(s, 0, 1, 0);
	t1 = expect_slice(s, 0, 1, 1);
	complete(s, 1, t0, -EIO);
	expect_nothing(s, 1);
	complete(s, 2, t1, -ECANCELED);
	expect_reply(s, 2, 1, -EIO);
	expect_slice(s, 2, 2, 0);
	assert_int_equal(sched_complete(s, 3, t1, 0), -ENOENT);
	sched_free(s);
}

static void cancellation(void **unused)
{
	struct sched *s = make("fifo", 2, false);
	unsigned int a = add(s, 4, 1000, 1);
	uint64_t t0, t1;

	arrive(s, 0, a, 1);
	arrive(s, 0, a, 2);
	arrive(s, 0, a, 3);
	t0 = expect_slice(s, 0, 1, 0);
	t1 = expect_slice(s, 0, 1, 1);
	assert_int_equal(sched_cancel(s, 0, 2), 0);	/* waits: gone at once */
	assert_int_equal(sched_cancel(s, 0, 2), -ENOENT);
	assert_int_equal(sched_cancel(s, 0, 1), 0);	/* started: no more slices, no reply */
	complete(s, 1, t0, 0);
	expect_nothing(s, 1);
	complete(s, 2, t1, 0);
	expect_slice(s, 2, 3, 0);
	assert_int_equal(stats(s).replies, 0);
	sched_free(s);
}

static void removal(void **unused)
{
	struct sched *s = make("fifo", 2, false);
	unsigned int a = add(s, 4, 1000, 1), b = add(s, 1, 1000, 1);
	uint64_t t0, t1;

	arrive(s, 0, a, 1);
	arrive(s, 0, a, 2);
	arrive(s, 0, b, 3);
	t0 = expect_slice(s, 0, 1, 0);
	t1 = expect_slice(s, 0, 1, 1);
	assert_int_equal(sched_remove_model(s, a), 0);
	assert_int_equal(sched_remove_model(s, a), -ENOENT);
	assert_int_equal(sched_arrive(s, 0, a, 4, SCHED_NO_DEADLINE), -ENOENT);
	assert_int_equal(add(s, 1, 1, 1), 2);		/* its number is not free yet */
	expect_reply(s, 0, 2, -ECANCELED);
	complete(s, 1, t0, 0);
	expect_slice(s, 1, 3, 0);
	complete(s, 2, t1, 0);
	expect_reply(s, 2, 1, -ECANCELED);
	assert_int_equal(add(s, 1, 1, 1), a);
	assert_int_equal(sched_remove_model(s, a), 0);	/* with nothing under way */
	sched_free(s);
}

/* One nanosecond after its deadline a request is late; served all the same. */
static void deadlines_are_counted(void **unused)
{
	struct sched *s = make("fifo", 64, false);
	unsigned int a = add(s, 1, 1000, 2);
	uint64_t t0, t1;

	assert_int_equal(sched_arrive(s, 0, a, 1, 100), 0);
	assert_int_equal(sched_arrive(s, 0, a, 2, 100), 0);
	t0 = expect_slice(s, 0, 1, 0);
	t1 = expect_slice(s, 0, 2, 0);
	complete(s, 100, t0, 0);
	complete(s, 101, t1, 0);
	expect_reply(s, 101, 1, 0);
	expect_reply(s, 101, 2, 0);
	expect_nothing(s, 101);
	assert_int_equal(stats(s).deadline_missed, 1);
	sched_free(s);
}

static void late_ones_are_dropped_if_asked(void **unused)
{
	struct sched *s = make("fifo", 2, true);
	unsigned int a = add(s, 4, 1000, 1);
	struct sched_action timer;

	assert_int_equal(sched_arrive(s, 0, a, 1, 100), 0);
	assert_int_equal(sched_arrive(s, 0, a, 2, 200), 0);
	assert_int_equal(sched_arrive(s, 0, a, 3, 300), 0);
	expect_slice(s, 0, 1, 0);
	expect_slice(s, 0, 1, 1);
	timer = expect(s, 0, SCHED_TIMER, 0);
	assert_int_equal(timer.at, 101);
	expect_nothing(s, 0);
	sched_tick(s, 101);				/* 1 has started: it stays */
	timer = expect(s, 101, SCHED_TIMER, 0);
	assert_int_equal(timer.at, 201);
	sched_tick(s, 201);
	expect_reply(s, 201, 2, -ETIME);
	timer = expect(s, 201, SCHED_TIMER, 0);
	assert_int_equal(timer.at, 301);
	assert_int_equal(stats(s).deadline_missed, 1);
	sched_free(s);
}

/* ---- policies that misbehave ---- */

static int pick_nonsense(void *state, const struct policy_view *view)
{
	return (int)view->num_offers;
}

static int pick_nothing(void *state, const struct policy_view *view)
{
	return POLICY_WAIT;
}

/* Who has no deadline cannot be late. */
static int pick_later(void *state, const struct policy_view *view)
{
	return POLICY_POSTPONE(0);
}

static void replaced(const struct policy_ops *bad, const char *what)
{
	struct sched *s = make("layerweaver", 64, false);
	unsigned int a = add(s, 2, 1000, 1);

	assert_int_equal(sched_use_policy(s, bad), 0);
	arrive(s, 0, a, 1);
	expect_slice(s, 0, 1, 0);
	expect_slice(s, 0, 1, 1);
	assert_int_equal(stats(s).policy_faults, 1);
	assert_string_equal(sched_policy(s), "fifo");
	assert_string_equal(sched_policy_fault(s)->policy, bad->name);
	assert_non_null(strstr(sched_policy_fault(s)->what, what));
	assert_int_equal(sched_set_policy(s, "layerweaver"), 0);
	assert_string_equal(sched_policy(s), "layerweaver");
	sched_free(s);
}

/* Always the first model that was added: the other starves. */
static int pick_one(void *state, const struct policy_view *view)
{
	return view->offers[0].model < view->offers[view->num_offers - 1].model ? 0 :
	       (int)view->num_offers - 1;
}

static void starving_policy(void **unused)
{
	static const struct policy_ops bad = { .name = "bad", .pick = pick_one };
	static const struct sched_slice sl[64] = { { .comp_ps = US } };
	static const struct sched_config c = MEMORY_CENTRIC;
	struct rig r;

	rig_init(&r, &c);
	assert_int_equal(sched_use_policy(r.s, &bad), 0);
	rig_add(&r, sl, 64, 3);			/* never exhausted: the device has 64 slices at most */
	rig_add(&r, sl, 1, 3);
	rig_run(&r, 80);			/* 5120 picks; 64 rounds of 65 are allowed */
	assert_int_equal(stats(r.s).policy_faults, 1);
	assert_string_equal(sched_policy(r.s), "fifo");
	assert_true(r.models[1].done > 0);
	rig_free(&r);
}

static void misbehaving_policies(void **unused)
{
	static const struct policy_ops nonsense = { .name = "nonsense", .pick = pick_nonsense };
	static const struct policy_ops nothing = { .name = "nothing", .pick = pick_nothing };

	static const struct policy_ops later = { .name = "later", .pick = pick_later };

	replaced(&nonsense, "not offered");
	replaced(&nothing, "nothing");
	replaced(&later, "not offered");
}

/* Layerweaver waits while a model's list is exhausted, but not below two jobs. */
static void halting(void **unused)
{
	struct sched *s = make("layerweaver", 64, false);
	unsigned int a = add(s, 1, 100 * US, 2), b = add_kind(s, 16, US, 50 * US, 2);
	uint64_t t[3];

	arrive(s, 0, a, 1);
	arrive(s, 0, b, 2);
	t[0] = expect_slice(s, 0, 1, 0);
	t[1] = expect_slice(s, 0, 2, 0);	/* a's list is exhausted: two jobs, no more */
	expect_nothing(s, 0);
	arrive(s, 10000, a, 3);			/* a's next: go on */
	expect_slice(s, 10000, 3, 0);
	expect_nothing(s, 10000);
	complete(s, 100000, t[0], 0);
	expect_reply(s, 100000, 1, 0);
	expect_nothing(s, 100000);
	complete(s, 200000, t[1], 0);
	t[2] = expect_slice(s, 200000, 2, 1);
	expect_nothing(s, 200000);
	sched_free(s);
}

/* What a saturated device is given does not depend on when completions are noticed. */
static void order_does_not_depend_on_jitter(void **unused)
{
	static const struct sched_config c = MEMORY_CENTRIC;
	struct sched_slice sl[128] = { 0 };
	uint64_t hash[2];
	int i;

	for (i = 0; i < 2; i++) {
		struct rig r;

		rig_init(&r, &c);
		rig_add(&r, sl, profile_resnet50(sl, 2.594, 225e9), 2);
		rig_add(&r, sl, profile_bert_base(sl, 0.158, 225e9), 2);
		r.comp_scale = i ? 1.003 : 1;
		while (r.num_jobs < 2000) {
			rig_run(&r, 1);
			assert_int_equal(stats(r.s).dry, 0);
		}
		r.hash = 0;
		for (unsigned int k = 0; k < 2000; k++)
			r.hash = r.hash * 31 + r.jobs[k].model;
		hash[i] = r.hash;
		rig_free(&r);
	}
	assert_true(hash[0] == hash[1]);
}

/* A host step waits for its own slices, and holds up nobody else's. */
static void test_host_steps(void **state)
{
	static const struct sched_slice slices[] = {
		{ .comp_ps = US, .mem_ps = 1 }, { .host = true }, { .host = true },
		{ .comp_ps = US, .mem_ps = 1 }, { .comp_ps = US, .mem_ps = 1 }, { .host = true },
	};
	struct sched *s = make("fifo", 64, false);
	struct sched_action host;
	uint64_t first, other, next, last;
	unsigned int other_model;
	int m = sched_add_model(s, "m", slices, 6, 2);

	other_model = add(s, 1, US, 2);
	arrive(s, 0, (unsigned int)m, 1);
	arrive(s, 0, other_model, 2);
	first = expect_slice(s, 0, 1, 0);
	other = expect_slice(s, 0, 2, 0);
	expect_nothing(s, 0);
	complete(s, 10, first, 0);
	host = expect(s, 10, SCHED_HOST, 1);
	assert_int_equal(host.slice, 1);
	expect_nothing(s, 10);
	complete(s, 20, other, 0);
	expect_reply(s, 20, 2, 0);
	arrive(s, 20, other_model, 3);
	other = expect_slice(s, 20, 3, 0);
	complete(s, 30, host.tag, 0);
	host = expect(s, 30, SCHED_HOST, 1);
	assert_int_equal(host.slice, 2);
	complete(s, 40, host.tag, 0);
	next = expect_slice(s, 40, 1, 3);
	last = expect_slice(s, 40, 1, 4);
	complete(s, 50, other, 0);
	expect_reply(s, 50, 3, 0);
	complete(s, 60, next, 0);
	expect_nothing(s, 60);
	complete(s, 70, last, 0);
	host = expect(s, 70, SCHED_HOST, 1);
	assert_int_equal(host.slice, 5);
	assert_int_equal(sched_complete(s, 80, host.tag, 0), 0);
	assert_int_equal(sched_complete(s, 80, host.tag, 0), -ENOENT);
	expect_reply(s, 80, 1, 0);
	expect_nothing(s, 80);
	assert_int_equal(stats(s).submitted, 5);
	sched_free(s);
}

/* A step that fails ends its request; a client that goes while one runs waits for its end. */
static void test_host_failure(void **state)
{
	static const struct sched_slice slices[] = { { .host = true }, { .comp_ps = US, .mem_ps = 1 } };
	struct sched *s = make("fifo", 64, false);
	struct sched_action host;
	int m = sched_add_model(s, "m", slices, 2, 2);

	arrive(s, 0, (unsigned int)m, 1);
	host = expect(s, 0, SCHED_HOST, 1);
	complete(s, 5, host.tag, -EINVAL);
	expect_reply(s, 5, 1, -EINVAL);
	arrive(s, 6, (unsigned int)m, 2);
	host = expect(s, 6, SCHED_HOST, 2);
	assert_int_equal(sched_cancel(s, 7, 2), 0);
	expect_nothing(s, 7);
	complete(s, 8, host.tag, 0);
	expect_nothing(s, 8);
	sched_free(s);
}

/* What somebody did not get under one policy is not made up for under the next, at the others' expense. */
static void policies_change_in_the_middle(void **state)
{
	static const struct sched_config c = { .buffer_bytes = 48 * MB, .dram_bytes_per_s = 225000000000ull,
					       .policy = "fifo" };
	struct sched_slice large[12], small[12];
	const char *const *policy;
	unsigned int i;
	struct rig r;

	for (i = 0; i < 12; i++) {
		large[i] = (struct sched_slice) { 10 * US, 20 * US, 4500000, true };
		small[i] = (struct sched_slice) { US / 10, US, 225000, true };
	}
	rig_init(&r, &c);
	r.inflight = 8;
	rig_add(&r, large, 12, 16);
	rig_add(&r, small, 12, 16);
	for (policy = sched_policies(); *policy; policy++) {
		assert_int_equal(sched_set_policy(r.s, "fifo"), 0);
		rig_run(&r, 300);
		assert_int_equal(sched_set_policy(r.s, *policy), 0);
		rig_run(&r, 30);
		assert_string_equal(sched_policy(r.s), *policy);
		assert_int_equal(stats(r.s).policy_faults, 0);
	}
	rig_free(&r);
}

/* A device whose DRAM has nothing to do now and then, so that the time of a pick could matter. */
static void start_order_rig(struct rig *r, const char *policy)
{
	const struct sched_config config = {
		.buffer_bytes = 48 * MB, .dram_bytes_per_s = 225000000000ull, .policy = policy,
		.max_jobs = 4096,
	};
	struct sched_slice slices[400];

	rig_init(r, &config);
	r->inflight = 8;
	rig_add(r, slices, profile_resnet50(slices, 2.594, 225e9), 16);
	rig_add(r, slices, profile_bert_base(slices, 1.5, 225e9), 16);
}

/* Completions that are seen late, and several at a time, do not change what a saturated device is given. */
static void order_does_not_depend_on_the_feeder(void **state)
{
	static const char *const policies[] = { "fifo", "fair", "layerweaver", "loom", "ai-mt" };
	struct rig prompt, late;
	unsigned int p, i;

	for (p = 0; p < sizeof(policies) / sizeof(policies[0]); p++) {
		start_order_rig(&prompt, policies[p]);
		start_order_rig(&late, policies[p]);
		rig_run(&prompt, 40);
		while (late.num_jobs < prompt.num_jobs)
			rig_step_late(&late, 100 * US);
		for (i = 0; i < prompt.num_jobs; i++)
			if (prompt.jobs[i].model != late.jobs[i].model ||
			    prompt.jobs[i].slice != late.jobs[i].slice)
				fail_msg("%s: pick %u of %u is slice %u of model %u, or %u of %u if the "
					 "feeder is late", policies[p], i, prompt.num_jobs,
					 prompt.jobs[i].slice, prompt.jobs[i].model, late.jobs[i].slice,
					 late.jobs[i].model);
		rig_free(&prompt);
		rig_free(&late);
	}
}

/* A model that asked for nothing for long does not shut out its kind until it has got as much. */
static void who_was_away_gets_no_more_than_its_share(void **state)
{
	static const struct sched_slice compute = { .comp_ps = 20 * US, .mem_ps = US, .bytes = 225000 };
	static const struct sched_slice fetch = { .comp_ps = US, .mem_ps = 20 * US, .bytes = 4500000 };
	struct sched_config c = MEMORY_CENTRIC;
	struct sched_slice slices[3][8];
	uint64_t before[3];
	unsigned int i;
	struct rig r;

	for (i = 0; i < 8; i++) {
		slices[0][i] = slices[2][i] = compute;
		slices[1][i] = fetch;
	}
	c.policy = "loom";
	rig_init(&r, &c);
	rig_add(&r, slices[0], 8, 2);
	rig_add(&r, slices[1], 8, 2);
	rig_add(&r, slices[2], 8, 0);
	rig_run(&r, 1000);
	rig_arrive(&r, 2);
	rig_arrive(&r, 2);
	for (i = 0; i < 3; i++)
		before[i] = r.models[i].done;
	for (i = 0; i < 1000; i++)
		rig_step(&r);
	assert_string_equal(sched_policy(r.s), "loom");
	for (i = 0; i < 3; i++)
		before[i] = r.models[i].done - before[i];
	assert_true(before[2] >= before[0] && before[0] > before[2] * 4 / 5);
	rig_free(&r);
}

int run_core_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host_steps),
		cmocka_unit_test(test_host_failure),
		cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(bad_arguments),
		cmocka_unit_test(window),
		cmocka_unit_test(a_stuck_slice_keeps_the_window),
		cmocka_unit_test(at_least_two_at_most_max),
		cmocka_unit_test(max_inflight),
		cmocka_unit_test(counts_dry),
		cmocka_unit_test(failure),
		cmocka_unit_test(cancellation),
		cmocka_unit_test(removal),
		cmocka_unit_test(deadlines_are_counted),
		cmocka_unit_test(late_ones_are_dropped_if_asked),
		cmocka_unit_test(misbehaving_policies),
		cmocka_unit_test(starving_policy),
		cmocka_unit_test(halting),
		cmocka_unit_test(order_does_not_depend_on_jitter),
		cmocka_unit_test(who_was_away_gets_no_more_than_its_share),
		cmocka_unit_test(order_does_not_depend_on_the_feeder),
		cmocka_unit_test(policies_change_in_the_middle),
	};

	return cmocka_run_group_tests_name("sched: core", tests, NULL, NULL);
}
