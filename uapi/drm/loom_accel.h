/* SPDX-License-Identifier: MIT */
/*
 * loom_accel.h - ioctls and io_uring commands, between programs and the driver.
 */
#ifndef LOOM_ACCEL_H
#define LOOM_ACCEL_H

#ifdef __KERNEL__
#include <drm/drm.h>
#else
#include <drm.h>
#endif

#if defined(__cplusplus)
extern "C" {
#endif

/**
 * DOC: objects
 *
 * A buffer (BO) is memory; a VM is a device address space with an optional lease on the activation
 * SRAM; a queue is a ring of jobs on one core. A queue has a table of the VMs that its jobs may
 * name, by slot, so one queue carries the slices of many models in order. A job runs one command
 * buffer (loom_isa.h) that lies in its VM.
 *
 * Ids of VMs and queues belong to the open file.
 */

/**
 * DOC: completion
 *
 * Every job can leave a struct drm_loom_result in a buffer that the submission names. The ioctl
 * signals syncobjs when all jobs of the submission are done; the io_uring command posts one CQE
 * then: res is 0 or a negative errno (that of the first job that failed), res2 (big CQE) is the
 * device time in ns at which the last job ended. Waiting is DRM_IOCTL_SYNCOBJ_WAIT or
 * DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, or reaping the CQE.
 */

/**
 * DOC: errors
 *
 * Everywhere: EINVAL a bad argument, flag, size or a reserved field that is not zero; ENOENT a
 * handle or id that names nothing; EFAULT a bad user pointer; ENOMEM; ENOSPC no lease, VM or queue
 * left; EDQUOT the user has as many as are allowed; EPERM a band needs a privilege; ENODEV the
 * device is gone; EIO the VM is dead (an earlier job of it faulted); EINTR a signal came, and
 * nothing was done.
 */

#define DRM_LOOM_MAJOR 1	/* struct drm_version: version_major, version_minor */
#define DRM_LOOM_MINOR 3

/* Place new ioctls at the end; do not re-order. */
#define DRM_LOOM_QUERY		0x00
#define DRM_LOOM_BO_CREATE	0x01
#define DRM_LOOM_BO_MMAP	0x02
#define DRM_LOOM_VM_CREATE	0x03
#define DRM_LOOM_VM_DESTROY	0x04
#define DRM_LOOM_VM_BIND	0x05
#define DRM_LOOM_QUEUE_CREATE	0x06
#define DRM_LOOM_QUEUE_DESTROY	0x07
#define DRM_LOOM_QUEUE_SET_VM	0x08
#define DRM_LOOM_SUBMIT		0x09
#define DRM_LOOM_QUEUE_WAIT	0x0a	/* since 1.1 */

/* ---- query ---- */

/**
 * enum drm_loom_query_type - What &drm_loom_query.type may be
 */
enum drm_loom_query_type {
	/** @DRM_LOOM_QUERY_DEVICE: struct loom_hw_caps (loom_hw.h) */
	DRM_LOOM_QUERY_DEVICE = 0,
	/** @DRM_LOOM_QUERY_COUNTERS: struct loom_hw_counters of the core that index says */
	DRM_LOOM_QUERY_COUNTERS = 1,
	/** @DRM_LOOM_QUERY_TIME: struct drm_loom_time */
	DRM_LOOM_QUERY_TIME = 2,
	/** @DRM_LOOM_QUERY_VM: struct drm_loom_vm_info of the VM that index says */
	DRM_LOOM_QUERY_VM = 3,
	/** @DRM_LOOM_QUERY_RECOVERIES: struct drm_loom_recoveries; since 1.1 */
	DRM_LOOM_QUERY_RECOVERIES = 4,
};

/**
 * struct drm_loom_query - DRM_IOCTL_LOOM_QUERY
 *
 * With data zero, size comes back as what the driver knows. Otherwise the smaller of both sizes is
 * copied and size comes back as the number of bytes copied.
 */
struct drm_loom_query {
	/** @type: enum drm_loom_query_type */
	__u32 type;
	/** @index: of a core or VM, where the type has one; else zero */
	__u32 index;
	/** @size: in and out, bytes at data */
	__u32 size;
	/** @pad: must be zero */
	__u32 pad;
	/** @data: user pointer */
	__u64 data;
};

/**
 * struct drm_loom_time - The clocks, read together
 */
struct drm_loom_time {
	/** @monotonic_ns: CLOCK_MONOTONIC */
	__u64 monotonic_ns;
	/** @device_ns: device time, that of results */
	__u64 device_ns;
	/** @instructions: of the guest, as the emulator counts; 0 when it does not */
	__u64 instructions;
	/** @interrupts: MSI-X messages that the device sent */
	__u64 interrupts;
};

/**
 * struct drm_loom_vm_info - The health of a VM
 */
struct drm_loom_vm_info {
	/** @dead: a job faulted; destroy the VM */
	__u32 dead;
	/** @fault: enum loom_fault (loom_isa.h) of that job */
	__u32 fault;
	/** @fault_cmd: number of the command to blame, or 0xffffffff */
	__u32 fault_cmd;
	/** @lease_bytes: activation SRAM that the VM has */
	__u32 lease_bytes;
	/** @fault_addr: what that command wanted to reach */
	__u64 fault_addr;
	/** @user_data: of that job */
	__u64 user_data;
};

/**
 * struct drm_loom_recoveries - How often each step of recovery was taken
 *
 * Since the driver was bound; Documentation/accel/loom/recovery.rst has the steps.
 */
struct drm_loom_recoveries {
	/** @context: a context was killed for not going on */
	__u64 context;
	/** @queue: a queue was made anew */
	__u64 queue;
	/** @core: a core was reset */
	__u64 core;
	/** @device: the firmware was booted again */
	__u64 device;
	/** @function: the PCI function was reset */
	__u64 function;
	/** @wedged: the device was given up, and stays off until the driver is bound again */
	__u64 wedged;
};

/* ---- buffers ---- */

/**
 * struct drm_loom_bo_create - DRM_IOCTL_LOOM_BO_CREATE
 */
struct drm_loom_bo_create {
	/** @size: rounded up to pages; comes back rounded */
	__u64 size;
	/** @flags: must be zero */
	__u32 flags;
	/** @handle: out; GEM_CLOSE frees it */
	__u32 handle;
};

/**
 * struct drm_loom_bo_mmap - DRM_IOCTL_LOOM_BO_MMAP
 */
struct drm_loom_bo_mmap {
	/** @handle: of the buffer */
	__u32 handle;
	/** @pad: must be zero */
	__u32 pad;
	/** @offset: out, for mmap() of the accel node */
	__u64 offset;
};

/* ---- address spaces ---- */

/**
 * struct drm_loom_vm_create - DRM_IOCTL_LOOM_VM_CREATE
 */
struct drm_loom_vm_create {
	/** @flags: must be zero */
	__u32 flags;
	/** @lease_bytes: activation SRAM, rounded up; 0 = none. ENOSPC if not to be had */
	__u32 lease_bytes;
	/** @vm_id: out, > 0 */
	__u32 vm_id;
	/** @pad: must be zero */
	__u32 pad;
};

/**
 * struct drm_loom_vm_destroy - DRM_IOCTL_LOOM_VM_DESTROY
 *
 * Jobs of the VM are cancelled, and the slots that name it emptied; never EBUSY.
 */
struct drm_loom_vm_destroy {
	/** @vm_id: of the VM */
	__u32 vm_id;
	/** @pad: must be zero */
	__u32 pad;
};

#define DRM_LOOM_VM_MAP		0
#define DRM_LOOM_VM_UNMAP	1

#define DRM_LOOM_MAP_WRITE	(1u << 0)	/* the device may write; else read only */

/**
 * struct drm_loom_vm_bind - DRM_IOCTL_LOOM_VM_BIND
 *
 * va, offset and range are page-aligned. MAP refuses a range that overlaps a mapping (EEXIST).
 * UNMAP takes exactly what a MAP put there (handle, flags and offset zero), and returns when the
 * device can no longer reach the pages.
 */
struct drm_loom_vm_bind {
	/** @vm_id: of the VM */
	__u32 vm_id;
	/** @op: DRM_LOOM_VM_MAP or DRM_LOOM_VM_UNMAP */
	__u32 op;
	/** @handle: of the buffer */
	__u32 handle;
	/** @flags: DRM_LOOM_MAP_WRITE or zero */
	__u32 flags;
	/** @va: device address */
	__u64 va;
	/** @offset: into the buffer */
	__u64 offset;
	/** @range: bytes */
	__u64 range;
};

/* ---- queues ---- */

/**
 * enum drm_loom_band - Who is served first
 *
 * How lower ones are let in: Documentation/accel/loom/submission.rst
 */
enum drm_loom_band {
	/** @DRM_LOOM_BAND_NORMAL: what a queue is in if nothing else is asked for */
	DRM_LOOM_BAND_NORMAL = 0,
	/** @DRM_LOOM_BAND_IDLE: below normal */
	DRM_LOOM_BAND_IDLE = 1,
	/** @DRM_LOOM_BAND_HIGH: above normal; needs CAP_SYS_NICE, else EPERM */
	DRM_LOOM_BAND_HIGH = 2,
	/** @DRM_LOOM_BAND_REALTIME: above all; needs CAP_SYS_NICE, else EPERM */
	DRM_LOOM_BAND_REALTIME = 3,
};

/*
 * since 1.1. The rings are in the program's hands: it maps them and the doorbell page, and submits
 * without a system call. DRM_LOOM_SUBMIT refuses such a queue; there are no syncs, and no struct
 * drm_loom_result: the completions are struct loom_hw_cqe (loom_hw.h). The VM table stays the
 * driver's.
 */
#define DRM_LOOM_QUEUE_USER	(1u << 0)

/**
 * struct drm_loom_queue_create - DRM_IOCTL_LOOM_QUEUE_CREATE
 */
struct drm_loom_queue_create {
	/** @core: number of the core */
	__u32 core;
	/** @flags: DRM_LOOM_QUEUE_USER or zero */
	__u32 flags;
	/** @entries: of the hardware ring, a power of two, 8 .. max_ring_entries */
	__u32 entries;
	/** @vm_slots: 1 .. 256 */
	__u32 vm_slots;
	/** @irq_batch: completions per interrupt while busy; 0 = 1 */
	__u32 irq_batch;
	/** @queue_id: out, > 0 */
	__u32 queue_id;
	/** @band: enum drm_loom_band; since 1.1, as all that follows */
	__u32 band;
	/** @rings_bytes: out, of a user-mode queue: how much to mmap() at rings_offset */
	__u32 rings_bytes;
	/** @rings_offset: out, of struct drm_loom_rings, for mmap() of the accel node */
	__u64 rings_offset;
	/** @doorbell_offset: out, of one page: the __u32 at its begin takes the new tail */
	__u64 doorbell_offset;
};

/**
 * struct drm_loom_rings - At the begin of a user-mode queue's mapping
 *
 * Indices run freely and are taken modulo entries. A job is written to sq[tail % entries] if
 * tail - sq_head < entries and no more than entries jobs are under way; then tail + 1 is written to
 * the doorbell. Its completion is at cq[i % entries] when cq_tail has passed i.
 *
 * The device writes the first part (struct loom_hw_queue_state), the driver the second.
 */
struct drm_loom_rings {
	/** @sq_head: jobs that the device has taken */
	__u32 sq_head;
	/** @cq_tail: completions that the device has written */
	__u32 cq_tail;
	/** @reserved: of the device */
	__u32 reserved[14];
	/** @dead: jobs were lost in a reset, or the device is gone: destroy the queue */
	__u32 dead;
	/** @entries: of each ring */
	__u32 entries;
	/** @sq_offset: of struct loom_hw_job[entries] */
	__u32 sq_offset;
	/** @cq_offset: of struct loom_hw_cqe[entries] */
	__u32 cq_offset;
	/** @reserved2: of the driver */
	__u32 reserved2[12];
};

/**
 * struct drm_loom_queue_wait - DRM_IOCTL_LOOM_QUEUE_WAIT
 *
 * Waits until cq_tail of a user-mode queue is another than this, and returns that. When it is
 * looked at is up to irq_batch, LOOM_JOB_IRQ, and the queue's running empty. ETIME when the time is
 * up, EIO when the queue is dead.
 */
struct drm_loom_queue_wait {
	/** @queue_id: of the queue */
	__u32 queue_id;
	/** @flags: must be zero */
	__u32 flags;
	/** @cq_tail: in and out */
	__u32 cq_tail;
	/** @pad: must be zero */
	__u32 pad;
	/** @timeout_ns: absolute, CLOCK_MONOTONIC */
	__s64 timeout_ns;
};

/**
 * struct drm_loom_queue_destroy - DRM_IOCTL_LOOM_QUEUE_DESTROY
 *
 * Jobs of the queue are cancelled.
 */
struct drm_loom_queue_destroy {
	/** @queue_id: of the queue */
	__u32 queue_id;
	/** @pad: must be zero */
	__u32 pad;
};

/**
 * struct drm_loom_queue_set_vm - DRM_IOCTL_LOOM_QUEUE_SET_VM
 *
 * EBUSY while jobs that name the slot are queued, and it would get another VM or none.
 */
struct drm_loom_queue_set_vm {
	/** @queue_id: of the queue */
	__u32 queue_id;
	/** @slot: 0 .. vm_slots - 1 of the queue */
	__u32 slot;
	/** @vm_id: 0 = empty the slot */
	__u32 vm_id;
	/** @pad: must be zero */
	__u32 pad;
};

/* ---- submission ---- */

#define DRM_LOOM_JOB_RELEASE_LAYER (1u << 0)	/* weights are freed when the job's compute ends */
/*
 * since 1.1. It may be run again from its start, also when it and jobs behind it have run in part:
 * it reads nothing that it or they write, and nothing that another left in the lease. A reset that
 * is not its fault does not end it.
 */
#define DRM_LOOM_JOB_IDEMPOTENT (1u << 1)

/**
 * struct drm_loom_job - A job of a submission
 */
struct drm_loom_job {
	/** @cmd_va: of the command buffer, 8-byte aligned, in the VM */
	__u64 cmd_va;
	/** @cmd_size: bytes, a multiple of 8 */
	__u32 cmd_size;
	/** @vm_slot: which VM of the queue */
	__u16 vm_slot;
	/** @flags: DRM_LOOM_JOB_RELEASE_LAYER, DRM_LOOM_JOB_IDEMPOTENT */
	__u16 flags;
	/** @user_data: comes back in the result */
	__u64 user_data;
	/** @pad: must be zero */
	__u64 pad;
};

/**
 * struct drm_loom_result - What became of a job
 *
 * Written before the completion is signalled. Times are device ns; 0 = nothing to do there.
 */
struct drm_loom_result {
	/** @user_data: of the job */
	__u64 user_data;
	/**
	 * @status: 0; -EIO fault or dead VM; -ECANCELED by its owner, or by a reset that others are
	 * to blame for (fault is LOOM_FAULT_RESET if it had begun); -ENODEV
	 */
	__s32 status;
	/** @fault: enum loom_fault (loom_isa.h) */
	__u32 fault;
	/** @fault_cmd: number of the command to blame, or 0xffffffff */
	__u32 fault_cmd;
	/** @pad: zero */
	__u32 pad;
	/** @fault_addr: what that command wanted to reach */
	__u64 fault_addr;
	/** @dispatched: when the firmware took the job */
	__u64 dispatched;
	/** @fetch_start: first burst of the weights */
	__u64 fetch_start;
	/** @fetch_end: last burst of the weights */
	__u64 fetch_end;
	/** @dma_start: first burst of the activations */
	__u64 dma_start;
	/** @dma_end: last burst of the activations */
	__u64 dma_end;
	/** @compute_start: first command of the arrays */
	__u64 compute_start;
	/** @compute_end: last command of the arrays */
	__u64 compute_end;
	/** @end: when the job was done */
	__u64 end;
	/** @fetch_busy: time that the fetch engine spent on it, as the next three */
	__u32 fetch_busy;
	/** @dma_busy: the DMA engine */
	__u32 dma_busy;
	/** @mac_busy: the MAC array */
	__u32 mac_busy;
	/** @vector_busy: the vector unit */
	__u32 vector_busy;
	/** @wait_weights: time that compute waited for weights */
	__u32 wait_weights;
	/** @wait_dma: time that compute waited for activations */
	__u32 wait_dma;
};

/**
 * struct drm_loom_sync - A syncobj to wait for or to signal
 */
struct drm_loom_sync {
	/** @handle: of the syncobj */
	__u32 handle;
	/** @pad: must be zero */
	__u32 pad;
	/** @point: of a timeline; 0 = binary */
	__u64 point;
};

#define DRM_LOOM_SHARED_WRITE	(1u << 0)	/* jobs write to it; else they only read it */

/**
 * struct drm_loom_shared - A buffer that is shared with others who fence implicitly
 *
 * Since 1.3. The submission waits for the fences that others have left in the buffer (struct
 * dma_resv): for those of writers, and with DRM_LOOM_SHARED_WRITE for those of readers too. It
 * leaves a fence of its own there, as a reader or as a writer. A buffer may be named once.
 */
struct drm_loom_shared {
	/** @handle: of the buffer */
	__u32 handle;
	/** @flags: DRM_LOOM_SHARED_WRITE or zero */
	__u32 flags;
};

#define DRM_LOOM_SUBMIT_MAX_JOBS 256
#define DRM_LOOM_SUBMIT_MAX_SYNCS 64
#define DRM_LOOM_SUBMIT_MAX_SHARED 64

/* since 1.1: interrupt as soon as the last job completes, whatever the queue's irq_batch */
#define DRM_LOOM_SUBMIT_IRQ	(1u << 0)

/**
 * struct drm_loom_submit - DRM_IOCTL_LOOM_SUBMIT, LOOM_URING_SUBMIT
 *
 * Jobs go to the ring in order. in_syncs and shared delay the whole submission, and what is
 * submitted to the queue after it; a job that has nothing to wait for goes to the ring before the
 * call returns.
 * Buffers that are not in shared are fenced explicitly only, by in_syncs and out_syncs.
 */
struct drm_loom_submit {
	/** @queue_id: of the queue */
	__u32 queue_id;
	/** @flags: DRM_LOOM_SUBMIT_IRQ or zero */
	__u32 flags;
	/** @num_jobs: 1 .. DRM_LOOM_SUBMIT_MAX_JOBS */
	__u32 num_jobs;
	/** @results_handle: buffer for num_jobs struct drm_loom_result; 0 = none */
	__u32 results_handle;
	/** @results_offset: into that buffer, 8-byte aligned */
	__u64 results_offset;
	/** @jobs: user pointer to struct drm_loom_job[] */
	__u64 jobs;
	/** @num_in_syncs: at in_syncs, up to DRM_LOOM_SUBMIT_MAX_SYNCS */
	__u32 num_in_syncs;
	/** @num_out_syncs: at out_syncs, as many; must be zero in an io_uring command */
	__u32 num_out_syncs;
	/** @in_syncs: user pointer to struct drm_loom_sync[], to wait for */
	__u64 in_syncs;
	/** @out_syncs: user pointer to struct drm_loom_sync[], to signal */
	__u64 out_syncs;
	/** @num_shared: at shared, up to DRM_LOOM_SUBMIT_MAX_SHARED; since 1.3, as shared */
	__u32 num_shared;
	/** @pad: must be zero */
	__u32 pad;
	/** @shared: user pointer to struct drm_loom_shared[], to fence implicitly */
	__u64 shared;
};

/**
 * struct drm_loom_uring_job - LOOM_URING_JOB: a submission of one job, all of it in the SQE
 *
 * Since 1.2. It does what LOOM_URING_SUBMIT does with num_jobs 1 and no shared buffers, for less.
 */
struct drm_loom_uring_job {
	/** @queue_id: of the queue */
	__u32 queue_id;
	/** @flags: DRM_LOOM_SUBMIT_IRQ or zero */
	__u32 flags;
	/** @results_handle: buffer for one struct drm_loom_result; 0 = none */
	__u32 results_handle;
	/** @num_in_syncs: at in_syncs, up to DRM_LOOM_SUBMIT_MAX_SYNCS */
	__u32 num_in_syncs;
	/** @results_offset: into that buffer, 8-byte aligned */
	__u64 results_offset;
	/** @in_syncs: user pointer to struct drm_loom_sync[], to wait for */
	__u64 in_syncs;
	/** @job: the job itself */
	struct drm_loom_job job;
};

#define DRM_IOCTL_LOOM_QUERY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_LOOM_QUERY, struct drm_loom_query)
#define DRM_IOCTL_LOOM_BO_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_LOOM_BO_CREATE, struct drm_loom_bo_create)
#define DRM_IOCTL_LOOM_BO_MMAP \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_LOOM_BO_MMAP, struct drm_loom_bo_mmap)
#define DRM_IOCTL_LOOM_VM_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_LOOM_VM_CREATE, struct drm_loom_vm_create)
#define DRM_IOCTL_LOOM_VM_DESTROY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_LOOM_VM_DESTROY, struct drm_loom_vm_destroy)
#define DRM_IOCTL_LOOM_VM_BIND \
	DRM_IOW(DRM_COMMAND_BASE + DRM_LOOM_VM_BIND, struct drm_loom_vm_bind)
#define DRM_IOCTL_LOOM_QUEUE_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_LOOM_QUEUE_CREATE, struct drm_loom_queue_create)
#define DRM_IOCTL_LOOM_QUEUE_DESTROY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_LOOM_QUEUE_DESTROY, struct drm_loom_queue_destroy)
#define DRM_IOCTL_LOOM_QUEUE_SET_VM \
	DRM_IOW(DRM_COMMAND_BASE + DRM_LOOM_QUEUE_SET_VM, struct drm_loom_queue_set_vm)
#define DRM_IOCTL_LOOM_SUBMIT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_LOOM_SUBMIT, struct drm_loom_submit)
#define DRM_IOCTL_LOOM_QUEUE_WAIT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_LOOM_QUEUE_WAIT, struct drm_loom_queue_wait)

/**
 * DOC: io_uring
 *
 * IORING_OP_URING_CMD on the accel node, cmd_op = LOOM_URING_SUBMIT. The ring must have big SQEs
 * (IORING_SETUP_SQE128), else EOPNOTSUPP: the struct drm_loom_submit is in the SQE (sqe->cmd).
 * Cancelling (the ring's or the task's end; IORING_OP_ASYNC_CANCEL only where the kernel hands it
 * to drivers, which 6.12 does not) completes the command with ECANCELED; its jobs run to their end,
 * and their results are still written. Destroying the queue cancels the jobs themselves.
 */
#define LOOM_URING_SUBMIT 1
/* since 1.2: struct drm_loom_uring_job, else the same */
#define LOOM_URING_JOB 2

#if defined(__cplusplus)
}
#endif

#endif /* LOOM_ACCEL_H */
