/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_LEASE_H__
#define __LOOM_LEASE_H__

struct loom_vm;

int loom_lease_alloc_copy(struct loom_vm *vm);
void loom_lease_free_copy(struct loom_vm *vm);
int loom_lease_save(struct loom_vm *vm);
int loom_lease_restore(struct loom_vm *vm);

#endif
