/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_QUERY_H__
#define __LOOM_QUERY_H__

struct drm_device;
struct drm_file;
struct drm_printer;

int loom_ioctl_query(struct drm_device *drm, void *data, struct drm_file *file);
void loom_query_show_fdinfo(struct drm_printer *p, struct drm_file *file);

#endif
