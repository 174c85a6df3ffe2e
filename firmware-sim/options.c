/* SPDX-License-Identifier: MIT */
/*
 * "act-sram=2G": sizes set by name, as QEMU's properties are; for hosts that have no properties of
 * their own (the library's sim back end, the compiler).
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"

#define CAP(name) { #name, offsetof(struct loom_hw_caps, name) }

static const struct {
	const char *name;
	size_t offset;
} sizes[] = {
	CAP(num_cores), CAP(max_queues), CAP(max_contexts), CAP(max_ring_entries), CAP(num_vectors),
	CAP(array_rows), CAP(array_cols), CAP(num_arrays), CAP(clock_khz), CAP(acc_rows),
	CAP(wload_rows), CAP(vector_lanes), CAP(weight_sram_bytes), CAP(act_sram_bytes),
	CAP(dram_mbps), CAP(dram_latency_ns), CAP(dram_burst_bytes), CAP(fw_job_ns), CAP(fw_cmd_ns),
	/* what it says it is, for testing who listens */
	CAP(hw_version), CAP(isa_version),
};

#define NUM_SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* QEMU's property of act_sram_bytes is act-sram; act-sram-bytes and act_sram will do. */
static bool same_name(const char *given, const char *name)
{
	for (; *given && *name; given++, name++)
		if (*given != *name && !(*given == '-' && *name == '_'))
			return false;
	return !*given && (!*name || !strcmp(name, "_bytes"));
}

/* A number, or one of KiB, MiB or GiB: 4096, 0x1000, 4K. */
static bool parse_number(const char *text, uint64_t *value)
{
	static const char units[] = "KMG";
	const char *unit;
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 0);
	if (errno || end == text || *text == '-')
		return false;
	unit = *end ? strchr(units, *end) : NULL;
	if (!unit)
		return !*end;
	if (end[1] || *value > UINT32_MAX)
		return false;
	*value <<= 10 * (unit - units + 1);
	return true;
}

static const char *set_number(struct loom_sim_config *config, const char *name, uint64_t value)
{
	if (same_name(name, "watchdog_ns")) {
		config->watchdog_ns = value;
		return NULL;
	}
	if (same_name(name, "workers")) {
		config->workers = value < UINT32_MAX ? value : UINT32_MAX;
		return NULL;
	}
	for (size_t i = 0; i < NUM_SIZES; i++) {
		if (!same_name(name, sizes[i].name))
			continue;
		if (value > UINT32_MAX)
			return "too large";
		*(uint32_t *)((char *)&config->caps + sizes[i].offset) = (uint32_t)value;
		return NULL;
	}
	return "the device has no such size";
}

static const char *parse_switch(const char *text, bool *on)
{
	*on = !strcmp(text, "on");
	return *on || !strcmp(text, "off") ? NULL : "on or off expected";
}

static const char *set_functional(struct loom_sim_config *config, const char *value)
{
	bool on;
	const char *wrong = parse_switch(value, &on);

	if (!wrong)
		config->functional = on ? LOOM_SIM_FUNCTIONAL_ON : LOOM_SIM_FUNCTIONAL_OFF;
	return wrong;
}

static const char *set_int8(struct loom_sim_config *config, const char *value)
{
	bool on;
	const char *wrong = parse_switch(value, &on);

	if (wrong)
		return wrong;
	config->caps.flags &= ~LOOM_CAP_INT8;
	config->caps.flags |= on ? LOOM_CAP_INT8 : 0;
	return NULL;
}

static const char *set_dataflow(struct loom_sim_config *config, const char *value)
{
	if (strcmp(value, "weight-stationary") && strcmp(value, "output-stationary"))
		return "weight-stationary or output-stationary expected";
	config->caps.dataflow = strcmp(value, "weight-stationary") ? LOOM_OUTPUT_STATIONARY :
								     LOOM_WEIGHT_STATIONARY;
	return NULL;
}

const char *loom_sim_set(struct loom_sim_config *config, const char *name, const char *value)
{
	uint64_t number;

	if (!strcmp(name, "functional"))
		return set_functional(config, value);
	if (!strcmp(name, "int8"))
		return set_int8(config, value);
	if (!strcmp(name, "dataflow"))
		return set_dataflow(config, value);
	if (!parse_number(value, &number))
		return "a number expected";
	return set_number(config, name, number);
}
