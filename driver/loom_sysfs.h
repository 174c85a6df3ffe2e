/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_SYSFS_H__
#define __LOOM_SYSFS_H__

struct attribute_group;

extern const struct attribute_group *loom_sysfs_groups[];

#endif
