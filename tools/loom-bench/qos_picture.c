// SPDX-License-Identifier: MIT
/* Two plots over load, side by side: how many requests were late, and the load that was in time. */
#include <cairo/cairo.h>
#include <cairo/cairo-svg.h>
#include <errno.h>
#include <math.h>

#include "bench.h"
#include "qos.h"
#include "report.h"

#define WIDTH 980
#define HEIGHT 400
#define PLOT_WIDTH 380
#define PLOT_HEIGHT 270
#define PLOT_TOP 80
#define MOST_VIOLATIONS 0.1

struct plot {
	cairo_t *c;
	double left, most_x, most_y;
};

static double x_of(const struct plot *p, double load)
{
	return p->left + PLOT_WIDTH * load / p->most_x;
}

static double y_of(const struct plot *p, double value)
{
	return PLOT_TOP + PLOT_HEIGHT * (1 - fmin(value / p->most_y, 1));
}

static void colour(cairo_t *c, unsigned int i)
{
	const double *rgb = report_colours[i % REPORT_COLOURS];

	cairo_set_source_rgb(c, rgb[0], rgb[1], rgb[2]);
}

static void text(cairo_t *c, double x, double y, const char *s)
{
	cairo_set_source_rgb(c, 0.15, 0.15, 0.15);
	cairo_move_to(c, x, y);
	cairo_show_text(c, s);
}

static void axes(const struct plot *p, const char *what, double unit)
{
	char label[32];
	unsigned int i;

	cairo_set_source_rgb(p->c, 0.6, 0.6, 0.6);
	cairo_rectangle(p->c, p->left, PLOT_TOP, PLOT_WIDTH, PLOT_HEIGHT);
	cairo_set_line_width(p->c, 1);
	cairo_stroke(p->c);
	text(p->c, p->left, PLOT_TOP - 10, what);
	for (i = 0; i <= 4; i++) {
		snprintf(label, sizeof(label), "%.2f", p->most_x * i / 4);
		text(p->c, x_of(p, p->most_x * i / 4) - 10, PLOT_TOP + PLOT_HEIGHT + 18, label);
		snprintf(label, sizeof(label), "%.3g", unit * p->most_y * i / 4);
		text(p->c, p->left - 34, y_of(p, p->most_y * i / 4) + 4, label);
	}
	text(p->c, p->left + PLOT_WIDTH / 2.0 - 15, PLOT_TOP + PLOT_HEIGHT + 36, "load");
}

static void line(const struct plot *p, unsigned int number, const struct qos_curve *curve, bool goodput)
{
	unsigned int i;

	colour(p->c, number);
	cairo_set_line_width(p->c, 1.8);
	for (i = 0; i < curve->num; i++) {
		const struct qos_point *q = &curve->points[i];

		cairo_line_to(p->c, x_of(p, q->load), y_of(p, goodput ? q->goodput : q->violations));
	}
	cairo_stroke(p->c);
}

static void legend(cairo_t *c, const char *title, const struct qos_curve *curves, unsigned int num)
{
	unsigned int i;

	text(c, 50, 24, title);
	for (i = 0; i < num; i++) {
		colour(c, i);
		cairo_rectangle(c, 50 + 125 * i, 38, 11, 11);
		cairo_fill(c);
		text(c, 66 + 125 * i, 48, curves[i].policy);
	}
}

int qos_picture(const struct qos *q, const char *title, const struct qos_curve *curves, unsigned int num)
{
	cairo_surface_t *s = cairo_svg_surface_create(q->curve, WIDTH, HEIGHT);
	struct plot late = { .left = 60, .most_y = MOST_VIOLATIONS }, good = { .left = 550 };
	unsigned int i;
	int err;

	late.c = good.c = cairo_create(s);
	late.most_x = good.most_x = good.most_y = curves[0].points[curves[0].num - 1].load;
	cairo_set_source_rgb(late.c, 1, 1, 1);
	cairo_paint(late.c);
	cairo_select_font_face(late.c, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(late.c, 11);
	legend(late.c, title, curves, num);
	axes(&late, "late requests, %", 100);
	axes(&good, "load in time", 1);
	for (i = 0; i < num; i++) {
		line(&late, i, &curves[i], false);
		line(&good, i, &curves[i], true);
	}
	cairo_destroy(late.c);
	cairo_surface_finish(s);
	err = cairo_surface_status(s);
	cairo_surface_destroy(s);
	report_forget_fonts();
	return err ? bench_fail(-EIO, "%s: cannot write", q->curve) : 0;
}
