// SPDX-License-Identifier: MIT
/* Tensors of an I/O region, from and to .npy files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench.h"
#include "libloom/npy.h"

int make_dirs(const char *path)
{
	char part[4096];
	size_t i;

	for (i = 1; path[i - 1] && i < sizeof(part); i++) {
		if (path[i] && path[i] != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)i, path);
		if (mkdir(part, 0755) && errno != EEXIST)
			return bench_fail(-errno, "%s: %s", part, strerror(errno));
	}
	return 0;
}

/* A tensor's name can hold a slash. */
static void file_name(char *out, size_t size, const char *dir, const char *prefix, const char *name)
{
	int at = snprintf(out, size, "%s/%s", dir, prefix);

	snprintf(out + at, size - at, "%s.npy", name);
	for (; out[at]; at++)
		if (out[at] == '/')
			out[at] = '_';
}

static int read_tensor(const struct bench_model *m, const struct loom_client_tensor *t, void *io)
{
	struct npy array;
	char path[4096];
	int err;

	file_name(path, sizeof(path), m->inputs, "input.", t->name);
	err = npy_read(path, &array);
	if (err)
		return bench_fail(err, "%s", loom_error());
	if (array.type != t->tensor.dtype || array.bytes != t->tensor.bytes)
		err = bench_fail(-EINVAL, "%s: type %u, %llu bytes; %s takes type %u, %llu bytes", path,
				 array.type, (unsigned long long)array.bytes, m->name,
				 t->tensor.dtype, (unsigned long long)t->tensor.bytes);
	else
		memcpy((char *)io + t->tensor.offset, array.data, array.bytes);
	npy_free(&array);
	return err;
}

/* Small fp32 values, zero for all other types: an index is then in range. */
static void make_up(const struct loom_client_tensor *t, void *io)
{
	float *f = (float *)((char *)io + t->tensor.offset);
	uint32_t x = 12345;
	uint64_t i;

	memset(f, 0, t->tensor.bytes);
	if (t->tensor.dtype != LOOM_TENSOR_F32)
		return;
	for (i = 0; i < t->tensor.bytes / sizeof(*f); i++) {
		x = x * 1664525 + 1013904223;
		f[i] = (float)(x >> 16) / 65536 - 0.5f;
	}
}

int inputs_fill(const struct bench_model *m, void *io)
{
	unsigned int i;
	int err;

	for (i = 0; i < m->io.num_tensors; i++) {
		const struct loom_client_tensor *t = &m->io.tensors[i];

		if (t->is_output)
			continue;
		if (!m->inputs) {
			make_up(t, io);
			continue;
		}
		err = read_tensor(m, t, io);
		if (err)
			return err;
	}
	return 0;
}

static int keep_first(struct bench_model *m)
{
	unsigned int i;

	for (i = 0; i < m->io.num_tensors; i++)
		if (m->io.tensors[i].is_output)
			m->output_bytes += m->io.tensors[i].tensor.bytes;
	m->first = malloc(m->output_bytes ? m->output_bytes : 1);
	return m->first ? 0 : bench_fail(-ENOMEM, "out of memory");
}

int outputs_check(struct bench_model *m, const void *io, const char *phase)
{
	bool take = !m->first;
	unsigned char *at;
	unsigned int i;

	if (take && keep_first(m))
		return -ENOMEM;
	at = m->first;
	for (i = 0; i < m->io.num_tensors; i++) {
		const struct loom_client_tensor *t = &m->io.tensors[i];
		const char *now = (const char *)io + t->tensor.offset;

		if (!t->is_output)
			continue;
		if (take)
			memcpy(at, now, t->tensor.bytes);
		else if (memcmp(at, now, t->tensor.bytes))
			return bench_fail(-EILSEQ, "%s: output %s of %s differs from its first", phase,
					  t->name, m->name);
		at += t->tensor.bytes;
	}
	return 0;
}

static int write_tensor(const struct loom_client_tensor *t, const void *io, const char *dir)
{
	struct npy array = {
		.type = t->tensor.dtype, .rank = t->tensor.rank, .bytes = t->tensor.bytes,
		.data = (char *)io + t->tensor.offset,
	};
	char path[4096];

	memcpy(array.dims, t->tensor.dims, sizeof(array.dims));
	file_name(path, sizeof(path), dir, "", t->name);
	return npy_write(path, &array) ? bench_fail(-EIO, "%s", loom_error()) : 0;
}

int outputs_write(const struct bench_model *m, const void *io, const char *dir)
{
	unsigned int i;
	int err = make_dirs(dir);

	for (i = 0; !err && i < m->io.num_tensors; i++)
		if (m->io.tensors[i].is_output)
			err = write_tensor(&m->io.tensors[i], io, dir);
	return err;
}
