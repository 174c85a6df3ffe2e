// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the world is told of a recovery: a line in the log, a trace event, a uevent, a core dump.
 * The last two allocate, and fences wait for the recovery, so they come after it, from a worker.
 */

#include <linux/devcoredump.h>
#include <linux/kobject.h>
#include <linux/slab.h>

#include <drm/drm_file.h>
#include <drm/drm_print.h>

#include "compat/compat.h"
#include "loom_coredump.h"
#include "loom_device.h"
#include "loom_report.h"
#include "loom_trace.h"

static const char *const loom_report_names[LOOM_NUM_REPORTS] = {
	[LOOM_REPORT_CONTEXT] = "context",
	[LOOM_REPORT_QUEUE] = "queue",
	[LOOM_REPORT_CORE] = "core",
	[LOOM_REPORT_DEVICE] = "device",
	[LOOM_REPORT_FUNCTION] = "function",
	[LOOM_REPORT_WEDGED] = "wedged",
};

/**
 * loom_report() - Say that a step of recovery is being taken
 * @ldev: the device, as it was found: it is dumped now, unless a dump waits already
 * @step: the step
 * @id: of what it is done to
 * @why: a constant string
 */
void loom_report(struct loom_device *ldev, enum loom_report step, u32 id, const char *why)
{
	lockdep_assert_held(&ldev->fw_lock);

	dev_err_ratelimited(ldev->drm.dev, "%s: recovery of %s %u\n", why, loom_report_names[step],
			    id);
	trace_loom_reset(ldev, loom_report_names[step], id, why);
	atomic64_inc(&ldev->recoveries[step]);
	loom_coredump_take(ldev, loom_report_names[step], why);
	set_bit(step, &ldev->reports);
	queue_work(system_dfl_wq, &ldev->report_work);
}

static void loom_report_uevent(struct loom_device *ldev, enum loom_report step)
{
	char event[32], count[40];
	char *envp[3] = { event, count, NULL };

	/*
	 * The words of drm-uapi.rst for a device that only its unbinding can mend. Linux 7.3's
	 * drm_dev_wedged_event() takes a primary node for granted, which accel devices lack.
	 */
	if (step == LOOM_REPORT_WEDGED)
		strscpy(event, "WEDGED=rebind");
	else
		snprintf(event, sizeof(event), "LOOM_RECOVERY=%s", loom_report_names[step]);
	snprintf(count, sizeof(count), "LOOM_COUNT=%lld", atomic64_read(&ldev->recoveries[step]));
	kobject_uevent_env(&ldev->drm.accel->kdev->kobj, KOBJ_CHANGE, envp);
}

void loom_report_work(struct work_struct *work)
{
	struct loom_device *ldev = container_of(work, struct loom_device, report_work);
	unsigned int step;

	for (step = 0; step < LOOM_NUM_REPORTS; step++)
		if (test_and_clear_bit(step, &ldev->reports))
			loom_report_uevent(ldev, step);
	loom_coredump_publish(ldev);
}
