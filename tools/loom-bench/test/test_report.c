// SPDX-License-Identifier: MIT
/* The bound against closed forms, and figures against a made-up run whose rates are known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../report.h"

static bool near(double a, double b)
{
	return fabs(a - b) < 1e-9 * fmax(1, fabs(b));
}

static struct report_model model(double compute, double dram)
{
	return (struct report_model) {
		.period = compute > dram ? compute : dram, .compute = compute, .dram = dram,
	};
}

/* The pairs of papers.md 1.10: ResNet50, ResNeXt50, InceptionV3, MobileNetV2, each beside BERT. */
static void closed_form(void **unused)
{
	static const double d[] = { 0.385, 0.117, 0.249, 0.115 };
	struct report_model m[2];
	unsigned int i;
	double p = 0.158;

	for (i = 0; i < 4; i++) {
		m[0] = model(3.0, 3.0 * d[i]);
		m[1] = model(7.0 * p, 7.0);
		assert_true(near(bound_stp(m, 2), (1 - p) / (1 - p * d[i]) + (1 - d[i]) / (1 - p * d[i])));
	}
}

/* Two of one kind cannot be woven; a third of the other kind can. */
static void kinds(void **unused)
{
	struct report_model m[3] = { model(5, 1), model(2, 0.4), model(1, 5) };

	assert_true(near(bound_stp(m, 1), 1));
	assert_true(near(bound_stp(m, 2), 1));
	assert_true(near(bound_stp(m, 3), bound_stp(m + 1, 2)));
	assert_true(bound_stp(m, 3) > 1.6);
}

/* A model that leaves both resources idle when alone: the bound counts by its period. */
static void idle_alone(void **unused)
{
	struct report_model m = { .period = 4, .compute = 2, .dram = 1 };

	assert_true(near(bound_stp(&m, 1), 2));
}

/* ---- a made-up run ---- */

static char dir[] = "/tmp/loom-bench-XXXXXX";

static FILE *create(const char *name)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	return f;
}

static void put_phase(FILE *f, const char *name, const char *models, int mac, int dram)
{
	fprintf(f, "%s{\"name\":\"%s\",\"policy\":\"%s\",\"models\":[%s],\"replies\":{},\"checked\":{},"
		"\"start\":{\"device_ns\":1000,\"mac_busy\":0,\"compute_busy\":0,\"dram_busy\":0},"
		"\"end\":{\"device_ns\":101000,\"mac_busy\":%d,\"compute_busy\":%d,\"dram_busy\":%d}}",
		name[0] == 'a' && name[6] == 'c' ? "" : ",", name,
		strncmp(name, "alone", 5) ? name : "fifo", models, mac, mac, dram);
}

/* Slices end to end from 1000 to 101000: n of one model, then again. */
static void put_trace(const char *phase, const char *a, const char *b, int each)
{
	char name[64];
	FILE *f;
	int t, n = 0;

	snprintf(name, sizeof(name), "trace-%s.json", phase);
	f = create(name);
	fprintf(f, "{\"lost\":0,\"slices\":[");
	for (t = 1000; t < 101000; t += each, n++)
		fprintf(f, "%s{\"model\":\"%s\",\"request\":%d,\"slice\":0,\"compute_start\":%d,"
			"\"compute_end\":%d,\"mac_busy\":%d,\"vector_busy\":0}", n ? "," : "",
			n % 2 ? b : a, n, t, t + each, each);
	fprintf(f, "]}");
	fclose(f);
}

/* c computes 1000 ns a query and f fetches as long; woven, both at `share` of their rate alone. */
static void make_run(int woven_slice)
{
	FILE *f = create("raw.json");

	fprintf(f, "{\"version\":1,\"preset\":\"p\",\"queued\":2,\"release\":\"tile\",\"activations\":\"lease\","
		"\"lane\":\"sim\",\"versions\":{},\"models\":[{\"name\":\"c\"},{\"name\":\"f\"}],\"phases\":[");
	put_phase(f, "alone-c", "\"c\"", 100000, 25000);
	put_phase(f, "alone-f", "\"f\"", 100000, 50000);
	put_phase(f, "woven", "\"c\",\"f\"", 99000, 90000);
	fprintf(f, "]}");
	fclose(f);
	put_trace("alone-c", "c", "c", 1000);
	put_trace("alone-f", "f", "f", 1000);
	put_trace("woven", "c", "f", woven_slice);
}

static void figures(void **unused)
{
	struct report r;

	make_run(1000);
	assert_int_equal(report_load(&r, dir), 0);
	assert_int_equal(figures_make(&r), 0);
	assert_true(near(r.models[0].period, 1e-6));
	assert_true(near(r.models[0].dram, 0.25e-6));
	assert_true(near(r.phases[2].qps[0], 0.5e6));
	assert_true(near(r.phases[2].stp, 1));
	assert_true(near(r.phases[2].antt, 2));
	assert_true(near(r.phases[2].mac, 0.99));
	report_free(&r);
}

/* Twice as many queries as the engine has time for: this cannot be, and is not reported as if. */
static void above_the_bound(void **unused)
{
	struct report r;
	size_t i;

	make_run(1000);
	assert_int_equal(report_load(&r, dir), 0);
	for (i = 0; i < r.phases[2].num_slices; i++)
		r.phases[2].slices[i].request /= 2;
	assert_int_equal(figures_make(&r), 0);
	report_free(&r);
	assert_int_equal(report_load(&r, dir), 0);
	r.phases[2].seconds /= 2;
	assert_true(figures_make(&r) < 0);
	report_free(&r);
}

static void broken(const char *file, const char *text)
{
	struct report r;
	FILE *f;

	make_run(1000);
	f = create(file);
	fputs(text, f);
	fclose(f);
	assert_true(report_load(&r, dir) < 0);
	report_free(&r);
}

static void broken_files(void **unused)
{
	broken("raw.json", "");
	broken("raw.json", "{\"version\":2}");
	broken("raw.json", "{\"version\":1,\"models\":[]}");
	broken("raw.json", "{\"version\":1,\"models\":[{\"name\":\"c\"}],\"phases\":[{}]}");
	broken("trace-woven.json", "{\"slices\":[{\"model\":\"nobody\",\"compute_end\":1}]}");
	broken("trace-woven.json", "{\"slices\":[{\"model\":\"c\"}]}");
	broken("trace-woven.json", "{\"lost\":7,\"slices\":[]}");
	broken("trace-woven.json", "{\"slices\":");
}

static int make_dir(void **unused)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **unused)
{
	static const char *const files[] = {
		"raw.json", "trace-alone-c.json", "trace-alone-f.json", "trace-woven.json",
	};
	char path[256];
	unsigned int i;

	for (i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed_form),
		cmocka_unit_test(kinds),
		cmocka_unit_test(idle_alone),
		cmocka_unit_test(figures),
		cmocka_unit_test(above_the_bound),
		cmocka_unit_test(broken_files),
	};

	return cmocka_run_group_tests_name("loom-bench: report", tests, make_dir, remove_dir);
}
