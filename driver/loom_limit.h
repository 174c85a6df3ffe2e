/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_LIMIT_H__
#define __LOOM_LIMIT_H__

#include <linux/types.h>

struct loom_device;
struct loom_user;

enum loom_limit {
	LOOM_LIMIT_VMS,
	LOOM_LIMIT_QUEUES,
	LOOM_LIMIT_BO_BYTES,
	LOOM_NUM_LIMITS
};

struct loom_user *loom_user_get(struct loom_device *ldev);
struct loom_user *loom_user_ref(struct loom_user *user);
void loom_user_put(struct loom_user *user);
int loom_user_charge(struct loom_user *user, enum loom_limit limit, u64 amount);
void loom_user_uncharge(struct loom_user *user, enum loom_limit limit, u64 amount);

#endif
