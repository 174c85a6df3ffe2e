/* SPDX-License-Identifier: MIT */
/*
 * The activation DMA engine: inputs, outputs and spills, between DRAM and the lease.
 *
 * A command's bytes are numbered from 0, row after row, whatever the pitches; a burst is a range
 * of these numbers.
 */
#include <string.h>

#include "device.h"

static uint32_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool may_start(struct core *core, struct job *job, const struct loom_cmd *cmd)
{
	return job->done[ENGINE_COMPUTE] >= cmd->wait && job_may_run(core, job, ENGINE_DMA);
}

/* Its next command, if that can be served. */
static struct job *ready(struct core *core)
{
	struct job *job = job_issuing(core, ENGINE_DMA);

	if (!job || !may_start(core, job, job->stream[ENGINE_DMA][job->issued[ENGINE_DMA]].cmd))
		return NULL;
	return job;
}

bool dma_wants(struct core *core)
{
	struct job *job = ready(core);

	return job && !engine_hangs(core, ENGINE_DMA, job);
}

/* The next burst it wants from the channel now. */
bool dma_next(struct loom_sim *sim, struct core *core, struct transfer *t)
{
	struct job *job = ready(core);
	uint64_t left;

	if (!job || engine_hangs(core, ENGINE_DMA, job))
		return false;
	left = loom_timing_dram_bytes(job->stream[ENGINE_DMA][job->issued[ENGINE_DMA]].cmd) -
	       job->moved[ENGINE_DMA];
	*t = (struct transfer){
		.job = job,
		.engine = ENGINE_DMA,
		.index = job->issued[ENGINE_DMA],
		.bytes = min(left, sim->config.caps.dram_burst_bytes),
		.burst = sim->config.caps.dram_burst_bytes,
		.offset = job->moved[ENGINE_DMA],
	};
	t->last = t->bytes == left;
	job->moved[ENGINE_DMA] = t->last ? 0 : t->offset + t->bytes;
	if (t->last)
		job_issued(core, job, ENGINE_DMA);
	return true;
}

enum dma_state dma_state(struct core *core)
{
	struct job *job = job_issuing(core, ENGINE_DMA);

	if (dram_serves(core, ENGINE_DMA))
		return DMA_BUSY;
	if (job && !may_start(core, job, job->stream[ENGINE_DMA][job->issued[ENGINE_DMA]].cmd))
		return DMA_WAIT_COMPUTE;
	return job || core->dram.in_flight[ENGINE_DMA] ? DMA_WAIT_DRAM : DMA_IDLE;
}

/* One row's part of a burst. */
struct piece {
	struct loom_sim *sim;
	const struct context *ctx;
	uint8_t *lease;
	uint64_t row, column;	/* column: byte in the row */
	uint64_t bytes;
	uint64_t fault_addr;
};

static enum loom_fault move_piece(struct piece *p, const struct loom_cmd_move *cmd)
{
	uint64_t va = cmd->va + p->row * cmd->va_pitch + p->column;
	uint8_t *at = p->lease + cmd->off + p->row * cmd->off_pitch + p->column;

	if (!functional(p->sim))
		at = NULL;
	if (cmd->hdr.opcode == LOOM_OP_STORE)
		return mmu_write(p->sim, p->ctx, va, at, p->bytes, &p->fault_addr);
	return mmu_read(p->sim, p->ctx, va, at, p->bytes, &p->fault_addr);
}

static int64_t read_index(const struct piece *p, const struct loom_cmd_gather *cmd)
{
	int32_t narrow;
	int64_t wide;

	if (cmd->index_dtype == LOOM_I32) {
		memcpy(&narrow, p->lease + cmd->index + 4 * p->row, sizeof(narrow));
		return narrow;
	}
	memcpy(&wide, p->lease + cmd->index + 8 * p->row, sizeof(wide));
	return wide;
}

static enum loom_fault gather_piece(struct piece *p, const struct loom_cmd_gather *cmd)
{
	/* Without data there is no index either: every row is the table's first. */
	int64_t index = functional(p->sim) ? read_index(p, cmd) : 0;
	uint8_t *at = p->lease + cmd->dst + p->row * cmd->dst_pitch + p->column;

	if (index < 0)
		index += cmd->table_rows;
	if (index < 0 || index >= cmd->table_rows) {
		p->fault_addr = cmd->index + p->row * (cmd->index_dtype == LOOM_I32 ? 4 : 8);
		return LOOM_FAULT_BAD_INDEX;
	}
	return mmu_read(p->sim, p->ctx, cmd->va + (uint64_t)index * cmd->row_bytes + p->column,
			functional(p->sim) ? at : NULL, p->bytes, &p->fault_addr);
}

static uint32_t row_bytes(const struct loom_cmd *cmd)
{
	return cmd->opcode == LOOM_OP_GATHER ? ((const struct loom_cmd_gather *)cmd)->row_bytes :
					       ((const struct loom_cmd_move *)cmd)->row_bytes;
}

static enum loom_fault copy_burst(struct piece *p, const struct loom_cmd *cmd,
				  const struct transfer *t)
{
	uint64_t at = t->offset, end = t->offset + t->bytes;
	uint32_t width = row_bytes(cmd);
	enum loom_fault fault = LOOM_FAULT_NONE;

	while (at < end && !fault) {
		p->row = at / width;
		p->column = at % width;
		p->bytes = min(width - p->column, end - at);
		fault = cmd->opcode == LOOM_OP_GATHER ? gather_piece(p, (const void *)cmd) :
							move_piece(p, (const void *)cmd);
		at += p->bytes;
	}
	return fault;
}

void dma_arrived(struct loom_sim *sim, struct core *core, const struct transfer *t)
{
	struct job *job = t->job;
	const struct command *command = &job->stream[ENGINE_DMA][t->index];
	struct piece piece = { .sim = sim, .ctx = job->ctx };
	enum loom_fault fault;

	if (job->dead)
		return;
	piece.lease = act_sram_of(core, job->ctx);
	fault = inject_burst(sim, core, command->cmd->opcode == LOOM_OP_STORE);
	if (!fault)
		fault = copy_burst(&piece, command->cmd, t);
	if (fault) {
		job_fault(sim, job, fault, command->number, piece.fault_addr);
		return;
	}
	job->cqe.dma_end = sim->now / PS_PER_NS;
	job->done[ENGINE_DMA] += t->last;
}
