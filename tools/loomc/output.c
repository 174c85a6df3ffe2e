// SPDX-License-Identifier: MIT
/* The file's bytes, in any order: in memory, or to who asked for them piece by piece. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lower.h"

/* Bytes that nobody puts are zero. In memory, the file may grow but not shrink. */
void output_size(struct program *p, size_t size)
{
	struct loomc_result *result = p->c->result;
	char *grown;

	if (!p->c->options->put) {
		grown = realloc(result->file, size);
		if (!grown)
			fail(p->c, "out of memory");
		memset(grown + result->size, 0, size - result->size);
		result->file = grown;	/* from here on the result's to free */
	}
	result->size = size;
}

void output_put(struct program *p, uint64_t at, const void *data, size_t size)
{
	const struct loomc_options *o = p->c->options;

	if (!size)
		return;
	if (!o->put)
		memcpy((char *)p->c->result->file + at, data, size);
	else if (o->put(o->put_arg, at, data, size))
		fail(p->c, "the output cannot be written: %s", strerror(errno));
}
