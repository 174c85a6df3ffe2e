/* SPDX-License-Identifier: MIT */
/*
 * rig.h - a device and closed-loop clients for the scheduler's tests. The device is two in-order
 * streams and a weight buffer that a slice leaves when its compute ends. Its times come from a
 * closed form (max-plus over the bytes released), not from the walk that the scheduler uses.
 */
#ifndef SCHED_TEST_RIG_H
#define SCHED_TEST_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sched/policy.h"
#include "sched/request.h"
#include "sched/sched.h"

#define MB 1000000ull
#define US 1000000ull		/* in ps */
#define MEMORY_CENTRIC { .buffer_bytes = 48 * MB, .dram_bytes_per_s = 225000000000ull }

struct rig_job {
	uint64_t tag, request;
	unsigned int model, slice;
	uint64_t bytes;
	uint64_t released;	/* bytes of all jobs up to and with this one */
	int64_t submitted, fetch_end, compute_end;
};

struct rig_model {
	struct sched_slice *slices;
	unsigned int num_slices;
	unsigned int queued;	/* requests this stream keeps outstanding */
	uint64_t done;
	double comp, mem;	/* seconds a query */
};

struct rig {
	struct sched *s;
	struct sched_config config;
	double comp_scale, mem_scale;	/* the device's time per predicted time */
	struct rig_model models[16];
	unsigned int num_models;
	struct rig_job *jobs;
	unsigned int num_jobs, max_jobs, retired;
	int64_t now;		/* ps */
	uint64_t next_request;
	uint64_t hash;		/* of everything submitted */
	uint64_t seed;
	unsigned int inflight;		/* of a model; 0: 2 */
};

struct rig_window {
	double qps[16], mac, dram;
};

void rig_init(struct rig *r, const struct sched_config *config);
void rig_free(struct rig *r);
unsigned int rig_add(struct rig *r, const struct sched_slice *slices, unsigned int num,
		     unsigned int queued);
void rig_arrive(struct rig *r, unsigned int model);
/* Do what the scheduler says; one completion; until `queries` more of model 0 are done. */
void rig_drain(struct rig *r);
bool rig_step(struct rig *r);
/* As rig_step(), but for up to 8 completions, seen together, up to so long after the last of them. */
void rig_step_late(struct rig *r, int64_t ps);
void rig_run(struct rig *r, uint64_t queries);
struct rig_window rig_measure(struct rig *r, uint64_t warm, uint64_t queries);
uint64_t rig_random(uint64_t *seed);

/* Published shapes; compute time made proportional to MACs so that comp / mem is `ratio`. */
unsigned int profile_resnet50(struct sched_slice *out, double ratio, double bytes_per_s);
unsigned int profile_bert_base(struct sched_slice *out, double ratio, double bytes_per_s);

#endif /* SCHED_TEST_RIG_H */
