// SPDX-License-Identifier: MIT
/*
 * Traces: the results of slices, kept as they are in a ring, and written as JSON when the trace
 * stops.
 *
 * The JSON is for two readers. "traceEvents" is the Chrome trace format, which Perfetto opens: one
 * track each for fetch, DMA and compute, an event per slice. "slices" has every stamp of every
 * slice, for programs. Times there are device ns; in traceEvents they are microseconds, as that
 * format wants.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "loomd.h"

enum track { TRACK_FETCH = 1, TRACK_DMA, TRACK_COMPUTE };

/*
 * Names outlive their models, because records do. A few bytes per load: never freed, only reused.
 */
unsigned int trace_name(struct trace *t, const char *name)
{
	char (*names)[LOOM_PROTO_NAME_MAX];

	for (unsigned int i = 0; i < t->num_names; i++)
		if (!strcmp(t->names[i], name))
			return i;
	names = realloc(t->names, (t->num_names + 1) * sizeof(*names));
	if (!names)
		return UINT32_MAX;
	t->names = names;
	snprintf(names[t->num_names], sizeof(*names), "%s", name);
	return t->num_names++;
}

int trace_start(struct loomd *d)
{
	struct trace *t = &d->trace;

	if (t->on)
		return -EBUSY;
	if (!t->records) {
		t->size = d->options.trace_slices;
		t->records = malloc(t->size * sizeof(*t->records));
		if (!t->records)
			return -ENOMEM;
		/* Pages now, not in the middle of an inference. */
		memset(t->records, 0, t->size * sizeof(*t->records));
	}
	t->count = 0;
	t->started = now_ns();
	t->on = true;
	return 0;
}

void trace_add(struct loomd *d, const struct request *r, unsigned int slice,
	       const struct drm_loom_result *result)
{
	struct trace *t = &d->trace;

	t->records[t->count++ % t->size] = (struct trace_record) {
		.request = r->key >> 32,
		.model = r->model->trace_name,
		.client = r->client ? r->client->index : UINT32_MAX,
		.slice = slice,
		.result = *result,
	};
}

/* ---- writing ---- */

static const char *model_name(const struct trace *t, uint32_t model)
{
	return model < t->num_names ? t->names[model] : "?";
}

/* A layer's name comes from a file: it may be anything. */
static void put_string(FILE *f, const char *text)
{
	fputc('"', f);
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '"' || *p == '\\')
			fprintf(f, "\\%c", *p);
		else if (*p < ' ' || *p > '~')
			fprintf(f, "\\u%04x", *p);
		else
			fputc(*p, f);
	}
	fputc('"', f);
}

static const char *layer_name(struct loomd *d, const struct trace_record *record)
{
	const struct model *m = model_find(d, model_name(&d->trace, record->model));

	if (!m || record->slice >= loom_model_info(m->loom)->num_slices)
		return "";
	return loom_model_string(m->loom, loom_model_slice(m->loom, record->slice)->name);
}

static void put_slice(FILE *f, struct loomd *d, const struct trace_record *record)
{
	const struct drm_loom_result *r = &record->result;

	fprintf(f, "{\"model\":\"%s\",\"request\":%llu,\"client\":%d,\"slice\":%u,\"layer\":",
		model_name(&d->trace, record->model), (unsigned long long)record->request,
		(int)record->client, record->slice);
	put_string(f, layer_name(d, record));
	fprintf(f, ",\"status\":%d,\"fault\":%u", r->status, r->fault);
	fprintf(f, ",\"dispatched\":%llu,\"fetch_start\":%llu,\"fetch_end\":%llu",
		(unsigned long long)r->dispatched, (unsigned long long)r->fetch_start,
		(unsigned long long)r->fetch_end);
	fprintf(f, ",\"dma_start\":%llu,\"dma_end\":%llu,\"compute_start\":%llu,"
		"\"compute_end\":%llu",
		(unsigned long long)r->dma_start, (unsigned long long)r->dma_end,
		(unsigned long long)r->compute_start, (unsigned long long)r->compute_end);
	fprintf(f, ",\"end\":%llu,\"fetch_busy\":%u,\"dma_busy\":%u,\"mac_busy\":%u",
		(unsigned long long)r->end, r->fetch_busy, r->dma_busy, r->mac_busy);
	fprintf(f, ",\"vector_busy\":%u,\"wait_weights\":%u,\"wait_dma\":%u}", r->vector_busy,
		r->wait_weights, r->wait_dma);
}

static void put_event(FILE *f, struct loomd *d, const struct trace_record *record, enum track track,
		      uint64_t start, uint64_t end)
{
	uint64_t ns = end - start;

	if (!start || end < start)
		return;
	fprintf(f, ",\n{\"ph\":\"X\",\"pid\":1,\"tid\":%d,\"ts\":%llu.%03u,\"dur\":%llu.%03u,",
		track, (unsigned long long)start / 1000, (unsigned int)(start % 1000),
		(unsigned long long)ns / 1000, (unsigned int)(ns % 1000));
	fprintf(f, "\"cat\":\"%s\",\"name\":", model_name(&d->trace, record->model));
	put_string(f, layer_name(d, record));
	fprintf(f, ",\"args\":{\"model\":\"%s\",\"request\":%llu,\"slice\":%u,\"status\":%d}}",
		model_name(&d->trace, record->model), (unsigned long long)record->request,
		record->slice, record->result.status);
}

static void put_events(FILE *f, struct loomd *d, const struct trace_record *record)
{
	const struct drm_loom_result *r = &record->result;

	put_event(f, d, record, TRACK_FETCH, r->fetch_start, r->fetch_end);
	put_event(f, d, record, TRACK_DMA, r->dma_start, r->dma_end);
	put_event(f, d, record, TRACK_COMPUTE, r->compute_start, r->compute_end);
}

static void put_tracks(FILE *f, const struct loomd *d)
{
	static const char *const names[] = { [TRACK_FETCH] = "fetch", "dma", "compute" };

	fprintf(f, "{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":"
		"\"NPU core 0 (%s)\"}}", loom_dev_caps(d->device.dev)->preset);
	for (int i = TRACK_FETCH; i <= TRACK_COMPUTE; i++)
		fprintf(f, ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":%d,\"name\":\"thread_name\","
			"\"args\":{\"name\":\"%s\"}}", i, names[i]);
}

static void put_trace(FILE *f, struct loomd *d)
{
	const struct trace *t = &d->trace;
	uint64_t first = t->count > t->size ? t->count - t->size : 0;

	fprintf(f, "{\"displayTimeUnit\":\"ns\",\n\"policy\":\"%s\",\"preset\":\"%s\",",
		d->policy, loom_dev_caps(d->device.dev)->preset);
	fprintf(f, "\"lost\":%llu,\"wall_ns\":%llu,\n\"slices\":[", (unsigned long long)first,
		(unsigned long long)(now_ns() - t->started));
	for (uint64_t i = first; i < t->count; i++) {
		fputs(i > first ? ",\n" : "\n", f);
		put_slice(f, d, &t->records[i % t->size]);
	}
	fputs("],\n\"traceEvents\":[\n", f);
	put_tracks(f, d);
	for (uint64_t i = first; i < t->count; i++)
		put_events(f, d, &t->records[i % t->size]);
	fputs("]}\n", f);
}

int trace_stop(struct loomd *d)
{
	int fd = memfd_create("loomd-trace", MFD_CLOEXEC | MFD_ALLOW_SEALING), copy, err = 0;
	FILE *f;

	d->trace.on = false;
	if (fd < 0)
		return -errno;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	f = copy < 0 ? NULL : fdopen(copy, "w");
	if (!f)
		goto close_fd;
	put_trace(f, d);
	err = ferror(f);
	if (fclose(f) || err)
		goto close_fd;
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	return fd;
close_fd:
	close(fd);
	return -ENOMEM;
}

void trace_fini(struct loomd *d)
{
	free(d->trace.records);
	free(d->trace.names);
}
