// SPDX-License-Identifier: MIT
/* The figures as a table and as results.json. */
#include <stdio.h>
#include <string.h>

#include "report.h"

const char *policy_title(const char *policy)
{
	return strcmp(policy, "fifo") ? policy : "fifo (one at a time)";
}

static const char *text(const struct report *r, const char *key)
{
	const char *s = json_string_value(json_object_get(r->raw, key));

	return s ? s : "?";
}

static void print_versions(const struct report *r, FILE *out)
{
	const char *key, *separator = "";
	json_t *v;

	json_object_foreach(json_object_get(r->raw, "versions"), key, v) {
		fprintf(out, "%s%s %s", separator, key, json_string_value(v));
		separator = ", ";
	}
	fputc('\n', out);
}

static unsigned int width(const struct report_model *m)
{
	size_t n = strlen(m->name) + 4;

	return n > 12 ? (unsigned int)n : 12;
}

static void print_head(const struct report *r, FILE *out)
{
	unsigned int i;

	fprintf(out, "\n%-22s", "policy");
	for (i = 0; i < r->num_models; i++)
		fprintf(out, " %*s q/s", (int)width(&r->models[i]) - 4, r->models[i].name);
	fprintf(out, "%8s%8s%11s%11s\n", "STP", "ANTT", "MAC busy", "DRAM busy");
}

static void print_phase(const struct report *r, const struct report_phase *p, FILE *out)
{
	char name[128];
	unsigned int i;

	if (p->alone)
		snprintf(name, sizeof(name), "alone");
	else
		snprintf(name, sizeof(name), "%s", policy_title(p->policy));
	fprintf(out, "%-22s", name);
	for (i = 0; i < r->num_models; i++)
		if (i >= p->first && i < p->first + p->num)
			fprintf(out, " %*.1f", (int)width(&r->models[i]), p->qps[i]);
		else
			fprintf(out, " %*s", (int)width(&r->models[i]), "-");
	if (p->alone)
		fprintf(out, "%8s%8s", "1", "1");
	else
		fprintf(out, "%8.3f%8.3f", p->stp, p->antt);
	fprintf(out, "%10.1f%%%10.1f%%\n", 100 * p->mac, 100 * p->dram);
}

static void print_bound(const struct report *r, FILE *out)
{
	unsigned int i;

	fprintf(out, "%-22s", "upper bound");
	for (i = 0; i < r->num_models; i++)
		fprintf(out, " %*s", (int)width(&r->models[i]), "");
	fprintf(out, "%8.3f\n", r->bound);
}

static double per(double a, double b)
{
	return b > 0 ? a / b : 0;
}

static void print_steady(const struct report_phase *p, FILE *out)
{
	fprintf(out, "%s: ", p->policy);
	if (p->instructions > 0)
		fprintf(out, "%.0f guest instructions per slice, ", per(p->instructions, p->slices_run));
	fprintf(out, "%.2f slices and %.2f SQEs per io_uring_enter, %.3f ioctls per slice, "
		"device dry %.0f times\n", per(p->jobs, p->enters), per(p->sqes, p->enters),
		per(p->ioctls, p->jobs), p->dry);
}

void table_print(const struct report *r, FILE *out)
{
	unsigned int i;

	fprintf(out, "Loom, %s: %d queued, release=%s, activations=%s; ", text(r, "preset"),
		(int)json_integer_value(json_object_get(r->raw, "queued")), text(r, "release"),
		text(r, "activations"));
	print_versions(r, out);
	print_head(r, out);
	for (i = 0; i < r->num_phases; i++)
		print_phase(r, &r->phases[i], out);
	print_bound(r, out);
	fputc('\n', out);
	for (i = 0; i < r->num_phases; i++)
		if (!r->phases[i].alone)
			print_steady(&r->phases[i], out);
	fprintf(out, "outputs: %s in every phase\n", r->same_bytes ? "the same bytes" : "NOT the same bytes");
}

/* ---- results.json ---- */

static json_t *qps_json(const struct report *r, const struct report_phase *p)
{
	json_t *o = json_object();
	unsigned int i;

	for (i = p->first; i < p->first + p->num; i++)
		json_object_set_new(o, r->models[i].name, json_real(p->qps[i]));
	return o;
}

static json_t *policy_json(const struct report *r, const struct report_phase *p)
{
	return json_pack("{s:f s:f s:f s:f s:f s:o s:f s:f s:f s:f s:f s:f s:I s:I}",
			 "stp", p->stp, "antt", p->antt, "mac_busy", p->mac, "dram_busy", p->dram,
			 "compute_busy", p->compute, "qps", qps_json(r, p),
			 "instructions_per_slice", per(p->instructions, p->slices_run),
			 "slices_per_enter", per(p->jobs, p->enters),
			 "sqes_per_enter", per(p->sqes, p->enters),
			 "ioctls_per_slice", per(p->ioctls, p->jobs), "dry", p->dry,
			 "seconds", p->seconds, "queries", (json_int_t)p->replies,
			 "outputs_compared", (json_int_t)p->checked);
}

static json_t *alone_json(const struct report *r)
{
	json_t *o = json_object();
	unsigned int i;

	for (i = 0; i < r->num_models; i++) {
		const struct report_model *m = &r->models[i];

		json_object_set_new(o, m->name, json_pack("{s:f s:f s:f s:f}", "period_s", m->period,
			"compute_s", m->compute, "mac_s", m->mac, "dram_s", m->dram));
	}
	return o;
}

static const struct report_phase *woven(const struct report *r)
{
	return r->num_phases ? &r->phases[r->num_phases - 1] : NULL;
}

json_t *results_json(const struct report *r)
{
	json_t *models = json_array(), *policies = json_object();
	const struct report_phase *w = woven(r);
	unsigned int i;

	for (i = 0; i < r->num_models; i++)
		json_array_append_new(models, json_string(r->models[i].name));
	for (i = 0; i < r->num_phases; i++)
		if (!r->phases[i].alone)
			json_object_set_new(policies, r->phases[i].policy, policy_json(r, &r->phases[i]));
	return json_pack("{s:s s:o s:{s:f} s:o s:f s:f s:O s:o s:f s:f s:b s:O s:O s:O s:O s:O}",
			 "preset", text(r, "preset"), "models", models, "bound", "stp", r->bound,
			 "policies", policies,
			 "instructions_per_slice", per(w->instructions, w->slices_run),
			 "sqes_per_enter", per(w->sqes, w->enters), "outputs", r->outputs,
			 "alone", alone_json(r), "ioctls_per_slice", per(w->ioctls, w->jobs),
			 "dry", w->dry, "outputs_identical", r->same_bytes,
			 "queued", json_object_get(r->raw, "queued"),
			 "release", json_object_get(r->raw, "release"),
			 "activations", json_object_get(r->raw, "activations"),
			 "lane", json_object_get(r->raw, "lane"),
			 "versions", json_object_get(r->raw, "versions"));
}
