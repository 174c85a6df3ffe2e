// SPDX-License-Identifier: GPL-2.0-only

#include <linux/ktime.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/loom_accel.h>

#include "loom_counters.h"
#include "loom_device.h"
#include "loom_pm.h"
#include "loom_query.h"
#include "loom_vm.h"

/* What a query answers; the largest is on the stack of one ioctl. */
union loom_answer {
	struct loom_hw_caps caps;
	struct loom_hw_counters counters;
	struct drm_loom_time time;
	struct drm_loom_vm_info vm;
	struct drm_loom_recoveries recoveries;
};

/* The three clocks are read with nothing between them. */
static void loom_query_time(struct loom_device *ldev, struct drm_loom_time *time)
{
	unsigned long flags;

	local_irq_save(flags);
	time->monotonic_ns = ktime_get_ns();
	time->device_ns = loom_read64(ldev, LOOM_REG_TIME);
	time->instructions = loom_read64(ldev, LOOM_REG_INSTRUCTIONS);
	local_irq_restore(flags);
	time->interrupts = loom_read64(ldev, LOOM_REG_INTERRUPTS);
}

static void loom_query_recoveries(struct loom_device *ldev, struct drm_loom_recoveries *recoveries)
{
	atomic64_t *count = ldev->recoveries;

	recoveries->context = atomic64_read(&count[LOOM_REPORT_CONTEXT]);
	recoveries->queue = atomic64_read(&count[LOOM_REPORT_QUEUE]);
	recoveries->core = atomic64_read(&count[LOOM_REPORT_CORE]);
	recoveries->device = atomic64_read(&count[LOOM_REPORT_DEVICE]);
	recoveries->function = atomic64_read(&count[LOOM_REPORT_FUNCTION]);
	recoveries->wedged = atomic64_read(&count[LOOM_REPORT_WEDGED]);
}

static void loom_query_vm_info(struct loom_vm *vm, struct drm_loom_vm_info *info)
{
	unsigned long flags;

	spin_lock_irqsave(&vm->fault_lock, flags);
	info->dead = vm->dead;
	info->fault = vm->fault.fault;
	info->fault_cmd = vm->fault.cmd;
	info->fault_addr = vm->fault.addr;
	info->user_data = vm->fault.user_data;
	spin_unlock_irqrestore(&vm->fault_lock, flags);
	info->lease_bytes = vm->lease.size;
}

static int loom_query_vm(struct loom_file *lfile, u32 id, struct drm_loom_vm_info *info)
{
	struct loom_vm *vm = loom_vm_lookup(lfile, id);

	if (!vm) {
		drm_dbg(&lfile->ldev->drm, "index %u: no such VM\n", id);
		return -ENOENT;
	}
	loom_query_vm_info(vm, info);
	loom_vm_put(vm);
	return 0;
}

/* Return: the size of the answer. */
static int loom_query_answer(struct loom_file *lfile, const struct drm_loom_query *args,
			     union loom_answer *answer)
{
	struct loom_device *ldev = lfile->ldev;
	int ret;

	switch (args->type) {
	case DRM_LOOM_QUERY_DEVICE:
		answer->caps = ldev->caps;
		return sizeof(answer->caps);
	case DRM_LOOM_QUERY_COUNTERS:
		loom_counters_read(ldev, array_index_nospec(args->index, ldev->caps.num_cores),
				   &answer->counters);
		return sizeof(answer->counters);
	case DRM_LOOM_QUERY_TIME:
		loom_query_time(ldev, &answer->time);
		return sizeof(answer->time);
	case DRM_LOOM_QUERY_RECOVERIES:
		loom_query_recoveries(ldev, &answer->recoveries);
		return sizeof(answer->recoveries);
	default:
		ret = loom_query_vm(lfile, args->index, &answer->vm);
		return ret ?: (int)sizeof(answer->vm);
	}
}

static int loom_query_check(struct loom_device *ldev, const struct drm_loom_query *args)
{
	u32 indices = 1;

	switch (args->type) {
	case DRM_LOOM_QUERY_DEVICE:
	case DRM_LOOM_QUERY_TIME:
	case DRM_LOOM_QUERY_RECOVERIES:
		break;
	case DRM_LOOM_QUERY_COUNTERS:
		indices = ldev->caps.num_cores;
		break;
	case DRM_LOOM_QUERY_VM:
		indices = U32_MAX;
		break;
	default:
		drm_dbg(&ldev->drm, "type %u\n", args->type);
		return -EINVAL;
	}
	if (args->index >= indices || args->pad) {
		drm_dbg(&ldev->drm, "index %u, pad %#x\n", args->index, args->pad);
		return -EINVAL;
	}
	return 0;
}

int loom_ioctl_query(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct loom_file *lfile = file->driver_priv;
	struct drm_loom_query *args = data;
	union loom_answer answer = {};
	int ret, idx;

	ret = loom_query_check(lfile->ldev, args);
	if (ret)
		return ret;

	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	ret = loom_pm_get(lfile->ldev);
	if (!ret) {
		ret = loom_query_answer(lfile, args, &answer);
		loom_pm_put(lfile->ldev);
	}
	drm_dev_exit(idx);
	if (ret < 0)
		return ret;

	args->size = args->data ? min_t(u32, args->size, ret) : ret;
	if (args->data && copy_to_user(u64_to_user_ptr(args->data), &answer, args->size))
		return -EFAULT;
	return 0;
}

/* Documentation/gpu/drm-usage-stats.rst */
void loom_query_show_fdinfo(struct drm_printer *p, struct drm_file *file)
{
	static const char *const names[LOOM_NUM_ENGINES] = {
		[LOOM_ENGINE_FETCH] = "fetch",
		[LOOM_ENGINE_DMA] = "dma",
		[LOOM_ENGINE_COMPUTE] = "compute",
	};
	struct loom_file *lfile = file->driver_priv;
	u32 cores = lfile->ldev->caps.num_cores;
	unsigned int i;

	for (i = 0; i < LOOM_NUM_ENGINES; i++) {
		drm_printf(p, "drm-engine-%s:\t%llu ns\n", names[i],
			   (u64)atomic64_read(&lfile->busy_ns[i]));
		if (cores > 1)
			drm_printf(p, "drm-engine-capacity-%s:\t%u\n", names[i], cores);
	}
	drm_show_memory_stats(p, file);
}
