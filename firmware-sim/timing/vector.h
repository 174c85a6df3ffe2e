/* SPDX-License-Identifier: MIT */
#ifndef LOOM_TIMING_VECTOR_H
#define LOOM_TIMING_VECTOR_H

#include "loom_timing.h"

uint64_t vector_cycles(const struct loom_hw_caps *caps, const struct loom_cmd *cmd);
/* Of a command of so many cycles. */
uint64_t vector_passes(uint64_t cycles);
uint64_t vector_pass(uint64_t cycles, uint64_t i);
/* One past the last weight the command reads. */
uint32_t vector_weights_end(const struct loom_cmd *cmd);
/* The first. */
uint32_t vector_weights_first(const struct loom_cmd *cmd);

#endif /* LOOM_TIMING_VECTOR_H */
