// SPDX-License-Identifier: MIT
/*
 * Reading a record of a scheduler. It is checked as a whole first: what it says it is, that it has an
 * end, that its bytes are those that were written, and that each event has the size of its type.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "bench.h"
#include "recording.h"

#define MOST_BYTES (8ull << 30)
#define MOST_SLICES (1u << 24)

_Static_assert(sizeof(struct recording_event) == 32 && sizeof(struct recording_slice) == 32 &&
	       !(sizeof(struct recording_header) % 8), "recording.h has padding");

static const char *const type_names[] = {
	[RECORDING_MODEL] = "model", "remove model", "policy", "arrival", "cancel", "completion", "tick",
	"ask", "submit", "host step", "reply", "timer", "nothing", "end",
};

/* ---- events ---- */

static size_t payload(const struct recording_event *e)
{
	if (e->type == RECORDING_MODEL)
		return RECORDING_NAME_MAX + e->b * sizeof(struct recording_slice);
	return e->type == RECORDING_POLICY ? RECORDING_NAME_MAX : 0;
}

bool recording_next(const struct recording *r, size_t *at, struct recorded *out)
{
	memcpy(&out->event, r->data + *at, sizeof(out->event));
	*at += sizeof(out->event);
	out->name = r->data + *at;
	out->slices = (const void *)(r->data + *at + RECORDING_NAME_MAX);
	*at += payload(&out->event);
	return out->event.type != RECORDING_END;
}

#define U64(x) ((unsigned long long)(x))

void recording_say(const struct recording_event *e, char *text, size_t size)
{
	const char *name = type_names[e->type];

	switch ((enum recording_type)e->type) {
	case RECORDING_SUBMIT:
	case RECORDING_HOST:
		snprintf(text, size, "%s: slice %llu of request 0x%llx, model %u, tag %llu", name, U64(e->a),
			 U64(e->b), e->what, U64(e->c));
		break;
	case RECORDING_REPLY:
		snprintf(text, size, "%s: request 0x%llx of model %u, status %lld", name, U64(e->b), e->what,
			 (long long)e->c);
		break;
	case RECORDING_ARRIVE:
		snprintf(text, size, "%s: request 0x%llx of model %u at %llu", name, U64(e->b), e->what,
			 U64(e->a));
		break;
	case RECORDING_COMPLETE:
		snprintf(text, size, "%s: tag %llu at %llu, status %d", name, U64(e->b), U64(e->a),
			 (int32_t)e->what);
		break;
	case RECORDING_MODEL:
	case RECORDING_REMOVE:
		snprintf(text, size, "%s %u", name, e->what);
		break;
	case RECORDING_NOTHING:
		snprintf(text, size, "%s", name);
		break;
	default:
		snprintf(text, size, "%s at %llu", name, U64(e->a));
		break;
	}
}

/* ---- is it a record? ---- */

static int corrupt(const struct recording *r, const char *what, size_t at)
{
	return bench_fail(-EINVAL, "%s: %s, at byte %zu", r->path, what, at);
}

static int check_header(struct recording *r)
{
	struct recording_header *h = &r->header;

	if (r->size < sizeof(*h))
		return corrupt(r, "too short for a record of a scheduler", r->size);
	memcpy(h, r->data, sizeof(*h));
	if (memcmp(h->magic, RECORDING_MAGIC, sizeof(h->magic)))
		return corrupt(r, "not a record of a scheduler", 0);
	if (h->version != RECORDING_VERSION)
		return bench_fail(-EPROTO, "%s: version %u, this program reads %u", r->path, h->version,
				  RECORDING_VERSION);
	if (h->header_bytes != sizeof(*h))
		return corrupt(r, "a header of another size", 12);
	if (h->policy[RECORDING_NAME_MAX - 1] || h->device[RECORDING_NAME_MAX - 1])
		return corrupt(r, "a name without an end in the header", 0);
	return 0;
}

static int check_event(const struct recording *r, const struct recording_event *e, size_t at)
{
	const char *name = r->data + at + sizeof(*e);

	if (e->type < RECORDING_MODEL || e->type > RECORDING_END)
		return corrupt(r, "an event of no known type", at);
	if (e->type == RECORDING_MODEL && (!e->b || e->b > MOST_SLICES || !e->c || e->c > UINT32_MAX))
		return corrupt(r, "a model without slices, or with too many", at);
	if (e->type == RECORDING_MODEL && e->a > 1)
		return corrupt(r, "a model that overlaps and does not", at);
	if (payload(e) > r->size - at - sizeof(*e))
		return corrupt(r, "cut off", r->size);
	if (payload(e) && name[RECORDING_NAME_MAX - 1])
		return corrupt(r, "a name without an end", at);
	return 0;
}

static int check_end(const struct recording *r, const struct recording_event *e, size_t at, uint64_t events)
{
	if (e->c != recording_hash(RECORDING_HASH_START, r->data, at))
		return corrupt(r, "not the bytes that were written: the sum at the end is another", at);
	if (e->b != events)
		return corrupt(r, "not as many events as were written", at);
	if (at + sizeof(*e) != r->size)
		return corrupt(r, "more bytes behind the end", at + sizeof(*e));
	return 0;
}

static int check_events(const struct recording *r)
{
	size_t at = sizeof(r->header);
	struct recording_event e;
	uint64_t events;
	int err = 0;

	for (events = 0; !err; events++) {
		if (r->size - at < sizeof(e))
			return corrupt(r, "cut off: it was not stopped, or not copied whole", r->size);
		memcpy(&e, r->data + at, sizeof(e));
		err = check_event(r, &e, at);
		if (!err && e.type == RECORDING_END)
			return check_end(r, &e, at, events);
		at += sizeof(e) + payload(&e);
	}
	return err;
}

static int read_file(struct recording *r)
{
	FILE *f = fopen(r->path, "re");
	struct stat st;

	if (!f || fstat(fileno(f), &st)) {
		bench_fail(-errno, "%s: %s", r->path, strerror(errno));
		goto close_file;
	}
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > MOST_BYTES) {
		bench_fail(-EINVAL, "%s: not a file, or too large for a record", r->path);
		goto close_file;
	}
	r->size = (size_t)st.st_size;
	r->data = malloc(r->size + 1);
	if (!r->data || fread(r->data, 1, r->size, f) != r->size) {
		bench_fail(-EIO, "%s: cannot be read", r->path);
		goto close_file;
	}
	fclose(f);
	return 0;
close_file:
	if (f)
		fclose(f);
	return -EIO;
}

int recording_open(struct recording *r, const char *path)
{
	int err;

	*r = (struct recording) { .path = path };
	err = read_file(r);
	if (!err)
		err = check_header(r);
	if (!err)
		err = check_events(r);
	if (err)
		recording_close(r);
	return err;
}

void recording_close(struct recording *r)
{
	free(r->data);
	r->data = NULL;
}
