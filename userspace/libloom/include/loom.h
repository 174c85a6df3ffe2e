/* SPDX-License-Identifier: MIT */
/*
 * loom.h - the Loom library: a thin layer over the uapi, and the loader of .loom files.
 *
 * Two back ends behind one interface: "drm" is the kernel driver; "sim" runs the device model in
 * this process and plays the driver, with a virtual clock that advances while the caller waits.
 *
 * Functions return 0 or a negative errno; loom_error() then says in words what was wrong and where.
 * A device and what was made from it belong to one thread at a time.
 */
#ifndef LOOM_H
#define LOOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drm/loom_accel.h"
#include "loom_elf.h"
#include "loom_hw.h"
#include "loom_isa.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The last error of this thread, in words; never NULL. */
const char *loom_error(void);

/* ---- device ---- */

struct loom_dev;

/*
 * spec: NULL (the first Loom accel node), a path of a node, "drm:PATH", or
 * "sim:PRESET[,functional=off][,NAME=VALUE...]" (PRESET as the device's property, see hardware.rst).
 */
int loom_dev_open(const char *spec, struct loom_dev **dev);
void loom_dev_close(struct loom_dev *dev);
int loom_dev_fd(const struct loom_dev *dev);	/* accel node; -1 for sim */
const struct loom_hw_caps *loom_dev_caps(const struct loom_dev *dev);
int loom_dev_counters(struct loom_dev *dev, unsigned int core, struct loom_hw_counters *counters);
int loom_dev_time(struct loom_dev *dev, struct drm_loom_time *time);

/* What a compiled plan depends on: sizes and timing of the device, not its name or flags. FNV-1a. */
uint64_t loom_caps_hash(const struct loom_hw_caps *caps);

/* ---- buffers, address spaces, queues ---- */

struct loom_bo;
struct loom_vm;
struct loom_queue;

int loom_bo_create(struct loom_dev *dev, uint64_t size, struct loom_bo **bo);
/*
 * The pages of a memfd as a buffer: what one side writes the other sees, with no copy in between. The
 * memfd has F_SEAL_SHRINK, neither F_SEAL_WRITE nor F_SEAL_FUTURE_WRITE (-EPERM), no huge pages, and
 * at least `size` bytes, rounded up to pages (-EINVAL). The descriptor can be closed; the pages stay
 * pinned as long as the buffer is there, or mapped in a VM. On drm through /dev/udmabuf: any other
 * error says that it cannot be done here (no such node or no right to it, more than the kernel takes).
 */
int loom_bo_import_memfd(struct loom_dev *dev, int memfd, uint64_t size, struct loom_bo **bo);
void loom_bo_destroy(struct loom_bo *bo);
void *loom_bo_map(struct loom_bo *bo);		/* mapped once, until destroy; NULL on error */
uint64_t loom_bo_size(const struct loom_bo *bo);
uint32_t loom_bo_handle(const struct loom_bo *bo);

int loom_vm_create(struct loom_dev *dev, uint32_t lease_bytes, struct loom_vm **vm);
void loom_vm_destroy(struct loom_vm *vm);
/* flags: DRM_LOOM_MAP_*. The whole buffer. */
int loom_vm_map(struct loom_vm *vm, struct loom_bo *bo, uint64_t va, uint32_t flags);
int loom_vm_unmap(struct loom_vm *vm, uint64_t va, uint64_t range);
int loom_vm_info(struct loom_vm *vm, struct drm_loom_vm_info *info);
uint32_t loom_vm_id(const struct loom_vm *vm);

int loom_queue_create(struct loom_dev *dev, const struct drm_loom_queue_create *args,
		      struct loom_queue **queue);
void loom_queue_destroy(struct loom_queue *queue);
int loom_queue_set_vm(struct loom_queue *queue, uint32_t slot, struct loom_vm *vm /* or NULL */);
uint32_t loom_queue_id(const struct loom_queue *queue);

/* ---- submission by ioctl: submit and wait for all; results may be NULL ---- */

int loom_submit_wait(struct loom_queue *queue, const struct drm_loom_job *jobs, unsigned int num,
		     struct drm_loom_result *results, uint64_t timeout_ns);

/* ---- submission by io_uring ---- */

struct loom_ring;

struct loom_ring_cqe {
	uint64_t tag;
	int32_t res;		/* 0 or -errno */
	uint64_t device_end;	/* ns */
};

struct loom_ring_stats {
	uint64_t enters;	/* io_uring_enter system calls */
	uint64_t sqes;		/* array submissions */
	uint64_t jobs;
	uint64_t ioctls;	/* ioctls this library made on the device, all kinds */
};

/* Of those, what the calling thread made, on any device and since it began. */
uint64_t loom_thread_ioctls(void);

/* A ring of `entries` SQEs (SQE128, CQE32, SINGLE_ISSUER, DEFER_TASKRUN). */
int loom_ring_create(struct loom_dev *dev, unsigned int entries, struct loom_ring **ring);
void loom_ring_destroy(struct loom_ring *ring);
/*
 * Put one submission of num jobs into the ring; it goes to the kernel with the next loom_ring_enter().
 * jobs are copied. Results land at results[offset ...] of the buffer, which may be NULL.
 * -EBUSY: the ring is full.
 */
int loom_ring_prep(struct loom_ring *ring, struct loom_queue *queue, const struct drm_loom_job *jobs,
		   unsigned int num, struct loom_bo *results, uint64_t offset, uint64_t tag);
/* Submit what was put in and, if wait is not zero, wait for that many completions. One system call.
 * Returns the number submitted or a negative errno. */
int loom_ring_enter(struct loom_ring *ring, unsigned int wait, uint64_t timeout_ns);
/* Take one completion without a system call: 1 taken, 0 none. */
int loom_ring_reap(struct loom_ring *ring, struct loom_ring_cqe *cqe);
int loom_ring_cancel(struct loom_ring *ring, uint64_t tag);
/* Readable when completions wait (the ring itself, for poll and epoll); -1 for sim. */
int loom_ring_fd(const struct loom_ring *ring);
void loom_ring_get_stats(const struct loom_ring *ring, struct loom_ring_stats *stats);
/*
 * Have the ring wait on another descriptor too (a multishot poll in the same ring, so that a daemon
 * sleeps in one place): each time it is ready a loom_ring_cqe with this tag and the poll mask in res
 * arrives. Not for sim (-EOPNOTSUPP).
 */
int loom_ring_poll(struct loom_ring *ring, int fd, uint64_t tag);
int loom_ring_poll_remove(struct loom_ring *ring, uint64_t tag);

/* ---- compiled models ---- */

struct loom_model;	/* a .loom file, checked and mapped; needs no device */
struct loom_instance;	/* a model loaded into a VM, ready to run */

int loom_model_open(const char *path, struct loom_model **model);
int loom_model_open_memory(const void *data, size_t size, struct loom_model **model);
void loom_model_close(struct loom_model *model);
const char *loom_model_name(const struct loom_model *model);
const struct loom_elf_info *loom_model_info(const struct loom_model *model);
const struct loom_elf_abi *loom_model_abi(const struct loom_model *model);
const struct loom_elf_slice *loom_model_slice(const struct loom_model *model, unsigned int i);
const struct loom_elf_tensor *loom_model_tensor(const struct loom_model *model, unsigned int i);
const char *loom_model_string(const struct loom_model *model, uint32_t name);
/*
 * Operators that run on the host between slices. A model that has some (info->num_host_steps) gives
 * wrong outputs to whoever runs its slices alone. Each runs when the slices below its `slice` and the
 * steps before it are done, before slice `slice` is submitted.
 */
const struct loom_elf_host_step *loom_model_host_step(const struct loom_model *model,
						      unsigned int i);
/*
 * Run one, on the calling thread, on an I/O region (loom_instance_io()) that nobody else writes to.
 * The model is only read: other threads may use it too. The region may change while this runs, if
 * it is shared with somebody hostile: then outputs are wrong, and nothing worse.
 * -EOPNOTSUPP: an operator that this library does not have; -EINVAL: it cannot be done.
 */
int loom_model_run_host_step(const struct loom_model *model, unsigned int i, void *io);
/* Compiled for timing only: its weights are zeros, for a device that does not compute. */
bool loom_model_timing_only(const struct loom_model *model);
/* The command buffer of a slice as in the file, before relocation. */
const void *loom_model_cmdbuf(const struct loom_model *model, unsigned int i, size_t *size);

/*
 * Load: one VM with the plan's lease; weights once; `num_io` I/O regions (requests in flight), each
 * with its own relocated copy of the command buffers. num_io may be 0: all will be bound later.
 * -EXDEV: compiled for another device.
 */
int loom_instance_create(struct loom_dev *dev, const struct loom_model *model, unsigned int num_io,
			 struct loom_instance **instance);
void loom_instance_destroy(struct loom_instance *instance);
struct loom_vm *loom_instance_vm(struct loom_instance *instance);
/*
 * Another lease, in a VM of its own with the same addresses: then two requests can be under way at once,
 * each in one of them. At once after the instance was made: -EBUSY if a buffer is bound, or there
 * are LOOM_INSTANCE_LEASES already; -ENOSPC if there is no room, and then the instance is as before.
 */
#define LOOM_INSTANCE_LEASES 2
int loom_instance_add_lease(struct loom_dev *dev, struct loom_instance *instance);
unsigned int loom_instance_num_leases(const struct loom_instance *instance);
struct loom_vm *loom_instance_lease_vm(struct loom_instance *instance, unsigned int lease);
/*
 * One more I/O region: the first io_bytes of the buffer, which the device may write, and a relocated
 * copy of the command buffers. *io is at least num_io; numbers that were unbound are given again. The
 * buffer must outlast the binding. A buffer may be bound several times, in several instances.
 * -EINVAL: it is too small; -ENOSPC: as many as there can be (256, those of num_io included).
 */
int loom_instance_bind_io(struct loom_instance *instance, struct loom_bo *bo, unsigned int *io);
/* No job of that region may be under way: it would fault. -ENOENT: it is none that was bound. */
int loom_instance_unbind_io(struct loom_instance *instance, unsigned int io);
/* Host address of I/O region io; tensors at loom_elf_tensor.offset. NULL: there is no such region. */
void *loom_instance_io(struct loom_instance *instance, unsigned int io);
/* The job of one slice, for a queue that has the instance's VM in vm_slot. */
void loom_instance_job(const struct loom_instance *instance, unsigned int io, unsigned int slice,
		       uint16_t vm_slot, struct drm_loom_job *job);

#ifdef __cplusplus
}
#endif

#endif /* LOOM_H */
