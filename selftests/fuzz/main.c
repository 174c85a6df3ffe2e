// SPDX-License-Identifier: GPL-2.0-only

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

#define MAX_CORPUS	4096
#define HEALTH_EVERY	256

static const char help[] =
"usage: loom_fuzz [OPTION...]\n"
"Fuzz the Loom driver, guided by KCOV. Whether the kernel has something to say is for others to see.\n"
"  --programs N   how many to execute (2000)\n"
"  --seed N       of the generator (1)\n"
"  --json FILE    what was executed and covered\n";

static struct program corpus[MAX_CORPUS];
static unsigned int num_corpus;

struct totals {
	unsigned int programs, calls, killed;
};

static const struct program *any_program(uint64_t *seed)
{
	return &corpus[rnd(seed) % num_corpus];
}

static void choose(struct program *p, uint64_t *seed)
{
	if (!num_corpus || rnd(seed) % 8 == 0) {
		program_make(p, seed);
		return;
	}
	*p = *any_program(seed);
	program_change(p, any_program(seed), seed);
}

static void consider(const struct program *p)
{
	if (cover_take() && num_corpus < MAX_CORPUS)
		corpus[num_corpus++] = *p;
}

/* A tenant who has been there all the time, and whose jobs run as ever. */
static bool healthy(struct world *w, __u32 queue)
{
	struct drm_loom_job job = world_job(w, 0, 0);

	return !submit_and_wait(w->fd, queue, &job, 1, NULL) && world_done(w, 3);
}

static bool fuzz(unsigned int programs, uint64_t seed, struct totals *totals)
{
	static struct program p;
	struct world w;
	__u32 queue;

	if (world_create(loom_open(), &w) || queue_create(w.fd, 8, 1, 0, &queue) ||
	    queue_set_vm(w.fd, queue, 0, w.vm))
		return false;
	world_program(&w, 3);
	/* A program may write to whatever its process has; this is not to be among it. */
	if (madvise(w.bo.map, w.bo.size, MADV_DONTFORK))
		return false;
	for (totals->programs = 0; totals->programs < programs; totals->programs++) {
		enum outcome outcome;

		if (totals->programs % HEALTH_EVERY == 0 && !healthy(&w, queue)) {
			printf("# program %u: another tenant does not get on\n", totals->programs);
			program_print(&p);
			return false;
		}
		choose(&p, &seed);
		outcome = execute(&p);
		totals->calls += p.num;
		totals->killed += outcome == OUTCOME_KILLED;
		if (outcome == OUTCOME_HUNG) {
			printf("# program %u does not end\n", totals->programs);
			program_print(&p);
			return false;
		}
		consider(&p);
	}
	return healthy(&w, queue);
}

static void write_json(const char *path, const struct totals *totals, uint64_t seed)
{
	FILE *f = path ? fopen(path, "w") : NULL;

	if (!f)
		return;
	fprintf(f, "{\"seed\": %llu, \"programs\": %u, \"calls\": %u, \"killed\": %u, ",
		(unsigned long long)seed, totals->programs, totals->calls, totals->killed);
	fprintf(f, "\"corpus\": %u, \"edges\": %u, \"blocks\": %u}\n", num_corpus, cover_edges(),
		cover_places());
	fclose(f);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "programs", required_argument, NULL, 'p' },
		{ "seed", required_argument, NULL, 's' },
		{ "json", required_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ },
	};
	unsigned int programs = 2000;
	const char *json = NULL;
	struct totals totals = {};
	uint64_t seed = 1;
	bool ok;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0) {
		switch (c) {
		case 'p':
			programs = strtoul(optarg, NULL, 10);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 10);
			break;
		case 'j':
			json = optarg;
			break;
		default:
			fputs(help, c == 'h' ? stdout : stderr);
			return c == 'h' ? 0 : 2;
		}
	}
	if (!cover_open()) {
		puts("1..0 # SKIP no KCOV in this kernel");
		return 4;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	ok = fuzz(programs, seed ? seed : 1, &totals);
	printf("1..1\n# %u programs of %u calls, corpus %u, edges %u, blocks %u, killed %u\n",
	       totals.programs, totals.calls, num_corpus, cover_edges(), cover_places(),
	       totals.killed);
	printf("%sok 1 the driver holds\n", ok ? "" : "not ");
	write_json(json, &totals, seed);
	return !ok;
}
