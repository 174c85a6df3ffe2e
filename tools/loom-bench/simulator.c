// SPDX-License-Identifier: MIT
/*
 * How fast the simulator is: timing only, and with the maths, on the same network in one run. Wall time
 * depends on what else the machine does, so both sides of a ratio take turns and the best of each counts.
 */
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "simulator.h"

/* ONNXim, one memory-centric core, ResNet50 at batch 1, on two CPUs: timing.rst, Speed. */
#define ONNXIM_SECONDS 16.3

static const char help[] =
"usage: loom-bench simulator [OPTION...] [MODEL.onnx]\n"
"How long an inference takes the simulator, in this process, on MODEL or else ResNet50 with seeded weights:\n"
"timing only (functional=off), for ever more commands; and with the maths, beside ONNX Runtime's time.\n"
"  --device PRESET[,NAME=VALUE...]  the device (memory-centric)\n"
"  --commands N                     most commands of the timing-only part (1000000)\n"
"  --rounds N                       inferences with the maths, and of ONNX Runtime (10)\n"
"  --vm                             in the VM too: boots it four times, some minutes\n"
"  --json                           the figures as JSON\n"
"Exit status: 0 measured, 1 failed, 2 usage.\n";

struct options {
	const char *model, *device;
	uint64_t commands, rounds;
	bool json, vm;
	char dir[PATH_MAX - 32], onnx[PATH_MAX], loom[PATH_MAX];
};

#define MAX_STEPS 16

struct figures {
	unsigned int cpus, steps;
	uint64_t commands;			/* of an inference */
	struct { uint64_t commands; double seconds; } step[MAX_STEPS];
	double timing_us;			/* an inference, processor time */
	double maths_ms, maths_cpu_ms, peer_ms;	/* best; peer_ms 0: there is no peer */
	double vm_off_ms, vm_on_ms;		/* processor time; 0: not asked for */
};

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "commands", required_argument, NULL, 'c' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "json", no_argument, NULL, 'j' },
		{ "vm", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0)
		switch (c) {
		case 'd': o->device = optarg; break;
		case 'c': o->commands = strtoull(optarg, NULL, 0); break;
		case 'r': o->rounds = strtoull(optarg, NULL, 0); break;
		case 'j': o->json = true; break;
		case 'v': o->vm = true; break;
		case 'h': fputs(help, stdout); exit(0);
		default: return EXIT_USAGE;
		}
	o->model = optind < argc ? argv[optind++] : NULL;
	if (optind < argc || !o->commands || !o->rounds) {
		fputs(help, stderr);
		return EXIT_USAGE;
	}
	return 0;
}

/* ---- the network ---- */

/* A program that lies beside this one. */
static int run_program(const char *name, const char *const *args)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 32);
	int status;
	pid_t pid;

	if (len < 0)
		return bench_fail(1, "/proc/self/exe: %m");
	path[len] = '\0';
	strcpy(strrchr(path, '/') + 1, name);
	pid = fork();
	if (!pid) {
		execv(path, (char **)args);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		return bench_fail(1, "%s failed", path);
	return 0;
}

/* loomc's preset and sizes are the device's. */
static int compile(struct options *o)
{
	char *preset = strdup(o->device), *sizes = strchr(preset, ',');
	const char *args[] = { "loomc", o->onnx, "-o", o->loom, "--preset", preset,
			       sizes ? "--caps" : NULL, sizes ? sizes + 1 : NULL, NULL };
	int err;

	if (sizes)
		*sizes = '\0';
	err = run_program("loomc", args);
	free(preset);
	return err;
}

static int make_network(struct options *o)
{
	const char *zoo[] = { "loom-zoo", "resnet50", "-o", o->onnx, NULL };
	const char *tmp = getenv("TMPDIR");
	int err = 0;

	snprintf(o->dir, sizeof(o->dir), "%s/loom-bench.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(o->dir))
		return bench_fail(1, "%s: %m", o->dir);
	snprintf(o->loom, sizeof(o->loom), "%s/model.loom", o->dir);
	snprintf(o->onnx, sizeof(o->onnx), "%s", o->model ? o->model : "");
	if (!o->model) {
		snprintf(o->onnx, sizeof(o->onnx), "%s/model.onnx", o->dir);
		err = run_program("loom-zoo", zoo);
	}
	return err ? err : compile(o);
}

static void remove_network(const struct options *o)
{
	unlink(o->loom);
	if (!o->model)
		unlink(o->onnx);
	rmdir(o->dir);
}

/* ---- measuring ---- */

static int open_device(const struct options *o, const char *option, struct bench_sim **sim)
{
	char spec[512];

	snprintf(spec, sizeof(spec), "sim:%s%s", o->device, option);
	return bench_sim_open(spec, o->loom, sim);
}

static int measure_timing(const struct options *o, struct figures *f)
{
	struct bench_sim *sim;
	int err = open_device(o, ",functional=off", &sim);
	uint64_t commands = 10000, done = 0;

	if (err)
		return err;
	f->commands = bench_sim_commands(sim);
	err = bench_sim_infer(sim, 1);
	for (; !err && commands <= o->commands && f->steps < MAX_STEPS; commands *= 10) {
		uint64_t times = (commands + f->commands - 1) / f->commands;
		struct bench_clock start = bench_clock_now();

		err = bench_sim_infer(sim, times);
		f->step[f->steps].commands = times * f->commands;
		f->step[f->steps++].seconds = bench_clock_now().cpu - start.cpu;
		done = times;
	}
	if (done)
		f->timing_us = f->step[f->steps - 1].seconds / (double)done * 1000000;
	bench_sim_close(sim);
	return err;
}

static void keep_least(double *best, double value)
{
	if (!*best || value < *best)
		*best = value;
}

/* Neither is measured while the other's threads, which wait for work with open eyes, have a CPU. */
static void let_threads_sleep(void)
{
	usleep(100000);
}

static int measure_round(struct bench_sim *sim, struct bench_peer *peer, struct figures *f)
{
	struct bench_clock start, end;
	double peer_ms;
	int err;

	let_threads_sleep();
	start = bench_clock_now();
	err = bench_sim_infer(sim, 1);
	end = bench_clock_now();
	if (err)
		return err;
	let_threads_sleep();
	keep_least(&f->maths_ms, (end.wall - start.wall) * 1000);
	keep_least(&f->maths_cpu_ms, (end.cpu - start.cpu) * 1000);
	peer_ms = peer ? bench_peer_infer(peer) : 0;
	if (peer_ms < 0)
		return bench_fail(1, "ONNX Runtime failed");
	if (peer)
		keep_least(&f->peer_ms, peer_ms);
	return 0;
}

static int measure_maths(const struct options *o, struct figures *f)
{
	struct bench_peer *peer = bench_peer_open(o->onnx, f->cpus);
	struct bench_sim *sim;
	int err = open_device(o, "", &sim);
	uint64_t i;

	if (!err) {
		err = bench_sim_infer(sim, 1);
		for (i = 0; !err && i < o->rounds; i++)
			err = measure_round(sim, peer, f);
		bench_sim_close(sim);
	}
	if (peer)
		bench_peer_close(peer);
	else
		bench_fail(0, "no ONNX Runtime (make models): its time is left out");
	return err;
}

/* ---- the report ---- */

static void print_text(const struct options *o, const struct figures *f)
{
	unsigned int i;

	printf("%s on %s, %u CPUs, %llu commands an inference\n", o->model ? o->model : "ResNet50 (seeded), batch 1",
	       o->device, f->cpus, (unsigned long long)f->commands);
	for (i = 0; i < f->steps; i++)
		printf("timing only  %9llu commands in %8.3f s: %6.0f ns each\n",
		       (unsigned long long)f->step[i].commands, f->step[i].seconds,
		       f->step[i].seconds / (double)f->step[i].commands * 1000000000);
	printf("timing only  %.3f ms an inference", f->timing_us / 1000);
	if (!o->model)
		printf(": %.0f times as fast as ONNXim's %.1f s", ONNXIM_SECONDS * 1000000 / f->timing_us,
		       ONNXIM_SECONDS);
	printf("\nwith maths   %.1f ms an inference (%.1f ms of processor time)\n", f->maths_ms, f->maths_cpu_ms);
	if (f->peer_ms > 0)
		printf("ONNX Runtime %.1f ms: ratio %.2f\n", f->peer_ms, f->maths_ms / f->peer_ms);
	if (f->vm_on_ms > 0)
		printf("in the VM    %.1f ms of processor time an inference timing only, %.1f ms with maths\n",
		       f->vm_off_ms, f->vm_on_ms);
}

static void print_json(const struct options *o, const struct figures *f)
{
	json_t *steps = json_array(), *all;
	unsigned int i;

	for (i = 0; i < f->steps; i++)
		json_array_append_new(steps, json_pack("{sI sf}", "commands", (json_int_t)f->step[i].commands,
						       "seconds", f->step[i].seconds));
	all = json_pack("{ss ss si sI s{sf so} s{sf sf} sf s{sf sf}}", "model", o->model ? o->model : "resnet50",
			"device", o->device, "cpus", f->cpus, "commands", (json_int_t)f->commands,
			"timing_only", "us", f->timing_us, "steps", steps,
			"maths", "ms", f->maths_ms, "cpu_ms", f->maths_cpu_ms, "onnxruntime_ms", f->peer_ms,
			"vm", "timing_only_cpu_ms", f->vm_off_ms, "maths_cpu_ms", f->vm_on_ms);
	json_dumpf(all, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(all);
}

int bench_simulator(int argc, char **argv)
{
	struct options o = { .device = "memory-centric", .commands = 1000000, .rounds = 10 };
	struct figures f = {};
	cpu_set_t set;
	int err = parse(argc, argv, &o);

	if (err)
		return err;
	f.cpus = sched_getaffinity(0, sizeof(set), &set) ? 1 : (unsigned int)CPU_COUNT(&set);
	err = make_network(&o);
	if (!err)
		err = measure_timing(&o, &f);
	if (!err)
		err = measure_maths(&o, &f);
	if (!err && o.vm)
		err = bench_simulator_vm(o.loom, &f.vm_off_ms, &f.vm_on_ms);
	remove_network(&o);
	if (err)
		return 1;
	if (o.json)
		print_json(&o, &f);
	else
		print_text(&o, &f);
	return 0;
}
