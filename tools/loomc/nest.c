// SPDX-License-Identifier: MIT
/* Which part of its operands a range of a command's loops touches, and the command for that range. */
#include <string.h>

#include "nest_make.h"

/* ---- regions ---- */

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Rows [*first, *first + *num) of the input for those of the output; clipped to what there is. */
static bool window_rows(const struct nest_dim *dim, uint64_t *first, uint64_t *num)
{
	const struct nest_window *w = &dim->window;
	int64_t from = (int64_t)(*first * w->stride) - w->before;
	int64_t to = (int64_t)((*first + *num - 1) * w->stride) - w->before + w->reach;

	if (*num == w->out) {
		*first = 0;
		*num = dim->extent;
		return true;
	}
	from = from < 0 ? 0 : from;
	if (to <= from || from >= (int64_t)dim->extent)
		return false;
	*first = (uint64_t)from;
	*num = min((uint64_t)to, dim->extent) - *first;
	return true;
}

/* By stride, the widest outermost; dims that repeat last. */
static void sort_dims(struct region *r)
{
	for (unsigned int i = 1; i < r->num; i++)
		for (unsigned int k = i; k && r->stride[k - 1] < r->stride[k]; k--) {
			unsigned int d = r->dim[k];
			uint64_t e = r->extent[k];
			int64_t s = r->stride[k];

			r->dim[k] = r->dim[k - 1];
			r->extent[k] = r->extent[k - 1];
			r->stride[k] = r->stride[k - 1];
			r->dim[k - 1] = d;
			r->extent[k - 1] = e;
			r->stride[k - 1] = s;
		}
}

bool nest_region(const struct nest_ref *ref, const struct tile *tile, struct region *r)
{
	int64_t step = 1;

	*r = (struct region){ .num = ref->num };
	for (unsigned int d = 0; d < ref->num; d++) {
		const struct nest_dim *dim = &ref->dim[d];
		uint64_t first = dim->axis < 0 ? 0 : tile->first[dim->axis];
		uint64_t num = dim->axis < 0 ? dim->extent : tile->num[dim->axis];

		if (dim->window.extent_field && !window_rows(dim, &first, &num))
			return false;
		r->off += first * (uint64_t)dim->stride * ref->size;
		r->dim[d] = d;
		r->extent[d] = num;
		r->stride[d] = dim->stride;
	}
	sort_dims(r);
	for (unsigned int i = r->num; i-- > 0;) {
		/* what repeats still does; a single element is passed by the dims around it */
		r->packed[i] = r->stride[i] || r->extent[i] == 1 ? step : 0;
		step *= r->stride[i] ? (int64_t)r->extent[i] : 1;
	}
	r->bytes = (uint64_t)step * ref->size;
	return true;
}

/* ---- fields ---- */

static void set_u32(struct command *cmd, uint16_t field, uint64_t value)
{
	uint32_t v = (uint32_t)value;

	if (field)
		memcpy(cmd->raw + field, &v, sizeof(v));
}

/* The window of the tile's first row may begin in the padding, or further down. */
static void set_window(struct command *cmd, const struct nest_dim *dim, uint64_t out_first,
		       uint64_t rows, uint64_t in_first)
{
	const struct nest_window *w = &dim->window;
	uint16_t before = (uint16_t)(in_first + w->before - out_first * w->stride);

	set_u32(cmd, w->extent_field, rows);
	memcpy(cmd->raw + w->before_field, &before, sizeof(before));
}

static void apply_ref(struct command *cmd, const struct nest_ref *ref, const struct tile *tile,
		      const struct region *region, bool packed)
{
	for (unsigned int i = 0; i < region->num; i++) {
		const struct nest_dim *dim = &ref->dim[region->dim[i]];

		if (packed)
			set_u32(cmd, dim->field, (uint64_t)region->packed[i]);
		if (dim->window.extent_field) {
			uint64_t first = tile->first[dim->axis], num = tile->num[dim->axis];

			window_rows(dim, &first, &num);
			set_window(cmd, dim, tile->first[dim->axis], num, first);
		}
	}
	if (!packed)
		cmd->ref[ref->ref].add += region->off;
}

void nest_apply(struct command *cmd, const struct nest *n, const struct tile *tile,
		const struct region *regions, const bool *packed)
{
	struct loom_cmd_conv *conv = (struct loom_cmd_conv *)cmd->raw;

	/* as product_nest() saw it */
	if ((opcode_of(cmd) == LOOM_OP_CONV || opcode_of(cmd) == LOOM_OP_QCONV) && is_product(conv))
		conv->batch = conv->h = conv->oh = 1;
	for (unsigned int a = 0; a < n->num_axes; a++) {
		set_u32(cmd, n->axis[a].count[0], tile->num[a]);
		set_u32(cmd, n->axis[a].count[1], tile->num[a]);
		cmd->addend += tile->first[a] * n->axis[a].va_step;
	}
	for (unsigned int r = 0; r < n->num_refs; r++)
		apply_ref(cmd, &n->ref[r], tile, &regions[r], packed[r]);
	for (unsigned int w = 0; w < n->num_weights; w++)
		cmd->weight[n->weight[w].weight].add += tile->first[n->weight[w].axis] *
							n->weight[w].bytes;
}
