/* SPDX-License-Identifier: MIT */
/*
 * The life of a job: taken from its ring, copied, validated, dealt to the three engines, completed
 * when all of them are done with it.
 */
#include <stdlib.h>
#include <string.h>

#include "device.h"

/* Before dispatch there is nothing to stop: a fault is only noted. */
static void refuse(struct job *job, enum loom_fault fault, uint32_t cmd, uint64_t addr)
{
	job->cqe.fault = fault;
	job->cqe.fault_cmd = cmd;
	job->cqe.fault_addr = addr;
}

static struct context *look_up_vm(struct loom_sim *sim, const struct queue *queue, uint16_t slot)
{
	uint32_t id = 0;

	if (slot >= queue->desc.vm_slots ||
	    sim->ops->dma_read(sim->opaque, queue->desc.vm_table + 4ull * slot, &id, sizeof(id)))
		return NULL;
	return context_get(sim, id);
}

static bool desc_ok(const struct loom_hw_job *desc)
{
	return !(desc->flags & ~(LOOM_JOB_IRQ | LOOM_JOB_RELEASE_LAYER)) && !desc->reserved &&
	       !(desc->cmd_va % 8) && desc->cmd_size >= sizeof(struct loom_cmdbuf) &&
	       desc->cmd_size <= LOOM_CMDBUF_MAX_BYTES && !(desc->cmd_size % 8);
}

static bool copy_buffer(struct loom_sim *sim, struct job *job)
{
	enum loom_fault fault = LOOM_FAULT_BUS;
	uint64_t va = job->desc.cmd_va;

	job->buffer = malloc(job->desc.cmd_size);
	if (job->buffer)
		fault = mmu_read(sim, job->ctx, va, job->buffer, job->desc.cmd_size, &va);
	if (fault)
		refuse(job, fault, LOOM_NO_CMD, va);
	return !fault;
}

/* First command after the header; the buffer is valid. */
static const struct loom_cmd *first_cmd(const struct job *job)
{
	return (const void *)((const char *)job->buffer + sizeof(struct loom_cmdbuf));
}

static const struct loom_cmd *next_cmd(const struct loom_cmd *cmd)
{
	return (const void *)((const char *)cmd + cmd->size);
}

static void deal(struct job *job)
{
	const struct loom_cmd *cmd = first_cmd(job);
	struct command *commands = calloc(job->num_cmds + 1, sizeof(*commands));

	for (uint32_t i = 0; i < job->num_cmds; i++, cmd = next_cmd(cmd))
		job->count[opcode_engine(cmd->opcode)]++;
	job->stream[0] = commands;
	for (int e = 1; e < ENGINE_COUNT; e++)
		job->stream[e] = job->stream[e - 1] + job->count[e - 1];
	memset(job->count, 0, sizeof(job->count));
	cmd = first_cmd(job);
	for (uint32_t i = 0; i < job->num_cmds; i++, cmd = next_cmd(cmd)) {
		enum engine e = opcode_engine(cmd->opcode);

		job->stream[e][job->count[e]++] = (struct command){ .cmd = cmd, .number = i };
	}
}

/* What it will ask of the engines. */
static void estimate(const struct loom_hw_caps *caps, struct job *job)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < job->count[ENGINE_COMPUTE]; i++) {
		struct command *command = &job->stream[ENGINE_COMPUTE][i];

		command->ps = loom_timing_cycles_to_ps(caps,
						       loom_timing_cycles(caps, command->cmd));
		job->compute_left += command->ps;
	}
	for (uint32_t i = 0; i < job->count[ENGINE_DMA]; i++)
		bytes += loom_timing_dram_bytes(job->stream[ENGINE_DMA][i].cmd);
	job->dram_time = loom_timing_dram_ps(caps, bytes + job->weight_bytes);
}

static void check_and_deal(struct loom_sim *sim, struct job *job)
{
	const struct loom_cmdbuf *header = job->buffer;
	struct verdict verdict = validate(&sim->config, job->buffer, job->desc.cmd_size,
					  job->ctx->lease_size,
					  job->desc.flags & LOOM_JOB_RELEASE_LAYER);

	if (verdict.fault) {
		/* It took the time up to the offender. */
		job->num_cmds = verdict.cmd == LOOM_NO_CMD ? 0 : verdict.cmd + 1;
		refuse(job, verdict.fault, verdict.cmd, verdict.addr);
		return;
	}
	job->num_cmds = header->num_cmds;
	job->weight_bytes = header->weight_bytes;
	deal(job);
	estimate(&sim->config.caps, job);
}

static void read_desc(struct loom_sim *sim, struct job *job)
{
	struct queue *queue = job->queue;
	int err = sim->ops->dma_read(sim->opaque, queue_take_slot(sim, queue), &job->desc,
				     sizeof(job->desc));

	queue_write_state(sim, queue);
	if (err) {
		memset(&job->desc, 0, sizeof(job->desc));
		refuse(job, LOOM_FAULT_BUS, LOOM_NO_CMD, 0);
	}
	job->cqe.cookie = job->desc.cookie;
	job->cqe.seq = job->desc.seq;
}

/* Take the next job of a ring. What is wrong with it is in its completion entry. */
struct job *job_take(struct loom_sim *sim, struct queue *queue)
{
	struct job *job = calloc(1, sizeof(*job));

	job->queue = queue;
	job->cqe.fault_cmd = LOOM_NO_CMD;
	read_desc(sim, job);
	if (job->cqe.fault)
		return job;
	job->ctx = look_up_vm(sim, queue, job->desc.vm_slot);
	if (!job->ctx) {
		refuse(job, LOOM_FAULT_BAD_SLOT, LOOM_NO_CMD, job->desc.vm_slot);
		return job;
	}
	job->cqe.ctx = job->ctx->id;
	if (job->ctx->dead)
		refuse(job, job->ctx->dead, LOOM_NO_CMD, 0);
	else if (!desc_ok(&job->desc))
		refuse(job, LOOM_FAULT_BAD_CMDBUF, LOOM_NO_CMD, job->desc.cmd_va);
	else if (copy_buffer(sim, job))
		check_and_deal(sim, job);
	return job;
}

void job_dispatch(struct loom_sim *sim, struct job *job)
{
	struct core *core = queue_core(sim, job->queue);

	dram_cut(sim, core);
	core->job[core->num_jobs++] = job;
	core->compute_left += job->compute_left;
	core->fetch_left += job->weight_bytes;
	for (int e = 0; e < ENGINE_COMPUTE; e++)
		core->unissued[e] += job->count[e];
	core->ended = true;
	job->cqe.dispatched = sim->now / PS_PER_NS;
	if (job->cqe.fault == LOOM_FAULT_NONE && job->ctx->dead)
		refuse(job, job->ctx->dead, LOOM_NO_CMD, 0);
	if (job->cqe.fault != LOOM_FAULT_NONE) {
		struct loom_hw_cqe cqe = job->cqe;

		job->cqe.fault = LOOM_FAULT_NONE;
		job_fault(sim, job, cqe.fault, cqe.fault_cmd, cqe.fault_addr);
		return;
	}
	core->counters.commands += job->num_cmds;
	if (functional(sim) && job->weight_bytes)
		job->weights = pool_get(&core->weight_pool, job->weight_bytes);
	if (!job->count[ENGINE_COMPUTE])
		weight_release(job, UINT64_MAX);
}

void job_forget_left(struct core *core, struct job *job)
{
	core->compute_left -= job->compute_left;
	job->compute_left = 0;
	core->fetch_left -= job->weight_bytes - job->reserved;
	for (int e = 0; e < ENGINE_COMPUTE; e++)
		core->unissued[e] -= job->count[e] - job->issued[e];
}

void job_free(struct core *core, struct job *job)
{
	for (int e = 0; e < ENGINE_COMPUTE; e++)
		if (core->issuing[e] == job)
			core->issuing[e] = NULL;
	pool_put(&core->weight_pool, job->weights, job->weight_bytes);
	free(job->stream[0]);
	free(job->buffer);
	free(job);
}

bool job_has_left(const struct job *job, enum engine engine)
{
	return !job->dead && job->done[engine] < job->count[engine];
}

/*
 * Activations live in the lease from slice to slice: DMA of a job comes after all compute of its
 * context's earlier jobs, compute after all DMA. Fetch reads constants only and never waits.
 */
bool job_may_run(struct core *core, struct job *job, enum engine engine)
{
	enum engine other = engine == ENGINE_DMA ? ENGINE_COMPUTE : ENGINE_DMA;

	if (job->ordered[engine])
		return true;
	for (uint32_t i = 0; core->job[i] != job; i++)
		if (core->job[i]->ctx == job->ctx && job_has_left(core->job[i], other))
			return false;
	job->ordered[engine] = true;
	return true;
}

static bool has_unissued(const struct job *job, enum engine engine)
{
	return job && !job->dead && job->issued[engine] < job->count[engine];
}

void job_issued(struct core *core, struct job *job, enum engine engine)
{
	job->issued[engine]++;
	core->unissued[engine]--;
}

void job_unissue(struct core *core, struct job *job, enum engine engine)
{
	job->issued[engine]--;
	core->unissued[engine]++;
	core->issuing[engine] = job;
}

struct job *job_issuing(struct core *core, enum engine engine)
{
	if (has_unissued(core->issuing[engine], engine))
		return core->issuing[engine];
	if (!core->unissued[engine])
		return NULL;
	for (uint32_t i = 0; i < core->num_jobs; i++) {
		struct job *job = core->job[i];

		if (!has_unissued(job, engine))
			continue;
		core->issuing[engine] = job;
		return job;
	}
	return NULL;
}

static bool finished(const struct core *core, const struct job *job)
{
	return !job->in_flight && !engines_hold(core, job) && job->freed == job->reserved &&
	       !job_has_left(job, ENGINE_FETCH) && !job_has_left(job, ENGINE_DMA) &&
	       !job_has_left(job, ENGINE_COMPUTE);
}

/* Jobs of one context complete in order. */
static bool first_of_context(const struct core *core, uint32_t index)
{
	const struct context *ctx = core->job[index]->ctx;

	for (uint32_t i = 0; ctx && i < index; i++)
		if (core->job[i]->ctx == ctx)
			return false;
	return true;
}

static void fill_busy(struct job *job)
{
	struct loom_hw_cqe *cqe = &job->cqe;

	cqe->fetch_busy = job->busy[ENGINE_FETCH] / PS_PER_NS;
	cqe->dma_busy = job->busy[ENGINE_DMA] / PS_PER_NS;
	cqe->mac_busy = job->mac_busy / PS_PER_NS;
	cqe->vector_busy = job->vector_busy / PS_PER_NS;
	cqe->wait_weights = job->wait_weights / PS_PER_NS;
	cqe->wait_dma = job->wait_dma / PS_PER_NS;
}

static void complete(struct loom_sim *sim, struct core *core, uint32_t index)
{
	struct job *job = core->job[index];

	core->num_jobs--;
	memmove(&core->job[index], &core->job[index + 1],
		(core->num_jobs - index) * sizeof(core->job[0]));
	core->counters.jobs++;
	fill_busy(job);
	queue_complete(sim, job->queue, &job->cqe, job->desc.flags & LOOM_JOB_IRQ);
	job_free(core, job);
}

void jobs_complete(struct loom_sim *sim, struct core *core)
{
	uint32_t i = 0;

	if (!core->ended || sim->fw.hung)
		return;
	core->ended = false;
	while (i < core->num_jobs) {
		if (finished(core, core->job[i]) && first_of_context(core, i)) {
			complete(sim, core, i);
			i = 0;
		} else {
			i++;
		}
	}
}
