/* SPDX-License-Identifier: MIT */
/* plot.h - line plots in a picture, as the experiments draw them. */
#ifndef LOOM_BENCH_PLOT_H
#define LOOM_BENCH_PLOT_H

#include <cairo/cairo.h>

#define PLOT_WIDTH 380
#define PLOT_HEIGHT 270
#define PLOT_TOP 80
#define PLOT_LEFT 60		/* of the first; the next are PLOT_STEP further */
#define PLOT_STEP 490

struct plot {
	cairo_t *c;
	double left, least_x, most_x, most_y;
	int logarithmic;		/* x */
};

/* An SVG with room for so many plots side by side, white. */
cairo_surface_t *plot_open(const char *path, unsigned int plots, cairo_t **c);
int plot_close(cairo_surface_t *s, cairo_t *c, const char *path);
void plot_text(cairo_t *c, double x, double y, const char *s);
/* Frame, what is on y (times unit), and what is on x. */
void plot_axes(const struct plot *p, const char *y, double unit, const char *x);
/* A name and its colour, above the plots, at its place. */
void plot_legend(cairo_t *c, unsigned int number, const char *name);
void plot_colour(cairo_t *c, unsigned int number);
/* The next point of the line that is being drawn; cairo_stroke() ends it. */
void plot_point(const struct plot *p, double x, double y);

#endif /* LOOM_BENCH_PLOT_H */
