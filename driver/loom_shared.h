/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_SHARED_H__
#define __LOOM_SHARED_H__

#include <linux/types.h>

struct drm_file;
struct loom_shared;
struct loom_submission;

int loom_shared_add(struct loom_submission *sub, struct drm_file *file, u32 num, u64 array);
int loom_shared_queue(struct loom_submission *sub);
void loom_shared_free(struct loom_shared *shared);

#endif
