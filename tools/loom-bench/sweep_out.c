// SPDX-License-Identifier: MIT
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "bench.h"
#include "plot.h"
#include "sweep.h"

/* ---- JSON ---- */

static json_t *point_json(const struct sweep *s, const struct sweep_point *p)
{
	return json_pack("{s:s s:s s:I s:I s:i s:s s:s s:s s:s s:i s:f s:f s:f s:f s:f}",
			 "device", p->machine.spec, "preset", p->machine.preset,
			 "weight_sram", (json_int_t)p->machine.buffer_bytes,
			 "dram_bytes_per_s", (json_int_t)p->machine.dram_bytes_per_s, "batch", (int)p->batch,
			 "policy", s->grid.policies[p->policy], "arrivals", s->grid.strict ? "strict" : "queued",
			 "release", s->grid.release_layer ? "layer" : "tile", "engine", s->grid.engine->name,
			 "pairs", (int)p->pairs, "stp_gain", 100 * p->gain, "bound_gain", 100 * p->bound_gain,
			 "of_bound", 100 * p->of_bound, "least_of_bound", 100 * p->least, "antt", p->antt);
}

int sweep_json(const struct sweep *s)
{
	json_t *list = json_array();
	unsigned int i;
	int err;

	for (i = 0; i < s->num_points; i++)
		json_array_append_new(list, point_json(s, &s->points[i]));
	err = json_dump_file(list, s->grid.json, JSON_INDENT(1));
	json_decref(list);
	return err ? bench_fail(-EIO, "%s: cannot write", s->grid.json) : 0;
}

/* ---- picture ---- */

static const char *const axis_names[SWEEP_AXES] = { "weight SRAM, MiB", "DRAM, GB/s", "batch" };

/* Does it lie on the line through the first point along this axis? */
static bool on_axis(const struct sweep *s, const struct sweep_point *p, enum sweep_axis axis)
{
	unsigned int i;

	for (i = 0; i < SWEEP_AXES; i++)
		if (i != axis && sweep_value(p, i) != sweep_value(&s->points[0], i))
			return false;
	return true;
}

static bool varies(const struct sweep *s, enum sweep_axis axis)
{
	unsigned int i;

	for (i = 0; i < s->num_points; i++)
		if (on_axis(s, &s->points[i], axis) &&
		    sweep_value(&s->points[i], axis) != sweep_value(&s->points[0], axis))
			return true;
	return false;
}

static enum sweep_axis sorted_by;

static int by_value(const void *a, const void *b)
{
	double x = sweep_value(*(const struct sweep_point *const *)a, sorted_by);
	double y = sweep_value(*(const struct sweep_point *const *)b, sorted_by);

	return (x > y) - (x < y);
}

/* Of one policy, along the axis. */
static unsigned int take_line(const struct sweep *s, enum sweep_axis axis, unsigned int policy,
			      const struct sweep_point **line)
{
	unsigned int i, n = 0;

	for (i = 0; i < s->num_points; i++)
		if (s->points[i].policy == policy && on_axis(s, &s->points[i], axis))
			line[n++] = &s->points[i];
	sorted_by = axis;
	qsort(line, n, sizeof(line[0]), by_value);
	return n;
}

static void draw_line(const struct plot *p, enum sweep_axis axis, const struct sweep_point *const *line,
		      unsigned int n, bool bound)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		plot_point(p, sweep_value(line[i], axis), bound ? line[i]->bound_gain : line[i]->gain);
	cairo_stroke(p->c);
}

static void draw_axis(const struct sweep *s, enum sweep_axis axis, cairo_t *c, double left, double most_y)
{
	static const struct sweep_point *line[SWEEP_MAX_POINTS];
	struct plot p = { .c = c, .left = left, .most_y = most_y, .logarithmic = true };
	unsigned int i, n = take_line(s, axis, 0, line);

	p.least_x = sweep_value(line[0], axis);
	p.most_x = sweep_value(line[n - 1], axis);
	plot_axes(&p, "gain over one at a time, %", 100, axis_names[axis]);
	cairo_set_source_rgb(c, 0, 0, 0);
	draw_line(&p, axis, line, n, true);
	for (i = 0; i < s->grid.num_policies; i++) {
		n = take_line(s, axis, i, line);
		plot_colour(c, i);
		draw_line(&p, axis, line, n, false);
	}
}

int sweep_svg(const struct sweep *s)
{
	unsigned int i, axes = 0, at = 0;
	double most = 0.01;
	cairo_surface_t *surface;
	char title[400];
	cairo_t *c;

	for (i = 0; i < SWEEP_AXES; i++)
		axes += varies(s, i);
	if (!axes)
		return bench_fail(-EINVAL, "--svg: nothing differs between the points");
	for (i = 0; i < s->num_points; i++)
		most = fmax(most, fmax(s->points[i].gain, s->points[i].bound_gain));
	surface = plot_open(s->grid.svg, axes, &c);
	snprintf(title, sizeof(title), "Mean gain over %u pairs (%s, %s); black: the bound", s->points[0].pairs,
		 s->points[0].machine.preset, s->grid.strict ? "strict" : "queued");
	plot_text(c, 50, 24, title);
	for (i = 0; i < s->grid.num_policies; i++)
		plot_legend(c, i, s->grid.policies[i]);
	for (i = 0; i < SWEEP_AXES; i++)
		if (varies(s, i))
			draw_axis(s, i, c, PLOT_LEFT + PLOT_STEP * at++, most);
	return plot_close(surface, c, s->grid.svg);
}
