/* SPDX-License-Identifier: MIT */
/*
 * LOOM_ADMIN_CTX_SAVE and _RESTORE: the activations of a context go to host pages and come back,
 * because power management and resets forget them. The firmware itself copies, at the speed of
 * the DRAM channel, and does nothing else meanwhile.
 */
#include "device.h"

uint16_t lease_check(struct loom_sim *sim, const struct loom_admin_lease *desc)
{
	struct context *ctx = context_get(sim, desc->ctx);

	if (!ctx)
		return LOOM_ADMIN_BAD_ID;
	if (desc->pages % sizeof(__u64) || !desc->num_pages ||
	    (uint64_t)desc->num_pages * LOOM_LEASE_ALIGN != ctx->lease_size)
		return LOOM_ADMIN_BAD_FIELD;
	return context_idle(sim, ctx) ? LOOM_ADMIN_OK : LOOM_ADMIN_BUSY;
}

uint64_t lease_copy_ns(const struct loom_sim *sim, const struct loom_admin_lease *desc)
{
	const struct loom_hw_caps *caps = &sim->config.caps;
	uint64_t bytes = (uint64_t)desc->num_pages * LOOM_LEASE_ALIGN;

	return caps->dram_latency_ns + loom_timing_dram_ps(caps, bytes) / PS_PER_NS;
}

static uint16_t copy_page(struct loom_sim *sim, uint64_t entry, uint8_t *bytes, bool save)
{
	uint64_t page;
	int err;

	if (sim->ops->dma_read(sim->opaque, entry, &page, sizeof(page)))
		return LOOM_ADMIN_BUS;
	if (page % LOOM_LEASE_ALIGN)
		return LOOM_ADMIN_BAD_FIELD;
	if (save)
		err = sim->ops->dma_write(sim->opaque, page, bytes, LOOM_LEASE_ALIGN);
	else
		err = sim->ops->dma_read(sim->opaque, page, bytes, LOOM_LEASE_ALIGN);
	return err ? LOOM_ADMIN_BUS : LOOM_ADMIN_OK;
}

uint16_t lease_copy(struct loom_sim *sim, const struct loom_admin_lease *desc, bool save)
{
	struct context *ctx = context_get(sim, desc->ctx);
	uint8_t *lease = act_sram_of(&sim->core[0], ctx);
	uint16_t status = LOOM_ADMIN_OK;

	for (uint64_t i = 0; i < desc->num_pages && status == LOOM_ADMIN_OK; i++)
		status = copy_page(sim, desc->pages + i * sizeof(__u64),
				   lease + i * LOOM_LEASE_ALIGN, save);
	return status;
}
