/* SPDX-License-Identifier: MIT */
/*
 * The control processor: it does one thing at a time, and each takes its time. Admin commands go
 * first; then it takes one job from each queue in turn, as long as there is room for resident jobs.
 */
#include "device.h"

static void begin(struct loom_sim *sim, enum firmware_task task, uint64_t ns)
{
	sim->fw.task = task;
	event_set(sim, EVENT_FIRMWARE, sim->now + ns * PS_PER_NS);
}

void firmware_kick(struct loom_sim *sim)
{
	struct firmware *fw = &sim->fw;

	if (sim->state != LOOM_STATE_READY || fw->task != FW_IDLE)
		return;
	if (fw->admin_head != fw->admin_tail) {
		begin(sim, FW_ADMIN, sim->config.caps.fw_job_ns);
		return;
	}
	fw->queue = queue_next(sim);
	if (fw->queue)
		begin(sim, FW_TAKE, sim->config.caps.fw_job_ns);
}

/* The job was read and validated at once, but is dispatched only after the time this takes. */
static void take(struct loom_sim *sim)
{
	struct firmware *fw = &sim->fw;

	fw->job = job_take(sim, fw->queue);
	begin(sim, FW_DISPATCH, (uint64_t)fw->job->num_cmds * sim->config.caps.fw_cmd_ns);
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
	else if (task == FW_TAKE)
		take(sim);
	else if (task == FW_DISPATCH)
		dispatch(sim);
}
