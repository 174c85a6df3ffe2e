// SPDX-License-Identifier: MIT
/* Rows of figures as JSON and as a picture: bars of gain, with the bound as a line over each. */
#include <errno.h>
#include <jansson.h>
#include <cairo/cairo.h>
#include <cairo/cairo-svg.h>
#include <math.h>
#include <string.h>

#include "bench.h"
#include "experiment.h"
#include "report.h"

static json_t *models_json(const struct grid_row *r)
{
	json_t *list = json_array();
	unsigned int i;

	for (i = 0; i < r->num_models; i++)
		json_array_append_new(list, json_string(r->models[i]->name));
	return list;
}

static json_t *row_json(const struct grid *g, const char *kind, const struct grid_row *r)
{
	return json_pack("{s:o s:s s:i s:s s:s s:s s:s s:f s:f s:f s:f s:f s:f s:f s:f s:I s:s s:s}",
			 kind, models_json(r), "preset", g->machine.preset, "batch", (int)g->batch,
			 "policy", r->policy, "release", g->release_layer ? "layer" : "tile",
			 "arrivals", r->strict ? "strict" : "queued", "device", g->machine.spec,
			 "stp_gain", 100 * (r->stp - 1), "bound_gain", 100 * (r->bound - 1),
			 "closed_gain", 100 * (r->closed - 1), "antt", r->antt,
			 "max_slowdown", r->max_slowdown, "mac_busy", r->f.mac,
			 "dram_busy", r->f.dram, "compute_busy", r->f.compute,
			 "weight_sram", (json_int_t)g->machine.buffer_bytes, "engine", g->engine->name,
			 "activations", g->machine.activations);
}

int grid_json(const struct grid *g, const char *kind, const struct grid_row *rows, unsigned int num)
{
	json_t *list = json_array();
	unsigned int i;
	int err;

	for (i = 0; i < num; i++)
		json_array_append_new(list, row_json(g, kind, &rows[i]));
	err = json_dump_file(list, g->json, JSON_INDENT(1));
	json_decref(list);
	return err ? bench_fail(-EIO, "%s: cannot write", g->json) : 0;
}

/* ---- picture ---- */

#define ROW_HEIGHT 15
#define GROUP_GAP 9
#define LEFT 250
#define RIGHT 70
#define TOP 64
#define WIDTH 900

struct picture {
	cairo_t *c;
	double y, scale;	/* pixels per unit of gain */
};

static unsigned int policy_number(const struct grid *g, const char *policy)
{
	size_t len = strcspn(policy, ":");
	unsigned int i;

	for (i = 0; i < g->num_policies; i++)
		if (strcspn(g->policies[i], ":") == len && !strncmp(g->policies[i], policy, len))
			return i;
	return 0;
}

static void text(struct picture *p, double x, double y, const char *s, double align)
{
	cairo_text_extents_t e;

	cairo_set_source_rgb(p->c, 0.15, 0.15, 0.15);
	cairo_text_extents(p->c, s, &e);
	cairo_move_to(p->c, x - align * e.x_advance, y);
	cairo_show_text(p->c, s);
}

static void bar(struct picture *p, const struct grid *g, const struct grid_row *r)
{
	const double *rgb = report_colours[policy_number(g, r->policy) % REPORT_COLOURS];
	double w = fmax(0, r->stp - 1) * p->scale, bound = (r->bound - 1) * p->scale;
	char label[32];

	cairo_set_source_rgba(p->c, rgb[0], rgb[1], rgb[2], r->strict ? 0.6 : 1);
	cairo_rectangle(p->c, LEFT, p->y, w, ROW_HEIGHT - 3);
	cairo_fill(p->c);
	cairo_set_source_rgb(p->c, 0, 0, 0);
	cairo_rectangle(p->c, LEFT + bound - 0.75, p->y - 1, 1.5, ROW_HEIGHT - 1);
	cairo_fill(p->c);
	snprintf(label, sizeof(label), "%.1f", 100 * (r->stp - 1));
	text(p, LEFT + fmax(w, bound) + 6, p->y + ROW_HEIGHT - 5, label, 0);
	p->y += ROW_HEIGHT;
}

static bool same_models(const struct grid_row *a, const struct grid_row *b)
{
	return a->num_models == b->num_models && a->strict == b->strict &&
	       !memcmp(a->models, b->models, a->num_models * sizeof(a->models[0]));
}

static void group_head(struct picture *p, const struct grid_row *r)
{
	char name[256], label[300];

	grid_name(r, name, sizeof(name));
	snprintf(label, sizeof(label), "%s%s", name, r->strict ? ", strict" : "");
	p->y += GROUP_GAP;
	text(p, LEFT - 10, p->y + ROW_HEIGHT - 4, label, 1);
}

static void legend(struct picture *p, const struct grid *g, const char *title)
{
	double x = LEFT;
	const double *rgb;
	unsigned int i;

	text(p, 12, 26, title, 0);
	for (i = 0; i < g->num_policies; i++) {
		rgb = report_colours[i % REPORT_COLOURS];
		cairo_set_source_rgb(p->c, rgb[0], rgb[1], rgb[2]);
		cairo_rectangle(p->c, x, 42, 11, 11);
		cairo_fill(p->c);
		text(p, x + 16, 52, g->policies[i], 0);
		x += 120;
	}
	text(p, x, 52, "| bound", 0);
}

int grid_svg(const struct grid *g, const char *title, const struct grid_row *rows, unsigned int num)
{
	unsigned int i, groups = 0;
	struct picture p = { .y = TOP };
	cairo_surface_t *s;
	double most = 0.01;
	char full[400];
	int err;

	for (i = 0; i < num; i++) {
		groups += !i || !same_models(&rows[i], &rows[i - 1]);
		most = fmax(most, fmax(rows[i].bound, rows[i].stp) - 1);
	}
	s = cairo_svg_surface_create(g->svg, WIDTH, TOP + 20 + num * ROW_HEIGHT + groups * GROUP_GAP);
	p.c = cairo_create(s);
	p.scale = (WIDTH - LEFT - RIGHT) / most;
	cairo_set_source_rgb(p.c, 1, 1, 1);
	cairo_paint(p.c);
	cairo_select_font_face(p.c, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(p.c, 11);
	snprintf(full, sizeof(full), "%s (%s, batch %u, activations=%s, release=%s)", title, g->machine.spec,
		 g->batch, g->machine.activations, g->release_layer ? "layer" : "tile");
	legend(&p, g, full);
	for (i = 0; i < num; i++) {
		if (!i || !same_models(&rows[i], &rows[i - 1]))
			group_head(&p, &rows[i]);
		bar(&p, g, &rows[i]);
	}
	cairo_destroy(p.c);
	cairo_surface_finish(s);
	err = cairo_surface_status(s);
	cairo_surface_destroy(s);
	report_forget_fonts();
	return err ? bench_fail(-EIO, "%s: cannot write", g->svg) : 0;
}
