/* SPDX-License-Identifier: MIT */
#include "host.h"

#include <stdlib.h>
#include <string.h>

#define PAGE		4096ull
#define ADMIN_ENTRIES	16

static void die(const char *why)
{
	__builtin_printf("host.c: %s\n", why);
	abort();
}

/* ---- what the device asks for ---- */

static bool answers(const struct host *h, uint64_t addr, size_t len)
{
	if (addr < h->broken_end && addr + len > h->broken_first)
		return false;
	return addr >= HOST_BASE && addr - HOST_BASE <= HOST_MEMORY &&
	       len <= HOST_MEMORY - (addr - HOST_BASE);
}

static int dma_read(void *opaque, uint64_t addr, void *buf, size_t len)
{
	struct host *h = opaque;

	if (!answers(h, addr, len))
		return -1;
	memcpy(buf, h->memory + (addr - HOST_BASE), len);
	if (addr >= h->fickle_first && addr < h->fickle_end)
		memset(h->memory + (addr - HOST_BASE), 0xff, len);
	return 0;
}

static int dma_write(void *opaque, uint64_t addr, const void *buf, size_t len)
{
	struct host *h = opaque;

	h->dma_writes++;
	if (!answers(h, addr, len))
		return -1;
	memcpy(h->memory + (addr - HOST_BASE), buf, len);
	return 0;
}

static void irq(void *opaque, unsigned int vector)
{
	struct host *h = opaque;

	h->interrupts[vector]++;
}

static void set_timer(void *opaque, uint64_t ns)
{
	struct host *h = opaque;

	h->timer = ns;
}

static const struct loom_sim_ops ops = {
	.dma_read = dma_read,
	.dma_write = dma_write,
	.irq = irq,
	.set_timer = set_timer,
};

/* ---- the machine ---- */

struct host *host_new(const char *preset, void (*tweak)(struct loom_sim_config *config))
{
	struct host *h = calloc(1, sizeof(*h));

	if (!loom_sim_preset(&h->config, preset))
		die("no such preset");
	if (tweak)
		tweak(&h->config);
	if (loom_sim_check(&h->config))
		die(loom_sim_check(&h->config));
	h->memory = calloc(1, HOST_MEMORY);
	h->timer = UINT64_MAX;
	h->sim = loom_sim_new(&h->config, &ops, h);
	return h;
}

void host_free(struct host *h)
{
	loom_sim_free(h->sim);
	free(h->memory);
	free(h);
}

uint64_t host_alloc(struct host *h, uint64_t bytes)
{
	uint64_t at = h->used;

	h->used += (bytes + PAGE - 1) / PAGE * PAGE;
	if (h->used > HOST_MEMORY)
		die("out of memory");
	return HOST_BASE + at;
}

void *host_ptr(struct host *h, uint64_t addr)
{
	return h->memory + (addr - HOST_BASE);
}

static void step(struct host *h)
{
	if (h->timer > h->now)
		h->now = h->timer;
	h->timer = UINT64_MAX;
	h->timer_calls++;
	loom_sim_timer(h->sim, h->now);
}

void host_run(struct host *h)
{
	while (h->timer != UINT64_MAX)
		step(h);
}

void host_run_until(struct host *h, uint64_t ns)
{
	while (h->timer <= ns)
		step(h);
	h->now = ns;
}

uint32_t host_reg(struct host *h, uint64_t offset)
{
	return loom_sim_read(h->sim, h->now, offset, 4);
}

uint64_t host_reg64(struct host *h, uint64_t offset)
{
	return loom_sim_read(h->sim, h->now, offset, 8);
}

void host_reg_write(struct host *h, uint64_t offset, uint32_t value)
{
	loom_sim_write(h->sim, h->now, offset, value, 4);
}

struct loom_hw_counters host_counters(struct host *h)
{
	struct loom_hw_counters counters;
	__u64 *word = (void *)&counters;

	for (size_t i = 0; i < sizeof(counters) / 8; i++)
		word[i] = host_reg64(h, LOOM_REG_CORE(0) + 8 * i);
	return counters;
}

/* ---- boot and admin ---- */

enum loom_state host_boot(struct host *h)
{
	h->admin_sq = host_alloc(h, ADMIN_ENTRIES * sizeof(struct loom_admin_cmd));
	h->admin_cq = host_alloc(h, ADMIN_ENTRIES * sizeof(struct loom_admin_cqe));
	h->admin_tail = 0;
	host_reg_write(h, LOOM_REG_ADMIN_SQ_LO, h->admin_sq);
	host_reg_write(h, LOOM_REG_ADMIN_SQ_HI, h->admin_sq >> 32);
	host_reg_write(h, LOOM_REG_ADMIN_CQ_LO, h->admin_cq);
	host_reg_write(h, LOOM_REG_ADMIN_CQ_HI, h->admin_cq >> 32);
	host_reg_write(h, LOOM_REG_ADMIN_ENTRIES, ADMIN_ENTRIES);
	host_reg_write(h, LOOM_REG_CTRL, LOOM_CTRL_BOOT);
	while (host_reg(h, LOOM_REG_STATE) == LOOM_STATE_BOOTING)
		step(h);
	return host_reg(h, LOOM_REG_STATE);
}

bool host_admin_answers(struct host *h, struct loom_admin_cmd *cmd)
{
	uint32_t number = host_reg(h, LOOM_REG_ADMIN_CQ_TAIL);

	host_admin_post(h, cmd);
	host_run(h);
	return host_reg(h, LOOM_REG_ADMIN_CQ_TAIL) != number;
}

void host_admin_post(struct host *h, struct loom_admin_cmd *cmd)
{
	struct loom_admin_cmd *ring = host_ptr(h, h->admin_sq);

	cmd->tag = h->admin_tail;
	ring[h->admin_tail++ % ADMIN_ENTRIES] = *cmd;
	host_reg_write(h, LOOM_REG_ADMIN_TAIL, h->admin_tail);
}

int host_admin(struct host *h, struct loom_admin_cmd *cmd)
{
	const struct loom_admin_cqe *ring = host_ptr(h, h->admin_cq);
	uint32_t number = host_reg(h, LOOM_REG_ADMIN_CQ_TAIL);

	host_admin_post(h, cmd);
	while (host_reg(h, LOOM_REG_ADMIN_CQ_TAIL) == number) {
		if (h->timer == UINT64_MAX)
			die("admin command never completes");
		step(h);
	}
	return ring[number % ADMIN_ENTRIES].status;
}

int host_context(struct host *h, uint32_t ctx, uint32_t lease_base, uint32_t lease_size)
{
	struct loom_admin_cmd cmd = { .opcode = LOOM_ADMIN_CTX_CREATE };

	if (!h->pt_root[ctx % HOST_CONTEXTS])
		h->pt_root[ctx % HOST_CONTEXTS] = host_alloc(h, PAGE);
	cmd.ctx.ctx = ctx;
	cmd.ctx.pt_root = h->pt_root[ctx % HOST_CONTEXTS];
	cmd.ctx.lease_base = lease_base;
	cmd.ctx.lease_size = lease_size;
	return host_admin(h, &cmd);
}

int host_context_op(struct host *h, enum loom_admin_op op, uint32_t ctx)
{
	struct loom_admin_cmd cmd = { .opcode = op, .ctx.ctx = ctx };

	return host_admin(h, &cmd);
}

/* The entry of va's page in the last table, tables made on the way. */
static uint64_t *leaf(struct host *h, uint64_t root, uint64_t va)
{
	uint64_t *table = host_ptr(h, root);

	for (int level = LOOM_PT_LEVELS - 1; level > 0; level--) {
		uint64_t *pte = &table[va >> (12 + 9 * level) & 511];

		if (!(*pte & LOOM_PTE_VALID))
			*pte = host_alloc(h, PAGE) | LOOM_PTE_VALID;
		table = host_ptr(h, *pte & LOOM_PTE_ADDR_MASK);
	}
	return &table[va >> 12 & 511];
}

void host_map(struct host *h, uint32_t ctx, uint64_t va, uint64_t addr, uint64_t bytes, bool write)
{
	for (uint64_t at = 0; at < bytes; at += PAGE)
		*leaf(h, h->pt_root[ctx], va + at) =
			(addr + at) | LOOM_PTE_VALID | (write ? LOOM_PTE_WRITE : 0);
}

uint64_t host_buffer(struct host *h, uint32_t ctx, uint64_t va, uint64_t bytes, bool write)
{
	host_map(h, ctx, va, host_alloc(h, bytes), bytes, write);
	return va;
}

void *host_va(struct host *h, uint32_t ctx, uint64_t va)
{
	uint64_t pte = *leaf(h, h->pt_root[ctx], va);

	return host_ptr(h, (pte & LOOM_PTE_ADDR_MASK) + va % PAGE);
}

int host_queue(struct host *h, uint32_t queue, uint32_t entries_log2, uint32_t irq_batch)
{
	return host_queue_in(h, queue, entries_log2, irq_batch, LOOM_BAND_NORMAL, 0);
}

int host_queue_in(struct host *h, uint32_t queue, uint32_t entries_log2, uint32_t irq_batch,
		  enum loom_band band, uint16_t flags)
{
	struct loom_admin_cmd cmd = { .opcode = LOOM_ADMIN_QUEUE_CREATE };
	struct host_queue *q = &h->queue[queue];
	uint32_t *vms;

	*q = (struct host_queue){ .entries = 1u << entries_log2 };
	q->sq = host_alloc(h, q->entries * sizeof(struct loom_hw_job));
	q->cq = host_alloc(h, q->entries * sizeof(struct loom_hw_cqe));
	q->state = host_alloc(h, sizeof(struct loom_hw_queue_state));
	q->vm_table = host_alloc(h, HOST_CONTEXTS * sizeof(*vms));
	vms = host_ptr(h, q->vm_table);
	for (uint32_t i = 0; i < HOST_CONTEXTS; i++)
		vms[i] = i;
	cmd.queue = (struct loom_admin_queue){
		.queue = queue,
		.sq = q->sq,
		.cq = q->cq,
		.state = q->state,
		.vm_table = q->vm_table,
		.entries_log2 = entries_log2,
		.vm_slots = HOST_CONTEXTS,
		.vector = (queue + 1) % h->config.caps.num_vectors,
		.irq_batch = irq_batch,
		.band = band,
		.flags = flags,
	};
	return host_admin(h, &cmd);
}

int host_queue_destroy(struct host *h, uint32_t queue)
{
	struct loom_admin_cmd cmd = { .opcode = LOOM_ADMIN_QUEUE_DESTROY };

	cmd.queue.queue = queue;
	return host_admin(h, &cmd);
}

/* ---- command buffers and jobs ---- */

void stream_begin(struct stream *s, uint32_t lease_bytes)
{
	memset(s, 0, sizeof(*s));
	s->size = sizeof(struct loom_cmdbuf);
	s->lease_bytes = lease_bytes;
}

void *stream_add(struct stream *s, uint16_t opcode, uint16_t size)
{
	struct loom_cmd *cmd = (void *)(s->bytes + s->size);

	cmd->opcode = opcode;
	cmd->size = size;
	s->size += size;
	s->num_cmds++;
	return cmd;
}

void stream_fetch(struct stream *s, uint64_t va, uint32_t bytes)
{
	struct loom_cmd_fetch *cmd = stream_add(s, LOOM_OP_FETCH, sizeof(*cmd));

	cmd->va = va;
	cmd->bytes = bytes;
	s->weight_bytes += bytes;
}

struct loom_cmd_move *stream_move(struct stream *s, uint16_t opcode, uint64_t va, uint32_t off,
				  uint32_t bytes, uint32_t wait)
{
	struct loom_cmd_move *cmd = stream_add(s, opcode, sizeof(*cmd));

	cmd->hdr.wait = wait;
	cmd->va = va;
	cmd->off = off;
	cmd->rows = 1;
	cmd->row_bytes = bytes;
	return cmd;
}

uint32_t stream_end(struct stream *s)
{
	struct loom_cmdbuf *header = (void *)s->bytes;

	*header = (struct loom_cmdbuf){
		.magic = LOOM_CMDBUF_MAGIC,
		.isa_version = LOOM_ISA_VERSION,
		.size = s->size,
		.num_cmds = s->num_cmds,
		.weight_bytes = s->weight_bytes,
		.lease_bytes = s->lease_bytes,
	};
	return s->size;
}

void host_submit_desc(struct host *h, uint32_t queue, const struct loom_hw_job *desc)
{
	struct host_queue *q = &h->queue[queue];
	struct loom_hw_job *ring = host_ptr(h, q->sq);

	ring[q->tail % q->entries] = *desc;
	ring[q->tail % q->entries].seq = q->tail;
	q->tail++;
	loom_sim_doorbell(h->sim, h->now, queue, q->tail);
}

void host_submit(struct host *h, uint32_t queue, uint32_t ctx, struct stream *s, uint16_t flags)
{
	/* Buffers lie high in the address space, where no test puts anything else. */
	uint64_t va = 0x700000000000ull + h->used;

	host_buffer(h, ctx, va, s->size, false);
	memcpy(host_va(h, ctx, va), s->bytes, s->size);
	host_submit_desc(h, queue, &(struct loom_hw_job){
		.cookie = 0x1000 + h->queue[queue].tail,
		.cmd_va = va,
		.cmd_size = s->size,
		.vm_slot = ctx,
		.flags = flags,
	});
}

uint32_t host_completions(struct host *h, uint32_t queue)
{
	const struct loom_hw_queue_state *state = host_ptr(h, h->queue[queue].state);

	return state->cq_tail;
}

struct loom_hw_cqe *host_completion(struct host *h, uint32_t queue, uint32_t n)
{
	struct host_queue *q = &h->queue[queue];
	struct loom_hw_cqe *ring = host_ptr(h, q->cq);

	if (host_completions(h, queue) <= n)
		die("completion is not there");
	return &ring[n % q->entries];
}
