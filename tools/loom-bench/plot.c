// SPDX-License-Identifier: MIT
#include <cairo/cairo-svg.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "bench.h"
#include "plot.h"
#include "report.h"

#define HEIGHT 400
#define TICKS 4

cairo_surface_t *plot_open(const char *path, unsigned int plots, cairo_t **c)
{
	cairo_surface_t *s = cairo_svg_surface_create(path, PLOT_STEP * plots, HEIGHT);

	*c = cairo_create(s);
	cairo_set_source_rgb(*c, 1, 1, 1);
	cairo_paint(*c);
	cairo_select_font_face(*c, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(*c, 11);
	return s;
}

int plot_close(cairo_surface_t *s, cairo_t *c, const char *path)
{
	int err;

	cairo_destroy(c);
	cairo_surface_finish(s);
	err = cairo_surface_status(s);
	cairo_surface_destroy(s);
	report_forget_fonts();
	return err ? bench_fail(-EIO, "%s: cannot write", path) : 0;
}

void plot_text(cairo_t *c, double x, double y, const char *s)
{
	cairo_set_source_rgb(c, 0.15, 0.15, 0.15);
	cairo_move_to(c, x, y);
	cairo_show_text(c, s);
}

/* 0 .. 1 along x, and back. */
static double place(const struct plot *p, double x)
{
	if (p->logarithmic)
		return log(x / p->least_x) / log(p->most_x / p->least_x);
	return (x - p->least_x) / (p->most_x - p->least_x);
}

static double value(const struct plot *p, double place)
{
	if (p->logarithmic)
		return p->least_x * pow(p->most_x / p->least_x, place);
	return p->least_x + place * (p->most_x - p->least_x);
}

static double y_of(const struct plot *p, double y)
{
	return PLOT_TOP + PLOT_HEIGHT * (1 - fmax(0, fmin(y / p->most_y, 1)));
}

void plot_axes(const struct plot *p, const char *y, double unit, const char *x)
{
	char label[32];
	unsigned int i;

	cairo_set_source_rgb(p->c, 0.6, 0.6, 0.6);
	cairo_rectangle(p->c, p->left, PLOT_TOP, PLOT_WIDTH, PLOT_HEIGHT);
	cairo_set_line_width(p->c, 1);
	cairo_stroke(p->c);
	plot_text(p->c, p->left, PLOT_TOP - 10, y);
	for (i = 0; i <= TICKS; i++) {
		double part = (double)i / TICKS;

		snprintf(label, sizeof(label), "%.3g", value(p, part));
		plot_text(p->c, p->left + PLOT_WIDTH * part - 10, PLOT_TOP + PLOT_HEIGHT + 18, label);
		snprintf(label, sizeof(label), "%.3g", unit * p->most_y * part);
		plot_text(p->c, p->left - 34, y_of(p, p->most_y * part) + 4, label);
	}
	plot_text(p->c, p->left + PLOT_WIDTH / 2.0 - 15, PLOT_TOP + PLOT_HEIGHT + 36, x);
}

void plot_colour(cairo_t *c, unsigned int number)
{
	const double *rgb = report_colours[number % REPORT_COLOURS];

	cairo_set_source_rgb(c, rgb[0], rgb[1], rgb[2]);
	cairo_set_line_width(c, 1.8);
}

void plot_legend(cairo_t *c, unsigned int number, const char *name)
{
	plot_colour(c, number);
	cairo_rectangle(c, 50 + 125 * number, 38, 11, 11);
	cairo_fill(c);
	plot_text(c, 66 + 125 * number, 48, name);
}

void plot_point(const struct plot *p, double x, double y)
{
	cairo_line_to(p->c, p->left + PLOT_WIDTH * place(p, x), y_of(p, y));
}
