// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The properties of the device:
 *
 *   -device loom,preset=memory-centric,functional=off,inject=on,bus=...
 *
 * A size of 0 (the default) is the preset's; hw-version and isa-version are for testing drivers.
 * The property `fault` is one or several faults on demand, NAME[:ARGUMENT] with + between them. It
 * can be set at start and, by qom-set, at any time:
 *
 *   -device loom,fault=slow-dram:25
 *   { "execute": "qom-set", "arguments": { "path": "loom0", "property": "fault",
 *                                          "value": "hang-compute:0" } }
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/qdev-properties.h"
#include "sysemu/cpu-timers.h"

#include "loom-pci.h"

static void override(uint32_t *size, uint32_t property)
{
	if (property)
		*size = property;
}

static void loom_override_sizes(struct loom_hw_caps *caps, const LoomSizes *p)
{
	override(&caps->array_rows, p->array_rows);
	override(&caps->array_cols, p->array_cols);
	override(&caps->num_arrays, p->num_arrays);
	override(&caps->clock_khz, p->clock_khz);
	override(&caps->acc_rows, p->acc_rows);
	override(&caps->wload_rows, p->wload_rows);
	override(&caps->vector_lanes, p->vector_lanes);
	override(&caps->weight_sram_bytes, p->weight_sram);
	override(&caps->act_sram_bytes, p->act_sram);
	override(&caps->dram_mbps, p->dram_mbps);
	override(&caps->dram_latency_ns, p->dram_latency_ns);
	override(&caps->dram_burst_bytes, p->dram_burst);
	override(&caps->fw_job_ns, p->fw_job_ns);
	override(&caps->fw_cmd_ns, p->fw_cmd_ns);
	override(&caps->hw_version, p->hw_version);
	override(&caps->isa_version, p->isa_version);
}

static bool loom_set_dataflow(LoomState *s, struct loom_sim_config *config, Error **errp)
{
	const char *wrong = s->dataflow ? loom_sim_set(config, "dataflow", s->dataflow) : NULL;

	if (wrong)
		error_setg(errp, "dataflow=%s: %s", s->dataflow, wrong);
	return !wrong;
}

bool loom_config(LoomState *s, struct loom_sim_config *config, Error **errp)
{
	const char *wrong;

	if (!loom_sim_preset(config, s->preset)) {
		g_autofree char *names = g_strjoinv(", ", (char **)loom_sim_presets());

		error_setg(errp, "preset=%s: there are %s", s->preset, names);
		return false;
	}
	if (!loom_set_dataflow(s, config, errp))
		return false;
	loom_override_sizes(&config->caps, &s->sizes);
	if (!s->functional)
		config->functional = LOOM_SIM_FUNCTIONAL_OFF;
	if (s->watchdog_ns != UINT64_MAX)
		config->watchdog_ns = s->watchdog_ns;
	config->inject_register = s->inject;
	config->workers = s->workers;
	if (icount_enabled())
		config->caps.flags |= LOOM_CAP_ICOUNT;
	wrong = loom_sim_check(config);
	if (wrong)
		error_setg(errp, "loom: %s", wrong);
	return !wrong;
}

/* ---- faults on demand ---- */

static bool loom_inject_one(LoomState *s, const char *fault, Error **errp)
{
	const char *wrong = loom_sim_inject_text(s->sim, loom_enter(s), fault);

	loom_leave(s);
	if (wrong) {
		g_autofree char *names = g_strjoinv(", ", (char **)loom_sim_faults());

		error_setg(errp, "fault=%s: %s; there are %s", fault, wrong, names);
	}
	return !wrong;
}

bool loom_config_faults(LoomState *s, Error **errp)
{
	g_auto(GStrv) faults = g_strsplit(s->fault, "+", 0);

	for (char **fault = faults; *fault; fault++)
		if (!loom_inject_one(s, *fault, errp))
			return false;
	return true;
}

static char *loom_get_fault(Object *obj, Error **errp)
{
	return g_strdup(LOOM(obj)->fault);
}

static void loom_set_fault(Object *obj, const char *value, Error **errp)
{
	LoomState *s = LOOM(obj);

	g_free(s->fault);
	s->fault = g_strdup(value);
	if (s->sim)
		loom_config_faults(s, errp);
}

static Property loom_properties[] = {
	DEFINE_PROP_STRING("preset", LoomState, preset),
	DEFINE_PROP_STRING("dataflow", LoomState, dataflow),
	DEFINE_PROP_BOOL("functional", LoomState, functional, true),
	DEFINE_PROP_BOOL("inject", LoomState, inject, false),
	DEFINE_PROP_UINT64("watchdog-ns", LoomState, watchdog_ns, UINT64_MAX),
	DEFINE_PROP_UINT32("workers", LoomState, workers, 0),
	DEFINE_PROP_UINT32("array-rows", LoomState, sizes.array_rows, 0),
	DEFINE_PROP_UINT32("array-cols", LoomState, sizes.array_cols, 0),
	DEFINE_PROP_UINT32("num-arrays", LoomState, sizes.num_arrays, 0),
	DEFINE_PROP_UINT32("clock-khz", LoomState, sizes.clock_khz, 0),
	DEFINE_PROP_UINT32("acc-rows", LoomState, sizes.acc_rows, 0),
	DEFINE_PROP_UINT32("wload-rows", LoomState, sizes.wload_rows, 0),
	DEFINE_PROP_UINT32("vector-lanes", LoomState, sizes.vector_lanes, 0),
	DEFINE_PROP_SIZE32("weight-sram", LoomState, sizes.weight_sram, 0),
	DEFINE_PROP_SIZE32("act-sram", LoomState, sizes.act_sram, 0),
	DEFINE_PROP_UINT32("dram-mbps", LoomState, sizes.dram_mbps, 0),
	DEFINE_PROP_UINT32("dram-latency-ns", LoomState, sizes.dram_latency_ns, 0),
	DEFINE_PROP_SIZE32("dram-burst", LoomState, sizes.dram_burst, 0),
	DEFINE_PROP_UINT32("fw-job-ns", LoomState, sizes.fw_job_ns, 0),
	DEFINE_PROP_UINT32("fw-cmd-ns", LoomState, sizes.fw_cmd_ns, 0),
	DEFINE_PROP_UINT32("hw-version", LoomState, sizes.hw_version, 0),
	DEFINE_PROP_UINT32("isa-version", LoomState, sizes.isa_version, 0),
	DEFINE_PROP_END_OF_LIST(),
};

void loom_config_class_init(ObjectClass *class)
{
	device_class_set_props(DEVICE_CLASS(class), loom_properties);
	object_class_property_add_str(class, "fault", loom_get_fault, loom_set_fault);
	object_class_property_set_description(class, "fault",
					      "faults to inject, NAME[:ARGUMENT][+...]");
}
