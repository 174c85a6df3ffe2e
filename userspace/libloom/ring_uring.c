// SPDX-License-Identifier: MIT
/*
 * loom_ring_* over io_uring: a submission is one IORING_OP_URING_CMD on the accel node, a
 * completion one CQE.
 *
 * The kernel copies the SQE but not the jobs that it may point to, and the driver may read those from
 * a worker thread: every submission has a slot here that keeps them until its CQE has come.
 */
#include <stdlib.h>
#include <string.h>

#include <liburing.h>
#include <poll.h>
#include <xf86drm.h>

#include "internal.h"

enum slot_kind {
	SLOT_FREE,
	SLOT_JOBS,
	SLOT_POLL,
	SLOT_POLL_REMOVED,
};

struct slot {
	enum slot_kind kind;
	uint64_t tag;
	int fd;				/* SLOT_POLL */
	struct drm_loom_job *jobs;	/* SLOT_JOBS; kept for the next submission */
	unsigned int room;
	struct slot *next, **link;	/* in the list of free ones, or of those in use */
};

struct uring {
	struct loom_ring base;
	struct io_uring ring;
	bool registered_ring;
	bool has_job;			/* LOOM_URING_JOB, since 1.2 */
	struct slot *free, *used;
};

static struct uring *to_uring(const struct loom_ring *ring)
{
	return (struct uring *)ring;
}

/* ---- slots ---- */

static void slot_link(struct slot **list, struct slot *slot)
{
	slot->next = *list;
	slot->link = list;
	if (slot->next)
		slot->next->link = &slot->next;
	*list = slot;
}

static void slot_unlink(struct slot *slot)
{
	*slot->link = slot->next;
	if (slot->next)
		slot->next->link = slot->link;
}

static struct slot *slot_get(struct uring *ring, enum slot_kind kind, uint64_t tag)
{
	struct slot *slot = ring->free;

	if (slot)
		slot_unlink(slot);
	else
		slot = calloc(1, sizeof(*slot));
	if (!slot)
		return NULL;
	slot->kind = kind;
	slot->tag = tag;
	slot_link(&ring->used, slot);
	return slot;
}

static void slot_put(struct uring *ring, struct slot *slot)
{
	slot_unlink(slot);
	slot->kind = SLOT_FREE;
	slot_link(&ring->free, slot);
}

static struct slot *slot_find(struct uring *ring, enum slot_kind kind, uint64_t tag)
{
	struct slot *slot;

	for (slot = ring->used; slot; slot = slot->next)
		if (slot->kind == kind && slot->tag == tag)
			break;
	return slot;
}

static bool slot_copy(struct slot *slot, const struct drm_loom_submit *submit)
{
	if (slot->room < submit->num_jobs) {
		free(slot->jobs);
		slot->jobs = malloc(submit->num_jobs * sizeof(*slot->jobs));
		slot->room = slot->jobs ? submit->num_jobs : 0;
	}
	if (!slot->jobs)
		return false;
	memcpy(slot->jobs, (const void *)(uintptr_t)submit->jobs,
	       submit->num_jobs * sizeof(*slot->jobs));
	return true;
}

static void slots_free(struct slot *slot)
{
	while (slot) {
		struct slot *next = slot->next;

		free(slot->jobs);
		free(slot);
		slot = next;
	}
}

/* ---- submission ---- */

static int ring_full(const struct uring *ring)
{
	return loom_fail(-EBUSY, "the ring is full: %u entries wait for an enter",
			 ring->ring.sq.ring_entries);
}

/* The accel node is file 0 of the ring. */
static void *fill_sqe(struct io_uring_sqe *sqe, uint32_t cmd_op, struct slot *slot)
{
	memset(sqe, 0, 128);
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->cmd_op = cmd_op;
	sqe->user_data = (uintptr_t)slot;
	return sqe->cmd;
}

static void fill_array(struct io_uring_sqe *sqe, const struct drm_loom_submit *submit,
		       struct slot *slot)
{
	struct drm_loom_submit *cmd = fill_sqe(sqe, LOOM_URING_SUBMIT, slot);

	_Static_assert(sizeof(*cmd) <= 80, "fits the command area of a big SQE");
	*cmd = *submit;
	cmd->jobs = (uintptr_t)slot->jobs;
}

/* A single job is in the SQE itself. */
static void fill_job(struct io_uring_sqe *sqe, const struct drm_loom_submit *submit,
		     struct slot *slot)
{
	struct drm_loom_uring_job *cmd = fill_sqe(sqe, LOOM_URING_JOB, slot);

	_Static_assert(sizeof(*cmd) <= 80, "fits the command area of a big SQE");
	*cmd = (struct drm_loom_uring_job){
		.queue_id = submit->queue_id,
		.flags = submit->flags,
		.results_handle = submit->results_handle,
		.results_offset = submit->results_offset,
		.job = *(const struct drm_loom_job *)(uintptr_t)submit->jobs,
	};
}

/* Drivers of 1.0 and 1.1 know no other way than by a list of jobs. */
static bool goes_in_sqe(const struct uring *ring, const struct drm_loom_submit *submit)
{
	return submit->num_jobs == 1 && ring->has_job;
}

static int uring_prep(struct loom_ring *base, const struct drm_loom_submit *submit,
		      struct loom_bo *results, uint64_t tag)
{
	struct uring *ring = to_uring(base);
	struct io_uring_sqe *sqe;
	struct slot *slot;

	slot = slot_get(ring, SLOT_JOBS, tag);
	if (!slot)
		return loom_fail(-ENOMEM, "out of memory");
	if (!goes_in_sqe(ring, submit) && !slot_copy(slot, submit)) {
		slot_put(ring, slot);
		return loom_fail(-ENOMEM, "out of memory");
	}
	sqe = io_uring_get_sqe(&ring->ring);
	if (!sqe) {
		slot_put(ring, slot);
		return ring_full(ring);
	}
	if (goes_in_sqe(ring, submit))
		fill_job(sqe, submit, slot);
	else
		fill_array(sqe, submit, slot);
	return 0;
}

/* Our own flush and enter: liburing's may make more system calls than one, and we count them. */
static unsigned int flush_sq(struct io_uring *ring)
{
	struct io_uring_sq *sq = &ring->sq;

	sq->sqe_head = sq->sqe_tail;
	io_uring_smp_store_release(sq->ktail, sq->sqe_tail);
	return sq->sqe_tail - io_uring_smp_load_acquire(sq->khead);
}

static int enter_once(struct uring *ring, unsigned int submit, unsigned int wait,
		      uint64_t timeout_ns)
{
	unsigned int flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
	struct __kernel_timespec ts = {
		.tv_sec = timeout_ns / 1000000000,
		.tv_nsec = timeout_ns % 1000000000,
	};
	struct io_uring_getevents_arg arg = {
		.ts = timeout_ns == UINT64_MAX ? 0 : (uintptr_t)&ts,
	};

	if (ring->registered_ring)
		flags |= IORING_ENTER_REGISTERED_RING;
	ring->base.stats.enters++;
	return io_uring_enter2(ring->ring.enter_ring_fd, submit, wait, flags, (sigset_t *)&arg,
			       sizeof(arg));
}

static int uring_enter(struct loom_ring *base, unsigned int wait, uint64_t timeout_ns)
{
	struct uring *ring = to_uring(base);
	int ret;

	/* GETEVENTS also without a wait: with DEFER_TASKRUN completions come in here only. */
	ret = enter_once(ring, flush_sq(&ring->ring), wait, timeout_ns);
	if (ret == -ETIME)
		return loom_fail(ret, "no completion within %llu ns",
				 (unsigned long long)timeout_ns);
	if (ret < 0)
		return loom_fail(ret, "io_uring_enter: %s", strerror(-ret));
	return ret;
}

/* ---- completion ---- */

static void rearm_poll(struct uring *ring, struct slot *slot)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->ring);

	if (!sqe) {
		/* Room is made by giving the kernel what waits. */
		enter_once(ring, flush_sq(&ring->ring), 0, 0);
		sqe = io_uring_get_sqe(&ring->ring);
	}
	if (!sqe)
		return;
	memset(sqe, 0, 128);
	io_uring_prep_poll_multishot(sqe, slot->fd, POLLIN);
	sqe->user_data = (uintptr_t)slot;
}

/* Whether the caller hears of it. */
static bool take_poll(struct uring *ring, struct slot *slot, const struct io_uring_cqe *in)
{
	bool removed = slot->kind == SLOT_POLL_REMOVED;

	if (in->flags & IORING_CQE_F_MORE)
		return !removed;
	if (removed || in->res < 0)
		slot_put(ring, slot);
	else
		rearm_poll(ring, slot);
	return !removed;
}

static bool take_cqe(struct uring *ring, const struct io_uring_cqe *in, struct loom_ring_cqe *out)
{
	struct slot *slot = (struct slot *)(uintptr_t)in->user_data;

	*out = (struct loom_ring_cqe){ .tag = slot->tag, .res = in->res };
	if (slot->kind != SLOT_JOBS)
		return take_poll(ring, slot, in);
	out->device_end = in->big_cqe[0];
	slot_put(ring, slot);
	return true;
}

static int uring_reap(struct loom_ring *base, struct loom_ring_cqe *cqe)
{
	struct uring *ring = to_uring(base);
	struct io_uring_cqe *in;
	unsigned int head;
	bool told = false;

	while (!told) {
		head = *ring->ring.cq.khead;
		if (head == io_uring_smp_load_acquire(ring->ring.cq.ktail))
			return 0;
		/* Big CQEs: two places each. */
		in = &ring->ring.cq.cqes[(head & ring->ring.cq.ring_mask) << 1];
		told = take_cqe(ring, in, cqe);
		io_uring_cq_advance(&ring->ring, 1);
	}
	return 1;
}

/* ---- cancel, poll ---- */

static int cancel_slot(struct uring *ring, struct slot *slot)
{
	struct io_uring_sync_cancel_reg reg = {
		.addr = (uintptr_t)slot,
		.fd = -1,
		.timeout = { .tv_sec = -1, .tv_nsec = -1 },
	};
	unsigned int unsubmitted = flush_sq(&ring->ring);
	int err;

	/* Only what the kernel has can be cancelled. */
	if (unsubmitted) {
		err = enter_once(ring, unsubmitted, 0, 0);
		if (err < 0)
			return loom_fail(err, "io_uring_enter: %s", strerror(-err));
	}
	err = io_uring_register_sync_cancel(&ring->ring, &reg);
	if (err < 0)
		return loom_fail(err, "cannot cancel: %s", strerror(-err));
	return 0;
}

static int uring_cancel(struct loom_ring *base, uint64_t tag)
{
	struct uring *ring = to_uring(base);
	struct slot *slot = slot_find(ring, SLOT_JOBS, tag);

	if (!slot)
		return loom_fail(-ENOENT, "nothing under way has tag 0x%llx",
				 (unsigned long long)tag);
	return cancel_slot(ring, slot);
}

static int uring_fd(const struct loom_ring *ring)
{
	return to_uring(ring)->ring.ring_fd;
}

static int uring_poll(struct loom_ring *base, int fd, uint64_t tag)
{
	struct uring *ring = to_uring(base);
	struct slot *slot = slot_get(ring, SLOT_POLL, tag);
	struct io_uring_sqe *sqe;

	if (!slot)
		return loom_fail(-ENOMEM, "out of memory");
	sqe = io_uring_get_sqe(&ring->ring);
	if (!sqe) {
		slot_put(ring, slot);
		return ring_full(ring);
	}
	slot->fd = fd;
	memset(sqe, 0, 128);
	io_uring_prep_poll_multishot(sqe, fd, POLLIN);
	sqe->user_data = (uintptr_t)slot;
	return 0;
}

static int uring_poll_remove(struct loom_ring *base, uint64_t tag)
{
	struct uring *ring = to_uring(base);
	struct slot *slot = slot_find(ring, SLOT_POLL, tag);

	if (!slot)
		return loom_fail(-ENOENT, "no poll has tag 0x%llx", (unsigned long long)tag);
	slot->kind = SLOT_POLL_REMOVED;
	return cancel_slot(ring, slot);
}

/* ---- making and unmaking ---- */

static void uring_destroy(struct loom_ring *base)
{
	struct uring *ring = to_uring(base);

	io_uring_queue_exit(&ring->ring);
	slots_free(ring->used);
	slots_free(ring->free);
	free(ring);
}

static const struct loom_ring_ops uring_ops = {
	.destroy = uring_destroy,
	.prep = uring_prep,
	.enter = uring_enter,
	.reap = uring_reap,
	.cancel = uring_cancel,
	.fd = uring_fd,
	.poll = uring_poll,
	.poll_remove = uring_poll_remove,
};

static bool driver_has_job(int fd)
{
	drmVersionPtr version = drmGetVersion(fd);
	bool has = version && version->version_minor >= 2;

	drmFreeVersion(version);
	return has;
}

static int uring_register(struct uring *ring, int fd)
{
	int err = io_uring_register_files(&ring->ring, &fd, 1);

	if (err)
		return loom_fail(err, "cannot register the device with io_uring: %s",
				 strerror(-err));
	ring->has_job = driver_has_job(fd);
	/* Saves looking up the ring itself at every enter; only since 5.18. */
	ring->registered_ring = io_uring_register_ring_fd(&ring->ring) == 1;
	return 0;
}

int loom_ring_uring_create(struct loom_dev *dev, unsigned int entries, struct loom_ring **out)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SQE128 | IORING_SETUP_CQE32 | IORING_SETUP_SINGLE_ISSUER |
			 IORING_SETUP_DEFER_TASKRUN,
	};
	struct uring *ring = calloc(1, sizeof(*ring));
	int err;

	if (!ring)
		return loom_fail(-ENOMEM, "out of memory");
	err = io_uring_queue_init_params(entries, &ring->ring, &params);
	if (err) {
		free(ring);
		return loom_fail(err, "cannot create an io_uring of %u entries: %s", entries,
				 strerror(-err));
	}
	err = uring_register(ring, loom_dev_fd(dev));
	if (err) {
		uring_destroy(&ring->base);
		return err;
	}
	ring->base.ops = &uring_ops;
	*out = &ring->base;
	return 0;
}
