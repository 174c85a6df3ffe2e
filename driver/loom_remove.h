/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_REMOVE_H__
#define __LOOM_REMOVE_H__

struct loom_device;

void loom_device_remove(struct loom_device *ldev);

#endif
