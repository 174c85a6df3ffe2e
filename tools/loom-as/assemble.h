/* SPDX-License-Identifier: MIT */
/*
 * assemble.h - command buffers from text, as loom-objdump writes it:
 *
 *	# a comment
 *	.buffer isa=1.1 weight_bytes=128 lease_bytes=4096 slice=0
 *	fetch va=weights+0x0 bytes=128
 *	load wait=0 va=0x10000 off=0x40 rows=1 row_bytes=64
 *
 * Fields that are not named are zero; of .buffer, isa is this tool's and weight_bytes the sum of
 * what is fetched. Captions ("slice 3: ...") are comments, and so is everything before the first
 * caption of a text that begins as a listing of a file does.
 */
#ifndef LOOM_ASSEMBLE_H
#define LOOM_ASSEMBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Buffers begin at multiples of this, as in a .loom file. */
#define AS_ALIGN 64

enum as_region { AS_WEIGHTS, AS_IO, AS_SCRATCH, AS_REGIONS };

/* An address that was given relative to a region. */
struct as_reloc {
	uint64_t offset;	/* in the output */
	enum as_region region;
	uint64_t addend;
};

struct as_output {
	uint8_t *bytes;
	size_t size;
	struct as_reloc *relocs;
	size_t num_relocs;
	unsigned int num_buffers;
};

struct as_error {
	unsigned int line, column;
	char text[160];
};

/* false: error says what and where; nothing is left to free. */
bool assemble(const char *text, size_t size, struct as_output *out, struct as_error *error);
void as_output_free(struct as_output *out);
const char *as_region_name(enum as_region region);
/* Add bases to the addresses that are relative to their regions. */
void as_relocate(struct as_output *out, const uint64_t base[AS_REGIONS]);

#endif /* LOOM_ASSEMBLE_H */
