// SPDX-License-Identifier: MIT
/*
 * Models: a .loom file in memory, an instance of it on the device, its profile in the scheduler. How
 * they come to be is load.c's.
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

static struct model *free_model(const struct loomd *d)
{
	for (unsigned int i = 0; i < d->options.max_models; i++)
		if (!d->models[i].handle)
			return &d->models[i];
	return NULL;
}

/* ---- the instance on the device ---- */

/* Its address spaces leave the queue. */
static void instance_detach(struct loomd *d, struct instance *in)
{
	while (in->num_leases--) {
		loom_queue_set_vm(d->device.queue, in->slot[in->num_leases], NULL);
		device_slot_put(&d->device, in->slot[in->num_leases]);
	}
	in->num_leases = 0;
}

/* One of its address spaces becomes one of the queue's. */
static int attach_lease(struct loomd *d, struct model *m, struct proto_error *e)
{
	struct instance *in = &m->instance;
	int slot = device_slot_get(&d->device), err;

	if (slot < 0)
		return proto_fail(e, slot, "%s: no VM slot is free", m->name);
	err = loom_queue_set_vm(d->device.queue, slot, loom_instance_lease_vm(in->loom, in->num_leases));
	if (err) {
		device_slot_put(&d->device, slot);
		return proto_fail(e, err, "%s: %s", m->name, loom_error());
	}
	in->slot[in->num_leases++] = (unsigned int)slot;
	return 0;
}

static int instance_attach(struct loomd *d, struct model *m, struct loom_instance *loom,
			   struct proto_error *e)
{
	unsigned int num = loom_instance_num_leases(loom);
	int err = 0;

	m->instance = (struct instance) { .loom = loom };
	while (!err && m->instance.num_leases < num)
		err = attach_lease(d, m, e);
	if (err) {
		instance_detach(d, &m->instance);
		m->instance.loom = NULL;
	}
	return err;
}

int model_instance(struct loomd *d, const struct loom_model *loom, struct loom_instance **out)
{
	int err = loom_instance_create(d->device.dev, loom, d->options.inflight, out);

	while (!err && loom_instance_num_leases(*out) < d->options.leases)
		if (loom_instance_add_lease(d->device.dev, *out)) {
			log_text(LOG_WARNING, "model %s: one lease is all there is room for, its requests run one after "
				 "the other: %s", loom_model_name(loom), loom_error());
			break;
		}
	return err;
}

static int instance_open(struct loomd *d, struct model *m, struct proto_error *e)
{
	struct loom_instance *loom;
	int err = model_instance(d, m->loom, &loom);

	if (err)
		return proto_fail(e, err, "%s: %s", m->name, loom_error());
	err = instance_attach(d, m, loom, e);
	if (err)
		loom_instance_destroy(loom);
	return err;
}

static void instance_close(struct loomd *d, struct instance *in)
{
	if (!in->loom)
		return;
	instance_detach(d, in);
	region_forget(in);
	loom_instance_destroy(in->loom);
	in->loom = NULL;
}

int model_rebuild(struct loomd *d, struct model *m)
{
	uint64_t before = loom_thread_ioctls();
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
	d->device.stats.admin_ioctls += loom_thread_ioctls() - before;
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
	return info->num_host_steps ? worker_start(d, WORKER_HOST_STEPS) : 0;
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

/* What was made goes back to who made it if this fails. */
static int bring_up(struct loomd *d, struct model *m, struct loom_instance *instance, const char *name,
		    struct proto_error *e)
{
	int err = set_name(d, m, name, e);

	if (!err)
		err = instance_attach(d, m, instance, e);
	if (err)
		return err;
	err = make_steps(d, m);
	if (!err)
		err = schedule(d, m);
	if (!err)
		return 0;
	instance_detach(d, &m->instance);
	return proto_fail(e, err, "load: the scheduler does not take it: %s", strerror(-err));
}

static void clear(struct model *m)
{
	free(m->steps);
	free(m->profile);
	*m = (struct model) { .index = m->index, .sched = -1 };
}

bool models_full(const struct loomd *d)
{
	return !free_model(d);
}

int model_add(struct loomd *d, struct loom_model *loom, struct loom_instance *instance, size_t size,
	      const char *name, struct model **out, struct proto_error *e)
{
	struct model *m = free_model(d);
	int err;

	if (!m)
		return proto_fail(e, -ENOSPC, "load: %u models are loaded, the most there may be",
				  d->options.max_models);
	m->size = size;
	m->loom = loom;
	err = bring_up(d, m, instance, name, e);
	if (err) {
		clear(m);
		return err;
	}
	d->model_generation++;
	m->handle = (d->model_generation & 0x7fffff) << 8 | 0x80000000 | m->index;
	m->trace_name = trace_name(&d->trace, m->name);
	log_text(LOG_INFO, "model %s: %u slices, %zu bytes, %u lease%s of %u bytes", m->name,
		 loom_model_info(m->loom)->num_slices, size, m->instance.num_leases,
		 m->instance.num_leases == 1 ? "" : "s", loom_model_info(m->loom)->lease_bytes);
	*out = m;
	return 0;
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

	if (load_path(d, path, name, false, &e))
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
			"{s:s s:s s:i s:i s:i s:i s:i s:I s:I s:I s:I s:i s:b s:s s:I}",
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
			"leases", (int)m->instance.num_leases,
			"remembered", m->remembered,
			"broken", m->broken,
			"requests", (json_int_t)m->stats.requests));
	}
	return json_pack("{s:o}", "models", list);
}
