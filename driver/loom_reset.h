/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_RESET_H__
#define __LOOM_RESET_H__

#include <linux/types.h>

struct loom_device;
struct loom_queue;
struct work_struct;

void loom_reset_request(struct loom_device *ldev, const char *why);
void loom_reset_request_queue(struct loom_queue *queue);
void loom_reset_core(struct loom_device *ldev, u32 core, const char *why);
void loom_reset_work(struct work_struct *work);
void loom_reset_function_done(struct loom_device *ldev);

void loom_reset_forget(struct loom_device *ldev);
int loom_reset_restore(struct loom_device *ldev);

#endif
