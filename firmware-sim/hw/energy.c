/* SPDX-License-Identifier: MIT */
/*
 * The energy counters: what was done times what it costs (timing/energy.c). A compute command
 * counts when it is done, a burst when it begins, static power all the time since boot.
 */
#include "device.h"

void core_energy_read(const struct loom_sim *sim, const struct core *core,
		      struct loom_hw_counters *out)
{
	uint64_t ns = sim->now / PS_PER_NS - core->since;

	out->energy_mac = loom_energy_macs(out->macs - core->macs_8bit, core->macs_8bit);
	out->energy_sram = loom_energy_sram(core->sram_bytes);
	out->energy_dram = loom_energy_dram(out->dram_bytes);
	out->energy_static = loom_energy_static_mw(&sim->config.caps) * ns;
}
