/* SPDX-License-Identifier: MIT */
/*
 * submit.h - what the files of `loom-bench submit` share: the price of a submission, counted in guest
 * instructions, on several paths into kernels and devices.
 *
 *   submit.c        on the host: boots the VM, makes a table of what the guest measured
 *   submit_guest.c  in the guest: options, the sliding window, counters before and after
 *   submit_loom.c   paths: io_uring, ioctl, an array of jobs in one SQE, a user-mode queue
 *   submit_nvme.c   path: the peer, NVMe passthrough by io_uring
 *   submit_scale.c  many clients, many objects
 */
#ifndef LOOM_BENCH_SUBMIT_H
#define LOOM_BENCH_SUBMIT_H

#include <jansson.h>
#include <stdint.h>

#include "bench.h"

/* What a path needs of the device, the same for all of them. */
struct submit_rig {
	struct loom_dev *dev;
	struct loom_vm *vm;
	struct loom_bo *program;	/* the command buffers of both jobs, at SUBMIT_VA */
	struct drm_loom_job instant;	/* as short as can be */
	struct drm_loom_job slice;	/* of a usual size */
};

#define SUBMIT_VA 0x100000ull

int submit_rig_open(struct submit_rig *rig);
/* A queue of the rig's VM for `depth` jobs, on a device that was opened for it or on the rig's. */
int submit_rig_queue(struct submit_rig *rig, unsigned int depth, struct loom_queue **queue);

struct submit_path {
	const char *name;
	const char *interrupt;		/* how its lines in /proc/interrupts are named */
	/* Returns NULL, with errno set, where the path is not to be had. */
	void *(*open)(struct submit_rig *rig, unsigned int depth);
	/* Submit `num`, then wait for `wait` completions. Returns how many came, or a negative errno. */
	int (*turn)(void *state, unsigned int num, unsigned int wait);
	void (*close)(void *state);
};

extern const struct submit_path submit_path_uring, submit_path_ioctl, submit_path_array, submit_path_user,
	submit_path_nvme;

int submit_measure(struct submit_rig *rig, const struct submit_path *path, unsigned int depth,
		   unsigned int commands, json_t **row);

int submit_scale_clients(struct submit_rig *rig, unsigned int clients, unsigned int queues, json_t **row);
int submit_scale_buffers(struct submit_rig *rig, unsigned int num, json_t **row);
int submit_scale_vms(struct submit_rig *rig, unsigned int num, json_t **row);

/* To the tree that this program is in build/bin of: for what boots the VM. */
int bench_enter_tree(void);
int bench_submit(int argc, char **argv);	/* host */
int bench_submit_guest(int argc, char **argv);

#endif
