// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: the life of a job
 *
 * A submission is what one ioctl or one io_uring command brings: up to 256 jobs with one
 * completion. This file follows it from the first check to the last reference:
 *
 *   create    arguments are copied and checked; everything it will ever need is allocated
 *   queue     it is put at the end of the queue's FIFO; from here on it will end
 *   push      when its in-fences are signalled and the ring has room, its jobs go to the device
 *   complete  the device hands them back, in the interrupt; results are written
 *   finish    when all are back the fence is signalled or the io_uring command completed
 *
 * From `queue' on nothing is allocated and nothing sleeps.
 */

#include <linux/dma-mapping.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/loom_accel.h>

#include "loom_device.h"
#include "loom_fence.h"
#include "loom_gem.h"
#include "loom_hang.h"
#include "loom_isa.h"
#include "loom_job.h"
#include "loom_pm.h"
#include "loom_queue.h"
#include "loom_replay.h"
#include "loom_trace.h"
#include "loom_uring.h"
#include "loom_vm.h"

static_assert(sizeof(struct loom_hw_job) == 32);
static_assert(sizeof(struct loom_hw_cqe) == 128);

#define LOOM_JOB_FLAGS (DRM_LOOM_JOB_RELEASE_LAYER | DRM_LOOM_JOB_IDEMPOTENT)

/* ---- memory ---- */

/* What is kept cannot be seen to be used after its end. */
#define LOOM_MAX_SPARES (IS_ENABLED(CONFIG_KASAN) ? 0 : 64)

static struct loom_submission *loom_submission_take_spare(struct loom_file *lfile)
{
	struct loom_submission *sub;
	struct llist_node *node;

	if (llist_empty(&lfile->spares) || test_and_set_bit_lock(0, &lfile->taking))
		return NULL;
	node = llist_del_first(&lfile->spares);
	clear_bit_unlock(0, &lfile->taking);
	if (!node)
		return NULL;

	atomic_dec(&lfile->num_spares);
	sub = llist_entry(node, struct loom_submission, spare);
	memset(sub, 0, struct_size(sub, jobs, 1));
	return sub;
}

/*
 * Most submissions are of one job, and a busy program makes them by the thousand, so those that are
 * over are kept for the next ones. Nothing else limits how much a program may have waiting than the
 * account it is on.
 */
static struct loom_submission *loom_submission_alloc(struct loom_queue *queue, u32 num_jobs)
{
	struct loom_submission *sub = NULL;

	if (num_jobs == 1)
		sub = loom_submission_take_spare(queue->lfile);
	if (!sub)
		sub = kvzalloc(struct_size(sub, jobs, num_jobs), GFP_KERNEL_ACCOUNT);
	if (!sub)
		return NULL;

	kref_init(&sub->ref);
	atomic_set(&sub->num_waits, 1); /* dropped when it is queued */
	sub->queue = queue;
	sub->lfile = queue->lfile;
	sub->num_jobs = num_jobs;
	return sub;
}

/* May be called in a hard interrupt. */
static void loom_submission_free(struct loom_submission *sub)
{
	struct loom_file *lfile = sub->lfile;

	if (sub->num_jobs > 1 || atomic_read(&lfile->num_spares) >= LOOM_MAX_SPARES) {
		kvfree(sub);
		return;
	}
	atomic_inc(&lfile->num_spares);
	llist_add(&sub->spare, &lfile->spares);
}

/* No submission of the file is left. */
void loom_submission_free_spares(struct loom_file *lfile)
{
	struct loom_submission *sub, *next;

	llist_for_each_entry_safe(sub, next, llist_del_all(&lfile->spares), spare)
		kvfree(sub);
}

/* ---- create ---- */

static int loom_submit_check(struct drm_device *drm, const struct drm_loom_submit *args)
{
	if (args->flags & ~DRM_LOOM_SUBMIT_IRQ || args->pad) {
		drm_dbg(drm, "flags %#x, pad %#llx\n", args->flags, args->pad);
		return -EINVAL;
	}
	if (!args->num_jobs || args->num_jobs > DRM_LOOM_SUBMIT_MAX_JOBS) {
		drm_dbg(drm, "num_jobs %u\n", args->num_jobs);
		return -EINVAL;
	}
	if (args->num_in_syncs > DRM_LOOM_SUBMIT_MAX_SYNCS ||
	    args->num_out_syncs > DRM_LOOM_SUBMIT_MAX_SYNCS) {
		drm_dbg(drm, "num_in_syncs %u, num_out_syncs %u\n", args->num_in_syncs,
			args->num_out_syncs);
		return -EINVAL;
	}
	return 0;
}

static int loom_job_init(struct loom_job *job, struct loom_submission *sub,
			 const struct drm_loom_job *desc)
{
	struct loom_queue *queue = sub->queue;
	struct drm_device *drm = &queue->ldev->drm;

	if (!IS_ALIGNED(desc->cmd_va, 8) || desc->cmd_va >> LOOM_VA_BITS ||
	    !IS_ALIGNED(desc->cmd_size, 8)) {
		drm_dbg(drm, "cmd_va %#llx, cmd_size %#x\n", desc->cmd_va, desc->cmd_size);
		return -EINVAL;
	}
	if (desc->vm_slot >= queue->vm_slots) {
		drm_dbg(drm, "vm_slot %u of %u\n", desc->vm_slot, queue->vm_slots);
		return -EINVAL;
	}
	if (desc->flags & ~LOOM_JOB_FLAGS || desc->pad) {
		drm_dbg(drm, "job flags %#x, pad %#llx\n", desc->flags, desc->pad);
		return -EINVAL;
	}

	job->sub = sub;
	job->cmd_va = desc->cmd_va;
	job->cmd_size = desc->cmd_size;
	job->slot = desc->vm_slot;
	job->user_data = desc->user_data;
	if (desc->flags & DRM_LOOM_JOB_RELEASE_LAYER)
		job->flags |= LOOM_JOB_RELEASE_LAYER;
	job->idempotent = desc->flags & DRM_LOOM_JOB_IDEMPOTENT;
	return 0;
}

static int loom_submission_copy_jobs(struct loom_submission *sub,
				     const struct drm_loom_submit *args)
{
	struct drm_loom_job __user *user = u64_to_user_ptr(args->jobs);
	struct drm_loom_job desc;
	unsigned int i;
	int ret;

	for (i = 0; i < args->num_jobs; i++) {
		if (copy_from_user(&desc, user + i, sizeof(desc)))
			return -EFAULT;
		ret = loom_job_init(&sub->jobs[i], sub, &desc);
		if (ret)
			return ret;
	}
	if (args->flags & DRM_LOOM_SUBMIT_IRQ)
		sub->jobs[args->num_jobs - 1].flags |= LOOM_JOB_IRQ;
	return 0;
}

static int loom_submission_map_results(struct loom_submission *sub, struct drm_file *file,
				       const struct drm_loom_submit *args)
{
	struct drm_device *drm = file->minor->dev;
	u64 size = array_size(args->num_jobs, sizeof(struct drm_loom_result)), end;
	void *vaddr;

	if (!args->results_handle) {
		if (args->results_offset)
			drm_dbg(drm, "results_offset %#llx, no buffer\n", args->results_offset);
		return args->results_offset ? -EINVAL : 0;
	}

	sub->results_bo = loom_gem_lookup(file, args->results_handle);
	if (!sub->results_bo) {
		drm_dbg(drm, "results_handle %u: no such buffer\n", args->results_handle);
		return -ENOENT;
	}
	if (!IS_ALIGNED(args->results_offset, 8) ||
	    check_add_overflow(args->results_offset, size, &end) ||
	    end > loom_bo_size(sub->results_bo)) {
		drm_dbg(drm, "results_offset %#llx: not aligned, or results leave the buffer\n",
			args->results_offset);
		return -EINVAL;
	}

	vaddr = loom_gem_vmap(sub->results_bo);
	if (IS_ERR(vaddr))
		return PTR_ERR(vaddr);
	sub->results = vaddr + args->results_offset;
	return 0;
}

/**
 * loom_submission_create() - Copy and check a submission, and allocate what it will need
 * @queue: where it is to go; the caller keeps it alive until the submission is queued or put
 * @file: whose handles the arguments name; not necessarily current's
 * @args: in kernel memory
 *
 * Return: the submission, with a reference for the caller; or an ERR_PTR, and nothing is kept.
 */
struct loom_submission *loom_submission_create(struct loom_queue *queue, struct drm_file *file,
					       const struct drm_loom_submit *args)
{
	struct loom_submission *sub;
	int ret;

	ret = loom_submit_check(file->minor->dev, args);
	if (ret)
		return ERR_PTR(ret);
	if (loom_queue_is_user(queue)) {
		drm_dbg(file->minor->dev, "queue_id %u: a user-mode queue\n", args->queue_id);
		return ERR_PTR(-EINVAL);
	}

	sub = loom_submission_alloc(queue, args->num_jobs);
	if (!sub)
		return ERR_PTR(-ENOMEM);

	ret = loom_submission_copy_jobs(sub, args);
	if (ret)
		goto err_put_sub;
	ret = loom_submission_map_results(sub, file, args);
	if (ret)
		goto err_put_sub;
	if (args->num_in_syncs) {
		ret = loom_deps_add(sub, file, args);
		if (ret)
			goto err_put_sub;
	}
	return sub;

err_put_sub:
	loom_deps_remove(sub);
	loom_submission_put(sub);
	return ERR_PTR(ret);
}

/* ---- queue ---- */

static int loom_submission_check_vms(struct loom_queue *queue, struct loom_submission *sub)
{
	unsigned int i;

	for (i = 0; i < sub->num_jobs; i++) {
		struct loom_vm *vm = queue->slots[sub->jobs[i].slot].vm;

		if (!vm) {
			drm_dbg(&queue->ldev->drm, "vm_slot %u is empty\n", sub->jobs[i].slot);
			return -ENOENT;
		}
		if (READ_ONCE(vm->dead)) {
			drm_dbg(&queue->ldev->drm, "vm_slot %u: the VM is dead\n",
				sub->jobs[i].slot);
			return -EIO;
		}
	}
	return 0;
}

static void loom_submission_take_vms(struct loom_queue *queue, struct loom_submission *sub)
{
	unsigned int i;

	for (i = 0; i < sub->num_jobs; i++) {
		struct loom_slot *slot = &queue->slots[sub->jobs[i].slot];

		slot->jobs++;
		kref_get(&slot->vm->ref);
		sub->jobs[i].vm = slot->vm;
		if (!sub->jobs[i].idempotent)
			loom_vm_carry(slot->vm);
	}
}

/**
 * loom_submission_queue() - Let a submission go
 * @sub: the submission
 *
 * On success the caller's reference is the queue's, and @sub may be over before this returns.
 *
 * Return: 0; -ENOENT if a slot is empty; -EIO if a VM is dead; or what ended the queue.
 */
int loom_submission_queue(struct loom_submission *sub)
{
	struct loom_queue *queue = sub->queue;
	unsigned long flags;
	int ret;

	spin_lock_irqsave(&queue->lock, flags);
	ret = queue->error ?: loom_submission_check_vms(queue, sub);
	if (!ret) {
		loom_submission_take_vms(queue, sub);
		trace_loom_submission_queue(sub);
		loom_pm_busy(queue->ldev);
		list_add_tail(&sub->node, &queue->pending);
		atomic_dec(&sub->num_waits);
		loom_queue_push(queue);
	}
	spin_unlock_irqrestore(&queue->lock, flags);
	return ret;
}

/* ---- push ---- */

static void loom_job_push(struct loom_queue *queue, struct loom_job *job)
{
	struct loom_hw_job *desc = &queue->sq[queue->sq_tail % queue->entries];
	u16 tag = queue->free_tags[--queue->num_free_tags];

	job->seq = queue->sq_tail++;
	job->pushed = jiffies;
	job->begun = false;
	queue->jobs[tag] = job;

	desc->cookie = tag;
	desc->cmd_va = job->cmd_va;
	desc->cmd_size = job->cmd_size;
	desc->vm_slot = job->slot;
	desc->flags = job->flags;
	desc->seq = job->seq;
	desc->reserved = 0;
	trace_loom_job_push(queue, job);
}

/* What goes to the ring next, or NULL. What came back from the device goes before all else. */
static struct loom_job *loom_queue_next_job(struct loom_queue *queue)
{
	struct loom_submission *sub;
	struct loom_job *job;

	if (unlikely(!list_empty(&queue->parked))) {
		job = list_first_entry(&queue->parked, struct loom_job, node);
		list_del(&job->node);
		return job;
	}

	sub = list_first_entry_or_null(&queue->pending, struct loom_submission, node);
	if (!sub || atomic_read(&sub->num_waits))
		return NULL;
	job = &sub->jobs[sub->num_pushed++];
	if (sub->num_pushed == sub->num_jobs)
		list_del_init(&sub->node);
	return job;
}

/*
 * Put on the ring what may go there. In order: what waits for a fence holds back all behind it. The
 * ring never has more jobs than entries, so neither it nor the completion ring can overflow.
 */
void loom_queue_push(struct loom_queue *queue)
{
	u32 tail = queue->sq_tail;
	struct loom_job *job;

	lockdep_assert_held(&queue->lock);

	while (!queue->stopped && queue->num_free_tags) {
		job = loom_queue_next_job(queue);
		if (!job)
			break;
		loom_job_push(queue, job);
	}

	if (queue->sq_tail == tail)
		return;
	writel(queue->sq_tail, queue->doorbell); /* orders the entries before it */
	loom_hang_watch(queue->ldev);
}

/* ---- complete ---- */

/* One of a submission's jobs is over. Those that are complete are gathered for finish. */
static void loom_job_end(struct loom_queue *queue, struct loom_job *job, int status, u64 time,
			 struct list_head *finished)
{
	struct loom_submission *sub = job->sub;
	unsigned int index = job - sub->jobs;

	lockdep_assert_held(&queue->lock);

	if (status && (!sub->status || index < sub->first_failed)) {
		sub->status = status;
		sub->first_failed = index;
	}
	sub->end = max(sub->end, time);

	queue->slots[job->slot].jobs--;
	loom_vm_put(job->vm);
	if (++sub->num_done == sub->num_jobs)
		list_add_tail(&sub->node, finished);
}

static void loom_job_write_result(struct loom_job *job, const struct loom_hw_cqe *cqe, int status)
{
	struct loom_submission *sub = job->sub;
	struct drm_loom_result *result;

	if (!sub->results)
		return;

	result = &sub->results[job - sub->jobs];
	result->user_data = job->user_data;
	result->status = status;
	result->fault = cqe->fault;
	result->fault_cmd = cqe->fault_cmd;
	result->pad = 0;
	result->fault_addr = cqe->fault_addr;
	result->dispatched = cqe->dispatched;
	result->fetch_start = cqe->fetch_start;
	result->fetch_end = cqe->fetch_end;
	result->dma_start = cqe->dma_start;
	result->dma_end = cqe->dma_end;
	result->compute_start = cqe->compute_start;
	result->compute_end = cqe->compute_end;
	result->end = cqe->end;
	result->fetch_busy = cqe->fetch_busy;
	result->dma_busy = cqe->dma_busy;
	result->mac_busy = cqe->mac_busy;
	result->vector_busy = cqe->vector_busy;
	result->wait_weights = cqe->wait_weights;
	result->wait_dma = cqe->wait_dma;
}

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
			   const struct loom_hw_cqe *cqe)
{
	struct loom_vm_fault fault = {
		.fault = cqe->fault,
		.cmd = cqe->fault_cmd,
		.addr = cqe->fault_addr,
		.user_data = job->user_data,
	};

	if (!loom_vm_die(job->vm, &fault))
		return;
	dev_notice_ratelimited(queue->ldev->drm.dev,
			       "queue %u, context %u, job %#llx: %s (%u), command %d, address %#llx\n",
			       queue->hw_id, job->vm->ctx, job->user_data,
			       loom_fault_name(cqe->fault), cqe->fault, (int)cqe->fault_cmd,
			       cqe->fault_addr);
}

/* How a job ends that did not run because its VM is dead: of a reset, it is not to blame. */
static int loom_job_status_of_dead(struct loom_job *job)
{
	return READ_ONCE(job->vm->fault.fault) == LOOM_FAULT_RESET ? -ECANCELED : -EIO;
}

/* Make of the device's word what the user is told. */
static int loom_job_judge(struct loom_queue *queue, struct loom_job *job, struct loom_hw_cqe *cqe)
{
	if (cqe->fault == LOOM_FAULT_NONE)
		return 0;
	if (job->hung)
		cqe->fault = LOOM_FAULT_TIMEOUT;
	else if (READ_ONCE(job->vm->destroyed))
		cqe->fault = LOOM_FAULT_CANCELLED;

	switch (cqe->fault) {
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
		loom_job_fault(queue, job, cqe);
		return -EIO;
	}
}

static void loom_queue_account(struct loom_queue *queue, const struct loom_hw_cqe *cqe)
{
	atomic64_t *busy = queue->lfile->busy_ns;

	atomic64_add(cqe->fetch_busy, &busy[LOOM_ENGINE_FETCH]);
	atomic64_add(cqe->dma_busy, &busy[LOOM_ENGINE_DMA]);
	atomic64_add((u64)cqe->mac_busy + cqe->vector_busy, &busy[LOOM_ENGINE_COMPUTE]);
}

struct loom_job *loom_queue_take_job(struct loom_queue *queue, u32 tag)
{
	struct loom_job *job = queue->jobs[tag];

	queue->jobs[tag] = NULL;
	queue->free_tags[queue->num_free_tags++] = tag;
	return job;
}

/**
 * loom_job_complete() - Take a completion that the device has written
 * @queue: the queue
 * @cqe: a copy of the entry
 * @finished: takes the submission, if that was its last job
 *
 * Return: false if the entry makes no sense.
 */
bool loom_job_complete(struct loom_queue *queue, struct loom_hw_cqe *cqe,
		       struct list_head *finished)
{
	struct loom_job *job;
	int status;

	lockdep_assert_held(&queue->lock);

	if (cqe->cookie >= queue->entries || !queue->jobs[cqe->cookie] ||
	    queue->jobs[cqe->cookie]->seq != cqe->seq)
		return false;

	job = loom_queue_take_job(queue, cqe->cookie);
	if (unlikely(queue->holding) && loom_job_park(queue, job, cqe))
		return true;
	status = loom_job_judge(queue, job, cqe);
	loom_queue_account(queue, cqe);
	trace_loom_job_complete(queue, job, status, cqe->fault, cqe->end);
	loom_job_write_result(job, cqe, status);
	loom_job_end(queue, job, status, cqe->end, finished);
	return true;
}

/* End a job that the device does not have: with status, unless its VM's death says more. */
void loom_job_cancel(struct loom_queue *queue, struct loom_job *job, int status,
		     struct list_head *finished)
{
	struct loom_hw_cqe cqe = {
		.fault = LOOM_FAULT_CANCELLED,
		.fault_cmd = LOOM_NO_CMD,
	};

	if (job->hung)
		cqe.fault = LOOM_FAULT_TIMEOUT;
	else if (job->begun)
		cqe.fault = LOOM_FAULT_RESET;
	if (status == -ECANCELED && READ_ONCE(job->vm->dead))
		status = loom_job_status_of_dead(job);
	trace_loom_job_complete(queue, job, status, cqe.fault, 0);
	loom_job_write_result(job, &cqe, status);
	loom_job_end(queue, job, status, 0, finished);
}

/* End a job that a device, which is in reset, has forgotten. */
void loom_job_cancel_tag(struct loom_queue *queue, u32 tag, int status, struct list_head *finished)
{
	if (queue->jobs[tag])
		loom_job_cancel(queue, loom_queue_take_job(queue, tag), status, finished);
}

/* ---- finish ---- */

static void loom_submission_finish(struct loom_submission *sub)
{
	loom_pm_idle(sub->queue->ldev);
	if (sub->fence)
		loom_fence_signal(sub->fence, sub->status);
	loom_uring_complete(sub);
	loom_submission_put(sub);
}

/* Not under the queue's lock: those who are woken may want one. */
void loom_submission_finish_all(struct list_head *finished)
{
	struct loom_submission *sub, *next;

	list_for_each_entry_safe(sub, next, finished, node)
		loom_submission_finish(sub);
}

/* The last reference may go in a hard interrupt. Callbacks on in-fences are history, or removed. */
static void loom_submission_release(struct kref *ref)
{
	struct loom_submission *sub = container_of(ref, struct loom_submission, ref);

	while (sub->num_deps)
		dma_fence_put(sub->deps[--sub->num_deps].fence);
	kfree(sub->deps);
	dma_fence_put(sub->fence);
	if (sub->results_bo)
		loom_gem_put_atomic(sub->results_bo);
	loom_submission_free(sub);
}

void loom_submission_put(struct loom_submission *sub)
{
	kref_put(&sub->ref, loom_submission_release);
}

/* ---- the ioctl ---- */

static int loom_submit_fenced(struct loom_submission *sub, struct drm_file *file,
			      const struct drm_loom_submit *args)
{
	struct loom_out_sync *syncs;
	struct dma_fence *fence;
	int ret;

	syncs = loom_out_syncs_get(file, args);
	if (IS_ERR(syncs))
		return PTR_ERR(syncs);

	WRITE_ONCE(sub->queue->lfile->has_fences, true);
	fence = loom_fence_create();
	if (!fence) {
		ret = -ENOMEM;
		goto out_put_syncs;
	}
	sub->fence = dma_fence_get(fence);

	ret = loom_submission_queue(sub);
	if (!ret)
		loom_out_syncs_attach(syncs, args->num_out_syncs, fence);
	dma_fence_put(fence);

out_put_syncs:
	loom_out_syncs_put(syncs, args->num_out_syncs);
	return ret;
}

static int loom_submit(struct loom_queue *queue, struct drm_file *file,
		       const struct drm_loom_submit *args)
{
	struct loom_submission *sub;
	int ret;

	sub = loom_submission_create(queue, file, args);
	if (IS_ERR(sub))
		return PTR_ERR(sub);

	if (args->num_out_syncs)
		ret = loom_submit_fenced(sub, file, args);
	else
		ret = loom_submission_queue(sub);
	if (ret) {
		loom_deps_remove(sub);
		loom_submission_put(sub);
	}
	return ret;
}

int loom_ioctl_submit(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_loom_submit *args = data;
	struct loom_queue *queue;
	int ret, idx;

	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;

	/* Before anything has a fence: waking up is no part of what fences wait for. */
	loom_pm_wake(to_loom_device(drm));

	queue = loom_queue_lookup(file->driver_priv, args->queue_id);
	if (queue) {
		ret = loom_submit(queue, file, args);
		loom_queue_put(queue);
	} else {
		drm_dbg(drm, "queue_id %u: no such queue\n", args->queue_id);
		ret = -ENOENT;
	}
	drm_dev_exit(idx);
	return ret;
}

#if IS_ENABLED(CONFIG_DRM_ACCEL_LOOM_KUNIT_TEST)
#include "tests/loom_job_test.c"
#endif
