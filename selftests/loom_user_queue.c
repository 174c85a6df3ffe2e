// SPDX-License-Identifier: GPL-2.0-only
/* Queues whose rings and doorbell are in the program's hands. */

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "loom_control.h"
#include "loom_test.h"

#define ENTRIES	16u

struct user_queue {
	struct drm_loom_queue_create args;
	volatile struct drm_loom_rings *rings;
	volatile __u32 *doorbell;
	struct loom_hw_job *sq;
	volatile struct loom_hw_cqe *cq;
	__u32 tail;
};

static int user_queue_create(int fd, __u32 slots, struct user_queue *q)
{
	int ret;

	*q = (struct user_queue){
		.args = {
			.flags = DRM_LOOM_QUEUE_USER,
			.entries = ENTRIES,
			.vm_slots = slots,
		},
	};
	ret = loom_call(fd, DRM_IOCTL_LOOM_QUEUE_CREATE, &q->args);
	if (ret)
		return ret;

	q->rings = mmap(NULL, q->args.rings_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			q->args.rings_offset);
	q->doorbell = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			   q->args.doorbell_offset);
	if (q->rings == MAP_FAILED || q->doorbell == MAP_FAILED)
		return -errno;
	q->sq = (void *)((char *)q->rings + q->rings->sq_offset);
	q->cq = (void *)((char *)q->rings + q->rings->cq_offset);
	return 0;
}

/* No system call in here. */
static void user_submit(struct user_queue *q, const struct drm_loom_job *job, __u16 flags)
{
	q->sq[q->tail % ENTRIES] = (struct loom_hw_job){
		.cookie = q->tail,
		.cmd_va = job->cmd_va,
		.cmd_size = job->cmd_size,
		.vm_slot = job->vm_slot,
		.flags = flags,
		.seq = q->tail,
	};
	q->tail++;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	*q->doorbell = q->tail;
}

static int user_wait_for(int fd, struct user_queue *q, __u32 cq_tail, int ms)
{
	struct drm_loom_queue_wait args = { .queue_id = q->args.queue_id };
	struct timespec now;
	int ret = 0;

	clock_gettime(CLOCK_MONOTONIC, &now);
	args.timeout_ns = now.tv_sec * 1000000000ll + now.tv_nsec + ms * 1000000ll;
	while (!ret && (__s32)(q->rings->cq_tail - cq_tail) < 0) {
		args.cq_tail = q->rings->cq_tail;
		ret = loom_call(fd, DRM_IOCTL_LOOM_QUEUE_WAIT, &args);
	}
	return ret;
}

FIXTURE(user_queue) {
	int fd;
	struct user_queue q;
	struct world world, other;
	struct drm_loom_job job;
	__u32 queue;
};

FIXTURE_SETUP(user_queue)
{
	self->fd = loom_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, user_queue_create(self->fd, 2, &self->q));
	ASSERT_EQ(0, world_create(self->fd, &self->world));
	world_program(&self->world, 1);
	ASSERT_EQ(0, queue_set_vm(self->fd, self->q.args.queue_id, 0, self->world.vm));
	self->job = world_job(&self->world, 0, 0);
	ASSERT_EQ(0, queue_create(self->fd, 8, 1, 0, &self->queue));
	ASSERT_EQ(0, world_create(self->fd, &self->other));
	world_program(&self->other, 2);
	ASSERT_EQ(0, queue_set_vm(self->fd, self->queue, 0, self->other.vm));
}

FIXTURE_TEARDOWN_PARENT(user_queue)
{
	text_to(HANG_MS, "2000");
	text_to("/sys/power/pm_test", "none");
	ASSERT_EQ(0, driver_renumber());
}

/* The kernel's queue and its VM are as before. */
static void check_other(struct __test_metadata *_metadata, struct _test_data_user_queue *self)
{
	struct drm_loom_job job = world_job(&self->other, 0, 0);

	ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, &job, 1, NULL));
	EXPECT_TRUE(world_done(&self->other, 2));
}

TEST_F(user_queue, run)
{
	__u32 i;

	for (i = 0; i < 10 * ENTRIES; i++) {
		user_submit(&self->q, &self->job, 0);
		ASSERT_EQ(0, user_wait_for(self->fd, &self->q, i + 1, 5000));
		EXPECT_EQ(i, self->q.cq[i % ENTRIES].cookie);
		EXPECT_EQ(LOOM_FAULT_NONE, self->q.cq[i % ENTRIES].fault);
	}
	EXPECT_TRUE(world_done(&self->world, 1));
	EXPECT_EQ(0, self->q.rings->dead);
	check_other(_metadata, self);
}

/* Who polls needs the kernel for nothing. */
TEST_F(user_queue, poll)
{
	__u32 i;

	for (i = 0; i < ENTRIES; i++)
		user_submit(&self->q, &self->job, 0);
	while (self->q.rings->cq_tail != ENTRIES)
		;
	EXPECT_TRUE(world_done(&self->world, 1));
}

TEST_F(user_queue, wait)
{
	struct drm_loom_queue_wait good = { .queue_id = self->q.args.queue_id }, bad;

	EXPECT_EQ(-ETIME, loom_call(self->fd, DRM_IOCTL_LOOM_QUEUE_WAIT, &good));
	EXPECT_EQ(-ETIME, user_wait_for(self->fd, &self->q, 1, 20));
	bad = good;
	bad.flags = 1;
	EXPECT_EQ(-EINVAL, loom_call(self->fd, DRM_IOCTL_LOOM_QUEUE_WAIT, &bad));
	bad = good;
	bad.pad = 1;
	EXPECT_EQ(-EINVAL, loom_call(self->fd, DRM_IOCTL_LOOM_QUEUE_WAIT, &bad));
	bad = good;
	bad.queue_id = 0x7777;
	EXPECT_EQ(-ENOENT, loom_call(self->fd, DRM_IOCTL_LOOM_QUEUE_WAIT, &bad));
	bad = good;
	bad.queue_id = self->queue;
	EXPECT_EQ(-EINVAL, loom_call(self->fd, DRM_IOCTL_LOOM_QUEUE_WAIT, &bad));
	bad = good;
	bad.cq_tail = 5;
	EXPECT_EQ(0, loom_call(self->fd, DRM_IOCTL_LOOM_QUEUE_WAIT, &bad));
	EXPECT_EQ(0, bad.cq_tail);
}

TEST_F(user_queue, no_submit)
{
	EXPECT_EQ(-EINVAL, submit_and_wait(self->fd, self->q.args.queue_id, &self->job, 1, NULL));
}

static int map_errno(int fd, size_t size, int flags, __u64 offset)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, offset);

	return at == MAP_FAILED ? errno : 0;
}

TEST_F(user_queue, mmap)
{
	__u64 rings = self->q.args.rings_offset, doorbell = self->q.args.doorbell_offset;
	int other = loom_open();

	EXPECT_EQ(EINVAL, map_errno(self->fd, PAGE, MAP_PRIVATE, rings));
	EXPECT_EQ(EINVAL, map_errno(self->fd, PAGE, MAP_PRIVATE, doorbell));
	EXPECT_EQ(EINVAL, map_errno(self->fd, 2 * PAGE, MAP_SHARED, doorbell));
	EXPECT_EQ(EINVAL, map_errno(self->fd, self->q.args.rings_bytes + PAGE, MAP_SHARED, rings));
	EXPECT_EQ(EACCES, map_errno(other, PAGE, MAP_SHARED, rings));
	EXPECT_EQ(EACCES, map_errno(other, PAGE, MAP_SHARED, doorbell));
}

/* A job in a slot that the driver did not fill runs nowhere. */
TEST_F(user_queue, empty_slot)
{
	self->job.vm_slot = 1;
	user_submit(&self->q, &self->job, 0);
	ASSERT_EQ(0, user_wait_for(self->fd, &self->q, 1, 5000));
	EXPECT_EQ(LOOM_FAULT_BAD_SLOT, self->q.cq[0].fault);
	self->job.vm_slot = 999;
	user_submit(&self->q, &self->job, 0);
	ASSERT_EQ(0, user_wait_for(self->fd, &self->q, 2, 5000));
	EXPECT_EQ(LOOM_FAULT_BAD_SLOT, self->q.cq[1].fault);
	EXPECT_TRUE(world_untouched(&self->world));
	check_other(_metadata, self);
}

/* Whatever is in the rings concerns nobody else. */
TEST_F(user_queue, garbage)
{
	unsigned int seed = 1;
	__u32 i, j;

	for (i = 0; i < 200; i++) {
		for (j = 0; j < ENTRIES * sizeof(*self->q.sq) / 4; j++)
			((__u32 *)self->q.sq)[j] = rand_r(&seed);
		self->q.rings->sq_head = rand_r(&seed);
		self->q.rings->cq_tail = rand_r(&seed);
		*self->q.doorbell = i % 2 ? (__u32)rand_r(&seed) : self->q.tail++;
	}
	check_other(_metadata, self);
}

TEST_F(user_queue, destroy)
{
	user_submit(&self->q, &self->job, 0);
	ASSERT_EQ(0, queue_destroy(self->fd, self->q.args.queue_id));
	EXPECT_EQ(1, self->q.rings->dead);
	*self->q.doorbell = 5;
	EXPECT_EQ(-ENOENT, user_wait_for(self->fd, &self->q, 9, 100));
	check_other(_metadata, self);
}

TEST_F(user_queue, unbind)
{
	user_submit(&self->q, &self->job, 0);
	ASSERT_EQ(0, driver_unbind());
	EXPECT_EQ(1, self->q.rings->dead);
	*self->q.doorbell = 5; /* no SIGBUS */
	EXPECT_GT(0, user_wait_for(self->fd, &self->q, 9, 100));
	ASSERT_EQ(0, driver_bind());
}

/* An engine that hangs is freed; whose job it was is told in the completion. */
TEST_F_TIMEOUT(user_queue, hang, 60)
{
	ASSERT_EQ(0, text_to(HANG_MS, "100"));
	ASSERT_EQ(0, inject(LOOM_INJECT_HANG_COMPUTE, 0));
	user_submit(&self->q, &self->job, 0);
	ASSERT_EQ(0, user_wait_for(self->fd, &self->q, 1, 20000));
	EXPECT_EQ(LOOM_FAULT_RESET, self->q.cq[0].fault);
	EXPECT_EQ(0, self->q.rings->dead);
	check_other(_metadata, self);
}

static void *wait_long(void *data)
{
	struct _test_data_user_queue *self = data;

	return (void *)(long)user_wait_for(self->fd, &self->q, 5, 20000);
}

/* A reset of the device loses the ring: the queue is dead, and who waits learns it. */
TEST_F_TIMEOUT(user_queue, device_reset, 60)
{
	pthread_t waiter;
	void *ret;

	ASSERT_EQ(0, pthread_create(&waiter, NULL, wait_long, self));
	usleep(10000);
	ASSERT_EQ(0, inject(LOOM_INJECT_CRASH_FIRMWARE, 0));
	ASSERT_EQ(0, pthread_join(waiter, &ret));
	EXPECT_EQ(-EIO, (long)ret);
	EXPECT_EQ(1, self->q.rings->dead);
	*self->q.doorbell = 1;
	check_other(_metadata, self);
}

/* A job that computes, and then does nothing that others would have to wait for. */
static struct drm_loom_job compute_only(struct world *w)
{
	__u32 bytes = WORLD_COUNT * sizeof(float);
	struct assembler a;

	world_begin(w, &a);
	asm_fetch(&a, WORLD_VA + WORLD_WEIGHTS, bytes);
	asm_add_f32(&a, 0, 0, bytes, WORLD_COUNT, 0);
	return world_job(w, 0, 0);
}

/* And one that moves only. */
static struct drm_loom_job load_only(struct world *w)
{
	struct assembler a;

	world_begin(w, &a);
	asm_move(&a, LOOM_OP_LOAD, WORLD_VA + WORLD_IN, 0, WORLD_COUNT * sizeof(float), 0);
	return world_job(w, 0, 0);
}

/*
 * A suspend fails because of a job in a user-mode queue, when another VM's lease was saved
 * already. What was saved is old after the next job, so it is not what a reset gives back: the
 * lease is lost, and whoever has it is told.
 */
TEST_F_TIMEOUT(user_queue, saved_lease_is_old, 60)
{
	struct drm_loom_job hung, job = world_job(&self->other, 0, 0);
	struct drm_loom_vm_info info = {};
	int i;

	if (text_to("/sys/power/pm_test", "devices"))
		SKIP(return, "this kernel cannot try a suspend");
	/* Both have something in their leases. The one that is saved first was made first. */
	ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, &job, 1, NULL));
	ASSERT_EQ(0, queue_set_vm(self->fd, self->queue, 0, self->world.vm));
	ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, &self->job, 1, NULL));
	ASSERT_EQ(0, queue_set_vm(self->fd, self->q.args.queue_id, 1, self->other.vm));

	text_to(HANG_MS, "60000");
	ASSERT_EQ(0, inject(LOOM_INJECT_HANG_COMPUTE, 0));
	hung = compute_only(&self->other);
	hung.vm_slot = 1;
	user_submit(&self->q, &hung, 0);
	EXPECT_EQ(-EBUSY, text_to("/sys/power/state", "freeze"));
	text_to("/sys/power/pm_test", "none");

	job = load_only(&self->world);
	ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, &job, 1, NULL));
	ASSERT_EQ(0, inject(LOOM_INJECT_CRASH_FIRMWARE, 0));
	for (i = 0; i < 500 && !info.dead; i++) {
		usleep(10000);
		ASSERT_EQ(0, vm_info(self->fd, self->world.vm, &info));
	}
	EXPECT_EQ(1, info.dead);
	EXPECT_EQ(LOOM_FAULT_RESET, info.fault);
	EXPECT_EQ(-EIO, submit_and_wait(self->fd, self->queue, &job, 1, NULL));
}

TEST_HARNESS_MAIN
