/* SPDX-License-Identifier: MIT */
/*
 * LOOM_ADMIN_CORE_RESET: the engines forget what they do, whatever holds them, and the jobs that
 * were dispatched to them complete. Queues and contexts live on.
 */
#include <string.h>

#include "device.h"

/* No part of the core works for this job any more. */
static void abandon(struct loom_sim *sim, struct core *core, struct job *job)
{
	job_kill(sim, job, LOOM_FAULT_RESET);
	job->in_flight = 0;
	job->freed = job->reserved;
	if (job->ctx && !job->ctx->dead)
		job->ctx->dead = LOOM_FAULT_RESET;
}

uint16_t core_reset(struct loom_sim *sim, const struct loom_admin_core *desc)
{
	struct core *core;

	if (desc->core >= sim->config.caps.num_cores)
		return LOOM_ADMIN_BAD_ID;
	if (desc->reserved)
		return LOOM_ADMIN_BAD_FIELD;
	core = &sim->core[desc->core];
	log_line(sim, "core %u reset under %u jobs", desc->core, core->num_jobs);
	memset(core->hung, 0, sizeof(core->hung));
	memset(core->held, 0, sizeof(core->held));
	dram_drop(sim, core);
	for (uint32_t i = 0; i < core->num_jobs; i++)
		abandon(sim, core, core->job[i]);
	core->weight_used = 0;
	core->ended = true;
	jobs_complete(sim, core);
	return LOOM_ADMIN_OK;
}
