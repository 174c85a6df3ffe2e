// SPDX-License-Identifier: GPL-2.0-only

#include <drm.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

/* ---- words ---- */

uint32_t pick(const uint32_t *things, uint32_t word)
{
	return word >> 27 == 31 ? word : things[(word & 0xff) % NUM_THINGS];
}

int pick_file(const struct state *s, uint32_t word)
{
	int file = s->files[(word & 0xff) % NUM_FILES];

	return file < 0 || word >> 29 ? s->files[0] : file;
}

uint64_t number(uint32_t word)
{
	uint32_t low = word & 0xffffff;

	switch (word >> 29) {
	case 0:
		return low;
	case 1:
		return 1ull << (low % 64);
	case 2:
		return (1ull << (low % 64)) - 1;
	case 3:
		return ~0ull - low % 16;
	case 4:
		return (uint64_t)(low % 64) * PAGE;
	default:
		return low % 16;
	}
}

void keep(uint32_t *things, uint32_t word, uint32_t thing)
{
	things[(word >> 8) % NUM_THINGS] = thing;
}

/* Zero, as it must be, seven times of eight. */
static uint32_t zero(uint32_t word)
{
	return word >> 29 ? 0 : word;
}

static uint64_t pointer(struct state *s, uint32_t word)
{
	switch (word >> 29) {
	case 0:
		return number(word << 3);
	case 1:
		return (uintptr_t)s->maps[word % NUM_THINGS].at;
	default:
		return (uintptr_t)s->jobs;
	}
}

static int call(struct state *s, uint32_t word, unsigned long request, void *args)
{
	return ioctl(pick_file(s, word), request, args);
}

/* ---- files ---- */

static void call_open(struct state *s, const uint32_t *w)
{
	unsigned int i = 1 + w[0] % (NUM_FILES - 1);

	if (s->files[i] >= 0)
		close(s->files[i]);
	s->files[i] = loom_open();
}

static void call_close(struct state *s, const uint32_t *w)
{
	unsigned int i = w[0] % NUM_FILES;

	close(s->files[i]);
	s->files[i] = loom_open();
}

static void call_dup_close(struct state *s, const uint32_t *w)
{
	close(dup(pick_file(s, w[0])));
}

static void call_poll(struct state *s, const uint32_t *w)
{
	struct pollfd p = { .fd = pick_file(s, w[0]), .events = w[1] };
	char buf[64];

	poll(&p, 1, 0);
	fcntl(p.fd, F_SETFL, O_NONBLOCK);
	if (read(p.fd, buf, w[2] % sizeof(buf)) < 0)
		return;
}

static void call_fdinfo(struct state *s, const uint32_t *w)
{
	char path[64], text[1024];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pick_file(s, w[0]));
	fd = open(path, O_RDONLY);
	while (fd >= 0 && read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
}

/* ---- queries and buffers ---- */

static void call_query(struct state *s, const uint32_t *w)
{
	char answer[512];
	struct drm_loom_query args = {
		.type = w[1] % 16,
		.index = w[2] & 1 ? pick(s->vms, w[2]) : number(w[2]),
		.size = number(w[3]),
		.pad = zero(w[4]),
		.data = w[5] >> 30 ? (uintptr_t)answer : pointer(s, w[5]),
	};

	if (args.data == (uintptr_t)answer && args.size > sizeof(answer))
		args.size = sizeof(answer);
	call(s, w[0], DRM_IOCTL_LOOM_QUERY, &args);
}

static void call_bo_create(struct state *s, const uint32_t *w)
{
	struct drm_loom_bo_create args = { .size = number(w[1]), .flags = zero(w[2]) };

	if (args.size > 64 << 20 && w[3] % 16)
		args.size %= 1 << 20; /* little is had by filling the memory */
	if (!call(s, w[0], DRM_IOCTL_LOOM_BO_CREATE, &args))
		keep(s->bos, w[3], args.handle);
}

static void call_map(struct state *s, const uint32_t *w)
{
	struct drm_loom_bo_mmap args = { .handle = pick(s->bos, w[1]), .pad = zero(w[2]) };
	struct mapping *m = &s->maps[w[3] % NUM_THINGS];
	size_t size = PAGE * (1 + w[4] % 8);
	void *at;

	if (call(s, w[0], DRM_IOCTL_LOOM_BO_MMAP, &args))
		return;
	at = mmap(NULL, size, w[5] % 4, w[6] % 8 ? MAP_SHARED : MAP_PRIVATE, pick_file(s, w[0]),
		  args.offset + (w[7] >> 29 ? 0 : number(w[7])));
	if (at != MAP_FAILED)
		*m = (struct mapping){ at, size };
}

/* Any place of the node, doorbells of others among them. */
static void call_map_any(struct state *s, const uint32_t *w)
{
	size_t size = PAGE * (1 + w[1] % 4);
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, pick_file(s, w[0]),
			number(w[2]) & ~(PAGE - 1));

	if (at != MAP_FAILED)
		munmap(at, size);
}

static void call_unmap(struct state *s, const uint32_t *w)
{
	struct mapping *m = &s->maps[w[0] % NUM_THINGS];

	if (m->at)
		munmap(m->at, m->size);
	*m = (struct mapping){};
}

/* Write into command buffers or rings; by read(), which survives a page that is not there. */
static void call_scribble(struct state *s, const uint32_t *w)
{
	struct mapping *m = &s->maps[w[0] % NUM_THINGS];
	int fd = open("/dev/zero", O_RDONLY), fds[2];

	if (m->at && w[1] & 1) {
		if (read(fd, (char *)m->at + w[2] % m->size, w[3] % 64) < 0)
			goto out;
	} else if (m->at && !pipe(fds)) {
		if (write(fds[1], w, MAX_WORDS * sizeof(*w)) > 0 &&
		    read(fds[0], (char *)m->at + (w[2] % m->size & ~7u), 8) < 0)
			errno = 0;
		close(fds[0]);
		close(fds[1]);
	}
out:
	close(fd);
}

static void call_gem_close(struct state *s, const uint32_t *w)
{
	struct drm_gem_close args = { .handle = pick(s->bos, w[1]) };

	call(s, w[0], DRM_IOCTL_GEM_CLOSE, &args);
}

static void call_export(struct state *s, const uint32_t *w)
{
	struct drm_prime_handle args = { .handle = pick(s->bos, w[1]), .flags = O_RDWR };

	if (!call(s, w[0], DRM_IOCTL_PRIME_HANDLE_TO_FD, &args))
		s->dmabufs[w[2] % NUM_THINGS] = args.fd;
}

static void call_import(struct state *s, const uint32_t *w)
{
	struct drm_prime_handle args = { .fd = s->dmabufs[w[1] % NUM_THINGS] };

	if (!call(s, w[0], DRM_IOCTL_PRIME_FD_TO_HANDLE, &args))
		keep(s->bos, w[2], args.handle);
}

static void call_close_dmabuf(struct state *s, const uint32_t *w)
{
	close(s->dmabufs[w[0] % NUM_THINGS]);
	s->dmabufs[w[0] % NUM_THINGS] = -1;
}

/* ---- VMs and queues ---- */

static void call_vm_create(struct state *s, const uint32_t *w)
{
	struct drm_loom_vm_create args = {
		.flags = zero(w[1]),
		.lease_bytes = number(w[2]),
		.pad = zero(w[3]),
	};

	if (!call(s, w[0], DRM_IOCTL_LOOM_VM_CREATE, &args))
		keep(s->vms, w[4], args.vm_id);
}

static void call_vm_destroy(struct state *s, const uint32_t *w)
{
	struct drm_loom_vm_destroy args = { .vm_id = pick(s->vms, w[1]), .pad = zero(w[2]) };

	call(s, w[0], DRM_IOCTL_LOOM_VM_DESTROY, &args);
}

static void call_bind(struct state *s, const uint32_t *w)
{
	struct drm_loom_vm_bind args = {
		.vm_id = pick(s->vms, w[1]),
		.op = w[2] % 8 ? w[2] & 1 : w[2],
		.flags = w[2] & 3 ? 0 : w[2] >> 3 & 1,
		.va = w[3] & 1 ? WORLD_VA : number(w[4]),
		.offset = w[5] >> 30 ? 0 : number(w[5]),
		.range = w[6] & 1 ? 4 * PAGE : number(w[6]),
	};

	if (args.op != DRM_LOOM_VM_UNMAP || w[7] % 16 == 0)
		args.handle = pick(s->bos, w[7]);
	else
		args.offset = 0;
	call(s, w[0], DRM_IOCTL_LOOM_VM_BIND, &args);
}

/* The rings of a user-mode queue are a mapping like others, which is scribbled on. */
static void map_user_queue(struct state *s, const uint32_t *w,
			   const struct drm_loom_queue_create *args)
{
	struct mapping *m = &s->maps[w[6] % NUM_THINGS];
	int fd = pick_file(s, w[0]);
	void *at;

	at = mmap(NULL, args->rings_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		  args->rings_offset);
	if (at != MAP_FAILED)
		*m = (struct mapping){ at, args->rings_bytes };
	at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, args->doorbell_offset);
	if (at != MAP_FAILED)
		s->doorbells[w[6] % NUM_THINGS] = at;
}

static void call_queue_create(struct state *s, const uint32_t *w)
{
	struct drm_loom_queue_create args = {
		.core = zero(w[1]),
		.flags = w[7] >> 30 ? zero(w[2]) : DRM_LOOM_QUEUE_USER,
		.band = w[7] & 1 ? 0 : w[7] / 2 % 8,
		.entries = w[3] >> 30 ? 8u << w[3] % 6 : number(w[3]),
		.vm_slots = w[4] >> 30 ? 1 + w[4] % 8 : number(w[4]),
		.irq_batch = w[5] >> 30 ? w[5] % 8 : number(w[5]),
	};

	if (call(s, w[0], DRM_IOCTL_LOOM_QUEUE_CREATE, &args))
		return;
	keep(s->queues, w[6], args.queue_id);
	if (args.flags & DRM_LOOM_QUEUE_USER)
		map_user_queue(s, w, &args);
}

static void call_doorbell(struct state *s, const uint32_t *w)
{
	volatile uint32_t *doorbell = s->doorbells[w[0] % NUM_THINGS];

	if (doorbell)
		*doorbell = number(w[1]);
}

static void call_queue_wait(struct state *s, const uint32_t *w)
{
	struct drm_loom_queue_wait args = {
		.queue_id = pick(s->queues, w[1]),
		.flags = zero(w[2]),
		.cq_tail = number(w[3]),
		.pad = zero(w[4]),
	};
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	args.timeout_ns = w[5] >> 30 ? now.tv_sec * 1000000000ll + now.tv_nsec + w[5] % 2000000 :
				       (int64_t)(int32_t)w[5];
	call(s, w[0], DRM_IOCTL_LOOM_QUEUE_WAIT, &args);
}

static void call_queue_destroy(struct state *s, const uint32_t *w)
{
	struct drm_loom_queue_destroy args = {
		.queue_id = pick(s->queues, w[1]),
		.pad = zero(w[2]),
	};

	call(s, w[0], DRM_IOCTL_LOOM_QUEUE_DESTROY, &args);
}

static void call_set_vm(struct state *s, const uint32_t *w)
{
	struct drm_loom_queue_set_vm args = {
		.queue_id = pick(s->queues, w[1]),
		.slot = w[2] >> 30 ? w[2] % 4 : number(w[2]),
		.vm_id = pick(s->vms, w[3]),
		.pad = zero(w[4]),
	};

	call(s, w[0], DRM_IOCTL_LOOM_QUEUE_SET_VM, &args);
}

/* ---- submission ---- */

static void change_job(struct state *s, const uint32_t *w)
{
	struct drm_loom_job *job = &s->jobs[w[0] % ARRAY_SIZE(s->jobs)];

	switch (w[0] >> 28) {
	case 0:
		job->cmd_va = number(w[1]);
		break;
	case 1:
		job->cmd_size = number(w[1]);
		break;
	case 2:
		job->vm_slot = w[1] % 5;
		break;
	case 3:
		job->flags = w[1] % 4 ? w[1] % 4 : w[1];
		break;
	}
}

/* One submission in four has shared buffers. */
static void fill_shared(struct state *s, const uint32_t *w, struct drm_loom_submit *args)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(s->shared); i++)
		s->shared[i] = (struct drm_loom_shared){
			.handle = pick(s->bos, w[5] >> 4 * i),
			.flags = zero(w[6] >> i) | (w[6] >> i & DRM_LOOM_SHARED_WRITE),
		};
	args->num_shared = w[6] >> 8 & 15 ? 1 + (w[6] & 1) : number(w[5]);
	args->shared = w[6] >> 12 & 15 ? (uintptr_t)s->shared : pointer(s, w[5]);
	args->pad = zero(w[5] << 2);
}

void fill_submit(struct state *s, const uint32_t *w, struct drm_loom_submit *args)
{
	change_job(s, w + 2);
	*args = (struct drm_loom_submit){
		.queue_id = pick(s->queues, w[1]),
		.flags = zero(w[4] << 4),
		.num_jobs = w[2] >> 29 ? 1 + w[2] % 16 : number(w[3]),
		.results_handle = w[3] & 1 ? pick(s->bos, w[3]) : 0,
		.results_offset = w[3] & 6 ? 0 : number(w[4]),
		.jobs = w[5] & 15 ? (uintptr_t)s->jobs : pointer(s, w[5]),
	};
	if (w[6] >> 30 == 0)
		fill_shared(s, w, args);
}

/* in_syncs: the caller's */
void fill_job(struct state *s, const uint32_t *w, struct drm_loom_uring_job *args)
{
	change_job(s, w + 2);
	*args = (struct drm_loom_uring_job){
		.queue_id = pick(s->queues, w[1]),
		.flags = zero(w[4] << 4),
		.results_handle = w[3] & 1 ? pick(s->bos, w[3]) : 0,
		.results_offset = w[3] & 6 ? 0 : number(w[4]),
		.num_in_syncs = w[5] & 15 ? 0 : number(w[5] >> 4),
		.job = s->jobs[w[2] % ARRAY_SIZE(s->jobs)],
	};
}

static void call_submit(struct state *s, const uint32_t *w)
{
	struct drm_loom_sync in = { .handle = pick(s->syncobjs, w[5]), .point = w[5] >> 8 & 3 };
	struct drm_loom_sync out = { .handle = pick(s->syncobjs, w[6]), .point = w[6] >> 8 & 3 };
	struct drm_loom_submit args;

	fill_submit(s, w, &args);
	args.num_in_syncs = w[7] % 4 == 0;
	args.in_syncs = (uintptr_t)&in;
	args.num_out_syncs = w[7] >> 4 & 1;
	args.out_syncs = (uintptr_t)&out;
	if (w[7] >> 24 == 0) {
		args.num_in_syncs = number(w[5]);
		args.in_syncs = pointer(s, w[6]);
	}
	call(s, w[0], DRM_IOCTL_LOOM_SUBMIT, &args);
}

/* ---- fences ---- */

static void call_syncobj_create(struct state *s, const uint32_t *w)
{
	struct drm_syncobj_create args = { .flags = w[1] & 1 };

	if (!call(s, w[0], DRM_IOCTL_SYNCOBJ_CREATE, &args))
		keep(s->syncobjs, w[2], args.handle);
}

static void call_syncobj_destroy(struct state *s, const uint32_t *w)
{
	struct drm_syncobj_destroy args = { .handle = pick(s->syncobjs, w[1]) };

	call(s, w[0], DRM_IOCTL_SYNCOBJ_DESTROY, &args);
}

static void call_syncobj_signal(struct state *s, const uint32_t *w)
{
	uint32_t handle = pick(s->syncobjs, w[1]);
	uint64_t point = w[2] % 4;
	struct drm_syncobj_timeline_array args = {
		.handles = (uintptr_t)&handle,
		.points = (uintptr_t)&point,
		.count_handles = 1,
	};

	call(s, w[0], DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, &args);
}

static void call_syncobj_wait(struct state *s, const uint32_t *w)
{
	uint32_t handle = pick(s->syncobjs, w[1]);
	struct timespec ts;
	struct drm_syncobj_wait args = {
		.handles = (uintptr_t)&handle,
		.count_handles = 1,
		.flags = w[2] & 3,
	};

	clock_gettime(CLOCK_MONOTONIC, &ts);
	args.timeout_nsec = ts.tv_sec * 1000000000ll + ts.tv_nsec + w[3] % 2000000;
	call(s, w[0], DRM_IOCTL_SYNCOBJ_WAIT, &args);
}

static void call_sync_file(struct state *s, const uint32_t *w)
{
	struct drm_syncobj_handle args = {
		.handle = pick(s->syncobjs, w[1]),
		.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE,
	};

	if (!call(s, w[0], DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &args))
		close(args.fd);
}

/* ---- anything ---- */

/* An ioctl of the driver's range, of any size, with any contents. */
static void call_any(struct state *s, const uint32_t *w)
{
	uint32_t args[64];
	unsigned int i, size, nr = DRM_COMMAND_BASE + w[1] % 24;

	for (i = 0; i < ARRAY_SIZE(args); i++)
		args[i] = i < 4 && w[7] & 1 << i ? number(w[i + 2]) :
			  zero(w[i % MAX_WORDS] * (i + 1));
	size = w[6] >> 4 & 1 ? w[6] >> 8 & 0xff : 40;
	call(s, w[0], _IOC(w[6] % 4, DRM_IOCTL_BASE, nr, size), args);
}

static void call_sleep(struct state *s, const uint32_t *w)
{
	usleep(w[0] % 200);
}

const struct call_info call_infos[] = {
	{ "open", call_open, 2 },
	{ "close", call_close, 2 },
	{ "dup-close", call_dup_close, 1 },
	{ "poll", call_poll, 1 },
	{ "fdinfo", call_fdinfo, 1 },
	{ "query", call_query, 4 },
	{ "bo-create", call_bo_create, 4 },
	{ "map", call_map, 4 },
	{ "map-any", call_map_any, 2 },
	{ "unmap", call_unmap, 2 },
	{ "scribble", call_scribble, 5 },
	{ "gem-close", call_gem_close, 2 },
	{ "export", call_export, 2 },
	{ "import", call_import, 2 },
	{ "close-dmabuf", call_close_dmabuf, 1 },
	{ "vm-create", call_vm_create, 4 },
	{ "vm-destroy", call_vm_destroy, 3 },
	{ "bind", call_bind, 8 },
	{ "queue-create", call_queue_create, 4 },
	{ "queue-destroy", call_queue_destroy, 3 },
	{ "doorbell", call_doorbell, 3 },
	{ "queue-wait", call_queue_wait, 2 },
	{ "set-vm", call_set_vm, 5 },
	{ "submit", call_submit, 12 },
	{ "syncobj-create", call_syncobj_create, 3 },
	{ "syncobj-destroy", call_syncobj_destroy, 1 },
	{ "syncobj-signal", call_syncobj_signal, 3 },
	{ "syncobj-wait", call_syncobj_wait, 3 },
	{ "sync-file", call_sync_file, 2 },
	{ "uring-setup", call_uring_setup, 3 },
	{ "uring-exit", call_uring_exit, 1 },
	{ "uring-submit", call_uring_submit, 12 },
	{ "uring-reap", call_uring_reap, 4 },
	{ "uring-cancel", call_uring_cancel, 2 },
	{ "any", call_any, 4 },
	{ "sleep", call_sleep, 2 },
};

const unsigned int num_call_infos = ARRAY_SIZE(call_infos);
