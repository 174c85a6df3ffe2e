/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_URING_H__
#define __LOOM_URING_H__

struct io_uring_cmd;
struct loom_submission;

int loom_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags);
void loom_uring_complete(struct loom_submission *sub);

#endif
