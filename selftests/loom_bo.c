// SPDX-License-Identifier: GPL-2.0-only

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "loom_test.h"

FIXTURE(bo) {
	int fd;
};

FIXTURE_SETUP(bo)
{
	self->fd = loom_open();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(bo)
{
	close(self->fd);
}

TEST_F(bo, zeroed)
{
	char *zeroes = calloc(64, PAGE);
	struct bo bo;

	ASSERT_NE(NULL, zeroes);
	ASSERT_EQ(0, bo_create(self->fd, 64 * PAGE, &bo));
	EXPECT_EQ(0, memcmp(bo.map, zeroes, bo.size));
	free(zeroes);
	bo_destroy(self->fd, &bo);
}

/* The mapping lives on without the handle, and without the file. */
TEST_F(bo, mapping_outlives_handle)
{
	struct drm_gem_close close_args;
	struct bo bo;
	int fd = loom_open();

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, bo_create(fd, PAGE, &bo));
	close_args = (struct drm_gem_close){ .handle = bo.handle };
	ASSERT_EQ(0, loom_call(fd, DRM_IOCTL_GEM_CLOSE, &close_args));
	close(fd);
	memset(bo.map, 0x5a, bo.size);
	EXPECT_EQ(0x5a, ((char *)bo.map)[PAGE - 1]);
	munmap(bo.map, bo.size);
}

TEST_F(bo, mmap_of_nothing)
{
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->fd, 0));
}

/* Another file cannot map what it has no handle of, even if it knows the offset. */
TEST_F(bo, mmap_by_stranger)
{
	struct drm_loom_bo_mmap args = {};
	int other = loom_open();
	struct bo bo;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, bo_create_unmapped(self->fd, PAGE, &bo));
	args.handle = bo.handle;
	ASSERT_EQ(0, loom_call(self->fd, DRM_IOCTL_LOOM_BO_MMAP, &args));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, other, args.offset));
	close(other);
}

TEST_F(bo, prime)
{
	struct drm_prime_handle prime = { .flags = DRM_RDWR | DRM_CLOEXEC };
	int other = loom_open();
	struct world w = {};
	struct bo bo, shared;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, bo_create(self->fd, 4 * PAGE, &bo));
	memset(bo.map, 0x11, bo.size);
	prime.handle = bo.handle;
	ASSERT_EQ(0, loom_call(self->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime));
	ASSERT_EQ(0, loom_call(other, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime));

	shared = (struct bo){ .handle = prime.handle, .size = bo.size };
	shared.map = mmap(NULL, bo.size, PROT_READ | PROT_WRITE, MAP_SHARED, prime.fd, 0);
	ASSERT_NE(MAP_FAILED, shared.map);
	EXPECT_EQ(0x11, ((char *)shared.map)[0]);

	ASSERT_EQ(0, vm_create(other, 0, &w.vm));
	EXPECT_EQ(0, vm_map(other, w.vm, &shared, WORLD_VA, 0, bo.size, 0));
	close(prime.fd);
	close(other);
	bo_destroy(self->fd, &bo);
}

/* Bound in a VM, a buffer outlives its handle, and is freed by unmapping. */
TEST_F(bo, bound_outlives_handle)
{
	__u32 vm, i;
	struct bo bo;

	ASSERT_EQ(0, vm_create(self->fd, 0, &vm));
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, bo_create(self->fd, 16 * PAGE, &bo));
		ASSERT_EQ(0, vm_map(self->fd, vm, &bo, WORLD_VA, 0, bo.size, 0));
		bo_destroy(self->fd, &bo);
		ASSERT_EQ(0, vm_unmap(self->fd, vm, WORLD_VA, bo.size));
	}
}

TEST_F(bo, many)
{
	int i, ret = 0;
	struct bo bo;

	for (i = 0; i < 2000 && !ret; i++)
		ret = bo_create_unmapped(self->fd, PAGE, &bo);
	EXPECT_EQ(0, ret);
}

TEST_HARNESS_MAIN
