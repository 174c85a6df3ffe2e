// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>

#include "bench.h"
#include "early.h"
#include "scenario.h"

const struct scenario_rules scenario_rules[] = {
	[SCENARIO_SINGLE_STREAM] = { "SingleStream", "90th percentile latency", "ms", 1, 0.90, 64 },
	[SCENARIO_MULTI_STREAM] = { "MultiStream", "99th percentile latency", "ms", 8, 0.99, 662 },
	[SCENARIO_SERVER] = { "Server", "Poisson throughput", "queries/s", 1, 0.99, 662 },
	[SCENARIO_OFFLINE] = { "Offline", "throughput", "samples/s", 1, 0.99, 24576 },
};

/* How many were over the bound: lost ones are for ever. */
static void count_late(const struct scenario_stream *s, struct scenario_figure *f)
{
	unsigned int i;

	f->over = s->num_lost;
	for (i = 0; i < s->num_done; i++) {
		if (s->latencies[i] <= s->bound)
			continue;
		f->over++;
		f->worst_late = fmax(f->worst_late, 1e-6 * (double)(s->latencies[i] - s->bound));
	}
}

static void judge_latency(const struct scenario_stream *s, double p, struct scenario_figure *f)
{
	int64_t at = early_estimate(s->num_done, p);

	f->shown = at >= 0 && !s->num_lost;
	f->value = f->shown ? 1e-6 * (double)s->latencies[at] : NAN;
}

static double per_second(const struct scenario_stream *s)
{
	return s->last > s->first ? 1e9 * s->num_done / (double)(s->last - s->first) : 0;
}

struct scenario_figure scenario_figure(const struct scenario *s, const struct scenario_stream *stream)
{
	const struct scenario_rules *rules = &scenario_rules[s->kind];
	struct scenario_figure f = { 0 };

	bench_sort(stream->latencies, stream->num_done);
	count_late(stream, &f);
	if (stream->num_done)
		f.seen = 1e-6 * (double)stream->latencies[(unsigned int)(rules->percentile * stream->num_done)];
	switch (s->kind) {
	case SCENARIO_SERVER:
		f.value = stream->qps;
		f.shown = early_shown(stream->num_done + stream->num_lost, f.over, rules->percentile);
		break;
	case SCENARIO_OFFLINE:
		f.value = per_second(stream);
		f.shown = stream->num_done >= rules->least;
		break;
	default:
		judge_latency(stream, rules->percentile, &f);
		break;
	}
	return f;
}
