/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_BAND_H__
#define __LOOM_BAND_H__

struct loom_device;

int loom_bands_set(struct loom_device *ldev);

#endif
