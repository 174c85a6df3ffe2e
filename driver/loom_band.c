// SPDX-License-Identifier: GPL-2.0-only
/*
 * Priority bands. The firmware chooses between queues (Documentation/accel/loom/device.rst); here
 * is what the administrator may change of it.
 */

#include <linux/module.h>

#include "loom_admin.h"
#include "loom_band.h"
#include "loom_device.h"

static unsigned int band_quantum_us[LOOM_BAND_COUNT];
static unsigned int num_quanta;
module_param_array(band_quantum_us, uint, &num_quanta, 0444);
MODULE_PARM_DESC(band_quantum_us,
		 "How long a band may keep a lower one waiting: normal, idle, high, realtime; 0 for ever (the device's own)");

/* The firmware has booted. What was not given stays as the device has it. */
int loom_bands_set(struct loom_device *ldev)
{
	struct loom_admin_cmd cmd = { .opcode = LOOM_ADMIN_BAND_SET };
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < num_quanta && loom_device_speaks(ldev, 1); i++) {
		cmd.band.band = i;
		cmd.band.quantum_us = band_quantum_us[i];
		ret = loom_admin_exec(ldev, &cmd);
	}
	return ret;
}
