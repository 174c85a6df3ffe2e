// SPDX-License-Identifier: MIT
/*
 * The ELF side of a .loom file.
 *
 * libelf reads the headers; what they say is checked here against the size of the file before
 * anything is looked at. All of it works on a private copy: a file that changes under us is not a
 * way in.
 */
#include <stdlib.h>
#include <string.h>

#include "elf.h"

#define PAGE 4096

const char *const loom_section_names[LOOM_NUM_SECTIONS] = {
	[LOOM_SEC_WEIGHTS] = ".weights",
	[LOOM_SEC_CMD] = ".cmd",
	[LOOM_SEC_NOTE] = ".note.loom",
	[LOOM_SEC_INFO] = ".loom.info",
	[LOOM_SEC_SLICES] = ".loom.slices",
	[LOOM_SEC_TENSORS] = ".loom.tensors",
	[LOOM_SEC_RELA] = ".rela.cmd",
	[LOOM_SEC_SYMTAB] = ".symtab",
	[LOOM_SEC_STRTAB] = ".strtab",
	[LOOM_SEC_HOST] = ".loom.host",
	[LOOM_SEC_HOST_TENSORS] = ".loom.hosttensors",
	[LOOM_SEC_HOST_ATTRS] = ".loom.hostattrs",
	[LOOM_SEC_HOST_DATA] = ".loom.hostdata",
};

static int check_header(const struct loom_elf *elf)
{
	const Elf64_Ehdr *ehdr = (const void *)elf->file;

	if (elf->size < sizeof(*ehdr) || memcmp(ehdr->e_ident, ELFMAG, SELFMAG))
		return loom_fail(-ENOEXEC, "not a .loom file: no ELF header");
	if (ehdr->e_ident[EI_CLASS] != ELFCLASS64 || ehdr->e_ident[EI_DATA] != ELFDATA2LSB ||
	    ehdr->e_ident[EI_VERSION] != EV_CURRENT || ehdr->e_version != EV_CURRENT)
		return loom_fail(-ENOEXEC, "not a .loom file: not a little-endian ELF64 file");
	if (ehdr->e_machine != EM_LOOM)
		return loom_fail(-ENOEXEC, "not a .loom file: ELF machine 0x%x, expected 0x%x",
				 ehdr->e_machine, EM_LOOM);
	if (ehdr->e_type != ET_DYN || ehdr->e_ehsize != sizeof(*ehdr))
		return loom_fail(-ENOEXEC, "ELF header: bad type or size");
	if (ehdr->e_shentsize != sizeof(Elf64_Shdr) || ehdr->e_phentsize != sizeof(Elf64_Phdr))
		return loom_fail(-ENOEXEC, "ELF header: bad size of section or program headers");
	if (!ehdr->e_shnum || ehdr->e_shoff > elf->size ||
	    (elf->size - ehdr->e_shoff) / sizeof(Elf64_Shdr) < ehdr->e_shnum)
		return loom_fail(-ENOEXEC,
				 "the section headers lie outside the file: is it truncated?");
	if (ehdr->e_phoff > elf->size ||
	    (elf->size - ehdr->e_phoff) / sizeof(Elf64_Phdr) < ehdr->e_phnum)
		return loom_fail(-ENOEXEC,
				 "the program headers lie outside the file: is it truncated?");
	/* Numbers that do not fit the header are looked up elsewhere: we have no such files. */
	if (ehdr->e_phnum == PN_XNUM || ehdr->e_shstrndx >= ehdr->e_shnum)
		return loom_fail(-ENOEXEC, "ELF header: bad number of headers");
	return 0;
}

static int section_number(const char *name)
{
	int i;

	for (i = 0; i < LOOM_NUM_SECTIONS; i++)
		if (!strcmp(name, loom_section_names[i]))
			return i;
	return -1;
}

/* Every section, ours or not: libelf is to meet no header that points outside. */
static int check_section(const struct loom_elf *elf, size_t index, const Elf64_Shdr *shdr)
{
	if (shdr->sh_type == SHT_NULL || shdr->sh_type == SHT_NOBITS)
		return 0;
	if (shdr->sh_offset > elf->size || shdr->sh_size > elf->size - shdr->sh_offset)
		return loom_fail(-ENOEXEC,
				 "section %zu lies outside the file (0x%llx + 0x%llx of 0x%zx bytes)",
				 index, (unsigned long long)shdr->sh_offset,
				 (unsigned long long)shdr->sh_size, elf->size);
	if (shdr->sh_flags & SHF_COMPRESSED)
		return loom_fail(-ENOEXEC, "section %zu is compressed", index);
	return 0;
}

static int check_sections(const struct loom_elf *elf)
{
	const Elf64_Ehdr *ehdr = (const void *)elf->file;
	size_t i;
	int err;

	for (i = 0; i < ehdr->e_shnum; i++) {
		Elf64_Shdr shdr;

		memcpy(&shdr, elf->file + ehdr->e_shoff + i * sizeof(shdr), sizeof(shdr));
		err = check_section(elf, i, &shdr);
		if (err)
			return err;
	}
	return 0;
}

static int take_section(struct loom_elf *elf, Elf_Scn *scn, size_t strings)
{
	struct loom_elf_view *view;
	const char *name;
	GElf_Shdr shdr;
	int number;

	if (!gelf_getshdr(scn, &shdr))
		return loom_fail(-ENOEXEC, "section %zu: %s", elf_ndxscn(scn), elf_errmsg(-1));
	name = elf_strptr(elf->elf, strings, shdr.sh_name);
	if (!name)
		return loom_fail(-ENOEXEC, "section %zu has no name", elf_ndxscn(scn));
	number = section_number(name);
	if (number < 0)
		return 0;
	view = &elf->section[number];
	if (view->present)
		return loom_fail(-ENOEXEC, "section %s is there twice", name);
	if (shdr.sh_type == SHT_NULL ||
	    (shdr.sh_type == SHT_NOBITS && number != LOOM_SEC_WEIGHTS))
		return loom_fail(-ENOEXEC, "section %s has no contents", name);
	view->present = true;
	view->data = shdr.sh_type == SHT_NOBITS ? NULL : elf->file + shdr.sh_offset;
	view->size = shdr.sh_size;
	view->addr = shdr.sh_addr;
	view->index = elf_ndxscn(scn);
	return 0;
}

static int find_sections(struct loom_elf *elf)
{
	Elf_Scn *scn = NULL;
	size_t strings;
	int i, err;

	if (elf_getshdrstrndx(elf->elf, &strings))
		return loom_fail(-ENOEXEC, "no section names: %s", elf_errmsg(-1));
	while ((scn = elf_nextscn(elf->elf, scn))) {
		err = take_section(elf, scn, strings);
		if (err)
			return err;
	}
	for (i = 0; i < LOOM_NUM_REQUIRED; i++)
		if (!elf->section[i].present)
			return loom_fail(-ENOEXEC, "section %s is missing", loom_section_names[i]);
	return 0;
}

/* The section is where the segment puts it: bytes of the file, or none of them. */
static bool loads(const GElf_Phdr *phdr, const struct loom_elf *elf,
		  const struct loom_elf_view *view)
{
	uint64_t size = view->data ? phdr->p_filesz : phdr->p_memsz;
	uint64_t at = view->addr - phdr->p_vaddr;

	if (view->addr < phdr->p_vaddr || view->size > size || at > size - view->size)
		return false;
	if (!view->data)
		return !phdr->p_filesz;
	return (uint64_t)(view->data - elf->file) == phdr->p_offset + at;
}

/* Some page-aligned PT_LOAD loads it. */
static int check_loaded(const struct loom_elf *elf, const struct loom_elf_view *view)
{
	size_t i, num;
	GElf_Phdr phdr;

	if (!view->size)
		return 0;
	if (elf_getphdrnum(elf->elf, &num))
		num = 0;
	for (i = 0; i < num; i++) {
		if (!gelf_getphdr(elf->elf, i, &phdr) || phdr.p_type != PT_LOAD)
			continue;
		if (phdr.p_offset > elf->size || phdr.p_filesz > elf->size - phdr.p_offset ||
		    phdr.p_vaddr % PAGE || phdr.p_offset % PAGE)
			return loom_fail(-ENOEXEC,
					 "segment %zu lies outside the file or between pages",
					 i);
		if (loads(&phdr, elf, view))
			return 0;
	}
	return loom_fail(-ENOEXEC, "no segment loads %s", loom_section_names[view - elf->section]);
}

static int open_checked(struct loom_elf *elf)
{
	int err;

	err = check_header(elf);
	if (!err)
		err = check_sections(elf);
	if (err)
		return err;
	elf_version(EV_CURRENT);
	elf->elf = elf_memory(elf->file, elf->size);
	if (!elf->elf || elf_kind(elf->elf) != ELF_K_ELF)
		return loom_fail(-ENOEXEC, "not a .loom file: %s", elf_errmsg(-1));
	err = find_sections(elf);
	if (!err)
		err = check_loaded(elf, &elf->section[LOOM_SEC_WEIGHTS]);
	if (!err)
		err = check_loaded(elf, &elf->section[LOOM_SEC_CMD]);
	return err;
}

int loom_elf_open(struct loom_elf *elf, char *file, size_t size)
{
	int err;

	memset(elf, 0, sizeof(*elf));
	elf->file = file;
	elf->size = size;
	err = open_checked(elf);
	if (err)
		loom_elf_close(elf);
	return err;
}

void loom_elf_close(struct loom_elf *elf)
{
	elf_end(elf->elf);
	free(elf->file);
	memset(elf, 0, sizeof(*elf));
}

bool loom_elf_printable(const char *text, size_t size)
{
	size_t i;

	for (i = 0; i < size && text[i]; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return i < size;
}

const char *loom_elf_string(const struct loom_elf *elf, uint64_t offset)
{
	const struct loom_elf_view *strings = &elf->section[LOOM_SEC_STRTAB];

	if (offset >= strings->size ||
	    !loom_elf_printable(strings->data + offset, strings->size - offset))
		return NULL;
	return strings->data + offset;
}

static uint64_t align4(uint64_t value)
{
	return (value + 3) & ~3ull;
}

const void *loom_elf_note(const struct loom_elf *elf, uint32_t type, uint64_t *size)
{
	const struct loom_elf_view *notes = &elf->section[LOOM_SEC_NOTE];
	uint64_t at = 0;

	while (notes->size - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr nhdr;
		uint64_t name = at + sizeof(nhdr), desc, end;

		memcpy(&nhdr, notes->data + at, sizeof(nhdr));
		desc = name + align4(nhdr.n_namesz);
		end = desc + nhdr.n_descsz;
		if (end > notes->size)
			return NULL;
		if (nhdr.n_type == type && nhdr.n_namesz == sizeof(LOOM_NOTE_NAME) &&
		    !memcmp(notes->data + name, LOOM_NOTE_NAME, sizeof(LOOM_NOTE_NAME))) {
			*size = nhdr.n_descsz;
			return notes->data + desc;
		}
		at = align4(end);
		if (at > notes->size)
			return NULL;
	}
	return NULL;
}
