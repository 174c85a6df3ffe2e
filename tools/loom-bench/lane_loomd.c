// SPDX-License-Identifier: MIT
/*
 * The lane through loomd: a client like any other. The device's counters and its time are read from
 * the accel node, which any program may open; the daemon's own counts come from its statistics.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

struct lane_loomd {
	struct bench_lane base;
	struct loom_client *client;
	struct {
		char name[64];
		struct loom_client_buffer *buffers[BENCH_MAX_SLOTS];
		unsigned int queued;
		bool loaded;
	} models[BENCH_MAX_MODELS];
};

static struct lane_loomd *to_loomd(struct bench_lane *lane)
{
	return (struct lane_loomd *)lane;
}

static int refused(int err, const char *what)
{
	return bench_fail(err, "%s: %s", what, loom_error());
}

static void describe(struct bench_model *m)
{
	struct loom_model *model;

	if (loom_model_open(m->path, &model))
		return;
	m->slices = loom_model_info(model)->num_slices;
	m->layers = loom_model_info(model)->num_layers;
	m->macs = loom_model_info(model)->macs;
	m->weight_bytes = loom_model_info(model)->weight_bytes;
	m->lease_bytes = loom_model_info(model)->lease_bytes;
	if (!m->name[0])
		snprintf(m->name, sizeof(m->name), "%s", loom_model_name(model));
	loom_model_close(model);
}

static int loomd_load(struct bench_lane *base, unsigned int index, struct bench_model *m,
		      unsigned int queued)
{
	struct lane_loomd *lane = to_loomd(base);
	unsigned int i;
	int err;

	describe(m);
	err = loom_client_load(lane->client, m->path, m->name);
	lane->models[index].loaded = !err;
	if (!err)
		err = loom_client_model(lane->client, m->name, &m->io);
	snprintf(lane->models[index].name, sizeof(lane->models[index].name), "%s", m->name);
	for (i = 0; !err && i < queued; i++, lane->models[index].queued++)
		err = loom_client_buffer_create(lane->client, m->io.io_bytes,
						&lane->models[index].buffers[i]);
	return err ? refused(err, m->path) : 0;
}

static void *loomd_io(struct bench_lane *lane, unsigned int model, unsigned int slot)
{
	return loom_client_buffer_map(to_loomd(lane)->models[model].buffers[slot]);
}

static int loomd_policy(struct bench_lane *lane, const char *name)
{
	int err = loom_client_policy(to_loomd(lane)->client, name);

	return err ? refused(err, name) : 0;
}

static int loomd_record(struct bench_lane *lane, const char *path, uint64_t seed)
{
	int err = loom_client_record(to_loomd(lane)->client, path, seed);

	return err ? refused(err, "record") : 0;
}

static int loomd_record_stop(struct bench_lane *lane)
{
	int err = loom_client_record_stop(to_loomd(lane)->client);

	return err ? refused(err, "record") : 0;
}

static int loomd_hold(struct bench_lane *lane, bool hold)
{
	int err = loom_client_hold(to_loomd(lane)->client, hold);

	return err ? refused(err, "hold") : 0;
}

static int loomd_submit(struct bench_lane *base, unsigned int model, unsigned int slot, uint64_t deadline)
{
	struct lane_loomd *lane = to_loomd(base);

	return loom_client_submit(lane->client, lane->models[model].name,
				  lane->models[model].buffers[slot], deadline,
				  (uint64_t)model << 32 | slot);
}

static uint64_t loomd_now(struct bench_lane *lane)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* With nothing under way the client has nothing to wait for, and says so. */
static int sleep_until(uint64_t time)
{
	const struct timespec ts = { (time_t)(time / 1000000000), (long)(time % 1000000000) };

	if (time == UINT64_MAX)
		return -ENOENT;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
	return -ETIME;
}

static int loomd_wait(struct bench_lane *lane, uint64_t time, struct bench_reply *out)
{
	uint64_t now = time == UINT64_MAX ? 0 : loomd_now(lane), patience = time > now ? time - now : 0;
	struct loom_client_reply reply;
	int err = loom_client_wait(to_loomd(lane)->client, time == UINT64_MAX ? time : patience, &reply);

	if (err == -ENOENT)
		return sleep_until(time);
	if (err)
		return err;
	*out = (struct bench_reply) {
		.model = (unsigned int)(reply.id >> 32), .slot = (unsigned int)reply.id,
		.status = reply.status,
	};
	return 0;
}

static int parse_stats(const char *text, struct bench_stamp *stamp)
{
	json_int_t enters, sqes, jobs, ioctls, dry, faults;
	json_t *json = json_loads(text, 0, NULL);
	int err;

	err = json_unpack(json, "{s:{s:I,s:I,s:I,s:I},s:{s:I,s:I}}", "submission", "enters", &enters,
			  "sqes", &sqes, "jobs", &jobs, "ioctls_serving", &ioctls, "scheduler",
			  "dry", &dry, "policy_faults", &faults);
	json_decref(json);
	if (err)
		return bench_fail(-EPROTO, "loomd's statistics are not as expected: %.200s", text);
	stamp->enters = (uint64_t)enters;
	stamp->sqes = (uint64_t)sqes;
	stamp->jobs = (uint64_t)jobs;
	stamp->ioctls = (uint64_t)ioctls;
	stamp->dry = (uint64_t)dry;
	stamp->policy_faults = (uint64_t)faults;
	return 0;
}

static int loomd_counts(struct bench_lane *lane, struct bench_stamp *stamp)
{
	char *text;
	int err;

	err = loom_client_stats(to_loomd(lane)->client, &text);
	if (err)
		return refused(err, "statistics");
	err = parse_stats(text, stamp);
	free(text);
	return err;
}

static int loomd_stamp(struct bench_lane *lane, struct bench_stamp *stamp)
{
	int err = loom_dev_counters(lane->dev, 0, &stamp->hw);

	if (!err)
		err = loom_dev_time(lane->dev, &stamp->time);
	return err ? refused(err, "counters") : 0;
}

static int loomd_trace_start(struct bench_lane *lane)
{
	int err = loom_client_trace(to_loomd(lane)->client, true, NULL);

	return err ? refused(err, "trace") : 0;
}

/* The slices with their stamps; the events for viewers are made from them later, on the host. */
static void cut_events(char *text)
{
	char *events = strstr(text, ",\n\"traceEvents\":");

	if (events)
		strcpy(events, "}\n");
}

static int loomd_trace_stop(struct bench_lane *lane, const char *path)
{
	char *text;
	int err = loom_client_trace(to_loomd(lane)->client, false, &text);
	FILE *f;

	if (err)
		return refused(err, "trace");
	cut_events(text);
	f = fopen(path, "we");
	if (!f || fputs(text, f) < 0)
		err = -EIO;
	if (f && fclose(f))
		err = -EIO;
	free(text);
	return err ? bench_fail(err, "%s: cannot write", path) : 0;
}

static void loomd_close(struct bench_lane *base)
{
	struct lane_loomd *lane = to_loomd(base);
	unsigned int i, k;

	for (i = 0; i < BENCH_MAX_MODELS; i++) {
		for (k = 0; k < lane->models[i].queued; k++)
			loom_client_buffer_destroy(lane->models[i].buffers[k]);
		if (lane->models[i].loaded)
			loom_client_unload(lane->client, lane->models[i].name);
	}
	loom_client_close(lane->client);
	loom_dev_close(base->dev);
	free(lane);
}

static const struct bench_lane_ops loomd_ops = {
	.name = "loomd",
	.load = loomd_load,
	.io = loomd_io,
	.policy = loomd_policy,
	.hold = loomd_hold,
	.submit = loomd_submit,
	.wait_until = loomd_wait,
	.now = loomd_now,
	.record = loomd_record,
	.record_stop = loomd_record_stop,
	.stamp = loomd_stamp,
	.counts = loomd_counts,
	.trace_start = loomd_trace_start,
	.trace_stop = loomd_trace_stop,
	.close = loomd_close,
};

int lane_loomd_open(const char *socket, const char *device, struct bench_lane **out)
{
	struct lane_loomd *lane = calloc(1, sizeof(*lane));
	int err;

	if (!lane)
		return bench_fail(-ENOMEM, "out of memory");
	lane->base.ops = &loomd_ops;
	err = loom_dev_open(device, &lane->base.dev);
	if (err) {
		free(lane);
		return refused(err, "device");
	}
	err = loom_client_connect(socket, "loom-bench", 0, &lane->client);
	if (err) {
		loom_dev_close(lane->base.dev);
		free(lane);
		return refused(err, "loomd");
	}
	*out = &lane->base;
	return 0;
}
