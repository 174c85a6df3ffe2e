/* SPDX-License-Identifier: MIT */
/*
 * The fetch engine: weights, from DRAM into the FIFO, as early as there is room.
 */
#include "device.h"

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static const struct loom_cmd_fetch *command_of(const struct job *job, uint32_t index)
{
	return (const void *)job->stream[ENGINE_FETCH][index].cmd;
}

/* The next burst. */
static bool describe(struct loom_sim *sim, struct core *core, struct transfer *t)
{
	struct job *job = job_issuing(core, ENGINE_FETCH);
	uint64_t left;

	if (!job)
		return false;
	left = command_of(job, job->issued[ENGINE_FETCH])->bytes - job->moved[ENGINE_FETCH];
	*t = (struct transfer){
		.job = job,
		.engine = ENGINE_FETCH,
		.index = job->issued[ENGINE_FETCH],
		.bytes = min(left, sim->config.caps.dram_burst_bytes),
		.burst = sim->config.caps.dram_burst_bytes,
		.offset = job->moved[ENGINE_FETCH],
		.stream_offset = job->reserved,
	};
	t->last = t->bytes == left;
	return true;
}

static uint64_t whole_bursts(const struct transfer *t, uint64_t bytes)
{
	return bytes / t->burst * t->burst;
}

/*
 * The firmware looks how much there is left to fetch (band.c): where that falls to enough, a burst
 * begins a transfer.
 */
static uint64_t before_enough(const struct loom_sim *sim, const struct core *core,
			      const struct transfer *t, uint64_t bytes)
{
	uint64_t enough = band_fetch_enough(sim), left = core->fetch_left;

	if (left <= enough + t->burst || left - bytes > enough)
		return bytes;
	return whole_bursts(t, left - enough - 1);
}

/* As many bursts as can go without anybody looking. */
static void extend(struct loom_sim *sim, struct core *core, struct transfer *t)
{
	const struct loom_cmd_fetch *cmd = command_of(t->job, t->index);
	uint64_t left = cmd->bytes - t->offset, room = weight_room(sim, core), bytes;

	bytes = left <= room ? left : whole_bursts(t, room);
	bytes = before_enough(sim, core, t, bytes);
	if (bytes > t->bytes) {
		uint64_t readable = mmu_readable(sim, t->job->ctx, cmd->va + t->offset, bytes);

		bytes = readable < bytes ? whole_bursts(t, readable) : bytes;
	}
	if (bytes > t->bytes)
		t->bytes = bytes;
	t->last = t->bytes == left;
}

/* What it wants from the channel now. */
bool fetch_next(struct loom_sim *sim, struct core *core, struct transfer *t)
{
	struct job *job;

	if (!describe(sim, core, t) || engine_hangs(core, ENGINE_FETCH, t->job) ||
	    weight_room(sim, core) < t->bytes)
		return false;
	if (!t->last && dram_quiet(sim, core))
		extend(sim, core, t);
	job = t->job;
	weight_reserve(core, job, t->bytes);
	job->moved[ENGINE_FETCH] = t->last ? 0 : t->offset + t->bytes;
	if (t->last)
		job_issued(core, job, ENGINE_FETCH);
	return true;
}

/* The transfer was cut: its last bytes are to be requested again. */
void fetch_take_back(struct core *core, struct transfer *t, uint64_t bytes)
{
	struct job *job = t->job;

	weight_give_back(core, job, bytes);
	if (t->last)
		job_unissue(core, job, ENGINE_FETCH);
	job->moved[ENGINE_FETCH] = t->offset + t->bytes;
	t->last = false;
}

enum fetch_state fetch_state(struct loom_sim *sim, struct core *core)
{
	struct transfer t;

	if (dram_serves(core, ENGINE_FETCH))
		return FETCH_BUSY;
	if (describe(sim, core, &t))
		return weight_room(sim, core) >= t.bytes ? FETCH_WAIT_DRAM : FETCH_BLOCKED;
	return core->dram.in_flight[ENGINE_FETCH] ? FETCH_WAIT_DRAM : FETCH_IDLE;
}

static enum loom_fault copy(struct loom_sim *sim, struct core *core, const struct transfer *t,
			    const struct progress *p, uint64_t *va)
{
	uint8_t *to = t->job->weights;
	enum loom_fault fault;

	*va = command_of(t->job, t->index)->va + t->offset + p->offset;
	fault = inject_burst(sim, core, false);
	/* All of a longer transfer can be read: extend() has looked. */
	if (fault || (!to && t->count > 1 && !t->watched))
		return fault;
	return mmu_read(sim, t->job->ctx, *va, to ? to + t->stream_offset + p->offset : NULL,
			p->bytes, va);
}

void fetch_arrived(struct loom_sim *sim, struct core *core, const struct transfer *t,
		   const struct progress *p)
{
	struct job *job = t->job;
	enum loom_fault fault;
	uint64_t fault_va;

	job->arrived += p->bytes;
	if (job->dead)
		return;
	fault = copy(sim, core, t, p, &fault_va);
	if (fault) {
		job_fault(sim, job, fault, job->stream[ENGINE_FETCH][t->index].number, fault_va);
		return;
	}
	job->cqe.fetch_end = p->at / PS_PER_NS;
	job->done[ENGINE_FETCH] += t->last && t->arrived == t->count;
}
