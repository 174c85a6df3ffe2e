// SPDX-License-Identifier: GPL-2.0-only
/* Every field of every ioctl struct, wrong once. */

#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "loom_test.h"

#define BAD_HANDLE	0x7777u
#define BAD_POINTER	8ull

FIXTURE(uapi) {
	int fd;
	struct loom_hw_caps caps;
	struct world world;
	__u32 queue;
	struct bo results;
	struct drm_loom_job job;
	struct drm_loom_submit submit;
	__u32 syncobj;
};

FIXTURE_SETUP(uapi)
{
	self->fd = loom_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, loom_caps(self->fd, &self->caps));
	ASSERT_EQ(0, world_create(self->fd, &self->world));
	world_program(&self->world, 1);
	ASSERT_EQ(0, queue_create(self->fd, 8, 2, 0, &self->queue));
	ASSERT_EQ(0, queue_set_vm(self->fd, self->queue, 0, self->world.vm));
	ASSERT_EQ(0, bo_create(self->fd, PAGE, &self->results));
	self->syncobj = syncobj_create(self->fd);
	ASSERT_NE(0, self->syncobj);
	self->job = world_job(&self->world, 0, 42);
	self->submit = (struct drm_loom_submit){
		.queue_id = self->queue,
		.num_jobs = 1,
		.results_handle = self->results.handle,
		.jobs = (__u64)(uintptr_t)&self->job,
	};
}

FIXTURE_TEARDOWN(uapi)
{
	close(self->fd);
}

/* Set one field of a struct that is right otherwise, and expect an error. */
#define EXPECT_BAD(error, request, good, field, value)			\
	do {								\
		__typeof__(good) bad__ = (good);			\
									\
		bad__.field = (value);					\
		EXPECT_EQ(-(error), loom_call(self->fd, request, &bad__)) \
			TH_LOG("%s = %s", #field, #value);		\
	} while (0)

TEST_F(uapi, version)
{
	char name[16] = "";
	struct drm_version version = { .name_len = sizeof(name) - 1, .name = name };

	ASSERT_EQ(0, loom_call(self->fd, DRM_IOCTL_VERSION, &version));
	EXPECT_EQ(DRM_LOOM_MAJOR, version.version_major);
	EXPECT_EQ(DRM_LOOM_MINOR, version.version_minor);
	EXPECT_STREQ("loom", name);
}

TEST_F(uapi, unknown_ioctl)
{
	struct drm_loom_submit args = self->submit;

	EXPECT_EQ(-EINVAL, loom_call(self->fd, DRM_IOWR(DRM_COMMAND_BASE + 0x3f,
							struct drm_loom_submit), &args));
}

/* What a program of an older header does not send is zero: here that leaves no jobs. */
TEST_F(uapi, short_struct)
{
	EXPECT_EQ(-EINVAL, loom_call(self->fd, DRM_IOWR(DRM_COMMAND_BASE + DRM_LOOM_SUBMIT, __u64),
				     &self->submit));
}

TEST_F(uapi, query)
{
	struct loom_hw_counters counters;
	struct drm_loom_query good = {
		.type = DRM_LOOM_QUERY_COUNTERS,
		.size = sizeof(counters),
		.data = (__u64)(uintptr_t)&counters,
	};

	ASSERT_EQ(0, loom_call(self->fd, DRM_IOCTL_LOOM_QUERY, &good));
	EXPECT_EQ(sizeof(counters), good.size);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_QUERY, good, type, 99);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_QUERY, good, index, self->caps.num_cores);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_QUERY, good, pad, 1);
	EXPECT_BAD(EFAULT, DRM_IOCTL_LOOM_QUERY, good, data, BAD_POINTER);

	good.type = DRM_LOOM_QUERY_DEVICE;
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_QUERY, good, index, 1);
	good.type = DRM_LOOM_QUERY_TIME;
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_QUERY, good, index, 1);
	good.type = DRM_LOOM_QUERY_RECOVERIES;
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_QUERY, good, index, 1);
	good.type = DRM_LOOM_QUERY_VM;
	EXPECT_BAD(ENOENT, DRM_IOCTL_LOOM_QUERY, good, index, BAD_HANDLE);
}

TEST_F(uapi, query_size)
{
	char room[512];
	struct drm_loom_query query = { .type = DRM_LOOM_QUERY_DEVICE };

	ASSERT_EQ(0, loom_call(self->fd, DRM_IOCTL_LOOM_QUERY, &query));
	EXPECT_EQ(sizeof(struct loom_hw_caps), query.size);

	memset(room, 0xcc, sizeof(room));
	query.data = (__u64)(uintptr_t)room;
	query.size = 8;
	ASSERT_EQ(0, loom_call(self->fd, DRM_IOCTL_LOOM_QUERY, &query));
	EXPECT_EQ(8, query.size);
	EXPECT_EQ((char)0xcc, room[8]);

	query.size = sizeof(room);
	ASSERT_EQ(0, loom_call(self->fd, DRM_IOCTL_LOOM_QUERY, &query));
	EXPECT_EQ(sizeof(struct loom_hw_caps), query.size);
	EXPECT_EQ((char)0xcc, room[sizeof(struct loom_hw_caps)]);
}

TEST_F(uapi, query_time)
{
	struct drm_loom_time t[2];
	struct drm_loom_query query = { .type = DRM_LOOM_QUERY_TIME, .size = sizeof(t[0]) };
	int i;

	for (i = 0; i < 2; i++) {
		query.data = (__u64)(uintptr_t)&t[i];
		ASSERT_EQ(0, loom_call(self->fd, DRM_IOCTL_LOOM_QUERY, &query));
	}
	/* a kernel without a good clock source counts in ticks */
	EXPECT_LE(t[0].monotonic_ns, t[1].monotonic_ns);
	EXPECT_LT(t[0].device_ns, t[1].device_ns);
	if (self->caps.flags & LOOM_CAP_ICOUNT) {
		EXPECT_LT(t[0].monotonic_ns, t[1].monotonic_ns);
		EXPECT_LT(t[0].instructions, t[1].instructions);
	}
}

TEST_F(uapi, bo_create)
{
	struct drm_loom_bo_create good = { .size = 5000 };

	ASSERT_EQ(0, loom_call(self->fd, DRM_IOCTL_LOOM_BO_CREATE, &good));
	EXPECT_EQ(2 * PAGE, good.size);
	EXPECT_NE(0, good.handle);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_BO_CREATE, good, size, 0);
	EXPECT_BAD(ENOMEM, DRM_IOCTL_LOOM_BO_CREATE, good, size, 1ull << 50);
	EXPECT_BAD(ENOMEM, DRM_IOCTL_LOOM_BO_CREATE, good, size, ~0ull);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_BO_CREATE, good, flags, 1);
}

TEST_F(uapi, bo_mmap)
{
	struct drm_loom_bo_mmap good = { .handle = self->results.handle };

	ASSERT_EQ(0, loom_call(self->fd, DRM_IOCTL_LOOM_BO_MMAP, &good));
	EXPECT_BAD(ENOENT, DRM_IOCTL_LOOM_BO_MMAP, good, handle, 0);
	EXPECT_BAD(ENOENT, DRM_IOCTL_LOOM_BO_MMAP, good, handle, BAD_HANDLE);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_BO_MMAP, good, pad, 1);
}

TEST_F(uapi, vm_create)
{
	struct drm_loom_vm_create good = { .lease_bytes = 100 };
	struct drm_loom_vm_info info;

	ASSERT_EQ(0, loom_call(self->fd, DRM_IOCTL_LOOM_VM_CREATE, &good));
	EXPECT_LT(0, good.vm_id);
	ASSERT_EQ(0, vm_info(self->fd, good.vm_id, &info));
	EXPECT_EQ(LOOM_LEASE_ALIGN, info.lease_bytes);
	EXPECT_EQ(0, info.dead);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_VM_CREATE, good, flags, 1);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_VM_CREATE, good, pad, 1);
	EXPECT_BAD(ENOSPC, DRM_IOCTL_LOOM_VM_CREATE, good, lease_bytes, self->caps.act_sram_bytes);
	EXPECT_BAD(ENOSPC, DRM_IOCTL_LOOM_VM_CREATE, good, lease_bytes, ~0u);
}

TEST_F(uapi, vm_destroy)
{
	struct drm_loom_vm_destroy good = { .vm_id = self->world.vm };

	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_VM_DESTROY, good, pad, 1);
	EXPECT_BAD(ENOENT, DRM_IOCTL_LOOM_VM_DESTROY, good, vm_id, 0);
	EXPECT_BAD(ENOENT, DRM_IOCTL_LOOM_VM_DESTROY, good, vm_id, BAD_HANDLE);
	EXPECT_EQ(0, loom_call(self->fd, DRM_IOCTL_LOOM_VM_DESTROY, &good));
	EXPECT_EQ(-ENOENT, loom_call(self->fd, DRM_IOCTL_LOOM_VM_DESTROY, &good));
}

TEST_F(uapi, vm_map)
{
	struct drm_loom_vm_bind good = {
		.vm_id = self->world.vm,
		.op = DRM_LOOM_VM_MAP,
		.handle = self->results.handle,
		.va = 64 * PAGE * PAGE,
		.range = PAGE,
	};

	EXPECT_BAD(ENOENT, DRM_IOCTL_LOOM_VM_BIND, good, vm_id, BAD_HANDLE);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_VM_BIND, good, op, 2);
	EXPECT_BAD(ENOENT, DRM_IOCTL_LOOM_VM_BIND, good, handle, BAD_HANDLE);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_VM_BIND, good, flags, 2);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_VM_BIND, good, va, 8);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_VM_BIND, good, va, 1ull << LOOM_VA_BITS);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_VM_BIND, good, va, -PAGE);
	EXPECT_BAD(EEXIST, DRM_IOCTL_LOOM_VM_BIND, good, va, WORLD_VA + WORLD_BYTES - PAGE);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_VM_BIND, good, offset, 8);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_VM_BIND, good, offset, PAGE);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_VM_BIND, good, offset, -PAGE);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_VM_BIND, good, range, 0);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_VM_BIND, good, range, 8);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_VM_BIND, good, range, 2 * PAGE);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_VM_BIND, good, range, -PAGE);
	EXPECT_EQ(0, loom_call(self->fd, DRM_IOCTL_LOOM_VM_BIND, &good));
}

TEST_F(uapi, vm_unmap)
{
	struct drm_loom_vm_bind good = {
		.vm_id = self->world.vm,
		.op = DRM_LOOM_VM_UNMAP,
		.va = WORLD_VA,
		.range = WORLD_BYTES,
	};

	EXPECT_BAD(ENOENT, DRM_IOCTL_LOOM_VM_BIND, good, vm_id, BAD_HANDLE);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_VM_BIND, good, handle, self->world.bo.handle);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_VM_BIND, good, flags, DRM_LOOM_MAP_WRITE);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_VM_BIND, good, offset, PAGE);
	EXPECT_BAD(ENOENT, DRM_IOCTL_LOOM_VM_BIND, good, va, WORLD_VA + PAGE);
	EXPECT_BAD(ENOENT, DRM_IOCTL_LOOM_VM_BIND, good, range, PAGE);
	EXPECT_EQ(0, loom_call(self->fd, DRM_IOCTL_LOOM_VM_BIND, &good));
	EXPECT_EQ(-ENOENT, loom_call(self->fd, DRM_IOCTL_LOOM_VM_BIND, &good));
}

TEST_F(uapi, queue_create)
{
	struct drm_loom_queue_create good = { .entries = 8, .vm_slots = 1 };
	__u32 max = self->caps.max_ring_entries;

	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_QUEUE_CREATE, good, core, self->caps.num_cores);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_QUEUE_CREATE, good, flags, 2);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_QUEUE_CREATE, good, band, 4);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_QUEUE_CREATE, good, rings_bytes, 1);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_QUEUE_CREATE, good, rings_offset, 1);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_QUEUE_CREATE, good, doorbell_offset, 1);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_QUEUE_CREATE, good, entries, 0);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_QUEUE_CREATE, good, entries, 4);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_QUEUE_CREATE, good, entries, 9);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_QUEUE_CREATE, good, entries, 2 * max);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_QUEUE_CREATE, good, vm_slots, 0);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_QUEUE_CREATE, good, vm_slots, 257);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_QUEUE_CREATE, good, irq_batch, 9);
	EXPECT_EQ(0, loom_call(self->fd, DRM_IOCTL_LOOM_QUEUE_CREATE, &good));
	EXPECT_LT(0, good.queue_id);
}

TEST_F(uapi, queue_destroy)
{
	struct drm_loom_queue_destroy good = { .queue_id = self->queue };

	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_QUEUE_DESTROY, good, pad, 1);
	EXPECT_BAD(ENOENT, DRM_IOCTL_LOOM_QUEUE_DESTROY, good, queue_id, BAD_HANDLE);
	EXPECT_EQ(0, loom_call(self->fd, DRM_IOCTL_LOOM_QUEUE_DESTROY, &good));
	EXPECT_EQ(-ENOENT, loom_call(self->fd, DRM_IOCTL_LOOM_QUEUE_DESTROY, &good));
}

TEST_F(uapi, queue_set_vm)
{
	struct drm_loom_queue_set_vm good = {
		.queue_id = self->queue,
		.slot = 1,
		.vm_id = self->world.vm,
	};

	EXPECT_BAD(ENOENT, DRM_IOCTL_LOOM_QUEUE_SET_VM, good, queue_id, BAD_HANDLE);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_QUEUE_SET_VM, good, slot, 2);
	EXPECT_BAD(ENOENT, DRM_IOCTL_LOOM_QUEUE_SET_VM, good, vm_id, BAD_HANDLE);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_QUEUE_SET_VM, good, pad, 1);
	EXPECT_EQ(0, loom_call(self->fd, DRM_IOCTL_LOOM_QUEUE_SET_VM, &good));
}

TEST_F(uapi, submit)
{
	struct drm_loom_submit good = self->submit;

	EXPECT_BAD(ENOENT, DRM_IOCTL_LOOM_SUBMIT, good, queue_id, BAD_HANDLE);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_SUBMIT, good, flags, 2);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_SUBMIT, good, num_jobs, 0);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_SUBMIT, good, num_jobs, DRM_LOOM_SUBMIT_MAX_JOBS + 1);
	EXPECT_BAD(ENOENT, DRM_IOCTL_LOOM_SUBMIT, good, results_handle, BAD_HANDLE);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_SUBMIT, good, results_offset, 4);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_SUBMIT, good, results_offset, PAGE);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_SUBMIT, good, results_offset, -8ull);
	EXPECT_BAD(EFAULT, DRM_IOCTL_LOOM_SUBMIT, good, jobs, BAD_POINTER);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_SUBMIT, good, pad, 1);

	good.results_handle = 0;
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_SUBMIT, good, results_offset, 8);
	EXPECT_EQ(0, submit_and_wait(self->fd, self->queue, &self->job, 1, NULL));
}

TEST_F(uapi, submit_syncs)
{
	struct drm_loom_sync sync = { .handle = self->syncobj };
	struct drm_loom_submit in = self->submit, out = self->submit;
	__u32 too_many = DRM_LOOM_SUBMIT_MAX_SYNCS + 1;

	in.num_in_syncs = 1;
	in.in_syncs = (__u64)(uintptr_t)&sync;
	out.num_out_syncs = 1;
	out.out_syncs = (__u64)(uintptr_t)&sync;

	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_SUBMIT, in, num_in_syncs, too_many);
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_SUBMIT, out, num_out_syncs, too_many);
	EXPECT_BAD(EFAULT, DRM_IOCTL_LOOM_SUBMIT, in, in_syncs, BAD_POINTER);
	EXPECT_BAD(EFAULT, DRM_IOCTL_LOOM_SUBMIT, out, out_syncs, BAD_POINTER);

	/* nothing was ever put into it */
	EXPECT_EQ(-EINVAL, loom_call(self->fd, DRM_IOCTL_LOOM_SUBMIT, &in));

	sync.pad = 1;
	EXPECT_EQ(-EINVAL, loom_call(self->fd, DRM_IOCTL_LOOM_SUBMIT, &in));
	EXPECT_EQ(-EINVAL, loom_call(self->fd, DRM_IOCTL_LOOM_SUBMIT, &out));
	sync.pad = 0;

	sync.handle = BAD_HANDLE;
	EXPECT_EQ(-ENOENT, loom_call(self->fd, DRM_IOCTL_LOOM_SUBMIT, &in));
	EXPECT_EQ(-ENOENT, loom_call(self->fd, DRM_IOCTL_LOOM_SUBMIT, &out));
}

TEST_F(uapi, submit_shared)
{
	struct drm_loom_shared shared = { .handle = self->world.bo.handle };
	struct drm_loom_submit good = self->submit;

	good.num_shared = 1;
	good.shared = (__u64)(uintptr_t)&shared;
	EXPECT_BAD(EINVAL, DRM_IOCTL_LOOM_SUBMIT, good, num_shared, DRM_LOOM_SUBMIT_MAX_SHARED + 1);
	EXPECT_BAD(EFAULT, DRM_IOCTL_LOOM_SUBMIT, good, shared, BAD_POINTER);

	shared.flags = 2;
	EXPECT_EQ(-EINVAL, loom_call(self->fd, DRM_IOCTL_LOOM_SUBMIT, &good));
	shared = (struct drm_loom_shared){ .handle = BAD_HANDLE };
	EXPECT_EQ(-ENOENT, loom_call(self->fd, DRM_IOCTL_LOOM_SUBMIT, &good));
	shared.handle = self->world.bo.handle;
	EXPECT_EQ(0, loom_call(self->fd, DRM_IOCTL_LOOM_SUBMIT, &good));
}

/* As EXPECT_BAD, for a field of the job. */
#define EXPECT_BAD_JOB(error, field, value)				\
	do {								\
		struct drm_loom_job bad__ = self->job;			\
		struct drm_loom_submit args__ = self->submit;		\
									\
		bad__.field = (value);					\
		args__.jobs = (__u64)(uintptr_t)&bad__;			\
		EXPECT_EQ(-(error), loom_call(self->fd, DRM_IOCTL_LOOM_SUBMIT, &args__)) \
			TH_LOG("%s = %s", #field, #value);		\
	} while (0)

TEST_F(uapi, submit_job)
{
	EXPECT_BAD_JOB(EINVAL, cmd_va, WORLD_VA + 4);
	EXPECT_BAD_JOB(EINVAL, cmd_va, 1ull << LOOM_VA_BITS);
	EXPECT_BAD_JOB(EINVAL, cmd_size, 4);
	EXPECT_BAD_JOB(ENOENT, vm_slot, 1);
	EXPECT_BAD_JOB(EINVAL, vm_slot, 2);
	EXPECT_BAD_JOB(EINVAL, flags, 4);
	EXPECT_BAD_JOB(EINVAL, pad, 1);
}

/* A bad job among good ones: none of them runs. */
TEST_F(uapi, submit_all_or_nothing)
{
	struct drm_loom_job jobs[] = { self->job, self->job, self->job };
	struct drm_loom_submit args = self->submit;

	jobs[2].vm_slot = 1;
	args.num_jobs = 3;
	args.jobs = (__u64)(uintptr_t)jobs;
	EXPECT_EQ(-ENOENT, loom_call(self->fd, DRM_IOCTL_LOOM_SUBMIT, &args));
	usleep(10000);
	EXPECT_TRUE(world_untouched(&self->world));
}

/* Ids are the file's own. */
TEST_F(uapi, other_file)
{
	struct drm_loom_vm_info info;
	int other = loom_open();

	ASSERT_LE(0, other);
	EXPECT_EQ(-ENOENT, vm_info(other, self->world.vm, &info));
	EXPECT_EQ(-ENOENT, vm_destroy(other, self->world.vm));
	EXPECT_EQ(-ENOENT, queue_destroy(other, self->queue));
	EXPECT_EQ(-ENOENT, loom_call(other, DRM_IOCTL_LOOM_SUBMIT, &self->submit));
	close(other);
}

TEST_HARNESS_MAIN
