/* SPDX-License-Identifier: MIT */
/*
 * A transfer: bursts of one command that follow each other on the channel with nothing in between,
 * in closed form. Which burst is under way, and what has arrived, is worked out when somebody
 * looks; an event is needed only where somebody would act.
 */
#include "device.h"

/* Bytes per 100 s, so that a percentage of the bandwidth (fw/inject.c) is whole. */
#define SCALE 100000000ull

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Bytes of the first n bursts. */
static uint64_t bytes_of(const struct transfer *t, uint64_t n)
{
	return min(n * t->burst, t->bytes);
}

/* Fractions of a picosecond are carried, so a long transfer takes exactly bytes / bandwidth. */
static uint64_t time_of(const struct transfer *t, uint64_t bytes)
{
	return (t->remainder + bytes * SCALE) / t->bandwidth;
}

/* When the channel has transferred the first n bursts. */
static uint64_t end_of(const struct transfer *t, uint32_t n)
{
	return t->start + time_of(t, bytes_of(t, n));
}

/* How many the channel has transferred by then. */
static uint32_t ended_by(const struct transfer *t, uint64_t at)
{
	if (at >= t->end)
		return t->count;
	if (at < t->start)
		return 0;
	/* n bursts have ended if their time, rounded down, is at most at - start */
	return min(t->count - 1, ((at - t->start + 1) * t->bandwidth - 1 - t->remainder) /
				 (t->burst * SCALE));
}

/* The transfer's fields say what; the channel takes it now. */
void transfer_start(const struct loom_sim *sim, struct transfer *t, uint64_t *remainder)
{
	t->bandwidth = (uint64_t)sim->config.caps.dram_mbps * sim->inject.dram_percent;
	t->remainder = *remainder;
	t->start = sim->now;
	t->count = (t->bytes + t->burst - 1) / t->burst;
	t->end = end_of(t, t->count);
	*remainder = (t->remainder + t->bytes * SCALE) % t->bandwidth;
}

/* Only the bursts that have begun go on; the bytes that do not. */
uint64_t transfer_cut(struct transfer *t, uint64_t *remainder)
{
	uint64_t left = t->bytes - bytes_of(t, t->begun);

	t->count = t->begun;
	t->bytes -= left;
	t->end = end_of(t, t->count);
	*remainder = (t->remainder + t->bytes * SCALE) % t->bandwidth;
	return left;
}

/* Bursts begin: `strictly` before this time, or at it too. Returns how many, and their bytes. */
struct progress transfer_begin(struct transfer *t, uint64_t at, bool strictly)
{
	uint32_t begun = min(t->count, 1 + ended_by(t, strictly ? at - 1 : at));
	struct progress p = { 0 };

	if (begun <= t->begun)
		return p;
	p.bursts = begun - t->begun;
	p.bytes = bytes_of(t, begun) - bytes_of(t, t->begun);
	p.ps = end_of(t, begun) - end_of(t, t->begun);
	t->begun = begun;
	return p;
}

/* Bursts arrive, those of which it is time. */
struct progress transfer_arrive(struct transfer *t, uint64_t at, uint64_t latency)
{
	uint32_t arrived = at < latency ? 0 : ended_by(t, at - latency);
	struct progress p = { .offset = bytes_of(t, t->arrived) };

	if (arrived <= t->arrived)
		return p;
	p.bursts = arrived - t->arrived;
	p.bytes = bytes_of(t, arrived) - p.offset;
	p.at = end_of(t, arrived) + latency;
	t->arrived = arrived;
	return p;
}

/* When the burst with this byte, of those that have not arrived, arrives. */
uint64_t transfer_arrival(const struct transfer *t, uint64_t byte, uint64_t latency)
{
	return end_of(t, byte / t->burst + 1) + latency;
}

/* How many bursts of this size may be on their way at once, the one on the channel included. */
uint64_t transfer_depth(const struct loom_sim *sim)
{
	const struct loom_hw_caps *caps = &sim->config.caps;
	uint64_t each = loom_timing_dram_ps(caps, caps->dram_burst_bytes);

	return each ? caps->dram_latency_ns * PS_PER_NS / each + 2 : UINT64_MAX;
}
