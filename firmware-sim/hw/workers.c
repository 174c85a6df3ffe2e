/* SPDX-License-Identifier: MIT */
#include "workers.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/*
 * To wake a thread takes longer than the maths of a small layer, and the next layer's is near: so
 * whoever has to wait offers its CPU to others so many times before it sleeps, 0.1 ms or so.
 */
#define PATIENCE 400

struct workers {
	uint32_t number, threads;	/* wanted, caller included; running, without */
	pthread_t thread[WORKERS_MAX];
	struct scratch scratch[WORKERS_MAX];

	pthread_mutex_t lock;	/* all that follows, but `next` while a job is open */
	pthread_cond_t wake, idle;
	bool open, quit;
	/* written with the lock, looked at without it by who has patience */
	atomic_uint_fast64_t job;	/* number of the last one */
	atomic_uint_fast32_t active;	/* threads that work on it */
	void (*work)(void *arg, uint32_t item, uint32_t worker);
	void *arg;
	uint32_t items;
	atomic_uint_fast32_t next;
};

struct seat {
	struct workers *workers;
	uint32_t worker;
};

static uint32_t num_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return CPU_COUNT(&set) < WORKERS_MAX ? CPU_COUNT(&set) : WORKERS_MAX;
}

struct workers *workers_new(uint32_t number)
{
	struct workers *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->number = number ? number : num_cpus();
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	pthread_cond_init(&w->idle, NULL);
	return w;
}

void workers_free(struct workers *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->quit = true;
	pthread_cond_broadcast(&w->wake);
	pthread_mutex_unlock(&w->lock);
	for (uint32_t i = 0; i < w->threads; i++)
		pthread_join(w->thread[i], NULL);
	for (uint32_t i = 0; i < WORKERS_MAX; i++)
		scratch_free(&w->scratch[i]);
	pthread_cond_destroy(&w->idle);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

struct scratch *workers_scratch(struct workers *w, uint32_t worker)
{
	return &w->scratch[worker];
}

static void work_on(struct workers *w, uint32_t worker)
{
	uint32_t item;

	while ((item = atomic_fetch_add(&w->next, 1)) < w->items)
		w->work(w->arg, item, worker);
}

static void wait_for_next(struct workers *w, uint64_t done)
{
	for (int i = 0; i < PATIENCE && atomic_load(&w->job) == done; i++)
		sched_yield();
}

static void *thread_main(void *arg)
{
	struct seat seat = *(struct seat *)arg;
	struct workers *w = seat.workers;
	uint64_t done = 0;

	free(arg);
	pthread_mutex_lock(&w->lock);
	while (!w->quit) {
		if (!w->open || w->job == done) {
			pthread_cond_wait(&w->wake, &w->lock);
			continue;
		}
		done = w->job;
		w->active++;
		pthread_mutex_unlock(&w->lock);
		work_on(w, seat.worker);
		pthread_mutex_lock(&w->lock);
		if (!--w->active)
			pthread_cond_signal(&w->idle);
		pthread_mutex_unlock(&w->lock);
		wait_for_next(w, done);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* The host program's signals are not for these threads. */
static bool start_thread(struct workers *w)
{
	struct seat *seat = malloc(sizeof(*seat));
	sigset_t all, before;
	bool started;

	if (!seat)
		return false;
	*seat = (struct seat){ .workers = w, .worker = w->threads + 1 };
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	started = !pthread_create(&w->thread[w->threads], NULL, thread_main, seat);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	w->threads += started;
	if (!started)
		free(seat);
	return started;
}

/* At the first need: a host may fork before. Without threads the caller does it all. */
static void start_threads(struct workers *w)
{
	while (w->threads + 1 < w->number)
		if (!start_thread(w))
			w->number = w->threads + 1;
}

static void run_alone(struct workers *w)
{
	for (uint32_t i = 0; i < w->items; i++)
		w->work(w->arg, i, 0);
}

/* Who has not begun need not; who has is waited for. */
static void wait_for_others(struct workers *w)
{
	pthread_mutex_lock(&w->lock);
	w->open = false;
	pthread_mutex_unlock(&w->lock);
	for (int i = 0; i < PATIENCE && atomic_load(&w->active); i++)
		sched_yield();
	pthread_mutex_lock(&w->lock);
	while (w->active)
		pthread_cond_wait(&w->idle, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

void workers_run(struct workers *w, uint32_t items,
		 void (*work)(void *arg, uint32_t item, uint32_t worker), void *arg)
{
	start_threads(w);
	pthread_mutex_lock(&w->lock);
	w->work = work;
	w->arg = arg;
	w->items = items;
	atomic_store(&w->next, 0);
	w->open = items > 1 && w->threads;
	w->job++;
	if (w->open)
		pthread_cond_broadcast(&w->wake);
	pthread_mutex_unlock(&w->lock);
	if (!w->open) {
		run_alone(w);
		return;
	}
	work_on(w, 0);
	wait_for_others(w);
}
