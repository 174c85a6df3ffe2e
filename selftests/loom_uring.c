// SPDX-License-Identifier: GPL-2.0-only

#include <liburing.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "loom_test.h"

#define DEPTH		64u
#define ENTRIES		8u	/* of the queue: less than the depth, so jobs wait in the driver */
#define BAD_HANDLE	0x7777u
#define BAD_POINTER	8ull

FIXTURE(uring) {
	int fd;
	struct io_uring ring;
	__u32 queue;
	struct world w;
	struct drm_loom_job job;
	struct bo slow_bo;
	struct drm_loom_job slow;
	struct bo results_bo;
	struct drm_loom_result *results;
	struct drm_loom_submit good;
};

FIXTURE_VARIANT(uring) {
	unsigned int ring_flags;
	unsigned int sqe_flags;
};

FIXTURE_VARIANT_ADD(uring, plain) {
};

FIXTURE_VARIANT_ADD(uring, cqe32) {
	.ring_flags = IORING_SETUP_CQE32,
};

FIXTURE_VARIANT_ADD(uring, defer_taskrun) {
	.ring_flags = IORING_SETUP_CQE32 | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
};

FIXTURE_VARIANT_ADD(uring, sqpoll) {
	.ring_flags = IORING_SETUP_CQE32 | IORING_SETUP_SQPOLL,
};

/* From io_uring's workers, not inline. */
FIXTURE_VARIANT_ADD(uring, async) {
	.ring_flags = IORING_SETUP_CQE32,
	.sqe_flags = IOSQE_ASYNC,
};

FIXTURE_SETUP(uring)
{
	self->fd = loom_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, io_uring_queue_init(DEPTH, &self->ring,
					 IORING_SETUP_SQE128 | variant->ring_flags));
	ASSERT_EQ(0, world_create(self->fd, &self->w));
	world_program(&self->w, 5);
	ASSERT_EQ(0, queue_create(self->fd, ENTRIES, 1, 0, &self->queue));
	ASSERT_EQ(0, queue_set_vm(self->fd, self->queue, 0, self->w.vm));
	ASSERT_EQ(0, slow_create(&self->w, 0, &self->slow_bo, &self->slow));
	ASSERT_EQ(0, bo_create(self->fd, 256 * sizeof(*self->results), &self->results_bo));
	self->results = self->results_bo.map;
	self->job = world_job(&self->w, 0, 42);
	self->good = (struct drm_loom_submit){
		.queue_id = self->queue,
		.num_jobs = 1,
		.results_handle = self->results_bo.handle,
		.jobs = (__u64)(uintptr_t)&self->job,
	};
}

FIXTURE_TEARDOWN(uring)
{
	io_uring_queue_exit(&self->ring);
	close(self->fd);
}

/* ---- helpers ---- */

static void prepare_cmd(struct io_uring *ring, int fd, unsigned int sqe_flags, __u32 cmd_op,
			const void *args, size_t size, __u64 user_data)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	if (!sqe)
		abort();
	memset(sqe, 0, 2 * sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = fd;
	sqe->flags = sqe_flags;
	sqe->cmd_op = cmd_op;
	sqe->user_data = user_data;
	memcpy(sqe->cmd, args, size);
}

static void prepare(struct io_uring *ring, int fd, unsigned int sqe_flags,
		    const struct drm_loom_submit *args, __u64 user_data)
{
	prepare_cmd(ring, fd, sqe_flags, LOOM_URING_SUBMIT, args, sizeof(*args), user_data);
}

static void prepare_job(struct io_uring *ring, int fd, unsigned int sqe_flags,
			const struct drm_loom_uring_job *args, __u64 user_data)
{
	prepare_cmd(ring, fd, sqe_flags, LOOM_URING_JOB, args, sizeof(*args), user_data);
}

struct completion {
	int res;
	__u64 user_data;
	__u64 res2;
};

static struct completion reap(struct io_uring *ring)
{
	struct completion c = { .res = -ETIME };
	struct __kernel_timespec ts = { .tv_sec = 20 };
	struct io_uring_cqe *cqe;

	if (io_uring_wait_cqe_timeout(ring, &cqe, &ts))
		return c;
	c.res = cqe->res;
	c.user_data = cqe->user_data;
	if (ring->flags & IORING_SETUP_CQE32)
		c.res2 = cqe->big_cqe[0];
	io_uring_cqe_seen(ring, cqe);
	return c;
}

#define submit_one(args)						\
	({								\
		prepare(&self->ring, self->fd, variant->sqe_flags, args, 1); \
		io_uring_submit(&self->ring);				\
		reap(&self->ring).res;					\
	})

#define submit_one_job(args)						\
	({								\
		prepare_job(&self->ring, self->fd, variant->sqe_flags, args, 1); \
		io_uring_submit(&self->ring);				\
		reap(&self->ring).res;					\
	})

static struct drm_loom_uring_job good_job(struct _test_data_uring *self)
{
	return (struct drm_loom_uring_job){
		.queue_id = self->queue,
		.results_handle = self->results_bo.handle,
		.job = self->job,
	};
}

/* ---- it works ---- */

TEST_F(uring, one)
{
	struct completion c;

	prepare(&self->ring, self->fd, variant->sqe_flags, &self->good, 77);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	c = reap(&self->ring);
	EXPECT_EQ(0, c.res);
	EXPECT_EQ(77, c.user_data);
	EXPECT_EQ(0, self->results[0].status);
	EXPECT_EQ(42, self->results[0].user_data);
	if (variant->ring_flags & IORING_SETUP_CQE32)
		EXPECT_EQ(self->results[0].end, c.res2);
	EXPECT_TRUE(world_done(&self->w, 5));
}

/* The SQE and the jobs are the user's again when the call returns. */
TEST_F(uring, arguments_are_copied)
{
	struct drm_loom_submit args = self->good;

	if (variant->ring_flags & IORING_SETUP_SQPOLL || variant->sqe_flags & IOSQE_ASYNC)
		SKIP(return, "the call does not issue");
	args.jobs = (__u64)(uintptr_t)&self->slow;
	prepare(&self->ring, self->fd, 0, &args, 1);
	prepare(&self->ring, self->fd, 0, &self->good, 2);
	ASSERT_EQ(2, io_uring_submit(&self->ring));
	memset(&self->job, 0xff, sizeof(self->job));
	memset(self->ring.sq.sqes, 0xff, 4 * sizeof(struct io_uring_sqe));
	EXPECT_EQ(0, reap(&self->ring).res);
	EXPECT_EQ(0, reap(&self->ring).res);
	EXPECT_TRUE(world_done(&self->w, 5));
}

TEST_F(uring, batch)
{
	struct drm_loom_submit args = self->good;
	__u32 out_of_order = 0, i;
	struct completion c;

	for (i = 0; i < DEPTH; i++) {
		args.results_offset = i * sizeof(*self->results);
		prepare(&self->ring, self->fd, variant->sqe_flags, &args, i);
	}
	ASSERT_EQ(DEPTH, io_uring_submit(&self->ring));
	for (i = 0; i < DEPTH; i++) {
		c = reap(&self->ring);
		ASSERT_EQ(0, c.res);
		if (!variant->sqe_flags)
			ASSERT_EQ(i, c.user_data);
		ASSERT_EQ(0, self->results[c.user_data].status);
	}
	for (i = 1; i < DEPTH; i++)
		out_of_order += self->results[i - 1].end > self->results[i].end;
	if (!variant->sqe_flags)
		EXPECT_EQ(0, out_of_order);
}

/* An array: many jobs in one SQE, one CQE, a status each. */
TEST_F(uring, array)
{
	struct drm_loom_job jobs[DRM_LOOM_SUBMIT_MAX_JOBS];
	struct drm_loom_submit args = self->good;
	__u32 i, n = DRM_LOOM_SUBMIT_MAX_JOBS;
	struct completion c;

	for (i = 0; i < n; i++) {
		jobs[i] = self->job;
		jobs[i].user_data = i;
	}
	args.jobs = (__u64)(uintptr_t)jobs;
	args.num_jobs = n;
	prepare(&self->ring, self->fd, variant->sqe_flags, &args, 1);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	c = reap(&self->ring);
	ASSERT_EQ(0, c.res);
	for (i = 0; i < n; i++) {
		ASSERT_EQ(0, self->results[i].status);
		ASSERT_EQ(i, self->results[i].user_data);
	}
	if (variant->ring_flags & IORING_SETUP_CQE32)
		EXPECT_EQ(self->results[n - 1].end, c.res2);
}

/* A job that is in the SQE itself: without results, and with. */
TEST_F(uring, job)
{
	struct drm_loom_uring_job plain = good_job(self), args = plain;
	struct completion c;
	__u32 i;

	plain.results_handle = 0;
	for (i = 0; i < DEPTH - 1; i++)
		prepare_job(&self->ring, self->fd, variant->sqe_flags, &plain, i);
	prepare_job(&self->ring, self->fd, variant->sqe_flags, &args, i);
	ASSERT_EQ(DEPTH, io_uring_submit(&self->ring));
	for (i = 0; i < DEPTH; i++) {
		c = reap(&self->ring);
		ASSERT_EQ(0, c.res);
		if (!variant->sqe_flags)
			ASSERT_EQ(i, c.user_data);
		if (variant->ring_flags & IORING_SETUP_CQE32)
			EXPECT_NE(0, c.res2);
	}
	EXPECT_EQ(0, self->results[0].status);
	EXPECT_EQ(42, self->results[0].user_data);
	EXPECT_TRUE(world_done(&self->w, 5));
}

TEST_F(uring, job_in_sync)
{
	__u32 gate = syncobj_create(self->fd);
	struct drm_loom_sync sync = { .handle = gate, .point = 3 };
	struct drm_loom_uring_job args = good_job(self);
	struct __kernel_timespec ts = { .tv_nsec = 10000000 };
	struct io_uring_cqe *cqe;

	args.num_in_syncs = 1;
	args.in_syncs = (__u64)(uintptr_t)&sync;
	EXPECT_EQ(-EINVAL, submit_one_job(&args)) {
		TH_LOG("a point that nobody has submitted");
	}
	if (variant->ring_flags & IORING_SETUP_SQPOLL || variant->sqe_flags & IOSQE_ASYNC)
		SKIP(return, "issued when it likes");
	ASSERT_EQ(0, syncobj_timeline_signal(self->fd, gate, 3));
	EXPECT_EQ(0, submit_one_job(&args));
	EXPECT_EQ(-ETIME, io_uring_wait_cqe_timeout(&self->ring, &cqe, &ts));
	EXPECT_TRUE(world_done(&self->w, 5));
}

TEST_F(uring, in_sync)
{
	__u32 gate = syncobj_create(self->fd), queue;
	struct drm_loom_submit args = self->good;
	struct submission s;

	ASSERT_EQ(0, queue_create(self->fd, ENTRIES, 1, 0, &queue));
	ASSERT_EQ(0, queue_set_vm(self->fd, queue, 0, self->w.vm));
	submission_init(&s, queue, &self->slow, 1, NULL);
	submission_signal(&s, gate, 9);
	ASSERT_EQ(0, submission_run(self->fd, &s));

	submission_wait_for(&s, gate, 9);
	args.num_in_syncs = 1;
	args.in_syncs = s.args.in_syncs;
	EXPECT_EQ(0, submit_one(&args));
	EXPECT_EQ(0, syncobj_timeline_wait(self->fd, gate, 9));
	EXPECT_TRUE(world_done(&self->w, 5));
}

/* ---- it is refused ---- */

#define EXPECT_BAD(error, field, value)					\
	do {								\
		struct drm_loom_submit bad__ = self->good;		\
									\
		bad__.field = (value);					\
		EXPECT_EQ(-(error), submit_one(&bad__))			\
			TH_LOG("%s = %s", #field, #value);		\
	} while (0)

TEST_F(uring, bad_fields)
{
	EXPECT_BAD(ENOENT, queue_id, BAD_HANDLE);
	EXPECT_BAD(EINVAL, flags, 2);
	EXPECT_BAD(EINVAL, num_jobs, 0);
	EXPECT_BAD(EINVAL, num_jobs, DRM_LOOM_SUBMIT_MAX_JOBS + 1);
	EXPECT_BAD(ENOENT, results_handle, BAD_HANDLE);
	EXPECT_BAD(EINVAL, results_handle, 0 * (bad__.results_offset = 8));
	EXPECT_BAD(EINVAL, results_offset, 4);
	EXPECT_BAD(EINVAL, results_offset, 1ull << 40);
	EXPECT_BAD(EFAULT, jobs, BAD_POINTER);
	EXPECT_BAD(EINVAL, num_in_syncs, DRM_LOOM_SUBMIT_MAX_SYNCS + 1);
	EXPECT_BAD(EFAULT, num_in_syncs, (bad__.in_syncs = BAD_POINTER, 1));
	EXPECT_BAD(EINVAL, num_out_syncs, 1);
	EXPECT_BAD(EINVAL, out_syncs, BAD_POINTER);
	EXPECT_BAD(EINVAL, num_shared, DRM_LOOM_SUBMIT_MAX_SHARED + 1);
	EXPECT_BAD(EFAULT, num_shared, (bad__.shared = BAD_POINTER, 1));
	EXPECT_BAD(EINVAL, pad, 1);
	EXPECT_EQ(0, submit_one(&self->good));
}

/* Without results, where they are not what is bad, a job goes another way in the driver. */
#define EXPECT_BAD_JOB(error, field, value)				\
	do {								\
		struct drm_loom_uring_job bad__ = good_job(self);	\
		int want__ = -(error);					\
									\
		bad__.field = (value);					\
		EXPECT_EQ(want__, submit_one_job(&bad__))		\
			TH_LOG("%s = %s", #field, #value);		\
		bad__.results_handle *= bad__.results_offset ||		\
					bad__.results_handle == BAD_HANDLE; \
		EXPECT_EQ(want__, submit_one_job(&bad__))		\
			TH_LOG("%s = %s, no results", #field, #value);	\
	} while (0)

TEST_F(uring, bad_job_fields)
{
	struct drm_loom_uring_job good = good_job(self);

	EXPECT_BAD_JOB(ENOENT, queue_id, BAD_HANDLE);
	EXPECT_BAD_JOB(EINVAL, flags, 2);
	EXPECT_BAD_JOB(ENOENT, results_handle, BAD_HANDLE);
	EXPECT_BAD_JOB(EINVAL, results_handle, 0 * (bad__.results_offset = 8));
	EXPECT_BAD_JOB(EINVAL, results_offset, 4);
	EXPECT_BAD_JOB(EINVAL, results_offset, 1ull << 40);
	EXPECT_BAD_JOB(EINVAL, num_in_syncs, DRM_LOOM_SUBMIT_MAX_SYNCS + 1);
	EXPECT_BAD_JOB(EFAULT, num_in_syncs, (bad__.in_syncs = BAD_POINTER, 1));
	EXPECT_BAD_JOB(EINVAL, job.cmd_va, good.job.cmd_va + 4);
	EXPECT_BAD_JOB(EINVAL, job.cmd_va, 1ull << 48);
	EXPECT_BAD_JOB(EINVAL, job.cmd_size, good.job.cmd_size + 4);
	EXPECT_BAD_JOB(EINVAL, job.vm_slot, 1);
	EXPECT_BAD_JOB(EINVAL, job.flags, 1 << 15);
	EXPECT_BAD_JOB(EINVAL, job.pad, 1);
	EXPECT_EQ(0, submit_one_job(&good));
	ASSERT_EQ(0, queue_set_vm(self->fd, self->queue, 0, 0));
	EXPECT_EQ(-ENOENT, submit_one_job(&good));
	good.results_handle = 0;
	EXPECT_EQ(-ENOENT, submit_one_job(&good));
}

TEST_F(uring, bad_op)
{
	struct io_uring_sqe *sqe;

	prepare(&self->ring, self->fd, variant->sqe_flags, &self->good, 1);
	sqe = &self->ring.sq.sqes[((self->ring.sq.sqe_tail - 1) & (DEPTH - 1)) * 2];
	sqe->cmd_op = 99;
	io_uring_submit(&self->ring);
	EXPECT_EQ(-EOPNOTSUPP, reap(&self->ring).res);
}

/* A ring without big SQEs has no room for the arguments. */
TEST_F(uring, small_sqe)
{
	struct io_uring_sqe *sqe;
	struct io_uring ring;

	ASSERT_EQ(0, io_uring_queue_init(8, &ring, variant->ring_flags));
	sqe = io_uring_get_sqe(&ring);
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = self->fd;
	sqe->cmd_op = LOOM_URING_SUBMIT;
	io_uring_submit(&ring);
	EXPECT_EQ(-EOPNOTSUPP, reap(&ring).res);
	io_uring_queue_exit(&ring);
}

TEST_F(uring, fault)
{
	struct drm_loom_job jobs[] = { self->job, self->job, self->job };
	struct drm_loom_submit args = self->good;
	struct drm_loom_vm_info info;

	jobs[1].cmd_va = 1ull << 40;
	args.jobs = (__u64)(uintptr_t)jobs;
	args.num_jobs = 3;
	EXPECT_EQ(-EIO, submit_one(&args));
	EXPECT_EQ(0, self->results[0].status);
	EXPECT_EQ(-EIO, self->results[1].status);
	EXPECT_EQ(LOOM_FAULT_MMU_READ, self->results[1].fault);
	EXPECT_EQ(-EIO, self->results[2].status);
	EXPECT_EQ(LOOM_FAULT_CONTEXT_DEAD, self->results[2].fault);
	ASSERT_EQ(0, vm_info(self->fd, self->w.vm, &info));
	EXPECT_EQ(1, info.dead);
	EXPECT_EQ(-EIO, submit_one(&self->good));
}

/* ---- it is cut short ---- */

static void submit_slow(struct _test_data_uring *self, unsigned int sqe_flags, __u32 n)
{
	struct drm_loom_submit args = self->good;
	__u32 i;

	args.jobs = (__u64)(uintptr_t)&self->slow;
	for (i = 0; i < n; i++) {
		args.results_offset = i * sizeof(*self->results);
		prepare(&self->ring, self->fd, sqe_flags, &args, i);
	}
	io_uring_submit(&self->ring);
}

TEST_F(uring, queue_destroyed)
{
	struct drm_loom_submit args = self->good;
	struct drm_loom_job jobs[64];
	__u32 i, cancelled = 0;
	int res;

	if (variant->ring_flags & IORING_SETUP_SQPOLL || variant->sqe_flags & IOSQE_ASYNC)
		SKIP(return, "the queue may be gone before they are issued");
	/* Six seconds of them, however long it takes to get there. */
	for (i = 0; i < 64; i++)
		jobs[i] = self->slow;
	args.jobs = (__u64)(uintptr_t)jobs;
	args.num_jobs = 64;
	for (i = 0; i < 32; i++)
		prepare(&self->ring, self->fd, 0, &args, i);
	io_uring_submit(&self->ring);
	ASSERT_EQ(0, queue_destroy(self->fd, self->queue));
	for (i = 0; i < 32; i++) {
		res = reap(&self->ring).res;
		ASSERT_TRUE(!res || res == -ECANCELED) {
			TH_LOG("res %d", res);
		}
		cancelled += !!res;
	}
	EXPECT_LT(0, cancelled);
}

/* Not every kernel tells drivers of IORING_OP_ASYNC_CANCEL (6.12 does not): then it runs on. */
TEST_F(uring, async_cancel)
{
	struct io_uring_sqe *sqe;
	struct completion c;
	int cancel = 1, res = 1, i;

	submit_slow(self, variant->sqe_flags, 2);
	sqe = io_uring_get_sqe(&self->ring);
	io_uring_prep_cancel64(sqe, 0, 0);
	sqe->user_data = 1000;
	io_uring_submit(&self->ring);
	/* in any order: on a busy machine the commands may be done first */
	for (i = 0; i < 3; i++) {
		c = reap(&self->ring);
		if (c.user_data == 1000)
			cancel = c.res;
		else if (!c.user_data)
			res = c.res;
	}
	EXPECT_TRUE((!cancel && res == -ECANCELED) ||
		    ((cancel == -ENOENT || cancel == -EALREADY) && !res)) {
		TH_LOG("cancel %d, command %d", cancel, res);
	}
}

/* The ring ends with jobs in flight; they run on, and their results are written. */
TEST_F(uring, ring_exit)
{
	__u32 i;

	for (i = 0; i < 10; i++) {
		submit_slow(self, variant->sqe_flags, 12);
		io_uring_queue_exit(&self->ring);
		ASSERT_EQ(0, io_uring_queue_init(DEPTH, &self->ring,
						 IORING_SETUP_SQE128 | variant->ring_flags));
	}
	EXPECT_EQ(0, submit_one(&self->good));
	EXPECT_TRUE(world_done(&self->w, 5));
}

TEST_F(uring, file_closed)
{
	__u32 i;

	if (variant->ring_flags & IORING_SETUP_SQPOLL)
		SKIP(return, "the file may be closed before they are issued");
	submit_slow(self, variant->sqe_flags, 12);
	close(self->fd);
	for (i = 0; i < 12; i++)
		EXPECT_EQ(0, reap(&self->ring).res);
	self->fd = loom_open();
}

/* A task is killed with everything in flight: jobs, rings, mappings. */
TEST_F(uring, task_killed)
{
	int i, fd, status;
	struct world w;
	pid_t child;

	for (i = 0; i < 5; i++) {
		child = fork();
		ASSERT_LE(0, child);
		if (!child) {
			io_uring_queue_init(DEPTH, &self->ring,
					    IORING_SETUP_SQE128 | variant->ring_flags);
			submit_slow(self, variant->sqe_flags, 32);
			usleep(1000);
			kill(getpid(), SIGKILL);
		}
		ASSERT_EQ(child, waitpid(child, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status));
	}

	fd = loom_open();
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, world_create(fd, &w));
	EXPECT_EQ(0, vm_destroy(fd, w.vm));
	close(fd);
}

static __s64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ll + ts.tv_nsec / 1000000;
}

/* Half a minute of jobs, and a lease on all that is left. Returns when they are under way. */
static void hog(struct _test_data_uring *self, unsigned int ring_flags, __u32 lease)
{
	struct drm_loom_job jobs[DRM_LOOM_SUBMIT_MAX_JOBS];
	struct drm_loom_submit args = { .num_jobs = DRM_LOOM_SUBMIT_MAX_JOBS };
	__u32 vm, i;

	io_uring_queue_init(DEPTH, &self->ring, IORING_SETUP_SQE128 | ring_flags);
	if (vm_create(self->fd, lease, &vm) ||
	    queue_create(self->fd, 1024, 1, 0, &args.queue_id) ||
	    queue_set_vm(self->fd, args.queue_id, 0, self->w.vm))
		_exit(1);
	for (i = 0; i < DRM_LOOM_SUBMIT_MAX_JOBS; i++)
		jobs[i] = self->slow;
	args.jobs = (__u64)(uintptr_t)jobs;
	for (i = 0; i < 40; i++)
		prepare(&self->ring, self->fd, 0, &args, i);
	io_uring_submit(&self->ring);
	usleep(100000); /* SQPOLL */
}

/* A killed task keeps nothing until its jobs are done: they are cancelled with the file. */
TEST_F(uring, killed_with_long_jobs)
{
	struct loom_hw_caps caps;
	__u32 lease, vm;
	int fd, status;
	pid_t child;
	__s64 begin;

	ASSERT_EQ(0, loom_caps(self->fd, &caps));
	lease = caps.act_sram_bytes / 2 + 4096;
	io_uring_queue_exit(&self->ring);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		self->fd = loom_open();
		if (world_create(self->fd, &self->w) ||
		    slow_create(&self->w, 0, &self->slow_bo, &self->slow))
			_exit(1);
		hog(self, variant->ring_flags, lease);
		kill(getpid(), SIGKILL);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));

	fd = loom_open();
	ASSERT_LE(0, fd);
	begin = now_ms();
	while (vm_create(fd, lease, &vm) == -ENOSPC && now_ms() - begin < 25000)
		usleep(10000);
	EXPECT_GT(15000, now_ms() - begin);
	close(fd);
	ASSERT_EQ(0, io_uring_queue_init(DEPTH, &self->ring,
					 IORING_SETUP_SQE128 | variant->ring_flags));
}

/* ---- many at once ---- */

struct issuer {
	struct _test_data_uring *self;
	unsigned int ring_flags;
	int errors;
};

static void *issue(void *arg)
{
	struct issuer *me = arg;
	struct drm_loom_submit args = me->self->good;
	struct io_uring ring;
	int i, n;

	args.results_handle = 0;
	me->errors += !!io_uring_queue_init(DEPTH, &ring, IORING_SETUP_SQE128 | me->ring_flags);
	for (n = 0; n < 20 && !me->errors; n++) {
		for (i = 0; i < 8; i++)
			prepare(&ring, me->self->fd, 0, &args, i);
		io_uring_submit(&ring);
		for (i = 0; i < 8; i++)
			me->errors += !!reap(&ring).res;
	}
	io_uring_queue_exit(&ring);
	return NULL;
}

TEST_F(uring, threads)
{
	struct issuer issuers[4];
	pthread_t threads[4];
	int i, errors = 0;

	for (i = 0; i < 4; i++) {
		issuers[i] = (struct issuer){ self, variant->ring_flags, 0 };
		errors += !!pthread_create(&threads[i], NULL, issue, &issuers[i]);
	}
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		errors += issuers[i].errors;
	}
	EXPECT_EQ(0, errors);
}

TEST_HARNESS_MAIN
