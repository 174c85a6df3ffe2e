/* SPDX-License-Identifier: MIT */
/*
 * What commands compute, against naive double-precision references.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "hw/half.h"
#include "rig.h"

#define CLOSE(value, expected, magnitude) do {						\
	double value_ = (value), expected_ = (expected);				\
	if (!rig_close16(value_, expected_, (magnitude)))				\
		fail_msg("%g where %g was expected", value_, expected_);		\
} while (0)

static struct rig *rig;

static int setup(void **state)
{
	rig = rig_new("tiny", NULL);
	rig_fill(rig, 1, 1.0f);
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

/* ---- fp16 ---- */

static void test_half_every_value(void **state)
{
	for (uint32_t h = 0; h < 65536; h++) {
		uint16_t half = h, back, many[8];
		float value, floats[8];

		for (int i = 0; i < 8; i++)
			many[i] = half;
		half_to_float(floats, many, 8);
		value = half_to_float_c(half);
		assert_memory_equal(&floats[3], &value, 4);
		float_to_half(many, floats, 8);
		back = float_to_half_c(value);
		assert_int_equal(many[5], back);
		if ((half & 0x7c00) != 0x7c00 || !(half & 0x3ff))
			assert_int_equal(back, half);
	}
}

/* The rounding of every kind of float: plain C and instructions agree. */
static void test_half_rounding(void **state)
{
	uint64_t seed = 7;

	for (int n = 0; n < 2000000; n++) {
		uint32_t bits = rig_random(&seed) * 2 + (n & 1);
		float floats[8];
		uint16_t many[8];

		/* half of them near the range of fp16, ties included */
		if (n % 2)
			bits = (bits & 0x80ffffff) | (100 + bits % 45) << 23;
		if (n % 4 == 1)
			bits &= ~0xfffu;
		for (int i = 0; i < 8; i++)
			memcpy(&floats[i], &bits, 4);
		float_to_half(many, floats, 8);
		assert_int_equal(many[2], float_to_half_c(floats[2]));
	}
	assert_int_equal(float_to_half_c(65519.0f), 0x7bff);
	assert_int_equal(float_to_half_c(65520.0f), 0x7c00);
	assert_int_equal(float_to_half_c(exp2f(-24)), 1);
	assert_int_equal(float_to_half_c(exp2f(-25)), 0);
	assert_int_equal(float_to_half_c(1.5f * exp2f(-24)), 2);
}

/* ---- MAC array ---- */

struct shape {
	uint32_t batch, h, w, c, oc, k, stride, pad, dilation;
};

static uint32_t out_size(uint32_t in, const struct shape *s)
{
	return (in + 2 * s->pad - s->dilation * (s->k - 1) - 1) / s->stride + 1;
}

#define IN	0u
#define OUT	(96u << 10)
#define RES	(192u << 10)

static struct loom_cmd_conv *add_conv(uint16_t opcode, const struct shape *s)
{
	struct loom_cmd_conv *cmd = rig_add(rig, opcode, sizeof(*cmd));

	cmd->in = IN;
	cmd->out = OUT;
	cmd->in_pitch = s->c;
	cmd->out_pitch = s->oc;
	cmd->batch = s->batch;
	cmd->h = s->h;
	cmd->w = s->w;
	cmd->c = s->c;
	cmd->oh = out_size(s->h, s);
	cmd->ow = out_size(s->w, s);
	cmd->oc = s->oc;
	cmd->kh = s->k;
	cmd->kw = s->k;
	cmd->sh = s->stride;
	cmd->sw = s->stride;
	cmd->pt = s->pad;
	cmd->pl = s->pad;
	cmd->dh = s->dilation;
	cmd->dw = s->dilation;
	return cmd;
}

/* Weight of (k, channel) where the array's column blocks are `cols` wide. */
static double conv_weight(const struct loom_cmd_conv *cmd, uint64_t k, uint32_t oc)
{
	uint32_t cols = rig->h->config.caps.array_cols;
	uint64_t depth = (uint64_t)cmd->kh * cmd->kw * cmd->c, first = oc / cols * cols;
	uint64_t width = cmd->oc - first < cols ? cmd->oc - first : cols;

	return rig_weight(rig, cmd->w_off, first * depth + k * width + oc - first);
}

/* Sum under the window, and the sum of magnitudes. */
static double conv_sum(const struct loom_cmd_conv *cmd, uint32_t n, uint32_t oy, uint32_t ox,
		       uint32_t oc, double *magnitude)
{
	bool depthwise = cmd->hdr.opcode == LOOM_OP_DWCONV;
	double sum = 0;

	*magnitude = 0;
	for (uint32_t ky = 0; ky < cmd->kh; ky++) {
		for (uint32_t kx = 0; kx < cmd->kw; kx++) {
			int64_t y = (int64_t)oy * cmd->sh - cmd->pt + ky * cmd->dh;
			int64_t x = (int64_t)ox * cmd->sw - cmd->pl + kx * cmd->dw;
			uint64_t tap = (uint64_t)ky * cmd->kw + kx;

			if (y < 0 || x < 0 || y >= cmd->h || x >= cmd->w)
				continue;
			for (uint32_t c = 0; c < (depthwise ? 1 : cmd->c); c++) {
				uint32_t channel = depthwise ? oc : c;
				double in = rig_in(rig, cmd->in, ((n * cmd->h + y) * cmd->w + x) *
						   cmd->in_pitch + channel);
				double w = depthwise ?
					rig_weight(rig, cmd->w_off, tap * cmd->c + oc) :
					conv_weight(cmd, tap * cmd->c + c, oc);

				sum += in * w;
				*magnitude += fabs(in * w);
			}
		}
	}
	return sum;
}

static void check_conv(const struct loom_cmd_conv *cmd, double (*act)(double))
{
	uint64_t pixel = 0;

	for (uint32_t n = 0; n < cmd->batch; n++)
		for (uint32_t y = 0; y < cmd->oh; y++)
			for (uint32_t x = 0; x < cmd->ow; x++, pixel++)
				for (uint32_t oc = 0; oc < cmd->oc; oc++) {
					double magnitude, sum;

					sum = conv_sum(cmd, n, y, x, oc, &magnitude);
					if (cmd->hdr.flags & LOOM_CMD_BIAS) {
						float bias;

						memcpy(&bias, rig->weights + cmd->b_off + 4 * oc,
						       4);
						sum += bias;
					}
					if (cmd->hdr.flags & LOOM_CMD_RESIDUAL)
						sum += rig_in(rig, cmd->res,
							      pixel * cmd->res_pitch + oc);
					if (act)
						sum = act(sum);
					if (cmd->out_dtype == LOOM_F32)
						CLOSE(rig_out32(rig, cmd->out,
								pixel * cmd->out_pitch + oc),
						      sum, magnitude);
					else
						CLOSE(rig_out(rig, cmd->out,
							      pixel * cmd->out_pitch + oc),
						      sum, magnitude);
				}
}

static uint32_t conv_weight_bytes(const struct shape *s, bool depthwise)
{
	return 2 * s->k * s->k * s->c * (depthwise ? 1 : s->oc);
}

static void test_conv(void **state)
{
	static const struct shape shapes[] = {
		{ 1, 1, 1, 16, 16, 1, 1, 0, 1 },	/* one tile */
		{ 1, 1, 7, 40, 37, 1, 1, 0, 1 },	/* a product with ragged edges */
		{ 1, 9, 8, 3, 20, 3, 1, 1, 1 },
		{ 2, 11, 7, 17, 33, 3, 2, 1, 1 },
		{ 1, 12, 12, 5, 16, 3, 1, 2, 2 },	/* dilated */
		{ 1, 10, 10, 8, 40, 5, 3, 2, 1 },
	};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct loom_cmd_conv *cmd;

		rig_begin(rig, conv_weight_bytes(&shapes[i], false));
		cmd = add_conv(LOOM_OP_CONV, &shapes[i]);
		run_ok();
		check_conv(cmd, NULL);
	}
}

static double relu(double x)
{
	return x > 0 ? x : 0;
}

static void test_conv_epilogue(void **state)
{
	static const struct shape s = { 1, 6, 6, 8, 24, 3, 1, 1, 1 };
	uint32_t bytes = conv_weight_bytes(&s, false);
	struct loom_cmd_conv *cmd;
	float bias[24];

	for (int i = 0; i < 24; i++)
		bias[i] = i / 8.0f - 1.5f;
	rig_begin(rig, bytes + sizeof(bias));
	memcpy(rig->weights, bias, sizeof(bias));
	cmd = add_conv(LOOM_OP_CONV, &s);
	cmd->hdr.flags = LOOM_CMD_BIAS | LOOM_CMD_RESIDUAL;
	cmd->w_off = sizeof(bias);
	cmd->res = RES;
	cmd->res_pitch = 30;
	cmd->out_pitch = 28;
	cmd->act.fn = LOOM_UN_RELU;
	run_ok();
	check_conv(cmd, relu);
}

static void test_conv_fp32_out(void **state)
{
	static const struct shape s = { 1, 1, 5, 70, 20, 1, 1, 0, 1 };
	struct loom_cmd_conv *cmd;

	rig_begin(rig, conv_weight_bytes(&s, false));
	cmd = add_conv(LOOM_OP_CONV, &s);
	cmd->out_dtype = LOOM_F32;
	run_ok();
	check_conv(cmd, NULL);
}

static void test_dwconv(void **state)
{
	static const struct shape shapes[] = {
		{ 1, 9, 9, 20, 20, 3, 1, 1, 1 },
		{ 2, 8, 11, 7, 7, 5, 2, 2, 1 },
		{ 1, 8, 8, 33, 33, 3, 1, 2, 2 },
	};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct loom_cmd_conv *cmd;

		rig_begin(rig, conv_weight_bytes(&shapes[i], true));
		cmd = add_conv(LOOM_OP_DWCONV, &shapes[i]);
		run_ok();
		check_conv(cmd, NULL);
	}
}

static double matmul_term(const struct loom_cmd_matmul *cmd, uint32_t b0, uint32_t b1, uint32_t i,
			  uint32_t j, uint32_t k)
{
	return rig_in(rig, cmd->a, b0 * cmd->a_batch[0] + b1 * cmd->a_batch[1] + i * cmd->a_row +
		      k * cmd->a_col) *
	       rig_in(rig, cmd->b, b0 * cmd->b_batch[0] + b1 * cmd->b_batch[1] + k * cmd->b_row +
		      j * cmd->b_col);
}

static void check_matmul(const struct loom_cmd_matmul *cmd)
{
	for (uint32_t b0 = 0; b0 < cmd->batch[0]; b0++)
		for (uint32_t b1 = 0; b1 < cmd->batch[1]; b1++)
			for (uint32_t i = 0; i < cmd->m; i++)
				for (uint32_t j = 0; j < cmd->n; j++) {
					uint64_t at = b0 * cmd->out_batch[0] +
						      b1 * cmd->out_batch[1] + i * cmd->out_row +
						      j;
					double sum = 0, magnitude = 0;

					for (uint32_t k = 0; k < cmd->k; k++) {
						double p = matmul_term(cmd, b0, b1, i, j, k);

						sum += p;
						magnitude += fabs(p);
					}
					CLOSE(rig_out(rig, cmd->out, at), sum * cmd->alpha,
					      magnitude);
				}
}

static struct loom_cmd_matmul *add_matmul(uint32_t m, uint32_t n, uint32_t k)
{
	struct loom_cmd_matmul *cmd = rig_add(rig, LOOM_OP_MATMUL, sizeof(*cmd));

	cmd->a = IN;
	cmd->b = 48 << 10;
	cmd->out = OUT;
	cmd->m = m;
	cmd->n = n;
	cmd->k = k;
	cmd->batch[0] = 1;
	cmd->batch[1] = 1;
	cmd->a_row = k;
	cmd->a_col = 1;
	cmd->b_row = n;
	cmd->b_col = 1;
	cmd->out_row = n;
	cmd->alpha = 1.0f;
	return cmd;
}

static void test_matmul(void **state)
{
	struct loom_cmd_matmul *cmd;

	rig_begin(rig, 0);
	cmd = add_matmul(19, 35, 50);
	run_ok();
	check_matmul(cmd);
}

/* Attention's Q K^T: heads interleaved in a row, B transposed, scaled. */
static void test_matmul_heads(void **state)
{
	struct loom_cmd_matmul *cmd;

	rig_begin(rig, 0);
	cmd = add_matmul(20, 20, 16);
	cmd->batch[1] = 4;
	cmd->a_batch[1] = 16;
	cmd->b_batch[1] = 16;
	cmd->out_batch[1] = 20 * 20;
	cmd->a_row = 64;
	cmd->b_row = 1;
	cmd->b_col = 64;
	cmd->alpha = 0.25f;
	run_ok();
	check_matmul(cmd);
}

/* ---- vector unit ---- */

static void test_copy_transpose(void **state)
{
	struct loom_cmd_copy *cmd;

	rig_begin(rig, 0);
	cmd = rig_add(rig, LOOM_OP_COPY, sizeof(*cmd));
	*cmd = (struct loom_cmd_copy){
		.hdr = cmd->hdr,
		.dims = { 1, 1, 1, 5, 7, 9 },
		.src = { .off = IN, .stride = { 0, 0, 0, 63, 9, 1 } },
		.dst = { .off = OUT, .stride = { 0, 0, 0, 1, 5, 35 } },
	};
	run_ok();
	for (int i = 0; i < 5; i++)
		for (int j = 0; j < 7; j++)
			for (int k = 0; k < 9; k++)
				assert_true(rig_out(rig, OUT, i + 5 * j + 35 * k) ==
					    rig_in(rig, IN, 63 * i + 9 * j + k));
}

/* A reversal: negative strides, the offset at the last element. */
static void test_copy_backwards(void **state)
{
	struct loom_cmd_copy *cmd;

	rig_begin(rig, 0);
	cmd = rig_add(rig, LOOM_OP_COPY, sizeof(*cmd));
	*cmd = (struct loom_cmd_copy){
		.hdr = cmd->hdr,
		.dims = { 1, 1, 1, 1, 1, 700 },
		.src = { .off = IN + 2 * 699, .stride = { [5] = -1 } },
		.dst = { .off = OUT, .stride = { [5] = 1 } },
	};
	run_ok();
	for (int i = 0; i < 700; i++)
		assert_true(rig_out(rig, OUT, i) == rig_in(rig, IN, 699 - i));
}

static void copy_cast(uint32_t src_dtype, uint32_t dst_dtype, uint32_t n)
{
	struct loom_cmd_copy *cmd;

	rig_begin(rig, 0);
	cmd = rig_add(rig, LOOM_OP_COPY, sizeof(*cmd));
	*cmd = (struct loom_cmd_copy){
		.hdr = cmd->hdr,
		.dims = { 1, 1, 1, 1, 1, n },
		.src = { .off = IN, .dtype = src_dtype, .stride = { [5] = 1 } },
		.dst = { .off = OUT, .dtype = dst_dtype, .stride = { [5] = 1 } },
	};
	run_ok();
}

static void test_copy_cast(void **state)
{
	static const float floats[] = { 0.0f, -1.9f, 2.5f, 3e9f, -3e9f, NAN, 65504.0f, 1e20f };
	static const int32_t narrow[] = { 0, -1, 2, INT32_MAX, INT32_MIN, 0, 65504, INT32_MAX };
	static const int64_t wide[] = { -5, 1ll << 40, 7, 0 };

	memcpy(rig->in, floats, sizeof(floats));
	copy_cast(LOOM_F32, LOOM_I32, 8);
	assert_memory_equal(rig->out + OUT, narrow, sizeof(narrow));
	copy_cast(LOOM_F32, LOOM_I64, 8);
	assert_int_equal(((int64_t *)(rig->out + OUT))[3], 3000000000ll);
	assert_int_equal(((int64_t *)(rig->out + OUT))[7], INT64_MAX);
	memcpy(rig->in, wide, sizeof(wide));
	copy_cast(LOOM_I64, LOOM_I32, 4);
	assert_int_equal(((int32_t *)(rig->out + OUT))[0], -5);
	assert_int_equal(((int32_t *)(rig->out + OUT))[1], 0);
	copy_cast(LOOM_I64, LOOM_F16, 4);
	assert_true(rig_out(rig, OUT, 0) == -5.0);
	assert_true(rig_out(rig, OUT, 2) == 7.0);
}

/* Expand: source stride 0; the source may be in the weights. */
static void test_copy_weights(void **state)
{
	struct loom_cmd_copy *cmd;

	rig_begin(rig, 64);
	cmd = rig_add(rig, LOOM_OP_COPY, sizeof(*cmd));
	*cmd = (struct loom_cmd_copy){
		.hdr = cmd->hdr,
		.dims = { 1, 1, 1, 3, 4, 8 },
		.src = { .off = 32, .space = LOOM_SPACE_WEIGHTS, .stride = { [3] = 8, [5] = 1 } },
		.dst = { .off = OUT, .stride = { 0, 0, 0, 32, 8, 1 } },
	};
	cmd->dims[3] = 2;
	run_ok();
	for (int i = 0; i < 64; i++)
		assert_true(rig_out(rig, OUT, i) ==
			    rig_weight(rig, 32, i / 32 * 8 + i % 8));
}

static double binary(uint32_t fn, double a, double b)
{
	switch (fn) {
	case LOOM_BIN_ADD:	return a + b;
	case LOOM_BIN_SUB:	return a - b;
	case LOOM_BIN_MUL:	return a * b;
	case LOOM_BIN_DIV:	return a / b;
	case LOOM_BIN_MAX:	return fmax(a, b);
	case LOOM_BIN_MIN:	return fmin(a, b);
	default:		return pow(a, b);
	}
}

/* [6][700] with a row that repeats. */
static void test_binary(void **state)
{
	for (uint32_t fn = 0; fn < LOOM_BIN_COUNT; fn++) {
		struct loom_cmd_binary *cmd;

		rig_begin(rig, 0);
		cmd = rig_add(rig, LOOM_OP_BINARY, sizeof(*cmd));
		*cmd = (struct loom_cmd_binary){
			.hdr = cmd->hdr,
			.fn = fn,
			.dims = { 1, 1, 1, 1, 6, 700 },
			.a = { .off = IN, .stride = { [4] = 700, [5] = 1 } },
			.b = { .off = RES, .stride = { [5] = 1 } },
			.dst = { .off = OUT, .stride = { [4] = 700, [5] = 1 } },
		};
		run_ok();
		for (int i = 0; i < 4200; i++) {
			double a = rig_in(rig, IN, i), b = rig_in(rig, RES, i % 700);
			double expected = binary(fn, a, b);

			if (isnan(expected))
				assert_true(isnan(rig_out(rig, OUT, i)));
			else if (fabs(expected) < 65000)
				CLOSE(rig_out(rig, OUT, i), expected, fabs(expected));
		}
	}
}

static double unary(uint32_t fn, double x, double a, double b)
{
	switch (fn) {
	case LOOM_UN_RELU:	return fmax(x, 0);
	case LOOM_UN_CLIP:	return fmin(fmax(x, a), b);
	case LOOM_UN_LEAKY:	return fmax(x, 0) + a * fmin(x, 0);
	case LOOM_UN_HSIGMOID:	return fmin(fmax(a * x + b, 0), 1);
	case LOOM_UN_HSWISH:	return x * fmin(fmax(x / 6 + 0.5, 0), 1);
	case LOOM_UN_SIGMOID:	return 1 / (1 + exp(-x));
	case LOOM_UN_TANH:	return tanh(x);
	case LOOM_UN_ERF:	return erf(x);
	case LOOM_UN_GELU:	return x / 2 * (1 + erf(x / sqrt(2)));
	case LOOM_UN_SILU:	return x / (1 + exp(-x));
	case LOOM_UN_EXP:	return exp(x);
	case LOOM_UN_LOG:	return log(x);
	case LOOM_UN_SQRT:	return sqrt(x);
	case LOOM_UN_RECIP:	return 1 / x;
	case LOOM_UN_NEG:	return -x;
	case LOOM_UN_ABS:	return fabs(x);
	case LOOM_UN_AFFINE:	return a * x + b;
	case LOOM_UN_POW:	return pow(x, a);
	case LOOM_UN_FLOOR:	return floor(x);
	case LOOM_UN_CEIL:	return ceil(x);
	case LOOM_UN_SIN:	return sin(x);
	case LOOM_UN_COS:	return cos(x);
	default:		return x;
	}
}

static void test_unary(void **state)
{
	rig_fill(rig, 5, 4.0f);
	for (uint32_t fn = 0; fn < LOOM_UN_COUNT; fn++) {
		struct loom_cmd_unary *cmd;

		rig_begin(rig, 0);
		cmd = rig_add(rig, LOOM_OP_UNARY, sizeof(*cmd));
		*cmd = (struct loom_cmd_unary){
			.hdr = cmd->hdr,
			.src = IN,
			.dst = OUT,
			.rows = 3,
			.cols = 600,
			.src_pitch = 610,
			.dst_pitch = 605,
			.act = { .fn = fn, .alpha = 0.25f, .beta = 0.5f },
		};
		run_ok();
		for (int i = 0; i < 1800; i++) {
			double x = rig_in(rig, IN, i / 600 * 610 + i % 600);
			double expected = unary(fn, x, 0.25, 0.5);
			double value = rig_out(rig, OUT, i / 600 * 605 + i % 600);

			if (isnan(expected))
				assert_true(isnan(value));
			else if (fabs(expected) < 65000)
				CLOSE(value, expected, fmax(fabs(x), fabs(expected)));
		}
	}
}

static void check_reduce(uint32_t fn, uint32_t outer, uint32_t n, uint32_t inner)
{
	struct loom_cmd_reduce *cmd;

	rig_begin(rig, 0);
	cmd = rig_add(rig, LOOM_OP_REDUCE, sizeof(*cmd));
	*cmd = (struct loom_cmd_reduce){
		.hdr = cmd->hdr,
		.fn = fn,
		.src = IN,
		.dst = OUT,
		.outer = outer,
		.n = n,
		.inner = inner,
	};
	run_ok();
	for (uint32_t i = 0; i < outer * inner; i++) {
		uint64_t first = i / inner * n * inner + i % inner;
		double acc = rig_in(rig, IN, first), magnitude = fabs(acc);

		for (uint32_t j = 1; j < n; j++) {
			double x = rig_in(rig, IN, first + j * inner);

			acc = fn == LOOM_RED_MAX ? fmax(acc, x) :
			      fn == LOOM_RED_MIN ? fmin(acc, x) : acc + x;
			magnitude += fabs(x);
		}
		CLOSE(rig_out(rig, OUT, i), fn == LOOM_RED_MEAN ? acc / n : acc, magnitude);
	}
}

static void test_reduce(void **state)
{
	for (uint32_t fn = 0; fn < LOOM_RED_COUNT; fn++) {
		check_reduce(fn, 7, 300, 1);
		check_reduce(fn, 3, 40, 21);
	}
}

static void check_softmax(uint32_t outer, uint32_t n, uint32_t inner, uint32_t dst)
{
	struct loom_cmd_softmax *cmd;

	rig_begin(rig, 0);
	cmd = rig_add(rig, LOOM_OP_SOFTMAX, sizeof(*cmd));
	*cmd = (struct loom_cmd_softmax){
		.hdr = cmd->hdr,
		.src = IN,
		.dst = dst,
		.outer = outer,
		.n = n,
		.inner = inner,
	};
	run_ok();
	for (uint32_t i = 0; i < outer * inner; i++) {
		uint64_t first = i / inner * n * inner + i % inner;
		double sum = 0;

		for (uint32_t j = 0; j < n; j++)
			sum += exp(rig_in(rig, IN, first + j * inner));
		for (uint32_t j = 0; j < n; j++)
			CLOSE(rig_out(rig, dst, first + j * inner),
			      exp(rig_in(rig, IN, first + j * inner)) / sum, 1.0 / n);
	}
}

static void test_softmax(void **state)
{
	check_softmax(5, 100, 1, OUT);
	check_softmax(5, 100, 1, IN);	/* in place */
	check_softmax(2, 10, 33, OUT);
}

static void test_layernorm(void **state)
{
	enum { ROWS = 5, N = 130 };
	struct loom_cmd_layernorm *cmd;
	float gamma[N], beta[N];

	for (int i = 0; i < N; i++) {
		gamma[i] = 1.0f + i / 64.0f;
		beta[i] = i / 32.0f - 2.0f;
	}
	memcpy(rig->weights + 8, gamma, sizeof(gamma));
	memcpy(rig->weights + 8 + sizeof(gamma), beta, sizeof(beta));
	rig_begin(rig, 8 + sizeof(gamma) + sizeof(beta));
	cmd = rig_add(rig, LOOM_OP_LAYERNORM, sizeof(*cmd));
	cmd->hdr.flags = LOOM_CMD_GAMMA | LOOM_CMD_BETA;
	cmd->src = IN;
	cmd->dst = OUT;
	cmd->rows = ROWS;
	cmd->n = N;
	cmd->gamma = 8;
	cmd->beta = 8 + sizeof(gamma);
	cmd->eps = 0.00001f;
	run_ok();
	for (int r = 0; r < ROWS; r++) {
		double mean = 0, var = 0;

		for (int i = 0; i < N; i++)
			mean += rig_in(rig, IN, r * N + i) / N;
		for (int i = 0; i < N; i++)
			var += pow(rig_in(rig, IN, r * N + i) - mean, 2) / N;
		for (int i = 0; i < N; i++)
			CLOSE(rig_out(rig, OUT, r * N + i),
			      (rig_in(rig, IN, r * N + i) - mean) / sqrt(var + 0.00001) * gamma[i] +
			      beta[i], 8.0);
	}
}

static double pool_expected(const struct loom_cmd_pool *cmd, int oy, int ox, int c)
{
	double acc = cmd->fn == LOOM_POOL_MAX ? -INFINITY : 0;
	int count = 0;

	for (int ky = 0; ky < cmd->kh; ky++) {
		for (int kx = 0; kx < cmd->kw; kx++) {
			int y = oy * cmd->sh - cmd->pt + ky, x = ox * cmd->sw - cmd->pl + kx;
			double v;

			if (y < 0 || x < 0 || y >= (int)cmd->h || x >= (int)cmd->w)
				continue;
			v = rig_in(rig, cmd->in, (y * cmd->w + x) * cmd->in_pitch + c);
			acc = cmd->fn == LOOM_POOL_MAX ? fmax(acc, v) : acc + v;
			count++;
		}
	}
	if (cmd->fn == LOOM_POOL_MAX)
		return acc;
	return acc / (cmd->hdr.flags & LOOM_CMD_COUNT_PAD ? cmd->kh * cmd->kw : count);
}

static void check_pool(uint32_t fn, uint32_t flags)
{
	struct loom_cmd_pool *cmd;

	rig_begin(rig, 0);
	cmd = rig_add(rig, LOOM_OP_POOL, sizeof(*cmd));
	cmd->hdr.flags = flags;
	*cmd = (struct loom_cmd_pool){
		.hdr = cmd->hdr,
		.fn = fn,
		.in = IN, .out = OUT,
		.in_pitch = 24, .out_pitch = 21,
		.batch = 1, .h = 9, .w = 10, .c = 20, .oh = 5, .ow = 5,
		.kh = 3, .kw = 3, .sh = 2, .sw = 2, .pt = 1, .pl = 1, .dh = 1, .dw = 1,
	};
	run_ok();
	for (int i = 0; i < 25; i++)
		for (int c = 0; c < 20; c++)
			CLOSE(rig_out(rig, OUT, i * 21 + c), pool_expected(cmd, i / 5, i % 5, c),
			      9.0);
}

static void test_pool(void **state)
{
	check_pool(LOOM_POOL_MAX, 0);
	check_pool(LOOM_POOL_AVERAGE, 0);
	check_pool(LOOM_POOL_AVERAGE, LOOM_CMD_COUNT_PAD);
}

/* ---- dma ---- */

static void test_gather(void **state)
{
	static const int64_t index[] = { 3, 0, -1, 19, 3 };
	struct loom_cmd_gather *cmd;

	memcpy(rig->in, index, sizeof(index));
	rig_begin(rig, 0);
	cmd = rig_add(rig, LOOM_OP_GATHER, sizeof(*cmd));
	*cmd = (struct loom_cmd_gather){
		.hdr = cmd->hdr,
		.va = rig->weights_va,
		.table_rows = 20,
		.row_bytes = 300,
		.index_dtype = LOOM_I64,
		.count = 5,
		.dst = OUT,
		.dst_pitch = 304,
	};
	cmd->hdr.wait = 0;
	/* it is a DMA command, so the store waits for no compute */
	stream_move(&rig->s, LOOM_OP_STORE, rig->out_va, 0, RIG_LEASE, 0);
	stream_end(&rig->s);
	host_submit(rig->h, 0, RIG_CTX, &rig->s, 0);
	host_run(rig->h);
	assert_int_equal(host_completion(rig->h, 0, 0)->fault, 0);
	for (int i = 0; i < 5; i++) {
		int64_t row = index[i] < 0 ? index[i] + 20 : index[i];

		assert_memory_equal(rig->out + OUT + 304 * i, rig->weights + 300 * row, 300);
	}
}

static void test_strided_move(void **state)
{
	struct loom_cmd_move *cmd;

	stream_begin(&rig->s, RIG_LEASE);
	cmd = stream_move(&rig->s, LOOM_OP_LOAD, rig->in_va, 64, 100, 0);
	cmd->rows = 50;
	cmd->va_pitch = 150;
	cmd->off_pitch = 128;
	cmd = stream_move(&rig->s, LOOM_OP_STORE, rig->out_va + 7, 64, 100, 0);
	cmd->rows = 50;
	cmd->va_pitch = 101;
	cmd->off_pitch = 128;
	stream_end(&rig->s);
	host_submit(rig->h, 0, RIG_CTX, &rig->s, 0);
	host_run(rig->h);
	assert_int_equal(host_completion(rig->h, 0, 0)->fault, 0);
	for (int i = 0; i < 50; i++)
		assert_memory_equal(rig->out + 7 + 101 * i, rig->in + 150 * i, 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_half_every_value),
		cmocka_unit_test(test_half_rounding),
		TEST(test_conv),
		TEST(test_conv_epilogue),
		TEST(test_conv_fp32_out),
		TEST(test_dwconv),
		TEST(test_matmul),
		TEST(test_matmul_heads),
		TEST(test_copy_transpose),
		TEST(test_copy_backwards),
		TEST(test_copy_cast),
		TEST(test_copy_weights),
		TEST(test_binary),
		TEST(test_unary),
		TEST(test_reduce),
		TEST(test_softmax),
		TEST(test_layernorm),
		TEST(test_pool),
		TEST(test_gather),
		TEST(test_strided_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
