// SPDX-License-Identifier: MIT
/* loomc --calibrate: samples of a model's inputs from .npy files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libloom/npy.h"
#include "loom.h"
#include "samples.h"

/* "FILE" is of the model's first input, "INPUT=FILE" of that one. */
static const char *input_of(const char *text, char *const *names, const char **file)
{
	for (; *names; names++) {
		size_t n = strlen(*names);

		if (!strncmp(text, *names, n) && text[n] == '=') {
			*file = text + n + 1;
			return *names;
		}
	}
	*file = text;
	return NULL;
}

static int read_sample(const char *path, const char *name, struct loomc_tensor *to)
{
	struct npy array = { 0 };
	int64_t dims[NPY_MAX_RANK];

	if (npy_read(path, &array)) {
		fprintf(stderr, "loomc: --calibrate %s: %s\n", path, loom_error());
		return -1;
	}
	for (unsigned int d = 0; d < array.rank; d++)
		dims[d] = (int64_t)array.dims[d];
	to->name = name;
	if (hostop_shape(&to->t, (enum hostop_dtype)array.type, array.rank, dims)) {
		fprintf(stderr, "loomc: --calibrate %s: an array of this shape is not possible\n", path);
		npy_free(&array);
		return -1;
	}
	to->t.data = array.data;	/* the sample's from here on */
	return 0;
}

/* Files of one input in the order given; the i-th of each input together are sample i. */
static int place(struct samples *s, const char *text)
{
	const char *file, *name = input_of(text, s->names, &file);
	unsigned int input = 0, at = 0;

	name = name ? name : s->names[0];
	while (input < s->num_inputs && strcmp(s->used[input], name))
		input++;
	if (input == s->num_inputs)
		s->used[s->num_inputs++] = name;
	while (at < MAX_SAMPLES && s->tensor[at][input].t.data)
		at++;
	if (at == MAX_SAMPLES || input == MAX_SAMPLE_INPUTS) {
		fprintf(stderr, "loomc: --calibrate: more than %d samples or %d inputs\n", MAX_SAMPLES,
			MAX_SAMPLE_INPUTS);
		return -1;
	}
	if (at == s->num_samples)
		s->num_samples++;
	return read_sample(file, name, &s->tensor[at][input]);
}

int samples_read(struct samples *s, char *const *texts, unsigned int num, const void *onnx,
		 size_t size)
{
	s->names = loomc_ports(onnx, size, false);
	if (num && (!s->names || !s->names[0])) {
		fprintf(stderr, "loomc: --calibrate: the model has no inputs that can be read\n");
		return -1;
	}
	for (unsigned int i = 0; i < num; i++)
		if (place(s, texts[i]))
			return -1;
	s->flat = calloc((size_t)s->num_samples * s->num_inputs + 1, sizeof(*s->flat));
	for (unsigned int i = 0; s->flat && i < s->num_samples; i++)
		for (unsigned int k = 0; k < s->num_inputs; k++) {
			if (!s->tensor[i][k].t.data) {
				fprintf(stderr, "loomc: --calibrate: input '%s' has fewer samples than others\n",
					s->used[k]);
				return -1;
			}
			s->flat[i * s->num_inputs + k] = s->tensor[i][k];
		}
	return s->flat ? 0 : -1;
}

void samples_free(struct samples *s)
{
	for (unsigned int i = 0; i < MAX_SAMPLES; i++)
		for (unsigned int k = 0; k < MAX_SAMPLE_INPUTS; k++)
			free(s->tensor[i][k].t.data);
	free(s->flat);
	free(s->names);
}
