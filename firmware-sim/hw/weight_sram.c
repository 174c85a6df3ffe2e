/* SPDX-License-Identifier: MIT */
/*
 * The weight SRAM: a FIFO of bytes, filled in fetch order, freed in the same order. Jobs are
 * resident in that order too, so each job's part is described by offsets in the job (device.h) and
 * the FIFO is the sum of them. A dead job's part is freed when its turn comes.
 */
#include "device.h"

uint64_t weight_room(const struct loom_sim *sim, const struct core *core)
{
	return sim->config.caps.weight_sram_bytes - core->weight_used;
}

/* Room for the job's next bytes; there is. */
void weight_reserve(struct core *core, struct job *job, uint64_t bytes)
{
	core->weight_used += bytes;
	job->reserved += bytes;
	core->fetch_left -= bytes;
}

/* The last of them are not fetched yet after all. */
void weight_give_back(struct core *core, struct job *job, uint64_t bytes)
{
	core->weight_used -= bytes;
	job->reserved -= bytes;
	core->fetch_left += bytes;
}

/* Weights below offset are no longer needed. */
void weight_release(struct job *job, uint64_t offset)
{
	if (offset > job->release)
		job->release = offset;
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Free what was released, oldest first; nobody overtakes. */
void weight_reclaim(struct core *core)
{
	for (uint32_t i = 0; i < core->num_jobs; i++) {
		struct job *job = core->job[i];
		uint64_t freeable = min(job->release, job->arrived);

		if (freeable > job->freed) {
			core->weight_used -= freeable - job->freed;
			job->freed = freeable;
			core->ended |= job->freed == job->reserved;
		}
		if (job->freed < job->reserved)
			return;
	}
}
