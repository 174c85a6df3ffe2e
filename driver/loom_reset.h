/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_RESET_H__
#define __LOOM_RESET_H__

struct loom_device;
struct work_struct;

void loom_reset_watch(struct loom_device *ldev);
void loom_reset_hang_work(struct work_struct *work);
void loom_reset_request(struct loom_device *ldev, const char *why);
void loom_reset_work(struct work_struct *work);
void loom_reset_remove(struct loom_device *ldev);

#endif
