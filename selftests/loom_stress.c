// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that pull at the same objects from all sides: what one submits to, another destroys. What
 * the calls answer is not looked at; what counts is that the kernel has no complaint, that nobody
 * hangs, and that the device works afterwards.
 */

#include <liburing.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "loom_test.h"

#define THREADS	4
#define ROUNDS	400
#define OBJECTS	4u
#define DEPTH	16u

struct arena {
	int fd;
	struct bo bo;		/* shared by all VMs: a command buffer and room to write */
	struct drm_loom_job job, slow;
	__u32 vm[OBJECTS];	/* written by all, read by all: stale ids are welcome */
	__u32 queue[OBJECTS];
	__u32 syncobj;
	unsigned int ring_flags;
};

struct puller {
	struct arena *arena;
	unsigned int seed;
	struct io_uring ring;
	unsigned int in_flight;
};

static __u32 pick(struct puller *p)
{
	return rand_r(&p->seed) % OBJECTS;
}

static void pull_vm(struct puller *p)
{
	struct arena *a = p->arena;
	__u32 i = pick(p), vm;

	vm_destroy(a->fd, a->vm[i]);
	if (vm_create(a->fd, WORLD_LEASE, &vm))
		return;
	vm_map(a->fd, vm, &a->bo, WORLD_VA, 0, a->bo.size, DRM_LOOM_MAP_WRITE);
	a->vm[i] = vm;
}

static void pull_mapping(struct puller *p)
{
	struct arena *a = p->arena;
	__u32 vm = a->vm[pick(p)];

	if (vm_unmap(a->fd, vm, WORLD_VA, a->bo.size))
		vm_map(a->fd, vm, &a->bo, WORLD_VA, 0, a->bo.size, DRM_LOOM_MAP_WRITE);
}

static void pull_queue(struct puller *p)
{
	struct arena *a = p->arena;
	__u32 i = pick(p), queue, slot;

	queue_destroy(a->fd, a->queue[i]);
	if (queue_create(a->fd, 8 << pick(p), OBJECTS, pick(p), &queue))
		return;
	for (slot = 0; slot < OBJECTS; slot++)
		queue_set_vm(a->fd, queue, slot, a->vm[slot]);
	a->queue[i] = queue;
}

static void pull_slot(struct puller *p)
{
	struct arena *a = p->arena;

	queue_set_vm(a->fd, a->queue[pick(p)], pick(p), a->vm[pick(p)]);
}

static void make_submission(struct puller *p, struct submission *s, struct drm_loom_job *jobs)
{
	struct arena *a = p->arena;
	__u32 i, n = 1 + rand_r(&p->seed) % 24;

	for (i = 0; i < n; i++) {
		jobs[i] = pick(p) ? a->job : a->slow;
		jobs[i].vm_slot = pick(p);
	}
	submission_init(s, a->queue[pick(p)], jobs, n, pick(p) ? &a->bo : NULL);
	if (s->args.results_handle)
		s->args.results_offset = WORLD_OUT;
	if (!pick(p))
		submission_wait_for(s, a->syncobj, 0);
}

static void pull_submit(struct puller *p)
{
	struct drm_loom_job jobs[24];
	struct submission s;

	make_submission(p, &s, jobs);
	submission_signal(&s, p->arena->syncobj, 0);
	submission_run(p->arena->fd, &s);
}

static void reap(struct puller *p, bool wait)
{
	struct __kernel_timespec ts = { .tv_sec = 20 };
	struct io_uring_cqe *cqe;

	while (p->in_flight) {
		if (wait ? io_uring_wait_cqe_timeout(&p->ring, &cqe, &ts) :
			   io_uring_peek_cqe(&p->ring, &cqe))
			return;
		io_uring_cqe_seen(&p->ring, cqe);
		p->in_flight--;
	}
}

static void pull_uring(struct puller *p)
{
	struct drm_loom_job jobs[24];
	struct io_uring_sqe *sqe;
	struct submission s;

	reap(p, p->in_flight == DEPTH);
	sqe = io_uring_get_sqe(&p->ring);
	if (!sqe)
		return;
	make_submission(p, &s, jobs);
	memset(sqe, 0, 2 * sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = p->arena->fd;
	sqe->cmd_op = LOOM_URING_SUBMIT;
	memcpy(sqe->cmd, &s.args, sizeof(s.args));
	if (io_uring_submit(&p->ring) > 0)
		p->in_flight++;
}

/* Now and then the ring goes with what is in it. */
static void pull_ring(struct puller *p)
{
	io_uring_queue_exit(&p->ring);
	io_uring_queue_init(DEPTH, &p->ring, IORING_SETUP_SQE128 | p->arena->ring_flags);
	p->in_flight = 0;
}

static void *pull(void *arg)
{
	static void (*const pulls[])(struct puller *p) = {
		pull_vm, pull_mapping, pull_queue, pull_slot,
		pull_submit, pull_submit, pull_submit, pull_submit,
		pull_uring, pull_uring, pull_uring, pull_uring, pull_uring,
	};
	struct puller *p = arg;
	int i;

	io_uring_queue_init(DEPTH, &p->ring, IORING_SETUP_SQE128 | p->arena->ring_flags);
	for (i = 0; i < ROUNDS; i++) {
		if (i % 100 == 99)
			pull_ring(p);
		else
			pulls[rand_r(&p->seed) % (sizeof(pulls) / sizeof(pulls[0]))](p);
	}
	reap(p, true);
	io_uring_queue_exit(&p->ring);
	return p->in_flight ? p : NULL;
}

FIXTURE(stress) {
	struct arena arena;
};

FIXTURE_VARIANT(stress) {
	unsigned int ring_flags;
};

FIXTURE_VARIANT_ADD(stress, plain) {
};

FIXTURE_VARIANT_ADD(stress, defer_taskrun) {
	.ring_flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
};

FIXTURE_SETUP(stress)
{
	struct arena *a = &self->arena;
	struct assembler as;
	int i;

	a->fd = loom_open();
	ASSERT_LE(0, a->fd);
	a->ring_flags = variant->ring_flags;
	a->syncobj = syncobj_create(a->fd);
	ASSERT_EQ(0, bo_create(a->fd, WORLD_BYTES, &a->bo));
	asm_begin(&as, a->bo.map, WORLD_WEIGHTS);
	asm_fetch(&as, WORLD_VA + WORLD_WEIGHTS, 64);
	asm_move(&as, LOOM_OP_LOAD, WORLD_VA + WORLD_IN, 0, 64, 0);
	a->job = (struct drm_loom_job){ .cmd_va = WORLD_VA, .cmd_size = as.header->size };
	asm_begin(&as, (char *)a->bo.map + WORLD_IN, WORLD_OUT - WORLD_IN);
	for (i = 0; i < 900; i++)
		asm_nop(&as);
	a->slow = (struct drm_loom_job){
		.cmd_va = WORLD_VA + WORLD_IN,
		.cmd_size = as.header->size,
	};
}

FIXTURE_TEARDOWN(stress)
{
	close(self->arena.fd);
}

TEST_F_TIMEOUT(stress, pull, 100)
{
	struct puller pullers[THREADS] = {};
	pthread_t threads[THREADS];
	void *stuck, *any = NULL;
	struct world w;
	__u32 queue;
	int i;

	for (i = 0; i < THREADS; i++) {
		pullers[i].arena = &self->arena;
		pullers[i].seed = i;
		pthread_create(&threads[i], NULL, pull, &pullers[i]);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &stuck);
		any = stuck ? stuck : any;
	}
	EXPECT_EQ(NULL, any);

	ASSERT_EQ(0, world_create(self->arena.fd, &w));
	world_program(&w, 1);
	ASSERT_EQ(0, queue_create(self->arena.fd, 8, 1, 0, &queue));
	ASSERT_EQ(0, queue_set_vm(self->arena.fd, queue, 0, w.vm));
	self->arena.job = world_job(&w, 0, 0);
	EXPECT_EQ(0, submit_and_wait(self->arena.fd, queue, &self->arena.job, 1, NULL));
	EXPECT_TRUE(world_done(&w, 1));
}

TEST_HARNESS_MAIN
