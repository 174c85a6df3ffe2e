/* SPDX-License-Identifier: MIT */
/*
 * Boot, admin queue, rings, interrupts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "device.h"
#include "host.h"

static void test_identity(void **state)
{
	struct host *h = host_new("tiny", NULL);

	assert_int_equal(host_reg(h, LOOM_REG_ID), LOOM_ID);
	assert_int_equal(host_reg(h, LOOM_REG_HW_VERSION), LOOM_HW_VERSION);
	assert_int_equal(host_reg(h, LOOM_REG_ISA_VERSION), LOOM_ISA_VERSION);
	assert_int_equal(host_reg(h, LOOM_REG_STATE), LOOM_STATE_RESET);
	assert_int_equal(host_reg(h, LOOM_REG_CAPS), sizeof(struct loom_hw_caps));
	host_free(h);
}

static void test_boot(void **state)
{
	struct host *h = host_new("tiny", NULL);

	assert_int_equal(host_boot(h), LOOM_STATE_READY);
	assert_int_equal(h->interrupts[0], 1);
	host_free(h);
}

static void test_nop(void **state)
{
	struct host *h = host_new("tiny", NULL);
	struct loom_hw_cqe *cqe;
	struct stream s;

	host_boot(h);
	assert_int_equal(host_context(h, 1, 0, 4096), LOOM_ADMIN_OK);
	assert_int_equal(host_queue(h, 0, 2, 1), LOOM_ADMIN_OK);
	stream_begin(&s, 0);
	stream_add(&s, LOOM_OP_NOP, sizeof(struct loom_cmd));
	stream_end(&s);
	host_submit(h, 0, 1, &s, 0);
	host_run(h);
	cqe = host_completion(h, 0, 0);
	assert_int_equal(cqe->fault, LOOM_FAULT_NONE);
	assert_int_equal(cqe->cookie, 0x1000);
	assert_int_equal(h->interrupts[1], 1);
	host_free(h);
}

static void test_fetch(void **state)
{
	struct host *h = host_new("tiny", NULL);
	struct loom_hw_cqe *cqe;
	struct stream s;

	host_boot(h);
	host_context(h, 1, 0, 4096);
	host_queue(h, 0, 2, 1);
	stream_begin(&s, 0);
	stream_fetch(&s, host_buffer(h, 1, 0x100000, 10000, false), 10000);
	stream_end(&s);
	host_submit(h, 0, 1, &s, 0);
	host_run(h);
	cqe = host_completion(h, 0, 0);
	assert_int_equal(cqe->fault, LOOM_FAULT_NONE);
	/* one byte is a nanosecond on tiny's DRAM, and 100 ns is its latency */
	assert_int_equal(cqe->fetch_end - cqe->fetch_start, 10000 + 100);
	host_free(h);
}

/* ---- boot ---- */

static void test_boot_without_rings(void **state)
{
	struct host *h = host_new("tiny", NULL);

	host_reg_write(h, LOOM_REG_CTRL, LOOM_CTRL_BOOT);
	assert_int_equal(host_reg(h, LOOM_REG_STATE), LOOM_STATE_BOOTING);
	host_run(h);
	assert_int_equal(host_reg(h, LOOM_REG_STATE), LOOM_STATE_CRASHED);
	assert_int_equal(host_reg(h, LOOM_REG_ERROR), LOOM_BOOT_BAD_ADMIN_RING);
	host_reg_write(h, LOOM_REG_CTRL, LOOM_CTRL_RESET);
	assert_int_equal(host_reg(h, LOOM_REG_STATE), LOOM_STATE_RESET);
	assert_int_equal(host_boot(h), LOOM_STATE_READY);
	host_free(h);
}

static void test_boot_bus_error(void **state)
{
	struct host *h = host_new("tiny", NULL);

	h->broken_first = HOST_BASE;
	h->broken_end = HOST_BASE + 64;
	assert_int_equal(host_boot(h), LOOM_STATE_CRASHED);
	assert_int_equal(host_reg(h, LOOM_REG_ERROR), LOOM_BOOT_BUS);
	host_free(h);
}

static void test_registers(void **state)
{
	struct host *h = host_new("tiny", NULL);
	struct loom_hw_caps caps;
	uint32_t *words = (void *)&caps;

	for (size_t i = 0; i < sizeof(caps) / 4; i++)
		words[i] = host_reg(h, LOOM_REG_CAPS + 4 * i);
	assert_string_equal(caps.preset, "tiny");
	assert_int_equal(caps.weight_sram_bytes, 65536);
	assert_true(caps.flags & LOOM_CAP_FUNCTIONAL);
	host_run_until(h, 123456);
	assert_int_equal(host_reg64(h, LOOM_REG_TIME), 123456);
	/* misaligned, odd-sized and outside: all ones */
	assert_true(loom_sim_read(h->sim, h->now, 2, 4) == UINT64_MAX);
	assert_true(loom_sim_read(h->sim, h->now, 0, 2) == UINT64_MAX);
	assert_true(loom_sim_read(h->sim, h->now, LOOM_REGS_SIZE, 4) == UINT64_MAX);
	/* every offset can be read and written */
	for (uint64_t at = 0; at < LOOM_REGS_SIZE; at += 4) {
		host_reg(h, at);
		if (at != LOOM_REG_CTRL)
			host_reg_write(h, at, 0xffffffff);
	}
	assert_int_equal(host_reg(h, LOOM_REG_ID), LOOM_ID);
	host_free(h);
}

/* ---- admin ---- */

static int create_queue(struct host *h, struct loom_admin_queue queue)
{
	struct loom_admin_cmd cmd = { .opcode = LOOM_ADMIN_QUEUE_CREATE, .queue = queue };

	return host_admin(h, &cmd);
}

static void test_admin_errors(void **state)
{
	struct host *h = host_new("tiny", NULL);
	struct loom_admin_cmd cmd = { .opcode = 77 };
	struct loom_admin_queue good = { .queue = 3, .sq = HOST_BASE, .cq = HOST_BASE,
					 .state = HOST_BASE, .vm_table = HOST_BASE,
					 .entries_log2 = 2, .vm_slots = 1, .irq_batch = 1 }, bad;

	host_boot(h);
	assert_int_equal(host_admin(h, &cmd), LOOM_ADMIN_BAD_OPCODE);
	cmd = (struct loom_admin_cmd){ .opcode = LOOM_ADMIN_CTX_KILL, .reserved = 1 };
	assert_int_equal(host_admin(h, &cmd), LOOM_ADMIN_BAD_FIELD);
	assert_int_equal(host_context(h, 0, 0, 0), LOOM_ADMIN_BAD_ID);
	assert_int_equal(host_context(h, 17, 0, 0), LOOM_ADMIN_BAD_ID);
	assert_int_equal(host_context(h, 1, 100, 4096), LOOM_ADMIN_BAD_LEASE);
	assert_int_equal(host_context(h, 1, 0, 100), LOOM_ADMIN_BAD_LEASE);
	assert_int_equal(host_context(h, 1, 4096, 1 << 20), LOOM_ADMIN_BAD_LEASE);
	assert_int_equal(host_context(h, 1, 0xfffff000, 8192), LOOM_ADMIN_BAD_LEASE);
	assert_int_equal(host_context(h, 1, 8192, 8192), LOOM_ADMIN_OK);
	assert_int_equal(host_context(h, 1, 65536, 8192), LOOM_ADMIN_BAD_ID);
	assert_int_equal(host_context(h, 2, 12288, 8192), LOOM_ADMIN_BAD_LEASE);
	assert_int_equal(host_context(h, 2, 4096, 8192), LOOM_ADMIN_BAD_LEASE);
	assert_int_equal(host_context(h, 2, 16384, 8192), LOOM_ADMIN_OK);
	assert_int_equal(host_context_op(h, LOOM_ADMIN_CTX_KILL, 3), LOOM_ADMIN_BAD_ID);
	assert_int_equal(host_context_op(h, LOOM_ADMIN_CTX_DESTROY, 3), LOOM_ADMIN_BAD_ID);
	assert_int_equal(host_context_op(h, LOOM_ADMIN_CTX_INVALIDATE, 3), LOOM_ADMIN_BAD_ID);
	assert_int_equal(host_context_op(h, LOOM_ADMIN_CTX_INVALIDATE, 2), LOOM_ADMIN_OK);
	assert_int_equal(host_queue_destroy(h, 3), LOOM_ADMIN_BAD_ID);
	bad = good;
	bad.queue = 8;
	assert_int_equal(create_queue(h, bad), LOOM_ADMIN_BAD_ID);
	bad = good;
	bad.core = 1;
	assert_int_equal(create_queue(h, bad), LOOM_ADMIN_BAD_FIELD);
	bad = good;
	bad.entries_log2 = 9;
	assert_int_equal(create_queue(h, bad), LOOM_ADMIN_BAD_FIELD);
	bad = good;
	bad.vector = 8;
	assert_int_equal(create_queue(h, bad), LOOM_ADMIN_BAD_FIELD);
	bad = good;
	bad.irq_batch = 0;
	assert_int_equal(create_queue(h, bad), LOOM_ADMIN_BAD_FIELD);
	assert_int_equal(create_queue(h, good), LOOM_ADMIN_OK);
	assert_int_equal(create_queue(h, good), LOOM_ADMIN_BAD_ID);
	host_free(h);
}

/* The ring of 16 goes round several times. */
static void test_admin_wraps(void **state)
{
	struct host *h = host_new("tiny", NULL);

	host_boot(h);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(host_context(h, 5, 0, 4096), LOOM_ADMIN_OK);
		assert_int_equal(host_context_op(h, LOOM_ADMIN_CTX_DESTROY, 5), LOOM_ADMIN_OK);
	}
	assert_int_equal(h->interrupts[0], 201);
	host_free(h);
}

/* ---- rings ---- */

static void nop_stream(struct stream *s)
{
	stream_begin(s, 0);
	stream_add(s, LOOM_OP_NOP, sizeof(struct loom_cmd));
	stream_end(s);
}

static struct host *host_with_queue(uint32_t entries_log2, uint32_t irq_batch)
{
	struct host *h = host_new("tiny", NULL);

	host_boot(h);
	host_context(h, 1, 0, 4096);
	host_queue(h, 0, entries_log2, irq_batch);
	return h;
}

static void test_ring_wraps(void **state)
{
	struct host *h = host_with_queue(2, 1);
	const struct loom_hw_queue_state *qs = host_ptr(h, h->queue[0].state);
	struct stream s;

	nop_stream(&s);
	for (uint32_t i = 0; i < 30; i++) {
		host_submit(h, 0, 1, &s, 0);
		if (i % 3 == 2)
			host_run(h);
		if (i % 3 == 2)
			assert_int_equal(host_completion(h, 0, i)->seq, i);
	}
	assert_int_equal(qs->sq_head, 30);
	assert_int_equal(qs->cq_tail, 30);
	host_free(h);
}

/* The free-running indices go through 2^32. Nobody waits for that: they are set there. */
static void test_index_wraps(void **state)
{
	struct host *h = host_with_queue(2, 1);
	struct queue *queue = &h->sim->queue[0];
	struct stream s;

	queue->sq_head = UINT32_MAX - 4;
	queue->sq_tail = UINT32_MAX - 4;
	queue->cq_tail = UINT32_MAX - 4;
	h->queue[0].tail = UINT32_MAX - 4;
	nop_stream(&s);
	for (uint32_t i = 0; i < 12; i++) {
		host_submit(h, 0, 1, &s, 0);
		if (i % 4 == 3)
			host_run(h);
	}
	assert_int_equal(host_completions(h, 0), 7);
	assert_int_equal(h->interrupts[1], 12);
	host_free(h);
}

static void test_doorbell_nonsense(void **state)
{
	struct host *h = host_with_queue(2, 1);
	struct stream s;

	loom_sim_doorbell(h->sim, h->now, 0, 5);	/* more than the ring holds */
	loom_sim_doorbell(h->sim, h->now, 0, UINT32_MAX);
	loom_sim_doorbell(h->sim, h->now, 1, 1);	/* no such queue */
	loom_sim_doorbell(h->sim, h->now, 1000, 1);
	host_run(h);
	assert_int_equal(host_completions(h, 0), 0);
	nop_stream(&s);
	for (int i = 0; i < 4; i++)
		host_submit(h, 0, 1, &s, 0);
	loom_sim_doorbell(h->sim, h->now, 0, 2);	/* backwards */
	host_run(h);
	assert_int_equal(host_completions(h, 0), 4);
	host_free(h);
}

/* ---- interrupts ---- */

static uint32_t interrupts_for(uint32_t jobs, uint32_t irq_batch, uint16_t flags)
{
	struct host *h = host_with_queue(6, irq_batch);
	struct stream s;
	uint32_t n;

	nop_stream(&s);
	for (uint32_t i = 0; i < jobs; i++)
		host_submit(h, 0, 1, &s, flags);
	host_run(h);
	assert_int_equal(host_completions(h, 0), jobs);
	n = h->interrupts[1];
	assert_int_equal(host_reg64(h, LOOM_REG_INTERRUPTS), n + h->interrupts[0]);
	host_free(h);
	return n;
}

static void test_coalescing(void **state)
{
	assert_int_equal(interrupts_for(10, 1, 0), 10);
	assert_int_equal(interrupts_for(10, 4, 0), 3);	/* 4, 8, and when it is empty */
	assert_int_equal(interrupts_for(10, 100, 0), 1);
	assert_int_equal(interrupts_for(10, 100, LOOM_JOB_IRQ), 10);
	assert_int_equal(interrupts_for(1, 100, 0), 1);
}

/* One job of each queue in turn. */
static void test_round_robin(void **state)
{
	struct host *h = host_with_queue(4, 1);
	struct stream s;

	host_context(h, 2, 4096, 4096);
	host_queue(h, 1, 4, 1);
	nop_stream(&s);
	for (int i = 0; i < 8; i++)
		host_submit(h, 0, 1, &s, 0);
	for (int i = 0; i < 4; i++)
		host_submit(h, 1, 2, &s, 0);
	host_run(h);
	for (int i = 0; i < 3; i++) {
		uint64_t other = host_completion(h, 1, i)->dispatched;

		assert_true(host_completion(h, 0, i)->dispatched < other);
		assert_true(other < host_completion(h, 0, i + 2)->dispatched);
	}
	host_free(h);
}

/* More jobs than can be resident wait in the ring. */
static void test_many_jobs(void **state)
{
	struct host *h = host_with_queue(8, 1);
	uint64_t va = host_buffer(h, 1, 0x100000, 4096, false);
	struct stream s;

	stream_begin(&s, 0);
	stream_fetch(&s, va, 4096);
	stream_end(&s);
	for (int i = 0; i < 200; i++)
		host_submit(h, 0, 1, &s, 0);
	host_run(h);
	assert_int_equal(host_completions(h, 0), 200);
	assert_int_equal(host_completion(h, 0, 199)->fault, LOOM_FAULT_NONE);
	assert_int_equal(host_counters(h).weight_bytes, 200 * 4096);
	host_free(h);
}

/* ---- memory ---- */

/* A 2 MiB page, and what INVALIDATE is for. */
static void test_large_page(void **state)
{
	struct host *h = host_with_queue(4, 1);
	uint64_t data = host_alloc(h, 4 << 20), *table;
	struct stream s;

	/* the next 2 MiB boundary, mapped at 1 GiB by hand */
	data = (data + (2 << 20) - 1) & ~((2ull << 20) - 1);
	host_map(h, 1, 1ull << 30, data, 4096, false);
	table = host_ptr(h, h->pt_root[1]);
	table = host_ptr(h, table[0] & LOOM_PTE_ADDR_MASK);
	table = host_ptr(h, table[1] & LOOM_PTE_ADDR_MASK);
	table[0] = data | LOOM_PTE_VALID | LOOM_PTE_LARGE;
	stream_begin(&s, 0);
	stream_fetch(&s, (1ull << 30) + 4096 * 100 + 50, 40000);
	stream_end(&s);
	host_submit(h, 0, 1, &s, 0);
	host_run(h);
	assert_int_equal(host_completion(h, 0, 0)->fault, LOOM_FAULT_NONE);
	table[0] = 0;
	host_submit(h, 0, 1, &s, 0);
	host_run(h);
	/* still in the TLB, until it is told */
	assert_int_equal(host_completion(h, 0, 1)->fault, LOOM_FAULT_NONE);
	assert_int_equal(host_context_op(h, LOOM_ADMIN_CTX_INVALIDATE, 1), LOOM_ADMIN_OK);
	host_submit(h, 0, 1, &s, 0);
	host_run(h);
	assert_int_equal(host_completion(h, 0, 2)->fault, LOOM_FAULT_MMU_READ);
	host_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_boot_without_rings),
		cmocka_unit_test(test_boot_bus_error),
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_admin_errors),
		cmocka_unit_test(test_admin_wraps),
		cmocka_unit_test(test_ring_wraps),
		cmocka_unit_test(test_index_wraps),
		cmocka_unit_test(test_doorbell_nonsense),
		cmocka_unit_test(test_coalescing),
		cmocka_unit_test(test_round_robin),
		cmocka_unit_test(test_many_jobs),
		cmocka_unit_test(test_large_page),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_boot),
		cmocka_unit_test(test_nop),
		cmocka_unit_test(test_fetch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
