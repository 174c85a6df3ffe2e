/* SPDX-License-Identifier: MIT */
/*
 * elf.h - the ELF side of a .loom file: a private copy, and checked views into it.
 */
#ifndef LOOM_LIB_ELF_H
#define LOOM_LIB_ELF_H

#include <gelf.h>

#include "internal.h"

#pragma GCC visibility push(hidden)

enum loom_section {
	LOOM_SEC_WEIGHTS,
	LOOM_SEC_CMD,
	LOOM_SEC_NOTE,
	LOOM_SEC_INFO,
	LOOM_SEC_SLICES,
	LOOM_SEC_TENSORS,
	LOOM_SEC_RELA,
	LOOM_SEC_SYMTAB,
	LOOM_SEC_STRTAB,
	LOOM_NUM_REQUIRED,
	/* of models with host steps */
	LOOM_SEC_HOST = LOOM_NUM_REQUIRED,
	LOOM_SEC_HOST_TENSORS,
	LOOM_SEC_HOST_ATTRS,
	LOOM_SEC_HOST_DATA,
	LOOM_NUM_SECTIONS
};

/*
 * A section that lies inside the file. Its bytes are aligned as they are there: not at all. Weights
 * may have a size and no bytes (NOBITS): data is NULL, they are zeros.
 */
struct loom_elf_view {
	bool present;
	const char *data;
	uint64_t size;
	uint64_t addr;
	unsigned int index;
};

struct loom_elf {
	char *file;
	size_t size;
	Elf *elf;
	struct loom_elf_view section[LOOM_NUM_SECTIONS];
};

extern const char *const loom_section_names[LOOM_NUM_SECTIONS];

/* Takes the copy (malloc'ed), also when it fails. */
int loom_elf_open(struct loom_elf *elf, char *file, size_t size);
void loom_elf_close(struct loom_elf *elf);
/* Terminated within size, and without control characters: names are printed on terminals. */
bool loom_elf_printable(const char *text, size_t size);
/* A string of .strtab, NULL if there is none at that offset. */
const char *loom_elf_string(const struct loom_elf *elf, uint64_t offset);
/* The description of the note (owner "Loom") of that type, NULL if missing or damaged. */
const void *loom_elf_note(const struct loom_elf *elf, uint32_t type, uint64_t *size);

#pragma GCC visibility pop

#endif /* LOOM_LIB_ELF_H */
