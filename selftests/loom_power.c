// SPDX-License-Identifier: GPL-2.0-only
/* The device sleeps when it has nothing to do, and with the machine; nobody loses anything. */

#include <fcntl.h>
#include <liburing.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "loom_control.h"
#include "loom_test.h"

#define JOBS	48u

/* Where the kernel's workers may run; what real-time threads leave to others. */
#define WORKERS		"/sys/devices/virtual/workqueue/cpumask"
#define RT_RUNTIME	"/proc/sys/kernel/sched_rt_runtime_us"

static bool status_is(const char *status)
{
	char text[32] = "";
	int fd = open(PCI "power/runtime_status", O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return false;
	close(fd);
	return !strncmp(text, status, strlen(status));
}

static bool sleeps(void)
{
	return status_is("suspended");
}

static bool falls_asleep(void)
{
	int i;

	for (i = 0; i < 500 && !sleeps(); i++)
		usleep(10000);
	return sleeps();
}

FIXTURE(power) {
	int fd;
	__u32 queue, done;
	struct world world;
	struct bo slow_bo, results_bo;
	struct drm_loom_result *results;
	struct drm_loom_job job, slow;
};

FIXTURE_SETUP(power)
{
	self->fd = loom_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, queue_create(self->fd, 16, 1, 0, &self->queue));
	ASSERT_EQ(0, world_create(self->fd, &self->world));
	world_program(&self->world, 1);
	ASSERT_EQ(0, queue_set_vm(self->fd, self->queue, 0, self->world.vm));
	ASSERT_EQ(0, slow_create(&self->world, 0, &self->slow_bo, &self->slow));
	ASSERT_EQ(0, bo_create(self->fd, JOBS * sizeof(*self->results), &self->results_bo));
	self->results = self->results_bo.map;
	self->job = world_job(&self->world, 0, 1);
	self->done = syncobj_create(self->fd);
}

FIXTURE_TEARDOWN(power)
{
	text_to("/sys/power/pm_test", "none");
	device_stay_awake(false);
	text_to(WORKERS, "f");
	text_to(RT_RUNTIME, "950000");
	close(self->fd);
}

TEST_F_TIMEOUT(power, autosuspend, 60)
{
	long long before;
	int i;

	for (i = 0; i < 3; i++) {
		world_program(&self->world, i);
		ASSERT_TRUE(falls_asleep());
		before = number_in(PCI "power/runtime_active_time");
		ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, &self->job, 1, NULL));
		/* it woke up, and if this comes late, has been awake */
		EXPECT_TRUE(!sleeps() ||
			    number_in(PCI "power/runtime_active_time") > before);
		EXPECT_TRUE(world_done(&self->world, i));
	}
}

/* The device forgets its SRAM in D3; the second job finds what the first one left there. */
TEST_F_TIMEOUT(power, lease, 60)
{
	__u32 bytes = WORLD_COUNT * sizeof(float);
	struct assembler a;

	world_begin(&self->world, &a);
	asm_move(&a, LOOM_OP_LOAD, WORLD_VA + WORLD_IN, 4096, bytes, 0);
	self->job = world_job(&self->world, 0, 1);
	ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, &self->job, 1, NULL));
	ASSERT_TRUE(falls_asleep());

	world_begin(&self->world, &a);
	asm_move(&a, LOOM_OP_STORE, WORLD_VA + WORLD_OUT, 4096, bytes, 0);
	self->job = world_job(&self->world, 0, 2);
	ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, &self->job, 1, NULL));
	EXPECT_TRUE(world_holds(&self->world, 1, 1));
}

/* What can be done to a device that sleeps. */
TEST_F_TIMEOUT(power, asleep, 60)
{
	struct drm_loom_vm_info info;
	struct loom_hw_caps caps;
	struct world w;
	__u32 queue;

	ASSERT_TRUE(falls_asleep());
	EXPECT_EQ(0, vm_info(self->fd, self->world.vm, &info));
	EXPECT_EQ(0, loom_caps(self->fd, &caps));
	ASSERT_TRUE(falls_asleep());
	EXPECT_EQ(0, vm_unmap(self->fd, self->world.vm, WORLD_VA, WORLD_BYTES));
	EXPECT_TRUE(sleeps());
	EXPECT_EQ(0, vm_destroy(self->fd, self->world.vm));
	EXPECT_EQ(0, queue_destroy(self->fd, self->queue));
	ASSERT_TRUE(falls_asleep());
	EXPECT_EQ(0, queue_create(self->fd, 8, 1, 0, &queue));
	ASSERT_TRUE(falls_asleep());
	EXPECT_EQ(0, world_create(self->fd, &w));
	world_program(&w, 4);
	ASSERT_TRUE(falls_asleep());
	EXPECT_EQ(0, queue_set_vm(self->fd, queue, 0, w.vm));
	self->job = world_job(&w, 0, 1);
	EXPECT_EQ(0, submit_and_wait(self->fd, queue, &self->job, 1, NULL));
	EXPECT_TRUE(world_done(&w, 4));
}

static int run_by_uring(struct io_uring *ring, int fd, __u32 queue, const struct drm_loom_job *job)
{
	struct drm_loom_uring_job args = { .queue_id = queue, .job = *job };
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	int ret;

	memset(sqe, 0, 2 * sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = fd;
	sqe->cmd_op = LOOM_URING_JOB;
	memcpy(sqe->cmd, &args, sizeof(args));
	io_uring_submit(ring);
	ret = io_uring_wait_cqe(ring, &cqe) ?: cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return ret;
}

/* A VM's first job may come while the device falls asleep: of that VM nothing could be lost. */
TEST_F_TIMEOUT(power, falling_asleep, 60)
{
	struct io_uring ring;
	struct world w;
	int i, n;

	ASSERT_EQ(0, io_uring_queue_init(4, &ring, IORING_SETUP_SQE128));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, world_create(self->fd, &w));
		world_program(&w, i);
		ASSERT_EQ(0, queue_set_vm(self->fd, self->queue, 0, w.vm));
		self->job = world_job(&w, 0, 1);
		for (n = 0; n < 1000000 && status_is("active"); n++)
			;
		ASSERT_EQ(0, run_by_uring(&ring, self->fd, self->queue, &self->job));
		EXPECT_TRUE(world_done(&w, i));
		world_destroy(&w);
	}
	io_uring_queue_exit(&ring);
}

/*
 * Firmware that has stopped saves no lease. The device does not fall asleep then, and it is found
 * out and booted again; the PM core must not keep the error, or nobody would ever wake it up.
 */
TEST_F_TIMEOUT(power, cannot_sleep, 60)
{
	struct drm_loom_vm_info info = {};
	struct world w;
	int i;

	ASSERT_EQ(0, device_stay_awake(true));
	ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, &self->job, 1, NULL));
	ASSERT_EQ(0, inject(LOOM_INJECT_HANG_FIRMWARE, 0));
	ASSERT_EQ(0, device_stay_awake(false));
	for (i = 0; i < 20 && !info.dead; i++) {
		sleep(1); /* asking keeps it awake */
		ASSERT_EQ(0, vm_info(self->fd, self->world.vm, &info));
	}
	EXPECT_EQ(1, info.dead);
	EXPECT_EQ(LOOM_FAULT_RESET, info.fault);

	ASSERT_EQ(0, world_create(self->fd, &w));
	world_program(&w, 3);
	ASSERT_EQ(0, queue_set_vm(self->fd, self->queue, 0, w.vm));
	self->job = world_job(&w, 0, 1);
	EXPECT_EQ(0, submit_and_wait(self->fd, self->queue, &self->job, 1, NULL));
	EXPECT_TRUE(world_done(&w, 3));
	EXPECT_TRUE(falls_asleep());
}

/* Jobs in the device, on the ring and behind it: all end well on the other side of a suspend. */
static void suspend_busy(struct __test_metadata *_metadata, struct _test_data_power *self,
			 const char *state)
{
	struct drm_loom_job jobs[JOBS];
	struct submission s;
	__u32 i;

	if (text_to("/sys/power/pm_test", "devices"))
		SKIP(return, "this kernel cannot try a suspend");
	for (i = 0; i < JOBS; i++)
		jobs[i] = i % 2 ? self->job : self->slow;
	submission_init(&s, self->queue, jobs, JOBS, &self->results_bo);
	submission_signal(&s, self->done, 0);
	ASSERT_EQ(0, submission_run(self->fd, &s));
	if (text_to("/sys/power/state", state))
		SKIP(return, "this machine has no such state");
	ASSERT_EQ(0, syncobj_wait(self->fd, self->done));
	for (i = 0; i < JOBS; i++)
		EXPECT_EQ(0, self->results[i].status);
	EXPECT_TRUE(world_done(&self->world, 1));
}

TEST_F_TIMEOUT(power, s2idle, 60)
{
	suspend_busy(_metadata, self, "freeze");
}

TEST_F_TIMEOUT(power, s3, 60)
{
	suspend_busy(_metadata, self, "mem");
}

static struct drm_loom_rings *user_queue_create(int fd, __u32 *id)
{
	struct drm_loom_queue_create args = {
		.flags = DRM_LOOM_QUEUE_USER,
		.entries = 8,
		.vm_slots = 1,
	};

	if (loom_call(fd, DRM_IOCTL_LOOM_QUEUE_CREATE, &args))
		return MAP_FAILED;
	*id = args.queue_id;
	return mmap(NULL, args.rings_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    args.rings_offset);
}

TEST_F_TIMEOUT(power, user_queue, 60)
{
	struct drm_loom_rings *rings;
	__u32 id;

	rings = user_queue_create(self->fd, &id);
	ASSERT_NE(MAP_FAILED, (void *)rings);
	usleep(500000);
	EXPECT_FALSE(sleeps());
	EXPECT_EQ(0, rings->dead);
	if (text_to("/sys/power/pm_test", "devices") || text_to("/sys/power/state", "freeze"))
		SKIP(return, "this kernel cannot try a suspend");
	EXPECT_EQ(1, rings->dead);
	ASSERT_EQ(0, queue_destroy(self->fd, id));
	EXPECT_TRUE(falls_asleep());
}

static int run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

struct hog {
	bool failed, runs, stop;
};

/* Leaves nothing of CPU 0 to anybody. */
static void *hog_cpu(void *arg)
{
	struct sched_param param = { .sched_priority = 50 };
	struct hog *hog = arg;

	hog->failed = run_on(0) || sched_setscheduler(0, SCHED_FIFO, &param);
	__atomic_store_n(&hog->runs, true, __ATOMIC_RELEASE);
	while (!hog->failed && !__atomic_load_n(&hog->stop, __ATOMIC_RELAXED))
		;
	return NULL;
}

/* A queue keeps the device awake from the first, also when the kernel's workers come late. */
TEST_F_TIMEOUT(power, late_worker, 60)
{
	struct drm_loom_rings *rings;
	struct hog hog = {};
	pthread_t thread;
	__u32 id;

	if (run_on(1) || text_to(WORKERS, "1") || text_to(RT_RUNTIME, "-1"))
		SKIP(return, "needs a second processor");
	ASSERT_TRUE(falls_asleep());
	ASSERT_EQ(0, pthread_create(&thread, NULL, hog_cpu, &hog));
	while (!__atomic_load_n(&hog.runs, __ATOMIC_ACQUIRE))
		usleep(1000);
	rings = user_queue_create(self->fd, &id);
	usleep(300000);
	__atomic_store_n(&hog.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_FALSE(hog.failed);
	ASSERT_NE(MAP_FAILED, (void *)rings);
	EXPECT_EQ(0, rings->dead);
	EXPECT_FALSE(sleeps());
}

TEST_HARNESS_MAIN
