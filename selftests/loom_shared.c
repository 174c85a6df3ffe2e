// SPDX-License-Identifier: GPL-2.0-only
/*
 * Implicit fencing: buffers that are shared with those who know of nothing else. vgem stands for
 * them, whose fences end when it is told so; without it (no such module) its tests are skipped.
 */

#include <fcntl.h>
#include <liburing.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "loom_control.h"
#include "loom_test.h"

#define SEED	100
#define HELD_MS	50	/* what is held back is so for as long */
#define DONE_MS	20000

/* ---- vgem ---- */

/* Of drm/vgem_drm.h, which libdrm does not have. */
#define VGEM_FENCE_WRITE 1

struct drm_vgem_fence_attach {
	__u32 handle, flags, out_fence, pad;
};

struct drm_vgem_fence_signal {
	__u32 fence, flags;
};

#define DRM_IOCTL_VGEM_FENCE_ATTACH DRM_IOWR(DRM_COMMAND_BASE + 1, struct drm_vgem_fence_attach)
#define DRM_IOCTL_VGEM_FENCE_SIGNAL DRM_IOW(DRM_COMMAND_BASE + 2, struct drm_vgem_fence_signal)

static int vgem_open(void)
{
	struct drm_version version;
	char path[32], name[16];
	int fd, i;

	for (i = 0; i < 8; i++) {
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		memset(name, 0, sizeof(name));
		version = (struct drm_version){ .name_len = sizeof(name) - 1, .name = name };
		if (!loom_call(fd, DRM_IOCTL_VERSION, &version) && !strcmp(name, "vgem"))
			return fd;
		close(fd);
	}
	return -ENODEV;
}

static int vgem_create(int fd, __u32 *handle)
{
	struct drm_mode_create_dumb args = { .width = 1024, .height = 4, .bpp = 32 };
	int ret = loom_call(fd, DRM_IOCTL_MODE_CREATE_DUMB, &args);

	*handle = args.handle;
	return ret;
}

static int vgem_attach(int fd, __u32 handle, __u32 flags, __u32 *fence)
{
	struct drm_vgem_fence_attach args = { .handle = handle, .flags = flags };
	int ret = loom_call(fd, DRM_IOCTL_VGEM_FENCE_ATTACH, &args);

	*fence = args.out_fence;
	return ret;
}

static int vgem_signal(int fd, __u32 fence)
{
	struct drm_vgem_fence_signal args = { .fence = fence };

	return loom_call(fd, DRM_IOCTL_VGEM_FENCE_SIGNAL, &args);
}

/* ---- dma-buf ---- */

static int export_bo(int fd, __u32 handle)
{
	struct drm_prime_handle args = { .handle = handle, .flags = O_RDWR | O_CLOEXEC };
	int ret = loom_call(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &args);

	return ret ? ret : args.fd;
}

static __u32 import_bo(int fd, int dmabuf)
{
	struct drm_prime_handle args = { .fd = dmabuf };

	return loom_call(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args) ? 0 : args.handle;
}

static short ready(int dmabuf, short events, int ms)
{
	struct pollfd p = { .fd = dmabuf, .events = events };

	return poll(&p, 1, ms) < 0 ? -1 : p.revents;
}

/* What one would wait for who is about to read, or to write. */
static int export_sync_file(int dmabuf, __u32 flags)
{
	struct dma_buf_export_sync_file args = { .flags = flags };

	return ioctl(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &args) ? -errno : args.fd;
}

static int import_sync_file(int dmabuf, __u32 flags, int sync_file)
{
	struct dma_buf_import_sync_file args = { .flags = flags, .fd = sync_file };

	return ioctl(dmabuf, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &args) ? -errno : 0;
}

/* Return: 0 it is not over, 1 it is, or the error that it ended with. */
static int sync_file_status(int fd)
{
	struct sync_file_info args = {};

	return ioctl(fd, SYNC_IOC_FILE_INFO, &args) ? -errno : args.status;
}

/* ---- clients ---- */

struct client {
	int fd;
	__u32 queue, done;
	struct world w;
	struct drm_loom_job job;
	struct drm_loom_shared shared[4];
};

static int client_open(struct client *c)
{
	c->fd = loom_open();
	if (c->fd < 0)
		return c->fd;
	c->done = syncobj_create(c->fd);
	return queue_create(c->fd, 8, 1, 0, &c->queue);
}

/* Its VM has its own buffer, or another client's. */
static int client_set_up(struct client *c, int dmabuf, void *map)
{
	int ret;

	if (dmabuf < 0) {
		ret = world_create(c->fd, &c->w);
	} else {
		c->w.fd = c->fd;
		c->w.bo = (struct bo){ import_bo(c->fd, dmabuf), WORLD_BYTES, map };
		ret = vm_create(c->fd, WORLD_LEASE, &c->w.vm);
		if (!ret)
			ret = vm_map(c->fd, c->w.vm, &c->w.bo, WORLD_VA, 0, WORLD_BYTES,
				     DRM_LOOM_MAP_WRITE);
	}
	return ret ? ret : queue_set_vm(c->fd, c->queue, 0, c->w.vm);
}

static void client_prepare(struct client *c, struct submission *s, __u32 num_shared)
{
	submission_init(s, c->queue, &c->job, 1, NULL);
	s->args.num_shared = num_shared;
	s->args.shared = (__u64)(uintptr_t)c->shared;
}

static int client_submit(struct client *c, __u32 num_shared)
{
	struct submission s;

	client_prepare(c, &s, num_shared);
	submission_signal(&s, c->done, 0);
	return submission_run(c->fd, &s);
}

/* Add to what is in the output: at another place of the buffer than what the world itself does. */
#define ADD_CMD 0x2000

static struct drm_loom_job add_job(struct world *w)
{
	__u32 bytes = WORLD_COUNT * sizeof(float);
	struct assembler a;

	asm_begin(&a, (char *)w->bo.map + ADD_CMD, WORLD_WEIGHTS - ADD_CMD);
	asm_fetch(&a, WORLD_VA + WORLD_WEIGHTS, bytes);
	asm_move(&a, LOOM_OP_LOAD, WORLD_VA + WORLD_OUT, 0, bytes, 0);
	asm_add_f32(&a, 0, 0, bytes, WORLD_COUNT, 1);
	asm_move(&a, LOOM_OP_STORE, WORLD_VA + WORLD_OUT, bytes, bytes, 1);
	return (struct drm_loom_job){
		.cmd_va = WORLD_VA + ADD_CMD,
		.cmd_size = a.header->size,
	};
}

/*
 * Two clients with one buffer: the first one's job writes the output, the second one's adds to what
 * it finds there. Of the gate, a buffer of vgem, the first has a handle too.
 */
FIXTURE(shared) {
	struct client writer, adder;
	int dmabuf;
	int vgem, gate_dmabuf;
	__u32 gate, gate_here, fence;
};

FIXTURE_SETUP(shared)
{
	struct client *w = &self->writer, *a = &self->adder;

	ASSERT_EQ(0, client_open(w));
	ASSERT_EQ(0, client_set_up(w, -1, NULL));
	self->dmabuf = export_bo(w->fd, w->w.bo.handle);
	ASSERT_LE(0, self->dmabuf);
	ASSERT_EQ(0, client_open(a));
	ASSERT_EQ(0, client_set_up(a, self->dmabuf, w->w.bo.map));
	world_program(&w->w, SEED);
	w->job = world_job(&w->w, 0, 1);
	a->job = add_job(&w->w);
	w->shared[0] = (struct drm_loom_shared){ w->w.bo.handle, DRM_LOOM_SHARED_WRITE };
	a->shared[0] = (struct drm_loom_shared){ a->w.bo.handle, DRM_LOOM_SHARED_WRITE };

	self->vgem = vgem_open();
	if (self->vgem < 0)
		SKIP(return, "there is no vgem");
	ASSERT_EQ(0, vgem_create(self->vgem, &self->gate));
	self->gate_dmabuf = export_bo(self->vgem, self->gate);
	ASSERT_LE(0, self->gate_dmabuf);
	self->gate_here = import_bo(w->fd, self->gate_dmabuf);
	ASSERT_NE(0, self->gate_here);
	w->shared[1] = (struct drm_loom_shared){ self->gate_here };
}

FIXTURE_TEARDOWN(shared)
{
	close(self->adder.fd);
	close(self->writer.fd);
	close(self->dmabuf);
	text_to(HANG_MS, "2000");
	if (self->vgem < 0)
		return;
	close(self->gate_dmabuf);
	close(self->vgem);
}

static int gate_close(struct _test_data_shared *self, __u32 flags)
{
	return vgem_attach(self->vgem, self->gate, flags, &self->fence);
}

static int gate_open(struct _test_data_shared *self)
{
	return vgem_signal(self->vgem, self->fence);
}

/* ---- it waits ---- */

TEST_F(shared, reader_waits_for_writer)
{
	ASSERT_EQ(0, gate_close(self, VGEM_FENCE_WRITE));
	ASSERT_EQ(0, client_submit(&self->writer, 2));
	EXPECT_EQ(-ETIME, syncobj_wait_ms(self->writer.fd, self->writer.done, HELD_MS));
	EXPECT_TRUE(world_untouched(&self->writer.w));
	ASSERT_EQ(0, gate_open(self));
	EXPECT_EQ(0, syncobj_wait(self->writer.fd, self->writer.done));
	EXPECT_TRUE(world_done(&self->writer.w, SEED));
}

TEST_F(shared, writer_waits_for_reader)
{
	ASSERT_EQ(0, gate_close(self, 0));
	ASSERT_EQ(0, client_submit(&self->writer, 2));
	EXPECT_EQ(0, syncobj_wait(self->writer.fd, self->writer.done));

	self->writer.shared[1].flags = DRM_LOOM_SHARED_WRITE;
	ASSERT_EQ(0, client_submit(&self->writer, 2));
	EXPECT_EQ(-ETIME, syncobj_wait_ms(self->writer.fd, self->writer.done, HELD_MS));
	ASSERT_EQ(0, gate_open(self));
	EXPECT_EQ(0, syncobj_wait(self->writer.fd, self->writer.done));
}

/* Fencing is explicit unless a buffer is named. */
TEST_F(shared, unnamed)
{
	struct bo gate = { .handle = self->gate_here };

	ASSERT_EQ(0, vm_map(self->writer.fd, self->writer.w.vm, &gate, 1ull << 32, 0, PAGE,
			    DRM_LOOM_MAP_WRITE));
	ASSERT_EQ(0, gate_close(self, VGEM_FENCE_WRITE));
	ASSERT_EQ(0, client_submit(&self->writer, 1));
	EXPECT_EQ(0, syncobj_wait(self->writer.fd, self->writer.done));
	EXPECT_EQ(0, gate_open(self));
}

/* An explicit fence of somebody else, put into our buffer by hand. */
TEST_F(shared, imported_fence)
{
	int sync_file;

	ASSERT_EQ(0, gate_close(self, VGEM_FENCE_WRITE));
	sync_file = export_sync_file(self->gate_dmabuf, DMA_BUF_SYNC_READ);
	ASSERT_LE(0, sync_file);
	ASSERT_EQ(0, import_sync_file(self->dmabuf, DMA_BUF_SYNC_WRITE, sync_file));
	ASSERT_EQ(0, client_submit(&self->adder, 1));
	EXPECT_EQ(-ETIME, syncobj_wait_ms(self->adder.fd, self->adder.done, HELD_MS));
	ASSERT_EQ(0, gate_open(self));
	EXPECT_EQ(0, syncobj_wait(self->adder.fd, self->adder.done));
	close(sync_file);
}

/* ---- it is waited for ---- */

/* Two files, two queues, no other fence. The second would run first if it did not wait. */
TEST_F(shared, order)
{
	ASSERT_EQ(0, gate_close(self, VGEM_FENCE_WRITE));
	ASSERT_EQ(0, client_submit(&self->writer, 2));
	ASSERT_EQ(0, client_submit(&self->adder, 1));
	EXPECT_EQ(-ETIME, syncobj_wait_ms(self->adder.fd, self->adder.done, HELD_MS));
	ASSERT_EQ(0, gate_open(self));
	EXPECT_EQ(0, syncobj_wait(self->adder.fd, self->adder.done));
	EXPECT_TRUE(world_holds(&self->writer.w, SEED, 1 + 3 + 3));
}

TEST_F(shared, processes)
{
	struct client *a = &self->adder;
	int status;
	pid_t child;

	ASSERT_EQ(0, gate_close(self, VGEM_FENCE_WRITE));
	ASSERT_EQ(0, client_submit(&self->writer, 2));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		if (client_open(a) || client_set_up(a, self->dmabuf, NULL))
			_exit(1);
		a->shared[0].handle = a->w.bo.handle;
		if (client_submit(a, 1))
			_exit(2);
		if (syncobj_wait_ms(a->fd, a->done, HELD_MS) != -ETIME)
			_exit(3);
		if (gate_open(self))
			_exit(4);
		_exit(syncobj_wait(a->fd, a->done) ? 5 : 0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(world_holds(&self->writer.w, SEED, 1 + 3 + 3));
}

/* Back and forth, a hundred times: each adds to what the other has left. */
TEST_F(shared, chain)
{
	__u32 i;

	self->writer.job = self->adder.job;
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, client_submit(i % 2 ? &self->adder : &self->writer, 1));
	EXPECT_EQ(0, syncobj_wait(self->writer.fd, self->writer.done));
	EXPECT_EQ(0, syncobj_wait(self->adder.fd, self->adder.done));
	EXPECT_TRUE(world_holds(&self->writer.w, 0, 100 * 3));
}

/* Who polls the dma-buf: to read it, one waits for writers, to write it, for all. */
TEST_F(shared, poll)
{
	ASSERT_EQ(0, gate_close(self, VGEM_FENCE_WRITE));
	ASSERT_EQ(0, client_submit(&self->writer, 2));
	EXPECT_EQ(0, ready(self->dmabuf, POLLIN, HELD_MS));
	EXPECT_EQ(0, ready(self->dmabuf, POLLOUT, HELD_MS));
	ASSERT_EQ(0, gate_open(self));
	EXPECT_EQ(POLLIN, ready(self->dmabuf, POLLIN, DONE_MS));
	EXPECT_EQ(POLLOUT, ready(self->dmabuf, POLLOUT, DONE_MS));
	EXPECT_TRUE(world_done(&self->writer.w, SEED));

	ASSERT_EQ(0, gate_close(self, VGEM_FENCE_WRITE));
	self->writer.shared[0].flags = 0;
	ASSERT_EQ(0, client_submit(&self->writer, 2));
	EXPECT_EQ(POLLIN, ready(self->dmabuf, POLLIN, DONE_MS));
	EXPECT_EQ(0, ready(self->dmabuf, POLLOUT, HELD_MS));
	ASSERT_EQ(0, gate_open(self));
	EXPECT_EQ(POLLOUT, ready(self->dmabuf, POLLOUT, DONE_MS));
}

TEST_F(shared, exported_fence)
{
	int sync_file;

	ASSERT_EQ(0, gate_close(self, VGEM_FENCE_WRITE));
	ASSERT_EQ(0, client_submit(&self->writer, 2));
	sync_file = export_sync_file(self->dmabuf, DMA_BUF_SYNC_READ);
	ASSERT_LE(0, sync_file);
	EXPECT_EQ(0, sync_file_status(sync_file));
	ASSERT_EQ(0, gate_open(self));
	EXPECT_EQ(POLLIN, ready(sync_file, POLLIN, DONE_MS));
	EXPECT_EQ(1, sync_file_status(sync_file));
	EXPECT_TRUE(world_done(&self->writer.w, SEED));
	close(sync_file);
}

/* ---- it ends badly ---- */

/* The fence says how its jobs ended. Who waited for it runs nevertheless, as with any fence. */
TEST_F(shared, error)
{
	int sync_file;

	ASSERT_EQ(0, gate_close(self, VGEM_FENCE_WRITE));
	self->writer.job.cmd_va = 1ull << 40;
	ASSERT_EQ(0, client_submit(&self->writer, 2));
	sync_file = export_sync_file(self->dmabuf, DMA_BUF_SYNC_READ);
	ASSERT_LE(0, sync_file);
	ASSERT_EQ(0, client_submit(&self->adder, 1));
	ASSERT_EQ(0, gate_open(self));
	EXPECT_EQ(0, syncobj_wait(self->adder.fd, self->adder.done));
	EXPECT_TRUE(world_holds(&self->writer.w, 0, 3));
	EXPECT_EQ(-EIO, sync_file_status(sync_file));
	close(sync_file);
}

/* A queue that goes ends what it held back, and with it what it left in buffers. */
TEST_F(shared, queue_destroyed)
{
	int sync_file;

	ASSERT_EQ(0, gate_close(self, VGEM_FENCE_WRITE));
	ASSERT_EQ(0, client_submit(&self->writer, 2));
	sync_file = export_sync_file(self->dmabuf, DMA_BUF_SYNC_READ);
	ASSERT_LE(0, sync_file);
	EXPECT_EQ(0, ready(self->dmabuf, POLLIN, 0));
	ASSERT_EQ(0, queue_destroy(self->writer.fd, self->writer.queue));
	EXPECT_EQ(POLLIN, ready(self->dmabuf, POLLIN, 0));
	EXPECT_EQ(-ECANCELED, sync_file_status(sync_file));
	EXPECT_EQ(0, gate_open(self));
	close(sync_file);
}

/* A buffer that nobody has a handle of any more, with fences in it that are not over. */
TEST_F(shared, handle_closed)
{
	struct drm_gem_close args = { .handle = self->gate_here };

	ASSERT_EQ(0, gate_close(self, VGEM_FENCE_WRITE));
	ASSERT_EQ(0, client_submit(&self->writer, 2));
	ASSERT_EQ(0, loom_call(self->writer.fd, DRM_IOCTL_GEM_CLOSE, &args));
	EXPECT_EQ(-ETIME, syncobj_wait_ms(self->writer.fd, self->writer.done, HELD_MS));
	ASSERT_EQ(0, gate_open(self));
	EXPECT_EQ(0, syncobj_wait(self->writer.fd, self->writer.done));
}

/* ---- io_uring ---- */

#define RING_DEPTH 8

static void ring_submit(struct io_uring *ring, struct client *c, __u32 num_shared, __u64 user_data)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct submission s;

	if (!sqe)
		abort();
	client_prepare(c, &s, num_shared);
	memset(sqe, 0, 2 * sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = c->fd;
	sqe->cmd_op = LOOM_URING_SUBMIT;
	sqe->user_data = user_data;
	memcpy(sqe->cmd, &s.args, sizeof(s.args));
	io_uring_submit(ring);
}

static int ring_reap(struct io_uring *ring, int ms)
{
	struct __kernel_timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000ll };
	struct io_uring_cqe *cqe;
	int ret = io_uring_wait_cqe_timeout(ring, &cqe, &ts);

	if (ret)
		return ret;
	ret = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return ret;
}

TEST_F(shared, uring)
{
	struct io_uring ring;

	ASSERT_EQ(0, io_uring_queue_init(RING_DEPTH, &ring, IORING_SETUP_SQE128));
	ASSERT_EQ(0, gate_close(self, VGEM_FENCE_WRITE));
	ring_submit(&ring, &self->writer, 2, 1);
	ASSERT_EQ(0, client_submit(&self->adder, 1));
	EXPECT_EQ(-ETIME, ring_reap(&ring, HELD_MS));
	EXPECT_EQ(0, ready(self->dmabuf, POLLIN, 0));
	ASSERT_EQ(0, gate_open(self));
	EXPECT_EQ(0, ring_reap(&ring, DONE_MS));
	EXPECT_EQ(0, syncobj_wait(self->adder.fd, self->adder.done));
	EXPECT_TRUE(world_holds(&self->writer.w, SEED, 1 + 3 + 3));

	self->writer.shared[1].flags = 2;
	ring_submit(&ring, &self->writer, 2, 2);
	EXPECT_EQ(-EINVAL, ring_reap(&ring, DONE_MS));
	self->writer.shared[1] = self->writer.shared[0];
	ring_submit(&ring, &self->writer, 2, 3);
	EXPECT_EQ(-EINVAL, ring_reap(&ring, DONE_MS));
	io_uring_queue_exit(&ring);
}

/*
 * What waits for another's fence does not keep the ring: its command is cancelled, and the jobs run
 * when the fence is signalled.
 */
TEST_F(shared, ring_exit)
{
	struct io_uring ring;

	ASSERT_EQ(0, io_uring_queue_init(RING_DEPTH, &ring, IORING_SETUP_SQE128));
	ASSERT_EQ(0, gate_close(self, VGEM_FENCE_WRITE));
	ring_submit(&ring, &self->writer, 2, 1);
	io_uring_queue_exit(&ring);
	EXPECT_EQ(0, ready(self->dmabuf, POLLIN, HELD_MS));
	EXPECT_TRUE(world_untouched(&self->writer.w));
	ASSERT_EQ(0, gate_open(self));
	EXPECT_EQ(POLLIN, ready(self->dmabuf, POLLIN, DONE_MS));
	EXPECT_TRUE(world_done(&self->writer.w, SEED));
}

#define BEHIND 150 /* more than the watch asks at a time */

static void ring_submit_job(struct io_uring *ring, struct client *c)
{
	struct drm_loom_uring_job args = { .queue_id = c->queue, .job = c->job };
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	if (!sqe)
		abort();
	memset(sqe, 0, 2 * sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = c->fd;
	sqe->cmd_op = LOOM_URING_JOB;
	memcpy(sqe->cmd, &args, sizeof(args));
}

/* A client of its own: one command that waits for the gate, and many behind it in the queue. */
static int held_back(struct _test_data_shared *self, struct client *c, struct io_uring *ring)
{
	int i;

	if (client_open(c) || client_set_up(c, self->dmabuf, self->writer.w.bo.map) ||
	    io_uring_queue_init(256, ring, IORING_SETUP_SQE128))
		return -1;
	c->job = world_job(&c->w, 0, 1);
	c->shared[0] = (struct drm_loom_shared){ c->w.bo.handle, DRM_LOOM_SHARED_WRITE };
	c->shared[1] = (struct drm_loom_shared){ import_bo(c->fd, self->gate_dmabuf) };
	ring_submit(ring, c, 2, 1);
	for (i = 0; i < BEHIND; i++)
		ring_submit_job(ring, c);
	return io_uring_submit(ring) == BEHIND ? 0 : -2;
}

/*
 * Commands hold the file, and the file the queue, which ends with a fence in the buffer. That it
 * does while the gate is still shut shows that all commands were cancelled, those behind too, with
 * a device that is idle.
 */
static void check_ends(struct __test_metadata *_metadata, struct _test_data_shared *self)
{
	EXPECT_EQ(POLLIN, ready(self->dmabuf, POLLIN, DONE_MS));
	EXPECT_EQ(0, gate_open(self)) {
		TH_LOG("the gate was open already");
	}
	EXPECT_TRUE(world_untouched(&self->writer.w));
}

TEST_F(shared, killed_behind_a_fence)
{
	struct io_uring ring;
	struct client c;
	int status;
	pid_t child;

	text_to(HANG_MS, "200");
	ASSERT_EQ(0, gate_close(self, VGEM_FENCE_WRITE));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		if (held_back(self, &c, &ring))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	check_ends(_metadata, self);
}

TEST_F(shared, closed_behind_a_fence)
{
	struct io_uring ring;
	struct client c;

	text_to(HANG_MS, "200");
	ASSERT_EQ(0, gate_close(self, VGEM_FENCE_WRITE));
	ASSERT_EQ(0, held_back(self, &c, &ring));
	EXPECT_EQ(0, ready(self->dmabuf, POLLIN, 0));
	io_uring_queue_exit(&ring);
	close(c.fd);
	check_ends(_metadata, self);
}

/* Not every kernel hands this on to drivers: then the command waits on, and ends well. */
TEST_F(shared, async_cancel_behind_a_fence)
{
	struct io_uring_sqe *sqe;
	struct io_uring ring;
	int cancel, res;

	ASSERT_EQ(0, io_uring_queue_init(RING_DEPTH, &ring, IORING_SETUP_SQE128));
	ASSERT_EQ(0, gate_close(self, VGEM_FENCE_WRITE));
	ring_submit(&ring, &self->writer, 2, 1);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_cancel64(sqe, 1, 0);
	io_uring_submit(&ring);
	cancel = ring_reap(&ring, DONE_MS);
	if (cancel == -ECANCELED) { /* the command's came first */
		cancel = ring_reap(&ring, DONE_MS);
		res = -ECANCELED;
	} else {
		res = ring_reap(&ring, HELD_MS);
	}
	EXPECT_TRUE(!cancel ? res == -ECANCELED :
			      (cancel == -ENOENT || cancel == -EALREADY) && res == -ETIME) {
		TH_LOG("cancel %d, command %d", cancel, res);
	}
	EXPECT_EQ(0, gate_open(self));
	if (res == -ETIME)
		EXPECT_EQ(0, ring_reap(&ring, DONE_MS));
	EXPECT_EQ(POLLIN, ready(self->dmabuf, POLLIN, DONE_MS));
	EXPECT_TRUE(world_done(&self->writer.w, SEED));
	io_uring_queue_exit(&ring);
}

/* ---- arguments ---- */

TEST_F(shared, refused)
{
	struct drm_loom_shared good = self->writer.shared[0];
	struct submission s;

	self->writer.shared[0].handle = 0x7777;
	EXPECT_EQ(-ENOENT, client_submit(&self->writer, 1));
	self->writer.shared[0].handle = 0;
	EXPECT_EQ(-ENOENT, client_submit(&self->writer, 1));
	self->writer.shared[0] = good;
	self->writer.shared[0].flags = 2;
	EXPECT_EQ(-EINVAL, client_submit(&self->writer, 1));
	self->writer.shared[0] = good;
	EXPECT_EQ(-EINVAL, client_submit(&self->writer, DRM_LOOM_SUBMIT_MAX_SHARED + 1));
	/* By name or by access, a buffer is there once. */
	self->writer.shared[1] = (struct drm_loom_shared){ good.handle };
	EXPECT_EQ(-EINVAL, client_submit(&self->writer, 2));

	client_prepare(&self->writer, &s, 1);
	s.args.shared = 8;
	EXPECT_EQ(-EFAULT, submission_run(self->writer.fd, &s));
	/* A pointer to nothing means nothing. */
	s.args.num_shared = 0;
	EXPECT_EQ(0, submission_run(self->writer.fd, &s));
	/* What was refused has left nothing. */
	EXPECT_EQ(0, client_submit(&self->writer, 1));
	EXPECT_EQ(0, syncobj_wait(self->writer.fd, self->writer.done));
	EXPECT_EQ(POLLIN | POLLOUT, ready(self->dmabuf, POLLIN | POLLOUT, 0));
}

/* As many as may be. */
TEST_F(shared, most)
{
	struct drm_loom_shared many[DRM_LOOM_SUBMIT_MAX_SHARED];
	struct submission s;
	struct bo bo;
	__u32 i;

	for (i = 0; i < DRM_LOOM_SUBMIT_MAX_SHARED; i++) {
		ASSERT_EQ(0, bo_create_unmapped(self->writer.fd, PAGE, &bo));
		many[i] = (struct drm_loom_shared){ bo.handle, i % 2 };
	}
	for (i = 0; i < 10; i++) {
		client_prepare(&self->writer, &s, DRM_LOOM_SUBMIT_MAX_SHARED);
		s.args.shared = (__u64)(uintptr_t)many;
		submission_signal(&s, self->writer.done, 0);
		ASSERT_EQ(0, submission_run(self->writer.fd, &s));
	}
	EXPECT_EQ(0, syncobj_wait(self->writer.fd, self->writer.done));
}

/* Two who name the same buffers in another order, at the same time. */
struct racer {
	struct client *client;
	int errors;
};

static void *race(void *arg)
{
	struct racer *me = arg;
	int i;

	for (i = 0; i < 200; i++)
		me->errors += !!client_submit(me->client, 2);
	me->errors += !!syncobj_wait(me->client->fd, me->client->done);
	return NULL;
}

TEST_F(shared, crosswise)
{
	struct racer racers[2] = { { &self->writer }, { &self->adder } };
	pthread_t threads[2];
	__u32 other, i;

	other = import_bo(self->adder.fd, self->gate_dmabuf);
	self->writer.job = self->adder.job;
	self->writer.shared[1] = (struct drm_loom_shared){ self->gate_here, DRM_LOOM_SHARED_WRITE };
	self->adder.shared[1] = self->adder.shared[0];
	self->adder.shared[0] = (struct drm_loom_shared){ other, DRM_LOOM_SHARED_WRITE };
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, race, &racers[i]));
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, racers[i].errors);
	}
	EXPECT_TRUE(world_holds(&self->writer.w, 0, 400 * 3));
}

TEST_HARNESS_MAIN
