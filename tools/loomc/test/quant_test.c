// SPDX-License-Identifier: MIT
/*
 * 8-bit graphs: compiled, run on the device model, held against hostops, which computes what the
 * ONNX graph says one operator at a time in fp32.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loom_sim.h"
#include "run_device.h"
#include "toy.h"

#define SAMPLES 4

static struct loom_hw_caps caps_of(const char *preset)
{
	struct loom_sim_config config;

	assert_true(loom_sim_preset(&config, preset));
	return config.caps;
}

static unsigned int make_inputs(const struct toy *t, struct loomc_tensor *in, uint32_t seed)
{
	for (size_t i = 0; i < t->graph.n_input; i++) {
		const Onnx__TensorShapeProto *shape = t->graph.input[i]->type->tensor_type->shape;
		int64_t dims[HOSTOP_MAX_DIMS];

		for (size_t d = 0; d < shape->n_dim; d++)
			dims[d] = shape->dim[d]->dim_value;
		in[i].name = t->graph.input[i]->name;
		assert_int_equal(hostop_shape(&in[i].t, HOSTOP_F32, (unsigned int)shape->n_dim, dims), 0);
		assert_int_equal(hostop_alloc(&in[i].t), 0);
		for (size_t e = 0; e < in[i].t.count; e++)
			hostop_set(&in[i].t, e, toy_random(&seed));
	}
	return (unsigned int)t->graph.n_input;
}

static void free_tensors(struct loomc_tensor *t, unsigned int num)
{
	for (unsigned int i = 0; i < num; i++)
		hostop_free(&t[i].t);
}

/* Compiles and runs; the first output, to be freed. */
static struct hostop_tensor run(const void *onnx, size_t size, const struct loomc_options *o,
				const struct loomc_tensor *in, unsigned int num_in,
				const struct loomc_tensor *like, struct loomc_result *r)
{
	struct loomc_tensor got = *like;
	char error[256];

	got.t.data = NULL;
	if (loomc_compile(onnx, size, o, r))
		fail_msg("%s", r->error);
	if (run_device("sim:tiny", r->file, r->size, in, num_in, &got, 1, error, sizeof(error)))
		fail_msg("%s", error);
	return got.t;
}

static struct loomc_tensor *evaluate(const void *onnx, size_t size, const struct loomc_tensor *in,
				     unsigned int num_in)
{
	struct loomc_options o = { .values = in, .num_values = num_in };
	struct loomc_tensor *out;
	struct loomc_result r;
	unsigned int num;

	if (loomc_evaluate(onnx, size, &o, &r, &out, &num))
		fail_msg("%s", r.error);
	assert_int_equal(num, 1);
	return out;
}

static bool uses(const struct loomc_result *r, const char *command)
{
	char text[64];

	snprintf(text, sizeof(text), "\"command\": \"%s\"", command);
	return strstr(r->report, text);
}

/* The same bytes whole, in tiny slices and in a lease that makes the compiler cut commands. */
static void check_ways(const void *onnx, size_t size, const struct loomc_options *base,
		       const struct loomc_tensor *in, unsigned int num_in,
		       const struct loomc_tensor *like, const struct hostop_tensor *wanted)
{
	for (int way = 0; way < 3; way++) {
		struct loomc_options o = *base;
		struct hostop_tensor got;
		struct loomc_result r;

		o.no_slice = way == 0;
		o.slice_bytes = way == 1 ? 300 : 0;
		o.lease_bytes = way == 2 ? 8192 : 0;
		got = run(onnx, size, &o, in, num_in, like, &r);
		assert_memory_equal(got.data, wanted->data, hostop_bytes(wanted));
		hostop_free(&got);
		loomc_result_free(&r);
	}
}

/* ---- graphs that are quantised already ---- */

static unsigned int names;

/* x -> QuantizeLinear -> DequantizeLinear: the name of what comes out. */
static const char *qdq(struct toy *t, const char *x, float scale, int zero)
{
	static char name[32][32];
	char *out = name[names++ % 32], s[32], z[32], q[32], in[100];

	snprintf(out, 32, "d%u", names);
	snprintf(s, sizeof(s), "s%u", names);
	snprintf(z, sizeof(z), "z%u", names);
	snprintf(q, sizeof(q), "q%u", names);
	toy_scalar(t, s, scale);
	toy_byte(t, z, HOSTOP_U8, zero);
	snprintf(in, sizeof(in), "%s %s %s", x, s, z);
	toy_node(t, "QuantizeLinear", in, q);
	snprintf(in, sizeof(in), "%s %s %s", q, s, z);
	toy_node(t, "DequantizeLinear", in, out);
	return out;
}

/* 8-bit weights, a scale for each of `channels`. */
static void weights(struct toy *t, const char *name, enum hostop_dtype dtype, int axis, size_t channels,
		    size_t rank, const int64_t *dims)
{
	float scale[64];
	char s[40], q[40], in[100];

	snprintf(s, sizeof(s), "%s_scale", name);
	snprintf(q, sizeof(q), "%s_q", name);
	for (size_t i = 0; i < channels; i++)
		scale[i] = 0.002f + 0.0001f * (float)i;
	toy_floats(t, s, channels, scale);
	toy_integers(t, q, dtype, rank, dims);
	snprintf(in, sizeof(in), "%s %s", q, s);
	toy_node(t, "DequantizeLinear", in, name);
	toy_attr_int(t, "axis", axis);
}

/*
 * The last value was quantised with this step: device and hostops may differ by one, where a sum of
 * floats falls on the other side of a half, in at most this many of a thousand elements.
 */
static void check_qdq(struct toy *t, const char *out, float step, unsigned int per_mille,
		      const char *command)
{
	struct loomc_options o = { .caps = caps_of("tiny") };
	struct loomc_tensor in[4] = { 0 }, *want;
	unsigned int num_in = make_inputs(t, in, 7), off = 0;
	struct hostop_tensor got;
	struct loomc_result r;
	const void *onnx;
	size_t size;

	toy_output(t, out);
	onnx = toy_pack(t, &size);
	want = evaluate(onnx, size, in, num_in);
	got = run(onnx, size, &o, in, num_in, want, &r);
	if (!uses(&r, command) || (uses(&r, "CONV") || uses(&r, "MATMUL") || uses(&r, "BINARY")))
		fail_msg("%s: not on the 8-bit commands:\n%s", command, r.report);
	for (size_t i = 0; i < got.count; i++) {
		double error = fabs(hostop_get(&got, i) - hostop_get(&want->t, i));

		if (error > 1.001 * (double)step)
			fail_msg("%s: element %zu is %g, not %g", command, i, hostop_get(&got, i),
				 hostop_get(&want->t, i));
		off += error > 0.001 * (double)step;
	}
	if (off * 1000 > got.count * per_mille)
		fail_msg("%s: %u of %zu elements are off by one", command, off, got.count);
	check_ways(onnx, size, &o, in, num_in, want, &got);
	loomc_result_free(&r);
	hostop_free(&got);
	free_tensors(in, num_in);
	loomc_tensors_free(want, 1);
	toy_free(t);
}

static void begin(struct toy *t, size_t rank, const int64_t *dims)
{
	toy_init(t, 13);
	toy_input(t, "x", HOSTOP_F32, rank, dims);
}

static void node2(struct toy *t, const char *op, const char *a, const char *b, const char *out)
{
	char in[100];

	snprintf(in, sizeof(in), "%s %s", a, b);
	toy_node(t, op, in, out);
}

static void qdq_conv(void **state)
{
	for (int i = 0; i < 4; i++) {
		static const char *const acts[] = { NULL, "Relu", "Sigmoid", "HardSwish" };
		int64_t group = i == 3 ? 12 : i == 2 ? 3 : 1;
		struct toy t;

		begin(&t, DIMS(2, 12, 9, 8));
		t.opset.version = 14;
		weights(&t, "w", i % 2 ? HOSTOP_U8 : HOSTOP_I8, 0, 24 >> (i == 3), DIMS(24 >> (i == 3), 12 / group, 3, 3));
		node2(&t, "Conv", qdq(&t, "x", 1 / 100.0f, 101), "w", "c");
		toy_attr_ints(&t, "pads", 4, (int64_t []){ 1, 1, 1, 1 });
		toy_attr_ints(&t, "strides", 2, (int64_t []){ 2, 1 });
		toy_attr_int(&t, "group", group);
		if (acts[i])
			toy_node(&t, acts[i], "c", "a");
		check_qdq(&t, qdq(&t, acts[i] ? "a" : "c", 0.01f, i ? 3 : 128), 0.01f, 20,
			  i == 3 ? "QDWCONV" : "QCONV");
	}
}

/* An int32 bias of the product's scale, and one of another. */
static void qdq_bias(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct toy t;

		begin(&t, DIMS(1, 6, 7, 7));
		weights(&t, "w", HOSTOP_I8, 0, 5, DIMS(5, 6, 1, 1));
		toy_integers(&t, "bias_q", HOSTOP_I32, DIMS(5));
		toy_floats(&t, "bias_s", 5, i ? (const float []){ 1e-4f, 1e-4f, 1e-4f, 1e-4f, 1e-4f } :
			   (const float []){ 0.01f * 0.002f, 0.01f * 0.0021f, 0.01f * 0.0022f,
					     0.01f * 0.0023f, 0.01f * 0.0024f });
		toy_node(&t, "DequantizeLinear", "bias_q bias_s", "b");
		toy_attr_int(&t, "axis", 0);
		node2(&t, "Conv", qdq(&t, "x", 0.01f, 120), "w b", "c");
		check_qdq(&t, qdq(&t, "c", 0.008f, 90), 0.008f, 20, "QCONV");
	}
}

static void qdq_gemm(void **state)
{
	struct toy t;

	begin(&t, DIMS(5, 40));
	weights(&t, "w", HOSTOP_I8, 0, 30, DIMS(30, 40));
	toy_weights(&t, "b", 0.5, DIMS(30));
	node2(&t, "Gemm", qdq(&t, "x", 0.01f, 128), "w b", "y");
	toy_attr_int(&t, "transB", 1);
	toy_node(&t, "Relu", "y", "r");
	check_qdq(&t, qdq(&t, "r", 0.02f, 0), 0.02f, 20, "QCONV");
}

static void qdq_matmul(void **state)
{
	const char *a, *b;
	struct toy t;

	begin(&t, DIMS(2, 3, 10, 12));
	a = qdq(&t, "x", 0.01f, 128);
	toy_node(&t, "Transpose", a, "k");
	toy_attr_ints(&t, "perm", 4, (int64_t []){ 0, 1, 3, 2 });
	b = qdq(&t, "k", 0.011f, 100);
	node2(&t, "MatMul", a, b, "y");
	check_qdq(&t, qdq(&t, "y", 0.05f, 60), 0.05f, 20, "QMATMUL");
}

/* Elementwise there is one way to round: to the bit. */
static void qdq_binary(void **state)
{
	static const char *const ops[] = { "Add", "Sub", "Mul" };
	struct toy t;

	for (int i = 0; i < 3; i++) {
		begin(&t, DIMS(2, 5, 6, 7));
		toy_input(&t, "z", HOSTOP_F32, DIMS(5, 1, 1));
		node2(&t, ops[i], qdq(&t, "x", 0.01f, 128), qdq(&t, "z", 0.0077f, 130), "y");
		toy_node(&t, "Relu", "y", "r");
		check_qdq(&t, qdq(&t, "r", 0.009f, 7), 0.009f, 0, "QBINARY");
	}
}

static void qdq_pools(void **state)
{
	struct toy t;

	begin(&t, DIMS(2, 5, 9, 8));
	toy_node(&t, "AveragePool", qdq(&t, "x", 0.01f, 128), "y");
	toy_attr_ints(&t, "kernel_shape", 2, (int64_t []){ 3, 3 });
	toy_attr_ints(&t, "pads", 4, (int64_t []){ 1, 1, 1, 1 });
	check_qdq(&t, qdq(&t, "y", 0.007f, 128), 0.007f, 20, "QPOOL");
	begin(&t, DIMS(2, 5, 9, 8));
	toy_node(&t, "GlobalAveragePool", qdq(&t, "x", 0.01f, 128), "y");
	check_qdq(&t, qdq(&t, "y", 0.002f, 128), 0.002f, 100, "QPOOL");
	begin(&t, DIMS(2, 5, 9, 8));
	toy_node(&t, "MaxPool", qdq(&t, "x", 0.01f, 128), "y");
	toy_attr_ints(&t, "kernel_shape", 2, (int64_t []){ 2, 3 });
	check_qdq(&t, qdq(&t, "y", 0.01f, 128), 0.01f, 0, "QPOOL");
}

/* Moved numbers stay 8-bit; parts of other scales are converted once. */
static void qdq_moves(void **state)
{
	const char *a, *b;
	struct toy t;

	begin(&t, DIMS(2, 6, 4, 5));
	toy_ints(&t, "shape", 3, (int64_t []){ 2, 6, 20 });
	a = qdq(&t, "x", 0.01f, 128);
	toy_node(&t, "Relu", a, "r");
	b = qdq(&t, "r", 0.004f, 0);
	node2(&t, "Concat", a, b, "c");
	toy_attr_int(&t, "axis", 0);
	toy_node(&t, "Transpose", "c", "t");
	toy_attr_ints(&t, "perm", 4, (int64_t []){ 1, 0, 3, 2 });
	check_qdq(&t, qdq(&t, "t", 0.0102f, 120), 0.0102f, 0, "QUANT");
}

/* ---- float graphs, quantised by samples ---- */

static double sqnr(const struct hostop_tensor *got, const struct hostop_tensor *want)
{
	double signal = 0, noise = 1e-30;

	for (size_t i = 0; i < want->count; i++) {
		signal += pow(hostop_get(want, i), 2);
		noise += pow(hostop_get(got, i) - hostop_get(want, i), 2);
	}
	return 10 * log10(signal / noise);
}

static unsigned int half_convolutions(const struct loomc_result *r)
{
	unsigned int num = 0;

	for (unsigned int i = 0; i < r->num_accuracy; i++)
		num += !strcmp(r->accuracy[i].op, "Conv") && r->accuracy[i].bits == 16;
	return num;
}

/*
 * Against the float graph: `noise` dB. Against the graph that --emit-qdq writes, evaluated on the
 * host: 12 dB better at least. And that graph compiled again gives the same bytes.
 */
static void check_quantised(struct toy *t, double noise, double percentile, bool depthwise_fp16)
{
	struct loomc_tensor in[SAMPLES][4] = { 0 }, *want, *host;
	struct loomc_options o = { .caps = caps_of("tiny"), .quantise = true, .emit_qdq = true,
				   .num_samples = SAMPLES, .percentile = percentile,
				   .depthwise_fp16 = depthwise_fp16 }, plain;
	struct loomc_result r, again;
	struct hostop_tensor got, other;
	struct loomc_tensor flat[SAMPLES * 4];
	const void *onnx;
	size_t size;

	toy_output(t, "y");
	onnx = toy_pack(t, &size);
	for (uint32_t i = 0; i < SAMPLES; i++) {
		o.sample_inputs = make_inputs(t, in[i], 100 + i);
		memcpy(flat + i * o.sample_inputs, in[i], o.sample_inputs * sizeof(*flat));
	}
	o.samples = flat;
	want = evaluate(onnx, size, in[SAMPLES - 1], o.sample_inputs);
	got = run(onnx, size, &o, in[SAMPLES - 1], o.sample_inputs, want, &r);
	if (!(sqnr(&got, &want->t) > noise))
		fail_msg("%.1f dB against the float graph, not %.1f", sqnr(&got, &want->t), noise);
	host = evaluate(r.qdq, r.qdq_size, in[SAMPLES - 1], o.sample_inputs);
	if (!(sqnr(&got, &host->t) > noise + 12))
		fail_msg("%.1f dB against its own graph on the host", sqnr(&got, &host->t));
	assert_true(r.num_accuracy > 0);
	assert_int_equal(r.accuracy[0].bits, 8);
	assert_int_equal(half_convolutions(&r), depthwise_fp16);
	assert_true(strlen(r.accuracy[0].op) > 0);
	plain = (struct loomc_options){ .caps = o.caps };
	other = run(r.qdq, r.qdq_size, &plain, in[SAMPLES - 1], o.sample_inputs, want, &again);
	assert_memory_equal(other.data, got.data, hostop_bytes(&got));
	check_ways(r.qdq, r.qdq_size, &plain, in[SAMPLES - 1], o.sample_inputs, want, &got);
	loomc_result_free(&again);
	loomc_result_free(&r);
	hostop_free(&other);
	hostop_free(&got);
	loomc_tensors_free(want, 1);
	loomc_tensors_free(host, 1);
	for (int i = 0; i < SAMPLES; i++)
		free_tensors(in[i], o.sample_inputs);
	toy_free(t);
}

static void network(struct toy *t)
{
	begin(t, DIMS(1, 3, 16, 16));
	toy_weights(t, "w1", 0.3, DIMS(8, 3, 3, 3));
	toy_weights(t, "b1", 0.3, DIMS(8));
	toy_weights(t, "w2", 0.3, DIMS(8, 1, 3, 3));
	toy_weights(t, "w3", 0.3, DIMS(8, 8, 1, 1));
	toy_weights(t, "w4", 0.3, DIMS(20, 8));
	toy_weights(t, "b4", 0.3, DIMS(20));
	toy_node(t, "Conv", "x w1 b1", "c1");
	toy_attr_ints(t, "pads", 4, (int64_t []){ 1, 1, 1, 1 });
	toy_node(t, "Relu", "c1", "r1");
	toy_node(t, "Conv", "r1 w2", "c2");
	toy_attr_ints(t, "pads", 4, (int64_t []){ 1, 1, 1, 1 });
	toy_attr_int(t, "group", 8);
	toy_node(t, "Conv", "c2 w3", "c3");
	toy_node(t, "Add", "c3 r1", "a");
	toy_node(t, "Relu", "a", "r2");
	toy_node(t, "MaxPool", "r2", "m");
	toy_attr_ints(t, "kernel_shape", 2, (int64_t []){ 2, 2 });
	toy_attr_ints(t, "strides", 2, (int64_t []){ 2, 2 });
	toy_node(t, "Conv", "m w3", "c4");
	toy_node(t, "Concat", "c4 m", "k");
	toy_attr_int(t, "axis", 1);
	toy_weights(t, "w5", 0.3, DIMS(8, 16, 3, 3));
	toy_node(t, "Conv", "k w5", "c5");
	toy_node(t, "GlobalAveragePool", "c5", "g");
	toy_node(t, "Flatten", "g", "f");
	toy_node(t, "Gemm", "f w4 b4", "y");
	toy_attr_int(t, "transB", 1);
}

static void ptq_network(void **state)
{
	struct toy t;

	network(&t);
	check_quantised(&t, 30, 100, false);
	network(&t);
	check_quantised(&t, 25, 99.9, false);
	network(&t);
	check_quantised(&t, 30, 100, true);
}

/* Layer norm, softmax and products of activations stay floats between 8-bit products. */
static void ptq_attention(void **state)
{
	struct toy t;

	toy_init(&t, 17);
	toy_input(&t, "x", HOSTOP_F32, DIMS(1, 20, 32));
	toy_weights(&t, "wq", 0.2, DIMS(32, 32));
	toy_weights(&t, "wk", 0.2, DIMS(32, 32));
	toy_weights(&t, "wo", 0.2, DIMS(32, 32));
	toy_weights(&t, "gamma", 1, DIMS(32));
	toy_weights(&t, "beta", 1, DIMS(32));
	toy_node(&t, "LayerNormalization", "x gamma beta", "n");
	toy_node(&t, "MatMul", "n wq", "q");
	toy_node(&t, "MatMul", "n wk", "k");
	toy_node(&t, "Transpose", "k", "kt");
	toy_attr_ints(&t, "perm", 3, (int64_t []){ 0, 2, 1 });
	toy_node(&t, "MatMul", "q kt", "s");
	toy_node(&t, "Softmax", "s", "p");
	toy_attr_int(&t, "axis", -1);
	toy_node(&t, "MatMul", "p k", "v");
	toy_node(&t, "MatMul", "v wo", "o");
	toy_node(&t, "Add", "o x", "y");
	check_quantised(&t, 30, 100, false);
}

/* ---- what cannot be ---- */

static void check_error(const struct loomc_options *o, const char *words)
{
	struct loomc_result r;
	const void *onnx;
	struct toy t;
	size_t size;

	network(&t);
	toy_output(&t, "y");
	onnx = toy_pack(&t, &size);
	assert_int_equal(loomc_compile(onnx, size, o, &r), -1);
	if (!strstr(r.error, words))
		fail_msg("'%s' does not say '%s'", r.error, words);
	loomc_result_free(&r);
	toy_free(&t);
}

static void errors(void **state)
{
	struct loomc_options o = { .caps = caps_of("tiny"), .quantise = true };
	float values[768] = { 1 };
	struct loomc_tensor sample = { .name = "x" };

	check_error(&o, "--calibrate");
	o.samples = &sample;
	o.num_samples = 1;
	o.sample_inputs = 1;
	hostop_shape(&sample.t, HOSTOP_F32, DIMS(767));
	sample.t.data = values;
	check_error(&o, "has 767 elements, the input 768");
	hostop_shape(&sample.t, HOSTOP_F32, DIMS(768));
	sample.t.data = values;
	values[3] = NAN;
	check_error(&o, "not finite");
	sample.name = "z";
	check_error(&o, "no sample of input 'x'");
	sample.name = "x";
	values[3] = 0;
	o.caps.flags &= ~LOOM_CAP_INT8;
	check_error(&o, "no 8-bit commands");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qdq_conv),
		cmocka_unit_test(qdq_bias),
		cmocka_unit_test(qdq_gemm),
		cmocka_unit_test(qdq_matmul),
		cmocka_unit_test(qdq_binary),
		cmocka_unit_test(qdq_pools),
		cmocka_unit_test(qdq_moves),
		cmocka_unit_test(ptq_network),
		cmocka_unit_test(ptq_attention),
		cmocka_unit_test(errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
