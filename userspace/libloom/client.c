// SPDX-License-Identifier: MIT
/*
 * The client of loomd. One connection, one thread at a time.
 *
 * Replies to inferences come when they come: those that arrive while another reply is waited for
 * are kept. With LOOM_CLIENT_RETRY a lost connection or a lost request is no news for the caller:
 * what is under way is kept too, and sent again, buffers and all. An inference has no side effects,
 * so twice is as good as once.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"
#include "loom_client.h"
#include "loom_proto.h"

#define MAX_FD 1
#define RETRY_PAUSE_NS 10000000ull	/* between two attempts to connect, growing */
#define RETRY_NS 30000000000ull		/* then -EAGAIN is told */
#define RESEND_PAUSE_NS 1000000ull	/* before a request is sent again, doubling */
#define MAX_DOUBLINGS 6

/* A name that was asked for, and what INFER calls it. */
struct name {
	char name[LOOM_PROTO_NAME_MAX];
	uint32_t model;			/* 0: ask again */
};

struct loom_client_buffer {
	struct loom_client *client;
	struct loom_client_buffer *prev, *next;
	int fd;
	void *map;
	uint64_t bytes;
	uint32_t handle;
};

/* An inference under way. */
struct pending {
	struct pending *next;
	uint64_t id, deadline;
	unsigned int name;		/* in client->names */
	struct loom_client_buffer *buffer;
	unsigned int resends;
	uint64_t give_up;		/* when -EAGAIN is told; 0: has not come yet */
};

/* A reply that came while another was waited for. */
struct done {
	struct done *next;
	struct loom_msg_done msg;
	char text[LOOM_PROTO_TEXT_MAX];
};

struct loom_client {
	int fd;				/* -1: not connected */
	unsigned int flags;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	char identity[LOOM_PROTO_NAME_MAX];
	uint64_t id;			/* of the last message that was no inference */
	struct name *names;
	unsigned int num_names;
	struct loom_client_buffer *buffers;
	struct pending *pending, *free_pending;
	struct done *done, **done_tail, *free_done;
	union {
		char bytes[LOOM_PROTO_REPLY_MAX];
		struct loom_msg hdr;
		struct loom_msg_done done;
		struct loom_msg_model model;
		struct loom_msg_buffer buffer;
	} reply;
	size_t reply_size;
	int reply_fd;
};

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void pause_ns(uint64_t ns)
{
	struct timespec ts = { (time_t)(ns / 1000000000), (long)(ns % 1000000000) };

	nanosleep(&ts, NULL);
}

/* ---- the wire ---- */

static int lost(struct loom_client *c, int err)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	return loom_fail(-EAGAIN, "%s: the connection was lost: %s", c->path,
			 err ? strerror(-err) : "the daemon closed it");
}

static int send_msg(struct loom_client *c, const void *data, size_t size, int fd)
{
	struct iovec iov = { (void *)data, size };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	ssize_t n;

	if (fd >= 0) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}
	do
		n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static int passed_fd(struct msghdr *msg)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	int fd = -1;

	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

static int check_reply(struct loom_client *c, size_t size)
{
	const struct loom_msg *m = &c->reply.hdr;

	if (size < sizeof(*m) || size > sizeof(c->reply) || m->magic != LOOM_PROTO_MAGIC ||
	    m->size != size || !(m->type & LOOM_MSG_REPLY))
		return loom_fail(-EPROTO, "%s: what answers there is not loomd", c->path);
	if (m->version != LOOM_PROTO_VERSION)
		return loom_fail(-EPROTO, "%s: loomd speaks version %u, this library %u", c->path,
				 m->version, LOOM_PROTO_VERSION);
	if (m->type == (LOOM_MSG_INFER | LOOM_MSG_REPLY) && size < sizeof(c->reply.done))
		return loom_fail(-EPROTO, "%s: a reply of %zu bytes", c->path, size);
	return 0;
}

/* One message into c->reply. -EAGAIN: the connection was lost. -ETIME. */
static int receive(struct loom_client *c, uint64_t timeout_ns)
{
	struct timespec ts = { (time_t)(timeout_ns / 1000000000), (long)(timeout_ns % 1000000000) };
	struct pollfd pollfd = { .fd = c->fd, .events = POLLIN };
	struct iovec iov = { &c->reply, sizeof(c->reply) };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(MAX_FD * sizeof(int))];
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t n;

	if (!ppoll(&pollfd, 1, timeout_ns == UINT64_MAX ? NULL : &ts, NULL))
		return loom_fail(-ETIME, "no reply in time");
	n = recvmsg(c->fd, &msg, MSG_CMSG_CLOEXEC | MSG_TRUNC | MSG_DONTWAIT);
	/* Told once, ahead of what the daemon said before it closed. */
	if (n < 0 && errno == ECONNRESET)
		n = recvmsg(c->fd, &msg, MSG_CMSG_CLOEXEC | MSG_TRUNC | MSG_DONTWAIT);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return -EINTR;
	if (n <= 0)
		return lost(c, n < 0 ? -errno : 0);
	c->reply_size = (size_t)n;
	c->reply_fd = passed_fd(&msg);
	return check_reply(c, c->reply_size);
}

static void drop_reply_fd(struct loom_client *c)
{
	if (c->reply_fd >= 0)
		close(c->reply_fd);
	c->reply_fd = -1;
}

/* The sentence that follows the first `size` bytes of a reply. */
static void reply_text(const struct loom_client *c, size_t size, char text[LOOM_PROTO_TEXT_MAX])
{
	size_t length = c->reply_size > size ? c->reply_size - size : 0;

	if (length >= LOOM_PROTO_TEXT_MAX)
		length = LOOM_PROTO_TEXT_MAX - 1;
	memcpy(text, c->reply.bytes + size, length);
	text[length] = '\0';
}

/* ---- replies to inferences ---- */

static int keep_done(struct loom_client *c)
{
	struct done *d = c->free_done;

	if (d)
		c->free_done = d->next;
	else
		d = malloc(sizeof(*d));
	if (!d)
		return loom_fail(-ENOMEM, "out of memory");
	d->next = NULL;
	d->msg = c->reply.done;
	reply_text(c, sizeof(d->msg), d->text);
	*c->done_tail = d;
	c->done_tail = &d->next;
	return 0;
}

static struct done *take_done(struct loom_client *c)
{
	struct done *d = c->done;

	if (!d)
		return NULL;
	c->done = d->next;
	if (!c->done)
		c->done_tail = &c->done;
	return d;
}

static void free_done(struct loom_client *c, struct done *d)
{
	d->next = c->free_done;
	c->free_done = d;
}

static struct pending **find_pending(struct loom_client *c, uint64_t id)
{
	struct pending **at = &c->pending;

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

static void end_pending(struct loom_client *c, struct pending **at)
{
	struct pending *p = *at;

	*at = p->next;
	p->next = c->free_pending;
	c->free_pending = p;
}

/* ---- calls ---- */

static void header(struct loom_client *c, struct loom_msg *hdr, unsigned int type, size_t size)
{
	*hdr = (struct loom_msg) {
		.magic = LOOM_PROTO_MAGIC,
		.version = LOOM_PROTO_VERSION,
		.type = (uint16_t)type,
		.size = (uint32_t)size,
		.id = ++c->id,
	};
}

static bool is_answer(const struct loom_client *c, const struct loom_msg *request)
{
	const struct loom_msg *m = &c->reply.hdr;

	/* A header that the daemon could not read is answered without a type or an id; a daemon
	 * that has too many clients says so before it reads anything. */
	return (m->type == (request->type | LOOM_MSG_REPLY) && m->id == request->id) ||
	       m->type == (LOOM_MSG_NONE | LOOM_MSG_REPLY) ||
	       (m->type == (LOOM_MSG_HELLO | LOOM_MSG_REPLY) && !m->id);
}

static int await(struct loom_client *c, const struct loom_msg *request)
{
	char text[LOOM_PROTO_TEXT_MAX];
	int err;

	for (;;) {
		err = receive(c, UINT64_MAX);
		if (err == -EINTR)
			continue;
		if (err)
			return err;
		if (is_answer(c, request))
			break;
		drop_reply_fd(c);
		if (c->reply.hdr.type == (LOOM_MSG_INFER | LOOM_MSG_REPLY))
			err = keep_done(c);
		if (err)
			return err;
	}
	if (!c->reply.hdr.status)
		return 0;
	drop_reply_fd(c);
	reply_text(c, sizeof(c->reply.hdr), text);
	return loom_fail(c->reply.hdr.status, "%s", text);
}

/* Send, and receive the reply: once, on the connection that there is. */
static int call_once(struct loom_client *c, const struct loom_msg *request, int fd)
{
	int err = c->fd < 0 ? -ENOTCONN : send_msg(c, request, request->size, fd);
	struct pollfd pollfd = { .fd = c->fd, .events = POLLIN };

	/* Why the daemon closed the connection may be waiting to be read. */
	if (err && (c->fd < 0 || poll(&pollfd, 1, 0) <= 0))
		return lost(c, err);
	return await(c, request);
}

/* ---- connecting, and connecting again ---- */

static int open_socket(struct loom_client *c)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return loom_fail(-errno, "socket: %s", strerror(errno));
	strcpy(address.sun_path, c->path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		err = -errno;
		close(fd);
		return loom_fail(err, "%s: %s%s", c->path, strerror(-err),
				 err == -ENOENT || err == -ECONNREFUSED ?
				 " (is loomd running?)" : "");
	}
	c->fd = fd;
	return 0;
}

static int say_hello(struct loom_client *c)
{
	struct loom_msg_hello msg = { 0 };

	header(c, &msg.hdr, LOOM_MSG_HELLO, sizeof(msg));
	memcpy(msg.identity, c->identity, sizeof(msg.identity));
	return call_once(c, &msg.hdr, -1);
}

static int pass_buffer(struct loom_client *c, struct loom_client_buffer *b)
{
	struct loom_msg_buffer_add msg = { .bytes = b->bytes };
	int err;

	header(c, &msg.hdr, LOOM_MSG_BUFFER_ADD, sizeof(msg));
	err = call_once(c, &msg.hdr, b->fd);
	if (!err)
		b->handle = c->reply.buffer.buffer;
	return err;
}

static int ask_model(struct loom_client *c, const char *name)
{
	struct loom_msg_name msg = { 0 };

	if (strlen(name) >= sizeof(msg.name))
		return loom_fail(-EINVAL, "'%s' is longer than a model's name can be", name);
	strcpy(msg.name, name);
	header(c, &msg.hdr, LOOM_MSG_MODEL, sizeof(msg));
	return call_once(c, &msg.hdr, -1);
}

static int resolve(struct loom_client *c, struct name *name)
{
	int err;

	if (name->model)
		return 0;
	err = ask_model(c, name->name);
	if (!err)
		name->model = c->reply.model.model;
	return err;
}

static int send_infer(struct loom_client *c, struct pending *p)
{
	struct loom_msg_infer msg = { .deadline = p->deadline };
	int err;

	if (c->fd < 0)
		return lost(c, -ENOTCONN);
	err = resolve(c, &c->names[p->name]);
	if (err)
		return err;
	msg.model = c->names[p->name].model;
	msg.buffer = p->buffer->handle;
	header(c, &msg.hdr, LOOM_MSG_INFER, sizeof(msg));
	msg.hdr.id = p->id;
	err = send_msg(c, &msg, sizeof(msg), -1);
	return err ? lost(c, err) : 0;
}

/* An end that the client found itself, put where the daemon's would be. */
static int make_done(struct loom_client *c, uint64_t id, int status, const char *text)
{
	struct loom_msg_done *m = &c->reply.done;

	*m = (struct loom_msg_done) { .hdr = { .id = id, .status = status } };
	c->reply_size = sizeof(*m) + strlen(text);
	memcpy(c->reply.bytes + sizeof(*m), text, strlen(text));
	return keep_done(c);
}

static bool is_kept(const struct loom_client *c, uint64_t id)
{
	const struct done *d = c->done;

	while (d && d->msg.hdr.id != id)
		d = d->next;
	return d != NULL;
}

/* Everything that the new daemon has to be told. */
static int restore(struct loom_client *c)
{
	struct loom_client_buffer *b;
	struct pending *p;
	int err = say_hello(c);

	for (unsigned int i = 0; i < c->num_names; i++)
		c->names[i].model = 0;
	for (b = c->buffers; !err && b; b = b->next)
		err = pass_buffer(c, b);
	for (p = c->pending; !err && p; p = p->next) {
		if (is_kept(c, p->id))
			continue;
		err = send_infer(c, p);
		/* Not the connection but this request: the model did not come back, say. */
		if (err && err != -EAGAIN && c->fd >= 0)
			err = make_done(c, p->id, err, loom_error());
	}
	return err;
}

static int connect_once(struct loom_client *c)
{
	int err = open_socket(c);

	if (!err)
		err = restore(c);
	if (err && c->fd >= 0) {
		close(c->fd);
		c->fd = -1;
	}
	return err;
}

/* Without retries, what was under way on the old connection is lost, and the caller is told. */
static int tell_lost(struct loom_client *c, int status)
{
	char text[LOOM_PROTO_TEXT_MAX];

	snprintf(text, sizeof(text), "%s", loom_error());
	for (struct pending *p = c->pending; p; p = p->next)
		if (!is_kept(c, p->id) && make_done(c, p->id, status, text))
			return -ENOMEM;
	return 0;
}

static bool passing(int err)
{
	return err == -EAGAIN || err == -ECONNREFUSED || err == -ENOENT || err == -EUSERS;
}

static int reconnect(struct loom_client *c)
{
	uint64_t end = clock_ns() + RETRY_NS, pause = RETRY_PAUSE_NS;
	int err = c->flags & LOOM_CLIENT_RETRY ? 0 : tell_lost(c, -EAGAIN);

	if (!err)
		err = connect_once(c);
	if (!(c->flags & LOOM_CLIENT_RETRY))
		return err;
	while (passing(err) && clock_ns() < end) {
		pause_ns(pause);
		pause = pause < RETRY_NS / 60 ? 2 * pause : pause;
		err = connect_once(c);
	}
	return passing(err) ? loom_fail(-EAGAIN, "%s", loom_error()) : err;
}

/* A call, sent again on a new connection if the flags say so. */
static int call(struct loom_client *c, struct loom_msg *request, int fd)
{
	int err;

	do {
		err = c->fd < 0 ? reconnect(c) : 0;
		if (!err)
			err = call_once(c, request, fd);
	} while (err == -EAGAIN && c->fd < 0 && c->flags & LOOM_CLIENT_RETRY);
	return err;
}

int loom_client_connect(const char *path, const char *identity, unsigned int flags,
			struct loom_client **out)
{
	const char *env = getenv("LOOMD_SOCKET");
	struct loom_client *c;
	int err;

	if (!path)
		path = env && *env ? env : LOOM_CLIENT_SOCKET;
	if (strlen(path) >= sizeof(c->path))
		return loom_fail(-ENAMETOOLONG, "%s: too long for a socket", path);
	if (flags & ~LOOM_CLIENT_RETRY)
		return loom_fail(-EINVAL, "flags 0x%x are unknown", flags & ~LOOM_CLIENT_RETRY);
	c = calloc(1, sizeof(*c));
	if (!c)
		return loom_fail(-ENOMEM, "out of memory");
	c->fd = c->reply_fd = -1;
	c->flags = flags;
	c->done_tail = &c->done;
	strcpy(c->path, path);
	snprintf(c->identity, sizeof(c->identity), "%s", identity ? identity : "");
	err = reconnect(c);
	if (err) {
		loom_client_close(c);
		return err;
	}
	*out = c;
	return 0;
}

static void free_all_done(struct done *d)
{
	struct done *next;

	for (; d; d = next) {
		next = d->next;
		free(d);
	}
}

static void free_all_pending(struct pending *p)
{
	struct pending *next;

	for (; p; p = next) {
		next = p->next;
		free(p);
	}
}

void loom_client_close(struct loom_client *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	while (c->buffers)
		loom_client_buffer_destroy(c->buffers);
	free_all_done(c->done);
	free_all_done(c->free_done);
	free_all_pending(c->pending);
	free_all_pending(c->free_pending);
	free(c->names);
	free(c);
}

int loom_client_fd(const struct loom_client *c)
{
	return c->fd;
}

/* ---- administration ---- */

static int call_plain(struct loom_client *c, enum loom_msg_type type)
{
	struct loom_msg msg;

	header(c, &msg, type, sizeof(msg));
	return call(c, &msg, -1);
}

static int call_name(struct loom_client *c, enum loom_msg_type type, const char *name, int fd)
{
	struct loom_msg_name msg = { 0 };

	if (strlen(name) >= sizeof(msg.name))
		return loom_fail(-EINVAL, "'%s' is longer than a name may be: %zu characters",
				 name, sizeof(msg.name) - 1);
	strcpy(msg.name, name);
	header(c, &msg.hdr, type, sizeof(msg));
	return call(c, &msg.hdr, fd);
}

int loom_client_ping(struct loom_client *c)
{
	return call_plain(c, LOOM_MSG_PING);
}

int loom_client_load(struct loom_client *c, const char *path, const char *name)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return loom_fail(-errno, "%s: %s", path, strerror(errno));
	err = call_name(c, LOOM_MSG_LOAD, name ? name : "", fd);
	close(fd);
	return err;
}

int loom_client_unload(struct loom_client *c, const char *name)
{
	return call_name(c, LOOM_MSG_UNLOAD, name, -1);
}

int loom_client_policy(struct loom_client *c, const char *policy)
{
	return call_name(c, LOOM_MSG_POLICY, policy, -1);
}

static int read_text(int fd, char **text)
{
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st))
		return loom_fail(-EPROTO, "the reply came without its text");
	*text = malloc((size_t)st.st_size + 1);
	if (!*text)
		return loom_fail(-ENOMEM, "no memory for a reply of %lld bytes",
				 (long long)st.st_size);
	n = pread(fd, *text, (size_t)st.st_size, 0);
	if (n == st.st_size) {
		(*text)[n] = '\0';
		return 0;
	}
	free(*text);
	*text = NULL;
	return loom_fail(-EIO, "the reply could not be read");
}

static int reply_json(struct loom_client *c, char **json)
{
	int err = read_text(c->reply_fd, json);

	drop_reply_fd(c);
	return err;
}

int loom_client_list(struct loom_client *c, char **json)
{
	int err = call_plain(c, LOOM_MSG_LIST);

	return err ? err : reply_json(c, json);
}

int loom_client_stats(struct loom_client *c, char **json)
{
	int err = call_plain(c, LOOM_MSG_STATS);

	return err ? err : reply_json(c, json);
}

int loom_client_trace(struct loom_client *c, bool start, char **json)
{
	struct loom_msg_trace msg = { .start = start };
	int err;

	header(c, &msg.hdr, LOOM_MSG_TRACE, sizeof(msg));
	err = call(c, &msg.hdr, -1);
	if (err || start)
		return err;
	return reply_json(c, json);
}

int loom_client_record(struct loom_client *c, const char *path, uint64_t seed)
{
	struct loom_msg_record msg = { .seed = seed };
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), err;

	if (fd < 0)
		return loom_fail(-errno, "%s: %s", path, strerror(errno));
	header(c, &msg.hdr, LOOM_MSG_RECORD, sizeof(msg));
	err = call(c, &msg.hdr, fd);
	close(fd);
	return err;
}

int loom_client_record_stop(struct loom_client *c)
{
	return call_plain(c, LOOM_MSG_RECORD_STOP);
}

int loom_client_hold(struct loom_client *c, bool hold)
{
	struct loom_msg_hold msg = { .hold = hold };

	header(c, &msg.hdr, LOOM_MSG_HOLD, sizeof(msg));
	return call(c, &msg.hdr, -1);
}

static void get_tensor(struct loom_client_tensor *to, const struct loom_msg_tensor *from)
{
	memcpy(to->name, from->name, sizeof(to->name));
	to->name[sizeof(to->name) - 1] = '\0';
	to->is_output = from->is_output;
	to->tensor = from->tensor;
}

int loom_client_model(struct loom_client *c, const char *name, struct loom_client_model *model)
{
	const struct loom_msg_model *m = &c->reply.model;
	int err = call_name(c, LOOM_MSG_MODEL, name, -1);

	if (err)
		return err;
	if (c->reply_size < sizeof(*m) || m->num_tensors > LOOM_CLIENT_MAX_TENSORS ||
	    c->reply_size != sizeof(*m) + m->num_tensors * sizeof(m->tensors[0]))
		return loom_fail(-EPROTO, "%s: a reply of %zu bytes", c->path, c->reply_size);
	model->io_bytes = m->io_bytes;
	model->num_tensors = m->num_tensors;
	for (unsigned int i = 0; i < m->num_tensors; i++)
		get_tensor(&model->tensors[i], &m->tensors[i]);
	return 0;
}

/* ---- buffers ---- */

static int make_memory(struct loom_client_buffer *b)
{
	b->fd = memfd_create("loom-buffer", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (b->fd < 0)
		return loom_fail(-errno, "memfd_create: %s", strerror(errno));
	/* Whole pages, which the device can be given as they are. */
	if (b->bytes > INT64_MAX - 4095)
		return loom_fail(-EFBIG, "a buffer of %llu bytes", (unsigned long long)b->bytes);
	if (ftruncate(b->fd, (off_t)((b->bytes + 4095) & ~4095ull)) ||
	    fcntl(b->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return loom_fail(-errno, "a memfd of %llu bytes: %s", (unsigned long long)b->bytes,
				 strerror(errno));
	b->map = mmap(NULL, b->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, b->fd, 0);
	if (b->map == MAP_FAILED) {
		b->map = NULL;
		return loom_fail(-errno, "mmap of %llu bytes: %s", (unsigned long long)b->bytes,
				 strerror(errno));
	}
	return 0;
}

static void free_memory(struct loom_client_buffer *b)
{
	if (b->map)
		munmap(b->map, b->bytes);
	if (b->fd >= 0)
		close(b->fd);
	free(b);
}

static void link_buffer(struct loom_client *c, struct loom_client_buffer *b)
{
	b->next = c->buffers;
	if (b->next)
		b->next->prev = b;
	c->buffers = b;
}

static int add_buffer(struct loom_client *c, struct loom_client_buffer *b)
{
	int err;

	do {
		err = c->fd < 0 ? reconnect(c) : 0;
		if (!err)
			err = pass_buffer(c, b);
	} while (err == -EAGAIN && c->fd < 0 && c->flags & LOOM_CLIENT_RETRY);
	return err;
}

int loom_client_buffer_create(struct loom_client *c, uint64_t bytes,
			      struct loom_client_buffer **buffer)
{
	struct loom_client_buffer *b;
	int err;

	if (!bytes)
		return loom_fail(-EINVAL, "a buffer needs at least one byte");
	b = calloc(1, sizeof(*b));
	if (!b)
		return loom_fail(-ENOMEM, "out of memory");
	b->client = c;
	b->fd = -1;
	b->bytes = bytes;
	err = make_memory(b);
	if (!err)
		err = add_buffer(c, b);
	if (err) {
		free_memory(b);
		return err;
	}
	link_buffer(c, b);
	*buffer = b;
	return 0;
}

void loom_client_buffer_destroy(struct loom_client_buffer *b)
{
	struct loom_msg_buffer msg = { .buffer = b ? b->handle : 0 };
	struct loom_client *c;

	if (!b)
		return;
	c = b->client;
	if (b->prev)
		b->prev->next = b->next;
	else
		c->buffers = b->next;
	if (b->next)
		b->next->prev = b->prev;
	header(c, &msg.hdr, LOOM_MSG_BUFFER_REMOVE, sizeof(msg));
	if (c->fd >= 0)
		call_once(c, &msg.hdr, -1);
	free_memory(b);
}

void *loom_client_buffer_map(struct loom_client_buffer *b)
{
	return b->map;
}

/* ---- inferences ---- */

static int find_name(struct loom_client *c, const char *name, unsigned int *index)
{
	struct name *names;

	for (*index = 0; *index < c->num_names; ++*index)
		if (!strcmp(c->names[*index].name, name))
			return 0;
	if (strlen(name) >= sizeof(names->name))
		return loom_fail(-EINVAL, "'%s' is longer than a model's name can be", name);
	names = realloc(c->names, (c->num_names + 1) * sizeof(*names));
	if (!names)
		return loom_fail(-ENOMEM, "out of memory");
	c->names = names;
	names[c->num_names] = (struct name) { .model = 0 };
	strcpy(names[c->num_names++].name, name);
	return 0;
}

static struct pending *new_pending(struct loom_client *c)
{
	struct pending *p = c->free_pending;

	if (p)
		c->free_pending = p->next;
	else
		p = malloc(sizeof(*p));
	return p;
}

int loom_client_submit(struct loom_client *c, const char *model, struct loom_client_buffer *buffer,
		       uint64_t deadline, uint64_t id)
{
	unsigned int name;
	struct pending *p;
	int err = find_name(c, model, &name);

	if (!err && *find_pending(c, id))
		err = loom_fail(-EEXIST, "request %llu is under way already",
				(unsigned long long)id);
	if (!err && c->fd < 0)
		err = reconnect(c);
	if (err)
		return err;
	p = new_pending(c);
	if (!p)
		return loom_fail(-ENOMEM, "out of memory");
	*p = (struct pending) {
		.next = c->pending, .id = id, .deadline = deadline, .name = name, .buffer = buffer,
	};
	c->pending = p;
	err = send_infer(c, p);
	/* To connect again is to send everything that is pending. */
	if (err == -EAGAIN && c->fd < 0 && c->flags & LOOM_CLIENT_RETRY)
		err = reconnect(c);
	if (err)
		end_pending(c, find_pending(c, id));
	return err;
}

/* The daemon is gone: with retries that is mended here, without every request is told so. */
static int disconnected(struct loom_client *c)
{
	int err = c->flags & LOOM_CLIENT_RETRY ? reconnect(c) : -EAGAIN;

	return err ? tell_lost(c, err) : 0;
}

/* The daemon may be on its way out, or busy with repairs: not at once, and not for ever. */
static bool be_patient(struct pending *p)
{
	unsigned int doublings = p->resends < MAX_DOUBLINGS ? p->resends : MAX_DOUBLINGS;

	if (!p->give_up)
		p->give_up = clock_ns() + RETRY_NS;
	else if (clock_ns() > p->give_up)
		return false;
	p->resends++;
	pause_ns(RESEND_PAUSE_NS << doublings);
	return true;
}

/* Should this end be hidden from the caller, and the request sent once more? */
static bool again(struct loom_client *c, const struct done *d, struct pending *p)
{
	int status = d->msg.hdr.status;

	if (status == -ESTALE && !p->resends++) {
		/* Unloaded and loaded again under the same name: ask for it once. */
		c->names[p->name].model = 0;
		return true;
	}
	return status == -EAGAIN && c->flags & LOOM_CLIENT_RETRY && c->fd >= 0 && be_patient(p);
}

static int fill_reply(const struct done *d, struct loom_client_reply *reply)
{
	const struct loom_msg_done *m = &d->msg;

	*reply = (struct loom_client_reply) {
		.id = m->hdr.id,
		.status = m->hdr.status,
		.fault = m->fault,
		.arrived_ns = m->arrived_ns,
		.done_ns = m->done_ns,
		.device_start_ns = m->device_start_ns,
		.device_end_ns = m->device_end_ns,
	};
	if (m->hdr.status)
		loom_fail(m->hdr.status, "%s", d->text);
	return 0;
}

/* One end of an inference: 0 the caller has it, -EINTR it is hidden, or an error. */
static int settle(struct loom_client *c, struct done *d, struct loom_client_reply *reply)
{
	struct pending **at = find_pending(c, d->msg.hdr.id);
	int err;

	if (!*at)
		return -EINTR;		/* told already */
	if (!again(c, d, *at)) {
		fill_reply(d, reply);
		end_pending(c, at);
		return 0;
	}
	err = send_infer(c, *at);
	if (!err || c->fd < 0)
		return -EINTR;
	/* The model is not there any more: that is the end then. */
	d->msg.hdr.status = err;
	snprintf(d->text, sizeof(d->text), "%s", loom_error());
	fill_reply(d, reply);
	end_pending(c, at);
	return 0;
}

static int wait_step(struct loom_client *c, uint64_t end, struct loom_client_reply *reply)
{
	uint64_t now = end == UINT64_MAX ? 0 : clock_ns();
	struct done *d = take_done(c);
	int err;

	if (d) {
		err = settle(c, d, reply);
		free_done(c, d);
		return err;
	}
	if (!c->pending)
		return loom_fail(-ENOENT, "no request is under way");
	err = c->fd < 0 ? -EAGAIN : receive(c, end == UINT64_MAX ? end : end > now ? end - now : 0);
	if (err == -EAGAIN && c->fd < 0)
		err = disconnected(c);
	else if (!err)
		err = c->reply.hdr.type == (LOOM_MSG_INFER | LOOM_MSG_REPLY) ? keep_done(c) : 0;
	drop_reply_fd(c);
	return err ? err : -EINTR;
}

int loom_client_wait(struct loom_client *c, uint64_t timeout_ns, struct loom_client_reply *reply)
{
	uint64_t end = timeout_ns == UINT64_MAX ? timeout_ns : clock_ns() + timeout_ns;
	int err;

	do
		err = wait_step(c, end, reply);
	while (err == -EINTR);
	return err;
}

int loom_client_cancel(struct loom_client *c, uint64_t id)
{
	struct loom_msg_cancel msg = { .target = id };

	header(c, &msg.hdr, LOOM_MSG_CANCEL, sizeof(msg));
	return call(c, &msg.hdr, -1);
}
