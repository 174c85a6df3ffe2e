// SPDX-License-Identifier: GPL-2.0-only

#include <stdlib.h>
#include <time.h>

#include "fuzz.h"

static const unsigned int ring_flags[] = {
	IORING_SETUP_SQE128,
	IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
	IORING_SETUP_SQE128 | IORING_SETUP_CQE32 | IORING_SETUP_SINGLE_ISSUER |
		IORING_SETUP_DEFER_TASKRUN,
	IORING_SETUP_SQE128 | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
	IORING_SETUP_SQE128 | IORING_SETUP_IOPOLL,
	IORING_SETUP_SQE128 | IORING_SETUP_SQPOLL,
	0,
};

static const uint32_t commands[] = { LOOM_URING_SUBMIT, LOOM_URING_JOB };

static struct ring *pick_ring(struct state *s, uint32_t word)
{
	return &s->rings[word % ARRAY_SIZE(s->rings)];
}

void call_uring_setup(struct state *s, const uint32_t *w)
{
	struct ring *ring = pick_ring(s, w[0]);

	if (!ring->open)
		ring->open = !io_uring_queue_init(8, &ring->uring,
						  ring_flags[w[1] % ARRAY_SIZE(ring_flags)]);
}

void call_uring_exit(struct state *s, const uint32_t *w)
{
	struct ring *ring = pick_ring(s, w[0]);

	if (ring->open)
		io_uring_queue_exit(&ring->uring);
	ring->open = false;
}

void call_uring_submit(struct state *s, const uint32_t *w)
{
	struct drm_loom_sync in = { .handle = pick(s->syncobjs, w[5]), .point = w[5] >> 8 & 3 };
	struct ring *ring = pick_ring(s, w[6]);
	union {
		struct drm_loom_submit submit;
		struct drm_loom_uring_job job;
	} args;
	struct io_uring_sqe *sqe;

	call_uring_setup(s, w + 6);
	sqe = ring->open ? io_uring_get_sqe(&ring->uring) : NULL;
	if (!sqe)
		return;
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = pick_file(s, w[0]);
	sqe->cmd_op = w[7] >> 28 ? commands[w[7] >> 7 & 1] : w[7];
	sqe->user_data = w[7] % 4;
	if (!(w[7] >> 8 & 7))
		sqe->flags = w[7] >> 16 & (IOSQE_ASYNC | IOSQE_IO_LINK | IOSQE_IO_DRAIN);
	fill_submit(s, w, &args.submit);
	if (sqe->cmd_op == LOOM_URING_JOB) {
		fill_job(s, w, &args.job);
		args.job.in_syncs = (uintptr_t)&in;
	}
	memcpy(sqe->cmd, &args, ring->uring.flags & IORING_SETUP_SQE128 ? sizeof(args) : 16);
	if (w[7] >> 4 & 3)
		io_uring_submit(&ring->uring);
}

void call_uring_reap(struct state *s, const uint32_t *w)
{
	struct __kernel_timespec ts = { .tv_nsec = w[1] % 1000000 };
	struct ring *ring = pick_ring(s, w[0]);
	struct io_uring_cqe *cqe;

	if (ring->open && !io_uring_wait_cqe_timeout(&ring->uring, &cqe, &ts))
		io_uring_cqe_seen(&ring->uring, cqe);
}

void call_uring_cancel(struct state *s, const uint32_t *w)
{
	struct ring *ring = pick_ring(s, w[0]);
	struct io_uring_sqe *sqe = ring->open ? io_uring_get_sqe(&ring->uring) : NULL;

	if (!sqe)
		return;
	io_uring_prep_cancel(sqe, (void *)(uintptr_t)(w[1] % 4), w[2] % 8);
	sqe->user_data = 9;
	io_uring_submit(&ring->uring);
}
