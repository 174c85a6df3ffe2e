// SPDX-License-Identifier: MIT
/* Names of faults, as loom_isa.h has them. */
#include "loomd.h"

static const char *const names[LOOM_FAULT_COUNT] = {
	[LOOM_FAULT_NONE] = "none",
	[LOOM_FAULT_BAD_HEADER] = "bad header",
	[LOOM_FAULT_ISA_VERSION] = "ISA version",
	[LOOM_FAULT_BAD_OPCODE] = "bad opcode",
	[LOOM_FAULT_BAD_SIZE] = "bad command size",
	[LOOM_FAULT_BAD_FIELD] = "bad field",
	[LOOM_FAULT_BAD_WAIT] = "bad wait",
	[LOOM_FAULT_BAD_LEASE] = "address outside the lease",
	[LOOM_FAULT_BAD_WEIGHT] = "weights not fetched or released",
	[LOOM_FAULT_TILE_TOO_LARGE] = "tile larger than the weight SRAM",
	[LOOM_FAULT_SLICE_TOO_LARGE] = "slice larger than the weight SRAM",
	[LOOM_FAULT_BAD_INDEX] = "gather index outside its table",
	[LOOM_FAULT_MMU_READ] = "no translation for a read",
	[LOOM_FAULT_MMU_WRITE] = "no translation for a write, or not writable",
	[LOOM_FAULT_BUS] = "bus error",
	[LOOM_FAULT_BAD_SLOT] = "no VM in the slot",
	[LOOM_FAULT_CONTEXT_DEAD] = "context dead",
	[LOOM_FAULT_CANCELLED] = "cancelled",
	[LOOM_FAULT_TIMEOUT] = "watchdog timeout",
	[LOOM_FAULT_BAD_CMDBUF] = "bad command buffer address or size",
	[LOOM_FAULT_RESET] = "the core was reset under the job",
	[LOOM_FAULT_ECC] = "uncorrectable memory error",
};

const char *fault_name(uint32_t fault)
{
	return fault < LOOM_FAULT_COUNT && names[fault] ? names[fault] : "unknown fault";
}
