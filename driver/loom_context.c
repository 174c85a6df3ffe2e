// SPDX-License-Identifier: GPL-2.0-only
/* What the device knows of a VM: a context. */

#include "loom_admin.h"
#include "loom_device.h"
#include "loom_isa.h"
#include "loom_lease.h"
#include "loom_mmu.h"
#include "loom_vm.h"

#define LOOM_KILL_MS	500

static int loom_vm_tell(struct loom_vm *vm)
{
	struct loom_admin_cmd cmd = {
		.opcode = LOOM_ADMIN_CTX_CREATE,
		.ctx = {
			.ctx = vm->ctx,
			.pt_root = loom_mmu_root(vm->root),
			.lease_base = vm->lease.start,
			.lease_size = vm->lease.size,
		},
	};
	int ret = loom_admin_exec(vm->ldev, &cmd);

	vm->known = !ret;
	return ret;
}

int loom_vm_create_context(struct loom_vm *vm)
{
	struct loom_device *ldev = vm->ldev;
	int ret;

	mutex_lock(&ldev->fw_lock);
	ret = loom_vm_tell(vm);
	if (!ret)
		list_add_tail(&vm->node, &ldev->vms);
	mutex_unlock(&ldev->fw_lock);
	return ret;
}

/* After this the device is done with the page tables and with every page behind them. */
void loom_vm_destroy_context(struct loom_vm *vm)
{
	struct loom_device *ldev = vm->ldev;
	struct loom_admin_cmd cmd = {
		.opcode = LOOM_ADMIN_CTX_DESTROY,
		.ctx.ctx = vm->ctx,
	};

	mutex_lock(&ldev->fw_lock);
	if (vm->known)
		loom_admin_revoke(ldev, &cmd);
	vm->known = false;
	mutex_unlock(&ldev->fw_lock);
}

/* Last: the device's removal, which frees tables too, must find the VM as long as it has any. */
void loom_vm_unlist(struct loom_vm *vm)
{
	mutex_lock(&vm->ldev->fw_lock);
	list_del_init(&vm->node);
	mutex_unlock(&vm->ldev->fw_lock);
}

void loom_vm_invalidate(struct loom_vm *vm, u64 va, u64 size)
{
	struct loom_device *ldev = vm->ldev;
	struct loom_admin_cmd cmd = {
		.opcode = LOOM_ADMIN_CTX_INVALIDATE,
		.ctx = {
			.ctx = vm->ctx,
			.va = va,
			.size = size,
		},
	};

	mutex_lock(&ldev->fw_lock);
	if (vm->known)
		loom_admin_revoke(ldev, &cmd);
	mutex_unlock(&ldev->fw_lock);
}

/*
 * Have the device cancel the VM's jobs; the caller holds fw_lock and has declared it dead.
 * Return: 0 when they are, an error when an engine does not let go of them.
 */
int loom_vm_kill(struct loom_vm *vm)
{
	struct loom_admin_cmd cmd = {
		.opcode = LOOM_ADMIN_CTX_KILL,
		.ctx.ctx = vm->ctx,
	};

	lockdep_assert_held(&vm->ldev->fw_lock);

	return vm->known ? loom_admin_try(vm->ldev, &cmd, LOOM_KILL_MS) : 0;
}

/* The queues are about to give it the jobs again that a core reset took. */
void loom_vm_release_held(struct loom_vm *vm)
{
	struct loom_admin_cmd cmd = {
		.opcode = LOOM_ADMIN_CTX_RESUME,
		.ctx.ctx = vm->ctx,
	};

	lockdep_assert_held(&vm->ldev->fw_lock);

	if (vm->held && vm->known && !READ_ONCE(vm->dead))
		loom_admin_revoke(vm->ldev, &cmd);
	vm->held = false;
}

/* The device is in reset. What a job had left in the lease for others is lost. */
void loom_vm_forget(struct loom_vm *vm)
{
	static const struct loom_vm_fault fault = {
		.fault = LOOM_FAULT_RESET,
		.cmd = LOOM_NO_CMD,
	};

	lockdep_assert_held(&vm->ldev->fw_lock);

	vm->known = false;
	vm->held = false;
	if (vm->lease.size && READ_ONCE(vm->carries) && !vm->saved)
		loom_vm_die(vm, &fault);
}

/* Make the context known again, unless it is being destroyed: its tables may go at any time. */
int loom_vm_restore(struct loom_vm *vm)
{
	lockdep_assert_held(&vm->ldev->fw_lock);

	if (vm->known || READ_ONCE(vm->dead) || READ_ONCE(vm->destroyed))
		return 0;
	return loom_vm_tell(vm) ?: loom_lease_restore(vm);
}
