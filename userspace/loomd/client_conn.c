// SPDX-License-Identifier: MIT
/* One connection: packets in, replies out, and its end. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loomd.h"

#define MAX_FDS 4
/* Messages of one client before the others, and the device, get their turn. */
#define BURST 32

struct packet {
	union {
		char data[LOOM_PROTO_REQUEST_MAX];
		struct loom_msg hdr;
	};
	size_t stored, size;
	int fds[MAX_FDS];
	unsigned int num_fds;
	bool fds_lost;
};

static void who_is_it(struct client *c)
{
	struct ucred cred = { .uid = (uid_t)-1 };
	socklen_t size = sizeof(cred);

	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &cred, &size))
		log_text(LOG_WARNING, "SO_PEERCRED: %s", strerror(errno));
	c->pid = cred.pid;
	c->uid = cred.uid;
}

int client_open(struct loomd *d, struct client *c, int fd)
{
	struct buffer *buffers = c->buffers;
	/* Room for the replies of all requests that a client may have, and then some. */
	int room = 1 << 20, err;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	*c = (struct client) {
		.fd = fd,
		.index = (unsigned int)(c - d->clients),
		.generation = c->generation + 1,
		.buffers = buffers,
		.ready = true,
	};
	who_is_it(c);
	err = loop_watch(d, fd, loop_tag(LOOP_CLIENT, c->generation, c->index));
	if (err)
		c->fd = -1;
	return err;
}

/*
 * Data that was never read makes the peer's next receive fail with ECONNRESET, ahead of the reply
 * that says why we close. So read it.
 */
void client_hang_up(int fd)
{
	char byte;

	shutdown(fd, SHUT_RD);
	for (unsigned int i = 0; i < 4096 && recv(fd, &byte, 1, MSG_DONTWAIT) > 0; i++)
		;
	/* The poll in the ring may hold the socket a little longer than close(): end it now. */
	shutdown(fd, SHUT_RDWR);
	close(fd);
}

void client_close(struct loomd *d, struct client *c)
{
	command_let_go(d, c);
	request_drop_client(d, c);
	buffer_drop_all(d, c);
	loop_unwatch(d, loop_tag(LOOP_CLIENT, c->generation, c->index));
	client_hang_up(c->fd);
	c->fd = -1;
}

static void put_fd(struct msghdr *msg, char *control, size_t size, int fd)
{
	struct cmsghdr *cmsg;

	msg->msg_control = control;
	msg->msg_controllen = size;
	cmsg = CMSG_FIRSTHDR(msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
}

void client_send(struct loomd *d, struct client *c, const void *data, size_t size,
		 const char *text, int fd)
{
	struct iovec iov[2] = {
		{ (void *)data, size },
		{ (void *)text, text ? strlen(text) : 0 },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };

	if (c->doomed)
		return;
	if (fd >= 0)
		put_fd(&msg, control, sizeof(control), fd);
	if (sendmsg(c->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return;
	if (errno == EAGAIN)
		log_text(LOG_WARNING, "client '%s' (pid %d) does not read its replies: closed",
			 c->identity, c->pid);
	c->doomed = true;
}

void client_reply(struct loomd *d, struct client *c, const struct loom_msg *request, int status,
		  const char *text, int fd)
{
	struct loom_msg hdr;

	proto_header(&hdr, request->type | LOOM_MSG_REPLY, request->id,
		     sizeof(hdr) + (text ? strlen(text) : 0), status);
	client_send(d, c, &hdr, sizeof(hdr), text, fd);
	if (status)
		c->stats.errors++;
}

static void take_fds(struct packet *p, struct msghdr *msg)
{
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		p->num_fds = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(p->fds, CMSG_DATA(cmsg), p->num_fds * sizeof(int));
	}
	p->fds_lost = msg->msg_flags & MSG_CTRUNC;
}

static ssize_t receive(struct client *c, struct packet *p)
{
	struct iovec iov = { p->data, sizeof(p->data) };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(MAX_FDS * sizeof(int))];
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(c->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC);

	if (n < 0)
		return -errno;
	p->num_fds = 0;
	take_fds(p, &msg);
	p->size = (size_t)n;
	p->stored = p->size < sizeof(p->data) ? p->size : sizeof(p->data);
	return n;
}

static int check(struct client *c, const struct packet *p, struct proto_error *error)
{
	int err = proto_check(p->data, p->stored, p->size, p->num_fds, error);

	if (err)
		return err;
	if (p->fds_lost)
		return proto_fail(error, -EPROTO, "%s: descriptors were lost on the way",
				  proto_type_name(p->hdr.type));
	if (!c->greeted && p->hdr.type != LOOM_MSG_HELLO)
		return proto_fail(error, -EPROTO, "%s: hello has to come first",
				  proto_type_name(p->hdr.type));
	return 0;
}

static void violation(struct loomd *d, struct client *c, const struct packet *p,
		      const struct proto_error *error)
{
	struct loom_msg none = { 0 };

	d->stats.violations++;
	log_text(LOG_WARNING, "client '%s' (pid %d) closed: %s", c->identity, c->pid, error->text);
	client_reply(d, c, p->stored >= sizeof(none) ? &p->hdr : &none, error->status, error->text,
		     -1);
	c->doomed = true;
}

static void handle(struct loomd *d, struct client *c, struct packet *p)
{
	struct proto_error error;

	if (check(c, p, &error))
		violation(d, c, p, &error);
	else
		command_run(d, c, &p->hdr, p->fds);
	for (unsigned int i = 0; i < p->num_fds; i++)
		if (p->fds[i] >= 0)
			close(p->fds[i]);
}

void client_service(struct loomd *d, struct client *c)
{
	struct packet p;
	ssize_t n;

	for (unsigned int i = 0; i < BURST && !c->doomed; i++) {
		n = receive(c, &p);
		if (n == -EAGAIN || n == -EINTR) {
			c->ready = n == -EINTR;
			return;
		}
		/* No message is empty, so 0 is the end; errors are the end too. */
		if (n <= 0)
			c->doomed = true;
		else
			handle(d, c, &p);
	}
}
