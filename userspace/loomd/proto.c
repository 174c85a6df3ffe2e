// SPDX-License-Identifier: MIT
/*
 * Is a packet a well-formed request? Pure functions: what is wrong is said, nothing is done.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "loomd.h"

struct format {
	const char *name;
	size_t size;
	unsigned int fds;
	/* What is wrong with the body, or NULL. */
	const char *(*check)(const void *msg);
};

int proto_fail(struct proto_error *error, int status, const char *format, ...)
{
	va_list ap;

	error->status = status;
	va_start(ap, format);
	vsnprintf(error->text, sizeof(error->text), format, ap);
	va_end(ap);
	return status;
}

void proto_header(struct loom_msg *hdr, unsigned int type, uint64_t id, size_t size, int status)
{
	*hdr = (struct loom_msg) {
		.magic = LOOM_PROTO_MAGIC,
		.version = LOOM_PROTO_VERSION,
		.type = (uint16_t)type,
		.size = (uint32_t)size,
		.status = status,
		.id = id,
	};
}

/* A model's name is also a file's: no slash, no leading dot, nothing that a terminal obeys. */
bool proto_name_ok(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-+";

	return name[0] && name[0] != '.' && name[strspn(name, allowed)] == '\0';
}

static bool terminated(const char name[LOOM_PROTO_NAME_MAX])
{
	return memchr(name, '\0', LOOM_PROTO_NAME_MAX) != NULL;
}

static const char *check_hello(const void *msg)
{
	const struct loom_msg_hello *m = msg;

	if (!terminated(m->identity))
		return "identity has no NUL";
	for (const char *p = m->identity; *p; p++)
		if (*p < ' ' || *p > '~')
			return "identity has a character that is not printable ASCII";
	return NULL;
}

static const char *check_name(const void *msg)
{
	const struct loom_msg_name *m = msg;

	/* A name that nothing can have is no breach of the format: nothing will be found by it. */
	return terminated(m->name) ? NULL : "name has no NUL";
}

static const char *check_buffer(const void *msg)
{
	const struct loom_msg_buffer *m = msg;

	return m->reserved ? "reserved is not zero" : NULL;
}

static const char *check_trace(const void *msg)
{
	const struct loom_msg_trace *m = msg;

	if (m->start > 1)
		return "start is neither 0 nor 1";
	return m->reserved ? "reserved is not zero" : NULL;
}

static const char *check_hold(const void *msg)
{
	const struct loom_msg_hold *m = msg;

	if (m->hold > 1)
		return "hold is neither 0 nor 1";
	return m->reserved ? "reserved is not zero" : NULL;
}

static const struct format formats[LOOM_MSG_COUNT] = {
	[LOOM_MSG_HELLO] = { "hello", sizeof(struct loom_msg_hello), 0, check_hello },
	[LOOM_MSG_PING] = { "ping", sizeof(struct loom_msg) },
	[LOOM_MSG_BUFFER_ADD] = { "buffer-add", sizeof(struct loom_msg_buffer_add), 1 },
	[LOOM_MSG_BUFFER_REMOVE] = { "buffer-remove", sizeof(struct loom_msg_buffer), 0,
				     check_buffer },
	[LOOM_MSG_MODEL] = { "model", sizeof(struct loom_msg_name), 0, check_name },
	[LOOM_MSG_INFER] = { "infer", sizeof(struct loom_msg_infer) },
	[LOOM_MSG_CANCEL] = { "cancel", sizeof(struct loom_msg_cancel) },
	[LOOM_MSG_LIST] = { "list", sizeof(struct loom_msg) },
	[LOOM_MSG_STATS] = { "stats", sizeof(struct loom_msg) },
	[LOOM_MSG_LOAD] = { "load", sizeof(struct loom_msg_name), 1, check_name },
	[LOOM_MSG_UNLOAD] = { "unload", sizeof(struct loom_msg_name), 0, check_name },
	[LOOM_MSG_POLICY] = { "policy", sizeof(struct loom_msg_name), 0, check_name },
	[LOOM_MSG_TRACE] = { "trace", sizeof(struct loom_msg_trace), 0, check_trace },
	[LOOM_MSG_RECORD] = { "record", sizeof(struct loom_msg_record), 1 },
	[LOOM_MSG_RECORD_STOP] = { "record-stop", sizeof(struct loom_msg) },
	[LOOM_MSG_HOLD] = { "hold", sizeof(struct loom_msg_hold), 0, check_hold },
};

const char *proto_type_name(unsigned int type)
{
	type &= ~LOOM_MSG_REPLY;
	return type < LOOM_MSG_COUNT && formats[type].name ? formats[type].name : "unknown";
}

static int check_header(const struct loom_msg *m, size_t size, struct proto_error *e)
{
	if (m->magic != LOOM_PROTO_MAGIC)
		return proto_fail(e, -EPROTO, "magic is 0x%08x, must be 0x%08x", m->magic,
				  LOOM_PROTO_MAGIC);
	if (m->version != LOOM_PROTO_VERSION)
		return proto_fail(e, -EPROTO, "version is %u, this daemon speaks %u", m->version,
				  LOOM_PROTO_VERSION);
	if (m->type >= LOOM_MSG_COUNT || !formats[m->type].name)
		return proto_fail(e, -EPROTO, "type %u is none that this daemon knows", m->type);
	if (m->size != size)
		return proto_fail(e, -EPROTO, "%s: size says %u, the message has %zu bytes",
				  formats[m->type].name, m->size, size);
	return 0;
}

int proto_check(const void *data, size_t stored, size_t size, unsigned int num_fds,
		struct proto_error *e)
{
	const struct loom_msg *m = data;
	const struct format *f;
	const char *complaint;
	int err;

	if (stored < sizeof(*m))
		return proto_fail(e, -EPROTO, "the message has %zu bytes, less than a header",
				  size);
	err = check_header(m, size, e);
	if (err)
		return err;
	f = &formats[m->type];
	if (size != f->size || stored != size)
		return proto_fail(e, -EPROTO, "%s: size is %zu, must be %zu", f->name, size,
				  f->size);
	if (m->status)
		return proto_fail(e, -EPROTO, "%s: status is not zero", f->name);
	if (num_fds != f->fds)
		return proto_fail(e, -EPROTO, "%s: %u descriptors came with it, must be %u",
				  f->name, num_fds, f->fds);
	complaint = f->check ? f->check(data) : NULL;
	return complaint ? proto_fail(e, -EPROTO, "%s: %s", f->name, complaint) : 0;
}
