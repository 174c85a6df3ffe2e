/* SPDX-License-Identifier: MIT */
/*
 * The DRAM channel: one server that transfers bursts. Fetch and DMA take turns when both want it.
 * Latency delays a burst's arrival and not the next burst, up to MAX_OUTSTANDING on the way.
 * The bytes themselves are copied at arrival.
 */
#include "device.h"

static bool next_from(struct loom_sim *sim, struct core *core, enum engine engine)
{
	struct burst *burst = &core->dram.current;

	return engine == ENGINE_FETCH ? fetch_next(sim, core, burst) : dma_next(sim, core, burst);
}

static enum engine other(enum engine engine)
{
	return engine == ENGINE_FETCH ? ENGINE_DMA : ENGINE_FETCH;
}

/* Fractions of a picosecond are carried, so a long transfer takes exactly bytes / bandwidth. */
static uint64_t transfer_time(struct loom_sim *sim, struct dram *dram, uint32_t bytes)
{
	/* per 100 s, so that a percentage of it (fw/inject.c) is whole */
	uint64_t bandwidth = (uint64_t)sim->config.caps.dram_mbps * sim->inject.dram_percent;
	uint64_t scaled = bytes * 100000000ull + dram->remainder;

	dram->remainder = scaled % bandwidth;
	return scaled / bandwidth;
}

static void stamp_start(struct job *job, enum engine engine, uint64_t now)
{
	__u64 *start = engine == ENGINE_FETCH ? &job->cqe.fetch_start : &job->cqe.dma_start;

	if (!*start)
		*start = now / PS_PER_NS;
}

static void account(struct core *core, const struct burst *burst, uint64_t ps)
{
	struct loom_hw_counters *counters = &core->counters;

	burst->job->busy[burst->engine] += ps;
	counters->progress++;
	counters->dram_bytes += burst->bytes;
	core->sram_bytes += burst->bytes;
	if (burst->engine == ENGINE_FETCH)
		counters->weight_bytes += burst->bytes;
}

/* Is the burst on the channel this engine's? */
bool dram_serves(const struct core *core, enum engine engine)
{
	return core->dram.busy && core->dram.current.engine == engine;
}

static void start(struct loom_sim *sim, struct core *core)
{
	struct dram *dram = &core->dram;
	struct burst *burst = &dram->current;
	uint64_t ps = transfer_time(sim, dram, burst->bytes);

	dram->busy = true;
	burst->job->in_flight++;
	dram->in_flight[burst->engine]++;
	stamp_start(burst->job, burst->engine, sim->now);
	account(core, burst, ps);
	event_set(sim, EVENT_CHANNEL, sim->now + ps);
}

void dram_kick(struct loom_sim *sim, struct core *core)
{
	struct dram *dram = &core->dram;
	enum engine first = dram->turn;

	if (dram->busy || dram->flight_tail - dram->flight_head == MAX_OUTSTANDING)
		return;
	if (next_from(sim, core, first)) {
		dram->turn = other(first);
		start(sim, core);
	} else if (next_from(sim, core, other(first))) {
		start(sim, core);
	} else {
		dram->remainder = 0;
	}
}

void dram_drop(struct loom_sim *sim, struct core *core)
{
	struct dram *dram = &core->dram;

	*dram = (struct dram){ .turn = ENGINE_FETCH };
	event_set(sim, EVENT_CHANNEL, NEVER);
	event_set(sim, EVENT_ARRIVAL, NEVER);
}

static void wait_for_arrival(struct loom_sim *sim, const struct dram *dram)
{
	const struct burst *next = &dram->flight[dram->flight_head % MAX_OUTSTANDING];

	event_set(sim, EVENT_ARRIVAL,
		  dram->flight_head == dram->flight_tail ? NEVER : next->arrives);
}

/* The channel has transferred its burst. */
void dram_channel_free(struct loom_sim *sim)
{
	struct dram *dram = &sim->core[0].dram;

	dram->busy = false;
	dram->current.arrives = sim->now + sim->config.caps.dram_latency_ns * PS_PER_NS;
	dram->flight[dram->flight_tail++ % MAX_OUTSTANDING] = dram->current;
	wait_for_arrival(sim, dram);
}

/* Can anyone tell when this burst arrives? Weights are constants, so it is only about who waits. */
static bool noticed(const struct core *core, const struct burst *burst)
{
	const struct compute *compute = &core->compute;

	if (burst->engine != ENGINE_FETCH || burst->last)
		return true;
	return compute->stall == STALL_WEIGHTS && compute->job == burst->job &&
	       burst->stream_offset + burst->bytes >= compute->pass.need;
}

uint64_t dram_deadline(const struct loom_sim *sim)
{
	const struct core *core = &sim->core[0];
	const struct dram *dram = &core->dram;
	const struct burst *first = &dram->flight[dram->flight_head % MAX_OUTSTANDING];
	uint64_t slack = sim->config.caps.dram_latency_ns * PS_PER_NS;

	if (dram->flight_head == dram->flight_tail)
		return NEVER;
	for (uint32_t i = dram->flight_head; i != dram->flight_tail; i++) {
		const struct burst *burst = &dram->flight[i % MAX_OUTSTANDING];

		if (burst->arrives >= first->arrives + slack)
			break;
		if (noticed(core, burst))
			return burst->arrives;
	}
	return first->arrives + slack;
}

void dram_arrival(struct loom_sim *sim)
{
	struct core *core = &sim->core[0];
	struct dram *dram = &core->dram;
	struct burst burst = dram->flight[dram->flight_head++ % MAX_OUTSTANDING];

	burst.job->in_flight--;
	dram->in_flight[burst.engine]--;
	core->ended |= burst.last || burst.job->dead;
	if (burst.engine == ENGINE_FETCH)
		fetch_arrived(sim, core, &burst);
	else
		dma_arrived(sim, core, &burst);
	wait_for_arrival(sim, dram);
}
