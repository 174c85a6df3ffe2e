// SPDX-License-Identifier: GPL-2.0-only
/* The device sleeps when it has nothing to do, and with the machine; nobody loses anything. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "loom_test.h"

#define PCI	"/sys/bus/pci/devices/0000:01:00.0/"
#define JOBS	48u

static int text_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int ret = fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return ret;
}

static bool sleeps(void)
{
	char text[32] = "";
	int fd = open(PCI "power/runtime_status", O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return false;
	close(fd);
	return !strncmp(text, "suspended", 9);
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
	close(self->fd);
}

TEST_F_TIMEOUT(power, autosuspend, 60)
{
	int i;

	for (i = 0; i < 3; i++) {
		world_program(&self->world, i);
		ASSERT_TRUE(falls_asleep());
		ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, &self->job, 1, NULL));
		EXPECT_FALSE(sleeps());
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

TEST_F_TIMEOUT(power, user_queue, 60)
{
	struct drm_loom_queue_create args = {
		.flags = DRM_LOOM_QUEUE_USER,
		.entries = 8,
		.vm_slots = 1,
	};
	struct drm_loom_rings *rings;

	ASSERT_EQ(0, loom_call(self->fd, DRM_IOCTL_LOOM_QUEUE_CREATE, &args));
	rings = mmap(NULL, args.rings_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd,
		     args.rings_offset);
	ASSERT_NE(MAP_FAILED, (void *)rings);
	usleep(500000);
	EXPECT_FALSE(sleeps());
	EXPECT_EQ(0, rings->dead);
	if (text_to("/sys/power/pm_test", "devices") || text_to("/sys/power/state", "freeze"))
		SKIP(return, "this kernel cannot try a suspend");
	EXPECT_EQ(1, rings->dead);
	ASSERT_EQ(0, queue_destroy(self->fd, args.queue_id));
	EXPECT_TRUE(falls_asleep());
}

TEST_HARNESS_MAIN
