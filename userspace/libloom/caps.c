// SPDX-License-Identifier: MIT
/*
 * The hash by which a compiled plan knows the device that it was made for.
 */
#include "loom.h"

#define FNV_OFFSET 0xcbf29ce484222325ull
#define FNV_PRIME  0x100000001b3ull

static uint64_t hash_u32(uint64_t hash, uint32_t value)
{
	int i;

	for (i = 0; i < 4; i++) {
		hash ^= value >> (8 * i) & 0xff;
		hash *= FNV_PRIME;
	}
	return hash;
}

/*
 * Left out: versions (the file states them), numbers of cores, queues, contexts, vectors and links
 * (a plan is for one core), flags and the preset's name.
 */
uint64_t loom_caps_hash(const struct loom_hw_caps *caps)
{
	const uint32_t sizes[] = {
		caps->array_rows, caps->array_cols, caps->num_arrays, caps->clock_khz,
		caps->acc_rows, caps->wload_rows, caps->vector_lanes,
		caps->weight_sram_bytes, caps->act_sram_bytes,
		caps->dram_mbps, caps->dram_latency_ns, caps->dram_burst_bytes,
		caps->fw_job_ns, caps->fw_cmd_ns, caps->dataflow,
	};
	uint64_t hash = FNV_OFFSET;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		hash = hash_u32(hash, sizes[i]);
	return hash;
}
