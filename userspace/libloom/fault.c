// SPDX-License-Identifier: MIT
/*
 * Why a job failed, in words.
 */
#include "fault.h"
#include "loom_isa.h"

static const char *const names[] = {
	[LOOM_FAULT_NONE] = "no fault",
	[LOOM_FAULT_BAD_HEADER] = "bad header of the command buffer",
	[LOOM_FAULT_ISA_VERSION] = "command buffer of another instruction set version",
	[LOOM_FAULT_BAD_OPCODE] = "unknown opcode",
	[LOOM_FAULT_BAD_SIZE] = "bad size of a command",
	[LOOM_FAULT_BAD_FIELD] = "bad field of a command",
	[LOOM_FAULT_BAD_WAIT] = "wait for a command that is not earlier in the buffer",
	[LOOM_FAULT_BAD_LEASE] = "activation range outside the lease",
	[LOOM_FAULT_BAD_WEIGHT] = "weight range never fetched, or released already",
	[LOOM_FAULT_TILE_TOO_LARGE] = "tile larger than the weight SRAM",
	[LOOM_FAULT_SLICE_TOO_LARGE] = "slice larger than the weight SRAM",
	[LOOM_FAULT_BAD_INDEX] = "index outside its table",
	[LOOM_FAULT_MMU_READ] = "read of an address that is not mapped",
	[LOOM_FAULT_MMU_WRITE] = "write to an address that is not mapped or not writable",
	[LOOM_FAULT_BUS] = "bus error",
	[LOOM_FAULT_BAD_SLOT] = "no VM in that slot of the queue",
	[LOOM_FAULT_CONTEXT_DEAD] = "an earlier job of this context faulted",
	[LOOM_FAULT_CANCELLED] = "cancelled",
	[LOOM_FAULT_TIMEOUT] = "no progress (watchdog)",
	[LOOM_FAULT_BAD_CMDBUF] = "bad address or size of the command buffer",
	[LOOM_FAULT_RESET] = "the core was reset under the job",
	[LOOM_FAULT_ECC] = "uncorrectable memory error",
};

_Static_assert(sizeof(names) / sizeof(names[0]) == LOOM_FAULT_COUNT, "every fault has a name");

const char *loom_fault_name(uint32_t fault)
{
	return fault < LOOM_FAULT_COUNT ? names[fault] : "unknown fault";
}
