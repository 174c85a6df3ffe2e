// SPDX-License-Identifier: MIT
/*
 * The ring, whoever runs it.
 */
#include "internal.h"

int loom_ring_create(struct loom_dev *dev, unsigned int entries, struct loom_ring **ring)
{
	int err;

	if (!entries)
		return loom_fail(-EINVAL, "a ring needs at least one entry");
	err = dev->ops->ring_create(dev, entries, ring);
	if (err)
		return err;
	(*ring)->dev = dev;
	(*ring)->ioctls_before = dev->ioctls;
	return 0;
}

void loom_ring_destroy(struct loom_ring *ring)
{
	if (ring)
		ring->ops->destroy(ring);
}

int loom_ring_prep(struct loom_ring *ring, struct loom_queue *queue,
		   const struct drm_loom_job *jobs, unsigned int num, struct loom_bo *results, uint64_t offset, uint64_t tag)
{
	struct drm_loom_submit submit = {
		.queue_id = queue->id,
		/* Its one CQE comes with the last job, however the queue saves interrupts up. */
		.flags = num > 1 ? DRM_LOOM_SUBMIT_IRQ : 0,
		.num_jobs = num,
		.results_handle = results ? results->handle : 0,
		.results_offset = offset,
		.jobs = (uintptr_t)jobs,
	};
	int err;

	/* Checked here because the jobs are copied here. */
	if (!num || num > DRM_LOOM_SUBMIT_MAX_JOBS)
		return loom_fail(-EINVAL, "%u jobs in a submission: must be 1 to %u", num,
				 DRM_LOOM_SUBMIT_MAX_JOBS);
	err = ring->ops->prep(ring, &submit, results, tag);
	if (err)
		return err;
	ring->stats.sqes++;
	ring->stats.jobs += num;
	return 0;
}

int loom_ring_enter(struct loom_ring *ring, unsigned int wait, uint64_t timeout_ns)
{
	return ring->ops->enter(ring, wait, timeout_ns);
}

int loom_ring_reap(struct loom_ring *ring, struct loom_ring_cqe *cqe)
{
	return ring->ops->reap(ring, cqe);
}

int loom_ring_cancel(struct loom_ring *ring, uint64_t tag)
{
	return ring->ops->cancel(ring, tag);
}

int loom_ring_fd(const struct loom_ring *ring)
{
	return ring->ops->fd(ring);
}

void loom_ring_get_stats(const struct loom_ring *ring, struct loom_ring_stats *stats)
{
	*stats = ring->stats;
	stats->ioctls = __atomic_load_n(&ring->dev->ioctls, __ATOMIC_RELAXED) - ring->ioctls_before;
}

int loom_ring_poll(struct loom_ring *ring, int fd, uint64_t tag)
{
	return ring->ops->poll(ring, fd, tag);
}

int loom_ring_poll_remove(struct loom_ring *ring, uint64_t tag)
{
	return ring->ops->poll_remove(ring, tag);
}
