// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables, compared with what was asked for. The tables are read as the device reads them: from
 * the root by the bits of loom_hw.h, never by what the driver keeps beside them. Included by
 * loom_mmu.c.
 */

#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/prandom.h>

#define MMU_TEST_BASE	(3 * SZ_2M)
#define MMU_TEST_PAGES	(4 * SZ_2M / SZ_4K)
#define MMU_TEST_BUS	0x40000000ull	/* buffers are never touched, so any address will do */

struct mmu_test {
	struct loom_device *ldev;
	struct loom_pt *root;
	u64 *want;	/* of each page from MMU_TEST_BASE on: its entry, 0 = not mapped */
};

static void mmu_test_drop_pool(void *pool)
{
	dma_pool_destroy(pool);
}

static int mmu_test_init(struct kunit *test)
{
	struct device *dev = kunit_device_register(test, "loom-mmu");
	struct mmu_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	int ret;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	KUNIT_ASSERT_NOT_NULL(test, t);
	t->ldev = kunit_kzalloc(test, sizeof(*t->ldev), GFP_KERNEL);
	t->want = kunit_kcalloc(test, MMU_TEST_PAGES, sizeof(*t->want), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->ldev);
	KUNIT_ASSERT_NOT_NULL(test, t->want);
	KUNIT_ASSERT_EQ(test, dma_coerce_mask_and_coherent(dev, DMA_BIT_MASK(48)), 0);

	t->ldev->pt_pool = dma_pool_create("loom page tables", dev, SZ_4K, SZ_4K, 0);
	KUNIT_ASSERT_NOT_NULL(test, t->ldev->pt_pool);
	ret = kunit_add_action_or_reset(test, mmu_test_drop_pool, t->ldev->pt_pool);
	KUNIT_ASSERT_EQ(test, ret, 0);

	t->root = loom_mmu_create(t->ldev);
	KUNIT_ASSERT_NOT_NULL(test, t->root);
	test->priv = t;
	return 0;
}

static void mmu_test_exit(struct kunit *test)
{
	struct mmu_test *t = test->priv;

	if (t)
		loom_mmu_destroy(t->ldev, t->root);
}

/* ---- the device's side ---- */

/* The page's own entry, as if all pages were small; 0 when the walk ends at an invalid one. */
static u64 mmu_test_walk(struct mmu_test *t, u64 va, bool *large)
{
	u64 *table = phys_to_virt(loom_mmu_root(t->root));
	int level;

	*large = false;
	for (level = LOOM_PT_LEVELS - 1; level >= 0; level--) {
		unsigned int shift = 12 + 9 * level;
		u64 entry = table[(va >> shift) & 511];

		if (!(entry & LOOM_PTE_VALID))
			return 0;
		if (level && !(entry & LOOM_PTE_LARGE)) {
			table = phys_to_virt(entry & LOOM_PTE_ADDR_MASK);
			continue;
		}
		*large = level;
		return (entry & ~LOOM_PTE_LARGE) + (va & (BIT_ULL(shift) - 1));
	}
	return 0;
}

static void mmu_test_compare(struct kunit *test)
{
	struct mmu_test *t = test->priv;
	unsigned int i;
	bool large;

	for (i = 0; i < MMU_TEST_PAGES; i++) {
		u64 va = MMU_TEST_BASE + (u64)i * SZ_4K;

		KUNIT_ASSERT_EQ_MSG(test, mmu_test_walk(t, va, &large), t->want[i], "va %#llx",
				    va);
	}
}

/* ---- what is asked for ---- */

static void mmu_test_want(struct mmu_test *t, unsigned int first, unsigned int num, u64 entry)
{
	unsigned int i;

	for (i = 0; i < num; i++)
		t->want[first + i] = entry ? entry + (u64)i * SZ_4K : 0;
}

/* A buffer in one piece at that bus address. */
static int mmu_test_map(struct mmu_test *t, unsigned int first, unsigned int num, u64 dma,
			bool write)
{
	struct scatterlist sg;
	struct sg_table sgt = { .sgl = &sg, .nents = 1, .orig_nents = 1 };
	int ret;

	sg_init_table(&sg, 1);
	sg_dma_address(&sg) = dma;
	sg_dma_len(&sg) = num * SZ_4K;
	ret = loom_mmu_map(t->ldev, t->root, MMU_TEST_BASE + (u64)first * SZ_4K, (u64)num * SZ_4K,
			   &sgt, 0, write);
	if (!ret)
		mmu_test_want(t, first, num,
			      dma | LOOM_PTE_VALID | (write ? LOOM_PTE_WRITE : 0));
	return ret;
}

static unsigned int mmu_test_unmap(struct mmu_test *t, unsigned int first, unsigned int num)
{
	unsigned int freed = 0;
	struct list_head *node;
	LIST_HEAD(empty);

	loom_mmu_unmap(t->root, MMU_TEST_BASE + (u64)first * SZ_4K, (u64)num * SZ_4K, &empty);
	list_for_each(node, &empty)
		freed++;
	loom_mmu_free_tables(t->ldev, &empty);
	mmu_test_want(t, first, num, 0);
	return freed;
}

/* ---- tests ---- */

static void mmu_test_one_page(struct kunit *test)
{
	struct mmu_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, mmu_test_map(t, 5, 1, MMU_TEST_BUS, true), 0);
	mmu_test_compare(test);
	KUNIT_EXPECT_EQ(test, t->root->used, 1);
	KUNIT_EXPECT_EQ_MSG(test, mmu_test_unmap(t, 5, 1), 3, "all tables but the root go");
	mmu_test_compare(test);
	KUNIT_EXPECT_EQ(test, t->root->used, 0);
}

static void mmu_test_read_only(struct kunit *test)
{
	struct mmu_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, mmu_test_map(t, 0, 3, MMU_TEST_BUS, false), 0);
	mmu_test_compare(test);
}

static void mmu_test_large(struct kunit *test)
{
	struct mmu_test *t = test->priv;
	bool large;

	KUNIT_ASSERT_EQ(test, mmu_test_map(t, 0, 512 + 3, MMU_TEST_BUS, true), 0);
	mmu_test_compare(test);
	mmu_test_walk(t, MMU_TEST_BASE, &large);
	KUNIT_EXPECT_TRUE(test, large);
	mmu_test_walk(t, MMU_TEST_BASE + SZ_2M, &large);
	KUNIT_EXPECT_FALSE(test, large);
}

/* Large pages need both addresses aligned. */
static void mmu_test_large_unaligned(struct kunit *test)
{
	struct mmu_test *t = test->priv;
	bool large;

	KUNIT_ASSERT_EQ(test, mmu_test_map(t, 0, 512, MMU_TEST_BUS + SZ_4K, true), 0);
	mmu_test_compare(test);
	mmu_test_walk(t, MMU_TEST_BASE, &large);
	KUNIT_EXPECT_FALSE(test, large);
}

static void mmu_test_large_beside_small(struct kunit *test)
{
	struct mmu_test *t = test->priv;
	bool large;

	KUNIT_ASSERT_EQ(test, mmu_test_map(t, 0, 2, MMU_TEST_BUS, true), 0);
	mmu_test_unmap(t, 0, 1);
	KUNIT_ASSERT_EQ(test, mmu_test_map(t, 512, 512, MMU_TEST_BUS + SZ_2M, true), 0);
	mmu_test_compare(test);
	mmu_test_walk(t, MMU_TEST_BASE + SZ_2M, &large);
	KUNIT_EXPECT_TRUE(test, large);
}

/* An offset that lies in the second piece, and a range that ends in the third. */
static void mmu_test_pieces(struct kunit *test)
{
	static const u64 dma[] = { MMU_TEST_BUS, MMU_TEST_BUS + SZ_1M, MMU_TEST_BUS + SZ_4M };
	struct mmu_test *t = test->priv;
	struct scatterlist sg[3];
	struct sg_table sgt = { .sgl = sg, .nents = 3, .orig_nents = 3 };
	unsigned int i;

	sg_init_table(sg, 3);
	for (i = 0; i < 3; i++) {
		sg_dma_address(&sg[i]) = dma[i];
		sg_dma_len(&sg[i]) = 4 * SZ_4K;
	}
	KUNIT_ASSERT_EQ(test, loom_mmu_map(t->ldev, t->root, MMU_TEST_BASE, 5 * SZ_4K, &sgt,
					   5 * SZ_4K, false), 0);
	mmu_test_want(t, 0, 3, (dma[1] + SZ_4K) | LOOM_PTE_VALID);
	mmu_test_want(t, 3, 2, dma[2] | LOOM_PTE_VALID);
	mmu_test_compare(test);
}

/* An imported buffer that is shorter than it says. */
static void mmu_test_too_short(struct kunit *test)
{
	struct mmu_test *t = test->priv;
	struct scatterlist sg;
	struct sg_table sgt = { .sgl = &sg, .nents = 1, .orig_nents = 1 };

	sg_init_table(&sg, 1);
	sg_dma_address(&sg) = MMU_TEST_BUS;
	sg_dma_len(&sg) = SZ_4K;
	KUNIT_ASSERT_EQ(test, loom_mmu_map(t->ldev, t->root, MMU_TEST_BASE, 2 * SZ_4K, &sgt, 0,
					   true), -EINVAL);
	mmu_test_unmap(t, 0, 2);
	mmu_test_compare(test);
	KUNIT_EXPECT_EQ(test, t->root->used, 0);
}

/* Ranges come and go at random; after each step every page is where it should be. */
static void mmu_test_random(struct kunit *test)
{
	struct mmu_test *t = test->priv;
	struct { unsigned int first, num; } live[16] = {};
	struct rnd_state rnd;
	unsigned int step;

	prandom_seed_state(&rnd, 3311);
	for (step = 0; step < 400; step++) {
		unsigned int i = prandom_u32_state(&rnd) % ARRAY_SIZE(live);
		unsigned int slot = MMU_TEST_PAGES / ARRAY_SIZE(live);
		u64 dma = MMU_TEST_BUS + (u64)(prandom_u32_state(&rnd) % 64) * SZ_4K;

		if (live[i].num) {
			mmu_test_unmap(t, live[i].first, live[i].num);
			live[i].num = 0;
		} else {
			live[i].first = i * slot + prandom_u32_state(&rnd) % (slot / 2);
			live[i].num = 1 + prandom_u32_state(&rnd) % (slot / 2);
			KUNIT_ASSERT_EQ(test, mmu_test_map(t, live[i].first, live[i].num, dma,
							   step & 1), 0);
		}
		if (step % 16 == 0)
			mmu_test_compare(test);
	}
	mmu_test_compare(test);
}

/* The whole address space: the last page has an index of 511 in every table. */
static void mmu_test_last_page(struct kunit *test)
{
	struct mmu_test *t = test->priv;
	u64 va = BIT_ULL(LOOM_VA_BITS) - SZ_4K;
	struct scatterlist sg;
	struct sg_table sgt = { .sgl = &sg, .nents = 1, .orig_nents = 1 };
	LIST_HEAD(empty);
	bool large;

	sg_init_table(&sg, 1);
	sg_dma_address(&sg) = MMU_TEST_BUS;
	sg_dma_len(&sg) = SZ_4K;
	KUNIT_ASSERT_EQ(test, loom_mmu_map(t->ldev, t->root, va, SZ_4K, &sgt, 0, true), 0);
	KUNIT_EXPECT_EQ(test, mmu_test_walk(t, va, &large),
			MMU_TEST_BUS | LOOM_PTE_VALID | LOOM_PTE_WRITE);
	KUNIT_EXPECT_EQ(test, mmu_test_walk(t, 0, &large), 0);
	loom_mmu_unmap(t->root, va, SZ_4K, &empty);
	loom_mmu_free_tables(t->ldev, &empty);
	KUNIT_EXPECT_EQ(test, t->root->used, 0);
}

static struct kunit_case loom_mmu_cases[] = {
	KUNIT_CASE(mmu_test_one_page),
	KUNIT_CASE(mmu_test_read_only),
	KUNIT_CASE(mmu_test_large),
	KUNIT_CASE(mmu_test_large_unaligned),
	KUNIT_CASE(mmu_test_large_beside_small),
	KUNIT_CASE(mmu_test_pieces),
	KUNIT_CASE(mmu_test_too_short),
	KUNIT_CASE(mmu_test_random),
	KUNIT_CASE(mmu_test_last_page),
	{ }
};

static struct kunit_suite loom_mmu_suite = {
	.name = "loom_mmu",
	.init = mmu_test_init,
	.exit = mmu_test_exit,
	.test_cases = loom_mmu_cases,
};

kunit_test_suite(loom_mmu_suite);
