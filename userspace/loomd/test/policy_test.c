// SPDX-License-Identifier: MIT
/* A policy that misbehaves is replaced, which is said, and nobody notices but by that. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Requests of the first model, all of them before one of the second. Passed over for ever are 64 rounds of as
 * many picks as both models have slices; a policy that starves the second is to be found out before the end.
 */
#define REQUESTS 100u

static const struct make_model first = { .n = RIG_N, .slices = 12, .seed = 1 };
static const struct make_model second = { .n = RIG_N, .slices = 2, .seed = 5 };

struct bad {
	const char *policy, *what;
};

static const struct bad bads[] = {
	{ "bad-nonsense", "it picked what was not offered" },
	{ "bad-error", "it picked what was not offered" },
	{ "bad-postpone", "it picked what was not offered" },
	{ "bad-nothing", "it picked nothing although the device is about to run dry" },
	{ "bad-starve", "it passed over a model for ever" },
};

static struct loom_client_buffer *new_buffer(struct loom_client *c, const char *model, uint32_t number)
{
	struct loom_client_buffer *b;
	struct loom_client_model m;

	assert_int_equal(loom_client_model(c, model, &m), 0);
	assert_int_equal(loom_client_buffer_create(c, m.io_bytes, &b), 0);
	rig_fill(loom_client_buffer_map(b), RIG_N, number);
	return b;
}

/* The daemon's standard error goes to a file. */
static void start(struct rig *rig, const char *log)
{
	static const char *const options[] = { "--max-requests", "200", "--max-buffers", "200",
		"--inflight", "16", "--max-jobs", "8", NULL };
	int fd = open(log, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644), saved = dup(2);

	assert_true(fd >= 0 && saved >= 0);
	dup2(fd, 2);
	rig->program = "loomd-bad";
	rig_start(rig, options);
	dup2(saved, 2);
	close(saved);
	close(fd);
}

static void assert_in(const char *path, const char *command, const char *words)
{
	FILE *f = command ? popen(command, "re") : fopen(path, "re");
	char line[512];
	bool found = false;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		found |= strstr(line, words) != NULL;
	if (command)
		pclose(f);
	else
		fclose(f);
	if (!found)
		fail_msg("%s does not say '%s'", command ? command : path, words);
}

static void said(struct rig *rig, struct loom_client *c, const char *log, const struct bad *bad)
{
	char line[160], command[256];
	json_t *stats = rig_stats(c);

	snprintf(line, sizeof(line), "%s: %s", bad->policy, bad->what);
	assert_int_equal(rig_number(stats, "scheduler.policy_faults"), 1);
	assert_string_equal(json_string_value(json_object_get(json_object_get(stats, "scheduler"), "policy_fault")), line);
	assert_string_equal(json_string_value(json_object_get(json_object_get(stats, "daemon"), "policy")), "fifo");
	json_decref(stats);
	snprintf(line, sizeof(line), "policy %s: %s; replaced by fifo", bad->policy, bad->what);
	assert_in(log, NULL, line);
	rig_program(command, sizeof(command), "../bin/loomctl");
	snprintf(command + strlen(command), sizeof(command) - strlen(command), " --socket %s stats", rig->socket);
	snprintf(line, sizeof(line), "replaced: policy %s: %s", bad->policy, bad->what);
	assert_in(NULL, command, line);
}

/* All of them, at once: the scheduler waits until they are there. None is lost, and each has its own answer. */
static void serve(struct rig *rig, struct loom_client *c, struct loom_client_buffer **b)
{
	struct loom_client *holder = rig_connect(rig, "holder", 0);
	unsigned int i;

	assert_int_equal(loom_client_hold(holder, true), 0);
	for (i = 0; i < REQUESTS; i++)
		assert_int_equal(loom_client_submit(c, "first", b[i], UINT64_MAX, i), 0);
	assert_int_equal(loom_client_submit(c, "second", b[i], UINT64_MAX, i), 0);
	assert_int_equal(rig_stat(c, "daemon.under_way"), REQUESTS + 1);
	assert_int_equal(loom_client_hold(holder, false), 0);
	for (i = 0; i <= REQUESTS; i++) {
		struct loom_client_reply reply;

		assert_int_equal(loom_client_wait(c, UINT64_MAX, &reply), 0);
		assert_int_equal(reply.status, 0);
		rig_check(loom_client_buffer_map(b[reply.id]), reply.id < REQUESTS ? &first : &second, (uint32_t)reply.id);
	}
	loom_client_close(holder);
}

static void misbehaves(struct rig *rig, const struct bad *bad)
{
	struct loom_client_buffer *b[REQUESTS + 1];
	struct loom_client *c;
	char log[128];
	unsigned int i;

	snprintf(log, sizeof(log), "%s/log", rig->dir);
	start(rig, log);
	c = rig_connect(rig, "client", 0);
	rig_load(rig, c, "first", first);
	rig_load(rig, c, "second", second);
	for (i = 0; i < REQUESTS; i++)
		b[i] = new_buffer(c, "first", i);
	b[i] = new_buffer(c, "second", i);
	assert_int_equal(loom_client_policy(c, bad->policy), 0);
	serve(rig, c, b);
	said(rig, c, log, bad);
	/* Nothing is left, and who comes later is served, under the policy of their choice, too. */
	assert_int_equal(rig_stat(c, "daemon.under_way"), 0);
	assert_int_equal(rig_infer(c, b[0], "first", 1), 0);
	assert_int_equal(loom_client_policy(c, "loom"), 0);
	assert_int_equal(rig_infer(c, b[REQUESTS], "second", 2), 0);
	assert_int_equal(rig_stat(c, "scheduler.policy_faults"), 1);
	assert_int_equal(loom_client_unload(c, "first"), 0);
	assert_int_equal(loom_client_unload(c, "second"), 0);
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
}

static void every_one(void **state)
{
	for (unsigned int i = 0; i < sizeof(bads) / sizeof(bads[0]); i++)
		misbehaves(*state, &bads[i]);
}

/* Only the tests' daemon has them. */
static void not_in_production(void **state)
{
	struct rig *rig = *state;
	struct loom_client *c;

	rig_start(rig, NULL);
	c = rig_connect(rig, "client", 0);
	for (unsigned int i = 0; i < sizeof(bads) / sizeof(bads[0]); i++)
		assert_int_equal(loom_client_policy(c, bads[i].policy), -EINVAL);
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_one, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(not_in_production, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests_name("loomd: policies that misbehave", tests, NULL, NULL);
}
