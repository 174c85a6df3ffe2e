/* SPDX-License-Identifier: MIT */
#ifndef LOOM_TIMING_MAC_H
#define LOOM_TIMING_MAC_H

#include "mapping.h"

uint64_t mac_passes(const struct mapping *map);
struct loom_pass mac_pass(const struct mapping *map, uint64_t i);
uint64_t mac_cycles(const struct loom_hw_caps *caps, const struct loom_cmd *cmd);
uint64_t mac_weight_window(const struct loom_hw_caps *caps, const struct loom_cmd *cmd);

#endif /* LOOM_TIMING_MAC_H */
