// SPDX-License-Identifier: MIT
/*
 * ONNX's operator tests on the real driver: what `onnx-node --export` left in a directory, each model run
 * through libloom and its outputs held against ONNX's, as near as on the host.
 *
 * usage: onnx-vm [DIRECTORY] [DEVICE]	(/payload/data/onnx, the first node)
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "compare.h"
#include "libloom/npy.h"
#include "loom.h"
#include "run_device.h"

#define MAX_TENSORS 64

struct tensors {
	struct loomc_tensor t[MAX_TENSORS];
	unsigned int num;
};

static void drop(struct tensors *all)
{
	for (unsigned int i = 0; i < all->num; i++) {
		hostop_free(&all->t[i].t);
		free((char *)all->t[i].name);
	}
	all->num = 0;
}

static int not_a_dot(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int take(struct tensors *all, const char *directory, const char *file)
{
	struct loomc_tensor *to = &all->t[all->num];
	int64_t dims[NPY_MAX_RANK];
	char path[1200];
	struct npy array;

	snprintf(path, sizeof(path), "%s/%s", directory, file);
	if (all->num == MAX_TENSORS || npy_read(path, &array))
		return -1;
	for (unsigned int d = 0; d < array.rank; d++)
		dims[d] = (int64_t)array.dims[d];
	if (hostop_shape(&to->t, (enum hostop_dtype)array.type, array.rank, dims)) {
		npy_free(&array);
		return -1;
	}
	to->t.data = array.data;
	to->name = strndup(file, strlen(file) - strlen(".npy"));
	all->num++;
	return 0;
}

/* Every NAME.npy of a directory, which says so if it cannot. */
static int read_all(const char *test, const char *kind, struct tensors *all, char *why, size_t size)
{
	struct dirent **entries;
	char directory[800];
	int num, ret = 0;

	snprintf(directory, sizeof(directory), "%s/%s", test, kind);
	num = scandir(directory, &entries, not_a_dot, alphasort);
	for (int i = 0; i < num; i++) {
		if (!ret)
			ret = take(all, directory, entries[i]->d_name);
		free(entries[i]);
	}
	if (num >= 0)
		free(entries);
	if (ret || num < 0)
		snprintf(why, size, "%s: %s", directory, loom_error());
	return ret || num < 0 ? -1 : 0;
}

static void *read_model(const char *test, size_t *size, char *why, size_t why_size)
{
	char path[800], *data = NULL;
	struct stat st;
	FILE *file;

	snprintf(path, sizeof(path), "%s/model.loom", test);
	file = fopen(path, "rb");
	if (file && !fstat(fileno(file), &st)) {
		*size = (size_t)st.st_size;
		data = malloc(*size);
	}
	if (data && fread(data, 1, *size, file) != *size) {
		free(data);
		data = NULL;
	}
	if (file)
		fclose(file);
	if (!data)
		snprintf(why, why_size, "%s cannot be read", path);
	return data;
}

static bool passes(const char *test, const char *device, char *why, size_t size)
{
	static struct tensors in, want, got;
	size_t bytes = 0;
	void *model = read_model(test, &bytes, why, size);
	bool ok = model && !read_all(test, "in", &in, why, size) && !read_all(test, "want", &want, why, size);

	for (got.num = 0; got.num < want.num; got.num++) {
		got.t[got.num] = want.t[got.num];
		got.t[got.num].t.data = NULL;
		got.t[got.num].name = strdup(want.t[got.num].name);
	}
	ok = ok && !run_device(device, model, bytes, in.t, in.num, got.t, got.num, why, size) &&
	     all_close(got.t, got.num, want.t, want.num, &on_device_tolerance, why, size);
	drop(&in);
	drop(&want);
	drop(&got);
	free(model);
	return ok;
}

int main(int argc, char **argv)
{
	const char *directory = argc > 1 ? argv[1] : "/payload/data/onnx";
	struct dirent **tests;
	int failed = 0, num = scandir(directory, &tests, not_a_dot, alphasort);

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (num <= 0) {
		printf("Bail out! no tests in %s\n", directory);
		return 1;
	}
	printf("TAP version 13\n1..%d\n", num);
	for (int i = 0; i < num; i++) {
		char path[700], why[1200] = "";
		bool ok;

		snprintf(path, sizeof(path), "%s/%s", directory, tests[i]->d_name);
		ok = passes(path, argc > 2 ? argv[2] : NULL, why, sizeof(why));
		if (!ok)
			printf("# %s\n", why);
		printf("%sok %d %s\n", ok ? "" : "not ", i + 1, tests[i]->d_name);
		failed += !ok;
		free(tests[i]);
	}
	free(tests);
	return failed ? 1 : 0;
}
