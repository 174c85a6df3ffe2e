// SPDX-License-Identifier: MIT
/* Operators against what they are by definition. (ONNX's own tests: tools/loomc/test/onnx_node.c.) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostops/hostops.h"

#define MAX 6

/* A call that owns its tensors. */
struct use {
	struct hostop_call call;
	struct hostop_tensor in[MAX], out[MAX];
	const struct hostop_tensor *pointers[MAX];
	struct hostop_attr attrs[MAX];
};

static struct use *use(const char *op, int opset)
{
	struct use *u = calloc(1, sizeof(*u));

	u->call = (struct hostop_call){ .op = op, .opset = opset, .attrs = u->attrs, .in = u->pointers,
					.out = u->out, .num_out = 1 };
	return u;
}

static struct hostop_tensor *add(struct use *u, enum hostop_dtype dtype, unsigned int rank,
				 const int64_t *dims)
{
	struct hostop_tensor *t = &u->in[u->call.num_in];

	u->pointers[u->call.num_in++] = t;
	assert_int_equal(hostop_shape(t, dtype, rank, dims), 0);
	assert_int_equal(hostop_alloc(t), 0);
	return t;
}

static void add_floats(struct use *u, unsigned int rank, const int64_t *dims, const float *v)
{
	struct hostop_tensor *t = add(u, HOSTOP_F32, rank, dims);

	memcpy(t->data, v, t->count * sizeof(*v));
}

static void add_ints(struct use *u, int64_t num, const int64_t *v)
{
	struct hostop_tensor *t = add(u, HOSTOP_I64, 1, &num);

	memcpy(t->data, v, t->count * sizeof(*v));
}

static void attr_ints(struct use *u, const char *name, size_t num, const int64_t *v)
{
	u->attrs[u->call.num_attrs++] = (struct hostop_attr){ .name = name, .type = HOSTOP_ATTR_INTS,
							      .ints = v, .num = num };
}

static void attr_int(struct use *u, const char *name, int64_t v)
{
	u->attrs[u->call.num_attrs++] = (struct hostop_attr){ .name = name, .type = HOSTOP_ATTR_INT,
							      .i = v };
}

static void finish(struct use *u)
{
	for (unsigned int i = 0; i < MAX; i++) {
		hostop_free(&u->in[i]);
		hostop_free(&u->out[i]);
	}
	free(u);
}

static void expect(struct use *u, unsigned int rank, const int64_t *dims, const double *want)
{
	if (hostop_eval(&u->call))
		fail_msg("%s: %s", u->call.op, u->call.error);
	assert_int_equal(u->out[0].rank, rank);
	for (unsigned int d = 0; d < rank; d++)
		assert_int_equal(u->out[0].dims[d], dims[d]);
	for (size_t i = 0; i < u->out[0].count; i++)
		if (fabs(hostop_get(&u->out[0], i) - want[i]) > 1e-6 * (1 + fabs(want[i])))
			fail_msg("%s: element %zu is %g, not %g", u->call.op, i,
				 hostop_get(&u->out[0], i), want[i]);
	finish(u);
}

static void expect_error(struct use *u, int error, const char *what)
{
	assert_int_equal(hostop_eval(&u->call), error);
	if (!strstr(u->call.error, what))
		fail_msg("%s: '%s' does not say '%s'", u->call.op, u->call.error, what);
	finish(u);
}

#define D(...) (sizeof((int64_t []){ __VA_ARGS__ }) / 8), (int64_t []){ __VA_ARGS__ }
#define V(...) (double []){ __VA_ARGS__ }

static void broadcasting(void **state)
{
	struct use *u = use("Add", 13);

	add_floats(u, D(2, 1), (float []){ 1, 2 });
	add_floats(u, D(3), (float []){ 10, 20, 30 });
	expect(u, D(2, 3), V(11, 21, 31, 12, 22, 32));
	u = use("Sub", 13);
	add_floats(u, D(2), (float []){ 1, 2 });
	add_floats(u, D(3), (float []){ 1, 2, 3 });
	expect_error(u, -EINVAL, "do not broadcast");
}

static void integers_do_not_trap(void **state)
{
	struct use *u = use("Div", 13);

	add_ints(u, 2, (int64_t []){ INT64_MIN, 7 });
	add_ints(u, 2, (int64_t []){ -1, -2 });
	expect(u, D(2), V((double)INT64_MIN, -3));
	u = use("Div", 13);
	add_ints(u, 1, (int64_t []){ 1 });
	add_ints(u, 1, (int64_t []){ 0 });
	expect_error(u, -EINVAL, "division by zero");
}

static void activations(void **state)
{
	static const struct { const char *op; double want[3]; } cases[] = {
		{ "Relu", { 0, 0, 2 } }, { "Sigmoid", { 0.2689414213699951, 0.5, 0.8807970779778823 } },
		{ "Tanh", { -0.7615941559557649, 0, 0.9640275800758169 } },
		{ "Erf", { -0.8427007929497149, 0, 0.9953222650189527 } },
		{ "HardSwish", { -1 / 3.0, 0, 5 / 3.0 } }, { "Neg", { 1, 0, -2 } },
		{ "HardSigmoid", { 0.3, 0.5, 0.9 } }, { "LeakyRelu", { -0.01, 0, 2 } },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct use *u = use(cases[i].op, 13);

		add_floats(u, D(3), (float []){ -1, 0, 2 });
		expect(u, D(3), cases[i].want);
	}
}

static void matrices(void **state)
{
	struct use *u = use("MatMul", 13);

	add_floats(u, D(2, 2), (float []){ 1, 2, 3, 4 });
	add_floats(u, D(2, 2), (float []){ 5, 6, 7, 8 });
	expect(u, D(2, 2), V(19, 22, 43, 50));
	u = use("Gemm", 13);
	attr_int(u, "transB", 1);
	add_floats(u, D(1, 2), (float []){ 1, 2 });
	add_floats(u, D(3, 2), (float []){ 1, 0, 0, 1, 1, 1 });
	add_floats(u, D(3), (float []){ 10, 20, 30 });
	expect(u, D(1, 3), V(11, 22, 33));
	u = use("MatMul", 13);
	add_floats(u, D(2, 2), (float []){ 1, 2, 3, 4 });
	add_floats(u, D(3), (float []){ 1, 2, 3 });
	expect_error(u, -EINVAL, "2 columns times 3 rows");
}

static void convolution(void **state)
{
	struct use *u = use("Conv", 13);

	add_floats(u, D(1, 1, 3, 3), (float []){ 1, 2, 3, 4, 5, 6, 7, 8, 9 });
	add_floats(u, D(1, 1, 2, 2), (float []){ 1, 0, 0, 1 });
	add_floats(u, D(1), (float []){ 100 });
	expect(u, D(1, 1, 2, 2), V(106, 108, 112, 114));
	u = use("ConvTranspose", 13);
	attr_ints(u, "strides", 2, (int64_t []){ 2, 2 });
	add_floats(u, D(1, 1, 1, 2), (float []){ 1, 2 });
	add_floats(u, D(1, 1, 2, 2), (float []){ 1, 2, 3, 4 });
	expect(u, D(1, 1, 2, 4), V(1, 2, 2, 4, 3, 4, 6, 8));
	u = use("Conv", 13);
	attr_int(u, "group", 0);
	add_floats(u, D(1, 1, 1, 1), (float []){ 1 });
	add_floats(u, D(1, 1, 1, 1), (float []){ 1 });
	expect_error(u, -EINVAL, "groups");
}

static void pools(void **state)
{
	struct use *u = use("MaxPool", 13);

	attr_ints(u, "kernel_shape", 2, (int64_t []){ 2, 2 });
	attr_ints(u, "pads", 4, (int64_t []){ 1, 1, 0, 0 });
	add_floats(u, D(1, 1, 2, 2), (float []){ 1, 2, 3, 4 });
	expect(u, D(1, 1, 2, 2), V(1, 2, 3, 4));
	u = use("AveragePool", 13);
	attr_ints(u, "kernel_shape", 2, (int64_t []){ 2, 2 });
	attr_ints(u, "pads", 4, (int64_t []){ 1, 1, 0, 0 });
	add_floats(u, D(1, 1, 2, 2), (float []){ 1, 2, 3, 4 });
	expect(u, D(1, 1, 2, 2), V(1, 1.5, 2, 2.5));
}

static void normalisations(void **state)
{
	struct use *u = use("Softmax", 13);
	double e = exp(1);

	add_floats(u, D(1, 2), (float []){ 0, 1 });
	expect(u, D(1, 2), V(1 / (1 + e), e / (1 + e)));
	u = use("ReduceMean", 13);
	attr_ints(u, "axes", 1, (int64_t []){ -1 });
	attr_int(u, "keepdims", 0);
	add_floats(u, D(2, 2), (float []){ 1, 3, 5, 9 });
	expect(u, D(2), V(2, 7));
	u = use("LayerNormalization", 17);
	add_floats(u, D(1, 2), (float []){ 1, 3 });
	add_floats(u, D(2), (float []){ 1, 1 });
	expect(u, D(1, 2), V(-1 / sqrt(1.00001), 1 / sqrt(1.00001)));
}

static void movement(void **state)
{
	struct use *u = use("Slice", 13);

	add_floats(u, D(4), (float []){ 1, 2, 3, 4 });
	add_ints(u, 1, (int64_t []){ -1 });
	add_ints(u, 1, (int64_t []){ INT64_MIN });
	add_ints(u, 1, (int64_t []){ 0 });
	add_ints(u, 1, (int64_t []){ -2 });
	expect(u, D(2), V(4, 2));
	u = use("Transpose", 13);
	add_floats(u, D(2, 3), (float []){ 1, 2, 3, 4, 5, 6 });
	expect(u, D(3, 2), V(1, 4, 2, 5, 3, 6));
	u = use("Gather", 13);
	add_floats(u, D(3), (float []){ 1, 2, 3 });
	add_ints(u, 2, (int64_t []){ -1, 0 });
	expect(u, D(2), V(3, 1));
	u = use("Gather", 13);
	add_floats(u, D(3), (float []){ 1, 2, 3 });
	add_ints(u, 1, (int64_t []){ 3 });
	expect_error(u, -EINVAL, "index 3 into a dimension of 3");
	u = use("Reshape", 13);
	add_floats(u, D(2, 3), (float []){ 1, 2, 3, 4, 5, 6 });
	add_ints(u, 2, (int64_t []){ -1, 2 });
	expect(u, D(3, 2), V(1, 2, 3, 4, 5, 6));
	u = use("Reshape", 13);
	add_floats(u, D(2, 3), (float []){ 1, 2, 3, 4, 5, 6 });
	add_ints(u, 2, (int64_t []){ INT64_MAX, INT64_MAX });
	expect_error(u, -EINVAL, "shape has the dimension");
}

static void quantisation(void **state)
{
	struct use *u = use("DynamicQuantizeLinear", 11);

	u->call.num_out = 3;
	add_floats(u, D(3), (float []){ -1, 0, 1.55f });
	assert_int_equal(hostop_eval(&u->call), 0);
	assert_true(fabs(hostop_get(&u->out[1], 0) - 0.01) < 1e-8);
	assert_int_equal(hostop_get_int(&u->out[2], 0), 100);
	assert_int_equal(hostop_get_int(&u->out[0], 0), 0);
	assert_int_equal(hostop_get_int(&u->out[0], 1), 100);
	assert_int_equal(hostop_get_int(&u->out[0], 2), 255);
	finish(u);
}

static void shapes_without_values(void **state)
{
	struct use *u = use("Shape", 13);

	add_floats(u, D(2, 3), (float []){ 0, 0, 0, 0, 0, 0 });
	hostop_free(&u->in[0]);
	expect(u, D(2), V(2, 3));
	u = use("Relu", 13);
	add_floats(u, D(2), (float []){ 0, 0 });
	hostop_free(&u->in[0]);
	assert_int_equal(hostop_infer(&u->call), 0);
	assert_int_equal(u->out[0].count, 2);
	expect_error(u, -ENODATA, "input 0 is not known");
}

static void refusals(void **state)
{
	struct use *u = use("NoSuch", 13);

	expect_error(u, -EOPNOTSUPP, "not supported");
	u = use("Add", 13);
	add_floats(u, D(1), (float []){ 0 });
	expect_error(u, -EINVAL, "has 1 inputs, not 2 to 2");
	u = use("ConstantOfShape", 13);
	add_ints(u, 2, (int64_t []){ 1ll << 31, 1ll << 31 });
	expect_error(u, -EINVAL, "too large");
	u = use("Concat", 13);
	attr_int(u, "axis", 2);
	add_floats(u, D(1), (float []){ 0 });
	expect_error(u, -EINVAL, "axis 2 is not one of 1 dimensions");
}

static void half_floats(void **state)
{
	assert_int_equal(hostop_f32_to_f16(1), 0x3c00);
	assert_int_equal(hostop_f32_to_f16(65520), 0x7c00);	/* rounds to infinity */
	assert_int_equal(hostop_f32_to_f16(1 + 0x1p-11f), 0x3c00);	/* a tie, to even */
	assert_int_equal(hostop_f32_to_f16(1 + 3 * 0x1p-11f), 0x3c02);
	assert_true(hostop_f16_to_f32(0x0001) == 0x1p-24f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(broadcasting), cmocka_unit_test(integers_do_not_trap),
		cmocka_unit_test(activations), cmocka_unit_test(matrices),
		cmocka_unit_test(convolution), cmocka_unit_test(pools),
		cmocka_unit_test(normalisations), cmocka_unit_test(movement),
		cmocka_unit_test(quantisation), cmocka_unit_test(shapes_without_values),
		cmocka_unit_test(refusals), cmocka_unit_test(half_floats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
