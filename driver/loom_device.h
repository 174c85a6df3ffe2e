/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_DEVICE_H__
#define __LOOM_DEVICE_H__

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/idr.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/drm_device.h>
#include <drm/drm_mm.h>

#include "loom_counters.h"
#include "loom_hang.h"
#include "loom_hw.h"
#include "loom_report.h"

struct dma_pool;
struct drm_file;
struct loom_queue;
struct loom_tally;
struct loom_user;

/* An MSI-X vector. Vector 0 is the admin queue's; queues share the others if they are too few. */
struct loom_vector {
	struct loom_device *ldev;
	int irq;
	/*
	 * Walked by the hard handler under RCU. Writers hold ldev->fw_lock; who takes a queue off
	 * calls synchronize_irq() before it frees the queue.
	 */
	struct list_head queues;
};

/* The admin rings. Protected by ldev->fw_lock, but for @done. */
struct loom_admin {
	struct loom_admin_cmd *sq;
	struct loom_admin_cqe *cq;
	dma_addr_t sq_dma;
	dma_addr_t cq_dma;
	u32 tail;		/* commands sent */
	u32 cq_head;		/* answers looked at */
	struct completion done;	/* from the handler of vector 0 */
};

struct loom_device {
	struct drm_device drm;

	void __iomem *regs;
	void __iomem *doorbells;
	struct loom_hw_caps caps;

	struct loom_vector *vectors;
	unsigned int num_vectors;

	struct dma_pool *pt_pool;	/* page tables of all VMs */
	struct ida ctx_ida;
	struct ida queue_ida;

	/*
	 * Serialises admin commands, and protects what the firmware knows: @vms, @queues, the
	 * vectors' lists, @halted and @removed. No memory is allocated under it, for a reset takes
	 * it and fences wait for the reset.
	 */
	struct mutex fw_lock;
	struct loom_admin admin;
	struct list_head vms;		/* struct loom_vm.node */
	struct list_head queues;	/* struct loom_queue.node */
	bool halted;			/* the device is in reset and does no DMA */
	bool removed;			/* ... for good */
	bool wedged;			/* ... until the driver is bound again */
	bool asleep;			/* ... until somebody needs it */
	u32 heartbeat;			/* the firmware's, when it was last looked at */
	u64 heartbeat_seen;		/* CLOCK_MONOTONIC, when it was last seen to move */
	unsigned int barren_resets;	/* with no job done between them */
	u64 jobs_at_reset;		/* all that were done until the last one */

	/* Protects the allocator of the activation SRAM, and of nodes in it. */
	struct mutex lease_lock;
	struct drm_mm leases;

	struct workqueue_struct *wq;
	struct delayed_work hang_work;
	struct work_struct reset_work;
	struct loom_watched *watched;	/* of each core; of hang_work alone */
	const char *reset_why;		/* the reset that is asked for; xchg() takes it */
	struct pci_saved_state *pci_state;	/* as it was when the driver was bound */

	/* What report_work is to tell: bits of enum loom_report. */
	struct work_struct report_work;
	unsigned long reports;
	atomic64_t recoveries[LOOM_NUM_REPORTS];	/* since the driver was bound */
	char *dump;			/* LOOM_DUMP_BYTES; written under fw_lock */
	size_t dump_bytes;		/* not zero: report_work has it */

	/* Protects @tallies and @counting. */
	spinlock_t counters_lock;
	struct loom_tally *tallies;	/* of each core */
	bool counting;			/* the firmware runs, and its counters count */

	/* Protects the samples of which averages are made, and the averages. */
	struct mutex busy_lock;
	struct loom_usage busy_sample, power_sample;
	unsigned int busy_percent;
	u64 power_uw;

	atomic64_t bo_bytes;		/* of all BOs that were created here */

	/* Submissions that are not finished, and user-mode queues. */
	atomic_t busy;
	unsigned long idle_since;	/* jiffies, when @busy became zero */
	/* Protects @awake: @busy has a reference on the runtime PM, and @pm_over. */
	struct mutex pm_lock;
	bool awake;			/* read without the lock */
	bool pm_over;			/* the driver is being unbound */
	struct work_struct wake_work;
	struct delayed_work idle_work;

	/* Protects @users. */
	struct mutex users_lock;
	struct list_head users;		/* struct loom_user.node */

	/* Protects @windows. Taken before a window's own lock. */
	struct mutex windows_lock;
	struct list_head windows;	/* struct loom_window.node */

	/* Protects @mapped_bos. */
	struct mutex bos_lock;
	struct list_head mapped_bos;	/* struct loom_bo.node */

	/* Last references to BOs that were dropped in interrupt context. */
	struct llist_head free_bos;
	struct work_struct free_work;
};

enum loom_engine {
	LOOM_ENGINE_FETCH,
	LOOM_ENGINE_DMA,
	LOOM_ENGINE_COMPUTE,
	LOOM_NUM_ENGINES
};

#define LOOM_NEAR_QUEUES 8

/* An open file. */
struct loom_file {
	struct loom_device *ldev;
	struct loom_user *user;
	struct drm_file *drm_file;
	struct xarray vms;
	struct xarray queues;
	/* Those with small ids once more, read under RCU: most programs have few. */
	struct loom_queue __rcu *near[LOOM_NEAR_QUEUES];
	/* Protects the slots of this file's queues against VMs that are being destroyed. */
	struct mutex slots_lock;
	bool has_fences;	/* or had */

	/* Submissions of one job that are over, for those to come; about so many. */
	struct llist_head spares;
	atomic_t num_spares;

	atomic64_t busy_ns[LOOM_NUM_ENGINES];
};

#define to_loom_device(d) container_of(d, struct loom_device, drm)

static inline u32 loom_read(struct loom_device *ldev, u32 reg)
{
	return readl(ldev->regs + reg);
}

static inline void loom_write(struct loom_device *ldev, u32 reg, u32 value)
{
	writel(value, ldev->regs + reg);
}

/* The minor version of the register interface that the device has, or a later one. */
static inline bool loom_device_speaks(struct loom_device *ldev, u32 minor)
{
	return (ldev->caps.hw_version & 0xffff) >= minor;
}

u64 loom_read64(struct loom_device *ldev, u32 reg);

int loom_device_init(struct loom_device *ldev);
void loom_device_stop(struct loom_device *ldev);
void loom_device_fini(struct loom_device *ldev);
int loom_device_boot(struct loom_device *ldev);
void loom_device_halt(struct loom_device *ldev);
bool loom_device_is_gone(struct loom_device *ldev);
bool loom_device_beats(struct loom_device *ldev);
int loom_device_reset_function(struct loom_device *ldev);

#endif
