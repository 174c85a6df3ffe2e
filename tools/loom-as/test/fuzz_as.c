// SPDX-License-Identifier: MIT
/*
 * Text that nobody wrote: assembled, or refused at a place in it.
 */
#include <stdlib.h>

#include "tools/loom-as/assemble.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct as_output out;
	struct as_error error;

	if (assemble((const char *)data, size, &out, &error))
		as_output_free(&out);
	else if (!error.text[0] || !error.column)
		abort();
	return 0;
}
