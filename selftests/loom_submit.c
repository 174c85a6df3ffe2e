// SPDX-License-Identifier: GPL-2.0-only

#include <linux/sync_file.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "loom_test.h"

#define ENTRIES		8u
#define MAX_WORLDS	8u
#define MANY		DRM_LOOM_SUBMIT_MAX_JOBS
#define SOME		64u

FIXTURE(submit) {
	int fd;
	struct loom_hw_caps caps;
	__u32 queue;
	struct bo results_bo;
	struct drm_loom_result *results;
	struct world w[MAX_WORLDS];
	struct drm_loom_job job[MAX_WORLDS];
	struct bo slow_bo;
	struct drm_loom_job slow;	/* in world 0 */
	__u32 done;
};

FIXTURE_SETUP(submit)
{
	__u32 i;

	self->fd = loom_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, loom_caps(self->fd, &self->caps));
	ASSERT_EQ(0, queue_create(self->fd, ENTRIES, MAX_WORLDS, 0, &self->queue));
	ASSERT_EQ(0, bo_create(self->fd, MANY * sizeof(*self->results), &self->results_bo));
	self->results = self->results_bo.map;
	for (i = 0; i < MAX_WORLDS; i++) {
		ASSERT_EQ(0, world_create(self->fd, &self->w[i]));
		ASSERT_EQ(0, queue_set_vm(self->fd, self->queue, i, self->w[i].vm));
		world_program(&self->w[i], 1000 * i);
		self->job[i] = world_job(&self->w[i], i, 100 + i);
	}
	ASSERT_EQ(0, slow_create(&self->w[0], 0, &self->slow_bo, &self->slow));
	self->done = syncobj_create(self->fd);
	ASSERT_NE(0, self->done);
}

FIXTURE_TEARDOWN(submit)
{
	close(self->fd);
}

TEST_F(submit, one)
{
	struct drm_loom_result *r = self->results;

	ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, self->job, 1, &self->results_bo));
	EXPECT_EQ(0, r->status);
	EXPECT_EQ(LOOM_FAULT_NONE, r->fault);
	EXPECT_EQ(100, r->user_data);
	EXPECT_NE(0, r->fetch_start);
	EXPECT_LT(r->fetch_start, r->fetch_end);
	EXPECT_LE(r->dispatched, r->dma_start);
	EXPECT_LT(r->dma_start, r->dma_end);
	EXPECT_LE(r->compute_end, r->end);
	if (self->caps.flags & LOOM_CAP_FUNCTIONAL)
		EXPECT_TRUE(world_done(&self->w[0], 0));
}

/* Many VMs on one queue, in one submission. */
TEST_F(submit, many_vms)
{
	__u32 i;

	ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, self->job, MAX_WORLDS,
				     &self->results_bo));
	for (i = 0; i < MAX_WORLDS; i++) {
		EXPECT_EQ(0, self->results[i].status);
		EXPECT_EQ(100 + i, self->results[i].user_data);
		EXPECT_TRUE(world_done(&self->w[i], 1000 * i));
	}
}

/* More jobs than the ring has entries: they wait in the driver, and stay in order. */
TEST_F(submit, ring_wraps)
{
	struct drm_loom_job jobs[MANY];
	__u32 i;

	for (i = 0; i < MANY; i++)
		jobs[i] = world_job(&self->w[i % 2], i % 2, i);
	ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, jobs, MANY, &self->results_bo));
	for (i = 0; i < MANY; i++) {
		ASSERT_EQ(0, self->results[i].status);
		ASSERT_EQ(i, self->results[i].user_data);
		ASSERT_LE(self->results[i ? i - 1 : 0].dispatched, self->results[i].dispatched);
		ASSERT_LE(self->results[i < 2 ? 0 : i - 2].end, self->results[i].end);
	}
	EXPECT_TRUE(world_done(&self->w[0], 0));
	EXPECT_TRUE(world_done(&self->w[1], 1000));
}

/* Each submission adds to what the one before left: out = in + w, then in = out. */
TEST_F(submit, order)
{
	__u32 bytes = WORLD_COUNT * sizeof(float), i;
	struct submission s;
	struct assembler a;

	world_begin(&self->w[0], &a);
	asm_fetch(&a, WORLD_VA + WORLD_WEIGHTS, bytes);
	asm_move(&a, LOOM_OP_LOAD, WORLD_VA + WORLD_OUT, 0, bytes, 0);
	asm_add_f32(&a, 0, 0, bytes, WORLD_COUNT, 1);
	asm_move(&a, LOOM_OP_STORE, WORLD_VA + WORLD_OUT, bytes, bytes, 1);
	self->job[0] = world_job(&self->w[0], 0, 0);

	for (i = 0; i < 20; i++) {
		submission_init(&s, self->queue, self->job, 1, NULL);
		submission_signal(&s, self->done, 0);
		ASSERT_EQ(0, submission_run(self->fd, &s));
	}
	ASSERT_EQ(0, syncobj_wait(self->fd, self->done));
	EXPECT_TRUE(world_holds(&self->w[0], 0, 20 * 3));
}

/* An in-sync holds back its submission, and all that comes later on the queue. */
TEST_F(submit, in_sync)
{
	__u32 gate = syncobj_create(self->fd), queue, last = syncobj_create(self->fd);
	struct drm_loom_job slow[] = { self->slow, self->slow, self->slow, self->slow };
	struct drm_loom_result *r = self->results;
	struct submission s;

	ASSERT_EQ(0, queue_create(self->fd, ENTRIES, 1, 0, &queue));
	ASSERT_EQ(0, queue_set_vm(self->fd, queue, 0, self->w[0].vm));
	submission_init(&s, queue, slow, 4, &self->results_bo);
	submission_signal(&s, gate, 3);
	ASSERT_EQ(0, submission_run(self->fd, &s));

	submission_init(&s, self->queue, &self->job[1], 1, &self->results_bo);
	s.args.results_offset = 4 * sizeof(*r);
	submission_wait_for(&s, gate, 3);
	submission_signal(&s, self->done, 0);
	ASSERT_EQ(0, submission_run(self->fd, &s));

	submission_init(&s, self->queue, &self->job[2], 1, &self->results_bo);
	s.args.results_offset = 5 * sizeof(*r);
	submission_signal(&s, last, 5);
	ASSERT_EQ(0, submission_run(self->fd, &s));

	EXPECT_EQ(0, syncobj_timeline_wait(self->fd, last, 5));
	EXPECT_EQ(0, syncobj_wait_ms(self->fd, self->done, 0));
	EXPECT_LE(r[3].end, r[4].dispatched);
	EXPECT_LE(r[4].dispatched, r[5].dispatched);
	EXPECT_TRUE(world_done(&self->w[1], 1000));
	EXPECT_TRUE(world_done(&self->w[2], 2000));
}

/* What was signalled long ago is no wait. */
TEST_F(submit, in_sync_signalled)
{
	__u32 gate = syncobj_create(self->fd);
	struct submission s;

	ASSERT_EQ(0, syncobj_timeline_signal(self->fd, gate, 7));
	submission_init(&s, self->queue, self->job, 1, NULL);
	submission_wait_for(&s, gate, 6);
	submission_signal(&s, gate, 8);
	ASSERT_EQ(0, submission_run(self->fd, &s));
	EXPECT_EQ(0, syncobj_timeline_wait(self->fd, gate, 8));
	EXPECT_TRUE(world_done(&self->w[0], 0));
}

/* Across queues: a chain of submissions, each waiting for the one before, back and forth. */
TEST_F(submit, queues_wait_for_each_other)
{
	__u32 timeline = syncobj_create(self->fd), queue[2] = { self->queue }, i;
	struct submission s;

	ASSERT_EQ(0, queue_create(self->fd, ENTRIES, MAX_WORLDS, 4, &queue[1]));
	ASSERT_EQ(0, queue_set_vm(self->fd, queue[1], 0, self->w[0].vm));
	for (i = 1; i <= 50; i++) {
		submission_init(&s, queue[i % 2], self->job, 1, NULL);
		if (i > 1)
			submission_wait_for(&s, timeline, i - 1);
		submission_signal(&s, timeline, i);
		ASSERT_EQ(0, submission_run(self->fd, &s));
	}
	EXPECT_EQ(0, syncobj_timeline_wait(self->fd, timeline, 50));
	EXPECT_TRUE(world_done(&self->w[0], 0));
}

/* Slow ones and others, more than the ring holds: some are in the device, some in the FIFO. */
static void fill(struct _test_data_submit *self, struct drm_loom_job *jobs)
{
	__u32 i;

	for (i = 0; i < SOME; i++)
		jobs[i] = i % 2 ? self->job[1 + i % (MAX_WORLDS - 1)] : self->slow;
}

/* A queue dies while what it waits for is still running on another. */
TEST_F(submit, destroy_waiting)
{
	__u32 gate = syncobj_create(self->fd), queue;
	struct drm_loom_job jobs[SOME];
	struct submission s;

	fill(self, jobs);
	ASSERT_EQ(0, queue_create(self->fd, ENTRIES, 2, 0, &queue));
	ASSERT_EQ(0, queue_set_vm(self->fd, queue, 1, self->w[1].vm));
	submission_init(&s, self->queue, jobs, SOME, NULL);
	submission_signal(&s, gate, 0);
	ASSERT_EQ(0, submission_run(self->fd, &s));

	submission_init(&s, queue, &self->job[1], 1, &self->results_bo);
	submission_wait_for(&s, gate, 0);
	submission_signal(&s, self->done, 0);
	ASSERT_EQ(0, submission_run(self->fd, &s));
	ASSERT_EQ(0, queue_destroy(self->fd, queue));

	EXPECT_EQ(0, syncobj_wait_ms(self->fd, self->done, 0));
	EXPECT_EQ(-ECANCELED, self->results[0].status);
	EXPECT_EQ(LOOM_FAULT_CANCELLED, self->results[0].fault);
	EXPECT_EQ(0, syncobj_wait(self->fd, gate));
}

TEST_F(submit, destroy_busy)
{
	struct drm_loom_job jobs[SOME];
	__u32 i, cancelled = 0;
	struct submission s;

	fill(self, jobs);
	submission_init(&s, self->queue, jobs, SOME, &self->results_bo);
	submission_signal(&s, self->done, 0);
	ASSERT_EQ(0, submission_run(self->fd, &s));
	ASSERT_EQ(0, queue_destroy(self->fd, self->queue));
	EXPECT_EQ(0, syncobj_wait_ms(self->fd, self->done, 0));
	for (i = 0; i < SOME; i++) {
		if (self->results[i].status)
			ASSERT_EQ(-ECANCELED, self->results[i].status);
		cancelled += !!self->results[i].status;
	}
	EXPECT_LT(0, cancelled);
}

/* The VM goes instead: its jobs are cancelled, the others' are not. */
TEST_F(submit, vm_destroyed_busy)
{
	struct drm_loom_job jobs[SOME];
	struct submission s;
	__u32 i;

	fill(self, jobs);
	submission_init(&s, self->queue, jobs, SOME, &self->results_bo);
	submission_signal(&s, self->done, 0);
	ASSERT_EQ(0, submission_run(self->fd, &s));
	ASSERT_EQ(0, vm_destroy(self->fd, self->w[0].vm));
	ASSERT_EQ(0, syncobj_wait(self->fd, self->done));
	for (i = 0; i < SOME; i++) {
		if (self->results[i].status)
			ASSERT_EQ(-ECANCELED, self->results[i].status);
		if (i % 2)
			ASSERT_EQ(0, self->results[i].status);
	}
	EXPECT_EQ(-ECANCELED, self->results[SOME - 2].status);
	EXPECT_TRUE(world_done(&self->w[2], 2000));
	EXPECT_EQ(0, queue_set_vm(self->fd, self->queue, 0, self->w[2].vm));
}

/* A slot that jobs name stays with its VM. */
TEST_F(submit, slot_busy)
{
	struct drm_loom_job jobs[SOME];
	struct submission s;

	fill(self, jobs);
	submission_init(&s, self->queue, jobs, SOME, NULL);
	submission_signal(&s, self->done, 0);
	ASSERT_EQ(0, submission_run(self->fd, &s));
	EXPECT_EQ(-EBUSY, queue_set_vm(self->fd, self->queue, 0, self->w[1].vm));
	EXPECT_EQ(-EBUSY, queue_set_vm(self->fd, self->queue, 0, 0));
	EXPECT_EQ(0, queue_set_vm(self->fd, self->queue, 0, self->w[0].vm));
	ASSERT_EQ(0, syncobj_wait(self->fd, self->done));
	EXPECT_EQ(0, queue_set_vm(self->fd, self->queue, 0, self->w[1].vm));
}

/* Where results go nobody else's memory is written. */
TEST_F(submit, results_window)
{
	size_t size = 2 * sizeof(struct drm_loom_result);
	char *bytes = self->results_bo.map;
	char expected[PAGE];
	struct submission s;

	memset(bytes, 0xcc, PAGE);
	memset(expected, 0xcc, PAGE);
	submission_init(&s, self->queue, self->job, 2, &self->results_bo);
	s.args.results_offset = 1000;
	submission_signal(&s, self->done, 0);
	ASSERT_EQ(0, submission_run(self->fd, &s));
	ASSERT_EQ(0, syncobj_wait(self->fd, self->done));
	EXPECT_EQ(0, memcmp(bytes, expected, 1000));
	EXPECT_NE(0, memcmp(bytes + 1000, expected, size));
	EXPECT_EQ(0, memcmp(bytes + 1000 + size, expected, PAGE - 1000 - size));
}

/* The buffer is not needed by name while it is written. */
TEST_F(submit, results_handle_closed)
{
	struct submission s;
	struct bo results;
	int i;

	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, bo_create_unmapped(self->fd, PAGE, &results));
		submission_init(&s, self->queue, self->job, 1, &results);
		submission_signal(&s, self->done, 0);
		ASSERT_EQ(0, submission_run(self->fd, &s));
		bo_destroy(self->fd, &results);
	}
	EXPECT_EQ(0, syncobj_wait(self->fd, self->done));
}

/* Closing the file with everything in flight, many times. */
TEST_F(submit, close_busy)
{
	struct drm_loom_job jobs[MANY];
	struct submission s;
	struct world w;
	__u32 queue, i;
	int fd, n;

	for (n = 0; n < 20; n++) {
		fd = loom_open();
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, world_create(fd, &w));
		world_program(&w, n);
		ASSERT_EQ(0, queue_create(fd, ENTRIES, 1, 0, &queue));
		ASSERT_EQ(0, queue_set_vm(fd, queue, 0, w.vm));
		for (i = 0; i < MANY; i++)
			jobs[i] = world_job(&w, 0, i);
		submission_init(&s, queue, jobs, MANY, NULL);
		ASSERT_EQ(0, submission_run(fd, &s));
		close(fd);
		munmap(w.bo.map, w.bo.size);
	}
	ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, self->job, 1, NULL));
}

/* A sync_file outlives the file whose job it stands for, and says how that ended. */
TEST_F(submit, sync_file)
{
	struct drm_syncobj_handle export = {
		.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE,
	};
	struct sync_fence_info fence;
	struct sync_file_info info = {
		.num_fences = 1,
		.sync_fence_info = (__u64)(uintptr_t)&fence,
	};
	struct drm_loom_job jobs[MANY];
	struct submission s;
	struct pollfd poll_fd;
	int i;

	/* Three seconds of them, so that the file is closed first. */
	for (i = 0; i < (int)MANY; i++)
		jobs[i] = self->slow;
	submission_init(&s, self->queue, jobs, MANY, NULL);
	submission_signal(&s, self->done, 0);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, submission_run(self->fd, &s));
	export.handle = self->done;
	ASSERT_EQ(0, loom_call(self->fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &export));
	ASSERT_EQ(0, loom_call(export.fd, SYNC_IOC_FILE_INFO, &info));
	EXPECT_EQ(0, fence.status);
	EXPECT_STREQ("loom", fence.driver_name);

	for (i = 0; i < (int)MAX_WORLDS; i++)
		munmap(self->w[i].bo.map, self->w[i].bo.size);
	munmap(self->results_bo.map, self->results_bo.size);
	munmap(self->slow_bo.map, self->slow_bo.size);
	close(self->fd);

	poll_fd = (struct pollfd){ .fd = export.fd, .events = POLLIN };
	EXPECT_EQ(1, poll(&poll_fd, 1, 0));
	ASSERT_EQ(0, loom_call(export.fd, SYNC_IOC_FILE_INFO, &info));
	EXPECT_EQ(-ECANCELED, fence.status);
	/* Linux 7.3 lets go of the driver when a fence is signalled. */
	if (strcmp(fence.driver_name, "detached-driver"))
		EXPECT_STREQ("loom", fence.driver_name);
	close(export.fd);
	self->fd = loom_open();
}

/* ---- faults ---- */

/* Run job 0 among the others; it must fail with this fault, and they must not notice. */
static int run_fault(struct __test_metadata *_metadata, struct _test_data_submit *self,
		     struct drm_loom_result *result)
{
	struct drm_loom_job jobs[] = { self->job[1], self->job[0], self->job[2], self->job[0] };
	struct drm_loom_vm_info info;

	EXPECT_EQ(0, submit_and_wait(self->fd, self->queue, jobs, 4, &self->results_bo));
	*result = self->results[1];
	EXPECT_EQ(-EIO, result->status);
	EXPECT_EQ(-EIO, self->results[3].status);
	EXPECT_EQ(LOOM_FAULT_CONTEXT_DEAD, self->results[3].fault);
	EXPECT_EQ(0, self->results[0].status);
	EXPECT_EQ(0, self->results[2].status);
	EXPECT_TRUE(world_done(&self->w[1], 1000));
	EXPECT_TRUE(world_done(&self->w[2], 2000));

	EXPECT_EQ(0, vm_info(self->fd, self->w[0].vm, &info));
	EXPECT_EQ(1, info.dead);
	EXPECT_EQ(result->fault, info.fault);
	EXPECT_EQ(result->fault_cmd, info.fault_cmd);
	EXPECT_EQ(result->fault_addr, info.fault_addr);
	EXPECT_EQ(100, info.user_data);

	/* Dead for good; unmapping it and destroying it work. */
	EXPECT_EQ(-EIO, submit_and_wait(self->fd, self->queue, self->job, 1, NULL));
	EXPECT_EQ(-EIO, vm_map(self->fd, self->w[0].vm, &self->results_bo, 0, 0, PAGE, 0));
	EXPECT_EQ(0, vm_unmap(self->fd, self->w[0].vm, WORLD_VA, WORLD_BYTES));
	EXPECT_EQ(0, vm_destroy(self->fd, self->w[0].vm));
	return 0;
}

TEST_F(submit, fault_opcode)
{
	struct drm_loom_result r;
	struct assembler a;

	world_begin(&self->w[0], &a);
	asm_nop(&a);
	asm_add(&a, 999, sizeof(struct loom_cmd), 0);
	self->job[0] = world_job(&self->w[0], 0, 100);
	run_fault(_metadata, self, &r);
	EXPECT_EQ(LOOM_FAULT_BAD_OPCODE, r.fault);
	EXPECT_EQ(1, r.fault_cmd);
}

TEST_F(submit, fault_read)
{
	struct drm_loom_result r;
	struct assembler a;

	world_begin(&self->w[0], &a);
	asm_move(&a, LOOM_OP_LOAD, WORLD_VA + WORLD_BYTES, 0, 64, 0);
	self->job[0] = world_job(&self->w[0], 0, 100);
	run_fault(_metadata, self, &r);
	EXPECT_EQ(LOOM_FAULT_MMU_READ, r.fault);
	EXPECT_EQ(0, r.fault_cmd);
	EXPECT_EQ(WORLD_VA + WORLD_BYTES, r.fault_addr);
}

TEST_F(submit, fault_write)
{
	struct drm_loom_result r;
	struct assembler a;

	ASSERT_EQ(0, vm_map(self->fd, self->w[0].vm, &self->w[0].bo, 0, 0, PAGE, 0));
	world_begin(&self->w[0], &a);
	asm_move(&a, LOOM_OP_STORE, 64, 0, 64, 0);
	self->job[0] = world_job(&self->w[0], 0, 100);
	run_fault(_metadata, self, &r);
	EXPECT_EQ(LOOM_FAULT_MMU_WRITE, r.fault);
	EXPECT_EQ(64, r.fault_addr);
}

TEST_F(submit, fault_lease)
{
	struct drm_loom_result r;
	struct assembler a;

	world_begin(&self->w[0], &a);
	asm_move(&a, LOOM_OP_LOAD, WORLD_VA + WORLD_IN, WORLD_LEASE - 32, 64, 0);
	self->job[0] = world_job(&self->w[0], 0, 100);
	run_fault(_metadata, self, &r);
	EXPECT_EQ(LOOM_FAULT_BAD_LEASE, r.fault);
}

TEST_F(submit, fault_wait)
{
	struct drm_loom_result r;
	struct assembler a;

	/* The load waits for the second compute command, and there is one. */
	world_begin(&self->w[0], &a);
	asm_nop(&a);
	asm_move(&a, LOOM_OP_LOAD, WORLD_VA + WORLD_IN, 0, 64, 2);
	self->job[0] = world_job(&self->w[0], 0, 100);
	run_fault(_metadata, self, &r);
	EXPECT_EQ(LOOM_FAULT_BAD_WAIT, r.fault);
	EXPECT_EQ(1, r.fault_cmd);
}

TEST_F(submit, fault_tile)
{
	__u32 bytes = self->caps.weight_sram_bytes + PAGE;
	struct drm_loom_result r;
	struct assembler a;
	struct bo big;

	ASSERT_EQ(0, bo_create_unmapped(self->fd, bytes, &big));
	ASSERT_EQ(0, vm_map(self->fd, self->w[0].vm, &big, 1ull << 32, 0, big.size, 0));
	world_begin(&self->w[0], &a);
	asm_fetch(&a, 1ull << 32, bytes);
	asm_move(&a, LOOM_OP_LOAD, WORLD_VA + WORLD_IN, 0, 64, 0);
	asm_add_f32(&a, 0, bytes - 64, 64, 16, 1);
	self->job[0] = world_job(&self->w[0], 0, 100);
	run_fault(_metadata, self, &r);
	EXPECT_EQ(LOOM_FAULT_TILE_TOO_LARGE, r.fault);
}

TEST_F(submit, fault_layer)
{
	__u32 bytes = self->caps.weight_sram_bytes + PAGE;
	struct drm_loom_result r;
	struct assembler a;
	struct bo big;

	ASSERT_EQ(0, bo_create_unmapped(self->fd, bytes, &big));
	ASSERT_EQ(0, vm_map(self->fd, self->w[0].vm, &big, 1ull << 32, 0, big.size, 0));
	world_begin(&self->w[0], &a);
	asm_fetch(&a, 1ull << 32, bytes);
	self->job[0] = world_job(&self->w[0], 0, 100);
	self->job[0].flags = DRM_LOOM_JOB_RELEASE_LAYER;
	run_fault(_metadata, self, &r);
	EXPECT_EQ(LOOM_FAULT_SLICE_TOO_LARGE, r.fault);
}

TEST_F(submit, fault_header)
{
	struct drm_loom_result r;

	((struct loom_cmdbuf *)self->w[0].bo.map)->magic++;
	run_fault(_metadata, self, &r);
	EXPECT_EQ(LOOM_FAULT_BAD_HEADER, r.fault);
	EXPECT_EQ(LOOM_NO_CMD, r.fault_cmd);
}

TEST_F(submit, fault_isa_version)
{
	struct drm_loom_result r;

	((struct loom_cmdbuf *)self->w[0].bo.map)->isa_version += 1 << 16;
	run_fault(_metadata, self, &r);
	EXPECT_EQ(LOOM_FAULT_ISA_VERSION, r.fault);
}

TEST_F(submit, fault_cmdbuf)
{
	struct drm_loom_result r;

	self->job[0].cmd_size = 0;
	run_fault(_metadata, self, &r);
	EXPECT_EQ(LOOM_FAULT_BAD_CMDBUF, r.fault);
}

TEST_F(submit, fault_cmdbuf_unmapped)
{
	struct drm_loom_result r;

	self->job[0].cmd_va = 1ull << 40;
	run_fault(_metadata, self, &r);
	EXPECT_EQ(LOOM_FAULT_MMU_READ, r.fault);
	EXPECT_EQ(1ull << 40, r.fault_addr);
}

/* Pages that were unmapped cannot be reached by the next job. */
TEST_F(submit, fault_after_unmap)
{
	struct drm_loom_result r;
	struct bo other;

	ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, self->job, 1, NULL));
	ASSERT_EQ(0, vm_unmap(self->fd, self->w[0].vm, WORLD_VA, WORLD_BYTES));
	ASSERT_EQ(0, bo_create(self->fd, WORLD_BYTES, &other));
	ASSERT_EQ(0, vm_map(self->fd, self->w[0].vm, &other, WORLD_VA, 0, WORLD_BYTES, 0));
	run_fault(_metadata, self, &r);
	EXPECT_EQ(LOOM_FAULT_BAD_HEADER, r.fault); /* zeroes, not what was there before */
}

/* ---- what the driver tells ---- */

TEST_F(submit, counters)
{
	struct loom_hw_counters before, after;
	struct drm_loom_query query = { .type = DRM_LOOM_QUERY_COUNTERS, .size = sizeof(before) };

	query.data = (__u64)(uintptr_t)&before;
	ASSERT_EQ(0, loom_call(self->fd, DRM_IOCTL_LOOM_QUERY, &query));
	ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, self->job, MAX_WORLDS, NULL));
	query.data = (__u64)(uintptr_t)&after;
	ASSERT_EQ(0, loom_call(self->fd, DRM_IOCTL_LOOM_QUERY, &query));

	EXPECT_EQ(before.jobs + MAX_WORLDS, after.jobs);
	EXPECT_EQ(before.commands + 4 * MAX_WORLDS, after.commands);
	EXPECT_EQ(before.weight_bytes + MAX_WORLDS * WORLD_COUNT * sizeof(float),
		  after.weight_bytes);
	EXPECT_LT(before.fetch_busy, after.fetch_busy);
}

static unsigned long long fdinfo_value(int fd, const char *key)
{
	unsigned long long value = 0;
	char path[64], line[256];
	size_t n = strlen(key);
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, n) && line[n] == ':')
			sscanf(line + n + 1, "%llu", &value);
	if (f)
		fclose(f);
	return value;
}

TEST_F(submit, fdinfo)
{
	EXPECT_EQ(0, fdinfo_value(self->fd, "drm-engine-fetch"));
	ASSERT_EQ(0, submit_and_wait(self->fd, self->queue, self->job, MAX_WORLDS,
				     &self->results_bo));
	EXPECT_LT(0, fdinfo_value(self->fd, "drm-engine-fetch"));
	EXPECT_LT(0, fdinfo_value(self->fd, "drm-engine-dma"));
	EXPECT_LT(0, fdinfo_value(self->fd, "drm-engine-compute"));
	EXPECT_LE(MAX_WORLDS * WORLD_BYTES / 1024, fdinfo_value(self->fd, "drm-total-memory"));
}

/* Interrupts are saved up while the queue is busy. */
TEST_F(submit, irq_batch)
{
	struct drm_loom_query query = { .type = DRM_LOOM_QUERY_TIME };
	struct drm_loom_job jobs[MANY];
	struct drm_loom_time t[2];
	__u32 queue, i;

	ASSERT_EQ(0, queue_create(self->fd, 64, 1, 16, &queue));
	ASSERT_EQ(0, queue_set_vm(self->fd, queue, 0, self->w[0].vm));
	for (i = 0; i < MANY; i++)
		jobs[i] = self->job[0];
	query.size = sizeof(t[0]);
	query.data = (__u64)(uintptr_t)&t[0];
	ASSERT_EQ(0, loom_call(self->fd, DRM_IOCTL_LOOM_QUERY, &query));
	ASSERT_EQ(0, submit_and_wait(self->fd, queue, jobs, MANY, NULL));
	query.data = (__u64)(uintptr_t)&t[1];
	ASSERT_EQ(0, loom_call(self->fd, DRM_IOCTL_LOOM_QUERY, &query));
	EXPECT_LE(t[1].interrupts - t[0].interrupts, MANY / 4);
	EXPECT_LT(t[0].interrupts, t[1].interrupts);
}

TEST_HARNESS_MAIN
