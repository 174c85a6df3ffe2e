// SPDX-License-Identifier: MIT
/*
 * The driver's part, played: queries, buffers, address spaces.
 */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define VA_END (1ull << LOOM_VA_BITS)

uint32_t sim_table_add(struct sim_table *table, void *item)
{
	void **more;
	uint32_t id;

	for (id = 1; id < table->num; id++) {
		if (!table->item[id]) {
			table->item[id] = item;
			return id;
		}
	}
	more = realloc(table->item, (id + 1) * sizeof(*more));
	if (!more)
		return 0;
	table->item = more;
	table->item[0] = NULL;
	table->item[id] = item;
	table->num = id + 1;
	return id;
}

void *sim_table_get(const struct sim_table *table, uint32_t id)
{
	return id < table->num ? table->item[id] : NULL;
}

void *sim_table_remove(struct sim_table *table, uint32_t id)
{
	void *item = sim_table_get(table, id);

	if (item)
		table->item[id] = NULL;
	return item;
}

/* ---- query ---- */

static void read_registers(struct sim_dev *sim, uint64_t reg, void *out, size_t size, size_t unit)
{
	size_t i;

	for (i = 0; i < size; i += unit) {
		uint64_t value = loom_sim_read(sim->sim, sim->now, reg + i, unit);

		memcpy((char *)out + i, &value, unit);
	}
	sim_interrupts(sim);
}

static void query_time(struct sim_dev *sim, struct drm_loom_time *time)
{
	/* There is one clock here. */
	time->monotonic_ns = sim->now;
	read_registers(sim, LOOM_REG_TIME, &time->device_ns, 8, 8);
	read_registers(sim, LOOM_REG_INSTRUCTIONS, &time->instructions, 8, 8);
	read_registers(sim, LOOM_REG_INTERRUPTS, &time->interrupts, 8, 8);
}

static int answer(struct drm_loom_query *args, const void *data, uint32_t size)
{
	if (!args->data) {
		args->size = size;
		return 0;
	}
	if (args->size > size)
		args->size = size;
	memcpy((void *)(uintptr_t)args->data, data, args->size);
	return 0;
}

int sim_query(struct sim_dev *sim, struct drm_loom_query *args)
{
	struct loom_hw_counters counters;
	struct loom_hw_caps caps;
	struct drm_loom_time time;
	struct sim_vm *vm;

	if (args->pad)
		return loom_fail(-EINVAL, "query: pad is not zero");
	switch (args->type) {
	case DRM_LOOM_QUERY_DEVICE:
		read_registers(sim, LOOM_REG_CAPS, &caps, sizeof(caps), 4);
		return answer(args, &caps, sizeof(caps));
	case DRM_LOOM_QUERY_COUNTERS:
		if (args->index >= sim->base.caps.num_cores)
			return loom_fail(-EINVAL, "query: no core %u", args->index);
		read_registers(sim, LOOM_REG_CORE(args->index), &counters, sizeof(counters), 8);
		return answer(args, &counters, sizeof(counters));
	case DRM_LOOM_QUERY_TIME:
		query_time(sim, &time);
		return answer(args, &time, sizeof(time));
	case DRM_LOOM_QUERY_VM:
		vm = sim_table_get(&sim->vms, args->index);
		if (!vm)
			return loom_fail(-ENOENT, "query: no VM %u", args->index);
		return answer(args, &vm->info, sizeof(vm->info));
	}
	return loom_fail(-EINVAL, "query: no such type %u", args->type);
}

/* ---- buffers ---- */

int sim_bo_create(struct sim_dev *sim, struct drm_loom_bo_create *args)
{
	struct sim_bo *bo;
	int err;

	if (args->flags)
		return loom_fail(-EINVAL, "buffer: unknown flags 0x%x", args->flags);
	if (!args->size || args->size > SIM_MEM_BYTES)
		return loom_fail(-EINVAL, "buffer: size %llu is out of range",
				 (unsigned long long)args->size);
	err = loom_fail(-ENOMEM, "buffer: no memory for %llu bytes",
			(unsigned long long)args->size);
	bo = calloc(1, sizeof(*bo));
	if (!bo)
		return err;
	bo->refs = 1;
	bo->size = (args->size + SIM_PAGE - 1) & ~(SIM_PAGE - 1);
	bo->bus = sim_mem_alloc(&sim->mem, bo->size);
	if (!bo->bus)
		goto free_bo;
	args->handle = sim_table_add(&sim->bos, bo);
	if (!args->handle)
		goto free_memory;
	args->size = bo->size;
	return 0;

free_memory:
	sim_mem_free(&sim->mem, bo->bus);
free_bo:
	free(bo);
	return err;
}

void sim_bo_put(struct sim_dev *sim, struct sim_bo *bo)
{
	if (!bo || --bo->refs)
		return;
	sim_mem_free(&sim->mem, bo->bus);
	free(bo);
}

int sim_bo_close(struct sim_dev *sim, uint32_t handle)
{
	struct sim_bo *bo = sim_table_remove(&sim->bos, handle);

	if (!bo)
		return loom_fail(-EINVAL, "buffer: no handle %u", handle);
	sim_bo_put(sim, bo);
	return 0;
}

/* ---- leases: first fit in the activation SRAM ---- */

static bool lease_overlaps(const struct sim_dev *sim, uint32_t base, uint32_t size, uint32_t *end)
{
	uint32_t i;

	for (i = 1; i <= sim->base.caps.max_contexts; i++) {
		const struct sim_vm *vm = sim->ctxs[i];

		if (vm && vm->lease_size && base < vm->lease_base + vm->lease_size &&
		    vm->lease_base < base + size) {
			*end = vm->lease_base + vm->lease_size;
			return true;
		}
	}
	return false;
}

static int lease_take(const struct sim_dev *sim, uint32_t bytes, struct sim_vm *vm)
{
	uint32_t total = sim->base.caps.act_sram_bytes;
	uint32_t base = 0;
	uint64_t size = (bytes + LOOM_LEASE_ALIGN - 1ull) & ~(LOOM_LEASE_ALIGN - 1ull);

	while (size <= total && base <= total - size) {
		if (!size || !lease_overlaps(sim, base, size, &base)) {
			vm->lease_base = base;
			vm->lease_size = size;
			return 0;
		}
	}
	return loom_fail(-ENOSPC,
			 "no %u bytes of activation SRAM to be had (the device has %u)", bytes,
			 total);
}

/* ---- address spaces ---- */

static int free_ctx(const struct sim_dev *sim)
{
	uint32_t i;

	for (i = 1; i <= sim->base.caps.max_contexts; i++)
		if (!sim->ctxs[i])
			return i;
	return loom_fail(-ENOSPC, "all %u contexts are in use", sim->base.caps.max_contexts);
}

static int ctx_create(struct sim_dev *sim, const struct sim_vm *vm)
{
	struct loom_admin_cmd cmd = {
		.opcode = LOOM_ADMIN_CTX_CREATE,
		.ctx = {
			.ctx = vm->ctx,
			.pt_root = vm->pt_root,
			.lease_base = vm->lease_size ? vm->lease_base : 0,
			.lease_size = vm->lease_size,
		},
	};

	return sim_admin(sim, &cmd);
}

static int ctx_command(struct sim_dev *sim, const struct sim_vm *vm, uint16_t opcode, uint64_t va,
		       uint64_t size)
{
	struct loom_admin_cmd cmd = {
		.opcode = opcode,
		.ctx = { .ctx = vm->ctx, .va = va, .size = size },
	};

	return sim_admin(sim, &cmd);
}

int sim_vm_create(struct sim_dev *sim, struct drm_loom_vm_create *args)
{
	struct sim_vm *vm;
	int err;

	if (args->flags || args->pad)
		return loom_fail(-EINVAL, "VM: flags or pad not zero");
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return loom_fail(-ENOMEM, "out of memory");
	err = lease_take(sim, args->lease_bytes, vm);
	if (err)
		goto free_vm;
	err = free_ctx(sim);
	if (err < 0)
		goto free_vm;
	vm->ctx = err;
	vm->pt_root = sim_mem_alloc(&sim->mem, SIM_PAGE);
	err = vm->pt_root ? ctx_create(sim, vm) : loom_fail(-ENOMEM, "no memory for page tables");
	if (err)
		goto free_root;
	vm->id = sim_table_add(&sim->vms, vm);
	if (!vm->id) {
		err = loom_fail(-ENOMEM, "out of memory");
		goto destroy_ctx;
	}
	sim->ctxs[vm->ctx] = vm;
	vm->info.lease_bytes = vm->lease_size;
	args->vm_id = vm->id;
	return 0;

destroy_ctx:
	ctx_command(sim, vm, LOOM_ADMIN_CTX_DESTROY, 0, 0);
free_root:
	if (vm->pt_root)
		sim_mem_free(&sim->mem, vm->pt_root);
free_vm:
	free(vm);
	return err;
}

static bool vm_in_use(const struct sim_dev *sim, const struct sim_vm *vm)
{
	uint32_t i;

	for (i = 1; i < sim->queues.num; i++)
		if (sim->queues.item[i] && sim_queue_uses_vm(sim->queues.item[i], vm))
			return true;
	return false;
}

/* End its jobs: those that the device has not seen, and those that it has. */
static int vm_kill(struct sim_dev *sim, const struct sim_vm *vm)
{
	uint32_t i;
	int err;

	for (i = 1; i < sim->queues.num; i++)
		if (sim->queues.item[i])
			sim_queue_cancel_vm(sim, sim->queues.item[i], vm);
	err = ctx_command(sim, vm, LOOM_ADMIN_CTX_KILL, 0, 0);
	/* Jobs that are still in a ring must find the slot as it was. */
	while (!err && vm_in_use(sim, vm))
		err = sim_step(sim, SIM_NEVER);
	for (i = 1; i < sim->queues.num; i++)
		if (sim->queues.item[i])
			sim_queue_forget_vm(sim->queues.item[i], vm);
	return err;
}

int sim_vm_destroy(struct sim_dev *sim, const struct drm_loom_vm_destroy *args)
{
	struct sim_vm *vm = sim_table_get(&sim->vms, args->vm_id);
	size_t i;
	int err;

	if (args->pad)
		return loom_fail(-EINVAL, "VM: pad is not zero");
	if (!vm)
		return loom_fail(-ENOENT, "no VM %u", args->vm_id);
	err = vm_kill(sim, vm);
	if (!err)
		err = ctx_command(sim, vm, LOOM_ADMIN_CTX_DESTROY, 0, 0);
	if (err)
		return err;
	sim->ctxs[vm->ctx] = NULL;
	sim_table_remove(&sim->vms, vm->id);
	for (i = 0; i < vm->num_mappings; i++)
		sim_bo_put(sim, vm->mappings[i].bo);
	sim_pt_free(&sim->mem, vm->pt_root);
	free(vm->mappings);
	free(vm);
	return 0;
}

static int vm_map(struct sim_dev *sim, struct sim_vm *vm, const struct drm_loom_vm_bind *args)
{
	struct sim_bo *bo = sim_table_get(&sim->bos, args->handle);
	struct sim_mapping *more;
	size_t i;
	int err;

	if (!bo)
		return loom_fail(-ENOENT, "map: no buffer %u", args->handle);
	if (args->flags & ~DRM_LOOM_MAP_WRITE || args->offset % SIM_PAGE ||
	    args->offset > bo->size || args->range > bo->size - args->offset)
		return loom_fail(-EINVAL, "map: bad flags, or a range outside the buffer");
	for (i = 0; i < vm->num_mappings; i++)
		if (args->va < vm->mappings[i].va + vm->mappings[i].range &&
		    vm->mappings[i].va < args->va + args->range)
			return loom_fail(-EEXIST, "map: 0x%llx overlaps a mapping",
					 (unsigned long long)args->va);
	more = realloc(vm->mappings, (vm->num_mappings + 1) * sizeof(*more));
	if (!more)
		return loom_fail(-ENOMEM, "out of memory");
	vm->mappings = more;
	err = sim_pt_map(&sim->mem, vm->pt_root, args->va, bo->bus + args->offset, args->range,
			 args->flags & DRM_LOOM_MAP_WRITE);
	if (err)
		return err;
	bo->refs++;
	more[vm->num_mappings++] = (struct sim_mapping){ args->va, args->range, bo };
	return 0;
}

static int vm_unmap(struct sim_dev *sim, struct sim_vm *vm, const struct drm_loom_vm_bind *args)
{
	size_t i;
	int err;

	if (args->handle || args->flags || args->offset)
		return loom_fail(-EINVAL, "unmap: handle, flags and offset must be zero");
	for (i = 0; i < vm->num_mappings; i++)
		if (vm->mappings[i].va == args->va && vm->mappings[i].range == args->range)
			break;
	if (i == vm->num_mappings)
		return loom_fail(-ENOENT, "unmap: nothing was mapped so at 0x%llx",
				 (unsigned long long)args->va);
	sim_pt_unmap(&sim->mem, vm->pt_root, args->va, args->range);
	err = ctx_command(sim, vm, LOOM_ADMIN_CTX_INVALIDATE, args->va, args->range);
	if (err)
		return err;
	sim_bo_put(sim, vm->mappings[i].bo);
	vm->mappings[i] = vm->mappings[--vm->num_mappings];
	return 0;
}

int sim_vm_bind(struct sim_dev *sim, const struct drm_loom_vm_bind *args)
{
	struct sim_vm *vm = sim_table_get(&sim->vms, args->vm_id);

	if (!vm)
		return loom_fail(-ENOENT, "no VM %u", args->vm_id);
	if (!args->range || args->va % SIM_PAGE || args->range % SIM_PAGE ||
	    args->va >= VA_END || args->range > VA_END - args->va)
		return loom_fail(-EINVAL, "bind: address or range not of pages, or out of bounds");
	switch (args->op) {
	case DRM_LOOM_VM_MAP:
		return vm_map(sim, vm, args);
	case DRM_LOOM_VM_UNMAP:
		return vm_unmap(sim, vm, args);
	}
	return loom_fail(-EINVAL, "bind: no such operation %u", args->op);
}
