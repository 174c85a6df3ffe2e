// SPDX-License-Identifier: MIT
/*
 * The drm back end: the kernel driver, through libdrm.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/udmabuf.h>
#include <xf86drm.h>

#include "internal.h"

struct drm_dev {
	struct loom_dev base;
	int fd;
	int udmabuf;	/* -1: not opened yet */
};

static struct drm_dev *to_drm(const struct loom_dev *dev)
{
	return (struct drm_dev *)dev;
}

/* ---- opening ---- */

/* 0, -ENODEV for another driver's node, or what is wrong with a node of ours. */
static int check_node(int fd, const char *path)
{
	drmVersionPtr version = drmGetVersion(fd);
	int err = 0;

	if (!version || strcmp(version->name, "loom"))
		err = loom_fail(-ENODEV, "%s is not a Loom device", path);
	else if (version->version_major != DRM_LOOM_MAJOR)
		err = loom_fail(-EPROTO,
				"%s: the driver has interface %d.%d, this library %d.%d", path,
				version->version_major, version->version_minor, DRM_LOOM_MAJOR,
				DRM_LOOM_MINOR);
	drmFreeVersion(version);
	return err;
}

static int open_node(const char *path)
{
	int err, fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		err = -errno;
		return loom_fail(err, "%s: %s", path, strerror(-err));
	}
	err = check_node(fd, path);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

static int accel_entry(const struct dirent *entry)
{
	return !strncmp(entry->d_name, "accel", 5);
}

/* libdrm knows no accel nodes: in the order of their numbers, the first that says it is a Loom. */
static int open_first(void)
{
	int err = loom_fail(-ENODEV,
			    "no Loom device: is loom.ko loaded? (no node in /sys/class/accel)");
	struct dirent **entries;
	int i, num, fd = -1;

	num = scandir("/sys/class/accel", &entries, accel_entry, versionsort);
	if (num < 0)
		return err;
	for (i = 0; i < num; i++) {
		char path[300];

		snprintf(path, sizeof(path), "/dev/accel/%s", entries[i]->d_name);
		if (fd < 0) {
			fd = open_node(path);
			/* A Loom that cannot be used is worth more words than none at all. */
			if (fd < 0 && (err == -ENODEV || fd != -ENODEV))
				err = fd;
		}
		free(entries[i]);
	}
	free(entries);
	return fd < 0 ? err : fd;
}

static int drm_open(const char *spec, struct loom_dev **out)
{
	struct drm_dev *dev;
	int fd = spec && *spec ? open_node(spec) : open_first();

	if (fd < 0)
		return fd;
	dev = calloc(1, sizeof(*dev));
	if (!dev) {
		close(fd);
		return loom_fail(-ENOMEM, "out of memory");
	}
	dev->fd = fd;
	dev->udmabuf = -1;
	*out = &dev->base;
	return 0;
}

static void drm_close(struct loom_dev *dev)
{
	close(to_drm(dev)->fd);
	if (to_drm(dev)->udmabuf >= 0)
		close(to_drm(dev)->udmabuf);
	free(dev);
}

static int drm_fd(const struct loom_dev *dev)
{
	return to_drm(dev)->fd;
}

/* ---- ioctls ---- */

static const char *ioctl_name(unsigned long request)
{
	switch (request) {
	case DRM_IOCTL_LOOM_QUERY:
		return "query";
	case DRM_IOCTL_LOOM_BO_CREATE:
		return "create a buffer";
	case DRM_IOCTL_LOOM_BO_MMAP:
		return "map a buffer";
	case DRM_IOCTL_GEM_CLOSE:
		return "close a buffer";
	case DRM_IOCTL_LOOM_VM_CREATE:
		return "create a VM";
	case DRM_IOCTL_LOOM_VM_DESTROY:
		return "destroy a VM";
	case DRM_IOCTL_LOOM_VM_BIND:
		return "map into a VM";
	case DRM_IOCTL_LOOM_QUEUE_CREATE:
		return "create a queue";
	case DRM_IOCTL_LOOM_QUEUE_DESTROY:
		return "destroy a queue";
	case DRM_IOCTL_LOOM_QUEUE_SET_VM:
		return "set a queue's VM";
	case DRM_IOCTL_LOOM_SUBMIT:
		return "submit";
	}
	return "ioctl";
}

static int drm_do_ioctl(struct loom_dev *dev, unsigned long request, void *arg)
{
	int err;

	if (!drmIoctl(to_drm(dev)->fd, request, arg))
		return 0;
	err = -errno;
	return loom_fail(err, "cannot %s: %s", ioctl_name(request), strerror(-err));
}

static void *drm_bo_map(struct loom_dev *dev, uint32_t handle, uint64_t size)
{
	struct drm_loom_bo_mmap args = { .handle = handle };
	void *map;

	if (loom_dev_ioctl(dev, DRM_IOCTL_LOOM_BO_MMAP, &args))
		return NULL;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, to_drm(dev)->fd, args.offset);
	if (map != MAP_FAILED)
		return map;
	loom_fail(-errno, "cannot map a buffer of %" PRIu64 " bytes: %s", size, strerror(errno));
	return NULL;
}

static void drm_bo_unmap(struct loom_dev *dev, void *map, uint64_t size)
{
	munmap(map, size);
}

/* ---- memfds: udmabuf makes a dma-buf of their pages, which is imported as any other ---- */

static int make_dmabuf(struct drm_dev *dev, int memfd, uint64_t size)
{
	struct udmabuf_create create = {
		.memfd = memfd,
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.size = size,
	};
	int err, fd;

	if (dev->udmabuf < 0)
		dev->udmabuf = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	if (dev->udmabuf < 0) {
		err = -errno;
		return loom_fail(err, "/dev/udmabuf: %s", strerror(-err));
	}
	loom_count_ioctl(&dev->base);
	fd = ioctl(dev->udmabuf, UDMABUF_CREATE, &create);
	if (fd >= 0)
		return fd;
	err = -errno;
	return loom_fail(err, "/dev/udmabuf: %" PRIu64 " bytes of a memfd: %s", size,
			 strerror(-err));
}

static int import_dmabuf(struct drm_dev *dev, int dmabuf, uint32_t *handle)
{
	int err;

	loom_count_ioctl(&dev->base);
	if (!drmPrimeFDToHandle(dev->fd, dmabuf, handle))
		return 0;
	err = -errno;
	return loom_fail(err, "cannot import a memfd's pages: %s", strerror(-err));
}

static int drm_bo_import(struct loom_dev *base, int memfd, uint64_t size, uint32_t *handle,
			 void **map)
{
	struct drm_dev *dev = to_drm(base);
	int err, dmabuf;

	/* The node maps no buffers of others: we have the memfd. */
	*map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	if (*map == MAP_FAILED)
		return loom_fail(-errno, "cannot map a memfd: %s", strerror(errno));
	dmabuf = make_dmabuf(dev, memfd, size);
	err = dmabuf < 0 ? dmabuf : import_dmabuf(dev, dmabuf, handle);
	if (dmabuf >= 0)
		close(dmabuf);
	if (err)
		munmap(*map, size);
	return err;
}

/* ---- submit and wait ---- */

static int64_t absolute(uint64_t timeout_ns)
{
	struct timespec now;
	uint64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = now.tv_sec * 1000000000ull + now.tv_nsec;
	return timeout_ns > INT64_MAX - ns ? INT64_MAX : (int64_t)(ns + timeout_ns);
}

static int drm_submit_wait(struct loom_dev *dev, struct drm_loom_submit *submit,
			   uint64_t timeout_ns)
{
	struct drm_loom_sync sync = { 0 };
	int fd = to_drm(dev)->fd;
	int err;

	loom_count_ioctl(dev);
	if (drmSyncobjCreate(fd, 0, &sync.handle)) {
		err = -errno;
		return loom_fail(err, "cannot create a syncobj: %s", strerror(-err));
	}
	submit->num_out_syncs = 1;
	submit->out_syncs = (uintptr_t)&sync;
	err = loom_dev_ioctl(dev, DRM_IOCTL_LOOM_SUBMIT, submit);
	if (err)
		goto destroy_syncobj;
	loom_count_ioctl(dev);
	err = drmSyncobjWait(fd, &sync.handle, 1, absolute(timeout_ns), 0, NULL);
	if (err)
		loom_fail(err, "waiting for the jobs: %s", strerror(-err));

destroy_syncobj:
	loom_count_ioctl(dev);
	drmSyncobjDestroy(fd, sync.handle);
	return err;
}

/* ---- rings ---- */

/* io_uring can be forbidden (sysctl kernel.io_uring_disabled): then by ioctl. */
static int drm_ring_create(struct loom_dev *dev, unsigned int entries, struct loom_ring **ring)
{
	int err = -ENOSYS;

	if (!getenv("LOOM_NO_URING"))
		err = loom_ring_uring_create(dev, entries, ring);
	if (err == -EPERM || err == -ENOSYS || err == -EINVAL)
		err = loom_ring_ioctl_create(dev, entries, ring);
	return err;
}

const struct loom_backend loom_backend_drm = {
	.open = drm_open,
	.close = drm_close,
	.fd = drm_fd,
	.ioctl = drm_do_ioctl,
	.bo_map = drm_bo_map,
	.bo_unmap = drm_bo_unmap,
	.bo_import = drm_bo_import,
	.submit_wait = drm_submit_wait,
	.ring_create = drm_ring_create,
};
