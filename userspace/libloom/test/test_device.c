// SPDX-License-Identifier: MIT
/*
 * The library on a device, whichever: objects, submission, results, faults, weaving.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fixture.h"

#define MANY 200	/* jobs that take a while */

static const char *spec;
static bool simulated, by_ioctl;

struct state {
	struct loom_dev *dev;
	struct loom_queue *queue;
};

static int setup(void **data)
{
	struct state *state = calloc(1, sizeof(*state));

	state->dev = open_device(spec);
	state->queue = open_queue(state->dev, 4);
	*data = state;
	return 0;
}

static int teardown(void **data)
{
	struct state *state = *data;

	loom_queue_destroy(state->queue);
	loom_dev_close(state->dev);
	free(state);
	return 0;
}

/* ---- objects ---- */

static void test_buffers(void **data)
{
	struct state *state = *data;
	struct loom_bo *bo, *other;

	assert_int_equal(loom_bo_create(state->dev, 0, &bo), -EINVAL);
	assert_true(loom_bo_create(state->dev, UINT64_MAX, &bo) < 0);
	must_work(loom_bo_create(state->dev, 5000, &bo));
	assert_int_equal(loom_bo_size(bo), 8192);
	assert_non_null(loom_bo_map(bo));
	assert_ptr_equal(loom_bo_map(bo), loom_bo_map(bo));
	memset(loom_bo_map(bo), 0xaa, 8192);
	must_work(loom_bo_create(state->dev, 3 << 20, &other));
	assert_int_not_equal(loom_bo_handle(bo), loom_bo_handle(other));
	loom_bo_destroy(bo);
	must_work(loom_bo_create(state->dev, 8192, &bo));
	assert_int_equal(*(char *)loom_bo_map(bo), 0);
	loom_bo_destroy(bo);
	loom_bo_destroy(other);
}

static void test_address_spaces(void **data)
{
	struct state *state = *data;
	uint32_t sram = loom_dev_caps(state->dev)->act_sram_bytes;
	struct drm_loom_vm_info info;
	struct loom_vm *vm, *other;
	struct loom_bo *bo;

	assert_int_equal(loom_vm_create(state->dev, sram + 1, &vm), -ENOSPC);
	must_work(loom_vm_create(state->dev, sram, &vm));
	assert_int_equal(loom_vm_create(state->dev, 1, &other), -ENOSPC);
	must_work(loom_vm_create(state->dev, 0, &other));
	loom_vm_destroy(other);

	must_work(loom_bo_create(state->dev, 5 << 20, &bo));
	assert_int_equal(loom_vm_map(vm, bo, 0x1001, 0), -EINVAL);
	assert_int_equal(loom_vm_map(vm, bo, 1ull << 48, 0), -EINVAL);
	assert_int_equal(loom_vm_map(vm, bo, 0x200000, 2), -EINVAL);
	must_work(loom_vm_map(vm, bo, 0x200000, DRM_LOOM_MAP_WRITE));
	assert_int_equal(loom_vm_map(vm, bo, 0x1ff000, 0), -EEXIST);
	assert_int_equal(loom_vm_unmap(vm, 0x200000, 4096), -ENOENT);
	must_work(loom_vm_map(vm, bo, 0x10000000000, 0));
	must_work(loom_vm_unmap(vm, 0x200000, 5 << 20));
	must_work(loom_vm_map(vm, bo, 0x201000, 0));
	must_work(loom_vm_info(vm, &info));
	assert_int_equal(info.dead, 0);
	assert_int_equal(info.lease_bytes, sram);
	loom_bo_destroy(bo);	/* the mappings keep it */
	loom_vm_destroy(vm);
}

static void test_many_contexts(void **data)
{
	struct state *state = *data;
	uint32_t i, num = loom_dev_caps(state->dev)->max_contexts;
	struct loom_vm **vms = calloc(num + 1, sizeof(*vms));

	for (i = 0; i < num; i++)
		must_work(loom_vm_create(state->dev, 0, &vms[i]));
	assert_int_equal(loom_vm_create(state->dev, 0, &vms[num]), -ENOSPC);
	for (i = 0; i < num; i++)
		loom_vm_destroy(vms[i]);
	must_work(loom_vm_create(state->dev, 0, &vms[0]));
	loom_vm_destroy(vms[0]);
	free(vms);
}

static void test_queues(void **data)
{
	static const struct drm_loom_queue_create bad[] = {
		{ .entries = 4, .vm_slots = 1 }, { .entries = 24, .vm_slots = 1 },
		{ .entries = 1 << 20, .vm_slots = 1 }, { .entries = 8, .vm_slots = 0 },
		{ .entries = 8, .vm_slots = 257 }, { .entries = 8, .vm_slots = 1, .core = 99 },
		{ .entries = 8, .vm_slots = 1, .flags = 2 },
		{ .entries = 8, .vm_slots = 1, .band = 4 },
		{ .entries = 8, .vm_slots = 1, .irq_batch = 1 << 16 },
	};
	struct state *state = *data;
	struct loom_queue *queue;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (loom_queue_create(state->dev, &bad[i], &queue) != -EINVAL)
			fail_msg("queue %zu was accepted", i);
	assert_int_equal(loom_queue_set_vm(state->queue, 4, NULL), -EINVAL);
	must_work(loom_queue_set_vm(state->queue, 3, NULL));
}

static void test_bad_submissions(void **data)
{
	static const struct drm_loom_job bad[] = {
		{ .cmd_va = 4, .cmd_size = 64 }, { .cmd_va = 8, .cmd_size = 63 },
		{ .cmd_va = 8, .cmd_size = 64, .vm_slot = 4 },
		{ .cmd_va = 8, .cmd_size = 64, .flags = 4 }, { .cmd_va = 8, .cmd_size = 64, .pad = 1 },
	};
	struct state *state = *data;
	struct drm_loom_job good = { .cmd_va = 4096, .cmd_size = 64 };
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (loom_submit_wait(state->queue, &bad[i], 1, NULL, UINT64_MAX) != -EINVAL)
			fail_msg("job %zu was accepted", i);
	assert_int_equal(loom_submit_wait(state->queue, &good, 0, NULL, UINT64_MAX), -EINVAL);
	/* Its slot is empty. */
	assert_int_equal(loom_submit_wait(state->queue, &good, 1, NULL, UINT64_MAX), -ENOENT);
}

/* ---- running ---- */

static const struct make_model small = { .name = "small", .n = 64, .slices = 3, .seed = 1 };
static const struct make_model other = { .name = "other", .n = 96, .slices = 5, .seed = 2 };

static void test_run(void **data)
{
	struct state *state = *data;
	struct drm_loom_result results[3];
	struct loom_hw_counters idle, counters;
	struct drm_loom_time before, after;
	struct loaded a;

	load(&a, state->dev, state->queue, 1, small, 2);
	fill_input(&a, 0, 7);
	fill_input(&a, 1, 8);
	must_work(loom_dev_counters(state->dev, 0, &idle));
	must_work(loom_dev_time(state->dev, &before));
	must_work(run(&a, state->queue, 0, results));
	must_work(loom_dev_time(state->dev, &after));
	must_work(run(&a, state->queue, 1, NULL));
	check_output(&a, 0, 7);
	check_output(&a, 1, 8);
	assert_int_equal(results[2].user_data, 2);
	assert_true(results[0].dispatched >= before.device_ns);
	assert_true(results[2].end <= after.device_ns);
	assert_true(results[2].end > results[0].fetch_start);
	assert_true(after.interrupts > before.interrupts);
	must_work(loom_dev_counters(state->dev, 0, &counters));
	assert_int_equal(counters.jobs - idle.jobs, 6);
	assert_int_equal(counters.weight_bytes - idle.weight_bytes, 2 * 3 * 64 * 2);
	assert_int_equal(loom_dev_counters(state->dev, 99, &counters), -EINVAL);
	unload(&a);
}

static void many_jobs(const struct loaded *loaded, struct drm_loom_job *jobs)
{
	unsigned int i;

	for (i = 0; i < MANY; i++)
		loom_instance_job(loaded->instance, 0, i % loaded->args.slices, loaded->slot, &jobs[i]);
}

/* Models that do not fit the activation SRAM together are refused, and what was made for them goes. */
static void test_no_lease_left(void **data)
{
	struct state *state = *data;
	uint32_t sram = loom_dev_caps(state->dev)->act_sram_bytes;
	struct make_model args = { .name = "half", .slices = 1, .seed = 1 };
	struct loom_instance *second;
	struct loaded a;

	args.n = (sram / 2 + LOOM_LEASE_ALIGN) / 2;
	load(&a, state->dev, state->queue, 0, args, 1);
	assert_int_equal(loom_instance_create(state->dev, a.model, 1, &second), -ENOSPC);
	unload(&a);
	load(&a, state->dev, state->queue, 0, args, 1);
	unload(&a);
}

/* ---- memfds ---- */

struct shared {
	int fd;
	char *map;		/* ours, not the library's */
	struct loom_bo *bo;
};

static int make_memfd(uint64_t bytes, int seals)
{
	int fd = memfd_create("libloom-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, bytes), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void share(struct shared *shared, struct loom_dev *dev, uint64_t bytes)
{
	shared->fd = make_memfd(bytes, F_SEAL_SHRINK | F_SEAL_GROW);
	shared->map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, shared->fd, 0);
	assert_ptr_not_equal(shared->map, MAP_FAILED);
	must_work(loom_bo_import_memfd(dev, shared->fd, bytes, &shared->bo));
}

static void unshare(struct shared *shared, uint64_t bytes)
{
	munmap(shared->map, bytes);
	close(shared->fd);
}

static void test_import(void **data)
{
	struct state *state = *data;
	struct loom_bo *bo, *next;
	struct shared a;
	int fd;

	share(&a, state->dev, 3 << 20);
	assert_int_equal(loom_bo_size(a.bo), 3 << 20);
	assert_non_null(loom_bo_map(a.bo));
	strcpy(a.map + 5000, "from the memfd");
	assert_string_equal((char *)loom_bo_map(a.bo) + 5000, "from the memfd");
	strcpy((char *)loom_bo_map(a.bo) + (2 << 20), "from the buffer");
	assert_string_equal(a.map + (2 << 20), "from the buffer");
	/* Once more, and the first page only. */
	must_work(loom_bo_import_memfd(state->dev, a.fd, 10, &bo));
	assert_int_equal(loom_bo_size(bo), 4096);
	assert_int_not_equal(loom_bo_handle(a.bo), loom_bo_handle(bo));
	loom_bo_destroy(bo);
	assert_int_equal(loom_bo_import_memfd(state->dev, a.fd, (3 << 20) + 1, &bo), -EINVAL);
	assert_int_equal(loom_bo_import_memfd(state->dev, a.fd, 0, &bo), -EINVAL);
	assert_int_equal(loom_bo_import_memfd(state->dev, a.fd, UINT64_MAX, &bo), -EINVAL);
	loom_bo_destroy(a.bo);
	/* What comes where it was is not the memfd. */
	must_work(loom_bo_create(state->dev, 3 << 20, &next));
	memset(loom_bo_map(next), 1, 3 << 20);
	assert_string_equal(a.map + 5000, "from the memfd");
	loom_bo_destroy(next);
	unshare(&a, 3 << 20);

	fd = make_memfd(5000, F_SEAL_SHRINK);	/* its last page is not whole */
	assert_int_equal(loom_bo_import_memfd(state->dev, fd, 5000, &bo), -EINVAL);
	close(fd);
	fd = make_memfd(8192, F_SEAL_GROW);
	assert_int_equal(loom_bo_import_memfd(state->dev, fd, 8192, &bo), -EPERM);
	close(fd);
	fd = make_memfd(8192, F_SEAL_SHRINK | F_SEAL_WRITE);
	assert_int_equal(loom_bo_import_memfd(state->dev, fd, 8192, &bo), -EPERM);
	close(fd);
	assert_int_equal(loom_bo_import_memfd(state->dev, -1, 8192, &bo), -EINVAL);
}

/* Inputs from a memfd's pages, outputs into them. */
static void test_bind(void **data)
{
	struct state *state = *data;
	struct shared first, second;
	struct loaded a, b;
	unsigned int io[3];
	uint64_t bytes;

	load(&a, state->dev, state->queue, 0, small, 0);
	load(&b, state->dev, state->queue, 1, other, 1);
	bytes = (loom_model_info(b.model)->io_bytes + 4095) & ~4095ull;
	share(&first, state->dev, bytes);
	share(&second, state->dev, bytes);
	assert_null(loom_instance_io(a.instance, 0));
	must_work(loom_instance_bind_io(a.instance, first.bo, &io[0]));
	must_work(loom_instance_bind_io(a.instance, second.bo, &io[1]));
	must_work(loom_instance_bind_io(b.instance, second.bo, &io[2]));
	assert_int_equal(io[0], 0);
	assert_int_equal(io[1], 1);
	assert_int_equal(io[2], 1);
	fill_input(&a, io[0], 1);
	fill_input(&a, io[1], 2);
	must_work(run(&a, state->queue, io[0], NULL));
	must_work(run(&a, state->queue, io[1], NULL));
	check_output(&a, io[0], 1);
	check_output(&a, io[1], 2);
	/* That was the library's map, this is ours. */
	assert_memory_equal(first.map, loom_instance_io(a.instance, io[0]), bytes);
	fill_input(&b, io[2], 3);
	must_work(run(&b, state->queue, io[2], NULL));
	check_output(&b, io[2], 3);
	assert_memory_equal(second.map, loom_instance_io(b.instance, io[2]), bytes);
	unload(&b);	/* with its binding */
	must_work(loom_instance_unbind_io(a.instance, io[1]));
	loom_bo_destroy(second.bo);
	unshare(&second, bytes);
	fill_input(&a, io[0], 4);
	must_work(run(&a, state->queue, io[0], NULL));
	check_output(&a, io[0], 4);
	unload(&a);
	loom_bo_destroy(first.bo);
	unshare(&first, bytes);
}

static void test_bind_bounds(void **data)
{
	struct state *state = *data;
	struct make_model large = small;
	struct loom_bo *bo, *page;
	struct drm_loom_job job;
	struct loaded a;
	unsigned int io, i;

	large.n = 4096;		/* more than a page of input */
	large.slices = 1;
	load(&a, state->dev, state->queue, 0, large, 1);
	must_work(loom_bo_create(state->dev, 4096, &page));
	must_work(loom_bo_create(state->dev, 1 << 20, &bo));
	assert_int_equal(loom_instance_bind_io(a.instance, page, &io), -EINVAL);
	assert_int_equal(loom_instance_unbind_io(a.instance, 0), -ENOENT);
	assert_int_equal(loom_instance_unbind_io(a.instance, 1), -ENOENT);
	for (i = 1; i < 256; i++) {
		must_work(loom_instance_bind_io(a.instance, bo, &io));
		assert_int_equal(io, i);
	}
	assert_int_equal(loom_instance_bind_io(a.instance, bo, &io), -ENOSPC);
	/* The last one is as good as the first. */
	fill_input(&a, 255, 9);
	must_work(run(&a, state->queue, 255, NULL));
	check_output(&a, 255, 9);
	must_work(loom_instance_unbind_io(a.instance, 77));
	assert_null(loom_instance_io(a.instance, 77));
	assert_int_equal(loom_instance_unbind_io(a.instance, 77), -ENOENT);
	must_work(loom_instance_bind_io(a.instance, bo, &io));
	assert_int_equal(io, 77);
	must_work(run(&a, state->queue, 77, NULL));
	check_output(&a, 77, 9);
	/* What is not bound any more is a fault. */
	must_work(loom_instance_unbind_io(a.instance, 77));
	loom_instance_job(a.instance, 77, 0, 0, &job);
	assert_int_equal(loom_submit_wait(state->queue, &job, 1, NULL, UINT64_MAX), -EIO);
	assert_true(loom_instance_bind_io(a.instance, bo, &io) <= 0);	/* the VM is dead */
	unload(&a);
	loom_bo_destroy(bo);
	loom_bo_destroy(page);
}

/* The caller gave up; the jobs go on, and nothing they write to is gone. */
static void test_timeout(void **data)
{
	struct state *state = *data;
	struct drm_loom_job jobs[MANY];
	struct loaded a;
	int err;

	load(&a, state->dev, state->queue, 0, small, 1);
	many_jobs(&a, jobs);
	err = loom_submit_wait(state->queue, jobs, MANY, NULL, 1);
	/* A device that runs by itself may have been faster than we. */
	if (err != -ETIME && (simulated || err))
		fail_msg("%d: should have timed out", err);
	fill_input(&a, 0, 3);
	must_work(run(&a, state->queue, 0, NULL));
	check_output(&a, 0, 3);
	unload(&a);
}

/* ---- the ring ---- */

/* Slices of both, turn by turn, one SQE each. */
static void prep_woven(struct loom_ring *ring, struct loom_queue *queue, struct loaded *a,
		       struct loaded *b)
{
	unsigned int i, max = a->args.slices > b->args.slices ? a->args.slices : b->args.slices;
	struct drm_loom_job job;

	for (i = 0; i < max; i++) {
		if (i < a->args.slices) {
			loom_instance_job(a->instance, 0, i, a->slot, &job);
			must_work(loom_ring_prep(ring, queue, &job, 1, NULL, 0, 100 + i));
		}
		if (i < b->args.slices) {
			loom_instance_job(b->instance, 0, i, b->slot, &job);
			must_work(loom_ring_prep(ring, queue, &job, 1, NULL, 0, 200 + i));
		}
	}
}

static void test_woven(void **data)
{
	struct state *state = *data;
	struct loom_ring_stats stats;
	struct loom_ring_cqe cqe;
	struct loom_ring *ring;
	struct loaded a, b;
	uint64_t last = 0;
	unsigned int num;

	load(&a, state->dev, state->queue, 0, small, 1);
	load(&b, state->dev, state->queue, 2, other, 1);
	fill_input(&a, 0, 21);
	fill_input(&b, 0, 22);
	must_work(loom_ring_create(state->dev, 16, &ring));
	prep_woven(ring, state->queue, &a, &b);
	assert_int_equal(loom_ring_reap(ring, &cqe), 0);
	assert_int_equal(loom_ring_enter(ring, 8, UINT64_MAX), 8);
	for (num = 0; loom_ring_reap(ring, &cqe); num++) {
		assert_int_equal(cqe.res, 0);
		assert_true(cqe.device_end > 0);
		if (cqe.device_end > last)
			last = cqe.device_end;
	}
	assert_int_equal(num, 8);
	check_output(&a, 0, 21);
	check_output(&b, 0, 22);
	loom_ring_get_stats(ring, &stats);
	assert_int_equal(stats.enters, 1);
	assert_int_equal(stats.sqes, 8);
	assert_int_equal(stats.jobs, 8);
	if (!by_ioctl)
		assert_int_equal(stats.ioctls, 0);
	loom_ring_destroy(ring);
	unload(&a);
	unload(&b);
}

static void test_ring_array(void **data)
{
	struct state *state = *data;
	const struct drm_loom_result *results;
	struct drm_loom_job jobs[32], job;
	struct loom_ring_cqe cqe;
	struct loom_ring *ring;
	struct loom_bo *bo;
	struct loaded a;
	unsigned int i;

	load(&a, state->dev, state->queue, 0, small, 1);
	fill_input(&a, 0, 1);
	must_work(loom_bo_create(state->dev, 8192, &bo));
	must_work(loom_ring_create(state->dev, 2, &ring));
	/* More jobs than the hardware ring has entries. */
	for (i = 0; i < 30; i++)
		loom_instance_job(a.instance, 0, i % 3, 0, &jobs[i]);
	must_work(loom_ring_prep(ring, state->queue, jobs, 30, bo, 64, 5));
	memset(jobs, 0, sizeof(jobs));	/* copied */
	job = (struct drm_loom_job){ .cmd_va = 1, .cmd_size = 8 };
	must_work(loom_ring_prep(ring, state->queue, &job, 1, NULL, 0, 6));
	assert_int_equal(loom_ring_prep(ring, state->queue, &job, 1, NULL, 0, 7), -EBUSY);
	assert_int_equal(loom_ring_prep(ring, state->queue, &job, 257, NULL, 0, 7), -EINVAL);
	assert_int_equal(loom_ring_enter(ring, 1, 0), 2);
	assert_int_equal(loom_ring_reap(ring, &cqe), 1);
	assert_int_equal(cqe.tag, 6);
	assert_int_equal(cqe.res, -EINVAL);
	assert_int_equal(loom_ring_enter(ring, 1, UINT64_MAX), 0);
	assert_int_equal(loom_ring_reap(ring, &cqe), 1);
	assert_int_equal(cqe.tag, 5);
	assert_int_equal(cqe.res, 0);
	results = (void *)((char *)loom_bo_map(bo) + 64);
	for (i = 0; i < 30; i++)
		assert_int_equal(results[i].user_data, i % 3);
	assert_true(results[29].end == cqe.device_end);
	check_output(&a, 0, 1);
	assert_int_equal(loom_ring_enter(ring, 1, 1000), -ETIME);
	if (simulated) {
		/* Nothing will ever happen, and the clock is ours. */
		assert_int_equal(loom_ring_enter(ring, 1, UINT64_MAX), -ETIME);
		assert_int_equal(loom_ring_poll(ring, 0, 1), -EOPNOTSUPP);
	}
	loom_ring_destroy(ring);
	loom_bo_destroy(bo);
	unload(&a);
}

static void test_results_bounds(void **data)
{
	struct state *state = *data;
	struct loom_ring_cqe cqe;
	struct loom_ring *ring;
	struct drm_loom_job jobs[32] = { { 0 } };
	struct loom_bo *bo;
	int i;

	for (i = 0; i < 32; i++)
		jobs[i] = (struct drm_loom_job){ .cmd_va = 4096, .cmd_size = 64 };
	must_work(loom_bo_create(state->dev, 4096, &bo));
	must_work(loom_ring_create(state->dev, 4, &ring));
	must_work(loom_ring_prep(ring, state->queue, jobs, 32, bo, 4096, 1));
	must_work(loom_ring_prep(ring, state->queue, jobs, 1, bo, 4, 1));
	must_work(loom_ring_prep(ring, state->queue, jobs, 1, bo, UINT64_MAX - 7, 1));
	assert_int_equal(loom_ring_enter(ring, 3, UINT64_MAX), 3);
	for (i = 0; i < 3; i++) {
		assert_int_equal(loom_ring_reap(ring, &cqe), 1);
		assert_int_equal(cqe.res, -EINVAL);
	}
	loom_ring_destroy(ring);
	loom_bo_destroy(bo);
}

/* A device that runs by itself may have been faster than we. */
static void check_cancelled(int res)
{
	if (res != -ECANCELED && (simulated || res))
		fail_msg("%d: should have been cancelled", res);
}

static void test_cancel(void **data)
{
	struct state *state = *data;
	const struct drm_loom_result *results;
	struct drm_loom_job jobs[MANY];
	struct loom_ring_cqe cqe;
	struct loom_ring *ring;
	struct loom_bo *bo;
	struct loaded a;

	load(&a, state->dev, state->queue, 0, small, 1);
	must_work(loom_bo_create(state->dev, MANY * sizeof(*results), &bo));
	must_work(loom_ring_create(state->dev, 4, &ring));
	many_jobs(&a, jobs);
	jobs[MANY - 1].user_data = 77;
	must_work(loom_ring_prep(ring, state->queue, jobs, MANY, bo, 0, 9));
	must_work(loom_ring_enter(ring, 0, 0));
	assert_int_equal(loom_ring_cancel(ring, 10), -ENOENT);
	loom_ring_cancel(ring, 9);
	must_work(loom_ring_enter(ring, 1, UINT64_MAX));
	assert_int_equal(loom_ring_reap(ring, &cqe), 1);
	assert_int_equal(cqe.tag, 9);
	check_cancelled(cqe.res);
	/* What the device had runs to its end. */
	fill_input(&a, 0, 4);
	must_work(run(&a, state->queue, 0, NULL));
	assert_int_equal(loom_ring_reap(ring, &cqe), 0);
	results = loom_bo_map(bo);
	assert_int_equal(results[MANY - 1].user_data, 77);
	assert_int_equal(results[MANY - 1].status, 0);
	check_output(&a, 0, 4);
	loom_ring_destroy(ring);
	loom_bo_destroy(bo);
	unload(&a);
}

/* What is under way when everything is taken away. */
static void test_destroy_under_way(void **data)
{
	struct state *state = *data;
	struct loom_queue *queue = open_queue(state->dev, 1);
	struct drm_loom_job jobs[MANY];
	struct loom_ring_cqe cqe;
	struct loom_ring *ring;
	struct loaded a, b;
	int seen = 0;

	load(&a, state->dev, queue, 0, other, 1);
	load(&b, state->dev, state->queue, 3, small, 1);
	must_work(loom_ring_create(state->dev, 4, &ring));
	many_jobs(&a, jobs);
	must_work(loom_ring_prep(ring, queue, jobs, MANY, NULL, 0, 1));
	many_jobs(&b, jobs);
	must_work(loom_ring_prep(ring, state->queue, jobs, MANY, NULL, 0, 2));
	assert_int_equal(loom_ring_enter(ring, 0, 0), 2);
	unload(&b);		/* its VM: jobs end as cancelled */
	loom_queue_destroy(queue);
	must_work(loom_ring_enter(ring, 2, UINT64_MAX));
	while (loom_ring_reap(ring, &cqe)) {
		check_cancelled(cqe.res);
		seen |= 1 << cqe.tag;
	}
	assert_int_equal(seen, 6);
	loom_ring_destroy(ring);
	unload(&a);
}

/* A ring goes with submissions in it: they go on, and what they use stays until they are done. */
static void test_ring_destroyed(void **data)
{
	struct state *state = *data;
	struct drm_loom_job jobs[MANY];
	struct loom_ring *ring;
	struct loom_bo *bo;
	struct loaded a;

	load(&a, state->dev, state->queue, 0, small, 1);
	must_work(loom_bo_create(state->dev, MANY * sizeof(struct drm_loom_result), &bo));
	must_work(loom_ring_create(state->dev, 4, &ring));
	many_jobs(&a, jobs);
	must_work(loom_ring_prep(ring, state->queue, jobs, MANY, bo, 0, 1));
	must_work(loom_ring_enter(ring, 0, 0));
	must_work(loom_ring_prep(ring, state->queue, jobs, MANY, bo, 0, 2));	/* never entered */
	loom_ring_destroy(ring);
	loom_bo_destroy(bo);
	fill_input(&a, 0, 6);
	must_work(run(&a, state->queue, 0, NULL));
	check_output(&a, 0, 6);
	unload(&a);
}

/* ---- faults ---- */

static void weave_with_fault(struct state *state, enum make_model_fault fault, uint32_t expected)
{
	struct make_model faulty = other;
	struct drm_loom_vm_info info;
	struct loom_ring_cqe cqe;
	struct loom_ring *ring;
	struct drm_loom_job job;
	struct loaded a, b;
	unsigned int bad = 0;

	faulty.fault = fault;
	faulty.fault_slice = 2;
	load(&a, state->dev, state->queue, 0, small, 1);
	load(&b, state->dev, state->queue, 1, faulty, 1);
	fill_input(&a, 0, 31);
	must_work(loom_ring_create(state->dev, 16, &ring));
	prep_woven(ring, state->queue, &a, &b);
	assert_int_equal(loom_ring_enter(ring, 8, UINT64_MAX), 8);
	while (loom_ring_reap(ring, &cqe)) {
		if (cqe.res) {
			assert_int_equal(cqe.res, -EIO);
			assert_in_range(cqe.tag, 202, 204);
			bad++;
		}
	}
	assert_int_equal(bad, 3);
	check_output(&a, 0, 31);
	must_work(loom_vm_info(loom_instance_vm(b.instance), &info));
	assert_int_equal(info.dead, 1);
	assert_int_equal(info.fault, expected);
	assert_int_equal(info.user_data, 2);
	if (fault == MAKE_FAULT_LOAD)
		assert_int_equal(info.fault_addr, 0xdead000);
	loom_instance_job(b.instance, 0, 0, 1, &job);
	assert_int_equal(loom_submit_wait(state->queue, &job, 1, NULL, UINT64_MAX), -EIO);
	/* The other model goes on. */
	fill_input(&a, 0, 32);
	must_work(run(&a, state->queue, 0, NULL));
	check_output(&a, 0, 32);
	loom_ring_destroy(ring);
	unload(&a);
	unload(&b);
}

static void test_fault_load(void **data)
{
	weave_with_fault(*data, MAKE_FAULT_LOAD, LOOM_FAULT_MMU_READ);
}

static void test_fault_store(void **data)
{
	weave_with_fault(*data, MAKE_FAULT_STORE, LOOM_FAULT_MMU_WRITE);
}

static void test_fault_opcode(void **data)
{
	weave_with_fault(*data, MAKE_FAULT_OPCODE, LOOM_FAULT_BAD_OPCODE);
}

static void test_fault_wait(void **data)
{
	weave_with_fault(*data, MAKE_FAULT_WAIT, LOOM_FAULT_BAD_WAIT);
}

static void test_fault_tile(void **data)
{
	weave_with_fault(*data, MAKE_FAULT_TILE, LOOM_FAULT_BAD_WEIGHT);
}

#define on_device(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int run_device_tests(const char *device, const char *title, bool without_uring)
{
	const struct CMUnitTest tests[] = {
		on_device(test_buffers),
		on_device(test_address_spaces),
		on_device(test_many_contexts),
		on_device(test_queues),
		on_device(test_bad_submissions),
		on_device(test_run),
		on_device(test_no_lease_left),
		on_device(test_import),
		on_device(test_bind),
		on_device(test_bind_bounds),
		on_device(test_timeout),
		on_device(test_woven),
		on_device(test_ring_array),
		on_device(test_results_bounds),
		on_device(test_cancel),
		on_device(test_destroy_under_way),
		on_device(test_ring_destroyed),
		on_device(test_fault_load),
		on_device(test_fault_store),
		on_device(test_fault_opcode),
		on_device(test_fault_wait),
		on_device(test_fault_tile),
	};

	spec = device;
	simulated = device && !strncmp(device, "sim:", 4);
	by_ioctl = without_uring;
	return cmocka_run_group_tests_name(title, tests, NULL, NULL);
}
