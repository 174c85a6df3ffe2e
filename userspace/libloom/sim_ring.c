// SPDX-License-Identifier: MIT
/*
 * loom_ring_* over the simulator: the same semantics as io_uring on the driver.
 */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* A submission that was put in and not yet entered. */
struct sim_sqe {
	struct drm_loom_submit submit;
	uint64_t tag;
	struct drm_loom_job *jobs;
};

struct sim_ring {
	struct loom_ring base;
	struct sim_sqe *sqes;
	unsigned int num, entries;
	struct loom_ring_cqe *cqes;		/* a ring that grows */
	uint32_t head, tail, room;
	struct sim_submission *under_way;
};

static struct sim_ring *to_sim_ring(struct loom_ring *ring)
{
	return (struct sim_ring *)ring;
}

static unsigned int waiting(const struct sim_ring *ring)
{
	return ring->tail - ring->head;
}

/* Room is made before a submission is taken, so that a completion always finds some. */
static int make_room(struct sim_ring *ring, unsigned int needed)
{
	struct loom_ring_cqe *more;
	uint32_t i, room = ring->room;

	while (room < needed)
		room *= 2;
	if (room == ring->room)
		return 0;
	more = calloc(room, sizeof(*more));
	if (!more)
		return loom_fail(-ENOMEM, "out of memory");
	for (i = ring->head; i != ring->tail; i++)
		more[i % room] = ring->cqes[i % ring->room];
	free(ring->cqes);
	ring->cqes = more;
	ring->room = room;
	return 0;
}

static void post(struct sim_ring *ring, uint64_t tag, int res, uint64_t end)
{
	ring->cqes[ring->tail++ % ring->room] = (struct loom_ring_cqe){
		.tag = tag,
		.res = res,
		.device_end = end,
	};
}

static void unlink_submission(struct sim_ring *ring, struct sim_submission *submission)
{
	struct sim_submission **at = &ring->under_way;

	while (*at && *at != submission)
		at = &(*at)->next;
	if (*at)
		*at = submission->next;
	submission->ring = NULL;
}

void sim_ring_complete(struct sim_ring *ring, struct sim_submission *submission)
{
	unlink_submission(ring, submission);
	post(ring, submission->tag, submission->status, submission->end);
}

static int sim_ring_prep(struct loom_ring *base, const struct drm_loom_submit *submit,
			 struct loom_bo *results, uint64_t tag)
{
	struct sim_ring *ring = to_sim_ring(base);
	size_t size = submit->num_jobs * sizeof(struct drm_loom_job);
	struct drm_loom_job *jobs;

	if (ring->num == ring->entries)
		return loom_fail(-EBUSY, "the ring is full: %u submissions wait for an enter",
				 ring->num);
	jobs = malloc(size);
	if (!jobs)
		return loom_fail(-ENOMEM, "out of memory");
	memcpy(jobs, (const void *)(uintptr_t)submit->jobs, size);
	ring->sqes[ring->num++] = (struct sim_sqe){ *submit, tag, jobs };
	return 0;
}

static void submit_one(struct sim_ring *ring, struct sim_sqe *sqe)
{
	struct sim_dev *sim = to_sim(ring->base.dev);
	struct sim_submission *submission;
	int err = sim_submit(sim, &sqe->submit, sqe->jobs, &submission);

	free(sqe->jobs);
	if (err) {
		post(ring, sqe->tag, err, 0);
		return;
	}
	submission->tag = sqe->tag;
	submission->ring = ring;
	submission->next = ring->under_way;
	ring->under_way = submission;
	sim_queue_interrupt(sim, sim_table_get(&sim->queues, sqe->submit.queue_id));
}

static int submit_all(struct sim_ring *ring)
{
	struct sim_submission *submission;
	unsigned int i, num = ring->num, under_way = 0;
	int err;

	for (submission = ring->under_way; submission; submission = submission->next)
		under_way++;
	err = make_room(ring, waiting(ring) + under_way + num);
	if (err)
		return err;
	ring->num = 0;
	for (i = 0; i < num; i++)
		submit_one(ring, &ring->sqes[i]);
	return num;
}

static int sim_ring_enter(struct loom_ring *base, unsigned int wait, uint64_t timeout_ns)
{
	struct sim_ring *ring = to_sim_ring(base);
	struct sim_dev *sim = to_sim(base->dev);
	uint64_t deadline = sim_after(sim, timeout_ns);
	int num, err = 0;

	base->stats.enters++;
	sim->now += sim->call_ns;
	num = submit_all(ring);
	if (num < 0)
		return num;
	while (!err && waiting(ring) < wait)
		err = sim_step(sim, deadline);
	return err && !num ? err : num;
}

static int sim_ring_reap(struct loom_ring *base, struct loom_ring_cqe *cqe)
{
	struct sim_ring *ring = to_sim_ring(base);

	if (ring->head == ring->tail)
		return 0;
	*cqe = ring->cqes[ring->head++ % ring->room];
	return 1;
}

static int sim_ring_cancel(struct loom_ring *base, uint64_t tag)
{
	struct sim_ring *ring = to_sim_ring(base);
	struct sim_submission *submission;
	int err;

	/* As in io_uring, what is to be cancelled must have been submitted. */
	err = submit_all(ring);
	if (err < 0)
		return err;
	for (submission = ring->under_way; submission; submission = submission->next)
		if (submission->tag == tag)
			break;
	if (!submission)
		return loom_fail(-ENOENT, "nothing under way has tag 0x%llx",
				 (unsigned long long)tag);
	unlink_submission(ring, submission);
	post(ring, tag, -ECANCELED, 0);
	return 0;
}

static int sim_ring_fd(const struct loom_ring *ring)
{
	return -1;
}

static int sim_ring_poll(struct loom_ring *ring, int fd, uint64_t tag)
{
	return loom_fail(-EOPNOTSUPP, "sim: time is virtual, descriptors cannot be waited for");
}

static int sim_ring_poll_remove(struct loom_ring *ring, uint64_t tag)
{
	return sim_ring_poll(ring, -1, tag);
}

static void sim_ring_destroy(struct loom_ring *base)
{
	struct sim_ring *ring = to_sim_ring(base);
	unsigned int i;

	while (ring->under_way)
		unlink_submission(ring, ring->under_way);
	for (i = 0; i < ring->num; i++)
		free(ring->sqes[i].jobs);
	free(ring->sqes);
	free(ring->cqes);
	free(ring);
}

static const struct loom_ring_ops sim_ring_ops = {
	.destroy = sim_ring_destroy,
	.prep = sim_ring_prep,
	.enter = sim_ring_enter,
	.reap = sim_ring_reap,
	.cancel = sim_ring_cancel,
	.fd = sim_ring_fd,
	.poll = sim_ring_poll,
	.poll_remove = sim_ring_poll_remove,
};

int sim_ring_create(struct loom_dev *dev, unsigned int entries, struct loom_ring **out)
{
	struct sim_ring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return loom_fail(-ENOMEM, "out of memory");
	ring->base.ops = &sim_ring_ops;
	ring->entries = entries;
	ring->room = 64;
	ring->sqes = calloc(entries, sizeof(*ring->sqes));
	ring->cqes = calloc(ring->room, sizeof(*ring->cqes));
	if (!ring->sqes || !ring->cqes) {
		sim_ring_destroy(&ring->base);
		return loom_fail(-ENOMEM, "out of memory");
	}
	*out = &ring->base;
	return 0;
}
