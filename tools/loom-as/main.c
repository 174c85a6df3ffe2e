// SPDX-License-Identifier: MIT
/*
 * loom-as: command buffers from text.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assemble.h"

enum { EXIT_BAD_TEXT = 1, EXIT_USAGE = 2 };

struct options {
	const char *output;
	bool relocs, relocate;
	uint64_t base[AS_REGIONS];
};

static const char usage[] =
	"usage: loom-as [--base REGION=ADDRESS]... [--relocs] -o OUTPUT [FILE]\n"
	"\n"
	"Assemble command buffers from text as loom-objdump prints it (standard input if no FILE is\n"
	"named). Several buffers are written one after the other, each at a multiple of 64 bytes.\n"
	"\n"
	"  -o, --output FILE          where the bytes go\n"
	"  -b, --base REGION=ADDRESS  where weights, io or scratch are: added to addresses that are\n"
	"                             relative to a region (without any --base those are left zero)\n"
	"  -r, --relocs               print where these are: offset, region+addend\n"
	"  -h, --help                 this text\n"
	"\n"
	"Exit status: 0 all was assembled; 1 the text is wrong, said with line and column, or a file\n"
	"cannot be read or written; 2 bad arguments.\n";

static int bad_usage(const char *what)
{
	fprintf(stderr, "loom-as: %s\n%s", what, usage);
	return EXIT_USAGE;
}

static bool parse_base(const char *text, struct options *options)
{
	const char *equals = strchr(text, '=');
	char *end;
	int region;

	for (region = 0; region < AS_REGIONS && equals; region++) {
		const char *name = as_region_name(region);

		if (strlen(name) == (size_t)(equals - text) && !strncmp(name, text, strlen(name)))
			break;
	}
	if (!equals || region == AS_REGIONS || equals[1] < '0' || equals[1] > '9')
		return false;
	errno = 0;
	options->base[region] = strtoull(equals + 1, &end, 0);
	options->relocate = true;
	return !*end && !errno;
}

static int parse(int argc, char **argv, struct options *options)
{
	static const struct option long_options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "base", required_argument, NULL, 'b' },
		{ "relocs", no_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL }
	};
	int c;

	while ((c = getopt_long(argc, argv, "o:b:rh", long_options, NULL)) != -1) {
		switch (c) {
		case 'o':
			options->output = optarg;
			break;
		case 'b':
			if (!parse_base(optarg, options))
				return bad_usage("--base: weights, io or scratch, =, and an address expected");
			break;
		case 'r':
			options->relocs = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			return bad_usage("unknown option");
		}
	}
	if (!options->output)
		return bad_usage("--output is missing");
	return optind >= argc - 1 ? 0 : bad_usage("one file expected");
}

static char *read_all(FILE *file, size_t *size)
{
	size_t room = 1 << 16, got;
	char *text = malloc(room);

	*size = 0;
	while (text && (got = fread(text + *size, 1, room - *size, file))) {
		*size += got;
		if (*size == room) {
			room *= 2;
			text = realloc(text, room);
		}
	}
	if (text && ferror(file)) {
		free(text);
		text = NULL;
	}
	return text;
}

static char *read_text(const char *path, size_t *size)
{
	FILE *file = path ? fopen(path, "r") : stdin;
	char *text = file ? read_all(file, size) : NULL;

	if (!text)
		fprintf(stderr, "loom-as: %s: %s\n", path ?: "standard input", strerror(errno));
	if (file && path)
		fclose(file);
	return text;
}

static bool write_output(const struct as_output *out, const char *path)
{
	FILE *file = fopen(path, "w");
	bool ok = file && fwrite(out->bytes, 1, out->size, file) == out->size;

	if (file && fclose(file))
		ok = false;
	if (!ok)
		fprintf(stderr, "loom-as: %s: %s\n", path, strerror(errno));
	return ok;
}

static void print_relocs(const struct as_output *out)
{
	for (size_t i = 0; i < out->num_relocs; i++)
		printf("0x%" PRIx64 " %s+0x%" PRIx64 "\n", out->relocs[i].offset,
		       as_region_name(out->relocs[i].region), out->relocs[i].addend);
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	struct as_output out;
	struct as_error error;
	int status = parse(argc, argv, &options);
	const char *path = optind < argc ? argv[optind] : NULL;
	size_t size;
	char *text;
	bool ok;

	if (status)
		return status;
	text = read_text(path, &size);
	if (!text)
		return EXIT_BAD_TEXT;
	ok = assemble(text, size, &out, &error);
	free(text);
	if (!ok) {
		fprintf(stderr, "loom-as: %s:%u:%u: %s\n", path ?: "standard input", error.line,
			error.column, error.text);
		return EXIT_BAD_TEXT;
	}
	if (options.relocate)
		as_relocate(&out, options.base);
	if (options.relocs)
		print_relocs(&out);
	ok = write_output(&out, options.output);
	as_output_free(&out);
	return ok ? 0 : EXIT_BAD_TEXT;
}
