/* SPDX-License-Identifier: MIT */
/*
 * From reset to ready and back.
 */
#include <string.h>

#include "device.h"

/* The ROM's time from LOOM_CTRL_BOOT to ready. */
#define BOOT_NS 10000

static bool admin_rings_ok(const struct firmware *fw)
{
	uint32_t n = fw->admin_entries;

	return n && n <= MAX_ADMIN && !(n & (n - 1)) &&
	       !(fw->admin_sq % sizeof(struct loom_admin_cmd)) &&
	       !(fw->admin_cq % sizeof(struct loom_admin_cqe));
}

static bool admin_rings_answer(struct loom_sim *sim)
{
	static const struct loom_admin_cqe empty;
	struct loom_admin_cmd cmd;

	return !sim->ops->dma_read(sim->opaque, sim->fw.admin_sq, &cmd, sizeof(cmd)) &&
	       !sim->ops->dma_write(sim->opaque, sim->fw.admin_cq, &empty, sizeof(empty));
}

void boot_start(struct loom_sim *sim)
{
	if (sim->state != LOOM_STATE_RESET)
		return;
	sim->state = LOOM_STATE_BOOTING;
	event_set(sim, EVENT_BOOT, sim->now + BOOT_NS * PS_PER_NS);
}

void boot_finish(struct loom_sim *sim)
{
	if (!admin_rings_ok(&sim->fw)) {
		boot_crash(sim, LOOM_BOOT_BAD_ADMIN_RING);
	} else if (!admin_rings_answer(sim)) {
		boot_crash(sim, LOOM_BOOT_BUS);
	} else {
		sim->state = LOOM_STATE_READY;
		sim->fw.ready_since = sim->now;
		log_line(sim, "interface %u.%u, instruction set %u.%u, ready", LOOM_HW_MAJOR,
			 LOOM_HW_MINOR, LOOM_ISA_MAJOR, LOOM_ISA_MINOR);
		for (uint32_t i = 0; i < sim->config.caps.num_cores; i++)
			core_gauges_start(&sim->core[i], sim->now);
		sim_irq(sim, 0);
		inject_waiting(sim);
	}
}

/* The firmware cannot go on, and says so. */
void boot_crash(struct loom_sim *sim, enum loom_boot_error error)
{
	log_line(sim, "crash, error %u", error);
	for (int id = 0; id < EVENT_COUNT; id++)
		event_set(sim, id, NEVER);
	sim->fw.heartbeat = firmware_heartbeat(sim);
	sim->state = LOOM_STATE_CRASHED;
	sim->error = error;
	sim_irq(sim, 0);
}

static void clear_core(struct core *core, uint64_t now)
{
	for (uint32_t i = 0; i < core->num_jobs; i++)
		job_free(core, core->job[i]);
	/* Host memory is kept; the lease clears it for its next tenant. */
	*core = (struct core){
		.act_sram = core->act_sram,
		.weight_pool = core->weight_pool,
		.dram.turn = ENGINE_FETCH,
	};
	core_gauges_start(core, now);
}

void boot_reset(struct loom_sim *sim)
{
	const struct loom_hw_caps *caps = &sim->config.caps;

	for (int id = 0; id < EVENT_COUNT; id++)
		event_set(sim, id, NEVER);
	if (sim->fw.job)
		job_free(queue_core(sim, sim->fw.job->queue), sim->fw.job);
	for (uint32_t i = 0; i < caps->num_cores; i++)
		clear_core(&sim->core[i], sim->now);
	memset(sim->context, 0, (caps->max_contexts + 1) * sizeof(*sim->context));
	memset(sim->queue, 0, caps->max_queues * sizeof(*sim->queue));
	memset(&sim->fw, 0, sizeof(sim->fw));
	bands_init(sim);
	inject_end(sim);
	memset(sim->tlb, 0, sizeof(sim->tlb));
	memset(sim->tlb_regions, 0, sizeof(sim->tlb_regions));
	sim->state = LOOM_STATE_RESET;
	sim->error = LOOM_BOOT_OK;
	sim->interrupts = 0;
}
