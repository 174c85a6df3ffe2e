// SPDX-License-Identifier: MIT
/*
 * The service manager's three protocols (sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3)):
 * environment variables and a datagram. Promised to be stable, and short, so that the daemon runs
 * where libsystemd is not: in the test VM's initramfs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "loomd.h"

#define LISTEN_FDS_START 3

static uint64_t env_number(const char *name)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : 0;
}

static int option(int fd, int name)
{
	socklen_t size = sizeof(int);
	int value = -1;

	return getsockopt(fd, SOL_SOCKET, name, &value, &size) ? -1 : value;
}

int notify_listen_fd(void)
{
	int fd = LISTEN_FDS_START;

	if (env_number("LISTEN_PID") != (uint64_t)getpid() || !env_number("LISTEN_FDS"))
		return -ENOENT;
	if (env_number("LISTEN_FDS") > 1)
		log_text(LOG_WARNING, "%s sockets were passed, the first one is used",
			 getenv("LISTEN_FDS"));
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	if (option(fd, SO_DOMAIN) != AF_UNIX || option(fd, SO_TYPE) != SOCK_SEQPACKET ||
	    option(fd, SO_ACCEPTCONN) != 1) {
		log_text(LOG_ERROR, "the passed socket is not a listening UNIX socket of type "
			 "SOCK_SEQPACKET (ListenSequentialPacket= in the .socket unit)");
		return -EINVAL;
	}
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

void notify(const char *format, ...)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	socklen_t length;
	char text[512];
	va_list ap;
	int fd, n;

	if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(to.sun_path))
		return;
	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	memcpy(to.sun_path, path, strlen(path));
	length = offsetof(struct sockaddr_un, sun_path) + strlen(path);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	if (n >= (int)sizeof(text))
		n = sizeof(text) - 1;
	if (sendto(fd, text, n, MSG_NOSIGNAL, (struct sockaddr *)&to, length) < 0)
		log_text(LOG_WARNING, "NOTIFY_SOCKET: %s", strerror(errno));
	close(fd);
}

uint64_t notify_watchdog_ns(void)
{
	uint64_t us = env_number("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");

	if (pid && env_number("WATCHDOG_PID") != (uint64_t)getpid())
		return 0;
	/* Half of it, as sd_watchdog_enabled(3) asks. */
	return us * 1000 / 2;
}
