// SPDX-License-Identifier: MIT
/* Clients that break the protocol, by mistake or not. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct make_model small = { .slices = 12, .seed = 3 };

static void assert_text(const struct raw_reply *reply, const char *words)
{
	if (!strstr(reply->text, words))
		fail_msg("'%s' does not say '%s'", reply->text, words);
}

/* The message gets an error that says `words`, and then the connection is over. */
static void violates(struct rig *rig, bool greet, const void *msg, size_t size, const char *words)
{
	struct raw_reply reply;
	int fd = raw_connect(rig);

	if (greet)
		raw_hello(fd);
	raw_send(fd, msg, size, NULL, 0);
	assert_true(raw_receive(fd, &reply) >= sizeof(reply.hdr));
	assert_int_equal(reply.hdr.status, -EPROTO);
	assert_text(&reply, words);
	assert_true(raw_closed(fd));
	close(fd);
}

static void violations(void **state)
{
	struct rig *rig = *state;
	struct loom_client *c;
	struct loom_client_buffer *b;
	union {
		struct loom_msg hdr;
		struct loom_msg_hello hello;
		struct loom_msg_name name;
		struct loom_msg_buffer buffer;
		struct loom_msg_trace trace;
		char bytes[4096];
	} m = { 0 };

	rig_start(rig, NULL);
	c = rig_connect(rig, "bystander", 0);
	rig_load(rig, c, "small", small);
	assert_int_equal(loom_client_buffer_create(c, 4 * RIG_N, &b), 0);

	violates(rig, true, "x", 1, "less than a header");
	raw_header(&m.hdr, LOOM_MSG_PING, sizeof(m.hdr));
	m.hdr.magic = 0x12345678;
	violates(rig, true, &m, sizeof(m.hdr), "magic is 0x12345678");
	raw_header(&m.hdr, LOOM_MSG_PING, sizeof(m.hdr));
	m.hdr.version = 9;
	violates(rig, true, &m, sizeof(m.hdr), "version is 9");
	raw_header(&m.hdr, 999, sizeof(m.hdr));
	violates(rig, true, &m, sizeof(m.hdr), "type 999");
	raw_header(&m.hdr, LOOM_MSG_PING, 4000);
	violates(rig, true, &m, sizeof(m.hdr), "size says 4000");
	raw_header(&m.hdr, LOOM_MSG_PING, sizeof(m.hdr) + 8);
	violates(rig, true, &m, sizeof(m.hdr) + 8, "ping: size is 32, must be 24");
	raw_header(&m.hdr, LOOM_MSG_PING, sizeof(m));
	violates(rig, true, &m, sizeof(m), "ping: size is 4096");
	raw_header(&m.hdr, LOOM_MSG_PING, sizeof(m.hdr));
	m.hdr.status = 1;
	violates(rig, true, &m, sizeof(m.hdr), "status");
	raw_header(&m.hdr, LOOM_MSG_PING, sizeof(m.hdr));
	violates(rig, false, &m, sizeof(m.hdr), "hello has to come first");
	raw_header(&m.hdr, LOOM_MSG_HELLO, sizeof(m.hello));
	memset(m.hello.identity, 'a', sizeof(m.hello.identity));
	violates(rig, false, &m, sizeof(m.hello), "identity");
	strcpy(m.hello.identity, "\033[2J");
	violates(rig, false, &m, sizeof(m.hello), "identity");
	raw_header(&m.hdr, LOOM_MSG_MODEL, sizeof(m.name));
	memset(m.name.name, 'a', sizeof(m.name.name));
	violates(rig, true, &m, sizeof(m.name), "model: name");
	raw_header(&m.hdr, LOOM_MSG_BUFFER_REMOVE, sizeof(m.buffer));
	m.buffer.reserved = 1;
	violates(rig, true, &m, sizeof(m.buffer), "reserved");
	raw_header(&m.hdr, LOOM_MSG_TRACE, sizeof(m.trace));
	m.trace.start = 2;
	violates(rig, true, &m, sizeof(m.trace), "start");
	raw_header(&m.hdr, LOOM_MSG_LOAD, sizeof(m.name));
	m.name.name[0] = '\0';
	violates(rig, true, &m, sizeof(m.name), "load: 0 descriptors");

	/* None of which is the bystander's business. */
	rig_fill(loom_client_buffer_map(b), RIG_N, 1);
	assert_int_equal(rig_infer(c, b, "small", 1), 0);
	rig_check(loom_client_buffer_map(b), &small, 1);
	assert_int_equal(rig_stat(c, "server.violations"), 15);
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
}

static int count_fds(pid_t pid)
{
	char command[64];
	FILE *f;
	int n = 0;

	snprintf(command, sizeof(command), "ls /proc/%d/fd | wc -l", pid);
	f = popen(command, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &n), 1);
	pclose(f);
	return n;
}

/* Descriptors that nobody asked for are refused, and closed. */
static void too_many_fds(void **state)
{
	struct rig *rig = *state;
	struct raw_reply reply;
	struct loom_msg msg;
	int fds[8], fd, before;

	rig_start(rig, NULL);
	for (int i = 0; i < 8; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	before = count_fds(rig->daemon);
	for (unsigned int num = 1; num <= 8; num++) {
		fd = raw_connect(rig);
		raw_hello(fd);
		raw_header(&msg, LOOM_MSG_PING, sizeof(msg));
		raw_send(fd, &msg, sizeof(msg), fds, num);
		assert_true(raw_receive(fd, &reply) > 0);
		assert_int_equal(reply.hdr.status, -EPROTO);
		assert_text(&reply, "descriptors");
		assert_true(raw_closed(fd));
		close(fd);
	}
	/* We see the end of the last connection a moment before the daemon has closed it. */
	for (int i = 0; i < 100 && count_fds(rig->daemon) > before; i++)
		usleep(10000);
	assert_true(count_fds(rig->daemon) <= before);
}

static int memfd(uint64_t size, int seals)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	if (seals)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void add_buffer(int conn, int fd, uint64_t bytes, int status, const char *words)
{
	struct loom_msg_buffer_add msg = { .bytes = bytes };
	struct raw_reply reply;

	raw_header(&msg.hdr, LOOM_MSG_BUFFER_ADD, sizeof(msg));
	raw_send(conn, &msg, sizeof(msg), &fd, 1);
	assert_true(raw_receive(conn, &reply) > 0);
	assert_int_equal(reply.hdr.status, status);
	assert_text(&reply, words);
	close(fd);
}

/* Nothing that could pull pages away from under the daemon is taken; the connection goes on. */
static void bad_buffers(void **state)
{
	struct rig *rig = *state;
	int fd;

	rig_start(rig, NULL);
	fd = raw_connect(rig);
	raw_hello(fd);
	add_buffer(fd, memfd(4096, 0), 4096, -EPERM, "F_SEAL_SHRINK");
	add_buffer(fd, memfd(4096, F_SEAL_GROW), 4096, -EPERM, "F_SEAL_SHRINK");
	add_buffer(fd, memfd(4096, F_SEAL_SHRINK | F_SEAL_WRITE), 4096, -EPERM, "writing");
	add_buffer(fd, memfd(4096, F_SEAL_SHRINK), 4097, -EINVAL,
		   "bytes is 4097, the memfd has 4096");
	add_buffer(fd, memfd(4096, F_SEAL_SHRINK), UINT64_MAX, -EINVAL, "the memfd has 4096");
	add_buffer(fd, memfd(4096, F_SEAL_SHRINK), 0, -EINVAL, "bytes is 0");
	add_buffer(fd, memfd(1ull << 40, F_SEAL_SHRINK), 1ull << 40, -ENOSPC, "more than");
	add_buffer(fd, open("/dev/zero", O_RDWR), 4096, -EINVAL, "not a memfd");
	add_buffer(fd, open("/proc/self/stat", O_RDONLY), 4096, -EINVAL, "not a memfd");
	add_buffer(fd, memfd(4096, F_SEAL_SHRINK), 4096, 0, "");
	close(fd);
}

static void infer_raw(int fd, uint32_t model, uint32_t buffer, int status, const char *words)
{
	struct loom_msg_infer msg = { .model = model, .buffer = buffer, .deadline = UINT64_MAX };
	struct raw_reply reply;

	raw_header(&msg.hdr, LOOM_MSG_INFER, sizeof(msg));
	raw_send(fd, &msg, sizeof(msg), NULL, 0);
	assert_true(raw_receive(fd, &reply) >= sizeof(reply.done));
	assert_int_equal(reply.hdr.status, status);
	assert_int_equal(reply.hdr.id, 77);
	assert_text(&reply, words);
}

static uint32_t ask(int fd, const char *name)
{
	struct loom_msg_name msg = { 0 };
	struct raw_reply reply;

	strcpy(msg.name, name);
	raw_header(&msg.hdr, LOOM_MSG_MODEL, sizeof(msg));
	raw_send(fd, &msg, sizeof(msg), NULL, 0);
	assert_true(raw_receive(fd, &reply) > sizeof(reply.model));
	return reply.model.model;
}

static void bad_handles(void **state)
{
	struct rig *rig = *state;
	struct loom_client *c;
	uint32_t model;
	int fd;

	rig_start(rig, NULL);
	c = rig_connect(rig, "loader", 0);
	rig_load(rig, c, "small", small);
	fd = raw_connect(rig);
	raw_hello(fd);
	model = ask(fd, "small");
	infer_raw(fd, 0, 1, -ESTALE, "model 0x0");
	infer_raw(fd, model + 1, 1, -ESTALE, "model");
	infer_raw(fd, 0xffffffff, 1, -ESTALE, "model 0xffffffff");
	infer_raw(fd, model, 0, -ENOENT, "buffer 0");
	infer_raw(fd, model, 1, -ENOENT, "buffer 1");
	infer_raw(fd, model, 0xffffffff, -ENOENT, "buffer 4294967295");
	add_buffer(fd, memfd(64, F_SEAL_SHRINK), 64, 0, "");
	infer_raw(fd, model, 1, -EINVAL, "buffer 1 has 64 bytes");
	assert_int_equal(loom_client_unload(c, "small"), 0);
	infer_raw(fd, model, 1, -ESTALE, "model");
	rig_load(rig, c, "small", small);
	/* Another model, of the same name, in the same place. */
	infer_raw(fd, model, 1, -ESTALE, "model");
	close(fd);
	loom_client_close(c);
}

/* A client that asks and never reads loses its connection; the daemon does not wait for it. */
static void never_reads(void **state)
{
	struct rig *rig = *state;
	struct loom_client *c;
	struct loom_msg msg;
	unsigned int sent = 0;
	int fd;

	rig_start(rig, NULL);
	c = rig_connect(rig, "bystander", 0);
	fd = raw_connect(rig);
	raw_hello(fd);
	raw_header(&msg, LOOM_MSG_STATS, sizeof(msg));
	while (sent < 100000 && send(fd, &msg, sizeof(msg), MSG_NOSIGNAL) == sizeof(msg))
		sent++;
	assert_true(sent < 100000);
	close(fd);
	assert_int_equal(loom_client_ping(c), 0);
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
}

/* Noise, the same every time: whole messages with a few bytes changed. */
/* Far more connections than the daemon takes: those it has are served, and so is who comes when they left. */
static void crowd(void **state)
{
	static const char *const options[] = { "--max-clients", "16", NULL };
	struct rig *rig = *state;
	struct loom_client_buffer *b;
	struct loom_client_model m;
	struct loom_client *c, *later;
	struct raw_reply reply;
	int fds[500];

	rig_start(rig, options);
	c = rig_connect(rig, "was here first", 0);
	rig_load(rig, c, "small", small);
	assert_int_equal(loom_client_model(c, "small", &m), 0);
	assert_int_equal(loom_client_buffer_create(c, m.io_bytes, &b), 0);
	rig_fill(loom_client_buffer_map(b), RIG_N, 7);
	for (unsigned int i = 0; i < 500; i++) {
		fds[i] = raw_connect(rig);
		if (i % 50 == 0)
			assert_int_equal(rig_infer(c, b, "small", i), 0);
	}
	rig_check(loom_client_buffer_map(b), &small, 7);
	/* Those that have no place are told so. */
	for (unsigned int i = 16; i < 500; i++) {
		assert_true(raw_receive(fds[i], &reply) >= sizeof(reply.hdr));
		assert_int_equal(reply.hdr.status, -EUSERS);
		assert_text(&reply, "--max-clients");
	}
	for (unsigned int i = 0; i < 500; i++)
		close(fds[i]);
	while (loom_client_connect(rig->socket, "later", 0, &later))
		;
	loom_client_close(later);
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
}

static void noise(void **state)
{
	struct rig *rig = *state;
	struct loom_client_buffer *b;
	struct loom_client *c;
	uint32_t seed = 20261122;
	char data[128];
	int fd = -1;

	rig_start(rig, NULL);
	c = rig_connect(rig, "bystander", 0);
	rig_load(rig, c, "small", small);
	assert_int_equal(loom_client_buffer_create(c, 4 * RIG_N, &b), 0);
	for (int i = 0; i < 2000; i++) {
		if (fd < 0) {
			fd = raw_connect(rig);
			raw_hello(fd);
		}
		memset(data, 0, sizeof(data));
		raw_header((struct loom_msg *)data, 1 + i % (LOOM_MSG_COUNT - 1), 24 + i % 3 * 8);
		for (int k = 0; k < 3; k++) {
			seed = seed * 1664525 + 1013904223;
			data[(seed >> 8) % (i & 1 ? 64 : 24)] = (char)(seed >> 24);
		}
		if (send(fd, data, 24 + (size_t)(i % 3) * 8, MSG_NOSIGNAL) < 0 || i % 7 == 0) {
			close(fd);
			fd = -1;
		}
		if (i % 500 == 0)
			assert_int_equal(rig_infer(c, b, "small", (uint64_t)i), 0);
	}
	if (fd >= 0)
		close(fd);
	rig_fill(loom_client_buffer_map(b), RIG_N, 1);
	assert_int_equal(rig_infer(c, b, "small", 1), 0);
	rig_check(loom_client_buffer_map(b), &small, 1);
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(violations, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(too_many_fds, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(bad_buffers, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(bad_handles, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(never_reads, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(crowd, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(noise, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
