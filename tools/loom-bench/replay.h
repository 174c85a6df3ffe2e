/* SPDX-License-Identifier: MIT */
/*
 * replay.h - two commands that hold one run against another.
 *
 *   replay.c     what loomd recorded of its scheduler, told to another one (recording.c reads it)
 *   replay_cost.c  and how many instructions that takes
 *   agree.c      the slice orders and figures of two runs: the VM's and the host's
 */
#ifndef LOOM_BENCH_REPLAY_H
#define LOOM_BENCH_REPLAY_H

#include "recording.h"

struct counts {
	uint64_t events, arrivals, completions, picks, replies, models;
	uint64_t first, last;		/* arrival */
};

struct replay {
	const struct recording *file;
	struct sched *s;
	struct counts n;
	uint64_t asked;
	bool print;
	const struct recording_slice *slices[SCHED_MAX_MODELS];	/* by model */
};

int replay_run(struct replay *r);	/* 0, or an answer differs */
int replay_renew(struct replay *r);	/* another scheduler, that was told nothing yet */
/* 0, or what the scheduler says against it, which the recorded one did not. */
int replay_tell(struct replay *r, const struct recorded *recorded);
bool replay_is_answer(const struct recording_event *e);
int replay_cost(struct replay *r, const char *device);

int bench_replay(int argc, char **argv);
int bench_agree(int argc, char **argv);

#endif /* LOOM_BENCH_REPLAY_H */
