// SPDX-License-Identifier: MIT
/*
 * ONNX files that nobody made: compiled, or refused in words. What was compiled can be loaded.
 */
#include <stdlib.h>
#include <string.h>

#include "loom.h"
#include "loom_sim.h"
#include "loomc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_loads(const struct loomc_result *result)
{
	struct loom_model *model;

	if (loom_model_open_memory(result->file, result->size, &model))
		abort();
	loom_model_close(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct loomc_options options = { 0 };
	struct loom_sim_config config;
	struct loomc_result result;

	if (!loom_sim_preset(&config, "tiny"))
		abort();
	options.caps = config.caps;
	if (!loomc_compile(data, size, &options, &result))
		check_loads(&result);
	else if (!result.error[0])
		abort();
	loomc_result_free(&result);
	return 0;
}
