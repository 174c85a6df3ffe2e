/* SPDX-License-Identifier: MIT */
/*
 * Sizes that have a name, and what sizes are possible. Where each number comes from:
 * Documentation/accel/loom/timing.rst.
 */
#include <stdio.h>
#include <string.h>

#include "device.h"

#define MEGABYTES(n)	((uint32_t)((n) * 1000000.0) / LOOM_LEASE_ALIGN * LOOM_LEASE_ALIGN)

/* Common to all: the parts that Layerweaver's Table I does not name. */
static const struct loom_hw_caps common = {
	.size = sizeof(struct loom_hw_caps),
	.hw_version = LOOM_HW_VERSION,
	.isa_version = LOOM_ISA_VERSION,
	.flags = LOOM_CAP_INT8,
	.num_cores = 1,
	.max_queues = 512,
	.max_contexts = 2048,
	.max_ring_entries = 4096,
	.num_vectors = 32,
	.acc_rows = 2048,
	.wload_rows = 8,
	.vector_lanes = 1024,
	.dram_latency_ns = 200,
	.dram_burst_bytes = 4096,
	.fw_job_ns = 500,
	.fw_cmd_ns = 50,
};

static void memory_centric(struct loom_hw_caps *caps)
{
	caps->array_rows = 128;
	caps->array_cols = 128;
	caps->num_arrays = 1;
	caps->clock_khz = 700000;
	caps->weight_sram_bytes = MEGABYTES(48);
	caps->act_sram_bytes = MEGABYTES(60);
	caps->dram_mbps = 225000;
}

static void compute_centric(struct loom_hw_caps *caps)
{
	caps->array_rows = 64;
	caps->array_cols = 64;
	caps->num_arrays = 12;
	caps->clock_khz = 927000;
	caps->weight_sram_bytes = MEGABYTES(48);
	caps->act_sram_bytes = MEGABYTES(3.8);
	caps->dram_mbps = 68000;
}

/* Small enough that a test fills every buffer, and round: a cycle is 1 ns, a byte on DRAM too. */
static void tiny(struct loom_hw_caps *caps)
{
	caps->array_rows = 16;
	caps->array_cols = 16;
	caps->num_arrays = 1;
	caps->clock_khz = 1000000;
	caps->acc_rows = 64;
	caps->wload_rows = 4;
	caps->vector_lanes = 16;
	caps->weight_sram_bytes = 64 << 10;
	caps->act_sram_bytes = 1 << 20;
	caps->dram_mbps = 1000;
	caps->dram_latency_ns = 100;
	caps->dram_burst_bytes = 256;
	caps->fw_job_ns = 100;
	caps->fw_cmd_ns = 10;
	caps->max_queues = 8;
	caps->max_contexts = 16;
	caps->max_ring_entries = 256;
	caps->num_vectors = 8;
}

static const struct {
	const char *name;
	void (*fill)(struct loom_hw_caps *caps);
} presets[] = {
	{ "memory-centric", memory_centric },
	{ "compute-centric", compute_centric },
	{ "tiny", tiny },
};

#define NUM_PRESETS (sizeof(presets) / sizeof(presets[0]))

bool loom_sim_preset(struct loom_sim_config *config, const char *name)
{
	for (size_t i = 0; i < NUM_PRESETS; i++) {
		if (strcmp(name, presets[i].name))
			continue;
		*config = (struct loom_sim_config){
			.caps = common,
			.functional = LOOM_SIM_FUNCTIONAL_ON,
			.watchdog_ns = 100000000,
		};
		presets[i].fill(&config->caps);
		snprintf(config->caps.preset, sizeof(config->caps.preset), "%s", name);
		return true;
	}
	return false;
}

const char *const *loom_sim_presets(void)
{
	static const char *names[NUM_PRESETS + 1];

	for (size_t i = 0; i < NUM_PRESETS; i++)
		names[i] = presets[i].name;
	return names;
}

static bool power_of_two(uint32_t n)
{
	return n && !(n & (n - 1));
}

static bool between(uint32_t n, uint32_t least, uint32_t most)
{
	return n >= least && n <= most;
}

static const char *check_array(const struct loom_hw_caps *caps)
{
	if (!between(caps->array_rows, 4, 1024) || !between(caps->array_cols, 4, 1024))
		return "an array has 4 to 1024 rows and columns";
	if (!between(caps->num_arrays, 1, 64))
		return "there are 1 to 64 arrays";
	if (!between(caps->clock_khz, 1000, 10000000))
		return "the clock is 1 MHz to 10 GHz";
	if (!between(caps->acc_rows, 1, 1 << 20) || !between(caps->wload_rows, 1, 1024))
		return "acc_rows is 1 to 2^20, wload_rows 1 to 1024";
	if (!between(caps->vector_lanes, 1, 1 << 20))
		return "there are 1 to 2^20 vector lanes";
	if (caps->dataflow > LOOM_OUTPUT_STATIONARY)
		return "the dataflow is weight-stationary or output-stationary";
	return NULL;
}

static const char *check_memory(const struct loom_hw_caps *caps)
{
	uint64_t tile = 2ull * caps->array_rows * caps->array_cols;

	if (!between(caps->dram_mbps, 1, 100000000) || caps->dram_latency_ns > 1000000)
		return "DRAM has 1 MB/s to 100 TB/s and at most 1 ms of latency";
	if (!power_of_two(caps->dram_burst_bytes) || !between(caps->dram_burst_bytes, 64, 65536))
		return "a DRAM burst is a power of two from 64 to 65536 bytes";
	if (caps->weight_sram_bytes < 2 * tile + caps->dram_burst_bytes ||
	    caps->weight_sram_bytes > 1u << 30)
		return "the weight SRAM holds at least two tiles and a burst, at most 1 GiB";
	if (!caps->act_sram_bytes || caps->act_sram_bytes % LOOM_LEASE_ALIGN)
		return "the activation SRAM is a multiple of 4096 bytes, less than 4 GiB";
	return NULL;
}

static const char *check_interface(const struct loom_hw_caps *caps)
{
	if (!between(caps->num_cores, 1, MAX_CORES))
		return "there is one core";
	if (!between(caps->max_queues, 1, 1024) || !between(caps->max_contexts, 1, 4096))
		return "there are 1 to 1024 queues and 1 to 4096 contexts";
	if (!power_of_two(caps->max_ring_entries) || caps->max_ring_entries > 65536)
		return "a ring has a power of two of entries, at most 65536";
	if (!between(caps->num_vectors, 1, 2048))
		return "there are 1 to 2048 interrupt vectors";
	if (caps->fw_job_ns > 1000000 || caps->fw_cmd_ns > 1000000)
		return "the firmware takes at most 1 ms for a job or a command";
	return NULL;
}

const char *loom_sim_check(const struct loom_sim_config *config)
{
	const char *wrong = check_array(&config->caps);

	if (config->workers > WORKERS_MAX)
		return "there are at most 64 workers";

	if (!wrong)
		wrong = check_memory(&config->caps);
	return wrong ? wrong : check_interface(&config->caps);
}
