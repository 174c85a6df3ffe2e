// SPDX-License-Identifier: MIT
/* What `run` wrote, back into structures; nothing in it is believed without a look. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

static json_t *load_json(const char *dir, const char *name)
{
	json_error_t error;
	char path[4096];
	json_t *json;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	json = json_load_file(path, 0, &error);
	if (!json)
		bench_fail(-EINVAL, "%s: %s", path, error.text);
	return json;
}

static int find_model(const struct report *r, const char *name)
{
	unsigned int i;

	for (i = 0; name && i < r->num_models; i++)
		if (!strcmp(r->models[i].name, name))
			return (int)i;
	return -1;
}

static uint64_t u64(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

static int load_slice(const struct report *r, const json_t *j, struct report_slice *s)
{
	int model = find_model(r, json_string_value(json_object_get(j, "model")));
	const char *layer = json_string_value(json_object_get(j, "layer"));

	if (model < 0 || !json_is_integer(json_object_get(j, "compute_end")))
		return -EINVAL;
	*s = (struct report_slice) {
		.model = (unsigned int)model, .slice = (unsigned int)u64(j, "slice"),
		.request = u64(j, "request"), .layer = layer ? layer : "",
		.fetch_start = u64(j, "fetch_start"), .fetch_end = u64(j, "fetch_end"),
		.dma_start = u64(j, "dma_start"), .dma_end = u64(j, "dma_end"),
		.compute_start = u64(j, "compute_start"), .compute_end = u64(j, "compute_end"),
		.fetch_busy = u64(j, "fetch_busy"), .dma_busy = u64(j, "dma_busy"),
		.compute_busy = u64(j, "mac_busy") + u64(j, "vector_busy"),
	};
	return 0;
}

static int load_trace(const struct report *r, struct report_phase *p)
{
	char name[256];
	json_t *list;
	size_t i;

	snprintf(name, sizeof(name), "trace-%s.json", p->name);
	p->trace = load_json(r->dir, name);
	list = json_object_get(p->trace, "slices");
	if (!json_is_array(list))
		return bench_fail(-EINVAL, "%s/%s has no slices", r->dir, name);
	if (u64(p->trace, "lost"))
		return bench_fail(-EINVAL, "%s/%s: %llu slices were lost; take fewer --queries, or give "
				  "loomd --trace-slices", r->dir, name,
				  (unsigned long long)u64(p->trace, "lost"));
	p->num_slices = json_array_size(list);
	p->slices = calloc(p->num_slices + 1, sizeof(*p->slices));
	for (i = 0; i < p->num_slices; i++)
		if (load_slice(r, json_array_get(list, i), &p->slices[i]))
			return bench_fail(-EINVAL, "%s/%s: slice %zu is not one", r->dir, name, i);
	return 0;
}

static double change(const json_t *phase, const char *key)
{
	return (double)(u64(json_object_get(phase, "end"), key) -
			u64(json_object_get(phase, "start"), key));
}

static uint64_t sum(const json_t *object)
{
	const char *key;
	uint64_t n = 0;
	json_t *v;

	json_object_foreach((json_t *)object, key, v)
		n += (uint64_t)json_integer_value(v);
	return n;
}

static void load_counts(const json_t *j, struct report_phase *p)
{
	double ns = change(j, "device_ns");

	p->from = u64(json_object_get(j, "start"), "device_ns");
	p->to = u64(json_object_get(j, "end"), "device_ns");
	p->seconds = 1e-9 * ns;
	p->mac = change(j, "mac_busy") / ns;
	p->compute = change(j, "compute_busy") / ns;
	p->dram = change(j, "dram_busy") / ns;
	p->instructions = change(j, "instructions");
	p->interrupts = change(j, "interrupts");
	p->enters = change(j, "enters");
	p->sqes = change(j, "sqes");
	p->jobs = change(j, "jobs");
	p->ioctls = change(j, "ioctls");
	p->dry = change(j, "dry");
	p->faults = change(j, "policy_faults");
	p->replies = sum(json_object_get(j, "replies"));
	p->checked = sum(json_object_get(j, "checked"));
}

static int load_phase(struct report *r, const json_t *j)
{
	struct report_phase *p = &r->phases[r->num_phases];
	json_t *models = json_object_get(j, "models");
	int first;

	if (r->num_phases == REPORT_MAX_PHASES)
		return bench_fail(-E2BIG, "too many phases");
	r->num_phases++;
	p->name = json_string_value(json_object_get(j, "name"));
	p->policy = json_string_value(json_object_get(j, "policy"));
	first = find_model(r, json_string_value(json_array_get(models, 0)));
	if (!p->name || !p->policy || first < 0)
		return bench_fail(-EINVAL, "raw.json: phase %u is incomplete", r->num_phases);
	p->alone = !strncmp(p->name, "alone-", 6);
	p->first = (unsigned int)first;
	p->num = (unsigned int)json_array_size(models);
	if (p->first + p->num > r->num_models)
		return bench_fail(-EINVAL, "raw.json: phase %s names too many models", p->name);
	load_counts(j, p);
	if (p->to <= p->from)
		return bench_fail(-EINVAL, "raw.json: phase %s took no time", p->name);
	return load_trace(r, p);
}

static int load_models(struct report *r)
{
	json_t *list = json_object_get(r->raw, "models"), *j;
	size_t i;

	json_array_foreach(list, i, j) {
		if (i == BENCH_MAX_MODELS)
			return bench_fail(-E2BIG, "raw.json: too many models");
		r->models[i].name = json_string_value(json_object_get(j, "name"));
		if (!r->models[i].name)
			return bench_fail(-EINVAL, "raw.json: model %zu has no name", i);
		r->num_models++;
	}
	return r->num_models ? 0 : bench_fail(-EINVAL, "raw.json names no models");
}

int report_load(struct report *r, const char *dir)
{
	json_t *j;
	size_t i;
	int err;

	*r = (struct report) { .dir = dir, .outputs = json_object() };
	r->raw = load_json(dir, "raw.json");
	if (!r->raw)
		return -EINVAL;
	if (u64(r->raw, "version") != 1)
		return bench_fail(-EINVAL, "%s/raw.json: version %llu, this program reads 1", dir,
				  (unsigned long long)u64(r->raw, "version"));
	err = load_models(r);
	json_array_foreach(json_object_get(r->raw, "phases"), i, j) {
		if (!err)
			err = load_phase(r, j);
	}
	return err;
}

void report_free(struct report *r)
{
	unsigned int i;

	for (i = 0; i < r->num_phases; i++) {
		free(r->phases[i].slices);
		json_decref(r->phases[i].trace);
	}
	json_decref(r->outputs);
	json_decref(r->raw);
}
