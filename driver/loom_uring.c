// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: submission by io_uring
 *
 * The command is completed by whoever takes it out of the submission, with xchg(): the last job's
 * interrupt, or io_uring when it cancels. The command holds a reference on the submission until it
 * is done, so that either finds it.
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
#include "loom_queue.h"
#include "loom_uring.h"

/* What lasts of the SQE: its own memory is the user's again. */
struct loom_uring_pdu {
	struct loom_submission *sub;
};

static struct loom_uring_pdu *to_loom_uring_pdu(struct io_uring_cmd *cmd)
{
	return io_uring_cmd_to_pdu(cmd, struct loom_uring_pdu);
}

static void loom_uring_done(struct io_uring_cmd *cmd, int res, u64 end, unsigned int issue_flags)
{
	/* First: with the command goes its hold on the file, which must outlast the submission. */
	loom_submission_put(to_loom_uring_pdu(cmd)->sub);
	io_uring_cmd_done32(cmd, res, end, issue_flags);
}

/* In the submitter's task, or in a worker's when that is gone. */
static void loom_uring_finish(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct loom_submission *sub = to_loom_uring_pdu(cmd)->sub;

	loom_uring_done(cmd, sub->status, sub->end, issue_flags);
}

LOOM_URING_TASK_WORK(loom_uring_task_work, loom_uring_finish)

/* All jobs are done. In an interrupt, most often. */
void loom_uring_complete(struct loom_submission *sub)
{
	struct io_uring_cmd *cmd = xchg(&sub->cmd, NULL);

	if (cmd)
		io_uring_cmd_do_in_task_lazy(cmd, loom_uring_task_work);
}

/*
 * The ring ends, or somebody asked. Jobs of the submission go on by themselves: the device has them
 * or will have them, and the submission keeps what they need.
 */
static int loom_uring_cancel(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct loom_submission *sub = to_loom_uring_pdu(cmd)->sub;

	if (xchg(&sub->cmd, NULL))
		loom_uring_done(cmd, -ECANCELED, 0, issue_flags);
	return 0;
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
	int ret;

	to_loom_uring_pdu(cmd)->sub = sub;
	kref_get(&sub->ref);	/* the command's */
	sub->cmd = cmd;
	io_uring_cmd_mark_cancelable(cmd, issue_flags);

	/* It may be cancelled from here on, and over after the next line. */
	ret = loom_submission_queue(sub);
	if (!ret)
		return -EIOCBQUEUED;

	/* Not by the return value: a cancelable command must be taken off io_uring's list. */
	if (xchg(&sub->cmd, NULL))
		loom_uring_done(cmd, ret, 0, issue_flags);
	loom_deps_remove(sub);
	loom_submission_put(sub);
	return -EIOCBQUEUED;
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

static int loom_uring_submit(struct io_uring_cmd *cmd, struct drm_file *file,
			     unsigned int issue_flags)
{
	struct drm_device *drm = file->minor->dev;
	struct drm_loom_submit args;
	struct loom_submission *sub;
	struct loom_queue *queue;
	int ret;

	if (!(issue_flags & IO_URING_F_SQE128))
		return -EOPNOTSUPP;

	loom_uring_read(&args, cmd);
	if (args.num_out_syncs || args.out_syncs) {
		drm_dbg(drm, "num_out_syncs %u in an io_uring command\n", args.num_out_syncs);
		return -EINVAL;
	}

	queue = loom_queue_lookup(file->driver_priv, args.queue_id);
	if (!queue) {
		drm_dbg(drm, "queue_id %u: no such queue\n", args.queue_id);
		return -ENOENT;
	}

	sub = loom_submission_create(queue, file, &args);
	if (IS_ERR(sub))
		ret = PTR_ERR(sub);
	else
		ret = loom_uring_queue(sub, cmd, issue_flags);
	loom_queue_put(queue);
	return ret;
}

/**
 * loom_uring_cmd() - The accel node's ->uring_cmd
 * @cmd: the command
 * @issue_flags: io_uring's
 *
 * It may run in a worker of io_uring, so who asks is told by the file, not by current.
 *
 * Return: -EIOCBQUEUED, and the command is completed later; or an error.
 */
int loom_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct drm_file *file = cmd->file->private_data;
	int ret, idx;

	if (issue_flags & IO_URING_F_CANCEL)
		return loom_uring_cancel(cmd, issue_flags);

	if (!drm_dev_enter(file->minor->dev, &idx))
		return -ENODEV;

	switch (cmd->cmd_op) {
	case LOOM_URING_SUBMIT:
		ret = loom_uring_submit(cmd, file, issue_flags);
		break;
	default:
		drm_dbg(file->minor->dev, "cmd_op %u\n", cmd->cmd_op);
		ret = -EOPNOTSUPP;
	}
	drm_dev_exit(idx);
	return ret;
}
