/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What tests do to the device and its driver from outside: parameters, power, faults on demand (a
 * device with inject=on), unbinding. Calls return 0 or -errno.
 */
#ifndef LOOM_CONTROL_H
#define LOOM_CONTROL_H

#include <stdbool.h>

#include "loom_hw.h"

#define DEVICE	"0000:01:00.0"
#define PCI	"/sys/bus/pci/devices/" DEVICE "/"
#define DEBUG	"/sys/kernel/debug/accel/" DEVICE "/"
#define HANG_MS	"/sys/module/loom/parameters/hang_ms"

int text_to(const char *path, const char *text);
long long number_in(const char *path);

int inject(enum loom_inject fault, __u32 arg);

/*
 * A device that falls asleep forgets faults that were asked for and not met yet. Who asks for one
 * before there are jobs keeps it awake, or depends on how fast the host is.
 */
int device_stay_awake(bool on);

int driver_unbind(void);
int driver_bind(void);

/* Within a second: what a process leaves is taken away after it has ended. */
int driver_unload(void);

/*
 * After a test's process, which leaves nothing open: a device that came back while a file was open
 * has another number, and others expect the first.
 */
int driver_renumber(void);

#endif
