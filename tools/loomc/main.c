// SPDX-License-Identifier: MIT
/* loomc: the command line. */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "loom_sim.h"
#include "loomc.h"
#include "samples.h"

enum exit_code {
	EXIT_OK = 0,
	EXIT_COMPILE = 1,	/* the model cannot be compiled: why is on stderr */
	EXIT_USAGE = 2,
	EXIT_IO = 3,
};

static const char help[] =
"Usage: loomc MODEL.onnx -o OUT.loom [OPTION]...\n"
"\n"
"Compile an ONNX model for the Loom NPU.\n"
"\n"
"  -o, --out FILE           the compiled model\n"
"  --preset NAME            the device: memory-centric (default), compute-centric, tiny\n"
"  --caps FILE              the device: a struct loom_hw_caps as the driver gives it\n"
"  --caps NAME=SIZE,...     other sizes than the preset's, named as QEMU's properties:\n"
"                           act-sram=2G, dataflow=output-stationary\n"
"  --shape INPUT=D,D,...    fix the dimensions of an input\n"
"  --bind INPUT=VALUE       make an input a constant: true, false, a number, numbers with\n"
"                           commas, or @FILE.npy\n"
"  --output NAME            compile this output only (again for more); default: all\n"
"  --quantize int8          make a float model 8-bit: weights of convolutions and products, a\n"
"                           scale a channel, and what they read; needs --calibrate\n"
"  --calibrate [INPUT=]FILE.npy\n"
"                           a sample of an input, or several along its first dimension (again\n"
"                           for more)\n"
"  --calibration METHOD     range of a value: minmax (default) or percentile=P of the samples\n"
"  --depthwise TYPE         depthwise convolutions of a model made 8-bit: int8 (default) or fp16\n"
"  --emit-qdq FILE.onnx     write the quantised graph as ONNX too\n"
"  --dynamic TYPE           products that quantise their input as they go: fp16 (default: their\n"
"                           weights become fp16) or int8 (they stay as they are)\n"
"  --slice-bytes N          most weights of a slice, in bytes\n"
"  --slice-time NS          longest time that a product computes for in a slice\n"
"  --lease SIZE             most activation SRAM; what does not fit waits in DRAM (default: all)\n"
"  --no-slice               one slice a layer, however large\n"
"  --timing-only            leave the weights out of the file: for a device that does not\n"
"                           compute (functional=off)\n"
"  --resident               with --timing-only: inputs and outputs stay in activation SRAM, only\n"
"                           weights cross DRAM, as in Layerweaver's paper\n"
"  --io TYPE                fp32 inputs and outputs cross DRAM as f32 (default) or f16\n"
"  --name NAME              the model's name (default: the file's)\n"
"  --report FILE.json       predicted time and bytes of every layer, slice and command\n"
"  --layers                 the layers as a table, to stdout: predicted cycles, bytes, MACs\n"
"  --dump-graph             print the graph before it becomes commands, to stderr\n"
"  --help\n"
"\n"
"Exit status: 0 compiled; 1 the model cannot be compiled; 2 wrong usage; 3 a file cannot be\n"
"read or written. See loomc(1).\n";

#define MAX_SETTINGS 256

struct arguments {
	bool layers;
	const char *model, *out, *report, *preset, *caps, *emit_qdq;
	char *sizes[MAX_SETTINGS];	/* --caps NAME=SIZE,... */
	unsigned int num_sizes;
	char *calibrate[MAX_SAMPLES];
	unsigned int num_calibrate;
	struct samples samples;
	struct loomc_setting shapes[MAX_SETTINGS], binds[MAX_SETTINGS];
	const char *outputs[MAX_SETTINGS];
	struct loomc_options options;
	char name[128];
};

static int usage(const char *what, const char *value)
{
	fprintf(stderr, "loomc: %s%s (try loomc --help)\n", what, value ? value : "");
	return EXIT_USAGE;
}

/* "NAME=VALUE" */
static int add_setting(struct loomc_setting *settings, unsigned int *num, char *text)
{
	char *equals = strchr(text, '=');

	if (!equals || equals == text)
		return usage("expected INPUT=VALUE, not ", text);
	if (*num == MAX_SETTINGS)
		return usage("too many settings", NULL);
	*equals = 0;
	settings[(*num)++] = (struct loomc_setting){ .name = text, .value = equals + 1 };
	return EXIT_OK;
}

enum { OPT_PRESET = 256, OPT_CAPS, OPT_SHAPE, OPT_BIND, OPT_OUTPUT, OPT_SLICE_BYTES, OPT_SLICE_TIME, OPT_NO_SLICE, OPT_LEASE,
       OPT_TIMING_ONLY, OPT_RESIDENT, OPT_IO, OPT_NAME, OPT_REPORT, OPT_LAYERS, OPT_DYNAMIC, OPT_QUANTIZE, OPT_CALIBRATE,
       OPT_CALIBRATION, OPT_DEPTHWISE, OPT_EMIT_QDQ, OPT_DUMP, OPT_HELP };

static const struct option options[] = {
	{ "out", required_argument, NULL, 'o' },
	{ "preset", required_argument, NULL, OPT_PRESET },
	{ "caps", required_argument, NULL, OPT_CAPS },
	{ "shape", required_argument, NULL, OPT_SHAPE },
	{ "bind", required_argument, NULL, OPT_BIND },
	{ "output", required_argument, NULL, OPT_OUTPUT },
	{ "slice-bytes", required_argument, NULL, OPT_SLICE_BYTES },
	{ "slice-time", required_argument, NULL, OPT_SLICE_TIME },
	{ "lease", required_argument, NULL, OPT_LEASE },
	{ "no-slice", no_argument, NULL, OPT_NO_SLICE },
	{ "timing-only", no_argument, NULL, OPT_TIMING_ONLY },
	{ "resident", no_argument, NULL, OPT_RESIDENT },
	{ "io", required_argument, NULL, OPT_IO },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "report", required_argument, NULL, OPT_REPORT },
	{ "layers", no_argument, NULL, OPT_LAYERS },
	{ "quantize", required_argument, NULL, OPT_QUANTIZE },
	{ "calibrate", required_argument, NULL, OPT_CALIBRATE },
	{ "calibration", required_argument, NULL, OPT_CALIBRATION },
	{ "depthwise", required_argument, NULL, OPT_DEPTHWISE },
	{ "emit-qdq", required_argument, NULL, OPT_EMIT_QDQ },
	{ "dynamic", required_argument, NULL, OPT_DYNAMIC },
	{ "dump-graph", no_argument, NULL, OPT_DUMP },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL }
};

/* A number of bytes, of KiB, MiB or GiB. */
static int parse_bytes(const char *text, uint64_t *bytes)
{
	const char *unit = "KMG", *at;
	char *end;

	errno = 0;
	*bytes = strtoull(text, &end, 0);
	at = *end ? strchr(unit, *end) : NULL;
	if (errno || end == text || (*end && (!at || end[1])) || !*bytes || *bytes > UINT32_MAX ||
	    *text == '-')
		return usage("not a number of bytes: ", text);
	*bytes <<= at ? 10 * (at - unit + 1) : 0;
	return EXIT_OK;
}

static int parse_time(const char *text, uint64_t *ns)
{
	char *end;

	errno = 0;
	*ns = strtoull(text, &end, 10);
	if (errno || end == text || *end || !*ns || *ns > UINT32_MAX || *text == '-')
		return usage("not a number of nanoseconds: ", text);
	return EXIT_OK;
}

/* A list of sizes has a '=' in it, a file has not. */
static int parse_caps(struct arguments *a, char *text)
{
	if (!strchr(text, '=')) {
		a->caps = text;
		return EXIT_OK;
	}
	if (a->num_sizes == MAX_SETTINGS)
		return usage("too many --caps", NULL);
	a->sizes[a->num_sizes++] = text;
	return EXIT_OK;
}

static int parse_calibration(const char *text, double *percentile)
{
	char end;

	*percentile = 100;
	if (!strcmp(text, "minmax"))
		return EXIT_OK;
	if (sscanf(text, "percentile=%lf%c", percentile, &end) == 1 && *percentile > 50 &&
	    *percentile <= 100)
		return EXIT_OK;
	return usage("--calibration: neither minmax nor percentile=P: ", text);
}

static int parse_option(struct arguments *a, int option)
{
	struct loomc_options *o = &a->options;

	switch (option) {
	case 'o': a->out = optarg; break;
	case OPT_PRESET: a->preset = optarg; break;
	case OPT_CAPS: return parse_caps(a, optarg);
	case OPT_SHAPE: return add_setting(a->shapes, &o->num_shapes, optarg);
	case OPT_BIND: return add_setting(a->binds, &o->num_binds, optarg);
	case OPT_OUTPUT:
		if (o->num_outputs == MAX_SETTINGS)
			return usage("too many outputs", NULL);
		a->outputs[o->num_outputs++] = optarg;
		break;
	case OPT_SLICE_BYTES: return parse_bytes(optarg, &o->slice_bytes);
	case OPT_SLICE_TIME: return parse_time(optarg, &o->slice_ns);
	case OPT_LEASE: return parse_bytes(optarg, &o->lease_bytes);
	case OPT_NO_SLICE: o->no_slice = true; break;
	case OPT_TIMING_ONLY: o->timing_only = true; break;
	case OPT_RESIDENT: o->resident = true; break;
	case OPT_IO:
		o->io_f16 = !strcmp(optarg, "f16");
		if (!o->io_f16 && strcmp(optarg, "f32"))
			return usage("--io: neither f32 nor f16: ", optarg);
		break;
	case OPT_NAME: o->name = optarg; break;
	case OPT_REPORT: a->report = optarg; break;
	case OPT_LAYERS: a->layers = true; break;
	case OPT_QUANTIZE:
		o->quantise = true;
		return strcmp(optarg, "int8") ? usage("--quantize: not int8: ", optarg) : EXIT_OK;
	case OPT_CALIBRATE:
		if (a->num_calibrate == MAX_SAMPLES)
			return usage("too many samples", NULL);
		a->calibrate[a->num_calibrate++] = optarg;
		break;
	case OPT_CALIBRATION: return parse_calibration(optarg, &o->percentile);
	case OPT_DEPTHWISE:
		o->depthwise_fp16 = !strcmp(optarg, "fp16");
		return o->depthwise_fp16 || !strcmp(optarg, "int8") ? EXIT_OK :
		       usage("--depthwise: neither int8 nor fp16: ", optarg);
	case OPT_EMIT_QDQ: a->emit_qdq = optarg; o->emit_qdq = true; break;
	case OPT_DYNAMIC:
		o->dynamic_int8 = !strcmp(optarg, "int8");
		if (!o->dynamic_int8 && strcmp(optarg, "fp16"))
			return usage("--dynamic: neither fp16 nor int8: ", optarg);
		break;
	case OPT_DUMP: o->dump = true; break;
	case OPT_HELP:
		fputs(help, stdout);
		exit(EXIT_OK);
	default:
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

/* The file's name without folder and extension. */
static void default_name(struct arguments *a)
{
	const char *base = strrchr(a->model, '/');
	char *dot;

	snprintf(a->name, sizeof(a->name), "%s", base ? base + 1 : a->model);
	dot = strrchr(a->name, '.');
	if (dot && dot != a->name)
		*dot = 0;
	if (!a->options.name)
		a->options.name = a->name;
}

static int parse(struct arguments *a, int argc, char **argv)
{
	int option, ret;

	a->preset = NULL;
	a->options.shapes = a->shapes;
	a->options.binds = a->binds;
	a->options.outputs = a->outputs;
	while ((option = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		ret = parse_option(a, option);
		if (ret)
			return ret;
	}
	if (optind + 1 != argc)
		return usage(optind == argc ? "no model given" : "more than one model given", NULL);
	a->model = argv[optind];
	if (!a->out)
		return usage("no -o given", NULL);
	if (a->caps && a->preset)
		return usage("--caps FILE and --preset both name the device", NULL);
	default_name(a);
	return EXIT_OK;
}

/* ---- the device ---- */

static int preset_device(const char *name, struct loom_sim_config *device)
{
	if (loom_sim_preset(device, name))
		return EXIT_OK;
	fprintf(stderr, "loomc: --preset %s: there are:", name);
	for (const char *const *p = loom_sim_presets(); *p; p++)
		fprintf(stderr, " %s", *p);
	fputc('\n', stderr);
	return EXIT_USAGE;
}

static int file_device(const char *path, struct loom_sim_config *device)
{
	size_t size;
	void *data = read_file(path, &size);

	if (!data)
		return EXIT_IO;
	if (size == sizeof(device->caps))
		memcpy(&device->caps, data, sizeof(device->caps));
	else
		fprintf(stderr, "loomc: %s: not the size of the capabilities of a device\n", path);
	free(data);
	device->caps.preset[sizeof(device->caps.preset) - 1] = 0;
	return size == sizeof(device->caps) ? EXIT_OK : EXIT_USAGE;
}

/* "NAME=SIZE,NAME=SIZE" */
static int set_sizes(char *list, struct loom_sim_config *device)
{
	const char *wrong = NULL;
	char *part;

	while (!wrong && (part = strsep(&list, ","))) {
		char *value = strchr(part, '=');

		if (!value)
			return usage("--caps: expected NAME=SIZE, not ", part);
		*value++ = 0;
		wrong = loom_sim_set(device, part, value);
		if (wrong)
			fprintf(stderr, "loomc: --caps %s=%s: %s\n", part, value, wrong);
	}
	return wrong ? EXIT_USAGE : EXIT_OK;
}

/* The preset or the file, then the sizes that are to be others. */
static int find_device(struct arguments *a)
{
	struct loom_sim_config device = { 0 };
	const char *wrong;
	int ret = a->caps ? file_device(a->caps, &device) :
			    preset_device(a->preset ? a->preset : "memory-centric", &device);

	for (unsigned int i = 0; !ret && i < a->num_sizes; i++)
		ret = set_sizes(a->sizes[i], &device);
	wrong = ret ? NULL : loom_sim_check(&device);
	if (wrong) {
		fprintf(stderr, "loomc: %s%s%s\n", a->caps ? a->caps : "", a->caps ? ": " : "", wrong);
		ret = EXIT_USAGE;
	}
	a->options.caps = device.caps;
	return ret;
}

static void print_notes(const char *notes)
{
	while (*notes) {
		size_t n = strcspn(notes, "\n");

		fprintf(stderr, "loomc: note: %.*s\n", (int)n, notes);
		notes += n + !!notes[n];
	}
}

/* What 8 bits cost, layer by layer: error of each on the last sample, all before it 8-bit too. */
static void print_accuracy(const struct loomc_result *result)
{
	if (result->num_accuracy)
		printf("%-40s %-8s %4s %9s %12s %12s\n", "layer", "op", "bits", "SQNR", "max error",
		       "max value");
	for (unsigned int i = 0; i < result->num_accuracy; i++) {
		const struct loomc_accuracy *l = &result->accuracy[i];

		printf("%-40.40s %-8.8s %4u %6.1f dB %12.5g %12.5g\n", l->name, l->op, l->bits, l->sqnr,
		       (double)l->max_error, (double)l->max_value);
	}
}

static int report(const struct arguments *a, const struct loomc_result *result)
{
	int ret = 0;

	print_notes(result->notes);
	print_accuracy(result);
	if (a->layers)
		fputs(result->layers, stdout);
	if (a->report)
		ret = write_file(a->report, result->report, strlen(result->report));
	if (!ret && a->emit_qdq)
		ret = write_file(a->emit_qdq, result->qdq, result->qdq_size);
	return ret ? EXIT_IO : EXIT_OK;
}

static int compile(struct arguments *a, const void *onnx, size_t size)
{
	struct loomc_result result = { 0 };
	struct output out;
	int ret = output_begin(&out, a->out) ? EXIT_IO : EXIT_OK;

	if (ret)
		return ret;
	if (out.fd >= 0) {
		a->options.put = output_piece;
		a->options.put_arg = &out;
	}
	if (loomc_compile(onnx, size, &a->options, &result)) {
		fprintf(stderr, "loomc: %s: %s\n", a->model, result.error);
		ret = out.failed ? EXIT_IO : EXIT_COMPILE;
	} else if (output_end(&out, result.file, result.size)) {
		ret = EXIT_IO;
	}
	if (!ret)
		ret = report(a, &result);
	output_drop(&out);
	loomc_result_free(&result);
	return ret;
}

static int compile_file(struct arguments *a)
{
	size_t size;
	void *onnx = map_file(a->model, &size, &a->options.mapped);
	int ret = EXIT_IO;

	if (!onnx)
		return EXIT_IO;
	if (!samples_read(&a->samples, a->calibrate, a->num_calibrate, onnx, size)) {
		a->options.samples = a->samples.flat;
		a->options.num_samples = a->samples.num_samples;
		a->options.sample_inputs = a->samples.num_inputs;
		ret = compile(a, onnx, size);
	}
	samples_free(&a->samples);
	unmap_file(onnx, size, a->options.mapped);
	return ret;
}

/* Large blocks go back when they are freed, and zeros that nobody writes take no room, whatever was freed before. */
#define LARGE_BLOCK (64 << 10)

int main(int argc, char **argv)
{
	static struct arguments a;
	int ret = parse(&a, argc, argv);

	mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
	if (!ret)
		ret = find_device(&a);
	return ret ? ret : compile_file(&a);
}
