// SPDX-License-Identifier: GPL-2.0-only

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "loom_test.h"

#define WAIT_MS 20000

/* ---- calls ---- */

/* The number of the node changes when a device comes back while a file of it is open. */
int loom_open(void)
{
	char path[32];
	int fd = -1, i;

	for (i = 0; fd < 0 && i < 64; i++) {
		snprintf(path, sizeof(path), "/dev/accel/accel%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	return fd < 0 ? -errno : fd;
}

int loom_call(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) ? -errno : 0;
}

int loom_caps(int fd, struct loom_hw_caps *caps)
{
	struct drm_loom_query query = {
		.type = DRM_LOOM_QUERY_DEVICE,
		.size = sizeof(*caps),
		.data = (__u64)(uintptr_t)caps,
	};

	return loom_call(fd, DRM_IOCTL_LOOM_QUERY, &query);
}

int bo_create_unmapped(int fd, __u64 size, struct bo *bo)
{
	struct drm_loom_bo_create create = { .size = size };
	int ret = loom_call(fd, DRM_IOCTL_LOOM_BO_CREATE, &create);

	*bo = (struct bo){ .handle = create.handle, .size = create.size };
	return ret;
}

int bo_create(int fd, __u64 size, struct bo *bo)
{
	struct drm_loom_bo_mmap map = {};
	int ret = bo_create_unmapped(fd, size, bo);

	if (ret)
		return ret;

	map.handle = bo->handle;
	ret = loom_call(fd, DRM_IOCTL_LOOM_BO_MMAP, &map);
	if (ret)
		return ret;

	bo->map = mmap(NULL, bo->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, map.offset);
	return bo->map == MAP_FAILED ? -errno : 0;
}

void bo_destroy(int fd, struct bo *bo)
{
	struct drm_gem_close close = { .handle = bo->handle };

	if (bo->map)
		munmap(bo->map, bo->size);
	loom_call(fd, DRM_IOCTL_GEM_CLOSE, &close);
}

int vm_create(int fd, __u32 lease_bytes, __u32 *vm)
{
	struct drm_loom_vm_create args = { .lease_bytes = lease_bytes };
	int ret = loom_call(fd, DRM_IOCTL_LOOM_VM_CREATE, &args);

	*vm = args.vm_id;
	return ret;
}

int vm_destroy(int fd, __u32 vm)
{
	struct drm_loom_vm_destroy args = { .vm_id = vm };

	return loom_call(fd, DRM_IOCTL_LOOM_VM_DESTROY, &args);
}

int vm_info(int fd, __u32 vm, struct drm_loom_vm_info *info)
{
	struct drm_loom_query query = {
		.type = DRM_LOOM_QUERY_VM,
		.index = vm,
		.size = sizeof(*info),
		.data = (__u64)(uintptr_t)info,
	};

	return loom_call(fd, DRM_IOCTL_LOOM_QUERY, &query);
}

int vm_map(int fd, __u32 vm, const struct bo *bo, __u64 va, __u64 offset, __u64 range, __u32 flags)
{
	struct drm_loom_vm_bind args = {
		.vm_id = vm,
		.op = DRM_LOOM_VM_MAP,
		.handle = bo->handle,
		.flags = flags,
		.va = va,
		.offset = offset,
		.range = range,
	};

	return loom_call(fd, DRM_IOCTL_LOOM_VM_BIND, &args);
}

int vm_unmap(int fd, __u32 vm, __u64 va, __u64 range)
{
	struct drm_loom_vm_bind args = {
		.vm_id = vm,
		.op = DRM_LOOM_VM_UNMAP,
		.va = va,
		.range = range,
	};

	return loom_call(fd, DRM_IOCTL_LOOM_VM_BIND, &args);
}

int queue_create(int fd, __u32 entries, __u32 vm_slots, __u32 irq_batch, __u32 *queue)
{
	struct drm_loom_queue_create args = {
		.entries = entries,
		.vm_slots = vm_slots,
		.irq_batch = irq_batch,
	};
	int ret = loom_call(fd, DRM_IOCTL_LOOM_QUEUE_CREATE, &args);

	*queue = args.queue_id;
	return ret;
}

int queue_destroy(int fd, __u32 queue)
{
	struct drm_loom_queue_destroy args = { .queue_id = queue };

	return loom_call(fd, DRM_IOCTL_LOOM_QUEUE_DESTROY, &args);
}

int queue_set_vm(int fd, __u32 queue, __u32 slot, __u32 vm)
{
	struct drm_loom_queue_set_vm args = { .queue_id = queue, .slot = slot, .vm_id = vm };

	return loom_call(fd, DRM_IOCTL_LOOM_QUEUE_SET_VM, &args);
}

__u32 syncobj_create(int fd)
{
	struct drm_syncobj_create args = {};

	return loom_call(fd, DRM_IOCTL_SYNCOBJ_CREATE, &args) ? 0 : args.handle;
}

void syncobj_destroy(int fd, __u32 handle)
{
	struct drm_syncobj_destroy args = { .handle = handle };

	loom_call(fd, DRM_IOCTL_SYNCOBJ_DESTROY, &args);
}

static __s64 deadline(int ms)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec + ms * 1000000ll;
}

int syncobj_wait_ms(int fd, __u32 handle, int ms)
{
	struct drm_syncobj_wait args = {
		.handles = (__u64)(uintptr_t)&handle,
		.timeout_nsec = deadline(ms),
		.count_handles = 1,
	};

	return loom_call(fd, DRM_IOCTL_SYNCOBJ_WAIT, &args);
}

int syncobj_wait(int fd, __u32 handle)
{
	return syncobj_wait_ms(fd, handle, WAIT_MS);
}

int syncobj_timeline_wait(int fd, __u32 handle, __u64 point)
{
	struct drm_syncobj_timeline_wait args = {
		.handles = (__u64)(uintptr_t)&handle,
		.points = (__u64)(uintptr_t)&point,
		.timeout_nsec = deadline(WAIT_MS),
		.count_handles = 1,
	};

	return loom_call(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &args);
}

int syncobj_timeline_signal(int fd, __u32 handle, __u64 point)
{
	struct drm_syncobj_timeline_array args = {
		.handles = (__u64)(uintptr_t)&handle,
		.points = (__u64)(uintptr_t)&point,
		.count_handles = 1,
	};

	return loom_call(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, &args);
}

/* ---- command buffers ---- */

void asm_begin(struct assembler *a, void *at, __u32 room)
{
	memset(at, 0, room);
	a->header = at;
	a->room = room;
	*a->header = (struct loom_cmdbuf){
		.magic = LOOM_CMDBUF_MAGIC,
		.isa_version = LOOM_ISA_VERSION,
		.size = sizeof(*a->header),
		.lease_bytes = WORLD_LEASE,
	};
}

void *asm_add(struct assembler *a, enum loom_opcode opcode, __u16 size, __u32 wait)
{
	struct loom_cmd *cmd = (void *)((char *)a->header + a->header->size);

	if (a->header->size + size > a->room)
		abort();

	*cmd = (struct loom_cmd){ .opcode = opcode, .size = size, .wait = wait };
	a->header->size += size;
	a->header->num_cmds++;
	return cmd;
}

void asm_nop(struct assembler *a)
{
	asm_add(a, LOOM_OP_NOP, sizeof(struct loom_cmd), 0);
}

void asm_fetch(struct assembler *a, __u64 va, __u32 bytes)
{
	struct loom_cmd_fetch *cmd = asm_add(a, LOOM_OP_FETCH, sizeof(*cmd), 0);

	cmd->va = va;
	cmd->bytes = bytes;
	a->header->weight_bytes += bytes;
}

void asm_move(struct assembler *a, enum loom_opcode opcode, __u64 va, __u32 off, __u32 bytes,
	      __u32 wait)
{
	struct loom_cmd_move *cmd = asm_add(a, opcode, sizeof(*cmd), wait);

	cmd->va = va;
	cmd->off = off;
	cmd->rows = 1;
	cmd->row_bytes = bytes;
}

static struct loom_operand vector_operand(enum loom_space space, __u32 off)
{
	return (struct loom_operand){
		.off = off,
		.space = space,
		.dtype = LOOM_F32,
		.stride[LOOM_MAX_DIMS - 1] = 1,
	};
}

void asm_add_f32(struct assembler *a, __u32 lease_a, __u32 weights_b, __u32 lease_dst,
		 __u32 count, __u32 wait)
{
	struct loom_cmd_binary *cmd = asm_add(a, LOOM_OP_BINARY, sizeof(*cmd), wait);
	int i;

	cmd->fn = LOOM_BIN_ADD;
	for (i = 0; i < LOOM_MAX_DIMS - 1; i++)
		cmd->dims[i] = 1;
	cmd->dims[LOOM_MAX_DIMS - 1] = count;
	cmd->a = vector_operand(LOOM_SPACE_LEASE, lease_a);
	cmd->b = vector_operand(LOOM_SPACE_WEIGHTS, weights_b);
	cmd->dst = vector_operand(LOOM_SPACE_LEASE, lease_dst);
}

/* ---- a world ---- */

int world_create(int fd, struct world *w)
{
	int ret;

	w->fd = fd;
	ret = vm_create(fd, WORLD_LEASE, &w->vm);
	if (ret)
		return ret;
	ret = bo_create(fd, WORLD_BYTES, &w->bo);
	if (ret)
		return ret;
	return vm_map(fd, w->vm, &w->bo, WORLD_VA, 0, WORLD_BYTES, DRM_LOOM_MAP_WRITE);
}

void world_destroy(struct world *w)
{
	vm_destroy(w->fd, w->vm);
	bo_destroy(w->fd, &w->bo);
}

static float *world_floats(const struct world *w, __u64 offset)
{
	return (float *)((char *)w->bo.map + offset);
}

void world_begin(struct world *w, struct assembler *a)
{
	asm_begin(a, (char *)w->bo.map + WORLD_CMD, WORLD_WEIGHTS - WORLD_CMD);
}

/* out[i] = in[i] + weights[i], where in[i] = seed + i and weights[i] = 3 i */
void world_program(struct world *w, float seed)
{
	__u32 bytes = WORLD_COUNT * sizeof(float), i;
	struct assembler a;

	for (i = 0; i < WORLD_COUNT; i++) {
		world_floats(w, WORLD_IN)[i] = seed + i;
		world_floats(w, WORLD_WEIGHTS)[i] = 3 * i;
	}
	memset(world_floats(w, WORLD_OUT), 0, bytes);

	world_begin(w, &a);
	asm_fetch(&a, WORLD_VA + WORLD_WEIGHTS, bytes);
	asm_move(&a, LOOM_OP_LOAD, WORLD_VA + WORLD_IN, 0, bytes, 0);
	asm_add_f32(&a, 0, 0, bytes, WORLD_COUNT, 1);
	asm_move(&a, LOOM_OP_STORE, WORLD_VA + WORLD_OUT, bytes, bytes, 1);
}

bool world_holds(const struct world *w, float first, float step)
{
	__u32 i;

	for (i = 0; i < WORLD_COUNT; i++)
		if (world_floats(w, WORLD_OUT)[i] != first + step * i)
			return false;
	return true;
}

bool world_done(const struct world *w, float seed)
{
	return world_holds(w, seed, 1 + 3);
}

bool world_untouched(const struct world *w)
{
	return world_holds(w, 0, 0);
}

struct drm_loom_job world_job(const struct world *w, __u16 slot, __u64 user_data)
{
	const struct loom_cmdbuf *header = (void *)((char *)w->bo.map + WORLD_CMD);

	return (struct drm_loom_job){
		.cmd_va = WORLD_VA + WORLD_CMD,
		.cmd_size = header->size,
		.vm_slot = slot,
		.user_data = user_data,
	};
}

int slow_create(const struct world *w, __u16 slot, struct bo *bo, struct drm_loom_job *job)
{
	struct assembler a;
	__u32 i;
	int ret;

	ret = bo_create(w->fd, PAGE + SLOW_NOPS * sizeof(struct loom_cmd), bo);
	if (ret)
		return ret;

	asm_begin(&a, bo->map, bo->size);
	for (i = 0; i < SLOW_NOPS; i++)
		asm_nop(&a);
	*job = (struct drm_loom_job){
		.cmd_va = SLOW_VA,
		.cmd_size = a.header->size,
		.vm_slot = slot,
	};
	return vm_map(w->fd, w->vm, bo, SLOW_VA, 0, bo->size, 0);
}

/* ---- submission ---- */

void submission_init(struct submission *s, __u32 queue, const struct drm_loom_job *jobs,
		     __u32 num_jobs, const struct bo *results)
{
	*s = (struct submission){
		.args = {
			.queue_id = queue,
			.num_jobs = num_jobs,
			.results_handle = results ? results->handle : 0,
			.jobs = (__u64)(uintptr_t)jobs,
		},
	};
}

void submission_wait_for(struct submission *s, __u32 syncobj, __u64 point)
{
	s->in = (struct drm_loom_sync){ .handle = syncobj, .point = point };
	s->args.num_in_syncs = 1;
	s->args.in_syncs = (__u64)(uintptr_t)&s->in;
}

void submission_signal(struct submission *s, __u32 syncobj, __u64 point)
{
	s->out = (struct drm_loom_sync){ .handle = syncobj, .point = point };
	s->args.num_out_syncs = 1;
	s->args.out_syncs = (__u64)(uintptr_t)&s->out;
}

int submission_run(int fd, const struct submission *s)
{
	struct drm_loom_submit args = s->args;

	return loom_call(fd, DRM_IOCTL_LOOM_SUBMIT, &args);
}

int submit_and_wait(int fd, __u32 queue, const struct drm_loom_job *jobs, __u32 num_jobs,
		    const struct bo *results)
{
	__u32 syncobj = syncobj_create(fd);
	struct submission s;
	int ret;

	submission_init(&s, queue, jobs, num_jobs, results);
	submission_signal(&s, syncobj, 0);
	ret = submission_run(fd, &s);
	if (!ret)
		ret = syncobj_wait(fd, syncobj);
	syncobj_destroy(fd, syncobj);
	return ret;
}
