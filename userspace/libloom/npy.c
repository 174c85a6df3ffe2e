// SPDX-License-Identifier: MIT
/*
 * NumPy's .npy files (format 1.0 and 2.0).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "npy.h"

#define MAGIC "\x93NUMPY"
#define MAX_HEADER 65536
#define MAX_BYTES (1ull << 40)

static const struct {
	uint32_t type;
	unsigned int size;
	const char *descr;
} types[] = {
	{ LOOM_TENSOR_F32, 4, "<f4" },
	{ LOOM_TENSOR_F16, 2, "<f2" },
	{ LOOM_TENSOR_I64, 8, "<i8" },
	{ LOOM_TENSOR_F64, 8, "<f8" },
	{ LOOM_TENSOR_U64, 8, "<u8" },
	{ LOOM_TENSOR_U32, 4, "<u4" },
	{ LOOM_TENSOR_I16, 2, "<i2" },
	{ LOOM_TENSOR_U16, 2, "<u2" },
	{ LOOM_TENSOR_I32, 4, "<i4" },
	{ LOOM_TENSOR_U8, 1, "|u1" },
	{ LOOM_TENSOR_I8, 1, "|i1" },
	{ LOOM_TENSOR_BOOL, 1, "|b1" },
};

#define NUM_TYPES (sizeof(types) / sizeof(types[0]))

/* The text after 'key': in the header, which is a Python dictionary. */
static const char *value_of(const char *header, const char *key)
{
	const char *at = strstr(header, key);

	if (!at)
		return NULL;
	at += strlen(key);
	return at + strspn(at, " :");
}

static int parse_type(const char *header, struct npy *array, unsigned int *size)
{
	const char *descr = value_of(header, "'descr'");
	size_t i;

	for (i = 0; descr && i < NUM_TYPES; i++) {
		/* For single bytes some writers say "<u1". */
		if (descr[0] != '\'' || strncmp(descr + 2, types[i].descr + 1, 2) ||
		    descr[4] != '\'' || descr[1] == '>')
			continue;
		array->type = types[i].type;
		*size = types[i].size;
		return 0;
	}
	return loom_fail(-EINVAL, "its element type is not one we know: %.8s",
			 descr ? descr : "none");
}

static int parse_shape(const char *header, struct npy *array, unsigned int size)
{
	const char *at = value_of(header, "'shape'");
	char *end;

	if (!at || *at++ != '(')
		return loom_fail(-EINVAL, "its header has no shape");
	array->bytes = size;
	for (;;) {
		at += strspn(at, " ,");
		if (*at == ')')
			return 0;
		if (array->rank == NPY_MAX_RANK)
			return loom_fail(-EINVAL, "it has more than %d dimensions", NPY_MAX_RANK);
		if (*at < '0' || *at > '9')
			return loom_fail(-EINVAL, "its shape cannot be read");
		array->dims[array->rank] = strtoull(at, &end, 10);
		at = end;
		if (__builtin_mul_overflow(array->bytes, array->dims[array->rank++],
					   &array->bytes) || array->bytes > MAX_BYTES)
			return loom_fail(-EINVAL, "its shape is too large");
	}
}

static int read_header(FILE *file, struct npy *array)
{
	unsigned char start[12];
	const char *order;
	unsigned int size = 0;
	char *header;
	uint32_t len;
	int err = -EINVAL;

	if (fread(start, 1, 10, file) != 10 || memcmp(start, MAGIC, 6))
		return loom_fail(err, "not a .npy file");
	len = start[8] | start[9] << 8;
	if (start[6] > 1) {
		if (fread(start + 10, 1, 2, file) != 2)
			return loom_fail(err, "its header is cut short");
		len |= start[10] << 16 | (uint32_t)start[11] << 24;
	}
	if (len > MAX_HEADER)
		return loom_fail(err, "its header is too long");
	header = calloc(1, len + 1);
	if (!header)
		return loom_fail(-ENOMEM, "out of memory");
	if (fread(header, 1, len, file) != len)
		err = loom_fail(-EINVAL, "its header is cut short");
	else
		err = parse_type(header, array, &size);
	if (!err)
		err = parse_shape(header, array, size);
	order = value_of(header, "'fortran_order'");
	if (!err && (!order || strncmp(order, "False", 5)))
		err = loom_fail(-EINVAL, "it is in Fortran order");
	free(header);
	return err;
}

static int read_array(FILE *file, struct npy *array)
{
	int err = read_header(file, array);

	if (err)
		return err;
	array->data = malloc(array->bytes ? array->bytes : 1);
	if (!array->data)
		return loom_fail(-ENOMEM, "no memory for its %" PRIu64 " bytes", array->bytes);
	if (fread(array->data, 1, array->bytes, file) != array->bytes)
		return loom_fail(-EINVAL, "it is shorter than its header says (%" PRIu64 " bytes)",
				 array->bytes);
	return 0;
}

int npy_read(const char *path, struct npy *array)
{
	FILE *file = fopen(path, "re");
	int err;

	memset(array, 0, sizeof(*array));
	if (!file)
		return loom_fail(-errno, "%s: %s", path, strerror(errno));
	err = read_array(file, array);
	fclose(file);
	if (!err)
		return 0;
	npy_free(array);
	return loom_fail(err, "%s: %s", path, loom_error());
}

static const char *descr_of(uint32_t type)
{
	size_t i;

	for (i = 0; i < NUM_TYPES; i++)
		if (types[i].type == type)
			return types[i].descr;
	return NULL;
}

/* Padded so that the data starts at a multiple of 64, as NumPy writes it. */
static int write_header(FILE *file, const struct npy *array, const char *descr)
{
	char text[512], shape[256] = "";
	unsigned int i, len, at = 0;

	for (i = 0; i < array->rank; i++)
		at += snprintf(shape + at, sizeof(shape) - at, "%s%" PRIu64, i ? ", " : "",
			       array->dims[i]);
	len = snprintf(text, sizeof(text), "{'descr': '%s', 'fortran_order': False, 'shape': (%s%s), }",
		       descr, shape, array->rank == 1 ? "," : "");
	while ((10 + len + 1) % 64)
		text[len++] = ' ';
	text[len++] = '\n';
	fwrite(MAGIC "\x01\x00", 1, 8, file);
	fputc(len & 0xff, file);
	fputc(len >> 8, file);
	return fwrite(text, 1, len, file) == len ? 0 : -EIO;
}

int npy_write(const char *path, const struct npy *array)
{
	const char *descr = descr_of(array->type);
	FILE *file;
	int err;

	if (!descr || array->rank > NPY_MAX_RANK)
		return loom_fail(-EINVAL, "%s: type %u cannot be written", path, array->type);
	file = fopen(path, "we");
	if (!file)
		return loom_fail(-errno, "%s: %s", path, strerror(errno));
	err = write_header(file, array, descr);
	if (fwrite(array->data, 1, array->bytes, file) != array->bytes)
		err = -EIO;
	if (fclose(file))
		err = -EIO;
	return err ? loom_fail(err, "%s: cannot write", path) : 0;
}

void npy_free(struct npy *array)
{
	free(array->data);
	array->data = NULL;
}
