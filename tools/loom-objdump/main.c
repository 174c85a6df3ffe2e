// SPDX-License-Identifier: MIT
/*
 * loom-objdump: what is in a .loom file.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disasm.h"

enum { EXIT_BAD_FILE = 1, EXIT_USAGE = 2 };

struct options {
	bool json, headers;
	long slice;		/* -1: all */
};

static const char usage[] =
	"usage: loom-objdump [--json] [--headers | --slice N] FILE\n"
	"\n"
	"Print a compiled model: what it is, its tensors, its slices with their profile, and the\n"
	"command buffer of each slice, one command a line.\n"
	"\n"
	"  -H, --headers   no command buffers\n"
	"  -s, --slice N   the command buffer of slice N only\n"
	"  -j, --json      everything as one JSON object\n"
	"  -h, --help      this text\n"
	"\n"
	"Exit status: 0 all was printed; 1 the file cannot be read or is damaged; 2 bad arguments.\n";

static const char *type_name(uint32_t type)
{
	switch (type) {
	case LOOM_TENSOR_F32:
		return "f32";
	case LOOM_TENSOR_U8:
		return "u8";
	case LOOM_TENSOR_I8:
		return "i8";
	case LOOM_TENSOR_I32:
		return "i32";
	case LOOM_TENSOR_I64:
		return "i64";
	case LOOM_TENSOR_BOOL:
		return "bool";
	case LOOM_TENSOR_F16:
		return "f16";
	}
	return "unknown";
}

static unsigned int num_tensors(const struct loom_model *model)
{
	return model->info.num_inputs + model->info.num_outputs;
}

static const char *string(const struct loom_model *model, uint32_t name)
{
	return loom_model_string(model, name);
}

/* ---- text ---- */

static void print_info(const char *path, const struct loom_model *model)
{
	const struct loom_elf_info *info = &model->info;
	const struct loom_elf_abi *abi = &model->abi;

	printf("file      %s: format %u, instruction set %u.%u\n", path, abi->file_version,
	       abi->isa_version >> 16, abi->isa_version & 0xffff);
	printf("model     %s\n", loom_model_name(model));
	printf("device    %s (0x%016" PRIx64 ")\n", abi->preset, abi->caps_hash);
	if (info->needs)
		printf("needs     capabilities 0x%" PRIx64 "\n", info->needs);
	printf("slices    %u of %u layers\n", info->num_slices, info->num_layers);
	printf("lease     %u bytes\n", info->lease_bytes);
	printf("weights   %" PRIu64 " bytes in the file, %" PRIu64 " fetched by one inference\n",
	       model_section(model, LOOM_SEC_WEIGHTS)->size, info->weight_bytes);
	printf("commands  %" PRIu64 " bytes, %zu relocations\n",
	       model_section(model, LOOM_SEC_CMD)->size, model->num_relocs);
	printf("memory    %" PRIu64 " bytes of inputs and outputs, %" PRIu64 " of scratch\n",
	       info->io_bytes, info->scratch_bytes);
	printf("MACs      %" PRIu64 "\n", info->macs);
}

static void print_tensor(const struct loom_model *model, unsigned int i)
{
	const struct loom_elf_tensor *tensor = &model->tensors[i];
	unsigned int d;

	printf("  %-6s  %-4s [", i < model->info.num_inputs ? "input" : "output",
	       type_name(tensor->dtype));
	for (d = 0; d < tensor->rank; d++)
		printf("%s%" PRIu64, d ? ", " : "", tensor->dims[d]);
	printf("]  offset 0x%" PRIx64 ", %" PRIu64 " bytes  %s\n", tensor->offset, tensor->bytes,
	       string(model, tensor->name));
}

static void print_slices(const struct loom_model *model)
{
	unsigned int i;

	printf("\nslices\n  %5s %5s %5s %12s %12s %12s %12s %14s  %s\n", "slice", "layer", "cmds",
	       "compute ns", "MAC ns", "weights", "dma bytes", "MACs", "name");
	for (i = 0; i < model->info.num_slices; i++) {
		const struct loom_elf_slice *slice = &model->slices[i];

		printf("  %5u %5u %5u %12.3f %12.3f %12" PRIu64 " %12" PRIu64 " %14" PRIu64 "  %s\n",
		       i, slice->layer, slice->num_cmds, slice->compute_ps / 1e3,
		       slice->mac_ps / 1e3, slice->weight_bytes, slice->dma_bytes, slice->macs,
		       string(model, slice->name));
	}
}

static bool print_commands(const struct loom_model *model, unsigned int i)
{
	const struct loom_elf_slice *slice = &model->slices[i];

	printf("\nslice %u: %s, %u commands\n", i, string(model, slice->name), slice->num_cmds);
	disasm_header(model, i);
	return disasm_slice(model, i, false);
}

static bool print_text(const char *path, const struct loom_model *model,
		       const struct options *options)
{
	unsigned int i;

	if (options->slice >= 0)
		return print_commands(model, options->slice);
	print_info(path, model);
	printf("\ntensors\n");
	for (i = 0; i < num_tensors(model); i++)
		print_tensor(model, i);
	print_slices(model);
	for (i = 0; !options->headers && i < model->info.num_slices; i++)
		if (!print_commands(model, i))
			return false;
	return true;
}

/* ---- JSON ---- */

static void json_info(const struct loom_model *model)
{
	const struct loom_elf_info *info = &model->info;
	const struct loom_elf_abi *abi = &model->abi;

	printf("{\n  \"name\": ");
	print_json_string(loom_model_name(model));
	printf(",\n  \"file_version\": %u,\n  \"isa_version\": \"%u.%u\",\n", abi->file_version,
	       abi->isa_version >> 16, abi->isa_version & 0xffff);
	printf("  \"preset\": ");
	print_json_string(abi->preset);
	printf(",\n  \"caps_hash\": \"0x%016" PRIx64 "\",\n  \"needs\": %" PRIu64 ",\n",
	       abi->caps_hash, info->needs);
	printf("  \"num_slices\": %u,\n  \"num_layers\": %u,\n  \"lease_bytes\": %u,\n",
	       info->num_slices, info->num_layers, info->lease_bytes);
	printf("  \"io_bytes\": %" PRIu64 ",\n  \"scratch_bytes\": %" PRIu64 ",\n", info->io_bytes,
	       info->scratch_bytes);
	printf("  \"macs\": %" PRIu64 ",\n  \"weight_bytes\": %" PRIu64 ",\n", info->macs,
	       info->weight_bytes);
}

static void json_tensor(const struct loom_model *model, unsigned int i)
{
	const struct loom_elf_tensor *tensor = &model->tensors[i];
	unsigned int d;

	printf("%s\n    {\"name\": ", i ? "," : "");
	print_json_string(string(model, tensor->name));
	printf(", \"output\": %s, \"type\": \"%s\", \"dims\": [",
	       i < model->info.num_inputs ? "false" : "true", type_name(tensor->dtype));
	for (d = 0; d < tensor->rank; d++)
		printf("%s%" PRIu64, d ? ", " : "", tensor->dims[d]);
	printf("], \"offset\": %" PRIu64 ", \"bytes\": %" PRIu64 "}", tensor->offset,
	       tensor->bytes);
}

static bool json_slice(const struct loom_model *model, unsigned int i, const char *separator,
		       bool commands)
{
	const struct loom_elf_slice *slice = &model->slices[i];
	bool good = true;

	printf("%s\n    {\"slice\": %u, \"name\": ", separator, i);
	print_json_string(string(model, slice->name));
	printf(", \"layer\": %u, \"num_cmds\": %u, \"compute_ps\": %" PRIu64 ", \"mac_ps\": %" PRIu64
	       ", \"weight_bytes\": %" PRIu64 ", \"dma_bytes\": %" PRIu64 ", \"macs\": %" PRIu64,
	       slice->layer, slice->num_cmds, slice->compute_ps, slice->mac_ps, slice->weight_bytes,
	       slice->dma_bytes, slice->macs);
	if (commands) {
		printf(", \"commands\": [");
		good = disasm_slice(model, i, true);
		printf("]");
	}
	printf("}");
	return good;
}

static bool print_json(const struct loom_model *model, const struct options *options)
{
	const char *separator = "";
	bool good = true;
	unsigned int i;

	json_info(model);
	printf("  \"tensors\": [");
	for (i = 0; i < num_tensors(model); i++)
		json_tensor(model, i);
	printf("\n  ],\n  \"slices\": [");
	for (i = 0; good && i < model->info.num_slices; i++) {
		if (options->slice >= 0 && options->slice != i)
			continue;
		good = json_slice(model, i, separator, !options->headers);
		separator = ",";
	}
	printf("\n  ]\n}\n");
	return good;
}

/* ---- arguments ---- */

static int bad_usage(const char *what)
{
	fprintf(stderr, "loom-objdump: %s\n%s", what, usage);
	return EXIT_USAGE;
}

static bool parse_slice(const char *text, long *slice)
{
	char *end;

	errno = 0;
	*slice = strtol(text, &end, 10);
	return end != text && !*end && !errno && *slice >= 0;
}

static int parse(int argc, char **argv, struct options *options)
{
	static const struct option long_options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "headers", no_argument, NULL, 'H' },
		{ "slice", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL }
	};
	int c;

	while ((c = getopt_long(argc, argv, "jHs:h", long_options, NULL)) != -1) {
		switch (c) {
		case 'j':
			options->json = true;
			break;
		case 'H':
			options->headers = true;
			break;
		case 's':
			if (!parse_slice(optarg, &options->slice))
				return bad_usage("--slice: a number expected");
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			return bad_usage("unknown option");
		}
	}
	return optind == argc - 1 ? 0 : bad_usage("one file expected");
}

static int complain(const char *path)
{
	fprintf(stderr, "loom-objdump: %s: %s\n", path, loom_error());
	return EXIT_BAD_FILE;
}

int main(int argc, char **argv)
{
	struct options options = { .slice = -1 };
	struct loom_model *model;
	int status = parse(argc, argv, &options);

	if (status)
		return status;
	if (loom_model_open(argv[optind], &model)) {
		fprintf(stderr, "loom-objdump: %s\n", loom_error());
		return EXIT_BAD_FILE;
	}
	if (options.slice >= model->info.num_slices) {
		loom_fail(-EINVAL,
			  "no slice %ld, there are %u", options.slice, model->info.num_slices);
		status = complain(argv[optind]);
	} else if (!(options.json ? print_json(model, &options)
				  : print_text(argv[optind], model, &options))) {
		status = complain(argv[optind]);
	}
	loom_model_close(model);
	return status;
}
