/* SPDX-License-Identifier: MIT */
/*
 * The activation SRAM: leased to contexts in LOOM_LEASE_ALIGN units.
 */
#include <stdlib.h>
#include <string.h>

#include "device.h"

void act_sram_init(struct act_sram *act, uint32_t bytes)
{
	act->bytes = calloc(1, bytes);
	act->used = calloc(bytes / LOOM_LEASE_ALIGN, sizeof(*act->used));
}

void act_sram_free(struct act_sram *act)
{
	free(act->used);
	free(act->bytes);
}

/*
 * A new tenant: the previous one's activations are none of its business. Units that nobody ever
 * used are still zero, and stay untouched in the host's memory.
 */
void act_sram_lease(struct act_sram *act, uint32_t base, uint32_t size)
{
	for (uint32_t at = base; at < base + size; at += LOOM_LEASE_ALIGN) {
		bool *used = &act->used[at / LOOM_LEASE_ALIGN];

		if (*used)
			memset(act->bytes + at, 0, LOOM_LEASE_ALIGN);
		*used = true;
	}
}

uint8_t *act_sram_of(const struct core *core, const struct context *ctx)
{
	return core->act_sram.bytes + ctx->lease_base;
}
