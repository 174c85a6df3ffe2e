// SPDX-License-Identifier: MIT
/*
 * Lines: directives, commands, and what is neither.
 */
#include <stdio.h>
#include <string.h>

#include "as.h"

#define MAX_COMMAND 0xffff

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of the line; empty at its end. */
static struct piece next_word(struct piece *rest)
{
	struct piece word;

	while (rest->length && is_space(*rest->at)) {
		rest->at++;
		rest->length--;
	}
	word.at = rest->at;
	while (rest->length && !is_space(*rest->at)) {
		rest->at++;
		rest->length--;
	}
	word.length = (size_t)(rest->at - word.at);
	return word;
}

/* NAME=VALUE */
static bool split(struct assembler *as, struct piece word, struct piece *name, struct piece *value)
{
	const char *equals = memchr(word.at, '=', word.length);

	if (!equals)
		return complain(as, word.at, "NAME=VALUE expected");
	*name = (struct piece){ word.at, (size_t)(equals - word.at) };
	*value = (struct piece){ equals + 1, word.length - name->length - 1 };
	return true;
}

/* ---- buffers ---- */

static void end_buffer(struct assembler *as)
{
	if (!as->open)
		return;
	as->header.size = (uint32_t)(as->out->size - as->start);
	memcpy(as->out->bytes + as->start, &as->header, sizeof(as->header));
	as->open = false;
}

static bool parse_version(struct assembler *as, struct piece text)
{
	const char *dot = memchr(text.at, '.', text.length);
	uint64_t major, minor;
	struct piece left, right;

	if (!dot)
		return complain(as, text.at, "a version is MAJOR.MINOR");
	left = (struct piece){ text.at, (size_t)(dot - text.at) };
	right = (struct piece){ dot + 1, text.length - left.length - 1 };
	if (!parse_u64(as, left, UINT16_MAX, &major) || !parse_u64(as, right, UINT16_MAX, &minor))
		return false;
	if (major != LOOM_ISA_MAJOR)
		return complain(as, text.at, "instruction set %u.%u; this tool knows %u.%u",
				(unsigned int)major, (unsigned int)minor, LOOM_ISA_MAJOR,
				LOOM_ISA_MINOR);
	as->header.isa_version = (uint32_t)(major << 16 | minor);
	return true;
}

static bool parse_header_field(struct assembler *as, struct piece name, struct piece value)
{
	uint64_t number = 0;

	if (same(name, "isa"))
		return parse_version(as, value);
	if (!parse_u64(as, value, UINT32_MAX, &number))
		return false;
	if (same(name, "weight_bytes")) {
		as->header.weight_bytes = (uint32_t)number;
		as->sum_weights = false;
	} else if (same(name, "lease_bytes")) {
		as->header.lease_bytes = (uint32_t)number;
	} else if (same(name, "slice")) {
		as->header.slice = (uint32_t)number;
	} else {
		return complain(as, name.at, ".buffer has no field '%.*s'", (int)name.length, name.at);
	}
	return true;
}

static bool begin_buffer(struct assembler *as, struct piece rest)
{
	struct piece word, name = { 0 }, value = { 0 };

	end_buffer(as);
	put_bytes(as->out, NULL, -as->out->size % AS_ALIGN);
	as->start = as->out->size;
	as->open = true;
	as->sum_weights = true;
	as->header = (struct loom_cmdbuf){
		.magic = LOOM_CMDBUF_MAGIC,
		.isa_version = LOOM_ISA_VERSION,
	};
	as->out->num_buffers++;
	put_bytes(as->out, NULL, sizeof(as->header));
	for (word = next_word(&rest); word.length; word = next_word(&rest))
		if (!split(as, word, &name, &value) || !parse_header_field(as, name, value))
			return false;
	return true;
}

/* ---- commands ---- */

static const struct isa_field *find_field(const struct isa_command *command, struct piece name)
{
	for (unsigned int i = 0; i < command->num_fields; i++)
		if (same(name, command->fields[i].name))
			return &command->fields[i];
	return NULL;
}

static bool parse_command(struct assembler *as, const struct isa_command *command,
			  struct piece rest)
{
	struct loom_cmd head = { .opcode = command->opcode, .size = command->size };
	bool seen[64] = { false };
	uint8_t bytes[512] = { 0 };
	struct piece word, name = { 0 }, value = { 0 };

	memcpy(bytes, &head, sizeof(head));
	for (word = next_word(&rest); word.length; word = next_word(&rest)) {
		const struct isa_field *field;

		if (!split(as, word, &name, &value))
			return false;
		field = find_field(command, name);
		if (!field)
			return complain(as, name.at, "%s has no field '%.*s'", command->name,
					(int)name.length, name.at);
		if (seen[field - command->fields])
			return complain(as, name.at, "'%s' is there twice", field->name);
		seen[field - command->fields] = true;
		if (!parse_field(as, field, value, bytes, as->out->size))
			return false;
	}
	if (command->opcode == LOOM_OP_FETCH && as->sum_weights)
		as->header.weight_bytes += ((struct loom_cmd_fetch *)bytes)->bytes;
	put_bytes(as->out, bytes, command->size);
	return true;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* unknown opcode=N size=N raw=HEX: the bytes as they are; the rest repeats what is in them. */
static bool parse_unknown(struct assembler *as, struct piece rest)
{
	struct piece word = next_word(&rest), name, value = { 0 };

	for (; word.length; word = next_word(&rest))
		if (!split(as, word, &name, &value))
			return false;
	if (!value.length || !same(name, "raw"))
		return complain(as, word.at, "raw=BYTES expected at the end");
	if (value.length % 16 || value.length / 2 > MAX_COMMAND)
		return complain(as, value.at, "a command is a multiple of 8 bytes, at most %u",
				MAX_COMMAND);
	for (size_t i = 0; i < value.length; i += 2) {
		int high = digit(value.at[i]), low = digit(value.at[i + 1]);
		uint8_t byte;

		if (high < 0 || low < 0)
			return complain(as, value.at + i, "two hexadecimal digits expected");
		byte = (uint8_t)(high << 4 | low);
		put_bytes(as->out, &byte, 1);
	}
	return true;
}

/* ---- lines ---- */

/* "slice 12: name, ..." */
static bool is_caption(struct piece line)
{
	size_t i = 6;

	if (line.length < 8 || memcmp(line.at, "slice ", 6))
		return false;
	while (i < line.length && digit(line.at[i]) >= 0 && digit(line.at[i]) < 10)
		i++;
	return i > 6 && i < line.length && line.at[i] == ':';
}

static bool parse_line(struct assembler *as, struct piece line)
{
	struct piece rest = line, word = next_word(&rest);
	const struct isa_command *command;

	if (!word.length || *word.at == '#' || is_caption(line))
		return true;
	if (same(word, ".buffer"))
		return begin_buffer(as, rest);
	if (!as->open)
		return complain(as, word.at, ".buffer expected before the first command");
	as->header.num_cmds++;
	if (same(word, "unknown"))
		return parse_unknown(as, rest);
	command = isa_command_named(word.at, word.length);
	if (!command)
		return complain(as, word.at, "no command is called '%.*s'",
				word.length < 40 ? (int)word.length : 40, word.at);
	return parse_command(as, command, rest);
}

bool assemble(const char *text, size_t size, struct as_output *out, struct as_error *error)
{
	struct assembler as = { .out = out, .error = error };
	const char *end = text + size;
	bool listing = size > 5 && !memcmp(text, "file ", 5), ok = true;

	memset(out, 0, sizeof(*out));
	while (text < end && ok) {
		const char *eol = memchr(text, '\n', (size_t)(end - text)) ?: end;
		struct piece line = { text, (size_t)(eol - text) };

		as.line = text;
		as.number++;
		listing = listing && !is_caption(line);
		ok = listing || parse_line(&as, line);
		text = eol + 1;
	}
	if (ok && !out->num_buffers) {
		as.line = end;
		ok = complain(&as, end, "there is no .buffer");
	}
	end_buffer(&as);
	if (!ok)
		as_output_free(out);
	return ok;
}
