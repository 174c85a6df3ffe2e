/* SPDX-License-Identifier: MIT */
/*
 * early.h - MLPerf's early stopping: how much a percentile that was seen says of the true one.
 *
 * Of n queries t were over a latency. If the true share of queries under it were only p, so few over it
 * would be seen with a probability that has to be 1 - 0.99 at most: only then has a run shown that the
 * percentile p is under that latency. (MLPerf Inference rules, appendix on early stopping; tolerance 0.)
 */
#ifndef LOOM_BENCH_EARLY_H
#define LOOM_BENCH_EARLY_H

#include <stdbool.h>
#include <stdint.h>

/* Do n queries, of which `over` took longer, show that the percentile p is under the latency? */
bool early_shown(uint64_t n, uint64_t over, double p);
/*
 * Which of n sorted latencies (0 is the shortest) is the estimate of the percentile p: that many minus it
 * can be over it. -1: n are not enough for any.
 */
int64_t early_estimate(uint64_t n, double p);
/* The least n for which there is an estimate. */
uint64_t early_least(double p);

#endif /* LOOM_BENCH_EARLY_H */
