/* SPDX-License-Identifier: MIT */
/*
 * model.h - a checked .loom file, as the loader of instances sees it.
 */
#ifndef LOOM_LIB_MODEL_H
#define LOOM_LIB_MODEL_H

#include "elf.h"

enum loom_region {
	LOOM_REGION_WEIGHTS,
	LOOM_REGION_IO,
	LOOM_REGION_SCRATCH,
	LOOM_NUM_REGIONS
};

/* *(u64 *)(.cmd + offset) = address of the region + addend */
struct loom_reloc {
	uint64_t offset;
	uint64_t addend;
	enum loom_region region;
};

struct loom_model {
	struct loom_elf elf;
	struct loom_elf_abi abi;
	struct loom_elf_info info;
	struct loom_elf_slice *slices;
	struct loom_elf_tensor *tensors;
	struct loom_elf_host_step *host_steps;
	struct loom_elf_host_tensor *host_tensors;
	struct loom_elf_host_attr *host_attrs;
	size_t num_host_tensors, num_host_attrs;
	struct loom_reloc *relocs;
	size_t num_relocs;
};

static inline const struct loom_elf_view *model_section(const struct loom_model *model,
							enum loom_section section)
{
	return &model->elf.section[section];
}

/* Where a slice's command buffer starts in .cmd. */
static inline uint64_t model_cmd_offset(const struct loom_model *model, unsigned int slice)
{
	return model->slices[slice].cmd - model->elf.section[LOOM_SEC_CMD].addr;
}

/* A table of num records of a size, copied out so that it is aligned. */
int model_read_table(const struct loom_model *model, enum loom_section section, uint64_t num,
		     size_t size, void **out);
/* Bytes of an element; 0: no such type. */
unsigned int model_type_size(uint32_t type);
/* host_model.c: the host steps, once info and slices are known to be good. */
int model_check_host(struct loom_model *model);

#endif /* LOOM_LIB_MODEL_H */
