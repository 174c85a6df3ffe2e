/* SPDX-License-Identifier: MIT */
#include "sample.h"

#include <string.h>

static void add_mac(struct buffer *b)
{
	b->conv = stream_add(&b->s, LOOM_OP_CONV, sizeof(*b->conv));
	*b->conv = (struct loom_cmd_conv){
		.hdr = b->conv->hdr,
		.out = 8192, .in_pitch = 8, .out_pitch = 16,
		.batch = 1, .h = 6, .w = 6, .c = 8, .oh = 6, .ow = 6, .oc = 16,
		.kh = 3, .kw = 3, .sh = 1, .sw = 1, .pt = 1, .pl = 1, .dh = 1, .dw = 1,
		.w_off = 64,
	};
	b->conv->hdr.flags = LOOM_CMD_BIAS;
	b->dwconv = stream_add(&b->s, LOOM_OP_DWCONV, sizeof(*b->dwconv));
	*b->dwconv = *b->conv;
	b->dwconv->hdr.opcode = LOOM_OP_DWCONV;
	b->dwconv->oc = 8;
	b->matmul = stream_add(&b->s, LOOM_OP_MATMUL, sizeof(*b->matmul));
	*b->matmul = (struct loom_cmd_matmul){
		.hdr = b->matmul->hdr,
		.b = 4096, .out = 8192, .m = 8, .n = 8, .k = 8, .batch = { 2, 1 },
		.a_batch = { 64, 0 }, .b_batch = { 64, 0 }, .out_batch = { 64, 0 },
		.a_row = 8, .a_col = 1, .b_row = 8, .b_col = 1, .out_row = 8, .alpha = 1.0f,
	};
}

static void add_strided(struct buffer *b)
{
	static const struct loom_operand dense = { .stride = { 0, 0, 0, 0, 16, 1 } };

	b->copy = stream_add(&b->s, LOOM_OP_COPY, sizeof(*b->copy));
	b->binary = stream_add(&b->s, LOOM_OP_BINARY, sizeof(*b->binary));
	for (int i = 0; i < LOOM_MAX_DIMS; i++) {
		b->copy->dims[i] = i < 4 ? 1 : 16;
		b->binary->dims[i] = b->copy->dims[i];
	}
	b->copy->src = dense;
	b->copy->dst = dense;
	b->binary->a = dense;
	b->binary->b = dense;
	b->binary->dst = dense;
	b->copy->src.space = LOOM_SPACE_WEIGHTS;
}

static void add_vector(struct buffer *b)
{
	b->unary = stream_add(&b->s, LOOM_OP_UNARY, sizeof(*b->unary));
	b->unary->rows = 16;
	b->unary->cols = 16;
	b->unary->src_pitch = 16;
	b->unary->dst_pitch = 16;
	b->reduce = stream_add(&b->s, LOOM_OP_REDUCE, sizeof(*b->reduce));
	b->reduce->outer = 4;
	b->reduce->n = 4;
	b->reduce->inner = 4;
	b->softmax = stream_add(&b->s, LOOM_OP_SOFTMAX, sizeof(*b->softmax));
	b->softmax->outer = 4;
	b->softmax->n = 4;
	b->softmax->inner = 4;
	b->layernorm = stream_add(&b->s, LOOM_OP_LAYERNORM, sizeof(*b->layernorm));
	b->layernorm->rows = 16;
	b->layernorm->n = 16;
	b->layernorm->hdr.flags = LOOM_CMD_GAMMA;
	b->pool = stream_add(&b->s, LOOM_OP_POOL, sizeof(*b->pool));
	*b->pool = (struct loom_cmd_pool){
		.hdr = b->pool->hdr,
		.out = 8192, .in_pitch = 8, .out_pitch = 8,
		.batch = 1, .h = 6, .w = 6, .c = 8, .oh = 3, .ow = 3,
		.kh = 2, .kw = 2, .sh = 2, .sw = 2, .dh = 1, .dw = 1,
	};
}

static void add_quantised_mac(struct buffer *b)
{
	b->qconv = stream_add(&b->s, LOOM_OP_QCONV, sizeof(*b->qconv));
	*b->qconv = (struct loom_cmd_qconv){
		.conv = {
			.hdr = b->qconv->conv.hdr,
			.out = 8192, .res = 16384, .in_pitch = 8, .out_pitch = 16, .res_pitch = 16,
			.batch = 1, .h = 6, .w = 6, .c = 8, .oh = 6, .ow = 6, .oc = 16,
			.kh = 3, .kw = 3, .sh = 1, .sw = 1, .pt = 1, .pl = 1, .dh = 1, .dw = 1,
			.w_off = 4608, .b_off = 4096, .out_dtype = LOOM_U8,
		},
		.in_dtype = LOOM_U8, .w_dtype = LOOM_I8, .res_dtype = LOOM_I8,
		.dyn = 32768,
		.res_quant = { 0.5f, -3 }, .out_quant = { 0.25f, 7 },
	};
	b->qconv->conv.hdr.flags = LOOM_CMD_RESIDUAL | LOOM_CMD_DYNAMIC;
	b->qdwconv = stream_add(&b->s, LOOM_OP_QDWCONV, sizeof(*b->qdwconv));
	*b->qdwconv = *b->qconv;
	b->qdwconv->conv.hdr.opcode = LOOM_OP_QDWCONV;
	b->qdwconv->conv.hdr.flags = 0;
	b->qdwconv->conv.oc = 8;
	b->qdwconv->conv.res = 0;
	b->qdwconv->conv.res_pitch = 0;
	b->qdwconv->res_dtype = 0;
	b->qdwconv->res_quant = (struct loom_quant){ 0 };
	b->qdwconv->dyn = 0;
	b->qdwconv->in_zero = 128;
	b->qmatmul = stream_add(&b->s, LOOM_OP_QMATMUL, sizeof(*b->qmatmul));
	b->qmatmul->matmul = *b->matmul;
	b->qmatmul->matmul.hdr = (struct loom_cmd){ LOOM_OP_QMATMUL, sizeof(*b->qmatmul) };
	b->qmatmul->a_dtype = LOOM_U8;
	b->qmatmul->b_dtype = LOOM_I8;
	b->qmatmul->b_zero = -5;
}

static void add_quantised_vector(struct buffer *b)
{
	static const struct loom_operand bytes = { .dtype = LOOM_I8,
						   .stride = { 0, 0, 0, 0, 16, 1 } };

	b->quant = stream_add(&b->s, LOOM_OP_QUANT, sizeof(*b->quant));
	memcpy(b->quant->dims, b->copy->dims, sizeof(b->quant->dims));
	b->quant->src = b->copy->dst;
	b->quant->dst = bytes;
	b->quant->dst_quant = (struct loom_quant){ 0.1f, -128 };
	b->qbinary = stream_add(&b->s, LOOM_OP_QBINARY, sizeof(*b->qbinary));
	memcpy(b->qbinary->dims, b->copy->dims, sizeof(b->qbinary->dims));
	b->qbinary->a = bytes;
	b->qbinary->b = b->copy->dst;
	b->qbinary->dst = bytes;
	b->qbinary->a_quant = (struct loom_quant){ 0.1f, 3 };
	b->qbinary->dst_quant = (struct loom_quant){ 0.3f, 127 };
	b->qpool = stream_add(&b->s, LOOM_OP_QPOOL, sizeof(*b->qpool));
	b->qpool->pool = *b->pool;
	b->qpool->pool.hdr = (struct loom_cmd){ LOOM_OP_QPOOL, sizeof(*b->qpool) };
	b->qpool->pool.fn = LOOM_POOL_AVERAGE;
	b->qpool->in_dtype = LOOM_U8;
	b->qpool->in_quant = (struct loom_quant){ 0.1f, 3 };
}

void sample(struct buffer *b, const struct rig *rig)
{
	memset(b, 0, sizeof(*b));
	stream_begin(&b->s, 64 << 10);
	b->load = stream_move(&b->s, LOOM_OP_LOAD, rig->in_va, 0, 4096, 0);
	stream_fetch(&b->s, rig->weights_va, WEIGHTS);
	b->fetch = (void *)((uint8_t *)b->load + sizeof(*b->load));
	b->gather = stream_add(&b->s, LOOM_OP_GATHER, sizeof(*b->gather));
	*b->gather = (struct loom_cmd_gather){
		.hdr = b->gather->hdr,
		.va = rig->weights_va, .table_rows = 8, .row_bytes = 64,
		.index = 60 << 10, .index_dtype = LOOM_I32, .count = 4, .dst = 32 << 10,
		.dst_pitch = 64,
	};
	b->nop = stream_add(&b->s, LOOM_OP_NOP, sizeof(*b->nop));
	add_mac(b);
	add_strided(b);
	add_vector(b);
	add_quantised_mac(b);
	add_quantised_vector(b);
	b->store = stream_move(&b->s, LOOM_OP_STORE, rig->out_va, 8192, 4096, 5);
	stream_end(&b->s);
	b->header = (void *)b->s.bytes;
}
