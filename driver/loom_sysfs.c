// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes of the PCI device, by the names that NPU viewers look for.
 * Documentation/ABI/testing/sysfs-driver-loom
 */

#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/sysfs.h>

#include <drm/drm_drv.h>

#include "loom_counters.h"
#include "loom_device.h"
#include "loom_sysfs.h"

/* Shorter than this a share of time says nothing; who asks again sooner gets the same answer. */
#define LOOM_BUSY_WINDOW_NS	(100 * NSEC_PER_MSEC)

static struct loom_device *dev_to_loom(struct device *dev)
{
	return pci_get_drvdata(to_pci_dev(dev));
}

/* Return: false when the device is unplugged. */
static bool loom_sysfs_usage(struct loom_device *ldev, struct loom_usage *usage)
{
	int idx;

	if (!drm_dev_enter(&ldev->drm, &idx))
		return false;
	loom_counters_usage(ldev, usage);
	drm_dev_exit(idx);
	return true;
}

static ssize_t npu_busy_time_us_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct loom_usage usage;

	if (!loom_sysfs_usage(dev_to_loom(dev), &usage))
		return -ENODEV;
	return sysfs_emit(buf, "%llu\n", div_u64(usage.busy_ns, NSEC_PER_USEC));
}
static DEVICE_ATTR_RO(npu_busy_time_us);

static unsigned int loom_sysfs_busy_percent(struct loom_device *ldev,
					    const struct loom_usage *now)
{
	struct loom_usage *then = &ldev->busy_sample;
	u64 time, busy;

	mutex_lock(&ldev->busy_lock);
	time = now->time_ns - then->time_ns;
	busy = now->busy_ns - then->busy_ns;
	if ((s64)time >= LOOM_BUSY_WINDOW_NS) {
		ldev->busy_percent = min(div64_u64(busy * 100, time), 100ull);
		*then = *now;
	}
	time = ldev->busy_percent;
	mutex_unlock(&ldev->busy_lock);
	return time;
}

static ssize_t npu_busy_percent_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct loom_device *ldev = dev_to_loom(dev);
	struct loom_usage usage;

	if (!loom_sysfs_usage(ldev, &usage))
		return -ENODEV;
	return sysfs_emit(buf, "%u\n", loom_sysfs_busy_percent(ldev, &usage));
}
static DEVICE_ATTR_RO(npu_busy_percent);

static ssize_t npu_memory_utilization_show(struct device *dev, struct device_attribute *attr,
					   char *buf)
{
	return sysfs_emit(buf, "%lld\n", atomic64_read(&dev_to_loom(dev)->bo_bytes));
}
static DEVICE_ATTR_RO(npu_memory_utilization);

static ssize_t npu_memory_total_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", (u64)totalram_pages() << PAGE_SHIFT);
}
static DEVICE_ATTR_RO(npu_memory_total);

static ssize_t npu_current_frequency_mhz_show(struct device *dev, struct device_attribute *attr,
					      char *buf)
{
	struct loom_device *ldev = dev_to_loom(dev);

	return sysfs_emit(buf, "%u\n", READ_ONCE(ldev->halted) ? 0 : ldev->caps.clock_khz / 1000);
}
static DEVICE_ATTR_RO(npu_current_frequency_mhz);

static struct attribute *loom_attrs[] = {
	&dev_attr_npu_busy_time_us.attr,
	&dev_attr_npu_busy_percent.attr,
	&dev_attr_npu_memory_utilization.attr,
	&dev_attr_npu_memory_total.attr,
	&dev_attr_npu_current_frequency_mhz.attr,
	NULL
};

static const struct attribute_group loom_attr_group = { .attrs = loom_attrs };

const struct attribute_group *loom_sysfs_groups[] = { &loom_attr_group, NULL };
