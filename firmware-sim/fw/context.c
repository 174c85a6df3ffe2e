/* SPDX-License-Identifier: MIT */
/*
 * The context table: a context is an address space, a lease on activation SRAM and a state of
 * health.
 */
#include "device.h"

/* The context of that number if there is one and nobody is destroying it. */
struct context *context_get(struct loom_sim *sim, uint32_t id)
{
	struct context *ctx;

	if (!id || id > sim->config.caps.max_contexts)
		return NULL;
	ctx = &sim->context[id];
	return ctx->used && !ctx->dying ? ctx : NULL;
}

static bool overlaps(const struct context *ctx, uint32_t base, uint32_t size)
{
	return ctx->used && ctx->lease_size && size &&
	       base < ctx->lease_base + ctx->lease_size && ctx->lease_base < base + size;
}

static bool lease_free(const struct loom_sim *sim, uint32_t base, uint32_t size)
{
	uint32_t total = sim->config.caps.act_sram_bytes;

	if (base % LOOM_LEASE_ALIGN || size % LOOM_LEASE_ALIGN || base > total ||
	    size > total - base)
		return false;
	for (uint32_t id = 1; id <= sim->config.caps.max_contexts; id++)
		if (overlaps(&sim->context[id], base, size))
			return false;
	return true;
}

uint16_t context_create(struct loom_sim *sim, const struct loom_admin_ctx *desc)
{
	if (!desc->ctx || desc->ctx > sim->config.caps.max_contexts ||
	    sim->context[desc->ctx].used)
		return LOOM_ADMIN_BAD_ID;
	if (desc->flags || desc->pt_root & ~LOOM_PTE_ADDR_MASK)
		return LOOM_ADMIN_BAD_FIELD;
	if (!lease_free(sim, desc->lease_base, desc->lease_size))
		return LOOM_ADMIN_BAD_LEASE;
	for (uint32_t i = 0; i < sim->config.caps.num_cores; i++)
		act_sram_lease(&sim->core[i].act_sram, desc->lease_base, desc->lease_size);
	sim->context[desc->ctx] = (struct context){
		.used = true,
		.id = desc->ctx,
		.pt_root = desc->pt_root,
		.lease_base = desc->lease_base,
		.lease_size = desc->lease_size,
	};
	return LOOM_ADMIN_OK;
}

uint16_t context_kill(struct loom_sim *sim, uint32_t id)
{
	struct context *ctx = context_get(sim, id);

	if (!ctx)
		return LOOM_ADMIN_BAD_ID;
	if (!ctx->dead || ctx->dead == LOOM_FAULT_RESET)
		ctx->dead = LOOM_FAULT_CANCELLED;
	for (uint32_t c = 0; c < sim->config.caps.num_cores; c++) {
		struct core *core = &sim->core[c];

		for (uint32_t i = 0; i < core->num_jobs; i++)
			if (core->job[i]->ctx == ctx)
				job_kill(sim, core->job[i], LOOM_FAULT_CANCELLED);
	}
	return LOOM_ADMIN_OK;
}

/* Let a context go on that a CORE_RESET stopped. */
uint16_t context_resume(struct loom_sim *sim, uint32_t id)
{
	struct context *ctx = context_get(sim, id);

	if (!ctx)
		return LOOM_ADMIN_BAD_ID;
	if (ctx->dead && ctx->dead != LOOM_FAULT_RESET)
		return LOOM_ADMIN_DEAD;
	ctx->dead = LOOM_FAULT_NONE;
	return LOOM_ADMIN_OK;
}

uint16_t context_invalidate(struct loom_sim *sim, const struct loom_admin_ctx *desc)
{
	if (!context_get(sim, desc->ctx))
		return LOOM_ADMIN_BAD_ID;
	mmu_invalidate(sim, desc->ctx, desc->va, desc->size);
	return LOOM_ADMIN_OK;
}

/* No job of it is left that could access memory. */
bool context_idle(struct loom_sim *sim, const struct context *ctx)
{
	if (sim->fw.job && sim->fw.job->ctx == ctx)
		return false;
	for (uint32_t c = 0; c < sim->config.caps.num_cores; c++)
		for (uint32_t i = 0; i < sim->core[c].num_jobs; i++)
			if (sim->core[c].job[i]->ctx == ctx)
				return false;
	return true;
}
