/* SPDX-License-Identifier: MIT */
/*
 * The watchdog. Validation leaves no buffer that waits for ever, but a command may still be far
 * larger than its author meant; it is the only thing that can hold up everybody, so what is
 * watched is the time a compute command executes: compute.c arms the event for each pass with what
 * is left of watchdog_ns. Waiting for weights or DMA is not the command's fault and not counted.
 */
#include "device.h"

void watchdog_expire(struct loom_sim *sim)
{
	for (uint32_t i = 0; i < sim->config.caps.num_cores; i++) {
		struct job *job = sim->core[i].compute.job;

		if (job)
			job_fault(sim, job, LOOM_FAULT_TIMEOUT,
				  job->stream[ENGINE_COMPUTE][job->done[ENGINE_COMPUTE]].number,
				  0);
	}
}
