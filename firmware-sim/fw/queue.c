/* SPDX-License-Identifier: MIT */
/*
 * Queues: a ring of jobs in, a ring of completions out, a doorbell, and interrupts that are
 * saved up while more completions are sure to follow.
 */
#include <string.h>

#include "device.h"

static bool desc_ok(const struct loom_hw_caps *caps, const struct loom_admin_queue *d)
{
	return d->core < caps->num_cores && d->entries_log2 < 31 &&
	       1u << d->entries_log2 <= caps->max_ring_entries && d->vm_slots &&
	       d->vector < caps->num_vectors && d->irq_batch &&
	       d->band < LOOM_BAND_COUNT && !(d->flags & ~LOOM_QUEUE_USER) && !d->reserved &&
	       !(d->sq % 8) && !(d->cq % 8) && !(d->state % 8) && !(d->vm_table % 4);
}

uint16_t queue_create(struct loom_sim *sim, const struct loom_admin_queue *desc)
{
	struct queue *queue;

	if (desc->queue >= sim->config.caps.max_queues || sim->queue[desc->queue].used)
		return LOOM_ADMIN_BAD_ID;
	if (!desc_ok(&sim->config.caps, desc))
		return LOOM_ADMIN_BAD_FIELD;
	queue = &sim->queue[desc->queue];
	*queue = (struct queue){
		.used = true,
		.desc = *desc,
		.entries = 1u << desc->entries_log2,
	};
	queue_write_state(sim, queue);
	return LOOM_ADMIN_OK;
}

struct queue *queue_get(struct loom_sim *sim, uint32_t id)
{
	struct queue *queue;

	if (id >= sim->config.caps.max_queues)
		return NULL;
	queue = &sim->queue[id];
	return queue->used && !queue->dying ? queue : NULL;
}

struct core *queue_core(struct loom_sim *sim, const struct queue *queue)
{
	return &sim->core[queue->desc.core];
}

static void core_add_outstanding(struct loom_sim *sim, struct core *core, int32_t jobs)
{
	core->outstanding += jobs;
	gauge_set(&core->dry, core->outstanding ? NOT_DRY : DRY, sim->now);
}

void queue_doorbell(struct loom_sim *sim, uint32_t id, uint32_t tail)
{
	struct queue *queue = queue_get(sim, id);

	/* The page may be in the hands of a program: a tail that cannot be is not believed. */
	if (!queue || tail - queue->sq_head > queue->entries ||
	    tail - queue->sq_head < queue->sq_tail - queue->sq_head)
		return;
	core_add_outstanding(sim, queue_core(sim, queue), (int32_t)(tail - queue->sq_tail));
	band_arrived(sim, queue, tail - queue->sq_tail);
	queue->sq_tail = tail;
}

/* The slot of the next job, which leaves the ring. */
uint64_t queue_take_slot(struct loom_sim *sim, struct queue *queue)
{
	band_left(sim, queue);
	return queue->desc.sq +
	       (queue->sq_head++ & (queue->entries - 1)) * sizeof(struct loom_hw_job);
}

void queue_write_state(struct loom_sim *sim, struct queue *queue)
{
	uint32_t state[2] = { queue->sq_head, queue->cq_tail };

	sim->ops->dma_write(sim->opaque, queue->desc.state, state, sizeof(state));
}

static void announce(struct loom_sim *sim, struct queue *queue, bool now)
{
	bool empty = queue->sq_head == queue->sq_tail && queue->cq_tail == queue->sq_head;

	queue->unannounced++;
	if (!now && !empty && queue->unannounced < queue->desc.irq_batch)
		return;
	queue->unannounced = 0;
	sim_irq(sim, queue->desc.vector);
}

void queue_complete(struct loom_sim *sim, struct queue *queue, struct loom_hw_cqe *cqe,
		    bool irq_now)
{
	uint64_t slot = queue->cq_tail & (queue->entries - 1);

	cqe->end = sim->now / PS_PER_NS;
	if (inject_spoils_cqe(sim))
		memset(cqe, 0xa5, sizeof(*cqe));
	sim->ops->dma_write(sim->opaque, queue->desc.cq + slot * sizeof(*cqe), cqe, sizeof(*cqe));
	queue->cq_tail++;
	queue_write_state(sim, queue);
	core_add_outstanding(sim, queue_core(sim, queue), -1);
	announce(sim, queue, irq_now);
}

bool queue_idle(struct loom_sim *sim, const struct queue *queue)
{
	struct core *core = queue_core(sim, queue);

	for (uint32_t i = 0; i < core->num_jobs; i++)
		if (core->job[i]->queue == queue)
			return false;
	return !sim->fw.job || sim->fw.job->queue != queue;
}

/* End what the queue has under way. The contexts live on: other queues may serve them too. */
void queue_cancel(struct loom_sim *sim, struct queue *queue)
{
	struct core *core = queue_core(sim, queue);

	for (uint32_t i = 0; i < core->num_jobs; i++)
		if (core->job[i]->queue == queue)
			job_kill(sim, core->job[i], LOOM_FAULT_CANCELLED);
}

/* The jobs that nobody will take any more. */
void queue_drop_ring(struct loom_sim *sim, struct queue *queue)
{
	while (queue->sq_head != queue->sq_tail) {
		uint64_t addr = queue_take_slot(sim, queue);
		struct loom_hw_cqe cqe = {
			.fault = LOOM_FAULT_CANCELLED,
			.fault_cmd = LOOM_NO_CMD,
		};
		struct loom_hw_job desc;

		if (!sim->ops->dma_read(sim->opaque, addr, &desc, sizeof(desc))) {
			cqe.cookie = desc.cookie;
			cqe.seq = desc.seq;
		}
		queue_complete(sim, queue, &cqe, false);
	}
}
