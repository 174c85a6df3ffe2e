/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_JOB_H__
#define __LOOM_JOB_H__

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/types.h>

struct dma_fence;
struct drm_device;
struct drm_file;
struct drm_loom_result;
struct drm_loom_submit;
struct drm_loom_uring_job;
struct io_uring_cmd;
struct loom_bo;
struct loom_dep;
struct loom_device;
struct loom_file;
struct loom_hw_cqe;
struct loom_queue;
struct loom_shared;
struct loom_submission;
struct loom_vm;

struct loom_job {
	struct loom_submission *sub;
	struct loom_vm *vm;	/* from when it is queued; held by the slot until it completes */
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

/*
 * What one ioctl or one io_uring command brought: jobs with one completion. It has one owner: who
 * makes it, then the queue until all jobs are done, then the io_uring command if it still has one.
 */
struct loom_submission {
	struct loom_queue *queue;
	struct loom_file *lfile;	/* outlives it: an io_uring command holds the file */
	union {
		struct list_head node;		/* in loom_queue.pending */
		struct loom_submission *next;	/* in a struct loom_finished */
		struct llist_node spare;	/* in loom_file.spares, or loom_queue.spares */
	};

	/* Unsignalled in-fences, and one while it is being put together. At zero jobs may run. */
	atomic_t num_waits;
	unsigned int num_deps;
	struct loom_dep *deps;
	struct loom_shared *shared;	/* until it is queued */

	/* What it ends. */
	struct dma_fence *fence;
	unsigned long cmd;	/* struct io_uring_cmd: loom_uring.c */
	bool cancelable;	/* it is on io_uring's list */
	struct io_uring_cmd *owner;	/* the command, when it has all of this */

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
/* Submissions whose jobs are all done, in the order in which they were. */
struct loom_finished {
	struct loom_submission *first;
	struct loom_submission **last;
	unsigned int num;
	bool together;	/* commands of one ring may be completed by one task work */
};

#define LOOM_FINISHED(name) { .last = &(name).first }

struct loom_submission *loom_submission_create(struct loom_queue *queue, struct drm_file *file,
					       const struct drm_loom_submit *args);
struct loom_submission *loom_submission_create_job(struct loom_queue *queue, struct drm_file *file,
						   const struct drm_loom_uring_job *args);

/* loom_push.c */
int loom_submission_queue(struct loom_submission *sub);
int loom_submission_enqueue(struct loom_submission *sub);
int loom_job_express(struct loom_file *lfile, const struct drm_loom_uring_job *args,
		     unsigned long cmd, struct loom_submission **pdu_sub);
void loom_queue_push(struct loom_queue *queue);

/* loom_complete.c */
struct loom_job *loom_queue_take_job(struct loom_queue *queue, u32 tag);
bool loom_job_complete(struct loom_queue *queue, const struct loom_hw_cqe *cqe,
		       struct loom_finished *finished);
void loom_job_cancel(struct loom_queue *queue, struct loom_job *job, int status,
		     struct loom_finished *finished);
void loom_job_cancel_tag(struct loom_queue *queue, u32 tag, int status,
			 struct loom_finished *finished);

/* loom_fault.c */
int loom_job_status_of_dead(struct loom_job *job);
u32 loom_job_mend_fault(struct loom_job *job, u32 fault);
int loom_job_judge(struct loom_queue *queue, struct loom_job *job, const struct loom_hw_cqe *cqe,
		   u32 fault);

/* loom_submission.c */
struct loom_submission *loom_submission_alloc(struct loom_queue *queue, u32 num_jobs);
void loom_submission_free(struct loom_submission *sub);
void loom_submission_abandon(struct loom_submission *sub);
void loom_submission_free_list(struct loom_submission *sub);
void loom_submission_finish_all(struct loom_finished *finished);
void loom_submission_free_spares(struct llist_node *spares);

/* loom_submit.c */
int loom_ioctl_submit(struct drm_device *drm, void *data, struct drm_file *file);

#endif
