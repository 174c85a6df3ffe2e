/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hw/half.h"

#define QUEUE_LOG2 6

void rig_context(struct rig *r, struct host *h, uint32_t ctx)
{
	uint64_t va = 0x10000000ull;

	memset(r, 0, sizeof(*r));
	r->h = h;
	r->ctx = ctx;
	host_context(h, ctx, (ctx - 1) * RIG_LEASE, RIG_LEASE);
	r->in_va = host_buffer(h, ctx, va, RIG_LEASE, false);
	r->out_va = host_buffer(h, ctx, va + 0x1000000, RIG_LEASE, true);
	r->weights_va = host_buffer(h, ctx, va + 0x2000000, RIG_WEIGHTS, false);
	r->in = host_va(h, ctx, r->in_va);
	r->out = host_va(h, ctx, r->out_va);
	r->weights = host_va(h, ctx, r->weights_va);
}

struct rig *rig_new(const char *preset, void (*tweak)(struct loom_sim_config *config))
{
	struct rig *r = calloc(1, sizeof(*r));
	struct host *h = host_new(preset, tweak);

	host_boot(h);
	host_queue(h, 0, QUEUE_LOG2, 1);
	rig_context(r, h, RIG_CTX);
	return r;
}

void rig_free(struct rig *r)
{
	host_free(r->h);
	free(r);
}

void rig_begin(struct rig *r, uint32_t weight_bytes)
{
	stream_begin(&r->s, RIG_LEASE);
	stream_move(&r->s, LOOM_OP_LOAD, r->in_va, 0, RIG_LEASE, 0);
	if (weight_bytes)
		stream_fetch(&r->s, r->weights_va, weight_bytes);
}

void *rig_add(struct rig *r, uint16_t opcode, uint16_t size)
{
	struct loom_cmd *cmd = stream_add(&r->s, opcode, size);

	cmd->wait = 1;
	return cmd;
}

void rig_end(struct rig *r)
{
	uint32_t compute = r->s.num_cmds - 1 - !!r->s.weight_bytes;

	stream_move(&r->s, LOOM_OP_STORE, r->out_va, 0, RIG_LEASE, compute);
	stream_end(&r->s);
}

struct loom_hw_cqe rig_run(struct rig *r)
{
	uint32_t number = r->h->queue[0].tail;

	rig_end(r);
	host_submit(r->h, 0, r->ctx, &r->s, 0);
	host_run(r->h);
	return *host_completion(r->h, 0, number);
}

uint32_t rig_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return *seed >> 33;
}

static void fill(uint8_t *image, size_t bytes, uint64_t *seed, float scale)
{
	uint16_t *halves = (void *)image;

	for (size_t i = 0; i < bytes / 2; i++)
		halves[i] = float_to_half_c(((float)rig_random(seed) / (1 << 30) - 1.0f) * scale);
}

void rig_fill(struct rig *r, uint64_t seed, float scale)
{
	fill(r->in, RIG_LEASE, &seed, scale);
	fill(r->weights, RIG_WEIGHTS, &seed, scale);
	memset(r->out, 0, RIG_LEASE);
}

static double half_at(const uint8_t *image, uint32_t off, uint64_t index)
{
	uint16_t half;

	memcpy(&half, image + off + 2 * index, sizeof(half));
	return half_to_float_c(half);
}

double rig_in(const struct rig *r, uint32_t off, uint64_t index)
{
	return half_at(r->in, off, index);
}

double rig_out(const struct rig *r, uint32_t off, uint64_t index)
{
	return half_at(r->out, off, index);
}

double rig_weight(const struct rig *r, uint32_t off, uint64_t index)
{
	return half_at(r->weights, off, index);
}

float rig_out32(const struct rig *r, uint32_t off, uint64_t index)
{
	float value;

	memcpy(&value, r->out + off + 4 * index, sizeof(value));
	return value;
}

bool rig_close16(double value, double expected, double magnitude)
{
	return fabs(value - expected) <=
	       fabs(expected) * 1.01 / 2048 + magnitude / 262144 + 1.0 / 16777216;
}
