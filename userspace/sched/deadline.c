// SPDX-License-Identifier: MIT
/* Deadlines: who is dropped, who is postponed, and the one timer there is. */
#include <errno.h>

#include "core.h"

#define POSTPONE_TIMES 8		/* of the time it had: when it is due after all */

void deadline_set_timer(struct sched *s, uint64_t deadline)
{
	if (s->config.drop_late && deadline < s->timer)
		s->timer = deadline;
}

/* Drop what is late and not started; the timer is the next deadline of those that are left. */
static void drop_late(struct sched *s, struct request_list *l, uint64_t now)
{
	struct request *r, *succ;

	for (r = l->head; r; r = succ) {
		succ = r->succ;
		if (r->started || r->dead)
			continue;
		if (now > r->deadline)
			event_kill(s, r, -ETIME, now);
		else
			deadline_set_timer(s, r->deadline);
	}
}

void sched_tick(struct sched *s, uint64_t now)
{
	unsigned int i;

	s->waiting = false;
	if (now >= s->wake)
		s->wake = SCHED_NO_DEADLINE;
	if (!s->config.drop_late)
		return;
	s->timer = SCHED_NO_DEADLINE;
	for (i = 0; i < s->num_models; i++)
		if (s->models[i].used) {
			drop_late(s, &s->models[i].requests, now);
			drop_late(s, &s->models[i].behind, now);
		}
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
