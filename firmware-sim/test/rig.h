/* SPDX-License-Identifier: MIT */
/*
 * rig.h - one context on a tiny device, for testing what commands compute: fill the lease image
 * and the weights, add commands, run, look at the lease image that came back.
 */
#ifndef LOOM_TEST_RIG_H
#define LOOM_TEST_RIG_H

#include "host.h"

#define RIG_LEASE	(256u << 10)
#define RIG_WEIGHTS	(512u << 10)
#define RIG_CTX		1

struct rig {
	struct host *h;
	struct stream s;
	uint32_t ctx;
	uint8_t *in, *out;	/* images of the lease: before and after */
	uint8_t *weights;
	uint64_t in_va, out_va, weights_va;
	uint32_t jobs;
};

struct rig *rig_new(const char *preset, void (*tweak)(struct loom_sim_config *config));
void rig_free(struct rig *r);
/* A second tenant on the same device. */
void rig_context(struct rig *r, struct host *h, uint32_t ctx);

/* A buffer that loads the lease, fetches so many bytes of weights, ... */
void rig_begin(struct rig *r, uint32_t weight_bytes);
/* ... runs these compute commands, ... */
void *rig_add(struct rig *r, uint16_t opcode, uint16_t size);
/* ... and stores the lease. */
void rig_end(struct rig *r);
/* rig_end(), submit, run; the completion. */
struct loom_hw_cqe rig_run(struct rig *r);

/* fp16 images: deterministic values in [-scale, scale]. */
void rig_fill(struct rig *r, uint64_t seed, float scale);
uint32_t rig_random(uint64_t *seed);
double rig_in(const struct rig *r, uint32_t off, uint64_t index);
double rig_out(const struct rig *r, uint32_t off, uint64_t index);
double rig_weight(const struct rig *r, uint32_t off, uint64_t index);
float rig_out32(const struct rig *r, uint32_t off, uint64_t index);

/*
 * Is `value` what fp16 or fp32 arithmetic may make of `expected`? `magnitude` is the size of the
 * sum's terms: fp32 accumulation errs relative to it, the last rounding relative to the result.
 */
bool rig_close16(double value, double expected, double magnitude);

#endif /* LOOM_TEST_RIG_H */
