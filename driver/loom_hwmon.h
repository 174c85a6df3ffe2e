/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_HWMON_H__
#define __LOOM_HWMON_H__

struct loom_device;

int loom_hwmon_init(struct loom_device *ldev);

#endif
