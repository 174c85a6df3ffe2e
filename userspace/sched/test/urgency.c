// SPDX-License-Identifier: MIT
/* Deadlines: what urgency.c says against all orders and all subsets of a few requests. */
#include <string.h>

#include "sched/urgency.h"

#include "rig.h"
#include "tests.h"

#define MOST 6u

/* Requests of one slice each that need no weights, so that time is the sum of their compute. */
struct crowd {
	struct device_state ds;
	struct sched_slice slices[MOST];
	int64_t sums[MOST][6];
	struct policy_profile profiles[MOST];
	struct policy_offer offers[MOST];
	struct policy_view view;
	struct rank due;
};

static void rank_all(struct rank *due, const struct policy_view *v)
{
	unsigned int i;

	*due = (struct rank) { 0 };
	for (i = 0; i < v->num_offers; i++)
		rank_put(due, i, (struct rank_key) { v->offers[i].deadline, v->offers[i].order });
}

static void crowd_init(struct crowd *c, uint64_t *seed)
{
	const struct sched_config config = MEMORY_CENTRIC;
	unsigned int i;

	memset(c, 0, sizeof(*c));
	device_state_init(&c->ds, &config);
	c->view = (struct policy_view) { .device = &c->ds, .offers = c->offers, .due = &c->due };
	c->view.num_offers = 2 + (unsigned int)(rig_random(seed) % (MOST - 1));
	for (i = 0; i < c->view.num_offers; i++) {
		c->slices[i].comp_ps = 1000 * (1 + rig_random(seed) % 20);
		c->sums[i][4] = (int64_t)c->slices[i].comp_ps;		/* left */
		c->sums[i][2] = -c->sums[i][4];				/* deficit: no DRAM time */
		c->profiles[i] = (struct policy_profile) {
			.comp_ps = c->slices[i].comp_ps, .num_slices = 1, .need = &c->sums[i][0],
			.deficit = &c->sums[i][2], .left = &c->sums[i][4],
		};
		c->offers[i] = (struct policy_offer) {
			.model = i, .slice = &c->slices[i], .profile = &c->profiles[i], .order = i,
			.deadline = 1 + rig_random(seed) % 60,
		};
	}
	rank_all(&c->due, &c->view);
}

static uint64_t takes(const struct crowd *c, unsigned int i)
{
	return c->slices[i].comp_ps / 1000;
}

/* Can all of the set be in time, in any order? By trying who is last. */
static bool feasible(const struct crowd *c, unsigned int set, uint64_t start)
{
	uint64_t end = start;
	unsigned int i;

	if (!set)
		return true;
	for (i = 0; i < c->view.num_offers; i++)
		end += set >> i & 1 ? takes(c, i) : 0;
	for (i = 0; i < c->view.num_offers; i++)
		if (set >> i & 1 && end <= c->offers[i].deadline && feasible(c, set & ~(1u << i), start))
			return true;
	return false;
}

static unsigned int most_in_time(const struct crowd *c)
{
	unsigned int set, best = 0, n;

	for (set = 0; set < 1u << c->view.num_offers; set++) {
		n = (unsigned int)__builtin_popcount(set);
		if (n > best && feasible(c, set, 0))
			best = n;
	}
	return best;
}

static void take_out(struct crowd *c, unsigned int i)
{
	c->offers[i] = c->offers[--c->view.num_offers];
	c->slices[i] = *c->offers[i].slice;
	c->offers[i].slice = &c->slices[i];
	rank_all(&c->due, &c->view);
}

/* Postponing one victim after the other leaves as many in time as any choice could. */
static void fewest_are_postponed(void **unused)
{
	uint64_t seed = 7;
	unsigned int n, best;

	for (n = 0; n < 3000; n++) {
		struct urgency u;
		struct crowd c;
		int victim;

		crowd_init(&c, &seed);
		best = most_in_time(&c);
		for (;;) {
			urgency_sort(&u, &c.view);
			victim = urgency_victim(&u, &c.view);
			if (victim < 0)
				break;
			take_out(&c, (unsigned int)victim);
		}
		assert_int_equal(c.view.num_offers, best);
		device_state_fini(&c.ds);
	}
}

/* A pick is allowed exactly if those due before it can still be in time. */
static void allowed_if_others_can_wait(void **unused)
{
	uint64_t seed = 11;
	unsigned int n, pick, k, before;
	struct urgency u;
	struct crowd c;

	for (n = 0; n < 3000; n++) {
		crowd_init(&c, &seed);
		urgency_sort(&u, &c.view);
		pick = (unsigned int)(rig_random(&seed) % c.view.num_offers);
		for (k = 0, before = 0; u.order[k] != pick; k++)
			before |= 1u << u.order[k];
		assert_int_equal(!urgency_first(&u, &c.view, pick), feasible(&c, before, takes(&c, pick)));
		device_state_fini(&c.ds);
	}
}

/* More offers than are looked at: the most urgent of all, in order. */
static void most_urgent_first(void **unused)
{
	struct policy_offer offers[4 * URGENCY_MAX] = { 0 };
	struct rank due;
	struct policy_view view = { .offers = offers, .num_offers = 4 * URGENCY_MAX, .due = &due };
	struct urgency u;
	unsigned int i;

	for (i = 0; i < view.num_offers; i++)
		offers[i].deadline = i * 29 % view.num_offers;
	rank_all(&due, &view);
	urgency_sort(&u, &view);
	assert_int_equal(u.num, URGENCY_MAX);
	for (i = 0; i < u.num; i++)
		assert_int_equal(offers[u.order[i]].deadline, i);
}

/*
 * Two models, one device: A is asked for more than there is time for. What is late is late by a bounded
 * time, and everything is served.
 */
static void late_by(uint64_t start)
{
	struct sched_config config = MEMORY_CENTRIC;
	struct sched_slice slice = { .comp_ps = 10 * US };
	uint64_t arrived[400], worst = 0, now = start, next = start, tags[64], tag_end[64];
	unsigned int born = 0, replies = 0, jobs = 0;
	struct sched_action a;
	struct sched *s;

	config.policy = "loom";
	assert_int_equal(sched_new(&config, &s), 0);
	assert_int_equal(sched_add_model(s, "a", &slice, 1, 2), 0);
	while (replies < 400) {
		if (born < 400 && next <= now) {
			/* 20 % more than can be served, for the first half; then nothing but the rest */
			arrived[born] = now;
			assert_int_equal(sched_arrive(s, now, 0, born, now + 50000), 0);
			born++;
			next += born < 200 ? 8000 : 12000;
		}
		while (sched_next(s, now, &a)) {
			if (a.type == SCHED_SUBMIT) {
				tag_end[jobs] = (jobs ? tag_end[jobs - 1] : now) + 10000;
				tags[jobs++] = a.tag;
			} else if (a.type == SCHED_REPLY) {
				replies++;
				if (now - arrived[a.request] > worst)
					worst = now - arrived[a.request];
			}
		}
		if (jobs && (born == 400 || tag_end[0] <= next)) {
			now = tag_end[0];
			assert_int_equal(sched_complete(s, now, tags[0], 0), 0);
			memmove(tags, tags + 1, --jobs * sizeof(*tags));
			memmove(tag_end, tag_end + 1, jobs * sizeof(*tag_end));
		} else {
			now = next;
		}
	}
	/* Eight times 50 us more than it had (POSTPONE_TIMES), and what may be at the device. */
	assert_in_range(worst, 60000, 9 * 50000 + 500000);
	sched_free(s);
}

/* Whatever the clock says: a machine can be up for years. */
static void late_by_a_bounded_time(void **unused)
{
	late_by(0);
	late_by(3ull * 365 * 24 * 3600 * 1000000000);
}

int run_urgency_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fewest_are_postponed),
		cmocka_unit_test(allowed_if_others_can_wait),
		cmocka_unit_test(most_urgent_first),
		cmocka_unit_test(late_by_a_bounded_time),
	};

	return cmocka_run_group_tests_name("urgency", tests, NULL, NULL);
}
