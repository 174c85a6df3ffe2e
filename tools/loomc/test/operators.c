// SPDX-License-Identifier: MIT
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnx/onnx.pb-c.h"
#include "operators.h"

#define MAX_OPERATORS 512
#define MAX_DTYPES 16

struct operator {
	char name[64];
	unsigned int num[NUM_WHERES];
	bool dtypes[NUM_WHERES][MAX_DTYPES];	/* by enum hostop_dtype */
	double error;
};

static struct operator operators[MAX_OPERATORS];
static unsigned int num_operators;

static struct operator *find(const char *name)
{
	for (unsigned int i = 0; i < num_operators; i++)
		if (!strcmp(operators[i].name, name))
			return &operators[i];
	if (num_operators == MAX_OPERATORS)
		return NULL;
	snprintf(operators[num_operators].name, sizeof(operators[0].name), "%s", name);
	return &operators[num_operators++];
}

static void add_dtypes(bool *dtypes, const struct loomc_tensor *t, unsigned int num)
{
	for (unsigned int i = 0; i < num; i++)
		if ((unsigned int)t[i].t.dtype < MAX_DTYPES)
			dtypes[t[i].t.dtype] = true;
}

void operators_count(const void *onnx, size_t size, enum where where, const struct loomc_tensor *in,
		     unsigned int num_in, const struct loomc_tensor *out, unsigned int num_out, double error)
{
	Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, size, onnx);
	struct operator *op = NULL;

	if (model && model->graph && model->graph->n_node == 1 &&
	    (!model->graph->node[0]->domain || !*model->graph->node[0]->domain))
		op = find(model->graph->node[0]->op_type);
	if (op) {
		op->num[where]++;
		add_dtypes(op->dtypes[where], in, num_in);
		add_dtypes(op->dtypes[where], out, num_out);
		op->error = error > op->error ? error : op->error;
	}
	if (model)
		onnx__model_proto__free_unpacked(model, NULL);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct operator *)a)->name, ((const struct operator *)b)->name);
}

static void put_dtypes(FILE *to, const bool *dtypes)
{
	const char *space = "";

	fprintf(to, ",\"");
	for (unsigned int i = 0; i < MAX_DTYPES; i++) {
		if (!dtypes[i])
			continue;
		fprintf(to, "%s%s", space, hostop_dtype_name((enum hostop_dtype)i));
		space = " ";
	}
	fputc('"', to);
}

static void put_operator(FILE *to, const struct operator *op)
{
	fprintf(to, "   %s,%u,%u,%u", op->name, op->num[ON_DEVICE], op->num[ON_HOST], op->num[NOWHERE]);
	put_dtypes(to, op->dtypes[ON_DEVICE]);
	put_dtypes(to, op->dtypes[ON_HOST]);
	if (op->num[ON_DEVICE])
		fprintf(to, ",%.0e\n", op->error);
	else
		fprintf(to, ",\n");
}

static const char head[] =
".. SPDX-License-Identifier: MIT\n"
".. Written by ``build/bin/onnx-node --operators``; tools/loomc/test-onnx.sh checks that it is what the code does.\n"
"\n"
"==============\n"
"ONNX operators\n"
"==============\n"
"\n"
"What ONNX's own tests of single operators (Debian's libonnx-testdata) come to: how many run on the device, how many on the\n"
"host only (``userspace/hostops``: folded by loomc, or a step between slices), how many on neither; and in which types of\n"
"inputs and outputs. A test passes on the device when every element is within 0.004 plus 0.004 of its value, which is what\n"
"fp16 allows (integers are equal); on the host within 1e-5 plus 0.001 of its value. The last column is the largest error\n"
"that the device made, relative to 1 plus the value. None that is supported fails. Those that pass on the device model do so in\n"
"the VM, too (testing.rst).\n"
"\n"
"Types of inputs that only give a shape, an axis or a bound (int64, mostly) are constants on the device. Beside these tests\n"
"loomc fuses several operators into one command (compiler.rst), and has quantised forms of convolutions and products.\n"
"\n"
".. csv-table::\n"
"   :header: Operator, Device, Host, Neither, Types on the device, Types on the host only, Error\n"
"\n";

int operators_write(const char *path)
{
	FILE *to = fopen(path, "w");

	if (!to)
		return -1;
	qsort(operators, num_operators, sizeof(operators[0]), by_name);
	fputs(head, to);
	for (unsigned int i = 0; i < num_operators; i++)
		if (operators[i].num[ON_DEVICE] + operators[i].num[ON_HOST])
			put_operator(to, &operators[i]);
	fprintf(to, "\nOperators of which no test passes:\n\n");
	for (unsigned int i = 0; i < num_operators; i++)
		if (!operators[i].num[ON_DEVICE] && !operators[i].num[ON_HOST])
			fprintf(to, "* %s (%u)\n", operators[i].name, operators[i].num[NOWHERE]);
	return fclose(to) ? -1 : 0;
}
