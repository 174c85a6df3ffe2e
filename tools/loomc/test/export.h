/* SPDX-License-Identifier: MIT */
/* An operator test as files: OUT/NAME/model.loom, in/INPUT.npy and want/OUTPUT.npy. */
#ifndef LOOMC_TEST_EXPORT_H
#define LOOMC_TEST_EXPORT_H

#include "loomc.h"

/* 0, or -1 with a message in error. */
int export_test(const char *out, const char *name, const struct loomc_result *compiled,
		const struct loomc_tensor *in, unsigned int num_in, const struct loomc_tensor *want,
		unsigned int num_want, char *error, size_t size);

#endif
