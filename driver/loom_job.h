/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_JOB_H__
#define __LOOM_JOB_H__

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/types.h>

struct dma_fence;
struct drm_device;
struct drm_file;
struct drm_loom_result;
struct drm_loom_submit;
struct io_uring_cmd;
struct loom_bo;
struct loom_dep;
struct loom_device;
struct loom_file;
struct loom_hw_cqe;
struct loom_queue;
struct loom_submission;
struct loom_vm;

struct loom_job {
	struct loom_submission *sub;
	struct loom_vm *vm;	/* a reference, from when it is queued until it completes */
	u64 cmd_va;
	u64 user_data;
	u32 cmd_size;
	u16 slot;
	u16 flags;
	u32 seq;		/* on the ring */
	unsigned long pushed;	/* jiffies */
	struct list_head node;	/* in loom_queue.parked */
	bool idempotent;	/* may be run again */
	bool begun;		/* parked: it may have left traces */
	bool hung;		/* the driver gave up on it and killed its VM */
};

/* What one ioctl or one io_uring command brought: jobs with one completion. */
struct loom_submission {
	struct kref ref;	/* the queue until all jobs are done, and the io_uring command */
	struct loom_queue *queue;
	struct loom_file *lfile;	/* outlives it: an io_uring command holds the file */
	union {
		struct list_head node;	/* in loom_queue.pending, then in a list of finished ones */
		struct llist_node spare;	/* in loom_file.spares */
	};

	/* Unsignalled in-fences, and one while it is being put together. At zero jobs may run. */
	atomic_t num_waits;
	unsigned int num_deps;
	struct loom_dep *deps;

	/* How it ends: one of these. */
	struct dma_fence *fence;
	struct io_uring_cmd *cmd;	/* taken with xchg(): who has it completes it */

	struct loom_bo *results_bo;
	struct drm_loom_result *results;	/* in user space's sight: written, never read */

	/* Protected by the queue's lock. */
	unsigned int num_pushed;
	unsigned int num_done;
	unsigned int first_failed;	/* index of the first job that failed, if status */
	int status;
	u64 end;			/* device time of the last completion */

	unsigned int num_jobs;
	struct loom_job jobs[] __counted_by(num_jobs);
};

/* loom_job.c */
struct loom_submission *loom_submission_create(struct loom_queue *queue, struct drm_file *file,
					       const struct drm_loom_submit *args);

/* loom_push.c */
int loom_submission_queue(struct loom_submission *sub);
void loom_queue_push(struct loom_queue *queue);

/* loom_complete.c */
struct loom_job *loom_queue_take_job(struct loom_queue *queue, u32 tag);
bool loom_job_complete(struct loom_queue *queue, struct loom_hw_cqe *cqe,
		       struct list_head *finished);
void loom_job_cancel(struct loom_queue *queue, struct loom_job *job, int status,
		     struct list_head *finished);
void loom_job_cancel_tag(struct loom_queue *queue, u32 tag, int status, struct list_head *finished);

/* loom_fault.c */
int loom_job_status_of_dead(struct loom_job *job);
int loom_job_judge(struct loom_queue *queue, struct loom_job *job, struct loom_hw_cqe *cqe);

/* loom_submission.c */
struct loom_submission *loom_submission_alloc(struct loom_queue *queue, u32 num_jobs);
void loom_submission_put(struct loom_submission *sub);
void loom_submission_finish_all(struct list_head *finished);
void loom_submission_free_spares(struct loom_file *lfile);

/* loom_submit.c */
int loom_ioctl_submit(struct drm_device *drm, void *data, struct drm_file *file);

#endif
