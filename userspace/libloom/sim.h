/* SPDX-License-Identifier: MIT */
/*
 * sim.h - the sim back end: the device model in this process, and the driver's part played.
 *
 *   sim.c        the device: options, virtual time, boot, admin queue
 *   sim_mem.c    the machine's memory as the device sees it
 *   sim_mmu.c    page tables
 *   sim_obj.c    the driver: queries, buffers, address spaces
 *   sim_queue.c  the driver: queues, submissions, completions
 *   sim_ring.c   loom_ring_*
 *
 * Virtual time stands still while the caller computes, and jumps to the device's next timer while
 * it waits. A submission may be given a cost (call_ns=N), charged when it is made.
 */
#ifndef LOOM_LIB_SIM_H
#define LOOM_LIB_SIM_H

#include <stdbool.h>

#include "internal.h"
#include "loom_sim.h"

#pragma GCC visibility push(hidden)

#define SIM_PAGE 4096ull
#define SIM_LARGE (2ull << 20)
#define SIM_NEVER UINT64_MAX

/* ---- memory: one reserved host range; the device sees it at SIM_BUS_BASE ---- */

#define SIM_BUS_BASE 0x100000000ull
#define SIM_MEM_BYTES (16ull << 30)

struct sim_extent {
	uint64_t off, size;
};

struct sim_mem {
	char *base;
	struct sim_extent *extents;	/* in use, ascending */
	size_t num, room;
};

int sim_mem_init(struct sim_mem *mem);
void sim_mem_fini(struct sim_mem *mem);
/* Zeroed pages; their bus address, 0 when there are none. Large requests are 2 MiB-aligned. */
uint64_t sim_mem_alloc(struct sim_mem *mem, uint64_t size);
void sim_mem_free(struct sim_mem *mem, uint64_t bus);
/* What was allocated at bus becomes the first pages of that file. */
int sim_mem_share(struct sim_mem *mem, uint64_t bus, uint64_t size, int fd);
/* Host address of [bus, bus + len), NULL if any of it is not in use. */
void *sim_mem_at(const struct sim_mem *mem, uint64_t bus, uint64_t len);

/* ---- objects ---- */

/* Small numbers to things; 0 names nothing. */
struct sim_table {
	void **item;
	uint32_t num;
};

uint32_t sim_table_add(struct sim_table *table, void *item);
void *sim_table_get(const struct sim_table *table, uint32_t id);
void *sim_table_remove(struct sim_table *table, uint32_t id);

struct sim_bo {
	unsigned int refs;	/* handle, mappings, submissions that write results */
	uint64_t bus, size;
};

struct sim_mapping {
	uint64_t va, range;
	struct sim_bo *bo;
};

struct sim_vm {
	uint32_t id;
	uint32_t ctx;		/* the device's number for it */
	uint64_t pt_root;
	uint32_t lease_base, lease_size;
	struct sim_mapping *mappings;
	size_t num_mappings;
	struct drm_loom_vm_info info;
};

struct sim_ring;

/* One submission until its last job ended. */
struct sim_submission {
	struct sim_ring *ring;		/* who wants to know; NULL: nobody (any more) */
	uint64_t tag;
	bool *done;			/* of a caller that waits in submit_wait */
	struct sim_bo *results;
	uint64_t results_offset;
	unsigned int left;
	int status;			/* of the first job, in order, that failed */
	unsigned int status_job;
	uint64_t end;
	struct sim_submission *next;	/* in the ring's list */
};

struct sim_job {
	struct sim_submission *submission;
	unsigned int index;
	uint32_t ctx;			/* that its slot named when it was submitted */
	struct drm_loom_job job;
	bool irq;			/* the last of a submission that asked for it */
	struct sim_job *next;
};

struct sim_queue {
	uint32_t id;
	uint32_t hw;			/* the device's number for it */
	unsigned int vector;
	uint32_t entries, vm_slots;
	uint64_t bus;			/* one allocation: sq, cq, state, vm_table */
	struct loom_hw_job *sq;
	struct loom_hw_cqe *cq;
	struct loom_hw_queue_state *state;
	uint32_t *vm_table;
	uint32_t tail, cq_head, seq;
	struct sim_job **slots;		/* jobs at the device, by cookie */
	struct sim_job *first, **last;	/* jobs that found the ring full */
};

struct sim_dev {
	struct loom_dev base;
	struct loom_sim *sim;
	uint64_t now, timer, call_ns;
	uint64_t vectors;		/* raised and not looked at */
	struct sim_mem mem;
	uint64_t admin_bus;
	struct loom_admin_cmd *admin_sq;
	struct loom_admin_cqe *admin_cq;
	uint32_t admin_tail;
	struct sim_table bos, vms, queues;
	struct sim_vm **ctxs;		/* by context number */
	struct sim_queue **hw_queues;	/* by queue number */
};

static inline struct sim_dev *to_sim(struct loom_dev *dev)
{
	return (struct sim_dev *)dev;
}

/* ---- sim.c ---- */

/* Let the next thing happen, or time pass to the deadline (-ETIME). */
int sim_step(struct sim_dev *sim, uint64_t deadline);
/* now + ns, without overflow. */
uint64_t sim_after(const struct sim_dev *sim, uint64_t ns);
void sim_doorbell(struct sim_dev *sim, struct sim_queue *queue);
/* Handle raised interrupts until none is left. */
void sim_interrupts(struct sim_dev *sim);
int sim_admin(struct sim_dev *sim, const struct loom_admin_cmd *cmd);

/* ---- sim_mmu.c ---- */

int sim_pt_map(struct sim_mem *mem, uint64_t root, uint64_t va, uint64_t bus, uint64_t size,
	       bool write);
void sim_pt_unmap(struct sim_mem *mem, uint64_t root, uint64_t va, uint64_t size);
void sim_pt_free(struct sim_mem *mem, uint64_t root);

/* ---- sim_obj.c ---- */

int sim_query(struct sim_dev *sim, struct drm_loom_query *args);
int sim_bo_create(struct sim_dev *sim, struct drm_loom_bo_create *args);
int sim_bo_close(struct sim_dev *sim, uint32_t handle);
void sim_bo_put(struct sim_dev *sim, struct sim_bo *bo);
int sim_vm_create(struct sim_dev *sim, struct drm_loom_vm_create *args);
int sim_vm_destroy(struct sim_dev *sim, const struct drm_loom_vm_destroy *args);
int sim_vm_bind(struct sim_dev *sim, const struct drm_loom_vm_bind *args);

/* ---- sim_queue.c ---- */

int sim_queue_create(struct sim_dev *sim, struct drm_loom_queue_create *args);
int sim_queue_destroy(struct sim_dev *sim, const struct drm_loom_queue_destroy *args);
int sim_queue_set_vm(struct sim_dev *sim, const struct drm_loom_queue_set_vm *args);
/* Take what the device completed, and give it what waited for room. */
void sim_queue_interrupt(struct sim_dev *sim, struct sim_queue *queue);
/* Jobs of this VM that the device has not seen end as cancelled. */
void sim_queue_cancel_vm(struct sim_dev *sim, struct sim_queue *queue, const struct sim_vm *vm);
/* Whether the device has jobs of this VM. */
bool sim_queue_uses_vm(const struct sim_queue *queue, const struct sim_vm *vm);
void sim_queue_forget_vm(struct sim_queue *queue, const struct sim_vm *vm);
int sim_submit(struct sim_dev *sim, const struct drm_loom_submit *args,
	       const struct drm_loom_job *jobs, struct sim_submission **out);
int sim_submit_wait(struct loom_dev *dev, struct drm_loom_submit *args, uint64_t timeout_ns);

/* ---- sim_ring.c ---- */

int sim_ring_create(struct loom_dev *dev, unsigned int entries, struct loom_ring **ring);
/* The submission ended. */
void sim_ring_complete(struct sim_ring *ring, struct sim_submission *submission);

#pragma GCC visibility pop

#endif /* LOOM_LIB_SIM_H */
