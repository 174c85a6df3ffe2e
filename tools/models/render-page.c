// SPDX-License-Identifier: MIT
/*
 * render-page: print a few lines of text on a white page, the real input of the text detector.
 * Writes PREFIX.ppm for the program that prepares the tensor and PREFIX.png for people.
 */
#include <cairo/cairo.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define SIDE 320

struct line {
	const char *font;
	double size, x, y;	/* of the baseline */
	const char *text;
};

/* Gaps between lines are wide enough that each is a box of its own. */
static const struct line page[] = {
	{ "DejaVu Serif", 24, 20,  42, "Loom" },
	{ "DejaVu Sans",  13, 20,  76, "an NPU that boots in a VM" },
	{ "DejaVu Sans",  15, 20, 118, "warp: the weights" },
	{ "DejaVu Sans",  15, 20, 152, "weft: the layers" },
	{ "DejaVu Sans",  15, 20, 186, "of many models" },
	{ "DejaVu Serif", 18, 20, 232, "128 x 128 at 700 MHz" },
	{ "DejaVu Sans Mono", 14, 20, 274, "$ insmod loom.ko" },
	{ "DejaVu Sans",  11, 232, 304, "page 1 of 1" },
};

static void draw(cairo_surface_t *surface)
{
	cairo_t *cr = cairo_create(surface);
	cairo_font_options_t *options = cairo_font_options_create();
	size_t i;

	/* Hinting and subpixel order are a desktop's settings; the page must not depend on them. */
	cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
	cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
	cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
	cairo_set_font_options(cr, options);
	cairo_set_source_rgb(cr, 1, 1, 1);
	cairo_paint(cr);
	cairo_set_source_rgb(cr, 0.1, 0.1, 0.15);
	for (i = 0; i < sizeof(page) / sizeof(page[0]); i++) {
		cairo_select_font_face(cr, page[i].font, CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
		cairo_set_font_size(cr, page[i].size);
		cairo_move_to(cr, page[i].x, page[i].y);
		cairo_show_text(cr, page[i].text);
	}
	cairo_font_options_destroy(options);
	cairo_destroy(cr);
}

static int write_ppm(cairo_surface_t *surface, const char *path)
{
	const unsigned char *row = cairo_image_surface_get_data(surface);
	int stride = cairo_image_surface_get_stride(surface), x, y;
	FILE *f = fopen(path, "wb");

	if (!f)
		return -1;
	fprintf(f, "P6\n%d %d\n255\n", SIDE, SIDE);
	for (y = 0; y < SIDE; y++, row += stride) {
		for (x = 0; x < SIDE; x++) {
			uint32_t pixel = ((const uint32_t *)row)[x];

			fputc(pixel >> 16 & 255, f);
			fputc(pixel >> 8 & 255, f);
			fputc(pixel & 255, f);
		}
	}
	return fclose(f);
}

static char *with_suffix(const char *prefix, const char *suffix)
{
	char *path;

	if (asprintf(&path, "%s.%s", prefix, suffix) < 0)
		abort();
	return path;
}

int main(int argc, char **argv)
{
	cairo_surface_t *surface;
	char *ppm, *png;
	int failed = 0;

	if (argc != 2) {
		fprintf(stderr, "Usage: render-page PREFIX\n");
		return 2;
	}
	ppm = with_suffix(argv[1], "ppm");
	png = with_suffix(argv[1], "png");
	surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, SIDE, SIDE);
	draw(surface);
	cairo_surface_flush(surface);
	if (write_ppm(surface, ppm)) {
		perror(ppm);
		failed = 1;
	} else if (cairo_surface_write_to_png(surface, png)) {
		fprintf(stderr, "render-page: cannot write %s\n", png);
		failed = 1;
	}
	cairo_surface_destroy(surface);
	free(ppm);
	free(png);
	return failed;
}
