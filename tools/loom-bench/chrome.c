// SPDX-License-Identifier: MIT
/* trace.json: Chrome's trace format, which Perfetto opens. A process per policy, a track per engine. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "report.h"

static const char *const tracks[] = { "fetch", "dma", "compute" };

struct writer {
	FILE *f;
	const struct report *r;
	const struct report_phase *p;
	unsigned int pid;
	const char *separator;
};

static void put_json(FILE *f, const char *key, const char *text)
{
	json_t *s = json_string(text);

	fprintf(f, ",\"%s\":", key);
	json_dumpf(s, f, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	json_decref(s);
}

static void put_name(struct writer *w, unsigned int tid, const char *what, const char *name)
{
	fprintf(w->f, "%s{\"ph\":\"M\",\"pid\":%u,\"tid\":%u,\"name\":\"%s\",\"args\":{\"sort_index\":%u",
		w->separator, w->pid, tid, what, tid);
	put_json(w->f, "name", name);
	fputs("}}", w->f);
	w->separator = ",\n";
}

static void put_event(struct writer *w, unsigned int track, const struct report_slice *s, uint64_t start,
		      uint64_t end)
{
	uint64_t at = start - w->p->from, ns = end - start;
	char name[160];

	if (!start || end < start || start < w->p->from || end > w->p->to)
		return;
	snprintf(name, sizeof(name), "%s/%u", w->r->models[s->model].name, s->slice);
	fprintf(w->f, ",\n{\"ph\":\"X\",\"pid\":%u,\"tid\":%u,\"ts\":%llu.%03u,\"dur\":%llu.%03u", w->pid,
		track + 1, (unsigned long long)(at / 1000), (unsigned int)(at % 1000),
		(unsigned long long)(ns / 1000), (unsigned int)(ns % 1000));
	put_json(w->f, "name", name);
	put_json(w->f, "cat", w->r->models[s->model].name);
	fprintf(w->f, ",\"args\":{\"request\":%llu", (unsigned long long)s->request);
	put_json(w->f, "layer", s->layer);
	fputs("}}", w->f);
}

static void put_phase(struct writer *w)
{
	unsigned int t;
	size_t i;

	put_name(w, 0, "process_name", policy_title(w->p->policy));
	for (t = 0; t < 3; t++)
		put_name(w, t + 1, "thread_name", tracks[t]);
	for (i = 0; i < w->p->num_slices; i++) {
		const struct report_slice *s = &w->p->slices[i];

		put_event(w, 0, s, s->fetch_start, s->fetch_end);
		put_event(w, 1, s, s->dma_start, s->dma_end);
		put_event(w, 2, s, s->compute_start, s->compute_end);
	}
}

int chrome_write(const struct report *r, const char *path)
{
	struct writer w = { .f = fopen(path, "we"), .r = r, .separator = "" };
	unsigned int i;

	if (!w.f)
		return bench_fail(-errno, "%s: %s", path, strerror(errno));
	fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n", w.f);
	for (i = 0; i < r->num_phases; i++) {
		if (r->phases[i].alone)
			continue;
		w.p = &r->phases[i];
		w.pid++;
		put_phase(&w);
	}
	fputs("\n]}\n", w.f);
	return fclose(w.f) ? bench_fail(-EIO, "%s: cannot write", path) : 0;
}
