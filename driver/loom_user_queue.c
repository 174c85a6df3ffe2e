// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: user-mode queues
 *
 * The rings and the doorbell page are mapped into the program, which submits and reaps without
 * the driver. What the driver keeps is what isolates programs: the VM table, which says what
 * contexts the queue's jobs may name, in memory that the program does not see. The driver never
 * believes what is in the rings; at most it wakes somebody up for it.
 *
 * No dma_fence is made of it, for nobody could say that such a job ends. A hang is found by the
 * device's own counters (loom_hang.c). A reset of the device loses the jobs, so the queue is dead
 * after it, which its owner reads in the ring; a reset of a core completes them as
 * LOOM_FAULT_RESET.
 */

#include <linux/dma-mapping.h>
#include <linux/ktime.h>
#include <linux/log2.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/drm_utils.h>
#include <drm/loom_accel.h>

#include "loom_device.h"
#include "loom_hang.h"
#include "loom_pm.h"
#include "loom_queue.h"
#include "loom_user_queue.h"
#include "loom_window.h"

static_assert(offsetof(struct drm_loom_rings, dead) == sizeof(struct loom_hw_queue_state));
static_assert(sizeof(struct drm_loom_rings) <= PAGE_SIZE);

static struct drm_loom_rings *loom_user_queue_rings(struct loom_queue *queue)
{
	return page_address(queue->rings->pages);
}

/* Both rings begin on a page, so that a program may map them as it likes. */
static size_t loom_user_queue_cq_offset(struct loom_queue *queue)
{
	return PAGE_SIZE + PAGE_ALIGN(queue->entries * sizeof(*queue->sq));
}

static size_t loom_user_queue_size(struct loom_queue *queue)
{
	return loom_user_queue_cq_offset(queue) +
	       PAGE_ALIGN(queue->entries * sizeof(*queue->cq));
}

int loom_user_queue_init(struct loom_queue *queue)
{
	struct loom_device *ldev = queue->ldev;
	struct drm_loom_rings *rings, *instead;
	struct loom_window *window;

	window = loom_window_create_doorbell(ldev, queue->hw_id);
	if (IS_ERR(window))
		return PTR_ERR(window);
	queue->doorbell_page = window;

	window = loom_window_create_memory(ldev, loom_user_queue_size(queue));
	if (IS_ERR(window))
		return PTR_ERR(window); /* the other goes with the queue */
	queue->rings = window;

	rings = loom_user_queue_rings(queue);
	queue->state = (struct loom_hw_queue_state *)rings;
	rings->entries = queue->entries;
	rings->sq_offset = PAGE_SIZE;
	rings->cq_offset = loom_user_queue_cq_offset(queue);

	instead = page_address(window->instead);
	*instead = *rings;
	instead->dead = 1;
	return 0;
}

void loom_user_queue_fini(struct loom_queue *queue)
{
	if (queue->rings) {
		loom_window_revoke(queue->rings);
		loom_window_free_memory(queue->rings);
		loom_window_put(queue->rings);
	}
	if (queue->doorbell_page) {
		loom_window_revoke(queue->doorbell_page);
		loom_window_put(queue->doorbell_page);
	}
}

void loom_user_queue_describe(struct loom_queue *queue, struct loom_admin_queue *desc)
{
	desc->flags = LOOM_QUEUE_USER;
	desc->state = queue->rings->dma;
	desc->sq = queue->rings->dma + PAGE_SIZE;
	desc->cq = queue->rings->dma + loom_user_queue_cq_offset(queue);
}

/* Let the program at it. */
int loom_user_queue_open(struct loom_queue *queue, struct drm_loom_queue_create *args,
			 struct drm_file *file)
{
	int ret;

	if (!loom_queue_is_user(queue))
		return 0;

	ret = loom_window_allow(queue->rings, file);
	if (!ret)
		ret = loom_window_allow(queue->doorbell_page, file);
	if (ret)
		return ret;

	loom_pm_busy(queue->ldev);
	queue->awake = true;
	args->rings_bytes = queue->rings->base.size;
	args->rings_offset = loom_window_offset(queue->rings);
	args->doorbell_offset = loom_window_offset(queue->doorbell_page);
	loom_hang_watch(queue->ldev);
	return 0;
}

void loom_user_queue_revoke(struct loom_queue *queue)
{
	if (!loom_queue_is_user(queue))
		return;
	if (queue->awake)
		loom_pm_idle(queue->ldev, 1);
	loom_window_revoke(queue->doorbell_page);
	loom_window_revoke(queue->rings);
}

/* The device has forgotten it. */
void loom_user_queue_die(struct loom_queue *queue)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	queue->dead = true;
	if (queue->mem)
		WRITE_ONCE(loom_user_queue_rings(queue)->dead, 1);
	spin_unlock_irqrestore(&queue->lock, flags);
	wake_up_all(&queue->wait);
}

/* Return: 1 when cq_tail has moved, 0 when not, -EIO when it never will. */
static int loom_user_queue_moved(struct loom_queue *queue, u32 *cq_tail)
{
	unsigned long flags;
	int ret = -EIO;
	u32 tail;

	spin_lock_irqsave(&queue->lock, flags);
	if (queue->mem && !queue->error && !queue->dead) {
		tail = READ_ONCE(queue->state->cq_tail);
		ret = tail != *cq_tail;
		*cq_tail = tail;
	}
	spin_unlock_irqrestore(&queue->lock, flags);
	return ret;
}

static int loom_user_queue_wait(struct loom_queue *queue, struct drm_loom_queue_wait *args)
{
	long left = drm_timeout_abs_to_jiffies(args->timeout_ns);
	int ret = 0;

	if (!loom_queue_is_user(queue)) {
		drm_dbg(&queue->ldev->drm, "queue_id %u: no user-mode queue\n", args->queue_id);
		return -EINVAL;
	}

	left = wait_event_interruptible_timeout(queue->wait,
						(ret = loom_user_queue_moved(queue,
									     &args->cq_tail)),
						left);
	if (left < 0)
		return left;
	if (!left && !ret)
		return -ETIME;
	return min(ret, 0);
}

int loom_ioctl_queue_wait(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_loom_queue_wait *args = data;
	struct loom_queue *queue;
	int ret;

	if (args->flags || args->pad) {
		drm_dbg(drm, "flags %#x, pad %#x\n", args->flags, args->pad);
		return -EINVAL;
	}

	queue = loom_queue_lookup(file->driver_priv, args->queue_id);
	if (!queue) {
		drm_dbg(drm, "queue_id %u: no such queue\n", args->queue_id);
		return -ENOENT;
	}
	ret = loom_user_queue_wait(queue, args);
	loom_queue_put(queue);
	return ret;
}
