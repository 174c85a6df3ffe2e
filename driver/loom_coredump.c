// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device as a recovery found it, as text: registers, counters, VMs with their faults, queues
 * with the jobs that the device had, the tail of the firmware's log. Fences wait for the recovery,
 * so the text goes into memory that was set aside when the driver was bound; it is handed to
 * devcoredump afterwards.
 */

#include <linux/devcoredump.h>
#include <linux/seq_buf.h>
#include <linux/slab.h>
#include <linux/utsname.h>

#include <drm/drm_managed.h>

#include "loom_coredump.h"
#include "loom_device.h"
#include "loom_job.h"
#include "loom_log.h"
#include "loom_queue.h"
#include "loom_vm.h"

#define LOOM_DUMP_BYTES		SZ_64K
#define LOOM_DUMP_LOG_BYTES	SZ_8K
#define LOOM_DUMP_JOBS		16	/* of each queue */

static void loom_coredump_fini(struct drm_device *drm, void *data)
{
	kvfree(data);
}

int loom_coredump_init(struct loom_device *ldev)
{
	ldev->dump = kvzalloc(LOOM_DUMP_BYTES, GFP_KERNEL);
	if (!ldev->dump)
		return -ENOMEM;
	return drmm_add_action_or_reset(&ldev->drm, loom_coredump_fini, ldev->dump);
}

static void loom_dump_registers(struct loom_device *ldev, struct seq_buf *s)
{
	u32 core, i;

	seq_buf_printf(s, "registers: id %#x state %u error %u heartbeat %u time %llu\n",
		       loom_read(ldev, LOOM_REG_ID), loom_read(ldev, LOOM_REG_STATE),
		       loom_read(ldev, LOOM_REG_ERROR), loom_read(ldev, LOOM_REG_HEARTBEAT),
		       loom_read64(ldev, LOOM_REG_TIME));
	seq_buf_printf(s, "admin: sent %u, answered %u\n", ldev->admin.tail,
		       loom_read(ldev, LOOM_REG_ADMIN_CQ_TAIL));

	for (core = 0; core < ldev->caps.num_cores; core++) {
		seq_buf_printf(s, "core %u counters:", core);
		for (i = 0; i < sizeof(struct loom_hw_counters); i += sizeof(u64))
			seq_buf_printf(s, " %llu", loom_read64(ldev, LOOM_REG_CORE(core) + i));
		seq_buf_puts(s, "\n");
	}
}

static void loom_dump_vms(struct loom_device *ldev, struct seq_buf *s)
{
	struct loom_vm *vm;

	list_for_each_entry(vm, &ldev->vms, node) {
		seq_buf_printf(s, "context %u: lease %#llx + %#llx, %s\n", vm->ctx,
			       vm->lease.start, vm->lease.size, vm->dead ? "dead" : "alive");
		if (vm->dead)
			seq_buf_printf(s, "  fault %u at command %d, address %#llx, job %#llx\n",
				       vm->fault.fault, (int)vm->fault.cmd, vm->fault.addr,
				       vm->fault.user_data);
	}
}

static void loom_dump_job(const struct loom_job *job, struct seq_buf *s)
{
	seq_buf_printf(s, "  job %#llx: seq %u context %u slot %u commands %#llx + %#x%s\n",
		       job->user_data, job->seq, job->vm->ctx, job->slot, job->cmd_va,
		       job->cmd_size, job->hung ? " (to blame)" : "");
}

static void loom_dump_queue(struct loom_queue *queue, struct seq_buf *s)
{
	unsigned int left = LOOM_DUMP_JOBS;
	unsigned long flags;
	u32 tag;

	spin_lock_irqsave(&queue->lock, flags);
	seq_buf_printf(s, "queue %u: core %u, %u entries, submitted %u, completed %u", queue->hw_id,
		       queue->core, queue->entries, queue->sq_tail, queue->cq_head);
	if (queue->mem && queue->state)
		seq_buf_printf(s, "; device: taken %u, completed %u",
			       READ_ONCE(queue->state->sq_head), READ_ONCE(queue->state->cq_tail));
	seq_buf_puts(s, "\n");
	for (tag = 0; tag < queue->entries && left; tag++)
		if (queue->jobs[tag]) {
			loom_dump_job(queue->jobs[tag], s);
			left--;
		}
	spin_unlock_irqrestore(&queue->lock, flags);
}

static void loom_dump_log(struct loom_device *ldev, struct seq_buf *s)
{
	char *text;
	size_t room;

	seq_buf_puts(s, "firmware log:\n");
	room = seq_buf_get_buf(s, &text);
	seq_buf_commit(s, loom_log_read(ldev, text, min_t(size_t, room, LOOM_DUMP_LOG_BYTES)));
}

/* Nothing is allocated here. What does not fit is left out. */
void loom_coredump_take(struct loom_device *ldev, const char *step, const char *why)
{
	struct loom_queue *queue;
	struct seq_buf s;

	lockdep_assert_held(&ldev->fw_lock);

	/* Pairs with the release in loom_coredump_publish(). */
	if (smp_load_acquire(&ldev->dump_bytes))
		return;

	seq_buf_init(&s, ldev->dump, LOOM_DUMP_BYTES);
	seq_buf_printf(&s, "Loom device dump\ndevice: %s\nkernel: %s\n",
		       dev_name(ldev->drm.dev), init_utsname()->release);
	seq_buf_printf(&s, "recovery of: %s\nreason: %s\n", step, why);
	loom_dump_registers(ldev, &s);
	loom_dump_log(ldev, &s);
	loom_dump_vms(ldev, &s);
	list_for_each_entry(queue, &ldev->queues, node)
		loom_dump_queue(queue, &s);

	/* The text is complete; pairs with the acquire in loom_coredump_publish(). */
	smp_store_release(&ldev->dump_bytes, seq_buf_used(&s));
}

void loom_coredump_publish(struct loom_device *ldev)
{
	size_t bytes;
	void *copy;

	/* Pairs with the release in loom_coredump_take(). */
	bytes = smp_load_acquire(&ldev->dump_bytes);
	if (!bytes)
		return;

	/* devcoredump frees it with vfree(). */
	copy = vmalloc(bytes);
	if (copy)
		memcpy(copy, ldev->dump, bytes);
	/* The memory may be used again; pairs with the acquire in loom_coredump_take(). */
	smp_store_release(&ldev->dump_bytes, 0);
	if (copy)
		dev_coredumpv(ldev->drm.dev, copy, bytes, GFP_KERNEL);
}
