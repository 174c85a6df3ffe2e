// SPDX-License-Identifier: MIT
/* Models and what their slices add up to. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

/* From the last slice back: need[i] = max(mem, mem - comp + need[i + 1]). */
static void sum_from_the_end(struct policy_profile *p, const struct sched_slice *slices, int64_t *sums)
{
	int64_t *need = sums, *deficit = need + p->num_slices + 1, *left = deficit + p->num_slices + 1;
	unsigned int i;

	for (i = p->num_slices; i-- > 0;) {
		int64_t mem = (int64_t)slices[i].mem_ps, comp = (int64_t)slices[i].comp_ps;
		int64_t after = mem - comp;

		left[i] = left[i + 1] + comp;
		deficit[i] = deficit[i + 1] + after;
		need[i] = after + need[i + 1] > mem ? after + need[i + 1] : mem;
	}
	p->need = need;
	p->deficit = deficit;
	p->left = left;
}

/*
 * Slices of a model follow each other: the DMA of one waits for the compute before it, its compute for
 * the DMA before it. A profile has one figure for DMA: of a first slice it is taken to be inputs, which
 * nothing of their own can hide; of others outputs, which begin to leave while the slice still computes.
 */
void policy_sum_up(struct policy_profile *p, int64_t *sums, const struct device_state *ds,
		   const struct sched_slice *slices, unsigned int num)
{
	unsigned int i;

	*p = (struct policy_profile) { .num_slices = num, .inputs = device_state_dma_ps(ds, &slices[0]) };
	p->between = p->inputs + device_state_dma_ps(ds, &slices[num - 1]);
	sum_from_the_end(p, slices, sums);
	for (i = 0; i < num; i++) {
		p->comp_ps += slices[i].comp_ps;
		p->mem_ps += slices[i].mem_ps;
		if (p->max_mem_ps < slices[i].mem_ps)
			p->max_mem_ps = slices[i].mem_ps;
	}
}

static bool has_host_step(const struct sched_slice *slices, unsigned int num)
{
	while (num--)
		if (slices[num].host)
			return true;
	return false;
}

static struct model *free_model(struct sched *s)
{
	unsigned int i;

	for (i = 0; i < s->num_models; i++)
		if (!s->models[i].used)
			return &s->models[i];
	return s->num_models < SCHED_MAX_MODELS ? &s->models[s->num_models++] : NULL;
}

int sched_add_model(struct sched *s, const char *name, const struct sched_slice *slices,
		    unsigned int num_slices, unsigned int max_inflight)
{
	struct sched_slice *copy;
	struct model *m;
	int64_t *sums;

	if (!num_slices || !max_inflight)
		return -EINVAL;
	m = free_model(s);
	if (!m)
		return -ENOSPC;
	copy = malloc(num_slices * sizeof(*copy));
	sums = calloc(POLICY_SUMS(num_slices), sizeof(*sums));
	if (!copy || !sums) {
		free(copy);
		free(sums);
		return -ENOMEM;
	}
	memcpy(copy, slices, num_slices * sizeof(*copy));
	*m = (struct model) { .used = true, .slices = copy, .sums = sums, .offer = -1 };
	m->max_inflight = max_inflight;
	m->has_host = has_host_step(copy, num_slices);
	policy_sum_up(&m->profile, sums, &s->device, copy, num_slices);
	m->kind = policy_is_compute(&m->profile);
	s->num_slices += num_slices;
	return (int)(m - s->models);
}

int sched_set_overlap(struct sched *s, unsigned int model, bool overlap)
{
	if (model >= s->num_models || !s->models[model].used)
		return -ENOENT;
	s->models[model].overlap = overlap;
	s->models[model].profile.overlap = overlap;
	return 0;
}

/* A removed model's number is free again when its last request is gone. */
void model_bury(struct sched *s, struct model *m)
{
	if (!m->removed || m->requests.head || m->behind.head)
		return;
	s->num_slices -= m->profile.num_slices;
	free(m->slices);
	free(m->sums);
	*m = (struct model) { .offer = -1 };
}

static void kill_all(struct sched *s, struct request_list *l)
{
	struct request *r, *succ;

	for (r = l->head; r; r = succ) {
		succ = r->succ;
		event_kill(s, r, -ECANCELED, 0);
	}
}

int sched_remove_model(struct sched *s, unsigned int model)
{
	struct model *m;

	if (model >= s->num_models || !s->models[model].used || s->models[model].removed)
		return -ENOENT;
	m = &s->models[model];
	m->removed = true;
	kill_all(s, &m->behind);
	kill_all(s, &m->requests);
	model_bury(s, m);
	return 0;
}
