// SPDX-License-Identifier: MIT
/*
 * Inputs from .npy files, outputs to them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libloom/internal.h"
#include "libloom/npy.h"
#include "loom_run.h"

static void shape_text(char *text, size_t size, unsigned int rank, const uint64_t *dims)
{
	size_t at = snprintf(text, size, "[");
	unsigned int i;

	for (i = 0; i < rank && at < size; i++)
		at += snprintf(text + at, size - at, "%s%" PRIu64, i ? ", " : "", dims[i]);
	if (at < size)
		snprintf(text + at, size - at, "]");
}

static int check_shape(const struct binding *binding, const struct npy *array,
		       const struct loom_elf_tensor *tensor)
{
	char has[256], wants[256];

	if (array->type == tensor->dtype && array->rank == tensor->rank &&
	    !memcmp(array->dims, tensor->dims, tensor->rank * sizeof(tensor->dims[0])))
		return 0;
	shape_text(has, sizeof(has), array->rank, array->dims);
	shape_text(wants, sizeof(wants), tensor->rank, tensor->dims);
	return loom_fail(-EINVAL, "%s has type %u shape %s, input %s wants type %u shape %s",
			 binding->file, array->type, has, binding->name, tensor->dtype, wants);
}

static int read_input(const struct task *task, const struct binding *binding,
		      const struct loom_elf_tensor *tensor)
{
	char *io = loom_instance_io(task->instance, 0);
	struct npy array;
	int err;

	err = npy_read(binding->file, &array);
	if (err)
		return err;
	err = check_shape(binding, &array, tensor);
	if (!err)
		memcpy(io + tensor->offset, array.data, tensor->bytes);
	npy_free(&array);
	return err;
}

static const struct binding *find_binding(const struct binding *list, unsigned int num,
					  const char *name)
{
	unsigned int i;

	for (i = 0; i < num; i++)
		if (!strcmp(list[i].name, name))
			return &list[i];
	return NULL;
}

/* The tensor of that name among inputs or outputs. */
static const struct loom_elf_tensor *find_tensor(const struct task *task, bool output,
						 const char *name)
{
	const struct loom_elf_info *info = loom_model_info(task->model);
	unsigned int i = output ? info->num_inputs : 0;
	unsigned int end = info->num_inputs + (output ? info->num_outputs : 0);

	for (; i < end; i++) {
		const struct loom_elf_tensor *tensor = loom_model_tensor(task->model, i);

		if (!strcmp(loom_model_string(task->model, tensor->name), name))
			return tensor;
	}
	loom_fail(-ENOENT, "%s has no %s %s", task->path, output ? "output" : "input", name);
	return NULL;
}

int read_inputs(const struct run *run, const struct task *task)
{
	unsigned int i, num = loom_model_info(task->model)->num_inputs;
	int err = 0;

	for (i = 0; !err && i < task->num_inputs; i++) {
		const struct binding *binding = &task->input[i];
		const struct loom_elf_tensor *tensor = find_tensor(task, false, binding->name);

		err = tensor ? read_input(task, binding, tensor) : -ENOENT;
	}
	for (i = 0; !err && !run->options.zero && i < num; i++) {
		const char *name = loom_model_string(task->model,
						     loom_model_tensor(task->model, i)->name);

		if (!find_binding(task->input, task->num_inputs, name))
			err = loom_fail(-EINVAL,
					"%s: input %s is not given (-i %s=FILE.npy, or --zero)",
					task->path, name, name);
	}
	return err;
}

int write_outputs(const struct task *task)
{
	char *io = loom_instance_io(task->instance, 0);
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < task->num_outputs; i++) {
		const struct binding *binding = &task->output[i];
		const struct loom_elf_tensor *tensor = find_tensor(task, true, binding->name);
		struct npy array = { 0 };

		if (!tensor)
			return -ENOENT;
		array.type = tensor->dtype;
		array.rank = tensor->rank;
		memcpy(array.dims, tensor->dims, sizeof(array.dims));
		array.bytes = tensor->bytes;
		array.data = io + tensor->offset;
		err = npy_write(binding->file, &array);
	}
	return err;
}
