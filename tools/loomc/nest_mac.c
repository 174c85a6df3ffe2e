// SPDX-License-Identifier: MIT
/* Nests of the MAC array's commands, and of pools, which have windows too. */
#include "nest_make.h"

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

bool is_product(const struct loom_cmd_conv *c)
{
	return c->kh == 1 && c->kw == 1 && c->sh == 1 && c->sw == 1 && !c->pt && !c->pl &&
	       c->oh == c->h && c->ow == c->w;
}

void product_nest(const struct program *p, const struct command *cmd, struct nest *n)
{
	struct loom_cmd_conv flat = *(const struct loom_cmd_conv *)cmd->raw;
	struct image_axes a = { .n = ALL_OF_IT, .y = ALL_OF_IT };
	uint64_t m = (uint64_t)flat.batch * flat.oh * flat.ow;
	int rows = add_axis(n, m, 1, CONV(w));
	struct nest_ref *in;

	n->axis[rows].count[1] = CONV(ow);
	n->axis[rows].rows = true;
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

void conv_nest(const struct program *p, const struct command *cmd, struct nest *n)
{
	const struct loom_cmd_conv *conv = (const struct loom_cmd_conv *)cmd->raw;
	bool depthwise = conv->hdr.opcode == LOOM_OP_DWCONV || conv->hdr.opcode == LOOM_OP_QDWCONV;
	struct image_axes a;
	struct nest_ref *in;

	a.n = add_axis(n, conv->batch, 1, CONV(batch));
	a.y = add_axis(n, conv->oh, 1, CONV(oh));
	n->axis[a.n].rows = true;
	n->axis[a.y].rows = true;
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

void pool_nest(const struct command *cmd, struct nest *n, uint32_t in_bytes, uint32_t out_bytes)
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

void matmul_nest(const struct program *p, const struct command *cmd, struct nest *n)
{
	const struct loom_cmd_matmul *mm = (const struct loom_cmd_matmul *)cmd->raw;
	struct nest_ref *ref;
	int m, cols;

	add_axis(n, mm->batch[0], 1, MM(batch));
	add_axis(n, mm->batch[1], 1, MM(batch) + sizeof(mm->batch[0]));
	m = add_axis(n, mm->m, 1, MM(m));
	n->axis[m].rows = true;
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
