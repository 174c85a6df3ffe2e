/* SPDX-License-Identifier: MIT */
/* Run a compiled model once on the device model in this process. */
#ifndef LOOMC_TEST_RUN_SIM_H
#define LOOMC_TEST_RUN_SIM_H

#include "loomc.h"

/*
 * Inputs by name from `in`; outputs by name into `out`, whose types and shapes are set, data
 * allocated. 0, or -1 with a message in error.
 */
int run_sim(const char *preset, const void *file, size_t size, const struct loomc_tensor *in,
	    unsigned int num_in, struct loomc_tensor *out, unsigned int num_out, char *error,
	    size_t error_size);
/* Device time at which an inference of zeros ends, on "PRESET,NAME=VALUE,...". As above. */
int run_sim_time(const char *device, const void *file, size_t size, uint64_t *end, char *error,
		 size_t error_size);

#endif
