// SPDX-License-Identifier: GPL-2.0-only
/* Ranges that may be bound. Included by loom_bind.c. */

#include <kunit/test.h>

struct bind_test {
	const char *name;
	struct drm_loom_vm_bind args;
	int want;
};

static const struct bind_test bind_tests[] = {
	{ "a page", { .va = SZ_4K, .range = SZ_4K } },
	{ "all", { .va = 0, .range = BIT_ULL(LOOM_VA_BITS) } },
	{ "the last page", { .va = BIT_ULL(LOOM_VA_BITS) - SZ_4K, .range = SZ_4K } },
	{ "nothing", { .va = SZ_4K }, -EINVAL },
	{ "va not aligned", { .va = 1, .range = SZ_4K }, -EINVAL },
	{ "range not aligned", { .range = SZ_4K + 1 }, -EINVAL },
	{ "offset not aligned", { .range = SZ_4K, .offset = 8 }, -EINVAL },
	{ "beyond the end", { .va = BIT_ULL(LOOM_VA_BITS), .range = SZ_4K }, -EINVAL },
	{ "over the end", { .va = BIT_ULL(LOOM_VA_BITS) - SZ_4K, .range = SZ_8K }, -EINVAL },
	{ "wraps", { .va = ~0ull << PAGE_SHIFT, .range = SZ_8K }, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(bind_test, bind_tests, name);

static void bind_test_check(struct kunit *test)
{
	const struct bind_test *param = test->param_value;

	KUNIT_EXPECT_EQ(test, loom_vm_bind_check(NULL, &param->args), param->want);
}

static struct kunit_case loom_bind_cases[] = {
	KUNIT_CASE_PARAM(bind_test_check, bind_test_gen_params),
	{ }
};

static struct kunit_suite loom_bind_suite = {
	.name = "loom_bind",
	.test_cases = loom_bind_cases,
};

kunit_test_suite(loom_bind_suite);
