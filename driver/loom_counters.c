// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device counts from when its firmware boots. The driver adds what was counted before a reset
 * or a sleep, so that nobody who reads sees a counter go back.
 */

#include <linux/ktime.h>
#include <linux/slab.h>

#include <drm/drm_managed.h>

#include "loom_counters.h"
#include "loom_device.h"

#define LOOM_DRY_TRIES		16
#define LOOM_DRY_MOMENT_NS	20000
#define LOOM_NUM_COUNTERS (sizeof(struct loom_hw_counters) / sizeof(u64))

/* Of one core. Protected by loom_device.counters_lock. */
struct loom_tally {
	u64 before[LOOM_NUM_COUNTERS];	/* counted until the last stop */
	u64 busy_before;
	u64 started, dry_at_start;	/* device ns */
	u64 busy_seen;			/* since then: the reads are not of one moment */
};

int loom_counters_init(struct loom_device *ldev)
{
	spin_lock_init(&ldev->counters_lock);
	ldev->tallies = drmm_kcalloc(&ldev->drm, ldev->caps.num_cores, sizeof(*ldev->tallies),
				     GFP_KERNEL);
	return ldev->tallies ? 0 : -ENOMEM;
}

void loom_counters_read_hw(struct loom_device *ldev, u32 core, struct loom_hw_counters *counters)
{
	u64 *counter = (u64 *)counters;
	u32 i;

	for (i = 0; i < LOOM_NUM_COUNTERS; i++)
		counter[i] = loom_read64(ldev, LOOM_REG_CORE(core) + i * sizeof(*counter));
}

static u64 loom_core_counter(struct loom_device *ldev, u32 core, size_t offset)
{
	return loom_read64(ldev, LOOM_REG_CORE(core) + offset);
}

/*
 * Device time and the part of it that the core was without jobs, nearly of one moment: an emulated
 * CPU may be held up between two reads for longer than any job runs.
 */
static u64 loom_core_dry(struct loom_device *ldev, u32 core, u64 *time)
{
	u64 before = loom_read64(ldev, LOOM_REG_TIME), dry;
	unsigned int tries;

	for (tries = 0; tries < LOOM_DRY_TRIES; tries++) {
		dry = loom_core_counter(ldev, core, offsetof(struct loom_hw_counters, dry));
		*time = loom_read64(ldev, LOOM_REG_TIME);
		if (*time - before < LOOM_DRY_MOMENT_NS)
			break;
		before = *time;
	}
	return dry;
}

/* Time since the start that the core was not without jobs. */
static u64 loom_tally_busy(struct loom_device *ldev, u32 core)
{
	struct loom_tally *tally = &ldev->tallies[core];
	u64 time, dry;

	lockdep_assert_held(&ldev->counters_lock);

	dry = loom_core_dry(ldev, core, &time) - tally->dry_at_start;
	time -= tally->started;
	if (time > dry)
		tally->busy_seen = max(tally->busy_seen, time - dry);
	return tally->busy_seen;
}

/* The firmware has booted. */
void loom_counters_start(struct loom_device *ldev)
{
	unsigned long flags;
	u32 i;

	spin_lock_irqsave(&ldev->counters_lock, flags);
	for (i = 0; i < ldev->caps.num_cores; i++) {
		struct loom_tally *tally = &ldev->tallies[i];

		tally->dry_at_start = loom_core_dry(ldev, i, &tally->started);
		tally->busy_seen = 0;
	}
	ldev->counting = true;
	spin_unlock_irqrestore(&ldev->counters_lock, flags);
}

static void loom_tally_stop(struct loom_device *ldev, u32 core)
{
	struct loom_tally *tally = &ldev->tallies[core];
	u64 counters[LOOM_NUM_COUNTERS];
	u32 i;

	tally->busy_before += loom_tally_busy(ldev, core);
	loom_counters_read_hw(ldev, core, (struct loom_hw_counters *)counters);
	for (i = 0; i < LOOM_NUM_COUNTERS; i++)
		tally->before[i] += counters[i];
}

/* The device is about to forget what it counted. */
void loom_counters_stop(struct loom_device *ldev)
{
	bool gone = loom_device_is_gone(ldev);
	unsigned long flags;
	u32 i;

	spin_lock_irqsave(&ldev->counters_lock, flags);
	for (i = 0; ldev->counting && !gone && i < ldev->caps.num_cores; i++)
		loom_tally_stop(ldev, i);
	ldev->counting = false;
	spin_unlock_irqrestore(&ldev->counters_lock, flags);
}

/* A core's counters since the driver was bound. */
void loom_counters_read(struct loom_device *ldev, u32 core, struct loom_hw_counters *counters)
{
	u64 *counter = (u64 *)counters;
	unsigned long flags;
	u32 i;

	memset(counters, 0, sizeof(*counters));
	spin_lock_irqsave(&ldev->counters_lock, flags);
	if (ldev->counting)
		loom_counters_read_hw(ldev, core, counters);
	for (i = 0; i < LOOM_NUM_COUNTERS; i++)
		counter[i] += ldev->tallies[core].before[i];
	spin_unlock_irqrestore(&ldev->counters_lock, flags);
}

void loom_counters_usage(struct loom_device *ldev, struct loom_usage *usage)
{
	struct loom_hw_counters counters;
	unsigned long flags;
	u64 busy = 0;
	u32 i;

	*usage = (struct loom_usage){ .time_ns = ktime_get_ns() };
	for (i = 0; i < ldev->caps.num_cores; i++) {
		loom_counters_read(ldev, i, &counters);
		usage->energy_pj += counters.energy_mac + counters.energy_sram +
				    counters.energy_dram + counters.energy_static;

		spin_lock_irqsave(&ldev->counters_lock, flags);
		busy += ldev->tallies[i].busy_before;
		if (ldev->counting)
			busy += loom_tally_busy(ldev, i);
		spin_unlock_irqrestore(&ldev->counters_lock, flags);
	}
	usage->busy_ns = div_u64(busy, ldev->caps.num_cores);
}
