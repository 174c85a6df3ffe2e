/* SPDX-License-Identifier: MIT */
/*
 * The device's time: one slot for each thing that can happen next.
 *
 * Events are handled in order of their exact time, however late the host calls. An event with
 * slack does nothing that anyone outside can see, and causes nothing visible earlier than its
 * slack from then; so the host's timer is set as late as the slack allows. Bursts of DRAM are
 * worked out when an event, or the host, wants to know (dram_settle()).
 */
#include "device.h"

void events_init(struct loom_sim *sim)
{
	static void (*const handlers[EVENT_COUNT])(struct loom_sim *) = {
		[EVENT_BOOT] = boot_finish,
		[EVENT_ARRIVAL] = dram_arrival,
		[EVENT_CHANNEL] = dram_channel_free,
		[EVENT_COMPUTE] = compute_pass_done,
		[EVENT_WATCHDOG] = watchdog_expire,
		[EVENT_FIRMWARE] = firmware_done,
	};

	for (int id = 0; id < EVENT_COUNT; id++)
		sim->event[id] = (struct event){ .at = NEVER, .handle = handlers[id] };
	/* What a freed channel does next arrives a latency later. */
	sim->event[EVENT_CHANNEL].slack = sim->config.caps.dram_latency_ns * PS_PER_NS;
}

void event_set(struct loom_sim *sim, enum event_id id, uint64_t at)
{
	sim->event[id].at = at;
}

static struct event *events_earliest(struct loom_sim *sim)
{
	struct event *earliest = &sim->event[0];

	for (int id = 1; id < EVENT_COUNT; id++)
		if (sim->event[id].at < earliest->at)
			earliest = &sim->event[id];
	return earliest;
}

static void settle(struct loom_sim *sim, bool strictly)
{
	for (uint32_t i = 0; i < sim->config.caps.num_cores; i++)
		dram_settle(sim, &sim->core[i], strictly);
}

/* Everything due up to now (ps). */
void events_run(struct loom_sim *sim, uint64_t now)
{
	struct event *event = events_earliest(sim);

	while (event->at <= now && event->at != NEVER) {
		sim->now = event->at;
		settle(sim, event < &sim->event[EVENT_CHANNEL]);
		/* A burst that faults may have ended the job that the event was for. */
		if (event->at == sim->now) {
			event->at = NEVER;
			event->handle(sim);
		}
		sim_progress(sim);
		event = events_earliest(sim);
	}
	if (now > sim->now)
		sim->now = now;
	settle(sim, false);
}

/* When the host has to call again, ps. */
uint64_t events_next(const struct loom_sim *sim)
{
	uint64_t next = NEVER;

	for (int id = 0; id < EVENT_COUNT; id++) {
		const struct event *event = &sim->event[id];

		if (event->at != NEVER && event->at + event->slack < next)
			next = event->at + event->slack;
	}
	return next;
}
