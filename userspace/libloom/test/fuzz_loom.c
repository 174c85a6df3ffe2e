// SPDX-License-Identifier: MIT
/*
 * .loom files that nobody made: refused in words, or fit to be walked from end to end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loom.h"
#include "libloom/model.h"
#include "tools/loom-objdump/disasm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const struct loom_model *model)
{
	const struct loom_elf_info *info = loom_model_info(model);

	for (unsigned int i = 0; i < info->num_slices; i++) {
		disasm_header(model, i);
		disasm_slice(model, i, i & 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *nowhere;
	struct loom_model *model;
	int err;

	if (!nowhere)
		nowhere = freopen("/dev/null", "w", stdout);
	err = loom_model_open_memory(data, size, &model);
	if (err && !loom_error()[0])
		abort();
	if (err)
		return 0;
	walk(model);
	loom_model_close(model);
	return 0;
}
