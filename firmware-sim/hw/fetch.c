/* SPDX-License-Identifier: MIT */
/*
 * The fetch engine: weights, from DRAM into the FIFO, as early as there is room.
 */
#include "device.h"

static uint32_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool describe(struct loom_sim *sim, struct core *core, struct burst *burst)
{
	struct job *job = job_issuing(core, ENGINE_FETCH);
	const struct loom_cmd_fetch *cmd;
	uint64_t left;

	if (!job)
		return false;
	cmd = (const void *)job->stream[ENGINE_FETCH][job->issued[ENGINE_FETCH]].cmd;
	left = cmd->bytes - job->moved[ENGINE_FETCH];
	*burst = (struct burst){
		.job = job,
		.engine = ENGINE_FETCH,
		.index = job->issued[ENGINE_FETCH],
		.bytes = min(left, sim->config.caps.dram_burst_bytes),
		.offset = job->moved[ENGINE_FETCH],
		.stream_offset = job->reserved,
	};
	burst->last = burst->bytes == left;
	return true;
}

/* The next burst it wants from the channel now. */
bool fetch_next(struct loom_sim *sim, struct core *core, struct burst *burst)
{
	struct job *job;

	if (!describe(sim, core, burst) || engine_hangs(core, ENGINE_FETCH, burst->job) ||
	    !weight_reserve(sim, core, burst->job, burst->bytes))
		return false;
	job = burst->job;
	job->moved[ENGINE_FETCH] = burst->last ? 0 : burst->offset + burst->bytes;
	job->issued[ENGINE_FETCH] += burst->last;
	return true;
}

enum fetch_state fetch_state(struct loom_sim *sim, struct core *core)
{
	struct burst burst;

	if (dram_serves(core, ENGINE_FETCH))
		return FETCH_BUSY;
	if (describe(sim, core, &burst))
		return weight_room(sim, core, burst.bytes) ? FETCH_WAIT_DRAM : FETCH_BLOCKED;
	return core->dram.in_flight[ENGINE_FETCH] ? FETCH_WAIT_DRAM : FETCH_IDLE;
}

void fetch_arrived(struct loom_sim *sim, struct core *core, const struct burst *burst)
{
	struct job *job = burst->job;
	const struct command *command = &job->stream[ENGINE_FETCH][burst->index];
	const struct loom_cmd_fetch *cmd = (const void *)command->cmd;
	uint8_t *to = job->weights ? job->weights + burst->stream_offset : NULL;
	enum loom_fault fault;
	uint64_t fault_va;

	job->arrived += burst->bytes;
	if (job->dead)
		return;
	fault_va = cmd->va + burst->offset;
	fault = inject_burst(sim, core, false);
	if (!fault)
		fault = mmu_read(sim, job->ctx, fault_va, to, burst->bytes, &fault_va);
	if (fault) {
		job_fault(sim, job, fault, command->number, fault_va);
		return;
	}
	job->cqe.fetch_end = sim->now / PS_PER_NS;
	job->done[ENGINE_FETCH] += burst->last;
}
