// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults on demand (a device with inject=on): what each one costs its victim, and what another
 * client sees of it. Each prints a line "matrix: ..." of which the fault matrix in recovery.rst is
 * made.
 */

#include <dirent.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "loom_control.h"
#include "loom_test.h"

#define DUMPS	"/sys/class/devcoredump"

/* A program that uses the device: a VM, a queue, and jobs that add up to something. */
struct client {
	int fd;
	__u32 queue, done;
	struct world world;
	struct bo results_bo;
	struct drm_loom_result *results;
	struct drm_loom_job jobs[4];
};

#define JOBS 4

static int client_open(struct client *c, __u16 flags, float seed)
{
	int ret, i;

	c->fd = loom_open();
	if (c->fd < 0)
		return c->fd;
	ret = queue_create(c->fd, 8, 1, 0, &c->queue);
	if (!ret)
		ret = world_create(c->fd, &c->world);
	if (!ret)
		ret = queue_set_vm(c->fd, c->queue, 0, c->world.vm);
	if (!ret)
		ret = bo_create(c->fd, PAGE, &c->results_bo);
	if (ret)
		return ret;
	c->results = c->results_bo.map;
	c->done = syncobj_create(c->fd);
	world_program(&c->world, seed);
	for (i = 0; i < JOBS; i++) {
		c->jobs[i] = world_job(&c->world, 0, i);
		c->jobs[i].flags = flags;
	}
	return 0;
}

static void client_close(struct client *c)
{
	queue_destroy(c->fd, c->queue);
	world_destroy(&c->world);
	bo_destroy(c->fd, &c->results_bo);
	close(c->fd);
}

static int client_submit(struct client *c)
{
	struct submission s;

	submission_init(&s, c->queue, c->jobs, JOBS, &c->results_bo);
	submission_signal(&s, c->done, 0);
	return submission_run(c->fd, &s);
}

static int recoveries(int fd, struct drm_loom_recoveries *r)
{
	struct drm_loom_query query = {
		.type = DRM_LOOM_QUERY_RECOVERIES,
		.size = sizeof(*r),
		.data = (__u64)(uintptr_t)r,
	};

	return loom_call(fd, DRM_IOCTL_LOOM_QUERY, &query);
}

static void recoveries_since(int fd, struct drm_loom_recoveries *before)
{
	struct drm_loom_recoveries now;

	recoveries(fd, &now);
	before->context = now.context - before->context;
	before->queue = now.queue - before->queue;
	before->core = now.core - before->core;
	before->device = now.device - before->device;
	before->function = now.function - before->function;
	before->wedged = now.wedged - before->wedged;
}

static void drop_dumps(void)
{
	DIR *dir = opendir(DUMPS);
	struct dirent *entry;
	char path[512];

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), DUMPS "/%s/data", entry->d_name);
		text_to(path, "0");
	}
	if (dir)
		closedir(dir);
}

/* The text of the only dump there is. */
static const char *dump_text(void)
{
	static char text[1 << 17];
	DIR *dir = opendir(DUMPS);
	struct dirent *entry;
	ssize_t len = 0, n;
	char path[512];
	int fd;

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), DUMPS "/%s/data", entry->d_name);
		fd = open(path, O_RDONLY);
		if (fd < 0)
			continue;
		while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
			len += n;
		close(fd);
	}
	if (dir)
		closedir(dir);
	text[len] = '\0';
	return text;
}

static int uevents_listen(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	struct timeval patience = { .tv_sec = 5 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return bind(fd, (struct sockaddr *)&address, sizeof(address)) ? -1 : fd;
}

/* Return: whether such a line came in a message. */
static bool uevent_came(int fd, const char *line)
{
	char message[4096];
	ssize_t len, at;

	while ((len = recv(fd, message, sizeof(message) - 1, 0)) > 0) {
		message[len] = '\0';
		for (at = 0; at < len; at += strlen(message + at) + 1)
			if (!strcmp(message + at, line))
				return true;
	}
	return false;
}

/* ---- one victim, one bystander ---- */

FIXTURE(inject) {
	struct client victim, other;
	struct drm_loom_recoveries steps;
};

FIXTURE_VARIANT(inject) {
	const char *name;
	enum loom_inject fault;
	__u32 arg;
	/* of the victim's first job */
	int status;
	__u32 vm_fault;
	/* of the bystander's jobs, which are idempotent, or are not */
	int idempotent, others;
	bool late;	/* comes when the victim's first job is under way, and stuck */
	struct drm_loom_recoveries steps;
};

/*
 * What hangs an engine hangs whose job it meets first. Who has jobs behind that one has them run
 * again if they are idempotent; if they are not and had begun, they end.
 */
FIXTURE_VARIANT_ADD(inject, hang_fetch) {
	.name = "hang_fetch",
	.fault = LOOM_INJECT_HANG_FETCH,
	.status = -EIO,
	.vm_fault = LOOM_FAULT_TIMEOUT,
	.others = -ECANCELED,
	.steps = { .context = 1, .core = 1 },
};

FIXTURE_VARIANT_ADD(inject, hang_dma) {
	.name = "hang_dma",
	.fault = LOOM_INJECT_HANG_DMA,
	.status = -EIO,
	.vm_fault = LOOM_FAULT_TIMEOUT,
	.others = 0,
	.steps = { .context = 1, .core = 1 },
};

FIXTURE_VARIANT_ADD(inject, hang_compute) {
	.name = "hang_compute",
	.fault = LOOM_INJECT_HANG_COMPUTE,
	.status = -EIO,
	.vm_fault = LOOM_FAULT_TIMEOUT,
	.others = -ECANCELED,
	.steps = { .context = 1, .core = 1 },
};

/* Nobody is to blame: whose lease may hold something of value loses it. */
FIXTURE_VARIANT_ADD(inject, hang_firmware) {
	.name = "hang_firmware",
	.fault = LOOM_INJECT_HANG_FIRMWARE,
	.status = -ECANCELED,
	.vm_fault = LOOM_FAULT_RESET,
	.others = -ECANCELED,
	.steps = { .device = 1 },
};

FIXTURE_VARIANT_ADD(inject, crash_firmware) {
	.name = "crash_firmware",
	.fault = LOOM_INJECT_CRASH_FIRMWARE,
	.late = true,
	.status = -ECANCELED,
	.vm_fault = LOOM_FAULT_RESET,
	.others = -ECANCELED,
	.steps = { .device = 1 },
};

FIXTURE_VARIANT_ADD(inject, ecc_firmware) {
	.name = "ecc_firmware",
	.fault = LOOM_INJECT_ECC_UNCORRECTED,
	.arg = LOOM_MEMORY_FIRMWARE,
	.late = true,
	.status = -ECANCELED,
	.vm_fault = LOOM_FAULT_RESET,
	.others = -ECANCELED,
	.steps = { .device = 1 },
};

FIXTURE_VARIANT_ADD(inject, bad_cqe) {
	.name = "bad_cqe",
	.fault = LOOM_INJECT_BAD_CQE,
	.status = -ECANCELED,
	.vm_fault = LOOM_FAULT_RESET,
	.others = 0,
	.steps = { .queue = 1 },
};

FIXTURE_VARIANT_ADD(inject, dma_abort) {
	.name = "dma_abort",
	.fault = LOOM_INJECT_DMA_ABORT,
	.status = -EIO,
	.vm_fault = LOOM_FAULT_BUS,
};

FIXTURE_VARIANT_ADD(inject, ecc_weights) {
	.name = "ecc_weights",
	.fault = LOOM_INJECT_ECC_UNCORRECTED,
	.arg = LOOM_MEMORY_WEIGHT_SRAM,
	.status = -EIO,
	.vm_fault = LOOM_FAULT_ECC,
};

FIXTURE_VARIANT_ADD(inject, ecc_activations) {
	.name = "ecc_activations",
	.fault = LOOM_INJECT_ECC_UNCORRECTED,
	.arg = LOOM_MEMORY_ACT_SRAM,
	.status = -EIO,
	.vm_fault = LOOM_FAULT_ECC,
};

FIXTURE_VARIANT_ADD(inject, ecc_dram) {
	.name = "ecc_dram",
	.fault = LOOM_INJECT_ECC_UNCORRECTED,
	.arg = LOOM_MEMORY_DRAM,
	.status = -EIO,
	.vm_fault = LOOM_FAULT_ECC,
};

FIXTURE_VARIANT_ADD(inject, ecc_corrected) {
	.name = "ecc_corrected",
	.fault = LOOM_INJECT_ECC_CORRECTED,
	.arg = LOOM_MEMORY_DRAM,
};

FIXTURE_VARIANT_ADD(inject, slow_dram) {
	.name = "slow_dram",
	.fault = LOOM_INJECT_SLOW_DRAM,
	.arg = 1,
};

FIXTURE_VARIANT_ADD(inject, lose_irq) {
	.name = "lose_irq",
	.fault = LOOM_INJECT_LOSE_IRQ,
	.arg = 8,
};

FIXTURE_VARIANT_ADD(inject, spurious_irq) {
	.name = "spurious_irq",
	.fault = LOOM_INJECT_SPURIOUS_IRQ,
	.arg = 1,
};

FIXTURE_SETUP(inject)
{
	ASSERT_EQ(0, device_stay_awake(true));
	drop_dumps();
}

FIXTURE_TEARDOWN(inject)
{
	inject(LOOM_INJECT_SLOW_DRAM, 100);
	text_to(HANG_MS, "2000");
	device_stay_awake(false);
}

static void check_steps(struct __test_metadata *_metadata,
			const struct drm_loom_recoveries *want,
			const struct drm_loom_recoveries *got)
{
	EXPECT_EQ(want->context, got->context);
	EXPECT_EQ(want->queue, got->queue);
	EXPECT_EQ(want->core, got->core);
	EXPECT_EQ(want->device, got->device);
	EXPECT_EQ(want->function, got->function);
	EXPECT_EQ(want->wedged, got->wedged);
}

static void check_victim(struct __test_metadata *_metadata, struct client *c, int status,
			 __u32 vm_fault)
{
	struct drm_loom_vm_info info;

	EXPECT_EQ(status, c->results[0].status);
	ASSERT_EQ(0, vm_info(c->fd, c->world.vm, &info));
	EXPECT_EQ(!!status, info.dead);
	EXPECT_EQ(vm_fault, info.fault);
	if (!status)
		EXPECT_TRUE(world_done(&c->world, 1));
}

/* The device works afterwards, and for the victim too, when it starts anew. */
static void check_after(struct __test_metadata *_metadata, struct client *c)
{
	struct world w;

	inject(LOOM_INJECT_SLOW_DRAM, 100);
	ASSERT_EQ(0, world_create(c->fd, &w));
	world_program(&w, 7);
	ASSERT_EQ(0, queue_set_vm(c->fd, c->queue, 0, w.vm));
	ASSERT_EQ(0, submit_and_wait(c->fd, c->queue, &c->jobs[1], 1, NULL));
	EXPECT_TRUE(world_done(&w, 7));
}

/* Whether both have jobs in the device, the victim's first, and nothing was done about it. */
static bool submit_both(struct __test_metadata *_metadata, struct _test_data_inject *self,
			const struct _fixture_variant_inject *variant, __u16 flags)
{
	struct client *victim = &self->victim, *other = &self->other;
	struct drm_loom_recoveries steps;

	ASSERT_EQ(0, client_open(victim, 0, 1));
	ASSERT_EQ(0, client_open(other, flags, 2));
	ASSERT_EQ(0, recoveries(victim->fd, &self->steps));
	ASSERT_EQ(0, text_to(HANG_MS, variant->late ? "10000" : "100"));
	if (variant->late)
		inject(LOOM_INJECT_HANG_DMA, 0);
	else
		inject(variant->fault, variant->arg);
	ASSERT_EQ(0, client_submit(victim));
	ASSERT_EQ(0, client_submit(other));
	steps = self->steps;
	recoveries_since(victim->fd, &steps);
	return !steps.context && !steps.core && !steps.device;
}

static void wait_for_both(struct __test_metadata *_metadata, struct _test_data_inject *self)
{
	ASSERT_EQ(0, syncobj_wait(self->victim.fd, self->victim.done));
	ASSERT_EQ(0, syncobj_wait(self->other.fd, self->other.done));
}

static void run(struct __test_metadata *_metadata, struct _test_data_inject *self,
		const struct _fixture_variant_inject *variant, __u16 flags, int others)
{
	struct client *victim = &self->victim, *other = &self->other;
	int i;

	/* On a busy host the watch may come before the bystander: then nothing is shown. */
	for (i = 0; i < 20 && !submit_both(_metadata, self, variant, flags); i++) {
		wait_for_both(_metadata, self);
		client_close(victim);
		client_close(other);
	}
	ASSERT_GT(20, i);
	if (variant->late) {
		usleep(20000);
		ASSERT_EQ(0, inject(variant->fault, variant->arg));
	}
	wait_for_both(_metadata, self);

	recoveries_since(victim->fd, &self->steps);
	TH_LOG("matrix: %s | %d | %s | %d | %llu %llu %llu %llu %llu %llu",
	       variant->name, victim->results[0].status, flags ? "idempotent" : "other",
	       other->results[0].status, self->steps.context, self->steps.queue,
	       self->steps.core, self->steps.device, self->steps.function, self->steps.wedged);
	check_steps(_metadata, &variant->steps, &self->steps);
	check_victim(_metadata, victim, variant->status, variant->vm_fault);
	for (i = 0; i < JOBS; i++)
		EXPECT_EQ(others, other->results[i].status);
	if (!others)
		EXPECT_TRUE(world_done(&other->world, 2));
	check_after(_metadata, victim);
}

TEST_F_TIMEOUT(inject, idempotent_bystander, 60)
{
	run(_metadata, self, variant, DRM_LOOM_JOB_IDEMPOTENT, variant->idempotent);
}

TEST_F_TIMEOUT(inject, other_bystander, 60)
{
	run(_metadata, self, variant, 0, variant->others);
}

/* ---- what is told ---- */

FIXTURE(tell) {
	struct client client;
	int uevents;
};

FIXTURE_SETUP(tell)
{
	ASSERT_EQ(0, device_stay_awake(true));
	ASSERT_EQ(0, text_to(HANG_MS, "100"));
	drop_dumps();
	ASSERT_EQ(0, client_open(&self->client, 0, 1));
	self->uevents = uevents_listen();
	ASSERT_LE(0, self->uevents);
}

FIXTURE_TEARDOWN_PARENT(tell)
{
	text_to(HANG_MS, "2000");
	ASSERT_EQ(0, driver_renumber());
	device_stay_awake(false);
}

TEST_F_TIMEOUT(tell, core, 60)
{
	const char *text;

	self->client.jobs[0].user_data = 0xfeed;
	ASSERT_EQ(0, inject(LOOM_INJECT_HANG_COMPUTE, 0));
	ASSERT_EQ(0, client_submit(&self->client));
	ASSERT_EQ(0, syncobj_wait(self->client.fd, self->client.done));
	EXPECT_TRUE(uevent_came(self->uevents, "LOOM_RECOVERY=context"));
	EXPECT_TRUE(uevent_came(self->uevents, "LOOM_RECOVERY=core"));

	text = dump_text();
	EXPECT_NE(NULL, strstr(text, "Loom device dump"));
	EXPECT_NE(NULL, strstr(text, "reason: nothing moves"));
	EXPECT_NE(NULL, strstr(text, "core 0 counters: "));
	EXPECT_NE(NULL, strstr(text, "injected hang-compute:0"));
	EXPECT_NE(NULL, strstr(text, "fault 18"));
	EXPECT_NE(NULL, strstr(text, "job 0xfeed"));
	EXPECT_NE(NULL, strstr(text, "(to blame)"));
	drop_dumps();
}

/* Its registers no longer answer: only a reset of the function brings them back. */
TEST_F_TIMEOUT(tell, function, 60)
{
	struct drm_loom_recoveries steps;
	__u16 command;
	int fd, i;

	for (i = 0; i < JOBS; i++)
		self->client.jobs[i].flags = DRM_LOOM_JOB_IDEMPOTENT;
	ASSERT_EQ(0, recoveries(self->client.fd, &steps));
	/* before the watch looks at firmware that hangs, however slow the host is */
	ASSERT_EQ(0, text_to(HANG_MS, "2000"));
	ASSERT_EQ(0, inject(LOOM_INJECT_HANG_FIRMWARE, 0));
	ASSERT_EQ(0, client_submit(&self->client));

	fd = open(PCI "config", O_RDWR);
	ASSERT_EQ(sizeof(command), pread(fd, &command, sizeof(command), 4));
	command &= ~2; /* memory space */
	ASSERT_EQ(sizeof(command), pwrite(fd, &command, sizeof(command), 4));
	close(fd);

	ASSERT_EQ(0, syncobj_wait(self->client.fd, self->client.done));
	EXPECT_EQ(0, self->client.results[0].status);
	EXPECT_TRUE(world_done(&self->client.world, 1));
	recoveries_since(self->client.fd, &steps);
	EXPECT_EQ(1, steps.device);
	EXPECT_EQ(1, steps.function);
	EXPECT_EQ(0, steps.wedged);
	EXPECT_TRUE(uevent_came(self->uevents, "LOOM_RECOVERY=function"));
	check_after(_metadata, &self->client);
}

/* Somebody resets the function behind the driver's back. */
TEST_F_TIMEOUT(tell, sysfs_reset, 60)
{
	int i;

	for (i = 0; i < JOBS; i++)
		self->client.jobs[i].flags = DRM_LOOM_JOB_IDEMPOTENT;
	/* not the watch's */
	ASSERT_EQ(0, text_to(HANG_MS, "10000"));
	ASSERT_EQ(0, inject(LOOM_INJECT_HANG_COMPUTE, 0));
	ASSERT_EQ(0, client_submit(&self->client));
	ASSERT_EQ(0, text_to(PCI "reset", "1"));
	ASSERT_EQ(0, syncobj_wait(self->client.fd, self->client.done));
	EXPECT_TRUE(world_done(&self->client.world, 1));
	check_after(_metadata, &self->client);
}

/* A device that only ever comes back to crash again is given up; binding the driver mends it. */
TEST_F_TIMEOUT(tell, wedged, 60)
{
	struct drm_loom_recoveries steps;
	__u32 vm;
	int i;

	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, recoveries(self->client.fd, &steps));
		if (steps.wedged)
			break;
		inject(LOOM_INJECT_CRASH_FIRMWARE, 0);
		usleep(100000);
	}
	EXPECT_EQ(1, steps.wedged);
	EXPECT_TRUE(uevent_came(self->uevents, "WEDGED=rebind"));
	EXPECT_EQ(-ENODEV, client_submit(&self->client));
	EXPECT_EQ(-ENODEV, vm_create(self->client.fd, 0, &vm));
	close(self->client.fd);
	ASSERT_EQ(0, driver_unbind());
	ASSERT_EQ(0, driver_bind());
	ASSERT_EQ(0, client_open(&self->client, 0, 1));
	ASSERT_EQ(0, client_submit(&self->client));
	ASSERT_EQ(0, syncobj_wait(self->client.fd, self->client.done));
	EXPECT_TRUE(world_done(&self->client.world, 1));
}

/* Jobs that together take many times the limit go on as long as they advance. */
TEST_F_TIMEOUT(tell, long_job, 60)
{
	struct drm_loom_recoveries steps;
	struct drm_loom_job slow;
	struct drm_loom_job jobs[256];
	struct loom_hw_caps caps;
	struct bo bo;
	int i;

	/* In real time a busy host may itself stand still for longer. */
	ASSERT_EQ(0, loom_caps(self->client.fd, &caps));
	if (!(caps.flags & LOOM_CAP_ICOUNT))
		ASSERT_EQ(0, text_to(HANG_MS, "5000"));
	ASSERT_EQ(0, recoveries(self->client.fd, &steps));
	ASSERT_EQ(0, slow_create(&self->client.world, 0, &bo, &slow));
	for (i = 0; i < 256; i++)
		jobs[i] = slow;
	ASSERT_EQ(0, submit_and_wait(self->client.fd, self->client.queue, jobs, 256, NULL));
	recoveries_since(self->client.fd, &steps);
	EXPECT_EQ(0, steps.context);
	EXPECT_EQ(0, steps.device);
}

TEST_HARNESS_MAIN
