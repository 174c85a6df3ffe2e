/* SPDX-License-Identifier: MIT */
/*
 * Activations that outlive a reset: CTX_SAVE and CTX_RESTORE. And what CORE_RESET and CTX_RESUME
 * refuse.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

#define PAGES (RIG_LEASE / LOOM_LEASE_ALIGN)

static struct host *h;
static struct rig rig;
static uint64_t list, saved;	/* bus addresses */

static int start(void **state)
{
	h = host_new("tiny", NULL);
	host_boot(h);
	host_queue(h, 0, 4, 1);
	rig_context(&rig, h, RIG_CTX);
	rig_fill(&rig, 5, 1.0f);
	list = host_alloc(h, PAGES * sizeof(uint64_t));
	saved = host_alloc(h, RIG_LEASE);
	/* backwards: any pages will do */
	for (uint64_t i = 0; i < PAGES; i++)
		((uint64_t *)host_ptr(h, list))[i] =
			saved + (PAGES - 1 - i) * LOOM_LEASE_ALIGN;
	return 0;
}

static int stop(void **state)
{
	host_free(h);
	return 0;
}

static uint32_t move(uint16_t opcode, uint64_t va)
{
	uint32_t number = h->queue[0].tail;
	struct stream s;

	stream_begin(&s, RIG_LEASE);
	stream_move(&s, opcode, va, 0, RIG_LEASE, 0);
	stream_end(&s);
	host_submit(h, 0, RIG_CTX, &s, 0);
	host_run(h);
	return host_completion(h, 0, number)->fault;
}

static struct loom_admin_cmd lease_cmd(enum loom_admin_op op)
{
	return (struct loom_admin_cmd){
		.opcode = op,
		.lease = { .ctx = RIG_CTX, .num_pages = PAGES, .pages = list },
	};
}

static int lease(enum loom_admin_op op)
{
	struct loom_admin_cmd cmd = lease_cmd(op);

	return host_admin(h, &cmd);
}

static void test_over_a_reset(void **state)
{
	assert_int_equal(move(LOOM_OP_LOAD, rig.in_va), LOOM_FAULT_NONE);
	assert_int_equal(lease(LOOM_ADMIN_CTX_SAVE), LOOM_ADMIN_OK);
	assert_memory_equal(host_ptr(h, saved + RIG_LEASE - LOOM_LEASE_ALIGN), rig.in,
			    LOOM_LEASE_ALIGN);
	host_reg_write(h, LOOM_REG_CTRL, LOOM_CTRL_RESET);
	host_boot(h);
	host_queue(h, 0, 4, 1);
	/* somewhere else, where somebody else was */
	assert_int_equal(host_context(h, RIG_CTX, 2 * RIG_LEASE, RIG_LEASE), LOOM_ADMIN_OK);
	assert_int_equal(lease(LOOM_ADMIN_CTX_RESTORE), LOOM_ADMIN_OK);
	assert_int_equal(move(LOOM_OP_STORE, rig.out_va), LOOM_FAULT_NONE);
	assert_memory_equal(rig.out, rig.in, RIG_LEASE);
}

/* 256 KiB at a byte a nanosecond, a latency, and the command itself. */
static void test_takes_its_time(void **state)
{
	uint64_t begin = h->now;

	assert_int_equal(lease(LOOM_ADMIN_CTX_SAVE), LOOM_ADMIN_OK);
	assert_int_equal(h->now - begin, RIG_LEASE + h->config.caps.dram_latency_ns +
						 h->config.caps.fw_job_ns);
}

static void test_busy(void **state)
{
	struct stream s;

	stream_begin(&s, RIG_LEASE);
	stream_move(&s, LOOM_OP_LOAD, rig.in_va, 0, RIG_LEASE, 0);
	stream_end(&s);
	host_submit(h, 0, RIG_CTX, &s, 0);
	host_run_until(h, h->now + 10000);
	assert_int_equal(lease(LOOM_ADMIN_CTX_SAVE), LOOM_ADMIN_BUSY);
	assert_int_equal(lease(LOOM_ADMIN_CTX_RESTORE), LOOM_ADMIN_BUSY);
	host_run(h);
	assert_int_equal(host_completion(h, 0, 0)->fault, LOOM_FAULT_NONE);
	assert_int_equal(lease(LOOM_ADMIN_CTX_SAVE), LOOM_ADMIN_OK);
}

static void test_refused(void **state)
{
	struct loom_admin_cmd cmd = lease_cmd(LOOM_ADMIN_CTX_SAVE);
	uint64_t *pages = host_ptr(h, list);

	cmd.lease.ctx = 9;
	assert_int_equal(host_admin(h, &cmd), LOOM_ADMIN_BAD_ID);
	cmd = lease_cmd(LOOM_ADMIN_CTX_SAVE);
	cmd.lease.num_pages--;
	assert_int_equal(host_admin(h, &cmd), LOOM_ADMIN_BAD_FIELD);
	cmd.lease.num_pages = 0;
	assert_int_equal(host_admin(h, &cmd), LOOM_ADMIN_BAD_FIELD);
	cmd = lease_cmd(LOOM_ADMIN_CTX_SAVE);
	cmd.lease.pages += 4;
	assert_int_equal(host_admin(h, &cmd), LOOM_ADMIN_BAD_FIELD);
	cmd.lease.pages = 0x1000;	/* nothing answers there */
	assert_int_equal(host_admin(h, &cmd), LOOM_ADMIN_BUS);
	pages[3] += 8;
	assert_int_equal(lease(LOOM_ADMIN_CTX_RESTORE), LOOM_ADMIN_BAD_FIELD);
	pages[3] = 0x1000;
	assert_int_equal(lease(LOOM_ADMIN_CTX_RESTORE), LOOM_ADMIN_BUS);
	assert_int_equal(lease(LOOM_ADMIN_CTX_SAVE), LOOM_ADMIN_BUS);
}

static void test_core_reset_refused(void **state)
{
	struct loom_admin_cmd cmd = { .opcode = LOOM_ADMIN_CORE_RESET, .core.core = 1 };

	assert_int_equal(host_admin(h, &cmd), LOOM_ADMIN_BAD_ID);
	cmd.core.core = 0;
	cmd.core.reserved = 1;
	assert_int_equal(host_admin(h, &cmd), LOOM_ADMIN_BAD_FIELD);
	cmd.core.reserved = 0;
	assert_int_equal(host_admin(h, &cmd), LOOM_ADMIN_OK);	/* of an idle core */
	assert_int_equal(move(LOOM_OP_LOAD, rig.in_va), LOOM_FAULT_NONE);
}

/* Only what a reset stopped can go on, not what was killed, and killing comes after a reset too. */
static void test_resume_refused(void **state)
{
	struct loom_admin_cmd reset = { .opcode = LOOM_ADMIN_CORE_RESET };
	struct stream s;

	assert_int_equal(host_context_op(h, LOOM_ADMIN_CTX_RESUME, 9), LOOM_ADMIN_BAD_ID);
	assert_int_equal(host_context_op(h, LOOM_ADMIN_CTX_RESUME, RIG_CTX), LOOM_ADMIN_OK);
	stream_begin(&s, RIG_LEASE);
	stream_move(&s, LOOM_OP_LOAD, rig.in_va, 0, RIG_LEASE, 0);
	stream_end(&s);
	host_submit(h, 0, RIG_CTX, &s, 0);
	host_run_until(h, h->now + 10000);
	assert_int_equal(host_admin(h, &reset), LOOM_ADMIN_OK);
	assert_int_equal(move(LOOM_OP_LOAD, rig.in_va), LOOM_FAULT_RESET);
	assert_int_equal(host_context_op(h, LOOM_ADMIN_CTX_KILL, RIG_CTX), LOOM_ADMIN_OK);
	assert_int_equal(move(LOOM_OP_LOAD, rig.in_va), LOOM_FAULT_CANCELLED);
	assert_int_equal(host_context_op(h, LOOM_ADMIN_CTX_RESUME, RIG_CTX), LOOM_ADMIN_DEAD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_ ## name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(over_a_reset),
		TEST(takes_its_time),
		TEST(busy),
		TEST(refused),
		TEST(core_reset_refused),
		TEST(resume_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
