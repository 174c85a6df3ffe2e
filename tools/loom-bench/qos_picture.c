// SPDX-License-Identifier: MIT
/* Two plots over load, side by side: how many requests were late, and the load that was in time. */
#include "bench.h"
#include "plot.h"
#include "qos.h"

#define MOST_VIOLATIONS 0.1

static void line(const struct plot *p, unsigned int number, const struct qos_curve *curve, bool goodput)
{
	unsigned int i;

	plot_colour(p->c, number);
	for (i = 0; i < curve->num; i++)
		plot_point(p, curve->points[i].load,
			   goodput ? curve->points[i].goodput : curve->points[i].violations);
	cairo_stroke(p->c);
}

int qos_picture(const struct qos *q, const char *title, const struct qos_curve *curves, unsigned int num)
{
	struct plot late = { .left = PLOT_LEFT, .most_y = MOST_VIOLATIONS }, good = { .left = PLOT_LEFT + PLOT_STEP };
	cairo_surface_t *s = plot_open(q->curve, 2, &late.c);
	unsigned int i;

	good.c = late.c;
	late.most_x = good.most_x = good.most_y = curves[0].points[curves[0].num - 1].load;
	plot_text(late.c, 50, 24, title);
	plot_axes(&late, "late requests, %", 100, "load");
	plot_axes(&good, "load in time", 1, "load");
	for (i = 0; i < num; i++) {
		plot_legend(late.c, i, curves[i].policy);
		line(&late, i, &curves[i], false);
		line(&good, i, &curves[i], true);
	}
	return plot_close(s, late.c, q->curve);
}
