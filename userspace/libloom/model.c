// SPDX-License-Identifier: MIT
/*
 * .loom files: everything in them is checked before anything is used.
 *
 * What the checks promise to the rest: every name is a terminated string; slices lie in .cmd and
 * their headers agree with the table; tensors lie in the I/O region; relocations lie in .cmd and
 * point into their region. What the commands do is for the device to check.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "model.h"

/* More than any model has, less than what makes sums overflow. */
#define MAX_SLICES (1u << 20)
#define MAX_TENSORS 4096u
#define MAX_REGION (1ull << 40)

static unsigned long long llu(uint64_t value)
{
	return value;
}

/* ---- note and info ---- */

static int check_abi(struct loom_model *model)
{
	struct loom_elf_abi *abi = &model->abi;
	uint64_t size;
	const void *desc = loom_elf_note(&model->elf, LOOM_NOTE_ABI, &size);

	if (!desc)
		return loom_fail(-ENOEXEC, ".note.loom: the ABI note is missing or damaged");
	/* The version comes first, so that a newer file of another size is refused by its name. */
	if (size >= sizeof(abi->file_version))
		memcpy(&abi->file_version, desc, sizeof(abi->file_version));
	if (abi->file_version != LOOM_FILE_VERSION)
		return loom_fail(-EPROTO,
				 "the file has format version %u, this library reads version %u",
				 abi->file_version, LOOM_FILE_VERSION);
	if (size != sizeof(*abi))
		return loom_fail(-ENOEXEC, ".note.loom: the ABI note has %llu bytes, expected %zu",
				 llu(size), sizeof(*abi));
	memcpy(abi, desc, sizeof(*abi));
	if (abi->isa_version >> 16 != LOOM_ISA_MAJOR || (abi->isa_version & 0xffff) > LOOM_ISA_MINOR)
		return loom_fail(-EPROTO,
				 "the file has instruction set %u.%u, this library knows %u.%u",
				 abi->isa_version >> 16, abi->isa_version & 0xffff, LOOM_ISA_MAJOR,
				 LOOM_ISA_MINOR);
	if (!loom_elf_printable(abi->preset, sizeof(abi->preset)))
		return loom_fail(-ENOEXEC, ".note.loom: the preset's name is no string");
	return 0;
}

static int check_info(struct loom_model *model)
{
	const struct loom_elf_view *view = model_section(model, LOOM_SEC_INFO);
	struct loom_elf_info *info = &model->info;
	size_t i;

	if (view->size != sizeof(*info))
		return loom_fail(-ENOEXEC,
				 ".loom.info has %llu bytes, expected %zu", llu(view->size),
				 sizeof(*info));
	memcpy(info, view->data, sizeof(*info));
	if (!loom_elf_string(&model->elf, info->name))
		return loom_fail(-ENOEXEC, ".loom.info: the model's name is no string of .strtab");
	if (!info->num_slices || info->num_slices > MAX_SLICES)
		return loom_fail(-ENOEXEC, ".loom.info: %u slices", info->num_slices);
	if (info->num_inputs > MAX_TENSORS || info->num_outputs > MAX_TENSORS)
		return loom_fail(-ENOEXEC, ".loom.info: %u inputs and %u outputs", info->num_inputs,
				 info->num_outputs);
	if (info->io_bytes > MAX_REGION || info->scratch_bytes > MAX_REGION)
		return loom_fail(-ENOEXEC, ".loom.info: %llu bytes of I/O and %llu of scratch",
				 llu(info->io_bytes), llu(info->scratch_bytes));
	if (info->flags & ~LOOM_ELF_RESIDENT)
		return loom_fail(-ENOEXEC, ".loom.info: unknown flags %#x", info->flags);
	for (i = 0; i < sizeof(info->reserved) / sizeof(info->reserved[0]); i++)
		if (info->reserved[i])
			return loom_fail(-ENOEXEC, ".loom.info: reserved field is not zero");
	return 0;
}

int model_read_table(const struct loom_model *model, enum loom_section section, uint64_t num,
		     size_t size, void **out)
{
	const struct loom_elf_view *view = model_section(model, section);

	if (view->size / size != num || view->size % size)
		return loom_fail(-ENOEXEC, "%s has %llu bytes, expected %llu records of %zu",
				 loom_section_names[section], llu(view->size), llu(num), size);
	*out = malloc(view->size ? view->size : 1);
	if (!*out)
		return loom_fail(-ENOMEM, "out of memory");
	memcpy(*out, view->data, view->size);
	return 0;
}

/* ---- slices ---- */

static int check_cmdbuf(const struct loom_model *model, unsigned int i)
{
	const struct loom_elf_slice *slice = &model->slices[i];
	struct loom_cmdbuf head;

	memcpy(&head, model_section(model, LOOM_SEC_CMD)->data + model_cmd_offset(model, i),
	       sizeof(head));
	if (head.magic != LOOM_CMDBUF_MAGIC || head.size != slice->cmd_size || head.reserved)
		return loom_fail(-ENOEXEC, "slice %u: bad header of the command buffer", i);
	if (head.isa_version >> 16 != LOOM_ISA_MAJOR || (head.isa_version & 0xffff) > LOOM_ISA_MINOR)
		return loom_fail(-EPROTO,
				 "slice %u has instruction set %u.%u, this library knows %u.%u", i,
				 head.isa_version >> 16, head.isa_version & 0xffff, LOOM_ISA_MAJOR,
				 LOOM_ISA_MINOR);
	if (head.num_cmds != slice->num_cmds || head.weight_bytes != slice->weight_bytes)
		return loom_fail(-ENOEXEC,
				 "slice %u: table and command buffer disagree (%u and %u commands, %llu and %u weight bytes)",
				 i, slice->num_cmds, head.num_cmds, llu(slice->weight_bytes),
				 head.weight_bytes);
	if (head.lease_bytes > model->info.lease_bytes)
		return loom_fail(-ENOEXEC, "slice %u needs %u bytes of lease, the model has %u", i,
				 head.lease_bytes, model->info.lease_bytes);
	return 0;
}

static int check_slice(const struct loom_model *model, unsigned int i)
{
	const struct loom_elf_view *cmd = model_section(model, LOOM_SEC_CMD);
	const struct loom_elf_slice *slice = &model->slices[i];
	uint32_t before = i ? slice[-1].layer : 0;

	if (!loom_elf_string(&model->elf, slice->name))
		return loom_fail(-ENOEXEC, "slice %u: its name is no string of .strtab", i);
	if (slice->cmd < cmd->addr || slice->cmd - cmd->addr > cmd->size ||
	    slice->cmd_size > cmd->size - (slice->cmd - cmd->addr))
		return loom_fail(-ENOEXEC, "slice %u: its command buffer lies outside .cmd", i);
	if (slice->cmd % 64 || slice->cmd_size % 8 ||
	    slice->cmd_size < sizeof(struct loom_cmdbuf) ||
	    slice->cmd_size > LOOM_CMDBUF_MAX_BYTES)
		return loom_fail(-ENOEXEC,
				 "slice %u: bad alignment or size of its command buffer", i);
	if (slice->layer < before || slice->layer >= model->info.num_layers)
		return loom_fail(-ENOEXEC,
				 "slice %u: layer %u after %u, of %u", i, slice->layer, before,
				 model->info.num_layers);
	if (slice->mac_ps > slice->compute_ps)
		return loom_fail(-ENOEXEC,
				 "slice %u: its profile has more MAC array than compute time",
				 i);
	return check_cmdbuf(model, i);
}

static int check_slices(struct loom_model *model)
{
	unsigned int i;
	int err;

	err = model_read_table(model, LOOM_SEC_SLICES, model->info.num_slices,
			       sizeof(*model->slices), (void **)&model->slices);
	if (!err && model_section(model, LOOM_SEC_CMD)->addr % 64)
		err = loom_fail(-ENOEXEC, ".cmd is not 64-byte aligned");
	for (i = 0; !err && i < model->info.num_slices; i++)
		err = check_slice(model, i);
	return err;
}

/* ---- tensors ---- */

unsigned int model_type_size(uint32_t type)
{
	switch (type) {
	case LOOM_TENSOR_U8:
	case LOOM_TENSOR_I8:
	case LOOM_TENSOR_BOOL:
		return 1;
	case LOOM_TENSOR_F16:
	case LOOM_TENSOR_U16:
	case LOOM_TENSOR_I16:
		return 2;
	case LOOM_TENSOR_F32:
	case LOOM_TENSOR_I32:
	case LOOM_TENSOR_U32:
		return 4;
	case LOOM_TENSOR_I64:
	case LOOM_TENSOR_U64:
	case LOOM_TENSOR_F64:
		return 8;
	}
	return 0;
}

static int check_tensor(const struct loom_model *model, unsigned int i)
{
	const struct loom_elf_tensor *tensor = &model->tensors[i];
	const char *name = loom_elf_string(&model->elf, tensor->name);
	uint64_t bytes = model_type_size(tensor->dtype);
	unsigned int d;

	if (!name)
		return loom_fail(-ENOEXEC, "tensor %u: its name is no string of .strtab", i);
	if (!bytes)
		return loom_fail(-ENOEXEC, "tensor %s: unknown type %u", name, tensor->dtype);
	if (tensor->rank > 8 || tensor->pad)
		return loom_fail(-ENOEXEC, "tensor %s: rank %u", name, tensor->rank);
	for (d = 0; d < tensor->rank; d++)
		if (__builtin_mul_overflow(bytes, tensor->dims[d], &bytes))
			return loom_fail(-ENOEXEC, "tensor %s: its size overflows", name);
	if (bytes != tensor->bytes)
		return loom_fail(-ENOEXEC, "tensor %s: %llu bytes, its shape has %llu", name,
				 llu(tensor->bytes), llu(bytes));
	if (tensor->offset % 64 || tensor->offset > model->info.io_bytes ||
	    bytes > model->info.io_bytes - tensor->offset)
		return loom_fail(-ENOEXEC,
				 "tensor %s lies outside the I/O region, or is not aligned",
				 name);
	return 0;
}

static int check_tensors(struct loom_model *model)
{
	unsigned int i, num = model->info.num_inputs + model->info.num_outputs;
	int err;

	err = model_read_table(model, LOOM_SEC_TENSORS, num, sizeof(*model->tensors),
			       (void **)&model->tensors);
	for (i = 0; !err && i < num; i++)
		err = check_tensor(model, i);
	return err;
}

/* ---- relocations ---- */

struct region {
	const char *name;
	uint64_t size;
	uint64_t start;		/* of the symbol in its region */
};

/* Which region a symbol stands for, and what is left of the region from there. */
static int find_region(const struct loom_model *model, uint64_t symbol, struct region *region)
{
	static const char *const names[LOOM_NUM_REGIONS] = {
		[LOOM_REGION_WEIGHTS] = "__loom_weights",
		[LOOM_REGION_IO] = "__loom_io",
		[LOOM_REGION_SCRATCH] = "__loom_scratch",
	};
	const struct loom_elf_view *symtab = model_section(model, LOOM_SEC_SYMTAB);
	const struct loom_elf_view *weights = model_section(model, LOOM_SEC_WEIGHTS);
	Elf64_Sym sym;
	int i;

	if (symbol >= symtab->size / sizeof(sym))
		return loom_fail(-ENOEXEC, ".rela.cmd: no symbol %llu", llu(symbol));
	memcpy(&sym, symtab->data + symbol * sizeof(sym), sizeof(sym));
	region->name = loom_elf_string(&model->elf, sym.st_name);
	for (i = 0; region->name && i < LOOM_NUM_REGIONS; i++)
		if (!strcmp(region->name, names[i]))
			break;
	if (!region->name || i == LOOM_NUM_REGIONS)
		return loom_fail(-ENOEXEC,
				 ".rela.cmd: symbol %llu (%s) is not one to relocate against",
				 llu(symbol), region->name ? region->name : "unnamed");
	region->start = 0;
	region->size = i == LOOM_REGION_IO ? model->info.io_bytes : model->info.scratch_bytes;
	if (i == LOOM_REGION_WEIGHTS) {
		region->size = weights->size;
		region->start = sym.st_value - weights->addr;
		if (sym.st_shndx != weights->index || region->start > region->size)
			return loom_fail(-ENOEXEC, "%s is not in .weights", region->name);
	}
	return i;
}

static int check_reloc(struct loom_model *model, const Elf64_Rela *rela)
{
	uint64_t cmd_size = model_section(model, LOOM_SEC_CMD)->size;
	struct loom_reloc *reloc = &model->relocs[model->num_relocs];
	struct region region = { NULL };
	int which;

	if (ELF64_R_TYPE(rela->r_info) == R_LOOM_NONE)
		return 0;
	if (ELF64_R_TYPE(rela->r_info) != R_LOOM_ADDR64)
		return loom_fail(-ENOEXEC, ".rela.cmd: unknown relocation type %u",
				 (unsigned int)ELF64_R_TYPE(rela->r_info));
	if (rela->r_offset % 8 || cmd_size < 8 || rela->r_offset > cmd_size - 8)
		return loom_fail(-ENOEXEC,
				 ".rela.cmd: 0x%llx lies outside .cmd or is not 8-byte aligned",
				 llu(rela->r_offset));
	which = find_region(model, ELF64_R_SYM(rela->r_info), &region);
	if (which < 0)
		return which;
	if (rela->r_addend < 0 || (uint64_t)rela->r_addend > region.size - region.start)
		return loom_fail(-ENOEXEC,
				 ".rela.cmd: %s + 0x%llx is outside its %llu bytes", region.name,
				 llu(rela->r_addend), llu(region.size));
	reloc->offset = rela->r_offset;
	reloc->region = which;
	reloc->addend = region.start + rela->r_addend;
	model->num_relocs++;
	return 0;
}

static int check_relocs(struct loom_model *model)
{
	const struct loom_elf_view *view = model_section(model, LOOM_SEC_RELA);
	uint64_t i, num = view->size / sizeof(Elf64_Rela);
	int err = 0;

	if (view->size % sizeof(Elf64_Rela))
		return loom_fail(-ENOEXEC,
				 ".rela.cmd has %llu bytes: not a whole number of records",
				 llu(view->size));
	model->relocs = calloc(num ? num : 1, sizeof(*model->relocs));
	if (!model->relocs)
		return loom_fail(-ENOMEM, "out of memory");
	for (i = 0; !err && i < num; i++) {
		Elf64_Rela rela;

		memcpy(&rela, view->data + i * sizeof(rela), sizeof(rela));
		err = check_reloc(model, &rela);
	}
	return err;
}

/* ---- opening ---- */

static int open_copy(char *file, size_t size, struct loom_model **out)
{
	struct loom_model *model = calloc(1, sizeof(*model));
	int err;

	if (!model) {
		free(file);
		return loom_fail(-ENOMEM, "out of memory");
	}
	err = loom_elf_open(&model->elf, file, size);
	if (!err)
		err = check_abi(model);
	if (!err)
		err = check_info(model);
	if (!err)
		err = check_slices(model);
	if (!err)
		err = check_tensors(model);
	if (!err)
		err = model_check_host(model);
	if (!err)
		err = check_relocs(model);
	if (err) {
		loom_model_close(model);
		return err;
	}
	*out = model;
	return 0;
}

int loom_model_open_memory(const void *data, size_t size, struct loom_model **model)
{
	char *copy = malloc(size ? size : 1);

	if (!copy)
		return loom_fail(-ENOMEM, "out of memory");
	memcpy(copy, data, size);
	return open_copy(copy, size, model);
}

/* As much of the file as there was when it was opened. */
static char *read_all(FILE *file, size_t *size)
{
	struct stat st;
	char *data;

	if (fstat(fileno(file), &st) || !S_ISREG(st.st_mode)) {
		loom_fail(-EINVAL, "not a regular file");
		return NULL;
	}
	data = malloc(st.st_size ? st.st_size : 1);
	if (!data) {
		loom_fail(-ENOMEM, "no memory for %lld bytes", (long long)st.st_size);
		return NULL;
	}
	*size = fread(data, 1, st.st_size, file);
	return data;
}

int loom_model_open(const char *path, struct loom_model **model)
{
	FILE *file = fopen(path, "re");
	size_t size = 0;
	char *data;
	int err;

	if (!file) {
		err = -errno;
		return loom_fail(err, "%s: %s", path, strerror(-err));
	}
	data = read_all(file, &size);
	fclose(file);
	err = data ? open_copy(data, size, model) : -EINVAL;
	return err ? loom_fail(err, "%s: %s", path, loom_error()) : 0;
}

void loom_model_close(struct loom_model *model)
{
	if (!model)
		return;
	loom_elf_close(&model->elf);
	free(model->slices);
	free(model->tensors);
	free(model->relocs);
	free(model->host_steps);
	free(model->host_tensors);
	free(model->host_attrs);
	free(model);
}

/* ---- what it says ---- */

const char *loom_model_name(const struct loom_model *model)
{
	return loom_model_string(model, model->info.name);
}

const struct loom_elf_info *loom_model_info(const struct loom_model *model)
{
	return &model->info;
}

const struct loom_elf_abi *loom_model_abi(const struct loom_model *model)
{
	return &model->abi;
}

const struct loom_elf_slice *loom_model_slice(const struct loom_model *model, unsigned int i)
{
	return i < model->info.num_slices ? &model->slices[i] : NULL;
}

const struct loom_elf_tensor *loom_model_tensor(const struct loom_model *model, unsigned int i)
{
	return i < model->info.num_inputs + model->info.num_outputs ? &model->tensors[i] : NULL;
}

const char *loom_model_string(const struct loom_model *model, uint32_t name)
{
	const char *string = loom_elf_string(&model->elf, name);

	return string ? string : "";
}

bool loom_model_timing_only(const struct loom_model *model)
{
	return !model_section(model, LOOM_SEC_WEIGHTS)->data;
}

const struct loom_elf_host_step *loom_model_host_step(const struct loom_model *model,
						      unsigned int i)
{
	return i < model->info.num_host_steps ? &model->host_steps[i] : NULL;
}

const void *loom_model_cmdbuf(const struct loom_model *model, unsigned int i, size_t *size)
{
	if (i >= model->info.num_slices)
		return NULL;
	*size = model->slices[i].cmd_size;
	return model_section(model, LOOM_SEC_CMD)->data + model_cmd_offset(model, i);
}
