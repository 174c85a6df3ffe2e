// SPDX-License-Identifier: MIT
/* Host steps -> their sections. */
#include <string.h>

#include "elf_image.h"

static uint64_t put_data(struct image *im, const void *data, size_t size)
{
	static const char zeros[64];
	size_t gap = -im->sec[SEC_HOST_DATA].size % 64;

	image_append(im, SEC_HOST_DATA, zeros, gap);
	return image_append(im, SEC_HOST_DATA, data, size);
}

static void put_tensor(struct image *im, const struct hostop_tensor *t, enum loom_host_space space,
		       uint64_t offset)
{
	struct loom_elf_host_tensor out = {
		.space = space, .dtype = t->dtype, .rank = t->rank, .offset = offset,
		.bytes = hostop_bytes(t),
	};

	for (unsigned int d = 0; d < t->rank; d++)
		out.dims[d] = (uint64_t)t->dims[d];
	image_append(im, SEC_HOST_TENSORS, &out, sizeof(out));
}

static void put_value(struct image *im, const struct host_value *v)
{
	const struct loom_elf_host_tensor none = { .space = LOOM_HOST_NONE };

	if (!v->value)
		image_append(im, SEC_HOST_TENSORS, &none, sizeof(none));
	else if (v->value->t.data)
		put_tensor(im, &v->value->t, LOOM_HOST_CONST,
			   put_data(im, v->value->t.data, hostop_bytes(&v->value->t)));
	else
		put_tensor(im, &v->value->t, LOOM_HOST_IO, v->io_at);
}

static size_t num_tensors(const struct image *im)
{
	return im->sec[SEC_HOST_TENSORS].size / sizeof(struct loom_elf_host_tensor);
}

static void put_attr_value(struct image *im, const struct hostop_attr *a, struct loom_elf_host_attr *out)
{
	switch (a->type) {
	case HOSTOP_ATTR_INT:
		out->type = LOOM_HOST_ATTR_INT;
		break;
	case HOSTOP_ATTR_FLOAT:
		out->type = LOOM_HOST_ATTR_FLOAT;
		break;
	case HOSTOP_ATTR_STRING:
		out->type = LOOM_HOST_ATTR_STRING;
		out->s = image_string(im, a->s);
		break;
	case HOSTOP_ATTR_TENSOR:
		out->type = LOOM_HOST_ATTR_TENSOR;
		out->num = num_tensors(im);
		put_tensor(im, a->t, LOOM_HOST_CONST, put_data(im, a->t->data, hostop_bytes(a->t)));
		break;
	case HOSTOP_ATTR_INTS:
		out->type = LOOM_HOST_ATTR_INTS;
		out->num = a->num;
		out->offset = put_data(im, a->ints, a->num * sizeof(*a->ints));
		break;
	default:
		out->type = LOOM_HOST_ATTR_FLOATS;
		out->num = a->num;
		out->offset = put_data(im, a->floats, a->num * sizeof(*a->floats));
	}
}

/* How many of them the file can hold; the others no operator reads. */
static uint32_t put_attrs(struct image *im, const struct node *node)
{
	uint32_t num = 0;

	for (unsigned int i = 0; i < node->num_attrs; i++) {
		const struct hostop_attr *a = &node->attrs[i];
		struct loom_elf_host_attr out = { .i = a->i, .f = a->f };

		if (a->type == HOSTOP_ATTR_NONE)
			continue;
		out.name = image_string(im, a->name);
		put_attr_value(im, a, &out);
		image_append(im, SEC_HOST_ATTRS, &out, sizeof(out));
		num++;
	}
	return num;
}

static void put_step(struct image *im, const struct host_step *s)
{
	struct loom_elf_host_step out = {
		.slice = s->slice, .op = image_string(im, s->node->op),
		.name = image_string(im, s->node->name), .opset = (uint32_t)s->node->opset,
		.num_inputs = s->node->num_in, .num_outputs = s->node->num_out,
		.first_attr = (uint32_t)(im->sec[SEC_HOST_ATTRS].size / sizeof(struct loom_elf_host_attr)),
		.ps = s->ps, .bytes = s->bytes,
	};

	out.num_attrs = put_attrs(im, s->node);
	out.first_tensor = (uint32_t)num_tensors(im);	/* after those of attributes */
	for (unsigned int i = 0; i < s->num_values; i++)
		put_value(im, &s->values[i]);
	image_append(im, SEC_HOST, &out, sizeof(out));
}

void image_put_host(struct image *im)
{
	for (uint32_t i = 0; i < im->p->num_host_steps; i++)
		put_step(im, im->p->host_steps[i]);
}
