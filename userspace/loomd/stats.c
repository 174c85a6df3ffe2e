// SPDX-License-Identifier: MIT
/* What is counted, as JSON. loomd(8), STATISTICS, says what the numbers mean. */
#include <string.h>
#include <unistd.h>

#include "loomd.h"

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *histogram_json(const struct histogram *h)
{
	return json_pack("{s:o s:o s:o s:o s:o s:o s:o}",
			 "count", number(h->count),
			 "min_ns", number(h->min),
			 "mean_ns", number(h->count ? h->sum / h->count : 0),
			 "p50_ns", number(histogram_percentile(h, 50)),
			 "p90_ns", number(histogram_percentile(h, 90)),
			 "p99_ns", number(histogram_percentile(h, 99)),
			 "max_ns", number(h->max));
}

/* ---- the parts ---- */

static json_t *model_json(const struct model *m)
{
	const struct model_stats *s = &m->stats;

	return json_pack("{s:s s:o s:o s:o s:o s:o s:o s:o s:o s:o s:o s:o s:b s:o s:o}",
			 "name", m->name,
			 "requests", number(s->requests),
			 "served", number(s->served),
			 "failed", number(s->failed),
			 "lost", number(s->lost),
			 "dropped", number(s->dropped),
			 "cancelled", number(s->cancelled),
			 "deadline_missed", number(s->late),
			 "slices", number(s->slices),
			 "host_steps", number(s->host_steps),
			 "rebuilds", number(s->rebuilds),
			 "revived", number(s->revived),
			 "broken", m->broken[0] != '\0',
			 "latency", histogram_json(&s->latency),
			 "device", histogram_json(&s->device));
}

static json_t *client_json(const struct client *c)
{
	const struct client_stats *s = &c->stats;

	return json_pack("{s:s s:i s:i s:o s:o s:o s:o s:o s:o s:o s:i s:i}",
			 "identity", c->identity,
			 "pid", (int)c->pid,
			 "uid", (int)c->uid,
			 "requests", number(s->requests),
			 "replies", number(s->replies),
			 "errors", number(s->errors),
			 "deadline_missed", number(s->late),
			 "bytes_in", number(s->bytes_in),
			 "bytes_out", number(s->bytes_out),
			 "buffer_bytes", number(c->buffer_bytes),
			 "bindings", (int)c->num_bindings,
			 "under_way", (int)c->num_requests);
}

static json_t *models_json(const struct loomd *d)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < d->options.max_models; i++)
		if (d->models[i].handle && d->models[i].sched >= 0)
			json_array_append_new(list, model_json(&d->models[i]));
	return list;
}

static json_t *clients_json(const struct loomd *d)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < d->options.max_clients; i++)
		if (d->clients[i].fd >= 0)
			json_array_append_new(list, client_json(&d->clients[i]));
	return list;
}

static json_t *daemon_json(const struct loomd *d)
{
	const struct loom_hw_caps *caps = loom_dev_caps(d->device.dev);

	return json_pack("{s:i s:o s:s s:s s:s s:o s:i s:i s:o s:b s:o s:i s:b s:b}",
			 "pid", (int)getpid(),
			 "uptime_ns", number(now_ns() - d->stats.started),
			 "device", d->options.device ? d->options.device : "drm",
			 "preset", caps->preset,
			 "policy", d->policy,
			 "window_ns", number(d->device.window_ps / 1000),
			 "max_jobs", (int)d->options.max_jobs,
			 "batch_jobs", (int)d->device.batch_jobs,
			 "batch_ns", number(d->device.batch_ps / 1000),
			 "drop_late", d->options.drop_late,
			 "under_way", number(d->num_active),
			 "loads", (int)d->num_loads,
			 "tracing", d->trace.on,
			 "recording", d->feed.record != NULL);
}

static double ratio(uint64_t a, uint64_t b)
{
	return b ? (double)a / (double)b : 0;
}

static json_t *submission_json(const struct loomd *d, const struct loom_ring_stats *ring,
			       uint64_t ioctls)
{
	const struct device_stats *s = &d->device.stats;

	return json_pack("{s:o s:o s:o s:o s:o s:o s:o s:o s:f s:f s:f}",
			 "enters", number(ring->enters),
			 "sqes", number(ring->sqes),
			 "jobs", number(ring->jobs),
			 "completions", number(s->completions),
			 "errors", number(s->errors),
			 "stalls", number(s->stalls),
			 "ioctls", number(ring->ioctls),
			 "ioctls_serving", number(ioctls - s->admin_ioctls),
			 "jobs_per_enter", ratio(ring->jobs, ring->enters),
			 "sqes_per_enter", ratio(ring->sqes, ring->enters),
			 "jobs_per_sqe", ratio(ring->jobs, ring->sqes));
}

static json_t *scheduler_json(const struct loomd *d)
{
	struct sched_stats s;

	feed_stats(d, &s);
	return json_pack("{s:o s:o s:o s:o s:o s:s s:o}",
			 "picks", number(s.picks),
			 "submitted", number(s.submitted),
			 "completed", number(s.completed),
			 "dry", number(s.dry),
			 "policy_faults", number(s.policy_faults),
			 "policy_fault", d->policy_fault,
			 "deadline_missed", number(s.deadline_missed));
}

static json_t *server_json(const struct loomd *d)
{
	const struct loomd_stats *s = &d->stats;

	return json_pack("{s:o s:o s:o s:o s:o s:o s:o s:o s:o s:o s:o s:o s:o}",
			 "requests", number(s->requests),
			 "zero_copy", number(s->zero_copy),
			 "copied", number(s->copied),
			 "import_failures", number(s->import_failures),
			 "replies", number(s->replies),
			 "failed", number(s->failed),
			 "lost", number(s->lost),
			 "dropped", number(s->dropped),
			 "deadline_missed", number(s->late),
			 "clients_accepted", number(s->accepted),
			 "clients_refused", number(s->refused),
			 "violations", number(s->violations),
			 "wakeups", number(s->wakeups));
}

/* struct loom_hw_counters is nothing but 64-bit counters, in this order. */
static const char *const counter_names[] = {
	"fetch_busy_ns", "fetch_blocked_ns", "dma_busy_ns", "compute_busy_ns", "mac_busy_ns",
	"vector_busy_ns", "compute_wait_weights_ns", "compute_wait_dma_ns", "dry_ns",
	"dram_busy_ns", "dram_bytes", "weight_bytes", "macs", "jobs", "commands", "faults",
	"progress", "fetch_idle_ns", "fetch_wait_dram_ns", "dma_idle_ns", "dma_wait_dram_ns",
	"dma_wait_compute_ns", "compute_idle_ns", "ecc_corrected", "ecc_uncorrected",
	"energy_mac_pj", "energy_sram_pj", "energy_dram_pj", "energy_static_pj",
};

_Static_assert(sizeof(counter_names) / sizeof(counter_names[0]) * sizeof(uint64_t) ==
	       sizeof(struct loom_hw_counters), "counter_names is not loom_hw_counters");

static json_t *device_json(const struct loomd *d)
{
	uint64_t values[sizeof(struct loom_hw_counters) / sizeof(uint64_t)];
	struct loom_hw_counters counters;
	struct drm_loom_time time;
	json_t *object = json_object();

	if (loom_dev_counters(d->device.dev, 0, &counters) || loom_dev_time(d->device.dev, &time))
		return object;
	memcpy(values, &counters, sizeof(values));
	json_object_set_new(object, "time_ns", number(time.device_ns));
	json_object_set_new(object, "monotonic_ns", number(time.monotonic_ns));
	json_object_set_new(object, "instructions", number(time.instructions));
	json_object_set_new(object, "interrupts", number(time.interrupts));
	for (unsigned int i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		json_object_set_new(object, counter_names[i], number(values[i]));
	return object;
}

json_t *stats_json(struct loomd *d)
{
	uint64_t ioctls = loom_thread_ioctls();
	struct loom_ring_stats ring;

	/* Before the device is asked, which takes ioctls. */
	loom_ring_get_stats(d->device.ring, &ring);
	return json_pack("{s:o s:o s:o s:o s:o s:o s:o}",
			 "daemon", daemon_json(d),
			 "server", server_json(d),
			 "submission", submission_json(d, &ring, ioctls),
			 "scheduler", scheduler_json(d),
			 "device", device_json(d),
			 "models", models_json(d),
			 "clients", clients_json(d));
}
