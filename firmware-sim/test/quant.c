/* SPDX-License-Identifier: MIT */
/*
 * The 8-bit commands, to the bit, against loops that do what loom_isa.h says one number at a time.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "hw/half.h"
#include "rig.h"
#include "timing/loom_timing.h"

#define IN	0u
#define OUT	(96u << 10)
#define RES	(192u << 10)
#define DYN	(RIG_LEASE - 64)
#define CHANNELS 0u		/* in the weights: struct loom_qchannel, then the numbers */
#define WEIGHTS	(10u << 10)
#define FETCHED	(56u << 10)

static struct rig *rig;
static uint64_t seed;

static uint32_t draw(uint32_t n)
{
	return rig_random(&seed) % n;
}

static int setup(void **state)
{
	rig = rig_new("tiny", NULL);
	seed = 1;
	for (uint32_t i = 0; i < RIG_LEASE; i++)
		rig->in[i] = draw(256);
	for (uint32_t i = 0; i < RIG_WEIGHTS; i++)
		rig->weights[i] = draw(256);
	return 0;
}

static int teardown(void **state)
{
	rig_free(rig);
	return 0;
}

static void run_ok(void)
{
	struct loom_hw_cqe cqe = rig_run(rig);

	if (cqe.fault)
		fail_msg("fault %u at command %u, address 0x%llx", cqe.fault, cqe.fault_cmd,
			 cqe.fault_addr);
}

/* ---- the oracle ---- */

static int32_t number(uint32_t dtype, const uint8_t *image, uint64_t index)
{
	int32_t wide;

	if (dtype == LOOM_I32) {
		memcpy(&wide, image + 4 * index, 4);
		return wide;
	}
	return dtype == LOOM_I8 ? (int8_t)image[index] : image[index];
}

static float real(uint32_t dtype, const uint8_t *image, uint64_t index, struct loom_quant quant)
{
	uint16_t half;
	float value;

	if (dtype == LOOM_F32) {
		memcpy(&value, image + 4 * index, 4);
		return value;
	}
	if (dtype == LOOM_F16) {
		memcpy(&half, image + 2 * index, 2);
		return half_to_float_c(half);
	}
	return (float)(number(dtype, image, index) - quant.zero) * quant.scale;
}

/* ONNX's QuantizeLinear, as its text has it. */
static int32_t quantise(float v, uint32_t dtype, struct loom_quant quant)
{
	double low = dtype == LOOM_I8 ? -128 : 0, high = dtype == LOOM_I8 ? 127 : 255, q;

	if (isnan(v / quant.scale))
		return quant.zero;
	q = nearbyint(v / quant.scale) + quant.zero;
	return q < low ? low : q > high ? high : q;
}

static void expect(uint32_t dtype, uint32_t off, uint64_t index, float v, struct loom_quant quant)
{
	struct loom_quant none = { 0 };
	float got;

	if (dtype != LOOM_F16 && dtype != LOOM_F32) {
		int32_t got8 = number(dtype, rig->out + off, index);

		if (got8 != quantise(v, dtype, quant))
			fail_msg("element %llu is %d, not %d (%g)", (unsigned long long)index, got8,
				 quantise(v, dtype, quant), v);
		return;
	}
	got = real(dtype, rig->out + off, index, none);
	if (dtype == LOOM_F16)
		v = half_to_float_c(float_to_half_c(v));
	if (memcmp(&got, &v, 4) && !(got == v))
		fail_msg("element %llu is %.9g, not %.9g", (unsigned long long)index, got, v);
}

/* ---- QCONV, QDWCONV ---- */

static struct loom_qchannel channel(uint32_t i)
{
	struct loom_qchannel c;

	memcpy(&c, rig->weights + CHANNELS + i * sizeof(c), sizeof(c));
	return c;
}

static void fill_channels(uint32_t oc)
{
	for (uint32_t i = 0; i < oc; i++) {
		struct loom_qchannel c = {
			.bias = (int32_t)draw(20000) - 10000,
			.zero = draw(3) ? 0 : (int32_t)draw(256) - 128,
			.scale = 0.0001f * (1 + draw(1000)),
			.add = draw(2) ? 0.0f : (int32_t)draw(100) - 50.0f,
		};

		memcpy(rig->weights + CHANNELS + i * sizeof(c), &c, sizeof(c));
	}
}

struct shape {
	uint32_t batch, h, w, c, oc, k, stride, pad, dilation;
};

static uint32_t out_size(uint32_t in, const struct shape *s)
{
	return (in + 2 * s->pad - s->dilation * (s->k - 1) - 1) / s->stride + 1;
}

static struct loom_cmd_qconv *add_conv(uint16_t opcode, const struct shape *s)
{
	struct loom_cmd_qconv *cmd = rig_add(rig, opcode, sizeof(*cmd));

	cmd->conv = (struct loom_cmd_conv){
		.hdr = cmd->conv.hdr,
		.in = IN, .out = OUT, .in_pitch = s->c, .out_pitch = s->oc,
		.batch = s->batch, .h = s->h, .w = s->w, .c = s->c,
		.oh = out_size(s->h, s), .ow = out_size(s->w, s), .oc = s->oc,
		.kh = s->k, .kw = s->k, .sh = s->stride, .sw = s->stride, .pt = s->pad,
		.pl = s->pad, .dh = s->dilation, .dw = s->dilation,
		.w_off = WEIGHTS, .b_off = CHANNELS, .out_dtype = LOOM_I32,
	};
	cmd->in_dtype = LOOM_U8;
	cmd->w_dtype = LOOM_I8;
	return cmd;
}

static int32_t conv_weight(const struct loom_cmd_qconv *q, uint64_t k, uint32_t oc)
{
	const struct loom_cmd_conv *cmd = &q->conv;
	uint32_t cols = rig->h->config.caps.array_cols;
	uint64_t depth = (uint64_t)cmd->kh * cmd->kw * cmd->c, first = oc / cols * cols;
	uint64_t width = cmd->oc - first < cols ? cmd->oc - first : cols;
	uint64_t at = first * depth + k * width + oc - first;
	int32_t zero = channel(oc).zero;

	if (cmd->hdr.opcode == LOOM_OP_QDWCONV)
		at = k * cmd->c + oc;
	return number(q->w_dtype, rig->weights + cmd->w_off, at) -
	       (q->w_dtype == LOOM_I8 ? (int8_t)zero : (uint8_t)zero);
}

static int32_t conv_sum(const struct loom_cmd_qconv *q, uint64_t pixel, uint32_t oc,
			int32_t in_zero)
{
	const struct loom_cmd_conv *cmd = &q->conv;
	bool depthwise = cmd->hdr.opcode == LOOM_OP_QDWCONV;
	uint64_t n = pixel / cmd->ow / cmd->oh;
	int64_t sum = channel(oc).bias;

	for (uint64_t tap = 0; tap < (uint64_t)cmd->kh * cmd->kw; tap++) {
		int64_t y = (int64_t)(pixel / cmd->ow % cmd->oh) * cmd->sh - cmd->pt +
			    tap / cmd->kw * cmd->dh;
		int64_t x = (int64_t)(pixel % cmd->ow) * cmd->sw - cmd->pl +
			    tap % cmd->kw * cmd->dw;
		uint64_t at = ((n * cmd->h + y) * cmd->w + x) * cmd->in_pitch;

		if (y < 0 || x < 0 || y >= cmd->h || x >= cmd->w)
			continue;
		for (uint32_t c = 0; c < (depthwise ? 1 : cmd->c); c++)
			sum += (int64_t)(number(q->in_dtype, rig->in + cmd->in,
						at + (depthwise ? oc : c)) - in_zero) *
			       conv_weight(q, depthwise ? tap : tap * cmd->c + c, oc);
	}
	return (int32_t)(uint32_t)(uint64_t)sum;
}

static float unary(const struct loom_act *act, float v)
{
	if (act->fn == LOOM_UN_RELU)
		return v < 0 ? 0 : v;
	if (act->fn == LOOM_UN_CLIP)
		return v < act->alpha ? act->alpha : v > act->beta ? act->beta : v;
	return v;
}

/* Runs the command in the rig and checks each of its sums or results. */
static void check_conv(const struct loom_cmd_qconv *in_stream)
{
	struct loom_cmd_qconv q = *in_stream;
	const struct loom_cmd_conv *cmd = &q.conv;
	uint64_t pixels = (uint64_t)cmd->batch * cmd->oh * cmd->ow;
	struct loom_quant dynamic = { 1.0f, q.in_zero };

	if (cmd->hdr.flags & LOOM_CMD_DYNAMIC) {
		memcpy(&dynamic, rig->in + q.dyn, sizeof(dynamic));
		dynamic.zero = q.in_dtype == LOOM_I8 ? (int8_t)dynamic.zero : (uint8_t)dynamic.zero;
	}
	run_ok();
	for (uint64_t i = 0; i < pixels * cmd->oc; i++) {
		uint32_t oc = i % cmd->oc;
		int32_t sum = conv_sum(&q, i / cmd->oc, oc, dynamic.zero);
		struct loom_qchannel c = channel(oc);
		float scale = c.scale * dynamic.scale, v = (float)sum * scale;

		if (cmd->out_dtype == LOOM_I32) {
			assert_int_equal(number(LOOM_I32, rig->out + cmd->out, i), sum);
			continue;
		}
		v = v + c.add;
		if (cmd->hdr.flags & LOOM_CMD_RESIDUAL)
			v = v + real(q.res_dtype, rig->in + cmd->res, i, q.res_quant);
		expect(cmd->out_dtype, cmd->out, i, unary(&cmd->act, v), q.out_quant);
	}
}

static const struct shape shapes[] = {
	{ 1, 5, 7, 3, 4, 3, 1, 1, 1 },
	{ 2, 6, 5, 20, 37, 1, 1, 0, 1 },
	{ 1, 9, 9, 33, 17, 3, 2, 1, 2 },
	{ 3, 4, 11, 40, 16, 3, 1, 2, 1 },
	{ 1, 1, 140, 600, 20, 1, 1, 0, 1 },
};

#define NUM(array) (sizeof(array) / sizeof((array)[0]))

static void begin(void)
{
	rig_begin(rig, FETCHED);
	fill_channels(600);
}

static void test_conv_sums(void **state)
{
	for (uint32_t i = 0; i < 4 * NUM(shapes); i++) {
		struct loom_cmd_qconv *cmd;

		begin();
		cmd = add_conv(LOOM_OP_QCONV, &shapes[i / 4]);
		cmd->in_dtype = i % 2 ? LOOM_U8 : LOOM_I8;
		cmd->w_dtype = i / 2 % 2 ? LOOM_U8 : LOOM_I8;
		cmd->in_zero = draw(128);
		check_conv(cmd);
	}
}

/* Every product of the same sign and as large as can be: more than fp32 holds, and int32 wraps. */
static void test_conv_extremes(void **state)
{
	const struct shape s = { 1, 1, 2, 33000, 1, 1, 1, 0, 1 };
	struct loom_cmd_qconv *cmd;
	struct loom_qchannel c = { .zero = -128 };

	memset(rig->in, 255, 66000);
	memset(rig->weights, 127, RIG_WEIGHTS);
	memcpy(rig->weights, &c, sizeof(c));
	rig_begin(rig, FETCHED);
	cmd = add_conv(LOOM_OP_QCONV, &s);
	check_conv(cmd);
	assert_int_equal(number(LOOM_I32, rig->out + OUT, 0), 33000 * 65025u);
	begin();
	memcpy(rig->weights, &c, sizeof(c));
	cmd = add_conv(LOOM_OP_QCONV, &(struct shape){ 1, 1, 2, 40000, 1, 1, 1, 0, 1 });
	check_conv(cmd);
}

static void test_conv_requantised(void **state)
{
	static const uint32_t outs[] = { LOOM_U8, LOOM_I8, LOOM_F16, LOOM_F32 };
	static const uint32_t fns[] = { LOOM_UN_NONE, LOOM_UN_RELU, LOOM_UN_CLIP };

	for (uint32_t i = 0; i < 60; i++) {
		struct loom_cmd_qconv *cmd;

		begin();
		cmd = add_conv(LOOM_OP_QCONV, &shapes[i % NUM(shapes)]);
		cmd->in_zero = draw(256);
		cmd->conv.out_dtype = outs[i % 4];
		if (i % 4 < 2)
			cmd->out_quant = (struct loom_quant){ i % 3 ? 1.0f : 3.7f, draw(128) };
		cmd->conv.act = (struct loom_act){ .fn = fns[i % 3], .alpha = -20, .beta = 31.5f };
		check_conv(cmd);
	}
}

static void test_conv_residual(void **state)
{
	static const uint32_t types[] = { LOOM_U8, LOOM_I8, LOOM_F16, LOOM_F32 };
	uint32_t bits = 0;

	/* finite floats */
	for (uint32_t i = RES; i < DYN; i += 4) {
		bits = bits * 1664525 + 1013904223;
		bits &= 0xb3ffb3ff;
		memcpy(rig->in + i, &bits, 4);
	}
	for (uint32_t i = 0; i < 20; i++) {
		struct loom_cmd_qconv *cmd;

		begin();
		cmd = add_conv(LOOM_OP_QCONV, &shapes[i % 4]);
		cmd->conv.out_dtype = i % 3 ? LOOM_I8 : LOOM_F32;
		if (i % 3)
			cmd->out_quant = (struct loom_quant){ 0.9f, -7 };
		cmd->conv.hdr.flags = LOOM_CMD_RESIDUAL;
		cmd->conv.res = RES;
		cmd->conv.res_pitch = cmd->conv.oc;
		cmd->res_dtype = types[i % 4];
		if (i % 4 < 2)
			cmd->res_quant = (struct loom_quant){ 0.37f, 11 };
		cmd->conv.act.fn = i % 2 ? LOOM_UN_RELU : LOOM_UN_NONE;
		check_conv(cmd);
	}
}

static void test_conv_dynamic(void **state)
{
	struct loom_quant dynamic = { 0.0371f, 77 };

	memcpy(rig->in + DYN, &dynamic, sizeof(dynamic));
	for (uint32_t i = 0; i < 8; i++) {
		struct loom_cmd_qconv *cmd;

		begin();
		cmd = add_conv(i % 2 ? LOOM_OP_QCONV : LOOM_OP_QDWCONV, &(struct shape){
			1, 5, 6, 30, 30, 3, 1, 1, 1 });
		cmd->conv.hdr.flags = LOOM_CMD_DYNAMIC;
		cmd->dyn = DYN;
		cmd->conv.out_dtype = i / 2 % 2 ? LOOM_F32 : LOOM_I32;
		check_conv(cmd);
	}
}

static void test_depthwise(void **state)
{
	static const struct shape dw[] = {
		{ 1, 9, 8, 50, 50, 3, 1, 1, 1 }, { 2, 10, 10, 7, 7, 5, 2, 2, 1 },
		{ 1, 20, 20, 3, 3, 17, 1, 8, 1 },
	};

	for (uint32_t i = 0; i < 4 * NUM(dw); i++) {
		struct loom_cmd_qconv *cmd;

		begin();
		cmd = add_conv(LOOM_OP_QDWCONV, &dw[i / 4]);
		cmd->in_zero = draw(256);
		cmd->w_dtype = i % 2 ? LOOM_U8 : LOOM_I8;
		cmd->conv.out_dtype = i / 2 % 2 ? LOOM_U8 : LOOM_I32;
		if (i / 2 % 2)
			cmd->out_quant = (struct loom_quant){ 0.6f, 128 };
		check_conv(cmd);
	}
	/* 289 taps of one sign: more than fp32 holds */
	memset(rig->in, 255, 1200);
	memset(rig->weights + WEIGHTS, 0, 867);
	begin();
	add_conv(LOOM_OP_QDWCONV, &dw[2])->w_dtype = LOOM_U8;
	check_conv((void *)(rig->s.bytes + rig->s.size - sizeof(struct loom_cmd_qconv)));
}

/* Cut at a multiple of the columns, at any pixel and anywhere else: the same bytes. */
static void test_cut(void **state)
{
	const struct shape s = { 1, 6, 7, 35, 40, 3, 1, 1, 1 };
	uint8_t whole[42 * 40];
	struct loom_cmd_qconv *cmd;

	for (uint32_t part = 0; part < 3; part++) {
		begin();
		memset(rig->weights, 0, sizeof(struct loom_qchannel) * 40);
		for (uint32_t i = 0; i < 40; i++)
			memcpy(rig->weights + 16 * i + 8, &(float){ 0.001f }, 4);
		cmd = add_conv(LOOM_OP_QCONV, &s);
		cmd->conv.out_dtype = LOOM_U8;
		cmd->out_quant = (struct loom_quant){ 0.5f, 99 };
		if (part == 1)
			cmd->conv.oc = 16;
		if (part == 2) {
			cmd->conv.oc = 24;
			cmd->conv.out += 16;
			cmd->conv.b_off += 16 * 16;
			cmd->conv.w_off += 16 * 315;
		}
		run_ok();
		if (!part)
			memcpy(whole, rig->out + OUT, sizeof(whole));
		for (uint32_t i = 0; part && i < 42; i++)
			assert_memory_equal(rig->out + OUT + 40 * i + (part == 2 ? 16 : 0),
					    whole + 40 * i + (part == 2 ? 16 : 0),
					    part == 2 ? 24 : 16);
	}
}

/* ---- QMATMUL ---- */

static void test_matmul(void **state)
{
	for (uint32_t i = 0; i < 12; i++) {
		uint32_t k = i % 2 ? 37 : 700, m = 5 + draw(20), n = 5 + draw(30);
		bool transposed = i % 3 == 0;
		struct loom_cmd_qmatmul *cmd;
		struct loom_cmd_qmatmul q;

		rig_begin(rig, 0);
		cmd = rig_add(rig, LOOM_OP_QMATMUL, sizeof(*cmd));
		cmd->matmul = (struct loom_cmd_matmul){
			.hdr = cmd->matmul.hdr, .a = IN, .b = 48 << 10, .out = OUT, .m = m, .n = n,
			.k = k, .batch = { 1, 2 }, .a_batch = { 0, m * k }, .b_batch = { 0, 0 },
			.out_batch = { 0, m * n }, .a_row = k, .a_col = 1,
			.b_row = transposed ? 1 : n, .b_col = transposed ? k : 1, .out_row = n,
			.out_dtype = i % 4 ? LOOM_U8 : LOOM_I32, .alpha = 0.0003f,
		};
		cmd->a_dtype = i % 2 ? LOOM_U8 : LOOM_I8;
		cmd->b_dtype = LOOM_U8;
		cmd->a_zero = draw(128);
		cmd->b_zero = draw(256);
		if (i % 4)
			cmd->out_quant = (struct loom_quant){ 1.5f, 100 };
		q = *cmd;
		run_ok();
		for (uint64_t e = 0; e < 2ull * m * n; e++) {
			uint64_t b = e / (m * n), row = e / n % m, col = e % n;
			int32_t sum = 0;

			for (uint32_t j = 0; j < k; j++)
				sum += (number(q.a_dtype, rig->in, b * m * k + row * k + j) -
					q.a_zero) *
				       (number(q.b_dtype, rig->in + (48 << 10),
					       j * q.matmul.b_row + col * q.matmul.b_col) -
					q.b_zero);
			if (q.matmul.out_dtype == LOOM_I32)
				assert_int_equal(number(LOOM_I32, rig->out + OUT, e), sum);
			else
				expect(LOOM_U8, OUT, e, (float)sum * 0.0003f, q.out_quant);
		}
	}
}

/* ---- QUANT ---- */

static struct loom_cmd_quant *add_quant(uint32_t src, uint32_t dst, uint32_t rows, uint32_t cols)
{
	struct loom_cmd_quant *cmd = rig_add(rig, LOOM_OP_QUANT, sizeof(*cmd));

	for (int i = 0; i < 4; i++)
		cmd->dims[i] = 1;
	cmd->dims[4] = rows;
	cmd->dims[5] = cols;
	cmd->src = (struct loom_operand){ .off = IN, .dtype = src,
					  .stride = { 0, 0, 0, 0, cols, 1 } };
	cmd->dst = (struct loom_operand){ .off = OUT, .dtype = dst,
					  .stride = { 0, 0, 0, 0, cols, 1 } };
	return cmd;
}

/* Halves of steps, and what has no number of the type. */
static void test_rounding(void **state)
{
	static const float values[] = {
		0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, 126.5f, 127.5f, 128.5f, 300.0f, -300.0f,
		0.49999997f, 8388609.0f, -1e30f, INFINITY, -INFINITY, NAN, -0.0f,
	};

	for (uint32_t dst = LOOM_I8; dst <= LOOM_U8; dst++) {
		struct loom_cmd_quant *cmd;

		memcpy(rig->in, values, sizeof(values));
		rig_begin(rig, 0);
		cmd = add_quant(LOOM_F32, dst, 1, NUM(values));
		cmd->dst_quant = (struct loom_quant){ 1.0f, 3 };
		run_ok();
		for (uint32_t i = 0; i < NUM(values); i++)
			expect(dst, OUT, i, values[i], (struct loom_quant){ 1.0f, 3 });
		assert_int_equal(rig->out[OUT], 3);	/* 0.5 -> 0 */
		assert_int_equal(rig->out[OUT + 1], 5);	/* 1.5 -> 2 */
	}
}

static void test_quant_types(void **state)
{
	static const uint32_t types[][2] = {
		{ LOOM_U8, LOOM_F32 }, { LOOM_I8, LOOM_F16 }, { LOOM_I32, LOOM_F32 },
		{ LOOM_U8, LOOM_I8 }, { LOOM_I8, LOOM_U8 }, { LOOM_I32, LOOM_U8 },
	};

	for (uint32_t i = 0; i < NUM(types); i++) {
		struct loom_quant src = { 0.031f, types[i][0] == LOOM_I32 ? 100000 : 17 };
		struct loom_quant dst = { 0 };
		struct loom_cmd_quant *cmd;

		if (types[i][1] != LOOM_F32 && types[i][1] != LOOM_F16)
			dst = (struct loom_quant){ types[i][0] == LOOM_I32 ? 4e5f : 0.04f, 100 };
		rig_begin(rig, 0);
		cmd = add_quant(types[i][0], types[i][1], 30, 41);
		cmd->src_quant = src;
		cmd->dst_quant = dst;
		cmd->act.fn = LOOM_UN_RELU;
		run_ok();
		for (uint32_t e = 0; e < 30 * 41; e++) {
			int64_t q = number(types[i][0], rig->in, e);
			float v = (float)(int32_t)(uint32_t)(q - src.zero) * src.scale;

			expect(types[i][1], OUT, e, v < 0 ? 0 : v, dst);
		}
	}
}

static void test_quant_channels(void **state)
{
	for (uint32_t axis = 4; axis < 6; axis++) {
		uint32_t n = axis == 4 ? 9 : 23;
		struct loom_cmd_quant *cmd;

		rig_begin(rig, 8192);
		for (uint32_t i = 0; i < n; i++) {
			struct loom_quant q = { 0.01f * (i + 1), (int32_t)i - 10 };

			memcpy(rig->weights + 64 + 8 * i, &q, sizeof(q));
		}
		cmd = add_quant(LOOM_I8, LOOM_F32, 9, 23);
		cmd->hdr.flags = LOOM_CMD_CHANNELS;
		cmd->table = 64;
		cmd->axis = axis;
		run_ok();
		for (uint32_t e = 0; e < 9 * 23; e++) {
			int32_t i = axis == 4 ? e / 23 : e % 23;

			expect(LOOM_F32, OUT, e, (float)(number(LOOM_I8, rig->in, e) - (i - 10)) *
			       (0.01f * (i + 1)), (struct loom_quant){ 0 });
		}
	}
}

static void test_quant_dynamic(void **state)
{
	static const float ranges[][2] = { { -3, 5 }, { 2, 9 }, { -7, -1 }, { 0, 0 } };

	for (uint32_t i = 0; i < NUM(ranges); i++) {
		float lo = 0, hi = 0, x[300];
		struct loom_quant q, got;
		struct loom_cmd_quant *cmd;

		for (uint32_t e = 0; e < NUM(x); e++) {
			x[e] = ranges[i][0] + (ranges[i][1] - ranges[i][0]) * draw(1000) / 999.0f;
			lo = fminf(lo, x[e]);
			hi = fmaxf(hi, x[e]);
		}
		memcpy(rig->in, x, sizeof(x));
		rig_begin(rig, 0);
		cmd = add_quant(LOOM_F32, LOOM_U8, 10, 30);
		cmd->hdr.flags = LOOM_CMD_DYNAMIC;
		cmd->dyn = DYN;
		run_ok();
		q.scale = hi > lo ? (hi - lo) / 255.0f : 1.0f;
		q.zero = quantise(-lo, LOOM_U8, (struct loom_quant){ q.scale, 0 });
		memcpy(&got, rig->out + DYN, sizeof(got));
		assert_memory_equal(&got, &q, sizeof(q));
		for (uint32_t e = 0; e < NUM(x); e++)
			expect(LOOM_U8, OUT, e, x[e], q);
	}
}

/* ---- QBINARY, QPOOL, COPY ---- */

static void test_binary(void **state)
{
	static const uint32_t types[][3] = {
		{ LOOM_U8, LOOM_U8, LOOM_U8 }, { LOOM_I8, LOOM_U8, LOOM_F32 },
		{ LOOM_I8, LOOM_I8, LOOM_F16 }, { LOOM_U8, LOOM_I8, LOOM_I8 },
	};

	for (uint32_t i = 0; i < 3 * NUM(types); i++) {
		const uint32_t *t = types[i / 3], fn = i % 3;
		struct loom_quant a = { 0.05f, 20 }, b = { 0.03f, -9 }, d = { 0 };
		struct loom_cmd_qbinary *cmd;

		b.zero = t[1] == LOOM_U8 ? 9 : -9;
		if (t[2] == LOOM_U8 || t[2] == LOOM_I8)
			d = (struct loom_quant){ 0.07f, 100 };
		rig_begin(rig, 0);
		cmd = rig_add(rig, LOOM_OP_QBINARY, sizeof(*cmd));
		cmd->fn = fn;
		for (int k = 0; k < 6; k++)
			cmd->dims[k] = k < 4 ? 1 : 25;
		cmd->a = (struct loom_operand){ .dtype = t[0], .stride = { 0, 0, 0, 0, 25, 1 } };
		cmd->b = (struct loom_operand){ .off = 4096, .dtype = t[1],
						.stride = { 0, 0, 0, 0, 0, 1 } };
		cmd->dst = (struct loom_operand){ .off = OUT, .dtype = t[2],
						  .stride = { 0, 0, 0, 0, 25, 1 } };
		cmd->a_quant = a;
		cmd->b_quant = b;
		cmd->dst_quant = d;
		run_ok();
		for (uint32_t e = 0; e < 625; e++) {
			float x = real(t[0], rig->in, e, a);
			float y = real(t[1], rig->in + 4096, e % 25, b);

			expect(t[2], OUT, e, fn == LOOM_BIN_ADD ? x + y :
					     fn == LOOM_BIN_SUB ? x - y : x * y, d);
		}
	}
}

static void check_pool(const struct loom_cmd_qpool *q)
{
	const struct loom_cmd_pool *p = &q->pool;

	for (uint32_t e = 0; e < p->oh * p->ow * p->c; e++) {
		int32_t sum = 0, most = q->in_dtype == LOOM_I8 ? -128 : 0, count = 0;

		for (uint32_t tap = 0; tap < (uint32_t)p->kh * p->kw; tap++) {
			int32_t y = e / p->c / p->ow * p->sh + tap / p->kw - p->pt;
			int32_t x = e / p->c % p->ow * p->sw + tap % p->kw - p->pl, v;

			if (y < 0 || x < 0 || y >= (int32_t)p->h || x >= (int32_t)p->w)
				continue;
			v = number(q->in_dtype, rig->in, (y * p->w + x) * p->in_pitch + e % p->c);
			sum += v - q->in_quant.zero;
			most = v > most ? v : most;
			count++;
		}
		if (p->hdr.flags & LOOM_CMD_COUNT_PAD)
			count = p->kh * p->kw;
		if (p->fn == LOOM_POOL_MAX)
			assert_int_equal(number(q->in_dtype, rig->out + OUT, e), most);
		else
			expect(q->out_dtype, OUT, e, (float)sum * q->in_quant.scale / (float)count,
			       q->out_quant);
	}
}

static void test_pool(void **state)
{
	for (uint32_t i = 0; i < 8; i++) {
		struct loom_cmd_qpool *cmd;
		struct loom_cmd_qpool q;

		rig_begin(rig, 0);
		cmd = rig_add(rig, LOOM_OP_QPOOL, sizeof(*cmd));
		cmd->pool = (struct loom_cmd_pool){
			.hdr = cmd->pool.hdr, .fn = i % 2, .out = OUT, .in_pitch = 20,
			.out_pitch = 18, .batch = 1, .h = 9, .w = 8, .c = 18, .oh = 5, .ow = 4,
			.kh = 3, .kw = 3, .sh = 2, .sw = 2, .pt = 1, .pl = 1, .dh = 1, .dw = 1,
		};
		cmd->in_dtype = i / 2 % 2 ? LOOM_U8 : LOOM_I8;
		cmd->out_dtype = cmd->in_dtype;
		if (i % 2) {
			cmd->in_quant = (struct loom_quant){ 0.3f, 41 };
			cmd->out_quant = (struct loom_quant){ 0.2f, 60 };
			if (i / 4)
				cmd->pool.hdr.flags = LOOM_CMD_COUNT_PAD;
			if (i == 7) {
				cmd->out_dtype = LOOM_F32;
				cmd->out_quant = (struct loom_quant){ 0 };
			}
		}
		q = *cmd;
		run_ok();
		check_pool(&q);
	}
}

static void test_copy(void **state)
{
	struct loom_cmd_copy *cmd;

	rig_begin(rig, 0);
	cmd = rig_add(rig, LOOM_OP_COPY, sizeof(*cmd));
	for (int k = 0; k < 6; k++)
		cmd->dims[k] = k < 4 ? 1 : 40;
	cmd->src = (struct loom_operand){ .dtype = LOOM_I8, .stride = { 0, 0, 0, 0, 1, 40 } };
	cmd->dst = (struct loom_operand){ .off = OUT, .dtype = LOOM_I8,
					  .stride = { 0, 0, 0, 0, 40, 1 } };
	cmd = rig_add(rig, LOOM_OP_COPY, sizeof(*cmd));
	for (int k = 0; k < 6; k++)
		cmd->dims[k] = k < 5 ? 1 : 1600;
	cmd->src = (struct loom_operand){ .dtype = LOOM_I8, .stride = { 0, 0, 0, 0, 0, 1 } };
	cmd->dst = (struct loom_operand){ .off = OUT + 4096, .dtype = LOOM_I32,
					  .stride = { 0, 0, 0, 0, 0, 1 } };
	run_ok();
	for (uint32_t e = 0; e < 1600; e++) {
		assert_int_equal(rig->out[OUT + e], rig->in[e % 40 * 40 + e / 40]);
		assert_int_equal(number(LOOM_I32, rig->out + OUT + 4096, e), (int8_t)rig->in[e]);
	}
}

/* The cycles of the 16-bit command, on half its weights. */
static void test_timing(void **state)
{
	const struct loom_hw_caps *caps = &rig->h->config.caps;

	for (uint32_t i = 0; i < NUM(shapes); i++) {
		struct loom_cmd_qconv q;
		struct loom_cmd_conv c;
		uint64_t cycles = 0;

		begin();
		q = *add_conv(LOOM_OP_QCONV, &shapes[i]);
		c = q.conv;
		c.hdr.opcode = LOOM_OP_CONV;
		assert_int_equal(loom_timing_cycles(caps, &q.conv.hdr),
				 loom_timing_cycles(caps, &c.hdr));
		assert_int_equal(loom_timing_macs(&q.conv.hdr), loom_timing_macs(&c.hdr));
		assert_int_equal(2 * loom_timing_weight_window(caps, &q.conv.hdr),
				 loom_timing_weight_window(caps, &c.hdr));
		for (uint64_t p = 0; p < loom_timing_passes(caps, &q.conv.hdr); p++)
			cycles += loom_timing_pass(caps, &q.conv.hdr, p).cycles;
		assert_int_equal(cycles, loom_timing_cycles(caps, &q.conv.hdr));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_conv_sums),
		TEST(test_conv_extremes),
		TEST(test_conv_requantised),
		TEST(test_conv_residual),
		TEST(test_conv_dynamic),
		TEST(test_depthwise),
		TEST(test_cut),
		TEST(test_matmul),
		TEST(test_rounding),
		TEST(test_quant_types),
		TEST(test_quant_channels),
		TEST(test_quant_dynamic),
		TEST(test_binary),
		TEST(test_pool),
		TEST(test_copy),
		TEST(test_timing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
