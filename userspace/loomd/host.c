// SPDX-License-Identifier: MIT
/*
 * Operators on the host CPU: a thread takes host steps from a list, runs them, and puts them on
 * another; an eventfd tells the loop. So the loop never waits for one, and the device works on other
 * models' slices meanwhile. A step runs on private copies of its inputs (loom.h): a client that
 * changes its buffer while one runs hurts only itself.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "loomd.h"

struct host {
	pthread_t thread;
	pthread_mutex_t lock;		/* of what follows */
	pthread_cond_t wake;
	struct host_job *todo, **last;	/* in order */
	struct host_job *done;
	bool stop;
};

static struct host_job *next_job(struct host *h)
{
	struct host_job *job;

	pthread_mutex_lock(&h->lock);
	while (!h->todo && !h->stop)
		pthread_cond_wait(&h->wake, &h->lock);
	job = h->stop ? NULL : h->todo;
	if (job) {
		h->todo = job->next;
		if (!h->todo)
			h->last = &h->todo;
	}
	pthread_mutex_unlock(&h->lock);
	return job;
}

static void run(struct host_job *job)
{
	job->status = loom_model_run_host_step(job->model, job->step, job->io);
	if (job->status)
		snprintf(job->text, sizeof(job->text), "%s", loom_error());
}

static void *work(void *arg)
{
	struct loomd *d = arg;
	struct host *h = d->host;
	struct host_job *job;

	while ((job = next_job(h))) {
		run(job);
		pthread_mutex_lock(&h->lock);
		job->next = h->done;
		h->done = job;
		pthread_mutex_unlock(&h->lock);
		if (eventfd_write(d->host_done, 1))
			abort();	/* a counter of 64 bits does not overflow */
	}
	return NULL;
}

/* Signals are the loop's. */
static int start_thread(struct loomd *d)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = -pthread_create(&d->host->thread, NULL, work, d);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

/* With the first model that has host steps: most daemons never need a thread. */
int host_start(struct loomd *d)
{
	int err;

	if (d->host)
		return 0;
	d->host = calloc(1, sizeof(*d->host));
	if (!d->host)
		return -ENOMEM;
	d->host->last = &d->host->todo;
	pthread_mutex_init(&d->host->lock, NULL);
	pthread_cond_init(&d->host->wake, NULL);
	d->host_done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = d->host_done < 0 ? -errno : loop_watch(d, d->host_done, loop_tag(LOOP_HOST, 0, 0));
	if (!err)
		err = start_thread(d);
	if (!err)
		return 0;
	if (d->host_done >= 0)
		close(d->host_done);
	free(d->host);
	d->host = NULL;
	return err;
}

/* The step that runs is waited for: it is in memory that is about to go. */
void host_stop(struct loomd *d)
{
	struct host *h = d->host;

	if (!h)
		return;
	pthread_mutex_lock(&h->lock);
	h->stop = true;
	pthread_cond_signal(&h->wake);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	pthread_cond_destroy(&h->wake);
	pthread_mutex_destroy(&h->lock);
	close(d->host_done);
	free(h);
	d->host = NULL;
}

void host_submit(struct loomd *d, struct host_job *job)
{
	struct host *h = d->host;

	job->next = NULL;
	pthread_mutex_lock(&h->lock);
	*h->last = job;
	h->last = &job->next;
	pthread_cond_signal(&h->wake);
	pthread_mutex_unlock(&h->lock);
	d->num_at_host++;
}

void host_reap(struct loomd *d)
{
	struct host_job *job, *next;
	eventfd_t count;

	if (eventfd_read(d->host_done, &count))
		return;
	pthread_mutex_lock(&d->host->lock);
	job = d->host->done;
	d->host->done = NULL;
	pthread_mutex_unlock(&d->host->lock);
	for (; job; job = next) {
		next = job->next;
		d->num_at_host--;
		request_host_done(d, job);
	}
}
