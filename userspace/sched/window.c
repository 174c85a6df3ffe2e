// SPDX-License-Identifier: MIT
#include "window.h"

#include <errno.h>
#include <stdlib.h>

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

/* Everything absolute moves with the clock's origin. */
void window_rebase(struct sched *s)
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
void window_restart(struct sched *s, uint64_t now)
{
	int64_t end = device_state_later(device_state_later(s->device.tm, s->device.tc), s->last_ready);

	device_state_restart(&s->device, end);
	s->offered = end;
	s->view.base_ns = now;
	s->view.slip_ps = -end;
}
