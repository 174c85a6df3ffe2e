// SPDX-License-Identifier: GPL-2.0-only
/*
 * For who debugs the driver, the firmware or a program: /sys/kernel/debug/accel/<device>/. What is
 * shown may change at any time.
 */

#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string_choices.h>
#include <linux/uaccess.h>

#include <drm/drm_debugfs.h>
#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "loom_counters.h"
#include "loom_debugfs.h"
#include "loom_device.h"
#include "loom_gem.h"
#include "loom_log.h"
#include "loom_pm.h"
#include "loom_queue.h"
#include "loom_vm.h"

static struct loom_device *seq_to_loom(struct seq_file *m)
{
	struct drm_debugfs_entry *entry = m->private;

	return to_loom_device(entry->dev);
}

static int loom_debugfs_queues(struct seq_file *m, void *unused)
{
	struct loom_device *ldev = seq_to_loom(m);
	struct loom_queue *queue;

	seq_puts(m, "queue core entries in_flight sq_tail cq_head waiting state\n");
	mutex_lock(&ldev->fw_lock);
	list_for_each_entry(queue, &ldev->queues, node) {
		spin_lock_irq(&queue->lock);
		seq_printf(m, "%5u %4u %7u %9u %7u %7u %7zu %s\n", queue->hw_id, queue->core,
			   queue->entries, queue->entries - queue->num_free_tags, queue->sq_tail,
			   queue->cq_head, list_count_nodes(&queue->pending),
			   queue->error ? "closed" : queue->stopped ? "stopped" : "running");
		spin_unlock_irq(&queue->lock);
	}
	mutex_unlock(&ldev->fw_lock);
	return 0;
}

static int loom_debugfs_vms(struct seq_file *m, void *unused)
{
	struct loom_device *ldev = seq_to_loom(m);
	struct loom_vm *vm;

	seq_puts(m, "  ctx      lease lease_bytes fault state\n");
	mutex_lock(&ldev->fw_lock);
	list_for_each_entry(vm, &ldev->vms, node)
		seq_printf(m, "%5u %#10llx %11llu %5u %s\n", vm->ctx, vm->lease.start,
			   vm->lease.size, READ_ONCE(vm->fault.fault),
			   READ_ONCE(vm->dead) ? "dead" : "alive");
	mutex_unlock(&ldev->fw_lock);
	return 0;
}

static int loom_debugfs_bos(struct seq_file *m, void *unused)
{
	struct loom_device *ldev = seq_to_loom(m);
	struct loom_bo *bo;

	seq_printf(m, "all: %lld bytes\n", atomic64_read(&ldev->bo_bytes));
	seq_puts(m, "mapped for the device:\n        size refs kernel imported\n");
	mutex_lock(&ldev->bos_lock);
	list_for_each_entry(bo, &ldev->mapped_bos, node)
		seq_printf(m, "%12zu %4u %6s %8s\n", loom_bo_size(bo),
			   kref_read(&bo->base.base.refcount), str_yes_no(bo->vaddr),
			   str_yes_no(bo->base.base.import_attach));
	mutex_unlock(&ldev->bos_lock);
	return 0;
}

#define LOOM_COUNTER(name) { #name, offsetof(struct loom_hw_counters, name) }

struct loom_counter_name {
	const char *name;
	size_t offset;
};

static const struct loom_counter_name loom_counter_names[] = {
	LOOM_COUNTER(fetch_busy), LOOM_COUNTER(fetch_blocked), LOOM_COUNTER(dma_busy),
	LOOM_COUNTER(compute_busy), LOOM_COUNTER(mac_busy), LOOM_COUNTER(vector_busy),
	LOOM_COUNTER(compute_wait_weights), LOOM_COUNTER(compute_wait_dma), LOOM_COUNTER(dry),
	LOOM_COUNTER(dram_busy), LOOM_COUNTER(dram_bytes), LOOM_COUNTER(weight_bytes),
	LOOM_COUNTER(macs), LOOM_COUNTER(jobs), LOOM_COUNTER(commands), LOOM_COUNTER(faults),
	LOOM_COUNTER(progress), LOOM_COUNTER(fetch_idle), LOOM_COUNTER(fetch_wait_dram),
	LOOM_COUNTER(dma_idle), LOOM_COUNTER(dma_wait_dram), LOOM_COUNTER(dma_wait_compute),
	LOOM_COUNTER(compute_idle), LOOM_COUNTER(ecc_corrected), LOOM_COUNTER(ecc_uncorrected),
	LOOM_COUNTER(energy_mac), LOOM_COUNTER(energy_sram), LOOM_COUNTER(energy_dram),
	LOOM_COUNTER(energy_static),
};

static_assert(ARRAY_SIZE(loom_counter_names) == sizeof(struct loom_hw_counters) / sizeof(u64));

static int loom_debugfs_counters(struct seq_file *m, void *unused)
{
	struct loom_device *ldev = seq_to_loom(m);
	struct loom_hw_counters counters;
	u32 core, i;
	int idx;

	if (!drm_dev_enter(&ldev->drm, &idx))
		return -ENODEV;
	for (core = 0; core < ldev->caps.num_cores; core++) {
		loom_counters_read(ldev, core, &counters);
		for (i = 0; i < ARRAY_SIZE(loom_counter_names); i++)
			seq_printf(m, "core%u %s %llu\n", core, loom_counter_names[i].name,
				   *(u64 *)((void *)&counters + loom_counter_names[i].offset));
	}
	drm_dev_exit(idx);
	return 0;
}

static int loom_debugfs_log(struct seq_file *m, void *unused)
{
	struct loom_device *ldev = seq_to_loom(m);
	char *text;
	int idx;

	text = kvmalloc(LOOM_LOG_BYTES, GFP_KERNEL);
	if (!text)
		return -ENOMEM;

	if (drm_dev_enter(&ldev->drm, &idx)) {
		if (!loom_pm_get(ldev)) {
			seq_write(m, text, loom_log_read(ldev, text, LOOM_LOG_BYTES));
			loom_pm_put(ldev);
		}
		drm_dev_exit(idx);
	}
	kvfree(text);
	return 0;
}

static const struct drm_debugfs_info loom_debugfs_files[] = {
	{ "queues", loom_debugfs_queues },
	{ "vms", loom_debugfs_vms },
	{ "bos", loom_debugfs_bos },
	{ "counters", loom_debugfs_counters },
	{ "firmware_log", loom_debugfs_log },
};

/* "FAULT [ARG]", both numbers: enum loom_inject of loom_hw.h, and what it says of its argument. */
static ssize_t loom_debugfs_inject(struct file *file, const char __user *user, size_t size,
				   loff_t *pos)
{
	struct loom_device *ldev = file->private_data;
	u32 fault, arg = 0;
	char text[32];
	ssize_t len;
	int ret, idx;

	len = simple_write_to_buffer(text, sizeof(text) - 1, pos, user, size);
	if (len < 0)
		return len;
	text[len] = '\0';
	if (sscanf(text, "%u %u", &fault, &arg) < 1 || fault >= LOOM_INJECT_COUNT)
		return -EINVAL;

	if (!drm_dev_enter(&ldev->drm, &idx))
		return -ENODEV;
	ret = loom_pm_get(ldev);
	if (!ret) {
		loom_write(ldev, LOOM_REG_INJECT_ARG, arg);
		loom_write(ldev, LOOM_REG_INJECT, fault);
		loom_pm_put(ldev);
	}
	drm_dev_exit(idx);
	return ret ?: len;
}

static const struct file_operations loom_debugfs_inject_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = loom_debugfs_inject,
};

/* Before the device is registered, which is what makes the files. */
void loom_debugfs_init(struct loom_device *ldev)
{
	drm_debugfs_add_files(&ldev->drm, loom_debugfs_files, ARRAY_SIZE(loom_debugfs_files));
	if (ldev->caps.flags & LOOM_CAP_INJECT)
		debugfs_create_file("inject", 0200, ldev->drm.debugfs_root, ldev,
				    &loom_debugfs_inject_fops);
}
