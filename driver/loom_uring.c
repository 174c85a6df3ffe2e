// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: submission by io_uring
 *
 * Who takes the command out of the submission's word completes it: the last job's interrupt, or
 * io_uring when it cancels. With the interrupt the submission becomes the command's; after a cancel
 * it stays the queue's, and its jobs go on by themselves.
 *
 * A command that waits for a fence is put on io_uring's list of those that can be cancelled when it
 * comes. All others are done soon, most often, and being on that list is a good part of their
 * price; so they are put there when the watch (loom_hang.c) finds them still under way. That takes
 * io_uring's lock, so the watch asks the command's task to do it; LOOM_URING_ASKED in the word
 * means that a task work is on its way, and that nobody else may complete the command meanwhile.
 *
 * Task works and cancelling hold the lock of the command's ring, as does issuing inline. So a
 * command that was issued inline, and what its word names, is there until that returns.
 */

#include <linux/fs.h>
#include <linux/io_uring/cmd.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/loom_accel.h>

#include "compat/compat.h"
#include "loom_device.h"
#include "loom_fence.h"
#include "loom_job.h"
#include "loom_pm.h"
#include "loom_queue.h"
#include "loom_uring.h"

#define LOOM_URING_ASKED 1ul

/* What lasts of the SQE: its own memory is the user's again. */
struct loom_uring_pdu {
	struct loom_submission *sub;
};

static struct loom_uring_pdu *to_loom_uring_pdu(struct io_uring_cmd *cmd)
{
	return io_uring_cmd_to_pdu(cmd, struct loom_uring_pdu);
}

/* ---- completion ---- */

static void loom_uring_done(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct loom_submission *sub = to_loom_uring_pdu(cmd)->sub;
	int status = sub->status;
	u64 end = sub->end;

	/* First: with the command goes its hold on the file, which must outlast the submission. */
	loom_submission_free(sub);
	io_uring_cmd_done32(cmd, status, end, issue_flags);
}

/*
 * In the submitter's task, or in a worker's when that is gone. All of these are of one file, of one
 * ring, whose lock is held, and of one task. The last command holds the file until they are freed.
 */
static void loom_uring_done_all(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct loom_submission *first = to_loom_uring_pdu(cmd)->sub, *sub;
	int status;
	u64 end;

	for (sub = first; sub->next; sub = sub->next)
		io_uring_cmd_done32(sub->owner, sub->status, sub->end, issue_flags);

	cmd = sub->owner;
	status = sub->status;
	end = sub->end;
	loom_submission_free_list(first);
	io_uring_cmd_done32(cmd, status, end, issue_flags);
}

LOOM_URING_TASK_WORK(loom_uring_task_work, loom_uring_done_all)

/* One task work for all of them. If there are several it wakes who waits for any number. */
void loom_uring_flush(struct loom_uring_batch *batch)
{
	struct io_uring_cmd *cmd;

	if (!batch->first)
		return;
	batch->last->next = NULL;
	cmd = batch->first->owner;
	if (batch->first == batch->last)
		io_uring_cmd_do_in_task_lazy(cmd, loom_uring_task_work);
	else
		io_uring_cmd_complete_in_task(cmd, loom_uring_task_work);
	batch->first = NULL;
}

static bool loom_uring_is_kin(struct io_uring_cmd *a, struct io_uring_cmd *b)
{
	return io_uring_cmd_ctx_handle(a) == io_uring_cmd_ctx_handle(b) &&
	       io_uring_cmd_get_task(a) == io_uring_cmd_get_task(b);
}

/**
 * loom_uring_complete() - All jobs are done; in an interrupt, most often
 * @batch: what was completed before it
 * @sub: the submission, which is the caller's
 *
 * Return: whether there is a command, whose the submission is now.
 */
bool loom_uring_complete(struct loom_uring_batch *batch, struct loom_submission *sub)
{
	unsigned long word;

	if (!READ_ONCE(sub->cmd))
		return false;
	word = xchg(&sub->cmd, 0);
	if (unlikely(!word || word & LOOM_URING_ASKED))
		return word;

	sub->owner = (struct io_uring_cmd *)word;
	if (batch->first && batch->together && loom_uring_is_kin(batch->first->owner, sub->owner)) {
		batch->last->next = sub;
	} else {
		loom_uring_flush(batch);
		batch->first = sub;
	}
	batch->last = sub;
	return true;
}

/* ---- cancelling ---- */

/*
 * The ring ends, or somebody asked. Jobs of the submission go on by themselves: the device has them
 * or will have them, and the submission keeps what they need.
 */
static int loom_uring_cancel(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct loom_submission *sub = to_loom_uring_pdu(cmd)->sub;
	unsigned long word = (unsigned long)cmd;

	if (cmpxchg(&sub->cmd, word, 0) == word)
		io_uring_cmd_done32(cmd, -ECANCELED, 0, issue_flags);
	return 0;
}

/* The task work that was asked for. What was done meanwhile was left to it. */
static void loom_uring_mark(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct loom_submission *sub = to_loom_uring_pdu(cmd)->sub;
	unsigned long word = (unsigned long)cmd;

	WRITE_ONCE(sub->cancelable, true);
	if (cmpxchg(&sub->cmd, word | LOOM_URING_ASKED, word) == (word | LOOM_URING_ASKED)) {
		io_uring_cmd_mark_cancelable(cmd, issue_flags);
	} else {
		smp_acquire__after_ctrl_dep(); /* how it ended was written before the word */
		loom_uring_done(cmd, issue_flags);
	}
}

LOOM_URING_TASK_WORK(loom_uring_mark_work, loom_uring_mark)

/* It takes long: let it be cancelled. Called by the watch, under the queue's lock. */
void loom_uring_ask(struct loom_submission *sub)
{
	unsigned long word = READ_ONCE(sub->cmd);

	lockdep_assert_held(&sub->queue->lock);

	if (!word || word & LOOM_URING_ASKED || READ_ONCE(sub->cancelable))
		return;
	if (cmpxchg(&sub->cmd, word, word | LOOM_URING_ASKED) == word)
		io_uring_cmd_complete_in_task((struct io_uring_cmd *)word, loom_uring_mark_work);
}

/* ---- submission ---- */

/* It was not queued, but is on the list, so it cannot end by the return value. */
static int loom_uring_refuse(struct loom_submission *sub, struct io_uring_cmd *cmd, int error,
			     unsigned int issue_flags)
{
	if (xchg(&sub->cmd, 0))
		io_uring_cmd_done32(cmd, error, 0, issue_flags);
	loom_submission_abandon(sub);
	return -EIOCBQUEUED;
}

/*
 * Called under io_uring's lock (inline), or from its workers. Inline it must not wait for long, and
 * it does not: it copies, allocates, and takes locks that are held for short only. It is never
 * handed to a worker with -EAGAIN, as it would come back behind what was submitted after it, and a
 * queue is in order.
 */
static int loom_uring_queue(struct loom_submission *sub, struct io_uring_cmd *cmd,
			    unsigned int issue_flags)
{
	/* Before buffers are locked: io_uring's lock, which this may take, is outside of theirs. */
	bool waits = sub->num_deps || sub->shared;
	int ret;

	to_loom_uring_pdu(cmd)->sub = sub;
	sub->cmd = (unsigned long)cmd;
	if (waits) {
		sub->cancelable = true;
		io_uring_cmd_mark_cancelable(cmd, issue_flags);
	}

	/* It may be over after the next line. */
	ret = loom_submission_queue(sub);
	if (!ret)
		return -EIOCBQUEUED;
	if (waits)
		return loom_uring_refuse(sub, cmd, ret, issue_flags);
	loom_submission_abandon(sub);
	return ret;
}

/* The SQE is in memory that the user writes to: each word is read once. */
static void loom_uring_read(struct drm_loom_submit *args, struct io_uring_cmd *cmd)
{
	const u64 *from = io_uring_sqe128_cmd(cmd->sqe, u64);
	u64 *to = (u64 *)args;
	unsigned int i;

	/* What is left of a big SQE after its first 48 bytes. */
	static_assert(sizeof(*args) <= 80 && sizeof(*args) % sizeof(u64) == 0);

	for (i = 0; i < sizeof(*args) / sizeof(u64); i++)
		to[i] = READ_ONCE(from[i]);
}

static struct loom_queue *loom_uring_find_queue(struct drm_file *file, u32 id)
{
	struct loom_queue *queue = loom_queue_lookup(file->driver_priv, id);

	if (!queue)
		drm_dbg(file->minor->dev, "queue_id %u: no such queue\n", id);
	return queue;
}

/* Before there is a fence, as others may see it: waking up is no part of what fences wait for. */
static int loom_uring_wake(struct drm_device *drm)
{
	int idx;

	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	loom_pm_wake(to_loom_device(drm));
	drm_dev_exit(idx);
	return 0;
}

static noinline int loom_uring_submit(struct io_uring_cmd *cmd, struct drm_file *file,
				      unsigned int issue_flags)
{
	struct drm_device *drm = file->minor->dev;
	struct drm_loom_submit args;
	struct loom_submission *sub;
	struct loom_queue *queue;
	int ret;

	loom_uring_read(&args, cmd);
	if (args.num_out_syncs || args.out_syncs) {
		drm_dbg(drm, "num_out_syncs %u in an io_uring command\n", args.num_out_syncs);
		return -EINVAL;
	}

	if (args.num_shared) {
		ret = loom_uring_wake(drm);
		if (ret)
			return ret;
	}

	queue = loom_uring_find_queue(file, args.queue_id);
	if (!queue)
		return -ENOENT;
	sub = loom_submission_create(queue, file, &args);
	ret = IS_ERR(sub) ? PTR_ERR(sub) : loom_uring_queue(sub, cmd, issue_flags);
	loom_queue_put(queue);
	return ret;
}

static noinline int loom_uring_slow_job(struct io_uring_cmd *cmd, struct drm_file *file,
					unsigned int issue_flags)
{
	const struct drm_loom_uring_job *args =
		io_uring_sqe128_cmd(cmd->sqe, struct drm_loom_uring_job);
	struct loom_submission *sub;
	struct loom_queue *queue;
	int ret;

	queue = loom_uring_find_queue(file, READ_ONCE(args->queue_id));
	if (!queue)
		return -ENOENT;
	sub = loom_submission_create_job(queue, file, args);
	ret = IS_ERR(sub) ? PTR_ERR(sub) : loom_uring_queue(sub, cmd, issue_flags);
	loom_queue_put(queue);
	return ret;
}

static int loom_uring_job(struct io_uring_cmd *cmd, struct drm_file *file,
			  unsigned int issue_flags)
{
	const struct drm_loom_uring_job *args =
		io_uring_sqe128_cmd(cmd->sqe, struct drm_loom_uring_job);
	int ret;

	static_assert(sizeof(*args) <= 80);

	/* One test of all of them: each is zero, most often. */
	if (READ_ONCE(args->num_in_syncs) | READ_ONCE(args->results_handle) |
	    READ_ONCE(args->results_offset) | (READ_ONCE(args->flags) & ~DRM_LOOM_SUBMIT_IRQ))
		return loom_uring_slow_job(cmd, file, issue_flags);

	ret = loom_job_express(file->driver_priv, args, (unsigned long)cmd,
			       &to_loom_uring_pdu(cmd)->sub);
	if (unlikely(ret == -EAGAIN))
		return loom_uring_slow_job(cmd, file, issue_flags);
	return ret ?: -EIOCBQUEUED;
}

/**
 * loom_uring_cmd() - The accel node's ->uring_cmd
 * @cmd: the command
 * @issue_flags: io_uring's
 *
 * It may run in a worker of io_uring, so who asks is told by the file, not by current. It does not
 * ask whether the device is still there, because every queue knows.
 *
 * Return: -EIOCBQUEUED, and the command is completed later; or an error.
 */
int loom_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct drm_file *file = cmd->file->private_data;

	if (issue_flags & IO_URING_F_CANCEL)
		return loom_uring_cancel(cmd, issue_flags);

	if (!(issue_flags & IO_URING_F_SQE128))
		return -EOPNOTSUPP;

	switch (cmd->cmd_op) {
	case LOOM_URING_JOB:
		return loom_uring_job(cmd, file, issue_flags);
	case LOOM_URING_SUBMIT:
		return loom_uring_submit(cmd, file, issue_flags);
	default:
		drm_dbg(file->minor->dev, "cmd_op %u\n", cmd->cmd_op);
		return -EOPNOTSUPP;
	}
}
