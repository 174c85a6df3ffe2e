// SPDX-License-Identifier: MIT
/*
 * Buffers: memfds of clients. They can go at any time; the device has its own hold on the pages
 * (regions.c). What must not happen is that the daemon is killed by touching them.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "loomd.h"

/* Pages of a plain memfd are always to be had, or the OOM killer comes: only hugetlb can SIGBUS. */
static int check_memfd(int fd, uint64_t bytes, struct proto_error *e)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct statfs fs;
	struct stat st;

	if (seals < 0 || fstatfs(fd, &fs) || fstat(fd, &st))
		return proto_fail(e, -EINVAL, "buffer-add: the descriptor is not a memfd");
	if (fs.f_type != TMPFS_MAGIC)
		return proto_fail(e, -EINVAL, "buffer-add: a memfd with huge pages is not taken");
	if (!(seals & F_SEAL_SHRINK))
		return proto_fail(e, -EPERM, "buffer-add: the memfd lacks F_SEAL_SHRINK");
	if (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return proto_fail(e, -EPERM, "buffer-add: the memfd is sealed against writing, "
				  "outputs go there");
	if (!bytes || bytes > (uint64_t)st.st_size)
		return proto_fail(e, -EINVAL, "buffer-add: bytes is %llu, the memfd has %llu",
				  (unsigned long long)bytes, (unsigned long long)st.st_size);
	return 0;
}

static struct buffer *free_buffer(struct loomd *d, struct client *c)
{
	for (unsigned int i = 0; i < d->options.max_buffers; i++)
		if (!c->buffers[i].map)
			return &c->buffers[i];
	return NULL;
}

int buffer_add(struct loomd *d, struct client *c, int fd, uint64_t bytes, uint32_t *handle,
	       struct proto_error *e)
{
	struct buffer *b = free_buffer(d, c);
	int err = check_memfd(fd, bytes, e);
	void *map;

	if (err)
		return err;
	if (!b)
		return proto_fail(e, -ENOSPC, "buffer-add: you have %u buffers, "
				  "the most one may have", d->options.max_buffers);
	if (bytes > d->options.max_bytes - c->buffer_bytes)
		return proto_fail(e, -ENOSPC, "buffer-add: bytes is %llu; with your other buffers "
				  "that is more than the %llu one may have",
				  (unsigned long long)bytes,
				  (unsigned long long)d->options.max_bytes);
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return proto_fail(e, -errno, "buffer-add: mmap: %s", strerror(errno));
	*b = (struct buffer) { .map = map, .bytes = bytes };
	c->buffer_bytes += bytes;
	region_share(d, c, b, fd);
	*handle = (uint32_t)(b - c->buffers) + 1;
	return 0;
}

struct buffer *buffer_find(struct loomd *d, struct client *c, uint32_t handle)
{
	if (!handle || handle > d->options.max_buffers || !c->buffers[handle - 1].map)
		return NULL;
	return &c->buffers[handle - 1];
}

static void drop(struct loomd *d, struct client *c, struct buffer *b)
{
	region_unshare(d, b);
	munmap(b->map, b->bytes);
	c->buffer_bytes -= b->bytes;
	*b = (struct buffer) { 0 };
}

int buffer_remove(struct loomd *d, struct client *c, uint32_t handle, struct proto_error *e)
{
	struct buffer *b = buffer_find(d, c, handle);

	if (!b)
		return proto_fail(e, -ENOENT, "buffer-remove: buffer %u is none of yours", handle);
	if (b->busy)
		return proto_fail(e, -EBUSY, "buffer-remove: a request is using buffer %u", handle);
	drop(d, c, b);
	return 0;
}

void buffer_drop_all(struct loomd *d, struct client *c)
{
	for (unsigned int i = 0; i < d->options.max_buffers; i++)
		if (c->buffers[i].map)
			drop(d, c, &c->buffers[i]);
}
