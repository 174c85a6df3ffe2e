// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device is pulled out (modelled by the device: all its registers read as ones, and nothing
 * answers in its configuration space either) with jobs in flight and everything mapped. It does not
 * come back in this boot, so this is the last test.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "loom_control.h"
#include "loom_test.h"

#define JOBS	32u

TEST(removal)
{
	struct drm_loom_queue_create user = {
		.flags = DRM_LOOM_QUEUE_USER,
		.entries = 8,
		.vm_slots = 1,
	};
	struct drm_loom_result *results;
	struct bo slow_bo, results_bo, bo;
	struct drm_loom_rings *rings;
	struct drm_loom_job jobs[JOBS], slow;
	__u32 queue, done, vm, i;
	volatile __u32 *doorbell;
	struct submission s;
	struct world w;
	int fd;

	fd = loom_open();
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, text_to(HANG_MS, "100"));
	ASSERT_EQ(0, queue_create(fd, 8, 1, 0, &queue));
	ASSERT_EQ(0, world_create(fd, &w));
	world_program(&w, 1);
	ASSERT_EQ(0, queue_set_vm(fd, queue, 0, w.vm));
	ASSERT_EQ(0, slow_create(&w, 0, &slow_bo, &slow));
	ASSERT_EQ(0, bo_create(fd, JOBS * sizeof(*results), &results_bo));
	results = results_bo.map;
	done = syncobj_create(fd);
	ASSERT_EQ(0, loom_call(fd, DRM_IOCTL_LOOM_QUEUE_CREATE, &user));
	rings = mmap(NULL, user.rings_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		     user.rings_offset);
	doorbell = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, user.doorbell_offset);
	ASSERT_NE(MAP_FAILED, (void *)rings);
	ASSERT_NE(MAP_FAILED, (void *)doorbell);

	/* an engine that hangs keeps them all in flight */
	ASSERT_EQ(0, inject(LOOM_INJECT_HANG_DMA, 0));
	for (i = 0; i < JOBS; i++)
		jobs[i] = i % 2 ? world_job(&w, 0, i) : slow;
	submission_init(&s, queue, jobs, JOBS, &results_bo);
	submission_signal(&s, done, 0);
	ASSERT_EQ(0, submission_run(fd, &s));
	ASSERT_EQ(0, inject(LOOM_INJECT_REMOVE, 0));

	/* the fence is signalled, and every job has ended */
	ASSERT_EQ(0, syncobj_wait(fd, done));
	EXPECT_EQ(-ENODEV, results[JOBS - 1].status);
	for (i = 0; i < JOBS; i++)
		EXPECT_TRUE(!results[i].status || results[i].status == -ENODEV ||
			    results[i].status == -ECANCELED);

	/* nothing that is mapped has become deadly, and nothing new begins */
	EXPECT_EQ(1, rings->dead);
	*doorbell = 1;
	world_program(&w, 3);
	EXPECT_TRUE(world_untouched(&w));
	EXPECT_EQ(-ENODEV, submission_run(fd, &s));
	EXPECT_EQ(-ENODEV, vm_create(fd, 0, &vm));
	EXPECT_EQ(0, bo_create(fd, PAGE, &bo));
	EXPECT_EQ(0, vm_unmap(fd, w.vm, WORLD_VA, WORLD_BYTES));

	/* the slot notices, and the driver goes too */
	ASSERT_EQ(0, text_to(PCI "remove", "1"));
	EXPECT_EQ(-1, access("/dev/accel/accel0", F_OK));
	*doorbell = 1;
	EXPECT_EQ(1, rings->dead);
	world_program(&w, 4);
	EXPECT_EQ(-ENODEV, bo_create(fd, PAGE, &bo));
	close(fd);
	/* memory that was mapped stays */
	world_program(&w, 5);
	EXPECT_TRUE(world_untouched(&w));
}

/* Nothing keeps the module. */
TEST(unload)
{
	EXPECT_EQ(0, driver_unload());
}

TEST_HARNESS_MAIN
