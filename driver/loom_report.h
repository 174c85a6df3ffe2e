/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_REPORT_H__
#define __LOOM_REPORT_H__

#include <linux/types.h>

struct loom_device;
struct work_struct;

/* The steps of recovery, in the order of what they cost those who are not to blame. */
enum loom_report {
	LOOM_REPORT_CONTEXT,
	LOOM_REPORT_QUEUE,
	LOOM_REPORT_CORE,
	LOOM_REPORT_DEVICE,
	LOOM_REPORT_FUNCTION,
	LOOM_REPORT_WEDGED,
	LOOM_NUM_REPORTS
};

void loom_report(struct loom_device *ldev, enum loom_report step, u32 id, const char *why);
void loom_report_work(struct work_struct *work);

#endif
