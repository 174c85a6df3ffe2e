// SPDX-License-Identifier: MIT
/*
 * The loop, and where it sleeps: in io_uring_enter, with the sockets polled in the same ring, so
 * that one system call submits, waits for the device and waits for clients. A back end that cannot
 * poll descriptors (sim, whose time stands still unless somebody waits for the device) gets poll(2)
 * between two completions.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "loomd.h"

#define STOP_NS 10000000000ull	/* after SIGTERM, for what is under way */
#define SLICE_NS 1000000ull	/* of waiting for the device between two looks at the sockets */

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* ---- what is waited for ---- */

static int watch_in_ring(struct loomd *d, int fd, uint64_t tag)
{
	int err = loom_ring_poll(d->device.ring, fd, tag);

	if (err != -EBUSY)
		return err;
	device_enter(d, 0, 0);
	return loom_ring_poll(d->device.ring, fd, tag);
}

int loop_watch(struct loomd *d, int fd, uint64_t tag)
{
	struct watches *w = &d->watches;
	int err = w->num ? -EOPNOTSUPP : watch_in_ring(d, fd, tag);

	if (err != -EOPNOTSUPP)
		return err;
	if (w->num == LOOMD_MAX_WATCHES)
		return -ENOSPC;
	w->fds[w->num] = (struct pollfd) { .fd = fd, .events = POLLIN };
	w->tags[w->num++] = tag;
	return 0;
}

void loop_unwatch(struct loomd *d, uint64_t tag)
{
	struct watches *w = &d->watches;

	if (!w->num) {
		if (loom_ring_poll_remove(d->device.ring, tag) != -EBUSY)
			return;
		device_enter(d, 0, 0);
		loom_ring_poll_remove(d->device.ring, tag);
		return;
	}
	for (unsigned int i = 0; i < w->num; i++) {
		if (w->tags[i] != tag)
			continue;
		w->num--;
		w->fds[i] = w->fds[w->num];
		w->tags[i] = w->tags[w->num];
		return;
	}
}

/* ---- signals ---- */

static void stop(struct loomd *d)
{
	if (d->stopping)
		return;
	d->stopping = true;
	d->stop_due = now_ns() + STOP_NS;
	notify("STOPPING=1\nSTATUS=finishing %u requests", d->num_active);
	log_text(LOG_INFO, "stopping: %u requests are under way", d->num_active);
}

static void take_signals(struct loomd *d)
{
	eventfd_t count;

	if (eventfd_read(d->signals, &count))
		return;
	if (count >= LOOMD_HANGUP)
		log_text(LOG_INFO, "SIGHUP: there is nothing to read again, clients change settings (loomctl)");
	if (count % LOOMD_HANGUP)
		stop(d);
}

void loop_event(struct loomd *d, uint64_t tag, int res)
{
	if (res < 0)	/* a poll that was removed */
		return;
	if (tag >> 56 == LOOP_SIGNAL)
		take_signals(d);
	else if (tag >> 56 == LOOP_WORKER)
		worker_reap(d, (enum worker_kind)(uint32_t)tag);
	else
		server_event(d, tag);
}

/* ---- sleeping ---- */

static uint64_t timeout_ns(const struct loomd *d)
{
	const uint64_t due[] = {
		d->timer, d->watchdog_due, d->stopping ? d->stop_due : LOOMD_NEVER,
	};
	uint64_t first = LOOMD_NEVER, now;

	for (unsigned int i = 0; i < 3; i++)
		if (due[i] < first)
			first = due[i];
	if (first == LOOMD_NEVER)
		return first;
	now = now_ns();
	return first > now ? first - now : 0;
}

static int wait_in_ring(struct loomd *d)
{
	uint64_t timeout = server_busy(d) ? 0 : timeout_ns(d);

	return device_enter(d, timeout > 0, timeout);
}

static void poll_watches(struct loomd *d, uint64_t timeout)
{
	struct watches *w = &d->watches;
	struct timespec ts = { (time_t)(timeout / 1000000000), (long)(timeout % 1000000000) };
	unsigned int num = w->num;

	if (ppoll(w->fds, num, timeout == LOOMD_NEVER ? NULL : &ts, NULL) <= 0)
		return;
	for (unsigned int i = 0; i < num; i++)
		if (w->fds[i].revents)
			loop_event(d, w->tags[i], w->fds[i].revents);
}

static int wait_by_poll(struct loomd *d)
{
	bool busy = d->device.in_flight > 0;

	poll_watches(d, busy || server_busy(d) ? 0 : timeout_ns(d));
	return busy ? device_enter(d, 1, SLICE_NS) : 0;
}

static int sleep_until_something(struct loomd *d)
{
	int err = d->watches.num ? wait_by_poll(d) : wait_in_ring(d);

	d->stats.wakeups++;
	if (err >= 0 || err == -ETIME || err == -EINTR || err == -EAGAIN || err == -EBUSY)
		return 0;
	log_text(LOG_ERROR, "waiting for the device: %s (%s)", strerror(-err), loom_error());
	return err;
}

/* ---- the loop ---- */

static void watchdog(struct loomd *d)
{
	uint64_t now;

	if (!d->watchdog_ns)
		return;
	now = now_ns();
	if (now < d->watchdog_due)
		return;
	notify("WATCHDOG=1\nSTATUS=%u requests under way, %llu served", d->num_active,
	       (unsigned long long)d->stats.replies);
	d->watchdog_due = now + d->watchdog_ns;
}

/* Is it time to go, and how? */
static bool ended(struct loomd *d)
{
	if (d->device.gone) {
		log_text(LOG_ERROR, "the device is gone");
		requests_fail_all(d, -ENODEV, "the device is gone");
		d->exit_code = 1;
		return true;
	}
	if (!d->stopping || (d->num_active && now_ns() < d->stop_due))
		return false;
	requests_fail_all(d, -EAGAIN, "the daemon stopped");
	d->exit_code = 0;
	return true;
}

int loop_run(struct loomd *d)
{
	do {
		watchdog(d);
		requests_pump(d);
		requests_finish(d);
		if (sleep_until_something(d))
			d->device.gone = true;
		device_reap(d);
		server_service(d);
	} while (!ended(d));
	return d->exit_code;
}
