// SPDX-License-Identifier: MIT
/* The listening socket, and which client is to be read next. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "loom_client.h"
#include "loomd.h"

/* A socket file that nobody answers at was left by a daemon that was killed. */
static bool stale(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool refused;

	if (fd < 0)
		return false;
	refused = connect(fd, (const struct sockaddr *)address, sizeof(*address)) &&
		  errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static int bind_path(int fd, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int err;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	err = bind(fd, (struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
	if (err == -EADDRINUSE && stale(&address) && !unlink(path))
		err = bind(fd, (struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
	return err;
}

/* /run/loomd, when nobody made it. One level: more would be somebody else's business. */
static void make_parent(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path || (size_t)(slash - path) >= sizeof(dir))
		return;
	memcpy(dir, path, slash - path);
	dir[slash - path] = '\0';
	mkdir(dir, 0755);
}

static int listen_at(struct loomd *d, const char *path)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	mode_t mask;
	int err;

	if (fd < 0)
		return -errno;
	make_parent(path);
	mask = umask(0117);
	err = bind_path(fd, path);
	umask(mask);
	if (!err && listen(fd, 128))
		err = -errno;
	if (err) {
		log_text(LOG_ERROR, "--listen %s: %s", path, strerror(-err));
		close(fd);
		return err;
	}
	d->options.listen = path;
	d->owns_listener = true;
	return fd;
}

int server_open(struct loomd *d)
{
	int fd = d->options.listen ? -ENOENT : notify_listen_fd();

	if (fd == -ENOENT)
		fd = listen_at(d, d->options.listen ? d->options.listen : LOOM_CLIENT_SOCKET);
	if (fd < 0)
		return fd;
	/* The service manager passes it as it likes; accept() must never wait. */
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	d->listener = fd;
	return loop_watch(d, fd, loop_tag(LOOP_LISTENER, 0, 0));
}

void server_close(struct loomd *d)
{
	for (unsigned int i = 0; i < d->options.max_clients; i++)
		if (d->clients[i].fd >= 0)
			client_close(d, &d->clients[i]);
	if (d->listener >= 0) {
		loop_unwatch(d, loop_tag(LOOP_LISTENER, 0, 0));
		close(d->listener);
	}
	if (d->owns_listener)
		unlink(d->options.listen);
	d->listener = -1;
}

static struct client *free_client(struct loomd *d)
{
	for (unsigned int i = 0; i < d->options.max_clients; i++)
		if (d->clients[i].fd < 0)
			return &d->clients[i];
	return NULL;
}

/* One too many is told so, and not left to hang in the backlog. */
static void refuse(struct loomd *d, int fd, int status, const char *text)
{
	struct {
		struct loom_msg hdr;
		char text[128];
	} msg;
	size_t size = strlen(text);

	proto_header(&msg.hdr, LOOM_MSG_HELLO | LOOM_MSG_REPLY, 0, sizeof(msg.hdr) + size, status);
	memcpy(msg.text, text, size);
	if (send(fd, &msg, msg.hdr.size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_text(LOG_WARNING, "a client was refused and could not be told: %s",
			 strerror(errno));
	client_hang_up(fd);
	d->stats.refused++;
}

static void admit(struct loomd *d, int fd)
{
	struct client *c = free_client(d);
	int err;

	if (!c) {
		refuse(d, fd, -EUSERS, "the daemon has all the clients it takes (--max-clients)");
		return;
	}
	err = client_open(d, c, fd);
	if (err)
		refuse(d, fd, err, "the daemon could not take another client");
	else
		d->stats.accepted++;
}

void server_accept(struct loomd *d)
{
	int fd;

	d->accept_ready = false;
	/* Bounded, so that a storm of connections does not keep the device waiting. */
	for (unsigned int i = 0; i < 16; i++) {
		fd = accept4(d->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0 && errno != EINTR && errno != ECONNABORTED) {
			if (errno != EAGAIN)
				log_text(LOG_ERROR, "accept: %s", strerror(errno));
			return;
		}
		if (fd >= 0)
			admit(d, fd);
	}
	d->accept_ready = true;
}

static void client_event(struct loomd *d, uint32_t generation, unsigned int index)
{
	struct client *c = &d->clients[index];

	if (index < d->options.max_clients && c->fd >= 0 &&
	    (c->generation & 0xffffff) == generation)
		c->ready = true;
}

void server_event(struct loomd *d, uint64_t tag)
{
	switch ((enum loop_kind)(tag >> 56)) {
	case LOOP_LISTENER:
		d->accept_ready = true;
		break;
	case LOOP_CLIENT:
		client_event(d, tag >> 32 & 0xffffff, (unsigned int)tag);
		break;
	default:
		break;
	}
}

bool server_busy(const struct loomd *d)
{
	if (d->accept_ready)
		return true;
	for (unsigned int i = 0; i < d->options.max_clients; i++)
		if (d->clients[i].fd >= 0 && (d->clients[i].ready || d->clients[i].doomed))
			return true;
	return false;
}

void server_service(struct loomd *d)
{
	struct client *c;

	if (d->accept_ready)
		server_accept(d);
	for (unsigned int i = 0; i < d->options.max_clients; i++) {
		c = &d->clients[i];
		if (c->fd >= 0 && c->ready && !c->doomed)
			client_service(d, c);
		if (c->fd >= 0 && c->doomed)
			client_close(d, c);
	}
}
