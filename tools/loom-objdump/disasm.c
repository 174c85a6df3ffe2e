// SPDX-License-Identifier: MIT
/*
 * Command buffers as text: a line a command, "opcode field=value ...", every field named, so that
 * the line says all that the command does. Addresses that the loader fills in are shown as what
 * they are relocated against: va=weights+0x40.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "disasm.h"
#include "isa_table.h"

struct printer {
	const struct loom_model *model;
	uint64_t offset;	/* of the command in .cmd */
	bool json;
};

/* ---- values ---- */

static uint32_t get_u32(const char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static uint16_t get_u16(const char *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static uint64_t get_u64(const char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static float get_float(const char *at)
{
	float value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* Relocations are few and in the order of the commands, as a rule: a search is good enough. */
static const struct loom_reloc *find_reloc(const struct loom_model *model, uint64_t offset)
{
	size_t low = 0, high = model->num_relocs;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (model->relocs[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < model->num_relocs && model->relocs[low].offset == offset)
		return &model->relocs[low];
	for (low = 0; low < model->num_relocs; low++)
		if (model->relocs[low].offset == offset)
			return &model->relocs[low];
	return NULL;
}

static void print_va(const struct printer *printer, uint64_t offset, uint64_t value)
{
	static const char *const regions[LOOM_NUM_REGIONS] = {
		[LOOM_REGION_WEIGHTS] = "weights",
		[LOOM_REGION_IO] = "io",
		[LOOM_REGION_SCRATCH] = "scratch",
	};
	const struct loom_reloc *reloc = printer->model ?
		find_reloc(printer->model, printer->offset + offset) : NULL;
	const char *quote = printer->json ? "\"" : "";

	printf("%s", quote);
	if (reloc)
		printf("%s+0x%" PRIx64, regions[reloc->region], reloc->addend);
	if (reloc && value)
		printf("(0x%" PRIx64 ")", value);	/* what the loader will overwrite */
	else if (!reloc)
		printf("0x%" PRIx64, value);
	printf("%s", quote);
}

static void print_name(const struct printer *printer, const struct isa_names *names, uint32_t value)
{
	const char *name = isa_name(names, value);
	const char *quote = printer->json ? "\"" : "";

	if (name)
		printf("%s%s%s", quote, name, quote);
	else
		printf("%" PRIu32, value);
}

/* BIAS|RESIDUAL, bits without a name as a number, and 0 for none. */
static void print_flags(const struct printer *printer, const struct isa_names *names,
			uint32_t value)
{
	const char *quote = printer->json ? "\"" : "", *separator = "";
	unsigned int i;

	printf("%s", quote);
	for (i = 0; i < names->num; i++) {
		if (value >> i & 1) {
			printf("%s%s", separator, names->name[i]);
			separator = "|";
		}
	}
	value &= ~((1u << names->num) - 1);
	if (value || !*separator)
		printf("%s%s%" PRIx32, separator, value ? "0x" : "", value);
	printf("%s", quote);
}

static void print_array(const struct printer *printer, const struct isa_field *field,
			const char *at)
{
	unsigned int i;

	printf("%s", printer->json ? "[" : "");
	for (i = 0; i < field->count; i++) {
		uint32_t value = get_u32(at + 4 * i);

		printf("%s", i ? "," : "");
		if (field->kind == ISA_S32_ARRAY)
			printf("%" PRId32, (int32_t)value);
		else
			printf("%" PRIu32, value);
	}
	printf("%s", printer->json ? "]" : "");
}

/*
 * Nine digits tell every number apart, a NaN is its bits; JSON has no words for those that are not
 * finite.
 */
static void print_float(const struct printer *printer, const char *at)
{
	float value = get_float(at);
	const char *quote = printer->json && !isfinite(value) ? "\"" : "";

	if (isnan(value))
		printf("%snan(0x%" PRIx32 ")%s", quote, get_u32(at), quote);
	else
		printf("%s%.9g%s", quote, value, quote);
}

static void print_value(const struct printer *printer, const struct isa_field *field,
			const char *command)
{
	const char *at = command + field->offset;

	switch (field->kind) {
	case ISA_U16:
		printf("%u", get_u16(at));
		break;
	case ISA_U32:
	case ISA_PAD:
		printf("%" PRIu32, get_u32(at));
		break;
	case ISA_HEX:
		printf(printer->json ? "%" PRIu32 : "0x%" PRIx32, get_u32(at));
		break;
	case ISA_VA:
		print_va(printer, field->offset, get_u64(at));
		break;
	case ISA_U64:
		printf("%" PRIu64, get_u64(at));
		break;
	case ISA_FLOAT:
		print_float(printer, at);
		break;
	case ISA_U32_ARRAY:
	case ISA_S32_ARRAY:
		print_array(printer, field, at);
		break;
	case ISA_ENUM16:
		print_name(printer, field->names, get_u16(at));
		break;
	case ISA_ENUM32:
		print_name(printer, field->names, get_u32(at));
		break;
	case ISA_FLAGS:
		print_flags(printer, field->names, get_u32(at));
		break;
	}
}

/* ---- commands ---- */

static void print_command(const struct printer *printer, const struct isa_command *command,
			  const char *bytes)
{
	unsigned int i;

	printf(printer->json ? "{\"op\": \"%s\"" : "%s", command->name);
	for (i = 0; i < command->num_fields; i++) {
		const struct isa_field *field = &command->fields[i];

		if (field->kind == ISA_PAD && !get_u32(bytes + field->offset))
			continue;
		printf(printer->json ? ", \"%s\": " : " %s=", field->name);
		print_value(printer, field, bytes);
	}
	printf("%s", printer->json ? "}" : "\n");
}

/* What the table does not describe: the device will refuse it. */
static void print_raw(const struct printer *printer, const struct loom_cmd *head, const char *bytes,
		      size_t size)
{
	size_t i;

	printf(printer->json ? "{\"op\": \"unknown\", \"opcode\": %u, \"size\": %u, \"raw\": \""
			     : "unknown opcode=%u size=%u raw=", head->opcode, head->size);
	for (i = 0; i < size; i++)
		printf("%02x", (unsigned char)bytes[i]);
	printf("%s", printer->json ? "\"}" : "\n");
}

/* One command at `at`; the number of bytes it takes, 0 when it does not fit the buffer. */
static size_t disasm_one(struct printer *printer, const char *buffer, size_t at, size_t size)
{
	const struct isa_command *command;
	struct loom_cmd head;

	if (size - at < sizeof(head))
		return 0;
	memcpy(&head, buffer + at, sizeof(head));
	if (head.size < sizeof(head) || head.size % 8 || head.size > size - at)
		return 0;
	command = isa_command(head.opcode);
	printer->offset += at;
	if (command && command->size == head.size)
		print_command(printer, command, buffer + at);
	else
		print_raw(printer, &head, buffer + at, head.size);
	printer->offset -= at;
	return head.size;
}

void disasm_command(const char *bytes, size_t size)
{
	struct printer printer = { .model = NULL };

	disasm_one(&printer, bytes, 0, size);
}

void disasm_header(const struct loom_model *model, unsigned int slice)
{
	struct loom_cmdbuf head;
	size_t size;

	memcpy(&head, loom_model_cmdbuf(model, slice, &size), sizeof(head));
	printf(".buffer isa=%u.%u weight_bytes=%u lease_bytes=%u slice=%u\n",
	       head.isa_version >> 16, head.isa_version & 0xffff, head.weight_bytes,
	       head.lease_bytes, head.slice);
}

bool disasm_slice(const struct loom_model *model, unsigned int slice, bool json)
{
	struct printer printer = {
		.model = model,
		.offset = model_cmd_offset(model, slice),
		.json = json,
	};
	size_t size, step, at = sizeof(struct loom_cmdbuf);
	const char *buffer = loom_model_cmdbuf(model, slice, &size);
	uint32_t number;

	for (number = 0; number < model->slices[slice].num_cmds; number++, at += step) {
		printf("%s", !json ? "" : number ? ",\n      " : "\n      ");
		step = disasm_one(&printer, buffer, at, size);
		if (!step) {
			printf("%s", json ? "null" : "");
			break;
		}
	}
	fflush(stdout);
	if (number < model->slices[slice].num_cmds)
		loom_fail(-ENOEXEC,
			  "slice %u: command %" PRIu32 " at offset %zu does not fit its buffer of %zu bytes",
			  slice, number, at, size);
	else if (at != size)
		loom_fail(-ENOEXEC, "slice %u: %zu bytes after the last command", slice, size - at);
	else
		return true;
	return false;
}

void print_json_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		unsigned char c = *text;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}
