/* SPDX-License-Identifier: MIT */
/*
 * Energy: the counters against sums worked out by hand, and against what the timing library says of
 * the same commands beforehand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "timing/loom_timing.h"
#include "woven.h"

/* fJ, from the documented table. */
#define MAC	1244
#define SRAM	7778
#define DRAM	118400

static struct loom_hw_caps caps_of(const char *preset, enum loom_dataflow dataflow)
{
	struct loom_sim_config config;

	loom_sim_preset(&config, preset);
	config.caps.dataflow = dataflow;
	return config.caps;
}

static void add_product(struct stream *s, uint32_t m, uint32_t k, uint32_t n)
{
	struct loom_cmd_conv *cmd = stream_add(s, LOOM_OP_CONV, sizeof(*cmd));

	*cmd = (struct loom_cmd_conv){
		.hdr = { .opcode = LOOM_OP_CONV, .size = sizeof(*cmd), .release_to = 2 * k * n },
		.out = 128 << 10, .in_pitch = k, .out_pitch = n,
		.batch = 1, .h = 1, .w = m, .c = k, .oh = 1, .ow = m, .oc = n,
		.kh = 1, .kw = 1, .sh = 1, .sw = 1, .dh = 1, .dw = 1,
	};
}

/* 100 x 40 by 40 x 24 on "tiny": 3 K tiles, 2 column blocks, row steps of 64 (or 16). */
static void run_product(void (*tweak)(struct loom_sim_config *config), uint64_t sram_bytes)
{
	struct rig *r = rig_new("tiny", tweak);
	uint64_t ready = r->h->now;
	struct loom_hw_counters c0 = host_counters(r->h), c;
	uint64_t macs = 100 * 40 * 24, moved = 2 * 40 * 24 + 1000;
	struct stream s;

	stream_begin(&s, RIG_LEASE);
	stream_move(&s, LOOM_OP_LOAD, r->in_va, 0, 1000, 0);
	stream_fetch(&s, r->weights_va, 2 * 40 * 24);
	add_product(&s, 100, 40, 24);
	stream_end(&s);
	host_submit(r->h, 0, RIG_CTX, &s, 0);
	host_run(r->h);
	host_run_until(r->h, r->h->now + 12345);
	c = host_counters(r->h);
	assert_int_equal(c.energy_mac, macs * MAC / 1000);
	assert_int_equal(c.energy_dram, moved * DRAM / 1000);
	assert_int_equal(c.energy_sram, (moved + sram_bytes) * SRAM / 1000);
	assert_int_equal(c.energy_static - c0.energy_static,
			 loom_energy_static_mw(&r->h->config.caps) * (r->h->now - ready));
	rig_free(r);
}

static void test_weight_stationary(void **state)
{
	/* rows for each block, weights for each step, sums for each K tile both ways, results */
	run_product(NULL, 2 * 100 * 40 * 2 + 2 * 40 * 24 * 2 + 3 * 100 * 24 * 8 + 100 * 24 * 2);
}

static void output_stationary(struct loom_sim_config *config)
{
	config->caps.dataflow = LOOM_OUTPUT_STATIONARY;
}

static void test_output_stationary(void **state)
{
	/* rows for each block, weights for each of 7 row steps, results */
	run_product(output_stationary, 2 * 100 * 40 * 2 + 7 * 40 * 24 * 2 + 100 * 24 * 2);
}

/* By hand from the table: 28 W of TPU v1 by its die's shares. */
static void test_static(void **state)
{
	struct loom_hw_caps caps = caps_of("memory-centric", LOOM_WEIGHT_STATIONARY);
	double sram = (48e6 + 60e6) / (28 << 20) * 28 * 37 / 79;
	double mac = 128 * 128 * 28.0 * 30 / 79 / 65536 * 2.0 / 0.3;

	assert_in_range(loom_energy_static_mw(&caps), (sram + mac + 28.0 * 12 / 79) * 998,
			(sram + mac + 28.0 * 12 / 79) * 1002);
}

/* ---- the library beforehand, the device afterwards ---- */

static void estimate(const struct loom_hw_caps *caps, const struct stream *s,
		     struct loom_hw_counters *sum)
{
	const uint8_t *at = s->bytes + sizeof(struct loom_cmdbuf);

	for (uint32_t i = 0; i < s->num_cmds; i++) {
		const struct loom_cmd *cmd = (const void *)at;

		sum->energy_mac += loom_timing_macs(cmd);
		sum->energy_sram += loom_timing_sram_bytes(caps, cmd);
		sum->energy_dram += loom_timing_dram_bytes(cmd);
		at += cmd->size;
	}
}

static void check_estimate(void (*tweak)(struct loom_sim_config *config))
{
	struct loom_hw_counters sum = { 0 }, c;
	struct woven w;

	woven_new(&w, "tiny", tweak, 8);
	for (int i = 0; i < 100; i++) {
		struct stream s = woven_submit(&w);

		estimate(&w.h->config.caps, &s, &sum);
	}
	host_run(w.h);
	c = host_counters(w.h);
	assert_int_equal(c.jobs, 100);
	assert_int_equal(c.energy_mac, loom_energy_macs(sum.energy_mac, 0));
	assert_int_equal(c.energy_sram, loom_energy_sram(sum.energy_sram));
	assert_int_equal(c.energy_dram, loom_energy_dram(sum.energy_dram));
	woven_free(&w);
}

static void test_estimate(void **state)
{
	check_estimate(NULL);
	check_estimate(output_stationary);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weight_stationary),
		cmocka_unit_test(test_output_stationary),
		cmocka_unit_test(test_static),
		cmocka_unit_test(test_estimate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
