// SPDX-License-Identifier: MIT
/*
 * loom-bench replay: a scheduler is told what the one in loomd was told, and must say what that one said.
 * It does if its decisions follow from what it was told, and from nothing else.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>

#include "bench.h"
#include "replay.h"

static const char help[] =
"usage: loom-bench replay [OPTION...] FILE\n"
"Tell a scheduler what was recorded (loomd --record, loomctl record), and compare each of its answers with\n"
"the recorded one.\n"
"  --print     every event, one a line\n"
"  --json      what was found as JSON on standard output\n"
"  --cost      in the VM: also the guest instructions that a decision costs the scheduler, all that it was told\n"
"              for it included, beside the median of the slices that were picked\n"
"  --device SPEC  the accel node that instructions are read from\n"
"  --help\n"
"Exit status: 0 every answer is the same; 1 FILE cannot be read; 2 usage; 3 an answer differs.\n";

/* ---- what it is told ---- */

static int tell_model(struct replay *r, const struct recorded *e)
{
	struct sched_slice *slices = calloc(e->event.b, sizeof(*slices));
	uint64_t i;
	int got;

	if (!slices)
		return bench_fail(-ENOMEM, "out of memory");
	for (i = 0; i < e->event.b; i++)
		slices[i] = (struct sched_slice) {
			.comp_ps = e->slices[i].comp_ps, .mem_ps = e->slices[i].mem_ps,
			.bytes = e->slices[i].bytes,
			.layer_end = e->slices[i].flags & RECORDING_LAYER_END,
			.host = e->slices[i].flags & RECORDING_ON_HOST,
		};
	got = sched_add_model(r->s, e->name, slices, (unsigned int)e->event.b, (unsigned int)e->event.c);
	free(slices);
	if (got >= 0)
		sched_set_overlap(r->s, (unsigned int)got, e->event.a);
	r->n.models++;
	if (e->event.what < SCHED_MAX_MODELS)
		r->slices[e->event.what] = e->slices;
	return got == (int)e->event.what ? 0 : -ERANGE;
}

static void count_arrival(struct counts *n, uint64_t at)
{
	if (!n->arrivals++)
		n->first = at;
	n->last = at;
}

int replay_tell(struct replay *r, const struct recorded *recorded)
{
	const struct recording_event *e = &recorded->event;

	switch ((enum recording_type)e->type) {
	case RECORDING_MODEL:
		return tell_model(r, recorded);
	case RECORDING_REMOVE:
		return sched_remove_model(r->s, e->what);
	case RECORDING_POLICY:
		return sched_set_policy(r->s, recorded->name);
	case RECORDING_ARRIVE:
		count_arrival(&r->n, e->a);
		return sched_arrive(r->s, e->a, e->what, e->b, e->c);
	case RECORDING_CANCEL:
		return sched_cancel(r->s, e->a, e->b);
	case RECORDING_COMPLETE:
		r->n.completions++;
		return sched_complete(r->s, e->a, e->b, (int32_t)e->what);
	case RECORDING_TICK:
		sched_tick(r->s, e->a);
		return 0;
	default:
		r->asked = e->a;
		return 0;
	}
}

/* ---- what it says ---- */

static struct recording_event event_of(const struct sched_action *a)
{
	switch (a->type) {
	case SCHED_SUBMIT:
	case SCHED_HOST:
		return (struct recording_event) {
			a->type == SCHED_HOST ? RECORDING_HOST : RECORDING_SUBMIT, a->model, a->slice,
			a->request, a->tag,
		};
	case SCHED_REPLY:
		return (struct recording_event) {
			RECORDING_REPLY, a->model, 0, a->request, (uint64_t)(int64_t)a->status,
		};
	default:
		return (struct recording_event) { RECORDING_TIMER, 0, a->at, 0, 0 };
	}
}

static struct recording_event ask(struct replay *r)
{
	struct sched_action a;

	if (sched_next(r->s, r->asked, &a))
		return event_of(&a);
	return (struct recording_event) { .type = RECORDING_NOTHING };
}

static int difference(const struct replay *r, const struct recording_event *was,
		      const struct recording_event *is)
{
	char before[160], now[160];

	recording_say(was, before, sizeof(before));
	recording_say(is, now, sizeof(now));
	printf("event %llu differs, after %llu picks\n  recorded: %s\n  replayed: %s\n",
	       (unsigned long long)r->n.events, (unsigned long long)r->n.picks, before, now);
	return -ERANGE;
}

static int compare(struct replay *r, const struct recording_event *e)
{
	struct recording_event is = ask(r);

	if (memcmp(&is, e, sizeof(is)))
		return difference(r, e, &is);
	r->n.picks += e->type == RECORDING_SUBMIT;
	r->n.replies += e->type == RECORDING_REPLY;
	return 0;
}

/* ---- the whole ---- */

bool replay_is_answer(const struct recording_event *e)
{
	return e->type >= RECORDING_SUBMIT && e->type <= RECORDING_NOTHING;
}

static int refused(const struct replay *r, const struct recording_event *e, int err)
{
	char text[160];

	recording_say(e, text, sizeof(text));
	printf("event %llu differs: %s\n  replayed: refused, %s\n", (unsigned long long)r->n.events, text,
	       strerror(-err));
	return -ERANGE;
}

static int turn(struct replay *r, const struct recorded *e)
{
	char text[160];
	int err;

	if (r->print) {
		recording_say(&e->event, text, sizeof(text));
		puts(text);
	}
	if (replay_is_answer(&e->event))
		return compare(r, &e->event);
	err = replay_tell(r, e);
	return err ? refused(r, &e->event, err) : 0;
}

int replay_run(struct replay *r)
{
	size_t at = sizeof(r->file->header);
	struct recorded e;
	int err = 0;

	while (!err && recording_next(r->file, &at, &e)) {
		r->n.events++;
		err = turn(r, &e);
	}
	return err;
}

static int make_scheduler(struct replay *r)
{
	const struct recording_header *h = &r->file->header;
	const struct sched_config config = {
		.buffer_bytes = h->buffer_bytes, .dram_bytes_per_s = h->dram_bytes_per_s,
		.window_ps = h->window_ps, .max_jobs = h->max_jobs, .turnaround_ps = h->turnaround_ps,
		.policy = h->policy, .tile_release = h->flags & RECORDING_TILE_RELEASE,
		.drop_late = h->flags & RECORDING_DROP_LATE,
	};
	int err = sched_new(&config, &r->s);

	return err ? bench_fail(err, "%s: this program has no scheduler like that: policy '%s'", r->file->path,
				h->policy) : 0;
}

int replay_renew(struct replay *r)
{
	sched_free(r->s);
	r->s = NULL;
	return make_scheduler(r);
}

static void print_counts(const struct replay *r, bool same)
{
	const struct recording_header *h = &r->file->header;

	printf("%s, policy %s, seed %llu: %llu models, %llu requests in %.3f ms, %llu completions\n", h->device,
	       h->policy, (unsigned long long)h->seed, (unsigned long long)r->n.models,
	       (unsigned long long)r->n.arrivals, 1e-6 * (double)(r->n.last - r->n.first),
	       (unsigned long long)r->n.completions);
	if (same)
		printf("identical: %llu picks and %llu replies\n", (unsigned long long)r->n.picks,
		       (unsigned long long)r->n.replies);
}

static int print_json(const struct replay *r, bool same)
{
	const struct recording_header *h = &r->file->header;
	json_t *json = json_pack("{s:s s:s s:I s:b s:I s:I s:I s:I s:I s:I}", "device", h->device, "policy", h->policy,
				 "seed", (json_int_t)h->seed, "identical", same,
				 "events", (json_int_t)r->n.events, "models", (json_int_t)r->n.models,
				 "arrivals", (json_int_t)r->n.arrivals,
				 "completions", (json_int_t)r->n.completions, "picks", (json_int_t)r->n.picks,
				 "replies", (json_int_t)r->n.replies);
	int err = json_dumpf(json, stdout, JSON_INDENT(1));

	putchar('\n');
	json_decref(json);
	return err;
}

/* ---- the command ---- */

struct replay_options {
	bool print, json, cost;
	const char *device;
};

static int replay(const char *path, const struct replay_options *o)
{
	struct recording file;
	struct replay r = { .file = &file, .print = o->print };
	int err = recording_open(&file, path);

	if (err)
		return 1;
	err = make_scheduler(&r);
	if (err) {
		recording_close(&file);
		return 1;
	}
	err = o->cost ? replay_cost(&r, o->device) : replay_run(&r);
	if (o->json)
		print_json(&r, !err);
	else
		print_counts(&r, !err);
	sched_free(r.s);
	recording_close(&file);
	return err ? EXIT_IMPOSSIBLE : 0;
}

int bench_replay(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "print", no_argument, NULL, 'p' }, { "json", no_argument, NULL, 'j' },
		{ "cost", no_argument, NULL, 'c' }, { "device", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' }, { },
	};
	struct replay_options o = { 0 };
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0)
		switch (c) {
		case 'p': o.print = true; break;
		case 'j': o.json = true; break;
		case 'c': o.cost = true; break;
		case 'd': o.device = optarg; break;
		case 'h': fputs(help, stdout); return 0;
		default: return EXIT_USAGE;
		}
	if (optind + 1 != argc) {
		fputs(help, stderr);
		return EXIT_USAGE;
	}
	return replay(argv[optind], &o);
}
