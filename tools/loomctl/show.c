// SPDX-License-Identifier: MIT
/* The daemon's JSON, for people. What a daemon of another version leaves out is shown as 0. */
#include <stdio.h>

#include <jansson.h>

#include "loomctl.h"

static json_t *parse(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, 0, &error);

	if (!json)
		fprintf(stderr, "loomctl: the daemon's reply is no JSON: %s\n", error.text);
	return json;
}

static long long number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *string(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "?";
}

int show_list(const char *text)
{
	json_t *json = parse(text), *m;
	const char *broken;
	size_t i;

	if (!json)
		return EXIT_REFUSED;
	printf("%-24s %7s %7s %10s %12s %7s %10s\n", "MODEL", "LAYERS", "SLICES", "WEIGHTS", "MACS",
	       "LEASES", "REQUESTS");
	json_array_foreach(json_object_get(json, "models"), i, m) {
		printf("%-24s %7lld %7lld %8lld K %10.1f M %7lld %10lld\n", string(m, "name"),
		       number(m, "layers"), number(m, "slices"), number(m, "weight_bytes") / 1024,
		       number(m, "macs") / 1e6, number(m, "leases"), number(m, "requests"));
		broken = string(m, "broken");
		if (broken[0])
			printf("    broken: %s\n", broken);
	}
	json_decref(json);
	return EXIT_OK;
}

static void show_daemon(const json_t *json)
{
	const json_t *d = json_object_get(json, "daemon"), *s = json_object_get(json, "server");

	printf("daemon     %s on %s, policy %s, window %lld us, up %.1f s\n", string(d, "device"),
	       string(d, "preset"), string(d, "policy"), number(d, "window_ns") / 1000,
	       number(d, "uptime_ns") / 1e9);
	printf("requests   %lld taken, %lld answered: %lld failed, %lld lost, %lld dropped; "
	       "%lld past the deadline\n", number(s, "requests"), number(s, "replies"),
	       number(s, "failed"), number(s, "lost"), number(s, "dropped"),
	       number(s, "deadline_missed"));
}

static void show_submission(const json_t *json)
{
	const json_t *s = json_object_get(json, "submission");
	const json_t *c = json_object_get(json, "scheduler");

	printf("submission %lld slices in %lld array SQEs and %lld enters (%.2f slices an enter), "
	       "%lld ioctls while serving\n", number(s, "jobs"), number(s, "sqes"),
	       number(s, "enters"), json_real_value(json_object_get(s, "jobs_per_enter")),
	       number(s, "ioctls_serving"));
	printf("scheduler  %lld picks, ran dry %lld times, %lld policy faults\n",
	       number(c, "picks"), number(c, "dry"), number(c, "policy_faults"));
	if (number(c, "policy_faults"))
		printf("    replaced: policy %s\n", string(c, "policy_fault"));
}

static void show_device(const json_t *json)
{
	const json_t *d = json_object_get(json, "device");

	printf("device     %lld jobs, MAC array %.3f ms, DRAM %.3f ms, no job %.3f ms, "
	       "%lld faults\n",
	       number(d, "jobs"), number(d, "mac_busy_ns") / 1e6, number(d, "dram_busy_ns") / 1e6,
	       number(d, "dry_ns") / 1e6, number(d, "faults"));
}

static void show_models(const json_t *json)
{
	json_t *m, *l;
	size_t i;

	printf("\n%-24s %9s %9s %7s %9s %9s %9s %8s\n", "MODEL", "REQUESTS", "SERVED", "ERRORS",
	       "P50 MS", "P99 MS", "MAX MS", "MISSED");
	json_array_foreach(json_object_get(json, "models"), i, m) {
		l = json_object_get(m, "latency");
		printf("%-24s %9lld %9lld %7lld %9.3f %9.3f %9.3f %8lld\n", string(m, "name"),
		       number(m, "requests"), number(m, "served"),
		       number(m, "failed") + number(m, "lost") + number(m, "dropped"),
		       number(l, "p50_ns") / 1e6, number(l, "p99_ns") / 1e6,
		       number(l, "max_ns") / 1e6, number(m, "deadline_missed"));
	}
}

static void show_clients(const json_t *json)
{
	json_t *c;
	size_t i;

	printf("\n%-24s %7s %9s %9s %7s %8s %9s\n", "CLIENT", "PID", "REQUESTS", "REPLIES",
	       "ERRORS", "MISSED", "NOW");
	json_array_foreach(json_object_get(json, "clients"), i, c)
		printf("%-24s %7lld %9lld %9lld %7lld %8lld %9lld\n", string(c, "identity"),
		       number(c, "pid"), number(c, "requests"), number(c, "replies"),
		       number(c, "errors"), number(c, "deadline_missed"), number(c, "under_way"));
}

int show_stats(const char *text)
{
	json_t *json = parse(text);

	if (!json)
		return EXIT_REFUSED;
	show_daemon(json);
	show_submission(json);
	show_device(json);
	show_models(json);
	show_clients(json);
	json_decref(json);
	return EXIT_OK;
}
