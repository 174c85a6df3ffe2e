// SPDX-License-Identifier: MIT
/*
 * loomd: serves compiled models on one NPU to many clients. loomd(8).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "loomd.h"

static int signal_fd = -1;

static void on_signal(int number)
{
	int saved = errno;

	if (eventfd_write(signal_fd, number == SIGHUP ? LOOMD_HANGUP : 1))
		abort();	/* a counter of 64 bits does not overflow */
	errno = saved;
}

/*
 * Signals are read from a descriptor, in the loop. Not a signalfd: libraries may start threads
 * before main(), which do not block what is blocked here.
 */
static int open_signals(struct loomd *d)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	signal_fd = d->signals = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->signals < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	return 0;
}

static int make_clients(struct loomd *d)
{
	unsigned int num = d->options.max_clients;
	struct buffer *buffers = calloc((size_t)num * d->options.max_buffers, sizeof(*buffers));

	d->clients = calloc(num, sizeof(*d->clients));
	if (!d->clients || !buffers) {
		free(buffers);
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < num; i++) {
		d->clients[i].fd = -1;
		d->clients[i].buffers = buffers + (size_t)i * d->options.max_buffers;
	}
	return 0;
}

#define DEFAULT_POLICY "loom"

/* What the command line says, else what was chosen before the restart. */
static const char *choose_policy(struct loomd *d)
{
	if (d->options.policy) {
		snprintf(d->policy, sizeof(d->policy), "%s", d->options.policy);
		return "--policy";
	}
	if (d->options.state && state_policy(d, d->policy, sizeof(d->policy)))
		return d->options.state;
	strcpy(d->policy, DEFAULT_POLICY);
	return "default";
}

static int make_scheduler(struct loomd *d)
{
	const struct loom_hw_caps *caps = loom_dev_caps(d->device.dev);
	struct sched_config config = {
		.buffer_bytes = caps->weight_sram_bytes,
		.dram_bytes_per_s = caps->dram_mbps * 1000000ull,
		.window_ps = d->device.window_ps,
		.tile_release = true,
		.max_jobs = d->options.max_jobs,
		.drop_late = d->options.drop_late,
	};
	const char *from = choose_policy(d);
	int err = feed_open(d, &config);

	if (err != -EINVAL)
		return err;
	log_text(LOG_ERROR, "%s: there is no policy '%s'", from, d->policy);
	/* One that an older or a newer daemon remembered does not keep this one from serving. */
	if (d->options.policy)
		return err;
	strcpy(d->policy, DEFAULT_POLICY);
	return feed_open(d, &config);
}

/* At the start nothing is under way: the models come next. */
static int start_recording(struct loomd *d)
{
	const char *path = d->options.record;
	int fd, err;

	if (!path)
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	err = fd < 0 ? -errno : feed_record_start(d, fd, 0);
	if (err)
		log_text(LOG_ERROR, "--record %s: %s", path, strerror(-err));
	return err;
}

static int set_up(struct loomd *d)
{
	int err = device_open(d);

	if (!err)
		err = make_scheduler(d);
	if (!err)
		err = make_clients(d);
	if (!err)
		err = requests_init(d);
	if (!err)
		err = models_init(d);
	if (!err)
		err = start_recording(d);
	if (err)
		return err;
	model_preload(d);
	state_restore(d);
	err = loop_watch(d, d->signals, loop_tag(LOOP_SIGNAL, 0, 0));
	return err ? err : server_open(d);
}

static void take_down(struct loomd *d)
{
	if (d->clients) {
		server_close(d);
		free(d->clients[0].buffers);
	}
	free(d->clients);
	workers_stop(d);
	models_fini(d);
	requests_fini(d);
	feed_close(d);
	trace_fini(d);
	device_close(d);
	close(d->signals);
}

static void say_ready(struct loomd *d)
{
	const struct loom_hw_caps *caps = loom_dev_caps(d->device.dev);

	d->stats.started = now_ns();
	d->device.stats.admin_ioctls = loom_thread_ioctls();
	d->watchdog_ns = notify_watchdog_ns();
	d->watchdog_due = d->watchdog_ns ? d->stats.started + d->watchdog_ns : LOOMD_NEVER;
	notify("READY=1\nSTATUS=serving on %s, policy %s", caps->preset, d->policy);
	log_text(LOG_INFO, "ready: %s, policy %s, window %llu us", caps->preset,
		 d->policy, (unsigned long long)d->device.window_ps / 1000000);
}

int main(int argc, char **argv)
{
	static struct loomd d = { .listener = -1, .timer = LOOMD_NEVER, .exit_code = -1 };
	int err = options_parse(argc, argv, &d.options);

	if (err)
		return err < 0 ? 2 : 0;
	err = open_signals(&d);
	if (!err)
		err = set_up(&d);
	if (!err) {
		say_ready(&d);
		err = loop_run(&d);
	} else {
		log_text(LOG_ERROR, "cannot start: %s", strerror(-err));
		err = 1;
	}
	take_down(&d);
	log_text(LOG_INFO, "stopped");
	return err;
}
