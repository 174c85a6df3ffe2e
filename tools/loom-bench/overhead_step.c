// SPDX-License-Identifier: MIT
/*
 * The scheduler's step alone, which is what Layerweaver's authors timed: pick one of two slices, and carry
 * the predicted state on. No events, no requests, no window.
 */
#include <stdlib.h>

#include "overhead.h"
#include "sched/policy.h"

#define MODELS 2

struct step {
	struct device_state ds;
	struct rank served[2], due;
	struct policy_offer offers[MODELS];
	struct policy_profile profiles[MODELS];
	struct policy_view view;
	int64_t *sums[MODELS];
	void *state;
};

static void rank(struct step *s, unsigned int i, uint64_t cost)
{
	unsigned int kind = policy_is_compute(&s->profiles[i]);
	uint64_t so_far = cost ? s->served[kind].nodes[0].key.first : 0;

	rank_put(&s->served[kind], i, (struct rank_key) { so_far + cost, i });
}

static void offer(struct step *s, const struct workload *w, unsigned int i, unsigned int index, int64_t after)
{
	s->offers[i] = (struct policy_offer) {
		.model = i, .slice = &w->slices[index], .profile = &s->profiles[i], .index = index,
		.deadline = SCHED_NO_DEADLINE, .started = index, .more = true, .again = true, .after = after,
		.inputs = index ? 0 : 2 * s->profiles[i].inputs, .since = s->view.picks,
	};
}

static int open_step(struct step *s, const struct machine *m, const struct workload *const *w,
		     const struct policy_ops *ops, bool release_layer)
{
	const struct sched_config config = {
		.buffer_bytes = m->buffer_bytes, .dram_bytes_per_s = m->dram_bytes_per_s,
		.tile_release = !release_layer, .max_jobs = 64,
	};
	unsigned int i;
	int err = device_state_init(&s->ds, &config);

	s->state = calloc(1, ops->state_size + 1);
	s->view = (struct policy_view) {
		.device = &s->ds, .offers = s->offers, .num_offers = MODELS, .due = &s->due,
		.served = { &s->served[0], &s->served[1] }, .jobs = 32,
	};
	for (i = 0; !err && i < MODELS; i++) {
		s->sums[i] = calloc(POLICY_SUMS(w[i]->num_slices), sizeof(*s->sums[i]));
		if (!s->sums[i])
			return -1;
		policy_sum_up(&s->profiles[i], s->sums[i], &s->ds, w[i]->slices, w[i]->num_slices);
		offer(s, w[i], i, 0, 0);
		rank(s, i, 0);
		rank_put(&s->due, i, (struct rank_key) { SCHED_NO_DEADLINE, i });
	}
	return err || !s->state ? -1 : 0;
}

static void close_step(struct step *s)
{
	unsigned int i;

	device_state_fini(&s->ds);
	for (i = 0; i < MODELS; i++)
		free(s->sums[i]);
	free(s->state);
}

static void steps(struct step *s, const struct workload *const *w, const struct policy_ops *ops, unsigned int n)
{
	while (n--) {
		int i = ops->pick(s->state, &s->view);
		const struct policy_offer *o = &s->offers[i];
		const struct sched_slice *slice = o->slice;
		struct device_step step = device_state_commit(&s->ds, slice, policy_ready(&s->view, o));

		s->view.picks++;
		rank(s, (unsigned int)i, slice->comp_ps > slice->mem_ps ? slice->comp_ps : slice->mem_ps);
		offer(s, w[i], (unsigned int)i, o->index + 1 < w[i]->num_slices ? o->index + 1 : 0, step.tc);
	}
}

double overhead_step(const struct machine *m, const struct workload *const *w, const char *policy,
		     bool release_layer)
{
	const struct policy_ops *ops = sched_find_policy(policy);
	struct step *s = calloc(1, sizeof(*s));
	double best = INFINITY, t;
	unsigned int trial, n;

	if (s && !open_step(s, m, w, ops, release_layer)) {
		steps(s, w, ops, OVERHEAD_CHUNK);
		for (trial = 0; trial < OVERHEAD_TRIALS; trial++) {
			t = overhead_seconds();
			for (n = 0; overhead_seconds() - t < OVERHEAD_SPAN; n += OVERHEAD_CHUNK)
				steps(s, w, ops, OVERHEAD_CHUNK);
			t = overhead_seconds() - t;
			best = fmin(best, 1e9 * t / n);
		}
	}
	if (s)
		close_step(s);
	free(s);
	return best;
}
