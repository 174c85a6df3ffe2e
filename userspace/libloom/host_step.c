// SPDX-License-Identifier: MIT
/*
 * Running a host step: inputs are copied out of the I/O region, so that what an operator has checked
 * stays as it was, and outputs are copied in. A file of its own: only programs that run host steps
 * are linked with userspace/hostops.
 */
#include <stdlib.h>
#include <string.h>

#include "hostops/hostops.h"
#include "model.h"

struct step {
	const struct loom_model *model;
	const struct loom_elf_host_step *info;
	const struct loom_elf_host_tensor *tensors;
	char *io;
	struct hostop_tensor *in, *attr_tensors, *out;
	const struct hostop_tensor **pointers;
	struct hostop_attr *attrs;
};

static const char *step_data(const struct loom_model *model, uint64_t offset)
{
	return model_section(model, LOOM_SEC_HOST_DATA)->data + offset;
}

static int set_shape(struct hostop_tensor *t, const struct loom_elf_host_tensor *from)
{
	int64_t dims[HOSTOP_MAX_DIMS];
	unsigned int d;

	for (d = 0; d < from->rank; d++)
		dims[d] = (int64_t)from->dims[d];
	return hostop_shape(t, (enum hostop_dtype)from->dtype, from->rank, dims);
}

/* A private copy, aligned. */
static int take_tensor(const struct step *s, const struct loom_elf_host_tensor *from,
		       struct hostop_tensor *t)
{
	const char *data = from->space == LOOM_HOST_IO ? s->io + from->offset :
							 step_data(s->model, from->offset);

	if (set_shape(t, from) || hostop_alloc(t))
		return loom_fail(-ENOMEM, "a tensor of %llu bytes",
				 (unsigned long long)from->bytes);
	memcpy(t->data, data, from->bytes);
	return 0;
}

static int take_inputs(struct step *s)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < s->info->num_inputs; i++) {
		if (s->tensors[i].space == LOOM_HOST_NONE)
			continue;
		err = take_tensor(s, &s->tensors[i], &s->in[i]);
		s->pointers[i] = &s->in[i];
	}
	return err;
}

static int take_attr(struct step *s, unsigned int i)
{
	const struct loom_elf_host_attr *from = &s->model->host_attrs[s->info->first_attr + i];
	struct hostop_attr *attr = &s->attrs[i];

	*attr = (struct hostop_attr){
		.name = loom_elf_string(&s->model->elf, from->name),
		.i = from->i, .f = from->f, .num = from->num,
	};
	switch (from->type) {
	case LOOM_HOST_ATTR_INT:
		attr->type = HOSTOP_ATTR_INT;
		break;
	case LOOM_HOST_ATTR_FLOAT:
		attr->type = HOSTOP_ATTR_FLOAT;
		break;
	case LOOM_HOST_ATTR_STRING:
		attr->type = HOSTOP_ATTR_STRING;
		attr->s = loom_elf_string(&s->model->elf, from->s);
		break;
	case LOOM_HOST_ATTR_TENSOR:
		attr->type = HOSTOP_ATTR_TENSOR;
		attr->t = &s->attr_tensors[i];
		return take_tensor(s, &s->model->host_tensors[from->num], &s->attr_tensors[i]);
	case LOOM_HOST_ATTR_INTS:
		attr->type = HOSTOP_ATTR_INTS;
		attr->ints = (const void *)step_data(s->model, from->offset);
		break;
	default:
		attr->type = HOSTOP_ATTR_FLOATS;
		attr->floats = (const void *)step_data(s->model, from->offset);
	}
	return 0;
}

static const struct loom_elf_host_tensor *output_of(const struct step *s, unsigned int i)
{
	return &s->tensors[s->info->num_inputs + i];
}

/* Before anything is computed: a file may say one thing and lead to terabytes of another. */
static int check_output(const struct step *s, unsigned int i)
{
	const struct loom_elf_host_tensor *to = output_of(s, i);
	const struct hostop_tensor *t = &s->out[i];
	unsigned int d;

	if (to->space == LOOM_HOST_NONE)
		return 0;
	for (d = 0; d < to->rank && d < t->rank; d++)
		if (to->dims[d] != (uint64_t)t->dims[d])
			break;
	if (t->dtype != (enum hostop_dtype)to->dtype || t->rank != to->rank || d < t->rank)
		return loom_fail(-EINVAL, "output %u has another type or shape than the file says", i);
	return 0;
}

static int evaluate(struct step *s)
{
	struct hostop_call call = {
		.op = loom_elf_string(&s->model->elf, s->info->op),
		.opset = (int)s->info->opset,
		.attrs = s->attrs, .num_attrs = s->info->num_attrs,
		.in = s->pointers, .num_in = s->info->num_inputs,
		.out = s->out, .num_out = s->info->num_outputs,
	};
	unsigned int i;
	int err = hostop_infer(&call);

	if (err)
		return loom_fail(err, "%s", call.error);
	for (i = 0; !err && i < s->info->num_outputs; i++)
		err = check_output(s, i);
	if (err)
		return err;
	err = hostop_eval(&call);
	if (err)
		return loom_fail(err, "%s", call.error);
	for (i = 0; i < s->info->num_outputs; i++)
		if (output_of(s, i)->space == LOOM_HOST_IO)
			memcpy(s->io + output_of(s, i)->offset, s->out[i].data,
			       output_of(s, i)->bytes);
	return 0;
}

static int make_step(struct step *s)
{
	unsigned int num_in = s->info->num_inputs, num_attrs = s->info->num_attrs;

	s->in = calloc(num_in + 1, sizeof(*s->in));
	s->pointers = calloc(num_in + 1, sizeof(*s->pointers));
	s->attrs = calloc(num_attrs + 1, sizeof(*s->attrs));
	s->attr_tensors = calloc(num_attrs + 1, sizeof(*s->attr_tensors));
	s->out = calloc(s->info->num_outputs, sizeof(*s->out));
	if (!s->in || !s->pointers || !s->attrs || !s->attr_tensors || !s->out)
		return loom_fail(-ENOMEM, "out of memory");
	return 0;
}

static void free_step(struct step *s)
{
	unsigned int i;

	for (i = 0; s->in && i < s->info->num_inputs; i++)
		hostop_free(&s->in[i]);
	for (i = 0; s->attr_tensors && i < s->info->num_attrs; i++)
		hostop_free(&s->attr_tensors[i]);
	for (i = 0; s->out && i < s->info->num_outputs; i++)
		hostop_free(&s->out[i]);
	free(s->in);
	free(s->pointers);
	free(s->attrs);
	free(s->attr_tensors);
	free(s->out);
}

int loom_model_run_host_step(const struct loom_model *model, unsigned int i, void *io)
{
	struct step s = { .model = model, .info = loom_model_host_step(model, i), .io = io };
	unsigned int k;
	int err;

	if (!s.info)
		return loom_fail(-EINVAL, "%s has no host step %u", loom_model_name(model), i);
	s.tensors = model->host_tensors + s.info->first_tensor;
	err = make_step(&s);
	if (!err)
		err = take_inputs(&s);
	for (k = 0; !err && k < s.info->num_attrs; k++)
		err = take_attr(&s, k);
	if (!err)
		err = evaluate(&s);
	free_step(&s);
	return err ? loom_fail(err, "%s: host step %u (%s): %s", loom_model_name(model), i,
			       loom_model_string(model, s.info->name), loom_error()) : 0;
}
