// SPDX-License-Identifier: MIT
/*
 * Program -> ELF. The file has two loaded segments, page-aligned, and everything else behind them;
 * written by hand, so that the same program is the same bytes. The weights are there already.
 */
#include <stdlib.h>
#include <string.h>

#include "elf_image.h"
#include "loom.h"
#include "passes.h"

#define PAGE 4096

static const char *const names[SEC_COUNT] = {
	"", ".weights", ".cmd", ".note.loom", ".loom.info", ".loom.slices", ".loom.tensors",
	".rela.cmd", ".symtab", ".strtab", ".shstrtab", ".loom.host", ".loom.hosttensors",
	".loom.hostattrs", ".loom.hostdata",
};

/* Symbols that relocations name; the slices' follow. */
enum { SYMBOL_NULL, SYMBOL_WEIGHTS, SYMBOL_IO, SYMBOL_SCRATCH, SYMBOL_FIRST_SLICE };

uint64_t image_append(struct image *im, enum section s, const void *data, size_t size)
{
	struct bytes *b = &im->sec[s];
	size_t room = b->room ? b->room : 4096;
	unsigned char *grown;
	uint64_t at = b->size;

	while (room < b->size + size)
		room *= 2;
	if (room != b->room) {
		grown = arena(im->p->c, room);
		if (b->size)
			memcpy(grown, b->data, b->size);
		b->data = grown;
		b->room = room;
	}
	if (size)
		memcpy(b->data + b->size, data, size);
	b->size += size;
	return at;
}

/* Names are the model's: what is no text in them would be refused when the file is opened. */
uint32_t image_string(struct image *im, const char *s)
{
	size_t size = strlen(s) + 1;
	char *copy = arena(im->p->c, size);

	for (size_t i = 0; i < size; i++)
		copy[i] = (s[i] > 0 && s[i] < 0x20) || s[i] == 0x7f ? '?' : s[i];
	return (uint32_t)image_append(im, SEC_STRTAB, copy, size);
}

/* ---- contents ---- */

static void put_note(struct image *im)
{
	const struct loom_hw_caps *caps = &im->p->c->options->caps;
	Elf64_Nhdr head = { .n_namesz = sizeof(LOOM_NOTE_NAME), .n_type = LOOM_NOTE_ABI,
			    .n_descsz = sizeof(struct loom_elf_abi) };
	char name[8] = LOOM_NOTE_NAME;
	struct loom_elf_abi abi = {
		.file_version = LOOM_FILE_VERSION, .isa_version = LOOM_ISA_VERSION,
		.caps_hash = loom_caps_hash(caps),
	};

	memcpy(abi.preset, caps->preset, sizeof(abi.preset));
	image_append(im, SEC_NOTE, &head, sizeof(head));
	image_append(im, SEC_NOTE, name, (sizeof(LOOM_NOTE_NAME) + 3) & ~3u);
	image_append(im, SEC_NOTE, &abi, sizeof(abi));
}

static void put_info(struct image *im)
{
	struct program *p = im->p;
	struct loom_elf_info info = {
		.name = image_string(im, p->c->options->name ? p->c->options->name : "model"),
		.num_slices = p->num_slices, .num_inputs = p->g->num_inputs,
		.num_outputs = p->g->num_outputs, .lease_bytes = (uint32_t)p->lease_bytes,
		.num_layers = p->num_layers, .io_bytes = p->io_bytes,
		.scratch_bytes = p->scratch_bytes, .needs = p->needs,
		.num_host_steps = p->num_host_steps,
		.flags = p->c->options->resident ? LOOM_ELF_RESIDENT : 0,
	};

	for (uint32_t i = 0; i < p->num_slices; i++) {
		info.macs += p->slices[i].macs;
		info.weight_bytes += p->slices[i].weight_bytes;
	}
	image_append(im, SEC_INFO, &info, sizeof(info));
}

static void put_slices(struct image *im)
{
	for (uint32_t i = 0; i < im->p->num_slices; i++) {
		const struct slice_info *s = &im->p->slices[i];
		struct loom_elf_slice slice = {
			.cmd = im->shdr[SEC_CMD].sh_addr + s->cmd, .cmd_size = s->cmd_size,
			.name = image_string(im, s->name), .layer = s->layer, .num_cmds = s->num_cmds,
			.compute_ps = s->compute_ps, .mac_ps = s->mac_ps,
			.weight_bytes = s->weight_bytes, .dma_bytes = s->dma_bytes, .macs = s->macs,
		};

		image_append(im, SEC_SLICES, &slice, sizeof(slice));
	}
}

static void put_tensors(struct image *im)
{
	struct program *p = im->p;

	for (uint32_t i = 0; i < p->g->num_inputs + p->g->num_outputs; i++) {
		struct loom_elf_tensor t = p->tensors[i];

		t.name = image_string(im, p->port_names[i]);
		image_append(im, SEC_TENSORS, &t, sizeof(t));
	}
}

static void put_relocs(struct image *im)
{
	static const uint64_t symbols[] = {
		[SYM_WEIGHTS] = SYMBOL_WEIGHTS, [SYM_IO] = SYMBOL_IO, [SYM_SCRATCH] = SYMBOL_SCRATCH,
	};

	for (uint32_t i = 0; i < im->p->num_relocs; i++) {
		const struct reloc *r = &im->p->relocs[i];
		Elf64_Rela rela = {
			.r_offset = r->offset,
			.r_info = ELF64_R_INFO(symbols[r->symbol], R_LOOM_ADDR64),
			.r_addend = (int64_t)r->addend,
		};

		image_append(im, SEC_RELA, &rela, sizeof(rela));
	}
}

static void put_symbol(struct image *im, const char *name, enum section section, uint64_t value,
		       uint64_t size, unsigned char type)
{
	Elf64_Sym sym = {
		.st_name = *name ? image_string(im, name) : 0, .st_shndx = section, .st_value = value,
		.st_size = size, .st_info = *name ? ELF64_ST_INFO(STB_GLOBAL, type) : 0,
	};

	image_append(im, SEC_SYMTAB, &sym, sizeof(sym));
}

static void put_symbols(struct image *im)
{
	struct program *p = im->p;

	put_symbol(im, "", SEC_NULL, 0, 0, STT_NOTYPE);
	put_symbol(im, "__loom_weights", SEC_WEIGHTS, im->shdr[SEC_WEIGHTS].sh_addr, p->weights_size,
		   STT_OBJECT);
	put_symbol(im, "__loom_io", SEC_NULL, 0, p->io_bytes, STT_OBJECT);
	put_symbol(im, "__loom_scratch", SEC_NULL, 0, p->scratch_bytes, STT_OBJECT);
	for (uint32_t i = 0; i < p->num_slices; i++) {
		const char *name = arena_printf(p->c, "slice%u", i);

		put_symbol(im, name, SEC_CMD, im->shdr[SEC_CMD].sh_addr + p->slices[i].cmd,
			   p->slices[i].cmd_size, STT_OBJECT);
	}
}

/* ---- headers ---- */

static void describe(struct image *im, enum section s, uint32_t type, uint64_t flags,
		     uint64_t entry, uint64_t align)
{
	im->shdr[s].sh_name = (Elf64_Word)image_append(im, SEC_SHSTRTAB, names[s], strlen(names[s]) + 1);
	im->shdr[s].sh_type = type;
	im->shdr[s].sh_flags = flags;
	im->shdr[s].sh_entsize = entry;
	im->shdr[s].sh_addralign = align;
}

static void describe_all(struct image *im)
{
	image_append(im, SEC_SHSTRTAB, "", 1);
	describe(im, SEC_WEIGHTS, im->p->c->options->timing_only ? SHT_NOBITS : SHT_PROGBITS, SHF_ALLOC,
		 0, PAGE);
	describe(im, SEC_CMD, SHT_PROGBITS, SHF_ALLOC, 0, PAGE);
	describe(im, SEC_NOTE, SHT_NOTE, 0, 0, 4);
	describe(im, SEC_INFO, SHT_PROGBITS, 0, 0, 8);
	describe(im, SEC_SLICES, SHT_PROGBITS, 0, sizeof(struct loom_elf_slice), 8);
	describe(im, SEC_TENSORS, SHT_PROGBITS, 0, sizeof(struct loom_elf_tensor), 8);
	describe(im, SEC_RELA, SHT_RELA, 0, sizeof(Elf64_Rela), 8);
	describe(im, SEC_SYMTAB, SHT_SYMTAB, 0, sizeof(Elf64_Sym), 8);
	describe(im, SEC_STRTAB, SHT_STRTAB, 0, 0, 1);
	describe(im, SEC_SHSTRTAB, SHT_STRTAB, 0, 0, 1);
	if (im->p->num_host_steps) {
		im->num_sections = SEC_COUNT;
		describe(im, SEC_HOST, SHT_PROGBITS, 0, sizeof(struct loom_elf_host_step), 8);
		describe(im, SEC_HOST_TENSORS, SHT_PROGBITS, 0, sizeof(struct loom_elf_host_tensor), 8);
		describe(im, SEC_HOST_ATTRS, SHT_PROGBITS, 0, sizeof(struct loom_elf_host_attr), 8);
		describe(im, SEC_HOST_DATA, SHT_PROGBITS, 0, 0, 64);
	}
	im->shdr[SEC_RELA].sh_link = SEC_SYMTAB;
	im->shdr[SEC_RELA].sh_info = SEC_CMD;
	im->shdr[SEC_SYMTAB].sh_link = SEC_STRTAB;
	im->shdr[SEC_SYMTAB].sh_info = 1;
}

static uint64_t round_up(uint64_t n, uint64_t align)
{
	return (n + align - 1) / align * align;
}

static uint64_t bytes_in_file(const Elf64_Shdr *shdr)
{
	return shdr->sh_type == SHT_NOBITS ? 0 : shdr->sh_size;
}

static void lay_out(struct image *im)
{
	uint64_t at = sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr);

	for (enum section s = SEC_WEIGHTS; s < im->num_sections; s++) {
		at = round_up(at, im->shdr[s].sh_addralign);
		im->shdr[s].sh_offset = at;
		im->shdr[s].sh_size = im->sec[s].size;
		at += bytes_in_file(&im->shdr[s]);
	}
	im->size = round_up(at, 8);
}

static void put_phdr(struct image *im, Elf64_Phdr *phdr, enum section s, uint32_t type)
{
	const Elf64_Shdr *shdr = &im->shdr[s];

	*phdr = (Elf64_Phdr){
		.p_type = type, .p_flags = PF_R, .p_offset = shdr->sh_offset,
		.p_vaddr = shdr->sh_addr, .p_paddr = shdr->sh_addr, .p_filesz = bytes_in_file(shdr),
		.p_memsz = type == PT_LOAD ? shdr->sh_size : 0, .p_align = shdr->sh_addralign,
	};
}

static void put_headers(struct image *im)
{
	struct { Elf64_Ehdr ehdr; Elf64_Phdr phdr[3]; } head = { 0 };

	head.ehdr = (Elf64_Ehdr){
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_DYN, .e_machine = EM_LOOM, .e_version = EV_CURRENT,
		.e_phoff = sizeof(head.ehdr), .e_shoff = im->size, .e_ehsize = sizeof(head.ehdr),
		.e_phentsize = sizeof(head.phdr[0]), .e_phnum = 3, .e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = im->num_sections, .e_shstrndx = SEC_SHSTRTAB,
	};
	put_phdr(im, &head.phdr[0], SEC_WEIGHTS, PT_LOAD);
	put_phdr(im, &head.phdr[1], SEC_CMD, PT_LOAD);
	put_phdr(im, &head.phdr[2], SEC_NOTE, PT_NOTE);
	output_put(im->p, 0, &head, sizeof(head));
}

/* The weights are there already. */
static void write_file(struct image *im)
{
	size_t headers = im->num_sections * sizeof(im->shdr[0]);

	output_size(im->p, im->size + headers);
	put_headers(im);
	for (enum section s = SEC_CMD; s < im->num_sections; s++)
		output_put(im->p, im->shdr[s].sh_offset, im->sec[s].data, im->sec[s].size);
	output_put(im->p, im->size, im->shdr, headers);
}

void write_elf(struct program *p)
{
	struct image *im = arena(p->c, sizeof(*im));

	im->p = p;
	im->num_sections = SEC_HOST;
	im->sec[SEC_WEIGHTS].size = p->weights_size;
	im->sec[SEC_CMD] = p->cmd;
	im->shdr[SEC_CMD].sh_addr = round_up(p->weights_size, PAGE);
	image_append(im, SEC_STRTAB, "", 1);
	describe_all(im);
	put_note(im);
	put_info(im);
	put_slices(im);
	put_tensors(im);
	image_put_host(im);
	put_relocs(im);
	put_symbols(im);
	lay_out(im);
	write_file(im);
}
