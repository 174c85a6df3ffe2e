// SPDX-License-Identifier: MIT
/*
 * Threads for what would hold up the loop: each takes work from a list, runs it, and puts it on another;
 * an eventfd tells the loop.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "loomd.h"

struct worker {
	struct loomd *d;
	int event;			/* something is done */
	pthread_t thread;
	pthread_mutex_t lock;		/* of what follows */
	pthread_cond_t wake;
	struct work *todo, **last;	/* in order */
	struct work *done, **last_done;
	bool stop;
};

static struct work *next_work(struct worker *w)
{
	struct work *work;

	pthread_mutex_lock(&w->lock);
	while (!w->todo && !w->stop)
		pthread_cond_wait(&w->wake, &w->lock);
	work = w->stop ? NULL : w->todo;
	if (work) {
		w->todo = work->next;
		if (!w->todo)
			w->last = &w->todo;
	}
	pthread_mutex_unlock(&w->lock);
	return work;
}

static void *run(void *arg)
{
	struct worker *w = arg;
	struct work *work;

	while ((work = next_work(w))) {
		work->run(w->d, work);
		work->next = NULL;
		pthread_mutex_lock(&w->lock);
		*w->last_done = work;
		w->last_done = &work->next;
		pthread_mutex_unlock(&w->lock);
		if (eventfd_write(w->event, 1))
			abort();	/* a counter of 64 bits does not overflow */
	}
	return NULL;
}

/* Signals are the loop's. */
static int start_thread(struct worker *w)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = -pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

/* With the first that needs it: most daemons never need a thread for host steps. */
int worker_start(struct loomd *d, enum worker_kind kind)
{
	struct worker *w;
	int err;

	if (d->workers[kind])
		return 0;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->d = d;
	w->last = &w->todo;
	w->last_done = &w->done;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	w->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = w->event < 0 ? -errno : loop_watch(d, w->event, loop_tag(LOOP_WORKER, 0, kind));
	if (!err)
		err = start_thread(w);
	if (!err) {
		d->workers[kind] = w;
		return 0;
	}
	if (w->event >= 0)
		close(w->event);
	free(w);
	return err;
}

void worker_submit(struct loomd *d, enum worker_kind kind, struct work *work)
{
	struct worker *w = d->workers[kind];

	work->next = NULL;
	pthread_mutex_lock(&w->lock);
	*w->last = work;
	w->last = &work->next;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

static struct work *take_done(struct worker *w)
{
	struct work *work;

	pthread_mutex_lock(&w->lock);
	work = w->done;
	w->done = NULL;
	w->last_done = &w->done;
	pthread_mutex_unlock(&w->lock);
	return work;
}

void worker_reap(struct loomd *d, enum worker_kind kind)
{
	struct worker *w = d->workers[kind];
	struct work *work, *next;
	eventfd_t count;

	if (eventfd_read(w->event, &count))
		return;
	for (work = take_done(w); work; work = next) {
		next = work->next;
		work->done(d, work);
	}
}

static void drop_all(struct loomd *d, struct work *work)
{
	struct work *next;

	for (; work; work = next) {
		next = work->next;
		work->drop(d, work);
	}
}

/* What runs is waited for: it is in memory that is about to go. */
static void stop(struct loomd *d, struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	drop_all(d, take_done(w));
	drop_all(d, w->todo);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	close(w->event);
	free(w);
}

void workers_stop(struct loomd *d)
{
	for (unsigned int i = 0; i < NUM_WORKERS; i++) {
		if (d->workers[i])
			stop(d, d->workers[i]);
		d->workers[i] = NULL;
	}
}
