// SPDX-License-Identifier: MIT
/*
 * What the scheduler costs in the VM, where an instruction is a nanosecond: the instructions that a recorded
 * stream of events takes it, without those of reading the record.
 */
#include <errno.h>
#include <stdlib.h>

#include "bench.h"
#include "replay.h"

/* Nothing but reading the events: what of the cost is not the scheduler's. */
static int walk(struct replay *r)
{
	size_t at = sizeof(r->file->header);
	volatile uint64_t seen = 0;
	struct recorded e;

	while (recording_next(r->file, &at, &e))
		seen += replay_is_answer(&e.event) ? e.event.b : e.event.a;
	return 0;
}

/* The same, with a scheduler that is told and asked. That it says the same was found out before. */
static int drive(struct replay *r)
{
	size_t at = sizeof(r->file->header);
	struct sched_action a;
	struct recorded e;
	int err = 0;

	while (!err && recording_next(r->file, &at, &e))
		if (replay_is_answer(&e.event))
			sched_next(r->s, r->asked, &a);
		else
			err = replay_tell(r, &e);
	return err;
}

static int count(struct loom_dev *dev, int (*pass)(struct replay *r), struct replay *r, uint64_t *instructions)
{
	struct drm_loom_time before, after;
	int err = loom_dev_time(dev, &before);

	if (!err)
		err = pass(r);
	if (!err)
		err = loom_dev_time(dev, &after);
	if (!err && after.instructions <= before.instructions)
		return bench_fail(-EOPNOTSUPP, "--cost: this device counts no instructions (tools/vm/run does)");
	if (!err)
		*instructions = after.instructions - before.instructions;
	return err;
}

/* Of a slice, the busier resource's time. */
static uint64_t median_slice(struct replay *r)
{
	size_t at = sizeof(r->file->header);
	uint64_t *times = calloc(r->n.picks, sizeof(*times)), n = 0, median;
	struct recorded e;

	while (times && recording_next(r->file, &at, &e)) {
		const struct recording_slice *s;

		if (e.event.type != RECORDING_SUBMIT || e.event.what >= SCHED_MAX_MODELS)
			continue;
		s = &r->slices[e.event.what][e.event.a];
		times[n++] = s->comp_ps > s->mem_ps ? s->comp_ps : s->mem_ps;
	}
	if (times)
		bench_sort(times, n);
	median = n ? times[n / 2] : 0;
	free(times);
	return median;
}

int replay_cost(struct replay *r, const char *spec)
{
	uint64_t whole = 0, reading = 0;
	struct counts found;
	struct loom_dev *dev;
	double each, slice;
	int err = replay_run(r);

	if (err)
		return err;
	err = loom_dev_open(spec, &dev);
	if (err)
		return bench_fail(err, "--cost: %s", loom_error());
	found = r->n;
	err = replay_renew(r);
	if (!err)
		err = count(dev, walk, r, &reading);
	if (!err)
		err = count(dev, drive, r, &whole);
	loom_dev_close(dev);
	r->n = found;		/* not twice */
	if (err || !found.picks)
		return err;
	each = ((double)whole - (double)reading) / (double)found.picks;
	slice = 1e-3 * (double)median_slice(r);
	printf("%s: %.0f guest instructions a decision, of %llu; the median slice takes %.0f ns: %.2f %%\n",
	       r->file->header.policy, each, (unsigned long long)found.picks, slice, 100 * each / slice);
	return 0;
}
