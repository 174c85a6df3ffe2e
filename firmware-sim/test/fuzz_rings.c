/* SPDX-License-Identifier: MIT */
/*
 * A driver that nobody meant: registers, doorbells, admin commands, descriptors, faults and resets
 * in any order, with any values. Afterwards the device is reset, and then it must boot and give a
 * new tenant its own bytes. The input is a program of one-byte operations and their operands.
 *
 *	fuzz_rings [ROUNDS [SEED]]	random programs (without libFuzzer)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "sample.h"

#define QUEUES	3
#define TENANT	2
#define LEASE	(64u << 10)

static struct host *host;
static struct rig tenant[TENANT + 1];
static uint64_t mark;		/* of the machine's memory, before the input's */

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_rings: %s\n", what);
	abort();
}

/* ---- the input ---- */

struct input {
	const uint8_t *at, *end;
};

static uint64_t take(struct input *in, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes && in->at < in->end; i++)
		value |= (uint64_t)*in->at++ << 8 * i;
	return value;
}

static void take_bytes(struct input *in, void *to, size_t size)
{
	uint8_t *bytes = to;

	while (size--)
		*bytes++ = (uint8_t)take(in, 1);
}

/* ---- operations ---- */

static void small(struct loom_sim_config *config)
{
	config->watchdog_ns = 200000;
	config->inject_register = true;
}

/* As rig_context(), with just what sample() names. */
static void small_tenant(struct rig *r, uint32_t ctx)
{
	const uint64_t va = 0x10000000;

	*r = (struct rig){ .h = host, .ctx = ctx };
	host_context(host, ctx, (ctx - 1) * LEASE, LEASE);
	r->in_va = host_buffer(host, ctx, va, 4096, false);
	r->out_va = host_buffer(host, ctx, va + 0x1000000, 4096, true);
	r->weights_va = host_buffer(host, ctx, va + 0x2000000, WEIGHTS, false);
	r->in = host_va(host, ctx, r->in_va);
	r->out = host_va(host, ctx, r->out_va);
}

static void tenants(void)
{
	for (uint32_t ctx = 1; ctx <= TENANT; ctx++)
		small_tenant(&tenant[ctx], ctx);
	for (uint32_t queue = 0; queue < QUEUES; queue++)
		host_queue_in(host, queue, 4, 1 + queue, queue % LOOM_BAND_COUNT,
			      queue == 1 ? LOOM_QUEUE_USER : 0);
}

static void start(void)
{
	host = host_new("tiny", small);
	mark = host->used;
}

/* Host memory is as new; the device is only reset. */
static void begin(void)
{
	check(host_boot(host) == LOOM_STATE_READY, "does not boot");
	tenants();
}

static uint64_t memory_address(struct input *in)
{
	return HOST_BASE + take(in, 3) % (host->used + 8192);
}

static void admin(struct input *in)
{
	struct loom_admin_cmd cmd;

	take_bytes(in, &cmd, sizeof(cmd));
	cmd.opcode %= 16;
	/* now and then the small numbers that exist, and memory that is there */
	if (cmd.reserved & 1) {
		cmd.ctx.ctx %= 4;
		cmd.queue.core = 0;
		cmd.lease.pages = memory_address(in) & ~7ull;
	}
	cmd.reserved = cmd.reserved & 0x8000 ? cmd.reserved : 0;
	host_admin_post(host, &cmd);
}

static void descriptor(struct input *in)
{
	uint32_t queue = take(in, 1) % QUEUES;
	struct loom_hw_job job;

	take_bytes(in, &job, sizeof(job));
	host_submit_desc(host, queue, &job);
}

/* A valid buffer of one of the tenants, as it is or with bytes changed. */
static void job(struct input *in)
{
	uint32_t queue = take(in, 1) % QUEUES, ctx = 1 + take(in, 1) % TENANT;
	uint32_t changes = take(in, 1) % 4;
	uint16_t flags = take(in, 1) & 3;
	struct buffer b;

	/* each takes memory, of which there is an end */
	if (host->used > HOST_MEMORY / 2)
		return;
	sample(&b, &tenant[ctx]);
	while (changes--) {
		uint32_t where = take(in, 2) % b.s.size;

		b.s.bytes[where] ^= (uint8_t)take(in, 1);
	}
	host_submit(host, queue, ctx, &b.s, flags);
}

static void write_register(struct input *in)
{
	uint64_t at = take(in, 2) % 0x480 * 4 % 0x500, value = take(in, 4);

	/* only one fault is for ever: it has a test of its own */
	if (at == LOOM_REG_INJECT && value == LOOM_INJECT_REMOVE)
		return;
	loom_sim_write(host->sim, host->now, at, value, take(in, 1) & 1 ? 8 : 4);
}

static void fault(struct input *in)
{
	uint32_t kind = take(in, 1) % LOOM_INJECT_COUNT, arg = take(in, 1) % 101;

	if (kind != LOOM_INJECT_REMOVE)
		loom_sim_inject(host->sim, host->now, kind, arg);
}

static void write_memory(struct input *in)
{
	uint64_t addr = memory_address(in) & ~7ull, value = take(in, 8);

	if (addr - HOST_BASE <= HOST_MEMORY - 8)
		memcpy(host_ptr(host, addr), &value, sizeof(value));
}

static void one_operation(struct input *in)
{
	switch (take(in, 1) % 12) {
	case 0:
		write_register(in);
		break;
	case 1:
		loom_sim_read(host->sim, host->now, take(in, 3), take(in, 1));
		break;
	case 2:
		loom_sim_doorbell(host->sim, host->now, take(in, 1), take(in, 4));
		break;
	case 3:
		host_run_until(host, host->now + take(in, 2));
		break;
	case 4:
		admin(in);
		break;
	case 5:
		descriptor(in);
		break;
	case 6:
	case 7:
		job(in);
		break;
	case 8:
		fault(in);
		break;
	case 9:
		host->broken_first = memory_address(in);
		host->broken_end = host->broken_first + take(in, 2);
		break;
	case 10:
		write_memory(in);
		break;
	case 11:
		host_run(host);
		break;
	}
}

/* ---- afterwards ---- */

static void forget_memory(void)
{
	memset(host->memory, 0, host->used);
	memset(host->pt_root, 0, sizeof(host->pt_root));
	memset(host->queue, 0, sizeof(host->queue));
	host->used = mark;
	host->broken_first = 0;
	host->broken_end = 0;
}

static void check_tenant(void)
{
	struct rig *r = &tenant[TENANT];
	struct stream s;

	memset(r->in, 0x5a, 4096);
	stream_begin(&s, LEASE);
	stream_move(&s, LOOM_OP_LOAD, r->in_va, 0, 4096, 0);
	stream_move(&s, LOOM_OP_STORE, r->out_va, 0, 4096, 0);
	stream_end(&s);
	host_submit(host, 0, TENANT, &s, 0);
	host_run(host);
	check(host_completions(host, 0) == 1, "no completion after a reset");
	check(host_completion(host, 0, 0)->fault == LOOM_FAULT_NONE, "a fault after a reset");
	check(!memcmp(r->in, r->out, 4096), "another's bytes after a reset");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };

	if (size > 4096)
		return 0;
	if (!host)
		start();
	begin();
	while (in.at < in.end)
		one_operation(&in);
	host->broken_end = host->broken_first;
	host_run(host);
	loom_sim_reset(host->sim, host->now);
	forget_memory();
	memset(host->sim->inject.waits, 0, sizeof(host->sim->inject.waits));
	begin();
	check_tenant();
	loom_sim_reset(host->sim, host->now);
	forget_memory();
	return 0;
}

#ifndef FUZZER

int main(int argc, char **argv)
{
	uint32_t rounds = argc > 1 ? strtoul(argv[1], NULL, 0) : 300;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	uint8_t program[512];

	for (uint32_t i = 0; i < rounds; i++) {
		size_t size = rig_random(&seed) % sizeof(program);

		for (size_t at = 0; at < size; at++)
			program[at] = rig_random(&seed) % 4 ? rig_random(&seed) : 0;
		LLVMFuzzerTestOneInput(program, size);
	}
	host_free(host);
	return 0;
}

#endif
