/* SPDX-License-Identifier: MIT */
/*
 * Whose job is next. The highest band with work is served; within it, the queue that has had the
 * least device time (start-time fair queueing: a queue that was empty starts level with the one in
 * service, so idling saves nothing up). A lower band that has waited as long as every band above it
 * may make it wait gets one job.
 *
 * Preemption is at slice boundaries, before dispatch: the engines' streams are in order, so what
 * was dispatched runs before a job of a higher band. How far the firmware dispatches ahead is
 * therefore bounded, by what prefetch can use: once the channel has work for as long as it takes
 * to fill the whole weight SRAM, or compute for twice that, a job dispatched now instead of later
 * would not start earlier.
 */
#include "device.h"

/* Bands, highest first. */
static const enum loom_band order[LOOM_BAND_COUNT] = {
	LOOM_BAND_REALTIME, LOOM_BAND_HIGH, LOOM_BAND_NORMAL, LOOM_BAND_IDLE,
};

/* The firmware's own time between two jobs must not show either. */
#define MARGIN_JOBS 8

void bands_init(struct loom_sim *sim)
{
	for (int band = 0; band < LOOM_BAND_COUNT; band++)
		sim->fw.band[band].quantum = LOOM_BAND_QUANTUM_US * 1000 * PS_PER_NS;
}

uint16_t band_set(struct loom_sim *sim, const struct loom_admin_band *desc)
{
	if (desc->band >= LOOM_BAND_COUNT)
		return LOOM_ADMIN_BAD_ID;
	sim->fw.band[desc->band].quantum = desc->quantum_us * 1000 * PS_PER_NS;
	return LOOM_ADMIN_OK;
}

/* ---- how far ahead ---- */

static uint64_t far_enough(const struct loom_hw_caps *caps)
{
	return loom_timing_dram_ps(caps, caps->weight_sram_bytes) +
	       MARGIN_JOBS * caps->fw_job_ns * PS_PER_NS;
}

/* The most bytes left to fetch that take no longer than that. */
uint64_t band_fetch_enough(const struct loom_sim *sim)
{
	const struct loom_hw_caps *caps = &sim->config.caps;

	return ((far_enough(caps) + 1) * caps->dram_mbps - 1) / 1000000;
}

static bool wants_more(const struct loom_sim *sim, const struct core *core)
{
	const struct loom_hw_caps *caps = &sim->config.caps;
	uint64_t enough, fetch;

	if (core->num_jobs < 2)
		return true;
	if (core->num_jobs == MAX_RESIDENT)
		return false;
	enough = far_enough(caps);
	fetch = loom_timing_dram_ps(caps, core->fetch_left + dram_planned(core));
	/* A long compute does not idle DRAM: what is fetched meanwhile need not be later. */
	return fetch <= enough && core->compute_left <= 2 * enough;
}

/* ---- work comes and goes ---- */

/* So many jobs were put into the queue's ring. */
void band_arrived(struct loom_sim *sim, struct queue *queue, uint32_t jobs)
{
	struct band *band = &sim->fw.band[queue->desc.band];

	if (queue->sq_head == queue->sq_tail && queue->share < band->share)
		queue->share = band->share;
	if (!band->in_rings)
		band->waiting_since = sim->now;
	band->in_rings += jobs;
	sim->fw.in_rings += jobs;
}

void band_left(struct loom_sim *sim, struct queue *queue)
{
	sim->fw.band[queue->desc.band].in_rings--;
	sim->fw.in_rings--;
}

/* The job that was just taken from the queue will keep the device busy so long. */
void band_charge(struct loom_sim *sim, struct queue *queue, uint64_t ps)
{
	sim->fw.band[queue->desc.band].share = queue->share;
	queue->share += ps;
}

/* ---- the choice ---- */

static bool has_job(const struct queue *queue)
{
	return queue->used && !queue->dying && queue->sq_head != queue->sq_tail;
}

static void consider(struct loom_sim *sim, struct queue *queue,
		     struct queue *candidate[LOOM_BAND_COUNT])
{
	struct queue **best;

	if (!has_job(queue) || !wants_more(sim, queue_core(sim, queue)))
		return;
	best = &candidate[queue->desc.band];
	if (!*best || queue->share < (*best)->share)
		*best = queue;
}

/* Of each band the queue with the least device time; of equals, the next in turn. */
static void find_candidates(struct loom_sim *sim, struct queue *candidate[LOOM_BAND_COUNT])
{
	uint32_t n = sim->config.caps.max_queues, next = sim->fw.next_queue;

	for (uint32_t i = next; i < n; i++)
		consider(sim, &sim->queue[i], candidate);
	for (uint32_t i = 0; i < next; i++)
		consider(sim, &sim->queue[i], candidate);
}

static bool any_wants_more(const struct loom_sim *sim)
{
	for (uint32_t i = 0; i < sim->config.caps.num_cores; i++)
		if (wants_more(sim, &sim->core[i]))
			return true;
	return false;
}

/* Has the band number `at` waited as long as each of those above it may ask? */
static bool waited_enough(const struct loom_sim *sim, struct queue *const *candidate, int at)
{
	uint64_t waited = sim->now - sim->fw.band[order[at]].waiting_since;

	for (int above = 0; above < at; above++) {
		const struct band *band = &sim->fw.band[order[above]];

		if (candidate[order[above]] && (!band->quantum || waited < band->quantum))
			return false;
	}
	return true;
}

static struct queue *choose(const struct loom_sim *sim, struct queue *const *candidate)
{
	struct queue *chosen = NULL;

	for (int at = 0; at < LOOM_BAND_COUNT; at++) {
		if (!candidate[order[at]])
			continue;
		if (chosen && waited_enough(sim, candidate, at))
			return candidate[order[at]];
		if (!chosen)
			chosen = candidate[order[at]];
	}
	return chosen;
}

/* The queue that the firmware takes the next job from, or NULL. */
struct queue *band_next(struct loom_sim *sim)
{
	struct queue *candidate[LOOM_BAND_COUNT] = { NULL }, *queue;

	if (!sim->fw.in_rings || !any_wants_more(sim))
		return NULL;
	find_candidates(sim, candidate);
	queue = choose(sim, candidate);
	if (!queue)
		return NULL;
	sim->fw.next_queue = (queue->desc.queue + 1) % sim->config.caps.max_queues;
	sim->fw.band[queue->desc.band].waiting_since = sim->now;
	return queue;
}
