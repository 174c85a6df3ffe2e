// SPDX-License-Identifier: MIT
/*
 * Tiny .loom files for tests, written with libelf.
 */
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "make_model.h"
#include "timing/loom_timing.h"

#define PAGE 4096

#define must(x) do { if (!(x)) { fprintf(stderr, "make_model: %s: %s\n", #x, elf_errmsg(-1)); abort(); } } while (0)

struct bytes {
	char *data;
	size_t size;
};

struct maker {
	const struct make_model *args;
	struct bytes weights, cmd, strings, symbols, relocs, slices;
	Elf *elf;
	uint64_t weights_addr, cmd_addr;
	struct bytes section_names;
	uint64_t offset;
};

static size_t power_of_two(size_t size)
{
	size_t power = 64;

	while (power < size)
		power *= 2;
	return power;
}

static size_t append(struct bytes *bytes, const void *data, size_t size)
{
	size_t at = bytes->size, room = power_of_two(at + size);

	/* Sanitisers move at every realloc: not once for every number. */
	if (!at || room != power_of_two(at))
		bytes->data = realloc(bytes->data, room);
	must(bytes->data);
	memcpy(bytes->data + at, data, size);
	bytes->size += size;
	return at;
}

static void align(struct bytes *bytes, size_t to)
{
	while (bytes->size % to)
		append(bytes, "", 1);
}

static uint32_t string(struct bytes *strings, const char *text)
{
	return append(strings, text, strlen(text) + 1);
}

uint16_t make_half(int value)
{
	unsigned int magnitude = abs(value), exponent = 0;

	if (!value)
		return 0;
	while (magnitude >> (exponent + 1))
		exponent++;
	return (value < 0) << 15 | (exponent + 15) << 10 |
	       ((magnitude << (10 - exponent)) & 0x3ff);
}

int read_half(uint16_t half)
{
	int exponent = (half >> 10 & 31) - 25;
	int magnitude = (half & 0x3ff) | 0x400;

	if (!(half & 0x7fff))
		return 0;
	magnitude = exponent < 0 ? magnitude >> -exponent : magnitude << exponent;
	return half & 0x8000 ? -magnitude : magnitude;
}

int make_model_weight(uint32_t seed, uint32_t slice, uint32_t j)
{
	return (int)((seed * 31 + slice * 7 + j * 3) % 17) - 8;
}

static void make_weights(struct maker *maker)
{
	const struct make_model *args = maker->args;
	uint32_t i, j;

	for (i = 0; i < args->slices; i++) {
		for (j = 0; j < args->n; j++) {
			uint16_t half = make_half(make_model_weight(args->seed, i, j));

			append(&maker->weights, &half, sizeof(half));
		}
	}
}

/* ---- commands ---- */

enum { SYM_WEIGHTS = 1, SYM_IO = 2, SYM_SCRATCH = 3 };

/* The va of the command that starts at `at` of .cmd: va follows the common header in all of them. */
static void relocate(struct maker *maker, size_t at, unsigned int symbol, uint64_t addend)
{
	Elf64_Rela rela = {
		.r_offset = at + sizeof(struct loom_cmd),
		.r_info = ELF64_R_INFO(symbol, R_LOOM_ADDR64),
		.r_addend = addend,
	};

	append(&maker->relocs, &rela, sizeof(rela));
}

static void add_fetch(struct maker *maker, uint32_t slice)
{
	uint32_t bytes = maker->args->n * 2;
	struct loom_cmd_fetch cmd = {
		.hdr = { .opcode = LOOM_OP_FETCH, .size = sizeof(cmd) },
		.bytes = bytes,
	};

	relocate(maker, append(&maker->cmd, &cmd, sizeof(cmd)), SYM_WEIGHTS, (uint64_t)slice * bytes);
}

static void add_move(struct maker *maker, uint16_t opcode, uint32_t wait, uint64_t io)
{
	uint32_t bytes = maker->args->n * 2;
	struct loom_cmd_move cmd = {
		.hdr = { .opcode = opcode, .size = sizeof(cmd), .wait = wait },
		.va_pitch = bytes,
		.off_pitch = bytes,
		.rows = 1,
		.row_bytes = bytes,
	};

	relocate(maker, append(&maker->cmd, &cmd, sizeof(cmd)), SYM_IO, io);
}

static struct loom_operand vector(uint16_t space)
{
	return (struct loom_operand){
		.space = space,
		.dtype = LOOM_F16,
		.stride = { 0, 0, 0, 0, 0, 1 },
	};
}

static void add_add(struct maker *maker, uint32_t wait, struct loom_elf_slice *slice)
{
	const struct make_model *args = maker->args;
	struct loom_cmd_binary cmd = {
		.hdr = {
			.opcode = LOOM_OP_BINARY,
			.size = sizeof(cmd),
			.wait = wait,
			.release_to = args->n * 2,
		},
		.fn = LOOM_BIN_ADD,
		.dims = { 1, 1, 1, 1, 1, args->n },
		.a = vector(LOOM_SPACE_LEASE),
		.b = vector(LOOM_SPACE_WEIGHTS),
		.dst = vector(LOOM_SPACE_LEASE),
	};

	append(&maker->cmd, &cmd, sizeof(cmd));
	slice->compute_ps = loom_timing_cycles_to_ps(args->caps,
						     loom_timing_cycles(args->caps, &cmd.hdr));
}

static void add_conv(struct maker *maker)
{
	struct loom_cmd_conv cmd = {
		.hdr = { .opcode = LOOM_OP_CONV, .size = sizeof(cmd) },
		.in_pitch = 8, .out_pitch = 8, .batch = 1,
		.h = 1, .w = 1, .c = 8, .oh = 1, .ow = 1, .oc = 8,
		.kh = 1, .kw = 1, .sh = 1, .sw = 1, .dh = 1, .dw = 1,
		.w_off = 1 << 20,
	};

	append(&maker->cmd, &cmd, sizeof(cmd));
}

static uint32_t lease_bytes(const struct make_model *args)
{
	return args->n * 2 + (args->fault == MAKE_FAULT_INDEX ? 64 : 0);
}

/* The first four bytes of the sum, as an index; the row goes behind the sum. */
static void add_gather(struct maker *maker)
{
	struct loom_cmd_gather cmd = {
		.hdr = { .opcode = LOOM_OP_GATHER, .size = sizeof(cmd), .wait = 1 },
		.table_rows = maker->args->n,
		.row_bytes = 2,
		.index_dtype = LOOM_I32,
		.count = 1,
		.dst = maker->args->n * 2,
		.dst_pitch = 2,
	};

	relocate(maker, append(&maker->cmd, &cmd, sizeof(cmd)), SYM_WEIGHTS, 0);
}

/* One command that the device must refuse. */
static void add_fault(struct maker *maker)
{
	struct loom_cmd nop = { .opcode = LOOM_OP_NOP, .size = sizeof(nop) };
	struct loom_cmd_move move = {
		.hdr = { .opcode = LOOM_OP_LOAD, .size = sizeof(move) },
		.va = 0xdead000,
		.va_pitch = 16, .off_pitch = 16, .rows = 1, .row_bytes = 16,
	};

	switch (maker->args->fault) {
	case MAKE_FAULT_NONE:
		break;
	case MAKE_FAULT_LOAD:
		append(&maker->cmd, &move, sizeof(move));
		break;
	case MAKE_FAULT_STORE:
		move.hdr.opcode = LOOM_OP_STORE;
		relocate(maker, append(&maker->cmd, &move, sizeof(move)), SYM_WEIGHTS, 0);
		break;
	case MAKE_FAULT_OPCODE:
		nop.opcode = 999;
		append(&maker->cmd, &nop, sizeof(nop));
		break;
	case MAKE_FAULT_WAIT:
		nop.wait = 7;
		append(&maker->cmd, &nop, sizeof(nop));
		break;
	case MAKE_FAULT_TILE:
		add_conv(maker);
		break;
	case MAKE_FAULT_INDEX:
		add_gather(maker);
		break;
	}
}

static void make_slice(struct maker *maker, uint32_t i)
{
	const struct make_model *args = maker->args;
	bool first = !i, last = i == args->slices - 1;
	bool faulty = args->fault && args->fault_slice == i;
	uint64_t io_y = ((uint64_t)args->n * 2 + 63) & ~63ull;
	struct loom_elf_slice slice = { .weight_bytes = args->n * 2ull, .layer = i };
	struct loom_cmdbuf head = {
		.magic = LOOM_CMDBUF_MAGIC,
		.isa_version = LOOM_ISA_VERSION,
		.num_cmds = 2 + first + last + faulty,
		.weight_bytes = args->n * 2,
		.lease_bytes = lease_bytes(args),
		.slice = i,
	};
	char name[32];
	size_t start;

	align(&maker->cmd, 64);
	start = append(&maker->cmd, &head, sizeof(head));
	add_fetch(maker, i);
	if (first)
		add_move(maker, LOOM_OP_LOAD, 0, 0);
	add_add(maker, first, &slice);
	if (last)
		add_move(maker, LOOM_OP_STORE, 1, io_y);
	if (faulty)
		add_fault(maker);
	head.size = maker->cmd.size - start;
	memcpy(maker->cmd.data + start, &head, sizeof(head));

	snprintf(name, sizeof(name), "add%u", i);
	slice.name = string(&maker->strings, name);
	slice.cmd = start;	/* + the section's address, when that is known */
	slice.cmd_size = head.size;
	slice.num_cmds = head.num_cmds;
	slice.dma_bytes = (first + last) * args->n * 2ull;
	append(&maker->slices, &slice, sizeof(slice));
}

/* ---- the file ---- */

static Elf_Scn *add_section(struct maker *maker, const char *name, GElf_Shdr shdr,
			    const void *data, size_t size)
{
	Elf_Scn *scn = elf_newscn(maker->elf);
	Elf_Data *out = elf_newdata(scn);
	GElf_Shdr old;

	must(scn && out && gelf_getshdr(scn, &old));
	shdr.sh_name = string(&maker->section_names, name);
	if (shdr.sh_flags & SHF_ALLOC)
		maker->offset = (maker->offset + PAGE - 1) & ~(PAGE - 1ull);
	maker->offset = (maker->offset + 63) & ~63ull;
	shdr.sh_offset = maker->offset;
	shdr.sh_addr = shdr.sh_flags & SHF_ALLOC ? maker->offset : 0;
	shdr.sh_addralign = shdr.sh_flags & SHF_ALLOC ? PAGE : shdr.sh_type == SHT_NOTE ? 4 : 64;
	shdr.sh_size = size;
	maker->offset += size;
	out->d_buf = (void *)data;
	out->d_size = size;
	out->d_type = ELF_T_BYTE;
	out->d_align = 1;
	must(gelf_update_shdr(scn, &shdr));
	return scn;
}

static void add_symbol(struct maker *maker, const char *name, uint16_t shndx, uint64_t value,
		       uint64_t size)
{
	Elf64_Sym sym = {
		.st_name = name ? string(&maker->strings, name) : 0,
		.st_info = name ? ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT) : 0,
		.st_shndx = shndx,
		.st_value = value,
		.st_size = size,
	};

	append(&maker->symbols, &sym, sizeof(sym));
}

static void add_loaded(struct maker *maker)
{
	GElf_Shdr shdr = { .sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC };
	Elf_Scn *scn;
	uint32_t i;

	scn = add_section(maker, ".weights", shdr, maker->weights.data, maker->weights.size);
	must(gelf_getshdr(scn, &shdr));
	maker->weights_addr = shdr.sh_addr;
	shdr = (GElf_Shdr){ .sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC };
	scn = add_section(maker, ".cmd", shdr, maker->cmd.data, maker->cmd.size);
	must(gelf_getshdr(scn, &shdr));
	maker->cmd_addr = shdr.sh_addr;
	for (i = 0; i < maker->args->slices; i++)
		((struct loom_elf_slice *)maker->slices.data)[i].cmd += shdr.sh_addr;
}

static void add_segments(struct maker *maker, GElf_Phdr *phdrs)
{
	const struct bytes *bytes[2] = { &maker->weights, &maker->cmd };
	uint64_t addrs[2] = { maker->weights_addr, maker->cmd_addr };
	int i;

	for (i = 0; i < 2; i++) {
		phdrs[i] = (GElf_Phdr){
			.p_type = PT_LOAD,
			.p_flags = PF_R,
			.p_offset = addrs[i],
			.p_vaddr = addrs[i],
			.p_filesz = bytes[i]->size,
			.p_memsz = bytes[i]->size,
			.p_align = PAGE,
		};
		must(gelf_update_phdr(maker->elf, i, &phdrs[i]));
	}
}

static struct loom_elf_tensor tensor(struct maker *maker, const char *name, uint64_t offset)
{
	return (struct loom_elf_tensor){
		.name = string(&maker->strings, name),
		.dtype = LOOM_TENSOR_F16,
		.rank = 2,
		.dims = { 1, maker->args->n },
		.offset = offset,
		.bytes = maker->args->n * 2ull,
	};
}

struct __attribute__((packed)) note {
	Elf64_Nhdr nhdr;
	char owner[8];
	struct loom_elf_abi abi;
};

static struct note make_note(const struct make_model *args)
{
	const struct loom_hw_caps *caps = args->caps;
	struct note note = {
		.nhdr = { sizeof(LOOM_NOTE_NAME), sizeof(note.abi), LOOM_NOTE_ABI },
		.owner = LOOM_NOTE_NAME,
		.abi = {
			.file_version = LOOM_FILE_VERSION,
			.isa_version = args->isa_version ?: LOOM_ISA_VERSION,
			.caps_hash = loom_caps_hash(caps),
		},
	};

	memcpy(note.abi.preset, caps->preset, sizeof(note.abi.preset));
	return note;
}

static void write_sections(struct maker *maker)
{
	const struct make_model *args = maker->args;
	uint64_t io_y = ((uint64_t)args->n * 2 + 63) & ~63ull;
	const GElf_Shdr plain = { .sh_type = SHT_PROGBITS };
	static _Thread_local struct note note;
	static _Thread_local struct loom_elf_info info;
	static _Thread_local struct loom_elf_tensor tensors[2];
	static _Thread_local GElf_Phdr phdrs[2];
	GElf_Shdr shdr = { .sh_type = SHT_NOTE };
	size_t strtab;

	add_loaded(maker);
	note = make_note(args);
	add_section(maker, ".note.loom", shdr, &note, sizeof(note));
	tensors[0] = tensor(maker, "a", 0);
	tensors[1] = tensor(maker, "y", io_y);
	info = (struct loom_elf_info){
		.name = string(&maker->strings, args->name),
		.num_slices = args->slices,
		.num_inputs = 1,
		.num_outputs = 1,
		.lease_bytes = lease_bytes(args),
		.num_layers = args->slices,
		.io_bytes = io_y + args->n * 2ull,
		.weight_bytes = maker->weights.size,
		.needs = args->needs,
	};
	add_section(maker, ".loom.info", plain, &info, sizeof(info));
	add_section(maker, ".loom.slices", plain, maker->slices.data, maker->slices.size);
	add_section(maker, ".loom.tensors", plain, tensors, sizeof(tensors));
	add_symbol(maker, NULL, 0, 0, 0);
	add_symbol(maker, "__loom_weights", 1, maker->weights_addr, maker->weights.size);
	add_symbol(maker, "__loom_io", 0, 0, info.io_bytes);
	add_symbol(maker, "__loom_scratch", 0, 0, 0);
	strtab = elf_ndxscn(add_section(maker, ".strtab", (GElf_Shdr){ .sh_type = SHT_STRTAB },
					maker->strings.data, maker->strings.size));
	shdr = (GElf_Shdr){ .sh_type = SHT_SYMTAB, .sh_link = strtab, .sh_info = 1,
			    .sh_entsize = sizeof(Elf64_Sym) };
	shdr.sh_link = elf_ndxscn(add_section(maker, ".symtab", shdr, maker->symbols.data,
					      maker->symbols.size));
	shdr = (GElf_Shdr){ .sh_type = SHT_RELA, .sh_link = shdr.sh_link, .sh_info = 2,
			    .sh_entsize = sizeof(Elf64_Rela) };
	add_section(maker, ".rela.cmd", shdr, maker->relocs.data, maker->relocs.size);
	add_segments(maker, phdrs);
}

/* Last: its contents are the names of all, its own included. */
static void add_section_names(struct maker *maker, GElf_Ehdr *ehdr)
{
	char names[512];
	size_t size;
	Elf_Scn *scn;

	must(maker->section_names.size + 16 < sizeof(names));
	size = maker->section_names.size + sizeof(".shstrtab");
	scn = add_section(maker, ".shstrtab", (GElf_Shdr){ .sh_type = SHT_STRTAB }, NULL, size);
	elf_getdata(scn, NULL)->d_buf = maker->section_names.data;
	ehdr->e_shstrndx = elf_ndxscn(scn);
	ehdr->e_shoff = (maker->offset + 63) & ~63ull;
	must(gelf_update_ehdr(maker->elf, ehdr));
}

static void write_file(struct maker *maker, int fd)
{
	GElf_Ehdr ehdr;

	elf_version(EV_CURRENT);
	maker->elf = elf_begin(fd, ELF_C_WRITE, NULL);
	must(maker->elf && gelf_newehdr(maker->elf, ELFCLASS64));
	elf_flagelf(maker->elf, ELF_C_SET, ELF_F_LAYOUT);
	must(gelf_getehdr(maker->elf, &ehdr));
	ehdr.e_type = ET_DYN;
	ehdr.e_machine = EM_LOOM;
	ehdr.e_version = EV_CURRENT;
	ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
	ehdr.e_phoff = sizeof(Elf64_Ehdr);
	must(gelf_update_ehdr(maker->elf, &ehdr));
	must(gelf_newphdr(maker->elf, 2));
	must(gelf_getehdr(maker->elf, &ehdr));
	write_sections(maker);
	add_section_names(maker, &ehdr);
	must(elf_update(maker->elf, ELF_C_WRITE) > 0);
	elf_end(maker->elf);
}

void *make_model(const struct make_model *args, size_t *size)
{
	int fd = memfd_create("loom", MFD_CLOEXEC);
	struct maker maker = { .args = args, .offset = PAGE };
	struct stat st;
	uint32_t i;
	char *out;

	append(&maker.strings, "", 1);
	append(&maker.section_names, "", 1);
	make_weights(&maker);
	for (i = 0; i < args->slices; i++)
		make_slice(&maker, i);
	write_file(&maker, fd);
	must(!fstat(fd, &st));
	*size = st.st_size;
	out = malloc(*size);
	must(out && pread(fd, out, *size, 0) == (ssize_t)*size);
	close(fd);
	free(maker.weights.data);
	free(maker.cmd.data);
	free(maker.strings.data);
	free(maker.symbols.data);
	free(maker.relocs.data);
	free(maker.slices.data);
	free(maker.section_names.data);
	return out;
}
