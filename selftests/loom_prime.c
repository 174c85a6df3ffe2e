// SPDX-License-Identifier: GPL-2.0-only

#include <fcntl.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "loom_test.h"

/* The pages of a memfd, seen as a buffer and through our own map of it. */
struct shared {
	int memfd, dmabuf;
	struct bo bo;		/* .map: of the memfd, the node maps no imported buffers */
};

static int memfd_make(__u64 size)
{
	int fd = memfd_create("loom_prime", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, size) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK))
		return -errno;
	return fd;
}

static int dmabuf_make(int memfd, __u64 offset, __u64 size)
{
	struct udmabuf_create create = {
		.memfd = memfd,
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.offset = offset,
		.size = size,
	};
	int node = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), fd;

	if (node < 0)
		return -errno;
	fd = ioctl(node, UDMABUF_CREATE, &create);
	fd = fd < 0 ? -errno : fd;
	close(node);
	return fd;
}

static int import(int fd, int dmabuf, __u32 *handle)
{
	struct drm_prime_handle args = { .fd = dmabuf };
	int ret = loom_call(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args);

	*handle = args.handle;
	return ret;
}

static int shared_create(int fd, __u64 size, struct shared *s)
{
	*s = (struct shared){ .memfd = memfd_make(size), .bo.size = size };
	if (s->memfd < 0)
		return s->memfd;
	s->bo.map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, s->memfd, 0);
	if (s->bo.map == MAP_FAILED)
		return -errno;
	s->dmabuf = dmabuf_make(s->memfd, 0, size);
	if (s->dmabuf < 0)
		return s->dmabuf;
	return import(fd, s->dmabuf, &s->bo.handle);
}

static void shared_close(struct shared *s)
{
	close(s->memfd);
	close(s->dmabuf);
}

FIXTURE(prime) {
	int fd;
	__u32 queue;
	struct shared shared;
};

FIXTURE_SETUP(prime)
{
	if (access("/dev/udmabuf", F_OK))
		SKIP(return, "this kernel has no udmabuf");
	self->fd = loom_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, queue_create(self->fd, 8, 1, 0, &self->queue));
	ASSERT_EQ(0, shared_create(self->fd, WORLD_BYTES, &self->shared));
}

FIXTURE_TEARDOWN(prime)
{
	shared_close(&self->shared);
	close(self->fd);
}

/* A world whose buffer is the memfd: commands, weights, input and output. */
static int world_import(int fd, __u32 queue, const struct bo *bo, struct world *w)
{
	int ret;

	*w = (struct world){ .fd = fd, .bo = *bo };
	ret = vm_create(fd, WORLD_LEASE, &w->vm);
	if (ret)
		return ret;
	ret = vm_map(fd, w->vm, bo, WORLD_VA, 0, WORLD_BYTES, DRM_LOOM_MAP_WRITE);
	return ret ? ret : queue_set_vm(fd, queue, 0, w->vm);
}

static int world_run(struct world *w, __u32 queue)
{
	struct drm_loom_job job = world_job(w, 0, 1);

	return submit_and_wait(w->fd, queue, &job, 1, NULL);
}

TEST_F(prime, job_in_memfd)
{
	struct world w;
	float seed;

	ASSERT_EQ(0, world_import(self->fd, self->queue, &self->shared.bo, &w));
	for (seed = 1; seed < 4; seed++) {
		world_program(&w, seed);
		ASSERT_EQ(0, world_run(&w, self->queue));
		EXPECT_TRUE(world_done(&w, seed));
	}
	world_destroy(&w);
}

/* The mapping keeps the pages when the handle, the dma-buf and the memfd are gone. */
TEST_F(prime, mapping_outlives_all)
{
	struct drm_gem_close close_args = { .handle = self->shared.bo.handle };
	struct drm_loom_vm_info info;
	struct world w;

	ASSERT_EQ(0, world_import(self->fd, self->queue, &self->shared.bo, &w));
	ASSERT_EQ(0, loom_call(self->fd, DRM_IOCTL_GEM_CLOSE, &close_args));
	shared_close(&self->shared);
	world_program(&w, 5);
	ASSERT_EQ(0, world_run(&w, self->queue));
	EXPECT_TRUE(world_done(&w, 5));
	EXPECT_EQ(0, vm_unmap(self->fd, w.vm, WORLD_VA, WORLD_BYTES));
	EXPECT_EQ(0, world_run(&w, self->queue));
	ASSERT_EQ(0, vm_info(self->fd, w.vm, &info));
	EXPECT_EQ(1, info.dead);
}

/* A punched page goes from the memfd; the device keeps the old one, and nobody else's. */
TEST_F(prime, hole_under_the_device)
{
	struct world w;

	ASSERT_EQ(0, world_import(self->fd, self->queue, &self->shared.bo, &w));
	world_program(&w, 6);
	ASSERT_EQ(0, fallocate(self->shared.memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       WORLD_OUT, PAGE));
	ASSERT_EQ(0, world_run(&w, self->queue));
	EXPECT_TRUE(world_untouched(&w));
	world_destroy(&w);
}

/* A part of a memfd, mapped read-only: a store to it is a fault. */
TEST_F(prime, read_only)
{
	struct drm_loom_vm_info info;
	struct world w;

	ASSERT_EQ(0, world_import(self->fd, self->queue, &self->shared.bo, &w));
	ASSERT_EQ(0, vm_unmap(self->fd, w.vm, WORLD_VA, WORLD_BYTES));
	ASSERT_EQ(0, vm_map(self->fd, w.vm, &w.bo, WORLD_VA, 0, WORLD_BYTES, 0));
	world_program(&w, 7);
	EXPECT_EQ(0, world_run(&w, self->queue));
	ASSERT_EQ(0, vm_info(self->fd, w.vm, &info));
	EXPECT_EQ(LOOM_FAULT_MMU_WRITE, info.fault);
	EXPECT_TRUE(world_untouched(&w));
	world_destroy(&w);
}

/* Imports have the size of the dma-buf, whatever the memfd's is, and are not mapped beyond it. */
TEST_F(prime, bounds)
{
	int part = dmabuf_make(self->shared.memfd, 4 * PAGE, 2 * PAGE);
	struct bo bo = { .size = 2 * PAGE };
	__u32 vm;

	ASSERT_LE(0, part);
	ASSERT_EQ(0, import(self->fd, part, &bo.handle));
	ASSERT_EQ(0, vm_create(self->fd, 0, &vm));
	EXPECT_EQ(-EINVAL, vm_map(self->fd, vm, &bo, WORLD_VA, 0, 3 * PAGE, 0));
	EXPECT_EQ(-EINVAL, vm_map(self->fd, vm, &bo, WORLD_VA, PAGE, 2 * PAGE, 0));
	EXPECT_EQ(-EINVAL, vm_map(self->fd, vm, &bo, WORLD_VA, 2 * PAGE, PAGE, 0));
	EXPECT_EQ(0, vm_map(self->fd, vm, &bo, WORLD_VA, PAGE, PAGE, 0));
	EXPECT_EQ(0, vm_map(self->fd, vm, &bo, WORLD_VA + PAGE, 0, 2 * PAGE, 0));
	close(part);
}

/* Large enough for large pages, whose frames lie where they lie. */
TEST_F(prime, large)
{
	const __u64 size = 5ull << 20;
	struct drm_loom_bo_mmap mmap_args = {};
	struct world w = { .fd = self->fd };
	struct shared s;
	__u64 at;

	ASSERT_EQ(0, shared_create(self->fd, size, &s));
	ASSERT_EQ(0, vm_create(self->fd, WORLD_LEASE, &w.vm));
	ASSERT_EQ(0, queue_set_vm(self->fd, self->queue, 0, w.vm));
	for (at = 0; at < size; at += 256 * PAGE) {
		w.bo = s.bo;
		w.bo.map = (char *)s.bo.map + at;
		ASSERT_EQ(0, vm_map(self->fd, w.vm, &s.bo, WORLD_VA, at, WORLD_BYTES,
				    DRM_LOOM_MAP_WRITE));
		world_program(&w, at / PAGE);
		ASSERT_EQ(0, world_run(&w, self->queue));
		EXPECT_TRUE(world_done(&w, at / PAGE));
		ASSERT_EQ(0, vm_unmap(self->fd, w.vm, WORLD_VA, WORLD_BYTES));
	}
	mmap_args.handle = s.bo.handle;
	EXPECT_EQ(-EINVAL, loom_call(self->fd, DRM_IOCTL_LOOM_BO_MMAP, &mmap_args));
	shared_close(&s);
}

/* Results, too, can go to a memfd: the driver writes them. */
TEST_F(prime, results)
{
	struct drm_loom_job job;
	struct shared s;
	struct world w;

	ASSERT_EQ(0, shared_create(self->fd, PAGE, &s));
	ASSERT_EQ(0, world_import(self->fd, self->queue, &self->shared.bo, &w));
	world_program(&w, 8);
	job = world_job(&w, 0, 0x1234);
	ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, &job, 1, &s.bo));
	EXPECT_EQ(0x1234, ((struct drm_loom_result *)s.bo.map)->user_data);
	world_destroy(&w);
	shared_close(&s);
}

/* What is no dma-buf, or cannot be, is refused. */
TEST_F(prime, refused)
{
	__u32 handle;
	int fd;

	EXPECT_GT(0, import(self->fd, -1, &handle));
	EXPECT_GT(0, import(self->fd, self->fd, &handle));
	EXPECT_GT(0, import(self->fd, self->shared.memfd, &handle));
	EXPECT_EQ(-EINVAL, dmabuf_make(self->shared.memfd, 0, WORLD_BYTES + PAGE));
	fd = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, PAGE));
	EXPECT_EQ(-EINVAL, dmabuf_make(fd, 0, PAGE));
	close(fd);
}

/* Imports leave nothing behind: many more than memory could hold at once. */
TEST_F_TIMEOUT(prime, many, 600)
{
	const __u64 size = 16ull << 20;
	struct shared s;
	__u32 vm;
	int i;

	ASSERT_EQ(0, vm_create(self->fd, 0, &vm));
	for (i = 0; i < 90; i++) {
		ASSERT_EQ(0, shared_create(self->fd, size, &s));
		ASSERT_EQ(0, vm_map(self->fd, vm, &s.bo, WORLD_VA, 0, size, 0));
		bo_destroy(self->fd, &s.bo);
		ASSERT_EQ(0, vm_unmap(self->fd, vm, WORLD_VA, size));
		shared_close(&s);
	}
}

TEST_HARNESS_MAIN
