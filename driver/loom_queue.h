/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_QUEUE_H__
#define __LOOM_QUEUE_H__

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/nospec.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "loom_device.h"

struct drm_device;
struct drm_file;
struct loom_device;
struct loom_file;
struct loom_hw_cqe;
struct loom_hw_job;
struct loom_hw_queue_state;
struct loom_job;
struct loom_vector;
struct loom_vm;
struct loom_window;

/*
 * A line of the queue's VM table. A line that jobs name cannot be given to another VM, so its jobs
 * are all of one VM, and hold one reference on it together.
 */
struct loom_slot {
	struct loom_vm *vm;	/* NULL = empty */
	u32 jobs;		/* queued, not completed */
};

struct loom_queue {
	struct kref ref;
	struct rcu_head rcu;
	struct loom_device *ldev;
	struct loom_file *lfile;	/* outlives every job: it destroys its queues first */
	u32 hw_id;
	u32 core;
	u32 entries;
	u32 vm_slots;
	u32 irq_batch;
	u16 band;

	/* Of a user-mode queue; else NULL. Set when it is made. */
	struct loom_window *rings;
	struct loom_window *doorbell_page;
	wait_queue_head_t wait;		/* for completions */
	bool awake;			/* it keeps the device so, as long as it is there */
	bool dead;			/* under lock: lost jobs, and takes no more */

	struct loom_vector *vector;
	struct list_head vector_node;	/* in loom_vector.queues */
	struct list_head node;		/* in loom_device.queues, under fw_lock */
	bool known;			/* by the firmware; under fw_lock */

	/* What the device reads and writes; one allocation, NULL when it has been given back. */
	void *mem;
	dma_addr_t mem_dma;
	size_t mem_size;
	struct loom_hw_job *sq;
	struct loom_hw_cqe *cq;
	struct loom_hw_queue_state *state;
	u32 *vm_table;
	void __iomem *doorbell;

	/*
	 * Protects all below, and the jobs and the rings. Taken in hard interrupts. No fence is
	 * signalled under it, because whoever waits for that fence may want the lock of a queue.
	 */
	spinlock_t lock;
	int error;			/* nothing more is taken: -ENOENT destroyed, -ENODEV gone */
	bool stopped;			/* nothing is put on the ring, for the device is in reset */
	bool fed;			/* submitted to since commands were completed */
	u8 lazy;			/* interrupts until that is tried again */
	bool holding;			/* jobs that come back without having run are kept */
	bool garbled;			/* read without the lock: its completions make no sense */
	u32 sq_tail;			/* jobs put on the ring; also the sequence number */
	u32 cq_head;			/* completions taken off it */
	struct list_head pending;	/* struct loom_submission.node; not all on the ring */
	struct list_head *asked;	/* the last of them that the watch saw, or their head */
	struct llist_node *spares;	/* of submissions */
	struct list_head parked;	/* struct loom_job.node; they go to the ring before those */
	struct loom_slot *slots;
	/* Jobs that the device has, by tag, which is the cookie. Those above are free. */
	struct loom_job **jobs;
	u16 *free_tags;
	u32 num_free_tags;

	struct work_struct push_work;	/* for in-fences */
	bool waits;			/* has ever waited for one */
};

static inline bool loom_queue_is_user(struct loom_queue *queue)
{
	return queue->rings;
}

/* Under RCU: it may be going. */
static inline struct loom_queue *loom_queue_find(struct loom_file *lfile, u32 id)
{
	if (likely(id < LOOM_NEAR_QUEUES))
		return rcu_dereference(lfile->near[array_index_nospec(id, LOOM_NEAR_QUEUES)]);
	return xa_load(&lfile->queues, id);
}

/* loom_queue.c */
struct loom_queue *loom_queue_lookup(struct loom_file *lfile, u32 id);
void loom_queue_put(struct loom_queue *queue);
void loom_queue_detach(struct loom_queue *queue, int error);
void loom_queue_close_all(struct loom_file *lfile);

/* loom_ring.c */
int loom_queue_alloc_rings(struct loom_queue *queue);
void loom_queue_release_rings(struct loom_queue *queue);
int loom_queue_start(struct loom_queue *queue);
void loom_queue_destroy_hw(struct loom_queue *queue);
int loom_queue_forget(struct loom_queue *queue, unsigned int ms);
int loom_queue_restart(struct loom_queue *queue);

/* loom_drain.c */
void loom_queue_drain(struct loom_queue *queue);
void loom_queue_push_work(struct work_struct *work);
void loom_queue_fail(struct loom_queue *queue, int error);
void loom_queue_close(struct loom_queue *queue, int error);

/* loom_slot.c */
void loom_queue_write_slot(struct loom_queue *queue, u32 slot);
void loom_queue_empty_slot(struct loom_queue *queue, struct loom_slot *slot);
void loom_queue_empty_slots(struct loom_file *lfile, struct loom_vm *vm);

int loom_ioctl_queue_create(struct drm_device *drm, void *data, struct drm_file *file);
int loom_ioctl_queue_destroy(struct drm_device *drm, void *data, struct drm_file *file);
int loom_ioctl_queue_set_vm(struct drm_device *drm, void *data, struct drm_file *file);

#endif
