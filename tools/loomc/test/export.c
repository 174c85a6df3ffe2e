// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "export.h"
#include "libloom/npy.h"
#include "loom.h"

static int make_directory(const char *path)
{
	return mkdir(path, 0777) && errno != EEXIST ? -1 : 0;
}

static int write_model(const char *path, const struct loomc_result *compiled)
{
	FILE *to = fopen(path, "wb");
	size_t put;

	if (!to)
		return -1;
	put = fwrite(compiled->file, 1, compiled->size, to);
	return fclose(to) || put != compiled->size ? -1 : 0;
}

/* Types of .loom files and of hostops are ONNX's numbers, both. */
static int write_tensors(const char *directory, const struct loomc_tensor *t, unsigned int num)
{
	char path[1200];

	if (make_directory(directory))
		return -1;
	for (unsigned int i = 0; i < num; i++) {
		struct npy array = { .type = t[i].t.dtype, .rank = t[i].t.rank,
				     .bytes = hostop_bytes(&t[i].t), .data = t[i].t.data };

		for (unsigned int d = 0; d < t[i].t.rank; d++)
			array.dims[d] = (uint64_t)t[i].t.dims[d];
		snprintf(path, sizeof(path), "%s/%s.npy", directory, t[i].name);
		if (npy_write(path, &array))
			return -1;
	}
	return 0;
}

int export_test(const char *out, const char *name, const struct loomc_result *compiled,
		const struct loomc_tensor *in, unsigned int num_in, const struct loomc_tensor *want,
		unsigned int num_want, char *error, size_t size)
{
	char at[900], path[1000];
	int ret;

	snprintf(at, sizeof(at), "%s/%s", out, name);
	ret = make_directory(out) || make_directory(at) ? -1 : 0;
	snprintf(path, sizeof(path), "%s/model.loom", at);
	if (!ret)
		ret = write_model(path, compiled);
	snprintf(path, sizeof(path), "%s/in", at);
	if (!ret)
		ret = write_tensors(path, in, num_in);
	snprintf(path, sizeof(path), "%s/want", at);
	if (!ret)
		ret = write_tensors(path, want, num_want);
	if (ret)
		snprintf(error, size, "%s cannot be written", at);
	return ret;
}
