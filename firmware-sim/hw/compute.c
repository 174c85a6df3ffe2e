/* SPDX-License-Identifier: MIT */
/*
 * The compute engine: one in-order stream of commands for the MAC array and the vector unit, each
 * a sequence of passes. A pass starts when its weights are there; a command when its DMA is done
 * too. What a command does to the data happens at its end (execute.c).
 */
#include "device.h"

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static struct command *current(const struct job *job)
{
	return &job->stream[ENGINE_COMPUTE][job->done[ENGINE_COMPUTE]];
}

static struct job *next_job(struct core *core)
{
	for (uint32_t i = 0; i < core->num_jobs; i++)
		if (job_has_left(core->job[i], ENGINE_COMPUTE))
			return core->job[i];
	return NULL;
}

/* The engine does nothing from now on, for this reason and this job. */
void compute_stall(struct loom_sim *sim, struct core *core, enum stall stall, struct job *job)
{
	struct compute *compute = &core->compute;
	uint64_t ps = sim->now - compute->stalled_since;

	if (compute->stall == stall && compute->stalled == job)
		return;
	if (compute->stall == STALL_WEIGHTS)
		compute->stalled->wait_weights += ps;
	else if (compute->stall == STALL_DMA)
		compute->stalled->wait_dma += ps;
	compute->stall = stall;
	compute->stalled = job;
	compute->stalled_since = sim->now;
}

static void load_pass(struct compute *compute)
{
	compute->pass = passes_get(&compute->passes, compute->index);
}

/* Why the next pass of the job cannot start. */
static enum stall stalled_by(struct core *core, struct job *job)
{
	if (core->compute.index == 0 &&
	    (job->done[ENGINE_DMA] < current(job)->cmd->wait ||
	     !job_may_run(core, job, ENGINE_COMPUTE)))
		return STALL_DMA;
	return core->compute.pass.need > job->arrived ? STALL_WEIGHTS : STALL_NONE;
}

static void begin_command(struct loom_sim *sim, struct compute *compute, struct job *job)
{
	compute->job = job;
	compute->index = 0;
	compute->cycles = 0;
	compute->executed = 0;
	passes_plan(&compute->passes, &sim->config.caps, current(job)->cmd);
	load_pass(compute);
}

static void start_pass(struct loom_sim *sim, struct compute *compute)
{
	const struct loom_hw_caps *caps = &sim->config.caps;
	uint64_t before = loom_timing_cycles_to_ps(caps, compute->cycles);

	compute->cycles += compute->pass.cycles;
	compute->started = sim->now;
	if (!compute->job->cqe.compute_start)
		compute->job->cqe.compute_start = sim->now / PS_PER_NS;
	if (sim->config.watchdog_ns)
		event_set(sim, EVENT_WATCHDOG, sim->now - compute->executed +
			  sim->config.watchdog_ns * PS_PER_NS);
	/* The difference of two rounded sums: passes add up to the command's time exactly. */
	event_set(sim, EVENT_COMPUTE,
		  sim->now + loom_timing_cycles_to_ps(caps, compute->cycles) - before);
}

void compute_kick(struct loom_sim *sim, struct core *core)
{
	struct compute *compute = &core->compute;
	enum stall stall;

	if (sim->event[EVENT_COMPUTE].at != NEVER)
		return;
	if (!compute->job) {
		struct job *job = next_job(core);

		if (!job) {
			compute_stall(sim, core, STALL_NONE, NULL);
			return;
		}
		begin_command(sim, compute, job);
	}
	stall = stalled_by(core, compute->job);
	compute_stall(sim, core, stall, stall == STALL_NONE ? NULL : compute->job);
	if (stall == STALL_NONE && !engine_hangs(core, ENGINE_COMPUTE, compute->job))
		start_pass(sim, compute);
}

static void account(struct job *job, enum loom_unit unit, uint64_t ps)
{
	if (unit == LOOM_UNIT_MAC)
		job->mac_busy += ps;
	else if (unit == LOOM_UNIT_VECTOR)
		job->vector_busy += ps;
}

enum compute_state compute_state(const struct loom_sim *sim, const struct core *core)
{
	static const enum compute_state busy[] = {
		[LOOM_UNIT_NONE] = COMPUTE_IDLE,	/* takes no time */
		[LOOM_UNIT_MAC] = COMPUTE_MAC,
		[LOOM_UNIT_VECTOR] = COMPUTE_VECTOR,
	};
	const struct compute *compute = &core->compute;

	if (sim->event[EVENT_COMPUTE].at != NEVER)
		return busy[compute->passes.unit];
	return compute->stall == STALL_WEIGHTS ? COMPUTE_WAIT_WEIGHTS :
	       compute->stall == STALL_DMA ? COMPUTE_WAIT_DMA : COMPUTE_IDLE;
}

/* The command's data passes by: is a bit of it wrong? */
static bool memory_error(struct loom_sim *sim, struct core *core, struct job *job)
{
	const struct command *command = current(job);
	enum loom_fault fault = LOOM_FAULT_NONE;

	if (!inject_spoils_memory(sim))
		return false;
	if (loom_timing_weight_window(&sim->config.caps, command->cmd))
		fault = inject_read(sim, core, LOOM_MEMORY_WEIGHT_SRAM);
	if (!fault && command->cmd->opcode != LOOM_OP_NOP)
		fault = inject_read(sim, core, LOOM_MEMORY_ACT_SRAM);
	if (fault)
		job_fault(sim, job, fault, command->number, 0);
	return fault;
}

static void count_done(const struct loom_hw_caps *caps, struct core *core, struct job *job)
{
	const struct command *command = current(job);
	const struct loom_cmd *cmd = command->cmd;

	job->compute_left -= command->ps;
	core->compute_left -= command->ps;
	core->counters.macs += loom_timing_macs(cmd);
	core->macs_8bit += loom_timing_macs_8bit(cmd);
	core->sram_bytes += loom_timing_sram_bytes(caps, cmd);
}

static void end_command(struct loom_sim *sim, struct core *core, struct job *job)
{
	const struct loom_cmd *cmd = current(job)->cmd;
	bool by_layer = job->desc.flags & LOOM_JOB_RELEASE_LAYER;

	if (memory_error(sim, core, job))
		return;
	if (functional(sim))
		execute(&sim->config.caps, sim->workers, cmd, act_sram_of(core, job->ctx),
			job->weights);
	count_done(&sim->config.caps, core, job);
	core->compute.job = NULL;
	core->ended = true;
	job->cqe.compute_end = sim->now / PS_PER_NS;
	job->done[ENGINE_COMPUTE]++;
	if (job->done[ENGINE_COMPUTE] == job->count[ENGINE_COMPUTE])
		weight_release(job, UINT64_MAX);
	else if (!by_layer)
		weight_release(job, cmd->release_to);
}

void compute_pass_done(struct loom_sim *sim)
{
	struct core *core = &sim->core[0];
	struct compute *compute = &core->compute;
	struct job *job = compute->job;
	const struct loom_cmd *cmd = current(job)->cmd;

	account(job, loom_timing_unit(cmd), sim->now - compute->started);
	core->counters.progress++;
	compute->executed += sim->now - compute->started;
	event_set(sim, EVENT_WATCHDOG, NEVER);
	if (!(job->desc.flags & LOOM_JOB_RELEASE_LAYER))
		weight_release(job, min(compute->pass.done, cmd->release_to));
	compute->index++;
	if (compute->index == compute->passes.count)
		end_command(sim, core, job);
	else
		load_pass(compute);
}

/* The job died. If it was this one's turn, the engine is free at once. */
void compute_abort(struct loom_sim *sim, struct core *core, struct job *job)
{
	struct compute *compute = &core->compute;

	if (compute->stalled == job)
		compute_stall(sim, core, STALL_NONE, NULL);
	if (compute->job != job)
		return;
	if (sim->event[EVENT_COMPUTE].at != NEVER)
		account(job, loom_timing_unit(current(job)->cmd), sim->now - compute->started);
	event_set(sim, EVENT_COMPUTE, NEVER);
	event_set(sim, EVENT_WATCHDOG, NEVER);
	compute->job = NULL;
}
