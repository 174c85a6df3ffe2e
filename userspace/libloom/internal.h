/* SPDX-License-Identifier: MIT */
/*
 * internal.h - what the files of libloom know of each other.
 */
#ifndef LOOM_INTERNAL_H
#define LOOM_INTERNAL_H

#include <errno.h>

#include "loom.h"

#pragma GCC visibility push(hidden)

/* Set loom_error() and return err, so that a refusal is one statement. */
int loom_fail(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * A back end answers the ioctls of loom_accel.h (and GEM_CLOSE): the kernel's driver by being one,
 * the simulator by playing it. Every operation returns a negative errno and has set loom_error().
 */
struct loom_backend {
	int (*open)(const char *spec, struct loom_dev **dev);
	void (*close)(struct loom_dev *dev);
	int (*fd)(const struct loom_dev *dev);
	int (*ioctl)(struct loom_dev *dev, unsigned long request, void *arg);
	void *(*bo_map)(struct loom_dev *dev, uint32_t handle, uint64_t size);
	void (*bo_unmap)(struct loom_dev *dev, void *map, uint64_t size);
	/* A memfd that was checked, size in pages: a handle, and the map that bo_unmap() undoes. */
	int (*bo_import)(struct loom_dev *dev, int memfd, uint64_t size, uint32_t *handle,
			 void **map);
	/* Submit and wait until all jobs are done. -ETIME: they are still under way. */
	int (*submit_wait)(struct loom_dev *dev, struct drm_loom_submit *submit,
			   uint64_t timeout_ns);
	int (*ring_create)(struct loom_dev *dev, unsigned int entries, struct loom_ring **ring);
};

extern const struct loom_backend loom_backend_drm;
/* Weak: the simulator is linked only into what asks for them. */
extern const struct loom_backend loom_backend_sim __attribute__((weak));

struct loom_dev {
	const struct loom_backend *ops;
	struct loom_hw_caps caps;
	uint64_t ioctls;		/* by all threads */
};

struct loom_bo {
	struct loom_dev *dev;
	uint32_t handle;
	uint64_t size;
	void *map;
};

struct loom_vm {
	struct loom_dev *dev;
	uint32_t id;
};

struct loom_queue {
	struct loom_dev *dev;
	uint32_t id;
	struct loom_bo *results;	/* of loom_submit_wait() */
};

struct loom_ring_ops {
	void (*destroy)(struct loom_ring *ring);
	/* The jobs are to be copied. results: the buffer that submit names, or NULL. */
	int (*prep)(struct loom_ring *ring, const struct drm_loom_submit *submit,
		    struct loom_bo *results, uint64_t tag);
	int (*enter)(struct loom_ring *ring, unsigned int wait, uint64_t timeout_ns);
	int (*reap)(struct loom_ring *ring, struct loom_ring_cqe *cqe);
	int (*cancel)(struct loom_ring *ring, uint64_t tag);
	int (*fd)(const struct loom_ring *ring);
	int (*poll)(struct loom_ring *ring, int fd, uint64_t tag);
	int (*poll_remove)(struct loom_ring *ring, uint64_t tag);
};

struct loom_ring {
	const struct loom_ring_ops *ops;
	struct loom_dev *dev;
	struct loom_ring_stats stats;
	uint64_t ioctls_before;		/* made by the device before the ring was there */
};

void loom_count_ioctl(struct loom_dev *dev);
int loom_dev_ioctl(struct loom_dev *dev, unsigned long request, void *arg);
int loom_dev_query(struct loom_dev *dev, uint32_t type, uint32_t index, void *data, uint32_t size);
/* The first `range` bytes of the buffer. */
int loom_vm_map_range(struct loom_vm *vm, struct loom_bo *bo, uint64_t va, uint64_t range,
		      uint32_t flags);

/* The ring without io_uring: ioctls and syncobjs (ring_ioctl.c). */
int loom_ring_ioctl_create(struct loom_dev *dev, unsigned int entries, struct loom_ring **ring);
/* The ring over io_uring (ring_uring.c). -EPERM, -ENOSYS, -EINVAL: not here. */
int loom_ring_uring_create(struct loom_dev *dev, unsigned int entries, struct loom_ring **ring);

#pragma GCC visibility pop

#endif /* LOOM_INTERNAL_H */
