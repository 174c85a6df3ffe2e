/* SPDX-License-Identifier: MIT */
/*
 * The admin queue: what the driver asks of the firmware itself.
 */
#include <string.h>

#include "device.h"

static void complete(struct loom_sim *sim, uint16_t tag, enum loom_admin_status status)
{
	struct firmware *fw = &sim->fw;
	uint32_t slot = fw->admin_cq_tail & (fw->admin_entries - 1);
	struct loom_admin_cqe cqe = {
		.tag = tag,
		.status = status,
		.time = sim->now / PS_PER_NS,
	};

	if (sim->ops->dma_write(sim->opaque, fw->admin_cq + slot * sizeof(cqe), &cqe,
				sizeof(cqe))) {
		boot_crash(sim, LOOM_BOOT_BUS);
		return;
	}
	fw->admin_cq_tail++;
	sim_irq(sim, 0);
}

/* Complete it when the jobs concerned are gone: admin_finish_deferred(). */
static void defer(struct loom_sim *sim, const struct loom_admin_cmd *cmd, uint32_t id)
{
	struct firmware *fw = &sim->fw;

	fw->deferred[fw->num_deferred++] = (struct deferred){
		.tag = cmd->tag,
		.opcode = cmd->opcode,
		.id = id,
	};
}

static void ctx_destroy(struct loom_sim *sim, const struct loom_admin_cmd *cmd)
{
	uint16_t status = context_kill(sim, cmd->ctx.ctx);

	if (status != LOOM_ADMIN_OK) {
		complete(sim, cmd->tag, status);
		return;
	}
	context_get(sim, cmd->ctx.ctx)->dying = true;
	defer(sim, cmd, cmd->ctx.ctx);
}

/* Completes after the last completion of the context's jobs. */
static void ctx_kill(struct loom_sim *sim, const struct loom_admin_cmd *cmd)
{
	uint16_t status = context_kill(sim, cmd->ctx.ctx);

	if (status == LOOM_ADMIN_OK)
		defer(sim, cmd, cmd->ctx.ctx);
	else
		complete(sim, cmd->tag, status);
}

static void begin_lease_copy(struct loom_sim *sim, const struct loom_admin_cmd *cmd)
{
	uint16_t status = lease_check(sim, &cmd->lease);

	if (status != LOOM_ADMIN_OK) {
		complete(sim, cmd->tag, status);
		return;
	}
	sim->fw.copy = *cmd;
	firmware_begin(sim, FW_LEASE_COPY, lease_copy_ns(sim, &cmd->lease));
}

void admin_lease_copied(struct loom_sim *sim)
{
	const struct loom_admin_cmd *cmd = &sim->fw.copy;

	complete(sim, cmd->tag,
		 lease_copy(sim, &cmd->lease, cmd->opcode == LOOM_ADMIN_CTX_SAVE));
}

static void queue_destroy(struct loom_sim *sim, const struct loom_admin_cmd *cmd)
{
	struct queue *queue = queue_get(sim, cmd->queue.queue);

	if (!queue) {
		complete(sim, cmd->tag, LOOM_ADMIN_BAD_ID);
		return;
	}
	queue->dying = true;
	queue_cancel(sim, queue);
	defer(sim, cmd, cmd->queue.queue);
}

static void execute_cmd(struct loom_sim *sim, const struct loom_admin_cmd *cmd)
{
	if (cmd->reserved) {
		complete(sim, cmd->tag, LOOM_ADMIN_BAD_FIELD);
		return;
	}
	switch (cmd->opcode) {
	case LOOM_ADMIN_CTX_CREATE:
		complete(sim, cmd->tag, context_create(sim, &cmd->ctx));
		break;
	case LOOM_ADMIN_CTX_DESTROY:
		ctx_destroy(sim, cmd);
		break;
	case LOOM_ADMIN_CTX_INVALIDATE:
		/* Bursts are translated at the moment they are copied, so none is under way. */
		complete(sim, cmd->tag, context_invalidate(sim, &cmd->ctx));
		break;
	case LOOM_ADMIN_CTX_KILL:
		ctx_kill(sim, cmd);
		break;
	case LOOM_ADMIN_CTX_RESUME:
		complete(sim, cmd->tag, context_resume(sim, cmd->ctx.ctx));
		break;
	case LOOM_ADMIN_CTX_SAVE:
	case LOOM_ADMIN_CTX_RESTORE:
		begin_lease_copy(sim, cmd);
		break;
	case LOOM_ADMIN_CORE_RESET:
		complete(sim, cmd->tag, core_reset(sim, &cmd->core));
		break;
	case LOOM_ADMIN_BAND_SET:
		complete(sim, cmd->tag, band_set(sim, &cmd->band));
		break;
	case LOOM_ADMIN_QUEUE_CREATE:
		complete(sim, cmd->tag, queue_create(sim, &cmd->queue));
		break;
	case LOOM_ADMIN_QUEUE_DESTROY:
		queue_destroy(sim, cmd);
		break;
	default:
		complete(sim, cmd->tag, LOOM_ADMIN_BAD_OPCODE);
	}
}

void admin_execute(struct loom_sim *sim)
{
	struct firmware *fw = &sim->fw;
	uint32_t slot = fw->admin_head & (fw->admin_entries - 1);
	struct loom_admin_cmd cmd;

	if (sim->ops->dma_read(sim->opaque, fw->admin_sq + slot * sizeof(cmd), &cmd,
			       sizeof(cmd))) {
		boot_crash(sim, LOOM_BOOT_BUS);
		return;
	}
	fw->admin_head++;
	execute_cmd(sim, &cmd);
}

static bool finish_context(struct loom_sim *sim, const struct deferred *d)
{
	struct context *ctx = &sim->context[d->id];

	if (!context_idle(sim, ctx))
		return false;
	if (d->opcode == LOOM_ADMIN_CTX_DESTROY) {
		mmu_invalidate(sim, d->id, 0, 0);
		memset(ctx, 0, sizeof(*ctx));
	}
	return true;
}

static bool finish_queue(struct loom_sim *sim, const struct deferred *d)
{
	struct queue *queue = &sim->queue[d->id];

	if (!queue_idle(sim, queue))
		return false;
	queue_drop_ring(sim, queue);
	memset(queue, 0, sizeof(*queue));
	return true;
}

static bool finish(struct loom_sim *sim, const struct deferred *d)
{
	return d->opcode == LOOM_ADMIN_QUEUE_DESTROY ? finish_queue(sim, d) :
						       finish_context(sim, d);
}

void admin_finish_deferred(struct loom_sim *sim)
{
	struct firmware *fw = &sim->fw;
	uint32_t i = 0;

	if (fw->hung)
		return;
	while (i < fw->num_deferred) {
		struct deferred d = fw->deferred[i];

		if (!finish(sim, &d)) {
			i++;
			continue;
		}
		fw->num_deferred--;
		memmove(&fw->deferred[i], &fw->deferred[i + 1],
			(fw->num_deferred - i) * sizeof(d));
		complete(sim, d.tag, LOOM_ADMIN_OK);
	}
}
