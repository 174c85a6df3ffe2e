/* SPDX-License-Identifier: MIT */
/*
 * What a MAC, a byte and a nanosecond cost. Sources, and how they were scaled to one technology
 * (28 nm): Documentation/accel/loom/timing.rst.
 */
#include "loom_timing.h"

/* fJ. Horowitz (ISSCC 2014), 45 nm and 0.9 V, times 28 / 45. */
#define MAC_16		1244		/* fp16 product 1.1 pJ, fp32 sum 0.9 pJ */
#define MAC_8		187		/* int8 product 0.2 pJ, int32 sum 0.1 pJ */
#define SRAM_BYTE	7778		/* 64 bits of 1 MB: 100 pJ */
/* fJ. SCAR, Table II: 14.8 pJ a bit. */
#define DRAM_BYTE	118400

/*
 * Nanowatts. TPU v1 (ISCA 2017), 28 nm: 28 W idle, shared by its die's 37 % of data buffers
 * (28 MiB), 30 % of compute (65,536 8-bit MACs; a 16-bit one here counts as MAC_16 / MAC_8 of them)
 * and 12 % of I/O and control.
 */
#define IDLE_SRAM_BYTE	447
#define IDLE_MAC	1079322
#define IDLE_REST	4253164557ull

/* count x fJ in pJ, without overflow */
static uint64_t picojoules(uint64_t count, uint64_t femtojoules)
{
	return count / 1000 * femtojoules + count % 1000 * femtojoules / 1000;
}

uint64_t loom_energy_macs(uint64_t macs, uint64_t macs_8bit)
{
	return picojoules(macs, MAC_16) + picojoules(macs_8bit, MAC_8);
}

uint64_t loom_energy_sram(uint64_t bytes)
{
	return picojoules(bytes, SRAM_BYTE);
}

uint64_t loom_energy_dram(uint64_t bytes)
{
	return picojoules(bytes, DRAM_BYTE);
}

uint64_t loom_energy_static_mw(const struct loom_hw_caps *caps)
{
	uint64_t macs = (uint64_t)caps->array_rows * caps->array_cols * caps->num_arrays;
	uint64_t bytes = (uint64_t)caps->weight_sram_bytes + caps->act_sram_bytes;

	return (bytes * IDLE_SRAM_BYTE + macs * IDLE_MAC + IDLE_REST) / 1000000;
}
