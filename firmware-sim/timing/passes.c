/* SPDX-License-Identifier: MIT */
#include "passes.h"

#include "mac.h"
#include "vector.h"

void passes_plan(struct passes *passes, const struct loom_hw_caps *caps,
		 const struct loom_cmd *cmd)
{
	passes->unit = loom_timing_unit(cmd);
	switch (passes->unit) {
	case LOOM_UNIT_MAC:
		passes->map = map_command(caps, cmd);
		passes->count = mac_passes(&passes->map);
		break;
	case LOOM_UNIT_VECTOR:
		passes->cycles = vector_cycles(caps, cmd);
		passes->need = vector_weights_end(cmd);
		passes->count = vector_passes(passes->cycles);
		break;
	default:
		passes->count = 1;
	}
}

struct loom_pass passes_get(const struct passes *passes, uint64_t i)
{
	switch (passes->unit) {
	case LOOM_UNIT_MAC:
		return mac_pass(&passes->map, i);
	case LOOM_UNIT_VECTOR:
		return (struct loom_pass){
			.cycles = vector_pass(passes->cycles, i),
			.need = passes->need,
		};
	default:
		return (struct loom_pass){ 0 };
	}
}

uint64_t loom_timing_passes(const struct loom_hw_caps *caps, const struct loom_cmd *cmd)
{
	struct passes passes;

	passes_plan(&passes, caps, cmd);
	return passes.count;
}

struct loom_pass loom_timing_pass(const struct loom_hw_caps *caps, const struct loom_cmd *cmd,
				  uint64_t i)
{
	struct passes passes;

	passes_plan(&passes, caps, cmd);
	return passes_get(&passes, i);
}
