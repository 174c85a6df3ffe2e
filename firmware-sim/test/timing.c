/* SPDX-License-Identifier: MIT */
/*
 * Times, against closed forms worked out by hand. On "tiny" a cycle is 1 ns, a byte of DRAM
 * another, DRAM latency 100 ns, a burst 256 bytes, the firmware takes 100 ns for a job and 10 ns
 * for a command; an array of 16 x 16 loads 4 rows of weights a cycle and holds 64 rows of sums.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"
#include "timing/loom_timing.h"

static struct rig *rig;

static struct loom_cmd_conv product(uint32_t m, uint32_t k, uint32_t n)
{
	return (struct loom_cmd_conv){
		.hdr = { .opcode = LOOM_OP_CONV, .size = sizeof(struct loom_cmd_conv),
			 .release_to = 2 * k * n },
		.in_pitch = k, .out_pitch = n, .out = 128 << 10,
		.batch = 1, .h = 1, .w = m, .c = k, .oh = 1, .ow = m, .oc = n,
		.kh = 1, .kw = 1, .sh = 1, .sw = 1, .dh = 1, .dw = 1,
	};
}

static void add_product(struct stream *s, uint32_t m, uint32_t k, uint32_t n, uint32_t wait)
{
	struct loom_cmd_conv *cmd;

	stream_fetch(s, rig->weights_va, 2 * k * n);
	cmd = stream_add(s, LOOM_OP_CONV, sizeof(*cmd));
	*cmd = product(m, k, n);
	cmd->hdr.wait = wait;
}

static struct loom_hw_cqe run(struct stream *s, uint16_t flags)
{
	uint32_t number = rig->h->queue[0].tail;

	stream_end(s);
	host_submit(rig->h, 0, RIG_CTX, s, flags);
	host_run(rig->h);
	return *host_completion(rig->h, 0, number);
}

/* ---- one job ---- */

static void test_firmware(void **state)
{
	uint64_t submitted = rig->h->now;
	struct loom_hw_cqe cqe;
	struct stream s;

	stream_begin(&s, 0);
	for (int i = 0; i < 7; i++)
		stream_add(&s, LOOM_OP_NOP, sizeof(struct loom_cmd));
	cqe = run(&s, 0);
	assert_int_equal(cqe.dispatched, submitted + 100 + 7 * 10);
	assert_int_equal(cqe.end, cqe.dispatched);
}

static void test_one_tile(void **state)
{
	struct loom_hw_cqe cqe;
	struct stream s;

	stream_begin(&s, RIG_LEASE);
	add_product(&s, 16, 16, 16, 0);
	cqe = run(&s, 0);
	assert_int_equal(cqe.fetch_start, cqe.dispatched);
	assert_int_equal(cqe.fetch_end, cqe.dispatched + 512 + 100);
	assert_int_equal(cqe.compute_start, cqe.fetch_end);
	/* 4 to load the tile, 16 + 16 to fill and drain, 16 rows */
	assert_int_equal(cqe.compute_end, cqe.compute_start + 4 + 32 + 16);
	assert_int_equal(cqe.end, cqe.compute_end);
	assert_int_equal(cqe.mac_busy, 52);
	assert_int_equal(cqe.fetch_busy, 512);
	assert_int_equal(cqe.wait_weights, 612);
}

/* Two column blocks of two K tiles, each pass two tiles long. */
static void test_waits_for_tiles(void **state)
{
	struct loom_hw_cqe cqe;
	struct stream s;
	uint64_t d;

	stream_begin(&s, RIG_LEASE);
	add_product(&s, 64, 32, 32, 0);
	cqe = run(&s, 0);
	d = cqe.dispatched;
	assert_int_equal(cqe.compute_start, d + 1024 + 100);
	/* the second column block's weights come last, then it takes 2 x 64 */
	assert_int_equal(cqe.compute_end, d + 2048 + 100 + 128);
	assert_int_equal(cqe.mac_busy, 36 + 256);
	assert_int_equal(cqe.wait_weights, 1124 + (2148 - (1124 + 36 + 128)));
}

/* Fetch and DMA alternate, burst by burst. */
static void test_arbitration(void **state)
{
	struct loom_hw_cqe cqe;
	struct stream s;

	stream_begin(&s, RIG_LEASE);
	stream_fetch(&s, rig->weights_va, 1024);
	stream_move(&s, LOOM_OP_LOAD, rig->in_va, 0, 1024, 0);
	cqe = run(&s, 0);
	assert_int_equal(cqe.fetch_end - cqe.dispatched, 7 * 256 + 100);
	assert_int_equal(cqe.dma_end - cqe.dispatched, 8 * 256 + 100);
	assert_int_equal(cqe.dma_start - cqe.dispatched, 256);
}

/* Compute waits for the load, the store for compute. */
static void test_wait_dma(void **state)
{
	struct loom_cmd_unary *cmd;
	struct loom_hw_cqe cqe;
	struct stream s;
	uint64_t d;

	stream_begin(&s, RIG_LEASE);
	stream_move(&s, LOOM_OP_LOAD, rig->in_va, 0, 600, 0);
	cmd = stream_add(&s, LOOM_OP_UNARY, sizeof(*cmd));
	cmd->hdr.wait = 1;
	cmd->rows = 1;
	cmd->cols = 300;
	cmd->act.fn = LOOM_UN_TANH;
	stream_move(&s, LOOM_OP_STORE, rig->out_va, 0, 600, 1);
	cqe = run(&s, 0);
	d = cqe.dispatched;
	assert_int_equal(cqe.compute_start, d + 700);
	assert_int_equal(cqe.wait_dma, 700);
	/* 300 elements on 16 lanes, 8 cycles each, 16 for the pipeline */
	assert_int_equal(cqe.vector_busy, 16 + 19 * 8);
	assert_int_equal(cqe.compute_end, d + 700 + 168);
	assert_int_equal(cqe.dma_end, cqe.compute_end + 600 + 100);
	assert_int_equal(cqe.end, cqe.dma_end);
	assert_int_equal(cqe.dma_busy, 1200);
}

/* The next job's weights come during this one's compute; its own compute follows at once. */
static void test_prefetch(void **state)
{
	struct loom_hw_cqe first, second;
	struct stream s;

	for (int i = 0; i < 2; i++) {
		stream_begin(&s, RIG_LEASE);
		add_product(&s, 640, 16, 16, 0);
		stream_end(&s);
		host_submit(rig->h, 0, RIG_CTX, &s, 0);
	}
	host_run(rig->h);
	first = *host_completion(rig->h, 0, 0);
	second = *host_completion(rig->h, 0, 1);
	assert_int_equal(first.fetch_end, first.dispatched + 612);
	assert_int_equal(second.fetch_start, first.dispatched + 512);
	assert_int_equal(first.mac_busy, 36 + 640);
	assert_int_equal(second.compute_start, first.compute_end);
	assert_int_equal(second.wait_weights, 0);
	assert_int_equal(second.end, first.end + 36 + 640);
}

/*
 * 128 KiB of weights through a FIFO of 64 KiB: 64 passes of 64 rows and 2 tiles take 1024 ns of
 * DRAM and 128 of compute each, so DRAM never waits; at 4096 rows it does.
 */
static void test_fifo(void **state)
{
	struct loom_hw_cqe cqe;
	struct stream s;

	stream_begin(&s, RIG_LEASE);
	add_product(&s, 16, 256, 256, 0);
	cqe = run(&s, 0);
	assert_int_equal(cqe.fetch_busy, 131072);
	assert_int_equal(cqe.fetch_end - cqe.fetch_start, 131072 + 100);
	assert_int_equal(host_counters(rig->h).fetch_blocked, 0);
	/* the last 8 K tiles of 16 rows */
	assert_int_equal(cqe.compute_end, cqe.fetch_end + 128);
}

static void fast_dram(struct loom_sim_config *config)
{
	config->caps.dram_mbps = 10000;
}

static void test_layer_release(void **state)
{
	struct rig *fast = rig_new("tiny", fast_dram);
	struct loom_hw_cqe tile[2], layer[2];
	struct stream s;

	rig_free(rig);
	rig = fast;
	for (int mode = 0; mode < 2; mode++) {
		struct loom_hw_cqe *cqe = mode ? layer : tile;

		for (int i = 0; i < 2; i++) {
			stream_begin(&s, RIG_LEASE);
			add_product(&s, 256, 128, 128, 0);
			stream_fetch(&s, rig->weights_va, 16384);
			stream_end(&s);
			host_submit(rig->h, 0, RIG_CTX, &s, mode ? LOOM_JOB_RELEASE_LAYER : 0);
		}
		host_run(rig->h);
		for (int i = 0; i < 2; i++)
			cqe[i] = *host_completion(rig->h, 0, 2 * mode + i);
	}
	/* 2 x 48 KiB do not fit in 64 KiB: the second job's fetch has to wait for compute */
	assert_true(tile[1].fetch_end - tile[0].dispatched <
		    layer[1].fetch_end - layer[0].dispatched);
	assert_true(layer[1].fetch_end > layer[0].compute_end);
}

/* ---- counters ---- */

static void test_counters(void **state)
{
	struct loom_hw_counters before = host_counters(rig->h), after;
	struct loom_hw_cqe cqe;
	uint64_t start;
	struct stream s;

	stream_begin(&s, RIG_LEASE);
	stream_move(&s, LOOM_OP_LOAD, rig->in_va, 0, 1000, 0);
	add_product(&s, 16, 16, 16, 1);
	start = rig->h->now;
	cqe = run(&s, 0);
	host_run_until(rig->h, rig->h->now + 5000);
	after = host_counters(rig->h);
	assert_int_equal(after.fetch_busy - before.fetch_busy, 512);
	assert_int_equal(after.dma_busy - before.dma_busy, 1000);
	assert_int_equal(after.dram_busy - before.dram_busy, 1512);
	assert_int_equal(after.dram_bytes - before.dram_bytes, 1512);
	assert_int_equal(after.weight_bytes - before.weight_bytes, 512);
	assert_int_equal(after.mac_busy - before.mac_busy, 52);
	assert_int_equal(after.compute_busy - before.compute_busy, 52);
	assert_int_equal(after.macs - before.macs, 16 * 16 * 16);
	assert_int_equal(after.jobs - before.jobs, 1);
	assert_int_equal(after.commands - before.commands, 3);
	assert_int_equal(after.dry - before.dry, rig->h->now - start - (cqe.end - start));
	assert_int_equal(after.compute_wait_dma - before.compute_wait_dma, cqe.wait_dma);
	assert_int_equal(after.compute_wait_weights - before.compute_wait_weights,
			 cqe.wait_weights);
	assert_int_equal(cqe.wait_dma + cqe.wait_weights, cqe.compute_start - cqe.dispatched);
}

/* The first job fills the weight SRAM; the second's fetch gets room when the first has computed. */
static void test_fetch_blocked(void **state)
{
	struct loom_hw_cqe first, second;
	struct stream s;

	for (int i = 0; i < 2; i++) {
		stream_begin(&s, RIG_LEASE);
		if (i == 0)
			add_product(&s, 200, 128, 256, 0);
		else
			stream_fetch(&s, rig->weights_va, 1000);
		stream_end(&s);
		host_submit(rig->h, 0, RIG_CTX, &s, LOOM_JOB_RELEASE_LAYER);
	}
	host_run(rig->h);
	first = *host_completion(rig->h, 0, 0);
	second = *host_completion(rig->h, 0, 1);
	assert_int_equal(first.fetch_busy, 65536);
	assert_int_equal(second.fetch_start, first.compute_end);
	assert_int_equal(host_counters(rig->h).fetch_blocked,
			 first.compute_end - (first.fetch_start + 65536));
}

/* Read in the middle of a pass, a stall, a blocked fetch: every picosecond is somewhere. */
static void test_counters_at_any_time(void **state)
{
	struct loom_hw_counters before = host_counters(rig->h);
	uint64_t start = rig->h->now;
	struct stream s;

	stream_begin(&s, RIG_LEASE);
	stream_move(&s, LOOM_OP_LOAD, rig->in_va, 0, 3000, 0);
	add_product(&s, 640, 32, 32, 1);
	stream_end(&s);
	host_submit(rig->h, 0, RIG_CTX, &s, 0);
	for (int i = 0; i < 200; i++) {
		struct loom_hw_counters now;
		uint64_t sum;

		host_run_until(rig->h, start + 130 + 60 * i);
		now = host_counters(rig->h);
		sum = now.compute_busy + now.compute_wait_dma + now.compute_wait_weights -
		      before.compute_busy;
		/* dispatched after 100 ns and 3 commands of 10 */
		if (!host_completions(rig->h, 0))
			assert_int_equal(sum, 60 * i);
	}
	assert_int_equal(host_completions(rig->h, 0), 1);
}

/* ---- the equations ---- */

static const char *const presets[] = { "tiny", "memory-centric", "compute-centric" };

static struct loom_hw_caps caps_of(const char *preset)
{
	struct loom_sim_config config;

	loom_sim_preset(&config, preset);
	return config.caps;
}

static uint64_t cycles(const char *preset, uint32_t m, uint32_t k, uint32_t n)
{
	struct loom_cmd_conv cmd = product(m, k, n);
	struct loom_hw_caps caps = caps_of(preset);

	return loom_timing_cycles(&caps, &cmd.hdr);
}

static void test_products(void **state)
{
	/* memory-centric: load 16, fill and drain 256 */
	assert_int_equal(cycles("memory-centric", 3136, 576, 64), 272 + 5 * 3136);
	assert_int_equal(cycles("memory-centric", 1, 1024, 4096), 272 + 8 * 32 * 16);
	assert_int_equal(cycles("memory-centric", 14, 1000, 100), 272 + 7 * 16 + 14);
	/* compute-centric: load 8, fill and drain 128; 12 arrays share the rows ... */
	assert_int_equal(cycles("compute-centric", 1200, 64, 64), 136 + 100);
	assert_int_equal(cycles("compute-centric", 1200, 128, 192), 136 + 3 * 2 * 100);
	/* ... or, when there are few, the columns */
	assert_int_equal(cycles("compute-centric", 12, 64, 12 * 64), 136 + 12);
	assert_int_equal(cycles("compute-centric", 40, 64, 24 * 64), 136 + 2 * 40);
}

static void test_depthwise(void **state)
{
	struct loom_hw_caps caps = caps_of("memory-centric");
	struct loom_cmd_conv cmd = product(1, 1, 1);

	cmd.hdr.opcode = LOOM_OP_DWCONV;
	cmd.kh = 3;
	cmd.kw = 3;
	cmd.h = 56;
	cmd.w = 56;
	cmd.oh = 56;
	cmd.ow = 56;
	cmd.c = 144;
	cmd.oc = 144;
	/* 14 channels of 9 taps share a tile: 11 tiles of 3136 rows; 126 rows load in 16 cycles */
	assert_int_equal(loom_timing_cycles(&caps, &cmd.hdr), 16 + 256 + 11 * 3136);
}

static void test_matmul(void **state)
{
	struct loom_hw_caps caps = caps_of("memory-centric");
	struct loom_cmd_matmul cmd = {
		.hdr = { .opcode = LOOM_OP_MATMUL },
		.m = 50, .n = 130, .k = 64, .batch = { 1, 12 },
	};

	/* two column blocks in each of 12 heads */
	assert_int_equal(loom_timing_cycles(&caps, &cmd.hdr), 8 + 256 + 24 * 50);
	assert_int_equal(loom_timing_macs(&cmd.hdr), 12 * 50 * 130 * 64);
}

static void check_passes(const struct loom_hw_caps *caps, const struct loom_cmd_conv *cmd)
{
	uint64_t n = loom_timing_passes(caps, &cmd->hdr), sum = 0, freed = cmd->w_off;
	uint64_t end = cmd->w_off + 2ull * cmd->c * cmd->kh * cmd->kw * cmd->oc;
	uint64_t window = loom_timing_weight_window(caps, &cmd->hdr);
	uint32_t last_need = 0;

	assert_true(n >= 1);
	for (uint64_t i = 0; i < n; i++) {
		struct loom_pass pass = loom_timing_pass(caps, &cmd->hdr, i);

		sum += pass.cycles;
		assert_true(pass.need <= end && pass.need > cmd->w_off);
		assert_true(pass.need - freed <= window);
		assert_true(pass.done <= pass.need);
		if (pass.done > freed)
			freed = pass.done;
		if (pass.need > last_need)
			last_need = pass.need;
	}
	assert_int_equal(sum, loom_timing_cycles(caps, &cmd->hdr));
	assert_int_equal(last_need, end);
	assert_int_equal(freed, end);
}

static void test_passes(void **state)
{
	uint64_t seed = 3;

	for (int i = 0; i < 3000; i++) {
		struct loom_hw_caps caps = caps_of(presets[i % 3]);
		struct loom_cmd_conv cmd = product(1 + rig_random(&seed) % (i % 7 ? 300 : 9000),
						   1 + rig_random(&seed) % 1000,
						   1 + rig_random(&seed) % 1500);

		cmd.w_off = rig_random(&seed) % 3 * 4096;
		check_passes(&caps, &cmd);
	}
}

/* ---- data or not ---- */

static void no_data(struct loom_sim_config *config)
{
	config->functional = LOOM_SIM_FUNCTIONAL_OFF;
}

static void run_mixture(struct rig *r, struct loom_hw_cqe *cqes, int jobs)
{
	struct stream s;

	rig = r;
	for (int i = 0; i < jobs; i++) {
		stream_begin(&s, RIG_LEASE);
		stream_move(&s, LOOM_OP_LOAD, r->in_va, 0, 1000 * i, 0)->row_bytes += 64;
		add_product(&s, 7 * i + 1, 24 * i + 8, 40 * i + 16, 1);
		stream_move(&s, LOOM_OP_STORE, r->out_va, 0, 5000, 1);
		stream_end(&s);
		host_submit(r->h, 0, RIG_CTX, &s, i == 4 ? LOOM_JOB_RELEASE_LAYER : 0);
	}
	host_run(r->h);
	for (int i = 0; i < jobs; i++)
		cqes[i] = *host_completion(r->h, 0, i);
}

static void test_functional_off(void **state)
{
	struct loom_hw_cqe with[8], without[8];
	struct rig *r = rig_new("tiny", NULL);

	run_mixture(r, with, 8);
	rig_free(r);
	r = rig_new("tiny", no_data);
	run_mixture(r, without, 8);
	rig_free(r);
	assert_memory_equal(with, without, sizeof(with));
	assert_int_equal(with[7].fault, LOOM_FAULT_NONE);
}

static int setup(void **state)
{
	rig = rig_new("tiny", NULL);
	return 0;
}

static int teardown(void **state)
{
	rig_free(rig);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_firmware),
		TEST(test_one_tile),
		TEST(test_waits_for_tiles),
		TEST(test_arbitration),
		TEST(test_wait_dma),
		TEST(test_prefetch),
		TEST(test_fifo),
		TEST(test_layer_release),
		TEST(test_counters),
		TEST(test_fetch_blocked),
		TEST(test_counters_at_any_time),
		cmocka_unit_test(test_products),
		cmocka_unit_test(test_depthwise),
		cmocka_unit_test(test_matmul),
		cmocka_unit_test(test_passes),
		cmocka_unit_test(test_functional_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
