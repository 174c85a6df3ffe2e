// SPDX-License-Identifier: MIT
/* A graph on the host: all inputs are constants, so folding it is running it. */
#include <stdlib.h>
#include <string.h>

#include "passes.h"
#include "proto.h"

static int copy_tensor(struct hostop_tensor *to, const struct hostop_tensor *from)
{
	*to = *from;
	if (hostop_alloc(to))
		return -1;
	memcpy(to->data, from->data, hostop_bytes(from));
	return 0;
}

static void take_outputs(struct compile *c, const struct graph *g, struct loomc_tensor **outputs,
			 unsigned int *num)
{
	*outputs = calloc(g->num_outputs, sizeof(**outputs));
	for (unsigned int i = 0; *outputs && i < g->num_outputs; i++) {
		const struct port *port = &g->outputs[i];

		if (!is_const(port->value))
			fail(c, "output '%s' depends on an input that is not given", port->name);
		if (copy_tensor(&(*outputs)[i].t, &port->value->t))
			fail(c, "out of memory");
		(*outputs)[i].name = strdup(port->name);
		*num = i + 1;
	}
}

int loomc_evaluate(const void *onnx, size_t size, const struct loomc_options *options,
		   struct loomc_result *result, struct loomc_tensor **outputs, unsigned int *num)
{
	struct compile c = { .options = options, .result = result, .evaluate = true };

	*result = (struct loomc_result){ 0 };
	*outputs = NULL;
	*num = 0;
	if (!setjmp(c.out))
		take_outputs(&c, import_model(&c, onnx, size), outputs, num);
	graph_free_tensors(&c);
	arena_free(&c);
	return result->error[0] ? -1 : 0;
}

void loomc_tensors_free(struct loomc_tensor *tensors, unsigned int num)
{
	for (unsigned int i = 0; i < num; i++) {
		hostop_free(&tensors[i].t);
		free((char *)tensors[i].name);
	}
	free(tensors);
}

static void read_tensor(struct compile *c, const void *data, size_t size, struct loomc_tensor *to)
{
	Onnx__TensorProto *t = onnx__tensor_proto__unpack(NULL, size, data);
	struct hostop_tensor own = { 0 };

	if (!t)
		fail(c, "not a tensor: the protobuf message is damaged or truncated");
	to->name = strdup(text(t->name));
	if (!setjmp(c->out) && copy_tensor(&own, &proto_tensor(c, t, text(t->name))->t))
		fail(c, "out of memory");
	onnx__tensor_proto__free_unpacked(t, NULL);
	to->t = own;
}

int loomc_read_tensor(const void *data, size_t size, struct loomc_tensor *tensor,
		      struct loomc_result *result)
{
	struct compile c = { .result = result };

	*result = (struct loomc_result){ 0 };
	*tensor = (struct loomc_tensor){ 0 };
	if (!setjmp(c.out))
		read_tensor(&c, data, size, tensor);
	graph_free_tensors(&c);
	arena_free(&c);
	return result->error[0] ? -1 : 0;
}

char **loomc_ports(const void *onnx, size_t size, bool outputs)
{
	Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, size, onnx);
	Onnx__ValueInfoProto **ports;
	char **names = NULL, *at;
	size_t num, bytes = 0;

	if (!model || !model->graph)
		goto free_model;
	num = outputs ? model->graph->n_output : model->graph->n_input;
	ports = outputs ? model->graph->output : model->graph->input;
	for (size_t i = 0; i < num; i++)
		bytes += strlen(text(ports[i]->name)) + 1;
	names = calloc(1, (num + 1) * sizeof(*names) + bytes);
	if (!names)
		goto free_model;
	at = (char *)(names + num + 1);
	for (size_t i = 0; i < num; i++) {
		names[i] = at;
		at = stpcpy(at, text(ports[i]->name)) + 1;
	}
free_model:
	if (model)
		onnx__model_proto__free_unpacked(model, NULL);
	return names;
}
