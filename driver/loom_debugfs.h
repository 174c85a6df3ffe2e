/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_DEBUGFS_H__
#define __LOOM_DEBUGFS_H__

struct loom_device;

#ifdef CONFIG_DEBUG_FS
void loom_debugfs_init(struct loom_device *ldev);
#else
static inline void loom_debugfs_init(struct loom_device *ldev)
{
}
#endif

#endif
