/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_LOG_H__
#define __LOOM_LOG_H__

#include <linux/types.h>

struct loom_device;

size_t loom_log_read(struct loom_device *ldev, char *text, size_t size);

#endif
