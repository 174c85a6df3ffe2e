// SPDX-License-Identifier: MIT
/* Commands as loop nests: one function an opcode says what there is; regions and fields follow. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "nest.h"

static int add_axis(struct nest *n, uint64_t extent, uint64_t step, uint16_t field)
{
	n->axis[n->num_axes] = (struct axis){ .extent = extent, .step = step,
					      .single = -1, .count = { field } };
	return (int)n->num_axes++;
}

static struct nest_ref *add_ref(struct nest *n, const struct command *cmd, size_t field, uint32_t size)
{
	struct nest_ref *ref = &n->ref[n->num_refs];

	for (unsigned int i = 0; i < cmd->num_refs; i++) {
		if (cmd->ref[i].field != field)
			continue;
		*ref = (struct nest_ref){ .ref = i, .size = size };
		n->num_refs++;
		break;
	}
	return ref;
}

static struct nest_dim *add_dim(struct nest_ref *ref, int axis, uint64_t extent, int64_t stride,
				size_t field)
{
	struct nest_dim *dim = &ref->dim[ref->num++];

	*dim = (struct nest_dim){ .axis = axis, .extent = extent, .stride = stride,
				  .field = (uint16_t)field };
	return dim;
}

static void add_weight(struct nest *n, const struct command *cmd, size_t field, int axis,
		       uint64_t bytes)
{
	for (unsigned int i = 0; i < cmd->num_weights; i++)
		if (cmd->weight[i].field == field)
			n->weight[n->num_weights++] = (struct nest_weight){ i, axis, bytes };
}

/* ---- images: CONV, DWCONV, POOL ---- */

struct image_axes {
	int n, y, c;
};

static void image_dims(struct nest_ref *ref, const struct image_axes *a, uint64_t n, uint64_t h,
		       uint64_t w, uint64_t c, uint32_t pitch, size_t pitch_field)
{
	add_dim(ref, a->n, n, (int64_t)(h * w * pitch), 0);
	add_dim(ref, a->y, h, (int64_t)(w * pitch), 0);
	add_dim(ref, ALL_OF_IT, w, pitch, pitch_field);
	add_dim(ref, a->c, c, 1, 0);
}

#define CONV(name) offsetof(struct loom_cmd_conv, name)

/* QCONV and QDWCONV begin as CONV and DWCONV do. */
static bool is_8bit(const struct loom_cmd_conv *conv)
{
	return conv->hdr.opcode == LOOM_OP_QCONV || conv->hdr.opcode == LOOM_OP_QDWCONV;
}

static uint32_t residual_bytes(const struct command *cmd)
{
	const struct loom_cmd_qconv *q = (const struct loom_cmd_qconv *)cmd->raw;

	return is_8bit(&q->conv) ? (uint32_t)element_bytes(q->res_dtype) : 2;
}

static void conv_weights(struct nest *n, const struct command *cmd, const struct loom_cmd_conv *conv,
			 int oc)
{
	bool q = conv->hdr.opcode == LOOM_OP_QCONV;

	add_weight(n, cmd, CONV(w_off), oc, (q ? 1ull : 2ull) * conv->kh * conv->kw * conv->c);
	add_weight(n, cmd, CONV(b_off), oc, q ? sizeof(struct loom_qchannel) : 4);
}

static void conv_outputs(struct nest *n, const struct command *cmd, const struct loom_cmd_conv *conv,
			 const struct image_axes *a)
{
	uint32_t size = (uint32_t)element_bytes(conv->out_dtype);

	image_dims(add_ref(n, cmd, CONV(out), size), a, conv->batch, conv->oh, conv->ow, conv->oc,
		   conv->out_pitch, CONV(out_pitch));
	if (conv->hdr.flags & LOOM_CMD_RESIDUAL)
		image_dims(add_ref(n, cmd, CONV(res), residual_bytes(cmd)), a, conv->batch, conv->oh, conv->ow, conv->oc,
			   conv->res_pitch, CONV(res_pitch));
}

/* One pixel gives one pixel: rows of a matrix, whatever image they were. */
static bool is_product(const struct loom_cmd_conv *c)
{
	return c->kh == 1 && c->kw == 1 && c->sh == 1 && c->sw == 1 && !c->pt && !c->pl &&
	       c->oh == c->h && c->ow == c->w;
}

static void product_nest(const struct program *p, const struct command *cmd, struct nest *n)
{
	struct loom_cmd_conv flat = *(const struct loom_cmd_conv *)cmd->raw;
	struct image_axes a = { .n = ALL_OF_IT, .y = ALL_OF_IT };
	uint64_t m = (uint64_t)flat.batch * flat.oh * flat.ow;
	int rows = add_axis(n, m, 1, CONV(w));
	struct nest_ref *in;

	n->axis[rows].count[1] = CONV(ow);
	n->axis[rows].rows = 1;
	a.c = add_axis(n, flat.oc, p->c->options->caps.array_cols, CONV(oc));
	in = add_ref(n, cmd, CONV(in), is_8bit(&flat) ? 1 : 2);
	add_dim(in, rows, m, flat.in_pitch, CONV(in_pitch));
	add_dim(in, ALL_OF_IT, flat.c, 1, 0);
	flat.batch = flat.oh = 1;
	flat.ow = (uint32_t)m;
	conv_outputs(n, cmd, &flat, &a);
	for (unsigned int r = 1; r < n->num_refs; r++)
		n->ref[r].dim[2].axis = rows;
	conv_weights(n, cmd, &flat, a.c);
}

static void add_window(struct nest_dim *y, const struct loom_cmd_conv *conv)
{
	y->window = (struct nest_window){
		.stride = conv->sh, .before = conv->pt, .reach = (conv->kh - 1u) * conv->dh + 1,
		.out = conv->oh, .extent_field = CONV(h), .before_field = CONV(pt),
	};
}

static void conv_nest(const struct program *p, const struct command *cmd, struct nest *n)
{
	const struct loom_cmd_conv *conv = (const struct loom_cmd_conv *)cmd->raw;
	bool depthwise = conv->hdr.opcode == LOOM_OP_DWCONV || conv->hdr.opcode == LOOM_OP_QDWCONV;
	struct image_axes a;
	struct nest_ref *in;

	a.n = add_axis(n, conv->batch, 1, CONV(batch));
	a.y = add_axis(n, conv->oh, 1, CONV(oh));
	n->axis[a.n].rows = (uint64_t)conv->oh * conv->ow;
	n->axis[a.y].rows = conv->ow;
	n->axis[a.y].single = a.n;
	a.c = depthwise ? ALL_OF_IT :
			  add_axis(n, conv->oc, p->c->options->caps.array_cols, CONV(oc));
	in = add_ref(n, cmd, CONV(in), is_8bit(conv) ? 1 : 2);
	image_dims(in, &(struct image_axes){ a.n, a.y, ALL_OF_IT }, conv->batch, conv->h, conv->w, conv->c,
		   conv->in_pitch, CONV(in_pitch));
	add_window(&in->dim[1], conv);
	conv_outputs(n, cmd, conv, &a);
	if (!depthwise)
		conv_weights(n, cmd, conv, a.c);
}

#define POOL(name) offsetof(struct loom_cmd_pool, name)

static void pool_nest(const struct command *cmd, struct nest *n, uint32_t in_bytes, uint32_t out_bytes)
{
	const struct loom_cmd_pool *pool = (const struct loom_cmd_pool *)cmd->raw;
	struct image_axes a;
	struct nest_ref *in;

	a.n = add_axis(n, pool->batch, 1, POOL(batch));
	a.y = add_axis(n, pool->oh, 1, POOL(oh));
	n->axis[a.y].single = a.n;
	a.c = add_axis(n, pool->c, 1, POOL(c));
	in = add_ref(n, cmd, POOL(in), in_bytes);
	image_dims(in, &a, pool->batch, pool->h, pool->w, pool->c, pool->in_pitch, POOL(in_pitch));
	in->dim[1].window = (struct nest_window){
		.stride = pool->sh, .before = pool->pt, .reach = (pool->kh - 1u) * pool->dh + 1,
		.out = pool->oh,
		.extent_field = POOL(h), .before_field = POOL(pt),
	};
	image_dims(add_ref(n, cmd, POOL(out), out_bytes), &a, pool->batch, pool->oh, pool->ow, pool->c,
		   pool->out_pitch, POOL(out_pitch));
}

/* ---- MATMUL ---- */

#define MM(name) offsetof(struct loom_cmd_matmul, name)

static void matrix_dims(struct nest_ref *ref, const struct loom_cmd_matmul *mm, size_t batch_field,
			const uint32_t *batch)
{
	add_dim(ref, 0, mm->batch[0], batch[0], batch_field);
	add_dim(ref, 1, mm->batch[1], batch[1], batch_field + sizeof(batch[0]));
}

static void matmul_nest(const struct program *p, const struct command *cmd, struct nest *n)
{
	const struct loom_cmd_matmul *mm = (const struct loom_cmd_matmul *)cmd->raw;
	struct nest_ref *ref;
	int m, cols;

	add_axis(n, mm->batch[0], 1, MM(batch));
	add_axis(n, mm->batch[1], 1, MM(batch) + sizeof(mm->batch[0]));
	m = add_axis(n, mm->m, 1, MM(m));
	n->axis[m].rows = 1;
	cols = add_axis(n, mm->n, p->c->options->caps.array_cols, MM(n));
	ref = add_ref(n, cmd, MM(a), 2);
	matrix_dims(ref, mm, MM(a_batch), mm->a_batch);
	add_dim(ref, m, mm->m, mm->a_row, MM(a_row));
	add_dim(ref, ALL_OF_IT, mm->k, mm->a_col, MM(a_col));
	ref = add_ref(n, cmd, MM(b), 2);
	matrix_dims(ref, mm, MM(b_batch), mm->b_batch);
	add_dim(ref, ALL_OF_IT, mm->k, mm->b_row, MM(b_row));
	add_dim(ref, cols, mm->n, mm->b_col, MM(b_col));
	ref = add_ref(n, cmd, MM(out), (uint32_t)element_bytes(mm->out_dtype));
	matrix_dims(ref, mm, MM(out_batch), mm->out_batch);
	add_dim(ref, m, mm->m, mm->out_row, MM(out_row));
	add_dim(ref, cols, mm->n, 1, 0);
}

/* ---- strided: COPY, BINARY ---- */

static void operand_nest(struct nest *n, const struct command *cmd, size_t at, const uint32_t *dims)
{
	const struct loom_operand *o = (const struct loom_operand *)(cmd->raw + at);
	uint32_t size = (uint32_t)element_bytes(o->dtype);
	size_t strides = at + offsetof(struct loom_operand, stride);
	struct nest_ref *ref;

	if (o->space == LOOM_SPACE_WEIGHTS) {
		for (int d = 0; d < LOOM_MAX_DIMS; d++)
			if (o->stride[d])
				add_weight(n, cmd, at + offsetof(struct loom_operand, off), d,
					   (uint64_t)o->stride[d] * size);
		return;
	}
	ref = add_ref(n, cmd, at + offsetof(struct loom_operand, off), size);
	for (int d = 0; d < LOOM_MAX_DIMS; d++)
		add_dim(ref, d, dims[d], o->stride[d], strides + (size_t)d * sizeof(o->stride[0]));
}

static void strided_nest(const struct command *cmd, struct nest *n, size_t dims_at, const size_t *operands,
			 unsigned int num)
{
	const uint32_t *dims = (const uint32_t *)(cmd->raw + dims_at);

	for (int d = 0; d < LOOM_MAX_DIMS; d++)
		add_axis(n, dims[d], 1, (uint16_t)(dims_at + (size_t)d * sizeof(dims[0])));
	for (unsigned int i = 0; i < num; i++)
		operand_nest(n, cmd, operands[i], dims);
}

static void copy_nest(const struct command *cmd, struct nest *n)
{
	strided_nest(cmd, n, offsetof(struct loom_cmd_copy, dims),
		     (size_t []){ offsetof(struct loom_cmd_copy, src), offsetof(struct loom_cmd_copy, dst) },
		     2);
}

static void binary_nest(const struct command *cmd, struct nest *n)
{
	strided_nest(cmd, n, offsetof(struct loom_cmd_binary, dims),
		     (size_t []){ offsetof(struct loom_cmd_binary, a), offsetof(struct loom_cmd_binary, b),
				  offsetof(struct loom_cmd_binary, dst) }, 3);
}

static void qbinary_nest(const struct command *cmd, struct nest *n)
{
	strided_nest(cmd, n, offsetof(struct loom_cmd_qbinary, dims),
		     (size_t []){ offsetof(struct loom_cmd_qbinary, a), offsetof(struct loom_cmd_qbinary, b),
				  offsetof(struct loom_cmd_qbinary, dst) }, 3);
}

/* The range that DYNAMIC looks for is that of the whole. */
static bool quant_nest(const struct command *cmd, struct nest *n)
{
	const struct loom_cmd_quant *q = (const struct loom_cmd_quant *)cmd->raw;

	if (q->hdr.flags & LOOM_CMD_DYNAMIC)
		return false;
	strided_nest(cmd, n, offsetof(struct loom_cmd_quant, dims),
		     (size_t []){ offsetof(struct loom_cmd_quant, src), offsetof(struct loom_cmd_quant, dst) },
		     2);
	if (q->hdr.flags & LOOM_CMD_CHANNELS)
		add_weight(n, cmd, offsetof(struct loom_cmd_quant, table), (int)q->axis,
			   sizeof(struct loom_quant));
	return true;
}

static void qpool_nest(const struct command *cmd, struct nest *n)
{
	const struct loom_cmd_qpool *q = (const struct loom_cmd_qpool *)cmd->raw;

	pool_nest(cmd, n, 1, (uint32_t)element_bytes(q->out_dtype));
}

/* ---- rows and columns ---- */

static void unary_nest(const struct command *cmd, struct nest *n)
{
	const struct loom_cmd_unary *u = (const struct loom_cmd_unary *)cmd->raw;
	int rows = add_axis(n, u->rows, 1, offsetof(struct loom_cmd_unary, rows));
	int cols = add_axis(n, u->cols, 1, offsetof(struct loom_cmd_unary, cols));
	struct nest_ref *ref;

	ref = add_ref(n, cmd, offsetof(struct loom_cmd_unary, src), (uint32_t)element_bytes(u->src_dtype));
	add_dim(ref, rows, u->rows, u->src_pitch, offsetof(struct loom_cmd_unary, src_pitch));
	add_dim(ref, cols, u->cols, 1, 0);
	ref = add_ref(n, cmd, offsetof(struct loom_cmd_unary, dst), (uint32_t)element_bytes(u->dst_dtype));
	add_dim(ref, rows, u->rows, u->dst_pitch, offsetof(struct loom_cmd_unary, dst_pitch));
	add_dim(ref, cols, u->cols, 1, 0);
}

static void dense_dims(struct nest_ref *ref, int outer, uint64_t num_outer, uint64_t num, int inner,
		       uint64_t num_inner)
{
	add_dim(ref, outer, num_outer, (int64_t)(num * num_inner), 0);
	add_dim(ref, ALL_OF_IT, num, (int64_t)num_inner, 0);
	add_dim(ref, inner, num_inner, 1, 0);
}

static void reduce_nest(const struct command *cmd, struct nest *n)
{
	const struct loom_cmd_reduce *r = (const struct loom_cmd_reduce *)cmd->raw;
	int outer = add_axis(n, r->outer, 1, offsetof(struct loom_cmd_reduce, outer));
	int inner = add_axis(n, r->inner, 1, offsetof(struct loom_cmd_reduce, inner));

	n->axis[inner].repacks = true;
	dense_dims(add_ref(n, cmd, offsetof(struct loom_cmd_reduce, src),
			   (uint32_t)element_bytes(r->src_dtype)), outer, r->outer, r->n, inner, r->inner);
	dense_dims(add_ref(n, cmd, offsetof(struct loom_cmd_reduce, dst),
			   (uint32_t)element_bytes(r->dst_dtype)), outer, r->outer, 1, inner, r->inner);
}

static void softmax_nest(const struct command *cmd, struct nest *n)
{
	const struct loom_cmd_softmax *s = (const struct loom_cmd_softmax *)cmd->raw;
	int outer = add_axis(n, s->outer, 1, offsetof(struct loom_cmd_softmax, outer));
	int inner = add_axis(n, s->inner, 1, offsetof(struct loom_cmd_softmax, inner));

	n->axis[inner].repacks = true;
	dense_dims(add_ref(n, cmd, offsetof(struct loom_cmd_softmax, src),
			   (uint32_t)element_bytes(s->src_dtype)), outer, s->outer, s->n, inner, s->inner);
	dense_dims(add_ref(n, cmd, offsetof(struct loom_cmd_softmax, dst),
			   (uint32_t)element_bytes(s->dst_dtype)), outer, s->outer, s->n, inner, s->inner);
}

static void layernorm_nest(const struct command *cmd, struct nest *n)
{
	const struct loom_cmd_layernorm *l = (const struct loom_cmd_layernorm *)cmd->raw;
	int rows = add_axis(n, l->rows, 1, offsetof(struct loom_cmd_layernorm, rows));

	dense_dims(add_ref(n, cmd, offsetof(struct loom_cmd_layernorm, src), 2), rows, l->rows, l->n,
		   ALL_OF_IT, 1);
	dense_dims(add_ref(n, cmd, offsetof(struct loom_cmd_layernorm, dst), 2), rows, l->rows, l->n,
		   ALL_OF_IT, 1);
}

/* ---- DMA ---- */

#define MOVE_STEP 64

static void move_nest(const struct command *cmd, struct nest *n)
{
	const struct loom_cmd_move *move = (const struct loom_cmd_move *)cmd->raw;
	int bytes = add_axis(n, move->row_bytes, MOVE_STEP, offsetof(struct loom_cmd_move, row_bytes));

	n->axis[bytes].va_step = 1;
	add_dim(add_ref(n, cmd, offsetof(struct loom_cmd_move, off), 1), bytes, move->row_bytes, 1, 0);
}

static void gather_nest(const struct command *cmd, struct nest *n)
{
	const struct loom_cmd_gather *g = (const struct loom_cmd_gather *)cmd->raw;
	int count = add_axis(n, g->count, 1, offsetof(struct loom_cmd_gather, count));
	struct nest_ref *ref;

	add_dim(add_ref(n, cmd, offsetof(struct loom_cmd_gather, index),
			(uint32_t)element_bytes(g->index_dtype)), count, g->count, 1, 0);
	ref = add_ref(n, cmd, offsetof(struct loom_cmd_gather, dst), 1);
	add_dim(ref, count, g->count, g->dst_pitch, offsetof(struct loom_cmd_gather, dst_pitch));
	add_dim(ref, ALL_OF_IT, g->row_bytes, 1, 0);
}

static bool describe(const struct program *p, const struct command *cmd, struct nest *n)
{
	switch (opcode_of(cmd)) {
	case LOOM_OP_QCONV:
		if (((const struct loom_cmd *)cmd->raw)->flags & LOOM_CMD_DYNAMIC)
			return false;
		/* fall through */
	case LOOM_OP_CONV:
		if (is_product((const struct loom_cmd_conv *)cmd->raw))
			product_nest(p, cmd, n);
		else
			conv_nest(p, cmd, n);
		break;
	case LOOM_OP_QDWCONV:
	case LOOM_OP_DWCONV: conv_nest(p, cmd, n); break;
	case LOOM_OP_MATMUL: matmul_nest(p, cmd, n); break;
	case LOOM_OP_COPY: copy_nest(cmd, n); break;
	case LOOM_OP_BINARY: binary_nest(cmd, n); break;
	case LOOM_OP_UNARY: unary_nest(cmd, n); break;
	case LOOM_OP_REDUCE: reduce_nest(cmd, n); break;
	case LOOM_OP_SOFTMAX: softmax_nest(cmd, n); break;
	case LOOM_OP_LAYERNORM: layernorm_nest(cmd, n); break;
	case LOOM_OP_POOL: pool_nest(cmd, n, 2, 2); break;
	case LOOM_OP_QPOOL: qpool_nest(cmd, n); break;
	case LOOM_OP_QUANT: return quant_nest(cmd, n);
	case LOOM_OP_QBINARY: qbinary_nest(cmd, n); break;
	case LOOM_OP_STORE: move_nest(cmd, n); break;
	case LOOM_OP_GATHER: gather_nest(cmd, n); break;
	default: return false;
	}
	return true;
}

bool nest_of(const struct program *p, const struct command *cmd, struct nest *n)
{
	*n = (struct nest){ .num_axes = 0 };
	/* An operand that the nest does not know would be left behind. */
	if (!describe(p, cmd, n) || n->num_refs != cmd->num_refs)
		return false;
	for (unsigned int r = 0; r < n->num_refs; r++)
		for (unsigned int d = 0; d < n->ref[r].num; d++)
			if (n->ref[r].dim[d].extent > 1 && n->ref[r].dim[d].stride < 0)
				return false;
	return true;
}

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

static uint64_t product_rows(const struct command *cmd)
{
	const struct loom_cmd_conv *conv = (const struct loom_cmd_conv *)cmd->raw;

	if (opcode_of(cmd) == LOOM_OP_MATMUL)
		return ((const struct loom_cmd_matmul *)cmd->raw)->m;
	return (uint64_t)conv->batch * conv->oh * conv->ow;
}

/*
 * Rows [first, first + product_rows()) of a product that had `whole`, which may have been a part
 * itself: what others have of the first and the last of the array's tiles.
 */
static void set_tile_rows(struct command *cmd, uint64_t first, uint64_t whole)
{
	size_t at = opcode_of(cmd) == LOOM_OP_MATMUL ? MM(rows_before) : CONV(rows_before);
	uint8_t *before = &cmd->raw[at], *after = before + 1;
	uint64_t all = *before + whole + *after, end;

	first += *before;
	end = first + product_rows(cmd);
	*before = first % LOOM_TILE_ROWS;
	*after = (uint8_t)(min((end + LOOM_TILE_ROWS - 1) / LOOM_TILE_ROWS * LOOM_TILE_ROWS, all) - end);
}

void nest_apply(struct command *cmd, const struct nest *n, const struct tile *tile,
		const struct region *regions, const bool *packed)
{
	struct loom_cmd_conv *conv = (struct loom_cmd_conv *)cmd->raw;
	bool tiled = opcode_of(cmd) == LOOM_OP_CONV || opcode_of(cmd) == LOOM_OP_MATMUL;
	uint64_t whole = tiled ? product_rows(cmd) : 0, first = 0;

	/* as product_nest() saw it */
	if ((opcode_of(cmd) == LOOM_OP_CONV || opcode_of(cmd) == LOOM_OP_QCONV) && is_product(conv))
		conv->batch = conv->h = conv->oh = 1;
	for (unsigned int a = 0; a < n->num_axes; a++) {
		set_u32(cmd, n->axis[a].count[0], tile->num[a]);
		set_u32(cmd, n->axis[a].count[1], tile->num[a]);
		cmd->addend += tile->first[a] * n->axis[a].va_step;
		first += tile->first[a] * n->axis[a].rows;
	}
	if (tiled)
		set_tile_rows(cmd, first, whole);
	for (unsigned int r = 0; r < n->num_refs; r++)
		apply_ref(cmd, &n->ref[r], tile, &regions[r], packed[r]);
	for (unsigned int w = 0; w < n->num_weights; w++)
		cmd->weight[n->weight[w].weight].add += tile->first[n->weight[w].axis] *
							n->weight[w].bytes;
}
