// SPDX-License-Identifier: GPL-2.0-only
/* Many users of one device: bands, limits, fair shares. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "loom_control.h"
#include "loom_test.h"

#define PARAMETERS	"/sys/module/loom/parameters/"
#define SOMEBODY	1234
#define JOBS		64u

/* As a user without privileges, who has the node from somebody else. */
static int become_somebody(void)
{
	if (chmod("/dev/accel/accel0", 0666))
		return -errno;
	return syscall(SYS_setresuid, SOMEBODY, SOMEBODY, SOMEBODY) ? -errno : 0;
}

static int queue_create_band(int fd, __u32 band, __u32 entries, __u32 *queue)
{
	struct drm_loom_queue_create args = { .entries = entries, .vm_slots = 1, .band = band };
	int ret = loom_call(fd, DRM_IOCTL_LOOM_QUEUE_CREATE, &args);

	*queue = args.queue_id;
	return ret;
}

FIXTURE(tenants) {
	struct loom_hw_caps caps;
	int fd;
};

FIXTURE_SETUP(tenants)
{
	self->fd = loom_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, loom_caps(self->fd, &self->caps));
}

FIXTURE_TEARDOWN_PARENT(tenants)
{
	text_to(PARAMETERS "max_vms_per_user", "0");
	text_to(PARAMETERS "max_queues_per_user", "0");
	text_to(PARAMETERS "max_bo_mb_per_user", "0");
}

TEST_F(tenants, bands_need_privilege)
{
	__u32 queue;

	EXPECT_EQ(0, queue_create_band(self->fd, DRM_LOOM_BAND_REALTIME, 8, &queue));
	ASSERT_EQ(0, become_somebody());
	EXPECT_EQ(-EPERM, queue_create_band(self->fd, DRM_LOOM_BAND_REALTIME, 8, &queue));
	EXPECT_EQ(-EPERM, queue_create_band(self->fd, DRM_LOOM_BAND_HIGH, 8, &queue));
	EXPECT_EQ(0, queue_create_band(self->fd, DRM_LOOM_BAND_IDLE, 8, &queue));
	EXPECT_EQ(0, queue_create_band(self->fd, DRM_LOOM_BAND_NORMAL, 8, &queue));
}

/* Half of what there is by default; all files of a user count. */
TEST_F(tenants, vm_limit)
{
	__u32 most = self->caps.max_contexts / 2, vm, i;
	int fd;

	ASSERT_EQ(0, become_somebody());
	fd = loom_open();
	ASSERT_LE(0, fd);
	for (i = 0; i < most; i++)
		ASSERT_EQ(0, vm_create(fd, 0, &vm));
	EXPECT_EQ(-EDQUOT, vm_create(fd, 0, &vm));
	ASSERT_EQ(0, vm_destroy(fd, 1));
	EXPECT_EQ(0, vm_create(fd, 0, &vm));
	fd = loom_open();
	EXPECT_EQ(-EDQUOT, vm_create(fd, 0, &vm));
	/* who opened the file is who pays */
	EXPECT_EQ(0, vm_create(self->fd, 0, &vm));
}

TEST_F(tenants, queue_limit)
{
	__u32 queue, first;
	int fd;

	ASSERT_EQ(0, text_to(PARAMETERS "max_queues_per_user", "2"));
	EXPECT_EQ(0, queue_create(self->fd, 8, 1, 0, &queue));
	EXPECT_EQ(0, queue_create(self->fd, 8, 1, 0, &queue));
	EXPECT_EQ(0, queue_create(self->fd, 8, 1, 0, &queue)); /* root may */
	ASSERT_EQ(0, become_somebody());
	fd = loom_open();
	EXPECT_EQ(0, queue_create(fd, 8, 1, 0, &queue));
	EXPECT_EQ(0, queue_create(fd, 8, 1, 0, &queue));
	first = queue;
	EXPECT_EQ(-EDQUOT, queue_create(fd, 8, 1, 0, &queue));
	ASSERT_EQ(0, queue_destroy(fd, first));
	EXPECT_EQ(0, queue_create(fd, 8, 1, 0, &queue));
}

TEST_F(tenants, memory_limit)
{
	struct bo bo, first;
	int fd;

	ASSERT_EQ(0, text_to(PARAMETERS "max_bo_mb_per_user", "1"));
	ASSERT_EQ(0, become_somebody());
	fd = loom_open();
	EXPECT_EQ(0, bo_create_unmapped(fd, 1 << 19, &first));
	EXPECT_EQ(-EDQUOT, bo_create_unmapped(fd, (1 << 19) + 1, &bo));
	EXPECT_EQ(0, bo_create_unmapped(fd, 1 << 19, &bo));
	EXPECT_EQ(-EDQUOT, bo_create_unmapped(fd, 1, &bo));
	bo_destroy(fd, &first);
	EXPECT_EQ(0, bo_create_unmapped(fd, 1, &bo));
}

struct tenant {
	__u32 queue, done;
	struct world world;
	struct bo slow_bo, results_bo;
	struct drm_loom_result *results;
	struct drm_loom_job slow;
};

static int tenant_start(int fd, __u32 jobs, struct tenant *t)
{
	struct drm_loom_job all[JOBS];
	struct submission s;
	__u32 i;

	for (i = 0; i < jobs; i++)
		all[i] = t->slow;
	submission_init(&s, t->queue, all, jobs, &t->results_bo);
	submission_signal(&s, t->done, 0);
	return submission_run(fd, &s);
}

static int tenant_create(int fd, __u32 band, struct tenant *t)
{
	int ret = queue_create_band(fd, band, JOBS, &t->queue);

	if (!ret)
		ret = world_create(fd, &t->world);
	if (!ret)
		ret = queue_set_vm(fd, t->queue, 0, t->world.vm);
	if (!ret)
		ret = slow_create(&t->world, 0, &t->slow_bo, &t->slow);
	if (!ret)
		ret = bo_create(fd, JOBS * sizeof(*t->results), &t->results_bo);
	t->results = t->results_bo.map;
	t->done = syncobj_create(fd);
	return ret;
}

/* Who is served when two want the device at the same time is seen only if they do. */
#define REAL_TIME "in real time the second may come when the first is done"

static bool in_real_time(const struct loom_hw_caps *caps)
{
	return !(caps->flags & LOOM_CAP_ICOUNT);
}

/* Of two clients that ask for the same, neither is far ahead at any time. */
TEST_F(tenants, fair_share)
{
	struct tenant t[2];
	__u32 i;

	if (in_real_time(&self->caps))
		SKIP(return, REAL_TIME);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, tenant_create(self->fd, DRM_LOOM_BAND_NORMAL, &t[i]));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, tenant_start(self->fd, 32, &t[i]));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, syncobj_wait(self->fd, t[i].done));
	/* each is half through when the other is, give or take what was dispatched ahead */
	EXPECT_GT(t[1].results[20].end, t[0].results[12].end);
	EXPECT_GT(t[0].results[20].end, t[1].results[12].end);
}

/* Who comes later, but in a higher band, is served first. */
TEST_F(tenants, high_band_first)
{
	struct tenant low, high;

	if (in_real_time(&self->caps))
		SKIP(return, REAL_TIME);
	ASSERT_EQ(0, tenant_create(self->fd, DRM_LOOM_BAND_NORMAL, &low));
	ASSERT_EQ(0, tenant_create(self->fd, DRM_LOOM_BAND_HIGH, &high));
	ASSERT_EQ(0, tenant_start(self->fd, JOBS, &low));
	ASSERT_EQ(0, tenant_start(self->fd, 4, &high));
	ASSERT_EQ(0, syncobj_wait(self->fd, low.done));
	ASSERT_EQ(0, syncobj_wait(self->fd, high.done));
	EXPECT_LT(high.results[3].end, low.results[JOBS / 2].end);
}

/* No band starves: within the quantum of the higher one (10 ms) a lower one has a job. */
TEST_F(tenants, no_starvation)
{
	struct tenant low, high;

	if (in_real_time(&self->caps))
		SKIP(return, REAL_TIME);
	ASSERT_EQ(0, tenant_create(self->fd, DRM_LOOM_BAND_IDLE, &low));
	ASSERT_EQ(0, tenant_create(self->fd, DRM_LOOM_BAND_REALTIME, &high));
	ASSERT_EQ(0, tenant_start(self->fd, JOBS, &high));
	ASSERT_EQ(0, tenant_start(self->fd, 2, &low));
	ASSERT_EQ(0, syncobj_wait(self->fd, low.done));
	ASSERT_EQ(0, syncobj_wait(self->fd, high.done));
	EXPECT_LT(low.results[1].end, high.results[JOBS - 1].end);
}

TEST_HARNESS_MAIN
