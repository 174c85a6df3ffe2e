// SPDX-License-Identifier: MIT
#include "rig.h"

#include <stdlib.h>
#include <string.h>

void rig_init(struct rig *r, const struct sched_config *config)
{
	memset(r, 0, sizeof(*r));
	r->config = *config;
	r->comp_scale = r->mem_scale = 1;
	r->seed = 1;
	assert_int_equal(sched_new(config, &r->s), 0);
}

void rig_free(struct rig *r)
{
	unsigned int i;

	for (i = 0; i < r->num_models; i++)
		free(r->models[i].slices);
	free(r->jobs);
	sched_free(r->s);
}

unsigned int rig_add(struct rig *r, const struct sched_slice *slices, unsigned int num,
		     unsigned int queued)
{
	struct rig_model *m = &r->models[r->num_models];
	unsigned int i;

	*m = (struct rig_model) { .num_slices = num, .queued = queued };
	m->slices = malloc(num * sizeof(*slices));
	memcpy(m->slices, slices, num * sizeof(*slices));
	for (i = 0; i < num; i++) {
		m->comp += 1e-12 * (double)slices[i].comp_ps;
		m->mem += 1e-12 * (double)slices[i].mem_ps;
	}
	assert_int_equal(sched_add_model(r->s, "m", slices, num, r->inflight ? r->inflight : 2),
			 r->num_models);
	return r->num_models++;
}

static uint64_t ns(int64_t ps)
{
	return ((uint64_t)ps + 999) / 1000;
}

void rig_arrive(struct rig *r, unsigned int model)
{
	assert_int_equal(sched_arrive(r->s, ns(r->now), model, r->next_request++,
				      SCHED_NO_DEADLINE), 0);
}

/*
 * Byte x of the stream needs x - buffer bytes released: job k's end is needed by what lies beyond
 * buffer + released(k - 1), and the rest follows at full rate.
 */
static int64_t fetch_end(const struct rig *r, const struct rig_job *j, int64_t start)
{
	double ps_per_byte = r->mem_scale * 1e12 / (double)r->config.dram_bytes_per_s;
	int64_t end = start + (int64_t)(ps_per_byte * (double)j->bytes);
	unsigned int k;

	for (k = r->num_jobs; k-- > 0;) {
		const struct rig_job *o = &r->jobs[k];
		uint64_t from = o->released - o->bytes + r->config.buffer_bytes;
		int64_t t;

		if (from < j->released) {
			t = o->compute_end + (int64_t)(ps_per_byte * (double)(j->released - from));
			end = t > end ? t : end;
		}
		if (o->compute_end <= start)
			break;
	}
	return end;
}

static struct rig_job *new_job(struct rig *r)
{
	if (r->num_jobs == r->max_jobs) {
		r->max_jobs = r->max_jobs ? 2 * r->max_jobs : 1024;
		r->jobs = realloc(r->jobs, r->max_jobs * sizeof(*r->jobs));
	}
	return &r->jobs[r->num_jobs];
}

static void submit(struct rig *r, const struct sched_action *a)
{
	const struct sched_slice *slice = &r->models[a->model].slices[a->slice];
	const struct rig_job *last;
	struct rig_job *j = new_job(r);
	int64_t start = r->now;

	*j = (struct rig_job) {
		.tag = a->tag, .request = a->request, .model = a->model, .slice = a->slice,
		.bytes = slice->bytes, .released = slice->bytes, .submitted = r->now,
	};
	assert_true(slice->bytes <= r->config.buffer_bytes);
	last = r->num_jobs ? &r->jobs[r->num_jobs - 1] : NULL;
	if (last) {
		j->released += last->released;
		start = start > last->fetch_end ? start : last->fetch_end;
	}
	j->fetch_end = fetch_end(r, j, start);
	start = last && last->compute_end > j->fetch_end ? last->compute_end : j->fetch_end;
	j->compute_end = start + (int64_t)(r->comp_scale * (double)slice->comp_ps);
	r->num_jobs++;
	r->hash = (r->hash ^ (a->model * 1000003u + a->slice)) * 0x100000001b3ull;
}

void rig_drain(struct rig *r)
{
	struct sched_action a;

	while (sched_next(r->s, ns(r->now), &a)) {
		if (a.type == SCHED_SUBMIT) {
			submit(r, &a);
		} else if (a.type == SCHED_REPLY) {
			assert_int_equal(a.status, 0);
			r->models[a.model].done++;
			rig_arrive(r, a.model);
		}
	}
}

bool rig_step(struct rig *r)
{
	const struct rig_job *j;

	if (r->retired == r->num_jobs)
		return false;
	j = &r->jobs[r->retired++];
	r->now = j->compute_end;
	assert_int_equal(sched_complete(r->s, ns(r->now), j->tag, 0), 0);
	rig_drain(r);
	return true;
}

static void start_streams(struct rig *r)
{
	unsigned int i, k;

	for (i = 0; i < r->num_models; i++)
		for (k = 0; k < r->models[i].queued; k++)
			rig_arrive(r, i);
	rig_drain(r);
}

void rig_step_late(struct rig *r, int64_t ps)
{
	unsigned int n = 1 + rig_random(&r->seed) % 8;
	const struct rig_job *j = NULL;

	if (!r->next_request)
		start_streams(r);
	for (; n && r->retired < r->num_jobs; n--) {
		j = &r->jobs[r->retired++];
		assert_int_equal(sched_complete(r->s, ns(j->compute_end), j->tag, 0), 0);
	}
	assert_non_null(j);
	r->now = j->compute_end + (int64_t)(rig_random(&r->seed) % (uint64_t)ps);
	rig_drain(r);
}

void rig_run(struct rig *r, uint64_t queries)
{
	uint64_t until = r->models[0].done + queries;

	if (!r->next_request)
		start_streams(r);
	while (r->models[0].done < until)
		assert_true(rig_step(r));
}

/* Rates in the measured span; progress of a query counted by the compute time of its slices. */
struct rig_window rig_measure(struct rig *r, uint64_t warm, uint64_t queries)
{
	struct rig_window w = { 0 };
	double span, comp = 0, mem = 0;
	unsigned int i, from;
	int64_t start;

	rig_run(r, warm);
	start = r->now;
	from = r->retired;
	rig_run(r, queries);
	span = 1e-12 * (double)(r->now - start);
	for (i = from; i < r->retired; i++) {
		const struct rig_model *m = &r->models[r->jobs[i].model];
		const struct sched_slice *s = &m->slices[r->jobs[i].slice];

		w.qps[r->jobs[i].model] += 1e-12 * (double)s->comp_ps / m->comp / span;
		comp += 1e-12 * r->comp_scale * (double)s->comp_ps;
		mem += 1e-12 * r->mem_scale * (double)s->mem_ps;
	}
	w.mac = comp / span;
	w.dram = mem / span;
	return w;
}

uint64_t rig_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* ---- profiles ---- */

static void layer(struct sched_slice *out, unsigned int *n, double macs, double weights)
{
	out[(*n)++] = (struct sched_slice) {
		.comp_ps = (uint64_t)macs, .bytes = (uint64_t)(2 * weights), .layer_end = true,
	};
}

static void conv(struct sched_slice *out, unsigned int *n, double size, double k, double in, double oc)
{
	layer(out, n, size * size * k * k * in * oc, k * k * in * oc);
}

static void scale(struct sched_slice *s, unsigned int n, double ratio, double bytes_per_s)
{
	double macs = 0, mem = 0;
	unsigned int i;

	for (i = 0; i < n; i++) {
		s[i].mem_ps = (uint64_t)(1e12 * (double)s[i].bytes / bytes_per_s);
		mem += (double)s[i].mem_ps;
		macs += (double)s[i].comp_ps;
	}
	for (i = 0; i < n; i++)
		s[i].comp_ps = (uint64_t)((double)s[i].comp_ps / macs * mem * ratio);
}

unsigned int profile_resnet50(struct sched_slice *out, double ratio, double bytes_per_s)
{
	static const int blocks[] = { 3, 4, 6, 3 };
	unsigned int n = 0;
	int stage, b, in = 64, size = 56, mid;

	conv(out, &n, 112, 7, 3, 64);
	for (stage = 0; stage < 4; stage++, size /= 2)
		for (b = 0; b < blocks[stage]; b++) {
			mid = 64 << stage;
			conv(out, &n, size, 1, in, mid);
			conv(out, &n, size, 3, mid, mid);
			conv(out, &n, size, 1, mid, 4 * mid);
			if (!b)
				conv(out, &n, size, 1, in, 4 * mid);
			in = 4 * mid;
		}
	layer(out, &n, 2048 * 1000, 2048 * 1000);
	scale(out, n, ratio, bytes_per_s);
	return n;
}

unsigned int profile_bert_base(struct sched_slice *out, double ratio, double bytes_per_s)
{
	unsigned int n = 0, b, i;

	for (b = 0; b < 12; b++) {
		for (i = 0; i < 4; i++)
			layer(out, &n, 768. * 768, 768. * 768);
		layer(out, &n, 768. * 3072, 768. * 3072);
		layer(out, &n, 768. * 3072, 768. * 3072);
	}
	scale(out, n, ratio, bytes_per_s);
	return n;
}
