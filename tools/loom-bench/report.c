// SPDX-License-Identifier: MIT
/* loom-bench report: one table on stdout; results.json, trace.json and timeline.png beside the facts. */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

static const char help[] =
"usage: loom-bench report [OPTION...] DIR\n"
"Make figures of what `loom-bench run --out DIR` wrote: a table, and in DIR\n"
"results.json, trace.json (Perfetto opens it) and timeline.png.\n\n"
"  --check FILE   what check-output --json said of a model; may be repeated\n"
"  --json         print results.json instead of the table\n"
"  --help\n"
"Exit status: 0; 1 something is missing or broken; 2 usage; 3 a figure that cannot be, or\n"
"outputs that differ, between phases or from the reference.\n";

enum option_code { OPT_CHECK = 256, OPT_JSON, OPT_HELP };

static const struct option long_options[] = {
	{ "check", required_argument, NULL, OPT_CHECK },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, OPT_HELP },
	{ 0 },
};

struct report_options {
	const char *dir;
	const char *checks[BENCH_MAX_MODELS];
	unsigned int num_checks;
	bool json;
};

static int parse(struct report_options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == OPT_HELP) {
			fputs(help, stdout);
			exit(0);
		}
		if (c == OPT_CHECK && o->num_checks < BENCH_MAX_MODELS)
			o->checks[o->num_checks++] = optarg;
		else if (c == OPT_JSON)
			o->json = true;
		else
			return -EINVAL;
	}
	if (optind + 1 != argc)
		return bench_fail(-EINVAL, "one DIR is needed. Try: loom-bench report --help");
	o->dir = argv[optind];
	return 0;
}

/* ---- outputs ---- */

static bool same_file(const char *a, const char *b)
{
	FILE *fa = fopen(a, "re"), *fb = fopen(b, "re");
	bool same = fa && fb;
	int c;

	while (same) {
		c = getc(fa);
		same = c == getc(fb);
		if (c == EOF)
			break;
	}
	if (fa)
		fclose(fa);
	if (fb)
		fclose(fb);
	return same;
}

/* Outputs of one model: what phase p left against what it left alone. */
static int compare_dirs(struct report *r, const char *phase, const char *model)
{
	char dir[4096], a[8192], b[8192];
	struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/outputs/alone-%s/%s", r->dir, model, model);
	d = opendir(dir);
	if (!d)
		return bench_fail(-errno, "%s: %s", dir, strerror(errno));
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(a, sizeof(a), "%s/%s", dir, e->d_name);
		snprintf(b, sizeof(b), "%s/outputs/%s/%s/%s", r->dir, phase, model, e->d_name);
		if (same_file(a, b))
			continue;
		r->same_bytes = false;
		bench_fail(0, "%s and %s differ", a, b);
	}
	closedir(d);
	return 0;
}

int same_outputs(struct report *r)
{
	unsigned int i, k;
	int err = 0;

	r->same_bytes = true;
	for (i = 0; i < r->num_phases; i++)
		for (k = 0; !err && !r->phases[i].alone && k < r->num_models; k++)
			err = compare_dirs(r, r->phases[i].name, r->models[k].name);
	return err;
}

static int load_check(struct report *r, const char *path)
{
	json_t *json = json_load_file(path, 0, NULL);
	const char *model = json_string_value(json_object_get(json, "model"));

	if (!model || !json_is_boolean(json_object_get(json, "matches_onnxruntime"))) {
		json_decref(json);
		return bench_fail(-EINVAL, "%s: not what check-output --json prints", path);
	}
	json_object_set(r->outputs, model, json);
	json_decref(json);
	return 0;
}

static bool all_match(const struct report *r)
{
	const char *model;
	bool match = true;
	json_t *j;

	json_object_foreach(r->outputs, model, j) {
		if (json_is_true(json_object_get(j, "matches_onnxruntime")))
			continue;
		bench_fail(0, "%s does not agree with ONNX Runtime", model);
		match = false;
	}
	return match;
}

static void print_checks(const struct report *r)
{
	const char *model, *answer;
	json_t *j;

	json_object_foreach(r->outputs, model, j) {
		answer = json_string_value(json_object_get(j, "answer"));
		printf("%s: %s with ONNX Runtime, max abs error %.3g%s%s\n", model,
		       json_is_true(json_object_get(j, "matches_onnxruntime")) ? "agrees" :
		       "DOES NOT AGREE", json_number_value(json_object_get(j, "max_abs_error")),
		       answer ? ": " : "", answer ? answer : "");
	}
}

/* ---- all of it ---- */

static int write_results(const struct report *r, bool print)
{
	json_t *results = results_json(r);
	size_t flags = JSON_INDENT(2) | JSON_REAL_PRECISION(9);
	char path[4096];
	int err;

	snprintf(path, sizeof(path), "%s/results.json", r->dir);
	err = results ? json_dump_file(results, path, flags) : -1;
	if (!err && print) {
		json_dumpf(results, stdout, flags);
		putchar('\n');
	}
	json_decref(results);
	return err ? bench_fail(-EIO, "%s: cannot write", path) : 0;
}

static int write_pictures(const struct report *r)
{
	char path[4096];
	int err;

	snprintf(path, sizeof(path), "%s/trace.json", r->dir);
	err = chrome_write(r, path);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/timeline.png", r->dir);
	return timeline_draw(r, path);
}

static int make(struct report *r, const struct report_options *o)
{
	int err = report_load(r, o->dir), impossible = 0;
	unsigned int i;

	for (i = 0; !err && i < o->num_checks; i++)
		err = load_check(r, o->checks[i]);
	if (err || same_outputs(r))
		return 1;
	impossible = figures_make(r);
	if (impossible && impossible != -ERANGE)
		return 1;
	if (!o->json) {
		table_print(r, stdout);
		print_checks(r);
	}
	if (write_results(r, o->json) || write_pictures(r))
		return 1;
	return impossible || !r->same_bytes || !all_match(r) ? EXIT_IMPOSSIBLE : 0;
}

int bench_report(int argc, char **argv)
{
	struct report_options o = { 0 };
	struct report r = { 0 };
	int status;

	if (parse(&o, argc, argv))
		return EXIT_USAGE;
	status = make(&r, &o);
	report_free(&r);
	return status;
}
