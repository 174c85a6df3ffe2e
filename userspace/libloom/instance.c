// SPDX-License-Identifier: MIT
/*
 * A model loaded into an address space.
 *
 *	0x0001_0000_0000	weights, read only
 *	0x0040_0000_0000	scratch
 *	0x0080_0000_0000 + n 2^40	request n: command buffers, read only
 *	0x00c0_0000_0000 + n 2^40	request n: inputs and outputs
 *
 * Far apart, so that an access past the end of one is a fault and not another one's bytes. The
 * lease and the scratch are shared: slices of one request at a time are at the device. With a second lease
 * there is a second address space with a scratch of its own and everything else at the same
 * addresses, so that two requests can be under way and a job only names another VM.
 */
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define WEIGHTS_VA 0x000100000000ull
#define SCRATCH_VA 0x004000000000ull
#define CMD_VA(n)  (0x008000000000ull + ((uint64_t)(n) << 40))
#define IO_VA(n)   (0x00c000000000ull + ((uint64_t)(n) << 40))
#define MAX_IO 256
/* What fits between those addresses. */
#define MAX_BYTES (1ull << 37)
/* Weights that are zeros are so many of them, again and again. */
#define ZERO_BYTES (2ull << 20)

struct request {
	struct loom_bo *cmd;	/* NULL: nothing is bound here */
	struct loom_bo *io;	/* the caller's, from num_io on */
};

struct lease {
	struct loom_vm *vm;
	struct loom_bo *scratch;
};

struct loom_instance {
	const struct loom_model *model;
	struct lease lease[LOOM_INSTANCE_LEASES];
	unsigned int num_leases;
	struct loom_bo *weights;
	unsigned int num_io;		/* regions of our own, the first ones */
	unsigned int num_requests;
	struct request *request;
};

static int check_device(const struct loom_model *model, struct loom_dev *dev)
{
	const struct loom_hw_caps *caps = loom_dev_caps(dev);

	if (model->abi.isa_version > caps->isa_version)
		return loom_fail(-EPROTO,
				 "%s has instruction set %u.%u, the device runs %u.%u",
				 loom_model_name(model), model->abi.isa_version >> 16,
				 model->abi.isa_version & 0xffff, caps->isa_version >> 16,
				 caps->isa_version & 0xffff);
	if (model->info.needs & ~(uint64_t)caps->flags)
		return loom_fail(-EOPNOTSUPP,
				 "%s needs a device with capabilities %#llx, this one has %#x",
				 loom_model_name(model), (unsigned long long)model->info.needs,
				 caps->flags);
	if (model->abi.caps_hash != loom_caps_hash(caps))
		return loom_fail(-EXDEV,
				 "%s was compiled for device %s (0x%016llx), this one is %s (0x%016llx)",
				 loom_model_name(model), model->abi.preset,
				 (unsigned long long)model->abi.caps_hash, caps->preset,
				 (unsigned long long)loom_caps_hash(caps));
	if ((model->info.flags & LOOM_ELF_RESIDENT) && (caps->flags & LOOM_CAP_FUNCTIONAL))
		return loom_fail(-EOPNOTSUPP,
				 "%s was compiled with --resident: no input reaches it, and this device computes",
				 loom_model_name(model));
	if (model->info.lease_bytes > caps->act_sram_bytes)
		return loom_fail(-ENOSPC, "%s needs %u bytes of activation SRAM, the device has %u",
				 loom_model_name(model), model->info.lease_bytes,
				 caps->act_sram_bytes);
	return 0;
}

static int make_buffer(const struct loom_instance *instance, struct loom_dev *dev, uint64_t size, struct loom_bo **bo)
{
	int err;

	if (size > MAX_BYTES)
		return loom_fail(-EFBIG, "%s: a region of %llu bytes is too large",
				 loom_model_name(instance->model), (unsigned long long)size);
	err = loom_bo_create(dev, size ? size : 1, bo);
	if (!err && !loom_bo_map(*bo))
		err = loom_fail(-ENOMEM, "cannot map a buffer of %llu bytes", (unsigned long long)size);
	return err;
}

/* A zeroed buffer, mapped here and there. */
static int make_region(struct loom_instance *instance, struct loom_dev *dev, uint64_t size,
		       uint64_t va, uint32_t flags, struct loom_bo **bo)
{
	int err = make_buffer(instance, dev, size, bo);
	unsigned int i;

	for (i = 0; !err && i < instance->num_leases; i++)
		err = loom_vm_map(instance->lease[i].vm, *bo, va, flags);
	return err;
}

static void relocate(const struct loom_model *model, unsigned int io, char *cmd)
{
	const uint64_t base[LOOM_NUM_REGIONS] = {
		[LOOM_REGION_WEIGHTS] = WEIGHTS_VA,
		[LOOM_REGION_IO] = IO_VA(io),
		[LOOM_REGION_SCRATCH] = SCRATCH_VA,
	};
	size_t i;

	for (i = 0; i < model->num_relocs; i++) {
		const struct loom_reloc *reloc = &model->relocs[i];
		uint64_t address = base[reloc->region] + reloc->addend;

		memcpy(cmd + reloc->offset, &address, sizeof(address));
	}
}

static int make_commands(struct loom_instance *instance, struct loom_dev *dev, unsigned int io)
{
	const struct loom_elf_view *cmd = model_section(instance->model, LOOM_SEC_CMD);
	struct request *request = &instance->request[io];
	int err = make_region(instance, dev, cmd->size, CMD_VA(io), 0, &request->cmd);

	if (err)
		return err;
	memcpy(request->cmd->map, cmd->data, cmd->size);
	relocate(instance->model, io, request->cmd->map);
	return 0;
}

static int make_request(struct loom_instance *instance, struct loom_dev *dev, unsigned int io)
{
	int err = make_region(instance, dev, instance->model->info.io_bytes, IO_VA(io),
			      DRM_LOOM_MAP_WRITE, &instance->request[io].io);

	return err ? err : make_commands(instance, dev, io);
}

/* Those of a model for timing only are a few zeros, again and again. */
static int map_weights(const struct loom_instance *instance, struct loom_vm *vm)
{
	const struct loom_elf_view *weights = model_section(instance->model, LOOM_SEC_WEIGHTS);
	uint64_t at;
	int err = 0;

	if (weights->data)
		return loom_vm_map(vm, instance->weights, WEIGHTS_VA, 0);
	for (at = 0; !err && at < weights->size; at += ZERO_BYTES)
		err = loom_vm_map(vm, instance->weights, WEIGHTS_VA + at, 0);
	return err;
}

static int make_weights(struct loom_instance *instance, struct loom_dev *dev)
{
	const struct loom_elf_view *weights = model_section(instance->model, LOOM_SEC_WEIGHTS);
	int err;

	if (weights->size > MAX_BYTES)
		return loom_fail(-EFBIG, "%s: %llu bytes of weights are too many",
				 loom_model_name(instance->model), (unsigned long long)weights->size);
	err = make_buffer(instance, dev, weights->data ? weights->size : ZERO_BYTES, &instance->weights);
	if (!err && weights->data)
		memcpy(instance->weights->map, weights->data, weights->size);
	return err;
}

/* An address space with the weights and a scratch. */
static int open_lease(struct loom_instance *instance, struct loom_dev *dev, struct lease *lease)
{
	const struct loom_model *model = instance->model;
	int err = loom_vm_create(dev, model->info.lease_bytes, &lease->vm);

	if (!err)
		err = map_weights(instance, lease->vm);
	if (err || !model->info.scratch_bytes)
		return err;
	err = make_buffer(instance, dev, model->info.scratch_bytes, &lease->scratch);
	return err ? err : loom_vm_map(lease->vm, lease->scratch, SCRATCH_VA, DRM_LOOM_MAP_WRITE);
}

static void close_lease(struct lease *lease)
{
	loom_vm_destroy(lease->vm);
	loom_bo_destroy(lease->scratch);
	*lease = (struct lease){ 0 };
}

static int load(struct loom_instance *instance, struct loom_dev *dev)
{
	unsigned int i;
	int err = make_weights(instance, dev);

	if (!err)
		err = open_lease(instance, dev, &instance->lease[0]);
	instance->num_leases = 1;
	for (i = 0; !err && i < instance->num_io; i++)
		err = make_request(instance, dev, i);
	return err;
}

/* So many requests, of which the new ones are empty. */
static int grow(struct loom_instance *instance, unsigned int num)
{
	struct request *more;

	if (!num)
		return 0;
	more = realloc(instance->request, num * sizeof(*more));
	if (!more)
		return loom_fail(-ENOMEM, "out of memory");
	memset(more + instance->num_requests, 0, (num - instance->num_requests) * sizeof(*more));
	instance->request = more;
	instance->num_requests = num;
	return 0;
}

int loom_instance_create(struct loom_dev *dev, const struct loom_model *model, unsigned int num_io,
			 struct loom_instance **out)
{
	struct loom_instance *instance;
	int err;

	if (num_io > MAX_IO)
		return loom_fail(-EINVAL, "%u requests in flight: the most is %u", num_io, MAX_IO);
	err = check_device(model, dev);
	if (err)
		return err;
	instance = calloc(1, sizeof(*instance));
	if (!instance)
		return loom_fail(-ENOMEM, "out of memory");
	instance->model = model;
	instance->num_io = num_io;
	err = grow(instance, num_io);
	if (!err)
		err = load(instance, dev);
	if (err) {
		loom_instance_destroy(instance);
		return err;
	}
	*out = instance;
	return 0;
}

/* What is mapped in the first one. */
static int map_requests(struct loom_instance *instance, struct loom_vm *vm)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < instance->num_io; i++) {
		err = loom_vm_map(vm, instance->request[i].cmd, CMD_VA(i), 0);
		if (!err)
			err = loom_vm_map(vm, instance->request[i].io, IO_VA(i), DRM_LOOM_MAP_WRITE);
	}
	return err;
}

int loom_instance_add_lease(struct loom_dev *dev, struct loom_instance *instance)
{
	struct lease *lease = &instance->lease[instance->num_leases];
	int err;

	if (instance->num_leases == LOOM_INSTANCE_LEASES || instance->num_requests > instance->num_io)
		return loom_fail(-EBUSY, "%s: it has %u leases, and %u I/O regions are bound",
				 loom_model_name(instance->model), instance->num_leases,
				 instance->num_requests - instance->num_io);
	err = open_lease(instance, dev, lease);
	if (!err)
		err = map_requests(instance, lease->vm);
	if (err) {
		close_lease(lease);
		return err;
	}
	instance->num_leases++;
	return 0;
}

void loom_instance_destroy(struct loom_instance *instance)
{
	unsigned int i;

	if (!instance)
		return;
	/* First: the device lets go of the buffers. */
	for (i = 0; i < LOOM_INSTANCE_LEASES; i++)
		close_lease(&instance->lease[i]);
	for (i = 0; i < instance->num_requests; i++) {
		loom_bo_destroy(instance->request[i].cmd);
		if (i < instance->num_io)
			loom_bo_destroy(instance->request[i].io);
	}
	free(instance->request);
	loom_bo_destroy(instance->weights);
	free(instance);
}

unsigned int loom_instance_num_leases(const struct loom_instance *instance)
{
	return instance->num_leases;
}

struct loom_vm *loom_instance_lease_vm(struct loom_instance *instance, unsigned int lease)
{
	return lease < instance->num_leases ? instance->lease[lease].vm : NULL;
}

struct loom_vm *loom_instance_vm(struct loom_instance *instance)
{
	return instance->lease[0].vm;
}

/* ---- regions that are somebody else's buffers ---- */

/* The first number that is free, or the next one. */
static int free_request(struct loom_instance *instance, unsigned int *io)
{
	for (*io = instance->num_io; *io < instance->num_requests; ++*io)
		if (!instance->request[*io].cmd)
			return 0;
	if (*io == MAX_IO)
		return loom_fail(-ENOSPC, "%s: %u I/O regions are bound, the most there can be",
				 loom_model_name(instance->model), MAX_IO);
	return grow(instance, *io + 1);
}

static uint64_t io_range(const struct loom_instance *instance)
{
	uint64_t bytes = instance->model->info.io_bytes;

	return (bytes + 4095) & ~4095ull;
}

static int unmap(struct loom_instance *instance, unsigned int num_leases, uint64_t va, uint64_t range)
{
	unsigned int i;
	int err = 0, ret;

	for (i = 0; range && i < num_leases; i++) {
		ret = loom_vm_unmap(instance->lease[i].vm, va, range);
		err = err ? err : ret;
	}
	return err;
}

/* Not the whole buffer: past the end of the region is a fault here, too. */
static int map_bound(struct loom_instance *instance, struct loom_bo *bo, unsigned int io)
{
	uint64_t range = io_range(instance);
	unsigned int i;
	int err = 0;

	for (i = 0; range && i < instance->num_leases; i++) {
		err = loom_vm_map_range(instance->lease[i].vm, bo, IO_VA(io), range, DRM_LOOM_MAP_WRITE);
		if (err) {
			unmap(instance, i, IO_VA(io), range);
			return err;
		}
	}
	return 0;
}

static int unmap_bound(struct loom_instance *instance, unsigned int io)
{
	return unmap(instance, instance->num_leases, IO_VA(io), io_range(instance));
}

static void drop_commands(struct loom_instance *instance, unsigned int io)
{
	struct request *request = &instance->request[io];

	unmap(instance, instance->num_leases, CMD_VA(io), request->cmd->size);
	loom_bo_destroy(request->cmd);
	*request = (struct request){ 0 };
}

int loom_instance_bind_io(struct loom_instance *instance, struct loom_bo *bo, unsigned int *out)
{
	unsigned int io;
	int err;

	if (bo->size < instance->model->info.io_bytes)
		return loom_fail(-EINVAL, "%s: a buffer of %llu bytes, its I/O region takes %llu",
				 loom_model_name(instance->model), (unsigned long long)bo->size,
				 (unsigned long long)instance->model->info.io_bytes);
	if (io_range(instance) > MAX_BYTES)
		return loom_fail(-EFBIG, "%s: the I/O region is too large",
				 loom_model_name(instance->model));
	err = free_request(instance, &io);
	if (err)
		return err;
	err = make_commands(instance, bo->dev, io);
	if (err) {
		loom_bo_destroy(instance->request[io].cmd);
		instance->request[io].cmd = NULL;
		return err;
	}
	err = map_bound(instance, bo, io);
	if (err) {
		drop_commands(instance, io);
		return err;
	}
	instance->request[io].io = bo;
	*out = io;
	return 0;
}

int loom_instance_unbind_io(struct loom_instance *instance, unsigned int io)
{
	int err;

	if (io < instance->num_io || io >= instance->num_requests || !instance->request[io].cmd)
		return loom_fail(-ENOENT, "%s: nothing was bound as I/O region %u",
				 loom_model_name(instance->model), io);
	err = unmap_bound(instance, io);
	drop_commands(instance, io);
	return err;
}

void *loom_instance_io(struct loom_instance *instance, unsigned int io)
{
	if (io >= instance->num_requests || !instance->request[io].cmd)
		return NULL;
	return loom_bo_map(instance->request[io].io);
}

void loom_instance_job(const struct loom_instance *instance, unsigned int io, unsigned int slice,
		       uint16_t vm_slot, struct drm_loom_job *job)
{
	*job = (struct drm_loom_job){
		.cmd_va = CMD_VA(io) + model_cmd_offset(instance->model, slice),
		.cmd_size = instance->model->slices[slice].cmd_size,
		.vm_slot = vm_slot,
		.user_data = slice,
	};
}
