// SPDX-License-Identifier: MIT
/* Requests that the device serves in the client's own memory, and those that are copied. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct make_model small = { .slices = 12, .seed = 3 };
static const struct make_model other = { .slices = 30, .seed = 8 };
static const struct make_model picky = {
	.slices = 4, .seed = 4, .fault = MAKE_FAULT_INDEX, .fault_slice = 0,
};

static struct loom_client_buffer *new_buffer(struct loom_client *c, const char *model)
{
	struct loom_client_buffer *b;
	struct loom_client_model m;

	assert_int_equal(loom_client_model(c, model, &m), 0);
	assert_int_equal(loom_client_buffer_create(c, m.io_bytes, &b), 0);
	return b;
}

static void infer(struct loom_client *c, struct loom_client_buffer *b, const char *name,
		  const struct make_model *args, uint32_t number)
{
	int status;

	rig_fill(loom_client_buffer_map(b), args->n ? args->n : RIG_N, number);
	status = rig_infer(c, b, name, number);
	if (status)
		fail_msg("%s, request %u: %d, %s", name, number, status, loom_error());
	rig_check(loom_client_buffer_map(b), args, number);
}

/* Bindings of the client of that identity. */
static long long bindings(struct loom_client *c, const char *identity)
{
	json_t *stats = rig_stats(c), *client;
	long long num = -1;
	size_t i;

	json_array_foreach(json_object_get(stats, "clients"), i, client)
		if (!strcmp(json_string_value(json_object_get(client, "identity")), identity))
			num = rig_number(client, "bindings");
	json_decref(stats);
	return num;
}

static void in_place(void **state)
{
	struct rig *rig = *state;
	struct loom_client_buffer *b;
	struct loom_client *c;

	rig_start(rig, NULL);
	c = rig_connect(rig, "in place", 0);
	rig_load(rig, c, "small", small);
	rig_load(rig, c, "other", other);
	b = new_buffer(c, "other");
	for (uint32_t i = 0; i < 20; i++) {
		infer(c, b, "small", &small, i);
		infer(c, b, "other", &other, i + 100);
	}
	assert_int_equal(rig_stat(c, "server.zero_copy"), 40);
	assert_int_equal(rig_stat(c, "server.copied"), 0);
	assert_int_equal(rig_stat(c, "server.import_failures"), 0);
	assert_int_equal(rig_stat(c, "submission.ioctls_serving"), 0);
	assert_int_equal(bindings(c, "in place"), 2);
	/* Bindings go with their model, and with their buffer. */
	assert_int_equal(loom_client_unload(c, "other"), 0);
	assert_int_equal(bindings(c, "in place"), 1);
	rig_load(rig, c, "other", other);
	infer(c, b, "other", &other, 1);
	assert_int_equal(bindings(c, "in place"), 2);
	loom_client_buffer_destroy(b);
	assert_int_equal(bindings(c, "in place"), 0);
	b = new_buffer(c, "small");
	infer(c, b, "small", &small, 2);
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
}

static void copied(void **state)
{
	static const char *const options[] = { "--copy", NULL };
	struct rig *rig = *state;
	struct loom_client_buffer *b;
	struct loom_client *c;

	rig_start(rig, options);
	c = rig_connect(rig, "copied", 0);
	rig_load(rig, c, "small", small);
	b = new_buffer(c, "small");
	for (uint32_t i = 0; i < 20; i++)
		infer(c, b, "small", &small, i);
	assert_int_equal(rig_stat(c, "server.zero_copy"), 0);
	assert_int_equal(rig_stat(c, "server.copied"), 20);
	assert_int_equal(bindings(c, "copied"), 0);
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
}

/* More pairs of a buffer and a model than a client may have bound: the rest is copied. */
static void too_many(void **state)
{
	enum { NUM = 40 };
	struct rig *rig = *state;
	struct loom_client_buffer *b[NUM];
	struct loom_client *c;

	rig_start(rig, NULL);
	c = rig_connect(rig, "too many", 0);
	rig_load(rig, c, "small", small);
	rig_load(rig, c, "other", other);
	for (uint32_t i = 0; i < NUM; i++) {
		b[i] = new_buffer(c, "other");
		infer(c, b[i], "small", &small, i);
		infer(c, b[i], "other", &other, i);
	}
	assert_int_equal(bindings(c, "too many"), 64);
	assert_int_equal(rig_stat(c, "server.zero_copy"), 64);
	assert_int_equal(rig_stat(c, "server.copied"), 2 * NUM - 64);
	loom_client_buffer_destroy(b[0]);
	infer(c, b[NUM - 1], "small", &small, 1);
	assert_int_equal(bindings(c, "too many"), 63);
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
}

/* A memfd whose last page is not whole cannot be imported, and serves all the same. */
static void odd_memfd(void **state)
{
	struct loom_msg_buffer_add add = { .bytes = 3 * RIG_N * 2 };
	struct loom_msg_infer msg = { .deadline = UINT64_MAX };
	struct loom_msg_name ask = { .name = "small" };
	int fd = memfd_create("odd", MFD_CLOEXEC | MFD_ALLOW_SEALING), conn;
	struct rig *rig = *state;
	struct raw_reply reply;
	struct loom_client *c;
	void *map;

	rig_start(rig, NULL);
	c = rig_connect(rig, "loads", 0);
	rig_load(rig, c, "small", small);
	assert_int_equal(ftruncate(fd, add.bytes + 10), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	map = mmap(NULL, add.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	conn = raw_connect(rig);
	raw_hello(conn);
	raw_header(&ask.hdr, LOOM_MSG_MODEL, sizeof(ask));
	raw_send(conn, &ask, sizeof(ask), NULL, 0);
	assert_true(raw_receive(conn, &reply) > sizeof(reply.model));
	msg.model = reply.model.model;
	raw_header(&add.hdr, LOOM_MSG_BUFFER_ADD, sizeof(add));
	raw_send(conn, &add, sizeof(add), &fd, 1);
	assert_true(raw_receive(conn, &reply) > 0);
	assert_int_equal(reply.hdr.status, 0);
	msg.buffer = reply.buffer.buffer;
	rig_fill(map, RIG_N, 5);
	raw_header(&msg.hdr, LOOM_MSG_INFER, sizeof(msg));
	raw_send(conn, &msg, sizeof(msg), NULL, 0);
	assert_true(raw_receive(conn, &reply) > 0);
	assert_int_equal(reply.hdr.status, 0);
	rig_check(map, &small, 5);
	assert_int_equal(rig_stat(c, "server.copied"), 1);
	assert_int_equal(rig_stat(c, "server.import_failures"), 1);
	munmap(map, add.bytes);
	close(fd);
	close(conn);
	loom_client_close(c);
}

/* After a fault the model has a new VM, where everything is bound anew. */
static void bound_again(void **state)
{
	struct rig *rig = *state;
	struct loom_client_buffer *b[2];
	struct loom_client *c;
	uint16_t *a;

	rig_start(rig, NULL);
	c = rig_connect(rig, "again", 0);
	rig_load(rig, c, "picky", picky);
	rig_load(rig, c, "small", small);
	b[0] = new_buffer(c, "picky");
	b[1] = new_buffer(c, "picky");
	infer(c, b[0], "small", &small, 0);
	for (uint32_t i = 1; i < 9; i++) {
		rig_fill(loom_client_buffer_map(b[i % 2]), RIG_N, i);
		a = loom_client_buffer_map(b[i % 2]);
		/* The sum after the first slice starts with two zeros, unless it is to fault. */
		for (uint32_t j = 0; j < 2 && i % 4; j++)
			a[j] = make_half(-make_model_weight(picky.seed, 0, j));
		assert_int_equal(rig_infer(c, b[i % 2], "picky", i), i % 4 ? 0 : -EIO);
		assert_int_equal(bindings(c, "again"), i % 4 ? i % 4 == 1 ? 2 : 3 : 1);
	}
	infer(c, b[0], "small", &small, 1);
	assert_int_equal(rig_stat(c, "server.copied"), 0);
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
}

/* The device is at work in buffers of clients that left, and of requests that were cancelled. */
static void left_behind(void **state)
{
	struct rig *rig = *state;
	struct loom_client_buffer *b[4];
	struct loom_client_reply reply;
	struct loom_client *c, *good;

	rig_start(rig, NULL);
	good = rig_connect(rig, "good", 0);
	rig_load(rig, good, "slow", slow);
	for (uint32_t round = 0; round < 4; round++) {
		c = rig_connect(rig, "leaves", 0);
		for (uint32_t i = 0; i < 4; i++) {
			b[i] = new_buffer(c, "slow");
			rig_fill(loom_client_buffer_map(b[i]), slow.n, i);
			assert_int_equal(loom_client_submit(c, "slow", b[i], UINT64_MAX, i), 0);
		}
		if (round % 2) {
			loom_client_cancel(c, 0);
			loom_client_buffer_destroy(b[0]);
			assert_int_equal(loom_client_wait(c, UINT64_MAX, &reply), 0);
		}
		loom_client_close(c);
		b[0] = new_buffer(good, "slow");
		infer(good, b[0], "slow", &slow, round);
		loom_client_buffer_destroy(b[0]);
	}
	assert_int_equal(rig_stat(good, "server.copied"), 0);
	assert_int_equal(rig_stat(good, "submission.errors"), 0);
	assert_int_equal(bindings(good, "good"), 0);
	loom_client_close(good);
	assert_int_equal(rig_stop(rig), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(in_place, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(copied, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(too_many, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(odd_memfd, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(bound_again, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(left_behind, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
