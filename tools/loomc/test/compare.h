/* SPDX-License-Identifier: MIT */
/* How near outputs have to be to what ONNX's tests expect: on the host, on the device model, and in the VM. */
#ifndef LOOMC_TEST_COMPARE_H
#define LOOMC_TEST_COMPARE_H

#include "loomc.h"

/* Of a float: absolute, plus relative of the value. Integers have to be equal. */
struct tolerance {
	double absolute, relative;
};

extern const struct tolerance on_host_tolerance;
extern const struct tolerance on_device_tolerance;	/* what fp16 allows */

/* Is each wanted tensor among those found, of its type, and near? If not, why says which element is off. */
bool all_close(const struct loomc_tensor *got, unsigned int num_got, const struct loomc_tensor *want,
	       unsigned int num_want, const struct tolerance *allowed, char *why, size_t size);

#endif
