// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sensors: what the energy counters say, and the clock. The device models no temperature, so none
 * is shown. Documentation/ABI/testing/sysfs-driver-loom
 */

#include <linux/hwmon.h>
#include <linux/hwmon-sysfs.h>
#include <linux/math64.h>

#include <drm/drm_drv.h>

#include "loom_counters.h"
#include "loom_device.h"
#include "loom_hwmon.h"

/* The least time that an average is taken over. */
#define LOOM_POWER_WINDOW_NS	(100 * NSEC_PER_MSEC)
#define LOOM_PJ_PER_UJ		1000000

static umode_t loom_hwmon_is_visible(const void *data, enum hwmon_sensor_types type, u32 attr,
				     int channel)
{
	return 0444;
}

/* pJ per ns is mW. */
static long loom_hwmon_power_uw(struct loom_device *ldev, const struct loom_usage *now)
{
	struct loom_usage *then = &ldev->power_sample;
	u64 time, uw;

	mutex_lock(&ldev->busy_lock);
	time = now->time_ns - then->time_ns;
	if ((s64)time >= LOOM_POWER_WINDOW_NS) {
		ldev->power_uw = mul_u64_u64_div_u64(now->energy_pj - then->energy_pj, 1000, time);
		*then = *now;
	}
	uw = ldev->power_uw;
	mutex_unlock(&ldev->busy_lock);
	return uw;
}

static int loom_hwmon_read(struct device *dev, enum hwmon_sensor_types type, u32 attr, int channel,
			   long *val)
{
	struct loom_device *ldev = dev_get_drvdata(dev);
	struct loom_usage usage;
	int idx;

	if (!drm_dev_enter(&ldev->drm, &idx))
		return -ENODEV;
	loom_counters_usage(ldev, &usage);
	drm_dev_exit(idx);

	if (type == hwmon_energy)
		*val = div_u64(usage.energy_pj, LOOM_PJ_PER_UJ);
	else
		*val = loom_hwmon_power_uw(ldev, &usage);
	return 0;
}

static const struct hwmon_ops loom_hwmon_ops = {
	.is_visible = loom_hwmon_is_visible,
	.read = loom_hwmon_read,
};

static const struct hwmon_channel_info *const loom_hwmon_channels[] = {
	HWMON_CHANNEL_INFO(power, HWMON_P_AVERAGE),
	HWMON_CHANNEL_INFO(energy, HWMON_E_INPUT),
	NULL
};

static const struct hwmon_chip_info loom_hwmon_chip = {
	.ops = &loom_hwmon_ops,
	.info = loom_hwmon_channels,
};

/* Not among hwmon's own types, but the name that viewers read, in Hz. */
static ssize_t freq1_input_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct loom_device *ldev = dev_get_drvdata(dev);
	u64 khz = READ_ONCE(ldev->halted) ? 0 : ldev->caps.clock_khz;

	return sysfs_emit(buf, "%llu\n", khz * 1000);
}
static DEVICE_ATTR_RO(freq1_input);

static struct attribute *loom_hwmon_attrs[] = {
	&dev_attr_freq1_input.attr,
	NULL
};
ATTRIBUTE_GROUPS(loom_hwmon);

int loom_hwmon_init(struct loom_device *ldev)
{
	struct device *dev = ldev->drm.dev;
	struct device *hwmon;

	if (!IS_REACHABLE(CONFIG_HWMON))
		return 0;

	hwmon = devm_hwmon_device_register_with_info(dev, "loom", ldev, &loom_hwmon_chip,
						     loom_hwmon_groups);
	return PTR_ERR_OR_ZERO(hwmon);
}
