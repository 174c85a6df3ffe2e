// SPDX-License-Identifier: MIT
/* What clients get: inferences, administration, limits, deadlines. */
#include "rig.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct make_model small = { .slices = 12, .seed = 3 };
static const struct make_model other = { .slices = 30, .seed = 8 };

static struct loom_client_buffer *new_buffer(struct loom_client *c, const char *model)
{
	struct loom_client_buffer *b;
	struct loom_client_model m;

	assert_int_equal(loom_client_model(c, model, &m), 0);
	assert_int_equal(loom_client_buffer_create(c, m.io_bytes, &b), 0);
	return b;
}

static void assert_said(const char *words)
{
	if (!strstr(loom_error(), words))
		fail_msg("'%s' does not say '%s'", loom_error(), words);
}

static void infers(void **state)
{
	struct rig *rig = *state;
	struct loom_client_model model;
	struct loom_client_buffer *b;
	struct loom_client *c;

	rig_start(rig, NULL);
	c = rig_connect(rig, "infers", 0);
	rig_load(rig, c, "small", small);
	assert_int_equal(loom_client_model(c, "small", &model), 0);
	assert_int_equal(model.num_tensors, 2);
	assert_string_equal(model.tensors[0].name, "a");
	assert_string_equal(model.tensors[1].name, "y");
	assert_int_equal(model.tensors[1].is_output, 1);
	assert_int_equal(model.tensors[0].tensor.bytes, RIG_N * 2);
	b = new_buffer(c, "small");
	for (uint32_t i = 0; i < 20; i++) {
		rig_fill(loom_client_buffer_map(b), RIG_N, i);
		assert_int_equal(rig_infer(c, b, "small", i), 0);
		rig_check(loom_client_buffer_map(b), &small, i);
	}
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
}

static void refuses_by_name(void **state)
{
	struct rig *rig = *state;
	struct loom_client_buffer *b, *tiny;
	struct loom_client_model model;
	struct loom_client *c;
	char path[PATH_MAX];

	rig_start(rig, NULL);
	c = rig_connect(rig, "refused", 0);
	rig_load(rig, c, "small", small);
	b = new_buffer(c, "small");
	assert_int_equal(loom_client_model(c, "nonesuch", &model), -ENOENT);
	assert_said("nonesuch");
	assert_int_equal(loom_client_submit(c, "nonesuch", b, UINT64_MAX, 1), -ENOENT);
	assert_said("nonesuch");
	assert_int_equal(loom_client_unload(c, "nonesuch"), -ENOENT);
	assert_int_equal(loom_client_policy(c, "nonesuch"), -EINVAL);
	assert_said("nonesuch");
	assert_int_equal(loom_client_cancel(c, 99), -ENOENT);
	assert_said("99");
	assert_int_equal(loom_client_model(c, "no/slash", &model), -ENOENT);
	snprintf(path, sizeof(path), "%s/small.loom", rig->dir);
	assert_int_equal(loom_client_load(c, path, "no/slash"), -EINVAL);
	assert_said("no/slash");
	assert_int_equal(loom_client_buffer_create(c, 64, &tiny), 0);
	assert_int_equal(rig_infer(c, tiny, "small", 1), -EINVAL);
	assert_said("small needs");
	assert_int_equal(loom_client_load(c, path, NULL), -EEXIST);
	assert_said("small");
	assert_int_equal(loom_client_load(c, "/dev/null", "null"), -EINVAL);
	assert_int_equal(loom_client_load(c, "/nonesuch", "null"), -ENOENT);
	assert_int_equal(truncate(path, 1000), 0);
	assert_true(loom_client_load(c, path, "cut") < 0);
	rig_fill(loom_client_buffer_map(b), RIG_N, 1);
	assert_int_equal(rig_infer(c, b, "small", 2), 0);
	rig_check(loom_client_buffer_map(b), &small, 1);
	loom_client_close(c);
}

/* Every one that is under way has its own input; replies come in any order. */
static void run_many(struct loom_client *c, const char *name, const struct make_model *args,
		     struct loom_client_buffer **b, unsigned int num)
{
	struct loom_client_reply reply;

	for (unsigned int i = 0; i < num; i++) {
		rig_fill(loom_client_buffer_map(b[i]), args->n ? args->n : RIG_N, i);
		assert_int_equal(loom_client_submit(c, name, b[i], UINT64_MAX, i), 0);
	}
	for (unsigned int i = 0; i < num; i++) {
		assert_int_equal(loom_client_wait(c, UINT64_MAX, &reply), 0);
		assert_int_equal(reply.status, 0);
		assert_true(reply.done_ns >= reply.arrived_ns);
		assert_true(reply.device_end_ns > reply.device_start_ns);
		rig_check(loom_client_buffer_map(b[reply.id]), args, (uint32_t)reply.id);
	}
	assert_int_equal(loom_client_wait(c, 0, &reply), -ENOENT);
}

static void weaves(void **state)
{
	static const char *const policies[] = { "fifo", "fair", "edf", "layerweaver" };
	struct rig *rig = *state;
	struct loom_client_buffer *b[2][16];
	struct loom_client_reply reply;
	struct loom_client *c[2];
	const struct make_model *args[2] = { &small, &other };
	const char *names[2] = { "small", "other" };

	rig_start(rig, NULL);
	for (int k = 0; k < 2; k++) {
		c[k] = rig_connect(rig, names[k], 0);
		rig_load(rig, c[k], names[k], *args[k]);
		for (int i = 0; i < 16; i++)
			b[k][i] = new_buffer(c[k], names[k]);
		run_many(c[k], names[k], args[k], b[k], 16);	/* alone */
	}
	for (unsigned int p = 0; p < 4; p++) {
		assert_int_equal(loom_client_policy(c[0], policies[p]), 0);
		for (unsigned int i = 0; i < 32; i++) {
			rig_fill(loom_client_buffer_map(b[i & 1][i / 2]), RIG_N, i + p);
			assert_int_equal(loom_client_submit(c[i & 1], names[i & 1], b[i & 1][i / 2],
							    UINT64_MAX, i), 0);
		}
		for (unsigned int i = 0; i < 32; i++) {
			assert_int_equal(loom_client_wait(c[i & 1], UINT64_MAX, &reply), 0);
			assert_int_equal(reply.status, 0);
			rig_check(loom_client_buffer_map(b[i & 1][reply.id / 2]), args[i & 1],
				  (uint32_t)reply.id + p);
		}
	}
	loom_client_close(c[0]);
	loom_client_close(c[1]);
	assert_int_equal(rig_stop(rig), 0);
}

/* Work comes in without ioctls, many slices a system call, and the device is kept fed. */
static void steady_state(void **state)
{
	struct rig *rig = *state;
	struct loom_client_buffer *b[8];
	struct loom_client *c;
	json_t *before, *after;
	long long jobs, enters;

	rig_start(rig, NULL);
	c = rig_connect(rig, "steady", 0);
	rig_load(rig, c, "slow", slow);
	for (int i = 0; i < 8; i++)
		b[i] = new_buffer(c, "slow");
	before = rig_stats(c);
	run_many(c, "slow", &slow, b, 8);
	after = rig_stats(c);
	jobs = rig_number(after, "submission.jobs") - rig_number(before, "submission.jobs");
	enters = rig_number(after, "submission.enters") - rig_number(before, "submission.enters");
	assert_int_equal(jobs, 8 * (long long)slow.slices);
	assert_true(enters * 4 < jobs);
	assert_int_equal(rig_number(after, "submission.ioctls_serving"), 0);
	/* Never, if slices take longer than the daemon needs for one, which is not so in the VM. */
	if (rig_times_are_ours())
		assert_true(rig_number(after, "scheduler.dry") * 100 <= jobs);
	assert_int_equal(rig_number(after, "scheduler.policy_faults"), 0);
	assert_int_equal(rig_number(after, "submission.errors"), 0);
	assert_int_equal(rig_number(rig_model_stats(after, "slow"), "served"), 8);
	assert_int_equal(rig_number(rig_model_stats(after, "slow"), "latency.count"), 8);
	assert_int_equal(rig_number(rig_model_stats(after, "slow"), "slices"), jobs);
	json_decref(before);
	json_decref(after);
	loom_client_close(c);
}

static void limits(void **state)
{
	static const char *const options[] = {
		"--max-clients", "3", "--max-models", "2", "--max-requests", "4",
		"--max-buffers", "6", "--max-bytes", "100000", NULL,
	};
	struct rig *rig = *state;
	struct loom_client *c[3], *more;
	struct loom_client_buffer *b[6], *another;
	struct loom_client_reply reply;
	char path[PATH_MAX];
	int busy = 0;

	rig_start(rig, options);
	for (int i = 0; i < 3; i++)
		c[i] = rig_connect(rig, "limits", 0);
	assert_int_equal(loom_client_connect(rig->socket, "more", 0, &more), -EUSERS);
	assert_said("--max-clients");
	rig_load(rig, c[0], "small", small);
	rig_load(rig, c[0], "other", other);
	rig_model(rig, "third", small);
	snprintf(path, sizeof(path), "%s/third.loom", rig->dir);
	assert_int_equal(loom_client_load(c[0], path, NULL), -ENOSPC);
	assert_said("2 models");
	for (int i = 0; i < 6; i++)
		b[i] = new_buffer(c[0], "other");
	assert_int_equal(loom_client_buffer_create(c[0], 64, &another), -ENOSPC);
	assert_said("6 buffers");
	loom_client_buffer_destroy(b[5]);
	assert_int_equal(loom_client_buffer_create(c[0], 100000, &another), -ENOSPC);
	assert_said("100000");
	assert_int_equal(rig_infer(c[0], b[0], "other", 1), 0);
	/* SIGSTOP, so that all five arrive before the first is served. */
	kill(rig->daemon, SIGSTOP);
	for (uint64_t i = 0; i < 5; i++)
		assert_int_equal(loom_client_submit(c[0], "other", b[i], UINT64_MAX, i), 0);
	kill(rig->daemon, SIGCONT);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(loom_client_wait(c[0], UINT64_MAX, &reply), 0);
		if (reply.status == -EBUSY) {
			assert_said("4 requests");
			busy++;
		} else {
			assert_int_equal(reply.status, 0);
		}
	}
	assert_int_equal(busy, 1);
	for (int i = 0; i < 3; i++)
		loom_client_close(c[i]);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int infer_by(struct loom_client *c, struct loom_client_buffer *b, uint64_t deadline)
{
	struct loom_client_reply reply;

	assert_int_equal(loom_client_submit(c, "small", b, deadline, 1), 0);
	assert_int_equal(loom_client_wait(c, UINT64_MAX, &reply), 0);
	return reply.status;
}

static void serves_late(void **state)
{
	struct rig *rig = *state;
	struct loom_client_buffer *b;
	struct loom_client *c;

	rig_start(rig, NULL);
	c = rig_connect(rig, "late", 0);
	rig_load(rig, c, "small", small);
	b = new_buffer(c, "small");
	assert_int_equal(infer_by(c, b, now() - 1000), 0);
	assert_int_equal(infer_by(c, b, now() + 60000000000), 0);
	assert_int_equal(rig_stat(c, "server.deadline_missed"), 1);
	loom_client_close(c);
}

static void drops_late(void **state)
{
	static const char *const options[] = { "--late", "drop", NULL };
	struct rig *rig = *state;
	struct loom_client_reply reply;
	struct loom_client_buffer *b[9];
	struct loom_client *c;
	int dropped = 0;

	rig_start(rig, options);
	c = rig_connect(rig, "late", 0);
	rig_load(rig, c, "small", small);
	rig_load(rig, c, "slow", slow);
	b[8] = new_buffer(c, "small");
	assert_int_equal(infer_by(c, b[8], now() - 1000), -ETIME);
	assert_said("deadline");
	assert_int_equal(infer_by(c, b[8], now() + 60000000000), 0);
	/* A queue that cannot be served within a millisecond. */
	for (uint64_t i = 0; i < 8; i++)
		b[i] = new_buffer(c, "slow");
	for (uint64_t i = 0; i < 8; i++)
		assert_int_equal(loom_client_submit(c, "slow", b[i],
						    i ? now() + 1000000 : UINT64_MAX, i), 0);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(loom_client_wait(c, UINT64_MAX, &reply), 0);
		assert_true(reply.status == 0 || reply.status == -ETIME);
		dropped += reply.status != 0;
	}
	assert_true(dropped > 0);
	loom_client_close(c);
}

static void cancels(void **state)
{
	struct rig *rig = *state;
	struct loom_client_buffer *b[8];
	struct loom_client_reply reply;
	struct loom_client *c;
	int cancelled = 0, begun;

	rig_start(rig, NULL);
	c = rig_connect(rig, "cancels", 0);
	rig_load(rig, c, "slow", slow);
	for (uint64_t i = 0; i < 8; i++) {
		b[i] = new_buffer(c, "slow");
		rig_fill(loom_client_buffer_map(b[i]), slow.n, (uint32_t)i);
		assert_int_equal(loom_client_submit(c, "slow", b[i], UINT64_MAX, i), 0);
	}
	begun = loom_client_cancel(c, 0);	/* has begun, or is done */
	assert_true(begun == 0 || begun == -ENOENT);
	assert_int_equal(loom_client_cancel(c, 7), 0);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(loom_client_wait(c, UINT64_MAX, &reply), 0);
		if (reply.id == 7 || (reply.id == 0 && !begun))
			assert_int_equal(reply.status, -ECANCELED);
		else
			rig_check(loom_client_buffer_map(b[reply.id]), &slow, (uint32_t)reply.id);
		cancelled += reply.status != 0;
	}
	assert_int_equal(cancelled, 1 + !begun);
	/* Unloading cancels too, and the name is free at once. */
	for (uint64_t i = 0; i < 8; i++)
		assert_int_equal(loom_client_submit(c, "slow", b[i], UINT64_MAX, i), 0);
	assert_int_equal(loom_client_unload(c, "slow"), 0);
	rig_load(rig, c, "slow", slow);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(loom_client_wait(c, UINT64_MAX, &reply), 0);
		assert_true(reply.status == -ECANCELED || reply.status == 0);
		cancelled += reply.status != 0;
	}
	assert_true(cancelled > 2);
	rig_fill(loom_client_buffer_map(b[0]), slow.n, 3);
	/* By the new model: the library asks for it again. */
	assert_int_equal(rig_infer(c, b[0], "slow", 9), 0);
	rig_check(loom_client_buffer_map(b[0]), &slow, 3);
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
}

static void traces(void **state)
{
	struct rig *rig = *state;
	struct loom_client_buffer *b[4];
	struct loom_client *c;
	json_t *json, *slice;
	char *text;
	size_t i;

	rig_start(rig, NULL);
	c = rig_connect(rig, "traces", 0);
	rig_load(rig, c, "small", small);
	for (i = 0; i < 4; i++)
		b[i] = new_buffer(c, "small");
	assert_int_equal(loom_client_trace(c, false, &text), -ENOENT);
	assert_int_equal(loom_client_trace(c, true, NULL), 0);
	assert_int_equal(loom_client_trace(c, true, NULL), -EBUSY);
	run_many(c, "small", &small, b, 4);
	assert_int_equal(loom_client_trace(c, false, &text), 0);
	json = json_loads(text, 0, NULL);
	assert_non_null(json);
	assert_int_equal(json_array_size(json_object_get(json, "slices")), 4 * small.slices);
	json_array_foreach(json_object_get(json, "slices"), i, slice) {
		assert_string_equal(json_string_value(json_object_get(slice, "model")), "small");
		assert_true(rig_number(slice, "end") >= rig_number(slice, "compute_end"));
		assert_true(rig_number(slice, "compute_end") > rig_number(slice, "compute_start"));
	}
	assert_true(json_array_size(json_object_get(json, "traceEvents")) > 8 * small.slices);
	json_decref(json);
	free(text);
	loom_client_close(c);
}

/* In a child, as nobody: the exit code says what went wrong, if anything. */
static int try_as_nobody(struct rig *rig)
{
	struct loom_client *c;
	char *json;

	if (setgid(65534) || setuid(65534))
		return 1;
	if (loom_client_connect(rig->socket, "nobody", 0, &c))
		return 2;
	if (loom_client_policy(c, "fifo") != -EPERM || !strstr(loom_error(), "65534"))
		return 3;
	if (loom_client_trace(c, true, NULL) != -EPERM || loom_client_unload(c, "x") != -EPERM)
		return 4;
	if (loom_client_hold(c, true) != -EPERM || loom_client_record(c, "/tmp/record", 0) != -EPERM ||
	    unlink("/tmp/record"))
		return 6;
	return loom_client_list(c, &json) ? 5 : 0;
}

static void administrators_only(void **state)
{
	struct rig *rig = *state;
	pid_t pid;
	int status;

	if (geteuid() != 0)
		skip();
	rig_start(rig, NULL);
	pid = fork();
	if (!pid)
		_exit(try_as_nobody(rig));
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(infers, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(refuses_by_name, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(weaves, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(steady_state, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(limits, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(serves_late, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(drops_late, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(cancels, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(traces, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(administrators_only, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
