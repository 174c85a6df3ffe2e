/* SPDX-License-Identifier: MIT */
/*
 * Boot, admin queue, rings, interrupts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_boot),
		cmocka_unit_test(test_nop),
		cmocka_unit_test(test_fetch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
