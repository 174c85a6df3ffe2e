// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device fails or goes. Taking its bus mastership away is how a program can make it deaf and
 * dumb: it reads no ring, writes no completion and sends no interrupt.
 */

#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "loom_control.h"
#include "loom_test.h"

#define PCI_COMMAND	4
#define PCI_MASTER	4
#define SOME		64u

static int set_master(bool on)
{
	int fd = open("/sys/bus/pci/devices/" DEVICE "/config", O_RDWR);
	__u16 command;
	int ret = 0;

	if (pread(fd, &command, sizeof(command), PCI_COMMAND) != sizeof(command))
		ret = -EIO;
	command = on ? command | PCI_MASTER : command & ~PCI_MASTER;
	if (pwrite(fd, &command, sizeof(command), PCI_COMMAND) != sizeof(command))
		ret = -EIO;
	close(fd);
	return ret;
}

FIXTURE(recovery) {
	int fd;
	__u32 queue;
	struct world w[2];
	struct bo slow_bo;
	struct drm_loom_job slow;
	struct drm_loom_job job;	/* in world 1 */
	struct bo results_bo;
	struct drm_loom_result *results;
	__u32 done;
	struct io_uring ring;
};

FIXTURE_SETUP(recovery)
{
	int i;

	self->fd = loom_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, queue_create(self->fd, 8, 2, 0, &self->queue));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, world_create(self->fd, &self->w[i]));
		world_program(&self->w[i], i);
		ASSERT_EQ(0, queue_set_vm(self->fd, self->queue, i, self->w[i].vm));
	}
	ASSERT_EQ(0, slow_create(&self->w[0], 0, &self->slow_bo, &self->slow));
	self->job = world_job(&self->w[1], 1, 1);
	ASSERT_EQ(0, bo_create(self->fd, SOME * sizeof(*self->results), &self->results_bo));
	self->results = self->results_bo.map;
	self->done = syncobj_create(self->fd);
	ASSERT_EQ(0, io_uring_queue_init(8, &self->ring, IORING_SETUP_SQE128));
}

FIXTURE_TEARDOWN_PARENT(recovery)
{
	ASSERT_EQ(0, driver_renumber());
}

/*
 * Slow ones and others, in the device and behind it. The first of the others holds up what follows,
 * or all might be over before what is to happen to them.
 */
static int submit_some(struct _test_data_recovery *self)
{
	struct drm_loom_job jobs[SOME];
	struct submission s;
	__u32 i;

	inject(LOOM_INJECT_HANG_DMA, 0);
	for (i = 0; i < SOME; i++)
		jobs[i] = i % 2 ? self->job : self->slow;
	submission_init(&s, self->queue, jobs, SOME, &self->results_bo);
	submission_signal(&s, self->done, 0);
	return submission_run(self->fd, &s);
}

static void submit_uring(struct _test_data_recovery *self)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&self->ring);
	struct drm_loom_submit args = {
		.queue_id = self->queue,
		.num_jobs = 1,
		.jobs = (__u64)(uintptr_t)&self->slow,
	};

	if (!sqe)
		abort();
	memset(sqe, 0, 2 * sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = self->fd;
	sqe->cmd_op = LOOM_URING_SUBMIT;
	memcpy(sqe->cmd, &args, sizeof(args));
	io_uring_submit(&self->ring);
}

static int reap(struct _test_data_recovery *self)
{
	struct __kernel_timespec ts = { .tv_sec = 20 };
	struct io_uring_cqe *cqe;
	int res = -ETIME;

	if (!io_uring_wait_cqe_timeout(&self->ring, &cqe, &ts)) {
		res = cqe->res;
		io_uring_cqe_seen(&self->ring, cqe);
	}
	return res;
}

/* Everything that was under way ends with an error, in bounded time, and the queue goes on. */
TEST_F_TIMEOUT(recovery, hang, 60)
{
	struct drm_loom_vm_info info;
	struct world w;
	__u32 i;

	ASSERT_EQ(0, submit_some(self));
	submit_uring(self);
	ASSERT_EQ(0, set_master(false));
	EXPECT_EQ(0, syncobj_wait(self->fd, self->done));
	EXPECT_GT(0, reap(self));
	for (i = 0; i < SOME; i++) {
		if (self->results[i].status)
			EXPECT_TRUE(self->results[i].status == -EIO ||
				    self->results[i].status == -ECANCELED);
	}
	EXPECT_GT(0, self->results[SOME - 1].status);

	ASSERT_EQ(0, vm_info(self->fd, self->w[0].vm, &info));
	EXPECT_EQ(1, info.dead);
	ASSERT_EQ(0, vm_destroy(self->fd, self->w[0].vm));
	ASSERT_EQ(0, world_create(self->fd, &w));
	world_program(&w, 9);
	ASSERT_EQ(0, queue_set_vm(self->fd, self->queue, 0, w.vm));
	self->job = world_job(&w, 0, 1);
	EXPECT_EQ(0, submit_and_wait(self->fd, self->queue, &self->job, 1, NULL));
	EXPECT_TRUE(world_done(&w, 9));
}

/* An admin command that is never answered: the caller gets an error, and memory is not reused. */
TEST_F_TIMEOUT(recovery, deaf, 60)
{
	struct world w;
	__u32 vm;

	ASSERT_EQ(0, set_master(false));
	EXPECT_EQ(0, vm_unmap(self->fd, self->w[0].vm, WORLD_VA, WORLD_BYTES));
	ASSERT_EQ(0, set_master(true));
	while (vm_create(self->fd, 0, &vm))
		usleep(1000);
	/* a VM that nothing was run in has lost nothing */
	EXPECT_EQ(0, submit_and_wait(self->fd, self->queue, &self->job, 1, NULL));
	ASSERT_EQ(0, world_create(self->fd, &w));
}

TEST_F(recovery, unbind_idle)
{
	struct drm_loom_vm_info info;
	struct bo bo;
	__u32 vm;

	ASSERT_EQ(0, driver_unbind());
	EXPECT_EQ(-ENODEV, submit_some(self));
	EXPECT_EQ(-ENODEV, vm_create(self->fd, 0, &vm));
	EXPECT_EQ(-ENODEV, vm_info(self->fd, self->w[0].vm, &info));
	EXPECT_EQ(-ENODEV, bo_create(self->fd, PAGE, &bo));
	submit_uring(self);
	EXPECT_EQ(-ENODEV, reap(self));
	/* what is mapped stays mapped */
	EXPECT_FALSE(world_done(&self->w[1], 1));
	world_program(&self->w[1], 3);
	ASSERT_EQ(0, driver_bind());
}

TEST_F(recovery, unbind_busy)
{
	struct bo *bo = &self->results_bo;
	__u32 i, gone = 0;

	ASSERT_EQ(0, submit_some(self));
	submit_uring(self);
	ASSERT_EQ(0, driver_unbind());
	EXPECT_EQ(-ENODEV, reap(self));
	for (i = 0; i < SOME; i++)
		gone += ((struct drm_loom_result *)bo->map)[i].status == -ENODEV;
	EXPECT_LT(0, gone);
	ASSERT_EQ(0, driver_bind());
}

/* A device that comes and goes while others open, submit and close. */
TEST_F_TIMEOUT(recovery, unbind_storm, 60)
{
	__u32 i, queue;
	struct world w;
	int fd;

	for (i = 0; i < 10; i++) {
		fd = loom_open();
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, world_create(fd, &w));
		world_program(&w, i);
		ASSERT_EQ(0, queue_create(fd, 8, 1, 0, &queue));
		ASSERT_EQ(0, queue_set_vm(fd, queue, 0, w.vm));
		self->job = world_job(&w, 0, i);
		ASSERT_EQ(0, submit_and_wait(fd, queue, &self->job, 1, NULL));
		ASSERT_TRUE(world_done(&w, i));
		ASSERT_EQ(0, driver_unbind());
		if (i % 2)
			close(fd);
		ASSERT_EQ(0, driver_bind());
		if (!(i % 2))
			close(fd);
		munmap(w.bo.map, w.bo.size);
	}
}

TEST_HARNESS_MAIN
