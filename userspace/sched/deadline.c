// SPDX-License-Identifier: MIT
/* Deadlines: who is dropped, who is postponed, and the one timer there is. */
#include <errno.h>

#include "core.h"

#define POSTPONE_TIMES 8		/* of the time it had: when it is due after all */

void deadline_await(struct sched *s, struct request *r)
{
	if (!s->config.drop_late || r->deadline == SCHED_NO_DEADLINE)
		return;
	waiting_add(&s->not_begun, r);
	if (r->deadline < s->timer)
		s->timer = r->deadline;
}

/* Drop what is late and not started; the timer is the next deadline of those that are left. */
static void drop_late(struct sched *s, uint64_t now)
{
	while (s->not_begun.first && now > s->not_begun.first->deadline)
		event_kill(s, s->not_begun.first, -ETIME, now);
	s->timer = s->not_begun.first ? s->not_begun.first->deadline : SCHED_NO_DEADLINE;
}

void sched_tick(struct sched *s, uint64_t now)
{
	s->waiting = false;
	if (now >= s->wake)
		s->wake = SCHED_NO_DEADLINE;
	if (s->config.drop_late)
		drop_late(s, now);
}

/*
 * It will be late, so that others are not. It stays due some time later, so that it is served in the
 * end; what has not begun lets the other requests of its model pass.
 */
void deadline_postpone(struct sched *s, struct model *m)
{
	struct request *r = m->current;

	r->postponed = true;
	r->due += POSTPONE_TIMES * (r->deadline - r->arrived);
	if (!r->started) {
		request_list_unlink(&m->requests, r);
		request_list_append(&m->behind, r);
		r->behind = true;
	}
	offer_refresh(s, m);
}

static bool tell_timer(uint64_t at, uint64_t *told, struct sched_action *action)
{
	if (at == *told || at == SCHED_NO_DEADLINE)
		return false;
	*told = at;
	*action = (struct sched_action) { .type = SCHED_TIMER, .at = at };
	return true;
}

/* There is one timer: the feeder is told again when the earlier of the two changes. */
bool deadline_next_timer(struct sched *s, struct sched_action *action)
{
	uint64_t late = s->timer == SCHED_NO_DEADLINE ? s->timer : s->timer + 1;

	return tell_timer(late < s->wake ? late : s->wake, &s->timer_told, action);
}
