// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compare.h"

const struct tolerance on_host_tolerance = { .absolute = 1e-5, .relative = 1e-3 };
const struct tolerance on_device_tolerance = { .absolute = 4e-3, .relative = 4e-3 };

static bool is_near(const struct hostop_tensor *got, const struct hostop_tensor *want,
		    const struct tolerance *allowed, char *why, size_t size)
{
	if (got->dtype != want->dtype || got->count != want->count) {
		snprintf(why, size, "wrong type or size: %s, %zu elements, not %s, %zu",
			 hostop_dtype_name(got->dtype), got->count, hostop_dtype_name(want->dtype),
			 want->count);
		return false;
	}
	for (size_t i = 0; i < got->count; i++) {
		double a = hostop_get(got, i), b = hostop_get(want, i);

		if (a == b || (isnan(a) && isnan(b)))
			continue;
		if (!(fabs(a - b) <= allowed->absolute + allowed->relative * fabs(b)) ||
		    !hostop_is_float(want->dtype)) {
			snprintf(why, size, "element %zu is %g, not %g", i, a, b);
			return false;
		}
	}
	return true;
}

bool all_close(const struct loomc_tensor *got, unsigned int num_got, const struct loomc_tensor *want,
	       unsigned int num_want, const struct tolerance *allowed, char *why, size_t size)
{
	for (unsigned int k = 0; k < num_want; k++) {
		unsigned int i = 0;

		while (i < num_got && strcmp(got[i].name, want[k].name))
			i++;
		if (i == num_got) {
			snprintf(why, size, "there is no output %s", want[k].name);
			return false;
		}
		if (!is_near(&got[i].t, &want[k].t, allowed, why, size))
			return false;
	}
	return true;
}
