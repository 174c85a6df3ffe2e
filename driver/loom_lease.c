// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VM has in its activation SRAM goes to host pages while the device sleeps. They are there
 * from the beginning: a suspend that needs memory may find none.
 */

#include <linux/dma-mapping.h>
#include <linux/dmapool.h>
#include <linux/slab.h>

#include "loom_admin.h"
#include "loom_device.h"
#include "loom_lease.h"
#include "loom_vm.h"

static u32 loom_lease_pages(struct loom_vm *vm)
{
	return vm->lease.size / LOOM_LEASE_ALIGN;
}

/* On error what was allocated is freed by loom_lease_free_copy(). */
int loom_lease_alloc_copy(struct loom_vm *vm)
{
	struct loom_device *ldev = vm->ldev;
	u32 num = loom_lease_pages(vm), i;
	dma_addr_t dma;

	static_assert(LOOM_LEASE_ALIGN == SZ_4K); /* a page of the pool */

	if (!num || !loom_device_speaks(ldev, 1))
		return 0;

	vm->copy_pages = kvcalloc(num, sizeof(*vm->copy_pages), GFP_KERNEL_ACCOUNT);
	vm->copy_list = dma_alloc_coherent(ldev->drm.dev, num * sizeof(*vm->copy_list),
					   &vm->copy_dma, GFP_KERNEL_ACCOUNT);
	if (!vm->copy_pages || !vm->copy_list)
		return -ENOMEM;

	for (i = 0; i < num; i++) {
		vm->copy_pages[i] = dma_pool_alloc(ldev->pt_pool, GFP_KERNEL_ACCOUNT, &dma);
		if (!vm->copy_pages[i])
			return -ENOMEM;
		vm->copy_list[i] = dma;
	}
	return 0;
}

void loom_lease_free_copy(struct loom_vm *vm)
{
	struct loom_device *ldev = vm->ldev;
	u32 num = loom_lease_pages(vm), i;

	for (i = 0; vm->copy_pages && vm->copy_list && i < num && vm->copy_pages[i]; i++)
		dma_pool_free(ldev->pt_pool, vm->copy_pages[i], vm->copy_list[i]);
	if (vm->copy_list)
		dma_free_coherent(ldev->drm.dev, num * sizeof(*vm->copy_list), vm->copy_list,
				  vm->copy_dma);
	kvfree(vm->copy_pages);
	vm->copy_list = NULL;
	vm->copy_pages = NULL;
}

static int loom_lease_copy(struct loom_vm *vm, enum loom_admin_op op)
{
	struct loom_admin_cmd cmd = {
		.opcode = op,
		.lease = {
			.ctx = vm->ctx,
			.num_pages = loom_lease_pages(vm),
			.pages = vm->copy_dma,
		},
	};

	return loom_admin_exec(vm->ldev, &cmd);
}

/* The VM has no job in the device. Where nothing was run there is nothing to save. */
int loom_lease_save(struct loom_vm *vm)
{
	int ret;

	lockdep_assert_held(&vm->ldev->fw_lock);

	if (!vm->known || !vm->copy_list || READ_ONCE(vm->dead) || !READ_ONCE(vm->carries))
		return 0;
	ret = loom_lease_copy(vm, LOOM_ADMIN_CTX_SAVE);
	vm->saved = !ret;
	return ret;
}

/* The device has just been told of the VM. */
int loom_lease_restore(struct loom_vm *vm)
{
	int ret;

	lockdep_assert_held(&vm->ldev->fw_lock);

	if (!vm->saved)
		return 0;
	ret = loom_lease_copy(vm, LOOM_ADMIN_CTX_RESTORE);
	vm->saved = false;
	return ret;
}
