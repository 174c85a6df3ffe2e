/* SPDX-License-Identifier: MIT */
/*
 * host.h - a machine for the device to live in: memory, an event loop, and the driver's part of
 * the hardware interface in its simplest form. Time passes only in host_run().
 *
 *	struct host *h = host_new("tiny", NULL);
 *	host_boot(h);
 *	host_context(h, 1, 0, 65536);
 *	host_queue(h, 0, 4, 1);
 *	uint64_t va = host_buffer(h, 1, 0x100000, 4096, false);	(host_va() is its memory)
 *	struct stream s;
 *	stream_begin(&s, 65536);
 *	... = stream_add(&s, LOOM_OP_FETCH, sizeof(struct loom_cmd_fetch));
 *	host_submit(h, 0, 1, &s, 0);
 *	host_run(h);
 *	struct loom_hw_cqe *cqe = host_completion(h, 0, 0);
 */
#ifndef LOOM_TEST_HOST_H
#define LOOM_TEST_HOST_H

#include "loom_sim.h"

#define HOST_MEMORY	(160u << 20)
#define HOST_BASE	0x40000000ull	/* bus address of the first byte */
#define HOST_QUEUES	8
#define HOST_CONTEXTS	16

struct host_queue {
	uint64_t sq, cq, state, vm_table;
	uint32_t entries, tail, seen;
	uint32_t interrupts;
};

struct host {
	struct loom_sim *sim;
	struct loom_sim_config config;
	uint8_t *memory;
	uint64_t used;			/* of memory */
	uint64_t now;			/* ns */
	uint64_t timer;
	uint64_t timer_calls;
	uint32_t interrupts[64];	/* by vector */
	uint32_t dma_writes;
	uint64_t broken_first, broken_end;	/* bus addresses that do not answer */
	uint64_t fickle_first, fickle_end;	/* what is read here is something else afterwards */
	uint64_t admin_sq, admin_cq;
	uint32_t admin_tail;
	struct host_queue queue[HOST_QUEUES];
	uint64_t pt_root[HOST_CONTEXTS];
};

/* A preset by name, changed by `tweak` if not NULL. */
struct host *host_new(const char *preset, void (*tweak)(struct loom_sim_config *config));
void host_free(struct host *h);

/* Memory: bus addresses, page-aligned, zeroed. */
uint64_t host_alloc(struct host *h, uint64_t bytes);
void *host_ptr(struct host *h, uint64_t addr);

/* Let time pass: until nothing is due any more, or until a time. */
void host_run(struct host *h);
void host_run_until(struct host *h, uint64_t ns);

uint32_t host_reg(struct host *h, uint64_t offset);
uint64_t host_reg64(struct host *h, uint64_t offset);
void host_reg_write(struct host *h, uint64_t offset, uint32_t value);
struct loom_hw_counters host_counters(struct host *h);

/* Program the admin rings, boot, run until ready or crashed; returns the state. */
enum loom_state host_boot(struct host *h);
/* Run one admin command; returns its enum loom_admin_status. */
int host_admin(struct host *h, struct loom_admin_cmd *cmd);
/* Let everything happen: did it, or any admin command before it, complete? */
bool host_admin_answers(struct host *h, struct loom_admin_cmd *cmd);
/* Only put it into the ring and ring. */
void host_admin_post(struct host *h, struct loom_admin_cmd *cmd);

/* Context with empty page tables; returns the status. */
int host_context(struct host *h, uint32_t ctx, uint32_t lease_base, uint32_t lease_size);
int host_context_op(struct host *h, enum loom_admin_op op, uint32_t ctx);
void host_map(struct host *h, uint32_t ctx, uint64_t va, uint64_t addr, uint64_t bytes,
	      bool write);
/* Allocate and map; returns va. */
uint64_t host_buffer(struct host *h, uint32_t ctx, uint64_t va, uint64_t bytes, bool write);
/* The memory behind a va, contiguous as host_buffer() made it. */
void *host_va(struct host *h, uint32_t ctx, uint64_t va);

/* Queue whose VM table maps slot n to context n; interrupt vector queue + 1. */
int host_queue(struct host *h, uint32_t queue, uint32_t entries_log2, uint32_t irq_batch);
int host_queue_in(struct host *h, uint32_t queue, uint32_t entries_log2, uint32_t irq_batch,
		  enum loom_band band, uint16_t flags);
int host_queue_destroy(struct host *h, uint32_t queue);

/* ---- command buffers ---- */

struct stream {
	_Alignas(8) uint8_t bytes[16384];
	uint32_t size;
	uint32_t num_cmds;
	uint32_t weight_bytes, lease_bytes;
};

void stream_begin(struct stream *s, uint32_t lease_bytes);
/* A zeroed command with opcode and size filled in. */
void *stream_add(struct stream *s, uint16_t opcode, uint16_t size);
void stream_fetch(struct stream *s, uint64_t va, uint32_t bytes);
struct loom_cmd_move *stream_move(struct stream *s, uint16_t opcode, uint64_t va, uint32_t off,
				  uint32_t bytes, uint32_t wait);
/* Fill in the header; returns the size. */
uint32_t stream_end(struct stream *s);

/* Copy the buffer to fresh memory of the context and queue it; the doorbell rings. */
void host_submit(struct host *h, uint32_t queue, uint32_t ctx, struct stream *s, uint16_t flags);
/* Queue a descriptor as it is. */
void host_submit_desc(struct host *h, uint32_t queue, const struct loom_hw_job *desc);
/* Completion entry number n of a queue's life; fails the test when it is not there. */
struct loom_hw_cqe *host_completion(struct host *h, uint32_t queue, uint32_t n);
uint32_t host_completions(struct host *h, uint32_t queue);

#endif /* LOOM_TEST_HOST_H */
