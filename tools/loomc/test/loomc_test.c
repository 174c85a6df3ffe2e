// SPDX-License-Identifier: MIT
/* Toy models: compiled, run on the device model, held against hostops on the same graph. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <elf.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loom.h"
#include "loom_sim.h"
#include "run_device.h"
#include "toy.h"

static struct loom_hw_caps caps_of(const char *preset)
{
	struct loom_sim_config config;

	assert_true(loom_sim_preset(&config, preset));
	return config.caps;
}

/* Values for the toy's inputs, all float; shapes as declared, dynamic dims 1. */
static unsigned int make_inputs(struct toy *t, struct loomc_tensor *in)
{
	uint32_t seed = 7;

	for (size_t i = 0; i < t->graph.n_input; i++) {
		const Onnx__TensorShapeProto *shape = t->graph.input[i]->type->tensor_type->shape;
		int64_t dims[HOSTOP_MAX_DIMS];

		for (size_t d = 0; d < shape->n_dim; d++)
			dims[d] = shape->dim[d]->dim_value;
		in[i].name = t->graph.input[i]->name;
		assert_int_equal(hostop_shape(&in[i].t, t->graph.input[i]->type->tensor_type->elem_type,
					      (unsigned int)shape->n_dim, dims), 0);
		assert_int_equal(hostop_alloc(&in[i].t), 0);
		for (size_t e = 0; e < in[i].t.count; e++)
			hostop_set(&in[i].t, e, hostop_is_float(in[i].t.dtype) ? toy_random(&seed) :
				   (double)(e % 3));
	}
	return (unsigned int)t->graph.n_input;
}

static void assert_close(const struct hostop_tensor *got, const struct hostop_tensor *want)
{
	double scale = 0;

	for (size_t i = 0; i < want->count; i++)
		scale = fmax(scale, fabs(hostop_get(want, i)));
	for (size_t i = 0; i < want->count; i++) {
		double off = fabs(hostop_get(got, i) - hostop_get(want, i));

		if (!(off <= 4e-3 * scale + 1e-3))
			fail_msg("element %zu is %g, not %g", i, hostop_get(got, i), hostop_get(want, i));
	}
}

/* One run of a compiled toy; outputs have the shapes of `like`. */
static void run(const char *preset, const struct loomc_result *r, const struct loomc_tensor *in,
		unsigned int num_in, struct loomc_tensor *got, const struct loomc_tensor *like,
		unsigned int num)
{
	char error[256], device[64];

	snprintf(device, sizeof(device), "sim:%s", preset);
	memcpy(got, like, num * sizeof(*got));
	for (unsigned int i = 0; i < num; i++)
		got[i].t.data = NULL;
	if (run_device(device, r->file, r->size, in, num_in, got, num, error, sizeof(error)))
		fail_msg("%s", error);
}

static void compile_or_fail(const void *onnx, size_t size, const struct loomc_options *o,
			    struct loomc_result *r)
{
	if (loomc_compile(onnx, size, o, r))
		fail_msg("%s", r->error);
}

/* Compiled sliced, in very small slices, in very short ones and whole: outputs as hostops', and all the same bytes. */
static void check_on(struct toy *t, const char *preset)
{
	static const struct { uint64_t bytes, ns; bool whole; } ways[] = { { 0 }, { 600 }, { 0, 700 }, { 1, 0, true } };
	struct loomc_options o = { .caps = caps_of(preset), .num_values = 0 };
	struct loomc_tensor in[8] = { 0 }, got[8], first[8], *want;
	unsigned int num_in = make_inputs(t, in), num;
	struct loomc_result r;
	size_t size;
	const void *onnx = toy_pack(t, &size);

	o.values = in;
	o.num_values = num_in;
	if (loomc_evaluate(onnx, size, &o, &r, &want, &num))
		fail_msg("%s", r.error);
	o.num_values = 0;
	for (int way = 0; way < 4; way++) {
		o.slice_bytes = ways[way].bytes;
		o.slice_ns = ways[way].ns;
		o.no_slice = ways[way].whole;
		compile_or_fail(onnx, size, &o, &r);
		run(preset, &r, in, num_in, way ? got : first, want, num);
		loomc_result_free(&r);
		for (unsigned int i = 0; i < num; i++) {
			if (!way) {
				assert_close(&first[i].t, &want[i].t);
				continue;
			}
			assert_memory_equal(got[i].t.data, first[i].t.data, hostop_bytes(&got[i].t));
			hostop_free(&got[i].t);
		}
	}
	for (unsigned int i = 0; i < num; i++)
		hostop_free(&first[i].t);
	for (unsigned int i = 0; i < num_in; i++)
		hostop_free(&in[i].t);
	loomc_tensors_free(want, num);
}

static uint32_t lease_of(const struct loomc_result *r)
{
	struct loom_model *model;
	uint32_t bytes;

	if (loom_model_open_memory(r->file, r->size, &model))
		fail_msg("%s", loom_error());
	bytes = loom_model_info(model)->lease_bytes;
	loom_model_close(model);
	return bytes;
}

/*
 * With less and less of a lease, until it cannot be done: outputs as with all of it, byte for byte.
 * Returns how many plans spilled.
 */
static unsigned int check_leases(struct toy *t, const char *preset)
{
	struct loomc_options o = { .caps = caps_of(preset) };
	struct loomc_tensor in[8] = { 0 }, first[8], got[8], *want;
	unsigned int num_in = make_inputs(t, in), num, plans = 0;
	struct loomc_result r;
	size_t size;
	const void *onnx = toy_pack(t, &size);
	uint32_t lease;

	o.values = in;
	o.num_values = num_in;
	if (loomc_evaluate(onnx, size, &o, &r, &want, &num))
		fail_msg("%s", r.error);
	o.num_values = 0;
	compile_or_fail(onnx, size, &o, &r);
	run(preset, &r, in, num_in, first, want, num);
	lease = lease_of(&r);
	loomc_result_free(&r);
	for (o.lease_bytes = lease; o.lease_bytes > 4096;) {
		o.lease_bytes -= 4096;
		if (loomc_compile(onnx, size, &o, &r)) {
			assert_non_null(strstr(r.error, "activation SRAM"));
			loomc_result_free(&r);
			break;
		}
		plans++;
		assert_true(lease_of(&r) <= o.lease_bytes);
		run(preset, &r, in, num_in, got, want, num);
		for (unsigned int i = 0; i < num; i++) {
			assert_memory_equal(got[i].t.data, first[i].t.data, hostop_bytes(&got[i].t));
			hostop_free(&got[i].t);
		}
		loomc_result_free(&r);
	}
	for (unsigned int i = 0; i < num; i++)
		hostop_free(&first[i].t);
	for (unsigned int i = 0; i < num_in; i++)
		hostop_free(&in[i].t);
	loomc_tensors_free(want, num);
	return plans;
}

static void check(struct toy *t)
{
	check_leases(t, "tiny");
	check_on(t, "tiny");
	check_on(t, "memory-centric");
	toy_free(t);
}

/* ---- operators and fusions ---- */

static void conv_batchnorm_relu(void **state)
{
	struct toy t;

	toy_init(&t, 13);
	toy_input(&t, "x", HOSTOP_F32, DIMS(1, 3, 9, 7));
	toy_weights(&t, "w", 0.5, DIMS(20, 3, 3, 3));
	toy_weights(&t, "scale", 1, DIMS(20));
	toy_weights(&t, "shift", 1, DIMS(20));
	toy_weights(&t, "mean", 1, DIMS(20));
	toy_floats(&t, "var", 20, (float [20]){ 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2 });
	toy_node(&t, "Conv", "x w", "c");
	toy_attr_ints(&t, "pads", 4, (int64_t []){ 1, 1, 1, 1 });
	toy_attr_ints(&t, "strides", 2, (int64_t []){ 2, 1 });
	toy_node(&t, "BatchNormalization", "c scale shift mean var", "b");
	toy_node(&t, "Relu", "b", "y");
	toy_output(&t, "y");
	check(&t);
}

static void residual_block(void **state)
{
	struct toy t;

	toy_init(&t, 13);
	toy_input(&t, "x", HOSTOP_F32, DIMS(2, 8, 6, 6));
	toy_weights(&t, "w1", 0.3, DIMS(18, 8, 3, 3));
	toy_weights(&t, "w2", 0.3, DIMS(8, 18, 1, 1));
	toy_node(&t, "Conv", "x w1", "a");
	toy_attr_ints(&t, "pads", 4, (int64_t []){ 1, 1, 1, 1 });
	toy_node(&t, "Sigmoid", "a", "s");
	toy_node(&t, "Mul", "a s", "silu");
	toy_node(&t, "Conv", "silu w2", "b");
	toy_node(&t, "Add", "x b", "sum");
	toy_node(&t, "Relu", "sum", "y");
	toy_output(&t, "y");
	check(&t);
}

static void depthwise_and_groups(void **state)
{
	struct toy t;

	toy_init(&t, 13);
	toy_input(&t, "x", HOSTOP_F32, DIMS(1, 24, 8, 8));
	toy_weights(&t, "w1", 0.5, DIMS(24, 1, 3, 3));
	toy_weights(&t, "b1", 0.5, DIMS(24));
	toy_weights(&t, "w2", 0.5, DIMS(36, 8, 1, 1));
	toy_weights(&t, "w3", 0.5, DIMS(72, 1, 3, 3));
	toy_node(&t, "Conv", "x w1 b1", "d");
	toy_attr_int(&t, "group", 24);
	toy_attr_ints(&t, "pads", 4, (int64_t []){ 1, 1, 1, 1 });
	toy_node(&t, "Conv", "d w2", "g");
	toy_attr_int(&t, "group", 3);
	toy_node(&t, "Conv", "g w3", "y");
	toy_attr_int(&t, "group", 36);
	toy_output(&t, "y");
	check(&t);
}

/* The hard swish and squeeze-and-excite of PP-OCR, with the affine maps around them. */
static void hardswish_excite(void **state)
{
	struct toy t;

	toy_init(&t, 11);
	toy_input(&t, "x", HOSTOP_F32, DIMS(1, 12, 6, 6));
	toy_weights(&t, "w", 0.8, DIMS(12, 12, 1, 1));
	toy_weights(&t, "w1", 0.5, DIMS(4, 12, 1, 1));
	toy_weights(&t, "w2", 0.5, DIMS(12, 4, 1, 1));
	toy_weights(&t, "w3", 0.5, DIMS(12, 1, 3, 3));
	toy_scalar(&t, "three", 3);
	toy_scalar(&t, "zero", 0);
	toy_scalar(&t, "six", 6);
	toy_floats(&t, "k", 1, (float []){ 0.7f });
	toy_floats(&t, "m", 1, (float []){ -0.3f });
	toy_node(&t, "Conv", "x w", "c");
	toy_node(&t, "Add", "c three", "c3");
	toy_node(&t, "Clip", "c3 zero six", "clip");
	toy_node(&t, "Mul", "c clip", "mul");
	toy_node(&t, "Div", "mul six", "h");
	toy_node(&t, "Mul", "k h", "hk");
	toy_node(&t, "Add", "hk m", "hm");
	toy_node(&t, "Conv", "hm w3", "d");
	toy_attr_int(&t, "group", 12);
	toy_attr_ints(&t, "pads", 4, (int64_t []){ 1, 1, 1, 1 });
	toy_node(&t, "GlobalAveragePool", "d", "p");
	toy_node(&t, "Conv", "p w1", "p1");
	toy_node(&t, "Relu", "p1", "r1");
	toy_node(&t, "Conv", "r1 w2", "p2");
	toy_node(&t, "HardSigmoid", "p2", "s");
	toy_node(&t, "Mul", "d s", "ds");
	toy_node(&t, "Add", "d ds", "y");
	toy_output(&t, "y");
	check(&t);
}

static void upsample_concat(void **state)
{
	struct toy t;

	toy_init(&t, 11);
	toy_input(&t, "x", HOSTOP_F32, DIMS(1, 6, 4, 4));
	toy_weights(&t, "w1", 0.5, DIMS(5, 6, 1, 1));
	toy_weights(&t, "w2", 0.5, DIMS(7, 6, 2, 2));
	toy_weights(&t, "w3", 0.5, DIMS(6, 7, 2, 2));
	toy_weights(&t, "w4", 0.5, DIMS(17, 4, 3, 3));
	toy_floats(&t, "scales", 4, (float []){ 1, 1, 2, 2 });
	toy_floats(&t, "roi", 0, NULL);
	toy_node(&t, "Conv", "x w1", "a");
	toy_node(&t, "Resize", "a roi scales", "up");
	toy_node(&t, "ConvTranspose", "x w3", "ct");
	toy_attr_ints(&t, "strides", 2, (int64_t []){ 2, 2 });
	toy_node(&t, "Resize", "x roi scales", "xup");
	toy_node(&t, "Relu", "xup", "xr");
	toy_node(&t, "Concat", "up ct xr", "cat");
	toy_attr_int(&t, "axis", 1);
	toy_node(&t, "ConvTranspose", "cat w5", "ct2");
	toy_attr_ints(&t, "strides", 2, (int64_t []){ 2, 2 });
	toy_attr_ints(&t, "pads", 4, (int64_t []){ 1, 1, 1, 1 });
	toy_attr_ints(&t, "output_padding", 2, (int64_t []){ 1, 1 });
	toy_weights(&t, "w5", 0.3, DIMS(18, 4, 3, 3));
	toy_node(&t, "MaxPool", "ct2", "y");
	toy_attr_ints(&t, "kernel_shape", 2, (int64_t []){ 3, 3 });
	toy_attr_ints(&t, "strides", 2, (int64_t []){ 2, 2 });
	toy_output(&t, "y");
	toy_output(&t, "cat");
	check(&t);
}

/* Filters wider than the stride, borders cut off unevenly, a result that is put into another. */
static void transposed_phases(void **state)
{
	struct toy t;

	toy_init(&t, 13);
	toy_input(&t, "x", HOSTOP_F32, DIMS(2, 3, 4, 5));
	toy_weights(&t, "w", 0.3, DIMS(3, 4, 5, 4));
	toy_weights(&t, "b", 0.3, DIMS(4));
	toy_weights(&t, "w2", 0.3, DIMS(3, 6, 7, 3));
	toy_node(&t, "ConvTranspose", "x w b", "y");
	toy_attr_ints(&t, "strides", 2, (int64_t []){ 3, 2 });
	toy_attr_ints(&t, "pads", 4, (int64_t []){ 4, 1, 0, 2 });
	toy_attr_ints(&t, "output_padding", 2, (int64_t []){ 2, 1 });
	toy_node(&t, "ConvTranspose", "x w2", "z");
	toy_attr_ints(&t, "strides", 2, (int64_t []){ 2, 3 });
	toy_attr_ints(&t, "output_shape", 2, (int64_t []){ 11, 12 });
	toy_node(&t, "Relu", "z", "zr");
	toy_node(&t, "Slice", "y from to axes", "part");
	toy_ints(&t, "from", 1, (int64_t []){ 0 });
	toy_ints(&t, "to", 1, (int64_t []){ 11 });
	toy_ints(&t, "axes", 1, (int64_t []){ 2 });
	toy_node(&t, "Slice", "part from to3 axes3", "same");
	toy_ints(&t, "to3", 1, (int64_t []){ 9 });
	toy_ints(&t, "axes3", 1, (int64_t []){ 3 });
	toy_output(&t, "y");
	toy_output(&t, "zr");
	toy_output(&t, "same");
	check(&t);
}

/* A causal mask: a constant chooses between a score and a number, on either side. */
static void masked(void **state)
{
	static const int64_t triangle[] = { 1, 0, 0, 1, 1, 0, 1, 1, 1 };
	struct toy t;

	toy_init(&t, 13);
	toy_input(&t, "x", HOSTOP_F32, DIMS(2, 3, 3));
	toy_ints(&t, "seen", 9, triangle);
	toy_ints(&t, "square", 2, (int64_t []){ 3, 3 });
	toy_scalar(&t, "far", -10000);
	toy_scalar(&t, "one", 1);
	toy_node(&t, "Reshape", "seen square", "mask");
	toy_node(&t, "Cast", "mask", "bools");
	toy_attr_int(&t, "to", HOSTOP_BOOL);
	toy_node(&t, "Where", "bools x far", "score");
	toy_node(&t, "Softmax", "score", "y");
	toy_attr_int(&t, "axis", -1);
	toy_node(&t, "Where", "bools one x", "z");
	toy_output(&t, "y");
	toy_output(&t, "z");
	check(&t);
}

/* Attention with everything between: layer norm spelt out, heads, mask, GELU spelt out. */
static void transformer_block(void **state)
{
	struct toy t;

	toy_init(&t, 13);
	toy_input(&t, "x", HOSTOP_F32, DIMS(1, 5, 24));
	toy_weights(&t, "wq", 0.3, DIMS(24, 24));
	toy_weights(&t, "wk", 0.3, DIMS(24, 24));
	toy_weights(&t, "wv", 0.3, DIMS(24, 24));
	toy_weights(&t, "wo", 0.3, DIMS(24, 24));
	toy_weights(&t, "bo", 0.3, DIMS(24));
	toy_weights(&t, "w1", 0.3, DIMS(24, 40));
	toy_weights(&t, "w2", 0.3, DIMS(40, 24));
	toy_weights(&t, "gamma", 1, DIMS(24));
	toy_weights(&t, "beta", 1, DIMS(24));
	toy_ints(&t, "heads", 4, (int64_t []){ 0, 0, 3, 8 });
	toy_ints(&t, "flat", 3, (int64_t []){ 0, 0, 24 });
	toy_scalar(&t, "two", 2);
	toy_scalar(&t, "eps", 1e-5f);
	toy_scalar(&t, "scale", 2.828427f);
	toy_scalar(&t, "sqrt2", 1.41421356f);
	toy_scalar(&t, "one", 1);
	toy_scalar(&t, "half", 0.5f);
	toy_node(&t, "ReduceMean", "x", "mean");
	toy_attr_ints(&t, "axes", 1, (int64_t []){ -1 });
	toy_node(&t, "Sub", "x mean", "sub");
	toy_node(&t, "Pow", "sub two", "sq");
	toy_node(&t, "ReduceMean", "sq", "var");
	toy_attr_ints(&t, "axes", 1, (int64_t []){ -1 });
	toy_node(&t, "Add", "var eps", "vareps");
	toy_node(&t, "Sqrt", "vareps", "std");
	toy_node(&t, "Div", "sub std", "norm");
	toy_node(&t, "Mul", "norm gamma", "ng");
	toy_node(&t, "Add", "ng beta", "n");
	for (int i = 0; i < 3; i++) {
		static const char *const w[] = { "n wq", "n wk", "n wv" }, *const o[] = { "q0", "k0", "v0" },
			*const r[] = { "q0 heads", "k0 heads", "v0 heads" },
			*const s[] = { "q1", "k1", "v1" }, *const h[] = { "q", "k", "v" };

		toy_node(&t, "MatMul", w[i], o[i]);
		toy_node(&t, "Reshape", r[i], s[i]);
		toy_node(&t, "Transpose", s[i], h[i]);
		toy_attr_ints(&t, "perm", 4, i == 1 ? (int64_t []){ 0, 2, 3, 1 } : (int64_t []){ 0, 2, 1, 3 });
	}
	toy_node(&t, "MatMul", "q k", "qk");
	toy_node(&t, "Div", "qk scale", "qks");
	toy_node(&t, "Softmax", "qks", "p");
	toy_attr_int(&t, "axis", -1);
	toy_node(&t, "MatMul", "p v", "pv");
	toy_node(&t, "Transpose", "pv", "pt");
	toy_attr_ints(&t, "perm", 4, (int64_t []){ 0, 2, 1, 3 });
	toy_node(&t, "Reshape", "pt flat", "pf");
	toy_node(&t, "MatMul", "pf wo", "o");
	toy_node(&t, "Add", "o bo", "ob");
	toy_node(&t, "Add", "x ob", "res");
	toy_node(&t, "MatMul", "res w1", "f");
	toy_node(&t, "Div", "f sqrt2", "fs");
	toy_node(&t, "Erf", "fs", "fe");
	toy_node(&t, "Add", "fe one", "f1");
	toy_node(&t, "Mul", "f f1", "fm");
	toy_node(&t, "Mul", "fm half", "g");
	toy_node(&t, "MatMul", "g w2", "f2");
	toy_node(&t, "Add", "res f2", "y");
	toy_output(&t, "y");
	check(&t);
}

/* Rotary embedding's strided slices, a cache that grows, and outputs in the midst. */
static void strided_and_cache(void **state)
{
	struct toy t;

	toy_init(&t, 13);
	toy_input(&t, "x", HOSTOP_F32, DIMS(1, 2, 1, 12));
	toy_input(&t, "past", HOSTOP_F32, DIMS(1, 2, 3, 12));
	toy_ints(&t, "s0", 1, (int64_t []){ 0 });
	toy_ints(&t, "s1", 1, (int64_t []){ 1 });
	toy_ints(&t, "end", 1, (int64_t []){ INT64_MAX });
	toy_ints(&t, "axis", 1, (int64_t []){ 3 });
	toy_ints(&t, "step", 1, (int64_t []){ 2 });
	toy_ints(&t, "last", 1, (int64_t []){ -1 });
	toy_ints(&t, "shape", 4, (int64_t []){ 1, 2, 1, 12 });
	toy_weights(&t, "cos", 1, DIMS(1, 1, 1, 12));
	toy_weights(&t, "sin", 1, DIMS(1, 1, 1, 12));
	toy_node(&t, "Slice", "x s0 end axis step", "even");
	toy_node(&t, "Slice", "x s1 end axis step", "odd");
	toy_node(&t, "Neg", "odd", "neg");
	toy_node(&t, "Unsqueeze", "neg last", "u0");
	toy_node(&t, "Unsqueeze", "even last", "u1");
	toy_node(&t, "Concat", "u0 u1", "pairs");
	toy_attr_int(&t, "axis", -1);
	toy_node(&t, "Reshape", "pairs shape", "turned");
	toy_node(&t, "Mul", "x cos", "xc");
	toy_node(&t, "Mul", "turned sin", "ts");
	toy_node(&t, "Add", "xc ts", "rot");
	toy_node(&t, "Concat", "past rot", "present");
	toy_attr_int(&t, "axis", -2);
	toy_node(&t, "Transpose", "present", "pt");
	toy_attr_ints(&t, "perm", 4, (int64_t []){ 0, 1, 3, 2 });
	toy_node(&t, "MatMul", "rot pt", "y");
	toy_output(&t, "y");
	toy_output(&t, "present");
	check(&t);
}

static void gather_rows(void **state)
{
	struct toy t;

	toy_init(&t, 13);
	toy_input(&t, "ids", HOSTOP_I64, DIMS(1, 4));
	toy_weights(&t, "table", 1, DIMS(10, 20));
	toy_weights(&t, "w", 0.4, DIMS(20, 33));
	toy_node(&t, "Gather", "table ids", "e");
	toy_node(&t, "MatMul", "e w", "y");
	toy_output(&t, "y");
	check(&t);
}

static void gemm_and_reductions(void **state)
{
	struct toy t;

	toy_init(&t, 13);
	toy_input(&t, "x", HOSTOP_F32, DIMS(3, 40));
	toy_weights(&t, "w", 0.3, DIMS(50, 40));
	toy_weights(&t, "b", 0.3, DIMS(50));
	toy_node(&t, "Gemm", "x w b", "g");
	toy_attr_int(&t, "transB", 1);
	toy_attr_float(&t, "alpha", 0.5);
	toy_attr_float(&t, "beta", 2);
	toy_node(&t, "Tanh", "g", "h");
	toy_node(&t, "ReduceSum", "h axes", "s");
	toy_attr_int(&t, "keepdims", 0);
	toy_ints(&t, "axes", 1, (int64_t []){ 0 });
	toy_node(&t, "ReduceMax", "h", "m");
	toy_attr_ints(&t, "axes", 1, (int64_t []){ 1 });
	toy_node(&t, "Mul", "s m", "y");
	toy_output(&t, "y");
	check(&t);
}

/* Dynamic quantisation becomes a float product: within the 8 bits' own error of the integer one. */
static void dynamic_quantisation(void **state)
{
	struct toy t;

	toy_init(&t, 13);
	toy_input(&t, "x", HOSTOP_F32, DIMS(2, 16));
	toy_weights(&t, "f", 1, DIMS(16, 8));
	toy_scalar(&t, "wscale", 0.01f);
	toy_scalar(&t, "z", 100);
	toy_node(&t, "Cast", "z", "wzero");
	toy_attr_int(&t, "to", HOSTOP_U8);
	toy_node(&t, "QuantizeLinear", "f wscale wzero", "w");
	toy_node(&t, "DynamicQuantizeLinear", "x", "q s zp");
	toy_node(&t, "MatMulInteger", "q w zp wzero", "i");
	toy_node(&t, "Cast", "i", "c");
	toy_attr_int(&t, "to", HOSTOP_F32);
	toy_node(&t, "Mul", "s wscale", "sw");
	toy_node(&t, "Mul", "c sw", "yq");
	toy_node(&t, "DequantizeLinear", "w wscale wzero", "wf");
	toy_node(&t, "MatMul", "x wf", "yf");
	toy_node(&t, "Sub", "yq yf", "y");	/* on the device: zero */
	toy_output(&t, "yq");
	{
		struct loomc_options o = { .caps = caps_of("tiny") };
		struct loomc_tensor in[1] = { 0 }, got[1], *want;
		struct loomc_result r;
		unsigned int num;
		size_t size;
		const void *onnx = toy_pack(&t, &size);

		make_inputs(&t, in);
		o.values = in;
		o.num_values = 1;
		assert_int_equal(loomc_evaluate(onnx, size, &o, &r, &want, &num), 0);
		o.num_values = 0;
		compile_or_fail(onnx, size, &o, &r);
		run("tiny", &r, in, 1, got, want, 1);
		for (size_t i = 0; i < want->t.count; i++)
			assert_true(fabs(hostop_get(&got->t, i) - hostop_get(&want->t, i)) < 0.05);
		hostop_free(&got->t);
		hostop_free(&in->t);
		loomc_tensors_free(want, num);
		loomc_result_free(&r);
	}
	toy_free(&t);
}

/* ---- If ---- */

static void make_if(struct toy *t, struct toy *yes, struct toy *no)
{
	toy_init(yes, 13);
	toy_node(yes, "Add", "x k", "out");	/* x and k are the outer graph's */
	toy_node(yes, "Relu", "out", "r");
	toy_output(yes, "r");
	toy_init(no, 13);
	toy_node(no, "NoSuchOperator", "x", "out");
	toy_output(no, "out");
	toy_init(t, 13);
	toy_input(t, "x", HOSTOP_F32, DIMS(2, 3));
	toy_input(t, "flag", HOSTOP_BOOL, DIMS(1));
	toy_weights(t, "k", 1, DIMS(3));
	toy_node(t, "If", "flag", "y");
	toy_attr_graph(t, "then_branch", yes);
	toy_attr_graph(t, "else_branch", no);
	toy_output(t, "y");
}

static void if_with_bound_condition(void **state)
{
	struct loomc_setting bind = { "flag", "true" };
	struct loomc_options o = { .caps = caps_of("tiny"), .binds = &bind, .num_binds = 1 };
	struct loomc_result r;
	struct toy t, yes, no;
	size_t size;
	const void *onnx;

	make_if(&t, &yes, &no);
	onnx = toy_pack(&t, &size);
	compile_or_fail(onnx, size, &o, &r);
	loomc_result_free(&r);
	bind.value = "false";
	assert_int_equal(loomc_compile(onnx, size, &o, &r), -1);
	assert_string_equal(r.error, "node 'out' (NoSuchOperator): operator is not supported");
	o.num_binds = 0;
	assert_int_equal(loomc_compile(onnx, size, &o, &r), -1);
	assert_non_null(strstr(r.error, "--bind flag=true"));
	toy_free(&t);
	toy_free(&yes);
	toy_free(&no);
}

/* ---- errors ---- */

static void expect_error(struct toy *t, const struct loomc_options *o, const char *what)
{
	struct loomc_result r;
	size_t size;
	const void *onnx = toy_pack(t, &size);

	assert_int_equal(loomc_compile(onnx, size, o, &r), -1);
	if (!strstr(r.error, what))
		fail_msg("'%s' does not say '%s'", r.error, what);
	loomc_result_free(&r);
}

/* ---- leases ---- */

/* Windows, strides, groups, a residual and a skip, over several images. */
static void spilled_images(void **state)
{
	struct toy t;

	toy_init(&t, 13);
	toy_input(&t, "x", HOSTOP_F32, DIMS(3, 3, 32, 32));
	toy_weights(&t, "w1", 0.3, DIMS(24, 3, 3, 3));
	toy_weights(&t, "w2", 0.3, DIMS(24, 24, 3, 3));
	toy_weights(&t, "w3", 0.3, DIMS(24, 1, 3, 3));
	toy_weights(&t, "w4", 0.3, DIMS(40, 12, 1, 1));
	toy_weights(&t, "b1", 0.3, DIMS(24));
	toy_node(&t, "Conv", "x w1 b1", "a");
	toy_attr_ints(&t, "pads", 4, (int64_t []){ 1, 1, 1, 1 });
	toy_node(&t, "Relu", "a", "ar");
	toy_node(&t, "Conv", "ar w2", "b");
	toy_attr_ints(&t, "pads", 4, (int64_t []){ 2, 2, 2, 2 });
	toy_attr_ints(&t, "dilations", 2, (int64_t []){ 2, 2 });
	toy_node(&t, "Add", "b ar", "c");
	toy_node(&t, "Conv", "c w3", "d");
	toy_attr_ints(&t, "pads", 4, (int64_t []){ 1, 1, 1, 1 });
	toy_attr_int(&t, "group", 24);
	toy_node(&t, "MaxPool", "d", "e");
	toy_attr_ints(&t, "kernel_shape", 2, (int64_t []){ 3, 3 });
	toy_attr_ints(&t, "strides", 2, (int64_t []){ 2, 2 });
	toy_attr_ints(&t, "pads", 4, (int64_t []){ 1, 1, 1, 1 });
	toy_node(&t, "AveragePool", "c", "f");
	toy_attr_ints(&t, "kernel_shape", 2, (int64_t []){ 2, 2 });
	toy_attr_ints(&t, "strides", 2, (int64_t []){ 2, 2 });
	toy_node(&t, "Concat", "e f", "g");
	toy_attr_int(&t, "axis", 1);
	toy_node(&t, "Sigmoid", "g", "h");
	toy_node(&t, "Conv", "h w4", "i");
	toy_attr_int(&t, "group", 4);
	toy_node(&t, "GlobalAveragePool", "i", "k");
	toy_node(&t, "Mul", "i k", "y");
	toy_output(&t, "y");
	toy_output(&t, "c");
	assert_true(check_leases(&t, "tiny") > 20);
	toy_free(&t);
}

/* Products of activations, transposes, normalisation, a softmax, a gather. */
static void spilled_attention(void **state)
{
	static const float eps[] = { 1e-5f };
	struct toy t;

	toy_init(&t, 17);
	toy_input(&t, "x", HOSTOP_F32, DIMS(1, 160, 64));
	toy_weights(&t, "wq", 0.2, DIMS(64, 64));
	toy_weights(&t, "wk", 0.2, DIMS(64, 64));
	toy_weights(&t, "wv", 0.2, DIMS(64, 64));
	toy_weights(&t, "gamma", 1, DIMS(64));
	toy_ints(&t, "heads", 4, (int64_t []){ 1, 160, 4, 16 });
	toy_ints(&t, "flat", 3, (int64_t []){ 1, 160, 64 });
	toy_floats(&t, "eps", 1, eps);
	toy_node(&t, "LayerNormalization", "x gamma", "n");
	toy_node(&t, "MatMul", "n wq", "q0");
	toy_node(&t, "MatMul", "n wk", "k0");
	toy_node(&t, "MatMul", "n wv", "v0");
	toy_node(&t, "Reshape", "q0 heads", "q1");
	toy_node(&t, "Reshape", "k0 heads", "k1");
	toy_node(&t, "Reshape", "v0 heads", "v1");
	toy_node(&t, "Transpose", "q1", "q");
	toy_attr_ints(&t, "perm", 4, (int64_t []){ 0, 2, 1, 3 });
	toy_node(&t, "Transpose", "k1", "k");
	toy_attr_ints(&t, "perm", 4, (int64_t []){ 0, 2, 3, 1 });
	toy_node(&t, "Transpose", "v1", "v");
	toy_attr_ints(&t, "perm", 4, (int64_t []){ 0, 2, 1, 3 });
	toy_node(&t, "MatMul", "q k", "s");
	toy_node(&t, "Softmax", "s", "a");
	toy_node(&t, "MatMul", "a v", "o");
	toy_node(&t, "Transpose", "o", "ot");
	toy_attr_ints(&t, "perm", 4, (int64_t []){ 0, 2, 1, 3 });
	toy_node(&t, "Reshape", "ot flat", "of");
	toy_node(&t, "Add", "of x", "r");
	toy_node(&t, "Erf", "r", "y");
	toy_output(&t, "y");
	assert_true(check_leases(&t, "tiny") > 20);
	toy_free(&t);
}

/* ---- slices ---- */

/* No slice has the array for longer than is said and half as long again: channels are cut, images, rows of images. */
static void check_slice_times(struct toy *t, uint64_t ns, uint64_t *weight_bytes)
{
	struct loomc_options o = { .caps = caps_of("tiny"), .slice_ns = ns };
	struct loomc_result r;
	struct loom_model *model;
	size_t size;
	const void *onnx = toy_pack(t, &size);

	compile_or_fail(onnx, size, &o, &r);
	if (loom_model_open_memory(r.file, r.size, &model))
		fail_msg("%s", loom_error());
	for (unsigned int i = 0; i < loom_model_info(model)->num_slices; i++)
		assert_true(loom_model_slice(model, i)->mac_ps <= 1500 * ns);
	*weight_bytes = loom_model_info(model)->weight_bytes;
	loom_model_close(model);
	loomc_result_free(&r);
}

static void long_layers(void **state)
{
	uint64_t once, twice, often;
	struct toy t;

	toy_init(&t, 13);
	toy_input(&t, "x", HOSTOP_F32, DIMS(2, 8, 45, 37));
	toy_weights(&t, "w", 0.3, DIMS(40, 8, 3, 3));
	toy_weights(&t, "d", 0.3, DIMS(40, 1, 3, 3));
	toy_weights(&t, "p", 0.3, DIMS(16, 40, 1, 1));
	toy_node(&t, "Conv", "x w", "a");
	toy_attr_ints(&t, "strides", 2, (int64_t []){ 2, 1 });
	toy_attr_ints(&t, "pads", 4, (int64_t []){ 1, 1, 1, 1 });
	toy_node(&t, "Relu", "a", "b");
	toy_node(&t, "Conv", "b d", "c");
	toy_attr_int(&t, "group", 40);
	toy_attr_ints(&t, "pads", 4, (int64_t []){ 1, 1, 1, 1 });
	toy_node(&t, "Conv", "c p", "y");
	toy_output(&t, "y");
	check_slice_times(&t, 1000000, &once);
	check_slice_times(&t, 8000, &twice);
	check_slice_times(&t, 2000, &often);
	assert_true(once < twice && twice < often);
	check(&t);
}

/* ---- the host between slices ---- */

/* CumSum, TopK and integers: before, between and after what the device does; with less of a lease, too. */
static void host_steps(void **state)
{
	struct toy t;

	toy_init(&t, 13);
	toy_input(&t, "x", HOSTOP_F32, DIMS(4, 64));
	toy_weights(&t, "w", 0.3, DIMS(64, 48));
	toy_weights(&t, "w2", 0.3, DIMS(48, 32));
	toy_ints(&t, "axis", 1, (int64_t []){ 1 });
	toy_scalar(&t, "half", 0.5);
	toy_node(&t, "CumSum", "x axis", "a");
	toy_node(&t, "Mul", "a half", "ah");
	toy_node(&t, "MatMul", "ah w", "b");
	toy_node(&t, "Relu", "b", "br");
	toy_node(&t, "CumSum", "br axis", "c");
	toy_attr_int(&t, "reverse", 1);
	toy_node(&t, "Add", "c br", "d");
	toy_node(&t, "MatMul", "d w2", "e");
	toy_node(&t, "ArgMax", "e", "indices");
	toy_node(&t, "Greater", "e half", "g");
	toy_output(&t, "indices");
	toy_output(&t, "e");
	toy_output(&t, "g");
	assert_true(check_leases(&t, "tiny") == 0);
	check(&t);
}

/* Convolutions and a pool over three spatial dimensions on the host, between what the device does. */
static void volumes(void **state)
{
	struct toy t;

	toy_init(&t, 13);
	toy_input(&t, "x", HOSTOP_F32, DIMS(2, 3, 5, 7, 6));
	toy_weights(&t, "w", 0.3, DIMS(8, 3, 3, 3, 2));
	toy_weights(&t, "v", 0.3, DIMS(8, 4, 2, 2, 2));
	toy_weights(&t, "b", 0.3, DIMS(8));
	toy_weights(&t, "s", 0.3, DIMS(8, 1, 1, 1));
	toy_node(&t, "Conv", "x w b", "a");
	toy_attr_ints(&t, "pads", 6, (int64_t []){ 1, 1, 0, 1, 1, 1 });
	toy_attr_ints(&t, "strides", 3, (int64_t []){ 1, 2, 1 });
	toy_node(&t, "Mul", "a s", "c");
	toy_node(&t, "Relu", "c", "d");
	toy_node(&t, "MaxPool", "d", "e");
	toy_attr_ints(&t, "kernel_shape", 3, (int64_t []){ 2, 2, 2 });
	toy_node(&t, "Add", "e e", "f");
	toy_node(&t, "ConvTranspose", "f v", "g");
	toy_attr_ints(&t, "strides", 3, (int64_t []){ 2, 1, 2 });
	toy_node(&t, "Sigmoid", "g", "y");
	toy_output(&t, "y");
	check(&t);
}

/* Nothing for the device at all; an input and an output that it has no type for. */
static void host_only(void **state)
{
	struct toy t;

	toy_init(&t, 13);
	toy_input(&t, "x", HOSTOP_BOOL, DIMS(2, 3));
	toy_input(&t, "y", HOSTOP_BOOL, DIMS(2, 3));
	toy_node(&t, "And", "x y", "a");
	toy_node(&t, "Not", "a", "b");
	toy_output(&t, "b");
	toy_output(&t, "a");
	check(&t);
}

/* Bits flipped in the sections of host steps: refused, or steps that stay inside the I/O region. */
static void host_steps_damaged(void **state)
{
	struct loomc_options o = { .caps = caps_of("tiny") };
	unsigned int opened = 0, ran = 0;
	struct loomc_result r;
	uint32_t seed = 3;
	struct toy t;
	size_t size;
	const void *onnx;

	toy_init(&t, 13);
	toy_input(&t, "x", HOSTOP_F32, DIMS(4, 64));
	toy_ints(&t, "axis", 1, (int64_t []){ 1 });
	toy_node(&t, "CumSum", "x axis", "a");
	toy_node(&t, "ArgMax", "a", "b");
	toy_attr_int(&t, "axis", 1);
	toy_node(&t, "Cast", "b", "c");
	toy_attr_int(&t, "to", HOSTOP_F64);
	toy_output(&t, "c");
	onnx = toy_pack(&t, &size);
	compile_or_fail(onnx, size, &o, &r);
	for (int round = 0; round < 3000; round++) {
		const Elf64_Ehdr *ehdr = r.file;
		char *copy = malloc(r.size);
		const Elf64_Shdr *host;
		struct loom_model *model;

		memcpy(copy, r.file, r.size);
		host = (Elf64_Shdr *)(copy + ehdr->e_shoff) + ehdr->e_shnum - 4 + round % 3;
		for (int flips = 1 + round % 2; flips; flips--) {
			seed = seed * 1664525u + 1013904223u;
			copy[host->sh_offset + (seed >> 8) % host->sh_size] ^= (char)(1u << (seed >> 4 & 7));
		}
		if (!loom_model_open_memory(copy, r.size, &model)) {
			void *io = calloc(1, loom_model_info(model)->io_bytes);

			opened++;
			for (unsigned int i = 0; i < loom_model_info(model)->num_host_steps; i++)
				ran += !loom_model_run_host_step(model, i, io);
			free(io);
			loom_model_close(model);
		}
		free(copy);
	}
	assert_true(opened > 100 && opened < 3000 && ran > 100);
	loomc_result_free(&r);
	toy_free(&t);
}

/* Without weights the file is small, and the device takes the same time over it. */
static void timing_only(void **state)
{
	struct loomc_options o = { .caps = caps_of("tiny") };
	struct loomc_result full, none;
	uint64_t end_full, end_none;
	char error[256];
	struct toy t;
	size_t size;
	const void *onnx;

	toy_init(&t, 13);
	toy_input(&t, "x", HOSTOP_F32, DIMS(4, 1000));
	toy_weights(&t, "w", 0.1, DIMS(1000, 500));
	toy_node(&t, "MatMul", "x w", "y");
	toy_output(&t, "y");
	onnx = toy_pack(&t, &size);
	compile_or_fail(onnx, size, &o, &full);
	o.timing_only = true;
	compile_or_fail(onnx, size, &o, &none);
	assert_true(full.size > 1000 * 500 * 2);
	assert_true(none.size < full.size - 1000 * 500 * 2 + 4096);
	if (run_device_time("sim:tiny,functional=off", full.file, full.size, &end_full, error, sizeof(error)) ||
	    run_device_time("sim:tiny,functional=off", none.file, none.size, &end_none, error, sizeof(error)))
		fail_msg("%s", error);
	assert_true(end_full > 1000 * 500 * 2);	/* a byte a ns over the tiny device's DRAM */
	assert_int_equal(end_full, end_none);
	loomc_result_free(&full);
	loomc_result_free(&none);
	toy_free(&t);
}

static void io_toy(struct toy *t)
{
	toy_init(t, 13);
	toy_input(t, "x", HOSTOP_F32, DIMS(4, 1000));
	toy_weights(t, "w", 0.1, DIMS(1000, 500));
	toy_node(t, "MatMul", "x w", "y");
	toy_output(t, "y");
}

static uint64_t dma_of(const struct loomc_result *r)
{
	struct loom_model *model;
	uint64_t bytes = 0;

	if (loom_model_open_memory(r->file, r->size, &model))
		fail_msg("%s", loom_error());
	for (unsigned int i = 0; loom_model_slice(model, i); i++)
		bytes += loom_model_slice(model, i)->dma_bytes;
	loom_model_close(model);
	return bytes;
}

/* Nothing but weights moves, and the lease keeps room for both ends; it cannot be taken for the real thing. */
static void resident(void **state)
{
	struct loomc_options o = { .caps = caps_of("tiny"), .timing_only = true };
	struct loomc_result moved, stays;
	uint64_t end_moved, end_stays;
	char error[256];
	struct toy t;
	size_t size;
	const void *onnx;

	io_toy(&t);
	onnx = toy_pack(&t, &size);
	compile_or_fail(onnx, size, &o, &moved);
	o.resident = true;
	compile_or_fail(onnx, size, &o, &stays);
	assert_int_equal(dma_of(&moved), 4 * (4 * 1000 + 4 * 500));
	assert_int_equal(dma_of(&stays), 0);
	assert_true(lease_of(&stays) >= lease_of(&moved));
	if (run_device_time("sim:tiny,functional=off", moved.file, moved.size, &end_moved, error, sizeof(error)) ||
	    run_device_time("sim:tiny,functional=off", stays.file, stays.size, &end_stays, error, sizeof(error)))
		fail_msg("%s", error);
	assert_true(end_stays < end_moved);
	assert_int_equal(run_device_time("sim:tiny", stays.file, stays.size, &end_stays, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "--resident"));
	loomc_result_free(&moved);
	loomc_result_free(&stays);
	o.timing_only = false;
	expect_error(&t, &o, "timing only");
	toy_free(&t);
}

/* Half the bytes, and the numbers are those of fp32 ports as far as halves go. */
static void io_f16(void **state)
{
	struct loomc_options o = { .caps = caps_of("tiny") };
	struct loomc_tensor in[8] = { 0 }, half = { "x", { .dtype = HOSTOP_F16 } }, got, out, *want;
	struct loomc_result r;
	unsigned int num;
	struct toy t;
	size_t size;
	const void *onnx;

	io_toy(&t);
	onnx = toy_pack(&t, &size);
	o.num_values = make_inputs(&t, in);
	o.values = in;
	if (loomc_evaluate(onnx, size, &o, &r, &want, &num))
		fail_msg("%s", r.error);
	o.num_values = 0;
	o.io_f16 = true;
	compile_or_fail(onnx, size, &o, &r);
	assert_int_equal(dma_of(&r), 2 * (4 * 1000 + 4 * 500));
	half.t = in[0].t;
	half.t.dtype = HOSTOP_F16;
	half.t.data = NULL;
	out = want[0];
	out.t.dtype = HOSTOP_F16;
	assert_int_equal(hostop_alloc(&half.t), 0);
	for (size_t e = 0; e < half.t.count; e++)
		hostop_set(&half.t, e, hostop_get(&in[0].t, e));
	run("tiny", &r, &half, 1, &got, &out, 1);
	assert_close(&got.t, &want[0].t);
	hostop_free(&got.t);
	hostop_free(&half.t);
	hostop_free(&in[0].t);
	loomc_tensors_free(want, num);
	loomc_result_free(&r);
	toy_free(&t);
}

static void error_unsupported(void **state)
{
	struct loomc_options o = { .caps = caps_of("tiny") };
	struct toy t;

	toy_init(&t, 13);
	toy_input(&t, "x", HOSTOP_F32, DIMS(2, 3));
	toy_node(&t, "ConvFoo", "x", "y");
	toy_output(&t, "y");
	expect_error(&t, &o, "node 'y' (ConvFoo): operator is not supported");
	toy_free(&t);
	toy_init(&t, 13);
	toy_input(&t, "x", HOSTOP_F32, DIMS(2, 3));
	toy_node(&t, "CumSum", "x axis", "y");
	toy_ints(&t, "axis", 1, (int64_t []){ 0 });
	toy_output(&t, "y");
	o.device_only = true;
	expect_error(&t, &o, "node 'y' (CumSum): operator is not supported on the device");
	toy_free(&t);
}

static void error_dynamic(void **state)
{
	struct loomc_setting shape = { "x", "1,3,8,8" };
	struct loomc_options o = { .caps = caps_of("tiny") };
	struct loomc_result r;
	struct toy t;
	size_t size;
	const void *onnx;

	toy_init(&t, 13);
	toy_input(&t, "x", HOSTOP_F32, DIMS(-1, 3, -1, 8));
	toy_node(&t, "Relu", "x", "y");
	toy_output(&t, "y");
	expect_error(&t, &o, "input 'x' has dynamic dimensions; fix them with --shape x=N,3,N,8");
	o.shapes = &shape;
	o.num_shapes = 1;
	onnx = toy_pack(&t, &size);
	compile_or_fail(onnx, size, &o, &r);
	loomc_result_free(&r);
	shape.value = "1,4,8,8";
	expect_error(&t, &o, "dimension 1 of the model's input is 3");
	shape.value = "1,3,8";
	expect_error(&t, &o, "the input has 4 dimensions");
	shape.value = "1,3,-8,8";
	expect_error(&t, &o, "not numbers with commas between");
	shape.name = "z";
	expect_error(&t, &o, "the model has no input 'z'");
	toy_free(&t);
}

static void error_shapes(void **state)
{
	struct loomc_options o = { .caps = caps_of("tiny") };
	struct toy t;

	toy_init(&t, 13);
	toy_input(&t, "x", HOSTOP_F32, DIMS(2, 3));
	toy_weights(&t, "w", 1, DIMS(4, 5));
	toy_node(&t, "MatMul", "x w", "y");
	toy_output(&t, "y");
	expect_error(&t, &o, "node 'y' (MatMul): 3 columns times 4 rows");
	t.graph.initializer[0]->raw_data.len--;
	expect_error(&t, &o, "tensor 'w' has 79 bytes of data, its shape needs 80");
	toy_free(&t);
	toy_init(&t, 13);
	toy_input(&t, "x", HOSTOP_F32, DIMS(2, 3));
	toy_node(&t, "Relu", "z", "y");
	toy_output(&t, "y");
	expect_error(&t, &o, "node 'y' (Relu): reads 'z', which nothing before it makes");
	toy_free(&t);
}

static void error_too_large(void **state)
{
	struct loomc_options o = { .caps = caps_of("tiny") };
	struct toy t;

	toy_init(&t, 13);
	toy_input(&t, "x", HOSTOP_F32, DIMS(1, 1 << 20));
	toy_node(&t, "Softmax", "x", "y");	/* one line, which nothing can cut */
	toy_output(&t, "y");
	expect_error(&t, &o, "of activation SRAM");
	toy_free(&t);
}

/* ---- damaged files ---- */

static const void *damage_subject(struct toy *t, size_t *size)
{
	toy_init(t, 13);
	toy_input(t, "x", HOSTOP_F32, DIMS(1, 3, 6, 6));
	toy_weights(t, "w", 0.5, DIMS(4, 3, 3, 3));
	toy_weights(t, "w2", 0.5, DIMS(4, 2));
	toy_ints(t, "shape", 2, (int64_t []){ -1, 4 });
	toy_ints(t, "starts", 1, (int64_t []){ 0 });
	toy_ints(t, "ends", 1, (int64_t []){ 2 });
	toy_node(t, "Conv", "x w", "c");
	toy_attr_ints(t, "pads", 4, (int64_t []){ 1, 1, 0, 0 });
	toy_node(t, "Relu", "c", "r");
	toy_node(t, "MaxPool", "r", "p");
	toy_attr_ints(t, "kernel_shape", 2, (int64_t []){ 2, 2 });
	toy_node(t, "Reshape", "p shape", "s");
	toy_node(t, "MatMul", "s w2", "m");
	toy_node(t, "Slice", "m starts ends", "sl");
	toy_node(t, "Softmax", "sl", "y");
	toy_output(t, "y");
	return toy_pack(t, size);
}

/* Whatever is in the file: an error in words, or a file that the loader takes. */
static void compile_damaged(const void *onnx, size_t size)
{
	struct loomc_options o = { .caps = caps_of("tiny") };
	struct loomc_result r;

	if (loomc_compile(onnx, size, &o, &r))
		assert_true(strlen(r.error) > 8);
	else
		assert_non_null(r.file);
	loomc_result_free(&r);
}

static void truncated(void **state)
{
	struct toy t;
	size_t size;
	const void *onnx = damage_subject(&t, &size);

	for (size_t n = 0; n < size; n++) {
		void *part = malloc(n ? n : 1);

		memcpy(part, onnx, n);
		compile_damaged(part, n);
		free(part);
	}
	toy_free(&t);
}

static void bits_flipped(void **state)
{
	struct toy t;
	size_t size;
	const unsigned char *onnx = damage_subject(&t, &size);
	unsigned char *copy = malloc(size);
	uint32_t seed = 42;

	for (int round = 0; round < 4000; round++) {
		memcpy(copy, onnx, size);
		for (int flips = 1 + round % 3; flips; flips--) {
			seed = seed * 1664525u + 1013904223u;
			copy[(seed >> 8) % size] ^= (unsigned char)(1u << (seed >> 4 & 7));
		}
		compile_damaged(copy, size);
	}
	free(copy);
	toy_free(&t);
}

/* A pile of subgraphs must not exhaust the stack. */
static void nested_deeply(void **state)
{
	size_t depth = 20000, size = 0;
	unsigned char *data = malloc(depth * 16), *piece = malloc(depth * 16);

	/* from the inside out: graph.node.attribute.g, each a field and a length before what is inside */
	for (size_t i = 0; i < depth; i++) {
		static const unsigned char tags[] = { 0x32, 0x2a, 0x0a };
		size_t n = 0, left = size;

		piece[n++] = i + 1 == depth ? 0x3a : tags[i % 3];
		do {
			piece[n++] = (unsigned char)(left & 0x7f) | (left > 0x7f ? 0x80 : 0);
			left >>= 7;
		} while (left);
		memmove(data + n, data, size);
		memcpy(data, piece, n);
		size += n;
	}
	compile_damaged(data, size);
	free(data);
	free(piece);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conv_batchnorm_relu),
		cmocka_unit_test(residual_block),
		cmocka_unit_test(depthwise_and_groups),
		cmocka_unit_test(hardswish_excite),
		cmocka_unit_test(upsample_concat),
		cmocka_unit_test(transposed_phases),
		cmocka_unit_test(masked),
		cmocka_unit_test(transformer_block),
		cmocka_unit_test(strided_and_cache),
		cmocka_unit_test(gather_rows),
		cmocka_unit_test(gemm_and_reductions),
		cmocka_unit_test(dynamic_quantisation),
		cmocka_unit_test(if_with_bound_condition),
		cmocka_unit_test(spilled_images),
		cmocka_unit_test(spilled_attention),
		cmocka_unit_test(long_layers),
		cmocka_unit_test(host_steps),
		cmocka_unit_test(volumes),
		cmocka_unit_test(host_only),
		cmocka_unit_test(host_steps_damaged),
		cmocka_unit_test(timing_only),
		cmocka_unit_test(resident),
		cmocka_unit_test(io_f16),
		cmocka_unit_test(error_unsupported),
		cmocka_unit_test(error_dynamic),
		cmocka_unit_test(error_shapes),
		cmocka_unit_test(error_too_large),
		cmocka_unit_test(truncated),
		cmocka_unit_test(bits_flipped),
		cmocka_unit_test(nested_deeply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
