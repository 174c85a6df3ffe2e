/* SPDX-License-Identifier: MIT */
#ifndef LOOM_TIMING_VECTOR_H
#define LOOM_TIMING_VECTOR_H

#include "loom_timing.h"

uint64_t vector_cycles(const struct loom_hw_caps *caps, const struct loom_cmd *cmd);
uint64_t vector_passes(const struct loom_hw_caps *caps, const struct loom_cmd *cmd);
struct loom_pass vector_pass(const struct loom_hw_caps *caps, const struct loom_cmd *cmd,
			     uint64_t i);
/* One past the last weight the command reads. */
uint32_t vector_weights_end(const struct loom_cmd *cmd);
/* The first. */
uint32_t vector_weights_first(const struct loom_cmd *cmd);

#endif /* LOOM_TIMING_VECTOR_H */
