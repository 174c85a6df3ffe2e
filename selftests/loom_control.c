// SPDX-License-Identifier: GPL-2.0-only

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loom_control.h"

int text_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int ret = fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return ret;
}

/* Return: -1 if there is no such file, or no number in it. */
long long number_in(const char *path)
{
	char text[32] = "", *end;
	int fd = open(path, O_RDONLY);
	long long number;

	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	number = strtoll(text, &end, 10);
	return end == text ? -1 : number;
}

int inject(enum loom_inject fault, __u32 arg)
{
	char text[32];

	snprintf(text, sizeof(text), "%u %u", fault, arg);
	return text_to(DEBUG "inject", text);
}

int device_stay_awake(bool on)
{
	return text_to(PCI "power/control", on ? "on" : "auto");
}

int driver_unbind(void)
{
	return text_to("/sys/bus/pci/drivers/loom/unbind", DEVICE);
}

int driver_bind(void)
{
	return text_to("/sys/bus/pci/drivers/loom/bind", DEVICE);
}

int driver_unload(void)
{
	int i, ret = -1;

	for (i = 0; i < 100 && ret; i++) {
		ret = system("rmmod loom 2>/dev/null");
		usleep(10000);
	}
	return ret;
}

int driver_renumber(void)
{
	int ret;

	if (!access("/dev/accel/accel0", F_OK))
		return 0;
	driver_unbind();
	ret = driver_bind();
	return ret ? ret : access("/dev/accel/accel0", F_OK);
}
