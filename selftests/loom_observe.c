// SPDX-License-Identifier: GPL-2.0-only
/* What the driver shows of itself: sysfs, hwmon, fdinfo, debugfs, tracepoints. */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "loom_control.h"
#include "loom_test.h"

#define ACCEL	"/sys/class/accel/accel0/device/"
#define TRACING	"/sys/kernel/tracing/"

/* The text of a file, or "" if it cannot be read; valid until the next call. */
static const char *text_of(const char *path)
{
	static char text[65536];
	int fd = open(path, O_RDONLY);
	ssize_t len = 0, n = 0;

	if (fd >= 0) {
		while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
			len += n;
		close(fd);
	}
	text[len] = '\0';
	return text;
}

/* Time and idle time are read one after the other. */
#define READS_APART_US 20

FIXTURE(observe) {
	int fd;
	__u32 queue;
	struct loom_hw_caps caps;
	struct world world;
	struct bo slow_bo;
	struct drm_loom_job slow, job;
};

/* Of a device that sleeps less is seen, and it may, should the host be slow. */
FIXTURE_SETUP(observe)
{
	ASSERT_EQ(0, device_stay_awake(true));
	self->fd = loom_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, loom_caps(self->fd, &self->caps));
	ASSERT_EQ(0, queue_create(self->fd, 8, 1, 0, &self->queue));
	ASSERT_EQ(0, world_create(self->fd, &self->world));
	world_program(&self->world, 1);
	ASSERT_EQ(0, queue_set_vm(self->fd, self->queue, 0, self->world.vm));
	ASSERT_EQ(0, slow_create(&self->world, 0, &self->slow_bo, &self->slow));
	self->job = world_job(&self->world, 0, 0xabc);
}

FIXTURE_TEARDOWN(observe)
{
	device_stay_awake(false);
	close(self->fd);
}

/* The slow job takes the firmware fw_cmd_ns for each of its commands. */
TEST_F(observe, busy_time)
{
	long long least = SLOW_NOPS * (long long)self->caps.fw_cmd_ns / 1000, before, after;

	before = number_in(ACCEL "npu_busy_time_us");
	ASSERT_LE(0, before);
	ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, &self->slow, 1, NULL));
	after = number_in(ACCEL "npu_busy_time_us");
	EXPECT_LE(before + least - READS_APART_US, after);
	usleep(50000);
	before = after;
	after = number_in(ACCEL "npu_busy_time_us");
	EXPECT_LE(before, after);
	EXPECT_GE(before + READS_APART_US, after);
}

TEST_F(observe, busy_percent)
{
	long long idle, busy;
	int i;

	number_in(ACCEL "npu_busy_percent");
	usleep(150000);
	idle = number_in(ACCEL "npu_busy_percent");
	for (i = 0; i < 50; i++)
		ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, &self->slow, 1, NULL));
	usleep(10000);
	busy = number_in(ACCEL "npu_busy_percent");
	EXPECT_EQ(0, idle);
	EXPECT_LT(0, busy);
	EXPECT_GE(100, busy);
}

TEST_F(observe, memory)
{
	long long before = number_in(ACCEL "npu_memory_utilization");
	struct bo bo;

	ASSERT_EQ(0, bo_create_unmapped(self->fd, 1 << 20, &bo));
	EXPECT_EQ(before + (1 << 20), number_in(ACCEL "npu_memory_utilization"));
	bo_destroy(self->fd, &bo);
	EXPECT_EQ(before, number_in(ACCEL "npu_memory_utilization"));
	EXPECT_LT(before, number_in(ACCEL "npu_memory_total"));
}

TEST_F(observe, frequency)
{
	ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, &self->job, 1, NULL));
	EXPECT_EQ(self->caps.clock_khz / 1000, number_in(ACCEL "npu_current_frequency_mhz"));
}

/* Finds the hwmon directory of the device, whatever its number. */
static int hwmon_path(char *path, size_t size, const char *name)
{
	DIR *dir = opendir(ACCEL "hwmon");
	struct dirent *entry;
	int ret = -ENOENT;

	while (dir && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, "hwmon", 5)) {
			snprintf(path, size, ACCEL "hwmon/%s/%s", entry->d_name, name);
			ret = 0;
		}
	if (dir)
		closedir(dir);
	return ret;
}

TEST_F(observe, hwmon)
{
	long long before, after;
	char path[512];

	ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, &self->job, 1, NULL));
	ASSERT_EQ(0, hwmon_path(path, sizeof(path), "freq1_input"));
	EXPECT_EQ(self->caps.clock_khz * 1000ll, number_in(path));
	ASSERT_EQ(0, hwmon_path(path, sizeof(path), "power1_average"));
	EXPECT_LE(0, number_in(path));
	ASSERT_EQ(0, hwmon_path(path, sizeof(path), "energy1_input"));
	before = number_in(path);
	ASSERT_LE(0, before);
	ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, &self->job, 1, NULL));
	after = number_in(path);
	EXPECT_LE(before, after);
	/* nothing is modelled that could have a temperature */
	ASSERT_EQ(0, hwmon_path(path, sizeof(path), "temp1_input"));
	EXPECT_EQ(-1, number_in(path));
}

static long long usage_of(int fd, const char *key)
{
	char path[64];
	const char *line;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	line = strstr(text_of(path), key);
	return line ? strtoll(line + strlen(key), NULL, 10) : -1;
}

/* The engines were as busy for this client as its results say. */
TEST_F(observe, fdinfo)
{
	struct drm_loom_result *result;
	struct bo bo;

	ASSERT_EQ(0, bo_create(self->fd, PAGE, &bo));
	result = bo.map;
	EXPECT_EQ(0, usage_of(self->fd, "drm-engine-compute:\t"));
	ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, &self->job, 1, &bo));
	EXPECT_EQ(result->fetch_busy, usage_of(self->fd, "drm-engine-fetch:\t"));
	EXPECT_EQ(result->dma_busy, usage_of(self->fd, "drm-engine-dma:\t"));
	EXPECT_EQ(result->mac_busy + result->vector_busy,
		  usage_of(self->fd, "drm-engine-compute:\t"));
	EXPECT_LT(0, usage_of(self->fd, "drm-total-memory:\t"));
	EXPECT_LT(0, usage_of(self->fd, "drm-resident-memory:\t"));
	EXPECT_LE(0, usage_of(self->fd, "drm-shared-memory:\t"));
}

TEST_F(observe, debugfs)
{
	char line[64];

	EXPECT_NE(NULL, strstr(text_of(DEBUG "queues"), "running"));
	EXPECT_NE(NULL, strstr(text_of(DEBUG "vms"), "alive"));
	EXPECT_NE(NULL, strstr(text_of(DEBUG "bos"), "mapped for the device"));
	ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, &self->job, 1, NULL));
	EXPECT_NE(NULL, strstr(text_of(DEBUG "counters"), "core0 jobs"));
	snprintf(line, sizeof(line), "%llu", (unsigned long long)self->slow_bo.size);
	EXPECT_NE(NULL, strstr(text_of(DEBUG "bos"), line));
}

static int trace(bool on)
{
	int ret = text_to(TRACING "events/loom/enable", on ? "1" : "0");

	return ret ?: text_to(TRACING "tracing_on", on ? "1" : "0");
}

/*
 * Each event of a job's life is there once, in order, and what has nothing to wait for is pushed by
 * the caller itself: no kernel thread stands between a job and the ring.
 */
TEST_F(observe, trace)
{
	const char *text, *queue, *push, *complete;
	char caller[32];

	ASSERT_EQ(0, text_to(TRACING "trace", "\n"));
	ASSERT_EQ(0, trace(true));
	ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, &self->job, 1, NULL));
	ASSERT_EQ(0, trace(false));

	text = text_of(TRACING "trace");
	queue = strstr(text, "loom_submission_queue: ");
	push = strstr(text, "loom_job_push: ");
	complete = strstr(text, "loom_job_complete: ");
	ASSERT_NE(NULL, queue);
	ASSERT_NE(NULL, push);
	ASSERT_NE(NULL, complete);
	EXPECT_LT(queue, push);
	EXPECT_LT(push, complete);
	EXPECT_EQ(NULL, strstr(push + 1, "loom_job_push: "));
	EXPECT_NE(NULL, strstr(complete, "job=0xabc status=0 fault=0"));

	snprintf(caller, sizeof(caller), "-%d ", getpid());
	while (push > text && push[-1] != '\n')
		push--;
	EXPECT_NE(NULL, strstr(push, caller));
	EXPECT_LT(strstr(push, caller), complete);
}

TEST_F(observe, trace_fault)
{
	ASSERT_EQ(0, text_to(TRACING "trace", "\n"));
	ASSERT_EQ(0, trace(true));
	self->job.cmd_va = 0;
	ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, &self->job, 1, NULL));
	ASSERT_EQ(0, trace(false));
	EXPECT_NE(NULL, strstr(text_of(TRACING "trace"), "loom_vm_fault: "));
}

TEST_HARNESS_MAIN
