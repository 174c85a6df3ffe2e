/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_COUNTERS_H__
#define __LOOM_COUNTERS_H__

#include <linux/types.h>

struct loom_device;
struct loom_hw_counters;

/* What viewers are shown; never goes back while the driver is bound. */
struct loom_usage {
	u64 time_ns;	/* CLOCK_MONOTONIC */
	u64 busy_ns;	/* a core had a job; the mean of the cores */
	u64 energy_pj;
};

int loom_counters_init(struct loom_device *ldev);
void loom_counters_read_hw(struct loom_device *ldev, u32 core, struct loom_hw_counters *counters);
void loom_counters_read(struct loom_device *ldev, u32 core, struct loom_hw_counters *counters);
void loom_counters_start(struct loom_device *ldev);
void loom_counters_stop(struct loom_device *ldev);
void loom_counters_usage(struct loom_device *ldev, struct loom_usage *usage);

#endif
