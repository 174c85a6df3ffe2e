// SPDX-License-Identifier: MIT
/* loom-networks: the command line. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "networks.h"

enum exit_code { EXIT_OK, EXIT_DIFFERS, EXIT_USAGE, EXIT_FAILED };

static const char help[] =
"Usage: loom-networks [OPTION]... [NETWORK]...\n"
"\n"
"Compile networks of the zoo (default: all) for the NPU and run them on the device model, timing only.\n"
"Cycles that were predicted and executed are compared layer by layer, each alone on an idle device, and\n"
"multiplications and weights with the graph's own count.\n"
"\n"
"  --batch N[,N...]     samples at once (default 1,16)\n"
"  --device SPEC        memory-centric, compute-centric, or PRESET,SIZE=VALUE...; may be given again\n"
"                       (default: both presets)\n"
"  --tokens N           length of the text, of networks that read text\n"
"  --layers             a line a layer\n"
"  --onnxim             the convolutions of ResNet50 one by one beside ONNXim's cycles, and no networks\n"
"  --json FILE          everything, every layer, as JSON\n"
"  --help\n"
"\n"
"Exit status: 0 as predicted and as the graph; 1 not so; 2 wrong usage; 3 it could not be compiled or run.\n";

#define MAX_BATCHES 8
#define MAX_DEVICES 8

struct arguments {
	int64_t batches[MAX_BATCHES], tokens;
	unsigned int num_batches, num_devices;
	const char *devices[MAX_DEVICES], *json;
	bool layers, onnxim;
	struct run *runs;
	unsigned int num_runs;
};

static int usage(const char *what, const char *value)
{
	fprintf(stderr, "loom-networks: %s%s (try loom-networks --help)\n", what, value ? value : "");
	return EXIT_USAGE;
}

static int parse_batches(struct arguments *a, const char *text)
{
	char *end;

	for (a->num_batches = 0; a->num_batches < MAX_BATCHES; text = end + 1) {
		int64_t n = strtoll(text, &end, 10);

		if (end == text || n < 1 || n > 1024 || (*end && *end != ','))
			break;
		a->batches[a->num_batches++] = n;
		if (!*end)
			return EXIT_OK;
	}
	return usage("--batch: not numbers from 1 to 1024: ", text);
}

static int parse_tokens(struct arguments *a, const char *text)
{
	char *end;

	a->tokens = strtoll(text, &end, 10);
	if (end == text || *end || a->tokens < 1 || a->tokens > 512)
		return usage("--tokens: not a number from 1 to 512: ", text);
	return EXIT_OK;
}

static int parse_option(struct arguments *a, int option)
{
	switch (option) {
	case 'b': return parse_batches(a, optarg);
	case 't': return parse_tokens(a, optarg);
	case 'd':
		if (a->num_devices == MAX_DEVICES)
			return usage("too many devices", NULL);
		a->devices[a->num_devices++] = optarg;
		break;
	case 'l': a->layers = true; break;
	case 'o': a->onnxim = true; break;
	case 'j': a->json = optarg; break;
	case 'h':
		fputs(help, stdout);
		exit(EXIT_OK);
	default:
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

static int parse(struct arguments *a, int argc, char **argv)
{
	static const struct option options[] = {
		{ "batch", required_argument, NULL, 'b' }, { "device", required_argument, NULL, 'd' },
		{ "tokens", required_argument, NULL, 't' }, { "layers", no_argument, NULL, 'l' },
		{ "onnxim", no_argument, NULL, 'o' }, { "json", required_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' }, { NULL }
	};
	int option, ret = EXIT_OK;

	*a = (struct arguments){
		.batches = { 1, 16 }, .num_batches = 2,
	};
	while (!ret && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
		ret = parse_option(a, option);
	for (int i = optind; !ret && i < argc; i++)
		if (!find_network(argv[i]))
			ret = usage("no such network (see loom-zoo --list): ", argv[i]);
	if (!a->num_devices) {
		a->devices[a->num_devices++] = "memory-centric";
		a->devices[a->num_devices++] = "compute-centric";
	}
	return ret;
}

/* ---- runs ---- */

static int do_run(struct arguments *a, const struct device *device, const struct network *network,
		  int64_t batch)
{
	struct run *run = &a->runs[a->num_runs];
	struct verdict v;

	*run = (struct run){ .network = network, .batch = batch, .device = device,
			     .tokens = a->tokens && network->tokens ? a->tokens : network->tokens };
	a->num_runs++;
	if (run_compile(run) || run_layers(run) || run_inference(run))
		return EXIT_FAILED;
	print_run(run);
	if (a->layers)
		print_layers(run);
	fflush(stdout);
	v = run_verdict(run);
	return v.timing && v.macs && v.weights ? EXIT_OK : EXIT_DIFFERS;
}

static int worse(int a, int b)
{
	return a > b ? a : b;
}

static int run_all(struct arguments *a, const struct device *devices, const struct network *const *which,
		   unsigned int num)
{
	int ret = EXIT_OK;

	print_heading();
	for (unsigned int n = 0; n < num; n++)
		for (unsigned int b = 0; b < a->num_batches; b++)
			for (unsigned int d = 0; d < a->num_devices; d++)
				ret = worse(ret, do_run(a, &devices[d], which[n], a->batches[b]));
	return ret;
}

static int write_json(const struct arguments *a, json_t *onnxim_table)
{
	json_t *all = json_array(), *root;
	int ret;

	for (unsigned int i = 0; i < a->num_runs; i++)
		if (a->runs[i].model)
			json_array_append_new(all, json_run(&a->runs[i]));
	root = onnxim_table ? json_pack("{s:o, s:o}", "networks", all, "onnxim", onnxim_table) :
			      json_pack("{s:o}", "networks", all);
	ret = json_dump_file(root, a->json, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	json_decref(root);
	if (ret)
		fprintf(stderr, "loom-networks: %s: %s\n", a->json, strerror(errno));
	return ret ? EXIT_FAILED : EXIT_OK;
}

static void print_comparison(const struct arguments *a)
{
	const struct run **done = calloc(a->num_runs + 1, sizeof(*done));
	unsigned int num = 0;

	for (unsigned int i = 0; done && i < a->num_runs; i++)
		if (a->runs[i].model)
			done[num++] = &a->runs[i];
	if (done)
		print_paper(done, num);
	free(done);
}

static int run_networks(struct arguments *a, char **names, int num_names)
{
	const struct network *which[64];
	struct device devices[MAX_DEVICES];
	unsigned int opened = 0, num = num_names ? (unsigned int)num_names : num_networks;
	int ret = EXIT_OK;

	if (num > 64)
		return usage("too many networks", NULL);
	for (unsigned int i = 0; i < num; i++)
		which[i] = num_names ? find_network(names[i]) : &networks[i];
	a->runs = calloc((size_t)num * a->num_batches * a->num_devices, sizeof(*a->runs));
	while (!ret && opened < a->num_devices) {
		ret = device_open(&devices[opened], a->devices[opened]) ? EXIT_FAILED : EXIT_OK;
		opened++;
	}
	if (!a->runs)
		ret = EXIT_FAILED;
	if (!ret) {
		ret = run_all(a, devices, which, num);
		print_comparison(a);
	}
	if (a->json)
		ret = worse(ret, write_json(a, NULL));
	for (unsigned int i = 0; i < a->num_runs; i++)
		run_free(&a->runs[i]);
	free(a->runs);
	while (opened)
		device_close(&devices[--opened]);
	return ret;
}

static int run_onnxim(struct arguments *a)
{
	json_t *table = NULL;
	int ret = onnxim(&table) ? EXIT_FAILED : EXIT_OK;

	if (a->json)
		return worse(ret, write_json(a, table));
	json_decref(table);
	return ret;
}

int main(int argc, char **argv)
{
	struct arguments a;
	int ret = parse(&a, argc, argv);

	if (ret)
		return ret;
	return a.onnxim ? run_onnxim(&a) : run_networks(&a, argv + optind, argc - optind);
}
