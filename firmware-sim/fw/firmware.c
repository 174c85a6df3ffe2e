/* SPDX-License-Identifier: MIT */
/*
 * The control processor: it does one thing at a time, and each takes its time. Admin commands go
 * first; then it takes a job from the queue that band.c names.
 */
#include "device.h"

#define HEARTBEAT_NS 100000

/* A count that a driver sees move as long as the firmware runs. */
uint32_t firmware_heartbeat(const struct loom_sim *sim)
{
	if (sim->state != LOOM_STATE_READY || sim->fw.hung)
		return sim->fw.heartbeat;
	return (uint32_t)((sim->now - sim->fw.ready_since) / (HEARTBEAT_NS * PS_PER_NS)) + 1;
}

void firmware_begin(struct loom_sim *sim, enum firmware_task task, uint64_t ns)
{
	sim->fw.task = task;
	event_set(sim, EVENT_FIRMWARE, sim->now + ns * PS_PER_NS);
}

void firmware_kick(struct loom_sim *sim)
{
	struct firmware *fw = &sim->fw;

	if (sim->state != LOOM_STATE_READY || fw->task != FW_IDLE || fw->hung)
		return;
	if (fw->admin_head != fw->admin_tail) {
		firmware_begin(sim, FW_ADMIN, sim->config.caps.fw_job_ns);
		return;
	}
	fw->queue = band_next(sim);
	if (fw->queue)
		firmware_begin(sim, FW_TAKE, sim->config.caps.fw_job_ns);
}

/* How long the job keeps the busiest part of the device busy, the firmware included. */
static uint64_t device_time(const struct loom_sim *sim, const struct job *job, uint64_t firmware_ns)
{
	uint64_t busiest = (sim->config.caps.fw_job_ns + firmware_ns) * PS_PER_NS;

	if (busiest < job->compute_left)
		busiest = job->compute_left;
	return busiest < job->dram_time ? job->dram_time : busiest;
}

/* The job was read and validated at once, but is dispatched only after the time this takes. */
static void take(struct loom_sim *sim)
{
	struct firmware *fw = &sim->fw;
	uint64_t ns;

	fw->job = job_take(sim, fw->queue);
	ns = (uint64_t)fw->job->num_cmds * sim->config.caps.fw_cmd_ns;
	band_charge(sim, fw->queue, device_time(sim, fw->job, ns));
	firmware_begin(sim, FW_DISPATCH, ns);
}

static void dispatch(struct loom_sim *sim)
{
	struct job *job = sim->fw.job;

	sim->fw.job = NULL;
	job_dispatch(sim, job);
}

void firmware_done(struct loom_sim *sim)
{
	enum firmware_task task = sim->fw.task;

	sim->fw.task = FW_IDLE;
	if (task == FW_ADMIN)
		admin_execute(sim);
	else if (task == FW_LEASE_COPY)
		admin_lease_copied(sim);
	else if (task == FW_TAKE)
		take(sim);
	else if (task == FW_DISPATCH)
		dispatch(sim);
}
