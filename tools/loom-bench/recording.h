/* SPDX-License-Identifier: MIT */
/* recording.h - what loomd recorded (sched/recording.h), checked before anything of it is used. */
#ifndef LOOM_BENCH_RECORDING_H
#define LOOM_BENCH_RECORDING_H

#include <stdio.h>

#include "sched/recording.h"
#include "sched/sched.h"

struct recording {
	const char *path;
	char *data;
	size_t size;
	struct recording_header header;
};

/* 0, or -errno after saying what is wrong with the file. */
int recording_open(struct recording *r, const char *path);
void recording_close(struct recording *r);

/* An event, and what is behind it. */
struct recorded {
	struct recording_event event;
	const char *name;			/* MODEL, POLICY */
	const struct recording_slice *slices;	/* MODEL */
};

/* From *at, which is moved behind it; false: that was the end. */
bool recording_next(const struct recording *r, size_t *at, struct recorded *out);
/* For people: "submit slice 3 of request 0x100000001, model 0". */
void recording_say(const struct recording_event *e, char *text, size_t size);

#endif /* LOOM_BENCH_RECORDING_H */
