/* SPDX-License-Identifier: MIT */
/* The file while it is put together (elf.c); host steps are put in by elf_host.c. */
#ifndef LOOMC_ELF_IMAGE_H
#define LOOMC_ELF_IMAGE_H

#include <elf.h>

#include "lower.h"

enum section {
	SEC_NULL,
	SEC_WEIGHTS,
	SEC_CMD,
	SEC_NOTE,
	SEC_INFO,
	SEC_SLICES,
	SEC_TENSORS,
	SEC_RELA,
	SEC_SYMTAB,
	SEC_STRTAB,
	SEC_SHSTRTAB,
	/* of models with host steps */
	SEC_HOST,
	SEC_HOST_TENSORS,
	SEC_HOST_ATTRS,
	SEC_HOST_DATA,
	SEC_COUNT
};

struct image {
	struct program *p;
	struct bytes sec[SEC_COUNT];
	Elf64_Shdr shdr[SEC_COUNT];
	enum section num_sections;
	uint64_t size;
};

/* Returns where it starts in the section. */
uint64_t image_append(struct image *im, enum section s, const void *data, size_t size);
uint32_t image_string(struct image *im, const char *s);
void image_put_host(struct image *im);

#endif
