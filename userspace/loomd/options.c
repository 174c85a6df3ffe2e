// SPDX-License-Identifier: MIT
/* The command line: loomd(8). */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loom_client.h"
#include "loomd.h"

#define VERSION "0.1"

static const struct loomd_options defaults = {
	.window_us = 0,
	.max_jobs = 64,
	.leases = 1,
	.inflight = 2,	/* one is computed while the other is filled or emptied */
	.max_clients = 64,
	.max_models = 64,
	.max_requests = 64,
	.max_buffers = 64,
	.max_bytes = 1ull << 30,
	.trace_slices = 65536,
};

static const char help[] =
"usage: loomd [OPTION...]\n"
"Serve compiled models on a Loom NPU. loomd(8) says more.\n\n"
"  --listen PATH         make this socket (default " LOOM_CLIENT_SOCKET ", unless\n"
"                        the service manager passed one)\n"
"  --device SPEC         accel node, or sim:PRESET (default: the first Loom node)\n"
"  --policy NAME         scheduling policy (default: the one that was chosen before\n"
"                        a restart, see --state, else loom)\n"
"  --preload FILE|DIR    load this .loom file, or all of a directory; may be repeated\n"
"  --state DIR           remember loaded models and the policy here\n"
"  --record FILE         record what the scheduler is told and says, from the start\n"
"  --late serve|drop     what to do with a request past its deadline (default serve)\n"
"  --window-us N         device time to keep queued ahead (default 500, or what\n"
"                        fills the weight SRAM one and a half times)\n"
"  --copy                copy inputs and outputs, do not give the device clients' memory\n"
"  --max-jobs N          slices at the device at once (default 64)\n"
"  --inflight N          requests of a model that may have slices at the device (default 2)\n"
"  --leases N            1 or 2 (default 1): activation SRAM for two requests of a model at once,\n"
"                        if there is room when it is loaded, so that the next one's inputs and\n"
"                        first weights come while the last slice of one still computes\n"
"  --max-clients N  --max-models N  --max-requests N  --max-buffers N  --max-bytes N\n"
"                        limits; the last three are per client\n"
"  --trace-slices N      slices that a trace keeps (default 65536)\n"
"  --help  --version\n";

enum option_code {
	OPT_LISTEN = 256, OPT_DEVICE, OPT_POLICY, OPT_PRELOAD, OPT_STATE, OPT_LATE, OPT_COPY,
	OPT_WINDOW,
	OPT_MAX_JOBS, OPT_MAX_CLIENTS, OPT_MAX_MODELS, OPT_MAX_REQUESTS, OPT_MAX_BUFFERS,
	OPT_MAX_BYTES, OPT_TRACE_SLICES, OPT_RECORD, OPT_INFLIGHT, OPT_LEASES, OPT_HELP, OPT_VERSION,
};

static const struct option long_options[] = {
	{ "listen", required_argument, NULL, OPT_LISTEN },
	{ "device", required_argument, NULL, OPT_DEVICE },
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "preload", required_argument, NULL, OPT_PRELOAD },
	{ "state", required_argument, NULL, OPT_STATE },
	{ "late", required_argument, NULL, OPT_LATE },
	{ "copy", no_argument, NULL, OPT_COPY },
	{ "window-us", required_argument, NULL, OPT_WINDOW },
	{ "max-jobs", required_argument, NULL, OPT_MAX_JOBS },
	{ "inflight", required_argument, NULL, OPT_INFLIGHT },
	{ "leases", required_argument, NULL, OPT_LEASES },
	{ "max-clients", required_argument, NULL, OPT_MAX_CLIENTS },
	{ "max-models", required_argument, NULL, OPT_MAX_MODELS },
	{ "max-requests", required_argument, NULL, OPT_MAX_REQUESTS },
	{ "max-buffers", required_argument, NULL, OPT_MAX_BUFFERS },
	{ "max-bytes", required_argument, NULL, OPT_MAX_BYTES },
	{ "trace-slices", required_argument, NULL, OPT_TRACE_SLICES },
	{ "record", required_argument, NULL, OPT_RECORD },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static int number(const char *name, const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	if (!errno && end != text && !*end && text[0] != '-' && *value >= min && *value <= max)
		return 0;
	fprintf(stderr, "loomd: --%s: '%s' is not a number from %llu to %llu\n", name, text,
		(unsigned long long)min, (unsigned long long)max);
	return -EINVAL;
}

static int small_number(const char *name, const char *text, unsigned int max, unsigned int *value)
{
	uint64_t n;
	int err = number(name, text, 1, max, &n);

	if (!err)
		*value = (unsigned int)n;
	return err;
}

static int late(struct loomd_options *o, const char *text)
{
	o->drop_late = !strcmp(text, "drop");
	if (o->drop_late || !strcmp(text, "serve"))
		return 0;
	fprintf(stderr, "loomd: --late: '%s' is neither serve nor drop\n", text);
	return -EINVAL;
}

static int preload(struct loomd_options *o, const char *text)
{
	if (o->num_preload == LOOMD_MAX_MODELS) {
		fprintf(stderr, "loomd: --preload: more than %u\n", LOOMD_MAX_MODELS);
		return -EINVAL;
	}
	o->preload[o->num_preload++] = text;
	return 0;
}

static int limit(struct loomd_options *o, int code, const char *name, const char *text)
{
	switch (code) {
	case OPT_WINDOW:
		return number(name, text, 1, 10000000, &o->window_us);
	case OPT_MAX_JOBS:
		return small_number(name, text, LOOMD_MAX_JOBS, &o->max_jobs);
	case OPT_INFLIGHT:
		return small_number(name, text, LOOMD_MAX_INFLIGHT, &o->inflight);
	case OPT_LEASES:
		return small_number(name, text, LOOM_INSTANCE_LEASES, &o->leases);
	case OPT_MAX_CLIENTS:
		return small_number(name, text, LOOMD_MAX_CLIENTS, &o->max_clients);
	case OPT_MAX_MODELS:
		return small_number(name, text, LOOMD_MAX_MODELS, &o->max_models);
	case OPT_MAX_REQUESTS:
		return small_number(name, text, 256, &o->max_requests);
	case OPT_MAX_BUFFERS:
		return small_number(name, text, LOOMD_MAX_BUFFERS, &o->max_buffers);
	case OPT_MAX_BYTES:
		return number(name, text, 1, UINT64_MAX >> 1, &o->max_bytes);
	case OPT_TRACE_SLICES:
		return small_number(name, text, 1u << 24, &o->trace_slices);
	default:	/* getopt_long has said what is wrong */
		return -EINVAL;
	}
}

static int apply(struct loomd_options *o, int code, const char *name, const char *text)
{
	switch (code) {
	case OPT_LISTEN:
		o->listen = text;
		return 0;
	case OPT_DEVICE:
		o->device = text;
		return 0;
	case OPT_POLICY:
		o->policy = text;
		return 0;
	case OPT_PRELOAD:
		return preload(o, text);
	case OPT_STATE:
		o->state = text;
		return 0;
	case OPT_RECORD:
		o->record = text;
		return 0;
	case OPT_LATE:
		return late(o, text);
	case OPT_COPY:
		o->copy = true;
		return 0;
	case OPT_HELP:
		fputs(help, stdout);
		return 1;
	case OPT_VERSION:
		puts("loomd " VERSION);
		return 1;
	default:
		return limit(o, code, name, text);
	}
}

int options_parse(int argc, char **argv, struct loomd_options *o)
{
	int code, index = 0, err = 0;

	*o = defaults;
	optind = 1;
	while (!err && (code = getopt_long(argc, argv, "", long_options, &index)) != -1)
		err = apply(o, code, long_options[index].name, optarg);
	if (!err && optind < argc) {
		fprintf(stderr, "loomd: '%s' is not an option; see --help\n", argv[optind]);
		err = -EINVAL;
	}
	return err;
}
