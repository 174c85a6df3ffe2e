// SPDX-License-Identifier: GPL-2.0-only
/*
 * The slot is powered off, as QEMU's device_del and an attention button do it: the driver is asked
 * first, with jobs in flight by every way there is and everything mapped; then the device goes. A
 * second device, if the machine has one, does not notice. The first does not come back in this
 * boot, so this is the last test.
 */

#include <dirent.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "loom_control.h"
#include "loom_test.h"

#define SECOND	"0000:02:00.0"
#define SLOTS	"/sys/bus/pci/slots"
#define JOBS	32u
#define URING	4u
#define FRESH	(64 * PAGE)

/* The node of the device at that address, opened. */
static int open_at(const char *address)
{
	char path[96];
	int i;

	for (i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/accel/accel%d", address, i);
		if (!access(path, F_OK)) {
			snprintf(path, sizeof(path), "/dev/accel/accel%d", i);
			return open(path, O_RDWR | O_CLOEXEC);
		}
	}
	return -ENODEV;
}

/* Powers off the slot that the device is in. */
static int slot_off(void)
{
	char path[300], address[32];
	struct dirent *entry;
	DIR *dir = opendir(SLOTS);
	int fd, ret = -ENOENT;
	ssize_t len;

	while (dir && ret == -ENOENT && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), SLOTS "/%s/address", entry->d_name);
		fd = open(path, O_RDONLY);
		if (fd < 0)
			continue;
		len = read(fd, address, sizeof(address) - 1);
		close(fd);
		if (len <= 0 || strncmp(address, DEVICE, strlen("0000:01:00")))
			continue;
		snprintf(path, sizeof(path), SLOTS "/%s/power", entry->d_name);
		ret = text_to(path, "0");
	}
	if (dir)
		closedir(dir);
	return ret;
}

/* ---- a tenant with something of everything ---- */

struct tenant {
	int fd;
	struct world w;
	struct bo slow_bo, results_bo, fresh;
	struct drm_loom_result *results;
	struct drm_loom_job jobs[JOBS];
	__u32 queue, done;
	int fence;		/* a sync_file of done */
	struct io_uring ring;
	struct drm_loom_queue_create user;
	struct drm_loom_rings *rings;
	volatile __u32 *doorbell;
};

static int tenant_open(struct tenant *t)
{
	struct drm_loom_job slow;
	__u32 i;
	int ret;

	t->fd = open_at(DEVICE);
	ret = t->fd < 0 ? t->fd : queue_create(t->fd, 8, 1, 0, &t->queue);
	if (!ret)
		ret = world_create(t->fd, &t->w);
	if (!ret)
		ret = queue_set_vm(t->fd, t->queue, 0, t->w.vm);
	if (!ret)
		ret = slow_create(&t->w, 0, &t->slow_bo, &slow);
	if (!ret)
		ret = bo_create(t->fd, JOBS * sizeof(*t->results), &t->results_bo);
	if (!ret)
		ret = bo_create(t->fd, FRESH, &t->fresh);
	if (!ret)
		ret = io_uring_queue_init(8, &t->ring, IORING_SETUP_SQE128);
	if (ret)
		return ret;
	world_program(&t->w, 1);
	t->results = t->results_bo.map;
	t->done = syncobj_create(t->fd);
	for (i = 0; i < JOBS; i++)
		t->jobs[i] = i % 2 ? world_job(&t->w, 0, i) : slow;
	return 0;
}

static int tenant_map_queue(struct tenant *t)
{
	int ret;

	t->user = (struct drm_loom_queue_create){
		.flags = DRM_LOOM_QUEUE_USER,
		.entries = 8,
		.vm_slots = 1,
	};
	ret = loom_call(t->fd, DRM_IOCTL_LOOM_QUEUE_CREATE, &t->user);
	if (ret)
		return ret;
	t->rings = mmap(NULL, t->user.rings_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, t->fd,
			t->user.rings_offset);
	t->doorbell = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, t->fd,
			   t->user.doorbell_offset);
	return (void *)t->rings == MAP_FAILED || (void *)t->doorbell == MAP_FAILED ? -errno : 0;
}

static int tenant_submit(struct tenant *t)
{
	struct drm_syncobj_handle export = {
		.handle = t->done,
		.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE,
	};
	struct submission s;
	int ret;

	submission_init(&s, t->queue, t->jobs, JOBS, &t->results_bo);
	submission_signal(&s, t->done, 0);
	ret = submission_run(t->fd, &s);
	if (!ret)
		ret = loom_call(t->fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &export);
	t->fence = export.fd;
	return ret;
}

static int tenant_submit_uring(struct tenant *t)
{
	struct drm_loom_submit args = {
		.queue_id = t->queue,
		.num_jobs = 1,
		.jobs = (__u64)(uintptr_t)t->jobs,
	};
	struct io_uring_sqe *sqe;
	__u32 i;

	for (i = 0; i < URING; i++) {
		sqe = io_uring_get_sqe(&t->ring);
		if (!sqe)
			return -ENOSPC;
		memset(sqe, 0, 2 * sizeof(*sqe));
		sqe->opcode = IORING_OP_URING_CMD;
		sqe->fd = t->fd;
		sqe->cmd_op = LOOM_URING_SUBMIT;
		memcpy(sqe->cmd, &args, sizeof(args));
	}
	return io_uring_submit(&t->ring) == URING ? 0 : -EIO;
}

static int reap(struct tenant *t)
{
	struct __kernel_timespec ts = { .tv_sec = 20 };
	struct io_uring_cqe *cqe;
	int res = -ETIME;

	if (!io_uring_wait_cqe_timeout(&t->ring, &cqe, &ts)) {
		res = cqe->res;
		io_uring_cqe_seen(&t->ring, cqe);
	}
	return res;
}

/* How the fence ended; no call of the driver, which is gone. */
static int fence_status(int fence)
{
	struct pollfd poll_fd = { .fd = fence, .events = POLLIN };
	struct sync_file_info info = {};

	if (poll(&poll_fd, 1, 20000) != 1)
		return -ETIME;
	return ioctl(fence, SYNC_IOC_FILE_INFO, &info) ? -errno : info.status;
}

/* ---- who waits in the driver meanwhile ---- */

static void *wait_for_fence(void *arg)
{
	struct tenant *t = arg;

	return (void *)(long)syncobj_wait(t->fd, t->done);
}

static void *wait_for_queue(void *arg)
{
	struct tenant *t = arg;
	struct drm_loom_queue_wait args = {
		.queue_id = t->user.queue_id,
		.timeout_ns = INT64_MAX,
	};

	return (void *)(long)loom_call(t->fd, DRM_IOCTL_LOOM_QUEUE_WAIT, &args);
}

/* ---- the second device ---- */

struct second {
	int fd;
	bool stop;
	unsigned int jobs, failed;
};

static void *work(void *arg)
{
	struct drm_loom_job job;
	struct second *s = arg;
	struct world w;
	__u32 queue;

	if (world_create(s->fd, &w) || queue_create(s->fd, 8, 1, 0, &queue) ||
	    queue_set_vm(s->fd, queue, 0, w.vm)) {
		s->failed++;
		return NULL;
	}
	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		world_program(&w, s->jobs);
		job = world_job(&w, 0, s->jobs);
		s->failed += submit_and_wait(s->fd, queue, &job, 1, NULL) ||
			     !world_done(&w, s->jobs);
		__atomic_store_n(&s->jobs, s->jobs + 1, __ATOMIC_RELAXED);
	}
	world_destroy(&w);
	return NULL;
}

/* At least one more job from now on. */
static void wait_for_work(struct second *s)
{
	unsigned int jobs = __atomic_load_n(&s->jobs, __ATOMIC_RELAXED);

	while (__atomic_load_n(&s->jobs, __ATOMIC_RELAXED) <= jobs + 1 &&
	       !__atomic_load_n(&s->failed, __ATOMIC_RELAXED))
		usleep(1000);
}

/* ---- the tests ---- */

static void check_ended(struct __test_metadata *_metadata, struct tenant *t)
{
	__u32 i;

	EXPECT_EQ(-ENODEV, fence_status(t->fence));
	EXPECT_EQ(-ENODEV, t->results[JOBS - 1].status);
	for (i = 0; i < JOBS; i++)
		EXPECT_TRUE(!t->results[i].status || t->results[i].status == -ENODEV);
	for (i = 0; i < URING; i++)
		EXPECT_EQ(-ENODEV, reap(t));
}

/* Nothing that is mapped has become deadly, touched before or not; nothing new begins. */
static void check_mappings(struct __test_metadata *_metadata, struct tenant *t)
{
	struct submission s;
	struct bo bo;
	__u32 vm;

	EXPECT_EQ(1, t->rings->dead);
	*t->doorbell = 1;
	world_program(&t->w, 3);
	EXPECT_TRUE(world_untouched(&t->w));
	memset(t->fresh.map, 1, FRESH);
	EXPECT_EQ(1, ((char *)t->fresh.map)[FRESH - 1]);

	submission_init(&s, t->queue, t->jobs, JOBS, &t->results_bo);
	EXPECT_EQ(-ENODEV, submission_run(t->fd, &s));
	EXPECT_EQ(-ENODEV, vm_create(t->fd, 0, &vm));
	EXPECT_EQ(-ENODEV, vm_unmap(t->fd, t->w.vm, WORLD_VA, WORLD_BYTES));
	EXPECT_EQ(-ENODEV, bo_create(t->fd, PAGE, &bo));
	EXPECT_EQ(0, tenant_submit_uring(t));
	EXPECT_EQ(-ENODEV, reap(t));
}

TEST(unplug)
{
	struct tenant tenants[2] = {}, *t = &tenants[0];
	pthread_t fence_waiter, queue_waiter, worker;
	struct second second = { .fd = open_at(SECOND) };
	void *ret;
	int i;

	if (second.fd >= 0) {
		ASSERT_EQ(0, pthread_create(&worker, NULL, work, &second));
		wait_for_work(&second);
	}
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, tenant_open(&tenants[i]));
	ASSERT_EQ(0, tenant_map_queue(t));
	ASSERT_EQ(0, queue_set_vm(t->fd, t->user.queue_id, 0, t->w.vm));

	/* an engine that hangs keeps them all in flight */
	ASSERT_EQ(0, inject(LOOM_INJECT_HANG_DMA, 0));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, tenant_submit(&tenants[i]));
		ASSERT_EQ(0, tenant_submit_uring(&tenants[i]));
	}
	ASSERT_EQ(0, pthread_create(&fence_waiter, NULL, wait_for_fence, t));
	ASSERT_EQ(0, pthread_create(&queue_waiter, NULL, wait_for_queue, t));
	usleep(10000);
	ASSERT_EQ(0, slot_off());

	EXPECT_EQ(-1, access(PCI, F_OK));
	for (i = 0; i < 2; i++)
		check_ended(_metadata, &tenants[i]);
	ASSERT_EQ(0, pthread_join(fence_waiter, &ret));
	EXPECT_EQ(0, (long)ret);
	ASSERT_EQ(0, pthread_join(queue_waiter, &ret));
	EXPECT_TRUE((long)ret == -EIO || (long)ret == -ENODEV);
	check_mappings(_metadata, t);

	if (second.fd < 0)
		return;
	wait_for_work(&second);
	__atomic_store_n(&second.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(worker, NULL));
	EXPECT_EQ(0, second.failed);
}

/* It is there for those who come after, too. */
TEST(second_device)
{
	struct drm_loom_job job;
	int fd = open_at(SECOND);
	struct world w;
	__u32 queue;

	if (fd < 0)
		SKIP(return, "this machine has one device");
	ASSERT_EQ(0, world_create(fd, &w));
	world_program(&w, 5);
	ASSERT_EQ(0, queue_create(fd, 8, 1, 0, &queue));
	ASSERT_EQ(0, queue_set_vm(fd, queue, 0, w.vm));
	job = world_job(&w, 0, 0);
	ASSERT_EQ(0, submit_and_wait(fd, queue, &job, 1, NULL));
	EXPECT_TRUE(world_done(&w, 5));
}

/* What was unplugged keeps nothing of the module, and the second device lets go of it. */
TEST(unload)
{
	EXPECT_EQ(0, driver_unload());
}

TEST_HARNESS_MAIN
