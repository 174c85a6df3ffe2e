// SPDX-License-Identifier: MIT
/*
 * Regions: where the device finds the inputs of a request and leaves its outputs.
 *
 * That is the client's own buffer. Its memfd is imported when it is registered (a share), and bound
 * into a model's VM as an I/O region when the first request brings the two together (a binding);
 * from then on a request costs no ioctl and no byte is copied. The device can write to that
 * client's pages only, and a client that changes them under way gets the garbage itself.
 *
 * What cannot be imported (no /dev/udmabuf, a memfd that does not end with a page, too large) or is
 * one too many to be bound is copied to and from one of the model's own regions, and counted.
 *
 * The device may be at work in a buffer after its request was answered (cancelled) or its client
 * has left: the request keeps its binding until the last slice is back, a binding keeps its share.
 */
#include <stdlib.h>
#include <string.h>

#include "loomd.h"

struct share {
	struct loom_bo *bo;
	struct client *client;		/* NULL: the buffer is gone */
	struct binding *bindings;
};

struct binding {
	struct share *share;
	struct model *model;
	struct binding *next_of_share, *next_of_model;
	unsigned int io;
	unsigned int users;		/* requests */
	uint64_t bytes_in, bytes_out;
};

/* ---- buffers ---- */

void region_share(struct loomd *d, struct client *c, struct buffer *b, int fd)
{
	uint64_t before = loom_thread_ioctls();
	struct share *s;

	if (d->options.copy)
		return;
	s = calloc(1, sizeof(*s));
	if (!s)
		return;
	s->client = c;
	if (!loom_bo_import_memfd(d->device.dev, fd, b->bytes, &s->bo)) {
		b->share = s;
	} else {
		free(s);
		if (!d->stats.import_failures++)
			log_text(LOG_WARNING, "buffers like that of client '%s' are copied: %s",
				 c->identity, loom_error());
	}
	d->device.stats.admin_ioctls += loom_thread_ioctls() - before;
}

static void share_put(struct share *s)
{
	if (s->client || s->bindings)
		return;
	loom_bo_destroy(s->bo);
	free(s);
}

/* ---- bindings ---- */

static void leave_share(struct binding *b)
{
	struct binding **at = &b->share->bindings;

	while (*at != b)
		at = &(*at)->next_of_share;
	*at = b->next_of_share;
	share_put(b->share);
}

static void leave_model(struct binding *b)
{
	struct binding **at = &b->model->instance.bindings;

	while (*at != b)
		at = &(*at)->next_of_model;
	*at = b->next_of_model;
}

static void unbind(struct binding *b)
{
	loom_instance_unbind_io(b->model->instance.loom, b->io);
	leave_model(b);
	leave_share(b);
	free(b);
}

void region_unshare(struct loomd *d, struct buffer *b)
{
	uint64_t before = loom_thread_ioctls();
	struct share *s = b->share;
	struct binding *next;

	b->share = NULL;
	if (!s)
		return;
	for (struct binding *at = s->bindings; at; at = next) {
		next = at->next_of_share;
		s->client->num_bindings--;
		if (!at->users)	/* else the last of them does it */
			unbind(at);
	}
	s->client = NULL;
	share_put(s);
	d->device.stats.admin_ioctls += loom_thread_ioctls() - before;
}

void region_forget(struct instance *in)
{
	struct binding *b;

	while ((b = in->bindings)) {
		in->bindings = b->next_of_model;
		if (b->share->client)
			b->share->client->num_bindings--;
		leave_share(b);
		free(b);
	}
}

static struct binding *find(const struct share *s, const struct model *m)
{
	struct binding *b = s->bindings;

	while (b && b->model != m)
		b = b->next_of_share;
	return b;
}

static void measure(struct binding *b)
{
	const struct loom_elf_info *info = loom_model_info(b->model->loom);

	for (unsigned int i = 0; i < info->num_inputs; i++)
		b->bytes_in += loom_model_tensor(b->model->loom, i)->bytes;
	for (unsigned int i = 0; i < info->num_outputs; i++)
		b->bytes_out += loom_model_tensor(b->model->loom, info->num_inputs + i)->bytes;
}

static struct binding *bind(struct loomd *d, struct share *s, struct model *m)
{
	uint64_t before = loom_thread_ioctls();
	struct binding *b;

	if (s->client->num_bindings == LOOMD_MAX_BINDINGS)
		return NULL;
	b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	device_kick(d);		/* this takes as long as some slices */
	if (loom_instance_bind_io(m->instance.loom, s->bo, &b->io)) {
		free(b);
		b = NULL;
		goto count_ioctls;
	}
	b->share = s;
	b->model = m;
	b->next_of_share = s->bindings;
	s->bindings = b;
	b->next_of_model = m->instance.bindings;
	m->instance.bindings = b;
	s->client->num_bindings++;
	measure(b);
count_ioctls:
	d->device.stats.admin_ioctls += loom_thread_ioctls() - before;
	return b;
}

/* ---- requests ---- */

static bool overlap(const struct loom_elf_tensor *a, const struct loom_elf_tensor *b)
{
	return a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

/* Would what one model writes be what the other reads? */
static bool clobbers(const struct loom_model *writer, const struct loom_model *reader)
{
	const struct loom_elf_info *from = loom_model_info(writer), *to = loom_model_info(reader);

	for (unsigned int i = 0; i < from->num_outputs; i++)
		for (unsigned int k = 0; k < to->num_inputs; k++)
			if (overlap(loom_model_tensor(writer, from->num_inputs + i),
				    loom_model_tensor(reader, k)))
				return true;
	return false;
}

bool region_busy(const struct buffer *b, const struct model *m)
{
	if (!b->share)
		return false;
	for (const struct binding *at = b->share->bindings; at; at = at->next_of_share)
		if (at->users && at->model != m && clobbers(at->model->loom, m->loom))
			return true;
	return false;
}

bool region_bind(struct loomd *d, struct request *r)
{
	struct share *s = r->client ? r->buffer->share : NULL;
	struct binding *b;

	if (!s)
		return false;
	b = find(s, r->model);
	if (!b)
		b = bind(d, s, r->model);
	if (!b)
		return false;
	b->users++;
	r->binding = b;
	r->io = (int)b->io;
	r->client->stats.bytes_in += b->bytes_in;
	d->stats.zero_copy++;
	return true;
}

void region_written(struct request *r)
{
	r->client->stats.bytes_out += r->binding->bytes_out;
}

void region_put(struct loomd *d, struct request *r)
{
	uint64_t before = loom_thread_ioctls();
	struct binding *b = r->binding;

	if (!b && r->io >= 0)
		r->model->instance.io_used &= ~(1u << r->io);
	r->io = -1;
	r->binding = NULL;
	if (!b || --b->users || b->share->client)
		return;
	unbind(b);
	d->device.stats.admin_ioctls += loom_thread_ioctls() - before;
}
