// SPDX-License-Identifier: MIT
/*
 * What is at the device, and the clock of its predicted state, in ps. Each completion tells how far that
 * clock is off ("slip"); it never runs past the predicted end of the oldest slice that has not
 * completed. Predictions are not redone: only differences matter to a pick, and a pick is made as of the
 * time when it could be made, so what a saturated device is given does not depend on when exactly
 * completions are seen.
 */
#include <errno.h>
#include <stdlib.h>

#include "core.h"

#define REBASE_PS (1000ll << 50)	/* 13 days */

/* Completions may overtake each other, so the ring has room for more than may be at the device. */
int window_init(struct sched *s)
{
	unsigned int n = 16;

	while (n < 4 * s->config.max_jobs)
		n *= 2;
	s->jobs = calloc(n, sizeof(*s->jobs));
	s->job_mask = n - 1;
	return s->jobs ? 0 : -ENOMEM;
}

/* After an idle time beyond all figuring the clock starts again (restart()). */
static int64_t clock_ps(const struct sched *s, uint64_t now)
{
	uint64_t ns = now - s->view.base_ns;

	return (int64_t)(ns < POLICY_FAR_NS ? ns : POLICY_FAR_NS) * 1000 - s->view.slip_ps;
}

/* The clock of the predicted state: a slice that has not completed has not ended. */
int64_t window_now(const struct sched *s, uint64_t now)
{
	int64_t t = clock_ps(s, now), oldest;

	if (s->head_tag == s->tail_tag)
		return t;
	oldest = s->jobs[s->head_tag & s->job_mask].end;
	return t < oldest ? t : oldest;
}

struct job *window_find(struct sched *s, uint64_t tag)
{
	struct job *j = &s->jobs[tag & s->job_mask];

	return tag - s->head_tag < s->tail_tag - s->head_tag && j->request ? j : NULL;
}

struct request *window_retire(struct sched *s, struct job *j, uint64_t now, int status)
{
	struct request *r = j->request;

	if (!status)
		s->view.slip_ps += clock_ps(s, now) - j->end;
	j->request = NULL;
	s->num_jobs--;
	while (s->head_tag != s->tail_tag && !s->jobs[s->head_tag & s->job_mask].request)
		s->head_tag++;
	return r;
}

uint64_t window_put(struct sched *s, struct request *r, int64_t end)
{
	uint64_t tag = s->tail_tag++;

	s->jobs[tag & s->job_mask] = (struct job) { r, end };
	s->num_jobs++;
	return tag;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

bool window_is_open(const struct sched *s, int64_t state_now)
{
	if (s->tail_tag - s->head_tag > s->job_mask)
		return false;
	return s->num_jobs < MIN_JOBS ||
	       (s->num_jobs < s->config.max_jobs &&
		later(s->device.tm, s->device.tc) - state_now < (int64_t)s->config.window_ps);
}

/* Everything absolute moves with the clock's origin. */
static void rebase(struct sched *s)
{
	unsigned int i;
	uint64_t tag;

	device_state_rebase(&s->device, REBASE_PS);
	for (tag = s->head_tag; tag != s->tail_tag; tag++)
		s->jobs[tag & s->job_mask].end -= REBASE_PS;
	for (i = 0; i < s->num_models; i++)
		s->models[i].ready -= REBASE_PS;
	for (i = 0; i < s->num_offers; i++)
		s->offers[i].after -= REBASE_PS;
	s->last_ready -= REBASE_PS;
	s->offered -= s->offered < INT64_MAX ? REBASE_PS : 0;
	s->view.base_ns += REBASE_PS / 1000;
}

/* Nothing is at the device: all that was predicted is over, and the clock goes on from there. */
static void restart(struct sched *s, uint64_t now)
{
	int64_t end = later(later(s->device.tm, s->device.tc), s->last_ready);

	device_state_restart(&s->device, end);
	s->offered = end;
	s->view.base_ns = now;
	s->view.slip_ps = -end;
}

void window_offered(struct sched *s, uint64_t now)
{
	s->offered = window_now(s, now);
}

/*
 * When this pick could have been made: as soon as the window had room, and the device a place for a job.
 * A busy feeder comes later, by chance; were the pick of that time, so would the order be. If the policy
 * would not pick then, or there was nothing new to pick, it is later all the same.
 */
static int64_t earliest_pick(const struct sched *s)
{
	int64_t open = later(s->device.tm, s->device.tc) - (int64_t)s->config.window_ps;

	if (s->tail_tag >= s->config.max_jobs)
		open = later(open, s->jobs[(s->tail_tag - s->config.max_jobs) & s->job_mask].end);
	return later(open, s->offered) < s->view.now ? later(open, s->offered) : s->view.now;
}

void window_bring_to(struct sched *s, uint64_t now)
{
	if (!s->num_jobs)
		restart(s, now);
	if (s->device.tm > 2 * REBASE_PS)
		rebase(s);
	s->view.now = window_now(s, now);
	if (s->offered > s->view.now)
		s->offered = s->view.now;
	device_state_advance(&s->device, earliest_pick(s));
}
