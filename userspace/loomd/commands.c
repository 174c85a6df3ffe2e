// SPDX-License-Identifier: MIT
/* What each message asks for. The messages are well-formed: proto.c saw to that. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loomd.h"

static void fail(struct loomd *d, struct client *c, const struct loom_msg *m,
		 const struct proto_error *e)
{
	client_reply(d, c, m, e->status, e->text, -1);
}

/* 0 or an error, and nothing else to say. */
static void answer(struct loomd *d, struct client *c, const struct loom_msg *m, int err,
		   const struct proto_error *e)
{
	if (err)
		fail(d, c, m, e);
	else
		client_reply(d, c, m, 0, NULL, -1);
}

static void hello(struct loomd *d, struct client *c, const struct loom_msg *m)
{
	const struct loom_msg_hello *msg = (const void *)m;
	struct loom_msg_limits reply = {
		.max_buffers = d->options.max_buffers,
		.max_requests = d->options.max_requests,
		.max_bytes = d->options.max_bytes,
	};

	memcpy(c->identity, msg->identity, sizeof(c->identity));
	c->greeted = true;
	proto_header(&reply.hdr, m->type | LOOM_MSG_REPLY, m->id, sizeof(reply), 0);
	client_send(d, c, &reply, sizeof(reply), NULL, -1);
}

static void add_buffer(struct loomd *d, struct client *c, const struct loom_msg *m, int fd)
{
	const struct loom_msg_buffer_add *msg = (const void *)m;
	struct loom_msg_buffer reply = { 0 };
	struct proto_error e;

	if (buffer_add(d, c, fd, msg->bytes, &reply.buffer, &e)) {
		fail(d, c, m, &e);
		return;
	}
	proto_header(&reply.hdr, m->type | LOOM_MSG_REPLY, m->id, sizeof(reply), 0);
	client_send(d, c, &reply, sizeof(reply), NULL, -1);
}

static void remove_buffer(struct loomd *d, struct client *c, const struct loom_msg *m)
{
	const struct loom_msg_buffer *msg = (const void *)m;
	struct proto_error e;

	answer(d, c, m, buffer_remove(d, c, msg->buffer, &e), &e);
}

static void put_tensor(struct loom_msg_tensor *to, const struct loom_model *loom, unsigned int i)
{
	const struct loom_elf_tensor *t = loom_model_tensor(loom, i);

	memset(to, 0, sizeof(*to));
	strncpy(to->name, loom_model_string(loom, t->name), sizeof(to->name) - 1);
	to->is_output = i >= loom_model_info(loom)->num_inputs;
	to->tensor = *t;
	to->tensor.name = 0;
}

static void describe(struct loomd *d, struct client *c, const struct loom_msg *m,
		     const struct model *model)
{
	const struct loom_elf_info *info = loom_model_info(model->loom);
	static union {
		struct loom_msg_model msg;
		char bytes[LOOM_PROTO_REPLY_MAX];
	} reply;
	size_t size;

	reply.msg.model = model->handle;
	reply.msg.num_tensors = info->num_inputs + info->num_outputs;
	reply.msg.io_bytes = info->io_bytes;
	for (unsigned int i = 0; i < reply.msg.num_tensors; i++)
		put_tensor(&reply.msg.tensors[i], model->loom, i);
	size = sizeof(reply.msg) + reply.msg.num_tensors * sizeof(reply.msg.tensors[0]);
	proto_header(&reply.msg.hdr, m->type | LOOM_MSG_REPLY, m->id, size, 0);
	client_send(d, c, &reply, size, NULL, -1);
}

static void ask_model(struct loomd *d, struct client *c, const struct loom_msg *m)
{
	const struct loom_msg_name *msg = (const void *)m;
	const struct model *model = model_find(d, msg->name);
	struct proto_error e;

	if (model) {
		describe(d, c, m, model);
		return;
	}
	proto_fail(&e, -ENOENT, "model: no model '%s' is loaded", msg->name);
	fail(d, c, m, &e);
}

/* Refusals of INFER come in the shape of its other replies. */
static void infer(struct loomd *d, struct client *c, const struct loom_msg *m)
{
	struct loom_msg_done reply = { 0 };
	struct proto_error e;
	int err = request_arrive(d, c, (const void *)m, &e);

	if (!err)
		return;
	c->stats.errors++;
	proto_header(&reply.hdr, m->type | LOOM_MSG_REPLY, m->id, sizeof(reply) + strlen(e.text),
		     err);
	client_send(d, c, &reply, sizeof(reply), e.text, -1);
}

static void cancel(struct loomd *d, struct client *c, const struct loom_msg *m)
{
	const struct loom_msg_cancel *msg = (const void *)m;
	struct proto_error e;
	int err = 0;

	if (!request_cancel(d, c, msg->target))
		err = proto_fail(&e, -ENOENT, "cancel: no request %llu of yours is under way",
				 (unsigned long long)msg->target);
	answer(d, c, m, err, &e);
}

/* Sealed, so that the reader may map it without fear either. */
static int text_memfd(const char *text)
{
	int fd = memfd_create("loomd-json", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t size = strlen(text);

	if (fd < 0)
		return -errno;
	if (write(fd, text, size) != (ssize_t)size) {
		close(fd);
		return -EIO;
	}
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	return fd;
}

/* As one text: json_dumpfd() makes a system call for every token. */
static int json_memfd(const json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT);
	int fd = text ? text_memfd(text) : -ENOMEM;

	free(text);
	return fd;
}

static void send_fd(struct loomd *d, struct client *c, const struct loom_msg *m, int fd)
{
	if (fd < 0) {
		client_reply(d, c, m, fd, "the daemon could not write the reply", -1);
		return;
	}
	client_reply(d, c, m, 0, NULL, fd);
	close(fd);
}

static void send_json(struct loomd *d, struct client *c, const struct loom_msg *m, json_t *json)
{
	send_fd(d, c, m, json ? json_memfd(json) : -ENOMEM);
	json_decref(json);
}

/* It is answered later. */
static void load(struct loomd *d, struct client *c, const struct loom_msg *m, int *fd)
{
	const struct loom_msg_name *msg = (const void *)m;
	struct proto_error e;
	int err = load_for_client(d, c, msg, *fd, &e);

	if (err)
		fail(d, c, m, &e);
	else
		*fd = -1;
}

static void unload(struct loomd *d, struct client *c, const struct loom_msg *m)
{
	const struct loom_msg_name *msg = (const void *)m;
	struct proto_error e;

	answer(d, c, m, model_unload(d, msg->name, &e), &e);
}

static void policy(struct loomd *d, struct client *c, const struct loom_msg *m)
{
	const struct loom_msg_name *msg = (const void *)m;
	struct proto_error e;
	int err = feed_policy(d, msg->name);

	if (err) {
		proto_fail(&e, err, "policy: there is no policy '%s'", msg->name);
		fail(d, c, m, &e);
		return;
	}
	log_text(LOG_INFO, "policy %s, by '%s'", msg->name, c->identity);
	err = d->options.state ? state_save_policy(d) : 0;
	if (err)
		log_text(LOG_WARNING, "--state %s: the policy will not be remembered: %s",
			 d->options.state, strerror(-err));
	answer(d, c, m, 0, &e);
}

/* A regular file: writing to it does not wait for anybody. */
static int check_record(struct loomd *d, int fd, struct proto_error *e)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return proto_fail(e, -EINVAL, "record: the descriptor is no regular file that can be "
				  "written");
	if (d->feed.record)
		return proto_fail(e, -EBUSY, "record: one is being made already");
	if (d->num_active)
		return proto_fail(e, -EBUSY, "record: %u requests are under way, begin when there is "
				  "none", d->num_active);
	return 0;
}

static void record(struct loomd *d, struct client *c, const struct loom_msg *m, int *fds)
{
	const struct loom_msg_record *msg = (const void *)m;
	struct proto_error e;
	int err = check_record(d, fds[0], &e);

	if (!err) {
		err = feed_record_start(d, fds[0], msg->seed);
		if (err)
			proto_fail(&e, err, "record: %s", strerror(-err));
		else
			fds[0] = -1;
	}
	answer(d, c, m, err, &e);
}

static void record_stop(struct loomd *d, struct client *c, const struct loom_msg *m)
{
	struct proto_error e;
	int err;

	if (!d->feed.record) {
		proto_fail(&e, -ENOENT, "record: none is being made");
		fail(d, c, m, &e);
		return;
	}
	err = feed_record_stop(d);
	if (err)
		proto_fail(&e, err, "record: the file could not be written: %s", strerror(-err));
	answer(d, c, m, err, &e);
}

void command_let_go(struct loomd *d, struct client *c)
{
	d->num_holds -= c->holds;
	c->holds = false;
}

static void hold(struct loomd *d, struct client *c, const struct loom_msg *m)
{
	const struct loom_msg_hold *msg = (const void *)m;

	command_let_go(d, c);
	c->holds = msg->hold;
	d->num_holds += c->holds;
	client_reply(d, c, m, 0, NULL, -1);
}

static void trace(struct loomd *d, struct client *c, const struct loom_msg *m)
{
	const struct loom_msg_trace *msg = (const void *)m;
	struct proto_error e;
	int err;

	if (!msg->start && d->trace.on) {
		send_fd(d, c, m, trace_stop(d));
		return;
	}
	if (msg->start)
		err = trace_start(d);
	else
		err = -ENOENT;
	if (err)
		proto_fail(&e, err, "trace: %s", err == -EBUSY ? "is being taken already" :
			   err == -ENOENT ? "none is being taken" : strerror(-err));
	answer(d, c, m, err, &e);
}

/* Changing what runs is for those who could as well restart the daemon. */
static bool permitted(struct loomd *d, struct client *c, const struct loom_msg *m)
{
	struct proto_error e;

	if (m->type < LOOM_MSG_LOAD || c->uid == 0 || c->uid == geteuid())
		return true;
	proto_fail(&e, -EPERM, "%s: is for root and user %u, you are user %u",
		   proto_type_name(m->type), geteuid(), c->uid);
	fail(d, c, m, &e);
	return false;
}

static void run_admin(struct loomd *d, struct client *c, const struct loom_msg *m, int *fds)
{
	switch ((enum loom_msg_type)m->type) {
	case LOOM_MSG_LIST:
		send_json(d, c, m, models_list(d));
		break;
	case LOOM_MSG_STATS:
		send_json(d, c, m, stats_json(d));
		break;
	case LOOM_MSG_LOAD:
		load(d, c, m, fds);
		break;
	case LOOM_MSG_UNLOAD:
		unload(d, c, m);
		break;
	case LOOM_MSG_POLICY:
		policy(d, c, m);
		break;
	case LOOM_MSG_TRACE:
		trace(d, c, m);
		break;
	case LOOM_MSG_RECORD:
		record(d, c, m, fds);
		break;
	case LOOM_MSG_RECORD_STOP:
		record_stop(d, c, m);
		break;
	case LOOM_MSG_HOLD:
		hold(d, c, m);
		break;
	default:
		break;
	}
}

static void run_admin_counted(struct loomd *d, struct client *c, const struct loom_msg *m, int *fds)
{
	uint64_t before = loom_thread_ioctls();

	if (!permitted(d, c, m))
		return;
	run_admin(d, c, m, fds);
	d->device.stats.admin_ioctls += loom_thread_ioctls() - before;
}

void command_run(struct loomd *d, struct client *c, const struct loom_msg *m, int *fds)
{
	switch ((enum loom_msg_type)m->type) {
	case LOOM_MSG_INFER:
		infer(d, c, m);
		break;
	case LOOM_MSG_HELLO:
		hello(d, c, m);
		break;
	case LOOM_MSG_PING:
		client_reply(d, c, m, 0, NULL, -1);
		break;
	case LOOM_MSG_BUFFER_ADD:
		add_buffer(d, c, m, fds[0]);
		break;
	case LOOM_MSG_BUFFER_REMOVE:
		remove_buffer(d, c, m);
		break;
	case LOOM_MSG_MODEL:
		ask_model(d, c, m);
		break;
	case LOOM_MSG_CANCEL:
		cancel(d, c, m);
		break;
	default:
		run_admin_counted(d, c, m, fds);
		break;
	}
}
