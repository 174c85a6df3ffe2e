// SPDX-License-Identifier: MIT
/* Paths into the Loom driver. */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <xf86drm.h>

#include "loom_user_queue.h"
#include "submit.h"

/* ---- io_uring: one SQE a job, or one SQE for all that a turn submits ---- */

struct uring_state {
	struct submit_rig *rig;
	struct loom_queue *queue;
	struct io_uring ring;
	unsigned int jobs_per_sqe;
	struct drm_loom_job *jobs;
	struct drm_loom_submit submit;
	struct drm_loom_uring_job job;
	bool single;
};

static void *uring_open(struct submit_rig *rig, unsigned int depth, unsigned int jobs_per_sqe)
{
	struct uring_state *s = calloc(1, sizeof(*s));

	s->rig = rig;
	s->jobs_per_sqe = jobs_per_sqe;
	s->jobs = calloc(jobs_per_sqe, sizeof(*s->jobs));
	for (unsigned int i = 0; i < jobs_per_sqe; i++)
		s->jobs[i] = depth > 1 ? rig->slice : rig->instant;
	errno = -submit_rig_queue(rig, depth, &s->queue);
	if (errno)
		return NULL;
	s->submit = (struct drm_loom_submit){
		.queue_id = loom_queue_id(s->queue),
		.jobs = (uintptr_t)s->jobs,
	};
	errno = -io_uring_queue_init(depth, &s->ring, IORING_SETUP_SQE128 | IORING_SETUP_CQE32 |
				     IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
	return errno ? NULL : s;
}

static void *uring_open_single(struct submit_rig *rig, unsigned int depth)
{
	struct uring_state *s = uring_open(rig, depth, 1);

	if (s) {
		s->single = true;
		s->job.queue_id = s->submit.queue_id;
		s->job.job = s->jobs[0];
	}
	return s;
}

static void *uring_open_array(struct submit_rig *rig, unsigned int depth)
{
	return uring_open(rig, depth, depth > 1 ? 3 * depth / 4 : 1);
}

/* A single job is in the SQE itself. */
static void uring_prepare(struct uring_state *s, unsigned int jobs)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&s->ring);

	if (!sqe)
		abort(); /* the ring has as many as are ever under way */
	memset(sqe, 0, 2 * sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = loom_dev_fd(s->rig->dev);
	sqe->user_data = jobs;
	if (s->single) {
		sqe->cmd_op = LOOM_URING_JOB;
		memcpy(sqe->cmd, &s->job, sizeof(s->job));
		return;
	}
	sqe->cmd_op = LOOM_URING_SUBMIT;
	s->submit.num_jobs = jobs;
	memcpy(sqe->cmd, &s->submit, sizeof(s->submit));
}

static int uring_reap(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	unsigned int head, num = 0, done = 0;
	int ret = 0;

	io_uring_for_each_cqe(ring, head, cqe) {
		ret = cqe->res ? cqe->res : ret;
		done += cqe->user_data;
		num++;
	}
	io_uring_cq_advance(ring, num);
	return ret ? ret : (int)done;
}

static int uring_turn(void *state, unsigned int num, unsigned int wait)
{
	struct uring_state *s = state;
	int ret;

	while (num) {
		unsigned int jobs = num < s->jobs_per_sqe ? num : s->jobs_per_sqe;

		uring_prepare(s, jobs);
		num -= jobs;
	}
	ret = io_uring_submit_and_wait(&s->ring, (wait + s->jobs_per_sqe - 1) / s->jobs_per_sqe);
	return ret < 0 ? ret : uring_reap(&s->ring);
}

static void uring_close(void *state)
{
	struct uring_state *s = state;

	io_uring_queue_exit(&s->ring);
	loom_queue_destroy(s->queue);
	free(s->jobs);
	free(s);
}

const struct submit_path submit_path_uring = {
	.name = "uring", .interrupt = "loom",
	.open = uring_open_single, .turn = uring_turn, .close = uring_close,
};

const struct submit_path submit_path_array = {
	.name = "array", .interrupt = "loom",
	.open = uring_open_array, .turn = uring_turn, .close = uring_close,
};

/* ---- ioctl: one a job, completion by a timeline syncobj ---- */

struct ioctl_state {
	struct submit_rig *rig;
	struct loom_queue *queue;
	uint32_t syncobj;
	uint64_t submitted, done;
	struct drm_loom_sync out;
	struct drm_loom_submit submit;
};

static void *ioctl_open(struct submit_rig *rig, unsigned int depth)
{
	struct ioctl_state *s = calloc(1, sizeof(*s));

	s->rig = rig;
	errno = -submit_rig_queue(rig, depth, &s->queue);
	if (errno || drmSyncobjCreate(loom_dev_fd(rig->dev), 0, &s->syncobj))
		return NULL;
	s->out.handle = s->syncobj;
	s->submit = (struct drm_loom_submit){
		.queue_id = loom_queue_id(s->queue),
		.num_jobs = 1,
		.jobs = (uintptr_t)(depth > 1 ? &rig->slice : &rig->instant),
		.num_out_syncs = 1,
		.out_syncs = (uintptr_t)&s->out,
	};
	return s;
}

static int ioctl_turn(void *state, unsigned int num, unsigned int wait)
{
	struct ioctl_state *s = state;
	int fd = loom_dev_fd(s->rig->dev);
	uint64_t point = s->done + wait;

	while (num--) {
		s->out.point = ++s->submitted;
		if (drmIoctl(fd, DRM_IOCTL_LOOM_SUBMIT, &s->submit))
			return -errno;
	}
	if (wait && drmSyncobjTimelineWait(fd, &s->syncobj, &point, 1, INT64_MAX, 0, NULL))
		return -errno;
	s->done = point;
	return wait;
}

static void ioctl_close(void *state)
{
	struct ioctl_state *s = state;

	drmSyncobjDestroy(loom_dev_fd(s->rig->dev), s->syncobj);
	loom_queue_destroy(s->queue);
	free(s);
}

const struct submit_path submit_path_ioctl = {
	.name = "ioctl", .interrupt = "loom",
	.open = ioctl_open, .turn = ioctl_turn, .close = ioctl_close,
};

/* ---- user-mode queue: no system call to submit ---- */

struct user_state {
	struct loom_user_queue *queue;
	struct drm_loom_job job;
};

static void *user_open(struct submit_rig *rig, unsigned int depth)
{
	struct user_state *s = calloc(1, sizeof(*s));

	s->job = depth > 1 ? rig->slice : rig->instant;
	errno = -loom_user_queue_create(rig->dev, 64, 1, 3 * depth / 4, &s->queue);
	if (!errno)
		errno = -loom_user_queue_set_vm(s->queue, 0, rig->vm);
	return errno ? NULL : s;
}

static int user_turn(void *state, unsigned int num, unsigned int wait)
{
	struct user_state *s = state;
	struct loom_hw_cqe cqe;
	unsigned int done = 0;
	int ret = 0;

	while (num-- && !ret)
		ret = loom_user_queue_submit(s->queue, &s->job, 0);
	while (!ret && done < wait) {
		if (loom_user_queue_reap(s->queue, &cqe))
			done++;
		else
			ret = loom_user_queue_wait(s->queue, 1000000000);
	}
	return ret ? ret : (int)done;
}

static void user_close(void *state)
{
	struct user_state *s = state;

	loom_user_queue_destroy(s->queue);
	free(s);
}

const struct submit_path submit_path_user = {
	.name = "user-queue", .interrupt = "loom",
	.open = user_open, .turn = user_turn, .close = user_close,
};
