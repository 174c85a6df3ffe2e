// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leases on the activation SRAM. Included by loom_vm.c.
 */

#include <kunit/test.h>
#include <linux/prandom.h>

#define VM_TEST_SRAM	(64u * LOOM_LEASE_ALIGN)
#define VM_TEST_VMS	8

struct vm_test {
	struct loom_device ldev;
	struct loom_vm vms[VM_TEST_VMS];
};

static int vm_test_init(struct kunit *test)
{
	struct vm_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	mutex_init(&t->ldev.lease_lock);
	drm_mm_init(&t->ldev.leases, 0, VM_TEST_SRAM);
	t->ldev.caps.act_sram_bytes = VM_TEST_SRAM;
	for (i = 0; i < VM_TEST_VMS; i++)
		t->vms[i].ldev = &t->ldev;
	test->priv = t;
	return 0;
}

static void vm_test_exit(struct kunit *test)
{
	struct vm_test *t = test->priv;
	unsigned int i;

	for (i = 0; t && i < VM_TEST_VMS; i++)
		loom_vm_unlease(&t->vms[i]);
	if (t)
		drm_mm_takedown(&t->ldev.leases);
}

static void vm_test_lease_sizes(struct kunit *test)
{
	struct vm_test *t = test->priv;
	struct loom_vm *vm = &t->vms[0];

	KUNIT_EXPECT_EQ(test, loom_vm_lease(vm, 0), 0);
	KUNIT_EXPECT_FALSE(test, drm_mm_node_allocated(&vm->lease));
	KUNIT_EXPECT_EQ(test, loom_vm_lease(vm, 1), 0);
	KUNIT_EXPECT_EQ(test, vm->lease.size, LOOM_LEASE_ALIGN);
	loom_vm_unlease(vm);
	KUNIT_EXPECT_EQ(test, loom_vm_lease(vm, VM_TEST_SRAM + 1), -ENOSPC);
	KUNIT_EXPECT_EQ(test, loom_vm_lease(vm, U32_MAX), -ENOSPC);
	KUNIT_EXPECT_EQ(test, loom_vm_lease(vm, VM_TEST_SRAM), 0);
	KUNIT_EXPECT_EQ(test, loom_vm_lease(&t->vms[1], 1), -ENOSPC);
	loom_vm_unlease(vm);
	KUNIT_EXPECT_EQ(test, loom_vm_lease(&t->vms[1], 1), 0);
}

static void vm_test_check_apart(struct kunit *test, struct vm_test *t)
{
	unsigned int i, j;

	for (i = 0; i < VM_TEST_VMS; i++) {
		struct drm_mm_node *a = &t->vms[i].lease;

		if (!drm_mm_node_allocated(a))
			continue;
		KUNIT_ASSERT_TRUE(test, IS_ALIGNED(a->start, LOOM_LEASE_ALIGN));
		KUNIT_ASSERT_LE(test, a->start + a->size, VM_TEST_SRAM);
		for (j = 0; j < i; j++) {
			struct drm_mm_node *b = &t->vms[j].lease;

			KUNIT_ASSERT_TRUE(test, !drm_mm_node_allocated(b) ||
					  a->start + a->size <= b->start ||
					  b->start + b->size <= a->start);
		}
	}
}

/* No two tenants ever have a byte in common. */
static void vm_test_leases_apart(struct kunit *test)
{
	struct vm_test *t = test->priv;
	struct rnd_state rnd;
	unsigned int step;

	prandom_seed_state(&rnd, 77);
	for (step = 0; step < 500; step++) {
		struct loom_vm *vm = &t->vms[prandom_u32_state(&rnd) % VM_TEST_VMS];

		if (drm_mm_node_allocated(&vm->lease))
			loom_vm_unlease(vm);
		else
			loom_vm_lease(vm, prandom_u32_state(&rnd) % (VM_TEST_SRAM / 2));
		vm_test_check_apart(test, t);
	}
}

static struct kunit_case loom_vm_cases[] = {
	KUNIT_CASE(vm_test_lease_sizes),
	KUNIT_CASE(vm_test_leases_apart),
	{ }
};

static struct kunit_suite loom_vm_suite = {
	.name = "loom_vm",
	.init = vm_test_init,
	.exit = vm_test_exit,
	.test_cases = loom_vm_cases,
};

kunit_test_suite(loom_vm_suite);
