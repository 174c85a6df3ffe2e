/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints along a job's life (queue, push, complete) and at what befalls the device.
 * Documentation/accel/loom/submission.rst and recovery.rst say when each is hit.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM loom

#if !defined(__LOOM_TRACE_H__) || defined(TRACE_HEADER_MULTI_READ)
#define __LOOM_TRACE_H__

#include <linux/tracepoint.h>

#include "loom_device.h"
#include "loom_job.h"
#include "loom_queue.h"
#include "loom_vm.h"

TRACE_EVENT(loom_submission_queue,
	TP_PROTO(struct loom_submission *sub),
	TP_ARGS(sub),
	TP_STRUCT__entry(
		__string(dev, dev_name(sub->queue->ldev->drm.dev))
		__field(u32, queue)
		__field(u32, jobs)
		__field(int, waits)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->queue = sub->queue->hw_id;
		__entry->jobs = sub->num_jobs;
		__entry->waits = atomic_read(&sub->num_waits);
	),
	TP_printk("dev=%s queue=%u jobs=%u waits=%d", __get_str(dev), __entry->queue,
		  __entry->jobs, __entry->waits)
);

TRACE_EVENT(loom_job_push,
	TP_PROTO(struct loom_queue *queue, struct loom_job *job),
	TP_ARGS(queue, job),
	TP_STRUCT__entry(
		__string(dev, dev_name(queue->ldev->drm.dev))
		__field(u32, queue)
		__field(u32, seq)
		__field(u32, ctx)
		__field(u64, user_data)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->queue = queue->hw_id;
		__entry->seq = job->seq;
		__entry->ctx = job->vm->ctx;
		__entry->user_data = job->user_data;
	),
	TP_printk("dev=%s queue=%u seq=%u ctx=%u job=%#llx", __get_str(dev), __entry->queue,
		  __entry->seq, __entry->ctx, __entry->user_data)
);

/* end: device time in ns, 0 when the device did not complete it. */
TRACE_EVENT(loom_job_complete,
	TP_PROTO(struct loom_queue *queue, struct loom_job *job, int status, u32 fault, u64 end),
	TP_ARGS(queue, job, status, fault, end),
	TP_STRUCT__entry(
		__string(dev, dev_name(queue->ldev->drm.dev))
		__field(u32, queue)
		__field(u32, seq)
		__field(u32, ctx)
		__field(u32, fault)
		__field(int, status)
		__field(u64, user_data)
		__field(u64, end)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->queue = queue->hw_id;
		__entry->seq = job->seq;
		__entry->ctx = job->vm->ctx;
		__entry->fault = fault;
		__entry->status = status;
		__entry->user_data = job->user_data;
		__entry->end = end;
	),
	TP_printk("dev=%s queue=%u seq=%u ctx=%u job=%#llx status=%d fault=%u end=%llu",
		  __get_str(dev), __entry->queue, __entry->seq, __entry->ctx, __entry->user_data,
		  __entry->status, __entry->fault, __entry->end)
);

/* The first fault of a VM, which it dies of. */
TRACE_EVENT(loom_vm_fault,
	TP_PROTO(struct loom_vm *vm, const struct loom_vm_fault *fault),
	TP_ARGS(vm, fault),
	TP_STRUCT__entry(
		__string(dev, dev_name(vm->ldev->drm.dev))
		__field(u32, ctx)
		__field(u32, fault)
		__field(u32, cmd)
		__field(u64, addr)
		__field(u64, user_data)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->ctx = vm->ctx;
		__entry->fault = fault->fault;
		__entry->cmd = fault->cmd;
		__entry->addr = fault->addr;
		__entry->user_data = fault->user_data;
	),
	TP_printk("dev=%s ctx=%u fault=%u cmd=%d addr=%#llx job=%#llx", __get_str(dev),
		  __entry->ctx, __entry->fault, (int)__entry->cmd, __entry->addr,
		  __entry->user_data)
);

/* A step of recovery; id is the context's, queue's or core's number. */
TRACE_EVENT(loom_reset,
	TP_PROTO(struct loom_device *ldev, const char *step, u32 id, const char *why),
	TP_ARGS(ldev, step, id, why),
	TP_STRUCT__entry(
		__string(dev, dev_name(ldev->drm.dev))
		__string(step, step)
		__field(u32, id)
		__string(why, why)
	),
	TP_fast_assign(
		__assign_str(dev);
		__assign_str(step);
		__entry->id = id;
		__assign_str(why);
	),
	TP_printk("dev=%s step=%s id=%u why=%s", __get_str(dev), __get_str(step), __entry->id,
		  __get_str(why))
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE loom_trace
#include <trace/define_trace.h>
