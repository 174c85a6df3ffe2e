// SPDX-License-Identifier: MIT
/*
 * The disassembler: its table covers every byte of every command, and damaged buffers do it no
 * harm.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "libloom/test/make_model.h"
#include "loom_sim.h"
#include "tools/loom-objdump/disasm.h"
#include "tools/loom-objdump/isa_table.h"

#define FLIPS 3000

static struct loom_hw_caps tiny;

/* What is shown of a command is all of it: a line without some field could not be read back. */
static void test_table(void **data)
{
	unsigned int opcode, commands = 0, i, j;

	for (opcode = 0; opcode < 1000; opcode++) {
		const struct isa_command *command = isa_command(opcode);
		unsigned char seen[256] = { 1, 1, 1, 1 };	/* opcode and size */

		if (!command)
			continue;
		commands++;
		for (i = 0; i < command->num_fields; i++)
			for (j = 0; j < isa_field_bytes(&command->fields[i]); j++)
				seen[command->fields[i].offset + j]++;
		for (i = 0; i < command->size; i++)
			if (seen[i] != 1)
				fail_msg("%s: byte %u is in %u fields", command->name, i, seen[i]);
		assert_int_equal(command->size % 8, 0);
	}
	assert_int_equal(commands, 21);
}

static struct loom_model *open_model(void **file, size_t *size)
{
	struct make_model args = { .name = "m", .n = 16, .slices = 2, .seed = 1, .caps = &tiny };
	struct loom_model *model = NULL;

	*file = make_model(&args, size);
	assert_int_equal(loom_model_open_memory(*file, *size, &model), 0);
	return model;
}

/* Run something with its standard output in a file; what it printed. */
static char *printed(const struct loom_model *model, unsigned int slice, bool *good)
{
	FILE *file = tmpfile();
	int saved = dup(1);
	char *text = calloc(1, 65536);

	fflush(stdout);
	dup2(fileno(file), 1);
	*good = disasm_slice(model, slice, false);
	fflush(stdout);
	dup2(saved, 1);
	close(saved);
	rewind(file);
	assert_true(fread(text, 1, 65535, file) > 0);
	fclose(file);
	return text;
}

static void test_text(void **data)
{
	struct loom_model *model;
	size_t size;
	void *file;
	char *text;
	bool good;

	model = open_model(&file, &size);
	text = printed(model, 1, &good);
	assert_true(good);
	assert_string_equal(text,
		"fetch flags=0 wait=0 release_to=0x0 va=weights+0x20 bytes=32\n"
		"binary flags=0 wait=0 release_to=0x20 fn=add dims=1,1,1,1,1,16 "
		"a.off=0x0 a.space=lease a.dtype=f16 a.stride=0,0,0,0,0,1 "
		"b.off=0x0 b.space=weights b.dtype=f16 b.stride=0,0,0,0,0,1 "
		"dst.off=0x0 dst.space=lease dst.dtype=f16 dst.stride=0,0,0,0,0,1 "
		"act.fn=none act.alpha=0 act.beta=0\n"
		"store flags=0 wait=1 release_to=0x0 va=io+0x40 va_pitch=32 off=0x0 off_pitch=32 "
		"rows=1 row_bytes=32\n");
	free(text);
	free(file);
	loom_model_close(model);
}

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void disasm_all(const struct loom_model *model, unsigned int *refused)
{
	unsigned int i;

	for (i = 0; i < loom_model_info(model)->num_slices; i++)
		*refused += !disasm_slice(model, i, i & 1);
}

/* Damage to the commands themselves, which the loader does not look at. */
static void test_damaged(void **data)
{
	unsigned int i, refused = 0;
	uint32_t random = 0x5eed;
	struct loom_model *model;
	int saved = dup(1);
	size_t size, cmd_size;
	char *cmd;
	void *file;

	model = open_model(&file, &size);
	cmd = (char *)loom_model_cmdbuf(model, 0, &cmd_size);
	fflush(stdout);
	assert_non_null(freopen("/dev/null", "w", stdout));
	for (i = 0; i < FLIPS; i++) {
		size_t at = sizeof(struct loom_cmdbuf) +
			    next_random(&random) % (cmd_size - sizeof(struct loom_cmdbuf));
		char bit = 1 << next_random(&random) % 8;

		cmd[at] ^= bit;
		disasm_all(model, &refused);
		/* Some damage stays, so that it adds up. */
		if (i % 8)
			cmd[at] ^= bit;
		else if (i % 256 == 0)
			memcpy(cmd, (char *)file + (cmd - model->elf.file), cmd_size);
	}
	fflush(stdout);
	dup2(saved, 1);
	close(saved);
	assert_true(refused > 0);
	free(file);
	loom_model_close(model);
}

static int setup(void **data)
{
	struct loom_sim_config config = { 0 };

	assert_true(loom_sim_preset(&config, "tiny"));
	tiny = config.caps;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests_name("loom-objdump", tests, setup, NULL);
}
