// SPDX-License-Identifier: MIT
/*
 * Values: numbers, names, flags, addresses.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "as.h"

bool complain(struct assembler *as, const char *at, const char *format, ...)
{
	va_list args;

	as->error->line = as->number;
	as->error->column = (unsigned int)(at - as->line) + 1;
	va_start(args, format);
	vsnprintf(as->error->text, sizeof(as->error->text), format, args);
	va_end(args);
	return false;
}

bool same(struct piece piece, const char *text)
{
	return strlen(text) == piece.length && !memcmp(piece.at, text, piece.length);
}

static int shown(struct piece piece)
{
	return piece.length < 40 ? (int)piece.length : 40;
}

/* A copy that ends, for the C library; longer than any number is not one. */
static bool copy(struct piece piece, char out[64])
{
	if (!piece.length || piece.length > 63 || memchr(piece.at, 0, piece.length))
		return false;
	memcpy(out, piece.at, piece.length);
	out[piece.length] = 0;
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool parse_u64(struct assembler *as, struct piece piece, uint64_t max, uint64_t *value)
{
	char text[64], *end;

	if (!copy(piece, text) || !is_digit(*text))
		return complain(as, piece.at, "'%.*s' is no number", shown(piece), piece.at);
	errno = 0;
	*value = strtoull(text, &end, *text == '0' && (text[1] | 32) == 'x' ? 16 : 10);
	if (*end)
		return complain(as, piece.at, "'%s' is no number", text);
	if (errno || *value > max)
		return complain(as, piece.at, "'%s' is more than %" PRIu64, text, max);
	return true;
}

static bool parse_s32(struct assembler *as, struct piece piece, uint32_t *value)
{
	bool negative = piece.length && *piece.at == '-';
	struct piece digits = { piece.at + negative, piece.length - negative };
	uint64_t magnitude;

	if (!parse_u64(as, digits, (uint64_t)INT32_MAX + negative, &magnitude))
		return false;
	*value = negative ? -(uint32_t)magnitude : (uint32_t)magnitude;
	return true;
}

/* nan(0x7fc00000), or what strtof() knows. */
static bool parse_float(struct assembler *as, struct piece piece, uint32_t *bits)
{
	char text[64], *end;
	uint64_t nan;
	float value;

	if (piece.length > 5 && !memcmp(piece.at, "nan(", 4) && piece.at[piece.length - 1] == ')') {
		if (!parse_u64(as, (struct piece){ piece.at + 4, piece.length - 5 }, UINT32_MAX, &nan))
			return false;
		*bits = (uint32_t)nan;
		return true;
	}
	if (!copy(piece, text))
		return complain(as, piece.at, "a number expected");
	value = strtof(text, &end);
	if (*end || *text == ' ')
		return complain(as, piece.at, "'%s' is no number", text);
	memcpy(bits, &value, sizeof(*bits));
	return true;
}

static bool parse_enum(struct assembler *as, const struct isa_names *names, struct piece piece,
		       uint64_t max, uint64_t *value)
{
	for (*value = 0; *value < names->num; (*value)++)
		if (same(piece, names->name[*value]))
			return true;
	if (piece.length && is_digit(*piece.at))
		return parse_u64(as, piece, max, value);
	return complain(as, piece.at, "'%.*s' is none of the field's names", shown(piece), piece.at);
}

/* The next part of a list, and what is left. */
static struct piece cut(struct piece *rest, char separator)
{
	const char *end = memchr(rest->at, separator, rest->length);
	struct piece part = { rest->at, end ? (size_t)(end - rest->at) : rest->length };
	size_t used = part.length + !!end;

	rest->at += used;
	rest->length -= used;
	return part;
}

static bool parse_flags(struct assembler *as, const struct isa_names *names, struct piece piece,
			uint64_t *value)
{
	*value = 0;
	do {
		struct piece part = cut(&piece, '|');
		unsigned int i;
		uint64_t bits;

		for (i = 0; i < names->num && !same(part, names->name[i]); i++)
			;
		bits = 1ull << i;
		if (i == names->num && part.length && !is_digit(*part.at))
			return complain(as, part.at, "no flag is called '%.*s'", shown(part), part.at);
		if (i == names->num && !parse_u64(as, part, UINT32_MAX, &bits))
			return false;
		*value |= bits;
	} while (piece.length);
	return true;
}

/* 0x1000, weights+0x40, or weights+0x40(0x1234): a place that already holds something. */
static bool parse_va(struct assembler *as, struct piece piece, size_t offset, uint64_t *value)
{
	struct as_reloc reloc = { .offset = offset };
	struct piece rest = piece, name, number;

	if (!memchr(piece.at, '+', piece.length))
		return parse_u64(as, piece, UINT64_MAX, value);
	name = cut(&rest, '+');
	for (; reloc.region < AS_REGIONS; reloc.region++)
		if (same(name, as_region_name(reloc.region)))
			break;
	if (reloc.region == AS_REGIONS)
		return complain(as, name.at, "the region '%.*s' is none of weights, io and scratch",
				shown(name), name.at);
	number = cut(&rest, '(');
	if (!parse_u64(as, number, UINT64_MAX, &reloc.addend))
		return false;
	*value = 0;
	if (rest.length && rest.at[rest.length - 1] != ')')
		return complain(as, rest.at, "')' expected after '%.*s'", shown(rest), rest.at);
	if (rest.length) {
		rest.length--;
		if (!parse_u64(as, rest, UINT64_MAX, value))
			return false;
	}
	put_reloc(as->out, &reloc);
	return true;
}

static bool parse_array(struct assembler *as, const struct isa_field *field, struct piece piece,
			uint8_t *to)
{
	for (unsigned int i = 0; i < field->count; i++) {
		struct piece part = cut(&piece, ',');
		uint64_t value = 0;
		uint32_t word = 0;

		if (field->kind == ISA_S32_ARRAY ? !parse_s32(as, part, &word) :
						   !parse_u64(as, part, UINT32_MAX, &value))
			return false;
		word |= (uint32_t)value;
		memcpy(to + 4 * i, &word, sizeof(word));
	}
	if (piece.length)
		return complain(as, piece.at, "%s has %u values", field->name, field->count);
	return true;
}

bool parse_field(struct assembler *as, const struct isa_field *field, struct piece text,
		 uint8_t *command, size_t offset)
{
	unsigned int bytes = isa_field_bytes(field);
	uint64_t value = 0, max = bytes == 2 ? UINT16_MAX : bytes == 4 ? UINT32_MAX : UINT64_MAX;
	uint32_t bits = 0;
	bool ok;

	switch (field->kind) {
	case ISA_ENUM16:
	case ISA_ENUM32:
		ok = parse_enum(as, field->names, text, max, &value);
		break;
	case ISA_FLAGS:
		ok = parse_flags(as, field->names, text, &value);
		break;
	case ISA_VA:
		ok = parse_va(as, text, offset + field->offset, &value);
		break;
	case ISA_FLOAT:
		ok = parse_float(as, text, &bits);
		value = bits;
		break;
	case ISA_U32_ARRAY:
	case ISA_S32_ARRAY:
		return parse_array(as, field, text, command + field->offset);
	default:
		ok = parse_u64(as, text, max, &value);
	}
	memcpy(command + field->offset, &value, bytes);	/* little-endian */
	return ok;
}
