// SPDX-License-Identifier: MIT
/* In the program that goes into the VM there is no simulator. */
#include "bench.h"

int (*const lane_sim_open)(const struct lane_sim_options *, struct bench_lane **) = NULL;
