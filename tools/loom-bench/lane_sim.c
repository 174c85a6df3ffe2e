// SPDX-License-Identifier: MIT
/*
 * The lane without a VM: the same scheduler and the same device model in this process, in one loop.
 * The scheduler's clock is the device's, so a run depends on nothing but its arguments. Slices go out
 * in small arrays, as loomd sends them: a completion is seen when its array is done.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "sched/sched.h"

#define BATCH_JOBS 8
#define NUM_BATCHES 64
#define MAX_JOBS 64

struct sim_job {
	uint64_t tag, request;
	unsigned int model, slice;
};

struct sim_batch {
	struct sim_job jobs[BATCH_JOBS];
	struct drm_loom_job descriptors[BATCH_JOBS];
	unsigned int num;
	uint64_t ps;
	bool busy;
};

struct sim_record {
	uint64_t request;
	unsigned int model, slice;
	struct drm_loom_result result;
};

struct sim_model {
	struct bench_model *desc;
	struct loom_model *file;
	struct loom_instance *instance;
	struct loom_vm *vm;
	int sched;
};

struct lane_sim {
	struct bench_lane base;
	struct lane_sim_options options;
	struct sched *sched;
	struct loom_queue *queue;
	struct loom_ring *ring;
	struct loom_bo *results;
	struct sim_model models[BENCH_MAX_MODELS];
	struct sim_batch batches[NUM_BATCHES];
	struct sim_batch *open;
	struct bench_reply replies[BENCH_MAX_MODELS * BENCH_MAX_SLOTS];
	unsigned int num_replies;
	uint64_t now, timer, serial, ioctls_before;
	struct sim_record *records;
	size_t num_records, max_records;
	bool tracing;
};

static struct lane_sim *to_sim(struct bench_lane *lane)
{
	return (struct lane_sim *)lane;
}

static int refused(int err, const char *what)
{
	return bench_fail(err, "%s: %s", what, loom_error());
}

/* ---- loading ---- */

static uint64_t dram_ps(const struct loom_hw_caps *caps, uint64_t bytes)
{
	return (uint64_t)((unsigned __int128)bytes * 1000000 / caps->dram_mbps);
}

static int add_profile(struct lane_sim *lane, struct sim_model *m)
{
	const struct loom_hw_caps *caps = loom_dev_caps(lane->base.dev);
	unsigned int i, num = loom_model_info(m->file)->num_slices;
	struct sched_slice *profile = calloc(num, sizeof(*profile));

	if (!profile)
		return bench_fail(-ENOMEM, "out of memory");
	for (i = 0; i < num; i++) {
		const struct loom_elf_slice *s = loom_model_slice(m->file, i);

		profile[i] = (struct sched_slice) {
			.comp_ps = s->compute_ps,
			.mem_ps = dram_ps(caps, s->weight_bytes + s->dma_bytes),
			.bytes = s->weight_bytes,
			.layer_end = i + 1 == num ||
				     loom_model_slice(m->file, i + 1)->layer != s->layer,
		};
	}
	m->sched = sched_add_model(lane->sched, m->desc->name, profile, num,
				 lane->options.inflight);
	free(profile);
	return m->sched < 0 ? bench_fail(m->sched, "%s: the scheduler refuses it", m->desc->name) : 0;
}

static void describe(struct bench_model *m, const struct loom_model *file)
{
	const struct loom_elf_info *info = loom_model_info(file);
	unsigned int i;

	if (!m->name[0])
		snprintf(m->name, sizeof(m->name), "%s", loom_model_name(file));
	m->slices = info->num_slices;
	m->layers = info->num_layers;
	m->macs = info->macs;
	m->weight_bytes = info->weight_bytes;
	m->lease_bytes = info->lease_bytes;
	m->io.io_bytes = info->io_bytes;
	for (i = 0; i < info->num_inputs + info->num_outputs && i < LOOM_CLIENT_MAX_TENSORS; i++) {
		struct loom_client_tensor *t = &m->io.tensors[m->io.num_tensors++];

		t->tensor = *loom_model_tensor(file, i);
		t->is_output = i >= info->num_inputs;
		snprintf(t->name, sizeof(t->name), "%s", loom_model_string(file, t->tensor.name));
	}
}

static int sim_load(struct bench_lane *base, unsigned int index, struct bench_model *desc,
		    unsigned int queued)
{
	struct lane_sim *lane = to_sim(base);
	struct sim_model *m = &lane->models[index];
	int err = loom_model_open(desc->path, &m->file);

	m->desc = desc;
	if (err)
		return refused(err, desc->path);
	if (loom_model_info(m->file)->num_host_steps)
		return bench_fail(-EOPNOTSUPP, "%s: has operators that run on the host, which only loomd does",
				  desc->path);
	describe(desc, m->file);
	err = loom_instance_create(base->dev, m->file, queued, &m->instance);
	if (!err)
		err = loom_queue_set_vm(lane->queue, index, loom_instance_vm(m->instance));
	return err ? refused(err, desc->path) : add_profile(lane, m);
}

/* ---- out ---- */

static unsigned int slot_of(uint64_t request)
{
	return (unsigned int)(request & 0xff);
}

static struct sim_batch *open_batch(struct lane_sim *lane)
{
	unsigned int i;

	for (i = 0; lane->batches[i].busy; i++)
		;	/* there are as many as jobs at the device */
	lane->batches[i].busy = true;
	lane->batches[i].num = 0;
	lane->batches[i].ps = 0;
	return &lane->batches[i];
}

static int flush(struct lane_sim *lane)
{
	struct sim_batch *b = lane->open;
	unsigned int index = b ? (unsigned int)(b - lane->batches) : 0;
	int err;

	lane->open = NULL;
	if (!b)
		return 0;
	err = loom_ring_prep(lane->ring, lane->queue, b->descriptors, b->num, lane->results,
			     index * BATCH_JOBS * sizeof(struct drm_loom_result), index);
	return err ? refused(err, "submission") : 0;
}

static int put(struct lane_sim *lane, const struct sched_action *a)
{
	struct sim_model *m = &lane->models[a->model];
	const struct loom_elf_slice *s = loom_model_slice(m->file, a->slice);
	struct sim_batch *b = lane->open ? lane->open : open_batch(lane);
	struct drm_loom_job *job = &b->descriptors[b->num];

	lane->open = b;
	loom_instance_job(m->instance, slot_of(a->request), a->slice, (uint16_t)a->model, job);
	job->flags = lane->options.release_layer ? DRM_LOOM_JOB_RELEASE_LAYER : 0;
	b->jobs[b->num++] = (struct sim_job) { a->tag, a->request, a->model, a->slice };
	b->ps += s->compute_ps;
	if (b->num == BATCH_JOBS || b->ps > 60000000)
		return flush(lane);
	return 0;
}

static int drain(struct lane_sim *lane)
{
	struct sched_action a;
	int err = 0;

	while (!err && sched_next(lane->sched, lane->now, &a)) {
		if (a.type == SCHED_SUBMIT)
			err = put(lane, &a);
		else if (a.type == SCHED_TIMER)
			lane->timer = a.at;
		else if (a.type == SCHED_REPLY)
			lane->replies[lane->num_replies++] = (struct bench_reply) {
				.model = a.model, .slot = slot_of(a.request), .status = a.status,
			};
	}
	return err ? err : flush(lane);
}

/* ---- in ---- */

static void record(struct lane_sim *lane, const struct sim_job *job,
		   const struct drm_loom_result *result)
{
	if (!lane->tracing)
		return;
	if (lane->num_records == lane->max_records) {
		lane->max_records = lane->max_records ? 2 * lane->max_records : 65536;
		lane->records = realloc(lane->records, lane->max_records * sizeof(*lane->records));
	}
	lane->records[lane->num_records++] = (struct sim_record) {
		job->request >> 8, job->model, job->slice, *result,
	};
}

static void batch_done(struct lane_sim *lane, struct sim_batch *b)
{
	const struct drm_loom_result *results = loom_bo_map(lane->results);
	unsigned int i;

	results += (b - lane->batches) * BATCH_JOBS;
	for (i = 0; i < b->num; i++) {
		if (lane->now < results[i].end)
			lane->now = results[i].end;
		record(lane, &b->jobs[i], &results[i]);
		if (results[i].status)
			bench_fail(results[i].status, "slice %u of %s: fault %u, command %d, address 0x%llx",
				   b->jobs[i].slice, lane->models[b->jobs[i].model].desc->name,
				   results[i].fault, (int)results[i].fault_cmd,
				   (unsigned long long)results[i].fault_addr);
		sched_complete(lane->sched, results[i].end, b->jobs[i].tag, results[i].status);
	}
	b->busy = false;
}

static bool reap(struct lane_sim *lane)
{
	struct loom_ring_cqe cqe;
	bool any = false;

	while (loom_ring_reap(lane->ring, &cqe) > 0) {
		batch_done(lane, &lane->batches[cqe.tag]);
		any = true;
	}
	return any;
}

/* Completions, or it becomes that time: the device's time goes on with what is at it, and with no more. */
static int take_completions(struct lane_sim *lane, uint64_t time)
{
	int err = 0;

	if (reap(lane) || lane->now >= time)
		return 0;
	/* What is submitted by the call that waits hides that the time is up. */
	if (time != UINT64_MAX)
		err = loom_ring_enter(lane->ring, 0, 0);
	if (err >= 0)
		err = loom_ring_enter(lane->ring, 1, time == UINT64_MAX ? time : time - lane->now);
	if (err == -ETIME) {
		lane->now = time;
		return 0;
	}
	if (err < 0)
		return refused(err, "waiting for the device");
	reap(lane);
	return 0;
}

/* The scheduler's own timer goes off meanwhile. */
static int turn(struct lane_sim *lane, uint64_t time)
{
	int err = take_completions(lane, time < lane->timer ? time : lane->timer);

	if (!err && lane->now >= lane->timer) {
		lane->timer = UINT64_MAX;
		sched_tick(lane->sched, lane->now);
	}
	return err ? err : drain(lane);
}

static uint64_t sim_now(struct bench_lane *lane)
{
	return to_sim(lane)->now;
}

static int sim_wait(struct bench_lane *base, uint64_t time, struct bench_reply *reply)
{
	struct lane_sim *lane = to_sim(base);
	int err = drain(lane);

	while (!err && !lane->num_replies && lane->now < time)
		err = turn(lane, time);
	if (!err && !lane->num_replies)
		return -ETIME;
	if (err)
		return err;
	*reply = lane->replies[0];
	memmove(lane->replies, lane->replies + 1, --lane->num_replies * sizeof(*reply));
	return 0;
}

static int sim_submit(struct bench_lane *base, unsigned int model, unsigned int slot, uint64_t deadline)
{
	struct lane_sim *lane = to_sim(base);

	return sched_arrive(lane->sched, lane->now, (unsigned int)lane->models[model].sched,
			    ++lane->serial << 8 | slot, deadline);
}

/* ---- the rest ---- */

static void *sim_io(struct bench_lane *lane, unsigned int model, unsigned int slot)
{
	return loom_instance_io(to_sim(lane)->models[model].instance, slot);
}

static int sim_policy(struct bench_lane *lane, const char *name)
{
	int err = sched_set_policy(to_sim(lane)->sched, name);

	return err ? bench_fail(err, "no policy is called %s", name) : 0;
}

/* Nothing begins before sim_wait() as it is. */
static int sim_hold(struct bench_lane *lane, bool hold)
{
	return 0;
}

static int sim_counts(struct bench_lane *base, struct bench_stamp *stamp)
{
	struct lane_sim *lane = to_sim(base);
	struct loom_ring_stats ring;
	struct sched_stats sched;

	sched_get_stats(lane->sched, &sched);
	loom_ring_get_stats(lane->ring, &ring);
	stamp->enters = ring.enters;
	stamp->sqes = ring.sqes;
	stamp->jobs = ring.jobs;
	stamp->ioctls = ring.ioctls - lane->ioctls_before;
	stamp->dry = sched.dry;
	stamp->policy_faults = sched.policy_faults;
	return 0;
}

static int sim_stamp(struct bench_lane *base, struct bench_stamp *stamp)
{
	struct lane_sim *lane = to_sim(base);
	int err = loom_dev_counters(base->dev, 0, &stamp->hw);
	if (!err)
		err = loom_dev_time(base->dev, &stamp->time);
	lane->ioctls_before += 2;	/* these two */
	return err ? refused(err, "counters") : 0;
}

static int sim_trace_start(struct bench_lane *lane)
{
	to_sim(lane)->num_records = 0;
	to_sim(lane)->tracing = true;
	return 0;
}

#define U64(x) ((unsigned long long)(x))

/* As loomd writes it (loomd(8), TRACE). */
static void put_record(FILE *f, const struct lane_sim *lane, const struct sim_record *rec)
{
	const struct drm_loom_result *r = &rec->result;
	const struct sim_model *m = &lane->models[rec->model];

	fprintf(f, "{\"model\":\"%s\",\"request\":%llu,\"slice\":%u,\"layer\":\"%s\",\"status\":%d",
		m->desc->name, U64(rec->request), rec->slice,
		loom_model_string(m->file, loom_model_slice(m->file, rec->slice)->name), r->status);
	fprintf(f, ",\"dispatched\":%llu,\"fetch_start\":%llu,\"fetch_end\":%llu", U64(r->dispatched),
		U64(r->fetch_start), U64(r->fetch_end));
	fprintf(f, ",\"dma_start\":%llu,\"dma_end\":%llu,\"compute_start\":%llu,\"compute_end\":%llu",
		U64(r->dma_start), U64(r->dma_end), U64(r->compute_start), U64(r->compute_end));
	fprintf(f, ",\"end\":%llu,\"fetch_busy\":%u,\"dma_busy\":%u,\"mac_busy\":%u", U64(r->end),
		r->fetch_busy, r->dma_busy, r->mac_busy);
	fprintf(f, ",\"vector_busy\":%u,\"wait_weights\":%u,\"wait_dma\":%u}", r->vector_busy,
		r->wait_weights, r->wait_dma);
}

static int sim_trace_stop(struct bench_lane *base, const char *path)
{
	struct lane_sim *lane = to_sim(base);
	FILE *f = fopen(path, "we");
	size_t i;

	lane->tracing = false;
	if (!f)
		return bench_fail(-errno, "%s: %s", path, strerror(errno));
	fprintf(f, "{\"lost\":0,\n\"slices\":[");
	for (i = 0; i < lane->num_records; i++) {
		fputs(i ? ",\n" : "\n", f);
		put_record(f, lane, &lane->records[i]);
	}
	fputs("]}\n", f);
	return fclose(f) ? bench_fail(-EIO, "%s: cannot write", path) : 0;
}

static void sim_close(struct bench_lane *base)
{
	struct lane_sim *lane = to_sim(base);
	unsigned int i;

	if (lane->ring)
		loom_ring_destroy(lane->ring);
	if (lane->queue)
		loom_queue_destroy(lane->queue);
	for (i = 0; i < BENCH_MAX_MODELS; i++) {
		loom_instance_destroy(lane->models[i].instance);
		if (lane->models[i].file)
			loom_model_close(lane->models[i].file);
	}
	if (lane->results)
		loom_bo_destroy(lane->results);
	sched_free(lane->sched);
	free(lane->records);
	loom_dev_close(base->dev);
	free(lane);
}

static const struct bench_lane_ops sim_ops = {
	.name = "sim",
	.load = sim_load,
	.io = sim_io,
	.policy = sim_policy,
	.hold = sim_hold,
	.submit = sim_submit,
	.wait_until = sim_wait,
	.now = sim_now,
	.stamp = sim_stamp,
	.counts = sim_counts,
	.trace_start = sim_trace_start,
	.trace_stop = sim_trace_stop,
	.close = sim_close,
};

static int make_queue(struct lane_sim *lane)
{
	const struct loom_hw_caps *caps = loom_dev_caps(lane->base.dev);
	const struct drm_loom_queue_create args = {
		.entries = 128, .vm_slots = BENCH_MAX_MODELS, .irq_batch = 1,
	};
	const struct sched_config config = {
		.buffer_bytes = caps->weight_sram_bytes,
		.dram_bytes_per_s = caps->dram_mbps * 1000000ull,
		.window_ps = lane->options.window_us * 1000000,
		.tile_release = !lane->options.release_layer,
		.max_jobs = MAX_JOBS,
		.drop_late = lane->options.drop_late,
	};
	int err = loom_queue_create(lane->base.dev, &args, &lane->queue);

	if (!err)
		err = loom_ring_create(lane->base.dev, NUM_BATCHES, &lane->ring);
	if (!err)
		err = loom_bo_create(lane->base.dev, NUM_BATCHES * BATCH_JOBS *
				     sizeof(struct drm_loom_result), &lane->results);
	if (err)
		return refused(err, "setting up the device");
	return sched_new(&config, &lane->sched);
}

static int open_sim(const struct lane_sim_options *options, struct bench_lane **out)
{
	struct lane_sim *lane = calloc(1, sizeof(*lane));
	int err;

	if (!lane)
		return bench_fail(-ENOMEM, "out of memory");
	lane->base.ops = &sim_ops;
	lane->options = *options;
	lane->timer = UINT64_MAX;
	err = loom_dev_open(options->device, &lane->base.dev);
	if (err) {
		free(lane);
		return refused(err, options->device);
	}
	err = make_queue(lane);
	if (err) {
		sim_close(&lane->base);
		return err;
	}
	*out = &lane->base;
	return 0;
}

int (*const lane_sim_open)(const struct lane_sim_options *, struct bench_lane **) = open_sim;
