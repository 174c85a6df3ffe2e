/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_ADMIN_H__
#define __LOOM_ADMIN_H__

#include <linux/types.h>

struct loom_admin_cmd;
struct loom_device;

int loom_admin_init(struct loom_device *ldev);
void loom_admin_fini(struct loom_device *ldev);
void loom_admin_program(struct loom_device *ldev);
void loom_admin_irq(struct loom_device *ldev);
int loom_admin_try(struct loom_device *ldev, struct loom_admin_cmd *cmd, unsigned int ms);
int loom_admin_exec(struct loom_device *ldev, struct loom_admin_cmd *cmd);
void loom_admin_revoke(struct loom_device *ldev, struct loom_admin_cmd *cmd);

#endif
