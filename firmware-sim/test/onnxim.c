/* SPDX-License-Identifier: MIT */
/*
 * ResNet50's layers beside ONNXim's cycles: with its mapping (onnxim.h) Loom's equations give its
 * figures. The table that is printed is in Documentation/accel/loom/timing.rst.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "loom_sim.h"
#include "onnxim.h"

/* The same core as ONNXim's: a row of weights loaded in a cycle. */
static struct loom_hw_caps core(void)
{
	struct loom_sim_config config;

	loom_sim_preset(&config, "memory-centric");
	config.caps.wload_rows = 1;
	return config.caps;
}

static void test_layers(void **state)
{
	struct loom_hw_caps caps = core();

	for (size_t i = 0; i < ONNXIM_LAYERS; i++) {
		const struct onnxim_layer *l = &onnxim_layers[i];
		uint64_t cycles = onnxim_explained(&caps, l);

		printf("%5u %5u %3u %2u %8lu %8lu %10lu %8lu %8u %6.2f\n", l->c, l->m, l->p, l->k,
		       (unsigned long)onnxim_array(&caps, l, l->k),
		       (unsigned long)onnxim_array_by_taps(&caps, l),
		       (unsigned long)onnxim_bytes_before(l), (unsigned long)cycles, l->cycles,
		       (double)cycles / l->cycles);
		assert_in_range(cycles, l->cycles * 0.85, l->cycles * 1.15);
	}
}

/* Three channels and 49 taps: 615,494 there. */
static void test_first_layer(void **state)
{
	static const struct onnxim_layer first = { 3, 64, 112, 7, 615494, 3, 1 };
	struct loom_hw_caps caps = core();

	assert_in_range(onnxim_explained(&caps, &first), first.cycles * 0.99, first.cycles * 1.01);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_first_layer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
