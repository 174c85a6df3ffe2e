/* SPDX-License-Identifier: MIT */
/*
 * The door: see loom_sim.h. Every entry first lets happen what is due, then does its own thing,
 * then asks the host for the next call.
 */
#include <stdlib.h>

#include "device.h"

static void core_progress(struct loom_sim *sim, struct core *core)
{
	weight_reclaim(core);
	compute_kick(sim, core);
	dram_kick(sim, core);
	jobs_complete(sim, core);
	dram_await(sim, core);
	core_gauges_set(sim, core);
}

/* Let every part look whether it can go on. */
void sim_progress(struct loom_sim *sim)
{
	if (sim->state != LOOM_STATE_READY)
		return;
	for (uint32_t i = 0; i < sim->config.caps.num_cores; i++)
		core_progress(sim, &sim->core[i]);
	admin_finish_deferred(sim);
	firmware_kick(sim);
}

void sim_irq(struct loom_sim *sim, unsigned int vector)
{
	if (inject_loses_irq(sim))
		return;
	sim->interrupts++;
	sim->ops->irq(sim->opaque, vector);
}

static void sim_enter(struct loom_sim *sim, uint64_t now)
{
	events_run(sim, now * PS_PER_NS);
}

static void sim_leave(struct loom_sim *sim)
{
	uint64_t next;

	sim_progress(sim);
	next = events_next(sim);
	sim->ops->set_timer(sim->opaque,
			    next == NEVER ? UINT64_MAX : (next + PS_PER_NS - 1) / PS_PER_NS);
}

struct loom_sim *loom_sim_new(const struct loom_sim_config *config,
			      const struct loom_sim_ops *ops, void *opaque)
{
	const struct loom_hw_caps *caps = &config->caps;
	struct loom_sim *sim = calloc(1, sizeof(*sim));

	if (!sim)
		return NULL;
	sim->config = *config;
	sim->ops = ops;
	sim->opaque = opaque;
	if (functional(sim))
		sim->config.caps.flags |= LOOM_CAP_FUNCTIONAL;
	if (config->inject_register)
		sim->config.caps.flags |= LOOM_CAP_INJECT;
	sim->context = calloc(caps->max_contexts + 1, sizeof(*sim->context));
	sim->queue = calloc(caps->max_queues, sizeof(*sim->queue));
	for (uint32_t i = 0; i < caps->num_cores; i++)
		act_sram_init(&sim->core[i].act_sram, caps->act_sram_bytes);
	sim->workers = workers_new(config->workers);
	events_init(sim);
	boot_reset(sim);
	return sim;
}

void loom_sim_free(struct loom_sim *sim)
{
	if (!sim)
		return;
	boot_reset(sim);
	for (uint32_t i = 0; i < sim->config.caps.num_cores; i++) {
		act_sram_free(&sim->core[i].act_sram);
		pool_free(&sim->core[i].weight_pool);
	}
	workers_free(sim->workers);
	free(sim->queue);
	free(sim->context);
	free(sim);
}

static bool access_ok(uint64_t offset, unsigned int size)
{
	return (size == 4 || size == 8) && offset % size == 0 && offset + size <= LOOM_REGS_SIZE;
}

uint64_t loom_sim_read(struct loom_sim *sim, uint64_t now, uint64_t offset, unsigned int size)
{
	uint64_t value = UINT64_MAX;

	sim_enter(sim, now);
	if (access_ok(offset, size) && !sim->removed)
		value = registers_read(sim, offset, size);
	sim_leave(sim);
	return value;
}

void loom_sim_write(struct loom_sim *sim, uint64_t now, uint64_t offset, uint64_t value,
		    unsigned int size)
{
	sim_enter(sim, now);
	if (access_ok(offset, size) && !sim->removed) {
		registers_write(sim, offset, (uint32_t)value);
		if (size == 8)
			registers_write(sim, offset + 4, (uint32_t)(value >> 32));
	}
	sim_leave(sim);
}

void loom_sim_doorbell(struct loom_sim *sim, uint64_t now, unsigned int queue, uint32_t tail)
{
	sim_enter(sim, now);
	queue_doorbell(sim, queue, tail);
	sim_leave(sim);
}

void loom_sim_timer(struct loom_sim *sim, uint64_t now)
{
	sim_enter(sim, now);
	sim_leave(sim);
}

void loom_sim_reset(struct loom_sim *sim, uint64_t now)
{
	/* What was due before the reset did happen. */
	sim_enter(sim, now);
	boot_reset(sim);
	sim_leave(sim);
}

const char *loom_sim_inject(struct loom_sim *sim, uint64_t now, enum loom_inject kind,
			    uint32_t arg)
{
	const char *wrong;

	sim_enter(sim, now);
	wrong = inject(sim, kind, arg);
	sim_leave(sim);
	return wrong;
}

bool loom_sim_removed(const struct loom_sim *sim)
{
	return sim->removed;
}
