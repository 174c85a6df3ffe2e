// SPDX-License-Identifier: GPL-2.0-only

#include <linux/dmapool.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>
#include <linux/ktime.h>
#include <linux/lockdep.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "loom_admin.h"
#include "loom_band.h"
#include "loom_coredump.h"
#include "loom_device.h"
#include "loom_gem.h"
#include "loom_hang.h"
#include "loom_irq.h"
#include "loom_isa.h"
#include "loom_mmu.h"
#include "loom_pm.h"
#include "loom_reset.h"

#define LOOM_BOOT_TIMEOUT_US	(2 * USEC_PER_SEC)
#define LOOM_BOOT_POLL_US	100
#define LOOM_HEARTBEAT_NS	(10LL * NSEC_PER_MSEC) /* ten times the longest pause */

u64 loom_read64(struct loom_device *ldev, u32 reg)
{
	return readq(ldev->regs + reg);
}

/* A device that was pulled out reads as all ones. */
bool loom_device_is_gone(struct loom_device *ldev)
{
	return loom_read(ldev, LOOM_REG_ID) != LOOM_ID;
}

/*
 * Is the firmware running? Interface 1.0 has no heartbeat. Times are taken so that a processor that
 * stands still for a while, here or there, makes the time without a beat shorter.
 */
bool loom_device_beats(struct loom_device *ldev)
{
	u64 before = ktime_get_ns();
	u32 beat;

	lockdep_assert_held(&ldev->fw_lock);

	if (loom_read(ldev, LOOM_REG_STATE) != LOOM_STATE_READY)
		return false;
	if (!loom_device_speaks(ldev, 1))
		return true;

	beat = loom_read(ldev, LOOM_REG_HEARTBEAT);
	if (beat != ldev->heartbeat) {
		ldev->heartbeat = beat;
		ldev->heartbeat_seen = ktime_get_ns();
	}
	return (s64)(before - ldev->heartbeat_seen) < LOOM_HEARTBEAT_NS;
}

static int loom_device_map(struct loom_device *ldev)
{
	struct pci_dev *pdev = to_pci_dev(ldev->drm.dev);
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;

	ret = pcim_iomap_regions(pdev, BIT(LOOM_BAR_REGS) | BIT(LOOM_BAR_DOORBELLS), "loom");
	if (ret)
		return ret;

	ldev->regs = pcim_iomap_table(pdev)[LOOM_BAR_REGS];
	ldev->doorbells = pcim_iomap_table(pdev)[LOOM_BAR_DOORBELLS];

	/* Page table entries carry 48 bits. */
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(LOOM_VA_BITS));
	if (ret)
		return ret;

	dma_set_max_seg_size(&pdev->dev, UINT_MAX);
	return 0;
}

static int loom_device_check_version(struct loom_device *ldev, const char *what, u32 theirs,
				     u32 ours)
{
	if (theirs >> 16 == ours >> 16)
		return 0;

	drm_err(&ldev->drm, "the device speaks %s version %u.%u, this driver %u.%u\n", what,
		theirs >> 16, theirs & 0xffff, ours >> 16, ours & 0xffff);
	return -EOPNOTSUPP;
}

static int loom_device_identify(struct loom_device *ldev)
{
	u32 id = loom_read(ldev, LOOM_REG_ID);
	int ret;

	if (id != LOOM_ID) {
		drm_err(&ldev->drm, "the device says it is %#x, not %#x\n", id, LOOM_ID);
		return -ENODEV;
	}

	ret = loom_device_check_version(ldev, "register interface",
					loom_read(ldev, LOOM_REG_HW_VERSION), LOOM_HW_VERSION);
	if (ret)
		return ret;

	/* Command buffers pass through the driver unread, but it had better say so now. */
	return loom_device_check_version(ldev, "command stream",
					 loom_read(ldev, LOOM_REG_ISA_VERSION), LOOM_ISA_VERSION);
}

static void loom_device_read_caps(struct loom_device *ldev)
{
	u32 size = min_t(u32, loom_read(ldev, LOOM_REG_CAPS), sizeof(ldev->caps));
	u32 *word = (u32 *)&ldev->caps;
	u32 i;

	for (i = 0; i < size / sizeof(*word); i++)
		word[i] = loom_read(ldev, LOOM_REG_CAPS + i * sizeof(*word));

	ldev->caps.size = size;
}

/* What the driver divides by, allocates by, or finds registers by. */
static int loom_device_check_caps(struct loom_device *ldev)
{
	struct pci_dev *pdev = to_pci_dev(ldev->drm.dev);
	u64 doorbells = pci_resource_len(pdev, LOOM_BAR_DOORBELLS);
	u64 regs = pci_resource_len(pdev, LOOM_BAR_REGS);
	const struct loom_hw_caps *caps = &ldev->caps;

	if (caps->num_cores && LOOM_REG_CORE((u64)caps->num_cores) <= regs &&
	    caps->max_queues && caps->max_queues <= doorbells / LOOM_DOORBELL_STRIDE &&
	    caps->max_contexts && caps->max_contexts <= INT_MAX && caps->num_vectors &&
	    caps->max_ring_entries >= 8 && caps->max_ring_entries <= SZ_32K)
		return 0;

	drm_err(&ldev->drm, "bad capabilities: %u cores, %u queues of %u, %u contexts, %u vectors\n",
		caps->num_cores, caps->max_queues, caps->max_ring_entries, caps->max_contexts,
		caps->num_vectors);
	return -EINVAL;
}

/**
 * loom_device_boot() - Give the device its admin rings and wait until its firmware is ready
 * @ldev: the device, in reset
 *
 * Return: 0; -ETIMEDOUT or -EIO if it is not, and the log has why.
 */
int loom_device_boot(struct loom_device *ldev)
{
	u32 state;
	int ret;

	lockdep_assert_held(&ldev->fw_lock);

	pci_set_master(to_pci_dev(ldev->drm.dev)); /* also when that is what was lost */
	ldev->heartbeat = 0;
	ldev->heartbeat_seen = ktime_get_ns();
	loom_admin_program(ldev);
	loom_write(ldev, LOOM_REG_CTRL, LOOM_CTRL_BOOT);

	ret = read_poll_timeout(loom_read, state,
				state == LOOM_STATE_READY || state == LOOM_STATE_CRASHED,
				LOOM_BOOT_POLL_US, LOOM_BOOT_TIMEOUT_US, false, ldev,
				LOOM_REG_STATE);
	if (state == LOOM_STATE_READY) {
		ldev->halted = false;
		loom_counters_start(ldev);
		return loom_bands_set(ldev);
	}

	drm_err(&ldev->drm, "firmware did not boot: state %u, error %u\n", state,
		loom_read(ldev, LOOM_REG_ERROR));
	loom_device_halt(ldev);
	return ret ?: -EIO;
}

/* After this the device does no DMA, and has forgotten every queue and context. */
void loom_device_halt(struct loom_device *ldev)
{
	lockdep_assert_held(&ldev->fw_lock);

	loom_counters_stop(ldev);
	loom_write(ldev, LOOM_REG_CTRL, LOOM_CTRL_RESET);
	/* The write must have arrived before anybody frees what the device could reach. */
	if (loom_read(ldev, LOOM_REG_STATE) != LOOM_STATE_RESET)
		pci_clear_master(to_pci_dev(ldev->drm.dev)); /* it has lost its registers */
	ldev->halted = true;
}

/*
 * Fences wait for this, and it takes the mutex of the device's MSI descriptors. Lockdep knows one
 * such mutex for all devices, and that memory is allocated under it: under this device's only while
 * the driver is being bound, when there is no fence yet.
 */
static void loom_device_restore_pci_state(struct pci_dev *pdev)
{
	lockdep_off();
	pci_restore_state(pdev);
	lockdep_on();
}

/**
 * loom_device_reset_function() - Reset the PCI function
 * @ldev: the device, halted
 *
 * Its configuration becomes what it was when the driver was bound.
 *
 * Return: 0; -ENODEV if it is not there any more; or what the reset failed with.
 */
int loom_device_reset_function(struct loom_device *ldev)
{
	struct pci_dev *pdev = to_pci_dev(ldev->drm.dev);
	int ret;

	if (!pci_device_is_present(pdev))
		return -ENODEV; /* pulled out: the reset would wait for it */
	ret = pcie_reset_flr(pdev, PCI_RESET_DO_RESET);
	if (ret)
		return ret;

	ret = pci_load_saved_state(pdev, ldev->pci_state);
	if (ret)
		return ret;
	loom_device_restore_pci_state(pdev);
	return loom_device_is_gone(ldev) ? -ENODEV : 0;
}

/* After the vectors are set up, which are part of it. */
static int loom_device_save_pci_state(struct loom_device *ldev)
{
	struct pci_dev *pdev = to_pci_dev(ldev->drm.dev);

	pci_save_state(pdev);
	ldev->pci_state = pci_store_saved_state(pdev);
	return ldev->pci_state ? 0 : -ENOMEM;
}

static void loom_device_lease_fini(struct drm_device *drm, void *data)
{
	drm_mm_takedown(&to_loom_device(drm)->leases);
}

static void loom_device_ida_fini(struct drm_device *drm, void *data)
{
	struct loom_device *ldev = to_loom_device(drm);

	ida_destroy(&ldev->ctx_ida);
	ida_destroy(&ldev->queue_ida);
}

/* The last file is closed; what was queued on its way, after the device had gone, goes now. */
static void loom_device_wq_fini(struct drm_device *drm, void *data)
{
	struct loom_device *ldev = to_loom_device(drm);

	cancel_delayed_work_sync(&ldev->hang_work);
	loom_pm_cancel(ldev);
	destroy_workqueue(ldev->wq);
}

/* What lives as long as the last open file: destroying a VM or a BO may come after unplug. */
static int loom_device_init_managed(struct loom_device *ldev)
{
	struct drm_device *drm = &ldev->drm;
	int ret;

	INIT_LIST_HEAD(&ldev->vms);
	INIT_LIST_HEAD(&ldev->queues);
	INIT_LIST_HEAD(&ldev->mapped_bos);
	INIT_LIST_HEAD(&ldev->users);
	INIT_LIST_HEAD(&ldev->windows);
	init_llist_head(&ldev->free_bos);
	INIT_WORK(&ldev->free_work, loom_gem_free_work);
	INIT_WORK(&ldev->reset_work, loom_reset_work);
	INIT_WORK(&ldev->report_work, loom_report_work);
	INIT_WORK(&ldev->wake_work, loom_pm_wake_work);
	INIT_DELAYED_WORK(&ldev->idle_work, loom_pm_idle_work);
	INIT_DELAYED_WORK(&ldev->hang_work, loom_hang_work);
	ldev->halted = true;

	ret = drmm_mutex_init(drm, &ldev->fw_lock);
	if (ret)
		return ret;
	ret = drmm_mutex_init(drm, &ldev->lease_lock);
	if (ret)
		return ret;
	ret = drmm_mutex_init(drm, &ldev->bos_lock);
	if (ret)
		return ret;
	ret = drmm_mutex_init(drm, &ldev->busy_lock);
	if (ret)
		return ret;
	ret = drmm_mutex_init(drm, &ldev->users_lock);
	if (ret)
		return ret;
	ret = drmm_mutex_init(drm, &ldev->pm_lock);
	if (ret)
		return ret;
	ret = drmm_mutex_init(drm, &ldev->windows_lock);
	if (ret)
		return ret;

	/* Tell lockdep before it matters: reclaim waits for fences, and they may for a reset. */
	fs_reclaim_acquire(GFP_KERNEL);
	might_lock(&ldev->fw_lock);
	fs_reclaim_release(GFP_KERNEL);

	ida_init(&ldev->ctx_ida);
	ida_init(&ldev->queue_ida);
	ret = drmm_add_action_or_reset(drm, loom_device_ida_fini, NULL);
	if (ret)
		return ret;

	/* Fences wait for this work, and reclaim may wait for fences. */
	ldev->wq = alloc_workqueue("loom", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (!ldev->wq)
		return -ENOMEM;
	return drmm_add_action_or_reset(drm, loom_device_wq_fini, NULL);
}

static int loom_device_init_leases(struct loom_device *ldev)
{
	/* drm_mm has no empty range; a device without activation SRAM leases none of it. */
	drm_mm_init(&ldev->leases, 0, max(ldev->caps.act_sram_bytes, LOOM_LEASE_ALIGN));
	return drmm_add_action_or_reset(&ldev->drm, loom_device_lease_fini, NULL);
}

/* No recovery runs or will run, and the device does no DMA. */
void loom_device_stop(struct loom_device *ldev)
{
	mutex_lock(&ldev->fw_lock);
	ldev->removed = true;
	loom_device_halt(ldev);
	mutex_unlock(&ldev->fw_lock);

	cancel_delayed_work_sync(&ldev->hang_work);
	cancel_work_sync(&ldev->reset_work);
	cancel_work_sync(&ldev->report_work);
}

int loom_device_init(struct loom_device *ldev)
{
	int ret;

	ret = loom_device_init_managed(ldev);
	if (ret)
		return ret;
	ret = loom_device_map(ldev);
	if (ret)
		return ret;
	ret = loom_device_identify(ldev);
	if (ret)
		return ret;

	loom_device_read_caps(ldev);
	ret = loom_device_check_caps(ldev);
	if (ret)
		return ret;
	ret = loom_counters_init(ldev);
	if (ret)
		return ret;
	ret = loom_hang_init(ldev);
	if (ret)
		return ret;
	ret = loom_coredump_init(ldev);
	if (ret)
		return ret;
	ret = loom_device_init_leases(ldev);
	if (ret)
		return ret;
	ret = loom_mmu_init(ldev);
	if (ret)
		return ret;

	/* Whoever had it before may have left it running. */
	mutex_lock(&ldev->fw_lock);
	loom_device_halt(ldev);
	mutex_unlock(&ldev->fw_lock);

	ret = loom_admin_init(ldev);
	if (ret)
		return ret;
	pci_set_master(to_pci_dev(ldev->drm.dev));
	ret = loom_irq_init(ldev);
	if (ret)
		goto err_fini_admin;
	ret = loom_device_save_pci_state(ldev);
	if (ret)
		goto err_fini_irq;

	mutex_lock(&ldev->fw_lock);
	ret = loom_device_boot(ldev);
	mutex_unlock(&ldev->fw_lock);
	if (ret)
		goto err_free_pci_state;
	return 0;

err_free_pci_state:
	loom_device_stop(ldev);
	kfree(ldev->pci_state);
err_fini_irq:
	pci_clear_master(to_pci_dev(ldev->drm.dev));
	loom_irq_fini(ldev);
err_fini_admin:
	loom_admin_fini(ldev);
	return ret;
}

void loom_device_fini(struct loom_device *ldev)
{
	pci_clear_master(to_pci_dev(ldev->drm.dev));
	kfree(ldev->pci_state);
	loom_irq_fini(ldev);
	loom_admin_fini(ldev);
}
