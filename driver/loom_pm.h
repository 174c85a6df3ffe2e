/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_PM_H__
#define __LOOM_PM_H__

#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/workqueue.h>

#include "loom_device.h"

#define LOOM_IDLE_DELAY		(HZ / 50)

extern const struct dev_pm_ops loom_pm_ops;

void loom_pm_init(struct loom_device *ldev);
void loom_pm_fini(struct loom_device *ldev);
void loom_pm_cancel(struct loom_device *ldev);
int loom_pm_get(struct loom_device *ldev);
void loom_pm_put(struct loom_device *ldev);
void loom_pm_wake(struct loom_device *ldev);
void loom_pm_wake_work(struct work_struct *work);
void loom_pm_idle_work(struct work_struct *work);

/* A submission is queued. If the device sleeps it is pushed when it has woken up. */
static inline void loom_pm_busy(struct loom_device *ldev)
{
	atomic_inc(&ldev->busy);
	smp_mb__after_atomic(); /* pairs with the one in loom_pm_idle_work() */
	if (unlikely(!READ_ONCE(ldev->awake)))
		queue_work(ldev->wq, &ldev->wake_work);
}

/* So many submissions are finished. In an interrupt, most often. */
static inline void loom_pm_idle(struct loom_device *ldev, unsigned int num)
{
	if (!atomic_sub_and_test(num, &ldev->busy))
		return;
	WRITE_ONCE(ldev->idle_since, jiffies);
	queue_delayed_work(ldev->wq, &ldev->idle_work, LOOM_IDLE_DELAY);
}

#endif
