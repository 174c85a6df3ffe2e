/* SPDX-License-Identifier: MIT */
/*
 * Faults on demand. Each is injected under the job of one context; then the driver's part of the
 * recovery is played, the parts of the device are looked at, and a job of another context must run
 * and give the very bytes that it gives on a device that nothing ever happened to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device.h"
#include "rig.h"

#define VICTIM	1
#define OTHER	2
#define WEIGHTS	(16u * 64 * 2)
#define OUT	(64u << 10)

static struct host *h;
static struct rig victim, other;
static uint8_t expected[RIG_LEASE];

static void with_register(struct loom_sim_config *config)
{
	config->inject_register = true;
}

/* Weights, inputs, the array and outputs: something for every engine. */
static void product(struct rig *r)
{
	struct loom_cmd_conv *conv;

	rig_begin(r, WEIGHTS);
	conv = rig_add(r, LOOM_OP_CONV, sizeof(*conv));
	*conv = (struct loom_cmd_conv){
		.hdr = conv->hdr, .out = OUT, .in_pitch = 64, .out_pitch = 16,
		.batch = 1, .h = 1, .w = 32, .c = 64, .oh = 1, .ow = 32, .oc = 16,
		.kh = 1, .kw = 1, .sh = 1, .sw = 1, .dh = 1, .dw = 1,
	};
	rig_end(r);
}

static void submit(struct rig *r)
{
	product(r);
	host_submit(h, r->ctx - 1, r->ctx, &r->s, 0);
	host_run(h);
}

static uint32_t fault_of_next(struct rig *r)
{
	uint32_t number = h->queue[r->ctx - 1].tail;

	submit(r);
	return host_completion(h, r->ctx - 1, number)->fault;
}

static void tenants(void)
{
	assert_int_equal(host_queue(h, 0, 4, 1), LOOM_ADMIN_OK);
	assert_int_equal(host_queue(h, 1, 4, 1), LOOM_ADMIN_OK);
	rig_context(&victim, h, VICTIM);
	rig_context(&other, h, OTHER);
	rig_fill(&victim, 1, 1.0f);
	rig_fill(&other, 2, 1.0f);
}

static int start(void **state)
{
	h = host_new("tiny", with_register);
	host_boot(h);
	tenants();
	return 0;
}

static int stop(void **state)
{
	host_free(h);
	return 0;
}

static int remember(void **state)
{
	start(state);
	assert_int_equal(fault_of_next(&other), LOOM_FAULT_NONE);
	memcpy(expected, other.out, sizeof(expected));
	return stop(state);
}

static void inject_now(enum loom_inject kind, uint32_t arg)
{
	host_reg_write(h, LOOM_REG_INJECT_ARG, arg);
	host_reg_write(h, LOOM_REG_INJECT, kind);
}

/* Everything that jobs take was given back, and the next one of somebody else is right. */
static void check_other(void)
{
	const struct core *core = &h->sim->core[0];

	assert_int_equal(core->num_jobs, 0);
	assert_int_equal(core->outstanding, 0);
	assert_int_equal(core->weight_used, 0);
	assert_int_equal(core->compute_left, 0);
	assert_int_equal(core->fetch_left, 0);
	assert_int_equal(core->dram.flight_tail - core->dram.flight_head, 0);
	assert_null(core->compute.job);
	assert_int_equal(h->sim->fw.in_rings, 0);
	memset(other.out, 0, RIG_LEASE);
	assert_int_equal(fault_of_next(&other), LOOM_FAULT_NONE);
	assert_memory_equal(other.out, expected, RIG_LEASE);
}

static bool logged(const char *what)
{
	static char log[LOOM_LOG_BYTES + 1];

	for (uint32_t i = 0; i < LOOM_LOG_BYTES; i += 4) {
		uint32_t word = host_reg(h, LOOM_REG_LOG + i);

		memcpy(log + i, &word, sizeof(word));
	}
	return strstr(log, what);
}

static void reboot(void)
{
	host_reg_write(h, LOOM_REG_CTRL, LOOM_CTRL_RESET);
	assert_int_equal(host_reg(h, LOOM_REG_ERROR), LOOM_BOOT_OK);
	assert_int_equal(host_boot(h), LOOM_STATE_READY);
	tenants();
}

/* ---- engines ---- */

static int reset_core(void)
{
	struct loom_admin_cmd cmd = { .opcode = LOOM_ADMIN_CORE_RESET };

	return host_admin(h, &cmd);
}

static const enum loom_inject hangs[] = {
	LOOM_INJECT_HANG_FETCH, LOOM_INJECT_HANG_DMA, LOOM_INJECT_HANG_COMPUTE,
};

/* Killing helps nobody; the core has to be reset. */
static void test_hang_and_kill(void **state)
{
	for (size_t i = 0; i < 3; i++) {
		struct loom_admin_cmd kill = { .opcode = LOOM_ADMIN_CTX_KILL, .ctx.ctx = VICTIM };
		uint64_t progress;

		inject_now(hangs[i], 0);
		submit(&victim);
		assert_int_equal(host_completions(h, 0), 0);
		progress = host_counters(h).progress;
		host_run_until(h, h->now + 1000000);
		assert_int_equal(host_counters(h).progress, progress);
		assert_false(host_admin_answers(h, &kill));
		assert_int_equal(host_completions(h, 0), 0);
		assert_int_equal(reset_core(), LOOM_ADMIN_OK);
		assert_int_equal(host_completion(h, 0, 0)->fault, LOOM_FAULT_CANCELLED);
		/* both were answered: the kill and the reset, the tests' ring holds 16 */
		assert_int_equal(host_reg(h, LOOM_REG_ADMIN_CQ_TAIL), h->admin_tail);
		check_other();
		stop(state);
		start(state);
	}
}

static void test_hang_and_destroy(void **state)
{
	for (size_t i = 0; i < 3; i++) {
		struct loom_admin_cmd destroy = { .opcode = LOOM_ADMIN_QUEUE_DESTROY };

		inject_now(hangs[i], 0);
		submit(&victim);
		assert_false(host_admin_answers(h, &destroy));
		assert_int_equal(reset_core(), LOOM_ADMIN_OK);
		assert_int_equal(host_reg(h, LOOM_REG_ADMIN_CQ_TAIL), h->admin_tail);
		check_other();
		stop(state);
		start(state);
	}
}

/* Whoever lost a job is stopped until it is told to go on, so nothing overtakes the lost job. */
static void test_hang_and_resume(void **state)
{
	for (size_t i = 0; i < 3; i++) {
		inject_now(hangs[i], 0);
		submit(&victim);
		submit(&victim);
		assert_int_equal(reset_core(), LOOM_ADMIN_OK);
		assert_int_equal(host_completion(h, 0, 0)->fault, LOOM_FAULT_RESET);
		assert_int_equal(host_completion(h, 0, 1)->fault, LOOM_FAULT_RESET);
		assert_int_equal(fault_of_next(&victim), LOOM_FAULT_RESET);
		check_other();
		assert_int_equal(host_context_op(h, LOOM_ADMIN_CTX_RESUME, VICTIM), LOOM_ADMIN_OK);
		assert_int_equal(fault_of_next(&victim), LOOM_FAULT_NONE);
		stop(state);
		start(state);
	}
}

/* Other tenants' jobs that wait behind the hang are lost too, and can be run again. */
static void test_hang_innocent(void **state)
{
	inject_now(LOOM_INJECT_HANG_COMPUTE, 0);
	submit(&victim);
	submit(&other);
	assert_int_equal(host_completions(h, 1), 0);
	assert_int_equal(reset_core(), LOOM_ADMIN_OK);
	assert_int_equal(host_completion(h, 1, 0)->fault, LOOM_FAULT_RESET);
	assert_int_equal(host_completion(h, 1, 0)->compute_start, 0);
	assert_int_equal(host_context_op(h, LOOM_ADMIN_CTX_RESUME, OTHER), LOOM_ADMIN_OK);
	check_other();
}

/* ---- firmware ---- */

static void test_heartbeat(void **state)
{
	uint32_t before = host_reg(h, LOOM_REG_HEARTBEAT);

	host_run_until(h, h->now + 1000000);
	assert_int_not_equal(host_reg(h, LOOM_REG_HEARTBEAT), before);
}

static void test_hang_firmware(void **state)
{
	struct loom_admin_cmd cmd = { .opcode = LOOM_ADMIN_CTX_KILL, .ctx.ctx = VICTIM };
	uint32_t heartbeat;

	inject_now(LOOM_INJECT_HANG_FIRMWARE, 0);
	heartbeat = host_reg(h, LOOM_REG_HEARTBEAT);
	submit(&victim);
	host_run_until(h, h->now + 10000000);
	assert_int_equal(host_completions(h, 0), 0);
	assert_int_equal(host_reg(h, LOOM_REG_HEARTBEAT), heartbeat);
	assert_int_equal(host_reg(h, LOOM_REG_STATE), LOOM_STATE_READY);
	assert_false(host_admin_answers(h, &cmd));
	reboot();
	check_other();
}

/* It hangs while the engines work: what they finish is never announced. */
static void test_hang_firmware_late(void **state)
{
	product(&victim);
	host_submit(h, 0, VICTIM, &victim.s, 0);
	while (!h->sim->core[0].num_jobs)
		host_run_until(h, h->now + 100);
	inject_now(LOOM_INJECT_HANG_FIRMWARE, 0);
	host_run(h);
	assert_int_equal(host_completions(h, 0), 0);
	reboot();
	check_other();
}

static void test_crash(void **state)
{
	static const uint32_t errors[] = { 0, LOOM_CRASH_ASSERT, LOOM_CRASH_MEMORY };

	for (size_t i = 0; i < 3; i++) {
		uint32_t interrupts = h->interrupts[0];

		product(&victim);
		host_submit(h, 0, VICTIM, &victim.s, 0);
		inject_now(LOOM_INJECT_CRASH_FIRMWARE, errors[i]);
		assert_int_equal(host_reg(h, LOOM_REG_STATE), LOOM_STATE_CRASHED);
		assert_int_equal(host_reg(h, LOOM_REG_ERROR), errors[i] ?: LOOM_CRASH_ASSERT);
		assert_int_equal(h->interrupts[0], interrupts + 1);
		host_run(h);
		assert_int_equal(host_completions(h, 0), 0);
		assert_true(logged("crash, error"));
		reboot();
		check_other();
	}
}

/* The log goes on over a reset, and round the ring. */
static void test_log(void **state)
{
	uint32_t head = host_reg(h, LOOM_REG_LOG_HEAD);

	host_reg_write(h, LOOM_REG_CTRL, LOOM_CTRL_RESET);
	assert_int_equal(host_reg(h, LOOM_REG_LOG_HEAD), head);
	assert_true(logged("interface 1."));
	host_boot(h);
	while (host_reg(h, LOOM_REG_LOG_HEAD) < 3 * LOOM_LOG_BYTES)
		inject_now(LOOM_INJECT_ECC_CORRECTED, LOOM_MEMORY_DRAM);
	assert_true(logged("injected ecc-corrected:2"));
	assert_false(logged("interface 1."));
}

/* ---- memory and bus ---- */

static uint64_t time_of_next(struct rig *r)
{
	uint32_t number = h->queue[r->ctx - 1].tail;
	const struct loom_hw_cqe *cqe;

	submit(r);
	cqe = host_completion(h, r->ctx - 1, number);
	assert_int_equal(cqe->fault, LOOM_FAULT_NONE);
	return cqe->fetch_busy + cqe->dma_busy;
}

static void test_slow_dram(void **state)
{
	uint64_t normal = time_of_next(&victim);

	inject_now(LOOM_INJECT_SLOW_DRAM, 25);
	assert_int_equal(time_of_next(&victim), 4 * normal);
	check_other();
	inject_now(LOOM_INJECT_SLOW_DRAM, 100);
	assert_int_equal(time_of_next(&victim), normal);
}

/* Fetch goes first; its WEIGHTS are 8 bursts, in between and after them come LOAD's. */
static void test_dma_abort(void **state)
{
	for (uint32_t n = 0; n < 40; n += 13) {
		struct loom_hw_cqe cqe;

		inject_now(LOOM_INJECT_DMA_ABORT, n);
		assert_int_equal(fault_of_next(&victim), LOOM_FAULT_BUS);
		cqe = *host_completion(h, 0, 0);
		assert_int_equal(cqe.fault_cmd, n ? 0 : 1);
		if (!n)
			assert_int_equal(cqe.fault_addr, victim.weights_va);
		check_other();
		stop(state);
		start(state);
	}
}

static void test_ecc_corrected(void **state)
{
	for (uint32_t memory = 0; memory <= LOOM_MEMORY_FIRMWARE; memory++) {
		inject_now(LOOM_INJECT_ECC_CORRECTED, memory);
		assert_int_equal(host_counters(h).ecc_corrected, memory + 1);
		assert_int_equal(fault_of_next(&victim), LOOM_FAULT_NONE);
	}
	assert_int_equal(host_counters(h).ecc_uncorrected, 0);
	check_other();
}

static void test_ecc_uncorrected(void **state)
{
	/* the command that reads each memory first: CONV, CONV, FETCH */
	static const uint32_t reader[] = { 2, 2, 1 };

	for (uint32_t memory = 0; memory < LOOM_MEMORY_FIRMWARE; memory++) {
		inject_now(LOOM_INJECT_ECC_UNCORRECTED, memory);
		assert_int_equal(host_counters(h).ecc_uncorrected, 0);
		assert_int_equal(fault_of_next(&victim), LOOM_FAULT_ECC);
		assert_int_equal(host_completion(h, 0, 0)->fault_cmd, reader[memory]);
		assert_int_equal(host_counters(h).ecc_uncorrected, 1);
		assert_int_equal(fault_of_next(&victim), LOOM_FAULT_CONTEXT_DEAD);
		check_other();
		stop(state);
		start(state);
	}
	inject_now(LOOM_INJECT_ECC_UNCORRECTED, LOOM_MEMORY_FIRMWARE);
	assert_int_equal(host_reg(h, LOOM_REG_STATE), LOOM_STATE_CRASHED);
	assert_int_equal(host_reg(h, LOOM_REG_ERROR), LOOM_CRASH_MEMORY);
	reboot();
	check_other();
}

/* ---- what the driver sees ---- */

static void test_lose_irq(void **state)
{
	inject_now(LOOM_INJECT_LOSE_IRQ, 2);
	assert_int_equal(fault_of_next(&victim), LOOM_FAULT_NONE);
	assert_int_equal(fault_of_next(&victim), LOOM_FAULT_NONE);
	assert_int_equal(h->interrupts[1], 0);
	assert_int_equal(fault_of_next(&victim), LOOM_FAULT_NONE);
	assert_int_equal(h->interrupts[1], 1);
	check_other();
}

static void test_spurious_irq(void **state)
{
	uint32_t completions = host_completions(h, 0);

	inject_now(LOOM_INJECT_SPURIOUS_IRQ, 1);
	assert_int_equal(h->interrupts[1], 1);
	assert_int_equal(host_completions(h, 0), completions);
	check_other();
}

static void test_bad_cqe(void **state)
{
	inject_now(LOOM_INJECT_BAD_CQE, 1);
	submit(&victim);
	submit(&victim);
	submit(&victim);
	assert_int_equal(host_completion(h, 0, 0)->seq, 0);
	assert_int_not_equal(host_completion(h, 0, 1)->seq, 1);
	assert_true(host_completion(h, 0, 1)->fault >= LOOM_FAULT_COUNT);
	assert_int_equal(host_completion(h, 0, 2)->seq, 2);
	check_other();
}

static void test_remove(void **state)
{
	uint32_t writes, interrupts;

	product(&victim);
	host_submit(h, 0, VICTIM, &victim.s, 0);
	host_run_until(h, h->now + 1000);
	inject_now(LOOM_INJECT_REMOVE, 0);
	writes = h->dma_writes;
	interrupts = h->interrupts[0] + h->interrupts[1];
	assert_true(loom_sim_removed(h->sim));
	host_run_until(h, h->now + 10000000);
	for (uint64_t at = 0; at < LOOM_REGS_SIZE; at += 4)
		assert_int_equal(host_reg(h, at), UINT32_MAX);
	host_reg_write(h, LOOM_REG_CTRL, LOOM_CTRL_BOOT);
	loom_sim_doorbell(h->sim, h->now, 0, 2);
	loom_sim_reset(h->sim, h->now);
	assert_true(h->timer == UINT64_MAX);
	assert_int_equal(h->dma_writes, writes);
	assert_int_equal(h->interrupts[0] + h->interrupts[1], interrupts);
}

/* ---- asking ---- */

static void test_register_is_optional(void **state)
{
	stop(state);
	h = host_new("tiny", NULL);
	host_boot(h);
	assert_int_equal(h->sim->config.caps.flags & LOOM_CAP_INJECT, 0);
	inject_now(LOOM_INJECT_REMOVE, 0);
	assert_int_equal(host_reg(h, LOOM_REG_ID), LOOM_ID);
	assert_null(loom_sim_inject(h->sim, h->now, LOOM_INJECT_REMOVE, 0));
	assert_int_equal(host_reg(h, LOOM_REG_ID), UINT32_MAX);
}

static void test_nonsense(void **state)
{
	static const struct { uint32_t kind, arg; } wrong[] = {
		{ LOOM_INJECT_COUNT, 0 }, { UINT32_MAX, 0 }, { LOOM_INJECT_HANG_FETCH, 1 },
		{ LOOM_INJECT_HANG_DMA, 7 }, { LOOM_INJECT_HANG_COMPUTE, UINT32_MAX },
		{ LOOM_INJECT_CRASH_FIRMWARE, 1 }, { LOOM_INJECT_SLOW_DRAM, 0 },
		{ LOOM_INJECT_SLOW_DRAM, 101 }, { LOOM_INJECT_SPURIOUS_IRQ, 8 },
		{ LOOM_INJECT_ECC_CORRECTED, 4 }, { LOOM_INJECT_ECC_UNCORRECTED, 4 },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		inject_now(wrong[i].kind, wrong[i].arg);
		assert_non_null(loom_sim_inject(h->sim, h->now, wrong[i].kind, wrong[i].arg));
	}
	assert_true(logged("cannot inject"));
	assert_non_null(loom_sim_inject_text(h->sim, h->now, ""));
	assert_non_null(loom_sim_inject_text(h->sim, h->now, "hang"));
	assert_non_null(loom_sim_inject_text(h->sim, h->now, "lose-irq:"));
	assert_non_null(loom_sim_inject_text(h->sim, h->now, "lose-irq:many"));
	assert_non_null(loom_sim_inject_text(h->sim, h->now, "lose-irq:-1"));
	assert_non_null(loom_sim_inject_text(h->sim, h->now, "lose-irq:4294967296"));
	assert_int_equal(fault_of_next(&victim), LOOM_FAULT_NONE);
	check_other();
}

/* Every kind has a name, and the names are of the kinds. */
static void test_names(void **state)
{
	static const char *const args[LOOM_INJECT_COUNT] = {
		[LOOM_INJECT_SLOW_DRAM] = ":50", [LOOM_INJECT_ECC_CORRECTED] = ":act-sram",
	};
	const char *const *names = loom_sim_faults();

	for (int kind = 0; kind < LOOM_INJECT_COUNT; kind++) {
		char text[64];

		snprintf(text, sizeof(text), "%s%s", names[kind], args[kind] ?: "");
		host_reg_write(h, LOOM_REG_CTRL, LOOM_CTRL_RESET);
		assert_null(loom_sim_inject_text(h->sim, h->now, text));
		if (kind != LOOM_INJECT_REMOVE)
			assert_true(h->sim->inject.waits[kind]);
		h->sim->inject.waits[kind] = false;
	}
	assert_null(names[LOOM_INJECT_COUNT]);
	assert_true(h->sim->removed);
}

/* What is injected before boot is in force from then on, and a reset ends it. */
static void test_before_boot(void **state)
{
	host_reg_write(h, LOOM_REG_CTRL, LOOM_CTRL_RESET);
	inject_now(LOOM_INJECT_HANG_COMPUTE, 0);
	inject_now(LOOM_INJECT_LOSE_IRQ, 100);
	reboot();
	submit(&victim);
	assert_int_equal(host_completions(h, 0), 0);
	reboot();
	check_other();
	assert_int_equal(h->interrupts[2], 1);
	host_reg_write(h, LOOM_REG_CTRL, LOOM_CTRL_RESET);
	inject_now(LOOM_INJECT_CRASH_FIRMWARE, LOOM_CRASH_MEMORY);
	assert_int_equal(host_boot(h), LOOM_STATE_CRASHED);
	reboot();
	check_other();
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_ ## name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hang_and_kill),
		TEST(hang_and_destroy),
		TEST(hang_and_resume),
		TEST(hang_innocent),
		TEST(heartbeat),
		TEST(hang_firmware),
		TEST(hang_firmware_late),
		TEST(crash),
		TEST(log),
		TEST(slow_dram),
		TEST(dma_abort),
		TEST(ecc_corrected),
		TEST(ecc_uncorrected),
		TEST(lose_irq),
		TEST(spurious_irq),
		TEST(bad_cqe),
		TEST(remove),
		TEST(register_is_optional),
		TEST(nonsense),
		TEST(names),
		TEST(before_boot),
	};

	return cmocka_run_group_tests(tests, remember, NULL);
}
