/* SPDX-License-Identifier: MIT */
/*
 * loom_elf.h - the .loom file: a compiled model, as ELF64 (ET_DYN, EM_LOOM, little-endian).
 *
 * PT_LOAD segments are page-aligned and are what a context maps; everything else describes them.
 *
 *   segment/section  flags  contents
 *   .weights         R      constants in the order in which slices fetch them, then GATHER tables;
 *                           NOBITS with p_filesz 0 in a file for timing only: the loader maps zeros
 *   .cmd             R      command buffers, one a slice, each 64-byte aligned
 *   .note.loom       note   struct loom_elf_abi, owner "Loom", type LOOM_NOTE_ABI
 *   .loom.info              struct loom_elf_info
 *   .loom.slices            struct loom_elf_slice[num_slices], in execution order
 *   .loom.tensors           struct loom_elf_tensor[num_inputs + num_outputs], inputs first
 *   .loom.host              struct loom_elf_host_step[num_host_steps]: operators that run on the host
 *                           CPU between slices; absent when there are none, as the next three
 *   .loom.hosttensors       struct loom_elf_host_tensor[], a step's inputs and outputs in a row
 *   .loom.hostattrs         struct loom_elf_host_attr[]
 *   .loom.hostdata          contents of constant tensors and lists
 *   .rela.cmd               R_LOOM_ADDR64 relocations into .cmd against the symbols below
 *   .symtab .strtab         __loom_weights (in .weights), __loom_io and __loom_scratch (undefined;
 *                           st_size says how many bytes the loader provides), one symbol per slice
 *
 * Names (model, tensors, layers) are offsets into .strtab. The I/O region holds every input and
 * output of one request, in the model's own types and layout (ONNX: row-major, NCHW), at the
 * offsets given by the tensor table; the device converts. 64-byte aligned each.
 */
#ifndef LOOM_ELF_H
#define LOOM_ELF_H

#include <stdint.h>

#define EM_LOOM 0x4c4d

#define LOOM_NOTE_NAME "Loom"
#define LOOM_NOTE_ABI 1
#define LOOM_FILE_VERSION 1

#define R_LOOM_NONE 0
#define R_LOOM_ADDR64 1		/* *(u64 *)(.cmd + r_offset) = S + A; r_offset is relative to .cmd's address */

struct loom_elf_abi {
	uint32_t file_version;	/* LOOM_FILE_VERSION; another is refused */
	uint32_t isa_version;	/* of the compiler; another major, or a later minor than the device's, is refused */
	uint64_t caps_hash;	/* loom_caps_hash() of the device compiled for; another is refused */
	char preset[32];	/* name of that device, for the message */
};

struct loom_elf_info {
	uint32_t name;		/* of the model */
	uint32_t num_slices;
	uint32_t num_inputs;
	uint32_t num_outputs;
	uint32_t lease_bytes;	/* activation SRAM the plan needs */
	uint32_t num_layers;
	uint64_t io_bytes;
	uint64_t scratch_bytes;
	uint64_t macs;		/* useful multiply-accumulates of one inference */
	uint64_t weight_bytes;	/* fetched by one inference */
	uint64_t needs;		/* LOOM_CAP_* that the commands take; a device without is refused */
	uint32_t num_host_steps;
	uint32_t flags;		/* LOOM_ELF_*; others are refused */
	uint64_t reserved[2];
};

/* Inputs and outputs stay in the lease and are not moved: a device that computes refuses it. */
#define LOOM_ELF_RESIDENT 1u

/* Profile times are those of loom_timing.h, for the slice alone. */
struct loom_elf_slice {
	uint64_t cmd;		/* virtual address in the file's own address space */
	uint32_t cmd_size;
	uint32_t name;		/* of the layer (node) it starts with */
	uint32_t layer;		/* number of the layer it belongs to; slices of a layer are adjacent */
	uint32_t num_cmds;
	uint64_t compute_ps;	/* compute engine busy: MAC array and vector unit */
	uint64_t mac_ps;	/* of which the MAC array */
	uint64_t weight_bytes;	/* fetched */
	uint64_t dma_bytes;	/* inputs, outputs, gathers */
	uint64_t macs;
};

struct loom_elf_tensor {
	uint32_t name;
	uint32_t dtype;		/* enum loom_tensor_type */
	uint32_t rank;
	uint32_t pad;
	uint64_t dims[8];
	uint64_t offset;	/* in the I/O region */
	uint64_t bytes;
};

/* The numbers are ONNX's TensorProto.DataType. */
enum loom_tensor_type {
	LOOM_TENSOR_F32 = 1,
	LOOM_TENSOR_U8 = 2,
	LOOM_TENSOR_I8 = 3,
	LOOM_TENSOR_U16 = 4,
	LOOM_TENSOR_I16 = 5,
	LOOM_TENSOR_I32 = 6,
	LOOM_TENSOR_I64 = 7,
	LOOM_TENSOR_BOOL = 9,
	LOOM_TENSOR_F16 = 10,
	LOOM_TENSOR_F64 = 11,
	LOOM_TENSOR_U32 = 12,
	LOOM_TENSOR_U64 = 13,
};

/*
 * An operator on the host CPU. It reads and writes the I/O region, when all slices below `slice`
 * and all steps before it are done, and before the slice `slice` (num_slices: at the end).
 */
struct loom_elf_host_step {
	uint32_t slice;		/* does not decrease */
	uint32_t op;		/* ONNX's name of the operator */
	uint32_t name;		/* of the node */
	uint32_t opset;
	uint32_t first_tensor;	/* inputs, then outputs */
	uint32_t num_inputs;
	uint32_t num_outputs;
	uint32_t first_attr;
	uint32_t num_attrs;
	uint32_t pad;
	uint64_t ps;		/* what it takes, by loomc's model of a host; not measured */
	uint64_t bytes;		/* read and written */
};

enum loom_host_space {
	LOOM_HOST_NONE = 0,	/* an optional input or output that is left out */
	LOOM_HOST_IO = 1,	/* offset in the I/O region */
	LOOM_HOST_CONST = 2,	/* offset in .loom.hostdata; inputs only */
};

struct loom_elf_host_tensor {
	uint32_t space;		/* enum loom_host_space */
	uint32_t dtype;		/* enum loom_tensor_type */
	uint32_t rank;
	uint32_t pad;
	uint64_t dims[8];
	uint64_t offset;	/* 64-byte aligned */
	uint64_t bytes;
};

enum loom_host_attr_type {
	LOOM_HOST_ATTR_INT = 1,
	LOOM_HOST_ATTR_FLOAT = 2,
	LOOM_HOST_ATTR_STRING = 3,
	LOOM_HOST_ATTR_TENSOR = 4,
	LOOM_HOST_ATTR_INTS = 5,
	LOOM_HOST_ATTR_FLOATS = 6,
};

struct loom_elf_host_attr {
	uint32_t name;
	uint32_t type;		/* enum loom_host_attr_type */
	int64_t i;
	float f;
	uint32_t s;		/* STRING */
	uint64_t offset;	/* INTS (int64_t), FLOATS: in .loom.hostdata, 8-byte aligned */
	uint64_t num;		/* of those; TENSOR: number in .loom.hosttensors */
};

#endif /* LOOM_ELF_H */
