/* SPDX-License-Identifier: MIT */
/* Run a compiled model once on a device, named as loom_dev_open() does: "sim:PRESET" is one in this process. */
#ifndef LOOMC_TEST_RUN_DEVICE_H
#define LOOMC_TEST_RUN_DEVICE_H

#include "loomc.h"

/*
 * Inputs by name from `in`; outputs by name into `out`, whose types and shapes are set, data
 * allocated. 0, or -1 with a message in error.
 */
int run_device(const char *device, const void *file, size_t size, const struct loomc_tensor *in,
	       unsigned int num_in, struct loomc_tensor *out, unsigned int num_out, char *error,
	       size_t error_size);
/* Device time at which an inference of zeros ends. As above. */
int run_device_time(const char *device, const void *file, size_t size, uint64_t *end, char *error,
		    size_t error_size);

#endif
