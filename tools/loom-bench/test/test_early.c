// SPDX-License-Identifier: MIT
/* Early stopping, beside the numbers in MLPerf's rules and in summaries that LoadGen wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../early.h"

static void as_published(void **state)
{
	/* "min queries": 64 for a 90th percentile, 662 for a 99th. */
	assert_int_equal(early_least(0.90), 64);
	assert_int_equal(early_least(0.99), 662);
	/* "Processed at least 64 queries (2048). Would discard 172 highest latency queries." */
	assert_int_equal(early_estimate(2048, 0.90), 2048 - 172 - 1);
	assert_int_equal(early_estimate(2116, 0.90), 2116 - 178 - 1);
}

/* With none over it, n queries show a percentile p from p^n <= 0.01 on. */
static void closed_form(void **state)
{
	assert_false(early_shown(458, 0, 0.99));
	assert_true(early_shown(459, 0, 0.99));
	assert_false(early_shown(43, 0, 0.90));
	assert_true(early_shown(44, 0, 0.90));
}

static void more_late_ones_show_less(void **state)
{
	for (uint64_t over = 1; over < 200; over++)
		if (early_shown(10000, over, 0.99))
			assert_true(early_shown(10000, over - 1, 0.99));
	assert_true(early_shown(10000, 70, 0.99));
	assert_false(early_shown(10000, 100, 0.99));
	assert_int_equal(early_estimate(63, 0.90), -1);
	assert_int_equal(early_estimate(64, 0.90), 63);
	assert_false(early_shown(0, 0, 0.9));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_published),
		cmocka_unit_test(closed_form),
		cmocka_unit_test(more_late_ones_show_less),
	};

	return cmocka_run_group_tests_name("loom-bench: early stopping", tests, NULL, NULL);
}
