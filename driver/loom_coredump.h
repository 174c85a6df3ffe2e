/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_COREDUMP_H__
#define __LOOM_COREDUMP_H__

struct loom_device;

int loom_coredump_init(struct loom_device *ldev);
void loom_coredump_take(struct loom_device *ldev, const char *step, const char *why);
void loom_coredump_publish(struct loom_device *ldev);

#endif
