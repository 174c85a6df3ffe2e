// SPDX-License-Identifier: MIT
/* What administrators set while the daemon runs: the policy, which is kept; holds; records. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct make_model small = { .n = RIG_N, .slices = 12, .seed = 1 };

static void assert_policy(struct rig *rig, const char *policy)
{
	struct loom_client *c = rig_connect(rig, "policy", 0);
	json_t *stats = rig_stats(c);

	assert_string_equal(json_string_value(json_object_get(json_object_get(stats, "daemon"), "policy")),
			    policy);
	json_decref(stats);
	loom_client_close(c);
}

static void choose(struct rig *rig, const char *policy, int expected)
{
	struct loom_client *c = rig_connect(rig, "policy", 0);

	assert_int_equal(loom_client_policy(c, policy), expected);
	loom_client_close(c);
}

static void policy_is_kept(void **state)
{
	static const char *const fifo[] = { "--policy", "fifo", NULL };
	struct rig *rig = *state;

	rig_start(rig, NULL);
	assert_policy(rig, "loom");
	choose(rig, "ai-mt:80:20", 0);
	choose(rig, "ai-mt:nonsense", -EINVAL);
	choose(rig, "nonsense", -EINVAL);
	assert_policy(rig, "ai-mt:80:20");
	rig_kill(rig);
	rig_start(rig, NULL);
	assert_policy(rig, "ai-mt:80:20");
	assert_int_equal(rig_stop(rig), 0);
	/* Who writes it on the command line means it, and what was chosen is still there afterwards. */
	rig_start(rig, fifo);
	assert_policy(rig, "fifo");
	assert_int_equal(rig_stop(rig), 0);
	rig_start(rig, NULL);
	assert_policy(rig, "ai-mt:80:20");
	choose(rig, "edf", 0);
	assert_int_equal(rig_stop(rig), 0);
	rig_start(rig, NULL);
	assert_policy(rig, "edf");
}

/* A file that says nothing sensible does not keep the daemon from serving. */
static void remembered_nonsense(void **state)
{
	static const char *const contents[] = { "", "\n", "no-such-policy\n", "\377\001", "loom" };
	struct rig *rig = *state;
	char path[128];
	FILE *f;

	mkdir(rig->state, 0755);
	snprintf(path, sizeof(path), "%s/policy", rig->state);
	for (unsigned int i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
		f = fopen(path, "we");
		assert_non_null(f);
		fputs(contents[i], f);
		fclose(f);
		rig_start(rig, NULL);
		assert_policy(rig, "loom");
		assert_int_equal(rig_stop(rig), 0);
	}
}

static struct loom_client_buffer *new_buffer(struct loom_client *c)
{
	struct loom_client_model m;
	struct loom_client_buffer *b;

	assert_int_equal(loom_client_model(c, "small", &m), 0);
	assert_int_equal(loom_client_buffer_create(c, m.io_bytes, &b), 0);
	rig_fill(loom_client_buffer_map(b), small.n, 3);
	return b;
}

/* Held requests wait; they begin when the client lets go, and also when it leaves. */
static void holds(void **state)
{
	struct rig *rig = *state;
	struct loom_client *c, *holder;
	struct loom_client_buffer *b;
	struct loom_client_reply reply;

	rig_start(rig, NULL);
	c = rig_connect(rig, "held", 0);
	rig_load(rig, c, "small", small);
	b = new_buffer(c);
	for (int i = 0; i < 2; i++) {
		holder = rig_connect(rig, "holder", 0);
		assert_int_equal(loom_client_hold(holder, true), 0);
		assert_int_equal(loom_client_hold(holder, true), 0);
		assert_int_equal(loom_client_submit(c, "small", b, UINT64_MAX, 1), 0);
		assert_int_equal(loom_client_wait(c, 50000000, &reply), -ETIME);
		assert_int_equal(rig_stat(c, "daemon.under_way"), 1);
		if (!i)
			assert_int_equal(loom_client_hold(holder, false), 0);
		else
			loom_client_close(holder);
		assert_int_equal(loom_client_wait(c, UINT64_MAX, &reply), 0);
		assert_int_equal(reply.status, 0);
		rig_check(loom_client_buffer_map(b), &small, 3);
		if (!i)
			loom_client_close(holder);
	}
	/* A daemon that is to stop does not wait for who holds it. */
	holder = rig_connect(rig, "holder", 0);
	assert_int_equal(loom_client_hold(holder, true), 0);
	assert_int_equal(loom_client_submit(c, "small", b, UINT64_MAX, 1), 0);
	assert_int_equal(rig_stat(c, "daemon.under_way"), 1);
	assert_int_equal(rig_stop(rig), 0);
	assert_int_equal(loom_client_wait(c, UINT64_MAX, &reply), 0);
	assert_int_equal(reply.status, 0);
	loom_client_close(holder);
	loom_client_close(c);
}

/* What cannot be recorded is refused; while a request is under way, too. */
static void records(void **state)
{
	struct rig *rig = *state;
	struct loom_client *c, *holder;
	struct loom_client_buffer *b;
	struct loom_client_reply reply;
	char path[128];
	struct stat st;

	rig_start(rig, NULL);
	c = rig_connect(rig, "records", 0);
	holder = rig_connect(rig, "holder", 0);
	rig_load(rig, c, "small", small);
	b = new_buffer(c);
	snprintf(path, sizeof(path), "%s/record", rig->dir);
	assert_int_equal(loom_client_record_stop(c), -ENOENT);
	assert_int_equal(loom_client_record(c, "/dev/null", 0), -EINVAL);
	assert_int_equal(loom_client_hold(holder, true), 0);
	assert_int_equal(loom_client_submit(c, "small", b, UINT64_MAX, 1), 0);
	assert_int_equal(loom_client_record(c, path, 0), -EBUSY);
	assert_non_null(strstr(loom_error(), "under way"));
	assert_int_equal(loom_client_hold(holder, false), 0);
	assert_int_equal(loom_client_wait(c, UINT64_MAX, &reply), 0);
	assert_int_equal(loom_client_record(c, path, 7), 0);
	assert_int_equal(loom_client_record(c, path, 7), -EBUSY);
	for (uint64_t i = 0; i < 5; i++)
		assert_int_equal(rig_infer(c, b, "small", i), 0);
	rig_check(loom_client_buffer_map(b), &small, 3);
	assert_int_equal(rig_stat(c, "scheduler.picks"), 6 * small.slices);
	assert_int_equal(loom_client_record_stop(c), 0);
	assert_int_equal(stat(path, &st), 0);
	/* An arrival, and of each slice a pick and a completion at least. */
	assert_true(st.st_size > (off_t)(5 * (1 + 2 * small.slices) * 32));
	loom_client_close(holder);
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
}

/* In a child: load, and exit with what became of it. */
static pid_t load_in_child(struct rig *rig, const char *name)
{
	char path[128];
	struct loom_client *c;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	snprintf(path, sizeof(path), "%s/%s.loom", rig->dir, name);
	if (loom_client_connect(rig->socket, "loader", 0, &c))
		_exit(100);
	_exit(loom_client_load(c, path, NULL) ? 1 : 0);
}

static int child_status(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool is_listed(struct loom_client *c, const char *name)
{
	bool found;
	char *json;

	assert_int_equal(loom_client_list(c, &json), 0);
	found = strstr(json, name);
	free(json);
	return found;
}

/*
 * A load that takes long: its copy for the state directory goes into a pipe that nobody reads. Others are
 * served meanwhile; a client that leaves does not take the load with it.
 */
static void slow_load(void **state)
{
	struct rig *rig = *state;
	struct loom_client_buffer *b;
	struct loom_client *c;
	pid_t patient, gone;
	char pipe[160];
	int fd;

	rig_start(rig, NULL);
	c = rig_connect(rig, "served", 0);
	rig_load(rig, c, "small", small);
	b = new_buffer(c);
	rig_model(rig, "late", small);
	rig_model(rig, "later", small);
	snprintf(pipe, sizeof(pipe), "%s/.late.loom.part", rig->state);
	assert_return_code(mkfifo(pipe, 0644), errno);
	patient = load_in_child(rig, "late");
	while (!is_listed(c, "\"late\""))
		;
	gone = load_in_child(rig, "later");
	while (rig_stat(c, "daemon.loads") < 2)
		;
	assert_int_equal(loom_client_ping(c), 0);
	for (uint64_t i = 0; i < 20; i++)
		assert_int_equal(rig_infer(c, b, "small", i), 0);
	rig_check(loom_client_buffer_map(b), &small, 3);
	assert_int_equal(waitpid(patient, NULL, WNOHANG), 0);
	kill(gone, SIGKILL);
	assert_int_equal(child_status(gone), -1);
	/* Somebody reads: the copy is no file, which is logged, but the model is there. */
	fd = open(pipe, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	while (read(fd, pipe, sizeof(pipe)) > 0)
		;
	close(fd);
	assert_int_equal(child_status(patient), 0);
	assert_int_equal(rig_infer(c, b, "late", 1), 0);
	while (!is_listed(c, "\"later\""))
		;
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
}

/* What is wrong with a load is said, whenever it is found; and nothing is left of it. */
static void refused_loads(void **state)
{
	static const char *const options[] = { "--max-models", "2", NULL };
	struct rig *rig = *state;
	struct loom_client *c;
	char path[128];
	FILE *f;

	rig_start(rig, options);
	c = rig_connect(rig, "refused", 0);
	snprintf(path, sizeof(path), "%s/junk.loom", rig->dir);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs("no model", f);
	fclose(f);
	assert_true(loom_client_load(c, path, "junk") < 0);
	assert_non_null(strstr(loom_error(), "load: "));
	rig_load(rig, c, "small", small);
	snprintf(path, sizeof(path), "%s/small.loom", rig->dir);
	assert_int_equal(loom_client_load(c, path, NULL), -EEXIST);	/* known when it was read */
	assert_int_equal(loom_client_load(c, path, "small"), -EEXIST);	/* known at once */
	assert_int_equal(loom_client_load(c, path, "no/name"), -EINVAL);
	assert_int_equal(loom_client_load(c, path, "second"), 0);
	assert_int_equal(loom_client_load(c, path, "third"), -ENOSPC);
	assert_int_equal(loom_client_unload(c, "second"), 0);
	assert_int_equal(loom_client_load(c, path, "third"), 0);
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(policy_is_kept, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(remembered_nonsense, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(holds, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(records, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(slow_load, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(refused_loads, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests_name("loomd: settings", tests, NULL, NULL);
}
