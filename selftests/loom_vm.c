// SPDX-License-Identifier: GPL-2.0-only

#include <pthread.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "loom_test.h"

#define MEGABYTE (1ull << 20)

FIXTURE(vm) {
	int fd;
	struct loom_hw_caps caps;
	__u32 vm;
	struct bo bo;
};

FIXTURE_SETUP(vm)
{
	self->fd = loom_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, loom_caps(self->fd, &self->caps));
	ASSERT_EQ(0, vm_create(self->fd, 0, &self->vm));
	ASSERT_EQ(0, bo_create(self->fd, 8 * MEGABYTE, &self->bo));
}

FIXTURE_TEARDOWN(vm)
{
	close(self->fd);
}

TEST_F(vm, map_unmap_map)
{
	int i;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, vm_map(self->fd, self->vm, &self->bo, WORLD_VA + i * PAGE, i * PAGE,
				    5 * MEGABYTE, i & 1));
		ASSERT_EQ(0, vm_unmap(self->fd, self->vm, WORLD_VA + i * PAGE, 5 * MEGABYTE));
	}
}

/* Each of the four levels gets a table of its own. */
TEST_F(vm, far_apart)
{
	int shift, ret = 0;

	for (shift = 13; shift < LOOM_VA_BITS; shift++)
		ret |= vm_map(self->fd, self->vm, &self->bo, 1ull << shift, 0, PAGE, 0);
	EXPECT_EQ(0, ret);
	EXPECT_EQ(0, vm_map(self->fd, self->vm, &self->bo, (1ull << LOOM_VA_BITS) - PAGE, 0, PAGE,
			    0));
	for (shift = 13; shift < LOOM_VA_BITS; shift++)
		ret |= vm_unmap(self->fd, self->vm, 1ull << shift, PAGE);
	EXPECT_EQ(0, ret);
}

TEST_F(vm, overlap)
{
	ASSERT_EQ(0, vm_map(self->fd, self->vm, &self->bo, MEGABYTE, 0, MEGABYTE, 0));
	EXPECT_EQ(-EEXIST, vm_map(self->fd, self->vm, &self->bo, MEGABYTE, 0, PAGE, 0));
	EXPECT_EQ(-EEXIST, vm_map(self->fd, self->vm, &self->bo, 0, 0, 4 * MEGABYTE, 0));
	EXPECT_EQ(-EEXIST, vm_map(self->fd, self->vm, &self->bo, 2 * MEGABYTE - PAGE, 0,
				  2 * PAGE, 0));
	EXPECT_EQ(0, vm_map(self->fd, self->vm, &self->bo, 2 * MEGABYTE, 0, PAGE, 0));
	EXPECT_EQ(0, vm_map(self->fd, self->vm, &self->bo, MEGABYTE - PAGE, 0, PAGE, 0));
	EXPECT_EQ(-ENOENT, vm_unmap(self->fd, self->vm, MEGABYTE - PAGE, 2 * PAGE));
}

TEST_F(vm, no_more_leases)
{
	__u32 vm, none, half = self->caps.act_sram_bytes / 2;

	EXPECT_EQ(-ENOSPC, vm_create(self->fd, half * 2 + LOOM_LEASE_ALIGN, &none));
	ASSERT_EQ(0, vm_create(self->fd, half, &vm));
	EXPECT_EQ(-ENOSPC, vm_create(self->fd, half + LOOM_LEASE_ALIGN, &none));
	ASSERT_EQ(0, vm_destroy(self->fd, vm));
	EXPECT_EQ(0, vm_create(self->fd, half + LOOM_LEASE_ALIGN, &vm));
}

TEST_F(vm, no_more_vms)
{
	__u32 vm, n = 1; /* the fixture's */
	int ret;

	while (!(ret = vm_create(self->fd, 0, &vm)))
		n++;
	EXPECT_EQ(-ENOSPC, ret);
	EXPECT_EQ(self->caps.max_contexts, n);
	ASSERT_EQ(0, vm_destroy(self->fd, self->vm));
	EXPECT_EQ(0, vm_create(self->fd, 0, &vm));
}

TEST_F(vm, no_more_queues)
{
	__u32 queue, n = 0;
	int ret;

	while (!(ret = queue_create(self->fd, 8, 1, 0, &queue)))
		n++;
	EXPECT_EQ(-ENOSPC, ret);
	EXPECT_EQ(self->caps.max_queues, n);
}

/* A slot follows the life of its VM. */
TEST_F(vm, slots)
{
	struct world w;
	struct drm_loom_job job;
	__u32 queue;

	ASSERT_EQ(0, world_create(self->fd, &w));
	world_program(&w, 7);
	job = world_job(&w, 3, 0);
	ASSERT_EQ(0, queue_create(self->fd, 8, 4, 0, &queue));
	ASSERT_EQ(0, queue_set_vm(self->fd, queue, 3, w.vm));
	EXPECT_EQ(0, queue_set_vm(self->fd, queue, 3, w.vm));
	EXPECT_EQ(0, queue_set_vm(self->fd, queue, 3, 0));
	EXPECT_EQ(-ENOENT, submit_and_wait(self->fd, queue, &job, 1, NULL));
	ASSERT_EQ(0, queue_set_vm(self->fd, queue, 3, w.vm));
	EXPECT_EQ(0, submit_and_wait(self->fd, queue, &job, 1, NULL));
	EXPECT_TRUE(world_done(&w, 7));

	ASSERT_EQ(0, vm_destroy(self->fd, w.vm));
	EXPECT_EQ(-ENOENT, submit_and_wait(self->fd, queue, &job, 1, NULL));
}

static void *map_and_unmap(void *arg)
{
	struct _test_data_vm *self = arg;
	int i;

	for (i = 0; i < 50; i++)
		if (!vm_map(self->fd, self->vm, &self->bo, WORLD_VA, 0, MEGABYTE, 0))
			vm_unmap(self->fd, self->vm, WORLD_VA, MEGABYTE);
	return NULL;
}

TEST_F(vm, threads)
{
	pthread_t threads[4];
	int i, ret = 0;

	for (i = 0; i < 4; i++)
		ret |= pthread_create(&threads[i], NULL, map_and_unmap, self);
	ASSERT_EQ(0, ret);
	usleep(1000);
	vm_destroy(self->fd, self->vm);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

/* What a file leaves is gone with it. */
TEST_F_TIMEOUT(vm, open_close, 180)
{
	struct loom_hw_caps caps;
	__u32 vm, queue;
	struct bo bo;
	int fd, i;

	for (i = 0; i < 100; i++) {
		fd = loom_open();
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, loom_caps(fd, &caps));
		ASSERT_EQ(0, vm_create(fd, caps.act_sram_bytes / 2, &vm));
		ASSERT_EQ(0, bo_create(fd, 16 * PAGE, &bo));
		ASSERT_EQ(0, vm_map(fd, vm, &bo, WORLD_VA, 0, 16 * PAGE, DRM_LOOM_MAP_WRITE));
		ASSERT_EQ(0, queue_create(fd, 8, 1, 0, &queue));
		ASSERT_EQ(0, queue_set_vm(fd, queue, 0, vm));
		close(fd);
		munmap(bo.map, bo.size);
	}
}

TEST_HARNESS_MAIN
