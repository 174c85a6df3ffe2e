// SPDX-License-Identifier: MIT
/* Accidents: clients that die, daemons that die, slices that fault. Others must not notice. */
#include "rig.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUEUED 32

static const struct make_model small = { .slices = 12, .seed = 3 };

static struct loom_client_buffer *new_buffer(struct loom_client *c, const struct make_model *args)
{
	struct loom_client_buffer *b;
	uint32_t n = args->n ? args->n : RIG_N;

	if (loom_client_buffer_create(c, ((n * 2 + 63) & ~63u) + n * 2, &b))
		fail_msg("buffer: %s", loom_error());
	return b;
}

static void submit(struct loom_client *c, const char *name, struct loom_client_buffer *b,
		   const struct make_model *args, uint32_t number)
{
	rig_fill(loom_client_buffer_map(b), args->n ? args->n : RIG_N, number);
	if (loom_client_submit(c, name, b, UINT64_MAX, number))
		fail_msg("submit: %s", loom_error());
}

static void check_one(struct loom_client *c, const char *name, struct loom_client_buffer *b,
		      const struct make_model *args, uint32_t number)
{
	struct loom_client_reply reply;

	submit(c, name, b, args, number);
	assert_int_equal(loom_client_wait(c, UINT64_MAX, &reply), 0);
	if (reply.status)
		fail_msg("%s: %s", name, loom_error());
	rig_check(loom_client_buffer_map(b), args, number);
}

/* A child that has requests under way, says so, and waits for its end. */
static pid_t doomed_client(struct rig *rig)
{
	struct loom_client *c;
	int ready[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		c = rig_connect(rig, "doomed", 0);
		for (uint32_t i = 0; i < QUEUED; i++)
			submit(c, "slow", new_buffer(c, &slow), &slow, i);
		if (write(ready[1], "!", 1) == 1)
			pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void client_dies(void **state)
{
	struct rig *rig = *state;
	struct loom_client_buffer *b;
	struct loom_client *c;
	pid_t pid;

	rig_start(rig, NULL);
	c = rig_connect(rig, "survivor", 0);
	/* So that the survivor need not wait for all that the doomed one asked. */
	assert_int_equal(loom_client_policy(c, "fair"), 0);
	rig_load(rig, c, "slow", slow);
	rig_load(rig, c, "small", small);
	b = new_buffer(c, &small);
	for (uint32_t round = 0; round < 3; round++) {
		pid = doomed_client(rig);
		check_one(c, "small", b, &small, 2 * round);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		check_one(c, "small", b, &small, 2 * round + 1);
	}
	/* Its requests are gone with it: nothing is left but what asks. */
	while (rig_stat(c, "daemon.under_way"))
		usleep(1000);
	assert_true(rig_stat(c, "submission.jobs") < 3 * QUEUED * slow.slices);
	b = new_buffer(c, &slow);
	check_one(c, "slow", b, &slow, 9);
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
}

static void load_both(struct rig *rig)
{
	struct loom_client *c = rig_connect(rig, "loader", 0);

	rig_load(rig, c, "slow", slow);
	rig_load(rig, c, "small", small);
	loom_client_close(c);
}

/* Killed with slices in flight; the listener stays, with us as the service manager. */
static void daemon_dies(void **state)
{
	struct rig *rig = *state;
	struct loom_client_buffer *b[QUEUED];
	struct loom_client_reply reply;
	struct loom_client *c;
	int lost = 0;

	rig_start(rig, NULL);
	load_both(rig);
	c = rig_connect(rig, "victim", 0);
	for (uint32_t i = 0; i < QUEUED; i++) {
		b[i] = new_buffer(c, &slow);
		submit(c, "slow", b[i], &slow, i);
	}
	assert_int_equal(loom_client_wait(c, UINT64_MAX, &reply), 0);
	assert_int_equal(reply.status, 0);
	rig_kill(rig);
	for (int i = 1; i < QUEUED; i++) {
		assert_int_equal(loom_client_wait(c, UINT64_MAX, &reply), 0);
		assert_true(reply.status == 0 || reply.status == -EAGAIN);
		if (reply.status)
			assert_non_null(strstr(loom_error(), "connection"));
		lost += reply.status != 0;
	}
	assert_true(lost > 0);
	assert_int_equal(loom_client_wait(c, 0, &reply), -ENOENT);
	rig_start(rig, NULL);
	/* The same handle works again, and the models came back. */
	check_one(c, "slow", b[0], &slow, 7);
	check_one(c, "small", b[1], &small, 8);
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
}

static void retries(void **state)
{
	struct rig *rig = *state;
	struct loom_client_buffer *b[QUEUED];
	struct loom_client_reply reply;
	struct loom_client *c;

	rig_start(rig, NULL);
	load_both(rig);
	c = rig_connect(rig, "retrier", LOOM_CLIENT_RETRY);
	for (uint32_t i = 0; i < QUEUED; i++) {
		b[i] = new_buffer(c, i & 1 ? &slow : &small);
		submit(c, i & 1 ? "slow" : "small", b[i], i & 1 ? &slow : &small, i);
	}
	for (int i = 0; i < QUEUED; i++) {
		if (i == 3 || i == 12) {
			rig_kill(rig);
			rig_start(rig, NULL);
		}
		assert_int_equal(loom_client_wait(c, UINT64_MAX, &reply), 0);
		if (reply.status)
			fail_msg("request %d: %s", (int)reply.id, loom_error());
		rig_check(loom_client_buffer_map(b[reply.id]), reply.id & 1 ? &slow : &small,
			  (uint32_t)reply.id);
	}
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
}

/* SIGTERM: what was taken is finished, and the exit is clean. */
static void stops(void **state)
{
	struct rig *rig = *state;
	struct loom_client_buffer *b[9];
	struct loom_client_reply reply;
	struct loom_client *c;

	rig_start(rig, NULL);
	load_both(rig);
	c = rig_connect(rig, "stops", 0);
	for (uint32_t i = 0; i < 8; i++) {
		b[i] = new_buffer(c, &slow);
		submit(c, "slow", b[i], &slow, i);
	}
	b[8] = new_buffer(c, &slow);	/* a round trip: the daemon has taken all of them */
	kill(rig->daemon, SIGTERM);
	usleep(3000);
	submit(c, "slow", b[8], &slow, 8);
	for (int i = 0; i < 9; i++) {
		assert_int_equal(loom_client_wait(c, UINT64_MAX, &reply), 0);
		if (reply.id == 8)
			assert_int_equal(reply.status, -EAGAIN);
		else
			rig_check(loom_client_buffer_map(b[reply.id]), &slow, (uint32_t)reply.id);
	}
	assert_int_equal(rig_stop(rig), 0);
	loom_client_close(c);
}

/* SIGHUP, as tools send it to daemons that might have something to read again: nobody notices. */
static void hangups(void **state)
{
	struct rig *rig = *state;
	struct loom_client_buffer *b[8];
	struct loom_client_reply reply;
	struct loom_client *c;

	rig_start(rig, NULL);
	load_both(rig);
	c = rig_connect(rig, "hangups", 0);
	for (uint32_t i = 0; i < 8; i++) {
		b[i] = new_buffer(c, &slow);
		submit(c, "slow", b[i], &slow, i);
		kill(rig->daemon, SIGHUP);
	}
	for (int i = 0; i < 8; i++) {
		assert_int_equal(loom_client_wait(c, UINT64_MAX, &reply), 0);
		assert_int_equal(reply.status, 0);
		rig_check(loom_client_buffer_map(b[reply.id]), &slow, (uint32_t)reply.id);
	}
	assert_int_equal(loom_client_ping(c), 0);
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
}

static void unloaded_stays_away(void **state)
{
	struct rig *rig = *state;
	struct loom_client_model model;
	struct loom_client *c;

	rig_start(rig, NULL);
	load_both(rig);
	c = rig_connect(rig, "unloads", LOOM_CLIENT_RETRY);
	assert_int_equal(loom_client_unload(c, "small"), 0);
	rig_kill(rig);
	rig_start(rig, NULL);
	assert_int_equal(loom_client_model(c, "small", &model), -ENOENT);
	assert_int_equal(loom_client_model(c, "slow", &model), 0);
	loom_client_close(c);
}

static void fault_is_told(struct rig *rig, struct loom_client *c, enum make_model_fault fault,
			  const char *words)
{
	const struct make_model args = {
		.slices = 12, .seed = 4, .fault = fault, .fault_slice = 6,
	};
	struct loom_client_buffer *b = new_buffer(c, &args);
	struct loom_client_reply reply;

	rig_load(rig, c, "faulty", args);
	for (int i = 0; i < 3; i++) {
		submit(c, "faulty", b, &args, i);
		assert_int_equal(loom_client_wait(c, UINT64_MAX, &reply), 0);
		assert_int_equal(reply.status, -EIO);
		assert_int_not_equal(reply.fault, LOOM_FAULT_NONE);
		if (!strstr(loom_error(), words) || !strstr(loom_error(), "slice 6 (add6)"))
			fail_msg("'%s' does not say '%s'", loom_error(), words);
	}
	assert_int_equal(loom_client_unload(c, "faulty"), 0);
	loom_client_buffer_destroy(b);
}

static void faults(void **state)
{
	struct rig *rig = *state;
	struct loom_client *c, *neighbour;
	struct loom_client_buffer *b[QUEUED];
	struct loom_client_reply reply;

	rig_start(rig, NULL);
	load_both(rig);
	c = rig_connect(rig, "faulty", 0);
	neighbour = rig_connect(rig, "neighbour", 0);
	for (uint32_t i = 0; i < QUEUED; i++) {
		b[i] = new_buffer(neighbour, &slow);
		submit(neighbour, "slow", b[i], &slow, i);
	}
	fault_is_told(rig, c, MAKE_FAULT_OPCODE, "opcode");
	fault_is_told(rig, c, MAKE_FAULT_WAIT, "wait");
	fault_is_told(rig, c, MAKE_FAULT_LOAD, "0xdead000");
	fault_is_told(rig, c, MAKE_FAULT_TILE, "weights");
	for (int i = 0; i < QUEUED; i++) {
		assert_int_equal(loom_client_wait(neighbour, UINT64_MAX, &reply), 0);
		assert_int_equal(reply.status, 0);
		rig_check(loom_client_buffer_map(b[reply.id]), &slow, (uint32_t)reply.id);
	}
	loom_client_close(c);
	loom_client_close(neighbour);
	assert_int_equal(rig_stop(rig), 0);
}

/* As rig_check(), but for the first two elements, which were chosen otherwise. */
static void check_picky(uint16_t *map, const struct make_model *args, uint32_t number)
{
	uint16_t theirs[2] = { map[0], map[1] }, *y = map + RIG_N;
	int sum;

	for (uint32_t j = 0; j < 2; j++) {
		sum = read_half(theirs[j]);
		for (uint32_t s = 0; s < args->slices; s++)
			sum += make_model_weight(args->seed, s, j);
		assert_int_equal(read_half(y[j]), sum);
		/* What rig_check() would have there. */
		sum -= read_half(theirs[j]);
		y[j] = make_half(sum + rig_input(number, j));
	}
	rig_check(map, args, number);
}

/* Faults for some inputs only: whose input it was gets -EIO, the others of that model an answer. */
static void culprit_and_innocents(struct rig *rig)
{
	static const struct make_model args = {
		.slices = 40, .seed = 4, .fault = MAKE_FAULT_INDEX, .fault_slice = 0,
	};
	struct loom_client_buffer *b[QUEUED];
	struct loom_client_reply reply;
	int failed = 0;
	struct loom_client *c = rig_connect(rig, "mixed", 0);
	uint16_t *a;

	rig_load(rig, c, "picky", args);
	for (uint32_t i = 0; i < QUEUED; i++) {
		b[i] = new_buffer(c, &args);
		rig_fill(loom_client_buffer_map(b[i]), RIG_N, i);
		a = loom_client_buffer_map(b[i]);
		/* The sum after the first slice starts with two zeros, unless it is to fault. */
		for (uint32_t j = 0; j < 2 && i % 8 != 5; j++)
			a[j] = make_half(-make_model_weight(args.seed, 0, j));
		assert_int_equal(loom_client_submit(c, "picky", b[i], UINT64_MAX, i), 0);
	}
	for (int i = 0; i < QUEUED; i++) {
		assert_int_equal(loom_client_wait(c, UINT64_MAX, &reply), 0);
		if (reply.id % 8 == 5) {
			assert_int_equal(reply.status, -EIO);
			assert_int_equal(reply.fault, LOOM_FAULT_BAD_INDEX);
			failed++;
		} else {
			if (reply.status)
				fail_msg("request %d: %s", (int)reply.id, loom_error());
			check_picky(loom_client_buffer_map(b[reply.id]), &args, (uint32_t)reply.id);
		}
	}
	assert_int_equal(failed, QUEUED / 8);
	assert_int_equal(loom_client_unload(c, "picky"), 0);
	loom_client_close(c);
}

/* With a neighbour whose slices are woven with theirs, and share their submissions. */
static void faults_by_input(void **state)
{
	struct rig *rig = *state;
	struct loom_client_buffer *b[QUEUED];
	struct loom_client_reply reply;
	struct loom_client *c;

	rig_start(rig, NULL);
	load_both(rig);
	c = rig_connect(rig, "neighbour", 0);
	assert_int_equal(loom_client_policy(c, "fair"), 0);
	for (uint32_t i = 0; i < QUEUED; i++) {
		b[i] = new_buffer(c, &slow);
		submit(c, "slow", b[i], &slow, i);
	}
	culprit_and_innocents(rig);
	culprit_and_innocents(rig);
	for (int i = 0; i < QUEUED; i++) {
		assert_int_equal(loom_client_wait(c, UINT64_MAX, &reply), 0);
		if (reply.status)
			fail_msg("request %d: %s", (int)reply.id, loom_error());
		rig_check(loom_client_buffer_map(b[reply.id]), &slow, (uint32_t)reply.id);
	}
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(client_dies, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(daemon_dies, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(retries, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(stops, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(hangups, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(unloaded_stays_away, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(faults, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(faults_by_input, rig_setup, rig_teardown),
	};
	const struct CMUnitTest two_leases[] = {
		cmocka_unit_test_setup_teardown(client_dies, rig_setup_two_leases, rig_teardown),
		cmocka_unit_test_setup_teardown(retries, rig_setup_two_leases, rig_teardown),
		cmocka_unit_test_setup_teardown(faults, rig_setup_two_leases, rig_teardown),
		cmocka_unit_test_setup_teardown(faults_by_input, rig_setup_two_leases, rig_teardown),
	};

	return cmocka_run_group_tests_name("loomd: accidents", tests, NULL, NULL) +
	       cmocka_run_group_tests_name("loomd: accidents, two leases a model", two_leases, NULL, NULL);
}
