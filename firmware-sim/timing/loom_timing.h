/* SPDX-License-Identifier: MIT */
/*
 * loom_timing.h - how long a command takes. Stateless: sizes in, cycles or picoseconds out. Linked
 * by the device and by loomc, so that a slice's profile is what the device will do when it runs
 * alone. Equations and their sources: Documentation/accel/loom/timing.rst.
 */
#ifndef LOOM_TIMING_H
#define LOOM_TIMING_H

#include <stdint.h>

#include "loom_hw.h"
#include "loom_isa.h"

/*
 * A compute command is a sequence of passes: the array (or all arrays side by side) works on one
 * set of weight tiles, or the vector unit on its operands. Weights below `need` (offset in the
 * slice's stream) must have arrived before the pass starts; below `done` they are no longer needed
 * once it ends (0: nothing to free).
 */
struct loom_pass {
	uint64_t cycles;
	uint32_t need;
	uint32_t done;
};

enum loom_unit {
	LOOM_UNIT_NONE,
	LOOM_UNIT_MAC,
	LOOM_UNIT_VECTOR,
};

enum loom_unit loom_timing_unit(const struct loom_cmd *cmd);
/* Number of passes of a valid compute command (>= 1). */
uint64_t loom_timing_passes(const struct loom_hw_caps *caps, const struct loom_cmd *cmd);
/* Pass i of it. */
struct loom_pass loom_timing_pass(const struct loom_hw_caps *caps, const struct loom_cmd *cmd,
				  uint64_t i);
/* Sum over all passes, in closed form where there is one. */
uint64_t loom_timing_cycles(const struct loom_hw_caps *caps, const struct loom_cmd *cmd);
/*
 * The most bytes of weights, from w_off (CONV, DWCONV) or the first weight operand on, that the
 * command needs in the weight SRAM at once if it may free each tile after its last use: what
 * LOOM_FAULT_TILE_TOO_LARGE is decided by, together with a DRAM burst and with what the buffer
 * has fetched before it and not released.
 */
uint64_t loom_timing_weight_window(const struct loom_hw_caps *caps, const struct loom_cmd *cmd);
/* Useful multiply-accumulates of a command. */
uint64_t loom_timing_macs(const struct loom_cmd *cmd);
/* How many of them are of 8 bits: all or none. */
uint64_t loom_timing_macs_8bit(const struct loom_cmd *cmd);
/* Bytes a fetch or dma command moves over the DRAM channel. */
uint64_t loom_timing_dram_bytes(const struct loom_cmd *cmd);
/* Bytes any command reads from SRAMs and writes to them. */
uint64_t loom_timing_sram_bytes(const struct loom_hw_caps *caps, const struct loom_cmd *cmd);

uint64_t loom_timing_cycles_to_ps(const struct loom_hw_caps *caps, uint64_t cycles);
/* Time the DRAM channel is busy with so many bytes (latency not included). */
uint64_t loom_timing_dram_ps(const struct loom_hw_caps *caps, uint64_t bytes);

/* Energy, pJ: of so many 16-bit and 8-bit MACs, of bytes over SRAM ports, of bytes over DRAM's. */
uint64_t loom_energy_macs(uint64_t macs, uint64_t macs_8bit);
uint64_t loom_energy_sram(uint64_t bytes);
uint64_t loom_energy_dram(uint64_t bytes);
/* What a core takes whether it works or not: mW, which is pJ per ns. */
uint64_t loom_energy_static_mw(const struct loom_hw_caps *caps);

#endif /* LOOM_TIMING_H */
