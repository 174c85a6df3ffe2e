// SPDX-License-Identifier: MIT
/* Ranks against sorting: random changes, and always the least ones in order. */
#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "sched/rank.h"
#include "tests.h"

#define ITEMS 200u

struct mirror {
	bool in[ITEMS];
	struct rank_key keys[ITEMS];
};

static bool before(const struct rank_key *a, const struct rank_key *b)
{
	return a->first < b->first || (a->first == b->first && a->then < b->then);
}

/* How many of the mirror come before it. */
static unsigned int position(const struct mirror *m, unsigned int item)
{
	unsigned int i, n = 0;

	for (i = 0; i < ITEMS; i++)
		n += m->in[i] && before(&m->keys[i], &m->keys[item]);
	return n;
}

static void change(struct rank *r, struct mirror *m, uint64_t *seed)
{
	unsigned int item = (unsigned int)(rig_random(seed) % ITEMS), to;

	switch (rig_random(seed) % 4) {
	case 0:
		rank_remove(r, item);
		m->in[item] = false;
		break;
	case 1:
		for (to = 0; to < ITEMS && m->in[to]; to++)
			;
		if (to == ITEMS || !m->in[item])
			break;
		rank_rename(r, item, to);
		m->keys[to] = m->keys[item];
		m->in[to] = true;
		m->in[item] = false;
		break;
	default:
		m->keys[item] = (struct rank_key) { rig_random(seed) % 50, rig_random(seed) };
		m->in[item] = true;
		rank_put(r, item, m->keys[item]);
	}
}

static void as_sorted(void **unused)
{
	struct rank *r = calloc(1, sizeof(*r));
	struct mirror m = { 0 };
	unsigned int step, i, n, num, items[16];
	uint64_t seed = 3;

	for (step = 0; step < 20000; step++) {
		change(r, &m, &seed);
		for (i = 0, num = 0; i < ITEMS; i++)
			num += m.in[i];
		assert_int_equal(r->num, num);
		n = rank_least(r, items, 16);
		assert_int_equal(n, num < 16 ? num : 16);
		assert_int_equal(rank_first(r), n ? (int)items[0] : -1);
		for (i = 0; i < n; i++) {
			assert_true(m.in[items[i]]);
			assert_int_equal(position(&m, items[i]), i);
		}
	}
	free(r);
}

int run_rank_tests(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(as_sorted) };

	return cmocka_run_group_tests_name("sched: rank", tests, NULL, NULL);
}
