/* SPDX-License-Identifier: MIT */
/*
 * passes.h - the passes of one command, with what they have in common worked out once.
 */
#ifndef LOOM_TIMING_PASSES_H
#define LOOM_TIMING_PASSES_H

#include "mapping.h"

struct passes {
	enum loom_unit unit;
	uint64_t count;
	struct mapping map;	/* LOOM_UNIT_MAC */
	uint64_t cycles;	/* LOOM_UNIT_VECTOR: of all of them */
	uint32_t need;
};

/* caps must outlive it. */
void passes_plan(struct passes *passes, const struct loom_hw_caps *caps,
		 const struct loom_cmd *cmd);
struct loom_pass passes_get(const struct passes *passes, uint64_t i);

#endif /* LOOM_TIMING_PASSES_H */
