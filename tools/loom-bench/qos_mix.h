/* SPDX-License-Identifier: MIT */
/* qos_mix.h - the mixes of `loom-bench qos`, fixed before anything was measured. */
#ifndef LOOM_BENCH_QOS_MIX_H
#define LOOM_BENCH_QOS_MIX_H

#define QOS_MAX_MODELS 8

struct qos_part {
	const char *network;
	double share;
	double bound_ms;		/* 0: bound_times of the latency alone */
};

struct qos_mix {
	const char *name, *what;
	enum {
		QOS_OF_RATE,		/* shares are of the queries */
		QOS_OF_WORK,		/* shares are of the time each would take alone */
	} share;
	double bound_times;
	unsigned int num;
	struct qos_part parts[QOS_MAX_MODELS];
};

extern const struct qos_mix qos_mixes[];
extern const unsigned int qos_num_mixes;

const struct qos_mix *qos_mix_find(const char *name);

#endif /* LOOM_BENCH_QOS_MIX_H */
