// SPDX-License-Identifier: MIT
/* A graph becomes a file, a piece at a time: the message is never in memory a second time. Samples of inputs. */
#include <string.h>

#include "libloom/npy.h"
#include "zoo.h"

struct file_buffer {
	ProtobufCBuffer base;
	FILE *to;
	bool failed;
};

static void append(ProtobufCBuffer *buffer, size_t len, const uint8_t *data)
{
	struct file_buffer *file = (struct file_buffer *)buffer;

	file->failed = file->failed || fwrite(data, 1, len, file->to) != len;
}

int zoo_write(struct zoo *z, const char *network, FILE *to)
{
	struct file_buffer file = { .base.append = append, .to = to };
	Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT;
	Onnx__OperatorSetIdProto *opsets[] = { &opset };
	Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;

	opset.domain = "";
	opset.has_version = 1;
	opset.version = z->opset;
	model.has_ir_version = 1;
	model.ir_version = 8;
	model.producer_name = "loom-zoo";
	model.n_opset_import = 1;
	model.opset_import = opsets;
	model.graph = &z->graph;
	z->graph.name = zoo_printf(z, "%s", network);
	onnx__model_proto__pack_to_buffer(&model, &file.base);
	return file.failed || ferror(to) ? -1 : 0;
}

/* ---- samples of inputs ---- */

static void fill_sample(struct zoo *z, const struct zoo_input *in, void *data)
{
	size_t num = (size_t)elements(in->v->shape);
	int64_t *ids = data;
	float *v = data;

	if (!in->high) {
		fill_seeded(z, v, num, in->v->name, 0, 1);
		return;
	}
	/* Floats come in the first half of what the numbers need, so go from the end. */
	fill_seeded(z, v, num, in->v->name, 0.5, 1 / 12.0);
	for (size_t i = num; i-- > 0;) {
		int64_t id = in->low + (int64_t)((double)v[i] * (double)(in->high - in->low));

		ids[i] = id < in->low ? in->low : id >= in->high ? in->high - 1 : id;
	}
}

static int write_sample(struct zoo *z, const struct zoo_input *in, const char *directory)
{
	struct npy array = { .type = in->high ? LOOM_TENSOR_I64 : LOOM_TENSOR_F32, .rank = in->v->shape.rank };

	array.bytes = (uint64_t)elements(in->v->shape) * (in->high ? sizeof(int64_t) : sizeof(float));
	for (unsigned int d = 0; d < array.rank; d++)
		array.dims[d] = (uint64_t)in->v->shape.dims[d];
	array.data = obstack_alloc(&z->mem, array.bytes);
	fill_sample(z, in, array.data);
	return npy_write(zoo_printf(z, "%s/%s.npy", directory, in->v->name), &array);
}

int zoo_write_inputs(struct zoo *z, const char *directory)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < z->num_inputs; i++)
		ret = write_sample(z, &z->inputs[i], directory);
	return ret;
}
