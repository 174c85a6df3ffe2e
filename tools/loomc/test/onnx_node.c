// SPDX-License-Identifier: MIT
/*
 * ONNX's own operator tests (Debian's libonnx-testdata), on hostops and on the device model.
 *
 * usage: onnx-node [--report FILE.json] [--operators FILE.rst] [--export OUT] [--verbose] DIRECTORY [TEST]...
 *
 * A test passes on the host when hostops give the expected outputs; on the device when loomc
 * compiles it with at least one input left open and the device gives them, within fp16's
 * tolerance; integers have to be equal. A test whose operator or type neither knows is unsupported. Anything else is a failure.
 * --export: what passes on the device goes to OUT, for onnx-vm to run on the real driver.
 */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loom_sim.h"
#include "compare.h"
#include "export.h"
#include "loomc.h"
#include "operators.h"
#include "run_device.h"

#define MAX_TENSORS 64
#define PRESET "memory-centric"

struct test {
	char dir[512];
	const char *name;
	void *onnx;
	size_t size;
	char **in_names, **out_names;
	struct loomc_tensor in[MAX_TENSORS], want[MAX_TENSORS];
	unsigned int num_in, num_want;
	char why[600], why_device[600];
	double error;		/* the device's largest, relative to 1 plus the value */
};

enum verdict { PASSED_DEVICE, PASSED_HOST, UNSUPPORTED, FAILED, NUM_VERDICTS };

static const char *const verdict_names[] = { "passed_device", "passed_host", "unsupported", "failed" };

static bool verbose;
static const char *export_to;

static void *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	char *data = NULL;

	*size = 0;
	if (!file)
		return NULL;
	fseek(file, 0, SEEK_END);
	*size = (size_t)ftell(file);
	rewind(file);
	data = malloc(*size + 1);
	if (data)
		*size = fread(data, 1, *size, file);
	fclose(file);
	return data;
}

/* input_N.pb or output_N.pb: how many; -1: one is of a type that is not supported. */
static int read_tensors(struct test *t, const char *kind, char **names, struct loomc_tensor *to)
{
	struct loomc_result result;
	int num = 0;

	for (; num < MAX_TENSORS && names[num]; num++) {
		char path[700];
		size_t size;
		void *data;
		int ret;

		snprintf(path, sizeof(path), "%s/test_data_set_0/%s_%d.pb", t->dir, kind, num);
		data = read_file(path, &size);
		if (!data)
			break;
		ret = loomc_read_tensor(data, size, &to[num], &result);
		free(data);
		free((char *)to[num].name);
		to[num].name = strdup(names[num]);
		if (ret) {
			snprintf(t->why, sizeof(t->why), "%s %d: %s", kind, num, result.error);
			return -1;
		}
	}
	return num;
}

static bool says_unsupported(const char *why)
{
	return strstr(why, "not supported") || strstr(why, "does not compute with") ||
	       strstr(why, "cannot take in") || strstr(why, "training mode") ||
	       strstr(why, "must be a constant") || strstr(why, "is not a tensor") ||
	       strstr(why, "per row") || strstr(why, "only ");
}

static enum verdict on_host(struct test *t)
{
	struct loomc_options options = { .values = t->in, .num_values = t->num_in };
	struct loomc_result result;
	struct loomc_tensor *got;
	unsigned int num;
	enum verdict v = FAILED;

	if (loomc_evaluate(t->onnx, t->size, &options, &result, &got, &num)) {
		snprintf(t->why, sizeof(t->why), "%s", result.error);
		v = says_unsupported(result.error) ? UNSUPPORTED : FAILED;
	} else if (all_close(got, num, t->want, t->num_want, &on_host_tolerance, t->why, sizeof(t->why))) {
		v = PASSED_HOST;
	}
	loomc_tensors_free(got, num);
	loomc_result_free(&result);
	return v;
}

/* Which inputs stay open: all; all floats; the first float; all but single numbers; the first. */
enum { OPEN_ALL, OPEN_FLOATS, OPEN_FIRST_FLOAT, OPEN_ARRAYS, OPEN_FIRST, NUM_OPENINGS };

static bool stays_open(const struct test *t, unsigned int i, int opening)
{
	if (opening == OPEN_ALL)
		return true;
	if (opening == OPEN_FIRST)
		return i == 0;
	if (opening == OPEN_ARRAYS)
		return t->in[i].t.count > 1;
	if (!hostop_is_float(t->in[i].t.dtype))
		return false;
	for (unsigned int k = 0; opening == OPEN_FIRST_FLOAT && k < i; k++)
		if (hostop_is_float(t->in[k].t.dtype))
			return false;
	return true;
}

static void note_errors(struct test *t, const struct loomc_tensor *got)
{
	for (unsigned int i = 0; i < t->num_want; i++)
		for (size_t e = 0; e < got[i].t.count; e++) {
			double want = hostop_get(&t->want[i].t, e);
			double error = fabs(hostop_get(&got[i].t, e) - want) / (1 + fabs(want));

			t->error = error > t->error ? error : t->error;
		}
}

static bool run_compiled(struct test *t, const struct loomc_result *compiled)
{
	struct loomc_tensor got[MAX_TENSORS];
	bool ok;

	for (unsigned int i = 0; i < t->num_want; i++) {
		got[i] = t->want[i];
		got[i].t.data = NULL;
	}
	ok = !run_device("sim:" PRESET, compiled->file, compiled->size, t->in, t->num_in, got, t->num_want,
			 t->why_device, sizeof(t->why_device)) &&
	     all_close(got, t->num_want, t->want, t->num_want, &on_device_tolerance, t->why_device,
		       sizeof(t->why_device));
	if (ok)
		note_errors(t, got);
	for (unsigned int i = 0; i < t->num_want; i++)
		hostop_free(&got[i].t);
	return ok;
}

/* Inputs that were left open are what the model asks for. */
static bool exported(struct test *t, const struct loomc_tensor *values, const struct loomc_result *compiled)
{
	struct loomc_tensor open[MAX_TENSORS];
	unsigned int num = 0;

	if (!export_to)
		return true;
	for (unsigned int i = 0; i < t->num_in; i++)
		if (!values[i].t.data)
			open[num++] = t->in[i];
	return !export_test(export_to, t->name, compiled, open, num, t->want, t->num_want, t->why_device,
			    sizeof(t->why_device));
}

static enum verdict on_device_open(struct test *t, int opening)
{
	struct loomc_tensor values[MAX_TENSORS];
	struct loomc_options options = {
		.values = values, .num_values = t->num_in, .device_only = true,
	};
	struct loom_sim_config config;
	struct loomc_result result;
	enum verdict v = FAILED;
	unsigned int open = 0;

	loom_sim_preset(&config, PRESET);
	options.caps = config.caps;
	for (unsigned int i = 0; i < t->num_in; i++) {
		values[i] = t->in[i];
		if (stays_open(t, i, opening)) {
			values[i].t.data = NULL;
			open++;
		}
	}
	if (!open) {
		snprintf(t->why_device, sizeof(t->why_device), "no input to leave open: not supported");
		return UNSUPPORTED;
	}
	if (loomc_compile(t->onnx, t->size, &options, &result)) {
		snprintf(t->why_device, sizeof(t->why_device), "%s", result.error);
		v = says_unsupported(result.error) || strstr(result.error, "depends on data") ||
		    strstr(result.error, "is not known") ? UNSUPPORTED : FAILED;
	} else if (run_compiled(t, &result) && exported(t, values, &result)) {
		v = PASSED_DEVICE;
	}
	loomc_result_free(&result);
	return v;
}

static enum verdict on_device(struct test *t)
{
	enum verdict v = UNSUPPORTED;

	for (int opening = 0; v == UNSUPPORTED && opening < NUM_OPENINGS; opening++)
		v = on_device_open(t, opening);
	return v;
}

static bool load(struct test *t, const char *directory, const char *name)
{
	char path[600];
	int n;

	memset(t, 0, sizeof(*t));
	t->name = name;
	snprintf(t->dir, sizeof(t->dir), "%s/%s", directory, name);
	snprintf(path, sizeof(path), "%s/model.onnx", t->dir);
	t->onnx = read_file(path, &t->size);
	if (!t->onnx)
		return false;
	t->in_names = loomc_ports(t->onnx, t->size, false);
	t->out_names = loomc_ports(t->onnx, t->size, true);
	if (!t->in_names || !t->out_names)
		return false;
	n = read_tensors(t, "input", t->in_names, t->in);
	t->num_in = n > 0 ? (unsigned int)n : 0;
	if (n < 0)
		return false;
	n = read_tensors(t, "output", t->out_names, t->want);
	t->num_want = n > 0 ? (unsigned int)n : 0;
	return n > 0;
}

static void unload(struct test *t)
{
	for (unsigned int i = 0; i < MAX_TENSORS; i++) {
		hostop_free(&t->in[i].t);
		hostop_free(&t->want[i].t);
		free((char *)t->in[i].name);
		free((char *)t->want[i].name);
	}
	free(t->in_names);
	free(t->out_names);
	free(t->onnx);
}

static enum verdict run_test(const char *directory, const char *name)
{
	static struct test t;
	enum verdict host = UNSUPPORTED, device = UNSUPPORTED, v;

	if (load(&t, directory, name)) {
		host = on_host(&t);
		device = on_device(&t);
	}
	v = device == PASSED_DEVICE ? device : host;
	if (host == FAILED || device == FAILED)
		v = FAILED;
	if (t.onnx)
		operators_count(t.onnx, t.size, v == PASSED_DEVICE ? ON_DEVICE : v == PASSED_HOST ? ON_HOST : NOWHERE,
				t.in, t.num_in, t.want, t.num_want, t.error);
	if (v == FAILED || verbose)
		printf("# %s: %s; host: %s; device: %s\n", name, verdict_names[v], t.why, t.why_device);
	unload(&t);
	return v;
}

struct tally {
	unsigned int num[NUM_VERDICTS];
	struct dirent **entries;
	enum verdict *verdicts;
	int num_entries;
};

static void write_report(const struct tally *tally, const char *path)
{
	FILE *to = fopen(path, "w");

	if (!to)
		return;
	fprintf(to, "{\n");
	for (int v = 0; v < NUM_VERDICTS; v++)
		fprintf(to, "\t\"%s\": %u,\n", verdict_names[v], tally->num[v]);
	fprintf(to, "\t\"names\": {");
	for (int v = 0; v < NUM_VERDICTS; v++) {
		const char *comma = "";

		fprintf(to, "%s\n\t\t\"%s\": [", v ? "," : "", verdict_names[v]);
		for (int i = 0; i < tally->num_entries; i++) {
			if (tally->verdicts[i] != (enum verdict)v || tally->entries[i]->d_name[0] == '.')
				continue;
			fprintf(to, "%s\n\t\t\t\"%s\"", comma, tally->entries[i]->d_name);
			comma = ",";
		}
		fprintf(to, "]");
	}
	fprintf(to, "\n\t}\n}\n");
	fclose(to);
}

static bool chosen(const char *name, char **only, int num)
{
	for (int i = 0; i < num; i++)
		if (!strcmp(name, only[i]))
			return true;
	return name[0] != '.' && !num;
}

int main(int argc, char **argv)
{
	const char *report = NULL, *operators = NULL, *directory;
	struct tally tally = { 0 };
	int at = 1;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (; at < argc && !strncmp(argv[at], "--", 2); at++) {
		if (!strcmp(argv[at], "--verbose"))
			verbose = true;
		else if (!strcmp(argv[at], "--report") && at + 1 < argc)
			report = argv[++at];
		else if (!strcmp(argv[at], "--operators") && at + 1 < argc)
			operators = argv[++at];
		else if (!strcmp(argv[at], "--export") && at + 1 < argc)
			export_to = argv[++at];
	}
	if (at >= argc) {
		fprintf(stderr, "usage: onnx-node [--report FILE.json] [--operators FILE.rst] [--export OUT] [--verbose] DIRECTORY [TEST]...\n");
		return 2;
	}
	directory = argv[at++];
	tally.num_entries = scandir(directory, &tally.entries, NULL, alphasort);
	if (tally.num_entries < 0) {
		printf("1..0 # SKIP %s: not there (apt install libonnx-testdata)\n", directory);
		return 0;
	}
	tally.verdicts = calloc((size_t)tally.num_entries + 1, sizeof(*tally.verdicts));
	for (int i = 0; i < tally.num_entries; i++) {
		const char *name = tally.entries[i]->d_name;

		tally.verdicts[i] = NUM_VERDICTS;
		if (!chosen(name, argv + at, argc - at))
			continue;
		tally.verdicts[i] = run_test(directory, name);
		tally.num[tally.verdicts[i]]++;
	}
	for (int v = 0; v < NUM_VERDICTS; v++)
		printf("# %s %u\n", verdict_names[v], tally.num[v]);
	if (report)
		write_report(&tally, report);
	if (operators && operators_write(operators))
		fprintf(stderr, "onnx-node: %s: cannot be written\n", operators);
	printf("%s 1 ONNX operator tests\n1..1\n", tally.num[FAILED] ? "not ok" : "ok");
	for (int i = 0; i < tally.num_entries; i++)
		free(tally.entries[i]);
	free(tally.entries);
	free(tally.verdicts);
	return tally.num[FAILED] ? 1 : 0;
}
