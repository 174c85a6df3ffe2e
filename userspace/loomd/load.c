// SPDX-License-Identifier: MIT
/*
 * Loading. The file is copied first (a client could truncate what it passed), and checked; its weights
 * go to the device; in the end a copy goes to the state directory. All of this takes long for a large
 * model, so a thread does it, and the loop serves others meanwhile. What is between, giving the model
 * its name, its VM slot and its place in the scheduler, is the loop's.
 *
 * The simulated device is this process's, and its memory the loop's: there the weights are the loop's, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loom_client.h"
#include "loomd.h"

#define MAX_FILE (4ull << 30)

struct load {
	struct work work;
	int fd;
	char name[LOOM_PROTO_NAME_MAX];
	/* who is told */
	unsigned int client;
	uint32_t generation;
	struct loom_msg request;
	/* what was made */
	void *data;
	size_t size;
	struct loom_model *loom;
	struct loom_instance *instance;
	uint32_t handle;		/* it is a model now */
	int err, save_err;
	struct proto_error error;
};

/* ---- in the thread ---- */

static int read_all(int fd, void *data, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = pread(fd, (char *)data + done, size - done, (off_t)done);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EIO;	/* it shrinks while we read */
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

static int copy_file(int fd, void **data, size_t *size, struct proto_error *e)
{
	struct stat st;
	int err;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return proto_fail(e, -EINVAL, "load: the descriptor is no regular file");
	if (!st.st_size || (uint64_t)st.st_size > MAX_FILE)
		return proto_fail(e, -EFBIG, "load: the file has %llu bytes, must be 1 to %llu",
				  (unsigned long long)st.st_size, MAX_FILE);
	*size = (size_t)st.st_size;
	*data = malloc(*size);
	if (!*data)
		return proto_fail(e, -ENOMEM, "load: no memory for %zu bytes", *size);
	err = read_all(fd, *data, *size);
	if (!err)
		return 0;
	free(*data);
	return proto_fail(e, err, "load: reading the file: %s", strerror(-err));
}

static int check_shape(const struct loom_model *loom, struct proto_error *e)
{
	const struct loom_elf_info *info = loom_model_info(loom);

	if (info->num_inputs + info->num_outputs > LOOM_CLIENT_MAX_TENSORS)
		return proto_fail(e, -E2BIG, "load: %u inputs and outputs, a client can name %u",
				  info->num_inputs + info->num_outputs, LOOM_CLIENT_MAX_TENSORS);
	if (!info->num_slices)
		return proto_fail(e, -EINVAL, "load: the model has no slices");
	return 0;
}

static bool beside_the_loop(const struct loomd *d)
{
	return loom_dev_fd(d->device.dev) >= 0;
}

static int make_instance(struct loomd *d, struct load *l)
{
	int err = model_instance(d, l->loom, &l->instance);

	return err ? proto_fail(&l->error, err, "load: %s", loom_error()) : 0;
}

static int make(struct loomd *d, struct load *l)
{
	int err = copy_file(l->fd, &l->data, &l->size, &l->error);

	if (err)
		return err;
	err = loom_model_open_memory(l->data, l->size, &l->loom);
	if (err)
		return proto_fail(&l->error, err, "load: %s", loom_error());
	err = check_shape(l->loom, &l->error);
	if (!err && beside_the_loop(d))
		err = make_instance(d, l);
	return err;
}

static void run_make(struct loomd *d, struct work *work)
{
	struct load *l = (struct load *)work;

	l->err = make(d, l);
}

static void run_save(struct loomd *d, struct work *work)
{
	struct load *l = (struct load *)work;

	l->save_err = state_save(d, l->name, l->data, l->size);
}

/* ---- in the loop ---- */

static void end(struct load *l)
{
	if (!l->handle && l->instance)
		loom_instance_destroy(l->instance);
	if (!l->handle && l->loom)
		loom_model_close(l->loom);
	free(l->data);
	if (l->fd >= 0)
		close(l->fd);
	free(l);
}

static int add(struct loomd *d, struct load *l, bool remembered)
{
	struct model *m;
	int err = l->err;

	if (!err && !l->instance)
		err = make_instance(d, l);
	if (!err)
		err = model_add(d, l->loom, l->instance, l->size, l->name, &m, &l->error);
	if (err)
		return err;
	l->handle = m->handle;
	m->remembered = remembered;
	memcpy(l->name, m->name, sizeof(l->name));
	return 0;
}

/* The client may be gone: then the model is loaded all the same. */
static void tell(struct loomd *d, const struct load *l, int err)
{
	struct client *c = &d->clients[l->client];

	if (c->fd < 0 || c->generation != l->generation)
		return;
	client_reply(d, c, &l->request, err, err ? l->error.text : NULL, -1);
}

static void finish(struct loomd *d, struct load *l, int err)
{
	tell(d, l, err);
	d->num_loads--;
	end(l);
}

/*
 * A model that cannot be remembered works, until a restart: say so where administrators look. One that
 * was unloaded meanwhile is not to come back; if its name is another's now, that one is saved after it.
 */
static void saved(struct loomd *d, struct work *work)
{
	struct load *l = (struct load *)work;
	struct model *m = model_by_handle(d, l->handle);

	if (m)
		m->remembered = !l->save_err;
	else if (!l->save_err && !model_find(d, l->name))
		state_remove(d, l->name);
	if (l->save_err)
		log_text(LOG_WARNING, "--state %s: model %s will not be remembered: %s",
			 d->options.state, l->name, strerror(-l->save_err));
	finish(d, l, 0);
}

static void drop(struct loomd *d, struct work *work)
{
	end((struct load *)work);
}

static void made(struct loomd *d, struct work *work)
{
	struct load *l = (struct load *)work;
	uint64_t before = loom_thread_ioctls();
	int err;

	if (d->stopping && !l->err)
		l->err = proto_fail(&l->error, -EAGAIN, "load: the daemon is stopping");
	err = add(d, l, false);
	d->device.stats.admin_ioctls += loom_thread_ioctls() - before;
	if (err || !d->options.state) {
		finish(d, l, err);
		return;
	}
	l->work.run = run_save;
	l->work.done = saved;
	worker_submit(d, WORKER_LOADS, &l->work);
}

static int check(struct loomd *d, const char *name, struct proto_error *e)
{
	if (d->stopping)
		return proto_fail(e, -EAGAIN, "load: the daemon is stopping");
	if (name[0] && model_find(d, name))
		return proto_fail(e, -EEXIST, "load: a model '%s' is loaded", name);
	if (models_full(d))
		return proto_fail(e, -ENOSPC, "load: %u models are loaded, the most there may be",
				  d->options.max_models);
	if (d->num_loads >= d->options.max_models)
		return proto_fail(e, -EBUSY, "load: %u are under way, the most there may be", d->num_loads);
	return 0;
}

int load_for_client(struct loomd *d, struct client *c, const struct loom_msg_name *msg, int fd,
		    struct proto_error *e)
{
	struct load *l;
	int err = check(d, msg->name, e);

	if (!err && worker_start(d, WORKER_LOADS))
		err = proto_fail(e, -EAGAIN, "load: no thread for it");
	if (err)
		return err;
	l = calloc(1, sizeof(*l));
	if (!l)
		return proto_fail(e, -ENOMEM, "load: out of memory");
	l->work = (struct work) { .run = run_make, .done = made, .drop = drop };
	l->fd = fd;
	memcpy(l->name, msg->name, sizeof(l->name));
	l->client = c->index;
	l->generation = c->generation;
	l->request = msg->hdr;
	d->num_loads++;
	worker_submit(d, WORKER_LOADS, &l->work);
	return 0;
}

int load_path(struct loomd *d, const char *path, const char *name, bool remembered,
	      struct proto_error *e)
{
	struct load *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return proto_fail(e, -ENOMEM, "%s: out of memory", path);
	l->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (l->fd < 0) {
		err = proto_fail(e, -errno, "%s: %s", path, strerror(errno));
		end(l);
		return err;
	}
	snprintf(l->name, sizeof(l->name), "%s", name);
	l->err = make(d, l);
	err = add(d, l, remembered);
	if (err)
		*e = l->error;
	end(l);
	return err;
}
