// SPDX-License-Identifier: MIT
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loom_run.h"

static const char usage[] =
	"usage: loom-run [OPTION...] MODEL [-i NAME=FILE.npy]... [-o NAME=FILE.npy]... [+ MODEL ...]\n"
	"\n"
	"Run compiled models once on a Loom device. Several models, with + between them, are woven:\n"
	"their slices go to the device turn by turn.\n"
	"\n"
	"  -d, --device SPEC       a node of /dev/accel, or sim:PRESET[,NAME=VALUE...] for the device\n"
	"                          model in this process (default: the first Loom node)\n"
	"  -i, --input NAME=FILE   contents of an input, of its type and shape\n"
	"  -o, --output NAME=FILE  where to write an output\n"
	"  -z, --zero              inputs that are not given are zero\n"
	"  -n, --repeat N          so many inferences of every model\n"
	"      --no-weave          one model after the other\n"
	"  -p, --profile           a table of slices: predicted and executed\n"
	"  -j, --json              the report as JSON\n"
	"  -h, --help              this text\n"
	"\n"
	"Exit status: 0 all ran; 1 something failed; 2 bad arguments.\n";

static int bad_usage(const char *what, const char *arg)
{
	fprintf(stderr, "loom-run: %s%s\n%s", what, arg, usage);
	return 2;
}

static int add_binding(struct binding *list, unsigned int *num, char *arg)
{
	char *equals = strrchr(arg, '=');

	if (!equals || equals == arg || !equals[1])
		return bad_usage("NAME=FILE expected: ", arg);
	if (*num == MAX_FILES)
		return bad_usage("too many files: ", arg);
	*equals = 0;
	list[(*num)++] = (struct binding){ arg, equals + 1 };
	return 0;
}

static int parse_repeat(const char *text, unsigned int *repeat)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || !value || value > 1000000)
		return bad_usage("--repeat: a number from 1 to 1000000 expected: ", text);
	*repeat = value;
	return 0;
}

static int add_model(struct task *task, const char *path)
{
	if (task->path)
		return bad_usage("put a + between two models: ", path);
	task->path = path;
	return 0;
}

enum { OPT_NO_WEAVE = 256 };

static int take(int c, struct run *run, struct task *task, bool *done)
{
	switch (c) {
	case 1:
		return add_model(task, optarg);
	case 'd':
		run->options.device = optarg;
		return 0;
	case 'i':
		return add_binding(task->input, &task->num_inputs, optarg);
	case 'o':
		return add_binding(task->output, &task->num_outputs, optarg);
	case 'n':
		return parse_repeat(optarg, &run->options.repeat);
	case 'z':
		run->options.zero = true;
		return 0;
	case 'p':
		run->options.profile = true;
		return 0;
	case 'j':
		run->options.json = true;
		return 0;
	case OPT_NO_WEAVE:
		run->options.weave = false;
		return 0;
	case 'h':
		*done = true;
		fputs(usage, stdout);
		return 0;
	}
	return bad_usage("unknown option", "");
}

/* The arguments of one model, between two +. */
static int parse_group(int argc, char **argv, struct run *run, bool *done)
{
	static const struct option long_options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "input", required_argument, NULL, 'i' },
		{ "output", required_argument, NULL, 'o' },
		{ "repeat", required_argument, NULL, 'n' },
		{ "zero", no_argument, NULL, 'z' },
		{ "profile", no_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		{ "no-weave", no_argument, NULL, OPT_NO_WEAVE },
		{ "help", no_argument, NULL, 'h' },
		{ NULL }
	};
	struct task *task = &run->task[run->num_tasks];
	int c, status = 0;

	if (run->num_tasks == MAX_MODELS)
		return bad_usage("too many models", "");
	optind = 0;
	/* '-': what is no option comes in its place, as option 1. */
	while (!status && !*done &&
	       (c = getopt_long(argc, argv, "-d:i:o:n:zpjh", long_options, NULL)) != -1)
		status = take(c, run, task, done);
	if (status || *done)
		return status;
	if (!task->path)
		return bad_usage("a model expected", "");
	run->num_tasks++;
	return 0;
}

int parse_args(int argc, char **argv, struct run *run, bool *done)
{
	int start = 0, end, status = 0;

	run->options.repeat = 1;
	run->options.weave = true;
	for (; !status && !*done && start < argc; start = end) {
		char *name = argv[start];

		for (end = start + 1; end < argc && strcmp(argv[end], "+"); end++)
			;
		argv[start] = argv[0];	/* getopt skips what stands first */
		status = parse_group(end - start, argv + start, run, done);
		argv[start] = name;
	}
	return status;
}
