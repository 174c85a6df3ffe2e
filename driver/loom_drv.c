// SPDX-License-Identifier: GPL-2.0-only

#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include <drm/drm_accel.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_print.h>
#include <drm/loom_accel.h>

#include "compat/compat.h"
#include "loom_debugfs.h"
#include "loom_device.h"
#include "loom_gem.h"
#include "loom_hwmon.h"
#include "loom_job.h"
#include "loom_limit.h"
#include "loom_pm.h"
#include "loom_query.h"
#include "loom_queue.h"
#include "loom_remove.h"
#include "loom_reset.h"
#include "loom_sysfs.h"
#include "loom_uring.h"
#include "loom_user_queue.h"
#include "loom_vm.h"

#ifdef __BIG_ENDIAN
#error "rings and page tables are little-endian, and are written as they are"
#endif

static int loom_open(struct drm_device *drm, struct drm_file *file)
{
	struct loom_file *lfile;

	lfile = kzalloc(sizeof(*lfile), GFP_KERNEL_ACCOUNT);
	if (!lfile)
		return -ENOMEM;

	lfile->ldev = to_loom_device(drm);
	lfile->user = loom_user_get(lfile->ldev);
	if (!lfile->user) {
		kfree(lfile);
		return -ENOMEM;
	}
	xa_init_flags(&lfile->vms, XA_FLAGS_ALLOC1);
	xa_init_flags(&lfile->queues, XA_FLAGS_ALLOC1);
	mutex_init(&lfile->slots_lock);
	file->driver_priv = lfile;
	return 0;
}

/*
 * Queues first: that ends every job, and with the jobs what they hold of the VMs. No io_uring
 * command is left, because each holds a reference on the file.
 */
static void loom_postclose(struct drm_device *drm, struct drm_file *file)
{
	struct loom_file *lfile = file->driver_priv;

	loom_queue_close_all(lfile);
	loom_vm_close_all(lfile);
	flush_work(&lfile->ldev->free_work);
	if (lfile->has_fences)
		rcu_barrier(); /* they hold the module until they are freed: let rmmod succeed */
	loom_submission_free_spares(llist_del_all(&lfile->spares));
	mutex_destroy(&lfile->slots_lock);
	loom_user_put(lfile->user);
	kfree(lfile);
}

static const struct drm_ioctl_desc loom_drm_driver_ioctls[] = {
#define LOOM_IOCTL(n, func) \
	DRM_IOCTL_DEF_DRV(LOOM_##n, loom_ioctl_##func, 0)

	LOOM_IOCTL(QUERY, query),
	LOOM_IOCTL(BO_CREATE, bo_create),
	LOOM_IOCTL(BO_MMAP, bo_mmap),
	LOOM_IOCTL(VM_CREATE, vm_create),
	LOOM_IOCTL(VM_DESTROY, vm_destroy),
	LOOM_IOCTL(VM_BIND, vm_bind),
	LOOM_IOCTL(QUEUE_CREATE, queue_create),
	LOOM_IOCTL(QUEUE_DESTROY, queue_destroy),
	LOOM_IOCTL(QUEUE_SET_VM, queue_set_vm),
	LOOM_IOCTL(SUBMIT, submit),
	LOOM_IOCTL(QUEUE_WAIT, queue_wait),
};

static const struct file_operations loom_drm_driver_fops = {
	.owner = THIS_MODULE,
	DRM_ACCEL_FOPS,
	.uring_cmd = loom_uring_cmd,
	.show_fdinfo = drm_show_fdinfo,
};

/*
 * Interface history:
 * - 1.0 - initial interface
 * - 1.1 - priority bands, user-mode queues, idempotent jobs, recoveries, SUBMIT_IRQ
 * - 1.2 - LOOM_URING_JOB
 * - 1.3 - implicit fencing of shared buffers
 */
static const struct drm_driver loom_drm_driver = {
	.driver_features = DRIVER_COMPUTE_ACCEL | DRIVER_GEM | DRIVER_SYNCOBJ |
			   DRIVER_SYNCOBJ_TIMELINE,
	.open = loom_open,
	.postclose = loom_postclose,
	.show_fdinfo = loom_query_show_fdinfo,
	.gem_create_object = loom_gem_create_object,
	.gem_prime_import_sg_table = loom_gem_import_sg_table,
	.ioctls = loom_drm_driver_ioctls,
	.num_ioctls = ARRAY_SIZE(loom_drm_driver_ioctls),
	.fops = &loom_drm_driver_fops,
	.name = "loom",
	.desc = "Loom neural processing unit",
	LOOM_DRM_DRIVER_DATE
	.major = DRM_LOOM_MAJOR,
	.minor = DRM_LOOM_MINOR,
};

static void loom_show(struct loom_device *ldev)
{
	const struct loom_hw_caps *caps = &ldev->caps;

	drm_info(&ldev->drm, "%.32s: %u cores of %u arrays %ux%u, %u queues, %u VMs, %u vectors\n",
		 caps->preset, caps->num_cores, caps->num_arrays, caps->array_rows,
		 caps->array_cols, caps->max_queues, caps->max_contexts, ldev->num_vectors);
}

static int loom_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct loom_device *ldev;
	int ret;

	ldev = devm_drm_dev_alloc(&pdev->dev, &loom_drm_driver, struct loom_device, drm);
	if (IS_ERR(ldev))
		return PTR_ERR(ldev);
	pci_set_drvdata(pdev, ldev);

	ret = loom_device_init(ldev);
	if (ret)
		return dev_err_probe(&pdev->dev, ret, "the device cannot be used\n");

	loom_debugfs_init(ldev);
	ret = drm_dev_register(&ldev->drm, 0);
	if (ret)
		goto err_fini_device;

	loom_show(ldev);
	loom_pm_init(ldev);
	/* Nobody does without the NPU for want of a sensor. */
	ret = loom_hwmon_init(ldev);
	if (ret)
		drm_warn(&ldev->drm, "no sensors: %d\n", ret);
	return 0;

err_fini_device:
	loom_device_stop(ldev);
	loom_device_fini(ldev);
	return ret;
}

static void loom_remove(struct pci_dev *pdev)
{
	struct loom_device *ldev = pci_get_drvdata(pdev);

	loom_pm_fini(ldev);
	loom_device_remove(ldev);
	loom_device_fini(ldev);
}

/* Somebody wrote to the function's `reset' in sysfs. */
static void loom_reset_prepare(struct pci_dev *pdev)
{
	struct loom_device *ldev = pci_get_drvdata(pdev);

	pm_runtime_get_sync(&pdev->dev);
	mutex_lock(&ldev->fw_lock);
	loom_device_halt(ldev);
	mutex_unlock(&ldev->fw_lock);
}

static void loom_reset_done(struct pci_dev *pdev)
{
	loom_reset_function_done(pci_get_drvdata(pdev));
	pm_runtime_put_autosuspend(&pdev->dev);
}

static const struct pci_error_handlers loom_error_handlers = {
	.reset_prepare = loom_reset_prepare,
	.reset_done = loom_reset_done,
};

static const struct pci_device_id loom_pci_ids[] = {
	{ PCI_DEVICE(LOOM_PCI_VENDOR, LOOM_PCI_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, loom_pci_ids);

static struct pci_driver loom_pci_driver = {
	.name = "loom",
	.id_table = loom_pci_ids,
	.probe = loom_probe,
	.remove = loom_remove,
	.dev_groups = loom_sysfs_groups,
	.err_handler = &loom_error_handlers,
	.driver.pm = pm_ptr(&loom_pm_ops),
};

static int __init loom_init(void)
{
	return pci_register_driver(&loom_pci_driver);
}
module_init(loom_init);

static void __exit loom_exit(void)
{
	pci_unregister_driver(&loom_pci_driver);
	rcu_barrier(); /* fences are freed by RCU callbacks, which are ours */
}
module_exit(loom_exit);

MODULE_AUTHOR("The Loom project");
MODULE_DESCRIPTION("DRM accel driver for the Loom neural processing unit");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");
