// SPDX-License-Identifier: MIT
/* --bind: an input's value, given as text or as a NumPy file. */
#include <stdlib.h>
#include <string.h>

#include "libloom/npy.h"
#include "loom.h"
#include "passes.h"

/* ---- NumPy files ---- */

/* Types of .npy files here and of hostops are ONNX's numbers, both. */
static void bind_file(struct compile *c, const char *input, const char *path, struct value *v)
{
	struct hostop_tensor t;
	int64_t dims[NPY_MAX_RANK];
	struct npy array;

	if (npy_read(path, &array))
		fail(c, "--bind %s=@%s", input, loom_error());
	graph_own(c, array.data);
	for (unsigned int d = 0; d < array.rank; d++)
		dims[d] = (int64_t)array.dims[d];
	if (hostop_shape(&t, (enum hostop_dtype)array.type, array.rank, dims))
		fail(c, "--bind %s=@%s: an array of this shape is not possible", input, path);
	t.data = array.data;
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
