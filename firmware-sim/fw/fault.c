/* SPDX-License-Identifier: MIT */
/*
 * What happens when a job cannot go on: it dies with a reason, its context with it, and nobody
 * else notices.
 */
#include "device.h"

/*
 * Stop a job wherever it is. Bursts under way arrive and are dropped, weights are discarded when
 * they reach the FIFO's end, and then it completes.
 */
void job_kill(struct loom_sim *sim, struct job *job, enum loom_fault fault)
{
	if (job->dead)
		return;
	dram_cut(sim, queue_core(sim, job->queue));
	job->dead = true;
	queue_core(sim, job->queue)->ended = true;
	job->cqe.fault = fault;
	job_forget_left(queue_core(sim, job->queue), job);
	weight_release(job, UINT64_MAX);
	compute_abort(sim, queue_core(sim, job->queue), job);
}

/*
 * Activations that the dead job would have written are missing, so the context's later jobs have
 * nothing to work on.
 */
static void kill_successors(struct loom_sim *sim, const struct job *job)
{
	struct core *core = queue_core(sim, job->queue);
	bool later = false;

	for (uint32_t i = 0; i < core->num_jobs; i++) {
		if (later && core->job[i]->ctx == job->ctx)
			job_kill(sim, core->job[i], LOOM_FAULT_CONTEXT_DEAD);
		later |= core->job[i] == job;
	}
}

static bool is_consequence(enum loom_fault fault)
{
	return fault == LOOM_FAULT_CONTEXT_DEAD || fault == LOOM_FAULT_CANCELLED ||
	       fault == LOOM_FAULT_RESET;
}

void job_fault(struct loom_sim *sim, struct job *job, enum loom_fault fault, uint32_t cmd,
	       uint64_t addr)
{
	if (job->dead)
		return;
	job_kill(sim, job, fault);
	job->cqe.fault_cmd = cmd;
	job->cqe.fault_addr = addr;
	if (is_consequence(fault))
		return;
	queue_core(sim, job->queue)->counters.faults++;
	log_line(sim, "queue %u, context %u, job %u: fault %u at command %d, address %#llx",
		 job->queue->desc.queue, job->cqe.ctx, job->cqe.seq, fault, (int)cmd,
		 (unsigned long long)addr);
	if (!job->ctx)
		return;
	if (!job->ctx->dead)
		job->ctx->dead = LOOM_FAULT_CONTEXT_DEAD;
	kill_successors(sim, job);
}
