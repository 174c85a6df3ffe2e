/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the test programs share: calls that return 0 or -errno, and a "world": a VM with one buffer
 * that holds a command buffer, weights, an input and an output, and a program that adds the weights
 * to the input.
 */
#ifndef LOOM_TEST_H
#define LOOM_TEST_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "drm/loom_accel.h"
#include "loom_hw.h"
#include "loom_isa.h"

#define PAGE 4096ull

/* ---- calls ---- */

int loom_open(void);
int loom_call(int fd, unsigned long request, void *arg);
int loom_caps(int fd, struct loom_hw_caps *caps);

struct bo {
	__u32 handle;
	__u64 size;
	void *map;
};

int bo_create(int fd, __u64 size, struct bo *bo);
int bo_create_unmapped(int fd, __u64 size, struct bo *bo);
void bo_destroy(int fd, struct bo *bo);

int vm_create(int fd, __u32 lease_bytes, __u32 *vm);
int vm_destroy(int fd, __u32 vm);
int vm_info(int fd, __u32 vm, struct drm_loom_vm_info *info);
int vm_map(int fd, __u32 vm, const struct bo *bo, __u64 va, __u64 offset, __u64 range,
	   __u32 flags);
int vm_unmap(int fd, __u32 vm, __u64 va, __u64 range);

int queue_create(int fd, __u32 entries, __u32 vm_slots, __u32 irq_batch, __u32 *queue);
int queue_destroy(int fd, __u32 queue);
int queue_set_vm(int fd, __u32 queue, __u32 slot, __u32 vm);

__u32 syncobj_create(int fd);
void syncobj_destroy(int fd, __u32 handle);
int syncobj_wait(int fd, __u32 handle);
int syncobj_wait_ms(int fd, __u32 handle, int ms);
int syncobj_timeline_wait(int fd, __u32 handle, __u64 point);
int syncobj_timeline_signal(int fd, __u32 handle, __u64 point);

/* ---- command buffers ---- */

struct assembler {
	struct loom_cmdbuf *header;
	__u32 room;
};

void asm_begin(struct assembler *a, void *at, __u32 room);
void *asm_add(struct assembler *a, enum loom_opcode opcode, __u16 size, __u32 wait);
void asm_fetch(struct assembler *a, __u64 va, __u32 bytes);
void asm_move(struct assembler *a, enum loom_opcode opcode, __u64 va, __u32 off, __u32 bytes,
	      __u32 wait);
void asm_add_f32(struct assembler *a, __u32 lease_a, __u32 weights_b, __u32 lease_dst,
		 __u32 count, __u32 wait);
void asm_nop(struct assembler *a);

/* ---- a world ---- */

#define WORLD_VA	0x100000ull
#define WORLD_CMD	0x0ull
#define WORLD_WEIGHTS	0x4000ull
#define WORLD_IN	0x8000ull
#define WORLD_OUT	0xc000ull
#define WORLD_BYTES	0x10000ull
#define WORLD_COUNT	256u	/* fp32 values */
#define WORLD_LEASE	8192u

struct world {
	int fd;
	__u32 vm;
	struct bo bo;
};

int world_create(int fd, struct world *w);
void world_destroy(struct world *w);
void world_program(struct world *w, float seed);
void world_begin(struct world *w, struct assembler *a);
bool world_holds(const struct world *w, float first, float step);
bool world_done(const struct world *w, float seed);
bool world_untouched(const struct world *w);
struct drm_loom_job world_job(const struct world *w, __u16 slot, __u64 user_data);

/* A job of about three milliseconds: the firmware takes its time for each command. */
#define SLOW_VA		(1ull << 33)
#define SLOW_NOPS	60000u

int slow_create(const struct world *w, __u16 slot, struct bo *bo, struct drm_loom_job *job);

/* ---- submission ---- */

struct submission {
	struct drm_loom_submit args;
	struct drm_loom_sync in, out;
};

void submission_init(struct submission *s, __u32 queue, const struct drm_loom_job *jobs,
		     __u32 num_jobs, const struct bo *results);
void submission_wait_for(struct submission *s, __u32 syncobj, __u64 point);
void submission_signal(struct submission *s, __u32 syncobj, __u64 point);
int submission_run(int fd, const struct submission *s);
int submit_and_wait(int fd, __u32 queue, const struct drm_loom_job *jobs, __u32 num_jobs,
		    const struct bo *results);

#endif
