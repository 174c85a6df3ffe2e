// SPDX-License-Identifier: MIT
/*
 * timeline.png: the fetch and the compute stream of each policy, coloured by model, on one time scale.
 * A bar is as strong as its engine was busy in it: one that waited for room or weights is pale.
 */
#include <cairo/cairo.h>
#include <errno.h>
#include <fontconfig/fontconfig.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report.h"

#define WIDTH 1760
#define LEFT 110
#define RIGHT 190
#define TOP 112
#define LANE 58
#define LANE_GAP 12
#define GROUP_GAP 62
#define AXIS 56
#define SPAN_PERIODS 4.0	/* of the slowest model alone */

const double report_colours[REPORT_COLOURS][3] = {	/* Okabe and Ito: told apart by all eyes */
	{ 0.00, 0.45, 0.70 }, { 0.90, 0.62, 0.00 }, { 0.00, 0.62, 0.45 }, { 0.80, 0.47, 0.65 },
	{ 0.84, 0.37, 0.00 }, { 0.34, 0.71, 0.91 }, { 0.35, 0.35, 0.35 }, { 0.80, 0.75, 0.20 },
};

struct picture {
	cairo_t *c;
	const struct report *r;
	double y, ns, scale;		/* ns shown, pixels per ns */
};

static void font(struct picture *p, double size, bool bold)
{
	cairo_select_font_face(p->c, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
			       bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(p->c, size);
}

static void grey(struct picture *p, double level)
{
	cairo_set_source_rgb(p->c, level, level, level);
}

/* align: 0 left, 0.5 middle, 1 right of x. Returns the width. */
static double label(struct picture *p, double x, double y, double align, const char *text)
{
	cairo_text_extents_t e;

	cairo_text_extents(p->c, text, &e);
	cairo_move_to(p->c, x - align * e.x_advance, y);
	cairo_show_text(p->c, text);
	return e.x_advance;
}

static unsigned int num_policies(const struct report *r)
{
	unsigned int i, n = 0;

	for (i = 0; i < r->num_phases; i++)
		n += !r->phases[i].alone;
	return n;
}

/* ---- a lane ---- */

static void bar(struct picture *p, const struct report_phase *ph, const struct report_slice *s,
		uint64_t start, uint64_t end, uint64_t busy)
{
	const double *rgb = report_colours[s->model];
	double a, b, strength;

	if (!start || end <= start || end <= ph->from)
		return;
	a = ((double)start - (double)ph->from) * p->scale;
	b = ((double)end - (double)ph->from) * p->scale;
	if (a >= p->ns * p->scale)
		return;
	a = a < 0 ? 0 : a;
	b = b > p->ns * p->scale ? p->ns * p->scale : b;
	strength = fmin(1, (double)busy / (double)(end - start));
	cairo_set_source_rgba(p->c, rgb[0], rgb[1], rgb[2], 0.12 + 0.88 * strength);
	cairo_rectangle(p->c, LEFT + a, p->y, b - a, LANE);
	cairo_fill(p->c);
	/* an edge between slices, where there is room for one */
	if (b - a < 3)
		return;
	cairo_set_source_rgba(p->c, 1, 1, 1, 0.55);
	cairo_rectangle(p->c, LEFT + a, p->y, 0.7, LANE);
	cairo_fill(p->c);
}

static void lane(struct picture *p, const struct report_phase *ph, bool fetch)
{
	char busy[64];
	size_t i;

	cairo_set_source_rgb(p->c, 0.955, 0.955, 0.955);
	cairo_rectangle(p->c, LEFT, p->y, p->ns * p->scale, LANE);
	cairo_fill(p->c);
	for (i = 0; i < ph->num_slices; i++) {
		const struct report_slice *s = &ph->slices[i];

		if (fetch)
			bar(p, ph, s, s->fetch_start, s->fetch_end, s->fetch_busy);
		else
			bar(p, ph, s, s->compute_start, s->compute_end, s->compute_busy);
	}
	grey(p, 0.2);
	font(p, 15, false);
	label(p, LEFT - 12, p->y + LANE / 2.0 + 5, 1, fetch ? "fetch" : "compute");
	if (fetch) {
		snprintf(busy, sizeof(busy), "DRAM %.1f%%", 100 * ph->dram);
		label(p, WIDTH - RIGHT + 14, p->y + LANE / 2.0 + 5, 0, busy);
	} else {
		snprintf(busy, sizeof(busy), "engine %.1f%%", 100 * ph->compute);
		label(p, WIDTH - RIGHT + 14, p->y + LANE / 2.0 - 4, 0, busy);
		snprintf(busy, sizeof(busy), "MAC array %.1f%%", 100 * ph->mac);
		label(p, WIDTH - RIGHT + 14, p->y + LANE / 2.0 + 16, 0, busy);
	}
	p->y += LANE + LANE_GAP;
}

static void group(struct picture *p, const struct report_phase *ph)
{
	char text[160];
	double w;

	grey(p, 0);
	font(p, 17, true);
	w = label(p, LEFT, p->y - 12, 0, policy_title(ph->policy));
	font(p, 15, false);
	grey(p, 0.25);
	snprintf(text, sizeof(text), "STP %.3f    ANTT %.3f", ph->stp, ph->antt);
	label(p, LEFT + w + 24, p->y - 12, 0, text);
	label(p, WIDTH - RIGHT + 14, p->y - 12, 0, "busy");
	lane(p, ph, true);
	lane(p, ph, false);
	p->y += GROUP_GAP - LANE_GAP;
}

/* ---- around it ---- */

static void legend(struct picture *p)
{
	double x = LEFT;
	unsigned int i;

	font(p, 15, false);
	for (i = 0; i < p->r->num_models; i++) {
		cairo_set_source_rgb(p->c, report_colours[i][0], report_colours[i][1], report_colours[i][2]);
		cairo_rectangle(p->c, x, 55, 16, 16);
		cairo_fill(p->c);
		grey(p, 0.15);
		x += 24 + label(p, x + 24, 68, 0, p->r->models[i].name) + 32;
	}
	grey(p, 0.4);
	label(p, x, 68, 0, "a bar is one slice; pale where its engine waited");
}

static void title(struct picture *p)
{
	const char *preset = json_string_value(json_object_get(p->r->raw, "preset"));
	char text[256];

	snprintf(text, sizeof(text), "Loom, %s: one at a time and woven (two-resource bound: STP %.3f)",
		 preset ? preset : "?", p->r->bound);
	grey(p, 0);
	font(p, 20, true);
	label(p, LEFT, 36, 0, text);
}

/* 1, 2 or 5 times a power of ten: about ten steps. */
static double tick_ns(double ns)
{
	double raw = ns / 10, ten = pow(10, floor(log10(raw)));

	return raw / ten > 5 ? 10 * ten : raw / ten > 2 ? 5 * ten : raw / ten > 1 ? 2 * ten : ten;
}

static void axis(struct picture *p, double bottom)
{
	double step = tick_ns(p->ns), t;
	char text[32];

	font(p, 13, false);
	for (t = 0; t <= p->ns * 1.0001; t += step) {
		double x = LEFT + t * p->scale;

		grey(p, 0.82);
		cairo_rectangle(p->c, x, TOP, 1, bottom - TOP);
		cairo_fill(p->c);
		grey(p, 0.25);
		snprintf(text, sizeof(text), "%g", t / 1e6);
		label(p, x, bottom + 18, 0.5, text);
	}
	label(p, WIDTH - RIGHT + 14, bottom + 18, 0, "ms of device time");
}

static double shown_ns(const struct report *r)
{
	double ns = 0;
	unsigned int i;

	for (i = 0; i < r->num_models; i++)
		ns = fmax(ns, SPAN_PERIODS * 1e9 * r->models[i].period);
	for (i = 0; i < r->num_phases; i++)
		if (!r->phases[i].alone)
			ns = fmin(ns, 1e9 * r->phases[i].seconds);
	return ns;
}

static void draw(struct picture *p, double height)
{
	unsigned int i;

	cairo_set_source_rgb(p->c, 1, 1, 1);
	cairo_paint(p->c);
	p->ns = shown_ns(p->r);
	p->scale = (WIDTH - LEFT - RIGHT) / p->ns;
	title(p);
	legend(p);
	axis(p, height - AXIS + 8);
	p->y = TOP + 12;
	for (i = 0; i < p->r->num_phases; i++)
		if (!p->r->phases[i].alone)
			group(p, &p->r->phases[i]);
}

/* What cairo and fontconfig keep for the next picture counts as a leak at the end. */
void report_forget_fonts(void)
{
	cairo_debug_reset_static_data();
	FcFini();
}

int timeline_draw(const struct report *r, const char *path)
{
	double height = TOP + 12 + num_policies(r) * (2 * LANE + LANE_GAP + GROUP_GAP) - GROUP_GAP + AXIS;
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, WIDTH, (int)height);
	struct picture p = { .c = cairo_create(surface), .r = r };
	cairo_status_t status;

	draw(&p, height);
	cairo_destroy(p.c);
	status = cairo_surface_write_to_png(surface, path);
	cairo_surface_destroy(surface);
	report_forget_fonts();
	return status ? bench_fail(-EIO, "%s: %s", path, cairo_status_to_string(status)) : 0;
}
