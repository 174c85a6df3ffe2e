// SPDX-License-Identifier: MIT
/*
 * loomctl: ask loomd. loomctl(1).
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loomctl.h"

static const char help[] =
"usage: loomctl [--socket PATH] [--retry] [--json] COMMAND\n\n"
"  load FILE [--name NAME]   load a compiled model\n"
"  unload NAME\n"
"  list                      models that are loaded\n"
"  infer NAME [-i TENSOR=FILE.npy]... [-o TENSOR=FILE.npy]... [--deadline-ms N] [--repeat N]\n"
"  stats                     what the daemon and the device counted\n"
"  policy NAME               schedule by this policy from now on\n"
"  trace start | trace stop FILE\n"
"  record start FILE [--seed N] | record stop\n"
"                            all that the scheduler is told and says: loom-bench replay\n"
"  ping\n\n"
"  --socket PATH   of loomd (default $LOOMD_SOCKET, else " LOOM_CLIENT_SOCKET ")\n"
"  --retry         when the daemon restarts, connect and ask again\n"
"  --json          list, stats, infer: for programs\n\n"
"Exit: 0 done, 1 refused or failed, 2 usage, 3 no daemon, 4 lost, try again, 5 too late.\n";

int complain(int err)
{
	fprintf(stderr, "loomctl: %s\n", loom_error());
	return err == -EAGAIN ? EXIT_AGAIN : err == -ETIME ? EXIT_LATE : EXIT_REFUSED;
}

int usage_error(const char *format, ...)
{
	va_list ap;

	fputs("loomctl: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputs("; see loomctl --help\n", stderr);
	return EXIT_USAGE;
}

static int done(int err)
{
	return err ? complain(err) : EXIT_OK;
}

/* ---- commands; argv[0] is the command ---- */

static int command_load(struct context *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "name", required_argument, NULL, 'n' }, { NULL, 0, NULL, 0 },
	};
	const char *name = NULL;
	int code;

	optind = 0;
	while ((code = getopt_long(argc, argv, "n:", options, NULL)) != -1) {
		if (code != 'n')
			return usage_error("load: that option is unknown");
		name = optarg;
	}
	if (optind + 1 != argc)
		return usage_error("load: one FILE is needed");
	return done(loom_client_load(c->client, argv[optind], name));
}

static int command_unload(struct context *c, int argc, char **argv)
{
	if (argc != 2)
		return usage_error("unload: one NAME is needed");
	return done(loom_client_unload(c->client, argv[1]));
}

static int command_policy(struct context *c, int argc, char **argv)
{
	if (argc != 2)
		return usage_error("policy: one NAME is needed");
	return done(loom_client_policy(c->client, argv[1]));
}

static int command_ping(struct context *c, int argc, char **argv)
{
	if (argc != 1)
		return usage_error("ping: takes nothing");
	return done(loom_client_ping(c->client));
}

static int print(struct context *c, char *text, int (*show)(const char *json))
{
	int ret = EXIT_OK;

	if (c->json)
		puts(text);
	else
		ret = show(text);
	free(text);
	return ret;
}

static int command_list(struct context *c, int argc, char **argv)
{
	char *text;
	int err;

	if (argc != 1)
		return usage_error("list: takes nothing");
	err = loom_client_list(c->client, &text);
	return err ? complain(err) : print(c, text, show_list);
}

static int command_stats(struct context *c, int argc, char **argv)
{
	char *text;
	int err;

	if (argc != 1)
		return usage_error("stats: takes nothing");
	err = loom_client_stats(c->client, &text);
	return err ? complain(err) : print(c, text, show_stats);
}

static int write_file(const char *path, const char *text)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "we") : stdout;
	int err = 0;

	if (f && fputs(text, f) < 0)
		err = -errno;
	if (!f || (f != stdout && fclose(f)))
		err = -errno;
	if (!err)
		return EXIT_OK;
	fprintf(stderr, "loomctl: %s: %s\n", path, strerror(-err));
	return EXIT_REFUSED;
}

static int command_trace(struct context *c, int argc, char **argv)
{
	char *text;
	int err;

	if (argc == 2 && !strcmp(argv[1], "start"))
		return done(loom_client_trace(c->client, true, NULL));
	if (argc != 3 || strcmp(argv[1], "stop"))
		return usage_error("trace: start, or stop FILE");
	err = loom_client_trace(c->client, false, &text);
	if (err)
		return complain(err);
	err = write_file(argv[2], text);
	free(text);
	return err;
}

static int record_start(struct context *c, int argc, char **argv)
{
	unsigned long long seed = 0;
	char *end;

	if (argc == 5 && !strcmp(argv[3], "--seed")) {
		seed = strtoull(argv[4], &end, 10);
		if (end == argv[4] || *end || *argv[4] == '-')
			return usage_error("record: --seed %s is no number", argv[4]);
	} else if (argc != 3) {
		return usage_error("record: start takes a FILE, and --seed N");
	}
	return done(loom_client_record(c->client, argv[2], seed));
}

static int command_record(struct context *c, int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "start"))
		return record_start(c, argc, argv);
	if (argc != 2 || strcmp(argv[1], "stop"))
		return usage_error("record: start FILE, or stop");
	return done(loom_client_record_stop(c->client));
}

static const struct command {
	const char *name;
	int (*run)(struct context *c, int argc, char **argv);
} commands[] = {
	{ "load", command_load }, { "unload", command_unload }, { "list", command_list },
	{ "infer", command_infer }, { "stats", command_stats }, { "policy", command_policy },
	{ "trace", command_trace }, { "record", command_record }, { "ping", command_ping },
};

static int run(struct context *c, const struct command *command, int argc, char **argv)
{
	int err = loom_client_connect(c->socket, "loomctl", c->retry ? LOOM_CLIENT_RETRY : 0,
				      &c->client), ret;

	if (err) {
		complain(err);
		return err == -EUSERS ? EXIT_REFUSED : EXIT_NO_DAEMON;
	}
	ret = command->run(c, argc, argv);
	loom_client_close(c->client);
	return ret;
}

/* Options before the command; '+' stops there. 0: go on, 1: done, else usage. */
static int parse(struct context *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' }, { "retry", no_argument, NULL, 'r' },
		{ "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int code;

	while ((code = getopt_long(argc, argv, "+s:rjh", options, NULL)) != -1) {
		if (code == 's')
			c->socket = optarg;
		else if (code == 'r')
			c->retry = true;
		else if (code == 'j')
			c->json = true;
		else if (code == 'h')
			return fputs(help, stdout) < 0 ? EXIT_USAGE : 1;
		else
			return EXIT_USAGE;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct context c = { 0 };
	int ret = parse(&c, argc, argv), first = optind;

	if (ret)
		return ret == 1 ? EXIT_OK : ret;
	if (first == argc)
		return usage_error("a command is needed");
	for (unsigned int i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[first], commands[i].name))
			return run(&c, &commands[i], argc - first, argv + first);
	return usage_error("'%s' is no command", argv[first]);
}
