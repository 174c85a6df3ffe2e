// SPDX-License-Identifier: MIT
#include <errno.h>
#include <jansson.h>

#include "bench.h"
#include "qos.h"

static json_t *streams_json(const struct qos_row *r)
{
	json_t *list = json_array();
	unsigned int i;

	for (i = 0; i < r->streams.num; i++)
		json_array_append_new(list, json_pack("{s:s s:f s:f s:i}",
			"network", r->streams.models[i]->name, "qps_at_load_1", r->streams.unit[i].qps,
			"deadline_ms", 1e3 * r->streams.unit[i].bound, "late", (int)r->late[i]));
	return list;
}

static json_t *seeds_json(const struct qos *q, const struct qos_row *r)
{
	json_t *list = json_array();
	unsigned int i;

	for (i = 0; i < q->num_seeds; i++)
		json_array_append_new(list, json_pack("{s:I s:f}", "seed", (json_int_t)q->seeds[i],
						      "load", r->loads[i]));
	return list;
}

static json_t *row_json(const struct qos *q, const struct qos_row *r)
{
	return json_pack("{s:s s:s s:s s:s s:i s:s s:s s:f s:f s:f s:i s:s s:o s:o}",
			 "mix", r->streams.mix->name, "device", q->grid.machine.spec,
			 "preset", q->grid.machine.preset, "activations", q->grid.machine.activations,
			 "batch", (int)q->grid.batch,
			 "policy", r->policy, "engine", q->grid.engine->name,
			 "load", r->load, "bound", r->streams.bound, "worst_late_ms", 1e3 * r->worst_late,
			 "arrivals", (int)r->streams.num_arrivals, "late", q->drop_late ? "drop" : "serve",
			 "seeds", seeds_json(q, r), "streams", streams_json(r));
}

int qos_json(const struct qos *q)
{
	json_t *list = json_array();
	unsigned int i;
	int err;

	for (i = 0; i < q->num_rows; i++)
		json_array_append_new(list, row_json(q, &q->rows[i]));
	err = json_dump_file(list, q->grid.json, JSON_INDENT(1));
	json_decref(list);
	return err ? bench_fail(-EIO, "%s: cannot write", q->grid.json) : 0;
}
