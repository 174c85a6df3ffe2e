// SPDX-License-Identifier: MIT
/* --bind: an input's value, given as text or as a NumPy file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "passes.h"

/* ---- NumPy files ---- */

static enum hostop_dtype npy_dtype(const char *descr)
{
	static const struct { const char *name; enum hostop_dtype dtype; } types[] = {
		{ "<f4", HOSTOP_F32 }, { "<f8", HOSTOP_F64 }, { "<f2", HOSTOP_F16 },
		{ "<i8", HOSTOP_I64 }, { "<i4", HOSTOP_I32 }, { "<i2", HOSTOP_I16 },
		{ "|i1", HOSTOP_I8 }, { "|u1", HOSTOP_U8 }, { "|b1", HOSTOP_BOOL },
		{ "<u2", HOSTOP_U16 }, { "<u4", HOSTOP_U32 }, { "<u8", HOSTOP_U64 },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strncmp(descr, types[i].name, 3))
			return types[i].dtype;
	return 0;
}

/* Header text -> type and shape; false: not one we read. */
static bool npy_header(const char *header, struct hostop_tensor *t)
{
	const char *descr = strstr(header, "'descr': '"), *shape = strstr(header, "'shape': (");
	int64_t dims[HOSTOP_MAX_DIMS];
	unsigned int rank = 0;
	char *end;

	if (!descr || !shape || !strstr(header, "'fortran_order': False"))
		return false;
	for (shape += strlen("'shape': ("); *shape && *shape != ')'; shape = end) {
		if (rank == HOSTOP_MAX_DIMS)
			return false;
		dims[rank] = strtoll(shape, &end, 10);
		if (end == shape)
			return false;
		rank++;
		end += strspn(end, ", ");
	}
	return !hostop_shape(t, npy_dtype(descr + strlen("'descr': '")), rank, dims);
}

static void npy_read(struct compile *c, const char *path, FILE *file, struct hostop_tensor *t)
{
	unsigned char start[10];
	char header[65536];
	size_t len;

	if (fread(start, 1, 10, file) != 10 || memcmp(start, "\x93NUMPY\x01", 7)) {
		fclose(file);
		fail(c, "%s: not a NumPy file of version 1", path);
	}
	len = start[8] | (size_t)start[9] << 8;
	if (fread(header, 1, len, file) != len)
		len = 0;
	header[len] = 0;
	if (!npy_header(header, t)) {
		fclose(file);
		fail(c, "%s: a NumPy type or order that is not supported", path);
	}
	if (hostop_alloc(t)) {
		fclose(file);
		fail(c, "out of memory");
	}
	len = fread(t->data, 1, hostop_bytes(t), file);
	fclose(file);
	graph_own(c, t->data);
	if (len != hostop_bytes(t))
		fail(c, "%s: shorter than its header says", path);
}

static void bind_file(struct compile *c, const char *input, const char *path, struct value *v)
{
	struct hostop_tensor t = { 0 };
	FILE *file = fopen(path, "rb");

	if (!file)
		fail(c, "--bind %s=@%s: %s", input, path, strerror(errno));
	npy_read(c, path, file, &t);
	if (t.count != v->t.count)
		fail(c, "--bind %s=@%s: %zu elements, the input has %zu", input, path, t.count,
		     v->t.count);
	for (size_t i = 0; i < t.count; i++) {
		if (hostop_is_float(t.dtype) || hostop_is_float(v->t.dtype))
			hostop_set(&v->t, i, hostop_get(&t, i));
		else
			hostop_set_int(&v->t, i, hostop_get_int(&t, i));
	}
}

/* ---- text ---- */

static const char *bind_one(struct compile *c, const char *input, const char *at, struct value *v,
			    size_t i)
{
	char *end = (char *)at;

	if (!strncmp(at, "true", 4) || !strncmp(at, "false", 5)) {
		hostop_set_int(&v->t, i, *at == 't');
		end += *at == 't' ? 4 : 5;
	} else if (hostop_is_float(v->t.dtype)) {
		hostop_set(&v->t, i, strtod(at, &end));
	} else {
		hostop_set_int(&v->t, i, strtoll(at, &end, 0));
	}
	if (end == at || (*end && *end != ','))
		fail(c, "--bind %s: '%s' is no value", input, at);
	return *end ? end + 1 : end;
}

void bind_value(struct compile *c, const char *input, const char *text, enum hostop_dtype dtype,
		struct value *v)
{
	size_t n = 0;

	if (hostop_alloc(&v->t))
		fail(c, "out of memory");
	graph_own(c, v->t.data);
	if (*text == '@') {
		bind_file(c, input, text + 1, v);
		return;
	}
	while (*text && n < v->t.count)
		text = bind_one(c, input, text, v, n++);
	if (*text || (n != v->t.count && n != 1))
		fail(c, "--bind %s: %zu%s values, the input has %zu elements", input, n, *text ? "+" : "",
		     v->t.count);
	/* One value fills the tensor. */
	for (size_t i = n; i < v->t.count; i++)
		memcpy((char *)v->t.data + i * hostop_dtype_size(dtype), v->t.data,
		       hostop_dtype_size(dtype));
}
