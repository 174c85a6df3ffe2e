/* SPDX-License-Identifier: MIT */
/*
 * What each engine does, or waits for, at every moment: an engine is in one state at a time, so
 * its states' times add up to the time since boot. A change of state happens at the nanosecond it
 * falls into, as stamps do; so the sum is exact in nanoseconds too.
 */
#include "device.h"

void gauge_start(struct gauge *gauge, unsigned int state, uint64_t now)
{
	*gauge = (struct gauge){ .state = state, .since = now / PS_PER_NS };
}

void gauge_set(struct gauge *gauge, unsigned int state, uint64_t now)
{
	uint64_t ns = now / PS_PER_NS;

	if (gauge->state == state)
		return;
	gauge->ns[gauge->state] += ns - gauge->since;
	gauge->state = state;
	gauge->since = ns;
}

/* With what is still running. */
static struct gauge read_gauge(const struct gauge *gauge, uint64_t now)
{
	struct gauge r = *gauge;

	r.ns[r.state] += now / PS_PER_NS - r.since;
	return r;
}

void core_gauges_start(struct core *core, uint64_t now)
{
	core->since = now / PS_PER_NS;
	gauge_start(&core->fetch, FETCH_IDLE, now);
	gauge_start(&core->dma, DMA_IDLE, now);
	gauge_start(&core->compute.gauge, COMPUTE_IDLE, now);
	gauge_start(&core->dry, DRY, now);
}

void core_gauges_set(struct loom_sim *sim, struct core *core)
{
	gauge_set(&core->fetch, fetch_state(sim, core), sim->now);
	gauge_set(&core->dma, dma_state(core), sim->now);
	gauge_set(&core->compute.gauge, compute_state(sim, core), sim->now);
}

static void read_dram(const struct core *core, uint64_t now, struct loom_hw_counters *out)
{
	struct gauge fetch = read_gauge(&core->fetch, now), dma = read_gauge(&core->dma, now);

	out->fetch_busy = fetch.ns[FETCH_BUSY];
	out->fetch_blocked = fetch.ns[FETCH_BLOCKED];
	out->fetch_wait_dram = fetch.ns[FETCH_WAIT_DRAM];
	out->fetch_idle = fetch.ns[FETCH_IDLE];
	out->dma_busy = dma.ns[DMA_BUSY];
	out->dma_wait_dram = dma.ns[DMA_WAIT_DRAM];
	out->dma_wait_compute = dma.ns[DMA_WAIT_COMPUTE];
	out->dma_idle = dma.ns[DMA_IDLE];
	out->dram_busy = out->fetch_busy + out->dma_busy;
}

void core_gauges_read(const struct core *core, uint64_t now, struct loom_hw_counters *out)
{
	struct gauge compute = read_gauge(&core->compute.gauge, now);

	read_dram(core, now, out);
	out->mac_busy = compute.ns[COMPUTE_MAC];
	out->vector_busy = compute.ns[COMPUTE_VECTOR];
	out->compute_busy = out->mac_busy + out->vector_busy;
	out->compute_wait_weights = compute.ns[COMPUTE_WAIT_WEIGHTS];
	out->compute_wait_dma = compute.ns[COMPUTE_WAIT_DMA];
	out->compute_idle = compute.ns[COMPUTE_IDLE];
	out->dry = read_gauge(&core->dry, now).ns[DRY];
}
