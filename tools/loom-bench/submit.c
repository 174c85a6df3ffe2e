// SPDX-License-Identifier: MIT
/* On the host: boot the VM with the measuring part in it, and make a table of what it found. */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "submit.h"

static const char help[] =
"usage: loom-bench submit [OPTION...]\n"
"Boot the VM and count the guest instructions of one submission, from before the system call until its\n"
"completion is reaped, interrupts and idling included: Loom by io_uring, by ioctl, by an array of jobs in\n"
"one SQE, by a user-mode queue, and as the peer an NVMe flush by io_uring passthrough, at depth 1 and 32.\n"
"  --json           the figures as JSON on standard output, not a table\n"
"  --path NAME      only uring, ioctl, array, user-queue or nvme, and no scaling\n"
"  --plugin FILE    a TCG plugin of QEMU, with its arguments\n"
"Exit status: 0 measured, 1 failed, 2 usage.\n";

struct options {
	bool json;
	const char *path, *plugin;
};

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "path", required_argument, NULL, 'n' },
		{ "plugin", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0)
		switch (c) {
		case 'j': o->json = true; break;
		case 'n': o->path = optarg; break;
		case 'p': o->plugin = optarg; break;
		case 'h': fputs(help, stdout); exit(0);
		default: return EXIT_USAGE;
		}
	if (optind < argc) {
		fputs(help, stderr);
		return EXIT_USAGE;
	}
	return 0;
}

/* ---- the boot ---- */

/* This program is in build/bin of the tree. */
int bench_enter_tree(void)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (len < 0)
		return -1;
	path[len] = '\0';
	for (unsigned int up = 0; up < 3; up++)
		*strrchr(path, '/') = '\0';
	if (chdir(path) || access("tools/vm/run", X_OK)) {
		bench_fail(1, "no tools/vm/run in %s: this is a part of Loom's tree", path);
		return -1;
	}
	return 0;
}

static int write_script(const char *path, const struct options *o)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return -1;
	fprintf(f, "exec loom-bench submit %s\n", o->path ? o->path : "");
	return fclose(f);
}

#define OUT "build/bench-submit"

static void exec_vm(const struct options *o)
{
	const char *argv[] = {
		"tools/vm/run", "--script", OUT ".sh", "--out", OUT, "--memory", "2048", "--timeout", "1200",
		"--program", "build/bin/loom-bench-vm:/usr/bin/loom-bench",
		"--module", "nvme", "--qemu-arg", "-blockdev",
		"--qemu-arg", "driver=null-co,node-name=null0,size=1073741824",
		"--qemu-arg", "-device", "--qemu-arg", "nvme,serial=peer,drive=null0",
		/* the end, where there is no plugin */
		o->plugin ? "--qemu-arg" : NULL, "-plugin", "--qemu-arg", o->plugin, NULL,
	};

	dup2(STDERR_FILENO, STDOUT_FILENO);
	execv(argv[0], (char **)argv);
	_exit(127);
}

static int boot(const struct options *o)
{
	int status;
	pid_t pid;

	if (write_script(OUT ".sh", o))
		return bench_fail(1, "cannot write " OUT ".sh");
	pid = fork();
	if (!pid)
		exec_vm(o);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		return bench_fail(1, "tools/vm/run failed; its output is above and in " OUT);
	return 0;
}

/* ---- the table ---- */

static double number(const json_t *row, const char *key) { return json_number_value(json_object_get(row, key)); }

static const json_t *find_row(const json_t *rows, const char *path, int depth)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (!strcmp(json_string_value(json_object_get(row, "path")), path) &&
		    json_integer_value(json_object_get(row, "depth")) == depth)
			return row;
	return NULL;
}

static void print_paths(const json_t *rows)
{
	const json_t *row;
	size_t i;

	printf("%-12s %5s %12s %8s %11s %7s %10s\n", "path", "depth", "instructions", "submit", "interrupts", "sleeps",
	       "to nvme");
	json_array_foreach(rows, i, row) {
		int depth = json_integer_value(json_object_get(row, "depth"));
		const json_t *peer = find_row(rows, "nvme", depth);

		printf("%-12s %5d %12.0f %8.0f %11.3f %7.3f %10.2f\n", json_string_value(json_object_get(row, "path")),
		       depth, number(row, "instructions"), number(row, "submit"), number(row, "interrupts"),
		       number(row, "sleeps"),
		       peer ? number(row, "instructions") / number(peer, "instructions") : 0);
	}
}

static void print_scale(const json_t *rows)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		if (json_object_get(row, "clients"))
			printf("%4.0f clients, %4.0f queues: %.0f instructions a job\n", number(row, "clients"),
			       number(row, "queues"), number(row, "instructions"));
		else
			printf("%.0f %s: %.0f instructions each for the first hundredth, %.0f for the last\n",
			       number(row, json_object_get(row, "vms") ? "vms" : "buffers"),
			       json_object_get(row, "vms") ? "VMs" : "buffers", number(row, "first"),
			       number(row, "last"));
	}
}

static int report(const struct options *o)
{
	json_t *all = json_load_file(OUT "/submit.json", 0, NULL);

	if (!all)
		return bench_fail(1, "the guest left no " OUT "/submit.json");
	if (o->json) {
		json_dumpf(all, stdout, JSON_INDENT(1));
		putchar('\n');
	} else {
		print_paths(json_object_get(all, "rows"));
		print_scale(json_object_get(all, "scale"));
	}
	json_decref(all);
	return 0;
}

int bench_submit(int argc, char **argv)
{
	struct options o = {};
	int ret = parse(argc, argv, &o);

	if (ret)
		return ret;
	if (bench_enter_tree() || boot(&o))
		return 1;
	return report(&o);
}
