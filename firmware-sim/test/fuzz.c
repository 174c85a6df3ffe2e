/* SPDX-License-Identifier: MIT */
/*
 * Command buffers that nobody meant. LLVMFuzzerTestOneInput() runs one on a small device and looks
 * whether the device stayed inside the lease and answered; with clang -fsanitize=fuzzer -DFUZZER
 * that is a fuzzer, without it is a test: main() spoils valid buffers at random, always in the
 * same way.
 *
 *	fuzz [ROUNDS [SEED]]	(0 rounds: write a valid buffer to stdout, to start a corpus with)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "sample.h"

#define CTX		2	/* its lease is the second of the SRAM */
#define CANARY		0xa5
#define SRAM		(1u << 20)

static struct host *host;
static struct rig rig;
static uint32_t last_fault;

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz: %s\n", what);
	abort();
}

/* A short watchdog: a random size may well ask for seconds. */
static void short_fuse(struct loom_sim_config *config)
{
	config->watchdog_ns = 200000;
}

static void start(void)
{
	host = host_new("tiny", short_fuse);
	check(host_boot(host) == LOOM_STATE_READY, "does not boot");
	host_queue(host, 0, 4, 1);
	rig_context(&rig, host, CTX);
	rig_fill(&rig, 1, 1.0f);
	/* fuzzed buffers take turns in one piece of memory */
	host_buffer(host, CTX, 0x600000000000ull, 16384, false);
}

static uint8_t *sram(void)
{
	return host->sim->core[0].act_sram.bytes;
}

static bool outside_untouched(void)
{
	static uint8_t canary[SRAM];

	if (!canary[0])
		memset(canary, CANARY, sizeof(canary));
	return !memcmp(sram(), canary, RIG_LEASE) &&
	       !memcmp(sram() + 2 * RIG_LEASE, canary, SRAM - 2 * RIG_LEASE);
}

static void submit(const uint8_t *data, size_t size)
{
	memcpy(host_va(host, CTX, 0x600000000000ull), data, size);
	host_submit_desc(host, 0, &(struct loom_hw_job){
		.cmd_va = 0x600000000000ull,
		.cmd_size = size,
		.vm_slot = CTX,
	});
}

static void revive(void)
{
	check(host_context_op(host, LOOM_ADMIN_CTX_DESTROY, CTX) == LOOM_ADMIN_OK, "destroy");
	check(host_context(host, CTX, RIG_LEASE, RIG_LEASE) == LOOM_ADMIN_OK, "create");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct loom_hw_cqe *cqe;
	uint32_t number;

	if (size > 16384)
		return 0;
	if (!host)
		start();
	memset(sram(), CANARY, SRAM);
	memset(sram() + RIG_LEASE, 0, RIG_LEASE);
	number = host->queue[0].tail;
	submit(data, size);
	host_run(host);
	cqe = host_completion(host, 0, number);
	check(cqe->fault < LOOM_FAULT_COUNT, "no such fault");
	check(cqe->seq == number, "another job's completion");
	check(outside_untouched(), "wrote outside the lease");
	if (cqe->fault)
		revive();
	last_fault = cqe->fault;
	return 0;
}

#ifndef FUZZER

/* Values that bounds checks get wrong. */
static uint32_t interesting(uint64_t *seed)
{
	static const uint32_t values[] = {
		0, 1, 2, 3, 7, 8, 15, 16, 17, 64, 255, 256, 4096, 8191, 8192, 65535, 65536,
		RIG_LEASE - 2, RIG_LEASE, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
	};
	uint32_t r = rig_random(seed);

	return r % 4 ? values[r / 4 % (sizeof(values) / sizeof(values[0]))] : rig_random(seed);
}

/* Change a few bytes, halves or words, seldom of the header, where little is to be found. */
static void spoil(struct buffer *b, uint64_t *seed)
{
	uint32_t first = rig_random(seed) % 16 ? sizeof(struct loom_cmdbuf) : 0;

	for (uint32_t n = 1 + rig_random(seed) % 3; n; n--) {
		uint32_t width = 1u << rig_random(seed) % 3;
		uint32_t at = first + rig_random(seed) % (b->s.size - first - 4);
		uint32_t value = interesting(seed);

		memcpy(b->s.bytes + at / width * width, &value, width);
	}
}

static int write_sample(void)
{
	struct buffer b;

	sample(&b, &rig);
	return fwrite(b.s.bytes, b.s.size, 1, stdout) != 1;
}

int main(int argc, char **argv)
{
	uint32_t rounds = argc > 1 ? strtoul(argv[1], NULL, 0) : 3000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	uint32_t seen[LOOM_FAULT_COUNT] = { 0 };

	start();
	if (!rounds)
		return write_sample();
	for (uint32_t i = 0; i < rounds; i++) {
		struct buffer b;

		sample(&b, &rig);
		if (i)
			spoil(&b, &seed);
		LLVMFuzzerTestOneInput(b.s.bytes, b.s.size);
		seen[last_fault]++;
	}
	for (int fault = 0; fault < LOOM_FAULT_COUNT; fault++)
		if (seen[fault])
			printf("fault %2d: %u\n", fault, seen[fault]);
	check(seen[LOOM_FAULT_NONE] > rounds / 100, "hardly anything ran");
	host_free(host);
	return 0;
}

#endif
