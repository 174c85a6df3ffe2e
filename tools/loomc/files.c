// SPDX-License-Identifier: MIT
/* Files of the command line. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

void *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	char *data = NULL;
	size_t room = 0;

	*size = 0;
	if (!file)
		goto fail;
	do {
		char *grown = realloc(data, room = room ? 2 * room : 1 << 20);

		if (!grown)
			goto fail;
		data = grown;
		*size += fread(data + *size, 1, room - *size, file);
	} while (*size == room);
	if (ferror(file))
		goto fail;
	fclose(file);
	return data;
fail:
	fprintf(stderr, "loomc: %s: %s\n", path, strerror(errno));
	if (file)
		fclose(file);
	free(data);
	return NULL;
}

void *map_file(const char *path, size_t *size, bool *mapped)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *data = MAP_FAILED;
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size)
		data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (fd >= 0)
		close(fd);
	*mapped = data != MAP_FAILED;
	if (!*mapped)
		return read_file(path, size);
	*size = (size_t)st.st_size;
	return data;
}

void unmap_file(void *data, size_t size, bool mapped)
{
	if (mapped)
		munmap(data, size);
	else
		free(data);
}

int write_file(const char *path, const void *data, size_t size)
{
	FILE *file = fopen(path, "wb");
	size_t done = 0;

	if (file) {
		done = fwrite(data, 1, size, file);
		if (fclose(file))
			done = 0;
	}
	if (file && done == size)
		return 0;
	fprintf(stderr, "loomc: %s: %s\n", path, strerror(errno));
	return -1;
}

/* ---- the compiled model ---- */

int output_piece(void *arg, uint64_t at, const void *data, size_t size)
{
	struct output *out = arg;

	while (size) {
		ssize_t n = pwrite(out->fd, data, size, (off_t)at);

		out->failed = n < 0 && errno != EINTR;
		if (out->failed)
			return -1;
		n = n < 0 ? 0 : n;
		data = (const char *)data + n;
		at += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

static int failed(const char *path)
{
	fprintf(stderr, "loomc: %s: %s\n", path, strerror(errno));
	return -1;
}

int output_begin(struct output *out, const char *path)
{
	mode_t mask = umask(0);
	struct stat st;

	umask(mask);
	*out = (struct output){ .fd = -1, .path = path };
	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		return 0;
	if (asprintf(&out->partial, "%s.XXXXXX", path) < 0)
		return failed(path);
	out->fd = mkstemp(out->partial);
	if (out->fd < 0) {
		free(out->partial);
		out->partial = NULL;
		return failed(path);
	}
	fchmod(out->fd, 0666 & ~mask);
	return 0;
}

int output_end(struct output *out, const void *data, size_t size)
{
	int fd = out->fd;

	if (fd < 0)
		return write_file(out->path, data, size);
	out->fd = -1;
	if (close(fd) || rename(out->partial, out->path))
		return failed(out->path);
	free(out->partial);
	out->partial = NULL;
	return 0;
}

void output_drop(struct output *out)
{
	if (out->fd >= 0)
		close(out->fd);
	if (out->partial)
		unlink(out->partial);
	free(out->partial);
}
