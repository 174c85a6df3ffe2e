// SPDX-License-Identifier: GPL-2.0-only
/* Who waits for whom in a buffer that is shared. Included by loom_shared.c. */

#include <kunit/test.h>

struct shared_test {
	struct loom_device ldev;
	struct loom_file lfile;
	struct loom_queue queue;
	struct loom_submission sub;
	struct dma_resv resv;
};

static int shared_test_init(struct kunit *test)
{
	struct shared_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	dma_resv_init(&t->resv);
	t->queue.ldev = &t->ldev;
	t->queue.lfile = &t->lfile;
	t->sub.queue = &t->queue;
	test->priv = t;
	return 0;
}

static void shared_test_exit(struct kunit *test)
{
	struct shared_test *t = test->priv;

	if (!t)
		return;
	kfree(t->sub.deps);
	dma_resv_fini(&t->resv);
}

/* Somebody's fence in the buffer. */
static struct dma_fence *shared_test_leave(struct kunit *test, enum dma_resv_usage usage)
{
	struct shared_test *t = test->priv;
	struct dma_fence *fence = loom_fence_create();

	KUNIT_ASSERT_NOT_NULL(test, fence);
	dma_resv_lock(&t->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_resv_reserve_fences(&t->resv, 1), 0);
	dma_resv_add_fence(&t->resv, fence, usage);
	dma_resv_unlock(&t->resv);
	return fence;
}

static int shared_test_wait(struct kunit *test, bool write)
{
	struct shared_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, loom_deps_alloc(&t->sub, 1), 0);
	dma_resv_lock(&t->resv, NULL);
	KUNIT_EXPECT_EQ(test, loom_shared_wait_for(&t->sub, &t->resv, write), 0);
	dma_resv_unlock(&t->resv);
	return atomic_read(&t->sub.num_waits);
}

/* Before a fence is signalled, as there is no queue to go on with. */
static void shared_test_stop(struct kunit *test)
{
	struct shared_test *t = test->priv;

	loom_deps_remove(&t->sub);
}

struct shared_test_pair {
	const char *name;
	enum dma_resv_usage usage;
	bool write;
	int waits;
};

static const struct shared_test_pair shared_test_pairs[] = {
	{ "a reader after a writer", DMA_RESV_USAGE_WRITE, false, 1 },
	{ "a writer after a writer", DMA_RESV_USAGE_WRITE, true, 1 },
	{ "a reader after a reader", DMA_RESV_USAGE_READ, false, 0 },
	{ "a writer after a reader", DMA_RESV_USAGE_READ, true, 1 },
	{ "a reader while it is moved", DMA_RESV_USAGE_KERNEL, false, 1 },
	{ "a writer after who fences explicitly", DMA_RESV_USAGE_BOOKKEEP, true, 0 },
};

KUNIT_ARRAY_PARAM_DESC(shared_test_pair, shared_test_pairs, name);

static void shared_test_usage(struct kunit *test)
{
	const struct shared_test_pair *param = test->param_value;
	struct dma_fence *fence = shared_test_leave(test, param->usage);

	KUNIT_EXPECT_EQ(test, shared_test_wait(test, param->write), param->waits);
	shared_test_stop(test);
	loom_fence_signal(fence, 0);
	dma_fence_put(fence);
}

/* What is over is no wait. */
static void shared_test_signalled(struct kunit *test)
{
	struct dma_fence *fence = shared_test_leave(test, DMA_RESV_USAGE_WRITE);

	loom_fence_signal(fence, -EIO);
	KUNIT_EXPECT_EQ(test, shared_test_wait(test, true), 0);
	dma_fence_put(fence);
}

/* Many fences of a buffer are one to wait for, so room for one a buffer is enough. */
static void shared_test_many(struct kunit *test)
{
	struct dma_fence *fences[5];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fences); i++)
		fences[i] = shared_test_leave(test, DMA_RESV_USAGE_READ);
	KUNIT_EXPECT_EQ(test, shared_test_wait(test, true), 1);
	shared_test_stop(test);
	for (i = 0; i < ARRAY_SIZE(fences); i++) {
		loom_fence_signal(fences[i], 0);
		dma_fence_put(fences[i]);
	}
}

static struct kunit_case loom_shared_cases[] = {
	KUNIT_CASE_PARAM(shared_test_usage, shared_test_pair_gen_params),
	KUNIT_CASE(shared_test_signalled),
	KUNIT_CASE(shared_test_many),
	{ }
};

static struct kunit_suite loom_shared_suite = {
	.name = "loom_shared",
	.init = shared_test_init,
	.exit = shared_test_exit,
	.test_cases = loom_shared_cases,
};

kunit_test_suite(loom_shared_suite);
