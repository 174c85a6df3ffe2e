// SPDX-License-Identifier: GPL-2.0-only
/* What the user is told of what the device said. */

#include <drm/drm_print.h>

#include "loom_device.h"
#include "loom_isa.h"
#include "loom_job.h"
#include "loom_queue.h"
#include "loom_vm.h"

static const char *const loom_fault_names[LOOM_FAULT_COUNT] = {
	[LOOM_FAULT_NONE] = "no fault",
	[LOOM_FAULT_BAD_HEADER] = "bad header",
	[LOOM_FAULT_ISA_VERSION] = "command stream of another version",
	[LOOM_FAULT_BAD_OPCODE] = "bad opcode",
	[LOOM_FAULT_BAD_SIZE] = "bad command size",
	[LOOM_FAULT_BAD_FIELD] = "bad field",
	[LOOM_FAULT_BAD_WAIT] = "bad wait",
	[LOOM_FAULT_BAD_LEASE] = "outside the lease",
	[LOOM_FAULT_BAD_WEIGHT] = "weights not there",
	[LOOM_FAULT_TILE_TOO_LARGE] = "tile too large",
	[LOOM_FAULT_SLICE_TOO_LARGE] = "slice too large",
	[LOOM_FAULT_BAD_INDEX] = "bad index",
	[LOOM_FAULT_MMU_READ] = "MMU read fault",
	[LOOM_FAULT_MMU_WRITE] = "MMU write fault",
	[LOOM_FAULT_BUS] = "bus error",
	[LOOM_FAULT_BAD_SLOT] = "no VM in the slot",
	[LOOM_FAULT_CONTEXT_DEAD] = "context dead",
	[LOOM_FAULT_CANCELLED] = "cancelled",
	[LOOM_FAULT_TIMEOUT] = "timeout",
	[LOOM_FAULT_BAD_CMDBUF] = "bad command buffer",
	[LOOM_FAULT_RESET] = "the core was reset under the job",
	[LOOM_FAULT_ECC] = "uncorrectable memory error",
};

static const char *loom_fault_name(u32 fault)
{
	return fault < LOOM_FAULT_COUNT ? loom_fault_names[fault] : "unknown fault";
}

/* The VM dies of it. Who runs into the dead VM afterwards is not worth a line in the log. */
static void loom_job_fault(struct loom_queue *queue, struct loom_job *job,
			   const struct loom_hw_cqe *cqe, u32 number)
{
	struct loom_vm_fault fault = {
		.fault = number,
		.cmd = cqe->fault_cmd,
		.addr = cqe->fault_addr,
		.user_data = job->user_data,
	};

	if (!loom_vm_die(job->vm, &fault))
		return;
	dev_notice_ratelimited(queue->ldev->drm.dev,
			       "queue %u, context %u, job %#llx: %s (%u), command %d, address %#llx\n",
			       queue->hw_id, job->vm->ctx, job->user_data,
			       loom_fault_name(number), number, (int)fault.cmd, fault.addr);
}

/* How a job ends that did not run because its VM is dead: of a reset, it is not to blame. */
int loom_job_status_of_dead(struct loom_job *job)
{
	return READ_ONCE(job->vm->fault.fault) == LOOM_FAULT_RESET ? -ECANCELED : -EIO;
}

/* What the device says is not always why: it was told to let go of a job that hung. */
u32 loom_job_mend_fault(struct loom_job *job, u32 fault)
{
	if (job->hung)
		return LOOM_FAULT_TIMEOUT;
	return READ_ONCE(job->vm->destroyed) ? LOOM_FAULT_CANCELLED : fault;
}

/* Make of the device's word what the user is told. */
int loom_job_judge(struct loom_queue *queue, struct loom_job *job, const struct loom_hw_cqe *cqe,
		   u32 fault)
{
	switch (fault) {
	case LOOM_FAULT_CANCELLED:
		return READ_ONCE(job->vm->dead) ? loom_job_status_of_dead(job) : -ECANCELED;
	case LOOM_FAULT_CONTEXT_DEAD:
		return loom_job_status_of_dead(job);
	case LOOM_FAULT_BAD_SLOT:
	case LOOM_FAULT_RESET:
		if (READ_ONCE(job->vm->dead))
			return loom_job_status_of_dead(job);
		fallthrough;
	default:
		loom_job_fault(queue, job, cqe, fault);
		return -EIO;
	}
}
