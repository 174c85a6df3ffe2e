// SPDX-License-Identifier: MIT
/* Graphs that no exporter should write: each is refused, and the message names what is wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "loom_sim.h"
#include "toy.h"

static int setup(void **state)
{
	static struct toy t;

	toy_init(&t, 13);
	toy_input(&t, "x", HOSTOP_F32, DIMS(1, 4));
	*state = &t;
	return 0;
}

static int teardown(void **state)
{
	toy_free(*state);
	return 0;
}

/* 0, or -1 and the message. The output is y. */
static int compile(struct toy *t, struct loomc_result *r)
{
	struct loomc_options o = { 0 };
	struct loom_sim_config config;
	const void *onnx;
	size_t size;

	assert_true(loom_sim_preset(&config, "tiny"));
	o.caps = config.caps;
	toy_output(t, "y");
	onnx = toy_pack(t, &size);
	return loomc_compile(onnx, size, &o, r);
}

static void refused(struct toy *t, const char *what)
{
	struct loomc_result r;

	assert_int_equal(compile(t, &r), -1);
	if (!strstr(r.error, what))
		fail_msg("'%s' does not say '%s'", r.error, what);
	loomc_result_free(&r);
}

/* ---- names ---- */

static void made_twice(void **state)
{
	toy_node(*state, "Relu", "x", "y");
	toy_node(*state, "Neg", "x", "y");
	refused(*state, "two values have the name 'y'");
}

static void twice_by_one_node(void **state)
{
	toy_node(*state, "Split", "x", "y y");
	refused(*state, "two values have the name 'y'");
}

static void input_made_again(void **state)
{
	toy_node(*state, "Relu", "x", "x");
	toy_node(*state, "Neg", "x", "y");
	refused(*state, "two values have the name 'x'");
}

static void weights_made_again(void **state)
{
	toy_weights(*state, "w", 1, DIMS(1, 4));
	toy_node(*state, "Relu", "x", "w");
	toy_node(*state, "Add", "x w", "y");
	refused(*state, "two values have the name 'w'");
}

static void two_inputs_of_a_name(void **state)
{
	toy_input(*state, "x", HOSTOP_F32, DIMS(1, 5));
	toy_node(*state, "Relu", "x", "y");
	refused(*state, "two values have the name 'x'");
}

static void output_listed_twice(void **state)
{
	toy_node(*state, "Relu", "x", "y");
	toy_output(*state, "y");
	refused(*state, "output 'y' is listed twice");
}

/* ---- edges ---- */

static void cycle(void **state)
{
	toy_node(*state, "Add", "x b", "a");
	toy_node(*state, "Relu", "a", "b");
	toy_node(*state, "Neg", "b", "y");
	refused(*state, "node 'a' (Add): reads 'b', which nothing before it makes");
}

static void not_in_order(void **state)
{
	toy_node(*state, "Neg", "a", "y");
	toy_node(*state, "Relu", "x", "a");
	refused(*state, "reads 'a', which nothing before it makes");
}

/* ---- types and indices ---- */

static void mixed_types(void **state)
{
	toy_ints(*state, "w", 4, (int64_t []){ 1, 2, 3, 4 });
	toy_node(*state, "Add", "x w", "y");
	refused(*state, "node 'y' (Add): operands of the types float and int64");
}

/* Nothing would look at it again: the device copies what lies there. */
static void index_out_of_range(void **state)
{
	toy_ints(*state, "i", 1, (int64_t []){ 99 });
	toy_node(*state, "Gather", "x i", "y");
	toy_attr_int(*state, "axis", 1);
	refused(*state, "node 'y' (Gather): index 99 into a dimension of 4");
}

static void external_data(void **state)
{
	Onnx__StringStringEntryProto entry = ONNX__STRING_STRING_ENTRY_PROTO__INIT, *entries[] = { &entry };
	struct toy *t = *state;

	entry.key = "location";
	entry.value = "../../../../etc/passwd";
	toy_weights(t, "w", 1, DIMS(1, 4));
	t->graph.initializer[0]->n_external_data = 1;
	t->graph.initializer[0]->external_data = entries;
	toy_node(t, "Add", "x w", "y");
	refused(t, "tensor 'w' keeps its data in another file");
}

static void too_many_bytes(void **state)
{
	toy_ints(*state, "n", 1, (int64_t []){ 4000000000 });
	toy_node(*state, "ConstantOfShape", "n", "c");
	toy_node(*state, "ReduceSum", "c", "s");
	toy_node(*state, "Add", "x s", "y");
	refused(*state, "node 'c' (ConstantOfShape): output 0 would have 16000000000 bytes");
}

/* ---- empty tensors ---- */

static void nothing_beside_something(void **state)
{
	struct loomc_result r;

	toy_ints(*state, "two", 1, (int64_t []){ 2 });
	toy_ints(*state, "one", 1, (int64_t []){ 1 });
	toy_node(*state, "Slice", "x two two one", "none");
	toy_node(*state, "Concat", "none x", "y");
	toy_attr_int(*state, "axis", 1);
	if (compile(*state, &r))
		fail_msg("%s", r.error);
	loomc_result_free(&r);
}

static void nothing_at_all(void **state)
{
	toy_ints(*state, "two", 1, (int64_t []){ 2 });
	toy_ints(*state, "one", 1, (int64_t []){ 1 });
	toy_node(*state, "Slice", "x two two one", "y");
	refused(*state, "none with elements");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(made_twice),
		TEST(twice_by_one_node),
		TEST(input_made_again),
		TEST(weights_made_again),
		TEST(two_inputs_of_a_name),
		TEST(output_listed_twice),
		TEST(cycle),
		TEST(not_in_order),
		TEST(mixed_types),
		TEST(index_out_of_range),
		TEST(external_data),
		TEST(too_many_bytes),
		TEST(nothing_beside_something),
		TEST(nothing_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
