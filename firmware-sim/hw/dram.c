/* SPDX-License-Identifier: MIT */
/*
 * The DRAM channel: one server that transfers bursts. Fetch and DMA take turns when both want it.
 * Latency delays a burst's arrival and not the next burst, up to MAX_OUTSTANDING on the way.
 *
 * While only fetch wants it, its bursts go as one transfer (transfer.c), which is cut after the
 * burst under way as soon as anything happens that could make a difference: every event and every
 * time is as if each burst had been an event.
 */
#include "device.h"

static uint64_t latency(const struct loom_sim *sim)
{
	return sim->config.caps.dram_latency_ns * PS_PER_NS;
}

static struct transfer *flight(struct dram *dram, uint32_t index)
{
	return &dram->flight[index % MAX_OUTSTANDING];
}

/* The transfer on the channel. */
static struct transfer *current(struct dram *dram)
{
	return flight(dram, dram->flight_tail - 1);
}

static uint32_t outstanding(const struct dram *dram)
{
	return dram->in_flight[ENGINE_FETCH] + dram->in_flight[ENGINE_DMA];
}

bool dram_serves(const struct core *core, enum engine engine)
{
	const struct dram *dram = &core->dram;

	return dram->busy &&
	       dram->flight[(dram->flight_tail - 1) % MAX_OUTSTANDING].engine == engine;
}

/* ---- what has happened by now ---- */

static void account(struct core *core, const struct transfer *t, const struct progress *p)
{
	struct loom_hw_counters *counters = &core->counters;

	t->job->in_flight += p->bursts;
	t->job->busy[t->engine] += p->ps;
	core->dram.in_flight[t->engine] += p->bursts;
	counters->progress += p->bursts;
	counters->dram_bytes += p->bytes;
	core->sram_bytes += p->bytes;
	if (t->engine == ENGINE_FETCH)
		counters->weight_bytes += p->bytes;
}

static void begin(struct loom_sim *sim, struct core *core, bool strictly)
{
	struct transfer *t = current(&core->dram);
	struct progress p = transfer_begin(t, sim->now, strictly);

	if (p.bursts)
		account(core, t, &p);
}

static void arrive(struct loom_sim *sim, struct core *core, struct transfer *t)
{
	struct progress p = transfer_arrive(t, sim->now, latency(sim));

	if (!p.bursts)
		return;
	t->job->in_flight -= p.bursts;
	core->dram.in_flight[t->engine] -= p.bursts;
	core->ended |= (t->last && t->arrived == t->count) || t->job->dead;
	if (t->engine == ENGINE_FETCH)
		fetch_arrived(sim, core, t, &p);
	else
		dma_arrived(sim, core, t);
}

/*
 * Bring everything up to now. An event that comes before the channel's at the same time
 * (`strictly`) does not see the burst that begins then.
 */
void dram_settle(struct loom_sim *sim, struct core *core, bool strictly)
{
	struct dram *dram = &core->dram;

	if (dram->busy)
		begin(sim, core, strictly);
	for (uint32_t i = dram->flight_head; i != dram->flight_tail; i++)
		arrive(sim, core, flight(dram, i));
	while (dram->flight_head != dram->flight_tail &&
	       flight(dram, dram->flight_head)->arrived ==
	       flight(dram, dram->flight_head)->count)
		dram->flight_head++;
}

/* ---- the channel ---- */

static enum engine other(enum engine engine)
{
	return engine == ENGINE_FETCH ? ENGINE_DMA : ENGINE_FETCH;
}

static void stamp_start(struct job *job, enum engine engine, uint64_t now)
{
	__u64 *start = engine == ENGINE_FETCH ? &job->cqe.fetch_start : &job->cqe.dma_start;

	if (!*start)
		*start = now / PS_PER_NS;
}

/* May several bursts go without anybody looking? MAX_OUTSTANDING must not get in their way. */
bool dram_quiet(struct loom_sim *sim, struct core *core)
{
	return !inject_watches_bursts(sim) && !dma_wants(core) &&
	       outstanding(&core->dram) + transfer_depth(sim) < MAX_OUTSTANDING;
}

static bool start_next(struct loom_sim *sim, struct core *core, enum engine engine)
{
	struct dram *dram = &core->dram;
	struct transfer *t = flight(dram, dram->flight_tail);

	if (engine == ENGINE_FETCH ? !fetch_next(sim, core, t) : !dma_next(sim, core, t))
		return false;
	t->watched = inject_watches_bursts(sim);
	transfer_start(sim, t, &dram->remainder);
	dram->flight_tail++;
	dram->busy = true;
	stamp_start(t->job, engine, sim->now);
	begin(sim, core, false);
	event_set(sim, EVENT_CHANNEL, t->end);
	return true;
}

void dram_kick(struct loom_sim *sim, struct core *core)
{
	struct dram *dram = &core->dram;
	enum engine first = dram->turn;

	if (dram->busy && (dma_wants(core) || core->hung[ENGINE_FETCH]))
		dram_cut(sim, core);
	if (dram->busy || outstanding(dram) == MAX_OUTSTANDING)
		return;
	if (start_next(sim, core, first))
		dram->turn = other(first);
	else if (!start_next(sim, core, other(first)))
		dram->remainder = 0;
}

/* The channel has transferred what it had. */
void dram_channel_free(struct loom_sim *sim)
{
	sim->core[0].dram.busy = false;
}

/* What has not begun does not begin before everybody has looked again. */
void dram_cut(struct loom_sim *sim, struct core *core)
{
	struct dram *dram = &core->dram;
	struct transfer *t = current(dram);

	if (!dram->busy || t->begun == t->count)
		return;
	fetch_take_back(core, t, transfer_cut(t, &dram->remainder));
	event_set(sim, EVENT_CHANNEL, t->end);
}

/* From now on each burst's arrival counts. */
void dram_watch(struct loom_sim *sim, struct core *core)
{
	struct dram *dram = &core->dram;

	dram_cut(sim, core);
	for (uint32_t i = dram->flight_head; i != dram->flight_tail; i++)
		flight(dram, i)->watched = true;
}

void dram_drop(struct loom_sim *sim, struct core *core)
{
	struct dram *dram = &core->dram;

	*dram = (struct dram){ .turn = ENGINE_FETCH };
	event_set(sim, EVENT_CHANNEL, NEVER);
	event_set(sim, EVENT_ARRIVAL, NEVER);
}

/* Bytes of fetches that are planned and not requested. */
uint64_t dram_planned(const struct core *core)
{
	const struct dram *dram = &core->dram;
	const struct transfer *t = &dram->flight[(dram->flight_tail - 1) % MAX_OUTSTANDING];

	return dram->busy && t->begun < t->count ? t->bytes - (uint64_t)t->begun * t->burst : 0;
}

/* ---- arrivals ---- */

/*
 * The first byte whose arrival anyone can tell. Weights are constants, so it is only about who
 * waits for them, or for the room that they leave at once.
 */
static uint64_t first_noticed(const struct core *core, const struct transfer *t, bool full)
{
	const struct compute *compute = &core->compute;
	uint64_t next = (uint64_t)t->arrived * t->burst, byte = UINT64_MAX;

	if (t->engine != ENGINE_FETCH || t->watched || full ||
	    t->job->release > t->job->arrived)
		return next;
	if (compute->stall == STALL_WEIGHTS && compute->job == t->job &&
	    compute->pass.need > t->stream_offset)
		byte = compute->pass.need - 1 - t->stream_offset;
	if (byte >= t->bytes)
		return t->last ? t->bytes - 1 : UINT64_MAX;
	return byte < next ? next : byte;
}

/* Let the next arrival that matters be an event. */
void dram_await(struct loom_sim *sim, struct core *core)
{
	struct dram *dram = &core->dram;
	bool full = !dram->busy && outstanding(dram) == MAX_OUTSTANDING;
	uint64_t at = NEVER;

	for (uint32_t i = dram->flight_head; i != dram->flight_tail && at == NEVER; i++) {
		const struct transfer *t = flight(dram, i);
		uint64_t byte = first_noticed(core, t, full);

		if (byte < t->bytes)
			at = transfer_arrival(t, byte, latency(sim));
	}
	event_set(sim, EVENT_ARRIVAL, at);
}

/* dram_settle() has done it. */
void dram_arrival(struct loom_sim *sim)
{
}
