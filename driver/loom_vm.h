/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_VM_H__
#define __LOOM_VM_H__

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

#include <drm/drm_mm.h>

struct drm_device;
struct drm_file;
struct loom_device;
struct loom_file;
struct loom_hw_cqe;
struct loom_pt;

/* Why a VM died: of the first job that faulted, as the device told it. */
struct loom_vm_fault {
	u32 fault;
	u32 cmd;
	u64 addr;
	u64 user_data;
};

struct loom_vm {
	struct kref ref;	/* the file, the slots that name it, the jobs that run in it */
	struct loom_device *ldev;
	u32 ctx;		/* in the device; not given to another before the release */

	/* Protects the page tables and mappings. Taken before fw_lock. */
	struct mutex lock;
	struct loom_pt *root;	/* NULL when the device is gone, or the VM destroyed */
	struct drm_mm mappings;	/* of struct loom_mapping */

	struct drm_mm_node lease;	/* under loom_device.lease_lock */

	struct list_head node;	/* in loom_device.vms, under fw_lock */
	/* Where what is in the lease goes while the device sleeps. @saved: it is there. */
	u64 *copy_list;		/* for the device: bus addresses of the pages */
	dma_addr_t copy_dma;
	void **copy_pages;
	bool saved;		/* under fw_lock */

	bool known;		/* by the firmware; under fw_lock */
	bool held;		/* a core reset stopped it; under fw_lock, set without */
	bool carries;		/* jobs may rely on what others left in the lease; never cleared */

	/* Protects @fault, and @dead's way from false to true. Taken in hard interrupts. */
	spinlock_t fault_lock;
	bool dead;		/* read without the lock: it never comes back to life */
	struct loom_vm_fault fault;

	bool destroyed;		/* under loom_file.slots_lock; read without it by completions */
};

/* Only a job that can be run again says that it does not. */
static inline void loom_vm_carry(struct loom_vm *vm)
{
	if (unlikely(!READ_ONCE(vm->carries)))
		WRITE_ONCE(vm->carries, true);
}

/* loom_vm.c */
struct loom_vm *loom_vm_lookup(struct loom_file *lfile, u32 id);
void loom_vm_put(struct loom_vm *vm);
bool loom_vm_die(struct loom_vm *vm, const struct loom_vm_fault *fault);
void loom_vm_release_tables(struct loom_vm *vm);
void loom_vm_close_all(struct loom_file *lfile);

/* loom_context.c */
int loom_vm_create_context(struct loom_vm *vm);
void loom_vm_destroy_context(struct loom_vm *vm);
void loom_vm_unlist(struct loom_vm *vm);
void loom_vm_invalidate(struct loom_vm *vm, u64 va, u64 size);
int loom_vm_kill(struct loom_vm *vm);
void loom_vm_release_held(struct loom_vm *vm);
void loom_vm_forget(struct loom_vm *vm);
int loom_vm_restore(struct loom_vm *vm);

/* loom_bind.c */
void loom_vm_free_mappings(struct loom_vm *vm);

int loom_ioctl_vm_create(struct drm_device *drm, void *data, struct drm_file *file);
int loom_ioctl_vm_destroy(struct drm_device *drm, void *data, struct drm_file *file);
int loom_ioctl_vm_bind(struct drm_device *drm, void *data, struct drm_file *file);

#endif
