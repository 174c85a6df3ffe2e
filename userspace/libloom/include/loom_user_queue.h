/* SPDX-License-Identifier: MIT */
/*
 * loom_user_queue.h - a queue that is submitted to without a system call.
 *
 * The rings and the doorbell are mapped into the program. Submitting writes one entry and the
 * doorbell; reaping reads one entry. Only who has nothing to do but wait asks the kernel. There are
 * no fences and no struct drm_loom_result: completions are struct loom_hw_cqe.
 *
 * One thread at a time uses a queue. Not on "sim:" devices, which have no doorbell to map.
 *
 *	loom_user_queue_create(dev, 64, 1, 16, &queue);
 *	loom_user_queue_set_vm(queue, 0, vm);
 *	loom_user_queue_submit(queue, &job, 0);
 *	while (!loom_user_queue_reap(queue, &cqe))
 *		loom_user_queue_wait(queue, 1000000000);
 */
#ifndef LOOM_USER_QUEUE_H
#define LOOM_USER_QUEUE_H

#include "loom.h"
#include "loom_hw.h"

#if defined(__cplusplus)
extern "C" {
#endif

struct loom_user_queue;

/* irq_batch: completions that one wake-up may stand for; 0 is 1. */
int loom_user_queue_create(struct loom_dev *dev, unsigned int entries, unsigned int vm_slots,
			   unsigned int irq_batch, struct loom_user_queue **queue);
void loom_user_queue_destroy(struct loom_user_queue *queue);
int loom_user_queue_set_vm(struct loom_user_queue *queue, uint32_t slot, struct loom_vm *vm);

/*
 * Put a job on the ring and ring the doorbell; user_data comes back as the completion's cookie.
 * flags: LOOM_JOB_IRQ to wake a waiter as soon as it completes. -EAGAIN: the ring is full until
 * something was reaped. -EIO: the queue is dead, because a reset of the device lost its jobs, or the
 * device went; destroy it. Sets no loom_error(): it is meant to cost nothing.
 */
int loom_user_queue_submit(struct loom_user_queue *queue, const struct drm_loom_job *job,
			   uint16_t flags);

/* Return: 1 and the oldest completion that was not reaped, or 0. */
int loom_user_queue_reap(struct loom_user_queue *queue, struct loom_hw_cqe *cqe);

/*
 * Sleep until there is something to reap. -ETIME: nothing came. -EIO: the queue is dead. The device
 * wakes a sleeper when irq_batch jobs completed, one with LOOM_JOB_IRQ did, or the queue ran empty.
 */
int loom_user_queue_wait(struct loom_user_queue *queue, uint64_t timeout_ns);

#if defined(__cplusplus)
}
#endif

#endif /* LOOM_USER_QUEUE_H */
