// SPDX-License-Identifier: MIT
/* loomctl infer: inputs from .npy files, outputs to .npy files. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libloom/npy.h"
#include "loomctl.h"

struct arguments {
	const char *model;
	const char *files[2][LOOM_CLIENT_MAX_TENSORS];	/* TENSOR=FILE: inputs, outputs */
	unsigned int num[2];
	uint64_t deadline_ms, repeat;
};

struct job {
	struct arguments args;
	struct loom_client_model model;
	struct loom_client_buffer *buffer;
	char *map;
	uint64_t *latency;	/* ns, of each repetition */
};

/* ---- arguments ---- */

static int number(const char *name, const char *text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	if (!errno && end != text && !*end && text[0] != '-' && *value)
		return 0;
	return usage_error("--%s: '%s' is not a number above 0", name, text);
}

static int add_file(struct arguments *a, int outputs, const char *text)
{
	if (!strchr(text, '='))
		return usage_error("infer: '%s' is not TENSOR=FILE.npy", text);
	if (a->num[outputs] == LOOM_CLIENT_MAX_TENSORS)
		return usage_error("infer: more than %d files", LOOM_CLIENT_MAX_TENSORS);
	a->files[outputs][a->num[outputs]++] = text;
	return 0;
}

static int apply(struct arguments *a, int code)
{
	switch (code) {
	case 'i':
		return add_file(a, 0, optarg);
	case 'o':
		return add_file(a, 1, optarg);
	case 'd':
		return number("deadline-ms", optarg, &a->deadline_ms);
	case 'n':
		return number("repeat", optarg, &a->repeat);
	default:
		return usage_error("infer: that option is unknown");
	}
}

static int parse(struct arguments *a, int argc, char **argv)
{
	static const struct option options[] = {
		{ "input", required_argument, NULL, 'i' },
		{ "output", required_argument, NULL, 'o' },
		{ "deadline-ms", required_argument, NULL, 'd' },
		{ "repeat", required_argument, NULL, 'n' }, { NULL, 0, NULL, 0 },
	};
	int code, ret = 0;

	a->repeat = 1;
	optind = 0;
	while (!ret && (code = getopt_long(argc, argv, "i:o:", options, NULL)) != -1)
		ret = apply(a, code);
	if (ret)
		return ret;
	if (optind + 1 != argc)
		return usage_error("infer: one NAME is needed");
	a->model = argv[optind];
	return 0;
}

/* ---- tensors ---- */

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "loomctl: %s: %s\n", what, why);
	return EXIT_REFUSED;
}

static const struct loom_client_tensor *find(const struct job *j, const char *text, bool output)
{
	size_t length = (size_t)(strchr(text, '=') - text);
	const struct loom_client_tensor *t;

	for (unsigned int i = 0; i < j->model.num_tensors; i++) {
		t = &j->model.tensors[i];
		if (!!t->is_output == output && strlen(t->name) == length &&
		    !memcmp(t->name, text, length))
			return t;
	}
	return NULL;
}

static bool same_shape(const struct npy *a, const struct loom_elf_tensor *t)
{
	if (a->type != t->dtype || a->rank != t->rank || a->bytes != t->bytes)
		return false;
	for (unsigned int i = 0; i < a->rank; i++)
		if (a->dims[i] != t->dims[i])
			return false;
	return true;
}

static void shape_text(char *text, size_t size, uint32_t type, unsigned int rank,
		       const uint64_t *dims)
{
	static const char *const types[] = {
		[LOOM_TENSOR_F32] = "float32", [LOOM_TENSOR_F16] = "float16",
		[LOOM_TENSOR_U8] = "uint8", [LOOM_TENSOR_I8] = "int8",
		[LOOM_TENSOR_I32] = "int32", [LOOM_TENSOR_I64] = "int64",
		[LOOM_TENSOR_BOOL] = "bool",
	};
	bool known = type < sizeof(types) / sizeof(types[0]) && types[type];
	size_t n = (size_t)snprintf(text, size, "%s[", known ? types[type] : "?");

	for (unsigned int i = 0; i < rank && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%llu", i ? "," : "",
				      (unsigned long long)dims[i]);
	if (n < size)
		snprintf(text + n, size - n, "]");
}

static int wrong_shape(const char *text, const struct npy *a, const struct loom_elf_tensor *t)
{
	char has[128], needs[128], why[300];

	shape_text(has, sizeof(has), a->type, a->rank, a->dims);
	shape_text(needs, sizeof(needs), t->dtype, t->rank, t->dims);
	snprintf(why, sizeof(why), "the file has %s, the model takes %s", has, needs);
	return fail(text, why);
}

static int read_input(struct job *j, const char *text)
{
	const struct loom_client_tensor *t = find(j, text, false);
	struct npy array;
	int ret = EXIT_OK;

	if (!t)
		return fail(text, "the model has no such input");
	if (npy_read(strchr(text, '=') + 1, &array))
		return complain(-EIO);
	if (same_shape(&array, &t->tensor))
		memcpy(j->map + t->tensor.offset, array.data, t->tensor.bytes);
	else
		ret = wrong_shape(text, &array, &t->tensor);
	npy_free(&array);
	return ret;
}

static int write_output(struct job *j, const char *text)
{
	const struct loom_client_tensor *t = find(j, text, true);
	struct npy array;

	if (!t)
		return fail(text, "the model has no such output");
	array = (struct npy) {
		.type = t->tensor.dtype, .rank = t->tensor.rank, .bytes = t->tensor.bytes,
		.data = j->map + t->tensor.offset,
	};
	memcpy(array.dims, t->tensor.dims, sizeof(array.dims));
	return npy_write(strchr(text, '=') + 1, &array) ? complain(-EIO) : EXIT_OK;
}

/* An input that was not given would be zeros: that is hardly ever meant. */
static int check_inputs(const struct job *j)
{
	const struct loom_client_tensor *t;
	bool given;

	for (unsigned int i = 0; i < j->model.num_tensors; i++) {
		t = &j->model.tensors[i];
		given = t->is_output;
		for (unsigned int k = 0; k < j->args.num[0] && !given; k++)
			given = find(j, j->args.files[0][k], false) == t;
		if (!given)
			return fail(t->name, "this input is not given (-i)");
	}
	return EXIT_OK;
}

/* ---- running ---- */

static uint64_t deadline(const struct arguments *a)
{
	struct timespec ts;

	if (!a->deadline_ms)
		return UINT64_MAX;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec + a->deadline_ms * 1000000;
}

static int run_once(struct context *c, struct job *j, uint64_t i)
{
	struct loom_client_reply reply;
	int err = loom_client_submit(c->client, j->args.model, j->buffer, deadline(&j->args), i);

	if (!err)
		err = loom_client_wait(c->client, UINT64_MAX, &reply);
	if (!err)
		err = reply.status;
	if (err)
		return complain(err);
	j->latency[i] = reply.done_ns - reply.arrived_ns;
	return EXIT_OK;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void report(const struct context *c, struct job *j)
{
	uint64_t n = j->args.repeat, *l = j->latency;

	qsort(l, n, sizeof(*l), compare);
	if (c->json)
		printf("{\"model\":\"%s\",\"inferences\":%llu,\"min_ns\":%llu,\"p50_ns\":%llu,"
		       "\"p99_ns\":%llu,\"max_ns\":%llu}\n", j->args.model, (unsigned long long)n,
		       (unsigned long long)l[0], (unsigned long long)l[n / 2],
		       (unsigned long long)l[(n * 99) / 100], (unsigned long long)l[n - 1]);
	else if (n > 1)
		printf("%s: %llu inferences, %.3f ms the fastest, %.3f ms half of them, "
		       "%.3f ms the slowest\n", j->args.model, (unsigned long long)n, l[0] / 1e6,
		       l[n / 2] / 1e6, l[n - 1] / 1e6);
	else
		printf("%s: %.3f ms\n", j->args.model, l[0] / 1e6);
}

static int run(struct context *c, struct job *j)
{
	int ret = check_inputs(j);

	for (unsigned int i = 0; !ret && i < j->args.num[0]; i++)
		ret = read_input(j, j->args.files[0][i]);
	for (uint64_t i = 0; !ret && i < j->args.repeat; i++)
		ret = run_once(c, j, i);
	for (unsigned int i = 0; !ret && i < j->args.num[1]; i++)
		ret = write_output(j, j->args.files[1][i]);
	if (!ret)
		report(c, j);
	return ret;
}

static int set_up(struct context *c, struct job *j)
{
	int err = loom_client_model(c->client, j->args.model, &j->model);

	if (!err)
		err = loom_client_buffer_create(c->client, j->model.io_bytes, &j->buffer);
	if (err)
		return complain(err);
	j->map = loom_client_buffer_map(j->buffer);
	j->latency = calloc(j->args.repeat, sizeof(*j->latency));
	return j->latency ? EXIT_OK : fail("--repeat", "no memory for so many");
}

int command_infer(struct context *c, int argc, char **argv)
{
	struct job *j = calloc(1, sizeof(*j));
	int ret;

	if (!j)
		return fail("infer", "out of memory");
	ret = parse(&j->args, argc, argv);
	if (!ret)
		ret = set_up(c, j);
	if (!ret)
		ret = run(c, j);
	free(j->latency);
	free(j);
	return ret;
}
