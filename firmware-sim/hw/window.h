/* SPDX-License-Identifier: MIT */
/*
 * window.h - the input pixels under an output pixel's window, as a row of the product's first
 * operand, for CONV and QCONV. Which of a window's taps are inside is known before they are loaded,
 * and those that lie next to each other are loaded at once.
 */
#ifndef LOOM_HW_WINDOW_H
#define LOOM_HW_WINDOW_H

#include <stdbool.h>
#include <string.h>

#include "loom_isa.h"

/* Writes n floats: the input's elements from `at` on, which lie next to each other. */
typedef void (*load_fn)(const void *operands, float *to, uint64_t at, uint64_t n);

/* Taps [*first, *end) of `taps` are inside an extent when the first is at `at`. */
static inline void taps_inside(int64_t at, uint32_t step, uint32_t taps, uint32_t extent,
			       uint32_t *first, uint32_t *end)
{
	int64_t low = at < 0 ? (-at + step - 1) / step : 0;
	int64_t high = at < (int64_t)extent ? ((int64_t)extent - at + step - 1) / step : 0;

	*first = (uint32_t)(low < taps ? low : taps);
	*end = (uint32_t)(high < taps ? high : taps);
	*end = *end < *first ? *first : *end;
}

static inline void zero_floats(float *to, uint64_t n)
{
	if (n)
		memset(to, 0, n * sizeof(*to));
}

/* Inlined with what loads, which is then no call through a pointer. */
static inline __attribute__((always_inline))
void load_window(const struct loom_cmd_conv *cmd, const void *operands, load_fn load, float *row,
		 uint64_t pixel)
{
	uint64_t oy = pixel / cmd->ow % cmd->oh, n = pixel / cmd->ow / cmd->oh, c = cmd->c;
	int64_t x = (int64_t)(pixel % cmd->ow) * cmd->sw - cmd->pl;
	int64_t y = (int64_t)oy * cmd->sh - cmd->pt;
	bool together = cmd->dw == 1 && cmd->in_pitch == cmd->c;
	uint32_t first, end;

	taps_inside(x, cmd->dw, cmd->kw, cmd->w, &first, &end);
	for (uint32_t ky = 0; ky < cmd->kh; ky++, y += cmd->dh, row += cmd->kw * c) {
		uint64_t at = (n * cmd->h + (uint64_t)y) * cmd->w + (uint64_t)x;

		if (y < 0 || y >= cmd->h) {
			zero_floats(row, cmd->kw * c);
			continue;
		}
		zero_floats(row, first * c);
		if (together && end > first)
			load(operands, row + first * c, (at + first) * cmd->in_pitch,
			     (end - first) * c);
		for (uint32_t kx = first; !together && kx < end; kx++)
			load(operands, row + kx * c,
			     (at + (uint64_t)kx * cmd->dw) * cmd->in_pitch, c);
		zero_floats(row + end * c, (cmd->kw - end) * c);
	}
}

/* Every pixel's window is itself, and they lie next to each other: rows of a matrix. */
static inline bool is_matrix(const struct loom_cmd_conv *cmd)
{
	return cmd->kh == 1 && cmd->kw == 1 && cmd->sh == 1 && cmd->sw == 1 && !cmd->pt &&
	       !cmd->pl && cmd->oh == cmd->h && cmd->ow == cmd->w && cmd->in_pitch == cmd->c;
}

/* Rows [pixel, pixel + rows) of the operand, kh kw c floats each. */
static inline __attribute__((always_inline))
void load_windows(const struct loom_cmd_conv *cmd, const void *operands, load_fn load, float *to,
		  uint64_t pixel, uint32_t rows)
{
	uint64_t k = (uint64_t)cmd->kh * cmd->kw * cmd->c;

	if (is_matrix(cmd)) {
		load(operands, to, pixel * k, rows * k);
		return;
	}
	for (uint32_t r = 0; r < rows; r++)
		load_window(cmd, operands, load, to + r * k, pixel + r);
}

#endif /* LOOM_HW_WINDOW_H */
