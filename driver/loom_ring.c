// SPDX-License-Identifier: GPL-2.0-only
/* What the device knows of a queue: its rings, its VM table, its name. */

#include <linux/dma-mapping.h>
#include <linux/log2.h>
#include <linux/slab.h>

#include "loom_admin.h"
#include "loom_device.h"
#include "loom_queue.h"
#include "loom_replay.h"
#include "loom_user_queue.h"
#include "loom_window.h"

#define LOOM_QUEUE_ALIGN	64

/* ---- memory ---- */

static size_t loom_queue_carve(size_t *size, size_t bytes)
{
	size_t at = *size;

	*size = ALIGN(at + bytes, LOOM_QUEUE_ALIGN);
	return at;
}

/*
 * The VM table, and the rings and the state if they are the driver's: in one piece, for they come
 * and go together.
 */
int loom_queue_alloc_rings(struct loom_queue *queue)
{
	size_t sq = 0, cq = 0, state = 0, vm_table, size = 0;

	if (!loom_queue_is_user(queue)) {
		sq = loom_queue_carve(&size, queue->entries * sizeof(*queue->sq));
		cq = loom_queue_carve(&size, queue->entries * sizeof(*queue->cq));
		state = loom_queue_carve(&size, sizeof(*queue->state));
	}
	vm_table = loom_queue_carve(&size, queue->vm_slots * sizeof(*queue->vm_table));

	queue->mem = dma_alloc_coherent(queue->ldev->drm.dev, size, &queue->mem_dma,
					GFP_KERNEL_ACCOUNT);
	if (!queue->mem)
		return -ENOMEM;

	queue->mem_size = size;
	queue->vm_table = queue->mem + vm_table;
	if (loom_queue_is_user(queue))
		return 0;
	queue->sq = queue->mem + sq;
	queue->cq = queue->mem + cq;
	queue->state = queue->mem + state;
	return 0;
}

/* The device has forgotten the queue, or is gone, and no interrupt looks at it. */
void loom_queue_release_rings(struct loom_queue *queue)
{
	unsigned long flags;
	void *mem;

	lockdep_assert_held(&queue->ldev->fw_lock);

	spin_lock_irqsave(&queue->lock, flags);
	mem = queue->mem;
	queue->mem = NULL;
	spin_unlock_irqrestore(&queue->lock, flags);

	if (mem)
		dma_free_coherent(queue->ldev->drm.dev, queue->mem_size, mem, queue->mem_dma);
	if (loom_queue_is_user(queue))
		loom_window_free_memory(queue->rings);
}

/* ---- the firmware's side ---- */

static dma_addr_t loom_queue_dma(struct loom_queue *queue, void *part)
{
	return queue->mem_dma + (part - queue->mem);
}

/* Make the queue known to a device that does not know it. Its rings are empty. */
int loom_queue_start(struct loom_queue *queue)
{
	struct loom_admin_cmd cmd = {
		.opcode = LOOM_ADMIN_QUEUE_CREATE,
		.queue = {
			.queue = queue->hw_id,
			.core = queue->core,
			.vm_table = loom_queue_dma(queue, queue->vm_table),
			.entries_log2 = ilog2(queue->entries),
			.vm_slots = queue->vm_slots,
			.vector = queue->vector - queue->ldev->vectors,
			.irq_batch = queue->irq_batch,
			.band = queue->band,
		},
	};
	int ret;

	lockdep_assert_held(&queue->ldev->fw_lock);

	if (loom_queue_is_user(queue)) {
		loom_user_queue_describe(queue, &cmd.queue);
	} else {
		cmd.queue.sq = loom_queue_dma(queue, queue->sq);
		cmd.queue.cq = loom_queue_dma(queue, queue->cq);
		cmd.queue.state = loom_queue_dma(queue, queue->state);
	}
	ret = loom_admin_exec(queue->ldev, &cmd);
	queue->known = !ret;
	return ret;
}

void loom_queue_destroy_hw(struct loom_queue *queue)
{
	struct loom_admin_cmd cmd = {
		.opcode = LOOM_ADMIN_QUEUE_DESTROY,
		.queue.queue = queue->hw_id,
	};

	lockdep_assert_held(&queue->ldev->fw_lock);

	if (queue->known)
		loom_admin_revoke(queue->ldev, &cmd);
	queue->known = false;
}

/* The device does not answer for long if an engine holds one of the queue's jobs. */
int loom_queue_forget(struct loom_queue *queue, unsigned int ms)
{
	struct loom_admin_cmd cmd = {
		.opcode = LOOM_ADMIN_QUEUE_DESTROY,
		.queue.queue = queue->hw_id,
	};
	int ret;

	lockdep_assert_held(&queue->ldev->fw_lock);

	ret = queue->known ? loom_admin_try(queue->ldev, &cmd, ms) : 0;
	if (!ret)
		queue->known = false;
	return ret;
}

/* The device does not know the queue, and has none of its jobs. */
int loom_queue_restart(struct loom_queue *queue)
{
	int ret;

	lockdep_assert_held(&queue->ldev->fw_lock);

	if (loom_queue_is_user(queue))
		return 0; /* dead: its jobs are known to nobody but their owner */

	memset(queue->mem, 0, queue->mem_size);
	queue->sq_tail = 0;
	queue->cq_head = 0;
	queue->garbled = false;
	ret = loom_queue_start(queue);
	if (!ret)
		loom_queue_unpark(queue);
	return ret;
}
