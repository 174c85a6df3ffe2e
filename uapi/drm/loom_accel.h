/* SPDX-License-Identifier: MIT */
/*
 * loom_accel.h - ioctls and io_uring commands, between programs and the driver.
 *
 * Objects: a buffer (BO) is memory; a VM is a device address space with an optional lease on the
 * activation SRAM; a queue is a ring of jobs on one core. A queue has a table of the VMs that its
 * jobs may name, by slot, so one queue carries the slices of many models in order. A job runs one
 * command buffer (loom_isa.h) that lies in its VM.
 *
 * Completion. Every job can leave a struct drm_loom_result in a buffer that the submission names.
 * The ioctl signals syncobjs when all jobs of the submission are done; the io_uring command posts
 * one CQE then: res is 0 or a negative errno (that of the first job that failed), res2 (big CQE) is
 * the device time in ns at which the last job ended. Waiting is DRM_IOCTL_SYNCOBJ_WAIT or
 * DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, or reaping the CQE.
 *
 * Errors, everywhere: EINVAL a bad argument, flag, size or a reserved field that is not zero;
 * ENOENT a handle or id that names nothing; EFAULT a bad user pointer; ENOMEM; ENOSPC no lease,
 * VM or queue left; EDQUOT the user has as many as are allowed; EPERM a band needs a privilege;
 * ENODEV the device is gone; EIO the VM is dead (an earlier job of it faulted).
 *
 * Ids of VMs and queues belong to the open file. Place new ioctls at the end; do not re-order.
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

#define DRM_LOOM_MAJOR 1	/* struct drm_version: version_major, version_minor */
#define DRM_LOOM_MINOR 1

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

enum drm_loom_query_type {
	DRM_LOOM_QUERY_DEVICE = 0,	/* struct loom_hw_caps (loom_hw.h) */
	DRM_LOOM_QUERY_COUNTERS = 1,	/* struct loom_hw_counters of core `index` */
	DRM_LOOM_QUERY_TIME = 2,	/* struct drm_loom_time */
	DRM_LOOM_QUERY_VM = 3,		/* struct drm_loom_vm_info of VM `index` */
	DRM_LOOM_QUERY_RECOVERIES = 4,	/* struct drm_loom_recoveries; since 1.1 */
};

/*
 * With data zero, size comes back as what the driver knows. Otherwise the smaller of both sizes is
 * copied and size comes back as the number of bytes copied.
 */
struct drm_loom_query {
	__u32 type;
	__u32 index;
	__u32 size;
	__u32 pad;		/* must be zero */
	__u64 data;		/* user pointer */
};

/* Read together: CLOCK_MONOTONIC, device time, and the emulator's count of guest instructions. */
struct drm_loom_time {
	__u64 monotonic_ns;
	__u64 device_ns;
	__u64 instructions;	/* 0 when the device does not count */
	__u64 interrupts;	/* MSI-X messages that the device sent */
};

struct drm_loom_vm_info {
	__u32 dead;		/* a job faulted; destroy the VM */
	__u32 fault;		/* enum loom_fault (loom_isa.h) of that job */
	__u32 fault_cmd;
	__u32 lease_bytes;
	__u64 fault_addr;
	__u64 user_data;	/* of that job */
};

/* How often each step of recovery was taken since the driver was bound (recovery.rst). */
struct drm_loom_recoveries {
	__u64 context;		/* killed for not going on */
	__u64 queue;
	__u64 core;
	__u64 device;
	__u64 function;
	__u64 wedged;		/* the device stays off until the driver is bound again */
};

/* ---- buffers ---- */

struct drm_loom_bo_create {
	__u64 size;		/* rounded up to pages; comes back rounded */
	__u32 flags;		/* must be zero */
	__u32 handle;		/* out; GEM_CLOSE frees it */
};

struct drm_loom_bo_mmap {
	__u32 handle;
	__u32 pad;		/* must be zero */
	__u64 offset;		/* out, for mmap() of the accel node */
};

/* ---- address spaces ---- */

struct drm_loom_vm_create {
	__u32 flags;		/* must be zero */
	__u32 lease_bytes;	/* activation SRAM, rounded up; 0 = none. ENOSPC if not to be had */
	__u32 vm_id;		/* out, > 0 */
	__u32 pad;		/* must be zero */
};

struct drm_loom_vm_destroy {
	__u32 vm_id;		/* its jobs are cancelled; EBUSY never */
	__u32 pad;		/* must be zero */
};

#define DRM_LOOM_VM_MAP		0
#define DRM_LOOM_VM_UNMAP	1

#define DRM_LOOM_MAP_WRITE	(1u << 0)	/* the device may write; else read only */

/*
 * va, offset and range are page-aligned. MAP refuses a range that overlaps a mapping (EEXIST).
 * UNMAP takes exactly what a MAP put there (handle, flags and offset zero), and returns when the
 * device can no longer reach the pages.
 */
struct drm_loom_vm_bind {
	__u32 vm_id;
	__u32 op;
	__u32 handle;
	__u32 flags;
	__u64 va;
	__u64 offset;		/* into the buffer */
	__u64 range;
};

/* ---- queues ---- */

/* Who is served first, and how lower ones are let in: Documentation/accel/loom/submission.rst */
enum drm_loom_band {
	DRM_LOOM_BAND_NORMAL = 0,
	DRM_LOOM_BAND_IDLE = 1,
	DRM_LOOM_BAND_HIGH = 2,		/* these two need CAP_SYS_NICE, else EPERM */
	DRM_LOOM_BAND_REALTIME = 3,
};

/*
 * since 1.1. The rings are in the program's hands: it maps them and the doorbell page, and submits
 * without a system call. DRM_LOOM_SUBMIT refuses such a queue; there are no syncs, and no struct
 * drm_loom_result: the completions are struct loom_hw_cqe (loom_hw.h). The VM table stays the
 * driver's.
 */
#define DRM_LOOM_QUEUE_USER	(1u << 0)

struct drm_loom_queue_create {
	__u32 core;
	__u32 flags;		/* DRM_LOOM_QUEUE_* */
	__u32 entries;		/* of the hardware ring, power of two, 8 .. max_ring_entries */
	__u32 vm_slots;		/* 1 .. 256 */
	__u32 irq_batch;	/* completions per interrupt while busy; 0 = 1 */
	__u32 queue_id;		/* out, > 0 */
	/* since 1.1 */
	__u32 band;		/* enum drm_loom_band */
	/* out, of a user-mode queue, for mmap() of the accel node */
	__u32 rings_bytes;
	__u64 rings_offset;	/* of struct drm_loom_rings */
	__u64 doorbell_offset;	/* one page: the __u32 at its begin takes the new tail */
};

/*
 * At the begin of a user-mode queue's mapping. Indices run freely and are taken modulo entries. A
 * job is written to sq[tail % entries] if tail - sq_head < entries and no more than entries jobs
 * are under way; then tail + 1 is written to the doorbell. Its completion is at cq[i % entries]
 * when cq_tail has passed i.
 */
struct drm_loom_rings {
	/* written by the device (struct loom_hw_queue_state) */
	__u32 sq_head;
	__u32 cq_tail;
	__u32 reserved[14];
	/* written by the driver */
	__u32 dead;		/* jobs were lost in a reset, or the device is gone: destroy it */
	__u32 entries;
	__u32 sq_offset;	/* of struct loom_hw_job[entries] */
	__u32 cq_offset;	/* of struct loom_hw_cqe[entries] */
	__u32 reserved2[12];
};

/*
 * Wait until cq_tail of a user-mode queue is another than this, and return that. When it is looked
 * at is up to irq_batch, LOOM_JOB_IRQ, and the queue's running empty. ETIME when the time is up,
 * EIO when the queue is dead.
 */
struct drm_loom_queue_wait {
	__u32 queue_id;
	__u32 flags;		/* must be zero */
	__u32 cq_tail;		/* in and out */
	__u32 pad;		/* must be zero */
	__s64 timeout_ns;	/* absolute, CLOCK_MONOTONIC */
};

struct drm_loom_queue_destroy {
	__u32 queue_id;		/* its jobs are cancelled */
	__u32 pad;		/* must be zero */
};

/* EBUSY while jobs that name the slot are queued, and it would get another VM or none. */
struct drm_loom_queue_set_vm {
	__u32 queue_id;
	__u32 slot;
	__u32 vm_id;		/* 0 = empty the slot */
	__u32 pad;		/* must be zero */
};

/* ---- submission ---- */

#define DRM_LOOM_JOB_RELEASE_LAYER (1u << 0)	/* weights are freed when the job's compute ends */
/*
 * since 1.1. It may be run again from its start, also when it and jobs behind it have run in part:
 * it reads nothing that it or they write, and nothing that another left in the lease. A reset that
 * is not its fault does not end it.
 */
#define DRM_LOOM_JOB_IDEMPOTENT (1u << 1)

struct drm_loom_job {
	__u64 cmd_va;		/* 8-byte aligned, in the VM */
	__u32 cmd_size;		/* bytes, multiple of 8 */
	__u16 vm_slot;
	__u16 flags;		/* DRM_LOOM_JOB_* */
	__u64 user_data;	/* comes back in the result */
	__u64 pad;		/* must be zero */
};

/* Written before the completion is signalled. Times are device ns; 0 = nothing to do there. */
struct drm_loom_result {
	__u64 user_data;
	/*
	 * 0; -EIO fault or dead VM; -ECANCELED by its owner, or by a reset that others are to
	 * blame for (fault is LOOM_FAULT_RESET if it had begun); -ENODEV
	 */
	__s32 status;
	__u32 fault;		/* enum loom_fault (loom_isa.h) */
	__u32 fault_cmd;	/* number of the command to blame, or 0xffffffff */
	__u32 pad;
	__u64 fault_addr;
	__u64 dispatched;
	__u64 fetch_start, fetch_end;
	__u64 dma_start, dma_end;
	__u64 compute_start, compute_end;
	__u64 end;
	__u32 fetch_busy, dma_busy, mac_busy, vector_busy;
	__u32 wait_weights, wait_dma;
};

/* A syncobj to wait for or to signal. */
struct drm_loom_sync {
	__u32 handle;
	__u32 pad;		/* must be zero */
	__u64 point;		/* of a timeline; 0 = binary */
};

#define DRM_LOOM_SUBMIT_MAX_JOBS 256
#define DRM_LOOM_SUBMIT_MAX_SYNCS 64

/*
 * Jobs go to the ring in order. in_syncs delay the whole submission, and what is submitted to the
 * queue after it; a job that has nothing to wait for goes to the ring before the call returns.
 */
/* since 1.1: interrupt as soon as the last job completes, whatever the queue's irq_batch */
#define DRM_LOOM_SUBMIT_IRQ	(1u << 0)

struct drm_loom_submit {
	__u32 queue_id;
	__u32 flags;		/* DRM_LOOM_SUBMIT_* */
	__u32 num_jobs;		/* 1 .. DRM_LOOM_SUBMIT_MAX_JOBS */
	__u32 results_handle;	/* buffer for num_jobs struct drm_loom_result; 0 = none */
	__u64 results_offset;	/* 8-byte aligned */
	__u64 jobs;		/* user pointer to struct drm_loom_job[] */
	__u32 num_in_syncs;
	__u32 num_out_syncs;	/* must be zero in an io_uring command */
	__u64 in_syncs;		/* user pointer to struct drm_loom_sync[] */
	__u64 out_syncs;
	__u64 pad;		/* must be zero */
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

/*
 * IORING_OP_URING_CMD on the accel node, cmd_op = LOOM_URING_SUBMIT. The ring must have big SQEs
 * (IORING_SETUP_SQE128), else EOPNOTSUPP: the struct drm_loom_submit is in the SQE (sqe->cmd).
 * Cancelling (the ring's or the task's end; IORING_OP_ASYNC_CANCEL only where the kernel hands it
 * to drivers, which 6.12 does not) completes the command with ECANCELED; its jobs run to their end,
 * and their results are still written. Destroying the queue cancels the jobs themselves.
 */
#define LOOM_URING_SUBMIT 1

#if defined(__cplusplus)
}
#endif

#endif /* LOOM_ACCEL_H */
