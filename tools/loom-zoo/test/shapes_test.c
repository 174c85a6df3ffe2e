// SPDX-License-Identifier: MIT
/*
 * The shapes that loom-zoo states in a file are those that the operators make of each other: loomc reads
 * the file and infers them anew. Networks larger than a gigabyte with LONG=1 only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "passes.h"
#include "zoo.h"

#include <cmocka.h>	/* after the others: it has a macro named fail */

#define MANY_PARAMS 200e6

static char *make_onnx(const struct network *network, size_t *size)
{
	struct zoo_options options = { .weights = WEIGHTS_LIGHT, .batch = 2, .tokens = network->tokens };
	char *onnx = NULL;
	FILE *to = open_memstream(&onnx, size);
	struct zoo z;

	zoo_init(&z, &options);
	network->build(&z);
	assert_int_equal(zoo_write(&z, network->name, to), 0);
	zoo_free(&z);
	assert_int_equal(fclose(to), 0);
	return onnx;
}

static const Onnx__TensorShapeProto *stated(const Onnx__GraphProto *g, const char *name)
{
	for (size_t i = 0; i < g->n_value_info; i++)
		if (!strcmp(g->value_info[i]->name, name))
			return g->value_info[i]->type->tensor_type->shape;
	for (size_t i = 0; i < g->n_output; i++)
		if (!strcmp(g->output[i]->name, name))
			return g->output[i]->type->tensor_type->shape;
	return NULL;
}

static void compare(const Onnx__GraphProto *file, const struct value *v)
{
	const Onnx__TensorShapeProto *shape = stated(file, v->name);

	if (!shape)
		fail_msg("the shape of %s is not stated", v->name);
	if (shape->n_dim != v->t.rank)
		fail_msg("%s has %u dimensions, %zu are stated", v->name, v->t.rank, shape->n_dim);
	for (unsigned int d = 0; d < v->t.rank; d++)
		if (shape->dim[d]->dim_value != v->t.dims[d])
			fail_msg("dimension %u of %s is %lld, %lld is stated", d, v->name,
				 (long long)v->t.dims[d], (long long)shape->dim[d]->dim_value);
}

static void compare_all(const Onnx__GraphProto *file, const struct graph *g)
{
	unsigned int compared = 0;

	for (unsigned int i = 0; i < g->num_nodes; i++)
		for (unsigned int k = 0; g->nodes[i] && k < g->nodes[i]->num_out; k++, compared++)
			compare(file, g->nodes[i]->out[k]);
	assert_true(compared > 5);
}

static void shapes(void **state)
{
	const struct network *network = *state;
	struct loomc_options options = { .timing_only = true };
	struct loomc_result result = { 0 };
	struct compile c = { .options = &options, .result = &result };
	size_t size;
	char *onnx = make_onnx(network, &size);
	Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, size, (uint8_t *)onnx);

	assert_non_null(model);
	if (!setjmp(c.out))
		compare_all(model->graph, import_model(&c, onnx, size));
	graph_free_tensors(&c);
	arena_free(&c);
	onnx__model_proto__free_unpacked(model, NULL);
	free(onnx);
	if (result.error[0])
		fail_msg("%s", result.error);
}

int main(void)
{
	struct CMUnitTest *tests = calloc(num_networks, sizeof(*tests));
	unsigned int num = 0;
	int ret;

	if (!tests)
		return 1;
	for (unsigned int i = 0; i < num_networks; i++)
		if (networks[i].params.value < MANY_PARAMS || getenv("LONG"))
			tests[num++] = (struct CMUnitTest){ .name = networks[i].name, .test_func = shapes,
							    .initial_state = (void *)&networks[i] };
	ret = _cmocka_run_group_tests("shapes", tests, num, NULL, NULL);
	free(tests);
	return ret;
}
