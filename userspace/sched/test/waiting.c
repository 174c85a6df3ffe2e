// SPDX-License-Identifier: MIT
/* The heap of requests that have not begun, against a walk over all of them. */
#include "sched/waiting.h"

#include "rig.h"
#include "tests.h"

#define MOST 64u

static const struct request *first_of(const struct request *r, uint64_t in)
{
	const struct request *first = NULL;
	unsigned int i;

	for (i = 0; i < MOST; i++)
		if (in >> i & 1 && (!first || r[i].deadline < first->deadline ||
				    (r[i].deadline == first->deadline && r[i].order < first->order)))
			first = &r[i];
	return first;
}

/* They come, and go from anywhere or from the top, in any order. */
static void the_first_is_on_top(void **unused)
{
	struct request requests[MOST] = { 0 };
	struct waiting w = { 0 };
	uint64_t seed = 3, in = 0, order = 0;
	unsigned int n, i;

	for (n = 0; n < 100000; n++) {
		i = (unsigned int)(rig_random(&seed) % MOST);
		if (in && rig_random(&seed) % 4 == 0)
			i = (unsigned int)(w.first - requests);
		if (in >> i & 1) {
			waiting_remove(&w, &requests[i]);
		} else {
			requests[i].deadline = rig_random(&seed) % 50;
			requests[i].order = order++;
			waiting_add(&w, &requests[i]);
		}
		in ^= 1ull << i;
		assert_ptr_equal(w.first, first_of(requests, in));
	}
}

int run_waiting_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_is_on_top),
	};

	return cmocka_run_group_tests_name("waiting", tests, NULL, NULL);
}
