// SPDX-License-Identifier: MIT
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct loom_hw_caps caps;
static bool simulated;

struct make_model slow = { .seed = 5 };

/* The simulated device where it is linked in, else the one that is there: in the VM. */
static void find_device(void)
{
	struct loom_dev *dev;

	simulated = !loom_dev_open("sim:tiny", &dev);
	if (!simulated && loom_dev_open(NULL, &dev))
		fail_msg("no device: %s", loom_error());
	caps = *loom_dev_caps(dev);
	loom_dev_close(dev);
	/* The simulator's milliseconds go into arithmetic, the driver's device's into slices. */
	slow.n = simulated ? 8192 : RIG_N;
	slow.slices = simulated ? 150 : 1500;
}

bool rig_times_are_ours(void)
{
	return simulated || caps.flags & LOOM_CAP_ICOUNT;
}

static int make_listener(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	assert_true(fd >= 0);
	assert_return_code(bind(fd, (struct sockaddr *)&address, sizeof(address)), errno);
	assert_return_code(chmod(path, 0666), errno);
	assert_return_code(listen(fd, 16), errno);
	return fd;
}

int rig_setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	find_device();
	strcpy(rig->dir, "/tmp/loomd-test-XXXXXX");
	assert_non_null(mkdtemp(rig->dir));
	chmod(rig->dir, 0755);
	snprintf(rig->socket, sizeof(rig->socket), "%s/sock", rig->dir);
	snprintf(rig->state, sizeof(rig->state), "%s/state", rig->dir);
	rig->listener = make_listener(rig->socket);
	*state = rig;
	/* A test that hangs says so itself. */
	alarm(100);
	return 0;
}

int rig_setup_two_leases(void **state)
{
	int err = rig_setup(state);

	((struct rig *)*state)->leases = "2";
	return err;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

int rig_teardown(void **state)
{
	struct rig *rig = *state;

	if (rig->daemon)
		rig_kill(rig);
	close(rig->listener);
	nftw(rig->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(rig);
	return 0;
}

void rig_program(char *path, size_t size, const char *relative)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(n > 0);
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	snprintf(path, size, "%s/%s", self, relative);
}

/* build/test/X -> build/bin/loomd-sim; /payload/tests/X -> /usr/bin/loomd */
static void daemon_path(const struct rig *rig, char *path, size_t size)
{
	if (rig->program || simulated)
		rig_program(path, size, rig->program ? rig->program : "../bin/loomd-sim");
	else
		snprintf(path, size, "/usr/bin/loomd");
}

static void exec_daemon(struct rig *rig, const char *path, const char *const *options)
{
	const char *argv[32] = { "loomd", "--state", rig->state, "--device", "sim:tiny" };
	unsigned int n = simulated ? 5 : 3;
	char pid[16];

	/* Not to outlive a test that was killed. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (rig->leases) {
		argv[n++] = "--leases";
		argv[n++] = rig->leases;
	}
	while (options && *options && n < 31)
		argv[n++] = *options++;
	argv[n] = NULL;
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	/* Onto itself it would stay close-on-exec. */
	if (rig->listener == 3)
		fcntl(3, F_SETFD, 0);
	else
		dup2(rig->listener, 3);
	execv(path, (char *const *)argv);
	_exit(127);
}

void rig_start(struct rig *rig, const char *const *options)
{
	struct loom_client *client;
	char path[PATH_MAX + 32];

	daemon_path(rig, path, sizeof(path));
	rig->daemon = fork();
	assert_true(rig->daemon >= 0);
	if (!rig->daemon)
		exec_daemon(rig, path, options);
	/* Connecting waits in the backlog until the daemon takes it. */
	client = rig_connect(rig, "start", 0);
	loom_client_close(client);
}

void rig_kill(struct rig *rig)
{
	kill(rig->daemon, SIGKILL);
	waitpid(rig->daemon, NULL, 0);
	rig->daemon = 0;
}

int rig_stop(struct rig *rig)
{
	int status;

	kill(rig->daemon, SIGTERM);
	waitpid(rig->daemon, &status, 0);
	rig->daemon = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

struct loom_client *rig_connect(struct rig *rig, const char *identity, unsigned int flags)
{
	struct loom_client *client;

	if (loom_client_connect(rig->socket, identity, flags, &client))
		fail_msg("connect: %s", loom_error());
	return client;
}

static void model_path(const struct rig *rig, const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s.loom", rig->dir, name);
}

void rig_model(struct rig *rig, const char *name, struct make_model args)
{
	char path[PATH_MAX];
	size_t size;
	void *data;
	FILE *f;

	args.name = name;
	args.caps = &caps;
	args.n = args.n ? args.n : RIG_N;
	data = make_model(&args, &size);
	model_path(rig, name, path, sizeof(path));
	f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size, f), size);
	fclose(f);
	free(data);
}

void rig_load(struct rig *rig, struct loom_client *client, const char *name,
	      struct make_model args)
{
	char path[PATH_MAX];

	rig_model(rig, name, args);
	model_path(rig, name, path, sizeof(path));
	if (loom_client_load(client, path, NULL))
		fail_msg("load %s: %s", name, loom_error());
}

int rig_input(uint32_t number, uint32_t i)
{
	return (int)((number * 13 + i * 5) % 61) - 30;
}

void rig_fill(void *map, uint32_t n, uint32_t number)
{
	uint16_t *a = map;

	for (uint32_t i = 0; i < n; i++)
		a[i] = make_half(rig_input(number, i));
}

void rig_check(const void *map, const struct make_model *args, uint32_t number)
{
	uint32_t n = args->n ? args->n : RIG_N;
	const uint16_t *y = (const uint16_t *)((const char *)map + ((n * 2 + 63) & ~63u));
	int sum;

	for (uint32_t i = 0; i < n; i++) {
		sum = rig_input(number, i);
		for (uint32_t s = 0; s < args->slices; s++)
			sum += make_model_weight(args->seed, s, i);
		if (y[i] != make_half(sum))
			fail_msg("y[%u] is %d, must be %d", i, read_half(y[i]), sum);
	}
}

int rig_infer(struct loom_client *client, struct loom_client_buffer *buffer, const char *name,
	      uint64_t id)
{
	struct loom_client_reply reply = { 0 };
	int err = loom_client_submit(client, name, buffer, UINT64_MAX, id);

	if (!err)
		err = loom_client_wait(client, UINT64_MAX, &reply);
	if (err)
		return err;
	assert_int_equal(reply.id, id);
	return reply.status;
}

json_t *rig_stats(struct loom_client *client)
{
	json_t *json;
	char *text;

	assert_int_equal(loom_client_stats(client, &text), 0);
	json = json_loads(text, 0, NULL);
	assert_non_null(json);
	free(text);
	return json;
}

long long rig_number(const json_t *json, const char *path)
{
	char part[64];
	const char *dot;

	while ((dot = strchr(path, '.'))) {
		snprintf(part, sizeof(part), "%.*s", (int)(dot - path), path);
		json = json_object_get(json, part);
		path = dot + 1;
	}
	json = json_object_get(json, path);
	if (!json_is_integer(json))
		fail_msg("stats have no number '%s'", path);
	return json_integer_value(json);
}

long long rig_stat(struct loom_client *client, const char *path)
{
	json_t *stats = rig_stats(client);
	long long value = rig_number(stats, path);

	json_decref(stats);
	return value;
}

json_t *rig_model_stats(const json_t *stats, const char *name)
{
	json_t *m;
	size_t i;

	json_array_foreach(json_object_get(stats, "models"), i, m)
		if (!strcmp(json_string_value(json_object_get(m, "name")), name))
			return m;
	fail_msg("stats have no model '%s'", name);
	return NULL;
}

/* ---- below the library ---- */

int raw_connect(struct rig *rig)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = 20 };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, rig->socket);
	assert_return_code(connect(fd, (struct sockaddr *)&address, sizeof(address)), errno);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

void raw_header(struct loom_msg *hdr, unsigned int type, size_t size)
{
	*hdr = (struct loom_msg) {
		.magic = LOOM_PROTO_MAGIC, .version = LOOM_PROTO_VERSION, .type = (uint16_t)type,
		.size = (uint32_t)size, .id = 77,
	};
}

void raw_send(int fd, const void *data, size_t size, const int *fds, unsigned int num_fds)
{
	struct iovec iov = { (void *)data, size };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))] = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (num_fds) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(num_fds * sizeof(int));
		*CMSG_FIRSTHDR(&msg) = (struct cmsghdr) {
			.cmsg_len = CMSG_LEN(num_fds * sizeof(int)),
			.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
		};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), fds, num_fds * sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &msg, MSG_NOSIGNAL), size);
}

size_t raw_receive(int fd, struct raw_reply *reply)
{
	ssize_t n = recv(fd, reply->bytes, sizeof(reply->bytes), 0);
	size_t body = sizeof(reply->hdr);

	if (n < 0)
		fail_msg("recv: %s", strerror(errno));
	reply->size = (size_t)n;
	reply->text[0] = '\0';
	if (reply->hdr.type == (LOOM_MSG_INFER | LOOM_MSG_REPLY) &&
	    reply->size >= sizeof(reply->done))
		body = sizeof(reply->done);
	if (n && reply->hdr.status && reply->size - body < sizeof(reply->text)) {
		memcpy(reply->text, reply->bytes + body, reply->size - body);
		reply->text[reply->size - body] = '\0';
	}
	return reply->size;
}

bool raw_closed(int fd)
{
	struct raw_reply reply;

	return raw_receive(fd, &reply) == 0;
}

void raw_hello(int fd)
{
	struct loom_msg_hello hello = { .identity = "raw" };
	struct raw_reply reply;

	raw_header(&hello.hdr, LOOM_MSG_HELLO, sizeof(hello));
	raw_send(fd, &hello, sizeof(hello), NULL, 0);
	assert_int_equal(raw_receive(fd, &reply), sizeof(struct loom_msg_limits));
	assert_int_equal(reply.hdr.status, 0);
}
