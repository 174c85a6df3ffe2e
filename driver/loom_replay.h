/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_REPLAY_H__
#define __LOOM_REPLAY_H__

#include <linux/types.h>

struct loom_device;
struct loom_hw_cqe;
struct loom_job;
struct loom_queue;

void loom_queue_park(struct loom_queue *queue);
bool loom_job_park(struct loom_queue *queue, struct loom_job *job, const struct loom_hw_cqe *cqe);
bool loom_queue_wait_empty(struct loom_queue *queue, unsigned int ms);
void loom_queue_reclaim(struct loom_queue *queue);
void loom_queue_judge_parked(struct loom_queue *queue);
void loom_queue_end_parked(struct loom_queue *queue);
void loom_queue_unpark(struct loom_queue *queue);

#endif
