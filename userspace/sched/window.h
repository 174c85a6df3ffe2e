/* SPDX-License-Identifier: MIT */
/*
 * window.h - what is at the device, and the clock of its predicted state, in ps. Each completion tells how
 * far that clock is off ("slip"); it never runs past the predicted end of the oldest slice that has not
 * completed. Predictions are not redone: only differences matter to a pick, and a pick is made as of the
 * time when it could be made, so what a saturated device is given does not depend on when exactly
 * completions are seen.
 *
 * What every slice goes through is here, so that it costs no calls; what is rare is in window.c.
 */
#ifndef LOOM_SCHED_WINDOW_H
#define LOOM_SCHED_WINDOW_H

#include "core.h"

#define REBASE_PS (1000ll << 50)	/* 13 days */

int window_init(struct sched *s);
void window_restart(struct sched *s, uint64_t now);
void window_rebase(struct sched *s);

/* After an idle time beyond all figuring the clock starts again (window_restart()). */
static inline int64_t window_clock(const struct sched *s, uint64_t now)
{
	uint64_t ns = now - s->view.base_ns;

	return (int64_t)(ns < POLICY_FAR_NS ? ns : POLICY_FAR_NS) * 1000 - s->view.slip_ps;
}

/* The clock of the predicted state: a slice that has not completed has not ended. */
static inline int64_t window_now(const struct sched *s, uint64_t now)
{
	int64_t t = window_clock(s, now), oldest;

	if (s->head_tag == s->tail_tag)
		return t;
	oldest = s->jobs[s->head_tag & s->job_mask].end;
	return t < oldest ? t : oldest;
}

/* There is something new to pick. */
static inline void window_offered(struct sched *s, uint64_t now)
{
	s->offered = window_now(s, now);
}

static inline struct job *window_find(struct sched *s, uint64_t tag)
{
	struct job *j = &s->jobs[tag & s->job_mask];

	return tag - s->head_tag < s->tail_tag - s->head_tag && j->request ? j : NULL;
}

/* It completed. Returns whose it was. */
static inline struct request *window_retire(struct sched *s, struct job *j, uint64_t now, int status)
{
	struct request *r = j->request;

	if (!status)
		s->view.slip_ps += window_clock(s, now) - j->end;
	j->request = NULL;
	s->num_jobs--;
	while (s->head_tag != s->tail_tag && !s->jobs[s->head_tag & s->job_mask].request)
		s->head_tag++;
	return r;
}

/* Returns its tag. */
static inline uint64_t window_put(struct sched *s, struct request *r, int64_t end)
{
	uint64_t tag = s->tail_tag++;

	s->jobs[tag & s->job_mask] = (struct job) { r, end };
	s->num_jobs++;
	return tag;
}

static inline bool window_is_open(const struct sched *s, int64_t state_now)
{
	if (s->tail_tag - s->head_tag > s->job_mask)
		return false;
	return s->num_jobs < MIN_JOBS ||
	       (s->num_jobs < s->config.max_jobs &&
		device_state_later(s->device.tm, s->device.tc) - state_now < (int64_t)s->config.window_ps);
}

/*
 * When this pick could have been made: as soon as the window had room, and the device a place for a job.
 * A busy feeder comes later, by chance; were the pick of that time, so would the order be. If the policy
 * would not pick then, or there was nothing new to pick, it is later all the same.
 */
static inline int64_t window_earliest_pick(const struct sched *s)
{
	int64_t open = device_state_later(s->device.tm, s->device.tc) - (int64_t)s->config.window_ps;

	if (s->tail_tag >= s->config.max_jobs)
		open = device_state_later(open, s->jobs[(s->tail_tag - s->config.max_jobs) & s->job_mask].end);
	open = device_state_later(open, s->offered);
	return open < s->view.now ? open : s->view.now;
}

/* The predicted state is that of now, which is state_now on its clock. */
static inline void window_bring_to(struct sched *s, uint64_t now, int64_t state_now)
{
	if (!s->num_jobs || s->device.tm > 2 * REBASE_PS) {
		if (!s->num_jobs)
			window_restart(s, now);
		if (s->device.tm > 2 * REBASE_PS)
			window_rebase(s);
		state_now = window_now(s, now);
	}
	s->view.now = state_now;
	if (s->offered > state_now)
		s->offered = state_now;
	device_state_advance(&s->device, window_earliest_pick(s));
}

#endif /* LOOM_SCHED_WINDOW_H */
