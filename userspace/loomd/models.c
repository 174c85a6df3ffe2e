// SPDX-License-Identifier: MIT
/*
 * Models: a .loom file in memory, an instance of it on the device, its profile in the scheduler.
 *
 * Loading copies the file first (a client could truncate what it passed) and is done in the loop:
 * other clients wait for some milliseconds, which is what loading costs here.
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

int models_init(struct loomd *d)
{
	d->models = calloc(d->options.max_models, sizeof(*d->models));
	if (!d->models)
		return -ENOMEM;
	for (unsigned int i = 0; i < d->options.max_models; i++)
		d->models[i] = (struct model) { .index = i, .sched = -1 };
	return 0;
}

static bool in_use(const struct model *m)
{
	return m->handle && m->sched >= 0;
}

struct model *model_find(struct loomd *d, const char *name)
{
	for (unsigned int i = 0; i < d->options.max_models; i++)
		if (in_use(&d->models[i]) && !strcmp(d->models[i].name, name))
			return &d->models[i];
	return NULL;
}

struct model *model_by_handle(struct loomd *d, uint32_t handle)
{
	unsigned int index = handle & 0xff;

	if (!handle || index >= d->options.max_models)
		return NULL;
	return d->models[index].handle == handle && in_use(&d->models[index]) ?
	       &d->models[index] : NULL;
}

static struct model *free_model(struct loomd *d)
{
	for (unsigned int i = 0; i < d->options.max_models; i++)
		if (!d->models[i].handle)
			return &d->models[i];
	return NULL;
}

/* ---- the instance on the device ---- */

static int instance_open(struct loomd *d, struct model *m, struct proto_error *e)
{
	struct instance *in = &m->instance;
	int slot = device_slot_get(&d->device), err;

	if (slot < 0)
		return proto_fail(e, slot, "%s: no VM slot is free", m->name);
	err = loom_instance_create(d->device.dev, m->loom, d->options.inflight, &in->loom);
	if (err)
		goto put_slot;
	err = loom_queue_set_vm(d->device.queue, slot, loom_instance_vm(in->loom));
	if (err)
		goto destroy_instance;
	in->slot = (unsigned int)slot;
	in->io_used = 0;
	in->at_device = 0;
	in->dead = false;
	return 0;
destroy_instance:
	loom_instance_destroy(in->loom);
	in->loom = NULL;
put_slot:
	device_slot_put(&d->device, slot);
	return proto_fail(e, err, "%s: %s", m->name, loom_error());
}

static void instance_close(struct loomd *d, struct instance *in)
{
	if (!in->loom)
		return;
	loom_queue_set_vm(d->device.queue, in->slot, NULL);
	region_forget(in);
	loom_instance_destroy(in->loom);
	device_slot_put(&d->device, in->slot);
	in->loom = NULL;
}

int model_rebuild(struct loomd *d, struct model *m)
{
	uint64_t before = device_ioctls(&d->device);
	struct proto_error e;
	int err;

	instance_close(d, &m->instance);
	err = instance_open(d, m, &e);
	if (err) {
		memcpy(m->broken, e.text, sizeof(m->broken));
		log_text(LOG_ERROR, "could not be rebuilt after a fault: %s", e.text);
	} else {
		m->stats.rebuilds++;
		log_text(LOG_INFO, "model %s has a new VM after a fault", m->name);
	}
	m->instance.dead = false;
	d->device.stats.admin_ioctls += device_ioctls(&d->device) - before;
	return err;
}

/* ---- the profile ---- */

/* Inputs and outputs share the DRAM channel with the weights. */
static uint64_t dram_ps(const struct loom_hw_caps *caps, uint64_t bytes)
{
	return (uint64_t)((unsigned __int128)bytes * 1000000 / caps->dram_mbps);
}

/* Slices and host steps in the order in which a request goes through them. */
static int make_steps(struct loomd *d, struct model *m)
{
	const struct loom_elf_info *info = loom_model_info(m->loom);
	const struct loom_elf_host_step *host;
	unsigned int next = 0;

	m->steps = calloc(info->num_slices + info->num_host_steps, sizeof(*m->steps));
	if (!m->steps)
		return -ENOMEM;
	for (unsigned int i = 0; i <= info->num_slices; i++) {
		while ((host = loom_model_host_step(m->loom, next)) && host->slice == i)
			m->steps[m->num_steps++] = (struct model_step) { true, next++ };
		if (i < info->num_slices)
			m->steps[m->num_steps++] = (struct model_step) { false, i };
	}
	return info->num_host_steps ? host_start(d) : 0;
}

static int make_profile(struct loomd *d, struct model *m)
{
	const struct loom_hw_caps *caps = loom_dev_caps(d->device.dev);
	unsigned int num = loom_model_info(m->loom)->num_slices;
	const struct loom_elf_slice *s;

	m->profile = calloc(m->num_steps, sizeof(*m->profile));
	if (!m->profile)
		return -ENOMEM;
	for (unsigned int k = 0; k < m->num_steps; k++) {
		unsigned int i = m->steps[k].index;

		if (m->steps[k].host) {
			m->profile[k] = (struct sched_slice) { .layer_end = true, .host = true };
			continue;
		}
		s = loom_model_slice(m->loom, i);
		m->profile[k] = (struct sched_slice) {
			.comp_ps = s->compute_ps,
			.mem_ps = dram_ps(caps, s->weight_bytes + s->dma_bytes),
			.bytes = s->weight_bytes,
			.layer_end = i + 1 == num ||
				     loom_model_slice(m->loom, i + 1)->layer != s->layer,
		};
	}
	return 0;
}

static int schedule(struct loomd *d, struct model *m)
{
	int err = make_profile(d, m);

	if (err)
		return err;
	m->sched = feed_model(d, m);
	return m->sched < 0 ? m->sched : 0;
}

/* ---- loading ---- */

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

static int set_name(struct loomd *d, struct model *m, const char *name, struct proto_error *e)
{
	bool given = name[0];

	if (!given)
		name = loom_model_name(m->loom);
	if (!proto_name_ok(name) || strlen(name) >= sizeof(m->name))
		return proto_fail(e, -EINVAL, "load: %s '%.64s' is no name for a model: A-Z a-z "
				  "0-9 . _ - + only, at most %zu, not starting with '.'",
				  given ? "name" : "the file's own name", name,
				  sizeof(m->name) - 1);
	if (model_find(d, name))
		return proto_fail(e, -EEXIST, "load: a model '%s' is loaded", name);
	strcpy(m->name, name);
	return 0;
}

static int bring_up(struct loomd *d, struct model *m, const void *data, const char *name,
		    struct proto_error *e)
{
	int err = loom_model_open_memory(data, m->size, &m->loom);

	if (err)
		return proto_fail(e, err, "load: %s", loom_error());
	err = check_shape(m->loom, e);
	if (!err)
		err = set_name(d, m, name, e);
	if (!err)
		err = instance_open(d, m, e);
	if (err)
		goto close_model;
	err = make_steps(d, m);
	if (!err)
		err = schedule(d, m);
	if (err)
		goto close_instance;
	return 0;
close_instance:
	proto_fail(e, err, "load: the scheduler does not take it: %s", strerror(-err));
	instance_close(d, &m->instance);
close_model:
	loom_model_close(m->loom);
	return err;
}

static void clear(struct model *m)
{
	free(m->steps);
	free(m->profile);
	*m = (struct model) { .index = m->index, .sched = -1 };
}

static int load(struct loomd *d, const void *data, size_t size, const char *name,
		struct model **out, struct proto_error *e)
{
	struct model *m = free_model(d);
	int err;

	if (!m)
		return proto_fail(e, -ENOSPC, "load: %u models are loaded, the most there may be",
				  d->options.max_models);
	m->size = size;
	err = bring_up(d, m, data, name, e);
	if (err) {
		clear(m);
		return err;
	}
	d->model_generation++;
	m->handle = (d->model_generation & 0x7fffff) << 8 | 0x80000000 | m->index;
	m->trace_name = trace_name(&d->trace, m->name);
	log_text(LOG_INFO, "model %s: %u slices, %zu bytes", m->name,
		 loom_model_info(m->loom)->num_slices, size);
	*out = m;
	return 0;
}

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

/* A model that cannot be remembered works, until a restart: say so where administrators look. */
static void remember_it(struct loomd *d, struct model *m, const void *data)
{
	int err = state_save(d, m->name, data, m->size);

	m->remembered = !err;
	if (err)
		log_text(LOG_WARNING, "--state %s: model %s will not be remembered: %s",
			 d->options.state, m->name, strerror(-err));
}

int model_load_fd(struct loomd *d, int fd, const char *name, bool remember, struct proto_error *e)
{
	struct model *m = NULL;
	void *data = NULL;
	size_t size = 0;
	int err = copy_file(fd, &data, &size, e);

	if (err)
		return err;
	err = load(d, data, size, name, &m, e);
	if (!err && remember && d->options.state)
		remember_it(d, m, data);
	free(data);
	return err;
}

int model_load_path(struct loomd *d, const char *path, const char *name, bool remembered,
		    struct proto_error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;
	struct model *m;

	if (fd < 0)
		return proto_fail(e, -errno, "%s: %s", path, strerror(errno));
	err = model_load_fd(d, fd, name, false, e);
	close(fd);
	m = err ? NULL : model_find(d, name);
	if (m)
		m->remembered = remembered;
	return err;
}

/* ---- unloading ---- */

static void bury(struct loomd *d, struct model *m)
{
	instance_close(d, &m->instance);
	loom_model_close(m->loom);
	clear(m);
}

int model_unload(struct loomd *d, const char *name, struct proto_error *e)
{
	struct model *m = model_find(d, name);

	if (!m)
		return proto_fail(e, -ENOENT, "unload: no model '%s' is loaded", name);
	if (m->remembered)
		state_remove(d, name);
	feed_remove_model(d, m);
	m->sched = -1;
	log_text(LOG_INFO, "model %s unloaded", name);
	if (!m->num_requests)
		bury(d, m);
	return 0;
}

void model_put(struct loomd *d, struct model *m)
{
	if (!--m->num_requests && m->sched < 0)
		bury(d, m);
}

void models_fini(struct loomd *d)
{
	for (unsigned int i = 0; d->models && i < d->options.max_models; i++)
		if (d->models[i].handle)
			bury(d, &d->models[i]);
	free(d->models);
}

/* ---- at start ---- */

static void preload_one(struct loomd *d, const char *path, const char *name)
{
	struct proto_error e;

	if (model_load_path(d, path, name, false, &e))
		log_text(LOG_ERROR, "--preload %s: %s", path, e.text);
}

static void preload(struct loomd *d, const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	char name[LOOM_PROTO_NAME_MAX] = "";
	struct stat st;
	size_t length = strlen(base);

	if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
		state_each(path, preload_one, d);
		return;
	}
	if (length > 5 && !strcmp(base + length - 5, ".loom"))
		length -= 5;
	if (length < sizeof(name))
		memcpy(name, base, length);
	preload_one(d, path, proto_name_ok(name) ? name : "");
}

void model_preload(struct loomd *d)
{
	for (unsigned int i = 0; i < d->options.num_preload; i++)
		preload(d, d->options.preload[i]);
}

json_t *models_list(struct loomd *d)
{
	json_t *list = json_array();
	const struct loom_elf_info *info;
	const struct model *m;

	for (unsigned int i = 0; i < d->options.max_models; i++) {
		m = &d->models[i];
		if (!in_use(m))
			continue;
		info = loom_model_info(m->loom);
		json_array_append_new(list, json_pack(
			"{s:s s:s s:i s:i s:i s:i s:i s:I s:I s:I s:I s:b s:s s:I}",
			"name", m->name,
			"graph", loom_model_name(m->loom),
			"layers", info->num_layers,
			"slices", info->num_slices,
			"host_steps", info->num_host_steps,
			"inputs", info->num_inputs,
			"outputs", info->num_outputs,
			"io_bytes", (json_int_t)info->io_bytes,
			"weight_bytes", (json_int_t)info->weight_bytes,
			"macs", (json_int_t)info->macs,
			"lease_bytes", (json_int_t)info->lease_bytes,
			"remembered", m->remembered,
			"broken", m->broken,
			"requests", (json_int_t)m->stats.requests));
	}
	return json_pack("{s:o}", "models", list);
}
