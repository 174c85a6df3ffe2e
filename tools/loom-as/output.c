// SPDX-License-Identifier: MIT
/*
 * The bytes that were assembled, growing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "as.h"

static void *grown(void *old, size_t count, size_t size)
{
	void *array;

	/* at powers of two */
	if (count & (count - 1))
		return old;
	array = realloc(old, (count ? 2 * count : 1) * size);
	if (!array) {
		fprintf(stderr, "loom-as: out of memory\n");
		exit(EXIT_FAILURE);
	}
	return array;
}

void put_bytes(struct as_output *out, const void *bytes, size_t size)
{
	const uint8_t *from = bytes;

	for (size_t i = 0; i < size; i++) {
		out->bytes = grown(out->bytes, out->size, 1);
		out->bytes[out->size++] = from ? from[i] : 0;
	}
}

void put_reloc(struct as_output *out, const struct as_reloc *reloc)
{
	out->relocs = grown(out->relocs, out->num_relocs, sizeof(*reloc));
	out->relocs[out->num_relocs++] = *reloc;
}

void as_output_free(struct as_output *out)
{
	free(out->bytes);
	free(out->relocs);
	memset(out, 0, sizeof(*out));
}

static const char *const regions[AS_REGIONS] = {
	[AS_WEIGHTS] = "weights",
	[AS_IO] = "io",
	[AS_SCRATCH] = "scratch",
};

const char *as_region_name(enum as_region region)
{
	return regions[region];
}

void as_relocate(struct as_output *out, const uint64_t base[AS_REGIONS])
{
	for (size_t i = 0; i < out->num_relocs; i++) {
		const struct as_reloc *reloc = &out->relocs[i];
		uint64_t va = base[reloc->region] + reloc->addend;

		memcpy(out->bytes + reloc->offset, &va, sizeof(va));
	}
}
