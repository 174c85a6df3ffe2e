/* SPDX-License-Identifier: MIT */
/*
 * isa_table.h - the commands of loom_isa.h as a table: their names and fields, for what prints them
 * and for what will read them back.
 */
#ifndef LOOM_ISA_TABLE_H
#define LOOM_ISA_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum isa_kind {
	ISA_U16,
	ISA_U32,
	ISA_HEX,	/* u32: an offset */
	ISA_VA,		/* u64: an address, mostly of a relocation */
	ISA_U64,
	ISA_FLOAT,
	ISA_U32_ARRAY,
	ISA_S32_ARRAY,
	ISA_ENUM16,
	ISA_ENUM32,
	ISA_FLAGS,	/* u32, one name a bit */
	ISA_PAD,	/* u32: zero, and only shown when it is not */
};

struct isa_names {
	const char *const *name;
	unsigned int num;
};

struct isa_field {
	const char *name;
	uint16_t offset;
	uint16_t count;			/* of an array */
	enum isa_kind kind;
	const struct isa_names *names;	/* of an enum or of flags */
};

struct isa_command {
	uint16_t opcode;
	uint16_t size;
	const char *name;
	const struct isa_field *fields;
	unsigned int num_fields;
};

/* NULL: there is no such command. */
const struct isa_command *isa_command(uint16_t opcode);
const struct isa_command *isa_command_named(const char *name, size_t length);
/* Bytes of a field, all elements together. */
unsigned int isa_field_bytes(const struct isa_field *field);
/* The name of a value, NULL if it has none. */
const char *isa_name(const struct isa_names *names, uint32_t value);

#endif /* LOOM_ISA_TABLE_H */
