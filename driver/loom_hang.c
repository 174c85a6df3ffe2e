// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: the watch
 *
 * While jobs are in flight the driver looks every so often whether anything moved: passes of the
 * arrays, bursts of the engines, commands, completions. A job may take as long as it likes as long
 * as it does. The firmware has a watchdog of its own for commands that do not end; here is what
 * looks after the firmware and the engines.
 *
 * A core on which nothing moved: the VM of its oldest job is killed. If the device does not answer
 * that, or nothing moves the next time either, the core is reset, and then the device
 * (loom_reset.c). Firmware whose heart does not beat is reset at once.
 */

#include <linux/dma-fence.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/sched.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "loom_device.h"
#include "loom_hang.h"
#include "loom_isa.h"
#include "loom_job.h"
#include "loom_queue.h"
#include "loom_report.h"
#include "loom_reset.h"
#include "loom_uring.h"
#include "loom_vm.h"

static unsigned int hang_ms = 2000;
module_param(hang_ms, uint, 0644);
MODULE_PARM_DESC(hang_ms, "Milliseconds without progress until something is done about it");

enum loom_hang_strike {
	LOOM_HANG_KILL = 1,
	LOOM_HANG_CORE,
	LOOM_HANG_DEVICE,
};

int loom_hang_init(struct loom_device *ldev)
{
	ldev->watched = drmm_kcalloc(&ldev->drm, ldev->caps.num_cores, sizeof(*ldev->watched),
				     GFP_KERNEL);
	return ldev->watched ? 0 : -ENOMEM;
}

/* Jobs went to the device. The watch goes on by itself until it finds none. */
void loom_hang_watch(struct loom_device *ldev)
{
	queue_delayed_work(ldev->wq, &ldev->hang_work, msecs_to_jiffies(hang_ms) + 1);
}

/* ---- whom to blame ---- */

static struct loom_job *loom_queue_oldest_job(struct loom_queue *queue)
{
	struct loom_job *oldest = NULL;
	u32 tag;

	lockdep_assert_held(&queue->lock);

	for (tag = 0; tag < queue->entries; tag++) {
		struct loom_job *job = queue->jobs[tag];

		if (job && (!oldest || (s32)(job->seq - oldest->seq) < 0))
			oldest = job;
	}
	return oldest;
}

static struct loom_queue *loom_hang_oldest_queue(struct loom_device *ldev, u32 core)
{
	struct loom_queue *queue, *oldest_queue = NULL;
	unsigned long flags, oldest = 0;
	struct loom_job *job;

	list_for_each_entry(queue, &ldev->queues, node) {
		if (queue->core != core)
			continue;
		spin_lock_irqsave(&queue->lock, flags);
		job = loom_queue_oldest_job(queue);
		if (job && (!oldest_queue || time_before(job->pushed, oldest))) {
			oldest_queue = queue;
			oldest = job->pushed;
		}
		spin_unlock_irqrestore(&queue->lock, flags);
	}
	return oldest_queue;
}

/* Mark the oldest job of the core as the one to blame; its VM comes back with a reference. */
static struct loom_vm *loom_hang_blame(struct loom_device *ldev, u32 core)
{
	struct loom_vm_fault fault = { .fault = LOOM_FAULT_TIMEOUT, .cmd = LOOM_NO_CMD };
	struct loom_queue *queue = loom_hang_oldest_queue(ldev, core);
	struct loom_vm *vm = NULL;
	struct loom_job *job;
	unsigned long flags;

	if (!queue)
		return NULL;

	spin_lock_irqsave(&queue->lock, flags);
	job = loom_queue_oldest_job(queue);
	if (job) {
		job->hung = true;
		fault.user_data = job->user_data;
		vm = job->vm;
		kref_get(&vm->ref);
	}
	spin_unlock_irqrestore(&queue->lock, flags);

	if (vm && loom_vm_die(vm, &fault))
		drm_notice(&ldev->drm, "queue %u, context %u, job %#llx: nothing moves, killing the context\n",
			   queue->hw_id, vm->ctx, fault.user_data);
	return vm;
}

/* Does the driver not know all jobs of the core? */
static bool loom_hang_has_user_queues(struct loom_device *ldev, u32 core)
{
	struct loom_queue *queue;

	list_for_each_entry(queue, &ldev->queues, node)
		if (queue->core == core && loom_queue_is_user(queue) && queue->known)
			return true;
	return false;
}

static void loom_hang_kill(struct loom_device *ldev, u32 core)
{
	struct loom_vm *vm = NULL;

	/* Whose job it is that does not go on could only be guessed. */
	if (!loom_hang_has_user_queues(ldev, core))
		vm = loom_hang_blame(ldev, core);
	if (!vm) {
		loom_reset_core(ldev, core, "nothing moves");
		return;
	}

	loom_report(ldev, LOOM_REPORT_CONTEXT, vm->ctx, "nothing moves");
	if (loom_vm_kill(vm))
		loom_reset_core(ldev, core, "the context cannot be killed");
	loom_vm_put(vm);
}

/* ---- the watch ---- */

/* So many at a time with interrupts off. */
#define LOOM_HANG_ASK_BATCH 64u

static void loom_hang_ask_pushed(struct loom_queue *queue, u32 tag)
{
	u32 end = min(tag + LOOM_HANG_ASK_BATCH, queue->entries);
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	for (; tag < end; tag++)
		if (queue->jobs[tag])
			loom_uring_ask(queue->jobs[tag]->sub);
	spin_unlock_irqrestore(&queue->lock, flags);
}

/* Return: whether there are more. */
static bool loom_hang_ask_pending(struct loom_queue *queue)
{
	unsigned long flags;
	unsigned int i;
	bool more;

	spin_lock_irqsave(&queue->lock, flags);
	for (i = 0; i < LOOM_HANG_ASK_BATCH && queue->asked->next != &queue->pending; i++) {
		queue->asked = queue->asked->next;
		loom_uring_ask(list_entry(queue->asked, struct loom_submission, node));
	}
	more = queue->asked->next != &queue->pending;
	spin_unlock_irqrestore(&queue->lock, flags);
	return more;
}

/*
 * What is under way may go on for long: let it be cancelled. How much waits in the driver is
 * limited by memory only, so the watch goes on there from where it was the last time.
 */
static void loom_hang_ask(struct loom_queue *queue)
{
	u32 tag;

	for (tag = 0; tag < queue->entries; tag += LOOM_HANG_ASK_BATCH)
		loom_hang_ask_pushed(queue, tag);
	while (loom_hang_ask_pending(queue))
		cond_resched();
}

static void loom_hang_ask_all(struct loom_device *ldev)
{
	struct loom_queue *queue;

	list_for_each_entry(queue, &ldev->queues, node)
		if (!loom_queue_is_user(queue))
			loom_hang_ask(queue);
}

static u64 loom_core_counter(struct loom_device *ldev, u32 core, size_t offset)
{
	return loom_read64(ldev, LOOM_REG_CORE(core) + offset);
}

/* Take off what came without an interrupt, for it was lost. */
static bool loom_hang_drain(struct loom_queue *queue)
{
	unsigned long flags;
	bool waits;

	spin_lock_irqsave(&queue->lock, flags);
	waits = queue->mem && !queue->error && queue->cq_head != READ_ONCE(queue->state->cq_tail);
	spin_unlock_irqrestore(&queue->lock, flags);
	if (waits)
		loom_queue_drain(queue);
	return READ_ONCE(queue->num_free_tags) != queue->entries;
}

/*
 * A number that changes as long as the core does anything for anybody, or has nothing to do.
 * Interface 1.0 has no count of progress, and reads as zero there.
 */
static u64 loom_hang_progress(struct loom_device *ldev, u32 core, bool *busy)
{
	struct loom_queue *queue;
	u64 progress = 0;

	*busy = false;
	list_for_each_entry(queue, &ldev->queues, node) {
		if (queue->core != core)
			continue;
		*busy |= loom_queue_is_user(queue) || loom_hang_drain(queue);
		progress += READ_ONCE(queue->cq_head);
	}
	progress += loom_core_counter(ldev, core, offsetof(struct loom_hw_counters, progress));
	progress += loom_core_counter(ldev, core, offsetof(struct loom_hw_counters, commands));
	progress += loom_core_counter(ldev, core, offsetof(struct loom_hw_counters, dram_bytes));
	progress += loom_core_counter(ldev, core, offsetof(struct loom_hw_counters, jobs));
	progress += loom_core_counter(ldev, core, offsetof(struct loom_hw_counters, dry));
	return progress;
}

static void loom_hang_strike(struct loom_device *ldev, u32 core)
{
	switch (++ldev->watched[core].strikes) {
	case LOOM_HANG_KILL:
		loom_hang_kill(ldev, core);
		break;
	case LOOM_HANG_CORE:
		loom_reset_core(ldev, core, "nothing moves");
		break;
	case LOOM_HANG_DEVICE:
		loom_reset_request(ldev, "nothing moves");
		ldev->watched[core].strikes = 0;
		break;
	}
}

/*
 * Timers may come late, and then two looks close together: the device has had its time only when
 * the clock says so.
 *
 * Return: whether to go on watching.
 */
static bool loom_hang_look(struct loom_device *ldev, u32 core)
{
	struct loom_watched *watched = &ldev->watched[core];
	u64 before = ktime_get_ns(), progress;
	bool busy;

	progress = loom_hang_progress(ldev, core, &busy);
	if (!busy || progress != watched->progress)
		watched->strikes = 0;
	else if (before - watched->since >= (u64)hang_ms * NSEC_PER_MSEC)
		loom_hang_strike(ldev, core);
	else
		return busy;
	watched->progress = progress;
	watched->since = ktime_get_ns();
	return busy;
}

static bool loom_hang_look_all(struct loom_device *ldev)
{
	bool busy = false;
	u32 core;

	lockdep_assert_held(&ldev->fw_lock);

	if (ldev->halted)
		return true; /* a reset is under way, and has jobs to give back */
	if (!loom_device_beats(ldev)) {
		loom_reset_request(ldev, "the firmware does not run");
		return true;
	}
	for (core = 0; core < ldev->caps.num_cores; core++)
		busy |= loom_hang_look(ldev, core);
	return busy;
}

void loom_hang_work(struct work_struct *work)
{
	struct loom_device *ldev = container_of(work, struct loom_device, hang_work.work);
	bool cookie, watch;
	int idx;

	if (!drm_dev_enter(&ldev->drm, &idx))
		return;

	mutex_lock(&ldev->fw_lock);
	cookie = dma_fence_begin_signalling();
	loom_hang_ask_all(ldev);
	watch = !ldev->wedged && !ldev->asleep && loom_hang_look_all(ldev);
	dma_fence_end_signalling(cookie);
	mutex_unlock(&ldev->fw_lock);

	if (watch)
		loom_hang_watch(ldev);
	drm_dev_exit(idx);
}
