// SPDX-License-Identifier: MIT
/*
 * Queues whose rings are in the program's hands: loom_user_queue.h.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"
#include "loom_user_queue.h"

struct loom_user_queue {
	struct loom_dev *dev;
	struct drm_loom_queue_create args;
	struct drm_loom_rings *rings;
	uint32_t *doorbell;
	struct loom_hw_job *sq;
	const struct loom_hw_cqe *cq;
	uint32_t mask, tail, head;	/* jobs submitted, completions reaped */
};

static void *map(int fd, uint64_t bytes, uint64_t offset)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);

	return at == MAP_FAILED ? NULL : at;
}

static int map_queue(struct loom_user_queue *queue)
{
	int fd = loom_dev_fd(queue->dev);

	queue->rings = map(fd, queue->args.rings_bytes, queue->args.rings_offset);
	queue->doorbell = map(fd, sysconf(_SC_PAGESIZE), queue->args.doorbell_offset);
	if (!queue->rings || !queue->doorbell)
		return loom_fail(-errno, "a user-mode queue cannot be mapped");
	queue->sq = (void *)((char *)queue->rings + queue->rings->sq_offset);
	queue->cq = (void *)((char *)queue->rings + queue->rings->cq_offset);
	queue->mask = queue->args.entries - 1;
	return 0;
}

int loom_user_queue_create(struct loom_dev *dev, unsigned int entries, unsigned int vm_slots,
			   unsigned int irq_batch, struct loom_user_queue **out)
{
	struct loom_user_queue *queue;
	int err;

	if (loom_dev_fd(dev) < 0)
		return loom_fail(-EOPNOTSUPP, "user-mode queues need a kernel driver");
	queue = calloc(1, sizeof(*queue));
	if (!queue)
		return loom_fail(-ENOMEM, "out of memory");
	queue->dev = dev;
	queue->args = (struct drm_loom_queue_create){
		.flags = DRM_LOOM_QUEUE_USER,
		.entries = entries,
		.vm_slots = vm_slots,
		.irq_batch = irq_batch,
	};
	err = loom_dev_ioctl(dev, DRM_IOCTL_LOOM_QUEUE_CREATE, &queue->args);
	if (err) {
		free(queue);
		return err;
	}
	err = map_queue(queue);
	if (err)
		loom_user_queue_destroy(queue);
	else
		*out = queue;
	return err;
}

void loom_user_queue_destroy(struct loom_user_queue *queue)
{
	struct drm_loom_queue_destroy args = { .queue_id = queue->args.queue_id };

	loom_dev_ioctl(queue->dev, DRM_IOCTL_LOOM_QUEUE_DESTROY, &args);
	if (queue->rings)
		munmap(queue->rings, queue->args.rings_bytes);
	if (queue->doorbell)
		munmap(queue->doorbell, sysconf(_SC_PAGESIZE));
	free(queue);
}

int loom_user_queue_set_vm(struct loom_user_queue *queue, uint32_t slot, struct loom_vm *vm)
{
	struct drm_loom_queue_set_vm args = {
		.queue_id = queue->args.queue_id,
		.slot = slot,
		.vm_id = vm ? vm->id : 0,
	};

	return loom_dev_ioctl(queue->dev, DRM_IOCTL_LOOM_QUEUE_SET_VM, &args);
}

/*
 * As many jobs are under way as completions were not reaped, so what bounds the one ring bounds the
 * other.
 */
int loom_user_queue_submit(struct loom_user_queue *queue, const struct drm_loom_job *job,
			   uint16_t flags)
{
	if (queue->tail - queue->head > queue->mask)
		return -EAGAIN;
	if (__atomic_load_n(&queue->rings->dead, __ATOMIC_RELAXED))
		return -EIO;
	if (job->flags & DRM_LOOM_JOB_RELEASE_LAYER)
		flags |= LOOM_JOB_RELEASE_LAYER;
	queue->sq[queue->tail & queue->mask] = (struct loom_hw_job){
		.cookie = job->user_data,
		.cmd_va = job->cmd_va,
		.cmd_size = job->cmd_size,
		.vm_slot = job->vm_slot,
		.flags = flags,
		.seq = queue->tail,
	};
	/* The entry is there before the doorbell says so. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	__atomic_store_n(queue->doorbell, ++queue->tail, __ATOMIC_RELAXED);
	return 0;
}

int loom_user_queue_reap(struct loom_user_queue *queue, struct loom_hw_cqe *cqe)
{
	if (__atomic_load_n(&queue->rings->cq_tail, __ATOMIC_ACQUIRE) == queue->head)
		return 0;
	*cqe = queue->cq[queue->head++ & queue->mask];
	return 1;
}

static int64_t deadline(uint64_t timeout_ns)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec + (int64_t)timeout_ns;
}

int loom_user_queue_wait(struct loom_user_queue *queue, uint64_t timeout_ns)
{
	struct drm_loom_queue_wait args = {
		.queue_id = queue->args.queue_id,
		.cq_tail = queue->head,
		.timeout_ns = deadline(timeout_ns),
	};

	return loom_dev_ioctl(queue->dev, DRM_IOCTL_LOOM_QUEUE_WAIT, &args);
}
