// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much of a device one user may take. Contexts and queues of the device are few, so that one
 * program could leave none for others; memory is limited by the cgroup too, which pays for it.
 * CAP_SYS_RESOURCE may exceed the limits.
 */

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <drm/drm_print.h>

#include "loom_device.h"
#include "loom_limit.h"

static unsigned int max_vms_per_user;
module_param(max_vms_per_user, uint, 0644);
MODULE_PARM_DESC(max_vms_per_user, "VMs that a user may have (0: half of what the device has)");

static unsigned int max_queues_per_user;
module_param(max_queues_per_user, uint, 0644);
MODULE_PARM_DESC(max_queues_per_user,
		 "Queues that a user may have (0: half of what the device has)");

static unsigned int max_bo_mb_per_user;
module_param(max_bo_mb_per_user, uint, 0644);
MODULE_PARM_DESC(max_bo_mb_per_user, "MB of buffers that a user may have (0: half of the memory)");

/* Of one device. Alive as long as files or buffers of the user are. */
struct loom_user {
	struct kref ref;
	struct loom_device *ldev;
	struct list_head node;
	kuid_t uid;
	atomic64_t used[LOOM_NUM_LIMITS];
};

/* Of the caller, who opens the device. */
struct loom_user *loom_user_get(struct loom_device *ldev)
{
	kuid_t uid = current_euid();
	struct loom_user *user;

	mutex_lock(&ldev->users_lock);
	list_for_each_entry(user, &ldev->users, node)
		if (uid_eq(user->uid, uid) && kref_get_unless_zero(&user->ref))
			goto out_unlock;

	user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT);
	if (user) {
		kref_init(&user->ref);
		user->ldev = ldev;
		user->uid = uid;
		list_add(&user->node, &ldev->users);
	}
out_unlock:
	mutex_unlock(&ldev->users_lock);
	return user;
}

struct loom_user *loom_user_ref(struct loom_user *user)
{
	kref_get(&user->ref);
	return user;
}

static void loom_user_release(struct kref *ref)
{
	struct loom_user *user = container_of(ref, struct loom_user, ref);

	mutex_lock(&user->ldev->users_lock);
	list_del(&user->node);
	mutex_unlock(&user->ldev->users_lock);
	kfree(user);
}

void loom_user_put(struct loom_user *user)
{
	kref_put(&user->ref, loom_user_release);
}

static u64 loom_limit_of(struct loom_device *ldev, enum loom_limit limit)
{
	switch (limit) {
	case LOOM_LIMIT_VMS:
		return max_vms_per_user ?: max(ldev->caps.max_contexts / 2, 1u);
	case LOOM_LIMIT_QUEUES:
		return max_queues_per_user ?: max(ldev->caps.max_queues / 2, 1u);
	default:
		return max_bo_mb_per_user ? (u64)max_bo_mb_per_user * SZ_1M :
					    (u64)totalram_pages() * PAGE_SIZE / 2;
	}
}

/**
 * loom_user_charge() - Count something that a user takes
 * @user: the user
 * @limit: what it is
 * @amount: how much of it
 *
 * Return: 0, or -EDQUOT if that is too much.
 */
int loom_user_charge(struct loom_user *user, enum loom_limit limit, u64 amount)
{
	u64 most = loom_limit_of(user->ldev, limit);
	u64 used = atomic64_add_return(amount, &user->used[limit]);

	if (used <= most || capable(CAP_SYS_RESOURCE))
		return 0;

	loom_user_uncharge(user, limit, amount);
	drm_dbg(&user->ldev->drm, "limit %d: %llu of at most %llu\n", limit, used, most);
	return -EDQUOT;
}

void loom_user_uncharge(struct loom_user *user, enum loom_limit limit, u64 amount)
{
	atomic64_sub(amount, &user->used[limit]);
}
