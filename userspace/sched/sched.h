/* SPDX-License-Identifier: MIT */
/*
 * sched.h - the event core: which slice goes to the device next, and when.
 *
 * Pure functions over slice profiles and device state: no I/O, no clock, no thread. The feeder
 * (loomd, loom-bench, a test) tells what happened (arrive, complete, tick) and then drains
 * sched_next() for what to do (submit, reply, timer). Same events at the same times, same actions.
 *
 * A model has slices in execution order. A request is one inference of a model; requests of a model
 * run in arrival order, and at most model.max_inflight of them have slices at the device at once. The
 * device runs submissions in order (loom_isa.h), so the core's whole freedom is that order.
 *
 * The window: the core stops submitting when the work it believes to be queued at the device exceeds
 * window_ps of device time (or max_jobs), so that an urgent arrival never waits for more, and goes on
 * when completions bring it below. Never less than two jobs are queued while any wait.
 *
 * Times are nanoseconds of one clock (device time, or CLOCK_MONOTONIC); durations in profiles are
 * picoseconds. A policy that picks something it was not offered is replaced by the fallback (fifo)
 * and sched_stats.policy_faults counts it.
 */
#ifndef LOOM_SCHED_H
#define LOOM_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCHED_NO_DEADLINE UINT64_MAX
#define SCHED_MAX_MODELS 1024

struct sched_slice {
	uint64_t comp_ps;	/* L.comp: compute engine */
	uint64_t mem_ps;	/* L.size / BW: DRAM channel */
	uint64_t bytes;		/* L.size: weight SRAM */
	bool layer_end;		/* last slice of its layer */
	/*
	 * A step on the host, with no work for the device: SCHED_HOST when all slices before it are
	 * done; those after it are offered when it is.
	 */
	bool host;
};

struct sched_config {
	uint64_t buffer_bytes;	/* weight SRAM */
	uint64_t dram_bytes_per_s;
	uint64_t window_ps;	/* 0: 500 us, or 3/2 of the time to fill the buffer if longer */
	unsigned int max_jobs;	/* at the device at once; 0: 64 */
	uint64_t turnaround_ps;	/* from an event here to an engine's start there; 0: 2 us */
	const char *policy;	/* a name of sched_policies(); NULL: "layerweaver" */
	bool tile_release;	/* the device uses and frees weights tile by tile (release=tile) */
	bool drop_late;		/* a request not started by its deadline is replied to with -ETIME */
};

struct sched;

enum sched_action_type {
	SCHED_SUBMIT,		/* put slice `slice` of request `request` (model `model`) on the device */
	SCHED_HOST,		/* run host step `slice` of it; the end is told to sched_complete(), too */
	SCHED_REPLY,		/* request `request` is done: status 0 or -errno */
	SCHED_TIMER,		/* call sched_tick() at `at` */
};

struct sched_action {
	enum sched_action_type type;
	unsigned int model;
	uint64_t request;
	unsigned int slice;
	uint64_t tag;		/* SUBMIT: goes back into sched_complete() */
	int status;
	uint64_t at;
};

struct sched_stats {
	uint64_t picks;		/* policy decisions */
	uint64_t submitted, completed, replies;
	uint64_t dry;		/* completions after which the device had nothing and requests waited */
	uint64_t policy_faults;
	uint64_t deadline_missed;
};

int sched_new(const struct sched_config *config, struct sched **out);	/* -EINVAL: no such policy */
void sched_free(struct sched *s);

int sched_set_policy(struct sched *s, const char *policy);	/* takes effect at the next pick */
const char *sched_policy(const struct sched *s);
const char *const *sched_policies(void);			/* NULL-terminated */

/* What policy was replaced last because it misbehaved, and what it did; NULL: none was. */
struct sched_fault {
	const char *policy, *what;
};

const struct sched_fault *sched_policy_fault(const struct sched *s);

/* Returns the model's number (>= 0) or -errno. The profile is copied. */
int sched_add_model(struct sched *s, const char *name, const struct sched_slice *slices,
		    unsigned int num_slices, unsigned int max_inflight);
/*
 * Consecutive requests of the model have leases of their own (it is loaded twice, and requests take turns).
 * Then the first slice of a waiting request goes ahead of the last slice of the one before it, and its
 * inputs are loaded while that one computes. Off by default.
 */
int sched_set_overlap(struct sched *s, unsigned int model, bool overlap);
/* Its requests are replied to with -ECANCELED (those at the device when they complete). */
int sched_remove_model(struct sched *s, unsigned int model);

/* request: the caller's own number, unique among those under way. */
int sched_arrive(struct sched *s, uint64_t now, unsigned int model, uint64_t request,
		 uint64_t deadline);
/* The client went away: not yet started requests are dropped, started ones end silently early. */
int sched_cancel(struct sched *s, uint64_t now, uint64_t request);
/* A submission ended (status 0 or -errno; a failed slice fails its request; its later slices that
 * are at the device are expected to complete, with an error, too). */
int sched_complete(struct sched *s, uint64_t now, uint64_t tag, int status);
void sched_tick(struct sched *s, uint64_t now);

/* The next thing to do: true and *action filled, or false. Call until false after every event. */
bool sched_next(struct sched *s, uint64_t now, struct sched_action *action);

void sched_get_stats(const struct sched *s, struct sched_stats *stats);

#endif /* LOOM_SCHED_H */
