// SPDX-License-Identifier: MIT
/*
 * Devices, buffers, address spaces and queues: the uapi with handles made into objects.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <drm.h>
#include <linux/magic.h>

#include "fault.h"
#include "internal.h"

#define PAGE 4096ull

static _Thread_local uint64_t thread_ioctls;

void loom_count_ioctl(struct loom_dev *dev)
{
	__atomic_fetch_add(&dev->ioctls, 1, __ATOMIC_RELAXED);
	thread_ioctls++;
}

uint64_t loom_thread_ioctls(void)
{
	return thread_ioctls;
}

int loom_dev_ioctl(struct loom_dev *dev, unsigned long request, void *arg)
{
	loom_count_ioctl(dev);
	return dev->ops->ioctl(dev, request, arg);
}

int loom_dev_query(struct loom_dev *dev, uint32_t type, uint32_t index, void *data, uint32_t size)
{
	struct drm_loom_query query = {
		.type = type,
		.index = index,
		.size = size,
		.data = (uintptr_t)data,
	};

	/* An older driver may know less than we ask for: what it does not fill is zero. */
	memset(data, 0, size);
	return loom_dev_ioctl(dev, DRM_IOCTL_LOOM_QUERY, &query);
}

static int check_versions(const struct loom_hw_caps *caps)
{
	if (caps->hw_version >> 16 != LOOM_HW_MAJOR)
		return loom_fail(-EPROTO,
				 "the device speaks hardware interface %u.%u, this library %u.%u",
				 caps->hw_version >> 16, caps->hw_version & 0xffff,
				 LOOM_HW_MAJOR, LOOM_HW_MINOR);
	if (caps->isa_version >> 16 != LOOM_ISA_MAJOR)
		return loom_fail(-EPROTO,
				 "the device runs instruction set %u.%u, this library knows %u.%u",
				 caps->isa_version >> 16, caps->isa_version & 0xffff,
				 LOOM_ISA_MAJOR, LOOM_ISA_MINOR);
	return 0;
}

int loom_dev_open(const char *spec, struct loom_dev **out)
{
	const struct loom_backend *ops = &loom_backend_drm;
	struct loom_dev *dev;
	int err;

	if (spec && !strncmp(spec, "sim:", 4)) {
		if (!&loom_backend_sim)
			return loom_fail(-ENODEV,
					 "%s: this program was built without the sim back end",
					 spec);
		ops = &loom_backend_sim;
		spec += 4;
	} else if (spec && !strncmp(spec, "drm:", 4)) {
		spec += 4;
	}

	err = ops->open(spec, &dev);
	if (err)
		return err;
	dev->ops = ops;
	err = loom_dev_query(dev, DRM_LOOM_QUERY_DEVICE, 0, &dev->caps, sizeof(dev->caps));
	if (!err)
		err = check_versions(&dev->caps);
	if (err) {
		ops->close(dev);
		return err;
	}
	dev->caps.preset[sizeof(dev->caps.preset) - 1] = 0;
	*out = dev;
	return 0;
}

void loom_dev_close(struct loom_dev *dev)
{
	if (dev)
		dev->ops->close(dev);
}

int loom_dev_fd(const struct loom_dev *dev)
{
	return dev->ops->fd(dev);
}

const struct loom_hw_caps *loom_dev_caps(const struct loom_dev *dev)
{
	return &dev->caps;
}

int loom_dev_counters(struct loom_dev *dev, unsigned int core, struct loom_hw_counters *counters)
{
	return loom_dev_query(dev, DRM_LOOM_QUERY_COUNTERS, core, counters, sizeof(*counters));
}

int loom_dev_time(struct loom_dev *dev, struct drm_loom_time *time)
{
	return loom_dev_query(dev, DRM_LOOM_QUERY_TIME, 0, time, sizeof(*time));
}

/* ---- buffers ---- */

int loom_bo_create(struct loom_dev *dev, uint64_t size, struct loom_bo **out)
{
	struct drm_loom_bo_create args = { .size = size };
	struct loom_bo *bo;
	int err;

	bo = calloc(1, sizeof(*bo));
	if (!bo)
		return loom_fail(-ENOMEM, "out of memory");
	err = loom_dev_ioctl(dev, DRM_IOCTL_LOOM_BO_CREATE, &args);
	if (err) {
		free(bo);
		return err;
	}
	bo->dev = dev;
	bo->handle = args.handle;
	bo->size = args.size;
	*out = bo;
	return 0;
}

/* What /dev/udmabuf wants of it, in words, and the same on sim. */
static int check_memfd(int memfd, uint64_t size)
{
	int seals = fcntl(memfd, F_GET_SEALS);
	struct statfs fs;
	struct stat st;

	if (seals < 0 || fstat(memfd, &st) || fstatfs(memfd, &fs))
		return loom_fail(-EINVAL, "import: descriptor %d is not a memfd", memfd);
	if (fs.f_type != TMPFS_MAGIC)
		return loom_fail(-EINVAL, "import: a memfd with huge pages is not taken");
	if (!(seals & F_SEAL_SHRINK))
		return loom_fail(-EPERM, "import: the memfd lacks F_SEAL_SHRINK");
	if (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return loom_fail(-EPERM, "import: the memfd is sealed against writing");
	if (!size || size > (uint64_t)st.st_size)
		return loom_fail(-EINVAL, "import: %llu bytes of a memfd that has %llu, in pages",
				 (unsigned long long)size, (unsigned long long)st.st_size);
	return 0;
}

int loom_bo_import_memfd(struct loom_dev *dev, int memfd, uint64_t size, struct loom_bo **out)
{
	struct loom_bo *bo;
	int err;

	size = size > UINT64_MAX - PAGE ? 0 : (size + PAGE - 1) & ~(PAGE - 1);
	err = check_memfd(memfd, size);
	if (err)
		return err;
	bo = calloc(1, sizeof(*bo));
	if (!bo)
		return loom_fail(-ENOMEM, "out of memory");
	err = dev->ops->bo_import(dev, memfd, size, &bo->handle, &bo->map);
	if (err) {
		free(bo);
		return err;
	}
	bo->dev = dev;
	bo->size = size;
	*out = bo;
	return 0;
}

void loom_bo_destroy(struct loom_bo *bo)
{
	struct drm_gem_close args = { 0 };

	if (!bo)
		return;
	if (bo->map)
		bo->dev->ops->bo_unmap(bo->dev, bo->map, bo->size);
	args.handle = bo->handle;
	loom_dev_ioctl(bo->dev, DRM_IOCTL_GEM_CLOSE, &args);
	free(bo);
}

void *loom_bo_map(struct loom_bo *bo)
{
	if (!bo->map)
		bo->map = bo->dev->ops->bo_map(bo->dev, bo->handle, bo->size);
	return bo->map;
}

uint64_t loom_bo_size(const struct loom_bo *bo)
{
	return bo->size;
}

uint32_t loom_bo_handle(const struct loom_bo *bo)
{
	return bo->handle;
}

/* ---- address spaces ---- */

int loom_vm_create(struct loom_dev *dev, uint32_t lease_bytes, struct loom_vm **out)
{
	struct drm_loom_vm_create args = { .lease_bytes = lease_bytes };
	struct loom_vm *vm;
	int err;

	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return loom_fail(-ENOMEM, "out of memory");
	err = loom_dev_ioctl(dev, DRM_IOCTL_LOOM_VM_CREATE, &args);
	if (err) {
		free(vm);
		return err;
	}
	vm->dev = dev;
	vm->id = args.vm_id;
	*out = vm;
	return 0;
}

void loom_vm_destroy(struct loom_vm *vm)
{
	struct drm_loom_vm_destroy args = { 0 };

	if (!vm)
		return;
	args.vm_id = vm->id;
	loom_dev_ioctl(vm->dev, DRM_IOCTL_LOOM_VM_DESTROY, &args);
	free(vm);
}

int loom_vm_map_range(struct loom_vm *vm, struct loom_bo *bo, uint64_t va, uint64_t range,
		      uint32_t flags)
{
	struct drm_loom_vm_bind args = {
		.vm_id = vm->id,
		.op = DRM_LOOM_VM_MAP,
		.handle = bo->handle,
		.flags = flags,
		.va = va,
		.range = range,
	};

	return loom_dev_ioctl(vm->dev, DRM_IOCTL_LOOM_VM_BIND, &args);
}

int loom_vm_map(struct loom_vm *vm, struct loom_bo *bo, uint64_t va, uint32_t flags)
{
	return loom_vm_map_range(vm, bo, va, bo->size, flags);
}

int loom_vm_unmap(struct loom_vm *vm, uint64_t va, uint64_t range)
{
	struct drm_loom_vm_bind args = {
		.vm_id = vm->id,
		.op = DRM_LOOM_VM_UNMAP,
		.va = va,
		.range = range,
	};

	return loom_dev_ioctl(vm->dev, DRM_IOCTL_LOOM_VM_BIND, &args);
}

int loom_vm_info(struct loom_vm *vm, struct drm_loom_vm_info *info)
{
	return loom_dev_query(vm->dev, DRM_LOOM_QUERY_VM, vm->id, info, sizeof(*info));
}

uint32_t loom_vm_id(const struct loom_vm *vm)
{
	return vm->id;
}

/* ---- queues ---- */

int loom_queue_create(struct loom_dev *dev, const struct drm_loom_queue_create *args,
		      struct loom_queue **out)
{
	struct drm_loom_queue_create create = *args;
	struct loom_queue *queue;
	int err;

	queue = calloc(1, sizeof(*queue));
	if (!queue)
		return loom_fail(-ENOMEM, "out of memory");
	err = loom_dev_ioctl(dev, DRM_IOCTL_LOOM_QUEUE_CREATE, &create);
	if (err) {
		free(queue);
		return err;
	}
	queue->dev = dev;
	queue->id = create.queue_id;
	*out = queue;
	return 0;
}

void loom_queue_destroy(struct loom_queue *queue)
{
	struct drm_loom_queue_destroy args = { 0 };

	if (!queue)
		return;
	args.queue_id = queue->id;
	loom_dev_ioctl(queue->dev, DRM_IOCTL_LOOM_QUEUE_DESTROY, &args);
	loom_bo_destroy(queue->results);
	free(queue);
}

int loom_queue_set_vm(struct loom_queue *queue, uint32_t slot, struct loom_vm *vm)
{
	struct drm_loom_queue_set_vm args = {
		.queue_id = queue->id,
		.slot = slot,
		.vm_id = vm ? vm->id : 0,
	};

	return loom_dev_ioctl(queue->dev, DRM_IOCTL_LOOM_QUEUE_SET_VM, &args);
}

uint32_t loom_queue_id(const struct loom_queue *queue)
{
	return queue->id;
}

/* ---- submit and wait ---- */

static int queue_results(struct loom_queue *queue)
{
	int err;

	if (queue->results)
		return 0;
	err = loom_bo_create(queue->dev,
			     DRM_LOOM_SUBMIT_MAX_JOBS * sizeof(struct drm_loom_result),
			     &queue->results);
	if (err)
		return err;
	if (loom_bo_map(queue->results))
		return 0;
	loom_bo_destroy(queue->results);
	queue->results = NULL;
	return loom_fail(-ENOMEM, "cannot map the results: %s", loom_error());
}

/* The first job that failed decides. */
static int first_status(const struct drm_loom_result *results, unsigned int num)
{
	unsigned int i;

	for (i = 0; i < num; i++)
		if (results[i].status)
			return loom_fail(results[i].status,
					 "job %u: %s (command %d, address 0x%llx)", i,
					 loom_fault_name(results[i].fault),
					 (int)results[i].fault_cmd,
					 (unsigned long long)results[i].fault_addr);
	return 0;
}

int loom_submit_wait(struct loom_queue *queue, const struct drm_loom_job *jobs, unsigned int num,
		     struct drm_loom_result *results, uint64_t timeout_ns)
{
	struct drm_loom_submit submit = {
		.queue_id = queue->id,
		.num_jobs = num,
		.jobs = (uintptr_t)jobs,
	};
	int err;

	err = queue_results(queue);
	if (err)
		return err;
	submit.results_handle = queue->results->handle;
	err = queue->dev->ops->submit_wait(queue->dev, &submit, timeout_ns);
	if (err == -ETIME || err == -EINTR) {
		/* The jobs still write there: leave it to them. */
		loom_bo_destroy(queue->results);
		queue->results = NULL;
	}
	if (err)
		return err;
	if (results)
		memcpy(results, queue->results->map, num * sizeof(*results));
	return first_status(queue->results->map, num);
}
