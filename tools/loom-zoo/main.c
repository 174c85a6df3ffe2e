// SPDX-License-Identifier: MIT
/* loom-zoo: the command line. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "loom.h"
#include "zoo.h"

enum exit_code { EXIT_OK, EXIT_BAD_FILE, EXIT_USAGE };

static const char help[] =
"Usage: loom-zoo NETWORK -o FILE.onnx [OPTION]...\n"
"       loom-zoo --list [--json]\n"
"       loom-zoo --count FILE.onnx [--json]\n"
"\n"
"Write a network as an ONNX file, from its published architecture.\n"
"\n"
"  -o, --out FILE       the ONNX file\n"
"  --batch N            samples at once (default 1)\n"
"  --tokens N           length of the text, of networks that read text (default 16)\n"
"  --weights seeded     pseudo-random weights that keep activations in range (the default)\n"
"  --weights light      one number a tensor, so that the file is small\n"
"  --seed N             of the weights and the samples (default 0)\n"
"  --inputs DIRECTORY   also write a sample of every input, INPUT.npy\n"
"  --list               the networks, what is published about them, and where\n"
"  --count FILE         count nodes, parameters and multiplications of an ONNX file by its own shapes\n"
"  --json               the list or the count as JSON\n"
"  --help\n"
"\n"
"Exit status: 0 done; 1 a file cannot be read or written; 2 wrong usage. See loom-zoo(1).\n";

struct arguments {
	const char *network, *out, *inputs, *count;
	bool list, json;
	struct zoo_options options;
};

static int usage(const char *what, const char *value)
{
	fprintf(stderr, "loom-zoo: %s%s (try loom-zoo --help)\n", what, value ? value : "");
	return EXIT_USAGE;
}

enum { OPT_BATCH = 256, OPT_TOKENS, OPT_WEIGHTS, OPT_SEED, OPT_INPUTS, OPT_LIST, OPT_COUNT, OPT_JSON, OPT_HELP };

static const struct option options[] = {
	{ "out", required_argument, NULL, 'o' },
	{ "batch", required_argument, NULL, OPT_BATCH },
	{ "tokens", required_argument, NULL, OPT_TOKENS },
	{ "weights", required_argument, NULL, OPT_WEIGHTS },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "inputs", required_argument, NULL, OPT_INPUTS },
	{ "list", no_argument, NULL, OPT_LIST },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL }
};

static int parse_number(const char *name, const char *text, int64_t low, int64_t high, int64_t *n)
{
	char *end;

	errno = 0;
	*n = strtoll(text, &end, 0);
	if (!errno && end != text && !*end && *n >= low && *n <= high)
		return EXIT_OK;
	fprintf(stderr, "loom-zoo: %s %s: not a number from %" PRId64 " to %" PRId64 "\n", name, text, low, high);
	return EXIT_USAGE;
}

static int parse_weights(struct zoo_options *o, const char *text)
{
	o->weights = !strcmp(text, "light") ? WEIGHTS_LIGHT : WEIGHTS_SEEDED;
	if (o->weights == WEIGHTS_SEEDED && strcmp(text, "seeded"))
		return usage("--weights: seeded or light, not ", text);
	return EXIT_OK;
}

static int parse_option(struct arguments *a, int option)
{
	struct zoo_options *o = &a->options;

	switch (option) {
	case 'o': a->out = optarg; break;
	case OPT_BATCH: return parse_number("--batch", optarg, 1, 1024, &o->batch);
	case OPT_TOKENS: return parse_number("--tokens", optarg, 1, 512, &o->tokens);
	case OPT_WEIGHTS: return parse_weights(o, optarg);
	case OPT_SEED: return parse_number("--seed", optarg, 0, INT64_MAX, (int64_t *)&o->seed);
	case OPT_INPUTS: a->inputs = optarg; break;
	case OPT_LIST: a->list = true; break;
	case OPT_COUNT: a->count = optarg; break;
	case OPT_JSON: a->json = true; break;
	case OPT_HELP:
		fputs(help, stdout);
		exit(EXIT_OK);
	default:
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

static int parse(struct arguments *a, int argc, char **argv)
{
	int option, ret = EXIT_OK;

	a->options.batch = 1;
	while (!ret && (option = getopt_long(argc, argv, "o:", options, NULL)) != -1)
		ret = parse_option(a, option);
	if (ret || a->list || a->count)
		return ret ? ret : optind < argc ? usage("not expected: ", argv[optind]) : EXIT_OK;
	if (optind + 1 != argc)
		return usage(optind == argc ? "no network given" : "more than one network given", NULL);
	a->network = argv[optind];
	return a->out ? EXIT_OK : usage("no -o given", NULL);
}

/* ---- --count ---- */

static int bad_file(const char *path, const char *why)
{
	fprintf(stderr, "loom-zoo: %s: %s\n", path, why);
	return EXIT_BAD_FILE;
}

static void *read_all(FILE *file, size_t *size)
{
	size_t room = 1 << 20, got;
	char *data = malloc(room), *grown = data;

	*size = 0;
	while (grown && (got = fread(data + *size, 1, room - *size, file))) {
		*size += got;
		if (*size < room)
			continue;
		room *= 2;
		grown = realloc(data, room);
		data = grown ? grown : data;
	}
	if (grown && !ferror(file))
		return data;
	free(data);
	return NULL;
}

static int count(const struct arguments *a)
{
	FILE *file = fopen(a->count, "rb");
	char error[256];
	struct count n;
	size_t size;
	void *data = file ? read_all(file, &size) : NULL;
	int ret = EXIT_OK;

	if (!data)
		ret = bad_file(a->count, strerror(errno));
	else if (count_model(data, size, &n, error, sizeof(error)))
		ret = bad_file(a->count, error);
	else
		printf(a->json ? "{\"nodes\": %" PRIu64 ", \"params\": %" PRIu64 ", \"macs\": %" PRIu64
				 ", \"constant_macs\": %" PRIu64 ", \"weights\": %" PRIu64 "}\n" :
				 "%" PRIu64 " nodes, %" PRIu64 " parameters, %" PRIu64
				 " multiplications (%" PRIu64 " of them of constants only, the others by %"
				 PRIu64 " weights)\n",
		       n.nodes, n.params, n.macs, n.constant_macs, n.weights);
	free(data);
	if (file)
		fclose(file);
	return ret;
}

/* ---- writing ---- */

static int write_model(const struct arguments *a, struct zoo *z)
{
	FILE *file = fopen(a->out, "wb");
	int ret;

	if (!file)
		return bad_file(a->out, strerror(errno));
	ret = zoo_write(z, a->network, file);
	if (fclose(file) || ret)
		return bad_file(a->out, strerror(errno));
	if (a->inputs && zoo_write_inputs(z, a->inputs))
		return bad_file(a->inputs, loom_error());
	return EXIT_OK;
}

static int make(struct arguments *a)
{
	const struct network *network = find_network(a->network);
	struct zoo z;
	int ret;

	if (!network)
		return usage("no such network (see --list): ", a->network);
	if (a->options.tokens && !network->tokens)
		return usage("--tokens: this network reads no text: ", a->network);
	if (!a->options.tokens)
		a->options.tokens = network->tokens;
	zoo_init(&z, &a->options);
	network->build(&z);
	ret = write_model(a, &z);
	zoo_free(&z);
	return ret;
}

int main(int argc, char **argv)
{
	struct arguments a = { 0 };
	int ret = parse(&a, argc, argv);

	if (ret)
		return ret;
	if (a.count)
		return count(&a);
	if (!a.list)
		return make(&a);
	if (!a.json)
		list_text();
	return a.json && list_json() ? EXIT_BAD_FILE : EXIT_OK;
}
