/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_HANG_H__
#define __LOOM_HANG_H__

#include <linux/types.h>

struct loom_device;
struct work_struct;

/* What the watch saw of a core the last time. Of hang_work alone. */
struct loom_watched {
	u64 progress;
	u64 since;		/* CLOCK_MONOTONIC: nothing has moved or been done about it since */
	unsigned int strikes;	/* how often nothing had moved since */
};

int loom_hang_init(struct loom_device *ldev);
void loom_hang_watch(struct loom_device *ldev);
void loom_hang_work(struct work_struct *work);

#endif
