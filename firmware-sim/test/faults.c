/* SPDX-License-Identifier: MIT */
/*
 * Malformed buffers: each field of each command that can be wrong, and the fault that names it.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "sample.h"

#define HIGH	0xfffffff0u

static struct rig *rig;

static struct loom_hw_cqe submit(struct buffer *b, uint16_t flags)
{
	uint32_t number = rig->h->queue[0].tail;

	host_submit(rig->h, 0, RIG_CTX, &b->s, flags);
	host_run(rig->h);
	return *host_completion(rig->h, 0, number);
}

/* A faulty job kills its context, so each case starts with a new one. */
static void revive(void)
{
	assert_int_equal(host_context_op(rig->h, LOOM_ADMIN_CTX_DESTROY, RIG_CTX), LOOM_ADMIN_OK);
	assert_int_equal(host_context(rig->h, RIG_CTX, 0, RIG_LEASE), LOOM_ADMIN_OK);
}

static void check(struct buffer *b, uint16_t flags, uint32_t fault, uint32_t cmd, int line)
{
	struct loom_hw_cqe cqe = submit(b, flags);

	if (cqe.fault != fault || cqe.fault_cmd != cmd)
		fail_msg("line %d: fault %u at command %d, not %u at %d", line, cqe.fault,
			 (int)cqe.fault_cmd, fault, (int)cmd);
	assert_int_equal(cqe.fetch_start, 0);
	assert_int_equal(cqe.compute_start, 0);
	revive();
}

#define EXPECT(fault, cmd, spoil) do {				\
	struct buffer b;					\
								\
	sample(&b, rig);						\
	spoil;							\
	check(&b, 0, LOOM_FAULT_ ## fault, cmd, __LINE__);	\
} while (0)

static void test_valid(void **state)
{
	struct buffer b;
	struct loom_hw_cqe cqe;

	sample(&b, rig);
	cqe = submit(&b, 0);
	if (cqe.fault)
		fail_msg("fault %u at %u, address %llx", cqe.fault, cqe.fault_cmd,
			 cqe.fault_addr);
}

static void test_header(void **state)
{
	EXPECT(BAD_HEADER, LOOM_NO_CMD, b.header->magic++);
	EXPECT(BAD_HEADER, LOOM_NO_CMD, b.header->size -= 8);
	EXPECT(BAD_HEADER, LOOM_NO_CMD, b.header->num_cmds = 0);
	EXPECT(BAD_HEADER, LOOM_NO_CMD, b.header->num_cmds--);
	EXPECT(BAD_HEADER, LOOM_NO_CMD, b.header->reserved = 1);
	EXPECT(BAD_HEADER, LOOM_NO_CMD, b.header->weight_bytes++);
	EXPECT(BAD_HEADER, LOOM_NO_CMD, b.header->weight_bytes = HIGH);
	EXPECT(ISA_VERSION, LOOM_NO_CMD, b.header->isa_version += 1 << 16);
	EXPECT(ISA_VERSION, LOOM_NO_CMD, b.header->isa_version += 1);
	EXPECT(BAD_LEASE, LOOM_NO_CMD, b.header->lease_bytes = RIG_LEASE + 1);
	EXPECT(BAD_SIZE, STORE + 1, b.header->num_cmds++);
	EXPECT(BAD_WEIGHT, FETCH, b.header->weight_bytes--);
}

static void test_truncated(void **state)
{
	struct buffer b;

	for (uint32_t size = sizeof(struct loom_cmdbuf); size < 400; size += 8) {
		struct loom_hw_cqe cqe;

		sample(&b, rig);
		b.s.size = size;
		b.header->size = size;
		cqe = submit(&b, 0);
		assert_true(cqe.fault == LOOM_FAULT_BAD_SIZE);
		revive();
	}
}

static void test_command(void **state)
{
	EXPECT(BAD_OPCODE, NOP, b.nop->opcode = 99);
	EXPECT(BAD_OPCODE, NOP, b.nop->opcode = 0xffff);
	EXPECT(BAD_SIZE, NOP, b.nop->size = 0);
	EXPECT(BAD_SIZE, CONV, b.conv->hdr.size -= 8);
	EXPECT(BAD_SIZE, STORE, b.store->hdr.size = 0xfff8);
	EXPECT(BAD_FIELD, NOP, b.nop->flags = 1);
	EXPECT(BAD_FIELD, CONV, b.conv->hdr.flags |= LOOM_CMD_GAMMA);
	EXPECT(BAD_FIELD, CONV, b.conv->hdr.flags |= 1u << 31);
	EXPECT(BAD_FIELD, LOAD, b.load->hdr.release_to = 4);
}

static void test_wait(void **state)
{
	EXPECT(BAD_WAIT, FETCH, b.fetch->hdr.wait = 1);
	EXPECT(BAD_WAIT, LOAD, b.load->hdr.wait = 1);
	EXPECT(BAD_WAIT, GATHER, b.gather->hdr.wait = 1);
	EXPECT(BAD_WAIT, NOP, b.nop->wait = 3);
	EXPECT(BAD_WAIT, STORE, b.store->hdr.wait = STORE - NOP + 1);
	EXPECT(BAD_WAIT, STORE, b.store->hdr.wait = UINT32_MAX);
}

static void test_dma_fields(void **state)
{
	EXPECT(BAD_FIELD, LOAD, b.load->rows = 0);
	EXPECT(BAD_FIELD, LOAD, b.load->row_bytes = 0);
	EXPECT(BAD_FIELD, LOAD, b.load->va = 1ull << 48);
	EXPECT(BAD_FIELD, LOAD, b.load->va = UINT64_MAX - 100);
	EXPECT(BAD_FIELD, LOAD, (b.load->rows = 2, b.load->va_pitch = UINT64_MAX));
	EXPECT(BAD_FIELD, LOAD, (b.load->rows = 2, b.load->off_pitch = 100));
	EXPECT(BAD_LEASE, LOAD, b.load->off = HIGH);
	EXPECT(BAD_LEASE, LOAD, b.load->row_bytes = HIGH);
	EXPECT(BAD_LEASE, LOAD, (b.load->rows = HIGH, b.load->off_pitch = HIGH));
	EXPECT(BAD_LEASE, STORE, b.store->off = (64 << 10) - 4095);
	EXPECT(BAD_FIELD, FETCH, b.fetch->va++);
	EXPECT(BAD_FIELD, FETCH, b.fetch->pad = 1);
	EXPECT(BAD_FIELD, FETCH, b.fetch->bytes = 0);
	EXPECT(BAD_WEIGHT, FETCH, b.fetch->bytes = HIGH);
	EXPECT(BAD_FIELD, GATHER, b.gather->pad = 1);
	EXPECT(BAD_FIELD, GATHER, b.gather->index_dtype = LOOM_F32);
	EXPECT(BAD_FIELD, GATHER, b.gather->table_rows = 0);
	EXPECT(BAD_FIELD, GATHER, b.gather->count = 0);
	EXPECT(BAD_FIELD, GATHER, b.gather->index++);
	EXPECT(BAD_FIELD, GATHER, b.gather->dst_pitch = 63);
	EXPECT(BAD_LEASE, GATHER, b.gather->dst = 64 << 10);
	EXPECT(BAD_LEASE, GATHER, b.gather->index = (64 << 10) - 12);
	EXPECT(BAD_FIELD, GATHER, b.gather->va = (1ull << 48) - 64);
}

static void test_conv_fields(void **state)
{
	EXPECT(BAD_FIELD, CONV, b.conv->batch = 0);
	EXPECT(BAD_FIELD, CONV, b.conv->h = 0);
	EXPECT(BAD_FIELD, CONV, b.conv->oc = 0);
	EXPECT(BAD_FIELD, CONV, b.conv->kh = 0);
	EXPECT(BAD_FIELD, CONV, b.conv->sw = 0);
	EXPECT(BAD_FIELD, CONV, b.conv->dw = 0);
	EXPECT(BAD_FIELD, CONV, b.conv->in_pitch = 7);
	EXPECT(BAD_FIELD, CONV, b.conv->out_pitch = 15);
	EXPECT(BAD_FIELD, CONV, b.conv->res = 2);
	EXPECT(BAD_FIELD, CONV, b.conv->in++);
	EXPECT(BAD_FIELD, CONV, b.conv->out_dtype = LOOM_I32);
	EXPECT(BAD_FIELD, CONV, b.conv->act.fn = LOOM_UN_COUNT);
	EXPECT(BAD_FIELD, CONV, b.conv->act.pad = 1);
	EXPECT(BAD_FIELD, CONV, b.conv->c = HIGH);
	EXPECT(BAD_FIELD, CONV, (b.conv->batch = HIGH, b.conv->h = HIGH, b.conv->oh = HIGH));
	EXPECT(BAD_LEASE, CONV, b.conv->out = (64 << 10) - 16);
	EXPECT(BAD_LEASE, CONV, b.conv->in_pitch = HIGH);
	EXPECT(BAD_LEASE, CONV, b.conv->batch = 1000);
	EXPECT(BAD_WEIGHT, CONV, b.conv->w_off = WEIGHTS - 2);
	EXPECT(BAD_WEIGHT, CONV, b.conv->w_off = HIGH);
	EXPECT(BAD_WEIGHT, CONV, b.conv->b_off = WEIGHTS);
	EXPECT(BAD_FIELD, CONV, b.conv->b_off = 2);
	EXPECT(BAD_FIELD, CONV, b.conv->w_off = 1);
	EXPECT(BAD_FIELD, DWCONV, b.dwconv->oc = 16);
	EXPECT(BAD_FIELD, DWCONV, b.dwconv->hdr.flags |= LOOM_CMD_RESIDUAL);
}

static void test_matmul_fields(void **state)
{
	EXPECT(BAD_FIELD, MATMUL, b.matmul->m = 0);
	EXPECT(BAD_FIELD, MATMUL, b.matmul->batch[1] = 0);
	EXPECT(BAD_FIELD, MATMUL, b.matmul->pad = 1);
	EXPECT(BAD_FIELD, MATMUL, b.matmul->out_dtype = LOOM_I64);
	EXPECT(BAD_FIELD, MATMUL, b.matmul->k = 1 << 20);
	EXPECT(BAD_FIELD, MATMUL, b.matmul->batch[0] = b.matmul->batch[1] = HIGH);
	EXPECT(BAD_LEASE, MATMUL, (b.matmul->m = HIGH, b.matmul->a_row = 0));
	EXPECT(BAD_LEASE, MATMUL, b.matmul->a_batch[0] = HIGH);
	EXPECT(BAD_LEASE, MATMUL, b.matmul->b_col = HIGH);
	EXPECT(BAD_LEASE, MATMUL, b.matmul->out_row = 1 << 20);
	EXPECT(BAD_FIELD, MATMUL, b.matmul->b = 1);
}

static void test_vector_fields(void **state)
{
	EXPECT(BAD_FIELD, COPY, b.copy->dims[0] = 0);
	EXPECT(BAD_FIELD, COPY, b.copy->dims[0] = b.copy->dims[1] = HIGH);
	EXPECT(BAD_FIELD, COPY, b.copy->dst.stride[5] = 0);
	EXPECT(BAD_FIELD, COPY, b.copy->dst.space = LOOM_SPACE_WEIGHTS);
	EXPECT(BAD_FIELD, COPY, b.copy->src.space = 2);
	EXPECT(BAD_FIELD, COPY, b.copy->src.dtype = LOOM_U8 + 1);
	EXPECT(BAD_WEIGHT, COPY, b.copy->src.off = WEIGHTS - 510);
	EXPECT(BAD_WEIGHT, COPY, b.copy->src.stride[4] = -16);
	EXPECT(BAD_WEIGHT, COPY, b.copy->src.stride[4] = INT32_MIN);
	EXPECT(BAD_LEASE, COPY, b.copy->dst.stride[4] = INT32_MAX);
	EXPECT(BAD_LEASE, COPY, b.copy->dst.stride[4] = -1);
	EXPECT(BAD_LEASE, COPY, b.copy->dst.off = 64 << 10);
	EXPECT(BAD_FIELD, COPY, b.copy->dst.off = 1);
	EXPECT(BAD_FIELD, BINARY, b.binary->fn = LOOM_BIN_COUNT);
	EXPECT(BAD_FIELD, BINARY, b.binary->pad = 1);
	EXPECT(BAD_FIELD, BINARY, b.binary->b.dtype = LOOM_I32);
	EXPECT(BAD_LEASE, BINARY, b.binary->b.off = 64 << 10);
	EXPECT(BAD_FIELD, UNARY, b.unary->rows = 0);
	EXPECT(BAD_FIELD, UNARY, b.unary->dst_pitch = 15);
	EXPECT(BAD_FIELD, UNARY, b.unary->src_dtype = LOOM_I32);
	EXPECT(BAD_LEASE, UNARY, b.unary->src_pitch = HIGH);
	EXPECT(BAD_FIELD, UNARY, b.unary->rows = b.unary->cols = b.unary->dst_pitch = HIGH);
	EXPECT(BAD_FIELD, REDUCE, b.reduce->n = 0);
	EXPECT(BAD_FIELD, REDUCE, b.reduce->fn = LOOM_RED_COUNT);
	EXPECT(BAD_FIELD, REDUCE, b.reduce->outer = b.reduce->inner = HIGH);
	EXPECT(BAD_LEASE, REDUCE, b.reduce->outer = 1 << 20);
	EXPECT(BAD_FIELD, SOFTMAX, b.softmax->inner = 0);
	EXPECT(BAD_FIELD, SOFTMAX, b.softmax->src_dtype = 77);
	EXPECT(BAD_LEASE, SOFTMAX, b.softmax->dst = 64 << 10);
	EXPECT(BAD_FIELD, LAYERNORM, b.layernorm->beta = 4);
	EXPECT(BAD_FIELD, LAYERNORM, b.layernorm->gamma = 2);
	EXPECT(BAD_WEIGHT, LAYERNORM, b.layernorm->gamma = WEIGHTS);
	EXPECT(BAD_LEASE, LAYERNORM, b.layernorm->rows = 1 << 16);
	EXPECT(BAD_FIELD, POOL, b.pool->fn = 2);
	EXPECT(BAD_FIELD, POOL, b.pool->kw = 0);
	EXPECT(BAD_FIELD, POOL, b.pool->pad = 1);
	EXPECT(BAD_FIELD, POOL, b.pool->in_pitch = 7);
	EXPECT(BAD_LEASE, POOL, b.pool->batch = 1 << 20);
}

static void test_quantised_mac_fields(void **state)
{
	EXPECT(BAD_FIELD, QCONV, b.qconv->conv.hdr.flags |= LOOM_CMD_BIAS);
	EXPECT(BAD_FIELD, QCONV, b.qconv->conv.kh = 0);
	EXPECT(BAD_FIELD, QCONV, b.qconv->conv.c = HIGH);
	EXPECT(BAD_FIELD, QCONV, b.qconv->in_dtype = LOOM_F16);
	EXPECT(BAD_FIELD, QCONV, b.qconv->w_dtype = LOOM_I32);
	EXPECT(BAD_FIELD, QCONV, b.qconv->res_dtype = LOOM_I32);
	EXPECT(BAD_FIELD, QCONV, b.qconv->conv.out_dtype = LOOM_I64);
	EXPECT(BAD_FIELD, QCONV, b.qconv->conv.out_dtype = LOOM_I32);
	EXPECT(BAD_FIELD, QCONV, b.qconv->conv.out_dtype = LOOM_F32);
	EXPECT(BAD_FIELD, QCONV, b.qconv->pad = 1);
	EXPECT(BAD_FIELD, QCONV, b.qconv->in_zero = 1);
	EXPECT(BAD_FIELD, QCONV, b.qconv->conv.hdr.flags &= ~LOOM_CMD_DYNAMIC);
	EXPECT(BAD_FIELD, QCONV, b.qconv->conv.hdr.flags &= ~LOOM_CMD_RESIDUAL);
	EXPECT(BAD_FIELD, QCONV, b.qconv->dyn += 2);
	EXPECT(BAD_LEASE, QCONV, b.qconv->dyn = (64 << 10) - 4);
	EXPECT(BAD_FIELD, QCONV, b.qconv->res_quant.zero = -129);
	EXPECT(BAD_FIELD, QCONV, b.qconv->res_quant.scale = 0.0f);
	EXPECT(BAD_FIELD, QCONV, b.qconv->out_quant.zero = 256);
	EXPECT(BAD_FIELD, QCONV, b.qconv->out_quant.scale = -1.0f);
	EXPECT(BAD_FIELD, QCONV, b.qconv->out_quant.scale = INFINITY);
	EXPECT(BAD_FIELD, QCONV, b.qconv->out_quant.scale = NAN);
	EXPECT(BAD_LEASE, QCONV, b.qconv->conv.res = (64 << 10) - 16);
	EXPECT(BAD_LEASE, QCONV, b.qconv->conv.out = (64 << 10) - 16);
	EXPECT(BAD_WEIGHT, QCONV, b.qconv->conv.w_off = WEIGHTS - 1151);
	EXPECT(BAD_WEIGHT, QCONV, b.qconv->conv.b_off = WEIGHTS - 252);
	EXPECT(BAD_FIELD, QCONV, b.qconv->conv.b_off += 2);
	EXPECT(BAD_FIELD, QDWCONV, b.qdwconv->conv.oc = 16);
	EXPECT(BAD_FIELD, QDWCONV, b.qdwconv->conv.hdr.flags |= LOOM_CMD_RESIDUAL);
	EXPECT(BAD_FIELD, QDWCONV, b.qdwconv->in_zero = -1);
	EXPECT(BAD_FIELD, QMATMUL, b.qmatmul->matmul.k = 1 << 20);
	EXPECT(BAD_FIELD, QMATMUL, b.qmatmul->matmul.pad = 1);
	EXPECT(BAD_FIELD, QMATMUL, b.qmatmul->pad = 1);
	EXPECT(BAD_FIELD, QMATMUL, b.qmatmul->a_zero = 256);
	EXPECT(BAD_FIELD, QMATMUL, b.qmatmul->b_zero = 128);
	EXPECT(BAD_FIELD, QMATMUL, b.qmatmul->a_dtype = LOOM_F16);
	EXPECT(BAD_FIELD, QMATMUL, b.qmatmul->out_quant.scale = 1.0f);
	EXPECT(BAD_FIELD, QMATMUL, (b.qmatmul->matmul.out_dtype = LOOM_I32,
				    b.qmatmul->matmul.act.fn = LOOM_UN_RELU));
	EXPECT(BAD_LEASE, QMATMUL, b.qmatmul->matmul.a_col = HIGH);
}

static void test_quantised_vector_fields(void **state)
{
	EXPECT(BAD_FIELD, QUANT, b.quant->dst.dtype = LOOM_F32);
	EXPECT(BAD_FIELD, QUANT, b.quant->dst.dtype = LOOM_I32);
	EXPECT(BAD_FIELD, QUANT, b.quant->src.dtype = LOOM_I64);
	EXPECT(BAD_FIELD, QUANT, b.quant->src_quant.zero = 1);
	EXPECT(BAD_FIELD, QUANT, b.quant->dst_quant.scale = 0.0f);
	EXPECT(BAD_FIELD, QUANT, b.quant->pad = 1);
	EXPECT(BAD_FIELD, QUANT, b.quant->axis = 1);
	EXPECT(BAD_FIELD, QUANT, b.quant->table = 4);
	EXPECT(BAD_FIELD, QUANT, b.quant->dyn = 4);
	EXPECT(BAD_FIELD, QUANT, b.quant->hdr.flags = LOOM_CMD_CHANNELS);
	EXPECT(BAD_FIELD, QUANT, b.quant->hdr.flags = LOOM_CMD_DYNAMIC);
	EXPECT(BAD_FIELD, QUANT, (b.quant->hdr.flags = LOOM_CMD_CHANNELS, b.quant->axis = 6,
				  b.quant->dst_quant = (struct loom_quant){ 0 }));
	EXPECT(BAD_WEIGHT, QUANT, (b.quant->hdr.flags = LOOM_CMD_CHANNELS, b.quant->axis = 5,
				   b.quant->table = WEIGHTS - 124,
				   b.quant->dst_quant = (struct loom_quant){ 0 }));
	EXPECT(BAD_LEASE, QUANT, (b.quant->hdr.flags = LOOM_CMD_DYNAMIC, b.quant->dyn = 64 << 10,
				  b.quant->dst.dtype = LOOM_U8,
				  b.quant->dst_quant = (struct loom_quant){ 0 }));
	EXPECT(BAD_LEASE, QUANT, b.quant->dst.off = (64 << 10) - 255);
	EXPECT(BAD_FIELD, QUANT, b.quant->dst.stride[5] = 0);
	EXPECT(BAD_FIELD, QBINARY, b.qbinary->fn = LOOM_BIN_COUNT);
	EXPECT(BAD_FIELD, QBINARY, b.qbinary->a.dtype = LOOM_I32);
	EXPECT(BAD_FIELD, QBINARY, b.qbinary->b_quant.scale = 1.0f);
	EXPECT(BAD_FIELD, QBINARY, b.qbinary->dst_quant.zero = 128);
	EXPECT(BAD_LEASE, QBINARY, b.qbinary->a.off = 64 << 10);
	EXPECT(BAD_FIELD, QPOOL, b.qpool->pool.fn = LOOM_POOL_MAX);
	EXPECT(BAD_FIELD, QPOOL, b.qpool->pool.fn = 2);
	EXPECT(BAD_FIELD, QPOOL, b.qpool->in_dtype = LOOM_F16);
	EXPECT(BAD_FIELD, QPOOL, b.qpool->out_dtype = LOOM_I32);
	EXPECT(BAD_FIELD, QPOOL, b.qpool->out_dtype = LOOM_U8);
	EXPECT(BAD_FIELD, QPOOL, b.qpool->in_quant.zero = 256);
	EXPECT(BAD_FIELD, QPOOL, b.qpool->pad = 1);
	EXPECT(BAD_LEASE, QPOOL, b.qpool->pool.batch = 1 << 20);
}

/* A device that was made without the 8-bit commands does not know them. */
static void no_int8(struct loom_sim_config *config)
{
	config->caps.flags &= ~LOOM_CAP_INT8;
}

static void test_no_int8(void **state)
{
	struct rig *full = rig;

	rig = rig_new("tiny", no_int8);
	EXPECT(BAD_OPCODE, QCONV, (void)b);
	rig_free(rig);
	rig = full;
}

static void test_release(void **state)
{
	EXPECT(BAD_WEIGHT, NOP, b.nop->release_to = WEIGHTS + 1);
	/* the bias is released before the convolution names it */
	EXPECT(BAD_WEIGHT, CONV, b.nop->release_to = 64);
	/* decreasing */
	EXPECT(BAD_WEIGHT, MATMUL, (b.dwconv->hdr.release_to = 64, b.matmul->hdr.release_to = 63));
}

/* ---- the weight SRAM is too small: tiny's holds 64 KiB ---- */

static struct loom_cmd_conv *big_product(struct buffer *b, uint32_t k, uint32_t n, uint32_t rows)
{
	uint32_t bytes = 2 * k * n;

	memset(b, 0, sizeof(*b));
	stream_begin(&b->s, RIG_LEASE);
	stream_fetch(&b->s, rig->weights_va, bytes);
	b->conv = stream_add(&b->s, LOOM_OP_CONV, sizeof(*b->conv));
	*b->conv = (struct loom_cmd_conv){
		.hdr = b->conv->hdr,
		.out = 128 << 10, .in_pitch = k, .out_pitch = n,
		.batch = 1, .h = 1, .w = rows, .c = k, .oh = 1, .ow = rows, .oc = n,
		.kh = 1, .kw = 1, .sh = 1, .sw = 1, .dh = 1, .dw = 1,
	};
	b->conv->hdr.release_to = bytes;
	stream_end(&b->s);
	return b->conv;
}

static void test_larger_than_fifo(void **state)
{
	struct buffer b;

	/* 256 KiB of weights go through 64 KiB tile by tile ... */
	big_product(&b, 512, 256, 16);
	assert_int_equal(submit(&b, 0).fault, LOOM_FAULT_NONE);
	/* ... not if they are kept, ... */
	big_product(&b, 512, 256, 16)->hdr.release_to = 0;
	check(&b, 0, LOOM_FAULT_TILE_TOO_LARGE, 1, __LINE__);
	big_product(&b, 512, 256, 16)->hdr.release_to = 2 * 512 * 128;
	check(&b, 0, LOOM_FAULT_TILE_TOO_LARGE, 1, __LINE__);
	big_product(&b, 512, 256, 16);
	check(&b, LOOM_JOB_RELEASE_LAYER, LOOM_FAULT_SLICE_TOO_LARGE, LOOM_NO_CMD, __LINE__);
	/* ... nor if a column block is needed again for the next rows. */
	big_product(&b, 4096, 32, 16)->w = 1;
	b.conv->ow = 1;
	assert_int_equal(submit(&b, 0).fault, LOOM_FAULT_NONE);
	big_product(&b, 4096, 32, 65)->in_pitch = 4096;
	b.conv->in_pitch = 4096;
	b.conv->h = 65;
	b.conv->w = 1;
	b.conv->oh = 65;
	b.conv->ow = 1;
	check(&b, 0, LOOM_FAULT_BAD_LEASE, 1, __LINE__);
}

/* A depthwise filter bank is needed whole. */
static void test_tile_too_large(void **state)
{
	struct buffer b;

	big_product(&b, 64, 600, 1);
	*b.conv = (struct loom_cmd_conv){
		.hdr = b.conv->hdr,
		.out = 128 << 10, .in_pitch = 4200, .out_pitch = 4200,
		.batch = 1, .h = 3, .w = 3, .c = 4200, .oh = 1, .ow = 1, .oc = 4200,
		.kh = 3, .kw = 3, .sh = 1, .sw = 1, .dh = 1, .dw = 1,
	};
	b.conv->hdr.opcode = LOOM_OP_DWCONV;
	check(&b, 0, LOOM_FAULT_TILE_TOO_LARGE, 1, __LINE__);
}

/* ---- descriptors, addresses, indices ---- */

static struct loom_hw_cqe submit_desc(struct loom_hw_job desc)
{
	uint32_t number = rig->h->queue[0].tail;

	host_submit_desc(rig->h, 0, &desc);
	host_run(rig->h);
	return *host_completion(rig->h, 0, number);
}

static void test_descriptor(void **state)
{
	static const struct loom_hw_job good = { .cmd_va = 0x10000000, .cmd_size = 64,
						 .vm_slot = RIG_CTX };
	struct loom_hw_job bad;

	bad = good;
	bad.vm_slot = 9;	/* no such context */
	assert_int_equal(submit_desc(bad).fault, LOOM_FAULT_BAD_SLOT);
	bad.vm_slot = 1000;	/* no such slot */
	assert_int_equal(submit_desc(bad).fault, LOOM_FAULT_BAD_SLOT);
	bad = good;
	bad.cmd_size = 24;
	assert_int_equal(submit_desc(bad).fault, LOOM_FAULT_BAD_CMDBUF);
	revive();
	bad.cmd_size = LOOM_CMDBUF_MAX_BYTES + 8;
	assert_int_equal(submit_desc(bad).fault, LOOM_FAULT_BAD_CMDBUF);
	revive();
	bad = good;
	bad.cmd_va += 4;
	assert_int_equal(submit_desc(bad).fault, LOOM_FAULT_BAD_CMDBUF);
	revive();
	bad = good;
	bad.flags = 0x8000;
	assert_int_equal(submit_desc(bad).fault, LOOM_FAULT_BAD_CMDBUF);
	revive();
	bad = good;
	bad.cmd_va = 0x40000;	/* nothing mapped there */
	assert_int_equal(submit_desc(bad).fault, LOOM_FAULT_MMU_READ);
	revive();
	bad.cmd_va = UINT64_MAX - 7;
	assert_int_equal(submit_desc(bad).fault, LOOM_FAULT_MMU_READ);
}

static struct loom_hw_cqe run_move(uint16_t opcode, uint64_t va, uint32_t bytes)
{
	struct buffer b;

	stream_begin(&b.s, RIG_LEASE);
	stream_move(&b.s, opcode, va, 0, bytes, 0);
	stream_end(&b.s);
	return submit(&b, 0);
}

static void test_mmu(void **state)
{
	uint64_t end = rig->out_va + RIG_LEASE;
	struct loom_hw_cqe cqe = run_move(LOOM_OP_LOAD, end - 100, 200);

	assert_int_equal(cqe.fault, LOOM_FAULT_MMU_READ);
	assert_int_equal(cqe.fault_addr, end);
	assert_int_equal(cqe.fault_cmd, 0);
	revive();
	cqe = run_move(LOOM_OP_STORE, end - 100, 200);
	assert_int_equal(cqe.fault, LOOM_FAULT_MMU_WRITE);
	assert_int_equal(cqe.fault_addr, end);
	revive();
	/* mapped, but read-only */
	assert_int_equal(run_move(LOOM_OP_STORE, rig->in_va, 8).fault, LOOM_FAULT_MMU_WRITE);
	revive();
	/* a page table entry that points to nowhere */
	host_map(rig->h, RIG_CTX, 0x5000000, 0x1000, 4096, true);
	cqe = run_move(LOOM_OP_LOAD, 0x5000010, 8);
	assert_int_equal(cqe.fault, LOOM_FAULT_BUS);
	assert_int_equal(cqe.fault_addr, 0x5000010);
}

static void test_fetch_fault(void **state)
{
	struct loom_hw_cqe cqe;
	struct buffer b;

	sample(&b, rig);
	b.fetch->va = rig->weights_va + RIG_WEIGHTS - 4096;
	cqe = submit(&b, 0);
	assert_int_equal(cqe.fault, LOOM_FAULT_MMU_READ);
	assert_int_equal(cqe.fault_cmd, FETCH);
	assert_int_equal(cqe.fault_addr, rig->weights_va + RIG_WEIGHTS);
}

static void test_bad_index(void **state)
{
	struct loom_hw_cqe cqe;
	struct buffer b;

	for (int i = 0; i < 2; i++) {
		int32_t index = i ? 8 : -9;

		sample(&b, rig);
		memcpy(rig->in + 8, &index, sizeof(index));
		b.load->off = 60 << 10;
		cqe = submit(&b, 0);
		assert_int_equal(cqe.fault, LOOM_FAULT_BAD_INDEX);
		assert_int_equal(cqe.fault_cmd, GATHER);
		assert_int_equal(cqe.fault_addr, (60 << 10) + 8);
		revive();
	}
}

static void short_fuse(struct loom_sim_config *config)
{
	config->watchdog_ns = 1000;
}

static void test_timeout(void **state)
{
	struct rig *slow = rig_new("tiny", short_fuse);
	struct loom_hw_cqe cqe;
	struct buffer b;

	rig_free(rig);
	rig = slow;
	big_product(&b, 64, 64, 8);
	assert_int_equal(submit(&b, 0).fault, LOOM_FAULT_NONE);
	big_product(&b, 256, 256, 64);
	cqe = submit(&b, 0);
	assert_int_equal(cqe.fault, LOOM_FAULT_TIMEOUT);
	assert_int_equal(cqe.fault_cmd, 1);
	assert_int_equal(cqe.mac_busy, 1000);
}

static void test_context_dead(void **state)
{
	struct buffer b;

	sample(&b, rig);
	b.nop->opcode = 99;
	assert_int_equal(submit(&b, 0).fault, LOOM_FAULT_BAD_OPCODE);
	sample(&b, rig);
	assert_int_equal(submit(&b, 0).fault, LOOM_FAULT_CONTEXT_DEAD);
	assert_int_equal(host_counters(rig->h).faults, 1);
	revive();
	sample(&b, rig);
	assert_int_equal(submit(&b, 0).fault, LOOM_FAULT_NONE);
}

static int setup(void **state)
{
	rig = rig_new("tiny", NULL);
	return 0;
}

static int teardown(void **state)
{
	rig_free(rig);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_valid),
		TEST(test_header),
		TEST(test_truncated),
		TEST(test_command),
		TEST(test_wait),
		TEST(test_dma_fields),
		TEST(test_conv_fields),
		TEST(test_matmul_fields),
		TEST(test_vector_fields),
		TEST(test_quantised_mac_fields),
		TEST(test_quantised_vector_fields),
		TEST(test_no_int8),
		TEST(test_release),
		TEST(test_larger_than_fifo),
		TEST(test_tile_too_large),
		TEST(test_descriptor),
		TEST(test_mmu),
		TEST(test_fetch_fault),
		TEST(test_bad_index),
		TEST(test_timeout),
		TEST(test_context_dead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
