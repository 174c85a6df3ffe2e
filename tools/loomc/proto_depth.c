// SPDX-License-Identifier: MIT
/*
 * protobuf-c descends into nested messages without a limit; real models nest graphs a few deep
 * (model, graph, node, attribute, graph, ...). So look for more first: walk the length-delimited
 * fields that are messages on that way, and refuse a pile that would exhaust the stack.
 */
#include <stddef.h>
#include <stdint.h>

#include "proto_depth.h"

struct wire {
	const uint8_t *at, *end;
};

static bool read_varint(struct wire *w, uint64_t *v)
{
	*v = 0;
	for (unsigned int shift = 0; shift < 64 && w->at < w->end; shift += 7) {
		uint8_t byte = *w->at++;

		*v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

/* The next length-delimited field, skipping others; false: none left, or not a message. */
static bool next_field(struct wire *w, uint32_t *number, struct wire *field)
{
	uint64_t key, len;

	while (w->at < w->end && read_varint(w, &key)) {
		size_t left;

		if ((key & 7) == 0 && read_varint(w, &len))
			continue;
		left = (size_t)(w->end - w->at);
		if ((key & 7) == 1 && left >= 8) {
			w->at += 8;
		} else if ((key & 7) == 5 && left >= 4) {
			w->at += 4;
		} else if ((key & 7) == 2 && read_varint(w, &len) &&
			   len <= (size_t)(w->end - w->at)) {
			*number = (uint32_t)(key >> 3);
			*field = (struct wire){ w->at, w->at + len };
			w->at += len;
			return true;
		} else {
			return false;
		}
	}
	return false;
}

enum message { MODEL, GRAPH, NODE, ATTRIBUTE, FUNCTION, TRAINING, VALUE_INFO, TYPE, NESTED, LEAF };

static enum message field_message(enum message in, uint32_t number)
{
	switch (in) {
	case MODEL:
		return number == 7 ? GRAPH : number == 20 ? TRAINING : number == 25 ? FUNCTION : LEAF;
	case TRAINING:
		return number <= 2 ? GRAPH : LEAF;
	case GRAPH:
		return number == 1 ? NODE : number >= 11 && number <= 13 ? VALUE_INFO : LEAF;
	case FUNCTION:
		return number == 7 ? NODE : LEAF;
	case NODE:
		return number == 5 ? ATTRIBUTE : LEAF;
	case ATTRIBUTE:
		return number == 6 || number == 11 ? GRAPH : number == 14 || number == 15 ? TYPE : LEAF;
	case VALUE_INFO:
		return number == 2 ? TYPE : LEAF;
	case TYPE:		/* sequence, map, optional: of types again */
		return number == 4 || number == 5 || number == 9 ? NESTED : LEAF;
	case NESTED:
		return number <= 2 ? TYPE : LEAF;
	default:
		return LEAF;
	}
}

static bool too_deep(struct wire w, enum message kind, int depth)
{
	struct wire field;
	uint32_t number;

	if (depth > PROTO_MAX_NESTING)
		return true;
	while (next_field(&w, &number, &field)) {
		enum message inner = field_message(kind, number);

		if (inner != LEAF && too_deep(field, inner, depth + 1))
			return true;
	}
	return false;
}

bool proto_too_deep(const void *data, size_t size)
{
	struct wire all = { data, (const uint8_t *)data + size };

	return too_deep(all, MODEL, 0);
}
