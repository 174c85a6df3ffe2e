// SPDX-License-Identifier: MIT
/*
 * Host steps of a .loom file, checked: every tensor lies in the I/O region or in .loom.hostdata, has
 * the bytes that its shape needs, and every name is a string. What an operator makes of its inputs
 * is for the operator to check.
 */
#include <stdlib.h>

#include "model.h"

#define MAX_STEPS (1u << 16)
/* Of one step: far above any operator's. */
#define MAX_OF_A_STEP 4096u

static unsigned long long llu(uint64_t value)
{
	return value;
}

static int read_records(struct loom_model *model, enum loom_section section, size_t size,
			void **out, size_t *num)
{
	const struct loom_elf_view *view = model_section(model, section);

	if (!view->present)
		return loom_fail(-ENOEXEC, "section %s is missing", loom_section_names[section]);
	*num = view->size / size;
	return model_read_table(model, section, *num, size, out);
}

/* Inside a region or a section, aligned. */
static bool lies_in(uint64_t offset, uint64_t bytes, uint64_t size, uint64_t align)
{
	return offset % align == 0 && offset <= size && bytes <= size - offset;
}

static int check_tensor(const struct loom_model *model, size_t i)
{
	const struct loom_elf_host_tensor *tensor = &model->host_tensors[i];
	uint64_t bytes = model_type_size(tensor->dtype);
	uint64_t size = tensor->space == LOOM_HOST_IO ? model->info.io_bytes :
							model_section(model, LOOM_SEC_HOST_DATA)->size;
	unsigned int d;

	if (tensor->space == LOOM_HOST_NONE)
		return 0;
	if (tensor->space > LOOM_HOST_CONST || tensor->pad || tensor->rank > 8 || !bytes)
		return loom_fail(-ENOEXEC, "host tensor %zu: bad space, type or rank", i);
	for (d = 0; d < tensor->rank; d++)
		if (__builtin_mul_overflow(bytes, tensor->dims[d], &bytes))
			return loom_fail(-ENOEXEC, "host tensor %zu: its size overflows", i);
	if (bytes != tensor->bytes)
		return loom_fail(-ENOEXEC, "host tensor %zu: %llu bytes, its shape has %llu", i,
				 llu(tensor->bytes), llu(bytes));
	if (!lies_in(tensor->offset, bytes, size, 64))
		return loom_fail(-ENOEXEC,
				 "host tensor %zu lies outside its region, or is not aligned", i);
	return 0;
}

static int check_attr(const struct loom_model *model, size_t i)
{
	const struct loom_elf_host_attr *attr = &model->host_attrs[i];
	uint64_t element = attr->type == LOOM_HOST_ATTR_INTS ? sizeof(int64_t) : sizeof(float);
	uint64_t size = model_section(model, LOOM_SEC_HOST_DATA)->size, bytes;

	if (!loom_elf_string(&model->elf, attr->name))
		return loom_fail(-ENOEXEC, "host attribute %zu: its name is no string", i);
	switch (attr->type) {
	case LOOM_HOST_ATTR_INT:
	case LOOM_HOST_ATTR_FLOAT:
		return 0;
	case LOOM_HOST_ATTR_STRING:
		if (!loom_elf_string(&model->elf, attr->s))
			return loom_fail(-ENOEXEC, "host attribute %zu: its value is no string", i);
		return 0;
	case LOOM_HOST_ATTR_TENSOR:
		if (attr->num >= model->num_host_tensors ||
		    model->host_tensors[attr->num].space != LOOM_HOST_CONST)
			return loom_fail(-ENOEXEC, "host attribute %zu: no constant tensor %llu", i,
					 llu(attr->num));
		return 0;
	case LOOM_HOST_ATTR_INTS:
	case LOOM_HOST_ATTR_FLOATS:
		if (__builtin_mul_overflow(element, attr->num, &bytes) ||
		    !lies_in(attr->offset, bytes, size, 8))
			return loom_fail(-ENOEXEC, "host attribute %zu lies outside .loom.hostdata", i);
		return 0;
	}
	return loom_fail(-ENOEXEC, "host attribute %zu: unknown type %u", i, attr->type);
}

static int check_outputs(const struct loom_model *model, unsigned int i)
{
	const struct loom_elf_host_step *step = &model->host_steps[i];
	unsigned int k;

	for (k = 0; k < step->num_outputs; k++)
		if (model->host_tensors[step->first_tensor + step->num_inputs + k].space ==
		    LOOM_HOST_CONST)
			return loom_fail(-ENOEXEC, "host step %u writes to a constant", i);
	return 0;
}

static int check_step(const struct loom_model *model, unsigned int i)
{
	const struct loom_elf_host_step *step = &model->host_steps[i];
	uint64_t tensors = (uint64_t)step->num_inputs + step->num_outputs;

	if (!loom_elf_string(&model->elf, step->op) || !loom_elf_string(&model->elf, step->name))
		return loom_fail(-ENOEXEC, "host step %u: its name or operator is no string", i);
	if (step->slice > model->info.num_slices || (i && step->slice < step[-1].slice))
		return loom_fail(-ENOEXEC, "host step %u stands before slice %u, of %u", i,
				 step->slice, model->info.num_slices);
	if (step->pad || !step->num_outputs || tensors > MAX_OF_A_STEP ||
	    step->num_attrs > MAX_OF_A_STEP ||
	    step->first_tensor > model->num_host_tensors ||
	    tensors > model->num_host_tensors - step->first_tensor ||
	    step->first_attr > model->num_host_attrs ||
	    step->num_attrs > model->num_host_attrs - step->first_attr)
		return loom_fail(-ENOEXEC,
				 "host step %u names tensors or attributes that are not there", i);
	return check_outputs(model, i);
}

/* Lists are read where they lie. */
static int check_data(const struct loom_model *model)
{
	const struct loom_elf_view *data = model_section(model, LOOM_SEC_HOST_DATA);

	if (!data->present)
		return loom_fail(-ENOEXEC, "section .loom.hostdata is missing");
	if ((data->data - model->elf.file) % 8)
		return loom_fail(-ENOEXEC, ".loom.hostdata is not 8-byte aligned");
	return 0;
}

int model_check_host(struct loom_model *model)
{
	size_t i, num = 0;
	int err;

	if (!model->info.num_host_steps)
		return 0;
	if (model->info.num_host_steps > MAX_STEPS)
		return loom_fail(-ENOEXEC, ".loom.info: %u host steps", model->info.num_host_steps);
	err = read_records(model, LOOM_SEC_HOST, sizeof(*model->host_steps),
			   (void **)&model->host_steps, &num);
	if (!err && num != model->info.num_host_steps)
		err = loom_fail(-ENOEXEC, ".loom.host has %zu steps, .loom.info says %u", num,
				model->info.num_host_steps);
	if (!err)
		err = read_records(model, LOOM_SEC_HOST_TENSORS, sizeof(*model->host_tensors),
				   (void **)&model->host_tensors, &model->num_host_tensors);
	if (!err)
		err = read_records(model, LOOM_SEC_HOST_ATTRS, sizeof(*model->host_attrs),
				   (void **)&model->host_attrs, &model->num_host_attrs);
	if (!err)
		err = check_data(model);
	for (i = 0; !err && i < model->num_host_tensors; i++)
		err = check_tensor(model, i);
	for (i = 0; !err && i < model->num_host_attrs; i++)
		err = check_attr(model, i);
	for (i = 0; !err && i < model->info.num_host_steps; i++)
		err = check_step(model, i);
	return err;
}
