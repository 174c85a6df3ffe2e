/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_URING_H__
#define __LOOM_URING_H__

#include <linux/types.h>

struct io_uring_cmd;
struct loom_submission;

/* Submissions of one ring and one task that are waiting to be completed together. */
struct loom_uring_batch {
	struct loom_submission *first, *last;
	bool together;
};

int loom_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags);
bool loom_uring_complete(struct loom_uring_batch *batch, struct loom_submission *sub);
void loom_uring_flush(struct loom_uring_batch *batch);
void loom_uring_ask(struct loom_submission *sub);

#endif
