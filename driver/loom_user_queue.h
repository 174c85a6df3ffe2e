/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_USER_QUEUE_H__
#define __LOOM_USER_QUEUE_H__

struct drm_device;
struct drm_file;
struct drm_loom_queue_create;
struct loom_admin_queue;
struct loom_queue;

int loom_user_queue_init(struct loom_queue *queue);
void loom_user_queue_fini(struct loom_queue *queue);
void loom_user_queue_describe(struct loom_queue *queue, struct loom_admin_queue *desc);
int loom_user_queue_open(struct loom_queue *queue, struct drm_loom_queue_create *args,
			 struct drm_file *file);
void loom_user_queue_revoke(struct loom_queue *queue);
void loom_user_queue_die(struct loom_queue *queue);

int loom_ioctl_queue_wait(struct drm_device *drm, void *data, struct drm_file *file);

#endif
