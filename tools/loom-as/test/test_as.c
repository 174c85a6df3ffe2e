// SPDX-License-Identifier: MIT
/*
 * The assembler: every field of every command comes back with every value, damaged buffers too, and
 * bad text is refused where it is bad.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "libloom/test/make_model.h"
#include "loom_sim.h"
#include "tools/loom-as/assemble.h"
#include "tools/loom-objdump/disasm.h"
#include "tools/loom-objdump/isa_table.h"

#define TEXT_MAX (1u << 20)

static struct loom_hw_caps tiny;
static struct loom_model *model;	/* whose first slice is overwritten */
static void *file;
static char *cmd;
static size_t cmd_size;
static char text[TEXT_MAX];

static int start(void **state)
{
	struct loom_sim_config config;
	struct make_model args = { .name = "m", .n = 16, .slices = 2, .seed = 1, .caps = &tiny };
	size_t size;

	assert_true(loom_sim_preset(&config, "tiny"));
	tiny = config.caps;
	file = make_model(&args, &size);
	assert_int_equal(loom_model_open_memory(file, size, &model), 0);
	cmd = (char *)loom_model_cmdbuf(model, 0, &cmd_size);
	return 0;
}

static int stop(void **state)
{
	loom_model_close(model);
	free(file);
	return 0;
}

/* The slice as text; false when the disassembler refuses it. */
static bool print_slice(unsigned int slice)
{
	FILE *out = tmpfile();
	int saved = dup(1);
	size_t length;
	bool good;

	fflush(stdout);
	dup2(fileno(out), 1);
	disasm_header(model, slice);
	good = disasm_slice(model, slice, false);
	fflush(stdout);
	dup2(saved, 1);
	close(saved);
	rewind(out);
	length = fread(text, 1, TEXT_MAX - 1, out);
	text[length] = 0;
	fclose(out);
	return good;
}

static void check_same(const char *bytes, size_t size)
{
	struct as_output out;
	struct as_error error;

	if (!assemble(text, strlen(text), &out, &error))
		fail_msg("%u:%u: %s\n%s", error.line, error.column, error.text, text);
	assert_int_equal(out.size, size);
	for (size_t i = 0; i < size; i++)
		if (out.bytes[i] != (uint8_t)bytes[i])
			fail_msg("byte %zu is %02x, not %02x, of\n%s", i, out.bytes[i],
				 (uint8_t)bytes[i], text);
	as_output_free(&out);
}

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* ---- there and back ---- */

/* Values that printers and parsers get wrong, and any others. */
static uint32_t word(uint32_t *random)
{
	static const uint32_t special[] = {
		0, 1, 0x80000000, 0xffffffff, 0x7fffffff,
		0x7fc00000, 0xffc00001, 0x7f800001, 0x7f800000, 0xff800000,	/* NaN, infinity */
		0x00000001, 0x807fffff, 0x3dcccccd, 0x33d6bf95,		/* denormal, 0.1, 1e-7 */
	};
	uint32_t r = next_random(random);

	return r % 3 ? next_random(random) : special[r / 3 % (sizeof(special) / 4)];
}

/* One command of its own in a buffer, through the same printer as objdump's. */
static void one_command(const struct isa_command *command, uint32_t *random)
{
	static _Alignas(8) char bytes[1024];
	struct loom_cmdbuf head = {
		.magic = LOOM_CMDBUF_MAGIC, .isa_version = LOOM_ISA_VERSION,
		.size = sizeof(head) + command->size, .num_cmds = 1,
		.weight_bytes = word(random), .lease_bytes = word(random), .slice = word(random),
	};
	struct loom_cmd id = { .opcode = command->opcode, .size = command->size };
	FILE *out = tmpfile();
	int saved = dup(1);
	size_t length;

	for (size_t i = 0; i < command->size; i += 4) {
		uint32_t value = word(random);

		memcpy(bytes + sizeof(head) + i, &value, sizeof(value));
	}
	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), &id, 4);
	fflush(stdout);
	dup2(fileno(out), 1);
	printf(".buffer isa=%u.%u weight_bytes=%u lease_bytes=%u slice=%u\n", LOOM_ISA_MAJOR,
	       LOOM_ISA_MINOR, head.weight_bytes, head.lease_bytes, head.slice);
	disasm_command(bytes + sizeof(head), command->size);
	fflush(stdout);
	dup2(saved, 1);
	close(saved);
	rewind(out);
	length = fread(text, 1, TEXT_MAX - 1, out);
	text[length] = 0;
	fclose(out);
	check_same(bytes, head.size);
}

static void test_every_command(void **state)
{
	unsigned int commands = 0;
	uint32_t random = 0xa5;

	for (unsigned int opcode = 0; opcode < 65536; opcode++) {
		const struct isa_command *command = isa_command(opcode);

		if (!command)
			continue;
		commands++;
		for (int i = 0; i < 40; i++)
			one_command(command, &random);
	}
	assert_true(commands >= 21);
}

/* Damage to the commands of a file, relocated places included. */
static void test_damaged(void **state)
{
	char *good = malloc(cmd_size);
	unsigned int same = 0;
	uint32_t random = 0x5eed;

	memcpy(good, cmd, cmd_size);
	for (int i = 0; i < 1000; i++) {
		memcpy(cmd, good, cmd_size);
		for (int n = 1 + next_random(&random) % 4; n; n--)
			cmd[sizeof(struct loom_cmdbuf) +
			    next_random(&random) % (cmd_size - sizeof(struct loom_cmdbuf))] =
				(char)next_random(&random);
		if (!print_slice(0))
			continue;
		check_same(cmd, cmd_size);
		same++;
	}
	memcpy(cmd, good, cmd_size);
	free(good);
	assert_true(same > 500);
}

/* A file's places that the loader fills in. */
static void test_relocs(void **state)
{
	static const uint64_t base[AS_REGIONS] = { [AS_WEIGHTS] = 0x1000, [AS_IO] = 0x20000 };
	struct as_output out;
	struct as_error error;
	uint64_t va;

	assert_true(print_slice(1));
	assert_true(assemble(text, strlen(text), &out, &error));
	assert_int_equal(out.num_relocs, 2);
	as_relocate(&out, base);
	for (size_t i = 0; i < out.num_relocs; i++) {
		memcpy(&va, out.bytes + out.relocs[i].offset, sizeof(va));
		assert_int_equal(va, base[out.relocs[i].region] + out.relocs[i].addend);
	}
	assert_int_equal(out.relocs[0].region, AS_WEIGHTS);
	assert_int_equal(out.relocs[1].region, AS_IO);
	as_output_free(&out);
}

/* ---- written by hand ---- */

static void test_defaults(void **state)
{
	static const char source[] =
		"# two buffers\n"
		"\t.buffer lease_bytes=0x40\r\n"
		"fetch bytes=100 va=0x1000\n"
		"\n"
		"slice 7: a caption, like objdump's\n"
		"fetch va=4096 bytes=28\n"
		".buffer isa=2.0 slice=5\n"
		"  nop   wait=3   flags=BIAS|0x100\n";
	struct loom_cmdbuf head;
	struct loom_cmd nop;
	struct as_output out;
	struct as_error error;

	assert_true(assemble(source, sizeof(source) - 1, &out, &error));
	assert_int_equal(out.num_buffers, 2);
	memcpy(&head, out.bytes, sizeof(head));
	assert_int_equal(head.isa_version, LOOM_ISA_VERSION);
	assert_int_equal(head.size, 32 + 2 * 32);
	assert_int_equal(head.num_cmds, 2);
	assert_int_equal(head.weight_bytes, 128);
	assert_int_equal(head.lease_bytes, 64);
	memcpy(&head, out.bytes + 128, sizeof(head));
	assert_int_equal(head.isa_version, 0x20000);
	assert_int_equal(head.slice, 5);
	assert_int_equal(head.size, 48);
	memcpy(&nop, out.bytes + 128 + 32, sizeof(nop));
	assert_int_equal(nop.wait, 3);
	assert_int_equal(nop.flags, 0x101);
	assert_int_equal(out.size, 128 + 48);
	as_output_free(&out);
}

static void refused(const char *source, unsigned int line, unsigned int column, const char *why)
{
	struct as_output out;
	struct as_error error;

	if (assemble(source, strlen(source), &out, &error))
		fail_msg("accepted: %s", source);
	if (error.line != line || error.column != column || !strstr(error.text, why))
		fail_msg("%u:%u: %s, not %u:%u: %s", error.line, error.column, error.text, line,
			 column, why);
}

static void test_refused(void **state)
{
	refused("", 0, 1, "there is no .buffer");
	refused("nop\n", 1, 1, ".buffer expected before the first command");
	refused(".buffer\nmov a=1\n", 2, 1, "no command is called 'mov'");
	refused(".buffer\n\n nop waiting=1\n", 3, 6, "nop has no field 'waiting'");
	refused(".buffer\nnop wait\n", 2, 5, "NAME=VALUE expected");
	refused(".buffer\nnop wait=1 wait=2\n", 2, 12, "'wait' is there twice");
	refused(".buffer\nnop wait=\n", 2, 10, "is no number");
	refused(".buffer\nnop wait=-1\n", 2, 10, "'-1' is no number");
	refused(".buffer\nnop wait=4294967296\n", 2, 10, "is more than 4294967295");
	refused(".buffer\nnop wait=99999999999999999999\n", 2, 10, "is more than");
	refused(".buffer\nnop flags=BIAS|SPEED\n", 2, 16, "no flag is called 'SPEED'");
	refused(".buffer\nconv kh=65536\n", 2, 9, "is more than 65535");
	refused(".buffer\nconv act.fn=fast\n", 2, 13, "is none of the field's names");
	refused(".buffer\nconv act.alpha=1.5x\n", 2, 16, "is no number");
	refused(".buffer\nconv act.alpha=\n", 2, 16, "a number expected");
	refused(".buffer\nconv act.alpha=nan(1\n", 2, 16, "is no number");
	refused(".buffer\nmatmul batch=1\n", 2, 15, "is no number");
	refused(".buffer\nmatmul batch=1,2,3\n", 2, 18, "batch has 2 values");
	refused(".buffer\ncopy src.stride=1,2,3,4,5,-2147483649\n", 2, 28, "is more than");
	refused(".buffer\nfetch va=heap+0\n", 2, 10, "the region 'heap' is none of");
	refused(".buffer\nfetch va=io+\n", 2, 13, "is no number");
	refused(".buffer\nfetch va=io+0x10(3\n", 2, 18, "')' expected");
	refused(".buffer isa=1.2\n", 1, 13, "instruction set 1.2; this tool knows 2.");
	refused(".buffer isa=1\n", 1, 13, "a version is MAJOR.MINOR");
	refused(".buffer size=1\n", 1, 9, ".buffer has no field 'size'");
	refused(".buffer\nunknown opcode=9 size=16\n", 2, 25, "raw=BYTES expected");
	refused(".buffer\nunknown raw=0011\n", 2, 13, "a multiple of 8 bytes");
	refused(".buffer\nunknown raw=00112233445566zz\n", 2, 27, "two hexadecimal digits");
	refused("file    x: format 1\nslice none\n", 2, 1, "there is no .buffer");
}

/* Text that nobody meant: refused or assembled, but no harm is done. */
static void test_spoilt_text(void **state)
{
	static char spoilt[TEXT_MAX];
	unsigned int refusals = 0;
	uint32_t random = 77;
	size_t length;

	assert_true(print_slice(0));
	length = strlen(text);
	for (int i = 0; i < 3000; i++) {
		struct as_output out;
		struct as_error error;

		memcpy(spoilt, text, length);
		for (int n = 1 + next_random(&random) % 3; n; n--)
			spoilt[next_random(&random) % length] = (char)next_random(&random);
		if (assemble(spoilt, length - next_random(&random) % 9, &out, &error))
			as_output_free(&out);
		else
			refusals++;
	}
	assert_true(refusals > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_command),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_relocs),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_spoilt_text),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
