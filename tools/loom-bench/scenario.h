/* SPDX-License-Identifier: MIT */
/*
 * scenario.h - `loom-bench scenario`: the load of MLPerf Inference, on a lane.
 *
 *   scenario.c        queries: when each is sent, and how long it took
 *   scenario_figure.c what the scenario is judged by (early.c: with how much certainty)
 *   scenario_main.c   options, the search for a rate, and what is printed
 */
#ifndef LOOM_BENCH_SCENARIO_H
#define LOOM_BENCH_SCENARIO_H

#include "bench.h"

enum scenario_kind {
	SCENARIO_SINGLE_STREAM,	/* a sample; the next query when it is done */
	SCENARIO_MULTI_STREAM,	/* eight samples; the next query when all are done */
	SCENARIO_SERVER,	/* a sample; queries come as a Poisson process */
	SCENARIO_OFFLINE,	/* all samples are there at the beginning */
};

/* MLPerf's rules for one of them. */
struct scenario_rules {
	const char *name, *metric, *unit;
	unsigned int samples;		/* of a query */
	double percentile;
	unsigned int least;		/* queries, or samples for Offline */
};

extern const struct scenario_rules scenario_rules[];

/* One model's queries. */
struct scenario_stream {
	unsigned int model;
	double qps;			/* Server */
	uint64_t bound;			/* ns from when it was to be sent to its reply; UINT64_MAX: none */
	unsigned int wanted;		/* queries */
	uint64_t *arrivals;		/* Server: when, from the start on */
	/* measured */
	uint64_t *latencies;		/* of queries that are done, in order of completion */
	unsigned int num_done, num_sent, num_lost;	/* lost: answered with an error */
	uint64_t first, last;		/* first sent, last done */
	/* queries under way: of each I/O slot, which; of each, what is left of it */
	unsigned int query_of[BENCH_MAX_SLOTS], free_slots[BENCH_MAX_SLOTS], num_free;
	struct {
		uint64_t sent;
		unsigned int left;
	} under_way[BENCH_MAX_SLOTS];	/* by the first of its slots */
	unsigned int num_under_way;
};

struct scenario {
	enum scenario_kind kind;
	struct bench_lane *lane;
	struct scenario_stream streams[BENCH_MAX_MODELS];
	unsigned int num_streams, slots;
	unsigned int total;		/* queries wanted of all streams */
};

/* Send all queries, and wait for them. */
int scenario_run(struct scenario *s, uint64_t seed);
void scenario_forget(struct scenario *s);	/* what it measured */

struct scenario_figure {
	double value;			/* in the metric's unit */
	double seen;			/* the percentile as it was, without the early stopping's margin; ms */
	unsigned int over;		/* queries past their bound */
	double worst_late;		/* ms */
	bool shown;			/* enough queries to say so, and in time if they had to be */
};

struct scenario_figure scenario_figure(const struct scenario *s, const struct scenario_stream *stream);

int bench_scenario(int argc, char **argv);

#endif /* LOOM_BENCH_SCENARIO_H */
