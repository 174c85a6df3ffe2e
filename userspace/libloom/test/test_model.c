// SPDX-License-Identifier: MIT
/*
 * The loader: what it reads, and what it refuses. A damaged file gives a clear error or runs
 * safely.
 */
#include <elf.h>
#include <unistd.h>

#include "fixture.h"
#include "loom_sim.h"

#define FLIPS 3000

static const struct make_model args = { .name = "small", .n = 64, .slices = 3, .seed = 1 };

static struct loom_hw_caps tiny;

static void *small_file(size_t *size)
{
	struct make_model with_caps = args;

	with_caps.caps = &tiny;
	return make_model(&with_caps, size);
}

static int setup(void **data)
{
	struct loom_sim_config config = { 0 };

	assert_true(loom_sim_preset(&config, "tiny"));
	tiny = config.caps;
	return 0;
}

static void test_reads(void **data)
{
	const struct loom_elf_tensor *tensor;
	const struct loom_elf_slice *slice;
	const struct loom_cmdbuf *head;
	struct loom_model *model;
	size_t size;
	void *file = small_file(&size);

	must_work(loom_model_open_memory(file, size, &model));
	free(file);
	assert_string_equal(loom_model_name(model), "small");
	assert_int_equal(loom_model_info(model)->num_slices, 3);
	assert_true(loom_model_abi(model)->caps_hash == loom_caps_hash(&tiny));
	tensor = loom_model_tensor(model, 1);
	assert_string_equal(loom_model_string(model, tensor->name), "y");
	assert_int_equal(tensor->dims[1], 64);
	assert_null(loom_model_tensor(model, 2));
	slice = loom_model_slice(model, 2);
	assert_string_equal(loom_model_string(model, slice->name), "add2");
	assert_null(loom_model_slice(model, 3));
	head = loom_model_cmdbuf(model, 2, &size);
	assert_int_equal(head->magic, LOOM_CMDBUF_MAGIC);
	assert_int_equal(head->size, size);
	assert_null(loom_model_cmdbuf(model, 3, &size));
	assert_string_equal(loom_model_string(model, UINT32_MAX), "");
	loom_model_close(model);
}

static void test_opens_files(void **data)
{
	char path[] = "/tmp/loom-test-XXXXXX";
	struct loom_model *model;
	size_t size;
	void *file = small_file(&size);
	int fd = mkstemp(path);

	assert_int_equal(write(fd, file, size), size);
	must_work(loom_model_open(path, &model));
	loom_model_close(model);
	assert_int_equal(ftruncate(fd, size - 1), 0);
	assert_true(loom_model_open(path, &model) < 0);
	assert_non_null(strstr(loom_error(), path));
	assert_int_equal(loom_model_open("/nonexistent", &model), -ENOENT);
	assert_true(loom_model_open("/dev/zero", &model) < 0);
	assert_true(loom_model_open("/tmp", &model) < 0);
	close(fd);
	unlink(path);
	free(file);
}

/* An ELF file that is not ours is said to be none. */
static void test_other_elf(void **data)
{
	struct loom_model *model;

	assert_int_equal(loom_model_open("/proc/self/exe", &model), -ENOEXEC);
	assert_non_null(strstr(loom_error(), "ELF machine 0x3e, expected 0x4c4d"));
}

/* ---- one thing wrong at a time ---- */

static struct loom_elf_abi *find_abi(char *file, size_t size)
{
	char *at = memmem(file, size, "tiny", 4);

	assert_non_null(at);
	return (void *)(at - offsetof(struct loom_elf_abi, preset));
}

static void refused(const char *file, size_t size, int err, const char *text)
{
	struct loom_model *model;
	int got = loom_model_open_memory(file, size, &model);

	if (got != err || !strstr(loom_error(), text))
		fail_msg("%d \"%s\", expected %d \"%s\"", got, loom_error(), err, text);
}

#define TEXT(x) #x
#define VERSION_TEXT(major, minor) TEXT(major) "." TEXT(minor)
#define LOOM_ISA_TEXT VERSION_TEXT(LOOM_ISA_MAJOR, LOOM_ISA_MINOR)

static void test_versions(void **data)
{
	size_t size;
	char *file = small_file(&size);
	struct loom_elf_abi abi, *at = find_abi(file, size);

	memcpy(&abi, at, sizeof(abi));
	abi.file_version = 7;
	memcpy(at, &abi, sizeof(abi));
	refused(file, size, -EPROTO, "format version 7, this library reads version 1");
	abi.file_version = LOOM_FILE_VERSION;
	abi.isa_version = 9 << 16 | 2;
	memcpy(at, &abi, sizeof(abi));
	refused(file, size, -EPROTO, "instruction set 9.2, this library knows " LOOM_ISA_TEXT);
	abi.isa_version = LOOM_ISA_VERSION;
	memset(abi.preset, 'x', sizeof(abi.preset));
	memcpy(at, &abi, sizeof(abi));
	refused(file, size, -ENOEXEC, "no string");
	free(file);
}

/* A section of the file, by its header: where it is and where that says so. */
static Elf64_Shdr *find_section(char *file, const char *name)
{
	Elf64_Ehdr *ehdr = (void *)file;
	Elf64_Shdr *shdrs = (void *)(file + ehdr->e_shoff);
	const char *names = file + shdrs[ehdr->e_shstrndx].sh_offset;
	int i;

	for (i = 0; i < ehdr->e_shnum; i++)
		if (!strcmp(names + shdrs[i].sh_name, name))
			return &shdrs[i];
	fail_msg("no section %s", name);
	return NULL;
}

/* Change a record, see it refused, change it back. */
#define refuse_with(section, type, i, field, value, text) do {				\
		type *record = (type *)(file + find_section(file, section)->sh_offset) + (i); \
		type before = *record;							\
		record->field = (value);						\
		refused(file, size, -ENOEXEC, text);					\
		*record = before;							\
	} while (0)

#define refuse_slice(i, field, value, text) \
	refuse_with(".loom.slices", struct loom_elf_slice, i, field, value, text)
#define refuse_tensor(i, field, value, text) \
	refuse_with(".loom.tensors", struct loom_elf_tensor, i, field, value, text)
#define refuse_rela(i, field, value, text) \
	refuse_with(".rela.cmd", Elf64_Rela, i, field, value, text)
#define refuse_info(field, value, text) \
	refuse_with(".loom.info", struct loom_elf_info, 0, field, value, text)
#define refuse_head(field, value, text) \
	refuse_with(".cmd", struct loom_cmdbuf, 0, field, value, text)

static void test_records(void **data)
{
	size_t size;
	char *file = small_file(&size), *at;

	refuse_info(name, 1 << 20, "name is no string of .strtab");
	refuse_info(num_slices, 0, "0 slices");
	refuse_info(num_slices, 4, ".loom.slices has");
	refuse_info(num_inputs, 2, ".loom.tensors has");
	refuse_info(num_inputs, UINT32_MAX, "inputs");
	refuse_info(io_bytes, 100, "outside the I/O region");
	refuse_info(io_bytes, UINT64_MAX, "bytes of I/O");
	refuse_info(scratch_bytes, UINT64_MAX, "of scratch");
	refuse_info(lease_bytes, 8, "bytes of lease");
	refuse_info(num_layers, 1, "layer");
	refuse_info(reserved[1], 1, "reserved");

	refuse_slice(1, cmd, 64, "outside .cmd");
	refuse_slice(1, cmd, UINT64_MAX - 63, "outside .cmd");
	refuse_slice(1, cmd_size, 1 << 20, "outside .cmd");
	refuse_slice(1, cmd_size, 8, "bad alignment or size");
	refuse_slice(1, name, UINT32_MAX, "name is no string of .strtab");
	refuse_slice(0, layer, 2, "layer");
	refuse_slice(1, num_cmds, 77, "disagree");
	refuse_slice(1, weight_bytes, 77, "disagree");
	refuse_slice(2, mac_ps, UINT64_MAX, "profile");

	refuse_head(magic, 0, "bad header");
	refuse_head(size, 8, "bad header");
	refuse_head(reserved, 8, "bad header");
	refuse_head(lease_bytes, 8 << 20, "bytes of lease");

	refuse_tensor(0, name, UINT32_MAX, "name is no string of .strtab");
	refuse_tensor(0, dtype, 8, "unknown type 8");
	refuse_tensor(0, rank, 9, "rank 9");
	refuse_tensor(0, dims[1], UINT64_MAX, "overflows");
	refuse_tensor(0, dims[1], 65, "its shape has 130");
	refuse_tensor(1, offset, 1 << 20, "outside the I/O region");
	refuse_tensor(1, offset, UINT64_MAX - 63, "outside the I/O region");
	refuse_tensor(1, offset, 8, "outside the I/O region, or is not aligned");

	at = memmem(file, size, "add1", 5);
	at[1] = '\x1b';		/* for the terminal of whoever lists it */
	refused(file, size, -ENOEXEC, "slice 1: its name is no string");
	at[1] = 'd';

	refuse_rela(0, r_offset, 1 << 20, "outside .cmd");
	refuse_rela(0, r_offset, UINT64_MAX - 7, "outside .cmd");
	refuse_rela(0, r_offset, 4, "not 8-byte aligned");
	refuse_rela(0, r_addend, -1, "__loom_weights + 0x");
	refuse_rela(0, r_addend, 1 << 20, "is outside its 384 bytes");
	refuse_rela(1, r_addend, 1 << 20, "__loom_io + 0x100000 is outside");
	refuse_rela(0, r_info, ELF64_R_INFO(1, 9), "unknown relocation type 9");
	refuse_rela(0, r_info, ELF64_R_INFO(0, R_LOOM_ADDR64), "not one to relocate against");
	refuse_rela(0, r_info, ELF64_R_INFO(999, R_LOOM_ADDR64), "no symbol 999");
	free(file);
}

#define refuse_section(section, field, value, text) do {				\
		Elf64_Shdr *shdr = find_section(file, section), old_shdr = *shdr;	\
		shdr->field = (value);							\
		refused(file, size, -ENOEXEC, text);					\
		*shdr = old_shdr;							\
	} while (0)

#define refuse_ehdr(field, value, text) do {						\
		Elf64_Ehdr *ehdr = (void *)file, old_ehdr = *ehdr;			\
		ehdr->field = (value);							\
		refused(file, size, -ENOEXEC, text);					\
		*ehdr = old_ehdr;							\
	} while (0)

static void test_headers(void **data)
{
	size_t size;
	char *file = small_file(&size);

	refuse_ehdr(e_machine, EM_X86_64, "machine");
	refuse_ehdr(e_type, ET_EXEC, "type");
	refuse_ehdr(e_ident[EI_CLASS], ELFCLASS32, "ELF64");
	refuse_ehdr(e_ident[EI_DATA], ELFDATA2MSB, "little-endian");
	refuse_ehdr(e_shoff, size - 8, "truncated");
	refuse_ehdr(e_shoff, UINT64_MAX, "truncated");
	refuse_ehdr(e_shnum, 0, "truncated");
	refuse_ehdr(e_shnum, 2000, "truncated");
	refuse_ehdr(e_phoff, UINT64_MAX - 8, "truncated");
	refuse_ehdr(e_phnum, 0, "no segment loads .weights");
	refuse_ehdr(e_shstrndx, 200, "number of headers");
	refuse_ehdr(e_shentsize, 3, "size of section");

	refuse_section(".weights", sh_offset, UINT64_MAX, "outside the file");
	refuse_section(".weights", sh_size, UINT64_MAX, "outside the file");
	/* weights without bytes need a segment without any */
	refuse_section(".weights", sh_type, SHT_NOBITS, "no segment loads .weights");
	refuse_section(".cmd", sh_addr, 0, "no segment loads .cmd");
	refuse_section(".cmd", sh_type, SHT_NOBITS, "no contents");
	refuse_section(".loom.info", sh_size, 8, ".loom.info has 8 bytes");
	refuse_section(".rela.cmd", sh_size, 25, "whole number of records");
	refuse_section(".strtab", sh_size, 1, "no string of .strtab");
	refuse_section(".symtab", sh_size, 24, "no symbol");
	refuse_section(".note.loom", sh_size, 20, "ABI note");
	refuse_section(".note.loom", sh_flags, SHF_COMPRESSED, "compressed");
	refuse_section(".loom.tensors", sh_name, 0, ".loom.tensors is missing");
	refuse_section(".loom.tensors", sh_name, 1 << 20, "no name");
	refuse_section(".strtab", sh_name, find_section(file, ".symtab")->sh_name, "there twice");
	free(file);
}

/* Weights that are in no file: zeros, as many as the file says, unless it says too many. */
static void test_no_weights(void **data)
{
	struct loom_dev *dev = open_device("sim:tiny,functional=off");
	struct loom_instance *instance;
	struct loom_model *model;
	size_t size;
	char *file = small_file(&size);
	Elf64_Shdr *weights = find_section(file, ".weights");
	Elf64_Phdr *phdr = (void *)(file + ((Elf64_Ehdr *)file)->e_phoff);

	weights->sh_type = SHT_NOBITS;
	phdr->p_filesz = 0;
	must_work(loom_model_open_memory(file, size, &model));
	assert_true(loom_model_timing_only(model));
	must_work(loom_instance_create(dev, model, 1, &instance));
	loom_instance_destroy(instance);
	loom_model_close(model);
	weights->sh_size = phdr->p_memsz = 1ull << 60;
	must_work(loom_model_open_memory(file, size, &model));
	assert_int_equal(loom_instance_create(dev, model, 1, &instance), -EFBIG);
	loom_model_close(model);
	weights->sh_size = UINT64_MAX;
	refused(file, size, -ENOEXEC, "no segment loads .weights");
	free(file);
	loom_dev_close(dev);
}

/* ---- damage at large ---- */

/* A damaged file that opens is run: the device must stop whatever is wrong with it. */
static void try_file(struct loom_dev *dev, const char *file, size_t size, unsigned int *opened)
{
	struct loom_instance *instance;
	struct loom_model *model;
	struct loom_queue *queue;
	struct drm_loom_job job;
	unsigned int i;

	if (loom_model_open_memory(file, size, &model))
		return;
	(*opened)++;
	if (!loom_instance_create(dev, model, 1, &instance)) {
		queue = open_queue(dev, 1);
		must_work(loom_queue_set_vm(queue, 0, loom_instance_vm(instance)));
		for (i = 0; i < loom_model_info(model)->num_slices; i++) {
			loom_instance_job(instance, 0, i, 0, &job);
			loom_submit_wait(queue, &job, 1, NULL, 1000000000);
		}
		loom_instance_destroy(instance);
		loom_queue_destroy(queue);
	}
	loom_model_close(model);
}

static void test_truncated(void **data)
{
	struct loom_dev *dev = open_device("sim:tiny,watchdog_ns=1000000");
	unsigned int opened = 0;
	size_t size, cut;
	char *file = small_file(&size);

	for (cut = 0; cut < size; cut += 64)
		try_file(dev, file, cut, &opened);
	try_file(dev, file, size - 1, &opened);
	assert_int_equal(opened, 0);
	try_file(dev, file, size, &opened);
	assert_int_equal(opened, 1);
	free(file);
	loom_dev_close(dev);
}

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Bits anywhere, but most of them where something is: much of the file is padding to pages. */
static void test_bit_flips(void **data)
{
	struct loom_dev *dev = open_device("sim:tiny,watchdog_ns=1000000");
	unsigned int i, opened = 0;
	uint32_t random = 0x10031;
	size_t size;
	char *file = small_file(&size);

	for (i = 0; i < FLIPS; i++) {
		unsigned int j, flips = 1 + next_random(&random) % 3;
		char *copy = malloc(size);

		memcpy(copy, file, size);
		for (j = 0; j < flips; j++) {
			size_t at;

			do {
				at = next_random(&random) % size;
			} while (!file[at] && next_random(&random) % 32);
			copy[at] ^= 1 << next_random(&random) % 8;
		}
		try_file(dev, copy, size, &opened);
		free(copy);
	}
	print_message("%u of %u damaged files opened and ran safely\n", opened, FLIPS);
	assert_true(opened > 0 && opened < FLIPS);
	free(file);
	loom_dev_close(dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_opens_files),
		cmocka_unit_test(test_other_elf),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_no_weights),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_bit_flips),
	};

	return cmocka_run_group_tests_name("loom files", tests, setup, NULL);
}
