/* SPDX-License-Identifier: MIT */
/* What the parts of the assembler know of each other. */
#ifndef LOOM_AS_H
#define LOOM_AS_H

#include "assemble.h"
#include "loom_isa.h"
#include "tools/loom-objdump/isa_table.h"

/* A piece of the text: a word, a value, a name. */
struct piece {
	const char *at;
	size_t length;
};

struct assembler {
	struct as_output *out;
	struct as_error *error;
	const char *line;		/* under way */
	unsigned int number;		/* of the line */
	bool open;			/* a buffer is */
	bool sum_weights;		/* its weight_bytes were not given */
	size_t start;			/* of it in the output */
	struct loom_cmdbuf header;
};

/* output.c; NULL bytes are zeros */
void put_bytes(struct as_output *out, const void *bytes, size_t size);
void put_reloc(struct as_output *out, const struct as_reloc *reloc);

/* value.c: false, and as->error is set, when the text is none of the kind */
__attribute__((format(printf, 3, 4)))
bool complain(struct assembler *as, const char *at, const char *format, ...);
bool same(struct piece piece, const char *text);
bool parse_u64(struct assembler *as, struct piece text, uint64_t max, uint64_t *value);
/* The value of a field, into its place in the command that starts at `offset` of the output. */
bool parse_field(struct assembler *as, const struct isa_field *field, struct piece text,
		 uint8_t *command, size_t offset);

#endif /* LOOM_AS_H */
